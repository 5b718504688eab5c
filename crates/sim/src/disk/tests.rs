//! One test for each promise of the model, and for each thing that it does not promise.

use std::io;
use std::path::Path;

use base::Prng;
use storage::disk::{Disk, DiskFile, OpenMode};

use super::{Crash, DiskOp, SECTOR_BYTES, SimDisk};

const LOST: Crash = Crash::Power { survive_percent: 0 };
const HALF: Crash = Crash::Power { survive_percent: 50 };
const KEPT: Crash = Crash::Power { survive_percent: 100 };

fn disk(seed: u64) -> SimDisk {
    SimDisk::new(Prng::new(seed))
}

fn durable_file(disk: &SimDisk, name: &str, content: &[u8]) -> super::SimFile {
    let file = disk.open(Path::new(name), OpenMode::CreateNew).unwrap();
    file.write_at(content, 0).unwrap();
    file.sync_data().unwrap();
    disk.sync_dir(Path::new("")).unwrap();
    file
}

fn content(disk: &SimDisk, name: &str) -> Option<Vec<u8>> {
    disk.read_all(Path::new(name), 1 << 20).ok().map(|bytes| bytes.to_vec())
}

#[test]
fn synced_content_under_a_synced_name_survives_every_crash() {
    for seed in 0..50 {
        for crash in [Crash::Process, LOST, HALF, KEPT] {
            let before = disk(seed);
            durable_file(&before, "log", &[7; 5000]);
            assert_eq!(content(&before.crash(crash), "log"), Some(vec![7; 5000]), "seed {seed} {crash:?}");
        }
    }
}

#[test]
fn a_write_is_visible_at_once_and_gone_after_a_power_loss() {
    let before = disk(1);
    let file = durable_file(&before, "log", &[1; 10]);
    file.write_at(&[2; 10], 0).unwrap();
    assert_eq!(content(&before, "log"), Some(vec![2; 10]));
    assert_eq!(content(&before.crash(LOST), "log"), Some(vec![1; 10]));
}

#[test]
fn a_killed_process_keeps_the_cache_but_the_cache_stays_unsynced() {
    let before = disk(1);
    let file = durable_file(&before, "log", &[1; 10]);
    file.write_at(&[2; 10], 0).unwrap();
    let after = before.crash(Crash::Process);
    assert_eq!(content(&after, "log"), Some(vec![2; 10]));
    assert_eq!(content(&after.crash(LOST), "log"), Some(vec![1; 10]));
}

#[test]
fn a_torn_write_keeps_whole_sectors_in_any_order() {
    let (mut torn, mut later_without_earlier) = (0, 0);
    for seed in 0..200 {
        let before = disk(seed);
        let file = durable_file(&before, "log", &[1; 4 * SECTOR_BYTES]);
        file.write_at(&[2; 4 * SECTOR_BYTES], 0).unwrap();
        let after = content(&before.crash(HALF), "log").unwrap();
        let sectors: Vec<u8> = after
            .chunks(SECTOR_BYTES)
            .map(|sector| {
                assert!(sector.iter().all(|byte| *byte == sector[0]), "a sector is written whole or not at all");
                sector[0]
            })
            .collect();
        torn += usize::from(sectors.contains(&1) && sectors.contains(&2));
        later_without_earlier += usize::from(sectors[0] == 1 && sectors[3] == 2);
    }
    assert!(torn > 100 && later_without_earlier > 20, "{torn} {later_without_earlier}");
}

#[test]
fn an_unsynced_length_may_revert_or_stay_as_zeros() {
    let (mut reverted, mut zeros) = (0, 0);
    for seed in 0..100 {
        let before = disk(seed);
        let file = durable_file(&before, "log", &[1; 100]);
        file.set_len(9000).unwrap();
        file.write_at(&[2; 1000], 8000).unwrap();
        let after = content(&before.crash(LOST), "log").unwrap();
        assert_eq!(after[..100], [1; 100]);
        assert!(after[100..].iter().all(|byte| *byte == 0), "unsynced bytes were lost, so only zeros are left");
        reverted += usize::from(after.len() == 100);
        zeros += usize::from(after.len() == 9000);
    }
    assert!(reverted > 5 && zeros > 5, "{reverted} {zeros}");
}

