//! Keepers as members of an ensemble: what clients of leaders and followers see, and what they never see.

#[path = "ensemble/linearizable_reads.rs"]
mod linearizable_reads;
mod support;

use std::collections::BTreeMap;

use base::{Prng, Str};
use bytes::Bytes;
use keeper::{CloseReason, Config, ConnId, Effect, Event, Keeper, Recovery, Seat};
use support::{PEER, Reply, config, create_request, now};
use zab::{Link, QuorumVerifier, Sid, Standing, StoreOp, ToLeader, ToLearner};
use zk_wire::{
    ConnectRequest, ConnectResponse, CreateMode, Epoch, ErrorCode, Jute, OpCode, RequestHeader, SessionId, SyncRequest,
    Zxid,
};

/// A message takes this long, and so does the disk.
const HOP_MS: u64 = 2;

#[derive(Default)]
struct Node {
    keeper: Option<Keeper>,
    log: Vec<(Zxid, Bytes)>,
    accepted: Epoch,
    current: Epoch,
    sent: BTreeMap<ConnId, Vec<Bytes>>,
    closed: BTreeMap<ConnId, CloseReason>,
    /// Configurations that came to count, as the files get them.
    configured: Vec<Str>,
}

struct Cluster {
    config: Config,
    nodes: BTreeMap<Sid, Node>,
    voters: Vec<Sid>,
    /// Of members that are started from now on.
    reconfig_enabled: bool,
    now_ms: u64,
    queue: BTreeMap<(u64, u64), (Sid, Event)>,
    /// Learner and leader.
    links: BTreeMap<Link, (Sid, Sid)>,
    count: u64,
}

/// A configuration of these voters, from a file.
fn text(voters: &[Sid]) -> String {
    let lines: Vec<String> = voters.iter().map(|sid| line(*sid)).collect();
    format!("{}\nversion=0", lines.join("\n"))
}

fn line(sid: Sid) -> String {
    format!("server.{sid}=host{sid}:2888:3888:participant;0.0.0.0:2181")
}

impl Cluster {
    fn new(voters: &[Sid], observers: &[Sid]) -> Self {
        Self::configured(config(), voters, observers)
    }

    fn configured(config: Config, voters: &[Sid], observers: &[Sid]) -> Self {
        let nodes = voters.iter().chain(observers).map(|sid| (*sid, Node::default()));
        let mut cluster = Self {
            config,
            nodes: nodes.collect(),
            voters: voters.to_vec(),
            reconfig_enabled: false,
            now_ms: 0,
            queue: BTreeMap::new(),
            links: BTreeMap::new(),
            count: 0,
        };
        cluster.nodes.keys().copied().collect::<Vec<_>>().into_iter().for_each(|sid| cluster.start(sid));
        cluster
    }

    fn start(&mut self, sid: Sid) {
        let node = self.nodes.get_mut(&sid).unwrap();
        let reconfig_enabled = self.reconfig_enabled;
        let server_id = u8::try_from(sid).unwrap();
        let config = Config { server_id, reconfig_enabled, skip_acl: reconfig_enabled, ..self.config.clone() };
        let mut recovery = Recovery::new(config, Prng::new(sid.unsigned_abs()));
        recovery.keep_window(500);
        node.log.iter().for_each(|(_, payload)| {
            recovery.replay(payload.clone()).unwrap();
        });
        let seat = Seat {
            config: zab::Config { tick: core::time::Duration::from_millis(2000), ..zab::Config::new(sid) },
            verifier: QuorumVerifier::majority(self.voters.iter().copied()),
            config_text: Str::from(text(&self.voters).as_str()),
            next_text: None,
            accepted: node.accepted,
            current: node.current,
        };
        node.keeper = Some(recovery.finish(now(self.now_ms)).join(seat));
        self.step(sid, Event::Tick);
    }

    /// The process is gone; what was on its way to the disk and to others is not.
    fn kill(&mut self, sid: Sid) {
        self.nodes.get_mut(&sid).unwrap().keeper = None;
        self.queue.retain(|_, (to, _)| *to != sid);
        let links: Vec<Link> =
            self.links.iter().filter(|(_, (a, b))| *a == sid || *b == sid).map(|(link, _)| *link).collect();
        links.into_iter().for_each(|link| self.close(link));
    }

    fn close(&mut self, link: Link) {
        let Some((learner, leader)) = self.links.remove(&link) else { return };
        for sid in [learner, leader] {
            self.post(sid, Event::Ensemble(zab::Event::Closed { link }));
        }
    }

    fn post(&mut self, to: Sid, event: Event) {
        self.count += 1;
        self.queue.insert((self.now_ms + HOP_MS, self.count), (to, event));
    }

    fn post_zab(&mut self, to: Sid, event: zab::Event) {
        self.post(to, Event::Ensemble(event));
    }

