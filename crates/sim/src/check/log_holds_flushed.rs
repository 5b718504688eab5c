//! What a broker's log promises over a crash: everything flushed is back, and what is back is whole, dense and what was
//! appended.

use super::{Checked, Property};

/// The property.
pub static FLUSHED: Property = Property {
    says: "every batch below a flush that finished is back after a crash; after a kill, every batch is",
    source: "Kafka: LogManager, recovery-point-offset-checkpoint; a kill keeps the page cache",
};

/// The property.
pub static WHOLE: Property = Property {
    says: "a recovered log is what was appended, batch for batch: never a gap, never half a batch, offsets dense",
    source: "Kafka: LogLoader and LogSegment.recover; offsets of a partition ascend without reuse",
};

/// The property.
pub static PRODUCERS: Property = Property {
    says: "a producer's last sequence after recovery is that of its last batch in the log",
    source: "KIP-98, idempotent producer: sequences without gap or duplicate below the log's end",
};

/// The property.
pub static READS: Property = Property {
    says: "a fetch gives the bytes that were appended at that offset",
    source: "Kafka protocol: an offset names one record for ever",
};

/// A batch that was appended, as the check remembers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// First offset.
    pub base: i64,
    /// One past the last offset.
    pub next: i64,
    /// All of it.
    pub bytes: Vec<u8>,
    /// Producer id, and last sequence.
    pub producer: (i64, i32),
    /// A power cut took it from the middle of a compacted log, before it was flushed: where compaction leaves gaps, a
    /// recovery cannot tell such a one.
    pub lost: bool,
}

impl Batch {
    /// Whether it must be in a log that may have lost batches above `gaps_from`.
    pub fn is_surely_held(&self, gaps_from: Option<i64>) -> bool {
        !self.lost && gaps_from.is_none_or(|from| self.next <= from)
    }
}

/// Where a recovered log may end.
///
/// # Errors
/// The violation.
pub fn end(batches: &[Batch], end: i64, flushed: i64, all: bool) -> Checked {
    let last = batches.last().map_or(0, |batch| batch.next);
    FLUSHED.require(end >= flushed, || format!("ends at {end} after the crash, {flushed} was flushed before"))?;
    FLUSHED.require(!all || end == last, || format!("ends at {end} after a kill, it ended at {last} before"))?;
    let boundary = end == 0 || batches.iter().any(|batch| batch.next == end);
    WHOLE.require(boundary, || format!("ends at {end}, where no batch ended; it ended at {last} before"))
}
