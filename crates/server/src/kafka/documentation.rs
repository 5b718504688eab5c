//! What DescribeConfigs says of settings that do nothing here. The broker's tables know what a key means; what becomes of
//! it is known to [`crate::config::broker_key_states`].

use base::Str;
use broker::config::broker_keys::broker_key;
use broker::config::def::topic_key;
use kafka_wire::messages::DescribeConfigsResponseResults;

use crate::config::broker_key_states::{State, row};

/// The type of the resource: a topic.
const TOPIC: i8 = 2;

/// Adds to the texts that were asked for what becomes of keys that are not served.
pub(super) fn add_states(results: &mut [DescribeConfigsResponseResults]) {
    for result in results {
        for config in &mut result.configs {
            if let Some(text) = &mut config.documentation
                && let Some(state) = state(result.resource_type, &config.name)
            {
                *text = Str::from(format!("{text} {state}"));
            }
        }
    }
}

/// What becomes of a key, in a sentence; nothing when it is served. A topic's key fares as the broker's that is its default.
fn state(resource_type: i8, name: &str) -> Option<String> {
    let row = match resource_type {
        TOPIC => row(topic_key(name)?.synonyms.first().map_or(name, |(broker_key, _)| *broker_key))?,
        // Throttles are no broker keys, though their names begin as those of a family do.
        _ => row(broker_key(name)?.name)?,
    };
    match row.state {
        State::Served => None,
        State::NoEffect(why) => Some(format!("In castlekeep setting it has no effect: {why}.")),
        State::Stops { .. } | State::Classes(_) => Some(format!("In castlekeep setting it {}.", row.state_in_words())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BROKER: i8 = 4;

    #[test]
    fn what_is_not_served_says_so() {
        for (resource_type, name, ends) in [
            (BROKER, "num.io.threads", "has no effect: threads follow the machine's cores."),
            (BROKER, "ssl.client.auth", "stops the start unless `none`."),
            (TOPIC, "preallocate", "has no effect: segments grow as they are written."),
            (TOPIC, "remote.storage.enable", "has no effect: tiered storage is not there yet."),
        ] {
            let state = state(resource_type, name).expect("not served");
            assert_eq!(state, format!("In castlekeep setting it {ends}"), "{name}");
        }
        for (resource_type, name) in [
            (BROKER, "log.dirs"),
            (BROKER, "replica.alter.log.dirs.io.max.bytes.per.second"),
            (TOPIC, "retention.ms"),
            (8, "server::zk"),
        ] {
            assert_eq!(state(resource_type, name), None, "{name}");
        }
    }
}
