//! The offline tools on a folder that Apache ZooKeeper 3.9.5 wrote, whole and damaged.
#![allow(clippy::disallowed_methods, reason = "a test makes its own damage")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use storage::disk::Disk;
use storage::file_disk::FileDisk;
use storage::zk::error::StoreError;
use storage::zk::inspect::compare::compare;
use storage::zk::inspect::folder;
use storage::zk::inspect::log::{self, Damage};
use storage::zk::inspect::repair::{self, BACKUP_PREFIX};
use storage::zk::inspect::snapshot::{self, DigestState};
use storage::zk::restore::RestoreOptions;
use storage::zk::synced;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/zookeeper/data-3.9.5/version-2").join(name)
}

/// A copy of the folder's logs that may be damaged.
fn copy(names: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a folder");
    for name in names {
        std::fs::copy(fixture(name), dir.path().join(name)).expect("the fixture is there");
    }
    let first = dir.path().join(names[0]);
    (dir, first)
}

fn report(path: &Path) -> log::Report {
    log::walk(&FileDisk, path, &mut |_| Ok(ControlFlow::Continue(()))).expect("a readable file")
}

/// (offset, zxid) of each entry.
fn entries(path: &Path) -> Vec<(u64, i64)> {
    let mut seen = Vec::new();
    log::walk(&FileDisk, path, &mut |entry| {
        assert!(entry.transaction.is_ok(), "{entry:?}");
        seen.push((entry.offset, entry.zxid));
        Ok(ControlFlow::Continue(()))
    })
    .expect("a readable file");
    seen
}

fn change(path: &Path, offset: u64, change: impl Fn(u8) -> u8) {
    let mut bytes = std::fs::read(path).expect("a readable file");
    bytes[offset as usize] = change(bytes[offset as usize]);
    std::fs::write(path, bytes).expect("a writable file");
}

#[test]
fn a_whole_log_has_all_its_transactions() {
    let whole = report(&fixture("log.1"));
    assert_eq!((whole.entries, whole.zxids, whole.damage), (42, Some((1, 0x2a)), vec![]));
    let zxids: Vec<i64> = entries(&fixture("log.1")).into_iter().map(|(_, zxid)| zxid).collect();
    assert_eq!(zxids, (1..=0x2a).collect::<Vec<i64>>());
}

