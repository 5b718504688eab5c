//! What seeds have found, each reduced to its core and named after what broke.

use std::path::Path;
use std::sync::Arc;

use base::Prng;
use broker::log::{LogConfig, ProducerState};
use broker::{TopicId, TopicPartition};
use bytes::Bytes;
use sim::disk::{Crash, DiskOp, SimDisk};
use storage::disk::{Disk, DiskFile, OpenMode};
use storage::kafka::{FlushJob, Log, LogDir};
use storage::zk::data_dir::DataDir;
use storage::zk::restore::{Restore, RestoreOptions, restore};
use storage::zk::snapshot_reader::Trailers;
use storage::zk::synced::SyncedFile;
use storage::zk::txn_log::{TxnLog, TxnLogConfig};
use zk_wire::snapshot::SnapshotRecord;

/// What a flush has to sync is on the disk, and the log knows.
fn flushed(log: &mut Log<SimDisk>, job: std::io::Result<FlushJob<SimDisk>>) {
    log.flush_done(job.and_then(|job| job.run()).expect("flushed"));
}

/// The log's recovery point is in the folder's checkpoint.
fn checkpointed(dir: &LogDir<SimDisk>, partition: &TopicPartition, log: &Log<SimDisk>) {
    let points = [(partition.clone(), log.recovery_point())].into_iter().collect();
    dir.checkpoint_recovery_points(&points).run().expect("an honest disk");
}

const NOTHING_SURVIVES: Crash = Crash::Power { survive_percent: 0 };

#[derive(Default)]
struct Zxids(Vec<i64>);

impl Restore for Zxids {
    fn begin(&mut self, _zxid: i64) {
        self.0.clear();
    }

    fn snapshot_record(&mut self, _record: SnapshotRecord) -> Result<(), String> {
        Ok(())
    }

    fn snapshot_end(&mut self, _trailers: Trailers) -> Result<(), String> {
        Ok(())
    }

    fn txn(&mut self, zxid: i64, _payload: Bytes) -> Result<(), String> {
        self.0.push(zxid);
        Ok(())
    }
}

fn restored(disk: &SimDisk) -> Vec<i64> {
    let mut dir = DataDir::open(disk.clone(), Path::new("/data"), None).expect("the folder opens");
    let mut zxids = Zxids::default();
    let options = RestoreOptions { trust_empty: true, ..RestoreOptions::default() };
    restore(&dir, options, &mut zxids).expect("the folder restores");
    dir.mark().expect("an honest disk");
    zxids.0
}

/// Keeper seed 198: a process was killed after the sync of a new log file and before the sync of its folder. The next
/// one replayed the file, showed its transactions to clients, and a power loss took the file's name.
#[test]
fn a_replayed_log_keeps_its_name() {
    let disk = SimDisk::new(Prng::new(1));
    assert!(restored(&disk).is_empty());
    let log_dir = Path::new("/data/version-2");
    let side = SyncedFile::open(disk.clone(), log_dir).expect("an honest disk");
    let mut log = TxnLog::new(disk.clone(), log_dir.to_path_buf(), TxnLogConfig::default(), side);
    let mut payload = vec![0; 40];
    payload[12..20].copy_from_slice(&1_i64.to_be_bytes());
    log.append(1, payload.into());
    // The side file is made first, with a sync of its own.
    disk.fail_after(DiskOp::SyncDir, 1);
    assert!(log.begin_group().expect("an entry waits").run().result.is_err());
    let disk = disk.crash(Crash::Process);
    assert_eq!(restored(&disk), [1]);
    let disk = disk.crash(NOTHING_SURVIVES);
    assert_eq!(restored(&disk), [1], "what was shown once is there for ever");
}

/// Keeper seed 1659: an entry longer than the bound of a group had raised the bound in `castlekeep.synced`, and the job
/// that raises the floor, made before, put the lower one back. The large group's sync failed, and the next start took
/// its torn end for damage of what had been acknowledged.
#[test]
fn a_raised_bound_of_groups_stays() {
    let disk = SimDisk::new(Prng::new(1));
    assert!(restored(&disk).is_empty());
    let log_dir = Path::new("/data/version-2");
    let side = SyncedFile::open(disk.clone(), log_dir).expect("an honest disk");
    let config = TxnLogConfig { group_bytes_max: 500, ..TxnLogConfig::default() };
    let mut log = TxnLog::new(disk.clone(), log_dir.to_path_buf(), config, side);
    let payload = |zxid: i64, bytes: usize| {
        let mut payload = vec![0; bytes];
        payload[12..20].copy_from_slice(&zxid.to_be_bytes());
        payload
    };
    log.append(1, payload(1, 40).into());
    let done = log.begin_group().expect("an entry waits").run();
    log.group_done(done).expect("an honest disk");
    let floor = log.claim().expect("the floor lags behind");
    log.append(2, payload(2, 3000).into());
    assert!(log.begin_group().expect("an entry waits").run().result.is_ok());
    floor.run().expect("an honest disk");
    let claim = SyncedFile::open(disk, log_dir).expect("an honest disk").claim().expect("it was written");
    assert!(claim.group_bytes_max >= 3000, "{claim:?}");
}

