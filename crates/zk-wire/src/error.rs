//! The error codes of replies and error transactions (upstream: `KeeperException.Code`).

use core::fmt;

/// A code; 0 is success.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub i32);

macro_rules! codes {
    ($($(#[$doc:meta])* $constant:ident = $number:literal, $name:literal;)*) => {
        impl ErrorCode {
            $($(#[$doc])* pub const $constant: Self = Self($number);)*

            /// Every code with its upstream name.
            pub const NAMED: &'static [(Self, &'static str)] = &[$((Self::$constant, $name)),*];
        }
    };
}

codes! {
    /// Success.
    OK = 0, "Ok";
    /// Never sent by itself; codes between it and -100 are the server's.
    SYSTEM_ERROR = -1, "SystemError";
    /// A part of a multi that was not reached.
    RUNTIME_INCONSISTENCY = -2, "RuntimeInconsistency";
    /// Data does not fit together.
    DATA_INCONSISTENCY = -3, "DataInconsistency";
    /// The connection is lost; made by clients.
    CONNECTION_LOSS = -4, "ConnectionLoss";
    /// The request makes no sense as bytes.
    MARSHALLING_ERROR = -5, "MarshallingError";
    /// The operation is not known here.
    UNIMPLEMENTED = -6, "Unimplemented";
    /// Too late.
    OPERATION_TIMEOUT = -7, "OperationTimeout";
    /// An argument is out of its range.
    BAD_ARGUMENTS = -8, "BadArguments";
    /// Internal: the session is not known.
    UNKNOWN_SESSION = -12, "UnknownSession";
    /// The new ensemble has no quorum connected.
    NEW_CONFIG_NO_QUORUM = -13, "NewConfigNoQuorum";
    /// Another reconfig is running.
    RECONFIG_IN_PROGRESS = -14, "ReconfigInProgress";
    /// Codes below are the request's fault.
    API_ERROR = -100, "APIError";
    /// There is no such node.
    NO_NODE = -101, "NoNode";
    /// The ACL does not allow it.
    NO_AUTH = -102, "NoAuth";
    /// The version is another one.
    BAD_VERSION = -103, "BadVersion";
    /// An ephemeral node has no children.
    NO_CHILDREN_FOR_EPHEMERALS = -108, "NoChildrenForEphemerals";
    /// The node is there already.
    NODE_EXISTS = -110, "NodeExists";
    /// The node has children.
    NOT_EMPTY = -111, "NotEmpty";
    /// The session has expired.
    SESSION_EXPIRED = -112, "SessionExpired";
    /// Made by clients.
    INVALID_CALLBACK = -113, "InvalidCallback";
    /// The ACL makes no sense.
    INVALID_ACL = -114, "InvalidACL";
    /// The identity was not accepted.
    AUTH_FAILED = -115, "AuthFailed";
    /// Internal: the session lives on another server now.
    SESSION_MOVED = -118, "SessionMoved";
    /// The server is in read-only mode.
    NOT_READ_ONLY = -119, "NotReadOnly";
    /// A local session cannot own ephemerals.
    EPHEMERAL_ON_LOCAL_SESSION = -120, "EphemeralOnLocalSession";
    /// There is no such watch.
    NO_WATCHER = -121, "NoWatcher";
    /// Made by clients.
    REQUEST_TIMEOUT = -122, "RequestTimeout";
    /// Reconfig is switched off.
    RECONFIG_DISABLED = -123, "ReconfigDisabled";
    /// The server insists on authentication.
    SESSION_CLOSED_REQUIRE_SASL_AUTH = -124, "SessionClosedRequireSaslAuth";
    /// A hard quota would be exceeded.
    QUOTA_EXCEEDED = -125, "QuotaExceeded";
    /// The server has too much to do.
    THROTTLED_OP = -127, "ThrottledOp";
}

impl ErrorCode {
    /// Upstream's name, or `unknown`.
    pub fn name(self) -> &'static str {
        Self::NAMED.iter().find(|(code, _)| *code == self).map_or("unknown", |(_, name)| name)
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.name(), self.0)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl core::error::Error for ErrorCode {}
