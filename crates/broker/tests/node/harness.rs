//! Nodes, their ZooKeeper sessions and a real keeper, joined by queues: time passes only when a test says so, and a
//! connection can be cut at any frame.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use base::{Instant, Now, Prng, Str};
use broker::config::{BrokerConfig, Properties};
use broker::node::{ControlRequest, Node, NodeEffect, NodeEvent};
use broker::shard::{RequestToken, ShardCommand, ShardNotice};
use broker::{ShardId, ShardMap};
use bytes::Bytes;
use client_core::zk::{ConnNo, ConnectString, Credentials, Effect, Event, OnLoss, Op, SessionConfig, State, ZkSession};
use kafka_wire::{Request, Response};
use keeper::{ConnId, Keeper, ReadOutcome, Recovery};
use zk_wire::{ConnectRequest, Jute, RequestHeader};

/// Where a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The request of this number never reaches the keeper.
    Request(u64),
    /// The request of this number is carried out and its reply, with everything behind it, is lost.
    Reply(u64),
}

pub struct Member {
    session: ZkSession,
    pub node: Node,
    /// The session's live connection and the keeper's name for it.
    conn: Option<(ConnNo, ConnId, bool)>,
    pub replies: BTreeMap<RequestToken, Response>,
    pub log: Vec<String>,
    pub commands: Vec<ShardCommand>,
    pub to_brokers: Vec<(i32, ControlRequest)>,
    pub ready: bool,
    pub fatal: Option<String>,
    /// What belongs into `meta.properties`: cluster and broker.
    pub identity: Option<(Str, i32)>,
    pub credentials: Option<Credentials>,
    pub alive: bool,
}

enum Item {
    Session(usize, Event),
    Node(usize, NodeEvent),
    Synced,
}

pub struct Cluster {
    pub now: Now,
    pub keeper: Keeper,
    pub members: Vec<Member>,
    queue: VecDeque<Item>,
    next_conn: u64,
    next_token: u64,
    last_append: Option<zk_wire::Zxid>,
    owners: BTreeMap<ConnId, usize>,
    pub cut: Option<Cut>,
    pub frames: u64,
    /// Connections that are cut: what is still on its way is lost.
    lost: Vec<ConnId>,
}

impl Cluster {
    pub fn new() -> Self {
        let now = Now { mono: Instant::from_millis(1000), wall_ms: 1_700_000_000_000 };
        let keeper = Recovery::new(keeper::Config::default(), Prng::new(7)).finish(now);
        Self {
            now,
            keeper,
            members: Vec::new(),
            queue: VecDeque::new(),
            next_conn: 1,
            next_token: 1,
            last_append: None,
            owners: BTreeMap::new(),
            cut: None,
            frames: 0,
            lost: Vec::new(),
        }
    }

    /// Starts a broker; what can happen without time passing has happened when this returns.
    pub fn start(&mut self, id: i32, takeover: Option<Credentials>, extra: &[(&str, &str)]) -> usize {
        let mut properties = Properties::new();
        properties.insert("broker.id".to_string(), id.to_string());
        properties.insert("listeners".to_string(), format!("PLAINTEXT://localhost:{}", 9092 + id));
        properties.insert("offsets.topic.replication.factor".to_string(), "1".to_string());
        for (key, value) in extra {
            properties.insert(key.to_string(), value.to_string());
        }
        let config = BrokerConfig::from_properties(properties, None).expect("valid");
        let session = SessionConfig {
            connect: ConnectString::parse("zk:2181/kafka").expect("valid"),
            session_timeout_ms: 18_000,
            in_flight_max: 10,
            auth: Vec::new(),
            takeover,
        };
        let index = self.members.len();
        self.members.push(Member {
            session: ZkSession::new(session, Prng::new(index as u64)),
            node: Node::new(config, ShardMap::new(2), None, Prng::new(100 + index as u64)),
            conn: None,
            replies: BTreeMap::new(),
            log: Vec::new(),
            commands: Vec::new(),
            to_brokers: Vec::new(),
            ready: false,
            fatal: None,
            identity: None,
            credentials: None,
            alive: true,
        });
        self.queue.push_back(Item::Session(index, Event::Start));
        self.settle();
        index
    }

    /// The process is gone, and the keeper notices its connection's end; the session lives on.
    pub fn kill(&mut self, index: usize) {
        self.members[index].alive = false;
        if let Some((_, conn, _)) = self.members[index].conn.take() {
            self.cut_connection(conn);
        }
        self.settle();
    }

    pub fn request(&mut self, index: usize, version: i16, request: impl Into<Request>) -> RequestToken {
        let token = RequestToken(self.next_token);
        self.next_token += 1;
        let event =
            NodeEvent::Request { token, listener: Str::from("PLAINTEXT"), version, request: Box::new(request.into()) };
        self.queue.push_back(Item::Node(index, event));
        self.settle();
        token
    }