    fn step(&mut self, sid: Sid, event: Event) {
        let now = now(self.now_ms);
        let Some(keeper) = self.nodes.get_mut(&sid).unwrap().keeper.as_mut() else { return };
        let mut effects = Vec::new();
        keeper.step(now, event, &mut effects);
        for effect in effects {
            let node = self.nodes.get_mut(&sid).unwrap();
            match effect {
                Effect::Ensemble(effect) => self.perform(sid, effect),
                Effect::Send { conn, frame } => {
                    assert!(!node.closed.contains_key(&conn), "sent to {conn:?} behind its end");
                    node.sent.entry(conn).or_default().push(frame);
                }
                Effect::Close { conn, reason } => {
                    node.closed.insert(conn, reason);
                }
                Effect::Configured(text) => node.configured.push(text),
                _ => {}
            }
        }
    }

    fn perform(&mut self, sid: Sid, effect: zab::Effect) {
        match effect {
            zab::Effect::Notify { to, notification } => {
                self.post_zab(to, zab::Event::Notification { from: sid, notification });
            }
            zab::Effect::Dial { leader } => {
                let leads = self.nodes[&leader].keeper.as_ref().is_some_and(|k| k.ensemble().unwrap().peer().leads());
                if !leads {
                    return self.post_zab(sid, zab::Event::LeaderUnreachable);
                }
                self.count += 1;
                let link = Link(self.count);
                self.links.insert(link, (sid, leader));
                self.post_zab(leader, zab::Event::LearnerConnected { link });
                self.post_zab(sid, zab::Event::LeaderConnected { link });
            }
            zab::Effect::ToLearner { link, packet } => {
                let packet = ToLearner::decode(packet.encode()).unwrap();
                if let Some((learner, _)) = self.links.get(&link).copied() {
                    self.post_zab(learner, zab::Event::FromLeader { link, packet });
                }
            }
            zab::Effect::ToLeader { link, packet } => {
                let packet = ToLeader::decode(packet.encode()).unwrap();
                if let Some((_, leader)) = self.links.get(&link).copied() {
                    self.post_zab(leader, zab::Event::FromLearner { link, packet });
                }
            }
            zab::Effect::Store { token, op } => {
                let node = self.nodes.get_mut(&sid).unwrap();
                match op {
                    StoreOp::AcceptedEpoch(epoch) => node.accepted = epoch,
                    StoreOp::CurrentEpoch(epoch) => node.current = epoch,
                    StoreOp::Append(proposal) => node.log.push((proposal.zxid, proposal.bytes)),
                    StoreOp::Truncate(_) | StoreOp::Install { .. } => panic!("no test here comes to {op:?}"),
                }
                self.post_zab(sid, zab::Event::Stored { token });
            }
            zab::Effect::Close { link, .. } => self.close(link),
            other => panic!("no test here comes to {other:?}"),
        }
    }

    /// Runs until `done`, at most so long.
    fn run(&mut self, ms: u64, done: impl Fn(&Self) -> bool) -> bool {
        let until = self.now_ms + ms;
        while !done(self) {
            let due = |(sid, node): (&Sid, &Node)| {
                Some((node.keeper.as_ref()?.deadline()?.as_nanos().div_ceil(1_000_000), *sid))
            };
            let tick = self.nodes.iter().filter_map(due).min();
            let message = self.queue.keys().next().copied();
            let at = tick.map(|(at, _)| at).into_iter().chain(message.map(|(at, _)| at)).min();
            let Some(at) = at.filter(|at| *at <= until) else {
                self.now_ms = until;
                return false;
            };
            self.now_ms = self.now_ms.max(at);
            match message.filter(|(message_at, _)| *message_at <= at) {
                Some(key) => {
                    let (sid, event) = self.queue.remove(&key).unwrap();
                    self.step(sid, event);
                }
                None => self.step(tick.unwrap().1, Event::Tick),
            }
        }
        true
    }

    fn settle(&mut self) {
        let serves = |cluster: &Self| {
            let mut up = cluster.nodes.values().filter_map(|node| node.keeper.as_ref());
            up.all(Keeper::serves)
        };
        assert!(self.run(20_000, serves), "nobody leads");
        self.run(200, |_| false);
    }

    fn leader(&self) -> Sid {
        let leads = |(_, node): &(&Sid, &Node)| node.keeper.as_ref().is_some_and(Keeper::orders);
        *self.nodes.iter().find(leads).expect("somebody leads").0
    }

    fn followers(&self) -> Vec<Sid> {
        let leader = self.leader();
        self.nodes.keys().copied().filter(|sid| *sid != leader).collect()
    }

    fn connect(&mut self, sid: Sid, session: SessionId, last_zxid_seen: Zxid) -> ConnId {
        self.count += 1;
        let conn = ConnId(self.count);
        let passwd = Bytes::copy_from_slice(&session.password()).into();
        let request = ConnectRequest { timeout_ms: 8000, session, passwd, last_zxid_seen, ..ConnectRequest::default() };
        self.step(sid, Event::Connect { conn, peer: PEER, request });
        conn
    }

    fn session(&mut self, sid: Sid) -> (ConnId, SessionId) {
        let conn = self.connect(sid, SessionId::NONE, Zxid::ZERO);
        (conn, self.connected(sid, conn).session)
    }

