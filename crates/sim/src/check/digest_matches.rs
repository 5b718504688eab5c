//! The tree digest in each logged transaction is the digest of the model's tree after it.

use super::{Checked, Property};

/// The property.
pub static PROPERTY: Property = Property {
    says: "the digest in the log is that of the tree after the transaction",
    source: "ZOOKEEPER-3114, DigestCalculator version 2",
};

/// Compares one transaction's digest.
///
/// # Errors
/// The violation.
pub fn of_txn(zxid: i64, logged: Option<i64>, model: i64) -> Checked {
    PROPERTY.require(logged.is_none_or(|logged| logged == model), || {
        format!("zxid {zxid:#x} was logged with digest {:#x}, the model's tree has {model:#x}", logged.unwrap_or(0))
    })
}

/// A member has applied everything up to `zxid`, and counted the digests that were not those of its tree.
///
/// # Errors
/// There was one.
pub fn seen_by_member(sid: i64, zxid: i64, mismatches: u64) -> Checked {
    PROPERTY.require(mismatches == 0, || {
        format!("member {sid} saw {mismatches} digests other than its tree's before or behind {zxid:#x}")
    })
}
