//! Several peers, wired together without delay: each test is a story with its literal end.

use std::collections::{BTreeMap, VecDeque};

use base::{Instant, Str};
use bytes::Bytes;
use zab::event::CloseReason;
use zab::packet::{LearnerKind, ToLeader, ToLearner};
use zab::{
    Config, Effect, Event, HandoverRefused, Link, Peer, Proposal, QuorumConfig, QuorumVerifier, Recovered, Sid,
    Standing, StoreOp, Token,
};
use zk_wire::{Epoch, Zxid};

fn z(epoch: i64, counter: i64) -> Zxid {
    Zxid((epoch << 32) + counter)
}

fn proposal(zxid: Zxid) -> Proposal {
    Proposal { zxid, bytes: Bytes::copy_from_slice(&zxid.0.to_be_bytes()), config: None }
}

/// A log that ends with these transactions, written under `current`.
fn recovered(accepted: i64, current: i64, log: &[Zxid]) -> Recovered {
    Recovered {
        accepted: Epoch(accepted),
        current: Epoch(current),
        last: log.last().copied().unwrap_or(Zxid::ZERO),
        window: log.iter().map(|zxid| proposal(*zxid)).collect(),
    }
}

/// Peers, their links and disks. Everything happens at once unless it is held back.
#[derive(Default)]
struct Ensemble {
    now: Instant,
    voters: Vec<Sid>,
    peers: BTreeMap<Sid, Peer>,
    events: VecDeque<(Sid, Event)>,
    /// link -> (client, server)
    links: BTreeMap<Link, (Sid, Sid)>,
    /// Disks that do nothing for now.
    stuck: Vec<Sid>,
    waiting: Vec<(Sid, Token)>,
    /// What is on disks and not in a window.
    older: BTreeMap<Sid, Vec<Zxid>>,
    /// Searches of disks that are not answered until somebody takes them.
    searching: Option<Vec<(Sid, Event)>>,
    /// How many observers may be synchronised at once.
    syncs_max: Option<usize>,
    delivered: BTreeMap<Sid, Vec<Zxid>>,
    /// What went over the quorum port, as `from>to packet`.
    said: Vec<String>,
}

impl Ensemble {
    fn new(voters: &[Sid]) -> Self {
        Self { voters: voters.to_vec(), ..Self::default() }
    }

    fn start(&mut self, sid: Sid, recovered: Recovered) {
        let verifier = QuorumVerifier::majority(self.voters.iter().copied());
        let mut config = Config::new(sid);
        if let Some(max) = self.syncs_max {
            (config.diff_syncs_max, config.snap_syncs_max) = (max, max);
        }
        self.peers.insert(sid, Peer::new(config, QuorumConfig::of_voters(verifier), None, recovered));
        self.events.push_back((sid, Event::Tick));
    }

    fn stop(&mut self, sid: Sid) {
        self.peers.remove(&sid);
        let gone: Vec<Link> = self.links.iter().filter(|(_, (a, b))| *a == sid || *b == sid).map(|(l, _)| *l).collect();
        for link in gone {
            let (client, server) = self.links.remove(&link).expect("just found");
            let other = if client == sid { server } else { client };
            self.events.push_back((other, Event::Closed { link }));
        }
    }

    fn step(&mut self, sid: Sid, event: Event) -> Vec<Effect> {
        let Some(peer) = self.peers.get_mut(&sid) else { return Vec::new() };
        let mut effects = Vec::new();
        peer.step(self.now, event, &mut effects);
        self.perform(sid, effects.clone());
        effects
    }

