//! `zoo.cfg`: upstream's keys, and what becomes of each here.
//!
//! A key that would protect the server and is not implemented stops the start; one that only tunes what this server
//! does not have is a warning, as is an unknown one. Upstream: `QuorumPeerConfig.parseProperties`, which makes every
//! key that it does not know the system property `zookeeper.<key>`; so keys are taken with or without that prefix.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use storage::zk::purge::RETAIN_MIN;

use super::nearest::nearest;
use super::properties::{self, Property};
use crate::zk::four_letter::Whitelist;
use crate::zk::{Listen, ZkServerConfig};

/// A file that a keeper can start from.
#[derive(Clone, Debug)]
pub struct ZooCfg {
    /// For [`crate::zk::start`].
    pub server: ZkServerConfig,
    /// For the HTTP port.
    pub admin: AdminCfg,
    /// Lines for the log.
    pub warnings: Vec<String>,
}

/// `admin.*`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminCfg {
    /// `admin.enableServer`
    pub enabled: bool,
    /// `admin.serverPort`
    pub port: u16,
    /// `admin.serverAddress`; without the key it is loopback here.
    pub address: Option<String>,
}

/// Keys that this server honours.
const HONOURED: &[&str] = &[
    "clientPort",
    "clientPortAddress",
    "dataDir",
    "dataLogDir",
    "tickTime",
    "minSessionTimeout",
    "maxSessionTimeout",
    "maxClientCnxns",
    "maxCnxns",
    "autopurge.snapRetainCount",
    "autopurge.purgeInterval",
    "snapCount",
    "snapSizeLimitInKb",
    "preAllocSize",
    "txnLogSizeLimitInKb",
    "forceSync",
    "fsync.warningthresholdms",
    "jute.maxbuffer",
    "snapshot.trust.empty",
    "digest.enabled",
    "skipACL",
    "DigestAuthenticationProvider.superDigest",
    "4lw.commands.whitelist",
    "readonlymode.enabled",
    "nio.sessionlessCnxnTimeout",
    "admin.enableServer",
    "admin.serverPort",
    "admin.serverAddress",
];

/// Keys of upstream that change nothing here, with the value (if any) at which nothing is missing.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    ("initLimit", "*"),
    ("syncLimit", "*"),
    ("connectToLearnerMasterLimit", "*"),
    ("electionAlg", "*"),
    ("leaderServes", "*"),
    ("peerType", "participant"),
    ("standaloneEnabled", "true"),
    ("reconfigEnabled", "false"),
    ("quorumListenOnAllIPs", "*"),
    ("syncEnabled", "*"),
    ("observerMasterPort", "0"),
    ("cnxTimeout", "*"),
    ("electionPortBindRetry", "*"),
    ("multiAddress.enabled", "false"),
    ("tcpKeepAlive", "*"),
    ("clientTcpKeepAlive", "false"),
    ("clientPortListenBacklog", "*"),
    ("commitLogCount", "*"),
    ("snapshotSizeFactor", "*"),
    ("flushDelay", "0"),
    ("maxBatchSize", "*"),
    ("maxWriteQueuePollTime", "*"),
    ("globalOutstandingLimit", "*"),
    ("jute.maxbuffer.extrasize", "*"),
    ("snapshot.compression.method", ""),
    ("db.autocreate", "true"),
    ("datadir.autocreate", "true"),
    ("closeSessionTxn.enabled", "true"),
    ("serializeLastProcessedZxid.enabled", "true"),
    ("extendedTypesEnabled", "false"),
    ("emulate353TTLNodes", "false"),
    ("localSessionsEnabled", "false"),
    ("localSessionsUpgradingEnabled", "false"),
    ("allowSaslFailedClients", "*"),
    ("audit.enable", "false"),
    ("fips-mode", "*"),
    ("serverCnxnFactory", "*"),
    ("maxResponseCacheSize", "*"),
    ("maxGetChildrenResponseCacheSize", "*"),
    ("request_throttle_max_requests", "0"),
    ("request_throttle_stall_time", "*"),
    ("request_throttle_drop_stale", "*"),
    ("request_stale_latency_check", "*"),
    ("request_stale_connection_check", "*"),
    ("throttled_op_wait_time", "0"),
    ("largeRequestThreshold", "-1"),
    ("largeRequestMaxBytes", "*"),
    ("connection_throttle_tokens", "0"),
    ("connection_throttle_fill_time", "*"),
    ("connection_throttle_fill_count", "*"),
    ("leader.maxConcurrentSnapSyncs", "*"),
    ("leader.maxConcurrentDiffSyncs", "*"),
    ("leader.maxTimeToWaitForEpoch", "*"),
    ("observer.reconnectDelayMs", "*"),
    ("observer.election.DelayMs", "*"),
    ("learner.asyncSending", "*"),
    ("learner.closeSocketAsync", "*"),
    ("znode.container.checkIntervalMs", "*"),
    ("znode.container.maxPerMinute", "*"),
    ("znode.container.maxNeverUsedIntervalMs", "*"),
    ("watchManagerName", "*"),
    ("nio.numSelectorThreads", "*"),
    ("nio.numWorkerThreads", "*"),
    ("nio.directBufferBytes", "*"),
    ("commitProcessor.numWorkerThreads", "*"),
    ("fastleader.minNotificationInterval", "*"),
    ("fastleader.maxNotificationInterval", "*"),
    ("admin.commandURL", "/commands"),
    ("admin.idleTimeout", "*"),
    ("admin.httpVersion", "*"),
    ("admin.portUnification", "false"),
    ("admin.snapshot.enabled", "*"),
    ("admin.restore.enabled", "*"),
    ("admin.rateLimiterIntervalInMS", "*"),
    ("metricsProvider.className", "*"),
    ("metricsProvider.httpHost", "*"),
    ("metricsProvider.httpPort", "*"),
    ("metricsProvider.exportJvmInfo", "*"),
];

