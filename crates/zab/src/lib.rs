//! Atomic broadcast without a service, a disk or a clock: it sees `(zxid, bytes, Option<QuorumConfig>)` and nothing of
//! what the bytes mean.
//!
//! Read in this order: [`quorum`] and [`configs`] (who decides), [`vote`] and [`election`] (who leads), [`peer`] (one
//! member, which routes), [`leader`] and [`learner`] (the two sides of the protocol), [`observer_master`] (a follower that
//! serves observers), [`sync`] (what a learner lacks), [`broadcast`] (what is committed), [`history`] and [`store`] (what is
//! logged, and what is durable).

pub mod broadcast;
pub mod config;
pub mod configs;
pub mod election;
pub mod event;
pub mod history;
pub mod leader;
pub mod learner;
pub mod observer_master;
pub mod packet;
pub mod peer;
pub mod quorum;
pub mod store;
pub mod sync;
pub mod vote;

pub use broadcast::{Ack, Broadcast, Proposal, Synced};
pub use config::{Config, ReadConfig};
pub use event::{Effect, Event, Link, Standing, StoreOp, Token};
pub use history::Recovered;
pub use leader::{HandoverRefused, LearnerView};
pub use packet::{LearnerKind, ToLeader, ToLearner};
pub use peer::Peer;
pub use quorum::{QuorumConfig, QuorumVerifier, Sid};
pub use vote::Vote;
