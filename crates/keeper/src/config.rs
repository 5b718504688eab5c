//! What the operator decides.

/// A keeper's configuration. Names are those of `zoo.cfg` and upstream's system properties.
#[derive(Clone, Debug)]
pub struct Config {
    /// This server's id, 0 when it stands alone: the top byte of the session ids it makes.
    pub server_id: u8,
    /// `tickTime`: the resolution of session expiry.
    pub tick_time_ms: i32,
    /// `minSessionTimeout`; twice the tick by default.
    pub session_timeout_ms_min: i32,
    /// `maxSessionTimeout`; twenty ticks by default.
    pub session_timeout_ms_max: i32,
    /// `zookeeper.digest.enabled`: a tree digest behind every transaction.
    pub digest_enabled: bool,
    /// `zookeeper.skipACL`: every ACL allows everything.
    pub skip_acl: bool,
    /// `zookeeper.DigestAuthenticationProvider.superDigest`: `super:<base64 of SHA-1>`.
    pub super_digest: Option<String>,
    /// `snapCount`: transactions between snapshots, half of it to all of it at random.
    pub snap_count: u64,
    /// `snapSizeLimitInKb`, in bytes: log bytes between snapshots, likewise. 0 is no limit.
    pub snap_size_bytes: u64,
    /// A bug on purpose; only the simulator sets it.
    pub bug: base::planted::PlantedBug,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            server_id: 0,
            tick_time_ms: 3000,
            session_timeout_ms_min: 6000,
            session_timeout_ms_max: 60_000,
            digest_enabled: true,
            skip_acl: false,
            super_digest: None,
            snap_count: 100_000,
            snap_size_bytes: 4 << 30,
            bug: base::planted::PlantedBug::None,
        }
    }
}

impl Config {
    /// The session timeout that a client gets when it asks for `timeout_ms`.
    pub fn negotiate(&self, timeout_ms: i32) -> i32 {
        timeout_ms.max(self.session_timeout_ms_min).min(self.session_timeout_ms_max)
    }
}