/// Keys that protect: present with any value but this one, they stop the start. A key that ends with `.` stands for
/// all that begin with it.
const PROTECTS: &[(&str, &str, &str)] = &[
    ("secureClientPort", "", "serve TLS"),
    ("secureClientPortAddress", "", "serve TLS"),
    ("ssl.", "", "serve TLS"),
    ("sslQuorum", "false", "serve TLS between servers"),
    ("portUnification", "false", "serve TLS"),
    ("client.portUnification", "false", "serve TLS"),
    ("sslQuorumReloadCertFiles", "false", "serve TLS between servers"),
    ("authProvider.", "", "load authentication providers"),
    ("quorum.auth.", "false", "authenticate servers"),
    ("kerberos.", "", "speak Kerberos"),
    ("enforce.auth.", "false", "enforce authentication"),
    ("sessionRequireClientSASLAuth", "false", "speak SASL"),
    ("requireClientAuthScheme", "", "speak SASL"),
    ("superUser", "", "speak SASL or x509"),
    ("X509AuthenticationProvider.", "", "speak x509"),
    ("ensembleAuthName", "", "check ensemble names"),
    ("DigestAuthenticationProvider.enabled", "true", "switch digest authentication off"),
    ("DigestAuthenticationProvider.digestAlg", "SHA1", "use another digest than SHA1"),
    ("enforceQuota", "false", "enforce quotas"),
    ("enableEagerACLCheck", "false", "check ACLs early"),
    ("admin.forceHttps", "false", "serve HTTPS"),
    ("admin.needClientAuth", "false", "serve HTTPS"),
];

/// Reads a file's text.
///
/// # Errors
/// Every reason not to start, one line each.
pub fn parse(text: &str) -> Result<ZooCfg, Vec<String>> {
    let properties = properties::parse(text).map_err(|e| vec![e.to_string()])?;
    from_properties(properties)
}

/// As [`parse`], from properties of any origin.
///
/// # Errors
/// As [`parse`].
pub fn from_properties(properties: Vec<Property>) -> Result<ZooCfg, Vec<String>> {
    let mut file = File { properties: properties::last_wins(properties), warnings: Vec::new(), problems: Vec::new() };
    for property in &mut file.properties {
        property.value = property.value.trim().to_string();
        if let Some(rest) = property.key.strip_prefix("zookeeper.") {
            property.key = rest.to_string();
        }
    }
    file.judge_keys();
    let server = file.server();
    let admin = AdminCfg {
        enabled: file.boolean("admin.enableServer", true),
        port: file.number("admin.serverPort", 8080),
        address: file.value("admin.serverAddress"),
    };
    match server {
        Some(server) if file.problems.is_empty() => Ok(ZooCfg { server, admin, warnings: file.warnings }),
        _ => Err(file.problems),
    }
}