    fn connected(&mut self, sid: Sid, conn: ConnId) -> ConnectResponse {
        assert!(self.run(500, |c| c.nodes[&sid].sent.get(&conn).is_some_and(|sent| !sent.is_empty())), "no answer");
        ConnectResponse::from_bytes(self.nodes.get_mut(&sid).unwrap().sent.get_mut(&conn).unwrap().remove(0)).unwrap()
    }

    fn ask(&mut self, sid: Sid, conn: ConnId, op: OpCode, xid: i32, body: Bytes) {
        let header = RequestHeader { xid, opcode: op.0 };
        self.step(sid, Event::Request { conn, header, body });
    }

    fn reply(&mut self, sid: Sid, conn: ConnId) -> Reply {
        assert!(self.run(500, |c| c.nodes[&sid].sent.get(&conn).is_some_and(|sent| !sent.is_empty())), "no reply");
        Reply::parse(&self.nodes.get_mut(&sid).unwrap().sent.get_mut(&conn).unwrap().remove(0))
    }

    fn create(&mut self, sid: Sid, conn: ConnId, xid: i32, path: &str, mode: CreateMode) -> Reply {
        self.ask(sid, conn, OpCode::CREATE, xid, create_request(path, b"x", mode).to_bytes());
        self.reply(sid, conn)
    }

    fn has(&self, sid: Sid, path: &str) -> bool {
        self.nodes[&sid].keeper.as_ref().unwrap().tree().get(path).is_some()
    }

    fn all_equal(&self) {
        let state = |node: &Node| node.keeper.as_ref().map(|k| (k.last_processed(), k.tree().digest()));
        let states: Vec<_> = self.nodes.values().filter_map(state).collect();
        assert!(states.windows(2).all(|pair| pair[0] == pair[1]), "{states:?}");
        assert!(self.nodes.values().flat_map(|node| &node.keeper).all(|keeper| keeper.digest_mismatches() == 0));
    }
}

#[test]
fn a_write_on_any_member_is_seen_on_all_and_answered_where_it_was_asked() {
    let mut c = Cluster::new(&[1, 2, 3], &[9]);
    c.settle();
    for (i, sid) in [1, 2, 3, 9].into_iter().enumerate() {
        let (conn, session) = c.session(sid);
        assert_eq!(session.0 >> 56, sid, "the member that a client reached numbers its session");
        let path = format!("/n{i}");
        let reply = c.create(sid, conn, 7, &path, CreateMode::Persistent);
        assert_eq!((reply.xid, reply.err), (7, ErrorCode::OK));
        assert!(c.has(sid, &path), "read your own write");
        let again = c.create(sid, conn, 8, &path, CreateMode::Persistent);
        assert_eq!((again.xid, again.err), (8, ErrorCode::NODE_EXISTS), "errors come back, too");
        assert!(again.zxid > reply.zxid, "and take a zxid");
    }
    c.run(100, |_| false);
    c.all_equal();
    assert!(c.nodes.values().all(|node| node.keeper.as_ref().unwrap().outstanding() == 0));
}

#[test]
fn requests_behind_a_forwarded_write_are_answered_in_their_order() {
    let mut c = Cluster::new(&[1, 2, 3], &[]);
    c.settle();
    let sid = c.followers()[0];
    let (conn, _) = c.session(sid);
    c.ask(sid, conn, OpCode::CREATE, 1, create_request("/a", b"", CreateMode::Persistent).to_bytes());
    c.ask(sid, conn, OpCode::SYNC, 2, SyncRequest { path: "/".into() }.to_bytes());
    let exists = zk_wire::ExistsRequest { path: "/a".into(), watch: false }.to_bytes();
    c.ask(sid, conn, OpCode::EXISTS, 3, exists);
    c.ask(sid, conn, OpCode::CREATE, 4, Bytes::from_static(b"nonsense"));
    c.ask(sid, conn, OpCode::PING, -2, Bytes::new());
    let replies: Vec<_> = (0..5).map(|_| c.reply(sid, conn)).map(|reply| (reply.xid, reply.err)).collect();
    let ok = ErrorCode::OK;
    assert_eq!(replies, [(1, ok), (2, ok), (3, ok), (4, ErrorCode::MARSHALLING_ERROR), (-2, ok)]);
}

#[test]
fn a_sync_brings_what_another_member_acknowledged_before_it() {
    let mut c = Cluster::new(&[1, 2, 3], &[9]);
    c.settle();
    let (leader, reader) = (c.leader(), 9);
    let (writing, _) = c.session(leader);
    let (reading, _) = c.session(reader);
    c.create(leader, writing, 1, "/a", CreateMode::Persistent);
    assert!(!c.has(reader, "/a"), "the test would show nothing");
    c.ask(reader, reading, OpCode::SYNC, 1, SyncRequest { path: "/a".into() }.to_bytes());
    assert_eq!(c.reply(reader, reading).err, ErrorCode::OK);
    assert!(c.has(reader, "/a"));
}

