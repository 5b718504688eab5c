//! Peers that are not who they should be, and leaders of the past: closed with a reason, and without effect.

use base::Instant;
use zab::event::CloseReason;
use zab::{
    Config, Effect, Event, LearnerKind, Link, Peer, QuorumConfig, QuorumVerifier, Recovered, Sid, Standing, StoreOp,
    ToLeader, ToLearner,
};
use zk_wire::election::{Notification, ServerState};
use zk_wire::{Epoch, Zxid};

struct Member {
    peer: Peer,
    now: Instant,
}

impl Member {
    /// Member 3 of three, which has accepted this epoch, behind an election that everybody wants `leader` to win.
    fn elected(leader: Sid, accepted: i64) -> Self {
        let recovered = Recovered { accepted: Epoch(accepted), ..Recovered::default() };
        let verifier = QuorumVerifier::majority([1, 2, 3]);
        let peer = Peer::new(Config::new(3), QuorumConfig::of_voters(verifier), None, recovered);
        let mut member = Self { peer, now: Instant::from_millis(1) };
        member.step(Event::Tick);
        for from in [1, 2] {
            let notification = Notification {
                state: ServerState::Looking,
                leader,
                zxid: if leader == 3 { Zxid::ZERO } else { Zxid(1) },
                election_epoch: 1,
                peer_epoch: Epoch(0),
                version: 2,
                config: None,
            };
            member.step(Event::Notification { from, notification });
        }
        member.now = member.now + Config::new(3).finalize_wait;
        member
    }

    fn step(&mut self, event: Event) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.peer.step(self.now, event, &mut effects);
        effects
    }

    /// A learner dials and says who it is.
    fn introduced(&mut self, link: u64, sid: Sid) -> Vec<Effect> {
        let link = Link(link);
        self.step(Event::LearnerConnected { link });
        let packet = ToLeader::Info { kind: LearnerKind::Follower, sid, accepted: Epoch(0), config_version: 0 };
        self.step(Event::FromLearner { link, packet })
    }
}

fn closed(link: u64, reason: CloseReason) -> Effect {
    Effect::Close { link: Link(link), reason }
}

#[test]
fn an_id_that_nobody_knows_counts_for_no_quorum_and_ones_own_is_refused() {
    let mut leader = Member::elected(3, 0);
    leader.step(Event::Tick);
    assert!(leader.peer.leads());
    assert_eq!(leader.introduced(10, 99), []);
    assert_eq!(leader.introduced(11, 98), [], "two strangers and the leader are no quorum");
    assert_eq!(leader.introduced(12, 3), [closed(12, CloseReason::Unexpected("this server's own id"))]);
    let effects = leader.introduced(13, 1);
    let accepts = |effect: &Effect| matches!(effect, Effect::Store { op: StoreOp::AcceptedEpoch(Epoch(1)), .. });
    assert!(effects.iter().any(accepts), "a voter makes a quorum: {effects:?}");
}

#[test]
fn of_two_with_one_id_the_later_stays() {
    let mut leader = Member::elected(3, 0);
    leader.step(Event::Tick);
    leader.introduced(10, 1);
    let effects = leader.introduced(11, 1);
    assert!(effects.contains(&closed(10, CloseReason::Replaced)), "{effects:?}");
    let ids: Vec<(Sid, Link)> = leader.peer.learners().iter().map(|learner| (learner.sid, learner.link)).collect();
    assert_eq!(ids, [(1, Link(11))]);
    // Who says who it is a second time is not a server.
    let packet = ToLeader::Info { kind: LearnerKind::Follower, sid: 2, accepted: Epoch(0), config_version: 0 };
    let effects = leader.step(Event::FromLearner { link: Link(11), packet });
    assert_eq!(effects, [closed(11, CloseReason::Unexpected("a second introduction"))]);
}

#[test]
fn what_a_learner_says_out_of_turn_ends_its_link_only() {
    let mut leader = Member::elected(3, 0);
    leader.step(Event::Tick);
    leader.step(Event::LearnerConnected { link: Link(10) });
    let packet = ToLeader::AckEpoch { last: Zxid::ZERO, current: Some(Epoch(0)) };
    let effects = leader.step(Event::FromLearner { link: Link(10), packet });
    assert_eq!(effects, [closed(10, CloseReason::Unexpected("an accepted epoch that nobody proposed"))]);
    leader.step(Event::LearnerConnected { link: Link(11) });
    let effects = leader.step(Event::FromLearner { link: Link(11), packet: ToLeader::Ack(Zxid(1 << 32)) });
    assert_eq!(effects, [closed(11, CloseReason::Unexpected("an acknowledged history that nobody sent"))]);
    assert!(leader.peer.leads());
}

#[test]
fn a_leader_of_an_older_epoch_is_left() {
    for (offered, stays) in [(6, false), (7, true), (8, true)] {
        let mut learner = Member::elected(2, 7);
        let effects = learner.step(Event::Tick);
        assert!(effects.contains(&Effect::Dial { leader: 2 }), "{effects:?}");
        learner.step(Event::LeaderConnected { link: Link(5) });
        let packet = ToLearner::LeaderInfo(Epoch(offered));
        let effects = learner.step(Event::FromLeader { link: Link(5), packet });
        assert_eq!(!effects.contains(&closed(5, CloseReason::RoleEnded)), stays, "epoch {offered}: {effects:?}");
        assert_eq!(learner.peer.standing(), Standing::Looking);
        assert!(learner.peer.history().accepted() <= Epoch(7), "nothing is promised before it is durable");
    }
}