struct File {
    properties: Vec<Property>,
    warnings: Vec<String>,
    problems: Vec<String>,
}

impl File {
    fn judge_keys(&mut self) {
        let servers = self.properties.iter().filter(|property| property.key.starts_with("server.")).count();
        let properties = std::mem::take(&mut self.properties);
        for Property { key, value, line } in &properties {
            let at = at(*line);
            if let Some((_, _, what)) = PROTECTS.iter().find(|(known, harmless, _)| {
                is_key(known, key) && (harmless.is_empty() || !value.eq_ignore_ascii_case(harmless))
            }) {
                self.problems.push(format!(
                    "{at}{key} is set, and castlekeep does not {what} yet; starting without it would leave you \
                     less protected than the file says, so remove the key to start anyway (docs/divergence.md)"
                ));
            } else if key.starts_with("server.") && servers > 1 || key == "dynamicConfigFile" {
                self.problems.push(format!(
                    "{at}{key} is set, and castlekeep does not join an ensemble yet (docs/divergence.md); remove \
                     the server lines to run it alone, or run Apache ZooKeeper for this member"
                ));
            } else if key.starts_with("server.") {
                self.warnings.push(format!("{at}{key} is the only server, so this keeper runs standalone"));
            } else {
                self.judge_tuning(key, value, *line);
            }
        }
        self.properties = properties;
    }

    fn judge_tuning(&mut self, key: &str, value: &str, line: usize) {
        let at = at(line);
        if HONOURED.contains(&key) || PROTECTS.iter().any(|(known, ..)| is_key(known, key)) {
            return;
        }
        if let Some((_, fine)) = WITHOUT_EFFECT.iter().find(|(known, _)| *known == key) {
            if *fine != "*" && !value.eq_ignore_ascii_case(fine) {
                self.warnings.push(format!("{at}{key}={value} has no effect in castlekeep yet"));
            }
            return;
        }
        if key.starts_with("group.") || key.starts_with("weight.") {
            self.warnings.push(format!("{at}{key} has no effect in a standalone keeper"));
            return;
        }
        let known = HONOURED.iter().copied().chain(WITHOUT_EFFECT.iter().map(|(known, _)| *known));
        let hint = nearest(key, known).map_or(String::new(), |known| format!("; did you mean {known}?"));
        self.warnings.push(format!("{at}unknown key {key} is ignored{hint}"));
    }