#[test]
fn an_unsynced_cut_may_come_undone() {
    let mut undone = 0;
    for seed in 0..50 {
        let before = disk(seed);
        let file = durable_file(&before, "log", &[1; 9000]);
        file.set_len(10).unwrap();
        assert_eq!(content(&before, "log").unwrap().len(), 10);
        undone += usize::from(content(&before.crash(HALF), "log").unwrap().len() == 9000);
    }
    assert!(undone > 5, "{undone}");
    let before = disk(1);
    let file = durable_file(&before, "log", &[1; 9000]);
    file.set_len(10).unwrap();
    file.sync_data().unwrap();
    file.set_len(9000).unwrap();
    file.sync_data().unwrap();
    let after = content(&before.crash(LOST), "log").unwrap();
    assert!(after[10..].iter().all(|byte| *byte == 0), "what was cut does not come back");
}

#[test]
fn a_name_needs_its_folder_synced() {
    for sync in [false, true] {
        let before = disk(1);
        let file = before.open(Path::new("new"), OpenMode::CreateNew).unwrap();
        file.write_at(b"x", 0).unwrap();
        file.sync_data().unwrap();
        if sync {
            before.sync_dir(Path::new("")).unwrap();
        }
        assert_eq!(content(&before.crash(LOST), "new").is_some(), sync);
    }
}

#[test]
fn a_rename_is_atomic_and_volatile() {
    let mut seen = [0; 2];
    for seed in 0..100 {
        let before = disk(seed);
        durable_file(&before, "file", b"old");
        durable_file(&before, "file.tmp", b"new");
        before.rename(Path::new("file.tmp"), Path::new("file")).unwrap();
        assert_eq!(content(&before, "file"), Some(b"new".to_vec()));
        let after = before.crash(HALF);
        let (file, temporary) = (content(&after, "file").unwrap(), content(&after, "file.tmp"));
        match temporary {
            Some(_) => assert_eq!(file, b"old"),
            None => assert_eq!(file, b"new"),
        }
        seen[usize::from(file == b"new")] += 1;
    }
    assert!(seen[0] > 10 && seen[1] > 10, "{seen:?}");
}

#[test]
fn a_removed_file_may_come_back_until_the_folder_is_synced() {
    let before = disk(1);
    durable_file(&before, "file", b"old");
    before.remove_file(Path::new("file")).unwrap();
    assert_eq!(content(&before, "file"), None);
    assert_eq!(content(&before.crash(LOST), "file"), Some(b"old".to_vec()));
    let before = disk(1);
    durable_file(&before, "file", b"old");
    before.remove_file(Path::new("file")).unwrap();
    before.sync_dir(Path::new("")).unwrap();
    assert_eq!(content(&before.crash(LOST), "file"), None);
}

#[test]
fn folders_move_with_what_is_in_them() {
    let before = disk(1);
    before.create_dir_all(Path::new("/data/topic-0")).unwrap();
    let file = before.open(Path::new("/data/topic-0/log"), OpenMode::Create).unwrap();
    file.write_at(b"x", 0).unwrap();
    file.sync_all().unwrap();
    before.sync_dir(Path::new("/data/topic-0")).unwrap();
    before.rename(Path::new("/data/topic-0"), Path::new("/data/topic-0-delete")).unwrap();
    assert_eq!(before.list(Path::new("/data")).unwrap(), ["topic-0-delete"]);
    before.sync_dir(Path::new("/data")).unwrap();
    let after = before.crash(LOST);
    assert_eq!(content(&after, "/data/topic-0-delete/log"), Some(b"x".to_vec()));
    after.remove_dir_all(Path::new("data/topic-0-delete")).unwrap();
    assert!(after.list(Path::new("data")).unwrap().is_empty());
}

