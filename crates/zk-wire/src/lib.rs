//! ZooKeeper's bytes and what they mean: the client protocol, the quorum protocol and the disk formats, which share one
//! encoding (jute). Nothing here holds state beyond one frame or stream, and nothing reads a clock, socket or file.
//!
//! Records come from `schema/*.jute.txt` (see [`generated`]); what jute cannot say is written by hand beside them:
//! optional tails ([`connect`], [`txn`], [`election`]), the framing of [`multi`], the [`snapshot`] stream.

pub mod connect;
pub mod digest;
pub mod election;
pub mod error;
pub mod frame;
pub mod generated;
pub mod jute;
pub mod multi;
pub mod opcode;
pub mod quorum;
pub mod snapshot;
pub mod txn;
pub mod types;

pub use connect::{ConnectRequest, ConnectResponse};
pub use error::ErrorCode;
pub use generated::*;
pub use jute::{Jute, SecretBuffer};
pub use opcode::OpCode;
pub use types::{CreateMode, Epoch, SessionId, Zxid, perms};