    fn perform(&mut self, sid: Sid, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Notify { to, notification } => {
                    self.events.push_back((to, Event::Notification { from: sid, notification }));
                }
                Effect::Dial { leader } if self.peers.contains_key(&leader) => {
                    let link = Link(self.links.len() as u64 + 1);
                    self.links.insert(link, (sid, leader));
                    self.events.push_back((leader, Event::LearnerConnected { link }));
                    self.events.push_back((sid, Event::LeaderConnected { link }));
                }
                Effect::Dial { .. } => self.events.push_back((sid, Event::LeaderUnreachable)),
                Effect::ToLearner { link, packet } => {
                    if let Some((client, server)) = self.links.get(&link).copied() {
                        self.say(server, client, name(&packet));
                        self.events.push_back((client, Event::FromLeader { link, packet }));
                    }
                }
                Effect::ToLeader { link, packet } => {
                    if let Some((_, server)) = self.links.get(&link).copied() {
                        self.events.push_back((server, Event::FromLearner { link, packet }));
                    }
                }
                Effect::FindInLog { link, peer, .. } => {
                    let older = self.older.get(&sid).into_iter().flatten();
                    let found = Event::FoundInLog { link, common: older.copied().filter(|zxid| *zxid <= peer).max() };
                    match &mut self.searching {
                        Some(held) => held.push((sid, found)),
                        None => self.events.push_back((sid, found)),
                    }
                }
                Effect::SendLog { link, after, until } => {
                    if let Some((client, _)) = self.links.get(&link).copied() {
                        self.say(sid, client, format!("log {after}..{until}"));
                        let older = self.older.get(&sid).into_iter().flatten().copied().map(proposal);
                        let window = self.peers[&sid].history().between(after, until).cloned();
                        for proposal in older.filter(|older| older.zxid > after).chain(window) {
                            let commit = ToLearner::Commit(proposal.zxid);
                            for packet in [ToLearner::Proposal(proposal), commit] {
                                self.events.push_back((client, Event::FromLeader { link, packet }));
                            }
                        }
                    }
                }
                Effect::Receive { link, .. } => self.events.push_back((sid, Event::SnapshotReceived { link })),
                Effect::Close { link, .. } => {
                    if let Some((client, server)) = self.links.remove(&link) {
                        let other = if client == sid { server } else { client };
                        self.events.push_back((other, Event::Closed { link }));
                    }
                }
                Effect::Store { token, .. } if self.stuck.contains(&sid) => self.waiting.push((sid, token)),
                Effect::Store { token, .. } => self.events.push_back((sid, Event::Stored { token })),
                Effect::Deliver(proposal) => self.delivered.entry(sid).or_default().push(proposal.zxid),
                _ => {}
            }
        }
    }

    fn say(&mut self, from: Sid, to: Sid, what: String) {
        if !what.is_empty() {
            self.said.push(format!("{from}>{to} {what}"));
        }
    }

    /// Lets everything happen, and time pass, until `done` or two virtual minutes are over.
    fn until(&mut self, done: impl Fn(&Self) -> bool) {
        let end = self.now + core::time::Duration::from_secs(120);
        while !done(self) && self.now < end {
            match self.events.pop_front() {
                Some((sid, event)) => drop(self.step(sid, event)),
                None => {
                    let next = self.peers.values().filter_map(Peer::deadline).min().expect("somebody waits");
                    self.now = self.now.max(next);
                    let due: Vec<Sid> =
                        self.peers.iter().filter(|(_, p)| p.deadline() <= Some(self.now)).map(|(s, _)| *s).collect();
                    self.events.extend(due.into_iter().map(|sid| (sid, Event::Tick)));
                }
            }
        }
        assert!(done(self), "not within two minutes: {:?}", self.standings());
    }

    fn settle(&mut self) {
        while let Some((sid, event)) = self.events.pop_front() {
            self.step(sid, event);
        }
    }

    fn standings(&self) -> Vec<(Sid, Standing)> {
        self.peers.iter().map(|(sid, peer)| (*sid, peer.standing())).collect()
    }

    fn all_serve(&self) -> bool {
        self.events.is_empty() && self.peers.values().all(|peer| peer.standing() != Standing::Looking)
    }

    fn propose(&mut self, sid: Sid) -> Zxid {
        let zxid = self.peers[&sid].next_zxid().expect("it leads");
        let mut effects = Vec::new();
        self.peers.get_mut(&sid).expect("it runs").propose(proposal(zxid), &mut effects);
        self.perform(sid, effects);
        zxid
    }
}

