//! Every key of `zoo.cfg` and every Java property that upstream's server reads, with what becomes of it here, and one key of
//! ours.
//!
//! One table: warnings, refusals, the nearest-key hint and the check of `docs/compatibility.md` come from it. Source:
//! `QuorumPeerConfig.parseProperties`, the administrator's guide, and the names in the classes of release 3.9.5.

/// Where upstream reads a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the file only; a Java property of the name means nothing.
    File,
    /// A Java property, `zookeeper.<key>` or without that prefix; from the file, too.
    Property,
}

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It does what it says.
    Served,
    /// It tunes a Java machine, threads or caches that are not here, so that every value is right.
    Tunes,
    /// Not there yet: a warning, unless the value is one of these.
    Missing(&'static [&'static str]),
    /// It speaks of other members. Not there yet: a warning in an ensemble, unless the value is one of these. A server that
    /// stands alone has none, and upstream does nothing with it either.
    MissingInEnsembles(&'static [&'static str]),
    /// Who sets it believes themselves protected, or asks for what cannot be served: it stops the start, unless the
    /// value is one of `fine`.
    Stops {
        /// Values that ask for nothing; case does not matter.
        fine: &'static [&'static str],
        /// What castlekeep does not do yet, after "castlekeep does not".
        what: &'static str,
    },
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct ZooKey {
    /// As in the file, without `zookeeper.`; a name that ends with `.` stands for all that begin with it.
    pub name: &'static str,
    /// Where upstream reads it.
    pub place: Place,
    /// Upstream's default, for the documentation.
    pub default: &'static str,
    /// What becomes of it.
    pub state: State,
}

impl ZooKey {
    /// Whether this row is about `key`.
    pub fn covers(&self, key: &str) -> bool {
        key == self.name || (self.name.ends_with('.') && key.starts_with(self.name))
    }

    /// The state in the words of `docs/compatibility.md`.
    pub fn state_in_words(&self) -> String {
        let unless = |fine: &[&str]| match fine {
            [] => String::new(),
            values => format!(" unless {}", values.iter().map(|v| format!("`{v}`")).collect::<Vec<_>>().join(", ")),
        };
        match self.state {
            State::Served => "served".into(),
            State::Tunes => "taken; there is nothing to tune".into(),
            State::Missing(fine) => format!("warning{}", unless(fine)),
            State::MissingInEnsembles(fine) => format!("in an ensemble: warning{}", unless(fine)),
            State::Stops { fine, .. } => format!("stops the start{}", unless(fine)),
        }
    }
}

/// The row about a key, given without `zookeeper.`. An exact name goes before a family.
pub fn zoo_key(key: &str) -> Option<&'static ZooKey> {
    let exact = ZOO_KEYS.iter().find(|row| row.name == key);
    exact.or_else(|| ZOO_KEYS.iter().find(|row| row.covers(key)))
}

const fn file(name: &'static str, default: &'static str, state: State) -> ZooKey {
    ZooKey { name, place: Place::File, default, state }
}

const fn property(name: &'static str, default: &'static str, state: State) -> ZooKey {
    ZooKey { name, place: Place::Property, default, state }
}

const TLS: State = State::Stops { fine: &[], what: "serve TLS" };
const TLS_SWITCH: State = State::Stops { fine: &["false"], what: "serve TLS" };
const HTTPS_SWITCH: State = State::Stops { fine: &["false"], what: "serve HTTPS" };
const SASL: State = State::Stops { fine: &[], what: "speak SASL" };
const SASL_SWITCH: State = State::Stops { fine: &["false"], what: "speak SASL" };
const NOT_AS_FALSE_IN_ENSEMBLES: State = State::MissingInEnsembles(&["false"]);
const NOT_AS_FALSE: State = State::Missing(&["false"]);

