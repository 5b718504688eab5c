//! One life of a broker's shard: the real loop, machine and logs on the simulated disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::planted::PlantedBug;
use base::{Instant, Now, Prng};
use broker::TopicPartition;
use broker::coordinator::group::GroupConfig;
use broker::log::batch::HEADER_BYTES;
use broker::log::{BatchHeader, LogConfig};
use broker::shard::{
    DeleteRecords, FetchPartition, FetchRequest, LeadPartition, LogAppend, MoveLog, ProducePartition, ProduceRequest,
    RequestToken, Shard, ShardCommand, ShardConfig, ShardEvent, ShardNotice, ShardRequest,
};
use bytes::Bytes;
use driver::log_dirs::LogDirs;
use driver::shard_loop::{CleanerConfig, ShardDone, ShardInput, ShardLoop, ShardLoopConfig, ShardReply, ShardWorld};
use driver::world::{Job, Lane, World};
use kafka_wire::records::{BatchBuilder, Compression, NewRecord};
use storage::disk::Disk;

use crate::disk::{SimDisk, SimFile};
use crate::world::{Lanes, SimWorld, Timer};

/// The log folders.
pub const LOG_DIRS: [&str; 2] = ["/kafka", "/kafka-too"];

/// What a finished job of the shard gives.
pub type Done = ShardDone<SimDisk>;

/// What the shard said in a turn.
pub enum Output {
    /// An answer.
    Reply(RequestToken, ShardReply<SimFile>),
    /// For the node.
    Notice(ShardNotice),
    /// For the operator.
    Say(String),
    /// The process must stop.
    Fatal(String),
}

/// The shard's world.
pub struct HostWorld {
    world: SimWorld<Done>,
    outputs: Vec<Output>,
}

impl World for HostWorld {
    type Disk = SimDisk;
    type Done = Done;

    fn now(&self) -> Now {
        self.world.now()
    }

    fn disk(&self) -> &SimDisk {
        self.world.disk()
    }

    fn offload(&mut self, lane: Lane, job: Job<Done>) {
        self.world.offload(lane, job);
    }
}

impl ShardWorld<SimDisk> for HostWorld {
    fn reply(&mut self, token: RequestToken, reply: ShardReply<SimFile>) {
        self.outputs.push(Output::Reply(token, reply));
    }

    fn notify(&mut self, notice: ShardNotice) {
        self.outputs.push(Output::Notice(notice));
    }

    fn note(&mut self, message: String) {
        self.outputs.push(Output::Say(message));
    }

    fn fatal(&mut self, message: String) {
        self.outputs.push(Output::Fatal(message));
    }
}

/// How logs are copied from folder to folder.
#[derive(Clone, Copy, Debug)]
pub struct Copying {
    /// Bytes of a step.
    pub step_bytes: u32,
    /// The throttle.
    pub bytes_per_second: f64,
}

/// A running shard.
pub struct Host {
    shard: ShardLoop<SimDisk, HostWorld>,
    /// Its jobs.
    pub lanes: Lanes<Done>,
    /// Its timer.
    pub timer: Timer,
    next_token: u64,
}

impl Host {
    /// Takes the folder and begins, without logs: those come with [`Host::lead`].
    ///
    /// # Errors
    /// As the folder's opening.
    pub fn start(
        now: Now,
        disk: SimDisk,
        checkpoint_ms: u64,
        (cleaner, copying): (CleanerConfig, Copying),
        bug: PlantedBug,
        prng: Prng,
    ) -> std::io::Result<Self> {
        let (dirs, leftovers) = LogDirs::open(&disk, &LOG_DIRS.map(PathBuf::from), 1)?;
        dirs.claim("simulated", 1)?;
        for job in leftovers {
            job.run()?;
        }
        let machine = Shard::new(ShardConfig { group: GroupConfig::default() }, prng);
        let config = ShardLoopConfig {
            retention_check_interval_ms: checkpoint_ms,
            recovery_point_checkpoint_interval_ms: checkpoint_ms,
            high_watermark_checkpoint_interval_ms: checkpoint_ms,
            full_retry_ms: 5,
            cleaner,
            copy_step_bytes: copying.step_bytes,
            alter_log_dirs_bytes_per_second: copying.bytes_per_second,
            ..ShardLoopConfig::default()
        };
        let world = HostWorld { world: SimWorld::new(now, disk), outputs: Vec::new() };
        let mut shard = ShardLoop::new(config, machine, Arc::new(dirs), world);
        shard.plant(bug);
        Ok(Self { shard, lanes: Lanes::default(), timer: Timer::default(), next_token: 0 })
    }

    /// One turn.
    pub fn turn(&mut self, now: Now, input: Option<ShardInput<SimDisk>>) -> Vec<Output> {
        self.shard.world_mut().world.set_now(now);
        self.shard.turn(input);
        core::mem::take(&mut self.shard.world_mut().outputs)
    }

    /// Jobs that the last turn started.
    pub fn take_jobs(&mut self) -> Vec<(Lane, Job<Done>)> {
        self.shard.world_mut().world.take_jobs()
    }

    /// When the loop wants a turn without inputs.
    pub fn deadline(&self) -> Option<Instant> {
        self.shard.deadline()
    }

    /// The machine.
    pub fn shard(&self) -> &Shard {
        self.shard.shard()
    }

    fn token(&mut self) -> RequestToken {
        self.next_token += 1;
        RequestToken(self.next_token)
    }

