//! What a client can ask of a session, and what it gets.

use core::fmt;

use base::Str;
use bytes::Bytes;
use zk_wire::types::perms;
pub use zk_wire::{Acl, CreateMode, Stat};
use zk_wire::{ErrorCode, Id};

/// An operation. Paths are relative to the chroot.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Creates a znode.
    Create {
        /// Its path, without the suffix that a sequential mode adds.
        path: String,
        /// Its data; `None` is ZooKeeper's null.
        data: Option<Bytes>,
        /// Who may do what.
        acl: Vec<Acl>,
        /// How long it lives and whether it is numbered.
        mode: CreateMode,
    },
    /// Deletes a znode.
    Delete {
        /// Its path.
        path: String,
        /// The version it must have; -1 for any.
        version: i32,
    },
    /// Whether a znode exists.
    Exists {
        /// Its path.
        path: String,
        /// Whether to leave a watch, also when it does not exist.
        watch: bool,
    },
    /// A znode's data.
    GetData {
        /// Its path.
        path: String,
        /// Whether to leave a watch.
        watch: bool,
    },
    /// Replaces a znode's data.
    SetData {
        /// Its path.
        path: String,
        /// The new data.
        data: Option<Bytes>,
        /// The version it must have; -1 for any.
        version: i32,
    },
    /// A znode's children.
    GetChildren {
        /// Its path.
        path: String,
        /// Whether to leave a watch.
        watch: bool,
    },
    /// A znode's access list.
    GetAcl {
        /// Its path.
        path: String,
    },
    /// Replaces a znode's access list.
    SetAcl {
        /// Its path.
        path: String,
        /// The new list.
        acl: Vec<Acl>,
        /// The ACL version it must have; -1 for any.
        version: i32,
    },
    /// Waits until the server has seen everything that happened before.
    Sync {
        /// Any path.
        path: String,
    },
    /// All of these or none: creates, deletions, `SetData` and `Check`.
    Multi(Vec<Op>),
    /// Inside a multi: a znode must have this version.
    Check {
        /// Its path.
        path: String,
        /// The version it must have; -1 for any.
        version: i32,
    },
    /// Ends the session. Submitted by the machine itself.
    CloseSession,
}

impl Op {
    /// A persistent znode open to everybody.
    pub fn create(path: impl Into<String>, data: Option<Bytes>) -> Self {
        Self::Create { path: path.into(), data, acl: open_acl(), mode: CreateMode::Persistent }
    }

    /// A znode that lives as long as the session, open to everybody.
    pub fn create_ephemeral(path: impl Into<String>, data: Option<Bytes>) -> Self {
        Self::Create { path: path.into(), data, acl: open_acl(), mode: CreateMode::Ephemeral }
    }
}

/// `world:anyone` may do everything.
pub fn open_acl() -> Vec<Acl> {
    vec![Acl { perms: perms::ALL, id: Id { scheme: Str::from_static("world"), id: Str::from_static("anyone") } }]
}

/// What a successful operation gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Of a create: the path with its number.
    Created {
        /// Relative to the chroot.
        path: String,
        /// The new node's stat, where the server gave it.
        stat: Option<Stat>,
    },
    /// Of a delete, check, sync, or anything else without a content.
    Done,
    /// Of exists, setData and setACL.
    Stat(Stat),
    /// Of getData.
    Data {
        /// `None` is ZooKeeper's null.
        data: Option<Bytes>,
        /// The node's stat.
        stat: Stat,
    },
    /// Of getChildren.
    Children {
        /// Names, not paths, sorted.
        names: Vec<String>,
        /// The parent's stat.
        stat: Stat,
    },
    /// Of getACL.
    Acl {
        /// The list.
        acl: Vec<Acl>,
        /// The node's stat.
        stat: Stat,
    },
    /// Of a multi that succeeded: each part's reply. One that failed is [`ZkError::Multi`].
    Multi(Vec<Reply>),
}

/// Why an operation failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ZkError {
    /// The connection was lost; the operation may or may not have taken effect.
    ConnectionLoss,
    /// The session expired; the operation may or may not have taken effect before.
    SessionExpired,
    /// The server refused an identity.
    AuthFailed,
    /// The session was closed.
    Closed,
    /// The reply made no sense.
    Malformed(&'static str),
    /// The server's answer.
    Code(i32),
    /// A multi failed and nothing of it took effect.
    Multi {
        /// Which part failed first.
        index: usize,
        /// Its error.
        code: i32,
    },
}

impl ZkError {
    /// [`ErrorCode::NO_NODE`], for matching.
    pub const NO_NODE: i32 = ErrorCode::NO_NODE.0;
    /// [`ErrorCode::NODE_EXISTS`].
    pub const NODE_EXISTS: i32 = ErrorCode::NODE_EXISTS.0;
    /// [`ErrorCode::BAD_VERSION`].
    pub const BAD_VERSION: i32 = ErrorCode::BAD_VERSION.0;
    /// [`ErrorCode::NOT_EMPTY`].
    pub const NOT_EMPTY: i32 = ErrorCode::NOT_EMPTY.0;
}

impl fmt::Display for ZkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectionLoss => f.write_str("connection lost"),
            Self::SessionExpired => f.write_str("session expired"),
            Self::AuthFailed => f.write_str("authentication failed"),
            Self::Closed => f.write_str("session closed"),
            Self::Malformed(what) => write!(f, "malformed reply: {what}"),
            Self::Code(code) => write!(f, "{}", ErrorCode(*code)),
            Self::Multi { index, code } => write!(f, "part {index} of the multi: {}", ErrorCode(*code)),
        }
    }
}

impl core::error::Error for ZkError {}
