//! Reconfigurations, each as literal effects of one peer.

use base::{Instant, Str};
use bytes::Bytes;
use zab::event::CloseReason;
use zab::packet::{LearnerKind, ToLeader, ToLearner};
use zab::{
    Config, Effect, Event, Link, Peer, Proposal, QuorumConfig, QuorumVerifier, Recovered, Sid, Standing, StoreOp, Token,
};
use zk_wire::election::{Notification, ServerState};
use zk_wire::{Epoch, Zxid};

const LINK: Link = Link(1);

fn z(epoch: i64, counter: i64) -> Zxid {
    Zxid((epoch << 32) + counter)
}

/// A configuration whose text is its voters, and its version.
fn config(version: i64, voters: &[Sid]) -> QuorumConfig {
    let names: Vec<String> = voters.iter().map(Sid::to_string).collect();
    let text = Str::from(format!("{}\nversion={version:x}", names.join(" ")).as_str());
    let verifier = QuorumVerifier::majority(voters.iter().copied());
    QuorumConfig { version, text, ..QuorumConfig::of_voters(verifier) }
}

fn read(text: &str) -> Option<QuorumConfig> {
    let (voters, version) = text.split_once("\nversion=")?;
    let voters: Option<Vec<Sid>> = voters.split(' ').map(|sid| sid.parse().ok()).collect();
    Some(config(i64::from_str_radix(version, 16).ok()?, &voters?))
}

fn proposal(zxid: Zxid, config: Option<QuorumConfig>) -> Proposal {
    Proposal { zxid, bytes: Bytes::from_static(b"txn"), config }
}

/// Server 1 with this log of epoch 1.
fn peer(current: QuorumConfig, seen: Option<QuorumConfig>, log: &[Zxid]) -> Peer {
    let recovered = Recovered {
        accepted: Epoch(1),
        current: Epoch(1),
        last: log.last().copied().unwrap_or(Zxid::ZERO),
        window: log.iter().map(|zxid| proposal(*zxid, None)).collect(),
    };
    Peer::new(Config { read_config: Some(read), ..Config::new(1) }, current, seen, recovered)
}

fn step(peer: &mut Peer, event: Event) -> Vec<Effect> {
    let mut effects = Vec::new();
    peer.step(Instant::ZERO, event, &mut effects);
    effects
}

fn said(leader: Sid, zxid: Zxid, config: &QuorumConfig) -> Event {
    let notification = Notification {
        state: ServerState::Leading,
        leader,
        zxid,
        election_epoch: 1,
        peer_epoch: Epoch(1),
        version: 2,
        config: Some(config.text.clone()),
    };
    Event::Notification { from: leader, notification }
}

fn from_leader(packet: ToLearner) -> Event {
    Event::FromLeader { link: LINK, packet }
}

/// Has the history of leader 2 in epoch 2, who announced this configuration.
fn joining(announced: &QuorumConfig) -> Peer {
    let mut peer = peer(config(0, &[1, 2]), None, &[z(1, 5)]);
    step(&mut peer, Event::Tick);
    step(&mut peer, said(2, z(1, 5), &config(0, &[1, 2])));
    step(&mut peer, Event::LeaderConnected { link: LINK });
    step(&mut peer, from_leader(ToLearner::LeaderInfo(Epoch(2))));
    step(&mut peer, Event::Stored { token: Token(1) });
    step(&mut peer, from_leader(ToLearner::Diff(z(1, 5))));
    step(&mut peer, from_leader(ToLearner::NewLeader(Epoch(2), announced.text.clone())));
    assert_eq!(peer.current_config().version, 0, "nobody knows whether a quorum has it");
    step(&mut peer, Event::Stored { token: Token(2) });
    peer
}

/// Serves under leader 2 in epoch 2, whose configuration is `announced`.
fn follower(announced: &QuorumConfig) -> Peer {
    let mut peer = joining(announced);
    step(&mut peer, from_leader(ToLearner::UpToDate));
    assert_eq!(peer.current_config(), announced);
    peer
}

#[test]
fn a_follower_counts_both_while_a_reconfig_is_under_way_and_then_dials_whom_its_commit_names() {
    let mut peer = follower(&config(z(2, 0).0, &[1, 2]));
    let next = config(z(2, 1).0, &[1, 3]);
    let reconfig = proposal(z(2, 1), Some(next.clone()));
    let effects = step(&mut peer, from_leader(ToLearner::Proposal(reconfig.clone())));
    // It can be in its file before it is acknowledged.
    assert_eq!(effects.last(), Some(&Effect::NextConfig(Some(next.clone()))));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::ToLeader { .. })), "{effects:?}");
    assert_eq!(peer.verifier().voters(), [1, 2, 3]);
    assert!(!peer.verifier().is_quorum(|sid| sid != 3) && !peer.verifier().is_quorum(|sid| sid != 2));
    step(&mut peer, Event::Stored { token: Token(3) });
    let effects = step(&mut peer, from_leader(ToLearner::CommitAndActivate { zxid: z(2, 1), leader: 3 }));
    let expected = [
        Effect::Deliver(reconfig),
        Effect::Configured(next),
        Effect::Close { link: LINK, reason: CloseReason::RoleEnded },
        Effect::Standing(Standing::Looking),
        Effect::Dial { leader: 3 },
    ];
    assert_eq!(effects, expected);
    assert_eq!(peer.verifier().voters(), [1, 3]);
    // It says which configuration counts for it; nobody has elected 3, so 1 does not wait long for it.
    let link = Link(2);
    let info = ToLeader::Info { kind: LearnerKind::Follower, sid: 1, accepted: Epoch(2), config_version: z(2, 1).0 };
    assert_eq!(step(&mut peer, Event::LeaderConnected { link }), [Effect::ToLeader { link, packet: info }]);
    assert_eq!(peer.deadline(), Some(Instant::ZERO + Config::new(1).tick));
}

