//! Which keys of a `server.properties` are taken, refused or warned about, before `broker` parses their values.
//!
//! A key whose neglect would weaken protection stops the start (so that nobody believes themselves protected), as does a
//! class that is not here; a key that does nothing is warned about once; an unknown key is a slip or somebody's own. What
//! becomes of each key stands in [`super::broker_key_states`].

use broker::config::broker_keys::{BROKER_KEYS, broker_key};
use broker::config::def::list;

use super::broker_key_states::{State, row};
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
    let properties: Vec<(&str, &str)> = properties.into_iter().map(|(name, value)| (name, value.trim())).collect();
    let protocols = properties.iter().find(|(name, _)| *name == PROTOCOL_MAP).map_or("", |(_, value)| value);
    let (mut warnings, mut problems) = (Vec::new(), Vec::new());
    for (name, value) in &properties {
        if *name == "process.roles" && !value.is_empty() {
            problems.push(
                "process.roles is set: this is a KRaft configuration, and castlekeep keeps its cluster in ZooKeeper; \
                 remove process.roles, node.id and controller.quorum.* and set zookeeper.connect and broker.id"
                    .to_string(),
            );
            continue;
        }
        if matches!(*name, "listeners" | "advertised.listeners")
            && let Some(listener) = protected_listener(value, protocols)
        {
            problems.push(stops(&format!("{name} has {listener}"), "encrypt or authenticate listeners"));
            continue;
        }
        match row(name).map(|row| row.state) {
            Some(State::Stops { fine, what }) if !asks_for_nothing(name, value, fine) => {
                problems.push(stops(&format!("{name} is set"), what));
            }
            Some(State::NoEffect(why)) if !asks_for_nothing(name, value, &[]) => {
                warnings.push(format!("{name} has no effect: {why} (docs/compatibility.md)"));
            }
            Some(State::Classes(fine)) if !asks_for_nothing(name, value, fine) => problems.push(format!(
                "{name} names {value}, and castlekeep loads no classes of Java; remove it to start without what they do"
            )),
            Some(State::Served | State::NoEffect(_) | State::Stops { .. } | State::Classes(_)) => {}
            None => {
                let hint = nearest(name, BROKER_KEYS.iter().map(|key| key.name));
                let hint = hint.map(|key| format!("; did you mean {key}?")).unwrap_or_default();
                match unknown {
                    UnknownKeys::Warn => warnings.push(format!("unknown key {name} is ignored{hint}")),
                    UnknownKeys::Refuse => problems.push(format!("unknown key {name}{hint}")),
                }
            }
        }
    }
    if problems.is_empty() { Ok(warnings) } else { Err(problems) }
}

const PROTOCOL_MAP: &str = "listener.security.protocol.map";

fn stops(set: &str, what: &str) -> String {
    format!(
        "{set}, and castlekeep does not {what} yet; starting without it would leave you less protected than the file says, \
         so remove it to start anyway (docs/divergence.md)"
    )
}

/// Whether the value is the one that nothing sets, or each of its words is one of `fine`.
fn asks_for_nothing(name: &str, value: &str, fine: &[&str]) -> bool {
    let fine = |word: &str| fine.iter().any(|fine| word.eq_ignore_ascii_case(fine));
    let default = broker_key(name).and_then(|key| key.default).unwrap_or_default();
    value.eq_ignore_ascii_case(default) || list(value).all(fine)
}