#[test]
fn sessions_move_and_the_former_connection_can_write_no_more() {
    let mut c = Cluster::new(&[1, 2, 3], &[]);
    c.settle();
    let [from, to] = c.followers()[..] else { panic!("three members") };
    let (old, session) = c.session(from);
    c.create(from, old, 1, "/e", CreateMode::Ephemeral);
    for to in [to, c.leader()] {
        let new = c.connect(to, session, Zxid::ZERO);
        assert_eq!(c.connected(to, new).session, session);
        assert_eq!(c.create(to, new, 2, &format!("/by{to}"), CreateMode::Ephemeral).err, ErrorCode::OK);
    }
    c.ask(from, old, OpCode::CREATE, 3, create_request("/late", b"", CreateMode::Persistent).to_bytes());
    c.run(200, |_| false);
    assert_eq!(c.nodes[&from].closed.get(&old), Some(&CloseReason::SessionMoved), "closed, and not answered");
    assert!(!c.has(from, "/late") && c.has(from, "/e"));
    let stranger = c.connect(from, SessionId(session.0 + 77), Zxid::ZERO);
    assert_eq!(c.connected(from, stranger).session, SessionId::NONE, "a session that nobody made");
    c.all_equal();
}

#[test]
fn a_session_lives_by_its_pings_anywhere_and_dies_everywhere() {
    let mut c = Cluster::new(&[1, 2, 3], &[9]);
    c.settle();
    let (conn, _) = c.session(9);
    c.create(9, conn, 1, "/kept", CreateMode::Ephemeral);
    let (silent, _) = c.session(c.followers()[0]);
    c.create(c.followers()[0], silent, 1, "/lost", CreateMode::Ephemeral);
    for _ in 0..10 {
        c.run(3000, |_| false);
        c.ask(9, conn, OpCode::PING, -2, Bytes::new());
        assert_eq!(c.reply(9, conn).xid, -2);
    }
    for sid in [1, 2, 3, 9] {
        assert!(c.has(sid, "/kept") && !c.has(sid, "/lost"), "on {sid}");
    }
    let follower = c.followers()[0];
    assert_eq!(c.nodes[&follower].closed.get(&silent), Some(&CloseReason::SessionExpired));
    c.all_equal();
}

#[test]
fn the_leader_dies_and_sessions_go_on_elsewhere() {
    let mut c = Cluster::new(&[1, 2, 3], &[]);
    c.settle();
    let (leader, follower) = (c.leader(), c.followers()[0]);
    let (old, session) = c.session(follower);
    let made = c.create(follower, old, 1, "/e", CreateMode::Ephemeral);
    c.kill(leader);
    c.run(100, |_| false);
    assert_eq!(c.nodes[&follower].closed.get(&old), Some(&CloseReason::NotServing));
    let early = c.connect(follower, session, Zxid(made.zxid));
    assert_eq!(c.nodes[&follower].closed.get(&early), Some(&CloseReason::NotServing));
    c.settle();
    let conn = c.connect(follower, session, Zxid(made.zxid));
    assert_eq!(c.connected(follower, conn).session, session);
    assert!(c.has(follower, "/e"), "the ephemeral of a living session");
    let next = c.create(follower, conn, 2, "/f", CreateMode::Ephemeral);
    assert!(next.err == ErrorCode::OK && next.zxid >> 32 > made.zxid >> 32);
    c.start(leader);
    c.settle();
    c.all_equal();
    // Closed by its client, on a member that is no leader.
    c.ask(follower, conn, OpCode::CLOSE_SESSION, 3, Bytes::new());
    assert_eq!(c.reply(follower, conn).xid, 3);
    c.run(100, |_| false);
    assert!([1, 2, 3].iter().all(|sid| !c.has(*sid, "/e") && !c.has(*sid, "/f")));
    c.all_equal();
}

#[test]
fn a_minority_serves_nobody_and_nothing_it_proposed_has_an_effect() {
    let mut c = Cluster::new(&[1, 2, 3], &[]);
    c.settle();
    let leader = c.leader();
    let (conn, session) = c.session(leader);
    c.followers().into_iter().for_each(|sid| c.kill(sid));
    c.ask(leader, conn, OpCode::CREATE, 1, create_request("/a", b"", CreateMode::Persistent).to_bytes());
    c.run(5000, |_| false);
    assert!(!c.has(leader, "/a"));
    assert_eq!(c.nodes[&leader].closed.get(&conn), Some(&CloseReason::NotServing));
    assert!(!c.nodes[&leader].keeper.as_ref().unwrap().serves());
    // Its log has it, and it is the only one that knows: whoever leads next has it or cuts it, and all agree.
    [1, 2, 3].into_iter().filter(|sid| *sid != leader).for_each(|sid| c.start(sid));
    c.settle();
    c.all_equal();
    let again = c.connect(leader, session, Zxid::ZERO);
    assert_eq!(c.connected(leader, again).session, session);
}

