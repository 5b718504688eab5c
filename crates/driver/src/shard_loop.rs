//! The loop around a [`Shard`]: appends go into the page cache within the turn, and so does the lookup of a fetch that
//! memory can answer; whatever may wait for the disk is a job.
//!
//! * An acknowledgement is what the machine decides after `Appended`: durability is replication, as in Kafka; syncs
//!   come at a roll, at `flush.messages`/`flush.ms` and at a clean stop ([`Lane::Sync`]).
//! * Produced records that must be looked into (decompressed, packed anew, converted) are on [`Lane::Compute`].
//! * Opening, creating and compacting logs, checkpoints and removals run on [`Lane::Bulk`]; lookups in cold segments on
//!   [`Lane::Read`].
//! * A failed write or sync is final for its log folder: its logs are closed, its partitions answer
//!   `KAFKA_STORAGE_ERROR`, and when the last folder is gone the world is told to stop.
//! * Want of room is no such failure: what was being appended is taken back and refused with `KAFKA_STORAGE_ERROR`,
//!   consumers are served, and everything else that was to be written is tried again.

mod cleaning;
mod figures;
mod files;
mod jobs;
mod moving;
mod upkeep;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use base::planted::PlantedBug;
use base::{Instant, Now};
use broker::TopicPartition;
use broker::config::{BrokerConfig, THROTTLE_ALTER_LOG_DIRS};
use broker::shard::{Effect, FetchAnswer, LogConfig, RequestToken, Shard, ShardAnswer, ShardEvent, ShardNotice};
use storage::disk::Disk;
use storage::kafka::{FileRange, Log};

pub use self::cleaning::CleanerConfig;
use self::cleaning::Cleaning;
pub use self::figures::{LogFigures, ShardFigures};
use self::files::Ranges;
use self::jobs::OpenJob;
pub use self::jobs::ShardDone;
pub use self::moving::CopyError;
use self::moving::{Moves, Moving};
use self::upkeep::Upkeep;
use crate::log_dirs::{DirIndex, LogDirs};
use crate::world::{Lane, World};

/// The world of a shard's loop.
pub trait ShardWorld<D: Disk>: World<Disk = D, Done = ShardDone<D>> {
    /// Answers a request. Must not wait; a token that nobody waits for any more is the world's affair.
    fn reply(&mut self, token: RequestToken, reply: ShardReply<D::File>);

    /// Tells the node.
    fn notify(&mut self, notice: ShardNotice);

    /// A sync of a log has ended well, so long after it was asked for.
    fn flushed(&mut self, _took: Duration) {}

    /// Something an operator should see.
    fn note(&mut self, message: String);

    /// No log folder is left: the process must stop.
    fn fatal(&mut self, message: String);
}

/// An answer as it leaves the shard.
#[derive(Debug)]
pub enum ShardReply<F> {
    /// Anything but a fetch.
    Answer(ShardAnswer),
    /// A fetch: each partition's state and where its records lie.
    Fetch(Vec<(FetchAnswer, Option<FileRange<F>>)>),
}

/// What a turn takes.
pub enum ShardInput<D: Disk> {
    /// For the machine.
    Event(ShardEvent),
    /// A finished job.
    Done(ShardDone<D>),
}

/// How the loop keeps its logs, under upstream's names.
#[derive(Clone, Debug)]
pub struct ShardLoopConfig {
    /// `log.retention.check.interval.ms`.
    pub retention_check_interval_ms: u64,
    /// `log.flush.offset.checkpoint.interval.ms`.
    pub recovery_point_checkpoint_interval_ms: u64,
    /// `replica.high.watermark.checkpoint.interval.ms`.
    pub high_watermark_checkpoint_interval_ms: u64,
    /// `producer.id.expiration.ms`.
    pub producer_id_expiration_ms: i64,
    /// How long what found no room rests before it is tried again.
    pub full_retry_ms: u64,
    /// Compaction.
    pub cleaner: CleanerConfig,
    /// `replica.alter.log.dirs.io.max.bytes.per.second`, this shard's part of it.
    pub alter_log_dirs_bytes_per_second: f64,
    /// A step of a move between log folders copies about this much: a fraction of a second.
    pub copy_step_bytes: u32,
}