#[test]
fn a_reconfig_that_a_leader_announces_while_it_is_under_way_counts_when_it_is_committed() {
    let mut peer = joining(&config(z(2, 1).0, &[1, 2, 3]));
    step(&mut peer, from_leader(ToLearner::UpToDate));
    assert_eq!(peer.current_config().version, 0);
    assert_eq!(peer.verifier().voters(), [1, 2, 3]);
}

#[test]
fn a_reconfig_that_keeps_everybodys_part_ends_no_role() {
    let mut peer = follower(&config(z(2, 0).0, &[1, 2]));
    let next = config(z(2, 1).0, &[1, 2, 3]);
    let reconfig = proposal(z(2, 1), Some(next.clone()));
    step(&mut peer, from_leader(ToLearner::Proposal(reconfig.clone())));
    let effects = step(&mut peer, from_leader(ToLearner::CommitAndActivate { zxid: z(2, 1), leader: 2 }));
    assert_eq!(effects, [Effect::Deliver(reconfig), Effect::Configured(next)]);
    assert_eq!(peer.standing(), Standing::Following { leader: 2, epoch: Epoch(2) });
}

#[test]
fn a_reconfig_that_is_cut_from_the_log_counts_no_more() {
    // It is in the log, 9 has gone, and the others went on without it.
    let mut peer = peer(config(0, &[1, 2]), Some(config(z(1, 6).0, &[1, 9])), &[z(1, 5), z(1, 6)]);
    assert_eq!(peer.verifier().voters(), [1, 2, 9]);
    let effects = step(&mut peer, Event::Tick);
    assert!(effects.contains(&Effect::NextConfig(Some(config(z(1, 6).0, &[1, 9])))), "{effects:?}");
    assert_eq!(step(&mut peer, said(2, z(1, 6), &config(0, &[1, 2]))), [Effect::Dial { leader: 2 }]);
    step(&mut peer, Event::LeaderConnected { link: LINK });
    step(&mut peer, from_leader(ToLearner::LeaderInfo(Epoch(2))));
    step(&mut peer, Event::Stored { token: Token(1) });
    let cut = Effect::Store { token: Token(2), op: StoreOp::Truncate(z(1, 5)) };
    assert_eq!(step(&mut peer, from_leader(ToLearner::Trunc(z(1, 5)))), [cut]);
    assert_eq!(peer.verifier().voters(), [1, 2, 9], "it is on the disk still");
    let effects = step(&mut peer, Event::Stored { token: Token(2) });
    assert_eq!(effects.last(), Some(&Effect::NextConfig(None)));
    assert_eq!(peer.verifier().voters(), [1, 2]);
}

#[test]
fn what_the_file_has_and_the_log_has_not_may_be_committed_until_a_leader_says_another() {
    // A leader's snapshot had it, with a tree that says what counted then.
    let kept = config(z(1, 4).0, &[1, 3, 4]);
    let mut peer = peer(config(0, &[1, 2]), Some(kept), &[z(1, 5)]);
    step(&mut peer, Event::Tick);
    assert!(!peer.verifier().is_quorum(|sid| sid < 3), "it leads nobody without a quorum of that, too");
    step(&mut peer, said(2, z(1, 5), &config(0, &[1, 2])));
    step(&mut peer, Event::LeaderConnected { link: LINK });
    step(&mut peer, from_leader(ToLearner::LeaderInfo(Epoch(2))));
    step(&mut peer, Event::Stored { token: Token(1) });
    step(&mut peer, from_leader(ToLearner::Diff(z(1, 5))));
    let announced = config(z(2, 0).0, &[1, 2]);
    let effects = step(&mut peer, from_leader(ToLearner::NewLeader(Epoch(2), announced.text.clone())));
    assert_eq!(effects.last(), Some(&Effect::NextConfig(Some(announced))), "in the place of the other");
}

