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
