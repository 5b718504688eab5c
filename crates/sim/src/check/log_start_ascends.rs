//! Where a log may start: what was deleted stays deleted, and no more goes than retention says.

use super::log_holds_flushed::Batch;
use super::{Checked, Property};

/// The property.
pub static ASCENDS: Property = Property {
    says: "the log start offset never goes back while the broker lives, nor over a clean stop",
    source: "KIP-107, DeleteRecords; log-start-offset-checkpoint",
};

/// The property.
pub static KEEPS: Property = Property {
    says: "retention by size deletes a segment only when retention.bytes are left without it",
    source: "UnifiedLog.deleteRetentionSizeBreachedSegments",
};

/// Retention let the log start at `start`: what is left of `batches` has at least so many bytes.
///
/// # Errors
/// The violation.
pub fn retained(batches: &[Batch], start: i64, retention_bytes: i64) -> Checked {
    let left: usize = batches.iter().filter(|batch| batch.base >= start).map(|batch| batch.bytes.len()).sum();
    KEEPS.require(left as i64 >= retention_bytes, || {
        format!("from its start at {start} on the log has {left} bytes, retention.bytes is {retention_bytes}")
    })
}