/// Log seed 1: a failed write left the first bytes of `partition.metadata`, and the broker refused to start.
#[test]
fn half_a_partition_metadata_is_none() {
    let disk = SimDisk::new(Prng::new(1));
    let (partition, config) = (TopicPartition::new("topic", 0), Arc::new(LogConfig::default()));
    {
        let dir = LogDir::open(&disk, Path::new("/kafka")).expect("an honest disk");
        dir.create_log(&partition, TopicId([7; 16]), config, 0).expect("an honest disk");
    }
    let file = disk.open(Path::new("/kafka/topic-0/partition.metadata"), OpenMode::Write).expect("it was written");
    file.set_len(17).expect("an honest disk");
    let disk = disk.crash(Crash::Process);
    let found = LogDir::open(&disk, Path::new("/kafka")).and_then(|dir| dir.scan()).expect("the folder opens");
    let found = found.partitions;
    assert_eq!((found.len(), found[0].topic_id), (1, TopicId::ZERO));
}

/// Log seed 5: two segments were rolled and nothing was flushed; the younger one's bytes reached the disk, the older
/// one's did not, and the log came back with a gap.
#[test]
fn a_log_ends_where_an_unflushed_segment_is_missing_its_end() {
    let disk = SimDisk::new(Prng::new(1));
    let (partition, config) = (TopicPartition::new("topic", 0), Arc::new(LogConfig::default()));
    let producers = ProducerState::new(0);
    {
        let dir = LogDir::open(&disk, Path::new("/kafka")).expect("an honest disk");
        let mut log = dir.create_log(&partition, TopicId::ZERO, config.clone(), 0).expect("an honest disk");
        for base in 0..4 {
            log.append(&sim::broker::batch(base, 1, (-1, -1), 0, 0, b"record"), 0, &producers).expect("appended");
            if base == 1 {
                log.roll(2, 0, &producers).expect("rolled");
            }
        }
        log.flush().and_then(|job| job.run()).expect("flushed");
    }
    let file = disk.open(Path::new("/kafka/topic-0/00000000000000000000.log"), OpenMode::Write).expect("a segment");
    file.set_len(file.len().expect("a length") / 2).expect("an honest disk");
    let disk = disk.crash(Crash::Process);
    let dir = LogDir::open(&disk, Path::new("/kafka")).expect("the folder opens");
    let (log, ..) = dir.open_log(&partition, config, 0, 1000).expect("the log opens");
    assert_eq!(log.log_end_offset(), 1, "offset 1 is lost, so 2 and 3 cannot follow");
}

/// Log seed 123: the records were flushed before the roll, so the flush behind it left the closed segment's time index
/// alone; a power loss made it zeros, and retention took the segment for one of 1970.
#[test]
fn a_closed_segment_keeps_its_time_index() {
    let disk = SimDisk::new(Prng::new(1));
    let (partition, now_ms) = (TopicPartition::new("topic", 0), 1_767_225_600_000);
    let (config, producers) = (Arc::new(LogConfig::default()), ProducerState::new(0));
    {
        let dir = LogDir::open(&disk, Path::new("/kafka")).expect("an honest disk");
        let mut log = dir.create_log(&partition, TopicId::ZERO, config.clone(), now_ms).expect("an honest disk");
        log.append(&sim::broker::batch(0, 1, (-1, -1), 0, now_ms, b"record"), now_ms, &producers).expect("appended");
        let job = log.flush();
        flushed(&mut log, job);
        log.roll(1, now_ms, &producers).expect("rolled");
        let job = log.flush_closed();
        flushed(&mut log, job);
        checkpointed(&dir, &partition, &log);
    }
    let disk = disk.crash(NOTHING_SURVIVES);
    let dir = LogDir::open(&disk, Path::new("/kafka")).expect("the folder opens");
    let (log, ..) = dir.open_log(&partition, config, now_ms, 1000).expect("the log opens");
    let oldest = log.summaries().expect("an honest disk")[0].largest_timestamp;
    assert!(oldest == now_ms || oldest == i64::MAX, "retention would believe {oldest}");
}

