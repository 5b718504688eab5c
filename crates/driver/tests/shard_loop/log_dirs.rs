//! Several log folders: moves between them, partitions that are made and deleted there, and one that cannot be opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use broker::TopicPartition;
use broker::config::{BrokerConfig, THROTTLE_ALTER_LOG_DIRS};
use broker::shard::{LogConfig, ShardCommand, ShardEvent, ShardRequest};
use driver::log_dirs::LogDirs;
use driver::world::Lane;
use storage::disk::Disk;
use storage::file_disk::FileDisk;

use crate::bench::{Bench, batch, id, record};

/// Two log folders; the partition is in the first.
fn two_dirs() -> (tempfile::TempDir, [PathBuf; 2]) {
    let dir = tempfile::tempdir().expect("a folder");
    let paths = ["one", "two"].map(|name| dir.path().join(name));
    (dir, paths)
}

fn names(dir: &Path) -> Vec<String> {
    let all = FileDisk.list(dir).expect("a folder");
    all.into_iter().filter(|name| dir.join(name).is_dir()).collect()
}

#[test]
fn a_log_moves_to_another_folder_while_it_is_written_and_read() {
    let (_dir, paths) = two_dirs();
    let small = || LogConfig { segment_bytes: 300, ..LogConfig::default() };
    let mut bench = Bench::open_all(&paths, small());
    for n in 0..20 {
        assert_eq!(bench.produce(b"value"), (0, n));
    }
    bench.run_jobs();
    assert_eq!(bench.move_to(id(), &paths[1]), 0);
    assert_eq!(bench.move_to(id(), &paths[1]), 0, "the same again changes nothing");
    assert_eq!(bench.produce(b"value"), (0, 20), "the copy lacks this one when its job is done");
    let one = batch(b"value").len() as u64;
    let [current, future] = &bench.described()[..] else { panic!("two folders") };
    assert_eq!((current[0].size_bytes, current[0].is_future), (21 * one, false));
    assert_eq!((future[0].offset_lag, future[0].is_future), (21, true));
    bench.run_one(Lane::Bulk);
    let lag = |bench: &mut Bench| bench.described()[1][0].offset_lag;
    assert_eq!(lag(&mut bench), 0, "what memory has is copied at once");
    assert_eq!(bench.produce(b"value"), (0, 21), "goes to both");
    assert_eq!(lag(&mut bench), 0);
    assert!(names(&paths[1])[0].ends_with("-future"), "{:?}", names(&paths[1]));
    bench.run_jobs();
    assert_eq!(names(&paths[1]), ["t-0"]);
    assert!(names(&paths[0]).iter().all(|name| name.ends_with("-delete")), "{:?}", names(&paths[0]));
    assert!(!paths[1].join("t-0").join("castlekeep.moved").exists());
    let [left, moved] = &bench.described()[..] else { panic!("two folders") };
    assert!(left.is_empty() && moved.len() == 1 && !moved[0].is_future, "{left:?} {moved:?}");
    assert_eq!(bench.produce(b"value"), (0, 22));
    assert_eq!(bench.records(), 23);
    // A crash: nothing is closed.
    drop(bench);
    let mut bench = Bench::open_all(&paths, small());
    assert_eq!(bench.records(), 23);
    assert_eq!(bench.produce(b"value"), (0, 23));
    bench.stop();
    let mut bench = Bench::open_all(&paths, small());
    assert_eq!(bench.records(), 24);
    assert_eq!((names(&paths[0]).len(), names(&paths[1])), (0, vec!["t-0".to_string()]));
    bench.stop();
}

#[test]
fn a_move_that_a_crash_or_a_stop_has_cut_off_goes_on_at_the_next_start() {
    for clean in [false, true] {
        let (_dir, paths) = two_dirs();
        let mut bench = Bench::open_all(&paths, LogConfig::default());
        for n in 0..5 {
            assert_eq!(bench.produce(b"value"), (0, n));
        }
        assert_eq!(bench.move_to(id(), &paths[1]), 0);
        bench.run_one(Lane::Bulk);
        if clean {
            bench.stop();
        } else {
            drop(bench);
        }
        assert_eq!(names(&paths[0]), ["t-0"]);
        let mut bench = Bench::open_all(&paths, LogConfig::default());
        assert_eq!(bench.records(), 5);
        bench.run_jobs();
        assert_eq!(names(&paths[1]), ["t-0"], "clean stop {clean}");
        assert_eq!(bench.records(), 5);
        bench.stop();
    }
}

