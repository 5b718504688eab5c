//! What a simulated client asks and is told, as plain values, and their frames.

use base::{DecodeError, Reader, Str};
use bytes::{Bytes, BytesMut};
use zk_wire::frame::{AUTH_XID, PING_XID, SET_WATCHES_XID};
use zk_wire::{Jute, OpCode, SessionId, Zxid};

/// The error codes that the workload meets (upstream: `KeeperException.Code`).
pub mod code {
    /// Success.
    pub const OK: i32 = 0;
    /// A part of a multi behind the one that failed.
    pub const RUNTIME_INCONSISTENCY: i32 = -2;
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
    /// The session is gone.
    pub const SESSION_EXPIRED: i32 = -112;
    /// An ACL that makes no sense.
    pub const INVALID_ACL: i32 = -114;
}

/// One entry of an access control list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acl {
    /// Bits, see `ZooDefs.Perms`.
    pub perms: u8,
    /// world, auth, digest.
    pub scheme: String,
    /// Who, within the scheme.
    pub id: String,
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
        with_stat: bool,
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
    Sync {
        path: String,
    },
    Ping,
    /// Adds the digest identity of a user with this password.
    Auth {
        user: &'static User,
    },
    /// Leaves the watches of the former connection.
    SetWatches {
        relative_zxid: i64,
        data: Vec<String>,
        exist: Vec<String>,
        child: Vec<String>,
    },
    CloseSession,
}

/// A part of a multi: create, delete, setData or check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MultiOp(pub Op);

/// Somebody who can prove a digest identity.
#[derive(Debug, PartialEq, Eq)]
pub struct User {
    /// What is sent: `name:password`.
    pub secret: &'static str,
    /// What ACLs say: `name:base64(sha1(secret))`.
    pub id: &'static str,
}

/// The users of the workload.
pub const USERS: [User; 1] = [User { secret: "user:pass", id: "user:smGaoVKd/cQkjm7b88GyorAUz20=" }];

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
                | Self::CloseSession
        )
    }

    /// The xid that the request travels with, given the client's counter.
    pub fn wire_xid(&self, counter: i32) -> i32 {
        match self {
            Self::Ping => PING_XID,
            Self::Auth { .. } => AUTH_XID,
            Self::SetWatches { .. } => SET_WATCHES_XID,
            _ => counter,
        }
    }

    /// The operation's number.
    pub fn opcode(&self) -> OpCode {
        match self {
            Self::Create { with_stat: false, .. } => OpCode::CREATE,
            Self::Create { with_stat: true, .. } => OpCode::CREATE2,
            Self::Delete { .. } => OpCode::DELETE,
            Self::SetData { .. } => OpCode::SET_DATA,
            Self::SetAcl { .. } => OpCode::SET_ACL,
            Self::Check { .. } => OpCode::CHECK,
            Self::Multi(_) => OpCode::MULTI,
            Self::Exists { .. } => OpCode::EXISTS,
            Self::GetData { .. } => OpCode::GET_DATA,
            Self::GetChildren { with_stat: false, .. } => OpCode::GET_CHILDREN,
            Self::GetChildren { with_stat: true, .. } => OpCode::GET_CHILDREN2,
            Self::GetAcl { .. } => OpCode::GET_ACL,
            Self::Sync { .. } => OpCode::SYNC,
            Self::Ping => OpCode::PING,
            Self::Auth { .. } => OpCode::AUTH,
            Self::SetWatches { .. } => OpCode::SET_WATCHES,
            Self::CloseSession => OpCode::CLOSE_SESSION,
        }
    }

    /// The request's frame, without its length.
    pub fn frame(&self, counter: i32) -> Bytes {
        let mut out = BytesMut::new();
        zk_wire::RequestHeader { xid: self.wire_xid(counter), opcode: self.opcode().0 }.encode(&mut out);
        self.put_body(&mut out);
        out.freeze()
    }

    fn put_body(&self, out: &mut BytesMut) {
        match self {
            Self::Create { path, data, acl, flags, .. } => {
                let record =
                    zk_wire::CreateRequest { path: text(path), data: buffer(data), acl: wire_acl(acl), flags: *flags };
                record.encode(out);
            }
            Self::Delete { path, version } => {
                zk_wire::DeleteRequest { path: text(path), version: *version }.encode(out);
            }
            Self::SetData { path, data, version } => {
                zk_wire::SetDataRequest { path: text(path), data: buffer(data), version: *version }.encode(out);
            }
            Self::SetAcl { path, acl, version } => {
                zk_wire::SetAclRequest { path: text(path), acl: wire_acl(acl), version: *version }.encode(out);
            }
            Self::Check { path, version } => {
                zk_wire::CheckVersionRequest { path: text(path), version: *version }.encode(out);
            }
            Self::Multi(ops) => {
                for MultiOp(op) in ops {
                    zk_wire::MultiHeader { opcode: op.opcode().0, done: false, err: -1 }.encode(out);
                    op.put_body(out);
                }
                zk_wire::MultiHeader { opcode: -1, done: true, err: -1 }.encode(out);
            }
            Self::Exists { path, watch } | Self::GetData { path, watch } | Self::GetChildren { path, watch, .. } => {
                // The three requests have one layout.
                zk_wire::GetDataRequest { path: text(path), watch: *watch }.encode(out);
            }
            Self::GetAcl { path } | Self::Sync { path } => zk_wire::SyncRequest { path: text(path) }.encode(out),
            Self::Auth { user } => {
                let auth = Bytes::from_static(user.secret.as_bytes()).into();
                zk_wire::AuthPacket { auth_type: 0, scheme: text("digest"), auth }.encode(out);
            }
            Self::SetWatches { relative_zxid, data, exist, child } => {
                let list = |paths: &[String]| Some(paths.iter().map(|path| text(path)).collect());
                let record = zk_wire::SetWatches {
                    relative_zxid: Zxid(*relative_zxid),
                    data_watches: list(data),
                    exist_watches: list(exist),
                    child_watches: list(child),
                };
                record.encode(out);
            }
            Self::Ping | Self::CloseSession => {}
        }
    }

    /// Reads the reply's body.
    ///
    /// # Errors
    /// Bytes that are no such reply.
    pub fn read_reply(&self, err: i32, body: Bytes) -> Result<OpResult, DecodeError> {
        if err != 0 {
            return Ok(OpResult::Error(err));
        }
        let mut r = Reader::new(body);
        let result = self.read_body(&mut r)?;
        if r.is_empty() { Ok(result) } else { Err(DecodeError::Invalid("bytes behind the reply")) }
    }

    fn read_body(&self, r: &mut Reader) -> Result<OpResult, DecodeError> {
        Ok(match self {
            Self::Create { with_stat, .. } => {
                let path = string(r)?;
                OpResult::Created { path, stat: with_stat.then(|| stat(r)).transpose()? }
            }
            Self::SetData { .. } | Self::SetAcl { .. } | Self::Exists { .. } => OpResult::Stat(stat(r)?),
            Self::GetData { .. } => {
                let data = Option::<Bytes>::decode(r)?.map(|bytes| bytes.to_vec());
                OpResult::Data { data, stat: stat(r)? }
            }
            Self::GetChildren { with_stat, .. } => {
                let names = Option::<Vec<Str>>::decode(r)?.unwrap_or_default();
                let mut names: Vec<String> = names.iter().map(ToString::to_string).collect();
                names.sort();
                OpResult::Children { names, stat: with_stat.then(|| stat(r)).transpose()? }
            }
            Self::GetAcl { .. } => {
                let acl = Option::<Vec<zk_wire::Acl>>::decode(r)?.unwrap_or_default();
                let plain = |entry: &zk_wire::Acl| Acl {
                    perms: entry.perms as u8,
                    scheme: entry.id.scheme.to_string(),
                    id: entry.id.id.to_string(),
                };
                OpResult::Acl { acl: acl.iter().map(plain).collect(), stat: stat(r)? }
            }
            Self::Sync { .. } => OpResult::Synced { path: string(r)? },
            Self::Multi(ops) => OpResult::Multi(read_multi(ops, r)?),
            Self::Delete { .. }
            | Self::Check { .. }
            | Self::Ping
            | Self::Auth { .. }
            | Self::SetWatches { .. }
            | Self::CloseSession => OpResult::Done,
        })
    }
}

