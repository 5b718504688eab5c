//! The node: everything of a broker that is not a partition. It routes; each role has its file.
//!
//! * [`registration`]: paths, cluster id, `/brokers/ids/N`, after every new ZooKeeper session
//! * [`crate::controller`]: election and the controller's work
//! * [`local`]: the receiving end of LeaderAndIsr, UpdateMetadata and StopReplica
//! * [`configs`]: topic and broker configuration, `/config/changes`
//! * [`producer_ids`]: blocks of producer ids
//! * [`waiting`]: requests that wait for metadata
//!
//! ZooKeeper is reached through effects and events only; see [`zk`] for how operations are batched.

pub mod configs;
pub mod local;
pub mod producer_ids;
pub mod registration;
mod requests;
pub mod waiting;
pub mod zk;

use std::collections::VecDeque;
use std::sync::Arc;

use base::{Instant, Now, Prng, Str};
use client_core::zk::{OnLoss, Op, Reply, State, WatchKind, ZkError};
use kafka_wire::messages::{LeaderAndIsrRequest, StopReplicaRequest, UpdateMetadataRequest};
use kafka_wire::{Request, Response};

use self::zk::{Outcome, ZkBatches};
use crate::config::BrokerConfig;
use crate::connections::ConnectionLimits;
use crate::controller::{self, Controller};
use crate::metadata_cache::MetadataImage;
use crate::shard::{RequestToken, ShardCommand, ShardNotice};
use crate::{ShardId, ShardMap, api};

/// What happens to the node.
#[derive(Debug)]
pub enum NodeEvent {
    /// The ZooKeeper session's state changed.
    ZkState(State),
    /// An operation ended.
    ZkCompleted {
        /// The token of its [`NodeEffect::Zk`].
        token: u64,
        /// Whether it was sent more than once.
        resent: bool,
        /// Its end.
        result: Result<Reply, ZkError>,
    },
    /// A watch fired.
    ZkWatch {
        /// What happened.
        kind: WatchKind,
        /// To which znode.
        path: String,
    },
    /// A client's request for the node's APIs.
    Request {
        /// Comes back with the answer.
        token: RequestToken,
        /// The listener that it came in on.
        listener: Str,
        /// Its API version.
        version: i16,
        /// The request.
        request: Box<Request>,
    },
    /// A shard has something to tell.
    Shard(ShardId, ShardNotice),
    /// Stop: close the session so that the broker leaves the cluster at once.
    ShutDown,
    /// Time has passed.
    Tick,
}

/// What the node wants done.
#[derive(Debug)]
pub enum NodeEffect {
    /// Submit an operation to the ZooKeeper session.
    Zk {
        /// Comes back with its end.
        token: u64,
        /// The operation.
        op: Op,
        /// What to do when the connection is lost.
        on_loss: OnLoss,
    },
    /// Close the ZooKeeper session.
    ZkClose,
    /// Tell a shard.
    Shard(ShardId, ShardCommand),
    /// Show this metadata to connections from now on.
    Publish(Arc<MetadataImage>),
    /// Answer a client's request.
    Reply(RequestToken, Box<Response>),
    /// Send a control request to another broker.
    ToBroker(i32, ControlRequest),
    /// Tell the operator.
    Log(Level, String),
    /// Who we are, once it is known and agrees with what is stored: for `meta.properties`.
    Identity {
        /// The cluster's id.
        cluster_id: Str,
        /// The broker's id, configured or generated.
        broker_id: i32,
    },
    /// The broker is registered and knows a live controller: it can be called ready.
    Ready,
    /// The broker cannot go on.
    Fatal(String),
    /// The session is closed; nothing more will happen.
    Stopped,
}

/// How much an operator should care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Good to know.
    Info,
    /// Something is wrong, and the broker goes on.
    Warn,
    /// Something failed.
    Error,
}

/// What a controller sends to brokers.
#[derive(Clone, Debug, PartialEq)]
pub enum ControlRequest {
    /// Who leads which partition.
    LeaderAndIsr(Box<LeaderAndIsrRequest>),
    /// What to tell clients.
    UpdateMetadata(Box<UpdateMetadataRequest>),
    /// Which replicas to give up.
    StopReplica(Box<StopReplicaRequest>),
}

/// Who goes on after a batch of ZooKeeper operations.
#[derive(Debug)]
pub enum Then {
    /// Nobody.
    Nothing,
    /// [`registration`].
    Registration(registration::Step),
    /// [`crate::controller`].
    Controller(controller::Step),
    /// [`local`].
    Local(local::Step),
    /// [`configs`].
    Configs(configs::Step),
    /// [`producer_ids`].
    ProducerIds(producer_ids::Step),
    /// Topic creation for a request.
    CreateTopics(api::create_topics::Step),
    /// Topic deletion for a request.
    DeleteTopics(api::delete_topics::Step),
    /// Configuration for a request.
    DescribeConfigs(api::describe_configs::Step),
    /// New configuration of a request.
    AlterConfigs(Box<api::incremental_alter_configs::Step>),
    /// Quotas of a request.
    AlterClientQuotas(Box<api::alter_client_quotas::Step>),
    /// More partitions of a request.
    CreatePartitions(Box<api::create_partitions::Step>),
}