#[test]
fn a_leader_of_the_past_does_not_say_that_a_session_is_over_which_it_does_not_know() {
    let mut c = Cluster::new(&[1, 2, 3], &[]);
    c.settle();
    let (past, followers) = (c.leader(), c.followers());
    // It stands still, and what is sent to it waits, until the others have another leader.
    let keeper = c.nodes.get_mut(&past).unwrap().keeper.take();
    let links: Vec<Link> = c.links.keys().copied().collect();
    links.into_iter().for_each(|link| c.close(link));
    c.run(100, |_| false);
    c.settle();
    let (_, session) = c.session(followers[0]);
    c.nodes.get_mut(&past).unwrap().keeper = keeper;
    let conn = c.connect(past, session, Zxid::ZERO);
    assert_eq!(c.nodes[&past].sent.get(&conn), None, "nobody has heard of this leader since");
    c.run(30_000, |c| c.nodes[&past].closed.contains_key(&conn));
    assert_eq!(c.nodes[&past].closed.get(&conn), Some(&CloseReason::NotServing));
    assert_eq!(c.nodes[&past].sent.get(&conn), None);
}

#[test]
fn a_session_that_nobody_knows_is_over_wherever_its_client_asks() {
    let mut c = Cluster::new(&[1, 2, 3], &[9]);
    c.settle();
    let logged = |c: &Cluster| c.nodes.values().map(|node| node.log.len()).collect::<Vec<_>>();
    let before = logged(&c);
    for sid in [1, 2, 3, 9] {
        let conn = c.connect(sid, SessionId(77), Zxid::ZERO);
        assert_eq!(c.connected(sid, conn).session, SessionId::NONE);
        assert_eq!(c.nodes[&sid].closed.get(&conn), Some(&CloseReason::SessionExpired));
    }
    assert_eq!(logged(&c), before, "it may be another member's own");
    c.run(100, |_| false);
    c.all_equal();
}

#[test]
fn a_client_that_has_seen_more_is_sent_away() {
    let mut c = Cluster::new(&[1, 2, 3], &[]);
    c.settle();
    let sid = c.followers()[0];
    let conn = c.connect(sid, SessionId::NONE, Zxid(1 << 40));
    assert_eq!(c.nodes[&sid].closed.get(&conn), Some(&CloseReason::ClientAhead));
}

#[test]
fn a_leaders_bytes_that_make_no_sense_end_the_link_and_change_nothing() {
    let mut c = Cluster::new(&[1, 2, 3], &[]);
    c.settle();
    let sid = c.followers()[0];
    let link = *c.links.iter().find(|(_, (learner, _))| *learner == sid).unwrap().0;
    let before = c.nodes[&sid].log.len();
    let zxid = Zxid((1 << 32) + 1);
    let proposal = zab::Proposal { zxid, bytes: Bytes::from_static(b"no transaction"), config: None };
    c.step(sid, Event::Ensemble(zab::Event::FromLeader { link, packet: ToLearner::Proposal(proposal) }));
    assert_eq!(c.nodes[&sid].log.len(), before);
    assert_eq!(c.nodes[&sid].keeper.as_ref().unwrap().ensemble().unwrap().standing(), Standing::Looking);
    c.settle();
    c.all_equal();
}

#[test]
fn learners_that_ask_nonsense_change_nothing() {
    let mut c = Cluster::new(&[1, 2, 3], &[]);
    c.settle();
    let leader = c.leader();
    let link = *c.links.iter().next().unwrap().0;
    let before = c.nodes[&leader].log.len();
    for (packet_type, data) in [(1, None), (1, Some("short")), (6, Some("x")), (6, None)] {
        let data = data.map(|text: &str| Bytes::copy_from_slice(text.as_bytes()));
        let packet = zk_wire::QuorumPacket { packet_type, zxid: Zxid(-1), data, authinfo: None };
        c.step(leader, Event::Ensemble(zab::Event::FromLearner { link, packet: ToLeader::Service(packet) }));
    }
    c.run(100, |_| false);
    assert_eq!(c.nodes[&leader].log.len(), before);
    assert_eq!(c.leader(), leader);
}

/// Three members that may be reconfigured, those that are to join, and a client of a follower.
fn reconfigurable(joiners: &[Sid]) -> (Cluster, Sid, ConnId) {
    let mut c = Cluster::new(&[1, 2, 3], &[]);
    [1, 2, 3].into_iter().for_each(|sid| c.kill(sid));
    c.reconfig_enabled = true;
    [1, 2, 3].into_iter().for_each(|sid| c.start(sid));
    c.settle();
    // A joiner knows some of them and itself; its own list does not count beside the ensemble's.
    for sid in joiners {
        c.voters = vec![2, 3, *sid];
        c.nodes.insert(*sid, Node::default());
        c.start(*sid);
    }
    c.settle();
    let leader = c.leader();
    let sid = [1, 2, 3].into_iter().find(|sid| *sid != leader).unwrap();
    let (conn, _) = c.session(sid);
    (c, sid, conn)
}

