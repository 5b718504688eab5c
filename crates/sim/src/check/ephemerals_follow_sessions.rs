//! Ephemeral nodes go with their session, all of them, in the transaction that closes it.

use std::collections::BTreeSet;

use super::{Checked, Property};

/// The property.
pub static PROPERTY: Property = Property {
    says: "a session's end removes exactly its ephemerals, in one transaction, and no ephemeral outlives its session",
    source: "ZooKeeper programmer's guide, ephemeral nodes; ZOOKEEPER-3145 (the list in CloseSessionTxn)",
};

/// The list that a closeSession transaction carries.
///
/// # Errors
/// The violation.
pub fn close_lists_all(session: i64, listed: &BTreeSet<String>, owned: &BTreeSet<String>) -> Checked {
    PROPERTY
        .require(listed == owned, || format!("closing {session:#x} lists {listed:?}, but the session owned {owned:?}"))
}

/// At the end of a healed phase that was longer than every timeout: who owns what.
///
/// # Errors
/// The violation.
pub fn owners_are_alive(owners: &[(String, i64)], alive: &BTreeSet<i64>) -> Checked {
    let orphan = owners.iter().find(|(_, owner)| !alive.contains(owner));
    PROPERTY.require(orphan.is_none(), || format!("{orphan:?} belongs to no living session of {alive:x?}"))
}