fn name(packet: &ToLearner) -> String {
    match packet {
        ToLearner::LeaderInfo(epoch) => format!("LEADERINFO {}", epoch.0),
        ToLearner::Diff(zxid) => format!("DIFF {zxid}"),
        ToLearner::Trunc(zxid) => format!("TRUNC {zxid}"),
        ToLearner::Snap(zxid) => format!("SNAP {zxid}"),
        ToLearner::Proposal(proposal) => format!("PROPOSAL {}", proposal.zxid),
        ToLearner::Commit(zxid) => format!("COMMIT {zxid}"),
        ToLearner::Inform(proposal) => format!("INFORM {}", proposal.zxid),
        ToLearner::CommitAndActivate { zxid, leader } => format!("COMMITANDACTIVATE {zxid} {leader}"),
        ToLearner::InformAndActivate { proposal, leader } => format!("INFORMANDACTIVATE {} {leader}", proposal.zxid),
        ToLearner::NewLeader(epoch, _) => format!("NEWLEADER {}", epoch.0),
        ToLearner::UpToDate => "UPTODATE".into(),
        ToLearner::Ping(_) | ToLearner::Service(_) => String::new(),
    }
}

#[test]
fn three_cold_servers_elect_the_highest_id_and_agree() {
    let mut e = Ensemble::new(&[1, 2, 3]);
    (1..=3).for_each(|sid| e.start(sid, Recovered::default()));
    e.until(Ensemble::all_serve);
    let following = Standing::Following { leader: 3, epoch: Epoch(1) };
    assert_eq!(e.standings(), [(1, following), (2, following), (3, Standing::Leading(Epoch(1)))]);
    assert!(e.now < Instant::from_millis(1000), "elected after {:?}", e.now);
    e.said.clear();
    assert_eq!(e.propose(3), z(1, 1));
    e.settle();
    let expected =
        ["3>1 PROPOSAL 0x100000001", "3>2 PROPOSAL 0x100000001", "3>1 COMMIT 0x100000001", "3>2 COMMIT 0x100000001"];
    let mut said = e.said.clone();
    said.sort_by_key(|line| line.contains("COMMIT"));
    assert_eq!(said.len(), expected.len(), "{said:?}");
    assert!(expected.iter().all(|line| said.iter().any(|s| s == line)), "{said:?}");
    assert!((1..=3).all(|sid| e.delivered[&sid] == [z(1, 1)]), "{:?}", e.delivered);
}

#[test]
fn the_later_history_leads_whatever_the_id() {
    let mut e = Ensemble::new(&[1, 2, 3]);
    e.start(1, recovered(4, 4, &[z(4, 1), z(4, 2)]));
    e.start(2, recovered(4, 4, &[z(4, 1)]));
    e.start(3, recovered(4, 3, &[z(3, 9)]));
    e.until(Ensemble::all_serve);
    assert_eq!(e.standings()[0], (1, Standing::Leading(Epoch(5))));
    assert!(e.said.contains(&"1>2 DIFF 0x400000002".to_owned()), "{:?}", e.said);
    assert!(e.said.contains(&"1>3 SNAP 0x400000002".to_owned()), "its end is of an epoch not at hand: {:?}", e.said);
}

/// A leader of one, with more on its disk than in its window, and an observer at `last`.
fn leader_of_one(last: Zxid) -> Ensemble {
    let mut e = Ensemble::new(&[1]);
    e.older.insert(1, vec![z(4, 1), z(4, 2), z(4, 3)]);
    e.start(1, recovered(4, 4, &[z(4, 4), z(4, 5)]));
    e.until(Ensemble::all_serve);
    e.start(7, recovered(4, 4, &[last]));
    e
}

