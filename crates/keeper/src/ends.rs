//! Ends of sessions that this server brings about: who is due, in which order, so many at a time.

use base::Now;
use zk_wire::{OpCode, SessionId};

use crate::event::Effect;
use crate::op;
use crate::prep::{Against, Prep};
use crate::server::Keeper;

/// Sessions whose end is proposed in one step; the others come with the next tick, which is due at once.
const ENDS_PER_STEP: usize = 128;
/// So many nodes of a session that ends count as much as another end.
const NODES_PER_END: usize = 8;

impl Keeper {
    /// Proposes what is due, up to a limit.
    pub(crate) fn end_sessions(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let expired = self.sessions.expired(now);
        self.expired += expired.len() as u64;
        for session in expired {
            self.sessions.set_closing(session);
            self.ending.push_back(session);
        }
        let mut room = ENDS_PER_STEP;
        while room > 0
            && let Some(session) = self.ending.pop_front()
        {
            if !self.outstanding.has_listed(session) && self.is_large(session) && self.unlisted != Some(session) {
                // Whoever looks after this machine may list its nodes before the next tick, which is due at once.
                self.unlisted = Some(session);
                self.ending.push_front(session);
                break;
            }
            room = room.saturating_sub(1 + self.tree.ephemerals_of(session) / NODES_PER_END);
            self.propose_end(now, session, effects);
        }
    }

    fn propose_end(&mut self, now: Now, session: SessionId, effects: &mut Vec<Effect>) {
        let Some(header) = self.txn_header(now, session, 0, OpCode::CLOSE_SESSION) else { return };
        let against = Against {
            tree: &self.tree,
            outstanding: &mut self.outstanding,
            sessions: &self.sessions,
            config: &self.config,
        };
        let mut prep = Prep::new(against, session, &[], header.zxid, header.time_ms);
        let txn = op::close_session::prep(&mut prep);
        prep.keep();
        self.propose(header, txn, OpCode::CLOSE_SESSION, None, effects);
    }

    /// The client of a session that has expired asks for something. An end that waits for its turn is proposed now: in front
    /// of the answer, which can wait for it.
    pub(crate) fn hasten_end(&mut self, now: Now, session: SessionId, effects: &mut Vec<Effect>) {
        if self.sessions.is_closing(session) {
            self.hasten_orphan(now, session, effects);
        }
    }

    /// The same for a session that owns nodes and is not known: whether its end was waiting for its turn.
    pub(crate) fn hasten_orphan(&mut self, now: Now, session: SessionId, effects: &mut Vec<Effect>) -> bool {
        let Some(at) = self.ending.iter().position(|ending| *ending == session) else { return false };
        self.ending.remove(at);
        self.propose_end(now, session, effects);
        true
    }
}
