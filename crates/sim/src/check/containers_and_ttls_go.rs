//! The server deletes containers behind their last child and TTL nodes behind their time: these, no others, and in the
//! end all of them.

use super::{Checked, Property};
use crate::keeper::model::Model;

/// The property.
pub static PROPERTY: Property = Property {
    says: "the server deletes a node by itself only when it is an empty container that was used, or a childless TTL node \
           that was not changed for its time; and then it does",
    source: "ZooKeeper programmer's guide, container nodes and TTL nodes; ContainerManager",
};

/// A deletion that the server logged.
///
/// # Errors
/// The violation.
pub fn was_due(zxid: i64, time_ms: i64, path: &str, model: &Model) -> Checked {
    let node = model.node(path);
    PROPERTY.require(node.is_some_and(|node| model.is_due(node, time_ms)), || {
        format!("zxid {zxid:#x} deletes {path} at {time_ms}, which is {node:?}")
    })
}

/// After a calm that was longer than several rounds: nothing is left that had been due by `time_ms`.
///
/// # Errors
/// The violation.
pub fn none_is_left(time_ms: i64, model: &Model, time_of: impl Fn(i64) -> i64) -> Checked {
    // A container is due from the moment on at which its last child went.
    let left = model.nodes().find(|(_, node)| model.is_due(node, time_ms) && time_of(node.pzxid) < time_ms);
    PROPERTY.require(left.is_none(), || format!("due before {time_ms} and still there: {left:?}"))
}