#[test]
fn what_is_older_than_the_window_comes_from_the_log_or_as_a_snapshot() {
    for (last, said) in [
        (z(4, 2), ["1>7 DIFF 0x400000005", "1>7 log 0x400000002..0x400000005"]),
        (z(3, 9), ["1>7 SNAP 0x400000005", "1>7 NEWLEADER 5"]),
    ] {
        let mut e = leader_of_one(last);
        e.until(|e| e.said.iter().any(|line| line.starts_with("1>7 NEWLEADER")));
        let at = e.said.iter().position(|line| line == said[0]).unwrap_or_else(|| panic!("{:?}", e.said));
        assert_eq!(e.said[at + 1], said[1], "{:?}", e.said);
    }
}

#[test]
fn what_is_proposed_while_the_log_is_searched_is_sent_from_it_too() {
    let mut e = leader_of_one(z(4, 1));
    e.searching = Some(Vec::new());
    e.until(|e| e.searching.as_ref().is_some_and(|held| !held.is_empty()));
    e.propose(1);
    e.settle();
    assert!(!e.said.iter().any(|line| line.contains("INFORM")), "it is not synchronised yet: {:?}", e.said);
    e.events.extend(e.searching.take().expect("searches are held"));
    e.settle();
    e.propose(1);
    e.settle();
    let said: Vec<&str> =
        e.said.iter().map(String::as_str).filter(|line| line.contains("log") || line.contains("INFORM")).collect();
    assert_eq!(said, ["1>7 log 0x400000001..0x500000001", "1>7 INFORM 0x500000002"]);
}

#[test]
fn an_observer_waits_while_as_many_as_may_are_synchronised_and_a_voter_never_does() {
    let mut e = Ensemble::new(&[1, 2, 3]);
    e.syncs_max = Some(1);
    [1, 2].into_iter().for_each(|sid| e.start(sid, recovered(4, 4, &[z(4, 1)])));
    e.until(Ensemble::all_serve);
    // None of them gets its history durable.
    e.stuck = vec![3, 7, 8];
    [7, 8, 3].into_iter().for_each(|sid| e.start(sid, recovered(5, 4, &[z(4, 1)])));
    e.until(|e| e.said.iter().any(|line| line == "2>3 NEWLEADER 5"));
    let synchronised = |sid: Sid| e.said.iter().filter(|line| **line == format!("2>{sid} NEWLEADER 5")).count();
    assert_eq!((synchronised(3), synchronised(7) + synchronised(8)), (1, 1), "{:?}", e.said);
}

#[test]
fn a_tail_that_no_quorum_had_is_cut() {
    let mut e = Ensemble::new(&[1, 2, 3]);
    e.start(1, recovered(4, 4, &[z(4, 1)]));
    e.start(2, recovered(4, 4, &[z(4, 1)]));
    e.until(Ensemble::all_serve);
    assert_eq!(e.standings()[1], (2, Standing::Leading(Epoch(5))));
    e.start(3, recovered(4, 4, &[z(4, 1), z(4, 2)]));
    e.until(Ensemble::all_serve);
    assert!(e.said.contains(&"2>3 TRUNC 0x400000001".to_owned()), "{:?}", e.said);
    assert_eq!(e.peers[&3].history().last(), z(4, 1));
}

#[test]
fn what_a_follower_acknowledged_does_not_count_when_it_is_gone() {
    let mut e = Ensemble::new(&[1, 2, 3, 4, 5]);
    [1, 2, 5].into_iter().for_each(|sid| e.start(sid, Recovered::default()));
    e.until(Ensemble::all_serve);
    e.stuck = vec![5, 2];
    let zxid = e.propose(5);
    e.settle();
    // 1 has it durable and said so; 2 and the leader do not yet.
    assert_eq!(e.peers[&5].outstanding(), 1);
    let link = *e.links.iter().find(|(_, ends)| **ends == (1, 5)).expect("1 follows 5").0;
    e.step(5, Event::Closed { link });
    let waiting = core::mem::take(&mut e.waiting);
    for (sid, token) in waiting {
        e.step(sid, Event::Stored { token });
    }
    e.settle();
    assert_eq!(e.delivered.get(&5), None, "{zxid} is on the disks of 2 and 5; 1 may cut it before it comes again");
}

