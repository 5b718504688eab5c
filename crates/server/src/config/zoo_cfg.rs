//! `zoo.cfg`: upstream's keys, and what becomes of each here.
//!
//! What becomes of each key stands in [`super::zoo_keys`]. Upstream: `QuorumPeerConfig.parseProperties`, which makes
//! every key that it does not know the Java property `zookeeper.<key>`; here keys are taken with and without that
//! prefix, from the file and as Java properties.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use keeper::membership::HostPort;
use storage::zk::names::Compression;
use storage::zk::purge::RETAIN_MIN;

use super::admin_keys::MetricsCfg;
use super::nearest::nearest;
use super::properties::{self, Property};
use super::zoo_keys::{Place, State, ZOO_KEYS, zoo_key};
use crate::zk::four_letter::Whitelist;
use crate::zk::quorum::MemberConfig;
use crate::zk::{Listen, ZkServerConfig};

/// A file that a keeper can start from.
#[derive(Clone, Debug)]
pub struct ZooCfg {
    /// For [`crate::zk::start`].
    pub server: ZkServerConfig,
    /// For the HTTP port.
    pub admin: AdminCfg,
    /// For the port of metrics alone.
    pub metrics: Option<MetricsCfg>,
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

/// How the files are read that a `zoo.cfg` names: `myid` in its `dataDir`, and the file of `dynamicConfigFile`.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<String>;

const FROM_DISK: ReadFile<'static> = &|path| fs::read_to_string(path);

/// Reads a file's text.
///
/// # Errors
/// Every reason not to start, one line each.
pub fn parse(text: &str) -> Result<ZooCfg, Vec<String>> {
    parse_with_java(text, &[])
}

/// As [`parse`], with Java properties (`-Dname=value`, see [`super::java_flags`]) beside the file.
///
/// # Errors
/// As [`parse`].
pub fn parse_with_java(text: &str, java: &[(String, String)]) -> Result<ZooCfg, Vec<String>> {
    parse_with_files(text, java, FROM_DISK)
}

/// As [`parse_with_java`], with other files than those of this machine.
///
/// # Errors
/// As [`parse`].
pub fn parse_with_files(text: &str, java: &[(String, String)], read: ReadFile) -> Result<ZooCfg, Vec<String>> {
    let properties = properties::parse(text).map_err(|e| vec![e.to_string()])?;
    let mut cfg = judge(properties, java, read)?;
    cfg.server.admin.initial_configuration = text.to_string();
    Ok(cfg)
}

/// As [`parse_with_java`], from properties of any origin.
///
/// # Errors
/// As [`parse`].
pub fn from_properties(properties: Vec<Property>, java: &[(String, String)]) -> Result<ZooCfg, Vec<String>> {
    judge(properties, java, FROM_DISK)
}

fn judge(properties: Vec<Property>, java: &[(String, String)], read: ReadFile) -> Result<ZooCfg, Vec<String>> {
    let named = properties.into_iter().map(|Property { key, value, line }| {
        let key = key.strip_prefix("zookeeper.").unwrap_or(&key).trim().to_string();
        Property { key, value: value.trim().to_string(), line }
    });
    let properties = properties::last_wins(named.collect());
    let mut file = File { properties, read, warnings: Vec::new(), problems: Vec::new() };
    file.add_java(java);
    let server = file.server();
    file.judge_keys(server.as_ref().is_some_and(|server| server.member.is_some()));
    let (admin, metrics, options) = (file.admin(), file.metrics(), file.admin_options());
    match server {
        Some(server) if file.problems.is_empty() => {
            let server = ZkServerConfig { admin: options, prometheus: metrics.is_some(), ..server };
            Ok(ZooCfg { server, admin, metrics, warnings: file.warnings })
        }
        _ => Err(file.problems),
    }
}

pub(super) struct File<'a> {
    pub(super) properties: Vec<Property>,
    pub(super) read: ReadFile<'a>,
    pub(super) warnings: Vec<String>,
    pub(super) problems: Vec<String>,
}