/// Broker seed 313: killed between a roll and the flush behind it. The next process trusted the closed segment's time index,
/// which was in the page cache only, and synced everything but that; a power loss made it zeros, and retention took the
/// segment for one of 1970.
#[test]
fn a_segment_closed_just_before_a_kill_keeps_its_time_index() {
    let disk = SimDisk::new(Prng::new(1));
    let (partition, now_ms) = (TopicPartition::new("topic", 0), 1_767_225_600_000);
    let (config, producers) = (Arc::new(LogConfig::default()), ProducerState::new(0));
    let batch = |base| sim::broker::batch(base, 1, (-1, -1), 0, now_ms, b"record");
    {
        let dir = LogDir::open(&disk, Path::new("/kafka")).expect("an honest disk");
        let mut log = dir.create_log(&partition, TopicId::ZERO, config.clone(), now_ms).expect("an honest disk");
        log.append(&batch(0), now_ms, &producers).expect("appended");
        let job = log.flush();
        flushed(&mut log, job);
        checkpointed(&dir, &partition, &log);
        log.roll(1, now_ms, &producers).expect("rolled");
    }
    let disk = disk.crash(Crash::Process);
    {
        let dir = LogDir::open(&disk, Path::new("/kafka")).expect("the folder opens");
        let (mut log, ..) = dir.open_log(&partition, config.clone(), now_ms, 1000).expect("the log opens");
        log.append(&batch(1), now_ms, &producers).expect("appended");
        let job = log.flush();
        flushed(&mut log, job);
        checkpointed(&dir, &partition, &log);
    }
    let disk = disk.crash(NOTHING_SURVIVES);
    let dir = LogDir::open(&disk, Path::new("/kafka")).expect("the folder opens");
    let (log, ..) = dir.open_log(&partition, config, now_ms, 1000).expect("the log opens");
    let summaries = log.summaries().expect("an honest disk");
    assert_eq!(summaries.len(), 2);
    let oldest = summaries[0].largest_timestamp;
    assert!(oldest == now_ms || oldest == i64::MAX, "retention would believe {oldest}");
}

/// Broker seed 2457: a compacted log was damaged, cut there, and what lay behind was removed. A power loss brought the
/// removed segments back and left the cut, and the next process took the gap for one that compaction had made.
#[test]
fn segments_behind_a_cut_are_gone_for_good_before_the_cut() {
    let disk = SimDisk::new(Prng::new(1));
    let partition = TopicPartition::new("topic", 0);
    let config = Arc::new(LogConfig { cleanup_compact: true, ..LogConfig::default() });
    let producers = ProducerState::new(0);
    {
        let dir = LogDir::open(&disk, Path::new("/kafka")).expect("an honest disk");
        let mut log = dir.create_log(&partition, TopicId::ZERO, config.clone(), 0).expect("an honest disk");
        for base in 0..6 {
            log.append(&sim::broker::batch(base, 1, (-1, -1), 0, 0, b"record"), 0, &producers).expect("appended");
            if base == 1 || base == 3 {
                log.roll(base + 1, 0, &producers).expect("rolled");
            }
        }
        log.flush().and_then(|job| job.run()).expect("flushed");
    }
    let oldest = Path::new("/kafka/topic-0/00000000000000000000.log");
    let len = disk.open(oldest, OpenMode::Read).and_then(|file| file.len()).expect("a segment");
    disk.flip_bit(oldest, len - 1, 0).expect("a segment");
    let disk = disk.crash(Crash::Process);
    let open = |disk: &SimDisk| {
        let dir = LogDir::open(disk, Path::new("/kafka")).expect("the folder opens");
        dir.open_log(&partition, config.clone(), 0, 1000)
    };
    // The power goes between the removal and the cut.
    disk.fail_after(DiskOp::SetLen, 0);
    assert!(open(&disk).is_err(), "the cut was to fail");
    let disk = disk.crash(NOTHING_SURVIVES);
    let names = disk.list(Path::new("/kafka/topic-0")).expect("the folder is there");
    let logs: Vec<&String> = names.iter().filter(|name| name.ends_with(".log")).collect();
    assert_eq!(logs, ["00000000000000000000.log"]);
    let (log, ..) = open(&disk).expect("the log opens");
    assert_eq!((log.log_end_offset(), log.segment_count()), (1, 1), "the batch in front of the damage");
}

