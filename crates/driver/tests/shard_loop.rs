//! A shard's loop on real files: what is a job and what is done at once, restarts, retention, and a disk that fails.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base::{Instant, Now, Prng};
use broker::config::{BrokerConfig, THROTTLE_ALTER_LOG_DIRS};
use broker::coordinator::group::GroupConfig;
use broker::shard::{
    FetchPartition, FetchRequest, LeadPartition, LogConfig, LogSize, MoveLog, ProducePartition, ProduceRequest,
    RequestToken, Shard, ShardAnswer, ShardCommand, ShardConfig, ShardEvent, ShardNotice, ShardRequest,
};
use broker::{TopicId, TopicPartition};
use bytes::Bytes;
use driver::log_dirs::LogDirs;
use driver::shard_loop::{ShardDone, ShardInput, ShardLoop, ShardLoopConfig, ShardReply, ShardWorld};
use driver::world::{Job, Lane, World};
use kafka_wire::records::{BatchBuilder, Compression, NewRecord};
use storage::disk::{Disk, DiskFile, OpenMode};
use storage::file_disk::{FileDisk, FileLock};

/// Real files whose syncs fail on demand, on a disk that is full on demand.
#[derive(Clone, Default)]
struct FailingDisk {
    fails: Arc<AtomicBool>,
    full: Arc<AtomicBool>,
}

#[derive(Debug)]
struct FailingFile {
    file: File,
    fails: Arc<AtomicBool>,
    full: Arc<AtomicBool>,
}

fn need_room(full: &AtomicBool) -> io::Result<()> {
    if full.load(Ordering::Relaxed) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}

fn check(fails: &AtomicBool) -> io::Result<()> {
    if fails.load(Ordering::Relaxed) { Err(io::Error::other("the platter is gone")) } else { Ok(()) }
}

impl Disk for FailingDisk {
    type File = FailingFile;
    type Lock = FileLock;

    fn open(&self, path: &Path, mode: OpenMode) -> io::Result<FailingFile> {
        if mode != OpenMode::Read && !FileDisk.exists(path)? {
            need_room(&self.full)?;
        }
        Ok(FailingFile { file: FileDisk.open(path, mode)?, fails: self.fails.clone(), full: self.full.clone() })
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        FileDisk.list(dir)
    }
    fn exists(&self, path: &Path) -> io::Result<bool> {
        FileDisk.exists(path)
    }
    fn is_dir(&self, path: &Path) -> io::Result<bool> {
        FileDisk.is_dir(path)
    }
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        need_room(&self.full)?;
        FileDisk.create_dir_all(dir)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        FileDisk.rename(from, to)
    }
    fn remove_file(&self, path: &Path) -> io::Result<()> {
        FileDisk.remove_file(path)
    }
    fn remove_dir_all(&self, dir: &Path) -> io::Result<()> {
        FileDisk.remove_dir_all(dir)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        check(&self.fails)?;
        FileDisk.sync_dir(dir)
    }
    fn lock(&self, path: &Path) -> io::Result<FileLock> {
        FileDisk.lock(path)
    }
}

impl DiskFile for FailingFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        DiskFile::read_at(&self.file, buffer, offset)
    }
    fn write_at(&self, content: &[u8], offset: u64) -> io::Result<()> {
        if offset + content.len() as u64 > DiskFile::len(&self.file)? {
            // The first half fits.
            let fits = if self.full.load(Ordering::Relaxed) { content.len() / 2 } else { content.len() };
            DiskFile::write_at(&self.file, &content[..fits], offset)?;
            return need_room(&self.full);
        }
        DiskFile::write_at(&self.file, content, offset)
    }
    fn len(&self) -> io::Result<u64> {
        DiskFile::len(&self.file)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        DiskFile::set_len(&self.file, len)
    }
    fn sync_data(&self) -> io::Result<()> {
        check(&self.fails)?;
        DiskFile::sync_data(&self.file)
    }
    fn sync_all(&self) -> io::Result<()> {
        check(&self.fails)?;
        DiskFile::sync_all(&self.file)
    }
}

#[derive(Default)]
struct TestWorld {
    now_ms: Cell<u64>,
    disk: FailingDisk,
    jobs: VecDeque<(Lane, Job<ShardDone<FailingDisk>>)>,
    replies: Vec<(RequestToken, ShardReply<FailingFile>)>,
    notices: Vec<ShardNotice>,
    notes: Vec<String>,
    fatal: Option<String>,
}