/// Half of it from before the compaction and half from behind it would not be the log.
#[test]
fn a_log_that_is_being_compacted_is_copied_when_that_has_ended() {
    let (_dir, paths) = two_dirs();
    let small = LogConfig { segment_bytes: 300, flush_messages: 1, ..LogConfig::default() };
    let compacted = LogConfig { cleanup_compact: true, cleanup_delete: false, ..small };
    let mut bench = Bench::open_all(&paths, LogConfig { min_cleanable_dirty_ratio: 0.0, ..compacted });
    for n in 0..20 {
        // Its keys are looked into.
        let token = bench.send(record(Some(b"key"), b"value"));
        bench.run_one(Lane::Compute);
        assert_eq!(bench.produced(token), (0, n));
        bench.run_jobs();
    }
    bench.run_jobs();
    bench.shard.world_mut().now_ms.set(16_000);
    bench.shard.turn([]);
    let begun = bench.shard.world_mut().jobs.len();
    assert_eq!(bench.move_to(id(), &paths[1]), 0);
    assert_eq!(bench.shard.world_mut().jobs.len(), begun, "nothing is copied yet");
    assert_eq!((bench.described()[1][0].offset_lag, bench.described()[1][0].is_future), (20, true));
    for _ in 0..begun {
        assert_eq!(names(&paths[1]).len(), 0);
        bench.run_one(Lane::Bulk);
    }
    let compacted = bench.described()[0][0].size_bytes;
    assert!(compacted < 10 * record(Some(b"key"), b"value").len() as u64, "{compacted} bytes");
    bench.run_jobs();
    assert_eq!(names(&paths[1]), ["t-0"]);
    assert!(bench.described()[1][0].size_bytes <= compacted, "what was gone did not come back");
    bench.stop();
}

#[test]
fn a_move_goes_on_at_once_when_its_throttle_is_lifted() {
    let (_dir, paths) = two_dirs();
    let mut bench = Bench::open_all(&paths, LogConfig::default());
    let throttled = |rate: &str| {
        let mut config = BrokerConfig::from_properties(Default::default(), Some(1)).expect("a configuration");
        config.layers.dynamic_broker.insert(THROTTLE_ALTER_LOG_DIRS.to_string(), rate.to_string());
        ShardEvent::Command(ShardCommand::Settings(Arc::new(config)))
    };
    assert_eq!(bench.produce(b"value"), (0, 0));
    bench.event(throttled("1"));
    assert_eq!(bench.move_to(id(), &paths[1]), 0);
    bench.run_jobs();
    bench.shard.turn([]);
    bench.run_jobs();
    assert_eq!(bench.described()[1][0].offset_lag, 0, "copied, and to be paid for");
    assert_eq!(bench.produce(b"value"), (0, 1));
    assert_eq!(bench.described()[1][0].offset_lag, 1);
    bench.event(throttled("1000000"));
    bench.run_jobs();
    assert_eq!((names(&paths[1]), bench.records()), (vec!["t-0".to_string()], 2));
    bench.stop();
}

#[test]
fn a_move_that_was_ended_does_not_begin_anew_at_the_next_start() {
    let (_dir, paths) = two_dirs();
    let mut bench = Bench::open_all(&paths, LogConfig::default());
    assert_eq!(bench.produce(b"value"), (0, 0));
    assert_eq!(bench.move_to(id(), &paths[1]), 0);
    bench.run_one(Lane::Bulk);
    assert!(names(&paths[1])[0].ends_with("-future"), "{:?}", names(&paths[1]));
    assert_eq!(bench.move_to(id(), &paths[0]), 0, "it is to stay");
    assert!(names(&paths[1])[0].ends_with("-delete"), "{:?}", names(&paths[1]));
    drop(bench);
    let mut bench = Bench::open_all(&paths, LogConfig::default());
    bench.run_jobs();
    assert_eq!((names(&paths[0]), names(&paths[1]).len()), (vec!["t-0".to_string()], 0));
    assert_eq!(bench.records(), 1);
    bench.stop();
}

