//! Every reply says what an independent model of the tree says at the same zxid.

use super::{Checked, Property};
use crate::keeper::history::OpRecord;
use crate::keeper::op::OpResult;

/// The property.
pub static PROPERTY: Property = Property {
    says: "every reply is what the model of the tree answers at the reply's zxid",
    source: "ZooKeeper guarantees: single system image; stat, version, sequence and ACL rules of the programmer's guide",
};

/// A write's reply.
///
/// # Errors
/// The violation.
pub fn of_write(zxid: i64, record: &OpRecord, expected: &OpResult) -> Checked {
    let Some(reply) = &record.reply else { return Ok(()) };
    PROPERTY.require(reply.zxid == zxid, || {
        format!("logged as zxid {zxid:#x} and acknowledged as {:#x}: {:?}", reply.zxid, record.op)
    })?;
    PROPERTY.require(reply.result == *expected, || {
        format!("zxid {zxid:#x}: {:?}\n    told: {:?}\n   model: {expected:?}", record.op, reply.result)
    })
}

/// A read's reply.
///
/// # Errors
/// The violation.
pub fn of_read(record: &OpRecord, expected: &OpResult) -> Checked {
    let reply = record.reply.as_ref().expect("only answered reads are checked");
    PROPERTY.require(reply.result == *expected, || {
        format!(
            "client {} reads at zxid {:#x}: {:?}\n    told: {:?}\n   model: {expected:?}",
            record.client, reply.zxid, record.op, reply.result
        )
    })
}

/// A logged error transaction, or the absence of one.
///
/// # Errors
/// The violation.
pub fn of_log(zxid: i64, record: &OpRecord, logged_error: Option<i32>, expected: &OpResult) -> Checked {
    let expected_error = match expected {
        OpResult::Error(error) => Some(*error),
        _ => None,
    };
    PROPERTY.require(logged_error == expected_error, || {
        format!("zxid {zxid:#x} was logged with error {logged_error:?}, the model says {expected:?}: {:?}", record.op)
    })
}

/// A reply that shows a zxid which the history does not have.
///
/// # Errors
/// The violation.
pub fn zxid_exists(exists: bool, record: &OpRecord) -> Checked {
    PROPERTY.require(exists, || format!("a reply shows a zxid that no log has: {record:?}"))
}
