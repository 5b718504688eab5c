//! What the operator decides.

use crate::auth::DigestAlg;

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
    /// `zookeeper.DigestAuthenticationProvider.superDigest`: `super:<base64 of the digest>`.
    pub super_digest: Option<String>,
    /// `zookeeper.DigestAuthenticationProvider.enabled`: without it nobody has a `digest` identity.
    pub digest_auth_enabled: bool,
    /// `zookeeper.DigestAuthenticationProvider.digestAlg`.
    pub digest_alg: DigestAlg,
    /// `zookeeper.extendedTypesEnabled`: TTL nodes may be made, and go when their time is over.
    pub extended_types_enabled: bool,
    /// `zookeeper.emulate353TTLNodes`: what release 3.5.3 wrote for TTL nodes is taken for TTL nodes.
    pub emulate_353_ttl_nodes: bool,
    /// `znode.container.checkIntervalMs`: how often it is looked for empty containers and for TTL nodes whose time is
    /// over. 0 looks never.
    pub container_check_interval_ms: u64,
    /// `znode.container.maxPerMinute`: how many of them are deleted at most.
    pub containers_per_minute_max: u32,
    /// `znode.container.maxNeverUsedIntervalMs`: a container that never had a child goes after this time. 0 is never.
    pub container_never_used_ms_max: u64,
    /// `zookeeper.enforceQuota`: a write beyond a hard limit is refused.
    pub enforce_quota: bool,
    /// `reconfigEnabled`: what `reconfig` is answered. A standalone server never does it.
    pub reconfig_enabled: bool,
    /// `readonlymode.enabled`: a member that finds no leader serves reads.
    pub read_only_enabled: bool,
    /// `leaderServes`: a member that leads serves clients too.
    pub leader_serves: bool,
    /// `standaloneEnabled`: a reconfig leaves two voters at least, and one otherwise.
    pub standalone_enabled: bool,
    /// `castlekeep.linearizableReads`, of a member of an ensemble: reads wait until the leader has confirmed that it leads.
    pub linearizable_reads: bool,
    /// `localSessionsEnabled`, of a member of an ensemble: new sessions are known to the member that made them alone.
    pub local_sessions: bool,
    /// `localSessionsUpgradingEnabled`: the first ephemeral node makes a local session one of the ensemble.
    pub local_sessions_upgrading: bool,
    /// `zookeeper.closeSessionTxn.enabled`: the transaction that ends a session lists the nodes that go with it.
    pub close_session_txn_enabled: bool,
    /// `snapCount`: transactions between snapshots, half of it to all of it at random.
    pub snap_count: u64,
    /// `snapSizeLimitInKb`, in bytes: log bytes between snapshots, likewise. 0 is no limit.
    pub snap_size_bytes: u64,
    /// `audit.enable`: a record for each change.
    pub audit: bool,
    /// What is long goes in pieces of so many: the nodes of a session that ends, the connections that get an event.
    pub piece_max: usize,
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
            digest_auth_enabled: true,
            digest_alg: DigestAlg::Sha1,
            extended_types_enabled: false,
            emulate_353_ttl_nodes: false,
            container_check_interval_ms: 60_000,
            containers_per_minute_max: 10_000,
            container_never_used_ms_max: 0,
            enforce_quota: false,
            reconfig_enabled: false,
            read_only_enabled: false,
            leader_serves: true,
            standalone_enabled: true,
            linearizable_reads: false,
            local_sessions: false,
            local_sessions_upgrading: false,
            close_session_txn_enabled: true,
            snap_count: 100_000,
            snap_size_bytes: 4 << 30,
            audit: false,
            piece_max: 1000,
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
