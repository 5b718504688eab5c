//! Operations to frames and frames to replies, chroot added and taken off.

use base::secret::Secret;
use base::{DecodeError, Reader, Str};
use bytes::{Bytes, BytesMut};
use zk_wire::frame::{AUTH_XID, NOTIFICATION_XID, PING_XID, SET_WATCHES_XID};
use zk_wire::{
    Acl, AuthPacket, CheckVersionRequest, ConnectRequest, ConnectResponse, Create2Response, CreateRequest,
    CreateResponse, DeleteRequest, ErrorResponse, ExistsRequest, ExistsResponse, GetAclRequest, GetAclResponse,
    GetChildren2Request, GetChildren2Response, GetDataRequest, GetDataResponse, Jute, MultiHeader, OpCode, ReplyHeader,
    RequestHeader, SecretBuffer, SessionId, SetAclRequest, SetAclResponse, SetDataRequest, SetDataResponse, SetWatches,
    SyncRequest, WatcherEvent, Zxid,
};

use super::op::{Op, Reply, ZkError};
use super::session::Credentials;
use super::watches::{WatchBatch, WatchKind};

/// The answer to the connect request.
pub(super) struct Connected {
    pub(super) timeout_ms: u32,
    /// `None`: the session is not valid.
    pub(super) credentials: Option<Credentials>,
}

pub(super) struct Header {
    pub(super) xid: i32,
    pub(super) zxid: i64,
    pub(super) error: i32,
}

pub(super) enum ReplyFrame {
    Ping,
    Auth,
    SetWatches,
    Watch { kind: WatchKind, path: String },
    Operation(Bytes),
}

pub(super) fn connect_request(last_zxid: i64, timeout_ms: u32, session: Option<&Credentials>) -> Bytes {
    let (id, password) = match session {
        Some(session) => (session.session_id, Bytes::copy_from_slice(session.password.expose())),
        None => (0, Bytes::from_static(&[0; 16])),
    };
    let request = ConnectRequest {
        protocol_version: 0,
        last_zxid_seen: Zxid(last_zxid),
        timeout_ms: i32::try_from(timeout_ms).unwrap_or(i32::MAX),
        session: SessionId(id),
        passwd: SecretBuffer(Some(password)),
        read_only: Some(false),
    };
    request.to_bytes()
}

pub(super) fn connect_response(frame: Bytes) -> Result<Connected, DecodeError> {
    let response = ConnectResponse::from_bytes(frame)?;
    let timeout_ms = u32::try_from(response.timeout_ms).unwrap_or(0);
    let valid = timeout_ms > 0 && response.session != SessionId::NONE;
    let credentials = valid.then(|| Credentials {
        session_id: response.session.0,
        password: Secret::new(response.passwd.0.unwrap_or_default()),
    });
    Ok(Connected { timeout_ms, credentials })
}

pub(super) fn ping() -> Bytes {
    RequestHeader { xid: PING_XID, opcode: OpCode::PING.0 }.to_bytes()
}

pub(super) fn auth(scheme: &str, proof: &Secret) -> Bytes {
    let header = RequestHeader { xid: AUTH_XID, opcode: OpCode::AUTH.0 };
    let auth = SecretBuffer(Some(Bytes::copy_from_slice(proof.expose())));
    zk_wire::frame::join(&header, &AuthPacket { auth_type: 0, scheme: scheme.into(), auth })
}

pub(super) fn set_watches(last_zxid: i64, batch: WatchBatch) -> Bytes {
    let header = RequestHeader { xid: SET_WATCHES_XID, opcode: OpCode::SET_WATCHES.0 };
    let paths = |paths: Vec<String>| Some(paths.into_iter().map(Str::from).collect());
    let body = SetWatches {
        relative_zxid: Zxid(last_zxid),
        data_watches: paths(batch.data),
        exist_watches: paths(batch.exist),
        child_watches: paths(batch.child),
    };
    zk_wire::frame::join(&header, &body)
}

/// The frame of an operation.
pub(super) fn request(xid: i32, op: &Op, chroot: &str) -> Bytes {
    let mut out = BytesMut::new();
    RequestHeader { xid, opcode: opcode(op).0 }.encode(&mut out);
    match op {
        Op::Multi(parts) => {
            for part in parts {
                MultiHeader { opcode: opcode(part).0, done: false, err: -1 }.encode(&mut out);
                put_body(part, chroot, &mut out);
            }
            MultiHeader { opcode: -1, done: true, err: -1 }.encode(&mut out);
        }
        op => put_body(op, chroot, &mut out),
    }
    out.freeze()
}

fn opcode(op: &Op) -> OpCode {
    match op {
        Op::Create { .. } => OpCode::CREATE,
        Op::Delete { .. } => OpCode::DELETE,
        Op::Exists { .. } => OpCode::EXISTS,
        Op::GetData { .. } => OpCode::GET_DATA,
        Op::SetData { .. } => OpCode::SET_DATA,
        Op::GetChildren { .. } => OpCode::GET_CHILDREN2,
        Op::GetAcl { .. } => OpCode::GET_ACL,
        Op::SetAcl { .. } => OpCode::SET_ACL,
        Op::Sync { .. } => OpCode::SYNC,
        Op::Multi(_) => OpCode::MULTI,
        Op::Check { .. } => OpCode::CHECK,
        Op::CloseSession => OpCode::CLOSE_SESSION,
    }
}