/// The table, by theme.
pub const ZOO_KEYS: &[ZooKey] = &[
    // Where clients connect.
    file("clientPort", "", State::Served),
    file("clientPortAddress", "every address", State::Served),
    file("clientPortListenBacklog", "-1", State::Served),
    file("secureClientPort", "", TLS),
    file("secureClientPortAddress", "", TLS),
    file("maxClientCnxns", "60", State::Served),
    property("maxCnxns", "0", State::Served),
    property("clientTcpKeepAlive", "false", State::Served),
    property("nio.sessionlessCnxnTimeout", "10000", State::Served),
    property("4lw.commands.whitelist", "srvr", State::Served),
    property("serverCnxnFactory", "NIOServerCnxnFactory", State::Tunes),
    // Time and sessions.
    file("tickTime", "3000", State::Served),
    file("minSessionTimeout", "2 ticks", State::Served),
    file("maxSessionTimeout", "20 ticks", State::Served),
    file("localSessionsEnabled", "false", State::Served),
    file("localSessionsUpgradingEnabled", "false", State::Served),
    property("closeSessionTxn.enabled", "true", State::Served),
    property("readonlymode.enabled", "false", State::Served),
    // The disk.
    file("dataDir", "", State::Served),
    file("dataLogDir", "dataDir", State::Served),
    file("autopurge.snapRetainCount", "3", State::Served),
    file("autopurge.purgeInterval", "0", State::Served),
    property("snapCount", "100000", State::Served),
    property("snapSizeLimitInKb", "4194304", State::Served),
    property("preAllocSize", "65536", State::Served),
    property("txnLogSizeLimitInKb", "-1", State::Served),
    property("forceSync", "yes", State::Served),
    property("fsync.warningthresholdms", "1000", State::Served),
    property("snapshot.trust.empty", "false", State::Served),
    property("snapshot.compression.method", "", State::Served),
    property("db.autocreate", "true", State::Served),
    property("datadir.autocreate", "true", State::Served),
    property("digest.enabled", "true", State::Served),
    property("serializeLastProcessedZxid.enabled", "true", State::Served),
    property("flushDelay", "0", State::Served),
    property("maxBatchSize", "1000", State::Served),
    property("maxWriteQueuePollTime", "flushDelay/3", State::Tunes),
    property("commitLogCount", "500", State::Served),
    property("snapshotSizeFactor", "0.33", State::Served),
    property("forceSnapshotSync", "false", State::Served),
    property("intBufferStartingSizeBytes", "1024", State::Tunes),
    property("testingonly.", "", State::Tunes),
    // Limits and throttles.
    property("jute.maxbuffer", "1048575", State::Served),
    property("jute.maxbuffer.extrasize", "jute.maxbuffer", State::Served),
    property("globalOutstandingLimit", "1000", State::Served),
    property("largeRequestThreshold", "-1", State::Served),
    property("largeRequestMaxBytes", "104857600", State::Served),
    property("request_throttle_max_requests", "0", State::Served),
    property("request_throttle_stall_time", "100", State::Served),
    property("request_throttle_drop_stale", "true", State::Served),
    property("request_throttler.shutdownTimeout", "10000", State::Tunes),
    property("request_throttle", "true", State::Served),
    property("request_stale_latency_check", "false", State::Served),
    property("request_stale_connection_check", "true", State::Missing(&["true"])),
    property("throttled_op_wait_time", "0", State::Served),
    property("connection_throttle_tokens", "0", State::Served),
    property("connection_throttle_fill_time", "1", State::Served),
    property("connection_throttle_fill_count", "1", State::Served),
    property("connection_throttle_freeze_time", "-1", State::Served),
    property("connection_throttle_drop_increase", "0.02", State::Served),
    property("connection_throttle_drop_decrease", "0.002", State::Served),
    property("connection_throttle_decrease_ratio", "0", State::Served),
    property("connection_throttle_weight_enabled", "false", State::Served),
    property("connection_throttle_global_session_weight", "3", State::Served),
    property("connection_throttle_renew_session_weight", "2", State::Served),
    property("connection_throttle_local_session_weight", "1", State::MissingInEnsembles(&["1"])),
    property("maxResponseCacheSize", "400", State::Tunes),
    property("maxGetChildrenResponseCacheSize", "400", State::Tunes),
    // Nodes.
    property("extendedTypesEnabled", "false", State::Served),
    property("emulate353TTLNodes", "false", State::Served),
    property("znode.container.checkIntervalMs", "60000", State::Served),
    property("znode.container.maxPerMinute", "10000", State::Served),
    property("znode.container.maxNeverUsedIntervalMs", "0", State::Served),
    property("enforceQuota", "false", State::Served),
    property("watchManagerName", "WatchManager", State::Tunes),
    property("bitHashCacheSize", "10", State::Tunes),
    property("watcherCleanThreshold", "1000", State::Tunes),
    property("watcherCleanIntervalInSeconds", "600", State::Tunes),
    property("watcherCleanThreadsNum", "2", State::Tunes),
    property("maxInProcessingDeadWatchers", "-1", State::Tunes),
    property("pathStats.", "", NOT_AS_FALSE),
    // Who may do what.
    property("skipACL", "no", State::Served),
    property("enableEagerACLCheck", "false", NOT_AS_FALSE_IN_ENSEMBLES),
    property("DigestAuthenticationProvider.superDigest", "", State::Served),
    property("DigestAuthenticationProvider.enabled", "true", State::Served),
    property("DigestAuthenticationProvider.digestAlg", "SHA1", State::Served),
    property("IPAuthenticationProvider.usexforwardedfor", "false", NOT_AS_FALSE),
    property(
        "authProvider.",
        "",
        State::Stops {
            fine: &[
                "org.apache.zookeeper.server.auth.DigestAuthenticationProvider",
                "org.apache.zookeeper.server.auth.IPAuthenticationProvider",
            ],
            what: "load this authentication provider",
        },
    ),
    property("X509AuthenticationProvider.", "", State::Stops { fine: &[], what: "speak x509" }),
    property("ensembleAuthName", "", State::Stops { fine: &[""], what: "check ensemble names" }),
    property("enforce.auth.", "false", State::Stops { fine: &["false"], what: "enforce authentication" }),
    property("sessionRequireClientSASLAuth", "false", SASL_SWITCH),
    property("allowSaslFailedClients", "false", State::Missing(&["false"])),
    property("requireClientAuthScheme", "", SASL),
    property("requireKerberosConfig", "false", SASL_SWITCH),
    property("superUser", "", State::Stops { fine: &[""], what: "speak SASL or x509" }),
    property("letAnySaslUserDoX", "", SASL),
    property("SASLAuthenticationProvider.", "", SASL),
    property("sasl.", "", SASL),
    property("kerberos.", "", State::Stops { fine: &[], what: "speak Kerberos" }),
    property("kinit", "/usr/bin/kinit", State::Stops { fine: &[], what: "speak Kerberos" }),
    property("security.auth_to_local", "", State::Stops { fine: &[], what: "speak Kerberos" }),
    property("java.security.auth.login.config", "", SASL),
    property("java.security.krb5.conf", "", State::Stops { fine: &[], what: "speak Kerberos" }),
    // TLS.
    property("ssl.", "", TLS),
    file("sslQuorum", "false", TLS_SWITCH),
    file("portUnification", "false", TLS_SWITCH),
    file("sslQuorumReloadCertFiles", "false", TLS_SWITCH),
    property("client.portUnification", "false", TLS_SWITCH),
    property("client.certReload", "false", TLS_SWITCH),
    property("fips-mode", "true", State::Tunes),
    property("netty.server.", "", State::Tunes),
    property("netty.advancedFlowControl.enabled", "false", State::Tunes),
    // The surface for operators.
    property("admin.enableServer", "true", State::Served),
    property("admin.serverPort", "8080", State::Served),
    property("admin.serverAddress", "0.0.0.0", State::Served),
    property("admin.commandURL", "/commands", State::Served),
    property("admin.idleTimeout", "30000", State::Tunes),
    property("admin.httpVersion", "11", State::Tunes),
    property("admin.portUnification", "false", HTTPS_SWITCH),
    property("admin.forceHttps", "false", HTTPS_SWITCH),
    property("admin.needClientAuth", "false", HTTPS_SWITCH),
    property("admin.snapshot.enabled", "true", State::Served),
    property("admin.restore.enabled", "true", State::Served),
    property("admin.rateLimiterIntervalInMS", "300000", State::Served),
    file("metricsProvider.className", "DefaultMetricsProvider", State::Served),
    file("metricsProvider.httpHost", "0.0.0.0", State::Served),
    file("metricsProvider.httpPort", "7000", State::Served),
    file("metricsProvider.exportJvmInfo", "true", State::Tunes),
    file("metricsProvider.numWorkerThreads", "1", State::Tunes),
    file("metricsProvider.maxQueueSize", "1000000", State::Tunes),
    file("metricsProvider.workerShutdownTimeoutMs", "1000", State::Tunes),
    file("metricsProvider.httpsPort", "", State::Stops { fine: &[], what: "serve HTTPS" }),
    file("metricsProvider.ssl.", "", State::Stops { fine: &[], what: "serve HTTPS" }),
    property("audit.enable", "false", State::Served),
    property("audit.impl.class", "Slf4jAuditLogger", State::Missing(&[])),
    property("messageTracker.", "", NOT_AS_FALSE),
    // The Java machine, its threads and its logs.
    file("jvm.pause.", "", State::Tunes),
    property("jmx.", "", State::Tunes),
    property("nio.", "", State::Tunes),
    property("commitProcessor.", "", State::Tunes),
    property("log.dir", "", State::Tunes),
    property("log.file", "", State::Tunes),
    property("log.threshold", "", State::Tunes),
    property("console.threshold", "", State::Tunes),
    property("root.logger", "", State::Tunes),
    property("tracelog.dir", "", State::Tunes),
    property("tracelog.file", "", State::Tunes),
    // Ensembles.
    file("server.", "", State::Served),
    file("group.", "", State::Served),
    file("weight.", "", State::Served),
    file("dynamicConfigFile", "", State::Served),
    file("initLimit", "", State::Served),
    file("syncLimit", "", State::Served),
    file("connectToLearnerMasterLimit", "0", State::Served),
    file("electionAlg", "3", State::Served),
    property("leaderServes", "yes", State::Served),
    file("peerType", "participant", State::Served),
    file("standaloneEnabled", "true", State::Served),
    file("reconfigEnabled", "false", State::Served),
    file("quorumListenOnAllIPs", "false", State::Served),
    file("syncEnabled", "true", State::MissingInEnsembles(&["true"])),
    property("observer.syncEnabled", "true", State::MissingInEnsembles(&["true"])),
    file("observerMasterPort", "0", State::Served),
    property("observerMaster.sizeLimit", "33554432", State::Tunes),
    file("oraclePath", "", State::MissingInEnsembles(&[])),
    file("quorum.auth.", "false", State::Stops { fine: &["false"], what: "authenticate servers" }),
    file("quorum.cnxn.threads.size", "20", State::Tunes),
    file("multiAddress.enabled", "false", State::Served),
    file("multiAddress.", "", State::Tunes),
    property("cnxTimeout", "5000", State::Served),
    property("quorumCnxnTimeoutMs", "-1", State::Served),
    property("electionPortBindRetry", "3", State::Served),
    property("tcpKeepAlive", "false", State::Served),
    property("leader.maxConcurrentSnapSyncs", "10", State::Served),
    property("leader.maxConcurrentDiffSyncs", "100", State::Served),
    property("leader.", "", State::Tunes),
    property("learner.", "", State::Tunes),
    property("follower.", "", State::Tunes),
    property("observer.", "", State::Tunes),
    property("fastleader.", "", State::Served),
    property("leaderConnectDelayDuringRetryMs", "100", State::Served),
    property("forward_learner_requests_to_commit_processor_disabled", "false", State::Tunes),
    // Ours; to Apache's server it is a Java property that nobody reads.
    file("castlekeep.linearizableReads", "", State::Served),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_once_and_families_do_not_hide_names() {
        for (index, row) in ZOO_KEYS.iter().enumerate() {
            assert!(ZOO_KEYS[index + 1..].iter().all(|other| other.name != row.name), "{} stands twice", row.name);
            assert_eq!(zoo_key(row.name).map(|found| found.name), Some(row.name));
        }
        assert_eq!(zoo_key("ssl.quorum.keyStore.location").map(|row| row.name), Some("ssl."));
        assert_eq!(zoo_key("nio.numWorkerThreads").map(|row| row.name), Some("nio."));
        assert_eq!(zoo_key("nio.sessionlessCnxnTimeout").map(|row| row.state), Some(State::Served));
        assert!(zoo_key("tickTme").is_none());
    }
}