#[test]
fn a_voter_that_promised_itself_to_a_later_epoch_makes_the_leader_step_down() {
    let mut e = Ensemble::new(&[1, 2, 3]);
    [1, 3].into_iter().for_each(|sid| e.start(sid, Recovered::default()));
    e.until(Ensemble::all_serve);
    assert_eq!(e.standings()[1], (3, Standing::Leading(Epoch(1))));
    e.start(2, recovered(9, 0, &[]));
    e.until(Ensemble::all_serve);
    assert_eq!(e.peers[&3].last_end(), Some("a voter has accepted a later epoch"));
    assert_eq!(e.standings()[2], (3, Standing::Leading(Epoch(10))));
}

#[test]
fn a_follower_without_its_leader_looks_again_and_a_leader_without_followers_gives_up() {
    let mut e = Ensemble::new(&[1, 2, 3]);
    (1..=3).for_each(|sid| e.start(sid, Recovered::default()));
    e.until(Ensemble::all_serve);
    e.stop(3);
    e.until(Ensemble::all_serve);
    assert_eq!(e.standings()[1], (2, Standing::Leading(Epoch(2))));
    e.stop(1);
    e.until(|e| e.peers[&2].standing() == Standing::Looking);
    assert_eq!(e.peers[&2].last_end(), Some("the quorum of followers is gone"));
}

#[test]
fn an_observer_is_informed_and_has_no_say() {
    let mut e = Ensemble::new(&[1]);
    e.start(1, Recovered::default());
    e.start(7, Recovered::default());
    e.until(Ensemble::all_serve);
    assert_eq!(e.standings()[1], (7, Standing::Observing { leader: 1, epoch: Epoch(1) }));
    e.propose(1);
    e.settle();
    assert!(e.said.contains(&"1>7 INFORM 0x100000001".to_owned()), "{:?}", e.said);
    assert_eq!(e.delivered[&7], [z(1, 1)]);
}

/// A learner beside a scripted leader.
fn learner_of_epoch_2(recovered: Recovered) -> (Peer, Link) {
    let verifier = QuorumVerifier::majority([1, 2]);
    let mut peer = Peer::new(Config::new(1), QuorumConfig::of_voters(verifier), None, recovered);
    let notification = zk_wire::election::Notification {
        state: zk_wire::election::ServerState::Leading,
        leader: 2,
        zxid: z(1, 5),
        election_epoch: 1,
        peer_epoch: Epoch(1),
        version: 2,
        config: None,
    };
    let mut effects = Vec::new();
    let link = Link(1);
    peer.step(Instant::ZERO, Event::Tick, &mut effects);
    peer.step(Instant::ZERO, Event::Notification { from: 2, notification }, &mut effects);
    peer.step(Instant::ZERO, Event::LeaderConnected { link }, &mut effects);
    peer.step(Instant::ZERO, Event::FromLeader { link, packet: ToLearner::LeaderInfo(Epoch(2)) }, &mut effects);
    (peer, link)
}

fn effects_of(peer: &mut Peer, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
    peer.step(Instant::ZERO, event, &mut effects);
    effects
}

