//! Atomic broadcast without a service, a disk or a clock: it sees `(zxid, bytes, Option<QuorumConfig>)` and nothing of
//! what the bytes mean.
//!
//! Read in this order: [`quorum`] (who decides), [`vote`] (who leads), [`broadcast`] (what is committed).

pub mod broadcast;
pub mod quorum;
pub mod vote;

pub use broadcast::{Ack, Broadcast, Proposal, Synced};
pub use quorum::{QuorumConfig, QuorumVerifier, Sid};
pub use vote::Vote;