impl Default for ShardLoopConfig {
    fn default() -> Self {
        Self {
            retention_check_interval_ms: 300_000,
            recovery_point_checkpoint_interval_ms: 60_000,
            high_watermark_checkpoint_interval_ms: 5000,
            producer_id_expiration_ms: 86_400_000,
            full_retry_ms: 1000,
            cleaner: CleanerConfig::default(),
            alter_log_dirs_bytes_per_second: f64::MAX,
            copy_step_bytes: 4 << 20,
        }
    }
}

impl ShardLoopConfig {
    /// What a broker's configuration says, for one of its shards.
    pub fn of(broker: &BrokerConfig, shards: usize) -> Self {
        let positive = |key: &str| u64::try_from(broker.int(key)).unwrap_or(0);
        let mut config = Self {
            retention_check_interval_ms: positive("log.retention.check.interval.ms"),
            recovery_point_checkpoint_interval_ms: positive("log.flush.offset.checkpoint.interval.ms"),
            high_watermark_checkpoint_interval_ms: positive("replica.high.watermark.checkpoint.interval.ms"),
            cleaner: CleanerConfig { enable: broker.flag("log.cleaner.enable"), ..CleanerConfig::default() },
            ..Self::default()
        };
        config.change(broker, shards);
        config
    }

    /// Takes over what may change while the broker runs.
    pub fn change(&mut self, broker: &BrokerConfig, shards: usize) {
        let positive = |key: &str| u64::try_from(broker.int(key)).unwrap_or(0);
        self.producer_id_expiration_ms = broker.int("producer.id.expiration.ms");
        self.cleaner = CleanerConfig {
            backoff_ms: positive("log.cleaner.backoff.ms"),
            threads: usize::try_from(broker.int("log.cleaner.threads")).unwrap_or(1),
            dedupe_buffer_size: positive("log.cleaner.dedupe.buffer.size"),
            io_buffer_load_factor: broker.double("log.cleaner.io.buffer.load.factor"),
            io_max_bytes_per_second: broker.double("log.cleaner.io.max.bytes.per.second"),
            ..self.cleaner.clone()
        };
        let copied = broker.throttle(THROTTLE_ALTER_LOG_DIRS);
        self.alter_log_dirs_bytes_per_second = copied.map_or(f64::MAX, |rate| rate as f64 / shards.max(1) as f64);
    }
}

/// An open log and what the loop knows about it.
struct OpenLog<D: Disk> {
    log: Log<D>,
    dir: DirIndex,
    config: Arc<LogConfig>,
    /// A flush of it is under way; another one waits for it.
    flushing: bool,
    flush_again: bool,
    flush_began: Instant,
    last_flush: Instant,
    /// It is being compacted: its segments stay as they are.
    cleaning: bool,
    /// It cannot be compacted, which was said once.
    uncleanable: bool,
    /// Where the last compaction ended.
    cleaned_to: Option<i64>,
    /// Jobs that write its leader epochs.
    writing_epochs: u32,
    /// It is on its way to another log folder.
    moving: Option<Moving<D>>,
}

/// A log that a job opens or makes.
#[derive(Default)]
struct Opening {
    /// It was deleted meanwhile.
    doomed: bool,
    /// And is to be made anew.
    next: Option<OpenJob>,
}

/// See the module.
pub struct ShardLoop<D: Disk, W: ShardWorld<D>> {
    world: W,
    config: ShardLoopConfig,
    shard: Shard,
    dirs: Arc<LogDirs<D>>,
    logs: BTreeMap<TopicPartition, OpenLog<D>>,
    /// Where the records of a fetch lie, until its reply leaves.
    planned: BTreeMap<RequestToken, Ranges<D::File>>,
    effects: VecDeque<Effect>,
    scratch: Vec<Effect>,
    upkeep: Upkeep<D>,
    cleaning: Cleaning<D>,
    moves: Moves,
    /// Logs that are being opened: what their recovery cut off is not yet synced.
    opening: BTreeMap<TopicPartition, Opening>,
    bug: PlantedBug,
}

impl<D: Disk, W: ShardWorld<D>> ShardLoop<D, W> {
    /// A loop without open logs: they are opened as the node assigns partitions.
    pub fn new(config: ShardLoopConfig, shard: Shard, dirs: Arc<LogDirs<D>>, world: W) -> Self {
        let upkeep = Upkeep::new(world.now().mono, &config);
        let cleaning = Cleaning::new(world.now().mono, &config.cleaner);
        Self {
            world,
            config,
            shard,
            dirs,
            logs: BTreeMap::new(),
            planned: BTreeMap::new(),
            effects: VecDeque::new(),
            scratch: Vec::new(),
            upkeep,
            cleaning,
            moves: Moves::default(),
            opening: BTreeMap::new(),
            bug: PlantedBug::None,
        }
    }