impl World for TestWorld {
    type Disk = FailingDisk;
    type Done = ShardDone<FailingDisk>;

    fn now(&self) -> Now {
        let ms = self.now_ms.get();
        Now { mono: Instant::from_millis(ms), wall_ms: 1_700_000_000_000 + ms as i64 }
    }
    fn disk(&self) -> &FailingDisk {
        &self.disk
    }
    fn offload(&mut self, lane: Lane, job: Job<ShardDone<FailingDisk>>) {
        self.jobs.push_back((lane, job));
    }
}

impl ShardWorld<FailingDisk> for TestWorld {
    fn reply(&mut self, token: RequestToken, reply: ShardReply<FailingFile>) {
        self.replies.push((token, reply));
    }
    fn notify(&mut self, notice: ShardNotice) {
        self.notices.push(notice);
    }
    fn note(&mut self, message: String) {
        self.notes.push(message);
    }
    fn fatal(&mut self, message: String) {
        self.fatal = Some(message);
    }
}

struct Bench {
    shard: ShardLoop<FailingDisk, TestWorld>,
    dirs: Arc<LogDirs<FailingDisk>>,
    next_token: u64,
}

fn id() -> TopicPartition {
    TopicPartition::new("t", 0)
}

fn batch(value: &[u8]) -> Bytes {
    record(None, value)
}

fn record(key: Option<&[u8]>, value: &[u8]) -> Bytes {
    let mut builder = BatchBuilder::new(Compression::None);
    builder.add(NewRecord { timestamp: 1_700_000_000_000, key, value: Some(value), headers: &[] });
    builder.finish()
}

impl Bench {
    fn open(dir: &Path, config: LogConfig) -> Self {
        Self::open_all(&[dir.to_path_buf()], config)
    }

    fn open_all(paths: &[PathBuf], config: LogConfig) -> Self {
        let world = TestWorld::default();
        let (dirs, leftovers) = LogDirs::open(&world.disk, paths, 1).expect("a log folder");
        leftovers.into_iter().for_each(|leftover| leftover.run().expect("removed"));
        let dirs = Arc::new(dirs);
        let machine = Shard::new(ShardConfig { group: GroupConfig::default() }, Prng::new(1));
        let shard = ShardLoop::new(ShardLoopConfig::default(), machine, dirs.clone(), world);
        let mut bench = Self { shard, dirs, next_token: 0 };
        bench.lead(id(), config);
        bench.run_jobs();
        let leading = ShardNotice::Leading { partition: id(), leader_epoch: 0 };
        assert_eq!(bench.shard.world_mut().notices, [leading]);
        bench
    }

    fn lead(&mut self, partition: TopicPartition, config: LogConfig) {
        self.lead_in_epoch(0, partition, config);
    }

    fn lead_in_epoch(&mut self, leader_epoch: i32, partition: TopicPartition, config: LogConfig) {
        let lead = LeadPartition {
            partition,
            topic_id: TopicId([1; 16]),
            broker_id: 1,
            controller_epoch: 1,
            leader_epoch,
            partition_epoch: leader_epoch,
            replicas: vec![1],
            isr: vec![1],
            is_new: leader_epoch == 0,
            config: Arc::new(config),
        };
        self.event(ShardEvent::Command(ShardCommand::LeadPartition(Box::new(lead))));
    }

    fn set_full(&mut self, full: bool) {
        self.shard.world_mut().disk.full.store(full, Ordering::Relaxed);
    }

    fn event(&mut self, event: ShardEvent) {
        self.shard.turn([ShardInput::Event(event)]);
    }

    fn request(&mut self, request: ShardRequest) -> RequestToken {
        self.next_token += 1;
        let token = RequestToken(self.next_token);
        self.event(ShardEvent::Request { token, request });
        token
    }

    /// Runs jobs until there are none. Returns the lanes they ran in.
    fn run_jobs(&mut self) -> Vec<Lane> {
        let mut lanes = Vec::new();
        while let Some((lane, job)) = self.shard.world_mut().jobs.pop_front() {
            lanes.push(lane);
            let done = job();
            self.shard.turn([ShardInput::Done(done)]);
        }
        lanes
    }