/// What one role tells the others. Handled after the role's function has returned.
#[derive(Debug)]
pub(crate) enum Note {
    /// The broker is in `/brokers/ids`.
    Registered,
    /// The controller sends this to our own broker.
    Control(ControlRequest),
    /// Our own broker gave up these replicas for the controller; `true` where that failed.
    ReplicasStopped(Vec<(crate::TopicPartition, bool)>),
    /// New metadata was published.
    ImageChanged,
    /// A broker-wide or a topic's configuration changed.
    ConfigChanged(Option<Str>),
    /// A topic is gone, its znodes too.
    TopicDeleted(Str),
    /// The active controller, as ZooKeeper has it, changed.
    ControllerChanged,
}

/// What every role may use.
#[derive(Debug)]
pub struct Ctx {
    /// The broker's configuration.
    pub config: BrokerConfig,
    pub(crate) shards: ShardMap,
    pub(crate) prng: Prng,
    pub(crate) now: Now,
    pub(crate) zk: ZkBatches,
    pub(crate) effects: Vec<NodeEffect>,
    pub(crate) notes: VecDeque<Note>,
    pub(crate) image: Arc<MetadataImage>,
    /// czxid of `/brokers/ids/N`; -1 while not registered.
    pub(crate) broker_epoch: i64,
    /// The live ZooKeeper session; 0 for none.
    pub(crate) session_id: i64,
    pub(crate) session_timeout_ms: u32,
    pub(crate) cluster_id: Str,
}

impl Ctx {
    pub(crate) fn submit(&mut self, ops: Vec<Op>, then: Then) {
        self.zk.submit(ops, then, &mut self.effects);
    }

    pub(crate) fn log(&mut self, level: Level, message: impl Into<String>) {
        self.effects.push(NodeEffect::Log(level, message.into()));
    }

    pub(crate) fn reply(&mut self, token: RequestToken, response: impl Into<Response>) {
        self.effects.push(NodeEffect::Reply(token, Box::new(response.into())));
    }

    pub(crate) fn note(&mut self, note: Note) {
        self.notes.push_back(note);
    }
}

/// The machine.
#[derive(Debug)]
pub struct Node {
    pub(crate) ctx: Ctx,
    pub(crate) registration: registration::Registration,
    pub(crate) controller: Controller,
    pub(crate) local: local::LocalBroker,
    pub(crate) configs: configs::Configs,
    pub(crate) producer_ids: producer_ids::ProducerIds,
    pub(crate) waiting: waiting::Waiting,
    pub(crate) ready: bool,
}

impl Node {
    /// A node that waits for its ZooKeeper session. `cluster_id` is the one that its folders belong to, if any.
    pub fn new(config: BrokerConfig, shards: ShardMap, cluster_id: Option<Str>, prng: Prng) -> Self {
        // One that cannot be read was refused before the node began.
        let connections = Arc::new(ConnectionLimits::from_config(&config).unwrap_or_default());
        let ctx = Ctx {
            config,
            shards,
            prng,
            now: Now { mono: Instant::ZERO, wall_ms: 0 },
            zk: ZkBatches::default(),
            effects: Vec::new(),
            notes: VecDeque::new(),
            image: Arc::new(MetadataImage { connections, ..MetadataImage::default() }),
            broker_epoch: -1,
            session_id: 0,
            session_timeout_ms: 0,
            cluster_id: cluster_id.unwrap_or_default(),
        };
        Self {
            ctx,
            registration: registration::Registration::default(),
            controller: Controller::default(),
            local: local::LocalBroker::default(),
            configs: configs::Configs::default(),
            producer_ids: producer_ids::ProducerIds::default(),
            waiting: waiting::Waiting::default(),
            ready: false,
        }
    }

    /// Whether this broker believes itself to be the active controller.
    pub fn is_controller(&self) -> bool {
        self.controller.is_active()
    }

    /// The metadata as of the last step.
    pub fn image(&self) -> &Arc<MetadataImage> {
        &self.ctx.image
    }

    /// The id of this cluster; empty until it is known.
    pub fn cluster_id(&self) -> &Str {
        &self.ctx.cluster_id
    }