    /// The shard is to lead a partition.
    pub fn lead(partition: &TopicPartition, leader_epoch: i32, config: &Arc<LogConfig>) -> ShardInput<SimDisk> {
        ShardInput::Event(ShardEvent::Command(ShardCommand::LeadPartition(Box::new(LeadPartition {
            partition: partition.clone(),
            topic_id: broker::TopicId([7; 16]),
            broker_id: 1,
            controller_epoch: 1,
            leader_epoch,
            partition_epoch: 0,
            replicas: vec![1],
            isr: vec![1],
            is_new: leader_epoch == 0,
            config: config.clone(),
        }))))
    }

    /// A produce request of one batch.
    pub fn produce(&mut self, partition: &TopicPartition, records: Bytes) -> (RequestToken, ShardInput<SimDisk>) {
        let token = self.token();
        let partitions = vec![ProducePartition { position: 0, partition: partition.clone(), records }];
        let request =
            ProduceRequest { version: 9, acks: -1, timeout_ms: 1000, internal_topics_allowed: false, partitions };
        (token, ShardInput::Event(ShardEvent::Request { token, request: ShardRequest::Produce(request) }))
    }

    /// A fetch request of one partition that does not wait.
    pub fn fetch(
        &mut self,
        partition: &TopicPartition,
        fetch_offset: i64,
        bytes_max: u32,
    ) -> (RequestToken, ShardInput<SimDisk>) {
        let token = self.token();
        let partition = FetchPartition {
            position: 0,
            partition: partition.clone(),
            fetch_offset,
            current_leader_epoch: -1,
            last_fetched_epoch: -1,
            log_start_offset: -1,
            bytes_max,
        };
        let request = FetchRequest {
            version: 12,
            replica_id: -1,
            replica_epoch: -1,
            bytes_min: 0,
            bytes_max: bytes_max.into(),
            wait_ms_max: 0,
            read_committed: false,
            partitions: vec![partition],
        };
        (token, ShardInput::Event(ShardEvent::Request { token, request: ShardRequest::Fetch(request) }))
    }

    /// Moves a log's start.
    pub fn delete_records(&mut self, partition: &TopicPartition, offset: i64) -> (RequestToken, ShardInput<SimDisk>) {
        let token = self.token();
        let request =
            ShardRequest::DeleteRecords(vec![DeleteRecords { position: 0, partition: partition.clone(), offset }]);
        (token, ShardInput::Event(ShardEvent::Request { token, request }))
    }

    /// Moves a log to one of the folders.
    pub fn move_log(&mut self, partition: &TopicPartition, dir: usize) -> (RequestToken, ShardInput<SimDisk>) {
        let token = self.token();
        let log_dir = LOG_DIRS[dir].to_owned();
        let request = ShardRequest::MoveLogs(vec![MoveLog { position: 0, partition: partition.clone(), log_dir }]);
        (token, ShardInput::Event(ShardEvent::Request { token, request }))
    }

    /// Begins a clean stop.
    pub fn shut_down() -> ShardInput<SimDisk> {
        ShardInput::Event(ShardEvent::Command(ShardCommand::ShutDown))
    }
}

/// A batch as a producer sends it, its offsets counted from 0; for each record its key, if any, and whether it has the
/// value.
pub fn produced(records: &[(Option<u8>, bool)], producer: (i64, i32), now_ms: i64, value: &[u8]) -> Bytes {
    let mut builder = BatchBuilder::new(Compression::None).producer(producer.0, 0, producer.1);
    for (key, has_value) in records {
        let key = key.as_ref().map(std::slice::from_ref);
        builder.add(NewRecord { timestamp: now_ms, key, value: has_value.then_some(value), headers: &[] });
    }
    builder.finish()
}

/// What the log holds of a produced batch: the same bytes under its offset and its leader's epoch.
pub fn stored(produced: &[u8], base_offset: i64, leader_epoch: i32) -> Vec<u8> {
    let mut bytes = produced.to_vec();
    bytes[..8].copy_from_slice(&base_offset.to_be_bytes());
    bytes[12..16].copy_from_slice(&leader_epoch.to_be_bytes());
    bytes
}

/// A batch of `count` records that no reader looks into, ready for a log.
pub fn batch(base: i64, count: i32, producer: (i64, i32), leader_epoch: i32, now_ms: i64, records: &[u8]) -> LogAppend {
    let (producer_id, base_sequence) = producer;
    let mut header = BatchHeader {
        base_offset: base,
        batch_length: (HEADER_BYTES - 12 + records.len()) as i32,
        leader_epoch,
        crc: 0,
        attributes: 0,
        last_offset_delta: count - 1,
        base_timestamp: now_ms,
        max_timestamp: now_ms,
        producer_id,
        producer_epoch: 0,
        base_sequence,
        record_count: count,
    };
    header.crc = header.compute_crc(records);
    let pieces = vec![Bytes::copy_from_slice(&header.encode()), Bytes::copy_from_slice(records)];
    LogAppend { pieces, header }
}

/// Whether the folders say that they were stopped cleanly.
pub fn is_marked_clean(disk: &SimDisk) -> bool {
    let marked = |dir| Disk::exists(&disk.observer(), &Path::new(dir).join(".kafka_cleanshutdown")).unwrap_or(false);
    LOG_DIRS.into_iter().all(marked)
}
