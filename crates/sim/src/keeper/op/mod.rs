//! What a simulated client asks and is told, as plain values; their frames are in `frame`, what comes back in `reply`.

pub mod code;
mod frame;
mod reply;

use zk_wire::OpCode;
use zk_wire::frame::{AUTH_XID, PING_XID, SET_WATCHES_XID};

/// One entry of an access control list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acl {
    /// Bits, see `ZooDefs.Perms`.
    pub perms: u8,
    /// world, auth, digest, ip.
    pub scheme: String,
    /// Who, within the scheme.
    pub id: String,
}

/// Which operation creates a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateKind {
    /// create: the reply is the path.
    Plain,
    /// create2: the path and the stat, as behind the next two.
    WithStat,
    /// createContainer.
    Container,
    /// createTTL, with the time to live in milliseconds.
    Ttl(i64),
}

/// Which watches removeWatches and checkWatches mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the protocol's")]
pub enum WatcherKind {
    Children = 1,
    Data = 2,
    Any = 3,
    Persistent = 4,
    PersistentRecursive = 5,
}

/// A request of the workload.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the protocol's")]
pub enum Op {
    Create {
        path: String,
        data: Option<Vec<u8>>,
        acl: Vec<Acl>,
        flags: i32,
        kind: CreateKind,
    },
    Delete {
        path: String,
        version: i32,
    },
    SetData {
        path: String,
        data: Option<Vec<u8>>,
        version: i32,
    },
    SetAcl {
        path: String,
        acl: Vec<Acl>,
        version: i32,
    },
    /// Only within a multi.
    Check {
        path: String,
        version: i32,
    },
    Multi(Vec<MultiOp>),
    Reconfig,
    Exists {
        path: String,
        watch: bool,
    },
    GetData {
        path: String,
        watch: bool,
    },
    GetChildren {
        path: String,
        watch: bool,
        with_stat: bool,
    },
    GetAcl {
        path: String,
    },
    /// Each part a getData or a getChildren without watch.
    MultiRead(Vec<MultiOp>),
    GetEphemerals {
        prefix: String,
    },
    GetAllChildrenNumber {
        path: String,
    },
    WhoAmI,
    Sync {
        path: String,
    },
    Ping,
    /// Adds the digest identity of a user with this password.
    Auth {
        user: &'static User,
    },
    /// Tries to add an identity that nobody has.
    AuthOfNobody,
    /// A login where there is none.
    Sasl,
    AddWatch {
        path: String,
        recursive: bool,
    },
    RemoveWatches {
        path: String,
        kind: WatcherKind,
    },
    CheckWatches {
        path: String,
        kind: WatcherKind,
    },
    /// Leaves the watches of the former connection; setWatches2 when any of them persists.
    SetWatches(Left),
    CloseSession,
    /// An operation that is not for clients, or that nobody knows.
    Unserved(i32),
}

/// A part of a multi or a multiRead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultiOp(pub Op);

/// The watches that a client leaves anew, and since when it has not been told of changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the protocol's")]
pub struct Left {
    pub relative_zxid: i64,
    pub data: Vec<String>,
    pub exist: Vec<String>,
    pub child: Vec<String>,
    pub persistent: Vec<String>,
    pub recursive: Vec<String>,
}

impl Left {
    /// Whether there is nothing to leave.
    pub fn is_empty(&self) -> bool {
        [&self.data, &self.exist, &self.child, &self.persistent, &self.recursive].iter().all(|list| list.is_empty())
    }

    fn persists(&self) -> bool {
        !self.persistent.is_empty() || !self.recursive.is_empty()
    }
}

/// Somebody who can prove a digest identity.
#[derive(Debug, PartialEq, Eq)]
pub struct User {
    /// What is sent: `name:password`.
    pub secret: &'static str,
    /// What ACLs say: `name:base64(sha1(secret))`.
    pub id: &'static str,
}

/// The users of the workload.
pub const USERS: [User; 3] = [
    User { secret: "user:pass", id: "user:smGaoVKd/cQkjm7b88GyorAUz20=" },
    User { secret: "anna:secret", id: "anna:Wap/fLaD11BLJBT+7fkDcVxaT7c=" },
    User { secret: "boris:1234", id: "boris:jlYmLQcEagPqXOWmC4CcgqGLg3I=" },
];

/// A stat as plain numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the protocol's")]
pub struct StatView {
    pub czxid: i64,
    pub mzxid: i64,
    pub ctime: i64,
    pub mtime: i64,
    pub version: i32,
    pub cversion: i32,
    pub aversion: i32,
    pub owner: i64,
    pub data_len: i32,
    pub children: i32,
    pub pzxid: i64,
}