/// A listener that would not be plain text: by its own name, or by the protocol that the map gives it.
fn protected_listener<'a>(listeners: &'a str, protocols: &str) -> Option<&'a str> {
    let plain = |protocol: &str| protocol.trim().eq_ignore_ascii_case("PLAINTEXT");
    list(listeners).find(|listener| {
        let name = listener.split_once("://").map_or(*listener, |(name, _)| name).trim();
        let mapped = list(protocols)
            .filter_map(|pair| pair.split_once(':'))
            .find(|(mapped, _)| mapped.trim().eq_ignore_ascii_case(name))
            .map(|(_, protocol)| protocol);
        match mapped {
            Some(protocol) => !plain(protocol),
            None => ["SSL", "SASL_PLAINTEXT", "SASL_SSL"].iter().any(|own| name.eq_ignore_ascii_case(own)),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::broker_key_states::{ROWS, without_row};
    use super::*;

    #[test]
    fn every_key_of_upstreams_has_a_row() {
        assert_eq!(without_row().iter().map(|key| key.name).collect::<Vec<_>>(), [""; 0]);
        for (at, row) in ROWS.iter().enumerate() {
            let known = broker_key(row.name).is_some() || row.name == "listener.name.";
            let family = row.name.ends_with('.') && BROKER_KEYS.iter().any(|key| row.covers(key.name));
            assert!(known || family, "{} is no key", row.name);
            assert!(ROWS[..at].iter().all(|before| before.name != row.name), "{} stands twice", row.name);
        }
    }

    #[test]
    fn what_would_protect_stops_the_start() {
        for (name, value) in [
            ("authorizer.class.name", "kafka.security.authorizer.AclAuthorizer"),
            ("listeners", "SASL_SSL://:9093"),
            ("listeners", "PLAINTEXT://:9092,SSL://:9093"),
            ("advertised.listeners", "ssl://h:9093"),
            ("security.inter.broker.protocol", "SSL"),
            ("zookeeper.set.acl", "true"),
            ("process.roles", "broker"),
            ("ssl.client.auth", "required"),
            ("principal.builder.class", "com.example.Principals"),
            ("create.topic.policy.class.name", "com.example.Policy"),
            ("connections.max.reauth.ms", "1000"),
        ] {
            let problems = check([(name, value)], UnknownKeys::Warn).expect_err(name);
            assert!(problems[0].contains(name), "{problems:?}");
        }
    }

    #[test]
    fn a_class_that_is_not_here_stops_the_start() {
        let jmx = "org.apache.kafka.common.metrics.JmxReporter";
        for (name, fine, other) in [
            ("metric.reporters", jmx, "org.apache.kafka.common.metrics.JmxReporter,com.example.Reporter"),
            ("kafka.metrics.reporters", "", "com.example.Reporter"),
            (
                "replica.selector.class",
                "org.apache.kafka.common.replica.RackAwareReplicaSelector",
                "com.example.Selector",
            ),
        ] {
            assert_eq!(check([(name, fine)], UnknownKeys::Warn), Ok(vec![]), "{name}");
            let problems = check([(name, other)], UnknownKeys::Warn).expect_err(name);
            assert!(problems[0].contains("loads no classes of Java"), "{problems:?}");
        }
    }

    #[test]
    fn a_listener_is_as_protected_as_its_protocol_says() {
        let with = |listeners: &'static str, map: &'static str| {
            check([("listeners", listeners), (PROTOCOL_MAP, map)], UnknownKeys::Warn)
        };
        let map = "INTERNAL:PLAINTEXT, EXTERNAL:SASL_SSL";
        let problems = with("INTERNAL://:9092, external://:9093", map).unwrap_err();
        assert!(
            problems[0].starts_with("listeners has external://:9093, and castlekeep does not encrypt"),
            "{problems:?}"
        );
        assert_eq!(with("INTERNAL://:9092", map), Ok(vec![]));
        assert_eq!(with("SSL://:9092", "SSL:PLAINTEXT"), Ok(vec![]), "a name is only a name");
    }

    #[test]
    fn harmless_keys_are_taken_warned_about_or_hinted_at() {
        let fine = |name, value| check([(name, value)], UnknownKeys::Warn) == Ok(vec![]);
        assert!(fine("broker.id", "1") && fine("authorizer.class.name", "") && fine("num.io.threads", "8"));
        assert!(fine("zookeeper.set.acl", "false") && fine("security.inter.broker.protocol", "plaintext"));
        assert!(fine("metric.reporters", "org.apache.kafka.common.metrics.JmxReporter"));
        assert!(fine("ssl.client.auth", "none") && fine("process.roles", ""));
        let warned = check([("num.io.threads", "16"), ("log.dris", "/x")], UnknownKeys::Warn).unwrap();
        assert!(warned[0].contains("num.io.threads has no effect"));
        assert!(warned[1].contains("did you mean log.dirs?"), "{warned:?}");
        let refused = check([("log.dris", "/x")], UnknownKeys::Refuse).unwrap_err();
        assert!(refused[0].contains("unknown key log.dris; did you mean log.dirs?"));
    }
}
