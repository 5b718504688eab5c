//! What a configuration key is: its type, its default, and the broker keys it falls back on.

/// The type of a value, as DescribeConfigs v3 names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// Any text.
    String,
    /// 32 bits, signed.
    Int,
    /// 16 bits, signed.
    Short,
    /// 64 bits, signed.
    Long,
    /// A decimal fraction.
    Double,
    /// Comma-separated values.
    List,
    /// The name of a class.
    Class,
    /// Text that no answer may show.
    Password,
}

impl Kind {
    /// The number on the wire (`config_type` of DescribeConfigs).
    pub const fn code(self) -> i8 {
        match self {
            Self::Boolean => 1,
            Self::String => 2,
            Self::Int => 3,
            Self::Short => 4,
            Self::Long => 5,
            Self::Double => 6,
            Self::List => 7,
            Self::Class => 8,
            Self::Password => 9,
        }
    }
}

/// Which values a key takes beyond what its type says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Valid {
    /// Whatever the type takes.
    Any,
    /// A number of at least this.
    AtLeast(i64),
    /// A number between the two, inclusive.
    Between(i64, i64),
    /// A fraction between 0 and 1.
    Fraction,
    /// One of these words (each element of a list).
    OneOf(&'static [&'static str]),
    /// `*`, or a list of `partition:broker` pairs.
    ThrottledReplicas,
}

/// How a broker key's number becomes the topic key's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// As it stands.
    Same,
    /// Minutes to milliseconds.
    Minutes,
    /// Hours to milliseconds.
    Hours,
}

/// One key of a topic's configuration.
#[derive(Clone, Copy, Debug)]
pub struct TopicKey {
    /// The key.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its value when nothing sets it.
    pub default: &'static str,
    /// Broker keys that supply the default, strongest first.
    pub synonyms: &'static [(&'static str, Scale)],
    /// What it may be.
    pub valid: Valid,
}

const MAX_I32: i64 = i32::MAX as i64;
const CODECS: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];

const fn key(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    synonyms: &'static [(&'static str, Scale)],
    valid: Valid,
) -> TopicKey {
    TopicKey { name, kind, default, synonyms, valid }
}

