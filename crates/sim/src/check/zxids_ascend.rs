//! Transaction numbers ascend: in the log without gaps, and as any session sees them.

use super::{Checked, Property};

/// The property.
pub static PROPERTY: Property = Property {
    says: "zxids ascend without gaps in the log, and no session ever sees one go back",
    source: "Zab: total order; ZooKeeper guarantees: single system image",
};

/// Two neighbours in the log.
///
/// # Errors
/// The violation.
pub fn in_log(last: i64, zxid: i64) -> Checked {
    let next = zxid == last + 1 || (zxid >> 32 > last >> 32 && zxid & 0xffff_ffff <= 1);
    PROPERTY.require(next, || format!("the log has zxid {zxid:#x} behind {last:#x}"))
}

/// A header that a client got.
///
/// # Errors
/// The violation.
pub fn per_session(client: usize, last: i64, zxid: i64) -> Checked {
    PROPERTY.require(zxid >= last, || format!("client {client} saw zxid {last:#x} and now sees {zxid:#x}"))
}

/// A client was told of a change and then got a reply with the zxid before it: right only while the change, the end of a
/// session, is applied in pieces.
///
/// # Errors
/// The violation.
pub fn behind_an_event(client: usize, zxid: i64, in_pieces: bool) -> Checked {
    PROPERTY.require(in_pieces, || {
        format!(
            "client {client} was told of zxid {zxid:#x} and then answered with the one before, though it is one step"
        )
    })
}