#[test]
fn a_learner_makes_the_promise_then_the_history_then_the_epoch_durable_and_speaks_after_each() {
    let (mut peer, link) = learner_of_epoch_2(recovered(1, 1, &[z(1, 5)]));
    let to_leader = |packet| Effect::ToLeader { link, packet };
    let from = |packet| Event::FromLeader { link, packet };
    let promised = ToLeader::AckEpoch { last: z(1, 5), current: Some(Epoch(1)) };
    assert_eq!(effects_of(&mut peer, Event::Stored { token: Token(1) }), [to_leader(promised)]);
    assert_eq!(effects_of(&mut peer, from(ToLearner::Diff(z(1, 6)))), []);
    assert_eq!(effects_of(&mut peer, from(ToLearner::Proposal(proposal(z(1, 6))))), []);
    assert_eq!(effects_of(&mut peer, from(ToLearner::Commit(z(1, 6)))), []);
    assert_eq!(effects_of(&mut peer, from(ToLearner::Proposal(proposal(z(2, 1))))), [], "not committed: held");
    let stored = effects_of(&mut peer, from(ToLearner::NewLeader(Epoch(2), Str::from("version=0"))));
    let append = Effect::Store { token: Token(2), op: StoreOp::Append(proposal(z(1, 6))) };
    let epoch = Effect::Store { token: Token(3), op: StoreOp::CurrentEpoch(Epoch(2)) };
    assert_eq!(stored, [append, epoch]);
    assert_eq!(effects_of(&mut peer, Event::Stored { token: Token(2) }), []);
    let acknowledged = to_leader(ToLeader::Ack(z(2, 0)));
    let said = effects_of(&mut peer, Event::Stored { token: Token(3) });
    assert_eq!(said, std::slice::from_ref(&acknowledged));
    let served = effects_of(&mut peer, from(ToLearner::UpToDate));
    let following = Standing::Following { leader: 2, epoch: Epoch(2) };
    let expected = [
        acknowledged,
        Effect::Deliver(proposal(z(1, 6))),
        Effect::Standing(following),
        Effect::Store { token: Token(4), op: StoreOp::Append(proposal(z(2, 1))) },
    ];
    assert_eq!(served, expected);
    assert_eq!(effects_of(&mut peer, Event::Stored { token: Token(4) }), [to_leader(ToLeader::Ack(z(2, 1)))]);
}

#[test]
fn a_gap_in_a_learners_history_ends_the_role() {
    let (mut peer, link) = learner_of_epoch_2(recovered(1, 1, &[z(1, 5)]));
    let from = |packet| Event::FromLeader { link, packet };
    effects_of(&mut peer, Event::Stored { token: Token(1) });
    effects_of(&mut peer, from(ToLearner::Diff(z(1, 7))));
    let ended = effects_of(&mut peer, from(ToLearner::Proposal(proposal(z(1, 7)))));
    assert!(ended.contains(&Effect::Close { link, reason: CloseReason::RoleEnded }), "{ended:?}");
    assert_eq!(peer.last_end(), Some("a proposal is missing (ZOOKEEPER-4925)"));
    assert_eq!(peer.history().last(), z(1, 5), "nothing of it was logged");
}

#[test]
fn a_log_that_cannot_be_cut_asks_the_next_leader_for_a_snapshot() {
    let (mut peer, link) = learner_of_epoch_2(recovered(1, 1, &[z(1, 5)]));
    effects_of(&mut peer, Event::Stored { token: Token(1) });
    effects_of(&mut peer, Event::FromLeader { link, packet: ToLearner::Trunc(z(1, 3)) });
    let ended = effects_of(&mut peer, Event::TruncateImpossible);
    assert!(ended.contains(&Effect::Close { link, reason: CloseReason::RoleEnded }), "{ended:?}");
    // Elected again; this time the log is said to be empty.
    let notification = zk_wire::election::Notification {
        state: zk_wire::election::ServerState::Leading,
        leader: 2,
        zxid: z(1, 3),
        election_epoch: 1,
        peer_epoch: Epoch(2),
        version: 2,
        config: None,
    };
    let link = Link(2);
    effects_of(&mut peer, Event::Notification { from: 2, notification });
    let introduced = effects_of(&mut peer, Event::LeaderConnected { link });
    let info = ToLeader::Info { kind: LearnerKind::Follower, sid: 1, accepted: Epoch(2), config_version: 0 };
    assert_eq!(introduced, [Effect::ToLeader { link, packet: info }]);
    let acked = effects_of(&mut peer, Event::FromLeader { link, packet: ToLearner::LeaderInfo(Epoch(2)) });
    assert_eq!(acked, [Effect::ToLeader { link, packet: ToLeader::AckEpoch { last: Zxid::ZERO, current: None } }]);
}

