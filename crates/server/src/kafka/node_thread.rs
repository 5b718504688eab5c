//! The thread of the node's loop, and its world: the socket to ZooKeeper, the shards' inboxes, connections that wait for
//! answers.

use std::sync::Arc;
use std::thread::JoinHandle;

use arc_swap::ArcSwap;
use base::{Now, Prng, Str};
use broker::ShardId;
use broker::metadata_cache::MetadataImage;
use broker::node::{ControlRequest, Level, NodeEvent};
use broker::shard::{RequestToken, ShardCommand, ShardNotice};
use bytes::Bytes;
use client_core::zk::{ConnNo, Host};
use driver::node_loop::{Milestone, NodeInput, NodeLoop, NodeLoopConfig, NodeWorld};
use driver::world::{Job, Lane, World};
use kafka_wire::{Request, Response};
use storage::file_disk::FileDisk;
use tokio::runtime::Handle;

use super::zk_link::ZkLink;
use crate::clock::Clock;
use crate::world_real::Inbox;

/// What the node's thread is given to reach the rest of the broker. None of these may wait.
pub struct NodePorts {
    /// Hands a command to a shard.
    pub command: Box<dyn FnMut(ShardId, ShardCommand) + Send>,
    /// Hands an answer to the connection that waits for it.
    pub reply: Box<dyn FnMut(RequestToken, Box<Response>) + Send>,
    /// What connections and others read.
    pub image: Arc<ArcSwap<MetadataImage>>,
    /// What the starter waits for.
    pub milestone: Box<dyn FnMut(Milestone) + Send>,
}

/// The way to a running node.
#[derive(Clone)]
pub struct NodeHandle {
    inbox: Arc<Inbox<ToNode>>,
}

enum ToNode {
    Input(NodeInput),
    /// End the thread without closing the session, as a crash would.
    Abort,
}

impl NodeHandle {
    /// A client's request for one of the node's APIs.
    pub fn request(&self, token: RequestToken, listener: Str, version: i16, request: Box<Request>) {
        self.event(NodeEvent::Request { token, listener, version, request });
    }

    /// A shard has something to tell.
    pub fn notice(&self, shard: ShardId, notice: ShardNotice) {
        self.event(NodeEvent::Shard(shard, notice));
    }

    /// Leaves the cluster: closes the ZooKeeper session, then reports [`Milestone::Stopped`].
    pub fn shut_down(&self) {
        self.event(NodeEvent::ShutDown);
    }

    /// Ends the thread without a word to ZooKeeper.
    pub fn abort(&self) {
        self.inbox.push(ToNode::Abort);
    }

    fn event(&self, event: NodeEvent) {
        self.inbox.push(ToNode::Input(NodeInput::Node(event)));
    }
}

/// Starts the node's thread; it dials ZooKeeper at once. The thread ends after [`Milestone::Stopped`] or
/// [`Milestone::Fatal`].
///
/// # Errors
/// What is wrong with the configuration.
pub fn start(
    config: NodeLoopConfig,
    ports: NodePorts,
    runtime: Handle,
    clock: Clock,
    prng: &mut Prng,
) -> Result<(NodeHandle, JoinHandle<()>), String> {
    let inbox: Arc<Inbox<ToNode>> = Arc::default();
    let deliver = inbox.clone();
    let link = ZkLink::new(runtime, move |event| deliver.push(ToNode::Input(NodeInput::Zk(event))));
    let world = RealNodeWorld { clock, link, ports, ended: false };
    let node = NodeLoop::new(config, world, prng)?;
    let handle = NodeHandle { inbox: inbox.clone() };
    let thread = std::thread::Builder::new().name("kafka-node".to_string()).spawn(move || run(node, &inbox, clock));
    let thread = thread.map_err(|error| format!("could not start the node's thread: {error}"))?;
    Ok((handle, thread))
}

fn run(mut node: NodeLoop<RealNodeWorld>, inbox: &Inbox<ToNode>, clock: Clock) {
    let mut arrived = Vec::new();
    let mut inputs = Vec::new();
    node.start();
    while !node.world_mut().ended {
        let deadline = node.deadline().map(|deadline| clock.to_std(deadline));
        inbox.take(&mut arrived, deadline);
        for item in arrived.drain(..) {
            match item {
                ToNode::Input(input) => inputs.push(input),
                ToNode::Abort => return,
            }
        }
        node.turn(&mut inputs);
    }
}

struct RealNodeWorld {
    clock: Clock,
    link: ZkLink,
    ports: NodePorts,
    ended: bool,
}

impl World for RealNodeWorld {
    type Disk = FileDisk;
    type Done = ();

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn disk(&self) -> &FileDisk {
        &FileDisk
    }

    fn offload(&mut self, _lane: Lane, job: Job<()>) {
        // the node has no long work
        job();
    }
}

impl NodeWorld for RealNodeWorld {
    fn dial(&mut self, conn: ConnNo, host: &Host) {
        self.link.dial(conn, host);
    }

    fn send(&mut self, conn: ConnNo, frame: Bytes) {
        self.link.send(conn, frame);
    }

    fn close(&mut self, conn: ConnNo) {
        self.link.close(conn);
    }

    fn command(&mut self, shard: ShardId, command: ShardCommand) {
        (self.ports.command)(shard, command);
    }

    fn publish(&mut self, image: Arc<MetadataImage>) {
        self.ports.image.store(image);
    }

    fn reply(&mut self, token: RequestToken, response: Box<Response>) {
        (self.ports.reply)(token, response);
    }

    fn to_broker(&mut self, broker: i32, _request: ControlRequest) {
        tracing::warn!(broker, "control requests to other brokers are not served yet; one broker per cluster works");
    }

    fn log(&mut self, level: Level, message: String) {
        match level {
            Level::Info => tracing::info!("{message}"),
            Level::Warn => tracing::warn!("{message}"),
            Level::Error => tracing::error!("{message}"),
        }
    }

    fn milestone(&mut self, milestone: Milestone) {
        self.ended |= matches!(milestone, Milestone::Stopped | Milestone::Fatal(_));
        (self.ports.milestone)(milestone);
    }
}