    fn find(&self, key: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.key == key)
    }

    fn value(&self, key: &str) -> Option<String> {
        self.find(key).map(|property| property.value.clone()).filter(|value| !value.is_empty())
    }

    fn number<N: std::str::FromStr>(&mut self, key: &str, default: N) -> N {
        let Some(Property { value, line, .. }) = self.find(key).cloned() else { return default };
        match value.parse() {
            Ok(number) => number,
            Err(_) => {
                let at = at(line);
                self.problems.push(format!("{at}{key}={value} is not a number that fits; correct it"));
                default
            }
        }
    }

    fn boolean(&mut self, key: &str, default: bool) -> bool {
        let Some(Property { value, line, .. }) = self.find(key).cloned() else { return default };
        match value.to_ascii_lowercase().as_str() {
            "true" | "yes" => true,
            "false" | "no" => false,
            _ => {
                let at = at(line);
                self.problems.push(format!("{at}{key}={value} is neither true nor false; correct it"));
                default
            }
        }
    }

    fn server(&mut self) -> Option<ZkServerConfig> {
        let Some(data_dir) = self.value("dataDir") else {
            self.problems.push("dataDir is missing; add dataDir=<folder> for snapshots and transaction logs".into());
            return None;
        };
        let mut server = ZkServerConfig::embedded(&PathBuf::from(data_dir), 0);
        server.listen = self.listen()?;
        server.max_client_cnxns = self.number("maxClientCnxns", 60);
        server.max_cnxns = self.number("maxCnxns", 0);
        server.words = match self.value("4lw.commands.whitelist") {
            Some(words) => Whitelist::parse(&words),
            None => Whitelist::upstream(),
        };
        if self.boolean("readonlymode.enabled", false)
            && let Whitelist::Only(words) = &mut server.words
        {
            words.insert("isro".into());
        }
        server.connect_deadline = Duration::from_millis(self.number("nio.sessionlessCnxnTimeout", 10_000));
        self.store(&mut server);
        self.machine(&mut server.store.keeper);
        Some(server)
    }

    fn listen(&mut self) -> Option<Listen> {
        let in_server_line = self.properties.iter().find_map(|property| {
            let client = property.key.strip_prefix("server.").and(property.value.split_once(';'))?.1;
            client.rsplit(':').next()?.parse::<u16>().ok()
        });
        let port: u16 = match (self.find("clientPort").is_some(), in_server_line) {
            (true, _) => self.number("clientPort", 0),
            (false, Some(port)) => port,
            (false, None) => {
                self.problems.push("clientPort is missing; add clientPort=2181".into());
                return None;
            }
        };
        let Some(host) = self.value("clientPortAddress") else { return Some(Listen::Everywhere { port }) };
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Some(match ip.is_unspecified() {
                true => Listen::Everywhere { port },
                false => Listen::Addresses(vec![SocketAddr::new(ip, port)]),
            });
        }
        match (host.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>) {
            Ok(addrs) if !addrs.is_empty() => Some(Listen::Addresses(addrs)),
            _ => {
                self.problems.push(format!("clientPortAddress={host} does not resolve; correct the name"));
                None
            }
        }
    }

    fn store(&mut self, server: &mut ZkServerConfig) {
        let store = &mut server.store;
        store.data_log_dir = self.value("dataLogDir").map(PathBuf::from);
        store.log.pre_alloc_bytes = self.number::<u64>("preAllocSize", 65536).saturating_mul(1024);
        let roll_kib: i64 = self.number("txnLogSizeLimitInKb", -1);
        store.log.roll_bytes = u64::try_from(roll_kib).unwrap_or(0).saturating_mul(1024);
        store.log.force_sync = self.boolean("forceSync", true);
        if !store.log.force_sync {
            self.warnings.push("forceSync=no: a power cut loses acknowledged writes".into());
        }
        store.sync_warning = Duration::from_millis(self.number("fsync.warningthresholdms", 1000));
        store.trust_empty = self.boolean("snapshot.trust.empty", false);
        store.jute_max_buffer = self.number("jute.maxbuffer", zk_wire::frame::JUTE_MAX_BUFFER);
        let retain: usize = self.number("autopurge.snapRetainCount", RETAIN_MIN);
        store.retain = (self.number::<u32>("autopurge.purgeInterval", 0) > 0).then_some(retain.max(RETAIN_MIN));
    }

    fn machine(&mut self, keeper: &mut keeper::Config) {
        let tick: i32 = self.number("tickTime", keeper.tick_time_ms);
        keeper.tick_time_ms = tick;
        let or_ticks = |ms: i32, ticks: i32| if ms == -1 { tick.saturating_mul(ticks) } else { ms };
        keeper.session_timeout_ms_min = or_ticks(self.number("minSessionTimeout", -1), 2);
        keeper.session_timeout_ms_max = or_ticks(self.number("maxSessionTimeout", -1), 20);
        if tick <= 0 || keeper.session_timeout_ms_min > keeper.session_timeout_ms_max {
            self.problems.push(format!(
                "tickTime={tick}, minSessionTimeout={}, maxSessionTimeout={}: the tick must be positive and the minimum \
                 not larger than the maximum; correct them",
                keeper.session_timeout_ms_min, keeper.session_timeout_ms_max
            ));
        }
        keeper.digest_enabled = self.boolean("digest.enabled", true);
        keeper.skip_acl = self.boolean("skipACL", false);
        keeper.super_digest = self.value("DigestAuthenticationProvider.superDigest");
        keeper.snap_count = self.number::<u64>("snapCount", 100_000).max(2);
        let snap_kib: i64 = self.number("snapSizeLimitInKb", 4_194_304);
        keeper.snap_size_bytes = u64::try_from(snap_kib).unwrap_or(0).saturating_mul(1024);
    }
}