fn put_body(op: &Op, chroot: &str, out: &mut BytesMut) {
    let absolute = |path: &str| Str::from(with_chroot(path, chroot));
    match op {
        Op::Create { path, data, acl, mode } => {
            let acl: Option<Vec<Acl>> = Some(acl.clone());
            CreateRequest { path: absolute(path), data: data.clone(), acl, flags: mode.flags() }.encode(out);
        }
        Op::Delete { path, version } => DeleteRequest { path: absolute(path), version: *version }.encode(out),
        Op::Exists { path, watch } => ExistsRequest { path: absolute(path), watch: *watch }.encode(out),
        Op::GetData { path, watch } => GetDataRequest { path: absolute(path), watch: *watch }.encode(out),
        Op::SetData { path, data, version } => {
            SetDataRequest { path: absolute(path), data: data.clone(), version: *version }.encode(out);
        }
        Op::GetChildren { path, watch } => GetChildren2Request { path: absolute(path), watch: *watch }.encode(out),
        Op::GetAcl { path } => GetAclRequest { path: absolute(path) }.encode(out),
        Op::SetAcl { path, acl, version } => {
            SetAclRequest { path: absolute(path), acl: Some(acl.clone()), version: *version }.encode(out);
        }
        Op::Sync { path } => SyncRequest { path: absolute(path) }.encode(out),
        Op::Check { path, version } => CheckVersionRequest { path: absolute(path), version: *version }.encode(out),
        Op::Multi(_) => panic!("a multi inside a multi"),
        Op::CloseSession => {}
    }
}

/// Splits a frame of a live connection.
pub(super) fn reply(frame: Bytes) -> Result<(Header, ReplyFrame), DecodeError> {
    let mut r = Reader::new(frame);
    let header = ReplyHeader::decode(&mut r)?;
    let reply = match header.xid {
        PING_XID => ReplyFrame::Ping,
        AUTH_XID => ReplyFrame::Auth,
        SET_WATCHES_XID => ReplyFrame::SetWatches,
        NOTIFICATION_XID => {
            let event = WatcherEvent::decode(&mut r)?;
            let kind = WatchKind::from_code(event.event_type).ok_or(DecodeError::Invalid("watch event"))?;
            ReplyFrame::Watch { kind, path: event.path.to_string() }
        }
        _ => ReplyFrame::Operation(r.rest()),
    };
    Ok((Header { xid: header.xid, zxid: header.zxid.0, error: header.err }, reply))
}

/// The content of a successful reply.
pub(super) fn reply_body(op: &Op, body: Bytes, chroot: &str) -> Result<Reply, ZkError> {
    let mut r = Reader::new(body);
    let reply = match op {
        Op::Multi(parts) => multi_reply(parts, &mut r, chroot)?,
        op => take_body(op, &mut r, chroot),
    };
    reply.map_err(|_| ZkError::Malformed("body"))
}

fn take_body(op: &Op, r: &mut Reader, chroot: &str) -> Result<Reply, DecodeError> {
    Ok(match op {
        Op::Create { .. } => {
            let path = CreateResponse::decode(r)?.path;
            Reply::Created { path: without_chroot(&path, chroot), stat: None }
        }
        Op::Exists { .. } => Reply::Stat(ExistsResponse::decode(r)?.stat),
        Op::SetData { .. } => Reply::Stat(SetDataResponse::decode(r)?.stat),
        Op::SetAcl { .. } => Reply::Stat(SetAclResponse::decode(r)?.stat),
        Op::GetData { .. } => {
            let response = GetDataResponse::decode(r)?;
            Reply::Data { data: response.data, stat: response.stat }
        }
        Op::GetChildren { .. } => {
            let response = GetChildren2Response::decode(r)?;
            let mut names: Vec<String> =
                response.children.unwrap_or_default().iter().map(|name| name.to_string()).collect();
            names.sort_unstable();
            Reply::Children { names, stat: response.stat }
        }
        Op::GetAcl { .. } => {
            let response = GetAclResponse::decode(r)?;
            Reply::Acl { acl: response.acl.unwrap_or_default(), stat: response.stat }
        }
        Op::Delete { .. } | Op::Check { .. } | Op::Sync { .. } | Op::CloseSession | Op::Multi(_) => Reply::Done,
    })
}

/// Either every part's reply, or the first part that failed: parts before it say 0 and parts behind it -2.
fn multi_reply(parts: &[Op], r: &mut Reader, chroot: &str) -> Result<Result<Reply, DecodeError>, ZkError> {
    let mut replies = Vec::with_capacity(parts.len());
    let mut failed = None;
    for (index, part) in parts.iter().enumerate() {
        let header = MultiHeader::decode(r).map_err(|_| ZkError::Malformed("multi"))?;
        let reply = match OpCode(header.opcode) {
            OpCode::ERROR => {
                let code = ErrorResponse::decode(r).map_err(|_| ZkError::Malformed("multi"))?.err;
                if code != 0 && failed.is_none() {
                    failed = Some(ZkError::Multi { index, code });
                }
                continue;
            }
            OpCode::CREATE2 => Create2Response::decode(r).map(|response| Reply::Created {
                path: without_chroot(&response.path, chroot),
                stat: Some(response.stat),
            }),
            _ => take_body(part, r, chroot),
        };
        match reply {
            Ok(reply) => replies.push(reply),
            Err(error) => return Ok(Err(error)),
        }
    }
    match failed {
        Some(error) => Err(error),
        None if replies.len() == parts.len() => Ok(Ok(Reply::Multi(replies))),
        None => Err(ZkError::Malformed("multi")),
    }
}

/// The server's path of a client's path.
pub(super) fn with_chroot(path: &str, chroot: &str) -> String {
    match path {
        "/" if !chroot.is_empty() => chroot.to_string(),
        path => format!("{chroot}{path}"),
    }
}

/// The client's path of a server's path.
pub(super) fn without_chroot(path: &str, chroot: &str) -> String {
    match path.strip_prefix(chroot) {
        Some("") => "/".to_string(),
        Some(rest) => rest.to_string(),
        None => path.to_string(),
    }
}
