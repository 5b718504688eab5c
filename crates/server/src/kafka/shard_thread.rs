//! A shard's thread: its inbox, its loop, and its world.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use base::{Now, Prng};
use broker::ShardId;
use broker::config::BrokerConfig;
use broker::coordinator::group::GroupConfig;
use broker::shard::{RequestToken, Shard, ShardCommand, ShardConfig, ShardEvent, ShardNotice, ShardRequest};
use driver::log_dirs::LogDirs;
use driver::shard_loop::{ShardDone, ShardFigures, ShardInput, ShardLoop, ShardLoopConfig, ShardReply, ShardWorld};
use driver::world::{Job, Lane, World};
use storage::file_disk::FileDisk;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::dispatch::Answer;
use super::handle::Heard;
use super::metrics::ShardStats;
use super::node_thread::NodeHandle;
use crate::clock::Clock;
use crate::world_real::{Inbox, Lanes};

/// What reaches a shard's thread.
pub(crate) enum ToShard {
    /// A connection asks.
    Request {
        /// Comes back with the answer.
        token: RequestToken,
        /// What is asked.
        request: ShardRequest,
        /// Where the answer goes.
        to: UnboundedSender<Answer>,
    },
    /// A fetch that waits shall answer with what is there.
    Complete(RequestToken),
    /// Nobody waits for the answer any more.
    Cancel(RequestToken),
    /// The node commands.
    Command(ShardCommand),
    /// The HTTP side wants the shard's numbers.
    Figures(oneshot::Sender<ShardFigures>),
    /// A job is done.
    Done(ShardDone<FileDisk>),
    /// End without flushing, as a crash would.
    Abort,
}

/// The way from a shard to the rest of the broker.
#[derive(Clone)]
pub(super) struct ShardPorts {
    pub(super) node: NodeHandle,
    pub(super) milestones: UnboundedSender<Heard>,
    pub(super) stats: Arc<ShardStats>,
}

/// What a shard's thread is made of.
pub(super) struct Setup<'a> {
    pub(super) shard: ShardId,
    pub(super) broker: &'a BrokerConfig,
    pub(super) dirs: Arc<LogDirs<FileDisk>>,
    pub(super) inbox: Arc<Inbox<ToShard>>,
    pub(super) ports: ShardPorts,
    pub(super) clock: Clock,
    pub(super) prng: Prng,
}

/// Starts a shard's thread.
///
/// # Errors
/// The system gives no thread.
pub(super) fn spawn(setup: Setup<'_>) -> Result<JoinHandle<()>, String> {
    let Setup { shard, broker, dirs, inbox, ports, clock, prng } = setup;
    let machine = Shard::new(ShardConfig { group: group_config(broker) }, prng);
    let config = ShardLoopConfig::of(broker, dirs.shards());
    let deliver = inbox.clone();
    let run = move || {
        let lanes = Lanes::new("kafka-shard", move |done| deliver.push(ToShard::Done(done)));
        let world = RealShardWorld { shard, clock, lanes, ports, waiting: BTreeMap::new() };
        run(ShardLoop::new(config, machine, dirs, world), &inbox, clock);
    };
    let named = std::thread::Builder::new().name(format!("kafka-shard-{}", shard.0));
    named.spawn(run).map_err(|e| format!("cannot start the thread of shard {}: {e}", shard.0))
}

fn run(mut shard: ShardLoop<FileDisk, RealShardWorld>, inbox: &Inbox<ToShard>, clock: Clock) {
    let (mut arrived, mut inputs) = (Vec::new(), Vec::new());
    while !shard.is_stopped() {
        inbox.take(&mut arrived, shard.deadline().map(|deadline| clock.to_std(deadline)));
        for item in arrived.drain(..) {
            inputs.push(match item {
                ToShard::Request { token, request, to } => {
                    shard.world_mut().waiting.insert(token, to);
                    ShardInput::Event(ShardEvent::Request { token, request })
                }
                ToShard::Complete(token) => ShardInput::Event(ShardEvent::Complete(token)),
                ToShard::Cancel(token) => {
                    shard.world_mut().waiting.remove(&token);
                    ShardInput::Event(ShardEvent::Cancel(token))
                }
                ToShard::Command(command) => ShardInput::Event(ShardEvent::Command(command)),
                ToShard::Figures(to) => {
                    // Nobody waits any more when the scrape has ended.
                    let _ = to.send(shard.figures());
                    continue;
                }
                ToShard::Done(done) => ShardInput::Done(done),
                ToShard::Abort => return,
            });
        }
        shard.turn(inputs.drain(..));
    }
}

fn group_config(broker: &BrokerConfig) -> GroupConfig {
    let int = |key: &str| broker.int(key);
    let defaults = GroupConfig::default();
    GroupConfig {
        initial_rebalance_delay_ms: u32::try_from(int("group.initial.rebalance.delay.ms")).unwrap_or(0),
        session_timeout_ms_min: i32::try_from(int("group.min.session.timeout.ms")).unwrap_or(6000),
        session_timeout_ms_max: i32::try_from(int("group.max.session.timeout.ms")).unwrap_or(1_800_000),
        size_max: usize::try_from(int("group.max.size")).unwrap_or(usize::MAX),
        offset_metadata_bytes_max: usize::try_from(int("offset.metadata.max.bytes")).unwrap_or(4096),
        offsets_retention_ms: int("offsets.retention.minutes").saturating_mul(60_000),
        offsets_retention_check_interval_ms: u32::try_from(int("offsets.retention.check.interval.ms"))
            .unwrap_or(defaults.offsets_retention_check_interval_ms),
    }
}

struct RealShardWorld {
    shard: ShardId,
    clock: Clock,
    lanes: Lanes<ShardDone<FileDisk>>,
    ports: ShardPorts,
    waiting: BTreeMap<RequestToken, UnboundedSender<Answer>>,
}

impl World for RealShardWorld {
    type Disk = FileDisk;
    type Done = ShardDone<FileDisk>;

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn disk(&self) -> &FileDisk {
        &FileDisk
    }

    fn offload(&mut self, lane: Lane, job: Job<ShardDone<FileDisk>>) {
        self.lanes.offload(lane, job);
    }
}

impl ShardWorld<FileDisk> for RealShardWorld {
    fn reply(&mut self, token: RequestToken, reply: ShardReply<File>) {
        // Nobody waits any more when the connection is gone.
        if let Some(to) = self.waiting.remove(&token) {
            let _ = to.send(Answer::Shard(token, reply));
        }
    }

    fn notify(&mut self, notice: ShardNotice) {
        if notice == ShardNotice::ShutDown {
            let _ = self.ports.milestones.send(Heard::ShardStopped);
        }
        self.ports.node.notice(self.shard, notice);
    }

    fn flushed(&mut self, took: Duration) {
        self.ports.stats.flushes.add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    fn note(&mut self, message: String) {
        tracing::warn!("{message}");
    }

    fn fatal(&mut self, message: String) {
        let _ = self.ports.milestones.send(Heard::Fatal(message));
    }
}