#[test]
fn a_walk_may_end_early() {
    let mut seen = 0;
    let some = log::walk(&FileDisk, &fixture("log.1"), &mut |entry| {
        seen += 1;
        Ok(if entry.zxid == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    });
    assert_eq!((seen, some.expect("a readable file").entries), (3, 3));
}

#[test]
fn damage_is_named_with_its_offset() {
    let all = entries(&fixture("log.1"));
    let (offset, _) = all[10];
    let end = report(&fixture("log.1")).end;
    type Bytes = fn(&mut Vec<u8>, usize);
    let table: [(&str, u64, Bytes, &str); 5] = [
        ("a byte of a payload", offset, |bytes, at| bytes[at + 20] ^= 1, "an entry with a wrong checksum"),
        ("an end mark", all[11].0, |bytes, at| bytes[at - 1] = 0, "an entry that is cut off or has no end mark"),
        ("the file's end", offset, |bytes, at| bytes.truncate(at + 15), "an entry that is cut off or has no end mark"),
        ("padding", end, |bytes, at| bytes[at + 900] = 7, "the padding begins, but there are bytes up to offset"),
        (
            "a hole",
            offset,
            |bytes, at| bytes[at..at + 12].fill(0),
            "the padding begins, but there are bytes up to offset",
        ),
    ];
    for (what, at, damage, expected) in table {
        let (_dir, path) = copy(&["log.1"]);
        let mut bytes = std::fs::read(&path).expect("a readable file");
        damage(&mut bytes, at as usize);
        std::fs::write(&path, bytes).expect("a writable file");
        let found = report(&path).damage;
        assert_eq!(found.len(), 1, "{what}: {found:?}");
        assert!(found[0].what.starts_with(expected), "{what}: {found:?}");
        assert!(found[0].offset <= at, "{what}: {found:?}");
    }
    let (_dir, path) = copy(&["log.1"]);
    change(&path, 0, |_| b'X');
    assert_eq!(report(&path).damage, [Damage { offset: 0, what: "it does not begin with a log's header".into() }]);
    std::fs::write(&path, b"").expect("a writable file");
    assert_eq!(report(&path).damage, [Damage { offset: 0, what: "the file is empty".into() }]);
}

#[test]
fn a_gap_between_transactions_is_damage_although_every_entry_is_whole() {
    let (_dir, path) = copy(&["log.1"]);
    let all = entries(&path);
    let mut bytes = std::fs::read(&path).expect("a readable file");
    bytes.drain(all[5].0 as usize..all[6].0 as usize);
    std::fs::write(&path, bytes).expect("a writable file");
    let found = report(&path).damage;
    assert_eq!(found[0].what, "the transactions between 0x5 and 0x7 are missing");
}

#[test]
fn a_repair_seals_what_makes_sense() {
    let (_dir, path) = copy(&["log.1", "log.2b"]);
    let (offset, zxid) = entries(&path)[10];
    // The checksum itself: the transaction is as it was.
    change(&path, offset + 7, |byte| byte ^ 1);
    let plan = repair::plan(&FileDisk, &path).expect("a readable file");
    assert_eq!((plan.sealed.as_slice(), plan.cut, plan.later.len()), (&[(offset, zxid)][..], None, 0));
    let copies = repair::repair(&FileDisk, &path, &plan).expect("a writable folder");
    assert_eq!(std::fs::read(&path).expect("readable"), std::fs::read(fixture("log.1")).expect("readable"));
    assert_eq!(copies, [path.with_file_name(format!("{BACKUP_PREFIX}log.1"))]);
    assert!(repair::plan(&FileDisk, &path).expect("a readable file").is_empty());
}

#[test]
fn a_repair_cuts_what_makes_none_and_sets_later_logs_aside() {
    let (dir, path) = copy(&["log.1", "log.2b"]);
    std::fs::write(dir.path().join(synced::FILE_NAME), b"a mark").expect("a writable folder");
    let (offset, zxid) = entries(&path)[10];
    change(&path, offset + 8, |_| 0x7f);
    let plan = repair::plan(&FileDisk, &path).expect("a readable file");
    assert_eq!((plan.cut, plan.last_zxid), (Some(offset), Some(zxid - 1)));
    repair::repair(&FileDisk, &path, &plan).expect("a writable folder");
    let left = report(&path);
    assert_eq!((left.zxids, left.damage), (Some((1, zxid - 1)), vec![]));
    let mut names: Vec<_> =
        std::fs::read_dir(dir.path()).expect("a folder").map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort();
    assert_eq!(names, [format!("{BACKUP_PREFIX}log.1").as_str(), &format!("{BACKUP_PREFIX}log.2b"), "log.1"]);
    // A second repair must not write over the first copy.
    change(&path, 20, |byte| byte ^ 1);
    let plan = repair::plan(&FileDisk, &path).expect("a readable file");
    let again = repair::repair(&FileDisk, &path, &plan).expect_err("the copy is there");
    assert_eq!(again.kind(), std::io::ErrorKind::AlreadyExists);
}

#[test]
fn a_snapshot_is_counted_and_its_digest_is_right() {
    let whole = snapshot::walk(&FileDisk, &fixture("snapshot.2a"), 1 << 20, &mut |_| Ok(())).expect("a whole file");
    assert_eq!((whole.zxid, whole.nodes, whole.sessions, whole.acls), (Some(0x2a), 10, 0, 3));
    assert_eq!(whole.digest_state(), DigestState::Same);
    let first = snapshot::walk(&FileDisk, &fixture("snapshot.0"), 1 << 20, &mut |_| Ok(())).expect("a whole file");
    assert_eq!(first.digest_state(), DigestState::Absent, "zeros before the first transaction");
    let mut wrong = whole;
    wrong.digest += 1;
    assert_eq!(wrong.digest_state(), DigestState::Differs);
    wrong.zxid = Some(0x29);
    assert_eq!(wrong.digest_state(), DigestState::Fuzzy, "writes ran beside it");
}

#[test]
fn a_damaged_snapshot_is_not_whole() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("copy");
    let bytes = std::fs::read(fixture("snapshot.2a")).expect("readable");
    for at in (16..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        std::fs::write(&path, &damaged).expect("a writable folder");
        assert!(snapshot::walk(&FileDisk, &path, 1 << 20, &mut |_| Ok(())).is_err(), "byte {at}");
    }
}

