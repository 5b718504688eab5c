//! Which keys of a `server.properties` are taken, refused or warned about, before `broker` parses their values.
//!
//! A key whose neglect would weaken protection stops the start (so that nobody believes themselves protected); a key
//! that only tunes what this broker does not have is warned about once; an unknown key is a slip or somebody's own.

use broker::config::broker_keys::{BROKER_KEYS, broker_key};

use super::nearest::nearest;

/// How strict to be with keys that nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnknownKeys {
    /// Apache's files carry junk: one warning each.
    Warn,
    /// Our own file: an error.
    Refuse,
}

/// Looks at every key. The warnings are lines for the log.
///
/// # Errors
/// Every reason not to start, one line each.
pub fn check<'a>(
    properties: impl IntoIterator<Item = (&'a str, &'a str)>,
    unknown: UnknownKeys,
) -> Result<Vec<String>, Vec<String>> {
    let (mut warnings, mut problems) = (Vec::new(), Vec::new());
    for (name, value) in properties {
        if name == "process.roles" {
            problems.push(
                "process.roles is set: this is a KRaft configuration, and castlekeep keeps its cluster in ZooKeeper; \
                 remove process.roles, node.id and controller.quorum.* and set zookeeper.connect and broker.id"
                    .to_string(),
            );
        } else if let Some(why) = protects(name, value) {
            problems.push(format!(
                "{name} is set, and castlekeep does not {why} yet; starting without it would leave you less \
                 protected than the file says, so remove the key to start anyway (docs/divergence.md)"
            ));
        } else if broker_key(name).is_none() && !is_per_listener(name) {
            let hint = nearest(name, BROKER_KEYS.iter().map(|key| key.name));
            let hint = hint.map(|key| format!("; did you mean {key}?")).unwrap_or_default();
            match unknown {
                UnknownKeys::Warn => warnings.push(format!("unknown key {name} is ignored{hint}")),
                UnknownKeys::Refuse => problems.push(format!("unknown key {name}{hint}")),
            }
        } else if let Some(why) = without_effect(name, value) {
            warnings.push(format!("{name} has no effect: {why} (docs/divergence.md)"));
        }
    }
    if problems.is_empty() { Ok(warnings) } else { Err(problems) }
}

/// What a key would do for the owner's safety that this version does not do; `None` for a value that asks for nothing.
fn protects(name: &str, value: &str) -> Option<&'static str> {
    let value = value.trim();
    let secure_protocol = |v: &str| ["SSL", "SASL_PLAINTEXT", "SASL_SSL"].iter().any(|p| v.eq_ignore_ascii_case(p));
    match name {
        "authorizer.class.name" if !value.is_empty() => Some("authorize requests"),
        "principal.builder.class" if !value.is_empty() => Some("build principals with a plugin"),
        "create.topic.policy.class.name" | "alter.config.policy.class.name" if !value.is_empty() => {
            Some("ask policies")
        }
        "client.quota.callback.class" if !value.is_empty() => Some("enforce quotas through a plugin"),
        "zookeeper.set.acl" if value.eq_ignore_ascii_case("true") => Some("set ACLs on its znodes"),
        "zookeeper.ssl.client.enable" if value.eq_ignore_ascii_case("true") => Some("speak TLS to ZooKeeper"),
        "security.inter.broker.protocol" if secure_protocol(value) => Some("encrypt or authenticate listeners"),
        "listener.security.protocol.map" => None,
        "listeners" | "advertised.listeners"
            if value.split(',').filter_map(|l| l.split_once("://")).any(|(name, _)| secure_protocol(name.trim())) =>
        {
            Some("encrypt or authenticate listeners")
        }
        "ssl.client.auth" if !value.eq_ignore_ascii_case("none") && !value.is_empty() => {
            Some("check client certificates")
        }
        "delegation.token.master.key" | "delegation.token.secret.key" if !value.is_empty() => {
            Some("issue delegation tokens")
        }
        "connections.max.reauth.ms" if value != "0" => Some("ask clients to authenticate again"),
        "zookeeper.metadata.migration.enable" if value.eq_ignore_ascii_case("true") => {
            Some("take part in a migration to KRaft")
        }
        _ => None,
    }
}

/// Keys that are known and harmless, and that this version does nothing with.
fn without_effect(name: &str, value: &str) -> Option<&'static str> {
    let is_default = broker_key(name).is_some_and(|key| key.default == Some(value.trim()));
    if is_default {
        return None;
    }
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    if starts(&["metric.reporters", "metrics.", "kafka.metrics.", "auto.include.jmx"]) {
        return Some("metrics are served on the HTTP port");
    }
    if starts(&["num.network.threads", "num.io.threads", "background.threads", "queued.max.requests"]) {
        return Some("threads follow the machine's cores");
    }
    if starts(&["remote.log."]) {
        return Some("tiered storage is not there yet");
    }
    if starts(&["ssl.", "sasl."]) {
        return Some("no listener uses it");
    }
    if starts(&["log.cleaner.io.buffer.size"]) {
        return Some("compaction reads in pieces of its own size");
    }
    if starts(&["quota.", "controller.quota.", "replication.quota.", "alter.log.dirs.replication.quota."]) {
        return Some("quotas are not there yet");
    }
    if starts(&["num.replica.fetchers", "replica."]) {
        return Some("replication between brokers is not there yet");
    }
    if starts(&["transaction.", "transactional."]) {
        return Some("transactions are not there yet");
    }
    None
}

fn is_per_listener(name: &str) -> bool {
    name.starts_with("listener.name.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_protect_stops_the_start() {
        for (name, value) in [
            ("authorizer.class.name", "kafka.security.authorizer.AclAuthorizer"),
            ("listeners", "SASL_SSL://:9093"),
            ("listeners", "PLAINTEXT://:9092,SSL://:9093"),
            ("security.inter.broker.protocol", "SSL"),
            ("zookeeper.set.acl", "true"),
            ("process.roles", "broker"),
        ] {
            let problems = check([(name, value)], UnknownKeys::Warn).expect_err(name);
            assert!(problems[0].contains(name), "{problems:?}");
        }
    }

    #[test]
    fn harmless_keys_are_taken_warned_about_or_hinted_at() {
        assert_eq!(check([("broker.id", "1"), ("authorizer.class.name", "")], UnknownKeys::Warn), Ok(vec![]));
        let warned = check([("num.io.threads", "16"), ("log.dris", "/x")], UnknownKeys::Warn).unwrap();
        assert!(warned[0].contains("num.io.threads has no effect"));
        assert!(warned[1].contains("did you mean log.dirs?"), "{warned:?}");
        assert_eq!(check([("num.io.threads", "8")], UnknownKeys::Warn), Ok(vec![]));
        let refused = check([("log.dris", "/x")], UnknownKeys::Refuse).unwrap_err();
        assert!(refused[0].contains("unknown key log.dris; did you mean log.dirs?"));
    }
}
