//! Behind a sync a client sees what anybody was told to be done before it asked.

use super::{Checked, Property};
use crate::keeper::history::OpRecord;

/// The property.
pub static PROPERTY: Property = Property {
    says: "an answered sync shows what was acknowledged to anybody before it was sent",
    source: "ZooKeeper programmer's guide, consistency guarantees: sync before a read",
};

/// The answer to a sync. A leader of an earlier epoch that does not know yet that it is one answers with what it has, as
/// upstream's does: such an answer shows an epoch below that of what it lacks.
///
/// # Errors
/// The violation.
pub fn shows_what_was_acknowledged(record: &OpRecord, zxid: i64) -> Checked {
    let of_the_past = zxid >> 32 < record.floor >> 32;
    PROPERTY.require(zxid >= record.floor || of_the_past, || {
        format!(
            "{:#x} was acknowledged before this sync was sent, and the answer shows {zxid:#x}: {record:?}",
            record.floor
        )
    })
}