#[test]
fn snapshots_are_compared_node_by_node() {
    let (left, right) = (fixture("snapshot.0"), fixture("snapshot.2a"));
    assert!(compare(&FileDisk, &right, &right, 1 << 20).expect("whole files").is_equal());
    let found = compare(&FileDisk, &left, &right, 1 << 20).expect("whole files");
    let added: Vec<&str> = found.differences.iter().filter(|d| d.left.is_none()).map(|d| d.path.as_str()).collect();
    assert_eq!(added.len(), 6, "{added:?}");
    let root = &found.differences[0];
    assert_eq!((root.path.as_str(), root.fields()), ("/", vec!["pzxid", "cversion"]));
    assert!(matches!(compare(&FileDisk, &left, &left.with_file_name("none"), 1 << 20), Err((true, _))));
}

#[test]
fn a_folder_is_checked_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let version = dir.path().join("version-2");
    std::fs::create_dir(&version).unwrap();
    let names = ["log.1", "log.2b", "snapshot.0", "snapshot.2a"];
    for name in names {
        std::fs::copy(fixture(name), version.join(name)).unwrap();
    }
    let content = || -> Vec<(String, Vec<u8>)> {
        let names = FileDisk.list(&version).unwrap();
        names.into_iter().map(|name| (name.clone(), std::fs::read(version.join(&name)).unwrap())).collect()
    };
    let check = || folder::check(FileDisk, dir.path(), None, RestoreOptions::default());
    let before = content();
    let report = check().unwrap();
    assert_eq!((report.snapshot_zxid, report.digest_mismatches, report.notes.len()), (Some(0x2a), 0, 0));
    assert!(report.last_zxid > 0x2a && report.nodes > 4, "{report:?}");
    // From the first snapshot every transaction is replayed, and the same tree comes of it.
    std::fs::remove_file(version.join("snapshot.2a")).unwrap();
    let from_the_start = check().unwrap();
    assert_eq!((from_the_start.snapshot_zxid, from_the_start.digest_mismatches), (Some(0), 0));
    assert_eq!((from_the_start.nodes, from_the_start.digest), (report.nodes, report.digest));
    // A transaction with another content under a right checksum: only the digest tells.
    let path = version.join("log.1");
    let (offset, zxid) = entries(&path).into_iter().find(|(offset, _)| is_create(&path, *offset)).unwrap();
    change(&path, offset + 12 + 24, |byte| byte ^ 1);
    seal(&path, offset);
    let other = check().unwrap();
    assert_eq!(other.first_mismatch, Some(zxid), "{other:?}");
    // A log that is gone.
    std::fs::remove_file(path).unwrap();
    assert!(matches!(check().unwrap_err(), StoreError::LogGap { before: 0, .. }));
    assert_eq!(content().len(), before.len() - 2, "nothing was made or removed by the checks");
}

/// Whether the entry at `offset` is a create (1 or 15).
fn is_create(path: &Path, offset: u64) -> bool {
    let bytes = std::fs::read(path).unwrap();
    let at = offset as usize + 12 + 28;
    matches!(u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()), 1 | 15)
}

/// Makes the checksum of the entry at `offset` right again.
fn seal(path: &Path, offset: u64) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = offset as usize;
    let len = u32::from_be_bytes(bytes[at + 8..at + 12].try_into().unwrap()) as usize;
    let checksum = u64::from(base::checksum::adler32(&bytes[at + 12..at + 12 + len]));
    bytes[at..at + 8].copy_from_slice(&checksum.to_be_bytes());
    std::fs::write(path, bytes).unwrap();
}
