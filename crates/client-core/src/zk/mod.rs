//! A ZooKeeper session as a machine without a socket: bytes, time and chance are arguments.

mod codec;
mod hosts;
mod op;
mod session;
mod watches;

pub use hosts::{ConnectString, Host};
pub use op::{Acl, CreateMode, Op, Reply, Stat, ZkError, open_acl};
pub use session::{ConnNo, Credentials, Effect, Event, OnLoss, SessionConfig, SharedSecret, State, ZkSession};
pub use watches::WatchKind;
