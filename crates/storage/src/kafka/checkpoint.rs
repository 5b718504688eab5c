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

/// What a damaged checkpoint is renamed to, in front of its name.
pub const SET_ASIDE: &str = "castlekeep.damaged.";

/// As [`read_offsets`], but a file that makes no sense is renamed and counts as empty, as upstream takes it for: every
/// checkpoint says what else costs only time to find out, but the log starts, without which deleted records of segments that
/// are still there come back. The line for the log is put to `warnings`.
///
/// # Errors
/// As the disk reports them.
pub fn read_or_set_aside<D: Disk>(disk: &D, dir: &Path, name: &str, warnings: &mut Vec<String>) -> io::Result<Offsets> {
    let path = dir.join(name);
    let damage = match read_offsets(disk, &path) {
        Err(e) if e.kind() == io::ErrorKind::InvalidData => e,
        read => return read,
    };
    let aside = dir.join(format!("{SET_ASIDE}{name}"));
    disk.rename(&path, &aside).map_err(|e| super::context(e, "renaming", &path))?;
    disk.sync_dir(dir).map_err(|e| super::context(e, "syncing the folder", dir))?;
    warnings.push(format!("begun anew, and the damaged file is kept as {}: {damage}", aside.display()));
    Ok(Offsets::new())
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
    fn a_damaged_checkpoint_is_set_aside_and_counts_as_empty() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(LOG_START);
        std::fs::write(&path, "0\n2\na 0 1\n").unwrap();
        for expected in [1, 0] {
            let mut warnings = Vec::new();
            let read = read_or_set_aside(&FileDisk, dir.path(), LOG_START, &mut warnings).unwrap();
            assert_eq!((read.len(), warnings.len()), (0, expected), "{warnings:?}");
        }
        assert!(!path.exists());
        let aside = dir.path().join("castlekeep.damaged.log-start-offset-checkpoint");
        assert_eq!(std::fs::read_to_string(aside).unwrap(), "0\n2\na 0 1\n");
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