#[test]
fn of_two_folders_of_one_partition_the_marked_one_counts() {
    let (_dir, paths) = two_dirs();
    let mut bench = Bench::open_all(&paths, LogConfig::default());
    for n in 0..5 {
        assert_eq!(bench.produce(b"value"), (0, n));
    }
    bench.stop();
    // As a crash between the two renames leaves it: both are whole.
    let (old, new) = (paths[0].join("t-0"), paths[1].join("t-0"));
    std::fs::create_dir(&new).expect("made");
    for name in FileDisk.list(&old).expect("listed") {
        std::fs::copy(old.join(&name), new.join(&name)).expect("copied");
    }
    let refused = LogDirs::open(&FileDisk, &paths, 1).err().expect("which one counts is not known");
    assert!(refused.to_string().contains("is in both"), "{refused}");
    std::fs::write(new.join("castlekeep.moved"), b"").expect("written");
    let mut bench = Bench::open_all(&paths, LogConfig::default());
    assert_eq!(bench.records(), 5);
    assert_eq!((names(&paths[0]).len(), names(&paths[1])), (0, vec!["t-0".to_string()]));
    assert!(!new.join("castlekeep.moved").exists());
    bench.stop();
}

#[test]
fn what_cannot_be_moved_is_answered_as_upstream_answers() {
    let (dir, paths) = two_dirs();
    let mut bench = Bench::open_all(&paths, LogConfig::default());
    assert_eq!(bench.move_to(id(), &dir.path().join("three")), 57, "LOG_DIR_NOT_FOUND");
    let long = TopicPartition::new("t".repeat(220), 0);
    assert_eq!(bench.move_to(long, &paths[1]), 17, "INVALID_TOPIC_EXCEPTION");
    let other = TopicPartition::new("t", 1);
    assert_eq!(bench.move_to(other.clone(), &paths[0]), 9, "REPLICA_NOT_AVAILABLE");
    // It is made there, though the other folder has fewer.
    bench.lead(other, LogConfig::default());
    bench.run_jobs();
    assert_eq!(names(&paths[0]), ["t-0", "t-1"]);
    bench.stop();
}

#[test]
fn a_move_to_where_the_log_is_ends_one_that_is_under_way() {
    let (_dir, paths) = two_dirs();
    let mut bench = Bench::open_all(&paths, LogConfig::default());
    assert_eq!(bench.produce(b"value"), (0, 0));
    assert_eq!(bench.move_to(id(), &paths[1]), 0);
    assert_eq!(bench.move_to(id(), &paths[0]), 0);
    bench.run_jobs();
    assert_eq!(bench.records(), 1);
    assert_eq!((names(&paths[0]), names(&paths[1]).len()), (vec!["t-0".to_string()], 0));
    bench.stop();
}

#[test]
fn a_full_disk_ends_a_move_and_nothing_else() {
    let (_dir, paths) = two_dirs();
    let mut bench = Bench::open_all(&paths, LogConfig::default());
    assert_eq!(bench.produce(b"value"), (0, 0));
    assert_eq!(bench.move_to(id(), &paths[1]), 0);
    bench.set_full(true);
    bench.run_jobs();
    assert_eq!(bench.records(), 1);
    bench.set_full(false);
    assert_eq!(bench.produce(b"value"), (0, 1));
    assert_eq!(names(&paths[0]), ["t-0"]);
    assert!(bench.shard.world_mut().notes.iter().any(|note| note.contains("is not moved to")));
    assert_eq!(bench.move_to(id(), &paths[1]), 0);
    bench.run_jobs();
    assert_eq!((bench.records(), names(&paths[1])), (2, vec!["t-0".to_string()]));
    bench.stop();
}