    /// (error code, base offset), answered within the turn.
    fn produce(&mut self, value: &[u8]) -> (i16, i64) {
        let token = self.send(batch(value));
        self.produced(token)
    }

    fn send(&mut self, records: Bytes) -> RequestToken {
        let partitions = vec![ProducePartition { position: 0, partition: id(), records }];
        let request =
            ProduceRequest { version: 9, acks: -1, timeout_ms: 1000, internal_topics_allowed: false, partitions };
        self.request(ShardRequest::Produce(request))
    }

    fn produced(&mut self, token: RequestToken) -> (i16, i64) {
        match self.shard.world_mut().replies.pop() {
            Some((answered, ShardReply::Answer(ShardAnswer::Produce(answers)))) if answered == token => {
                (answers[0].error_code, answers[0].base_offset)
            }
            other => panic!("not answered within the turn: {other:?}"),
        }
    }

    /// Bytes found from an offset on, with a job where memory does not know.
    fn fetch(&mut self, fetch_offset: i64) -> (i16, u32, Vec<Lane>) {
        let partition = FetchPartition {
            position: 0,
            partition: id(),
            fetch_offset,
            current_leader_epoch: -1,
            last_fetched_epoch: -1,
            log_start_offset: -1,
            bytes_max: 1 << 20,
        };
        self.request(ShardRequest::Fetch(FetchRequest {
            version: 12,
            replica_id: -1,
            replica_epoch: -1,
            bytes_min: 0,
            bytes_max: 1 << 20,
            wait_ms_max: 0,
            read_committed: false,
            partitions: vec![partition],
        }));
        let lanes = self.run_jobs();
        match self.shard.world_mut().replies.pop() {
            Some((_, ShardReply::Fetch(answers))) => {
                let (answer, range) = &answers[0];
                let bytes = range.as_ref().map_or(0, |range| {
                    assert_eq!(range.read_bytes().expect("readable").len(), range.len as usize);
                    range.len
                });
                (answer.error_code, bytes, lanes)
            }
            other => panic!("no fetch reply: {other:?}"),
        }
    }

    /// How many records there are to read, all of them like [`batch`] of "value".
    fn records(&mut self) -> i64 {
        let mut next = 0;
        loop {
            match self.fetch(next) {
                (0, 0, _) => return next,
                (0, bytes, _) => next += i64::from(bytes) / batch(b"value").len() as i64,
                (code, ..) => panic!("error {code} at {next}"),
            }
        }
    }

    /// What moving a partition is answered with.
    fn move_to(&mut self, partition: TopicPartition, log_dir: &Path) -> i16 {
        let log_dir = log_dir.display().to_string();
        self.request(ShardRequest::MoveLogs(vec![MoveLog { position: 0, partition, log_dir }]));
        match self.shard.world_mut().replies.pop() {
            Some((_, ShardReply::Answer(ShardAnswer::MoveLogs(answers)))) => answers[0].1,
            other => panic!("not answered within the turn: {other:?}"),
        }
    }

    /// Runs the next job, when it is in this lane.
    fn run_one(&mut self, lane: Lane) {
        let (next, job) = self.shard.world_mut().jobs.pop_front().expect("a job");
        assert_eq!(next, lane);
        let done = job();
        self.shard.turn([ShardInput::Done(done)]);
    }

    /// The logs in each folder; jobs that wait already are left waiting.
    fn described(&mut self) -> Vec<Vec<LogSize>> {
        self.request(ShardRequest::LogDirs);
        let (_, job) = self.shard.world_mut().jobs.pop_back().expect("a job");
        let done = job();
        self.shard.turn([ShardInput::Done(done)]);
        match self.shard.world_mut().replies.pop() {
            Some((_, ShardReply::Answer(ShardAnswer::LogDirs(dirs)))) => {
                dirs.into_iter().map(|dir| dir.partitions).collect()
            }
            other => panic!("no answer: {other:?}"),
        }
    }

    fn stop(mut self) {
        self.event(ShardEvent::Command(ShardCommand::ShutDown));
        self.run_jobs();
        assert!(self.shard.is_stopped());
        assert_eq!(self.shard.world_mut().notices.last(), Some(&ShardNotice::ShutDown));
    }
}

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