    /// Sends a request and takes its answer, letting time pass while there is none.
    pub fn ask(&mut self, index: usize, version: i16, request: impl Into<Request>) -> Response {
        let token = self.request(index, version, request);
        for _ in 0..1000 {
            if let Some(response) = self.members[index].replies.remove(&token) {
                return response;
            }
            self.pass(10);
        }
        panic!("no answer within ten seconds; log: {:#?}", self.members[index].log);
    }

    /// Lets time pass in small steps until `done`.
    pub fn pass_until(&mut self, ms_max: u64, done: impl Fn(&Self) -> bool) {
        let mut passed = 0;
        while !done(self) {
            assert!(passed < ms_max, "not within {ms_max} ms; logs: {:#?}", self.logs());
            self.pass(10);
            passed += 10;
        }
    }

    pub fn logs(&self) -> Vec<Vec<String>> {
        self.members.iter().map(|member| member.log.clone()).collect()
    }

    pub fn pass(&mut self, ms: u64) {
        self.now.mono = self.now.mono + Duration::from_millis(ms);
        self.now.wall_ms += ms as i64;
        for index in 0..self.members.len() {
            if !self.members[index].alive {
                continue;
            }
            if self.members[index].session.deadline().is_some_and(|at| at <= self.now.mono) {
                self.queue.push_back(Item::Session(index, Event::Tick));
            }
            if self.members[index].node.deadline().is_some_and(|at| at <= self.now.mono) {
                self.queue.push_back(Item::Node(index, NodeEvent::Tick));
            }
        }
        if self.keeper.deadline().is_some_and(|at| at <= self.now.mono) {
            self.keeper_step(keeper::Event::Tick);
        }
        self.settle();
    }

    /// The data of a znode below the chroot, as text.
    pub fn data(&self, path: &str) -> Option<String> {
        let path = format!("/kafka{path}");
        let node = self.keeper.tree().get(&path)?;
        Some(String::from_utf8(node.data.as_deref().unwrap_or_default().to_vec()).expect("text"))
    }

    /// Does something in ZooKeeper, as a tool does, by way of a member's session; its node is not told.
    pub fn zk(&mut self, index: usize, op: Op) {
        let (token, on_loss) = (1 << 60, OnLoss::Resend);
        self.queue.push_back(Item::Session(index, Event::Submit { token, op, on_loss }));
        self.settle();
    }

    /// Ends the session of a member at the keeper, as an expiry does.
    pub fn expire(&mut self, index: usize) {
        if let Some((conn, id, _)) = self.members[index].conn.take() {
            self.cut_connection(id);
            // the client does not notice before the session is over
            self.now.mono = self.now.mono + Duration::from_secs(60);
            for _ in 0..3 {
                self.keeper_step(keeper::Event::Tick);
                self.settle_keeper();
            }
            self.queue.push_back(Item::Session(index, Event::Disconnected(conn)));
        }
        self.settle();
    }

    fn settle_keeper(&mut self) {
        if let Some(zxid) = self.last_append.take() {
            self.keeper_step(keeper::Event::Synced { zxid });
        }
    }

    fn settle(&mut self) {
        let mut steps = 0;
        while let Some(item) = self.queue.pop_front() {
            steps += 1;
            assert!(steps < 100_000, "the cluster does not come to rest");
            match item {
                Item::Session(index, event) if self.members[index].alive => {
                    let mut effects = Vec::new();
                    self.members[index].session.step(self.now, event, &mut effects);
                    for effect in effects {
                        self.on_session_effect(index, effect);
                    }
                }
                Item::Node(index, event) if self.members[index].alive => {
                    let mut effects = Vec::new();
                    self.members[index].node.step(self.now, event, &mut effects);
                    for effect in effects {
                        self.on_node_effect(index, effect);
                    }
                }
                Item::Session(..) | Item::Node(..) => {}
                Item::Synced => self.settle_keeper(),
            }
        }
    }

    fn on_session_effect(&mut self, index: usize, effect: Effect) {
        match effect {
            Effect::Dial(conn, _) => {
                let id = ConnId(self.next_conn);
                self.next_conn += 1;
                self.owners.insert(id, index);
                self.members[index].conn = Some((conn, id, false));
                self.queue.push_back(Item::Session(index, Event::Connected(conn)));
            }
            Effect::Send(conn, frame) => self.on_frame(index, conn, frame),
            Effect::CloseSocket(_) => {
                if let Some((_, id, _)) = self.members[index].conn.take() {
                    self.cut_connection(id);
                }
            }
            Effect::Completed { token, resent, result } => {
                self.queue.push_back(Item::Node(index, NodeEvent::ZkCompleted { token, resent, result }));
            }
            Effect::Watch { kind, path } => {
                self.queue.push_back(Item::Node(index, NodeEvent::ZkWatch { kind, path }));
            }
            Effect::State(state) => {
                if let State::Connected { session_id, password, .. } = &state {
                    let (session_id, password) = (*session_id, password.0.clone());
                    self.members[index].credentials = Some(Credentials { session_id, password });
                }
                self.queue.push_back(Item::Node(index, NodeEvent::ZkState(state)));
            }
        }
    }