/// Every topic key of Kafka 3.9, in name order (`LogConfig.java`, `ServerTopicConfigSynonyms.java`).
pub const TOPIC_KEYS: &[TopicKey] = &[
    key(
        "cleanup.policy",
        Kind::List,
        "delete",
        &[("log.cleanup.policy", Scale::Same)],
        Valid::OneOf(&["compact", "delete"]),
    ),
    key("compression.gzip.level", Kind::Int, "-1", &[("compression.gzip.level", Scale::Same)], Valid::Between(-1, 9)),
    key("compression.lz4.level", Kind::Int, "9", &[("compression.lz4.level", Scale::Same)], Valid::Between(1, 17)),
    key("compression.type", Kind::String, "producer", &[("compression.type", Scale::Same)], Valid::OneOf(CODECS)),
    key(
        "compression.zstd.level",
        Kind::Int,
        "3",
        &[("compression.zstd.level", Scale::Same)],
        Valid::Between(-131_072, 22),
    ),
    key(
        "delete.retention.ms",
        Kind::Long,
        "86400000",
        &[("log.cleaner.delete.retention.ms", Scale::Same)],
        Valid::AtLeast(0),
    ),
    key(
        "file.delete.delay.ms",
        Kind::Long,
        "60000",
        &[("log.segment.delete.delay.ms", Scale::Same)],
        Valid::AtLeast(0),
    ),
    key(
        "flush.messages",
        Kind::Long,
        "9223372036854775807",
        &[("log.flush.interval.messages", Scale::Same)],
        Valid::AtLeast(1),
    ),
    key(
        "flush.ms",
        Kind::Long,
        "9223372036854775807",
        &[("log.flush.interval.ms", Scale::Same), ("log.flush.scheduler.interval.ms", Scale::Same)],
        Valid::AtLeast(0),
    ),
    key("follower.replication.throttled.replicas", Kind::List, "", &[], Valid::ThrottledReplicas),
    key("index.interval.bytes", Kind::Int, "4096", &[("log.index.interval.bytes", Scale::Same)], Valid::AtLeast(0)),
    key("leader.replication.throttled.replicas", Kind::List, "", &[], Valid::ThrottledReplicas),
    key("local.retention.bytes", Kind::Long, "-2", &[("log.local.retention.bytes", Scale::Same)], Valid::AtLeast(-2)),
    key("local.retention.ms", Kind::Long, "-2", &[("log.local.retention.ms", Scale::Same)], Valid::AtLeast(-2)),
    key(
        "max.compaction.lag.ms",
        Kind::Long,
        "9223372036854775807",
        &[("log.cleaner.max.compaction.lag.ms", Scale::Same)],
        Valid::AtLeast(1),
    ),
    key("max.message.bytes", Kind::Int, "1048588", &[("message.max.bytes", Scale::Same)], Valid::AtLeast(0)),
    key(
        "message.downconversion.enable",
        Kind::Boolean,
        "true",
        &[("log.message.downconversion.enable", Scale::Same)],
        Valid::Any,
    ),
    key("message.format.version", Kind::String, "3.0-IV1", &[("log.message.format.version", Scale::Same)], Valid::Any),
    key(
        "message.timestamp.after.max.ms",
        Kind::Long,
        "9223372036854775807",
        &[("log.message.timestamp.after.max.ms", Scale::Same)],
        Valid::AtLeast(0),
    ),
    key(
        "message.timestamp.before.max.ms",
        Kind::Long,
        "9223372036854775807",
        &[("log.message.timestamp.before.max.ms", Scale::Same)],
        Valid::AtLeast(0),
    ),
    key(
        "message.timestamp.difference.max.ms",
        Kind::Long,
        "9223372036854775807",
        &[("log.message.timestamp.difference.max.ms", Scale::Same)],
        Valid::AtLeast(0),
    ),
    key(
        "message.timestamp.type",
        Kind::String,
        "CreateTime",
        &[("log.message.timestamp.type", Scale::Same)],
        Valid::OneOf(&["CreateTime", "LogAppendTime"]),
    ),
    key(
        "min.cleanable.dirty.ratio",
        Kind::Double,
        "0.5",
        &[("log.cleaner.min.cleanable.ratio", Scale::Same)],
        Valid::Fraction,
    ),
    key(
        "min.compaction.lag.ms",
        Kind::Long,
        "0",
        &[("log.cleaner.min.compaction.lag.ms", Scale::Same)],
        Valid::AtLeast(0),
    ),
    key("min.insync.replicas", Kind::Int, "1", &[("min.insync.replicas", Scale::Same)], Valid::AtLeast(1)),
    key("preallocate", Kind::Boolean, "false", &[("log.preallocate", Scale::Same)], Valid::Any),
    key("remote.log.copy.disable", Kind::Boolean, "false", &[], Valid::Any),
    key("remote.log.delete.on.disable", Kind::Boolean, "false", &[], Valid::Any),
    key("remote.storage.enable", Kind::Boolean, "false", &[], Valid::Any),
    key("retention.bytes", Kind::Long, "-1", &[("log.retention.bytes", Scale::Same)], Valid::Any),
    key(
        "retention.ms",
        Kind::Long,
        "604800000",
        &[
            ("log.retention.ms", Scale::Same),
            ("log.retention.minutes", Scale::Minutes),
            ("log.retention.hours", Scale::Hours),
        ],
        Valid::AtLeast(-1),
    ),
    key("segment.bytes", Kind::Int, "1073741824", &[("log.segment.bytes", Scale::Same)], Valid::Between(14, MAX_I32)),
    key(
        "segment.index.bytes",
        Kind::Int,
        "10485760",
        &[("log.index.size.max.bytes", Scale::Same)],
        Valid::Between(4, MAX_I32),
    ),
    key(
        "segment.jitter.ms",
        Kind::Long,
        "0",
        &[("log.roll.jitter.ms", Scale::Same), ("log.roll.jitter.hours", Scale::Hours)],
        Valid::AtLeast(0),
    ),
    key(
        "segment.ms",
        Kind::Long,
        "604800000",
        &[("log.roll.ms", Scale::Same), ("log.roll.hours", Scale::Hours)],
        Valid::AtLeast(1),
    ),
    key(
        "unclean.leader.election.enable",
        Kind::Boolean,
        "false",
        &[("unclean.leader.election.enable", Scale::Same)],
        Valid::Any,
    ),
];

