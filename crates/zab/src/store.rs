//! Which operations of the store are under way. Nothing that depends on one is done before its token comes back.

use std::collections::VecDeque;

use zk_wire::{Epoch, Zxid};

use crate::broadcast::Proposal;
use crate::event::{Effect, StoreOp, Token};
use crate::history::History;

/// What became durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durable {
    /// `acceptedEpoch`.
    Accepted(Epoch),
    /// `currentEpoch`.
    Current(Epoch),
    /// A transaction in the log.
    Logged(Zxid),
    /// The log is cut.
    Truncated(Zxid),
    /// A snapshot replaced everything.
    Installed(Zxid),
}

/// Operations under way, in order.
#[derive(Debug, Default)]
pub struct Store {
    next: Token,
    pending: VecDeque<(Token, Durable)>,
}

impl Store {
    /// Begins an operation.
    pub fn begin(&mut self, op: StoreOp, effects: &mut Vec<Effect>) {
        self.next.0 += 1;
        let durable = match &op {
            StoreOp::AcceptedEpoch(epoch) => Durable::Accepted(*epoch),
            StoreOp::CurrentEpoch(epoch) => Durable::Current(*epoch),
            StoreOp::Append(proposal) => Durable::Logged(proposal.zxid),
            StoreOp::Truncate(zxid) => Durable::Truncated(*zxid),
            StoreOp::Install { zxid, .. } => Durable::Installed(*zxid),
        };
        self.pending.push_back((self.next, durable));
        effects.push(Effect::Store { token: self.next, op });
    }

    /// Logs a transaction: in memory at once, on the disk when its token comes back.
    pub fn append(&mut self, history: &mut History, proposal: Proposal, effects: &mut Vec<Effect>) {
        history.append(proposal.clone());
        self.begin(StoreOp::Append(proposal), effects);
    }

    /// Replaces log and service: in memory at once, on the disk when its token comes back.
    pub fn install(&mut self, history: &mut History, zxid: Zxid, tail: Vec<Proposal>, effects: &mut Vec<Effect>) {
        history.install(zxid);
        tail.iter().for_each(|proposal| history.append(proposal.clone()));
        self.begin(StoreOp::Install { zxid, tail }, effects);
    }

    /// The next of what `token` makes durable; the history learns of it.
    pub fn next_done(&mut self, token: Token, history: &mut History) -> Option<Durable> {
        let (first, durable) = *self.pending.front()?;
        if first > token {
            return None;
        }
        self.pending.pop_front();
        match durable {
            Durable::Accepted(epoch) => history.set_accepted(epoch),
            Durable::Current(epoch) => history.set_current(epoch),
            Durable::Truncated(zxid) => history.truncate(zxid),
            Durable::Installed(_) | Durable::Logged(_) => {}
        }
        Some(durable)
    }

    /// The truncation under way is given up.
    pub fn give_up_truncation(&mut self) {
        self.pending.retain(|(_, durable)| !matches!(durable, Durable::Truncated(_)));
    }

    /// Whether the disk has everything.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }
}
