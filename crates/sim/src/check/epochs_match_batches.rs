//! What a recovered log says of its leader epochs.

use broker::log::LeaderEpochCache;

use super::log_holds_flushed::Batch;
use super::{Checked, Property};

/// The property.
pub static MATCH: Property = Property {
    says: "every batch lies in the leader epoch that it was written in",
    source: "KIP-101, KIP-279: leader-epoch-checkpoint",
};

/// The epoch that a stored batch names.
fn epoch_of(batch: &Batch) -> i32 {
    i32::from_be_bytes(batch.bytes[12..16].try_into().expect("a batch has a header"))
}

/// Holds the epochs of a log against its batches from offset `start` on.
///
/// # Errors
/// The violation.
pub fn recovered<'a>(epochs: &LeaderEpochCache, start: i64, batches: impl Iterator<Item = &'a Batch>) -> Checked {
    for batch in batches {
        let (at, epoch) = (batch.base.max(start), epoch_of(batch));
        MATCH.require(epochs.epoch_for_offset(at) == Some(epoch), || {
            format!("the batch at {at} was written in epoch {epoch}, the log says {:?}", epochs.entries())
        })?;
    }
    Ok(())
}