    fn on_frame(&mut self, index: usize, conn: ConnNo, frame: Bytes) {
        let Some((live, id, greeted)) = self.members[index].conn else { return };
        if live != conn {
            return;
        }
        self.frames += 1;
        if self.cut == Some(Cut::Request(self.frames)) {
            self.drop_connection(index);
            return;
        }
        let lose_reply = self.cut == Some(Cut::Reply(self.frames));
        if greeted {
            let mut r = base::Reader::new(frame);
            let header = RequestHeader::decode(&mut r).expect("a header");
            let body = r.rest();
            match self.keeper.read(self.now, id, &header, body.clone()) {
                ReadOutcome::Reply(frame) => self.deliver(id, frame),
                ReadOutcome::Replies(frames) => frames.into_iter().for_each(|frame| self.deliver(id, frame)),
                ReadOutcome::Step => self.keeper_step(keeper::Event::Request { conn: id, header, body }),
                ReadOutcome::Gone => {}
            }
        } else {
            self.members[index].conn = Some((live, id, true));
            let request = ConnectRequest::from_bytes(frame).expect("a connect request");
            let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
            self.keeper_step(keeper::Event::Connect { conn: id, peer, request });
        }
        if lose_reply {
            self.settle_keeper();
            self.lost.push(id);
            self.drop_connection(index);
        }
    }

    fn drop_connection(&mut self, index: usize) {
        if let Some((conn, id, _)) = self.members[index].conn.take() {
            self.cut_connection(id);
            // frames of the connection that wait in the queue are lost with it
            self.queue
                .retain(|item| !matches!(item, Item::Session(at, Event::Frame(of, _)) if *at == index && *of == conn));
            self.queue.push_back(Item::Session(index, Event::Disconnected(conn)));
        }
    }

    fn cut_connection(&mut self, id: ConnId) {
        self.owners.remove(&id);
        self.keeper_step(keeper::Event::Disconnected { conn: id });
    }

    fn keeper_step(&mut self, event: keeper::Event) {
        let mut effects = Vec::new();
        self.keeper.step(self.now, event, &mut effects);
        for effect in effects {
            match effect {
                keeper::Effect::Append { zxid, .. } => {
                    let queued = self.last_append.replace(zxid).is_some();
                    self.queue.extend((!queued).then_some(Item::Synced));
                }
                keeper::Effect::Send { conn, frame } => self.deliver(conn, frame),
                keeper::Effect::Close { conn, .. } => {
                    if let Some(index) = self.owners.remove(&conn)
                        && let Some((live, id, _)) = self.members[index].conn
                        && id == conn
                    {
                        self.members[index].conn = None;
                        self.queue.push_back(Item::Session(index, Event::Disconnected(live)));
                    }
                }
                _ => {}
            }
        }
    }

    fn deliver(&mut self, id: ConnId, frame: Bytes) {
        if let Some(index) = self.owners.get(&id)
            && let Some((conn, live, _)) = self.members[*index].conn
            && live == id
            && !self.lost.contains(&id)
        {
            self.queue.push_back(Item::Session(*index, Event::Frame(conn, frame)));
        }
    }

    fn on_node_effect(&mut self, index: usize, effect: NodeEffect) {
        let member = &mut self.members[index];
        match effect {
            NodeEffect::Zk { token, op, on_loss } => {
                self.queue.push_back(Item::Session(index, Event::Submit { token, op, on_loss }));
            }
            NodeEffect::ZkClose => self.queue.push_back(Item::Session(index, Event::Close)),
            NodeEffect::Shard(shard, command) => self.on_command(index, shard, command),
            NodeEffect::Reply(token, response) => {
                assert!(member.replies.insert(token, *response).is_none(), "two answers to {token:?}");
            }
            NodeEffect::ToBroker(broker, request) => member.to_brokers.push((broker, request)),
            NodeEffect::Log(level, message) => member.log.push(format!("{level:?}: {message}")),
            NodeEffect::Ready => member.ready = true,
            NodeEffect::Fatal(why) => member.fatal = Some(why),
            NodeEffect::Identity { cluster_id, broker_id } => member.identity = Some((cluster_id, broker_id)),
            NodeEffect::Publish(_) | NodeEffect::Stopped => {}
        }
    }

    /// Shards that do what they are told.
    fn on_command(&mut self, index: usize, shard: ShardId, command: ShardCommand) {
        let notice = match &command {
            ShardCommand::LeadPartition(lead) => {
                Some(ShardNotice::Leading { partition: lead.partition.clone(), leader_epoch: lead.leader_epoch })
            }
            ShardCommand::StopPartition { partition, delete, .. } => {
                Some(ShardNotice::Stopped { partition: partition.clone(), deleted: *delete })
            }
            _ => None,
        };
        self.members[index].commands.push(command);
        if let Some(notice) = notice {
            self.queue.push_back(Item::Node(index, NodeEvent::Shard(shard, notice)));
        }
    }
}
