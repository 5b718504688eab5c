//! Leadership handed over on demand: what Raft calls TimeoutNow (Ongaro's thesis, section 3.10), said in packets that every
//! member understands.
//!
//! 1. Nothing more is proposed, until all that was is committed, and durable at the follower that is to lead.
//! 2. One more transaction, which changes nothing, is proposed to that follower alone. When it is durable there, no log is
//!    longer, and its vote wins against every other (epoch, then zxid, then id: [`crate::vote`]).
//! 3. This server steps down. The follower is elected, and its history is everybody's: with that transaction.
//!
//! To the others it looks as if the leader had crashed while it sent a proposal, which ZAB survives at every moment. The
//! price of that is one rule: from the second step on there is no way back. The zxid is given out, and this server, which
//! has not logged it, would give it out again.

use core::fmt;

use base::Instant;
use base::planted::PlantedBug;

use super::{Context, Handler, Leader, Phase, Stage, StepDown};
use crate::broadcast::{Broadcast, Proposal};
use crate::event::{Effect, Link};
use crate::packet::{LearnerKind, ToLearner};
use crate::quorum::{QuorumVerifier, Sid};

/// A handover under way.
#[derive(Debug)]
pub(super) struct Handover {
    to: Sid,
    /// What makes the follower's log the longest.
    last: Proposal,
    /// Whether `last` was sent.
    sent: bool,
    until: Instant,
}

impl Handover {
    /// Whether this acknowledges the proposal that went to one follower alone.
    pub fn is_acknowledged_by(&self, sid: Sid, ack: zk_wire::Zxid) -> bool {
        self.sent && (sid, ack) == (self.to, self.last.zxid)
    }

    pub fn deadline(&self) -> Instant {
        self.until
    }
}

/// Why leadership is not handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandoverRefused {
    /// This server does not lead.
    NotLeading,
    /// It is handed over already.
    UnderWay(Sid),
    /// The server that is to lead leads.
    Itself,
    /// The server that is to lead does not vote, or its vote has no weight.
    NoVoter(Sid),
    /// The server that is to lead does not follow this one, or has not caught up.
    NotFollowing(Sid),
    /// Nobody follows.
    Nobody,
    /// The epoch has no more transaction ids: a new leader is elected soon in any case.
    EpochIsFull,
}

impl fmt::Display for HandoverRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLeading => f.write_str("this server does not lead"),
            Self::UnderWay(to) => write!(f, "leadership is being handed over to server {to}; wait for its end"),
            Self::Itself => f.write_str("this server leads already"),
            Self::NoVoter(to) => write!(f, "server {to} does not vote, so it cannot lead; choose a voter"),
            Self::NotFollowing(to) => write!(f, "server {to} does not follow this leader, or is still catching up"),
            Self::Nobody => f.write_str("no voter follows this leader, so nobody could take over"),
            Self::EpochIsFull => {
                f.write_str("the epoch has no more transaction ids; a new leader is elected soon anyway")
            }
        }
    }
}

impl Leader {
    /// Who would lead: `to`, or the voter whose log is the longest, with the highest id among equals.
    ///
    /// # Errors
    /// Why that is nobody.
    pub fn heir(&self, to: Option<Sid>, verifier: &QuorumVerifier) -> Result<Sid, HandoverRefused> {
        if self.phase != Phase::Broadcast {
            return Err(HandoverRefused::NotLeading);
        }
        if let Some(handover) = &self.handover {
            return Err(HandoverRefused::UnderWay(handover.to));
        }
        let could = |handler: &&Handler| serves(handler) && verifier.weight(handler.sid) > 0;
        let candidates = self.handlers.values().filter(could);
        match to {
            None => {
                let furthest = candidates.max_by_key(|handler| (handler.acked, handler.sid));
                furthest.map(|handler| handler.sid).ok_or(HandoverRefused::Nobody)
            }
            Some(to) if to == self.config.sid => Err(HandoverRefused::Itself),
            Some(to) if verifier.weight(to) == 0 => Err(HandoverRefused::NoVoter(to)),
            Some(to) => {
                let there = candidates.map(|handler| handler.sid).find(|sid| *sid == to);
                there.ok_or(HandoverRefused::NotFollowing(to))
            }
        }
    }

    /// Begins the handover to one whom [`Leader::heir`] gave. `last` has the number [`Leader::next_zxid`]; nothing is
    /// proposed any more. [`Effect::HandoverOver`] tells the end.
    pub fn hand_over(&mut self, now: Instant, to: Sid, last: Proposal) {
        // With more than this behind, another follower is the better choice: writes wait meanwhile.
        let until = now + self.config.tick;
        self.handover = Some(Box::new(Handover { to, last, sent: false, until }));
    }

    /// What can be done now for a handover under way.
    ///
    /// # Errors
    /// The reign ends.
    pub fn advance_handover(&mut self, now: Instant, cx: &mut Context<'_>) -> Result<(), StepDown> {
        let Some(handover) = &self.handover else { return Ok(()) };
        let of_heir = |(_, handler): &(&Link, &Handler)| handler.sid == handover.to && serves(handler);
        let heir = self.handlers.iter().find(of_heir).map(|(link, handler)| (*link, handler.acked));
        if handover.sent {
            let to = handover.to;
            let (result, end) = match heir {
                Some((_, acked)) if acked >= handover.last.zxid => (Ok(to), "leadership is handed over"),
                Some(_) if now < handover.until => return Ok(()),
                _ => (Err("it was lost while it took over; somebody is elected"), "leadership was to be handed over"),
            };
            cx.effects.push(Effect::HandoverOver(result));
            self.handover = None;
            let planted = result.is_err() && self.config.bug.is(PlantedBug::HandoverTakenBack);
            return if planted { Ok(()) } else { Err(end) };
        }
        let proposed = self.broadcast.as_ref().map(Broadcast::last_proposed).unwrap_or_default();
        let given_up = match heir {
            None => "it does not follow any more; this server still leads",
            Some((link, acked)) if acked >= proposed && self.outstanding() == 0 => {
                let Some(handover) = &mut self.handover else { return Ok(()) };
                (handover.sent, handover.until) = (true, now + self.config.tick);
                let packet = ToLearner::Proposal(handover.last.clone());
                cx.effects.push(Effect::ToLearner { link, packet });
                return Ok(());
            }
            Some(_) if now < handover.until => return Ok(()),
            Some(_) => "it has not caught up within a tick; this server still leads",
        };
        self.handover = None;
        cx.effects.push(Effect::HandoverOver(Err(given_up)));
        Ok(())
    }
}

/// Whether this is a follower that has everything, and serves.
fn serves(handler: &Handler) -> bool {
    handler.kind == LearnerKind::Follower && handler.stage == Stage::UpToDate
}
