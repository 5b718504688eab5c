//! What servers deliver is one history, of which each has a prefix, and which a quorum of disks holds.

use super::{Checked, Property};

/// A transaction as the checker sees it: its zxid and what is in it.
pub type Txn = (i64, u64);

/// Prefixes.
pub static ONE_HISTORY: Property = Property {
    says: "what servers deliver are prefixes of one history",
    source: "Zab.tla PrefixConsistency, Agreement, TotalOrder, GlobalPrimaryOrder",
};

/// Integrity.
pub static PROPOSED: Property =
    Property { says: "what is delivered was proposed by a leader, under this zxid", source: "Zab.tla Integrity" };

/// Durability.
pub static AT_A_QUORUM: Property = Property {
    says: "what is delivered first is in the logs of a quorum of disks",
    source: "ZAB paper, section V: commit behind a quorum of acknowledgements; ZOOKEEPER-4646, 3911",
};

/// The history, as far as somebody has delivered it.
#[derive(Debug, Default)]
pub struct History(Vec<Txn>);

impl History {
    /// A server that serves holds exactly these transactions. Returns how many of them are new.
    ///
    /// # Errors
    /// The violation.
    pub fn serves(&mut self, sid: i64, all: &[Txn]) -> Result<usize, super::Violation> {
        let both = all.len().min(self.0.len());
        if let Some(at) = (0..both).find(|at| all[*at] != self.0[*at]) {
            let (here, there) = (all[at], self.0[at]);
            return Err(ONE_HISTORY.broken(format!(
                "server {sid} has {:#x} ({}) where {:#x} ({}) was delivered, number {at} of the history",
                here.0, here.1, there.0, there.1
            )));
        }
        let new = all.len() - both;
        self.0.extend_from_slice(&all[both..]);
        Ok(new)
    }

    /// A server that serves delivers one more, as its number `at`. True when it is the first to do so.
    ///
    /// # Errors
    /// The violation.
    pub fn delivers(&mut self, sid: i64, at: usize, txn: Txn) -> Result<bool, super::Violation> {
        let Some(known) = self.0.get(at) else {
            ONE_HISTORY.require(at == self.0.len(), || {
                format!("server {sid} delivers number {at} of a history of {}", self.0.len())
            })?;
            let before = self.0.last().map_or(0, |last| last.0);
            ONE_HISTORY.require(txn.0 > before, || format!("{:#x} is delivered behind {before:#x}", txn.0))?;
            self.0.push(txn);
            return Ok(true);
        };
        ONE_HISTORY.require(*known == txn, || {
            format!("server {sid} delivers {:#x} ({}) where {:#x} ({}) was delivered", txn.0, txn.1, known.0, known.1)
        })?;
        Ok(false)
    }

    /// The history.
    pub fn all(&self) -> &[Txn] {
        &self.0
    }
}

/// A transaction that was just delivered for the first time is in the logs of these servers.
///
/// # Errors
/// The violation.
pub fn at_a_quorum(txn: Txn, holders: &[i64], is_quorum: bool) -> Checked {
    AT_A_QUORUM.require(is_quorum, || format!("{:#x} is only on the disks of {holders:?}", txn.0))
}
