//! A topic's configuration with every default filled in (`LogConfig.java`), and where each value comes from.

use std::collections::BTreeMap;

use super::broker_keys::broker_key;
use super::def::{Scale, TopicKey, check, list, topic_key};
use crate::shard::{CompressionType, LogConfig, TimestampType};

/// One key's value and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The broker key's or the topic key's own name.
    pub name: &'static str,
    /// The value, already in the topic key's unit.
    pub value: String,
    /// The value as it was set, in the unit of `name`.
    pub raw: String,
    /// The source.
    pub source: Source,
}

/// Where a value comes from, as DescribeConfigs names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The topic's own entry.
    Topic,
    /// `/config/brokers/N`.
    DynamicBroker,
    /// `/config/brokers/<default>`.
    DynamicDefaultBroker,
    /// The properties file.
    StaticBroker,
    /// Built in.
    Default,
}

impl Source {
    /// The number on the wire (`config_source` of DescribeConfigs).
    pub const fn code(self) -> i8 {
        match self {
            Self::Topic => 1,
            Self::DynamicBroker => 2,
            Self::DynamicDefaultBroker => 3,
            Self::StaticBroker => 4,
            Self::Default => 5,
        }
    }
}

/// Key and value pairs of one configuration layer.
pub type Properties = BTreeMap<String, String>;

/// The layers below a topic's own entries, strongest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layers {
    /// `/config/brokers/N`.
    pub dynamic_broker: Properties,
    /// `/config/brokers/<default>`.
    pub dynamic_default: Properties,
    /// The properties file.
    pub static_broker: Properties,
}

impl Layers {
    /// The layers with their sources, strongest first.
    pub fn each(&self) -> [(Source, &Properties); 3] {
        [
            (Source::DynamicBroker, &self.dynamic_broker),
            (Source::DynamicDefaultBroker, &self.dynamic_default),
            (Source::StaticBroker, &self.static_broker),
        ]
    }
}

/// The configuration of a topic from its own entries and the broker's layers. A value that does not parse counts as
/// absent: it was refused when it was set, or comes from a server that knows more than this one.
pub fn log_config(topic: &Properties, layers: &Layers) -> LogConfig {
    let text = |name: &str| -> String {
        let key = topic_key(name).expect("a key of the table");
        resolve(key, topic, layers).swap_remove(0).value
    };
    let long = |name: &str| text(name).parse::<i64>().expect("checked by resolve");
    let int = |name: &str| text(name).parse::<i32>().expect("checked by resolve");
    let flag = |name: &str| text(name).eq_ignore_ascii_case("true");
    // Before there were two bounds there was one for both, and it still is the bound where its successor says nothing.
    let timestamp_bound = |name: &str| match long(name) {
        i64::MAX => long("message.timestamp.difference.max.ms"),
        bound => bound,
    };
    let policy = text("cleanup.policy");
    LogConfig {
        segment_bytes: int("segment.bytes"),
        segment_ms: long("segment.ms"),
        segment_jitter_ms: long("segment.jitter.ms"),
        segment_index_bytes: int("segment.index.bytes"),
        index_interval_bytes: int("index.interval.bytes"),
        flush_messages: long("flush.messages"),
        flush_ms: long("flush.ms"),
        retention_bytes: long("retention.bytes"),
        retention_ms: long("retention.ms"),
        file_delete_delay_ms: long("file.delete.delay.ms"),
        max_message_bytes: int("max.message.bytes"),
        min_insync_replicas: int("min.insync.replicas"),
        cleanup_delete: list(&policy).any(|word| word == "delete"),
        cleanup_compact: list(&policy).any(|word| word == "compact"),
        delete_retention_ms: long("delete.retention.ms"),
        min_compaction_lag_ms: long("min.compaction.lag.ms"),
        max_compaction_lag_ms: long("max.compaction.lag.ms"),
        min_cleanable_dirty_ratio: text("min.cleanable.dirty.ratio").parse().expect("checked by resolve"),
        unclean_leader_election_enable: flag("unclean.leader.election.enable"),
        compression_level: match text("compression.type").as_str() {
            codec @ ("gzip" | "zstd") => Some(int(&format!("compression.{codec}.level"))).filter(|level| *level != -1),
            _ => None,
        },
        compression_type: match text("compression.type").as_str() {
            "uncompressed" => CompressionType::None,
            "gzip" => CompressionType::Gzip,
            "snappy" => CompressionType::Snappy,
            "lz4" => CompressionType::Lz4,
            "zstd" => CompressionType::Zstd,
            _ => CompressionType::Producer,
        },
        message_timestamp_type: match text("message.timestamp.type").as_str() {
            "LogAppendTime" => TimestampType::LogAppendTime,
            _ => TimestampType::CreateTime,
        },
        message_timestamp_before_max_ms: timestamp_bound("message.timestamp.before.max.ms"),
        message_timestamp_after_max_ms: timestamp_bound("message.timestamp.after.max.ms"),
        message_downconversion_enable: flag("message.downconversion.enable"),
        preallocate: flag("preallocate"),
    }
}