/// Whether an entry of [`PROTECTS`] means `key`.
fn is_key(known: &str, key: &str) -> bool {
    key == known || (known.ends_with('.') && key.starts_with(known))
}

/// Properties that come from no file have line 0.
fn at(line: usize) -> String {
    if line == 0 { String::new() } else { format!("line {line}: ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEAST: &str = "dataDir=/tmp/zk\nclientPort=2181\n";

    fn parse_with(more: &str) -> Result<ZooCfg, Vec<String>> {
        parse(&format!("{LEAST}{more}"))
    }

    #[test]
    fn the_sample_configuration_is_taken_without_a_word() {
        let cfg = parse("tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir=/tmp/zookeeper\nclientPort=2181\n").unwrap();
        assert_eq!(cfg.warnings, [""; 0]);
        assert_eq!(cfg.server.listen, Listen::Everywhere { port: 2181 });
        let keeper = &cfg.server.store.keeper;
        assert_eq!((keeper.session_timeout_ms_min, keeper.session_timeout_ms_max), (4000, 40_000));
        assert_eq!(cfg.server.max_client_cnxns, 60);
        assert_eq!(cfg.server.words, Whitelist::upstream());
        assert_eq!(cfg.server.store.retain, None);
        assert_eq!(cfg.admin, AdminCfg { enabled: true, port: 8080, address: None });
    }

    #[test]
    fn both_spellings_of_a_system_property_work() {
        for key in ["skipACL", "zookeeper.skipACL"] {
            assert!(parse_with(&format!("{key}=yes")).unwrap().server.store.keeper.skip_acl);
        }
    }

    #[test]
    fn keys_that_protect_stop_the_start() {
        for line in [
            "secureClientPort=2281",
            "ssl.keyStore.location=/x",
            "ssl.quorum.trustStore.location=/x",
            "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
            "quorum.auth.enableSasl=true",
            "zookeeper.enforce.auth.enabled=true",
            "enforce.auth.schemes=digest",
            "sessionRequireClientSASLAuth=true",
            "sslQuorum=true",
        ] {
            let problems = parse_with(line).unwrap_err();
            let key = line.split('=').next().unwrap().trim_start_matches("zookeeper.");
            assert!(problems[0].contains(key) && problems[0].starts_with("line 3"), "{problems:?}");
        }
        for line in ["sslQuorum=false", "enforce.auth.enabled=false", "sessionRequireClientSASLAuth=false"] {
            assert_eq!(parse_with(line).unwrap().warnings, [""; 0], "{line}");
        }
    }

    #[test]
    fn unknown_keys_warn_with_the_nearest() {
        let cfg = parse_with("tickTme=2000\nmycompany.owner=ops\nextendedTypesEnabled=true").unwrap();
        assert_eq!(cfg.warnings.len(), 3);
        assert!(cfg.warnings[0].contains("did you mean tickTime?"), "{:?}", cfg.warnings);
        assert!(cfg.warnings[1].contains("unknown key mycompany.owner is ignored"), "{:?}", cfg.warnings);
        assert!(cfg.warnings[2].contains("no effect"), "{:?}", cfg.warnings);
    }

    #[test]
    fn ensembles_are_refused_and_one_server_stands_alone() {
        let two = "server.1=a:2888:3888\nserver.2=b:2888:3888";
        assert!(parse_with(two).unwrap_err()[0].contains("ensemble"));
        let cfg = parse("dataDir=/tmp/zk\nserver.1=localhost:2888:3888;2191").unwrap();
        assert_eq!(cfg.server.listen, Listen::Everywhere { port: 2191 });
        assert_eq!(cfg.warnings.len(), 1);
    }

    #[test]
    fn every_problem_is_named() {
        let problems = parse("tickTime=fast\nforceSync=perhaps\nclientPort=70000\ndataDir=/x").unwrap_err();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(parse("clientPort=1").unwrap_err()[0].contains("dataDir"));
        assert!(parse("dataDir=/x").unwrap_err()[0].contains("clientPort"));
        assert!(parse_with("minSessionTimeout=9000\nmaxSessionTimeout=10").is_err());
    }
}
