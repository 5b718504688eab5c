//! A snapshot that the operator asked for holds what was there when they asked.

use super::{Checked, Property};

/// The property.
pub static PROPERTY: Property = Property {
    says: "a snapshot that was asked for holds every transaction that was applied before",
    source: "ZooKeeper administrator's guide, the snapshot command: \"takes a snapshot of the current server\"",
};

/// `applied` is the last transaction that was applied when it was asked for, `named` the one of its file's name.
///
/// # Errors
/// The violation.
pub fn named(applied: i64, named: i64) -> Checked {
    PROPERTY
        .require(named >= applied, || format!("asked for behind zxid {applied:#x}, and given a snapshot of {named:#x}"))
}