fn voters_of(c: &Cluster, sid: Sid) -> Vec<Sid> {
    c.nodes[&sid].keeper.as_ref().unwrap().ensemble().unwrap().peer().verifier().voters()
}

fn reconfig(joining: Option<&str>, leaving: Option<&str>, new: Option<&str>, version: i64) -> Bytes {
    let text = |text: Option<&str>| text.map(Str::from);
    let (joining_servers, leaving_servers, new_members) = (text(joining), text(leaving), text(new));
    zk_wire::ReconfigRequest { joining_servers, leaving_servers, new_members, cur_config_id: version }.to_bytes()
}

fn config_of(c: &Cluster, sid: Sid) -> String {
    let tree = c.nodes[&sid].keeper.as_ref().unwrap().tree();
    String::from_utf8(tree.get("/zookeeper/config").unwrap().data.clone().unwrap().to_vec()).unwrap()
}

#[test]
fn a_server_joins_and_counts_from_then_on() {
    let (mut c, sid, conn) = reconfigurable(&[4]);
    assert_eq!(voters_of(&c, 4), [1, 2, 3]);
    let first = format!("{}\n{}\n{}\nversion=100000000", line(1), line(2), line(3));
    assert!(c.nodes.keys().all(|sid| config_of(&c, *sid) == first), "the first leader numbers what it began with");
    c.ask(sid, conn, OpCode::RECONFIG, 3, reconfig(Some(&line(4)), None, None, 0x1_0000_0000));
    let reply = c.reply(sid, conn);
    assert_eq!(reply.err, ErrorCode::OK);
    let told: zk_wire::GetDataResponse = reply.body();
    let expected = format!("{}\n{}\n{}\n{}\nversion={:x}", line(1), line(2), line(3), line(4), reply.zxid);
    assert_eq!(told.data.as_deref(), Some(expected.as_bytes()));
    assert_eq!(told.stat.version, -1);
    c.settle();
    for sid in [1, 2, 3, 4] {
        assert_eq!(config_of(&c, sid), expected, "on {sid}");
        assert_eq!(voters_of(&c, sid), [1, 2, 3, 4]);
        let configured = &c.nodes[&sid].configured;
        assert_eq!(configured.last().map(|text| &**text), Some(&*expected));
        assert_eq!(configured.len(), 2, "each once: {configured:?}");
    }
    c.all_equal();
    // Of four, three decide.
    let leader = c.leader();
    let gone: Vec<Sid> = [1, 2, 3].into_iter().filter(|other| *other != leader && *other != sid).collect();
    gone.iter().for_each(|sid| c.kill(*sid));
    assert_eq!(c.create(sid, conn, 4, "/with-three", CreateMode::Persistent).err, ErrorCode::OK);
    c.kill(4);
    c.run(5000, |_| false);
    assert!(!c.nodes[&leader].keeper.as_ref().unwrap().serves(), "two of four");
}

#[test]
fn a_client_that_watches_the_configuration_hears_of_a_reconfig() {
    let (mut c, sid, conn) = reconfigurable(&[]);
    let body = zk_wire::GetDataRequest { path: "/zookeeper/config".into(), watch: true }.to_bytes();
    c.ask(sid, conn, OpCode::GET_DATA, 1, body);
    assert_eq!(c.reply(sid, conn).err, ErrorCode::OK);
    let all = format!("{},{},{};2181", line(1), line(2), line(3).replace(":participant;0.0.0.0:2181", ":observer"));
    c.ask(sid, conn, OpCode::RECONFIG, 2, reconfig(None, None, Some(&all), -1));
    let event = c.reply(sid, conn);
    assert_eq!(event.xid, -1, "the event goes before the reply");
    let event: zk_wire::WatcherEvent = event.body();
    assert_eq!((event.event_type, &*event.path), (3, "/zookeeper/config"));
}

#[test]
fn members_change_their_parts_and_one_that_is_removed_goes_on_without_a_vote() {
    let (mut c, _, _) = reconfigurable(&[4]);
    let standing = |c: &Cluster, sid: Sid| c.nodes[&sid].keeper.as_ref().unwrap().ensemble().unwrap().standing();
    let change = |c: &mut Cluster, joining: Option<&str>, leaving: Option<&str>| {
        c.settle();
        let leader = c.leader();
        let (conn, _) = c.session(leader);
        c.ask(leader, conn, OpCode::RECONFIG, 1, reconfig(joining, leaving, None, -1));
        assert_eq!(c.reply(leader, conn).err, ErrorCode::OK, "{joining:?} {leaving:?}");
        c.settle();
    };
    let observer = |sid: Sid| line(sid).replace("participant", "observer");
    change(&mut c, Some(&observer(4)), None);
    assert!(matches!(standing(&c, 4), zab::Standing::Observing { .. }));
    change(&mut c, Some(&line(4)), None);
    assert!(matches!(standing(&c, 4), zab::Standing::Following { .. }));
    assert_eq!(voters_of(&c, 4), [1, 2, 3, 4]);
    let leader = c.leader();
    let follower = [1, 2, 3].into_iter().find(|sid| *sid != leader).unwrap();
    change(&mut c, Some(&observer(follower)), None);
    assert!(matches!(standing(&c, follower), zab::Standing::Observing { .. }));
    change(&mut c, None, Some(&follower.to_string()));
    assert!(matches!(standing(&c, follower), zab::Standing::Following { .. }), "upstream: a non-voting participant");
    assert_eq!(c.leader(), leader);
    // The leader becomes an observer, and hands over without an election.
    let before = c.now_ms;
    change(&mut c, Some(&observer(leader)), None);
    assert!(c.now_ms - before < 1500, "{} ms", c.now_ms - before);
    assert!(matches!(standing(&c, leader), zab::Standing::Observing { .. }));
    assert_ne!(c.leader(), leader);
    assert_eq!(voters_of(&c, leader).len(), 2);
    c.all_equal();
}