impl File<'_> {
    /// Upstream makes Java properties of the file's keys when it reads the file, so the file wins; and what it reads
    /// from the file only is no property at all.
    fn add_java(&mut self, java: &[(String, String)]) {
        for (name, value) in java {
            let key = name.strip_prefix("zookeeper.").unwrap_or(name);
            match zoo_key(key) {
                Some(row) if row.place == Place::File => {
                    self.warnings
                        .push(format!("-D{name} has no effect: {key} is read from the configuration file only"));
                }
                None if !name.starts_with("zookeeper.") => tracing::debug!("-D{name} is not for this server"),
                _ if self.find(key).is_some_and(|property| property.line > 0) => {
                    self.warnings
                        .push(format!("-D{name} has no effect: the configuration file has {key} too, and wins"));
                }
                _ => {
                    self.properties.retain(|property| property.key != key);
                    let value = value.trim().to_string();
                    self.properties.push(Property { key: key.to_string(), value, line: 0 });
                }
            }
        }
    }

    fn judge_keys(&mut self, member: bool) {
        for Property { key, value, line } in &self.properties {
            let at = at(*line);
            let asks = |fine: &[&str]| !fine.iter().any(|fine| value.eq_ignore_ascii_case(fine));
            let Some(row) = zoo_key(key) else {
                let hint = nearest(key, ZOO_KEYS.iter().map(|row| row.name).filter(|name| !name.ends_with('.')));
                let hint = hint.map_or(String::new(), |known| format!("; did you mean {known}?"));
                self.warnings.push(format!("{at}unknown key {key} is ignored{hint}"));
                continue;
            };
            match row.state {
                State::Stops { fine, what } if asks(fine) => self.problems.push(format!(
                    "{at}{key} is set, and castlekeep does not {what} yet; starting without it would leave you \
                     less protected than the file says, so remove the key to start anyway (docs/divergence.md)"
                )),
                State::Missing(fine) if asks(fine) => {
                    self.warnings.push(format!("{at}{key}={value} has no effect in castlekeep yet"));
                }
                State::MissingInEnsembles(fine) if member && asks(fine) => {
                    self.warnings.push(format!("{at}{key}={value} has no effect in castlekeep's ensembles yet"));
                }
                State::Served
                | State::Tunes
                | State::Missing(_)
                | State::MissingInEnsembles(_)
                | State::Stops { .. } => {}
            }
        }
    }

    fn find(&self, key: &str) -> Option<&Property> {
        self.properties.iter().find(|property| property.key == key)
    }

    pub(super) fn value(&self, key: &str) -> Option<String> {
        self.find(key).map(|property| property.value.clone()).filter(|value| !value.is_empty())
    }

    pub(super) fn number<N: std::str::FromStr>(&mut self, key: &str, default: N) -> N {
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

    pub(super) fn boolean(&mut self, key: &str, default: bool) -> bool {
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
        let place = self.place(&server.store.data_dir);
        server.listen = self.listen(place.client)?;
        server.words = match self.value("4lw.commands.whitelist") {
            Some(words) => Whitelist::parse(&words),
            None => Whitelist::upstream(),
        };
        server.store.keeper.read_only_enabled = self.boolean("readonlymode.enabled", false);
        server.store.keeper.leader_serves = self.boolean("leaderServes", true);
        // One that stands alone confirms itself.
        server.store.keeper.linearizable_reads =
            self.boolean("castlekeep.linearizableReads", false) && place.member.is_some();
        // One that stands alone keeps all its sessions to itself anyway, and logs them.
        server.store.keeper.local_sessions = self.boolean("localSessionsEnabled", false) && place.member.is_some();
        server.store.keeper.local_sessions_upgrading = self.boolean("localSessionsUpgradingEnabled", false);
        if server.store.keeper.read_only_enabled
            && let Whitelist::Only(words) = &mut server.words
        {
            words.insert("isro".into());
        }
        self.limits(&mut server);
        server.creates_folders = self.boolean("datadir.autocreate", true);
        self.store(&mut server);
        self.machine(&mut server.store.keeper);
        server.member = place.member.map(|member| {
            let jute = (server.store.jute_max_buffer, server.store.jute_max_buffer_extra);
            // Of an id the sessions' ids have a byte.
            server.store.keeper.server_id = (member.my_id & 0xff) as u8;
            MemberConfig { record_bytes_max: zk_wire::frame::max_stored_bytes(jute.0, jute.1), ..member }
        });
        Some(server)
    }

    /// Where clients are served: what the file says, or this server's own line does.
    fn listen(&mut self, line: Option<HostPort>) -> Option<Listen> {
        let (port, host) = match (self.find("clientPort").is_some(), line) {
            (true, line) => {
                let port: u16 = self.number("clientPort", 0);
                if let Some(line) = line.filter(|line| line.port != port) {
                    let of_line = line.port;
                    self.problems.push(format!(
                        "clientPort={port} is not the {of_line} of this server's line; remove one of both"
                    ));
                }
                (port, self.value("clientPortAddress"))
            }
            (false, Some(line)) => (line.port, Some(line.host)),
            (false, None) => {
                self.problems.push("clientPort is missing; add clientPort=2181".into());
                return None;
            }
        };
        let Some(host) = host else { return Some(Listen::Everywhere { port }) };
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Some(match ip.is_unspecified() {
                true => Listen::Everywhere { port },
                false => Listen::Addresses(vec![SocketAddr::new(ip, port)]),
            });
        }
        // Reading a file asks nobody: the name is looked up when the server starts.
        Some(Listen::Named { host, port })
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
        store.snapshot_size_factor = self.number("snapshotSizeFactor", 0.33);
        store.trust_empty = self.boolean("snapshot.trust.empty", false);
        store.autocreate = self.boolean("db.autocreate", true);
        store.snapshot_last_zxid = self.boolean("serializeLastProcessedZxid.enabled", true);
        store.flush_delay = Duration::from_millis(self.number("flushDelay", 0));
        // Upstream takes 0 as no bound; so is a bound that nothing reaches.
        let entries: usize = self.number("maxBatchSize", 1000);
        store.batch_entries_max = if entries == 0 { usize::MAX } else { entries };
        let method = self.value("snapshot.compression.method").unwrap_or_default();
        match Compression::parse(&method) {
            Some(compression) => store.compression = compression,
            None => self.problems.push(format!(
                "snapshot.compression.method={method} is neither gz nor snappy; correct it, or remove it for none"
            )),
        }
        let retain: usize = self.number("autopurge.snapRetainCount", RETAIN_MIN);
        store.purge_interval = self.interval("autopurge.purgeInterval");
        store.retain = store.purge_interval.map(|_| retain.max(RETAIN_MIN));
    }

    /// A time in hours, or with one of the suffixes ms, s, m, h and d that release 3.10 takes; `None` for 0.
    fn interval(&mut self, key: &str) -> Option<Duration> {
        let Property { value, line, .. } = self.find(key).cloned()?;
        let digits = value.trim_end_matches(|char: char| char.is_ascii_alphabetic());
        let unit_ms = match &value[digits.len()..] {
            "ms" => Some(1),
            "s" => Some(1000),
            "m" => Some(60_000),
            "" | "h" => Some(3_600_000),
            "d" => Some(86_400_000),
            _ => None,
        };
        let number = digits.trim().parse::<i64>().ok();
        match (number, unit_ms) {
            (Some(number), Some(unit_ms)) => {
                let ms = u64::try_from(number).unwrap_or(0).saturating_mul(unit_ms);
                (ms > 0).then(|| Duration::from_millis(ms))
            }
            _ => {
                let at = at(line);
                self.problems.push(format!("{at}{key}={value} is not a number of hours; correct it"));
                None
            }
        }
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
        keeper.snap_count = self.number::<u64>("snapCount", 100_000).max(2);
        let snap_kib: i64 = self.number("snapSizeLimitInKb", 4_194_304);
        keeper.snap_size_bytes = u64::try_from(snap_kib).unwrap_or(0).saturating_mul(1024);
        keeper.reconfig_enabled = self.boolean("reconfigEnabled", false);
        keeper.standalone_enabled = self.boolean("standaloneEnabled", true);
        keeper.close_session_txn_enabled = self.boolean("closeSessionTxn.enabled", true);
        self.access(keeper);
        self.node_kinds(keeper);
    }

    /// Who may do what.
    fn access(&mut self, keeper: &mut keeper::Config) {
        // Upstream takes this one word only, and everything else leaves the lists in force.
        keeper.audit = self.boolean("audit.enable", false);
        keeper.skip_acl = self.value("skipACL").as_deref() == Some("yes");
        keeper.super_digest = self.value("DigestAuthenticationProvider.superDigest");
        keeper.digest_auth_enabled = self.boolean("DigestAuthenticationProvider.enabled", true);
        if let Some(name) = self.value("DigestAuthenticationProvider.digestAlg") {
            match keeper::DigestAlg::from_name(&name) {
                Some(alg) => keeper.digest_alg = alg,
                None => self.problems.push(format!(
                    "DigestAuthenticationProvider.digestAlg={name} is not known here; use SHA1, SHA-224, SHA-256, \
                     SHA-384, SHA-512 or SHA3-256, the one that the folder's ACLs were made with"
                )),
            }
        }
        keeper.enforce_quota = self.boolean("enforceQuota", false);
    }

    /// Containers and TTL nodes.
    fn node_kinds(&mut self, keeper: &mut keeper::Config) {
        keeper.extended_types_enabled = self.boolean("extendedTypesEnabled", false);
        keeper.emulate_353_ttl_nodes = self.boolean("emulate353TTLNodes", false);
        let interval_ms: i64 = self.number("znode.container.checkIntervalMs", 60_000);
        if interval_ms <= 0 {
            self.problems.push(format!(
                "znode.container.checkIntervalMs={interval_ms} is no interval; give the milliseconds between two rounds"
            ));
        }
        keeper.container_check_interval_ms = interval_ms.unsigned_abs();
        keeper.containers_per_minute_max = self.number("znode.container.maxPerMinute", 10_000);
        keeper.container_never_used_ms_max = self.number("znode.container.maxNeverUsedIntervalMs", 0);
    }
}

