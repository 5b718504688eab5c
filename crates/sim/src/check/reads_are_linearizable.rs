//! With `castlekeep.linearizableReads` on every member, reads are in one order with the writes, which is that of their zxids, and that order is never against the clock. What a zxid shows, and that writes are in that order, other
//! checks say.

use super::{Checked, Property};
use crate::keeper::history::{OpRecord, Reply};
use crate::keeper::op::{Op, OpResult, code};

/// The property.
pub static PROPERTY: Property = Property {
    says: "a linearizable read shows everything that anybody was shown before it was asked for",
    source: "Herlihy and Wing 1990; read index: Ongaro's thesis, section 6.4",
};

/// A request and its answer. Whether this is one that the property is about.
///
/// # Errors
/// The violation.
pub fn shows_what_was_shown(record: &OpRecord) -> Result<bool, super::Violation> {
    let shows = matches!(
        record.op,
        Op::Exists { .. }
            | Op::GetData { .. }
            | Op::GetChildren { .. }
            | Op::GetAcl { .. }
            | Op::MultiRead(_)
            | Op::GetEphemerals { .. }
            | Op::GetAllChildrenNumber { .. }
    );
    let Some(Reply { zxid, result }) = record.reply.as_ref().filter(|_| shows) else { return Ok(false) };
    // Who has no session any more is shown nothing.
    if *result == OpResult::Error(code::SESSION_EXPIRED) {
        return Ok(false);
    }
    of_reply(record.shown, *zxid).map(|()| true)
}

fn of_reply(shown_before: i64, zxid: i64) -> Checked {
    PROPERTY.require(zxid >= shown_before, || {
        format!("somebody had been shown {shown_before:#x} before this was asked for, and it shows {zxid:#x}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_shown_to_others_must_be_shown() {
        assert_eq!(of_reply(7, 7), Ok(()));
        assert_eq!(of_reply(7, 9), Ok(()), "it was done meanwhile");
        assert!(of_reply(7, 6).is_err());
    }
}