impl Ensemble {
    /// Begins to hand leadership over; to whom.
    fn hand_over(&mut self, sid: Sid, to: Option<Sid>) -> Result<Sid, HandoverRefused> {
        let mut effects = Vec::new();
        let peer = self.peers.get_mut(&sid).expect("it runs");
        let begun = peer.hand_over(self.now, to, |zxid| proposal(zxid).bytes, &mut effects);
        self.perform(sid, effects);
        begun
    }

    fn leader(&self) -> Option<Sid> {
        let leads = |standing: &Standing| matches!(standing, Standing::Leading(_));
        self.standings().into_iter().find(|(_, standing)| leads(standing)).map(|(sid, _)| sid)
    }
}

#[test]
fn leadership_goes_to_whom_it_is_handed_whatever_its_id() {
    let mut e = Ensemble::new(&[1, 2, 3]);
    (1..=3).for_each(|sid| e.start(sid, Recovered::default()));
    e.until(Ensemble::all_serve);
    let written = e.propose(3);
    assert_eq!(e.hand_over(3, Some(1)), Ok(1));
    assert_eq!(e.peers[&3].next_zxid(), None, "nothing more is put in order");
    assert_eq!(e.hand_over(3, None), Err(HandoverRefused::UnderWay(1)));
    let before = e.now;
    e.until(|e| e.all_serve() && e.leader().is_some());
    assert_eq!(e.leader(), Some(1), "{:?}", e.standings());
    assert_eq!(e.peers[&3].last_end(), Some("leadership is handed over"));
    assert_eq!(e.now, before, "with every voter's word nobody waits");
    let last = e.said.iter().filter(|said| said.contains("3>") && said.contains(&format!("PROPOSAL {}", z(1, 2))));
    assert_eq!(last.collect::<Vec<_>>(), ["3>1 PROPOSAL 0x100000002"], "the last one goes to the next leader alone");
    assert!((1..=3).all(|sid| e.delivered[&sid] == [written, z(1, 2)]), "{:?}", e.delivered);
    // The way back, chosen by the leader: of two that have the same the higher id.
    assert_eq!(e.hand_over(1, None), Ok(3));
    e.until(|e| e.all_serve() && e.leader().is_some());
    assert_eq!(e.leader(), Some(3));
}

#[test]
fn leadership_waits_for_a_follower_that_is_behind_and_goes_on_without_it() {
    let mut e = Ensemble::new(&[1, 2, 3]);
    (1..=3).for_each(|sid| e.start(sid, Recovered::default()));
    e.until(Ensemble::all_serve);
    e.stuck = vec![2];
    let written = e.propose(3);
    e.settle();
    assert_eq!(e.hand_over(3, None), Ok(1), "1 has more than 2");
    e.until(|e| e.leader() == Some(1));
    e.stuck.clear();
    for (sid, token) in core::mem::take(&mut e.waiting) {
        e.step(sid, Event::Stored { token });
    }
    e.until(|e| e.all_serve() && e.leader() == Some(1));
    e.stuck = vec![3];
    let second = e.propose(1);
    e.settle();
    assert_eq!(e.hand_over(1, Some(3)), Ok(3));
    e.until(|e| e.peers[&1].next_zxid().is_some());
    assert_eq!((e.leader(), e.delivered[&1].last()), (Some(1), Some(&second)), "it leads as before");
    assert!(e.delivered[&2].contains(&written));
    assert_eq!(e.propose(1), second.next(), "no number was given out meanwhile");
}