/// Broker seed 779: a log's torn end was cut off at the recovery point, the process was killed before the cut was synced,
/// and the next one began a segment there. Its flushes had nothing to sync below the recovery point; a power loss brought
/// the torn end back, and as nobody looks below the recovery point, readers got it.
#[test]
fn what_was_cut_off_does_not_come_back() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Killed {
        BeforeTheRoll,
        BehindTheRoll,
        Not,
    }
    let (partition, producers) = (TopicPartition::new("topic", 0), ProducerState::new(0));
    let config = Arc::new(LogConfig::default());
    let batch = |base| sim::broker::batch(base, 1, (-1, -1), 0, 0, b"record");
    let open = |disk: &SimDisk| {
        let dir = LogDir::open(disk, Path::new("/kafka")).expect("the folder opens");
        let (log, recovered, _) = dir.open_log(&partition, config.clone(), 0, 1000).expect("the log opens");
        (dir, log, recovered.log_end_offset)
    };
    // What is left of an unsynced length is a matter of luck.
    let runs = [Killed::BeforeTheRoll, Killed::BehindTheRoll, Killed::Not].into_iter();
    for (killed, seed) in runs.flat_map(|killed| (0..8).map(move |seed| (killed, seed))) {
        let disk = SimDisk::new(Prng::new(seed));
        let flush = |dir: &LogDir<SimDisk>, log: &mut Log<SimDisk>| {
            let job = log.flush();
            flushed(log, job);
            checkpointed(dir, &partition, log);
        };
        {
            let dir = LogDir::open(&disk, Path::new("/kafka")).expect("an honest disk");
            let mut log = dir.create_log(&partition, TopicId::ZERO, config.clone(), 0).expect("an honest disk");
            log.append(&batch(0), 0, &producers).expect("appended");
            flush(&dir, &mut log);
            log.append(&batch(1), 0, &producers).expect("appended");
            log.flush().and_then(|job| job.run()).expect("on disk, and nobody was told");
        }
        let oldest = Path::new("/kafka/topic-0/00000000000000000000.log");
        let len = disk.open(oldest, OpenMode::Read).and_then(|file| file.len()).expect("a segment");
        disk.flip_bit(oldest, len - 1, 0).expect("a segment");
        let mut disk = disk.crash(Crash::Process);
        let (mut dir, mut log, end) = open(&disk);
        assert_eq!(end, 1, "the damaged batch is cut off");
        if killed == Killed::BeforeTheRoll {
            disk = disk.crash(Crash::Process);
            (dir, log, _) = open(&disk);
        }
        log.roll(1, 0, &producers).expect("rolled");
        if killed == Killed::BehindTheRoll {
            disk = disk.crash(Crash::Process);
            (dir, log, _) = open(&disk);
        }
        log.append(&batch(1), 0, &producers).expect("appended");
        flush(&dir, &mut log);
        let disk = disk.crash(NOTHING_SURVIVES);
        let (_, log, end) = open(&disk);
        assert_eq!(end, 2, "killed {killed:?}, seed {seed}");
        let read = log.plan_read(0, 1 << 20, end, true).resolve().and_then(|range| range.read_bytes());
        let written: Vec<u8> = batch(0).pieces.concat();
        assert_eq!(read.expect("an honest disk"), written, "killed {killed:?}, seed {seed}");
    }
}

/// As above, for a follower's log that is cut where its history parts from its leader's.
#[test]
fn what_a_follower_cut_off_does_not_come_back() {
    let (partition, producers) = (TopicPartition::new("topic", 0), ProducerState::new(0));
    let config = Arc::new(LogConfig::default());
    let batch = |base| sim::broker::batch(base, 1, (-1, -1), 0, 0, b"record");
    for seed in 0..8 {
        let disk = SimDisk::new(Prng::new(seed));
        {
            let dir = LogDir::open(&disk, Path::new("/kafka")).expect("an honest disk");
            let mut log = dir.create_log(&partition, TopicId::ZERO, config.clone(), 0).expect("an honest disk");
            log.append(&batch(0), 0, &producers).expect("appended");
            log.append(&batch(1), 0, &producers).expect("appended");
            let job = log.flush();
            flushed(&mut log, job);
            log.truncate_to(1, 0, 0, 1000).expect("an honest disk");
            log.roll(1, 0, &producers).expect("rolled");
            log.append(&batch(1), 0, &producers).expect("appended");
            let job = log.flush();
            flushed(&mut log, job);
            checkpointed(&dir, &partition, &log);
        }
        let disk = disk.crash(NOTHING_SURVIVES);
        let dir = LogDir::open(&disk, Path::new("/kafka")).expect("the folder opens");
        let (log, ..) = dir.open_log(&partition, config.clone(), 0, 1000).expect("the log opens");
        let read = log.plan_read(0, 1 << 20, 2, true).resolve().and_then(|range| range.read_bytes());
        assert_eq!(read.expect("an honest disk"), batch(0).pieces.concat(), "seed {seed}");
    }
}

/// Session seed 429: a controller looked whether `/controller` was still its own, the node was deleted and another broker
/// elected, and then the first one read the other's epoch. It took both for its own, and with that version of
/// `/controller_epoch` its writes were not fenced.
#[test]
fn an_epoch_of_somebody_elses_reign_is_not_adopted() {
    let options = sim::run::SeedOptions { seed: 429, bug: base::planted::PlantedBug::None, trace_lines_max: 0 };
    assert_eq!(sim::run::run_seed(sim::run::Kind::Session, options).result, Ok(()));
}
