//! The coordination service as a machine without socket, file, clock or thread.
//!
//! Writes, session changes and ticks go through [`Keeper::step`], one after the other. A write is checked against the
//! tree and the writes still under way (`prep`), numbered and proposed (`zab`), handed out as [`Effect::Append`], and
//! applied when [`Event::Synced`] says that it is durable (`commit`): only then do watch events and the reply leave.
//! Reads need no `&mut`: [`Keeper::read`] serves them beside each other.
//!
//! A keeper stands alone, or [`Keeper::join`]s an ensemble: then its [`zab::Peer`] says what is committed, and the writes
//! of a follower's clients go through the leader (`ensemble`, `forward`, `learners`).
//!
//! # What the surrounding loop must keep
//! * Appends become durable in the order they were given; [`Event::Synced`] never runs ahead of them.
//! * The [`Effect::Send`]s of a step are in their connections' queues **before** a [`Keeper::read`] can see the state
//!   that the step left: put them there while still holding the exclusive lock. A connection that reads by itself puts
//!   the reply into the same queue (or empties the queue first). So an event precedes every reply that reflects it.
//! * A connection reads by itself only when none of its requests is unanswered ([`Keeper::parked`] tells for those that
//!   arrived here; those on their way only the connection can count). Everything else goes through `step`, which
//!   answers in order.

pub mod acl;
pub mod admin;
pub mod audit;
pub mod auth;
mod commit;
mod config;
mod connect;
mod connection;
mod containers;
mod digest_log;
mod ends;
mod ensemble;
mod event;
mod fanout;
mod finish;
pub mod fired;
mod forward;
mod handover;
mod learners;
mod listing;
mod load;
mod local_session;
pub mod membership;
pub mod node;
pub mod op;
mod path;
mod prep;
pub mod quota;
mod read_index;
mod read_only;
mod reconfig;
mod recovery;
mod roll;
mod server;
mod session;
mod snapshot;
pub mod tree;
mod walk;
pub mod watch;

pub use auth::DigestAlg;
pub use config::Config;
pub use ensemble::{Member, Seat};
pub use event::{CloseReason, ConnId, Effect, Event, ReadOutcome};
pub use listing::Listing;
pub use recovery::{Recovery, RecoveryError};
pub use server::Keeper;
pub use snapshot::SnapshotCursor;
