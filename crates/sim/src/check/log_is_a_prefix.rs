//! What a restart finds is a prefix of what was written, byte for byte.

use super::{Checked, Property};
use crate::keeper::log_tail::LoggedTxn;

/// The property.
pub static PROPERTY: Property = Property {
    says: "the history after a crash is a prefix of the history before it: no gap, no half transaction, nothing new",
    source: "Zab (Junqueira, Reed, Serafini 2011) section 3: prefix and integrity; TLA+ Zab.tla PrefixConsistency",
};

/// Compares the log before a crash, up to the last transaction that recovery found, with what is there now. What was
/// purged before the crash may be missing or be back.
///
/// # Errors
/// The violation.
pub fn of(before: &[LoggedTxn], after: &[LoggedTxn]) -> Checked {
    for found in after {
        let written = before.binary_search_by_key(&found.zxid, |txn| txn.zxid).ok().map(|index| &before[index]);
        PROPERTY.require(written == Some(found), || {
            let written = written.map(|txn| (txn.zxid, txn.session, txn.cxid, txn.opcode));
            let found = (found.zxid, found.session, found.cxid, found.opcode);
            format!("written {written:x?}, found {found:x?}")
        })?;
    }
    Ok(())
}
