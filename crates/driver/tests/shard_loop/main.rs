//! A shard's loop on real files: what is a job and what is done at once, restarts, retention, and a disk that fails.

mod bench;
#[path = "../support/failing_disk.rs"]
mod failing_disk;
mod log_dirs;

use std::sync::atomic::Ordering;

use broker::TopicPartition;
use broker::shard::{LogConfig, ShardCommand, ShardEvent, ShardNotice};
use driver::world::Lane;
use storage::disk::Disk;
use storage::file_disk::FileDisk;

use crate::bench::{Bench, batch, id};

#[test]
fn appends_and_warm_fetches_need_no_job() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut bench = Bench::open(dir.path(), LogConfig::default());
    for n in 0..10 {
        assert_eq!(bench.produce(b"value"), (0, n));
    }
    assert!(bench.shard.world_mut().jobs.is_empty());
    let one = batch(b"value").len() as u32;
    assert_eq!(bench.fetch(0), (0, 10 * one, Vec::new()));
    assert_eq!(bench.fetch(7), (0, 3 * one, Vec::new()));
    assert_eq!(bench.fetch(11), (1, 0, Vec::new()));
    bench.stop();
}

#[test]
fn a_clean_stop_and_a_crash_both_keep_every_record() {
    let dir = tempfile::tempdir().expect("a folder");
    let small = || LogConfig { segment_bytes: 300, ..LogConfig::default() };
    let mut bench = Bench::open(dir.path(), small());
    for n in 0..20 {
        assert_eq!(bench.produce(b"value").1, n);
    }
    assert!(bench.run_jobs().contains(&Lane::Sync), "rolled segments are synced");
    bench.stop();
    assert!(dir.path().join(".kafka_cleanshutdown").exists());
    let mut bench = Bench::open(dir.path(), small());
    assert_eq!(bench.produce(b"value").1, 20);
    bench.run_jobs();
    let (code, bytes, lanes) = bench.fetch(0);
    assert!(code == 0 && bytes > 0);
    assert_eq!(lanes, [Lane::Read], "a cold segment is looked into elsewhere");
    // A crash: nothing is flushed or closed.
    drop(bench);
    let mut bench = Bench::open(dir.path(), small());
    assert_eq!(bench.produce(b"value").1, 21);
    bench.stop();
}

#[test]
fn retention_deletes_old_segments_and_moves_the_log_start() {
    let dir = tempfile::tempdir().expect("a folder");
    let config = LogConfig { segment_bytes: 300, retention_bytes: 600, ..LogConfig::default() };
    let mut bench = Bench::open(dir.path(), config);
    for _ in 0..40 {
        bench.produce(b"value");
    }
    bench.run_jobs();
    let start = |bench: &Bench| bench.shard.shard().partition(&id()).expect("led").log_start_offset();
    assert_eq!(start(&bench), 0);
    bench.shard.world_mut().now_ms.set(31_000);
    bench.shard.turn([]);
    let moved = start(&bench);
    assert!(moved > 0 && moved < 40, "{moved}");
    assert_eq!(bench.fetch(0).0, 1, "gone");
    assert_eq!(bench.fetch(moved).0, 0);
    let files = || std::fs::read_dir(dir.path().join("t-0")).expect("a folder").count();
    let before = files();
    bench.shard.world_mut().now_ms.set(31_000 + 60_000);
    bench.shard.turn([]);
    assert!(bench.run_jobs().contains(&Lane::Bulk));
    assert!(files() < before, "removed after file.delete.delay.ms");
    bench.stop();
}

#[test]
fn a_failed_sync_takes_the_log_folder_offline_and_is_not_retried() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut bench = Bench::open(dir.path(), LogConfig { flush_messages: 1, ..LogConfig::default() });
    assert_eq!(bench.produce(b"value"), (0, 0));
    assert_eq!(bench.run_jobs(), [Lane::Sync]);
    bench.shard.world_mut().disk.fails.store(true, Ordering::Relaxed);
    assert_eq!(bench.produce(b"value"), (0, 1));
    assert_eq!(bench.run_jobs(), [Lane::Sync], "one sync, not two");
    bench.shard.world_mut().disk.fails.store(false, Ordering::Relaxed);
    assert!(bench.dirs.has_failed(0));
    assert!(matches!(bench.shard.world_mut().notices.last(), Some(ShardNotice::LogDirOffline { .. })));
    let fatal = bench.shard.world_mut().fatal.clone().expect("the last folder is gone");
    assert!(fatal.contains("the platter is gone"), "{fatal}");
    assert_eq!(bench.produce(b"value"), (56, -1));
    assert_eq!(bench.fetch(0).0, 56);
    bench.event(ShardEvent::Command(ShardCommand::ShutDown));
    bench.run_jobs();
    assert!(!dir.path().join(".kafka_cleanshutdown").exists(), "what follows recovers");
}

#[test]
fn a_deleted_partition_leaves_its_folder_at_once_and_can_be_made_again() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut bench = Bench::open(dir.path(), LogConfig { file_delete_delay_ms: 0, ..LogConfig::default() });
    bench.produce(b"value");
    let stop = ShardCommand::StopPartition { partition: id(), leader_epoch: -2, delete: true };
    bench.event(ShardEvent::Command(stop));
    assert!(!dir.path().join("t-0").exists());
    let gone = ShardNotice::Stopped { partition: id(), deleted: true };
    assert_eq!(bench.shard.world_mut().notices.last(), Some(&gone));
    bench.shard.turn([]);
    bench.run_jobs();
    let left: Vec<String> = FileDisk.list(dir.path()).expect("a folder");
    assert!(left.iter().all(|name| !name.ends_with("-delete")), "{left:?}");
    assert_eq!(bench.produce(b"value").0, 6, "not led here");
    drop(bench);
    let mut bench = Bench::open(dir.path(), LogConfig::default());
    assert_eq!(bench.produce(b"value"), (0, 0), "a new log");
    bench.stop();
}

