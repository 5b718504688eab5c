//! One life of a broker's node: the real loop, with shards that obey at once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use base::planted::PlantedBug;
use base::{Now, Prng};
use broker::config::BrokerConfig;
use broker::metadata_cache::MetadataImage;
use broker::node::{ControlRequest, Level, NodeEvent};
use broker::shard::{RequestToken, ShardCommand, ShardNotice};
use broker::{ShardId, ShardMap};
use bytes::Bytes;
use client_core::zk::{ConnNo, Event, Host};
use driver::node_loop::{Milestone, NodeInput, NodeLoop, NodeLoopConfig, NodeWorld};
use driver::world::{Job, Lane, World};

use crate::disk::SimDisk;
use crate::net::LinkId;
use crate::world::SimWorld;

/// What a node did in a turn.
pub enum Output {
    /// Dials the keeper.
    Dial(ConnNo),
    /// Sends a frame, without its length.
    Send(ConnNo, Bytes),
    /// Hangs up.
    Close(ConnNo),
    /// Something for the trace.
    Say(String),
    /// A step of its life.
    Milestone(Milestone),
}

/// The node's world.
pub struct HostWorld {
    world: SimWorld<()>,
    outputs: Vec<Output>,
    notices: Vec<(ShardId, ShardNotice)>,
}

impl World for HostWorld {
    type Disk = SimDisk;
    type Done = ();

    fn now(&self) -> Now {
        self.world.now()
    }

    fn disk(&self) -> &SimDisk {
        self.world.disk()
    }

    fn offload(&mut self, lane: Lane, job: Job<()>) {
        self.world.offload(lane, job);
    }
}

impl NodeWorld for HostWorld {
    fn dial(&mut self, conn: ConnNo, _host: &Host) {
        self.outputs.push(Output::Dial(conn));
    }

    fn send(&mut self, conn: ConnNo, frame: Bytes) {
        self.outputs.push(Output::Send(conn, frame));
    }

    fn close(&mut self, conn: ConnNo) {
        self.outputs.push(Output::Close(conn));
    }

    fn command(&mut self, shard: ShardId, command: ShardCommand) {
        let notice = match command {
            ShardCommand::LeadPartition(lead) => {
                ShardNotice::Leading { partition: lead.partition, leader_epoch: lead.leader_epoch }
            }
            ShardCommand::StopPartition { partition, delete, .. } => {
                ShardNotice::Stopped { partition, deleted: delete }
            }
            ShardCommand::ShutDown => ShardNotice::ShutDown,
            ShardCommand::UpdateConfig { .. } | ShardCommand::Metadata(_) | ShardCommand::Settings(_) => return,
        };
        self.notices.push((shard, notice));
    }

    fn publish(&mut self, _image: Arc<MetadataImage>) {}

    fn reply(&mut self, _token: RequestToken, _response: Box<kafka_wire::Response>) {}

    fn to_broker(&mut self, broker: i32, request: ControlRequest) {
        self.outputs.push(Output::Say(format!("to broker {broker}: {request:?}")));
    }

    fn log(&mut self, level: Level, message: String) {
        self.outputs.push(Output::Say(format!("{level:?}: {message}")));
    }

    fn milestone(&mut self, milestone: Milestone) {
        self.outputs.push(Output::Milestone(milestone));
    }
}

/// A running broker.
pub struct Broker {
    node: NodeLoop<HostWorld>,
    /// What waits for its next turn.
    pub inputs: Vec<NodeInput>,
    /// Its connections to the keeper.
    pub links: BTreeMap<LinkId, ConnNo>,
    /// Whether a turn is scheduled.
    pub turn_due: bool,
    /// Whether it has said that it is ready.
    pub ready: bool,
}

impl Broker {
    /// A broker that begins now.
    pub fn start(id: i32, now: Now, disk: SimDisk, session_timeout_ms: u64, bug: PlantedBug, prng: &mut Prng) -> Self {
        let properties = [
            ("broker.id".to_string(), id.to_string()),
            ("zookeeper.connect".to_string(), "127.0.0.1:2181".to_string()),
            ("zookeeper.session.timeout.ms".to_string(), session_timeout_ms.to_string()),
        ];
        let broker =
            BrokerConfig::from_properties(properties.into_iter().collect(), None).expect("a good configuration");
        let session_dir = PathBuf::from("/kafka");
        storage::disk::Disk::create_dir_all(&disk, &session_dir).expect("an honest disk");
        let world = HostWorld { world: SimWorld::new(now, disk), outputs: Vec::new(), notices: Vec::new() };
        let config = NodeLoopConfig { broker, shards: ShardMap::new(1), cluster_id: None, session_dir };
        let mut node = NodeLoop::new(config, world, prng).expect("a good connect string");
        node.plant(bug);
        node.start();
        Self { node, inputs: Vec::new(), links: BTreeMap::new(), turn_due: false, ready: false }
    }

    /// One turn, and what the shards answered to it.
    pub fn turn(&mut self, now: Now) -> Vec<Output> {
        self.node.world_mut().world.set_now(now);
        let mut inputs = core::mem::take(&mut self.inputs);
        self.node.turn(&mut inputs);
        for (shard, notice) in core::mem::take(&mut self.node.world_mut().notices) {
            self.inputs.push(NodeInput::Node(NodeEvent::Shard(shard, notice)));
        }
        core::mem::take(&mut self.node.world_mut().outputs)
    }

    /// Something on the connection to the keeper.
    pub fn zk(&mut self, event: Event) {
        self.inputs.push(NodeInput::Zk(event));
    }

    /// When the loop wants a turn without inputs.
    pub fn deadline(&self) -> Option<base::Instant> {
        self.node.deadline()
    }

    /// Whether it believes itself to be the controller.
    pub fn is_controller(&self) -> bool {
        self.node.node().is_controller()
    }
}
