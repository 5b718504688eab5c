//! The text checkpoints (upstream: `CheckpointFile`, `OffsetCheckpointFile`, `LeaderEpochCheckpointFile`): a line with
//! the version `0`, a line with the number of entries, one line per entry. Replaced atomically.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use broker::TopicPartition;
use broker::log::leader_epoch::EpochEntry;

use super::damaged;
use crate::disk::Disk;

/// Largest checkpoint that is read: a million partitions with long names.
const BYTES_MAX: u64 = 256 << 20;

/// First offset not known to be on disk, per partition.
pub const RECOVERY_POINT: &str = "recovery-point-offset-checkpoint";
/// Log start offsets above the first segment's base.
pub const LOG_START: &str = "log-start-offset-checkpoint";
/// High watermarks.
pub const HIGH_WATERMARK: &str = "replication-offset-checkpoint";
/// Where compaction goes on.
pub const CLEANER: &str = "cleaner-offset-checkpoint";
/// A partition's leader epochs.
pub const LEADER_EPOCH: &str = "leader-epoch-checkpoint";

/// Offsets by partition.
pub type Offsets = BTreeMap<TopicPartition, i64>;

/// Reads an offset checkpoint; an absent file is an empty one.
///
/// # Errors
/// As the disk reports them; `InvalidData` names the file and the line that makes no sense.
pub fn read_offsets<D: Disk>(disk: &D, path: &Path) -> io::Result<Offsets> {
    let mut offsets = Offsets::new();
    for line in read_lines(disk, path)? {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let parsed = match fields[..] {
            [topic, partition, offset] => {
                partition.parse::<i32>().ok().zip(offset.parse::<i64>().ok()).map(|numbers| {
                    offsets.insert(TopicPartition::new(topic.to_string(), numbers.0), numbers.1);
                })
            }
            _ => None,
        };
        parsed.ok_or_else(|| malformed(path, &line, "topic partition offset"))?;
    }
    Ok(offsets)
}

/// The text of an offset checkpoint.
pub fn offsets_text(offsets: &Offsets) -> String {
    let lines = offsets.iter().map(|(tp, offset)| format!("{} {} {offset}\n", tp.topic, tp.partition));
    text(offsets.len(), lines)
}

/// Reads a partition's leader epochs; an absent file is an empty one.
///
/// # Errors
/// As [`read_offsets`].
pub fn read_epochs<D: Disk>(disk: &D, path: &Path) -> io::Result<Vec<EpochEntry>> {
    let mut entries = Vec::new();
    for line in read_lines(disk, path)? {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let entry = match fields[..] {
            [epoch, offset] => epoch.parse::<i32>().ok().zip(offset.parse::<i64>().ok()),
            _ => None,
        };
        let (epoch, start_offset) = entry.ok_or_else(|| malformed(path, &line, "epoch offset"))?;
        entries.push(EpochEntry { epoch, start_offset });
    }
    Ok(entries)
}

/// The text of a leader epoch checkpoint.
pub fn epochs_text(entries: &[EpochEntry]) -> String {
    text(entries.len(), entries.iter().map(|entry| format!("{} {}\n", entry.epoch, entry.start_offset)))
}

fn text(count: usize, lines: impl Iterator<Item = String>) -> String {
    let mut out = format!("0\n{count}\n");
    out.extend(lines);
    out
}

fn malformed(path: &Path, line: &str, expected: &str) -> io::Error {
    damaged(path, format!("the line {line:?} should be '{expected}'; remove the file to have it rebuilt"))
}

/// The entry lines. Reads one entry past the count as an error, as upstream does.
fn read_lines<D: Disk>(disk: &D, path: &Path) -> io::Result<Vec<String>> {
    let content = match disk.read_all(path, BYTES_MAX) {
        Ok(content) => content,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(super::context(e, "reading", path)),
    };
    if content.is_empty() {
        return Ok(Vec::new());
    }
    let text = std::str::from_utf8(&content).map_err(|_| damaged(path, "not a text file"))?;
    let mut lines = text.lines();
    match lines.next().map(str::trim) {
        Some("0") => {}
        version => return Err(damaged(path, format!("version {version:?} is not known, 0 is"))),
    }
    let count = lines.next().and_then(|line| line.trim().parse::<usize>().ok());
    let entries: Vec<String> = lines.filter(|line| !line.trim().is_empty()).map(str::to_string).collect();
    if count != Some(entries.len()) {
        let found = entries.len();
        return Err(damaged(path, format!("{count:?} entries announced, {found} found; remove it to have it rebuilt")));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_disk::FileDisk;

    #[test]
    fn offsets_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(RECOVERY_POINT);
        assert_eq!(read_offsets(&FileDisk, &path).unwrap(), Offsets::new());
        let offsets = Offsets::from([
            (TopicPartition::new("b", 0), 17),
            (TopicPartition::new("a", 11), 0),
            (TopicPartition::new("a", 2), 5),
        ]);
        let text = offsets_text(&offsets);
        assert_eq!(text, "0\n3\na 2 5\na 11 0\nb 0 17\n");
        FileDisk.replace_atomically(&path, text.as_bytes()).unwrap();
        assert_eq!(read_offsets(&FileDisk, &path).unwrap(), offsets);
    }

    #[test]
    fn damage_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x");
        for bad in
            ["1\n0\n", "0\n2\na 0 1\n", "0\n1\na 0 1\nb 0 1\n", "0\n1\na 0\n", "0\n1\na 0 x\n", "0\nx\n", "\u{1}"]
        {
            std::fs::write(&path, bad).unwrap();
            let error = read_offsets(&FileDisk, &path).expect_err(bad);
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        }
    }

    #[test]
    fn epochs_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(LEADER_EPOCH);
        let entries = [EpochEntry { epoch: 0, start_offset: 0 }, EpochEntry { epoch: 4, start_offset: 90 }];
        assert_eq!(epochs_text(&entries), "0\n2\n0 0\n4 90\n");
        std::fs::write(&path, epochs_text(&entries)).unwrap();
        assert_eq!(read_epochs(&FileDisk, &path).unwrap(), entries);
    }
}