#[test]
fn a_leader_that_is_taken_out_hands_over() {
    let (mut c, sid, conn) = reconfigurable(&[]);
    let leader = c.leader();
    c.ask(sid, conn, OpCode::RECONFIG, 1, reconfig(None, Some(&leader.to_string()), None, -1));
    let reply = c.reply(sid, conn);
    assert_eq!(reply.err, ErrorCode::OK);
    c.settle();
    assert_ne!(c.leader(), leader);
    assert!(!config_of(&c, sid).contains(&line(leader)));
    c.kill(leader);
    let (conn, _) = c.session(sid);
    assert_eq!(c.create(sid, conn, 1, "/a", CreateMode::Persistent).err, ErrorCode::OK, "two of two");
    c.settle();
    c.all_equal();
}

#[test]
fn a_reconfig_that_cannot_be_is_refused_with_the_reason() {
    let (mut c, sid, conn) = reconfigurable(&[]);
    let far = "server.7=h7:2888:3888:participant;2181,server.8=h8:2888:3888:participant;2181,\
               server.9=h9:2888:3888:participant;2181,server.6=h6:2888:3888:participant;2181";
    let table = [
        (reconfig(None, None, None, 12345), ErrorCode::BAD_VERSION),
        (reconfig(None, Some("x"), None, -1), ErrorCode::BAD_ARGUMENTS),
        (reconfig(Some("server.4=h4:2888:3888"), None, None, -1), ErrorCode::BAD_ARGUMENTS),
        (reconfig(Some("server.4=host1:2888:3999:participant;2181"), None, None, -1), ErrorCode::BAD_ARGUMENTS),
        (reconfig(None, Some("1,2"), None, -1), ErrorCode::BAD_ARGUMENTS),
        (reconfig(Some(far), None, None, -1), ErrorCode::NEW_CONFIG_NO_QUORUM),
    ];
    for (i, (body, expected)) in table.into_iter().enumerate() {
        let xid = i as i32 + 1;
        c.ask(sid, conn, OpCode::RECONFIG, xid, body);
        let reply = c.reply(sid, conn);
        assert_eq!((reply.xid, reply.err), (xid, expected), "number {i}");
    }
    let [a, b] = [line(1), line(2)];
    c.ask(sid, conn, OpCode::RECONFIG, 20, reconfig(None, None, Some(&format!("{a},{b},{}", line(3))), -1));
    assert_eq!(c.reply(sid, conn).err, ErrorCode::OK, "all of it at once");
    c.settle();
    c.all_equal();
}

fn local_sessions(upgrading: bool) -> Cluster {
    let config = Config { local_sessions: true, local_sessions_upgrading: upgrading, ..config() };
    let mut c = Cluster::configured(config, &[1, 2, 3], &[9]);
    c.settle();
    c
}

impl Cluster {
    fn last_processed(&self, sid: Sid) -> Zxid {
        self.nodes[&sid].keeper.as_ref().unwrap().last_processed()
    }
}

#[test]
fn a_local_session_is_made_used_and_ended_on_one_member_without_a_transaction() {
    let mut c = local_sessions(false);
    for sid in [c.leader(), c.followers()[0], 9] {
        let before = c.last_processed(sid);
        let (conn, session) = c.session(sid);
        assert_eq!(session.0 >> 56, sid);
        let back = c.connect(sid, session, Zxid::ZERO);
        assert_eq!(c.connected(sid, back).session, session, "it goes on where it began");
        assert_eq!(c.nodes[&sid].closed.get(&conn), Some(&CloseReason::SessionMoved));
        assert_eq!(c.last_processed(sid), before, "nothing was logged");
        let path = format!("/by{sid}");
        assert_eq!(
            c.create(sid, back, 1, &path, CreateMode::Persistent).err,
            ErrorCode::OK,
            "its writes are anybody's"
        );
        let elsewhere = c.followers().into_iter().find(|other| *other != sid).unwrap();
        let moved = c.connect(elsewhere, session, Zxid::ZERO);
        assert_eq!(c.connected(elsewhere, moved).session, SessionId::NONE, "nobody else knows it");
        let refused = c.create(sid, back, 2, "/e", CreateMode::Ephemeral);
        assert_eq!((refused.xid, refused.err), (2, ErrorCode::EPHEMERAL_ON_LOCAL_SESSION));
        let before = c.last_processed(sid);
        c.ask(sid, back, OpCode::CLOSE_SESSION, 3, Bytes::new());
        let closed = c.reply(sid, back);
        assert_eq!((closed.xid, closed.err), (3, ErrorCode::OK));
        assert_eq!(c.nodes[&sid].closed.get(&back), Some(&CloseReason::ClosedByClient));
        assert_eq!(c.last_processed(sid), before, "its end is no transaction");
    }
    c.run(100, |_| false);
    c.all_equal();
}