/// The checkpoints of the deleted one said that the log starts at 8.
#[test]
fn a_partition_made_anew_under_its_old_name_keeps_its_records_over_a_crash() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut bench = Bench::open(dir.path(), LogConfig::default());
    for n in 0..9 {
        assert_eq!(bench.produce(b"value"), (0, n));
    }
    let wanted = broker::shard::DeleteRecords { position: 0, partition: id(), offset: 8 };
    bench.request(ShardRequest::DeleteRecords(vec![wanted]));
    bench.shard.world_mut().replies.clear();
    bench.run_jobs();
    bench.shard.world_mut().now_ms.set(61_000);
    bench.shard.turn([]);
    bench.run_jobs();
    let checkpoint = std::fs::read_to_string(dir.path().join("log-start-offset-checkpoint")).expect("written");
    assert!(checkpoint.contains("t 0 8"), "{checkpoint}");
    let stop = ShardCommand::StopPartition { partition: id(), leader_epoch: -1, delete: true };
    bench.event(ShardEvent::Command(stop));
    bench.run_jobs();
    bench.lead(id(), LogConfig::default());
    bench.run_jobs();
    assert_eq!((bench.produce(b"value"), bench.produce(b"value")), ((0, 0), (0, 1)));
    drop(bench);
    let mut bench = Bench::open(dir.path(), LogConfig::default());
    assert_eq!(bench.records(), 2);
    bench.stop();
}

#[test]
fn a_partition_that_is_deleted_while_its_log_is_made_leaves_no_folder() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut bench = Bench::open(dir.path(), LogConfig::default());
    let other = TopicPartition::new("u", 0);
    let stop =
        || ShardCommand::StopPartition { partition: TopicPartition::new("u", 0), leader_epoch: -1, delete: true };
    bench.lead(other.clone(), LogConfig::default());
    bench.event(ShardEvent::Command(stop()));
    bench.run_jobs();
    let left = names(dir.path());
    assert!(left.iter().all(|name| name == "t-0" || name.ends_with("-delete")), "{left:?}");
    // And it is made anew although the first one was still being made.
    bench.lead(other.clone(), LogConfig::default());
    bench.event(ShardEvent::Command(stop()));
    bench.lead(other.clone(), LogConfig::default());
    bench.run_jobs();
    assert!(bench.shard.shard().partition(&other).is_some());
    assert!(names(dir.path()).contains(&"u-0".to_string()));
    bench.stop();
    assert!(dir.path().join(".kafka_cleanshutdown").exists());
}

/// `t-0` is in the folder that cannot be opened, and may be anywhere there for all that is known.
#[test]
fn a_start_goes_on_without_a_log_folder_that_cannot_be_opened() {
    let (dir, paths) = two_dirs();
    let mut bench = Bench::open_all(&paths, LogConfig::default());
    assert_eq!(bench.produce(b"value"), (0, 0));
    bench.stop();
    let away = dir.path().join("away");
    std::fs::rename(&paths[0], &away).expect("renamed");
    std::fs::write(&paths[0], b"no folder").expect("written");

    let mut bench = Bench::start(&paths);
    let unopened: Vec<PathBuf> = bench.dirs.unopened().map(|(path, _)| path.to_path_buf()).collect();
    assert_eq!(unopened, [paths[0].clone()]);
    bench.lead_in_epoch(1, id(), LogConfig::default());
    bench.lead(TopicPartition::new("u", 0), LogConfig::default());
    bench.run_jobs();
    assert_eq!(bench.produce(b"value"), (56, -1), "KAFKA_STORAGE_ERROR");
    assert_eq!(names(&paths[1]), ["u-0"], "what is new comes to the other one");
    assert_eq!(bench.move_to(TopicPartition::new("u", 0), &paths[0]), 56);
    assert!(bench.described()[0].is_empty());
    bench.stop();
    assert!(paths[1].join(".kafka_cleanshutdown").exists());

    std::fs::remove_file(&paths[0]).expect("removed");
    std::fs::rename(&away, &paths[0]).expect("renamed");
    let mut bench = Bench::open_all(&paths, LogConfig::default());
    assert_eq!(bench.records(), 1);
    bench.stop();
}

#[test]
fn a_start_without_any_log_folder_fails_with_the_first_reason() {
    let (_dir, paths) = two_dirs();
    paths.iter().for_each(|path| std::fs::write(path, b"no folder").expect("written"));
    let refused = LogDirs::open(&FileDisk, &paths, 1).err().expect("none can be opened");
    assert!(refused.to_string().contains(&paths[0].display().to_string()), "{refused}");
}

#[test]
fn a_log_folder_that_another_process_holds_stops_the_start() {
    let (_dir, paths) = two_dirs();
    let bench = Bench::start(&paths[1..]);
    let refused = LogDirs::open(&FileDisk, &paths, 1).err().expect("it is held");
    assert_eq!(refused.kind(), std::io::ErrorKind::WouldBlock, "{refused}");
    drop(bench);
}