/// Properties that come from no file have line 0.
pub(super) fn at(line: usize) -> String {
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
    fn node_kinds_and_identities_reach_the_machine() {
        let cfg = parse_with(
            "extendedTypesEnabled=true\nemulate353TTLNodes=true\nzookeeper.znode.container.checkIntervalMs=5\nreconfigEnabled=true\n\
             znode.container.maxPerMinute=7\nDigestAuthenticationProvider.digestAlg=SHA-256\nenforceQuota=true\n\
             closeSessionTxn.enabled=false\nDigestAuthenticationProvider.enabled=false\n",
        )
        .unwrap();
        let keeper = &cfg.server.store.keeper;
        assert!(keeper.extended_types_enabled && keeper.reconfig_enabled && keeper.enforce_quota);
        assert!(keeper.emulate_353_ttl_nodes);
        assert_eq!((keeper.container_check_interval_ms, keeper.containers_per_minute_max), (5, 7));
        assert_eq!(keeper.digest_alg, keeper::DigestAlg::Sha256);
        assert!(!keeper.close_session_txn_enabled && !keeper.digest_auth_enabled);
        assert_eq!(cfg.warnings, [""; 0]);
        for bad in ["znode.container.checkIntervalMs=0", "DigestAuthenticationProvider.digestAlg=MD4"] {
            assert!(parse_with(bad).is_err(), "{bad}");
        }
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
    fn the_keys_of_the_disk_are_honoured() {
        let store = |more: &str| parse_with(more).unwrap().server.store;
        for (value, hours) in [("0", None), ("-1", None), ("1", Some(1.0)), ("24h", Some(24.0)), ("90m", Some(1.5))] {
            let store = store(&format!("autopurge.purgeInterval={value}\nautopurge.snapRetainCount=7\n"));
            assert_eq!(store.purge_interval.map(|interval| interval.as_secs_f64() / 3600.0), hours, "{value}");
            assert_eq!(store.retain, hours.map(|_| 7), "{value}");
        }
        for (value, compression) in
            [("", Compression::None), ("gz", Compression::Gzip), ("snappy", Compression::Snappy)]
        {
            assert_eq!(store(&format!("snapshot.compression.method={value}")).compression, compression);
        }
        let many =
            store("flushDelay=5\nmaxBatchSize=10\nserializeLastProcessedZxid.enabled=false\ndb.autocreate=false");
        assert_eq!((many.flush_delay, many.batch_entries_max), (Duration::from_millis(5), 10));
        assert!(!many.snapshot_last_zxid && !many.autocreate);
        for wrong in ["snapshot.compression.method=zstd", "autopurge.purgeInterval=soon", "autopurge.purgeInterval=1y"]
        {
            assert_eq!(parse_with(wrong).unwrap_err().len(), 1, "{wrong}");
        }
    }

    #[test]
    fn both_spellings_of_a_system_property_work() {
        for key in ["skipACL", "zookeeper.skipACL"] {
            assert!(parse_with(&format!("{key}=yes")).unwrap().server.store.keeper.skip_acl);
        }
    }

    #[test]
    fn java_properties_fill_in_what_the_file_does_not_say() {
        let java = |pairs: &[(&str, &str)]| {
            let java: Vec<_> = pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            parse_with_java(&format!("{LEAST}skipACL=no\n"), &java)
        };
        let cfg = java(&[("zookeeper.snapCount", "500"), ("jute.maxbuffer", "4096"), ("user.home", "/x")]).unwrap();
        assert_eq!((cfg.server.store.keeper.snap_count, cfg.server.store.jute_max_buffer), (500, 4096));
        assert_eq!(cfg.warnings, [""; 0]);
        // The later of two, as a Java machine takes them.
        let cfg = java(&[("zookeeper.snapCount", "500"), ("zookeeper.snapCount", "600")]).unwrap();
        assert_eq!(cfg.server.store.keeper.snap_count, 600);
        let cfg =
            java(&[("zookeeper.skipACL", "yes"), ("zookeeper.tickTime", "1"), ("zookeeper.snapCont", "1")]).unwrap();
        assert!(!cfg.server.store.keeper.skip_acl);
        assert_eq!(cfg.server.store.keeper.tick_time_ms, 3000);
        assert!(cfg.warnings[0].contains("the configuration file has skipACL too"), "{:?}", cfg.warnings);
        assert!(cfg.warnings[1].contains("tickTime is read from the configuration file only"), "{:?}", cfg.warnings);
        assert!(cfg.warnings[2].contains("did you mean snapCount?"), "{:?}", cfg.warnings);
        let problems = java(&[("java.security.auth.login.config", "/jaas.conf")]).unwrap_err();
        assert!(problems[0].starts_with("java.security.auth.login.config is set"), "{problems:?}");
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
            "authProvider.1=com.example.Mine",
            "ensembleAuthName=mine",
            "admin.forceHttps=true",
        ] {
            let problems = parse_with(line).unwrap_err();
            let key = line.split('=').next().unwrap().trim_start_matches("zookeeper.");
            assert!(problems[0].contains(key) && problems[0].starts_with("line 3"), "{problems:?}");
        }
        for line in [
            "sslQuorum=false",
            "enforce.auth.enabled=false",
            "sessionRequireClientSASLAuth=false",
            "authProvider.1=org.apache.zookeeper.server.auth.DigestAuthenticationProvider",
        ] {
            assert_eq!(parse_with(line).unwrap().warnings, [""; 0], "{line}");
        }
    }

    #[test]
    fn unknown_keys_warn_with_the_nearest() {
        let cfg = parse_with("tickTme=2000\nmycompany.owner=ops\npathStats.enabled=true").unwrap();
        assert_eq!(cfg.warnings.len(), 3);
        assert!(cfg.warnings[0].contains("did you mean tickTime?"), "{:?}", cfg.warnings);
        assert!(cfg.warnings[1].contains("unknown key mycompany.owner is ignored"), "{:?}", cfg.warnings);
        assert!(cfg.warnings[2].contains("no effect"), "{:?}", cfg.warnings);
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
