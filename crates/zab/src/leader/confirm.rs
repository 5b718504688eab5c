//! Whether this server still leads, asked of its followers: the read index of Raft (Ongaro's thesis, section 6.4), with
//! PING for the question, so that Apache's followers answer it too.
//!
//! A follower that answers a PING follows this server at that moment. A later leader needs the promises of a quorum, and
//! whoever promises has left this one before. So when a quorum has answered what was sent after a moment, nobody else had
//! committed anything at that moment: what is committed here holds all that anybody was told by then. A leader that stood
//! still comes to the same end, since it is not clocks that decide: its followers have gone, and answer nothing.
//!
//! Answers come in the order of the questions, and are counted. A learner that synchronises may be asked and say nothing
//! (Apache's do), so the count begins with the acknowledgement that it sends when it begins to serve.

use std::collections::BTreeMap;

use base::planted::PlantedBug;

use super::{Context, Handler, Leader, Stage};
use crate::broadcast::Broadcast;
use crate::event::{Effect, Link};
use crate::packet::{LearnerKind, ToLearner};

/// A follower that has so many questions to answer is asked nothing more before it has answered some: it is slow, and
/// what is sent to it would only pile up.
const UNANSWERED_MAX: u64 = 64;

/// The rounds of questions. One at a time: who comes meanwhile waits for the next.
#[derive(Debug, Default)]
pub(super) struct Confirmations {
    /// The last round that was begun.
    last: u64,
    /// Which PING each follower needs to have answered; `None` between rounds.
    running: Option<BTreeMap<Link, u64>>,
    /// Whether another round is wanted behind it.
    again: bool,
}

/// PINGs to a learner and back, since it serves.
#[derive(Debug, Default)]
pub(super) struct Pings {
    sent: u64,
    /// `None` until it says that it serves: answers before are to earlier questions.
    answered: Option<u64>,
}

impl Pings {
    /// A PING leaves.
    pub fn sent(&mut self) {
        self.sent += 1;
    }

    /// One has come back.
    pub fn answered(&mut self) {
        if let Some(answered) = &mut self.answered {
            *answered += 1;
        }
    }

    /// UPTODATE is sent.
    pub fn restart(&mut self) {
        *self = Self::default();
    }

    /// The learner has seen UPTODATE.
    pub fn begin(&mut self) {
        self.answered.get_or_insert(0);
    }

    fn unanswered(&self) -> u64 {
        self.sent.saturating_sub(self.answered.unwrap_or(0))
    }
}

impl Leader {
    /// Asks the followers. The number of the round whose end, [`Effect::Confirmed`], says that this server led when it was
    /// asked for.
    pub fn confirm(&mut self, cx: &mut Context<'_>) -> u64 {
        if self.confirmations.running.is_some() {
            self.confirmations.again = true;
            return self.confirmations.last + 1;
        }
        self.begin_round();
        let round = self.confirmations.last;
        self.advance_confirmations(cx);
        round
    }

    fn begin_round(&mut self) {
        self.confirmations.last += 1;
        self.confirmations.running = Some(BTreeMap::new());
    }

    /// Asks whom this round has not asked, and looks whether a quorum has answered.
    pub fn advance_confirmations(&mut self, cx: &mut Context<'_>) {
        while let Some(needed) = &mut self.confirmations.running {
            let last = self.broadcast.as_ref().map(Broadcast::last_proposed).unwrap_or_default();
            for (link, handler) in self.handlers.iter_mut().filter(|(_, handler)| follows(handler)) {
                if needed.contains_key(link) || handler.pings.unanswered() >= UNANSWERED_MAX {
                    continue;
                }
                handler.pings.sent();
                needed.insert(*link, handler.pings.sent);
                cx.effects.push(Effect::ToLearner { link: *link, packet: ToLearner::Ping(last) });
            }
            let answered = |(link, handler): (&Link, &Handler)| {
                let (needed, answered) = (needed.get(link)?, handler.pings.answered?);
                (follows(handler) && answered >= *needed).then_some(handler.sid)
            };
            let confirmed: Vec<_> = self.handlers.iter().filter_map(answered).chain([self.config.sid]).collect();
            let planted = self.config.bug.is(PlantedBug::LeadershipUnconfirmed);
            if !planted && !cx.configs.verifier().is_quorum(|sid| confirmed.contains(&sid)) {
                return;
            }
            self.confirmations.running = None;
            cx.effects.push(Effect::Confirmed(self.confirmations.last));
            if core::mem::take(&mut self.confirmations.again) {
                self.begin_round();
            }
        }
    }
}

/// Whether this is a follower that serves.
fn follows(handler: &Handler) -> bool {
    handler.kind == LearnerKind::Follower && handler.stage == Stage::UpToDate
}
