//! Hard quotas: a write is refused when there was no room, and never when there was.

use super::{Checked, Property};
use crate::keeper::op::OpResult;

/// The property.
pub static PROPERTY: Property = Property {
    says: "a write is refused for a quota exactly when a hard limit above it leaves no room, by the numbers applied then",
    source: "ZooKeeper quota guide, enforceQuota; ZooKeeperServer.checkQuota",
};

/// What the log says of the quota, and the model.
///
/// # Errors
/// The violation.
pub fn agree(zxid: i64, refused: Option<usize>, expected: Option<usize>, result: &OpResult) -> Checked {
    PROPERTY.require(refused == expected, || {
        format!("zxid {zxid:#x}: part refused for a quota {refused:?}, the model says {expected:?}: {result:?}")
    })
}
