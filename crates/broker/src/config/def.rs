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
    /// What it means, for people: our own words, with units and special values.
    pub documentation: &'static str,
}

const MAX_I32: i64 = i32::MAX as i64;
const CODECS: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];

const fn key(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    synonyms: &'static [(&'static str, Scale)],
    valid: Valid,
    documentation: &'static str,
) -> TopicKey {
    TopicKey { name, kind, default, synonyms, valid, documentation }
}

/// Every topic key of Kafka 3.9, in name order (`LogConfig.java`, `ServerTopicConfigSynonyms.java`).
pub const TOPIC_KEYS: &[TopicKey] = &[
    key(
        "cleanup.policy",
        Kind::List,
        "delete",
        &[("log.cleanup.policy", Scale::Same)],
        Valid::OneOf(&["compact", "delete"]),
        "What happens to old records: `delete` removes whole segments past the retention, `compact` keeps the last \
         record of each key. Both may be given; with neither, nothing is removed.",
    ),
    key(
        "compression.gzip.level",
        Kind::Int,
        "-1",
        &[("compression.gzip.level", Scale::Same)],
        Valid::Between(-1, 9),
        "Effort of gzip when the broker compresses, 1 (fast) to 9 (small); -1 is the library's own choice.",
    ),
    key(
        "compression.lz4.level",
        Kind::Int,
        "9",
        &[("compression.lz4.level", Scale::Same)],
        Valid::Between(1, 17),
        "Effort of LZ4 when the broker compresses, 1 (fast) to 17 (small).",
    ),
    key(
        "compression.type",
        Kind::String,
        "producer",
        &[("compression.type", Scale::Same)],
        Valid::OneOf(CODECS),
        "How batches are kept on disk: `producer` leaves them as they came, `uncompressed` unpacks them, and a \
         codec's name packs them anew with that codec.",
    ),
    key(
        "compression.zstd.level",
        Kind::Int,
        "3",
        &[("compression.zstd.level", Scale::Same)],
        Valid::Between(-131_072, 22),
        "Effort of Zstandard when the broker compresses, negative (fast) to 22 (small).",
    ),
    key(
        "delete.retention.ms",
        Kind::Long,
        "86400000",
        &[("log.cleaner.delete.retention.ms", Scale::Same)],
        Valid::AtLeast(0),
        "Milliseconds for which compaction keeps a tombstone, so that a reader that starts from the beginning still \
         learns of the deletion.",
    ),
    key(
        "file.delete.delay.ms",
        Kind::Long,
        "60000",
        &[("log.segment.delete.delay.ms", Scale::Same)],
        Valid::AtLeast(0),
        "Milliseconds between taking a file out of the log and removing it from the disk.",
    ),
    key(
        "flush.messages",
        Kind::Long,
        "9223372036854775807",
        &[("log.flush.interval.messages", Scale::Same)],
        Valid::AtLeast(1),
        "Records after which a log is synced to disk; by default no number of records does it.",
    ),
    key(
        "flush.ms",
        Kind::Long,
        "9223372036854775807",
        &[("log.flush.interval.ms", Scale::Same), ("log.flush.scheduler.interval.ms", Scale::Same)],
        Valid::AtLeast(0),
        "Milliseconds after which a log with records that are not synced is synced to disk; by default no time does \
         it.",
    ),
    key(
        "follower.replication.throttled.replicas",
        Kind::List,
        "",
        &[],
        Valid::ThrottledReplicas,
        "Replicas whose copying is limited on the side of the follower, as pairs `partition:broker`, or `*` for all.",
    ),
    key(
        "index.interval.bytes",
        Kind::Int,
        "4096",
        &[("log.index.interval.bytes", Scale::Same)],
        Valid::AtLeast(0),
        "Bytes of records between two entries of a segment's offset index. Fewer find a record faster, and make the \
         index larger.",
    ),
    key(
        "leader.replication.throttled.replicas",
        Kind::List,
        "",
        &[],
        Valid::ThrottledReplicas,
        "Replicas whose copying is limited on the side of the leader, as pairs `partition:broker`, or `*` for all.",
    ),
    key(
        "local.retention.bytes",
        Kind::Long,
        "-2",
        &[("log.local.retention.bytes", Scale::Same)],
        Valid::AtLeast(-2),
        "Bytes of a partition that stay on the broker's disk when tiered storage has the rest; -2 is the value of \
         `retention.bytes`.",
    ),
    key(
        "local.retention.ms",
        Kind::Long,
        "-2",
        &[("log.local.retention.ms", Scale::Same)],
        Valid::AtLeast(-2),
        "Milliseconds for which records stay on the broker's disk when tiered storage has them too; -2 is the value \
         of `retention.ms`.",
    ),
    key(
        "max.compaction.lag.ms",
        Kind::Long,
        "9223372036854775807",
        &[("log.cleaner.max.compaction.lag.ms", Scale::Same)],
        Valid::AtLeast(1),
        "Milliseconds after which a record is compacted at the latest, however little there is to gain.",
    ),
    key(
        "max.message.bytes",
        Kind::Int,
        "1048588",
        &[("message.max.bytes", Scale::Same)],
        Valid::AtLeast(0),
        "Bytes of the largest batch that is taken, counted as it is kept, that is after compression.",
    ),
    key(
        "message.downconversion.enable",
        Kind::Boolean,
        "true",
        &[("log.message.downconversion.enable", Scale::Same)],
        Valid::Any,
        "Whether clients that know only the message formats before version 2 are served, with records converted for \
         them. Without it they get an error.",
    ),
    key(
        "message.format.version",
        Kind::String,
        "3.0-IV1",
        &[("log.message.format.version", Scale::Same)],
        Valid::Any,
        "The record format as a version of Kafka. It is outdated: since 3.0 format 2 is kept whatever this says.",
    ),
    key(
        "message.timestamp.after.max.ms",
        Kind::Long,
        "9223372036854775807",
        &[("log.message.timestamp.after.max.ms", Scale::Same)],
        Valid::AtLeast(0),
        "Milliseconds that a record's timestamp may be ahead of the broker's clock; records further ahead are \
         refused. It counts only for `CreateTime`.",
    ),
    key(
        "message.timestamp.before.max.ms",
        Kind::Long,
        "9223372036854775807",
        &[("log.message.timestamp.before.max.ms", Scale::Same)],
        Valid::AtLeast(0),
        "Milliseconds that a record's timestamp may be behind the broker's clock; records further behind are refused. \
         It counts only for `CreateTime`.",
    ),
    key(
        "message.timestamp.difference.max.ms",
        Kind::Long,
        "9223372036854775807",
        &[("log.message.timestamp.difference.max.ms", Scale::Same)],
        Valid::AtLeast(0),
        "Milliseconds between a record's timestamp and the broker's clock, in both directions. It is outdated, and \
         counts where its two successors are not set.",
    ),
    key(
        "message.timestamp.type",
        Kind::String,
        "CreateTime",
        &[("log.message.timestamp.type", Scale::Same)],
        Valid::OneOf(&["CreateTime", "LogAppendTime"]),
        "Whose clock a record's timestamp is of: `CreateTime` is the producer's, `LogAppendTime` the broker's.",
    ),
    key(
        "min.cleanable.dirty.ratio",
        Kind::Double,
        "0.5",
        &[("log.cleaner.min.cleanable.ratio", Scale::Same)],
        Valid::Fraction,
        "Share of a log, 0 to 1, that must not have been compacted yet before it is compacted. A small share saves \
         disk space and costs more reading and writing.",
    ),
    key(
        "min.compaction.lag.ms",
        Kind::Long,
        "0",
        &[("log.cleaner.min.compaction.lag.ms", Scale::Same)],
        Valid::AtLeast(0),
        "Milliseconds for which compaction leaves a record alone after it was written.",
    ),
    key(
        "min.insync.replicas",
        Kind::Int,
        "1",
        &[("min.insync.replicas", Scale::Same)],
        Valid::AtLeast(1),
        "Replicas that must be in sync for a produce request with `acks=all` to be taken; with fewer it is refused.",
    ),
    key(
        "preallocate",
        Kind::Boolean,
        "false",
        &[("log.preallocate", Scale::Same)],
        Valid::Any,
        "Whether a segment's file gets its full size when it is made.",
    ),
    key(
        "remote.log.copy.disable",
        Kind::Boolean,
        "false",
        &[],
        Valid::Any,
        "Whether nothing more is copied to tiered storage, while what lies there can still be read.",
    ),
    key(
        "remote.log.delete.on.disable",
        Kind::Boolean,
        "false",
        &[],
        Valid::Any,
        "Whether what lies in tiered storage is deleted when tiered storage is turned off for the topic.",
    ),
    key(
        "remote.storage.enable",
        Kind::Boolean,
        "false",
        &[],
        Valid::Any,
        "Whether the topic's segments are copied to tiered storage.",
    ),
    key(
        "retention.bytes",
        Kind::Long,
        "-1",
        &[("log.retention.bytes", Scale::Same)],
        Valid::Any,
        "Bytes of a partition beyond which its oldest segments are deleted, when `cleanup.policy` has `delete`; -1 is \
         no limit.",
    ),
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
        "Milliseconds after which records are deleted with their segment, when `cleanup.policy` has `delete`; -1 is \
         no limit.",
    ),
    key(
        "segment.bytes",
        Kind::Int,
        "1073741824",
        &[("log.segment.bytes", Scale::Same)],
        Valid::Between(14, MAX_I32),
        "Bytes at which a new segment begins. Retention and compaction work on whole segments.",
    ),
    key(
        "segment.index.bytes",
        Kind::Int,
        "10485760",
        &[("log.index.size.max.bytes", Scale::Same)],
        Valid::Between(4, MAX_I32),
        "Bytes of a segment's offset index at most; a new segment begins when it is full.",
    ),
    key(
        "segment.jitter.ms",
        Kind::Long,
        "0",
        &[("log.roll.jitter.ms", Scale::Same), ("log.roll.jitter.hours", Scale::Hours)],
        Valid::AtLeast(0),
        "Milliseconds, chosen at random up to this, by which a segment ends earlier, so that not all logs begin new \
         ones at once.",
    ),
    key(
        "segment.ms",
        Kind::Long,
        "604800000",
        &[("log.roll.ms", Scale::Same), ("log.roll.hours", Scale::Hours)],
        Valid::AtLeast(1),
        "Milliseconds after which a new segment begins although the last one is not full, so that its records can be \
         deleted or compacted.",
    ),
    key(
        "unclean.leader.election.enable",
        Kind::Boolean,
        "false",
        &[("unclean.leader.election.enable", Scale::Same)],
        Valid::Any,
        "Whether a replica that is not in sync may become the leader when no other is left. Records can be lost by it.",
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
