//! Names of files and folders (upstream: `LogFileUtils`, `UnifiedLog`).

use broker::TopicPartition;

/// Longest file name that a file system takes.
const NAME_BYTES_MAX: usize = 255;

/// Suffix of a file or folder that is to be removed.
pub const DELETED: &str = ".deleted";
/// Suffix of a cleaner's unfinished output.
pub const CLEANED: &str = ".cleaned";
/// Suffix of a cleaner's finished output that still replaces its sources.
pub const SWAP: &str = ".swap";

/// Suffix of a partition's folder that is to be removed.
pub const DELETE: &str = "-delete";
/// Suffix of a folder that a partition is copied into from another log folder.
pub const FUTURE: &str = "-future";

/// `00000000000000000042.log` and its like: 20 digits and a suffix without dot.
pub fn file_name(base_offset: i64, suffix: &str) -> String {
    format!("{base_offset:020}.{suffix}")
}

/// The offset and the rest after the dot of a file named as [`file_name`] does.
pub fn parse_file_name(name: &str) -> Option<(i64, &str)> {
    let (digits, suffix) = name.split_once('.')?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some((digits.parse().ok()?, suffix))
}

/// What a folder below a log folder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FolderKind {
    /// A partition in use.
    Partition(TopicPartition),
    /// `<topic>-<p>.<hex>-delete`: to be removed.
    Delete,
    /// `<topic>-<p>.<hex>-future`: a copy on its way between log folders; of which partition, when the name says it.
    Future(Option<TopicPartition>),
    /// `<topic>-<p>.<hex>-stray`: found where it no longer belonged.
    Stray,
    /// None of Kafka's.
    Other,
}

/// What the folder's name says.
pub fn parse_folder_name(name: &str) -> FolderKind {
    if name.ends_with(DELETE) {
        return FolderKind::Delete;
    }
    if name.ends_with(FUTURE) {
        let partition = name.rsplit_once('.').and_then(|(partition, _)| parse_partition(partition));
        return FolderKind::Future(partition);
    }
    if name.ends_with("-stray") {
        return FolderKind::Stray;
    }
    parse_partition(name).map_or(FolderKind::Other, FolderKind::Partition)
}

/// `<topic>-<p>`.
fn parse_partition(name: &str) -> Option<TopicPartition> {
    let (topic, partition) = name.rsplit_once('-')?;
    let numeric = !partition.is_empty() && partition.bytes().all(|b| b.is_ascii_digit());
    let partition = partition.parse::<i32>().ok().filter(|_| numeric && is_topic_name(topic))?;
    Some(TopicPartition::new(topic.to_string(), partition))
}

fn is_topic_name(topic: &str) -> bool {
    !topic.is_empty()
        && topic != "."
        && topic != ".."
        && topic.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// The name of a folder that a partition is copied into; `None` when it would be longer than a file system takes.
/// `unique` is any number not used before.
pub fn future_folder_name(partition: &TopicPartition, unique: u128) -> Option<String> {
    let name = format!("{partition}.{unique:032x}{FUTURE}");
    (name.len() <= NAME_BYTES_MAX).then_some(name)
}

/// The name of a folder that is to go: the topic is cut so that the name stays within 255 bytes. `unique` is any
/// number not used before.
pub fn delete_folder_name(partition: &TopicPartition, unique: u128) -> String {
    let suffix = format!("-{}.{unique:032x}{DELETE}", partition.partition);
    let topic: &str = &partition.topic;
    let keep = topic.len().min(NAME_BYTES_MAX - suffix.len());
    format!("{}{suffix}", &topic[..keep])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files() {
        assert_eq!(file_name(42, "log"), "00000000000000000042.log");
        assert_eq!(parse_file_name("00000000000000000042.log"), Some((42, "log")));
        assert_eq!(parse_file_name("00000000000000000042.log.deleted"), Some((42, "log.deleted")));
        assert_eq!(parse_file_name("9223372036854775807.index"), Some((i64::MAX, "index")));
        for other in ["leader-epoch-checkpoint", "partition.metadata", ".log", "99999999999999999999.log", "-1.log"] {
            assert_eq!(parse_file_name(other), None, "{other}");
        }
    }

    #[test]
    fn folders() {
        let of = |topic: &str, p| FolderKind::Partition(TopicPartition::new(topic.to_string(), p));
        let cases = [
            ("orders-0", of("orders", 0)),
            ("a-b-12", of("a-b", 12)),
            ("__consumer_offsets-49", of("__consumer_offsets", 49)),
            ("orders-0.0123456789abcdef0123456789abcdef-delete", FolderKind::Delete),
            (
                "orders-0.0123456789abcdef0123456789abcdef-future",
                FolderKind::Future(Some(TopicPartition::new("orders", 0))),
            ),
            ("orders-future", FolderKind::Future(None)),
            ("orders-0.0123456789abcdef0123456789abcdef-stray", FolderKind::Stray),
            ("orders", FolderKind::Other),
            ("orders-", FolderKind::Other),
            ("orders-+1", FolderKind::Other),
            ("-1", FolderKind::Other),
            ("b\u{f6}se-1", FolderKind::Other),
            ("lost+found", FolderKind::Other),
        ];
        for (name, kind) in cases {
            assert_eq!(parse_folder_name(name), kind, "{name}");
        }
        let long = TopicPartition::new("t".repeat(249), 7);
        let name = delete_folder_name(&long, 5);
        assert_eq!(name.len(), 255);
        assert_eq!(parse_folder_name(&name), FolderKind::Delete);
        assert_eq!(future_folder_name(&long, 5), None);
        let of = TopicPartition::new("a.b-c", 7);
        let name = future_folder_name(&of, 5).expect("short enough");
        assert_eq!(parse_folder_name(&name), FolderKind::Future(Some(of)));
    }
}
