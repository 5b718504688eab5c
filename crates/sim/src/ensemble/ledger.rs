//! What the members did, as seen from outside: which transaction has which number, which of them count, and what the tree
//! was behind each.

use std::collections::BTreeMap;

use bytes::Bytes;
use zab::{Proposal, Sid};
use zk_wire::{Epoch, Zxid};

use crate::check::one_history::{ONE_HISTORY, PROPOSED};
use crate::check::{Checked, Violation, digest_matches, one_leader_per_epoch};
use crate::keeper::log_tail::LoggedTxn;

/// The record of a run.
#[derive(Default)]
pub struct Ledger {
    contents: BTreeMap<i64, Bytes>,
    /// For each epoch that was established: the last transaction before it.
    bases: BTreeMap<i64, i64>,
    leaders: one_leader_per_epoch::Leaders,
    digests: BTreeMap<i64, (Sid, i64)>,
    /// How far each member's log was looked at in its life.
    looked: BTreeMap<Sid, i64>,
}

impl Ledger {
    /// A member's process is new.
    pub fn forget(&mut self, sid: Sid) {
        self.looked.remove(&sid);
    }

    /// Where to go on with a member's log.
    pub fn looked(&self, sid: Sid) -> Zxid {
        Zxid(self.looked.get(&sid).copied().unwrap_or(0))
    }

    /// What a member has logged.
    ///
    /// # Errors
    /// A number with two contents.
    pub fn logged<'a>(&mut self, sid: Sid, proposals: impl Iterator<Item = &'a Proposal>) -> Checked {
        for proposal in proposals {
            let known = self.contents.entry(proposal.zxid.0).or_insert_with(|| proposal.bytes.clone());
            PROPOSED.require(*known == proposal.bytes, || {
                format!("member {sid} logs {} with another content than it was given before", proposal.zxid)
            })?;
            let looked = self.looked.entry(sid).or_default();
            *looked = proposal.zxid.0.max(*looked);
        }
        Ok(())
    }

    /// A leader is established behind `last`.
    ///
    /// # Errors
    /// Another one of that epoch was.
    pub fn established(&mut self, sid: Sid, epoch: Epoch, last: Zxid) -> Checked {
        self.leaders.established(epoch.0, sid)?;
        self.bases.insert(epoch.0, last.0);
        Ok(())
    }

    /// A member that serves has applied everything up to `zxid`.
    ///
    /// # Errors
    /// Another member had another tree there.
    pub fn applied(&mut self, sid: Sid, zxid: Zxid, digest: i64) -> Checked {
        let (first, known) = *self.digests.entry(zxid.0).or_insert((sid, digest));
        digest_matches::PROPERTY.require(known == digest, || {
            format!("behind {zxid} member {sid} has the tree {digest:#x}, member {first} had {known:#x}")
        })
    }

    /// The latest transaction that a member which serves has applied.
    pub fn latest(&self) -> i64 {
        self.digests.last_key_value().map_or(0, |(zxid, _)| *zxid)
    }

    /// The transactions that count, up to `last`, in order.
    ///
    /// # Errors
    /// One of them is of no log.
    pub fn history(&self, last: Zxid) -> Result<Vec<LoggedTxn>, Violation> {
        let mut txns = Vec::new();
        let mut at = last.0;
        while at > 0 {
            if at & 0xffff_ffff == 0 {
                at = *self.bases.get(&(at >> 32)).ok_or_else(|| {
                    ONE_HISTORY.broken(format!("nobody was established as the leader of epoch {}", at >> 32))
                })?;
                continue;
            }
            let payload = self.contents.get(&at);
            let payload = payload.ok_or_else(|| ONE_HISTORY.broken(format!("nobody has logged {at:#x}")))?;
            txns.push(LoggedTxn::of(payload.clone()));
            at -= 1;
        }
        txns.reverse();
        Ok(txns)
    }
}