#[test]
fn a_server_that_looks_takes_over_a_later_configuration_from_a_vote() {
    let mut peer = peer(config(0, &[1, 2]), None, &[z(1, 5)]);
    step(&mut peer, Event::Tick);
    let later = config(z(1, 3).0, &[2, 3]);
    let effects = step(&mut peer, said(3, z(1, 5), &later));
    assert_eq!(effects.first(), Some(&Effect::Configured(later.clone())));
    let asked = |to: Sid| effects.iter().any(|effect| matches!(effect, Effect::Notify { to: sid, .. } if *sid == to));
    assert!(asked(2) && asked(3), "{effects:?}");
    assert_eq!(peer.verifier().voters(), [2, 3]);
    assert!(step(&mut peer, said(3, z(1, 5), &config(z(1, 2).0, &[1]))).is_empty(), "an earlier one changes nothing");
}

#[test]
fn a_leader_numbers_what_it_began_with_and_leads_nobody_who_is_ahead_of_it() {
    let mut peer = peer(config(0, &[1]), None, &[z(1, 5)]);
    let mut effects = step(&mut peer, Event::Tick);
    effects.extend(step(&mut peer, Event::Tick));
    for token in 1..=2 {
        effects.extend(step(&mut peer, Event::Stored { token: Token(token) }));
    }
    assert!(effects.contains(&Effect::Standing(Standing::Leading(Epoch(2)))), "{effects:?}");
    let numbered = config(z(2, 0).0, &[1]);
    assert_eq!(effects.last(), Some(&Effect::Configured(numbered)));
    step(&mut peer, Event::LearnerConnected { link: LINK });
    let info = ToLeader::Info { kind: LearnerKind::Follower, sid: 7, accepted: Epoch(0), config_version: z(2, 1).0 };
    let reason = CloseReason::Unexpected("a later configuration than this leader's");
    let closed = step(&mut peer, Event::FromLearner { link: LINK, packet: info });
    assert_eq!(closed, [Effect::Close { link: LINK, reason }]);
}

#[test]
fn a_leader_without_a_vote_commits_nothing_more_and_stays_until_its_learners_have_gone() {
    let mut peer = peer(config(0, &[1]), None, &[z(1, 5)]);
    (0..2).for_each(|_| drop(step(&mut peer, Event::Tick)));
    (1..=2).for_each(|token| drop(step(&mut peer, Event::Stored { token: Token(token) })));
    let heard = |packet| Event::FromLearner { link: LINK, packet };
    step(&mut peer, Event::LearnerConnected { link: LINK });
    let info = ToLeader::Info { kind: LearnerKind::Follower, sid: 2, accepted: Epoch(1), config_version: 0 };
    step(&mut peer, heard(info));
    step(&mut peer, heard(ToLeader::AckEpoch { last: z(1, 5), current: Some(Epoch(1)) }));
    step(&mut peer, heard(ToLeader::Ack(z(2, 0))));
    let next = config(z(2, 1).0, &[2]);
    assert!(peer.has_quorum(&next.verifier));
    let mut effects = Vec::new();
    peer.propose(proposal(z(2, 1), Some(next.clone())), &mut effects);
    peer.propose(proposal(z(2, 2), None), &mut effects);
    assert_eq!(step(&mut peer, Event::Stored { token: Token(4) }), [], "2 does not have it");
    let effects = step(&mut peer, heard(ToLeader::Ack(z(2, 2))));
    let committed = ToLearner::CommitAndActivate { zxid: z(2, 1), leader: 2 };
    let expected = [
        Effect::ToLearner { link: LINK, packet: committed },
        Effect::Deliver(proposal(z(2, 1), Some(next.clone()))),
        Effect::Configured(next),
    ];
    assert_eq!(effects, expected);
    assert_eq!((peer.next_zxid(), peer.standing()), (None, Standing::Leading(Epoch(2))));
    let effects = step(&mut peer, Event::Closed { link: LINK });
    assert_eq!(effects, [Effect::Standing(Standing::Looking), Effect::Dial { leader: 2 }]);
}

#[test]
fn a_server_that_starts_again_while_it_is_to_join_follows_without_a_vote() {
    let without = config(z(1, 0).0, &[2]);
    let mut peer = peer(without.clone(), None, &[z(1, 5)]);
    step(&mut peer, Event::Tick);
    assert_eq!(step(&mut peer, said(2, z(1, 5), &without)).last(), Some(&Effect::Dial { leader: 2 }));
    let info = ToLeader::Info { kind: LearnerKind::Follower, sid: 1, accepted: Epoch(1), config_version: z(1, 0).0 };
    let effects = step(&mut peer, Event::LeaderConnected { link: LINK });
    assert_eq!(effects, [Effect::ToLeader { link: LINK, packet: info }]);
}

#[test]
fn what_the_file_has_behind_the_logs_end_is_forgotten() {
    // The write of the log failed, and with it the server.
    let kept = config(z(1, 6).0, &[1, 2, 9]);
    let mut peer = peer(config(0, &[1, 2]), Some(kept), &[z(1, 5)]);
    assert_eq!(peer.verifier().voters(), [1, 2]);
    assert!(step(&mut peer, Event::Tick).contains(&Effect::NextConfig(None)));
}
