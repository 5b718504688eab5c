//! What a request asks for (upstream: `ZooDefs.OpCode`).

/// An operation's number on the wire and in the log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpCode(pub i32);

macro_rules! opcodes {
    ($($(#[$doc:meta])* $constant:ident = $number:literal, $name:literal;)*) => {
        impl OpCode {
            $($(#[$doc])* pub const $constant: Self = Self($number);)*

            /// Every operation with its upstream name.
            pub const NAMED: &'static [(Self, &'static str)] = &[$((Self::$constant, $name)),*];
        }
    };
}

opcodes! {
    /// Ends the session.
    CLOSE_SESSION = -11, "closeSession";
    /// Internal: begins a session.
    CREATE_SESSION = -10, "createSession";
    /// A write that failed, in logs; the end of a multi.
    ERROR = -1, "error";
    /// Never a request.
    NOTIFICATION = 0, "notification";
    /// Creates a node.
    CREATE = 1, "create";
    /// Deletes a node.
    DELETE = 2, "delete";
    /// A node's stat.
    EXISTS = 3, "exists";
    /// A node's data and stat.
    GET_DATA = 4, "getData";
    /// Replaces a node's data.
    SET_DATA = 5, "setData";
    /// A node's ACL.
    GET_ACL = 6, "getACL";
    /// Replaces a node's ACL.
    SET_ACL = 7, "setACL";
    /// The names of a node's children.
    GET_CHILDREN = 8, "getChildren";
    /// A barrier behind earlier writes.
    SYNC = 9, "sync";
    /// Keeps the session alive.
    PING = 11, "ping";
    /// The names of a node's children, and its stat.
    GET_CHILDREN2 = 12, "getChildren2";
    /// Within a multi: a version must match.
    CHECK = 13, "check";
    /// Several writes as one.
    MULTI = 14, "multi";
    /// Creates a node and gives its stat.
    CREATE2 = 15, "create2";
    /// Changes the ensemble.
    RECONFIG = 16, "reconfig";
    /// Whether a watch is there.
    CHECK_WATCHES = 17, "checkWatches";
    /// Removes a watch.
    REMOVE_WATCHES = 18, "removeWatches";
    /// Creates a container node.
    CREATE_CONTAINER = 19, "createContainer";
    /// Internal: deletes an empty container or an expired TTL node.
    DELETE_CONTAINER = 20, "deleteContainer";
    /// Creates a node with a time to live.
    CREATE_TTL = 21, "createTTL";
    /// Several reads as one.
    MULTI_READ = 22, "multiRead";
    /// Adds an identity to the connection.
    AUTH = 100, "auth";
    /// Leaves the watches of a former connection.
    SET_WATCHES = 101, "setWatches";
    /// A round of SASL.
    SASL = 102, "sasl";
    /// The session's ephemeral nodes.
    GET_EPHEMERALS = 103, "getEphemerals";
    /// How many descendants a node has.
    GET_ALL_CHILDREN_NUMBER = 104, "getAllChildrenNumber";
    /// As setWatches, persistent ones too.
    SET_WATCHES2 = 105, "setWatches2";
    /// Leaves a persistent watch.
    ADD_WATCH = 106, "addWatch";
    /// The identities of the connection.
    WHO_AM_I = 107, "whoAmI";
}

impl OpCode {
    /// Upstream's name, or `unknown`.
    pub fn name(self) -> &'static str {
        Self::NAMED.iter().find(|(op, _)| *op == self).map_or("unknown", |(_, name)| name)
    }
}

impl core::fmt::Debug for OpCode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}({})", self.name(), self.0)
    }
}
