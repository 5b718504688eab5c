//! What a full disk may do to a broker: refuse what is new, and nothing else.

use super::{Checked, Property};

/// The property.
pub static ONLY_WRITES: Property = Property {
    says: "a full disk refuses producers with KAFKA_STORAGE_ERROR, which they try again; reads go on, no log folder goes \
           offline, and nothing is refused any more when there is space again",
    source: "castlekeep's own promise (docs/divergence.md, disk full)",
};

/// KAFKA_STORAGE_ERROR.
pub const STORAGE_ERROR: i16 = 56;

/// How the disk is when an answer is given.
#[derive(Clone, Copy, Debug)]
pub struct Disk {
    /// There is little or no space.
    pub full: bool,
    /// Something else has failed in this life, or the broker is stopping.
    pub harmed: bool,
}

/// A batch was answered with this.
///
/// # Errors
/// The violation.
pub fn produced(disk: Disk, error_code: i16) -> Checked {
    let excused = disk.full || disk.harmed;
    ONLY_WRITES
        .require(error_code != STORAGE_ERROR || excused, || "a batch is refused although nothing is wrong".to_string())
}

/// A fetch was answered with this.
///
/// # Errors
/// The violation.
pub fn fetched(disk: Disk, error_code: i16) -> Checked {
    ONLY_WRITES.require(error_code != STORAGE_ERROR || disk.harmed, || {
        format!("a fetch is answered {STORAGE_ERROR}: {disk:?}")
    })
}

/// A log folder went offline.
///
/// # Errors
/// The violation.
pub fn offline(disk: Disk, why: &str) -> Checked {
    ONLY_WRITES.require(disk.harmed, || format!("a log folder goes offline: {why}; {disk:?}"))
}
