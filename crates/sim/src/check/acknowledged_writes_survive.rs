//! Durability: what a client was told is on the disk, whatever happens to the server.

use super::{Checked, Property};

/// The property.
pub static PROPERTY: Property = Property {
    says: "a write that was acknowledged, and a state that was shown, survive every crash",
    source: "ZooKeeper guarantees: reliability (\"once an update has been applied, it will persist\")",
};

/// After a crash: the recovered history reaches at least as far as anything that any client was shown.
///
/// # Errors
/// The violation.
pub fn after_recovery(life: usize, recovered: i64, shown: i64, what: impl FnOnce() -> String) -> Checked {
    PROPERTY.require(shown <= recovered, || {
        let what = what();
        format!(
            "life {life} showed zxid {shown:#x} ({what}), the next life found the history only up to {recovered:#x}"
        )
    })
}

/// At the end: a write with a reply is in the history.
///
/// # Errors
/// The violation.
pub fn found(in_history: bool, describe: impl FnOnce() -> String) -> Checked {
    PROPERTY.require(in_history, || format!("acknowledged and in no log: {}", describe()))
}
