//! Each request is executed at most once, a session's requests in the order in which it sent them, and never before
//! what was already acknowledged to anybody when it was sent.

use super::{Checked, Property};
use crate::keeper::history::OpRecord;

/// The property.
pub static PROPERTY: Property = Property {
    says: "writes are linearizable: at most once, in each client's order, after all that was acknowledged before",
    source: "ZooKeeper guarantees: sequential consistency, atomicity; Hunt et al. 2010 section 2.3 (A-linearizability, FIFO client order)",
};

/// A logged transaction that names a client's request.
///
/// # Errors
/// The violation.
pub fn of_txn(zxid: i64, record: Option<&OpRecord>, executed_before: bool, last_xid: i32) -> Checked {
    let Some(record) = record else {
        return Err(PROPERTY.broken(format!("zxid {zxid:#x} belongs to a request that no client ever sent")));
    };
    PROPERTY.require(!executed_before, || format!("zxid {zxid:#x} executes a request again: {record:?}"))?;
    PROPERTY.require(record.op.is_write(), || format!("zxid {zxid:#x} belongs to a read: {record:?}"))?;
    PROPERTY.require(record.xid > last_xid, || {
        format!("zxid {zxid:#x} executes xid {} after xid {last_xid} of the same session", record.xid)
    })?;
    PROPERTY.require(zxid > record.floor, || {
        format!("zxid {zxid:#x} comes before {:#x}, which was acknowledged when it was sent: {record:?}", record.floor)
    })
}