#[test]
fn a_failed_sync_is_not_healed_by_a_second_one() {
    let mut lost = 0;
    for seed in 0..50 {
        let before = disk(seed);
        let file = durable_file(&before, "log", &[1; 512]);
        file.write_at(&[2; 512], 0).unwrap();
        before.fail_after(DiskOp::Sync, 0);
        assert!(file.sync_data().is_err());
        file.sync_data().unwrap();
        assert_eq!(content(&before, "log"), Some(vec![2; 512]), "the cache still shows it");
        lost += usize::from(content(&before.crash(HALF), "log") == Some(vec![1; 512]));
    }
    assert!(lost > 10, "{lost}");
}

#[test]
fn a_failed_write_leaves_any_prefix() {
    let mut lengths = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let before = disk(seed);
        let file = durable_file(&before, "log", b"");
        before.fail_after(DiskOp::Write, 1);
        file.write_at(b"ab", 0).unwrap();
        assert!(file.write_at(&[7; 100], 2).is_err());
        lengths.insert(file.len().unwrap());
    }
    assert!(lengths.len() > 5, "{lengths:?}");
}

#[test]
fn a_full_disk_refuses_growth_and_serves_the_rest() {
    let before = disk(1);
    let file = durable_file(&before, "log", &[1; 100]);
    before.set_full(true);
    assert_eq!(file.write_at(&[2; 10], 95).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(file.set_len(200).unwrap_err().kind(), io::ErrorKind::StorageFull);
    let created = before.open(Path::new("new"), OpenMode::Create).map(drop);
    assert_eq!(created.unwrap_err().kind(), io::ErrorKind::StorageFull);
    file.write_at(&[2; 10], 0).unwrap();
    file.sync_data().unwrap();
    before.set_full(false);
    file.write_at(&[2; 10], 95).unwrap();
}

#[test]
fn a_write_stops_where_the_room_ends() {
    let before = disk(1);
    let file = durable_file(&before, "log", &[1; 100]);
    before.set_space(Some(30));
    file.write_at(&[2; 20], 100).unwrap();
    assert_eq!(file.write_at(&[3; 20], 120).unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(file.len().unwrap(), 130);
    assert!(file.write_at(&[3; 1], 130).is_err(), "nothing is left");
    assert_eq!(before.stats().refusals, 2);
    assert_eq!(before.stats().errors, 0);
}

#[test]
fn a_lock_is_exclusive_and_dies_with_its_process() {
    let before = disk(1);
    let lock = before.lock(Path::new("lock")).unwrap();
    assert_eq!(before.lock(Path::new("lock")).map(drop).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    let after = before.crash(Crash::Process);
    let second = after.lock(Path::new("lock")).unwrap();
    // The dead process's value is dropped late; the living lock must not notice.
    drop(lock);
    assert!(after.lock(Path::new("lock")).is_err());
    drop(second);
    after.lock(Path::new("lock")).unwrap();
}

#[test]
fn handles_of_a_dead_process_are_dead() {
    let before = disk(1);
    let file = durable_file(&before, "log", b"x");
    before.crash(Crash::Process);
    assert!(file.write_at(b"y", 0).is_err());
    assert!(before.list(Path::new("")).is_err());
}

#[test]
fn replace_atomically_leaves_old_or_new_at_every_failure() {
    for op in [DiskOp::Write, DiskOp::Sync, DiskOp::SyncDir, DiskOp::Create, DiskOp::Rename] {
        for seed in 0..20 {
            let before = disk(seed);
            before.replace_atomically(Path::new("epoch"), b"1").unwrap();
            before.fail_after(op, 0);
            assert!(before.replace_atomically(Path::new("epoch"), b"2").is_err());
            let after = content(&before.crash(HALF), "epoch").unwrap();
            assert!(after == b"1" || after == b"2", "{op:?}: {after:?}");
        }
    }
}