/// The topic key of this name.
pub fn topic_key(name: &str) -> Option<&'static TopicKey> {
    TOPIC_KEYS.binary_search_by(|key| key.name.cmp(name)).ok().map(|i| &TOPIC_KEYS[i])
}

/// Checks a value against a type and a rule.
///
/// # Errors
/// What is wrong, in the words that Kafka's tools print (`Invalid value ... for configuration ...`).
pub fn check(name: &str, kind: Kind, valid: Valid, value: &str) -> Result<(), String> {
    let fail = |why: String| Err(format!("Invalid value {value} for configuration {name}: {why}"));
    match kind {
        Kind::Boolean if !matches!(value.trim().to_ascii_lowercase().as_str(), "true" | "false") => {
            fail("Expected value to be either true or false".to_string())
        }
        Kind::Int | Kind::Short | Kind::Long => {
            let (low, high, kind) = match kind {
                Kind::Int => (i64::from(i32::MIN), i64::from(i32::MAX), "INT"),
                Kind::Short => (i64::from(i16::MIN), i64::from(i16::MAX), "SHORT"),
                _ => (i64::MIN, i64::MAX, "LONG"),
            };
            match value.trim().parse::<i64>() {
                Ok(number) if (low..=high).contains(&number) => match valid {
                    Valid::AtLeast(low) if number < low => fail(format!("Value must be at least {low}")),
                    Valid::Between(low, _) if number < low => fail(format!("Value must be at least {low}")),
                    Valid::Between(_, high) if number > high => fail(format!("Value must be no more than {high}")),
                    _ => Ok(()),
                },
                _ => fail(format!("Not a number of type {kind}")),
            }
        }
        Kind::Double => match value.trim().parse::<f64>() {
            Ok(number) if valid == Valid::Fraction && !(0.0..=1.0).contains(&number) => {
                fail("Value must be between 0 and 1".to_string())
            }
            Ok(_) => Ok(()),
            Err(_) => fail("Not a number of type DOUBLE".to_string()),
        },
        Kind::List | Kind::String => check_words(kind, valid, value).or_else(fail),
        _ => Ok(()),
    }
}

fn check_words(kind: Kind, valid: Valid, value: &str) -> Result<(), String> {
    let words: Vec<&str> = match kind {
        Kind::List => list(value).collect(),
        _ => vec![value],
    };
    match valid {
        Valid::OneOf(allowed) => match words.iter().find(|word| !allowed.contains(word)) {
            Some(_) => Err(format!("String must be one of: {}", allowed.join(", "))),
            None => Ok(()),
        },
        Valid::ThrottledReplicas => {
            let pair = |word: &str| {
                word.split_once(':').is_some_and(|(partition, broker)| {
                    partition.parse::<u32>().is_ok() && broker.parse::<u32>().is_ok()
                })
            };
            if value == "*" || words.iter().all(|word| pair(word)) {
                return Ok(());
            }
            Err("it must be the literal '*' or a list of replicas in the form [partitionId]:[brokerId]".to_string())
        }
        _ => Ok(()),
    }
}

/// The elements of a list value.
pub fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_valid_and_found_by_name() {
        for key in TOPIC_KEYS {
            assert_eq!(check(key.name, key.kind, key.valid, key.default), Ok(()), "{}", key.name);
            assert_eq!(topic_key(key.name).map(|found| found.name), Some(key.name));
        }
        assert!(topic_key("retention").is_none());
    }

    #[test]
    fn wrong_values_are_refused() {
        for (name, value) in [
            ("retention.ms", "soon"),
            ("retention.ms", "-2"),
            ("segment.bytes", "13"),
            ("segment.bytes", "2147483648"),
            ("min.cleanable.dirty.ratio", "1.5"),
            ("cleanup.policy", "delete,shrink"),
            ("compression.type", "brotli"),
            ("preallocate", "yes"),
            ("leader.replication.throttled.replicas", "1"),
        ] {
            let key = topic_key(name).expect("a key");
            assert!(check(name, key.kind, key.valid, value).is_err(), "{name}={value}");
        }
        let key = topic_key("cleanup.policy").expect("a key");
        assert_eq!(check(key.name, key.kind, key.valid, ""), Ok(()), "nothing is done to such a log");
        let key = topic_key("leader.replication.throttled.replicas").expect("a key");
        assert_eq!(check(key.name, key.kind, key.valid, "0:1, 1:2"), Ok(()));
    }
}