/// What DescribeConfigs lists as a key's synonyms, and the source that it names. Upstream looks for the first of the
/// broker's keys only: everything in the list before an entry of that key is dropped, so that a time set in hours
/// leaves the list empty and the source "default", although the value is the one that was set.
pub fn synonyms(key: &'static TopicKey, topic: &Properties, layers: &Layers) -> (Vec<Resolved>, Source) {
    let mut found = Vec::new();
    if let Some((primary, _)) = key.synonyms.first() {
        for (source, layer) in layers.each() {
            for (name, _) in key.synonyms {
                if let Some(raw) = layer.get(*name) {
                    found.push(Resolved { name, value: raw.clone(), raw: raw.clone(), source });
                }
            }
        }
        for (name, _) in key.synonyms {
            if let Some(raw) = broker_key(name).and_then(|key| key.default) {
                found.push(Resolved { name, value: raw.to_string(), raw: raw.to_string(), source: Source::Default });
            }
        }
        let first = found.iter().position(|one| one.name == *primary).unwrap_or(found.len());
        found.drain(..first);
    }
    if let Some(raw) = topic.get(key.name) {
        found.insert(0, Resolved { name: key.name, value: raw.clone(), raw: raw.clone(), source: Source::Topic });
    }
    let source = found.first().map_or(Source::Default, |one| one.source);
    (found, source)
}

/// Everything that sets a key, strongest first; the last element is the built-in default.
pub fn resolve(key: &'static TopicKey, topic: &Properties, layers: &Layers) -> Vec<Resolved> {
    let mut found = Vec::with_capacity(1);
    let mut push = |name: &'static str, raw: &str, scale: Scale, source: Source| {
        let Some(value) = scaled(raw.trim(), scale) else { return };
        if check(key.name, key.kind, key.valid, &value).is_ok() {
            found.push(Resolved { name, value, raw: raw.trim().to_string(), source });
        }
    };
    if let Some(value) = topic.get(key.name) {
        push(key.name, value, Scale::Same, Source::Topic);
    }
    for (source, layer) in layers.each() {
        for (name, scale) in key.synonyms {
            if let Some(value) = layer.get(*name) {
                push(name, value, *scale, source);
            }
        }
    }
    let name = key.synonyms.last().map_or(key.name, |(name, _)| name);
    let raw = broker_key(name).and_then(|key| key.default).unwrap_or(key.default).to_string();
    found.push(Resolved { name, value: key.default.to_string(), raw, source: Source::Default });
    found
}

fn scaled(value: &str, scale: Scale) -> Option<String> {
    let factor = match scale {
        Scale::Same => return Some(value.to_string()),
        Scale::Minutes => 60_000,
        Scale::Hours => 3_600_000,
    };
    let number: i64 = value.parse().ok()?;
    // a negative time means "no limit" in any unit
    Some(if number < 0 { number } else { number.saturating_mul(factor) }.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(pairs: &[(&str, &str)]) -> Properties {
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    #[test]
    fn the_table_and_the_structs_defaults_agree() {
        assert_eq!(log_config(&Properties::new(), &Layers::default()), LogConfig::default());
    }

    #[test]
    fn the_topic_wins_over_the_broker_and_milliseconds_over_hours() {
        let layers = Layers {
            static_broker: properties(&[("log.retention.hours", "2"), ("log.segment.bytes", "1000")]),
            dynamic_default: properties(&[("log.retention.ms", "5")]),
            ..Layers::default()
        };
        let config = log_config(&properties(&[("segment.bytes", "2000")]), &layers);
        assert_eq!((config.retention_ms, config.segment_bytes), (5, 2000));
        let key = topic_key("retention.ms").expect("a key");
        let sources: Vec<_> =
            resolve(key, &Properties::new(), &layers).into_iter().map(|r| (r.value, r.source)).collect();
        assert_eq!(
            sources,
            [
                ("5".to_string(), Source::DynamicDefaultBroker),
                ("7200000".to_string(), Source::StaticBroker),
                ("604800000".to_string(), Source::Default),
            ]
        );
    }

    #[test]
    fn the_former_bound_of_timestamps_holds_where_its_successors_are_not_set() {
        let layers =
            Layers { static_broker: properties(&[("log.message.timestamp.after.max.ms", "7")]), ..Layers::default() };
        let config = log_config(&properties(&[("message.timestamp.difference.max.ms", "5")]), &layers);
        assert_eq!((config.message_timestamp_before_max_ms, config.message_timestamp_after_max_ms), (5, 7));
    }

    #[test]
    fn the_level_is_that_of_the_topics_codec() {
        let level = |codec: &str| {
            let topic = properties(&[("compression.type", codec), ("compression.gzip.level", "2")]);
            log_config(&topic, &Layers::default()).compression_level
        };
        assert_eq!([level("gzip"), level("zstd"), level("lz4"), level("producer")], [Some(2), Some(3), None, None]);
        assert_eq!(
            log_config(&properties(&[("compression.type", "gzip")]), &Layers::default()).compression_level,
            None
        );
    }

    #[test]
    fn a_value_that_does_not_parse_counts_as_absent() {
        let config = log_config(&properties(&[("segment.bytes", "many")]), &Layers::default());
        assert_eq!(config.segment_bytes, 1 << 30);
    }
}
