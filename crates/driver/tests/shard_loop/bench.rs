//! A shard's loop around a disk that fails and fills on demand, and what a test asks of it.

use std::cell::Cell;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use base::{Instant, Now, Prng};
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

use crate::failing_disk::{FailingDisk, FailingFile};

#[derive(Default)]
pub struct TestWorld {
    pub now_ms: Cell<u64>,
    pub disk: FailingDisk,
    pub jobs: VecDeque<(Lane, Job<ShardDone<FailingDisk>>)>,
    pub replies: Vec<(RequestToken, ShardReply<FailingFile>)>,
    pub notices: Vec<ShardNotice>,
    pub notes: Vec<String>,
    pub fatal: Option<String>,
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

pub struct Bench {
    pub shard: ShardLoop<FailingDisk, TestWorld>,
    pub dirs: Arc<LogDirs<FailingDisk>>,
    next_token: u64,
}

pub fn id() -> TopicPartition {
    TopicPartition::new("t", 0)
}

pub fn batch(value: &[u8]) -> Bytes {
    record(None, value)
}

pub fn record(key: Option<&[u8]>, value: &[u8]) -> Bytes {
    let mut builder = BatchBuilder::new(Compression::None);
    builder.add(NewRecord { timestamp: 1_700_000_000_000, key, value: Some(value), headers: &[] });
    builder.finish()
}

impl Bench {
    pub fn open(dir: &Path, config: LogConfig) -> Self {
        Self::open_all(&[dir.to_path_buf()], config)
    }

    /// Over these log folders, with the partition [`id`].
    pub fn open_all(paths: &[PathBuf], config: LogConfig) -> Self {
        let mut bench = Self::start(paths);
        bench.lead(id(), config);
        bench.run_jobs();
        let leading = ShardNotice::Leading { partition: id(), leader_epoch: 0 };
        assert_eq!(bench.shard.world_mut().notices, [leading]);
        bench
    }

    /// Without partitions.
    pub fn start(paths: &[PathBuf]) -> Self {
        let world = TestWorld::default();
        let (dirs, leftovers) = LogDirs::open(&world.disk, paths, 1).expect("a log folder");
        leftovers.into_iter().for_each(|leftover| leftover.run().expect("removed"));
        let dirs = Arc::new(dirs);
        let machine = Shard::new(ShardConfig { group: GroupConfig::default() }, Prng::new(1));
        let shard = ShardLoop::new(ShardLoopConfig::default(), machine, dirs.clone(), world);
        Self { shard, dirs, next_token: 0 }
    }

    pub fn lead(&mut self, partition: TopicPartition, config: LogConfig) {
        self.lead_in_epoch(0, partition, config);
    }

    pub fn lead_in_epoch(&mut self, leader_epoch: i32, partition: TopicPartition, config: LogConfig) {
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

    pub fn set_full(&mut self, full: bool) {
        self.shard.world_mut().disk.full.store(full, Ordering::Relaxed);
    }

    pub fn event(&mut self, event: ShardEvent) {
        self.shard.turn([ShardInput::Event(event)]);
    }

    pub fn request(&mut self, request: ShardRequest) -> RequestToken {
        self.next_token += 1;
        let token = RequestToken(self.next_token);
        self.event(ShardEvent::Request { token, request });
        token
    }

    /// Runs jobs until there are none. Returns the lanes they ran in.
    pub fn run_jobs(&mut self) -> Vec<Lane> {
        let mut lanes = Vec::new();
        while let Some((lane, job)) = self.shard.world_mut().jobs.pop_front() {
            lanes.push(lane);
            let done = job();
            self.shard.turn([ShardInput::Done(done)]);
        }
        lanes
    }

    /// (error code, base offset), answered within the turn.
    pub fn produce(&mut self, value: &[u8]) -> (i16, i64) {
        let token = self.send(batch(value));
        self.produced(token)
    }

    pub fn send(&mut self, records: Bytes) -> RequestToken {
        let partitions = vec![ProducePartition { position: 0, partition: id(), records }];
        let request =
            ProduceRequest { version: 9, acks: -1, timeout_ms: 1000, internal_topics_allowed: false, partitions };
        self.request(ShardRequest::Produce(request))
    }

    pub fn produced(&mut self, token: RequestToken) -> (i16, i64) {
        match self.shard.world_mut().replies.pop() {
            Some((answered, ShardReply::Answer(ShardAnswer::Produce(answers)))) if answered == token => {
                (answers[0].error_code, answers[0].base_offset)
            }
            other => panic!("not answered within the turn: {other:?}"),
        }
    }

    /// Bytes found from an offset on, with a job where memory does not know.
    pub fn fetch(&mut self, fetch_offset: i64) -> (i16, u32, Vec<Lane>) {
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
    pub fn records(&mut self) -> i64 {
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
    pub fn move_to(&mut self, partition: TopicPartition, log_dir: &Path) -> i16 {
        let log_dir = log_dir.display().to_string();
        self.request(ShardRequest::MoveLogs(vec![MoveLog { position: 0, partition, log_dir }]));
        match self.shard.world_mut().replies.pop() {
            Some((_, ShardReply::Answer(ShardAnswer::MoveLogs(answers)))) => answers[0].1,
            other => panic!("not answered within the turn: {other:?}"),
        }
    }

    /// Runs the next job, when it is in this lane.
    pub fn run_one(&mut self, lane: Lane) {
        let (next, job) = self.shard.world_mut().jobs.pop_front().expect("a job");
        assert_eq!(next, lane);
        let done = job();
        self.shard.turn([ShardInput::Done(done)]);
    }

    /// The logs in each folder; jobs that wait already are left waiting.
    pub fn described(&mut self) -> Vec<Vec<LogSize>> {
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

    pub fn stop(mut self) {
        self.event(ShardEvent::Command(ShardCommand::ShutDown));
        self.run_jobs();
        assert!(self.shard.is_stopped());
        assert_eq!(self.shard.world_mut().notices.last(), Some(&ShardNotice::ShutDown));
    }
}
