//! Kafka's log folders, byte for byte as Apache Kafka 3.x lays them out.
//!
//! A log folder ([`LogDir`]) holds one folder per partition ([`Log`]); a partition folder holds segments: `.log` (record
//! batches v2, back to back, as on the wire), `.index`, `.timeindex`, `.txnindex`, and beside them producer snapshots
//! and the leader epochs. A log is touched by one thread; what may take long (syncs, cold reads) leaves it as a value
//! that can be run elsewhere ([`FlushJob`], [`ReadPlan`]).

pub mod checkpoint;
mod cleaner;
mod copier;
mod cut;
mod index;
pub mod inspect;
mod load;
mod log;
mod log_dir;
mod meta_properties;
pub mod names;
mod plan;
mod producer_snapshot;
mod producers;
mod read;
mod scan;
mod segment;
mod tail;
mod timestamp;
mod txn_index;

pub use cleaner::{CleanOrder, Cleaned, Cleaner, Progress};
pub use copier::Copier;
pub use index::TimestampOffset;
pub use load::{OpenOptions, Recovered};
pub use log::{Appended, FlushDone, FlushJob, Log, RemoveJob};
pub use log_dir::{CheckpointJob, FoundPartition, LogDir, Scan};
pub use meta_properties::MetaProperties;
pub use read::{FileRange, ReadPlan};
pub use timestamp::TimestampPlan;
pub use txn_index::AbortedTxn;

use std::io;
use std::path::Path;

/// An error with what was tried, on what.
fn context(error: io::Error, tried: &str, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{tried} {}: {error}", path.display()))
}

/// An error about content.
fn damaged(path: &Path, what: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{}: {what}", path.display()))
}