#[test]
fn a_leader_that_has_sent_the_last_proposal_steps_down_whatever_becomes_of_it() {
    let mut e = Ensemble::new(&[1, 2, 3]);
    (1..=3).for_each(|sid| e.start(sid, Recovered::default()));
    e.until(Ensemble::all_serve);
    e.stuck = vec![1];
    assert_eq!(e.hand_over(3, Some(1)), Ok(1));
    e.settle();
    assert_eq!(e.leader(), Some(3));
    e.stop(1);
    e.settle();
    assert_eq!(e.peers[&3].last_end(), Some("leadership was to be handed over"));
    e.until(|e| e.all_serve() && e.leader() == Some(3));
    assert_eq!(e.peers[&3].next_zxid(), Some(z(2, 1)), "the number that 1 may have on its disk is not given again");
}

#[test]
fn leadership_goes_to_nobody_who_could_not_lead() {
    let mut e = Ensemble::new(&[1, 2, 3]);
    [2, 3, 7].into_iter().for_each(|sid| e.start(sid, Recovered::default()));
    e.until(Ensemble::all_serve);
    for (to, why) in [
        (3, HandoverRefused::Itself),
        (7, HandoverRefused::NoVoter(7)),
        (9, HandoverRefused::NoVoter(9)),
        (1, HandoverRefused::NotFollowing(1)),
    ] {
        assert_eq!(e.hand_over(3, Some(to)), Err(why));
    }
    assert_eq!(e.hand_over(2, None), Err(HandoverRefused::NotLeading));
    let mut alone = Ensemble::new(&[1]);
    alone.start(1, Recovered::default());
    alone.until(Ensemble::all_serve);
    assert_eq!(alone.hand_over(1, None), Err(HandoverRefused::Nobody));
}

/// Lets the others do what they have to; what they say to the leader is given back.
fn answers_to(e: &mut Ensemble, leader: Sid) -> Vec<Event> {
    let mut answers = Vec::new();
    while let Some((sid, event)) = e.events.pop_front() {
        match sid == leader {
            true => answers.push(event),
            false => drop(e.step(sid, event)),
        }
    }
    answers
}

#[test]
fn a_leader_is_confirmed_by_answers_to_what_it_sent_since_it_was_asked() {
    let mut e = Ensemble::new(&[1, 2, 3]);
    (1..=3).for_each(|sid| e.start(sid, Recovered::default()));
    e.until(Ensemble::all_serve);
    assert_eq!(e.peers.get_mut(&1).expect("it runs").confirm(&mut Vec::new()), None, "a follower confirms nothing");
    // Pings of the clock, whose answers are late.
    e.now = e.peers[&3].deadline().expect("it pings");
    e.step(3, Event::Tick);
    let late = answers_to(&mut e, 3);
    assert_eq!(late.len(), 2);
    let mut effects = Vec::new();
    let first = e.peers.get_mut(&3).expect("it runs").confirm(&mut effects).expect("it leads");
    let second = e.peers.get_mut(&3).expect("it runs").confirm(&mut effects).expect("it leads");
    assert_eq!(second, first + 1, "who asks meanwhile waits for a round of its own");
    let confirmed = |effects: &[Effect]| {
        let round = |effect: &Effect| if let Effect::Confirmed(round) = effect { Some(*round) } else { None };
        effects.iter().filter_map(round).collect::<Vec<u64>>()
    };
    assert_eq!(confirmed(&effects), []);
    e.perform(3, effects);
    let answers = answers_to(&mut e, 3);
    assert_eq!(answers.len(), 2);
    for event in late {
        assert_eq!(confirmed(&e.step(3, event)), [], "it was sent before");
    }
    let [one, other] = <[Event; 2]>::try_from(answers).expect("two");
    assert_eq!(confirmed(&e.step(3, one)), [first]);
    assert_eq!(confirmed(&e.step(3, other)), [], "an answer to the first round is none to the second");
    let answers = answers_to(&mut e, 3);
    assert_eq!(answers.iter().flat_map(|event| confirmed(&e.step(3, event.clone()))).collect::<Vec<_>>(), [second]);
}