/// What a reply says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are the protocol's")]
pub enum OpResult {
    Error(i32),
    /// Success without content.
    Done,
    Created {
        path: String,
        stat: Option<StatView>,
    },
    Stat(StatView),
    Data {
        data: Option<Vec<u8>>,
        stat: StatView,
    },
    /// The names are sorted: their order on the wire means nothing.
    Children {
        names: Vec<String>,
        stat: Option<StatView>,
    },
    Acl {
        acl: Vec<Acl>,
        stat: StatView,
    },
    /// Sorted, too.
    Paths(Vec<String>),
    Number(i32),
    /// Scheme and user.
    Identities(Vec<(String, String)>),
    Synced {
        path: String,
    },
    Multi(Vec<OpResult>),
}

impl Op {
    /// Whether the request becomes a transaction, with a zxid of its own.
    pub fn is_write(&self) -> bool {
        matches!(
            self,
            Self::Create { .. }
                | Self::Delete { .. }
                | Self::SetData { .. }
                | Self::SetAcl { .. }
                | Self::Multi(_)
                | Self::Reconfig
                | Self::CloseSession
        )
    }

    /// Whether the answer comes ahead of those of earlier requests.
    pub fn is_answered_at_once(&self) -> bool {
        matches!(self, Self::Auth { .. } | Self::AuthOfNobody | Self::Sasl)
    }

    /// Whether it asks for a node that its session would own.
    pub fn asks_for_ephemeral(&self) -> bool {
        match self {
            Self::Create { flags: 1 | 3, kind: CreateKind::Plain | CreateKind::WithStat, .. } => true,
            Self::Multi(parts) => parts.iter().any(|MultiOp(part)| part.asks_for_ephemeral()),
            _ => false,
        }
    }

    /// The xid that the request travels with, given the client's counter.
    pub fn wire_xid(&self, counter: i32) -> i32 {
        match self {
            Self::Ping => PING_XID,
            Self::Auth { .. } | Self::AuthOfNobody => AUTH_XID,
            Self::SetWatches(_) => SET_WATCHES_XID,
            _ => counter,
        }
    }

    /// The operation's number.
    pub fn opcode(&self) -> OpCode {
        match self {
            Self::Create { kind: CreateKind::Plain, .. } => OpCode::CREATE,
            Self::Create { kind: CreateKind::WithStat, .. } => OpCode::CREATE2,
            Self::Create { kind: CreateKind::Container, .. } => OpCode::CREATE_CONTAINER,
            Self::Create { kind: CreateKind::Ttl(_), .. } => OpCode::CREATE_TTL,
            Self::Delete { .. } => OpCode::DELETE,
            Self::SetData { .. } => OpCode::SET_DATA,
            Self::SetAcl { .. } => OpCode::SET_ACL,
            Self::Check { .. } => OpCode::CHECK,
            Self::Multi(_) => OpCode::MULTI,
            Self::Reconfig => OpCode::RECONFIG,
            Self::Exists { .. } => OpCode::EXISTS,
            Self::GetData { .. } => OpCode::GET_DATA,
            Self::GetChildren { with_stat: false, .. } => OpCode::GET_CHILDREN,
            Self::GetChildren { with_stat: true, .. } => OpCode::GET_CHILDREN2,
            Self::GetAcl { .. } => OpCode::GET_ACL,
            Self::MultiRead(_) => OpCode::MULTI_READ,
            Self::GetEphemerals { .. } => OpCode::GET_EPHEMERALS,
            Self::GetAllChildrenNumber { .. } => OpCode::GET_ALL_CHILDREN_NUMBER,
            Self::WhoAmI => OpCode::WHO_AM_I,
            Self::Sync { .. } => OpCode::SYNC,
            Self::Ping => OpCode::PING,
            Self::Auth { .. } | Self::AuthOfNobody => OpCode::AUTH,
            Self::Sasl => OpCode::SASL,
            Self::AddWatch { .. } => OpCode::ADD_WATCH,
            Self::RemoveWatches { .. } => OpCode::REMOVE_WATCHES,
            Self::CheckWatches { .. } => OpCode::CHECK_WATCHES,
            Self::SetWatches(left) if left.persists() => OpCode::SET_WATCHES2,
            Self::SetWatches(_) => OpCode::SET_WATCHES,
            Self::CloseSession => OpCode::CLOSE_SESSION,
            Self::Unserved(number) => OpCode(*number),
        }
    }
}
