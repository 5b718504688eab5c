//! Replies on a connection come in the order of its requests. The simulated client checks it on each frame.

use super::Property;

/// The property.
pub static PROPERTY: Property = Property {
    says: "a connection's replies are well formed and come in the order of its requests",
    source: "ZooKeeper protocol: ClientCnxn.readResponse closes the connection when the xid is not the oldest one's",
};