#[test]
fn a_full_disk_refuses_producers_serves_consumers_and_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().expect("a folder");
    let small = || LogConfig { segment_bytes: 300, ..LogConfig::default() };
    let mut bench = Bench::open(dir.path(), small());
    for n in 0..10 {
        assert_eq!(bench.produce(b"value"), (0, n));
    }
    bench.run_jobs();
    bench.set_full(true);
    // Some of them need a new segment, all of them are written by half.
    for _ in 0..5 {
        assert_eq!(bench.produce(b"another value"), (56, -1), "KAFKA_STORAGE_ERROR");
    }
    bench.shard.world_mut().now_ms.set(61_000);
    bench.shard.turn([]);
    bench.run_jobs();
    assert!(!bench.dirs.has_failed(0), "the folder stays");
    assert_eq!(bench.shard.world_mut().fatal, None);
    assert_eq!(bench.records(), 10, "everything that was acknowledged, nothing else");
    let notes = bench.shard.world_mut().notes.clone();
    assert_eq!(notes.iter().filter(|note| note.contains("is full")).count(), 1, "said once: {notes:?}");
    // A partition made meanwhile waits for its log.
    let other = TopicPartition::new("u", 0);
    bench.lead(other.clone(), small());
    bench.run_jobs();
    assert!(bench.shard.shard().is_opening(&other));

    bench.set_full(false);
    assert_eq!(bench.produce(b"value"), (0, 10), "at the offset that was refused before");
    bench.shard.world_mut().now_ms.set(63_000);
    bench.shard.turn([]);
    bench.run_jobs();
    assert_eq!(bench.shard.shard().partition(&other).map(|led| led.log_end_offset()), Some(0));
    assert_eq!(bench.produce(b"value"), (0, 11));
    assert!(bench.shard.world_mut().notes.iter().any(|note| note.contains("has space again")));
    // What the full disk kept from being checkpointed is written now: a crash loses nothing.
    drop(bench);
    let mut bench = Bench::open(dir.path(), small());
    assert_eq!(bench.produce(b"value"), (0, 12));
    assert_eq!(bench.records(), 13);
    bench.stop();
}

/// Broker seed 225: recovery reads what lies above the recovery point, and believes the file of leader epochs below.
#[test]
fn the_recovery_point_waits_for_a_leader_epoch_that_found_no_room_twice() {
    let dir = tempfile::tempdir().expect("a folder");
    let flushed = || LogConfig { flush_messages: 1, ..LogConfig::default() };
    let mut bench = Bench::open(dir.path(), flushed());
    for n in 0..3 {
        assert_eq!(bench.produce(b"value"), (0, n));
        bench.run_jobs();
    }
    bench.set_full(true);
    bench.lead_in_epoch(1, id(), flushed());
    bench.run_jobs();
    bench.set_full(false);
    assert_eq!(bench.produce(b"value"), (0, 3));
    // The second try is on its way behind the flush, and finds no room either.
    bench.shard.world_mut().now_ms.set(2_000);
    bench.shard.turn([]);
    bench.set_full(true);
    assert_eq!(bench.run_jobs(), [Lane::Sync, Lane::Sync]);
    bench.set_full(false);
    let recovery_point = || {
        let text = std::fs::read_to_string(dir.path().join("recovery-point-offset-checkpoint")).expect("a checkpoint");
        text.lines().last().map(str::to_owned)
    };
    bench.shard.world_mut().now_ms.set(61_000);
    bench.shard.turn([]);
    bench.run_one(Lane::Bulk);
    assert_eq!(recovery_point().as_deref(), Some("t 0 3"), "the epoch of the batch at 3 is not on disk");
    // The epochs are written now, and the next checkpoint goes on.
    bench.run_jobs();
    assert_eq!(bench.produce(b"value"), (0, 4));
    bench.run_jobs();
    bench.shard.world_mut().now_ms.set(122_000);
    bench.shard.turn([]);
    bench.run_jobs();
    assert_eq!(recovery_point().as_deref(), Some("t 0 5"));
    bench.stop();
}

#[test]
fn a_clean_stop_on_a_full_disk_loses_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut bench = Bench::open(dir.path(), LogConfig { index_interval_bytes: 0, ..LogConfig::default() });
    for n in 0..5 {
        assert_eq!(bench.produce(b"value"), (0, n));
    }
    bench.run_jobs();
    bench.set_full(true);
    bench.event(ShardEvent::Command(ShardCommand::ShutDown));
    bench.run_jobs();
    assert!(bench.shard.is_stopped());
    assert_eq!(bench.shard.world_mut().fatal, None);
    assert!(!dir.path().join(".kafka_cleanshutdown").exists(), "the indexes are not written: the next start looks");
    drop(bench);
    let mut bench = Bench::open(dir.path(), LogConfig::default());
    assert_eq!(bench.fetch(0).1, 5 * batch(b"value").len() as u32);
    assert_eq!(bench.produce(b"value"), (0, 5));
    bench.stop();
}
