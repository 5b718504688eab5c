//! The two epochs on a disk never go back, and the log is never of a later epoch than was promised.

use super::{Checked, Property};

/// The property.
pub static PROPERTY: Property = Property {
    says: "acceptedEpoch and currentEpoch never decrease, and currentEpoch is never above acceptedEpoch",
    source: "ZAB paper, section V (f.p and f.a); ZOOKEEPER-335, 1653, 4643",
};

/// The disk changes from one pair (accepted, current) to another.
///
/// # Errors
/// The violation.
pub fn on_disk(sid: i64, before: (i64, i64), after: (i64, i64)) -> Checked {
    let good = after.0 >= before.0 && after.1 >= before.1 && after.1 <= after.0;
    PROPERTY.require(good, || format!("server {sid}: (accepted, current) goes from {before:?} to {after:?}"))
}