fn read_multi(ops: &[MultiOp], r: &mut Reader) -> Result<Vec<OpResult>, DecodeError> {
    let mut results = Vec::new();
    loop {
        let header = zk_wire::MultiHeader::decode(r)?;
        if header.done {
            return Ok(results);
        }
        let result = if header.opcode == OpCode::ERROR.0 {
            OpResult::Error(r.i32()?)
        } else {
            let MultiOp(op) = ops.get(results.len()).ok_or(DecodeError::Invalid("multi: more results than parts"))?;
            if header.opcode != op.opcode().0 {
                return Err(DecodeError::Invalid("multi: a result of another kind than its part"));
            }
            op.read_body(r)?
        };
        results.push(result);
    }
}

fn text(s: &str) -> Str {
    Str::from(s)
}

fn buffer(data: &Option<Vec<u8>>) -> Option<Bytes> {
    data.as_ref().map(|bytes| Bytes::copy_from_slice(bytes))
}

fn wire_acl(acl: &[Acl]) -> Option<Vec<zk_wire::Acl>> {
    let wire = |entry: &Acl| zk_wire::Acl {
        perms: entry.perms.into(),
        id: zk_wire::Id { scheme: text(&entry.scheme), id: text(&entry.id) },
    };
    Some(acl.iter().map(wire).collect())
}

fn string(r: &mut Reader) -> Result<String, DecodeError> {
    Ok(Str::decode(r)?.to_string())
}

fn stat(r: &mut Reader) -> Result<StatView, DecodeError> {
    let stat = zk_wire::Stat::decode(r)?;
    let (Zxid(czxid), Zxid(mzxid), Zxid(pzxid)) = (stat.czxid, stat.mzxid, stat.pzxid);
    let SessionId(owner) = stat.ephemeral_owner;
    Ok(StatView {
        czxid,
        mzxid,
        ctime: stat.ctime,
        mtime: stat.mtime,
        version: stat.version,
        cversion: stat.cversion,
        aversion: stat.aversion,
        owner,
        data_len: stat.data_length,
        children: stat.num_children,
        pzxid,
    })
}