    /// Plants a bug; only the simulator does.
    pub fn plant(&mut self, bug: PlantedBug) {
        self.bug = bug;
        self.shard.plant(bug);
    }

    /// The machine.
    pub fn shard(&self) -> &Shard {
        &self.shard
    }

    /// The world.
    pub fn world_mut(&mut self) -> &mut W {
        &mut self.world
    }

    /// When the next turn is due without inputs.
    pub fn deadline(&self) -> Option<Instant> {
        if self.upkeep.is_stopping() {
            return None;
        }
        let own = [self.upkeep.deadline(), self.cleaning.deadline(), self.moves.deadline()];
        own.into_iter().chain([self.shard.deadline()]).flatten().min()
    }

    /// Whether the logs are closed, cleanly or not: nothing more will happen.
    pub fn is_stopped(&self) -> bool {
        self.upkeep.is_stopped()
    }

    /// One turn: inputs, then whatever is due.
    pub fn turn(&mut self, inputs: impl IntoIterator<Item = ShardInput<D>>) {
        let now = self.world.now();
        for input in inputs {
            match input {
                // The logs are closing: nothing new is begun, and whoever asks sees the connection end.
                ShardInput::Event(_) if self.upkeep.is_stopping() => continue,
                ShardInput::Event(event) => self.step(now, event),
                ShardInput::Done(done) => self.on_done(now, done),
            }
            self.perform_all(now);
        }
        if self.upkeep.is_stopping() {
            return;
        }
        if self.shard.deadline().is_some_and(|at| at <= now.mono) {
            self.step(now, ShardEvent::Tick);
            self.perform_all(now);
        }
        self.upkeep(now);
        self.clean(now);
        self.go_on_with_moves(now);
        self.perform_all(now);
    }

    fn step(&mut self, now: Now, event: ShardEvent) {
        self.shard.step(now, event, &mut self.scratch);
        self.effects.extend(self.scratch.drain(..));
    }

    fn perform_all(&mut self, now: Now) {
        while let Some(effect) = self.effects.pop_front() {
            self.perform(now, effect);
        }
    }

    fn perform(&mut self, now: Now, effect: Effect) {
        match effect {
            Effect::Append { partition, tag, append } => self.append(now, partition, tag, &append),
            Effect::Inspect { partition, ticket, inspection } => {
                let run = move || ShardDone::Inspected { partition, ticket, result: inspection.run() };
                self.world.offload(Lane::Compute, Box::new(run));
            }
            Effect::PlanFetch { token, bytes_max, reads } => self.plan_fetch(now, token, bytes_max, &reads),
            Effect::FetchReply { token, answers } => {
                let ranges = self.planned.remove(&token).unwrap_or_default();
                self.world.reply(token, ShardReply::Fetch(ranges.attach(answers)));
            }
            Effect::FetchParked(token) => {
                self.planned.remove(&token);
            }
            Effect::Reply { token, answer } => self.world.reply(token, ShardReply::Answer(answer)),
            Effect::Open { partition, topic_id, is_new, leader_epoch, config } => {
                self.open(now, partition, topic_id, is_new, leader_epoch, config);
            }
            Effect::Lookup { token, lookups } => self.lookup(token, lookups),
            Effect::ListSegments { token, partitions } => self.list_segments(token, &partitions),
            Effect::MoveLogs { token, moves } => self.move_logs(now, token, moves),
            Effect::DescribeLogDirs(token) => self.describe_log_dirs(token),
            Effect::ReadForLoad { partition, offset, end_offset } => self.read_for_load(partition, offset, end_offset),
            Effect::SaveEpochs(partition) => self.save_epochs(&partition),
            Effect::Configure { partition, config } => {
                if let Some(open) = self.logs.get_mut(&partition) {
                    open.log.set_config(config.clone());
                    open.config = config;
                }
            }
            Effect::Close { partition, delete } => self.close(now, &partition, delete),
            Effect::Settings(broker) => self.configure(now, &broker),
            Effect::ShutDown => self.shut_down(now),
            Effect::Notify(notice) => self.world.notify(notice),
        }
    }
}