    /// One step.
    pub fn step(&mut self, now: Now, event: NodeEvent, effects: &mut Vec<NodeEffect>) {
        self.ctx.now = now;
        match event {
            NodeEvent::ZkState(state) => self.on_zk_state(state),
            NodeEvent::ZkCompleted { token, resent, result } => {
                self.ctx.zk.completed(token, Outcome { result, resent });
            }
            NodeEvent::ZkWatch { kind, path } => self.on_watch(kind, &path),
            NodeEvent::Request { token, listener, version, request } => {
                requests::handle(self, token, &listener, version, *request);
            }
            NodeEvent::Shard(_, notice) => self.local.on_notice(&mut self.ctx, &self.configs, notice),
            NodeEvent::ShutDown => self.ctx.effects.push(NodeEffect::ZkClose),
            NodeEvent::Tick => {
                self.registration.on_tick(&mut self.ctx);
                waiting::on_tick(self);
            }
        }
        self.settle();
        effects.append(&mut self.ctx.effects);
    }

    /// When the node next wants a [`NodeEvent::Tick`].
    pub fn deadline(&self) -> Option<Instant> {
        [self.registration.deadline(), self.waiting.deadline()].into_iter().flatten().min()
    }

    /// Runs what the step's first part left to do, until nothing is left.
    fn settle(&mut self) {
        loop {
            if let Some(note) = self.ctx.notes.pop_front() {
                self.on_note(note);
            } else if let Some((then, outcomes)) = self.ctx.zk.pop() {
                self.on_batch(then, outcomes);
            } else {
                break;
            }
        }
    }

    fn on_zk_state(&mut self, state: State) {
        match state {
            State::Connected { session_id, session_timeout_ms, new, .. } => {
                self.ctx.session_id = session_id;
                self.ctx.session_timeout_ms = session_timeout_ms;
                if new {
                    self.registration.on_session(&mut self.ctx);
                }
            }
            State::Suspended => self.ctx.log(Level::Warn, "connection to zookeeper lost; reconnecting"),
            State::Expired => {
                self.ctx.log(Level::Warn, "zookeeper session expired; registering again");
                self.ctx.session_id = 0;
                self.ctx.broker_epoch = -1;
                self.registration.on_expired();
                self.controller.resign(&mut self.ctx);
            }
            State::AuthFailed => {
                self.ctx.effects.push(NodeEffect::Fatal("zookeeper refused the broker's identity".to_string()));
            }
            State::Closed => self.ctx.effects.push(NodeEffect::Stopped),
        }
    }

    fn on_watch(&mut self, kind: WatchKind, path: &str) {
        if path.starts_with("/config/") {
            self.configs.on_watch(&mut self.ctx, path);
        } else if path == registration::path(self.ctx.config.broker_id) {
            self.registration.on_watch(&mut self.ctx);
            self.controller.on_watch(&mut self.ctx, kind, path);
        } else {
            self.controller.on_watch(&mut self.ctx, kind, path);
        }
    }

    fn on_batch(&mut self, then: Then, outcomes: Vec<Outcome>) {
        match then {
            Then::Nothing => {}
            Then::Registration(step) => self.registration.on_batch(&mut self.ctx, step, &outcomes),
            Then::Controller(step) => self.controller.on_batch(&mut self.ctx, step, outcomes),
            Then::Local(step) => self.local.on_batch(&mut self.ctx, &mut self.configs, step, &outcomes),
            Then::Configs(step) => self.configs.on_batch(&mut self.ctx, step, &outcomes),
            Then::ProducerIds(step) => self.producer_ids.on_batch(&mut self.ctx, step, &outcomes),
            Then::CreateTopics(step) => api::create_topics::on_batch(self, step, &outcomes),
            Then::DeleteTopics(step) => api::delete_topics::on_batch(self, step, &outcomes),
            Then::DescribeConfigs(step) => api::describe_configs::on_batch(self, step, &outcomes),
            Then::AlterConfigs(step) => api::incremental_alter_configs::on_batch(self, *step, &outcomes),
            Then::AlterClientQuotas(step) => api::alter_client_quotas::on_batch(self, *step, &outcomes),
            Then::CreatePartitions(step) => api::create_partitions::on_batch(self, *step, &outcomes),
        }
    }

    fn on_note(&mut self, note: Note) {
        match note {
            Note::Registered => {
                // read before anything that a controller may ask of us, since replies come in order
                self.configs.start(&mut self.ctx);
                self.controller.start(&mut self.ctx);
            }
            Note::Control(request) => self.local.enqueue(&mut self.ctx, &self.configs, request),
            Note::ReplicasStopped(stopped) => self.controller.on_replicas_stopped(&mut self.ctx, &stopped),
            Note::ImageChanged => {
                if !self.ready && self.ctx.broker_epoch >= 0 && self.ctx.image.controller_id.is_some() {
                    self.ready = true;
                    self.ctx.effects.push(NodeEffect::Ready);
                }
                waiting::on_change(self);
            }
            Note::ConfigChanged(topic) => self.local.on_config_changed(&mut self.ctx, &self.configs, topic.as_ref()),
            Note::TopicDeleted(topic) => {
                self.configs.forget(&topic);
                waiting::on_change(self);
            }
            Note::ControllerChanged => waiting::on_change(self),
        }
    }
}
