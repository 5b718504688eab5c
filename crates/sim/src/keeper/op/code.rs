//! The error codes that the workload meets (upstream: `KeeperException.Code`).

/// Success.
pub const OK: i32 = 0;
/// A part of a multi behind the one that failed.
pub const RUNTIME_INCONSISTENCY: i32 = -2;
/// An operation that is not served.
pub const UNIMPLEMENTED: i32 = -6;
/// A path or flag that makes no sense.
pub const BAD_ARGUMENTS: i32 = -8;
/// No such node.
pub const NO_NODE: i32 = -101;
/// The ACL forbids it.
pub const NO_AUTH: i32 = -102;
/// Another version than expected.
pub const BAD_VERSION: i32 = -103;
/// The parent is ephemeral.
pub const NO_CHILDREN_FOR_EPHEMERALS: i32 = -108;
/// The node is there already.
pub const NODE_EXISTS: i32 = -110;
/// The node has children.
pub const NOT_EMPTY: i32 = -111;
/// The session speaks elsewhere.
pub const SESSION_MOVED: i32 = -118;
/// The session is gone.
pub const SESSION_EXPIRED: i32 = -112;
/// An ACL that makes no sense.
pub const INVALID_ACL: i32 = -114;
/// An identity that is not accepted.
pub const AUTH_FAILED: i32 = -115;
/// A local session must not own nodes.
pub const EPHEMERAL_ON_LOCAL_SESSION: i32 = -120;
/// No such watch.
pub const NO_WATCHER: i32 = -121;
/// Reconfig is switched off.
pub const RECONFIG_DISABLED: i32 = -123;
/// A hard quota leaves no room.
pub const QUOTA_EXCEEDED: i32 = -125;