#[test]
fn a_local_session_ends_on_its_member_when_nothing_is_heard_of_it() {
    let mut c = local_sessions(false);
    for sid in [c.leader(), c.followers()[0], 9] {
        let (kept, _) = c.session(sid);
        let (silent, session) = c.session(sid);
        for _ in 0..5 {
            c.run(3000, |_| false);
            c.ask(sid, kept, OpCode::PING, -2, Bytes::new());
            assert_eq!(c.reply(sid, kept).xid, -2);
        }
        assert_eq!(c.nodes[&sid].closed.get(&silent), Some(&CloseReason::SessionExpired), "on {sid}");
        let late = c.connect(sid, session, Zxid::ZERO);
        assert_eq!(c.connected(sid, late).session, SessionId::NONE, "on {sid}");
    }
}

#[test]
fn a_local_session_becomes_the_ensembles_with_its_first_ephemeral_node() {
    let mut c = local_sessions(true);
    for sid in [c.leader(), c.followers()[0], 9] {
        let (conn, session) = c.session(sid);
        // With the number that a session's creation has, which is another request.
        c.ask(sid, conn, OpCode::CREATE, 0, create_request(&format!("/e{sid}"), b"", CreateMode::Ephemeral).to_bytes());
        c.ask(
            sid,
            conn,
            OpCode::CREATE,
            1,
            create_request(&format!("/p{sid}"), b"", CreateMode::Persistent).to_bytes(),
        );
        let replies = [c.reply(sid, conn), c.reply(sid, conn)].map(|reply| (reply.xid, reply.err));
        assert_eq!(replies, [(0, ErrorCode::OK), (1, ErrorCode::OK)]);
        let elsewhere = c.followers().into_iter().find(|other| *other != sid).unwrap();
        let moved = c.connect(elsewhere, session, Zxid::ZERO);
        assert_eq!(c.connected(elsewhere, moved).session, session, "everybody knows it now");
        c.ask(elsewhere, moved, OpCode::CLOSE_SESSION, 2, Bytes::new());
        assert_eq!(c.reply(elsewhere, moved).err, ErrorCode::OK);
        c.run(100, |_| false);
        assert!(!c.has(sid, &format!("/e{sid}")) && c.has(sid, &format!("/p{sid}")), "its node went with it");
    }
    c.all_equal();
}

#[test]
fn what_comes_too_late_of_a_session_that_has_ended_is_not_taken_for_another_members_own() {
    let mut c = local_sessions(true);
    let (leader, sid) = (c.leader(), c.followers()[0]);
    let (conn, session) = c.session(sid);
    c.create(sid, conn, 1, "/e", CreateMode::Ephemeral);
    let elsewhere = c.connect(leader, session, Zxid::ZERO);
    assert_eq!(c.connected(leader, elsewhere).session, session);
    c.ask(leader, elsewhere, OpCode::CLOSE_SESSION, 2, Bytes::new());
    assert_eq!(c.reply(leader, elsewhere).err, ErrorCode::OK);
    // Its former member had sent this on before it heard of that.
    let mut data = [session.0.to_be_bytes().as_slice(), &3_i32.to_be_bytes(), &OpCode::CREATE.0.to_be_bytes()].concat();
    data.extend_from_slice(&create_request("/late", b"", CreateMode::Persistent).to_bytes());
    let packet =
        zk_wire::QuorumPacket { packet_type: 1, zxid: Zxid(-1), data: Some(data.into()), authinfo: Some(Vec::new()) };
    let link = *c.links.iter().find(|(_, (learner, _))| *learner == sid).unwrap().0;
    c.step(leader, Event::Ensemble(zab::Event::FromLearner { link, packet: ToLeader::Service(packet) }));
    c.run(100, |_| false);
    assert!(!c.has(leader, "/late"));
    c.all_equal();
}

#[test]
fn a_local_session_is_over_when_its_member_loses_the_leader() {
    let mut c = local_sessions(true);
    let (leader, sid) = (c.leader(), c.followers()[0]);
    let (_, session) = c.session(sid);
    c.kill(leader);
    c.run(100, |c| !c.nodes[&sid].keeper.as_ref().unwrap().serves());
    c.settle();
    let back = c.connect(sid, session, Zxid::ZERO);
    assert_eq!(c.connected(sid, back).session, SessionId::NONE);
}
