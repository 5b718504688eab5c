//! A small ZooKeeper client for suites: one connection that waits for each answer, and the whole tree as a value.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use base::Reader;
use bytes::Bytes;
use zk_wire::{
    Acl, AuthPacket, ConnectRequest, ConnectResponse, Create2Response, CreateRequest, CreateResponse, CreateTtlRequest,
    DeleteRequest, ErrorCode, ExistsRequest, GetAclRequest, GetAclResponse, GetChildren2Request, GetChildren2Response,
    GetDataRequest, GetDataResponse, Id, Jute, OpCode, ReplyHeader, RequestHeader, SessionId, SetAclRequest,
    SetDataRequest, Stat, SyncRequest, perms,
};

use super::differential::line::{Came, Line};

/// Flags of create.
pub const EPHEMERAL: i32 = 1;
/// As [`EPHEMERAL`].
pub const SEQUENCE: i32 = 2;
/// The xid of an authentication.
const AUTH_XID: i32 = -4;
const SESSION_TIMEOUT_MS: i32 = 60_000;
/// Nodes asked about in one go.
const DUMPED_AT_ONCE: usize = 100;

/// A connection with its session.
pub struct ZkClient {
    line: Line,
    xid: i32,
    /// The session's id.
    pub session: SessionId,
}

/// A znode as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Content.
    pub data: Option<Bytes>,
    /// All of it.
    pub stat: Stat,
    /// In the order in which the server gives it.
    pub acl: Option<Vec<Acl>>,
}

/// Every znode by path.
pub type Dump = BTreeMap<String, Seen>;

/// `world:anyone` with all permissions.
pub fn open_acl() -> Vec<Acl> {
    vec![Acl { perms: perms::ALL, id: Id { scheme: "world".into(), id: "anyone".into() } }]
}

impl ZkClient {
    /// A new session.
    pub fn connect(port: u16) -> Result<Self> {
        Self::resume(port, SessionId::NONE)
    }

    /// The session `session`, or a new one for [`SessionId::NONE`].
    pub fn resume(port: u16, session: SessionId) -> Result<Self> {
        let mut line = Line::open(port)?;
        let password = if session == SessionId::NONE { [0; 16] } else { session.password() };
        let request = ConnectRequest {
            timeout_ms: SESSION_TIMEOUT_MS,
            session,
            passwd: Bytes::copy_from_slice(&password).into(),
            read_only: Some(false),
            ..ConnectRequest::default()
        };
        line.send(&framed(&request.to_bytes()));
        let response = ConnectResponse::from_bytes(frame(&mut line)?).context("read a connect response")?;
        ensure!(response.session != SessionId::NONE, "session {session} is expired, says the server on port {port}");
        Ok(Self { line, xid: 0, session: response.session })
    }

    /// Sends a request without waiting for its answer.
    pub fn send(&mut self, opcode: OpCode, body: &impl Jute) {
        self.xid += 1;
        self.send_as(self.xid, opcode, body);
    }

    fn send_as(&mut self, xid: i32, opcode: OpCode, body: &impl Jute) {
        let mut bytes = RequestHeader { xid, opcode: opcode.0 }.to_bytes().to_vec();
        bytes.extend_from_slice(&body.to_bytes());
        self.line.send(&framed(&bytes));
    }

    /// The next answer: its error and its body. Events are passed over.
    pub fn answer(&mut self) -> Result<(ErrorCode, Reader)> {
        loop {
            let mut reader = Reader::new(frame(&mut self.line)?);
            let header = ReplyHeader::decode(&mut reader).context("read a reply's header")?;
            if header.xid != -1 {
                return Ok((ErrorCode(header.err), reader));
            }
        }
    }

    /// Sends a request and waits for its answer.
    pub fn ask(&mut self, opcode: OpCode, body: &impl Jute) -> Result<(ErrorCode, Reader)> {
        self.send(opcode, body);
        self.answer().with_context(|| format!("answer to {}", opcode.name()))
    }

    /// As [`ZkClient::ask`], for requests that succeed: the reply's zxid and its body.
    pub fn ask_for_zxid(&mut self, opcode: OpCode, body: &impl Jute) -> Result<(i64, Bytes)> {
        self.send(opcode, body);
        loop {
            let frame = frame(&mut self.line)?;
            let mut reader = Reader::new(frame);
            let header = ReplyHeader::decode(&mut reader).context("read a reply's header")?;
            if header.xid == -1 {
                continue;
            }
            ensure!(header.err == ErrorCode::OK.0, "{} answered {:?}", opcode.name(), ErrorCode(header.err));
            return Ok((header.zxid.0, reader.rest()));
        }
    }

    fn ask_ok(&mut self, opcode: OpCode, path: &str, body: &impl Jute) -> Result<Reader> {
        match self.ask(opcode, body)? {
            (ErrorCode::OK, reader) => Ok(reader),
            (error, _) => bail!("{} of {path} answered {error:?}", opcode.name()),
        }
    }

    /// Adds a digest identity to the connection.
    pub fn auth(&mut self, user: &str, password: &str) -> Result<()> {
        let auth = Bytes::from(format!("{user}:{password}"));
        self.send_as(AUTH_XID, OpCode::AUTH, &AuthPacket { auth_type: 0, scheme: "digest".into(), auth: auth.into() });
        let (error, _) = self.answer()?;
        ensure!(error == ErrorCode::OK, "addauth answered {error:?}");
        Ok(())
    }

    /// Creates a node; gives its path.
    pub fn create(&mut self, path: &str, data: &[u8], flags: i32, acl: Vec<Acl>) -> Result<String> {
        let request = create_request(path, data, flags, acl);
        let mut reader = self.ask_ok(OpCode::CREATE, path, &request)?;
        Ok(CreateResponse::decode(&mut reader).context("read a create response")?.path.to_string())
    }

    /// Creates a container node.
    pub fn create_container(&mut self, path: &str) -> Result<()> {
        let request = create_request(path, b"container", 4, open_acl());
        let mut reader = self.ask_ok(OpCode::CREATE_CONTAINER, path, &request)?;
        Create2Response::decode(&mut reader).context("read a create response").map(|_| ())
    }

    /// Creates a node that lives `ttl_ms` unless it changes.
    pub fn create_ttl(&mut self, path: &str, ttl_ms: i64) -> Result<()> {
        let CreateRequest { path: name, data, acl, .. } = create_request(path, b"ttl", 0, open_acl());
        let request = CreateTtlRequest { path: name, data, acl, flags: 5, ttl_ms };
        let mut reader = self.ask_ok(OpCode::CREATE_TTL, path, &request)?;
        Create2Response::decode(&mut reader).context("read a create response").map(|_| ())
    }

    /// Whether the node is there.
    pub fn exists(&mut self, path: &str) -> Result<bool> {
        match self.ask(OpCode::EXISTS, &ExistsRequest { path: path.into(), watch: false })? {
            (ErrorCode::OK, _) => Ok(true),
            (ErrorCode::NO_NODE, _) => Ok(false),
            (error, _) => bail!("exists of {path} answered {error:?}"),
        }
    }

    /// Replaces a node's data.
    pub fn set(&mut self, path: &str, data: &[u8]) -> Result<()> {
        let request = SetDataRequest { path: path.into(), data: Some(Bytes::copy_from_slice(data)), version: -1 };
        self.ask_ok(OpCode::SET_DATA, path, &request).map(|_| ())
    }

    /// Replaces a node's list.
    pub fn set_acl(&mut self, path: &str, acl: Vec<Acl>) -> Result<()> {
        let request = SetAclRequest { path: path.into(), acl: Some(acl), version: -1 };
        self.ask_ok(OpCode::SET_ACL, path, &request).map(|_| ())
    }

    /// Deletes a node.
    pub fn delete(&mut self, path: &str) -> Result<()> {
        self.ask_ok(OpCode::DELETE, path, &DeleteRequest { path: path.into(), version: -1 }).map(|_| ())
    }

    /// Waits until every earlier write is applied.
    pub fn sync(&mut self) -> Result<()> {
        self.ask_ok(OpCode::SYNC, "/", &SyncRequest { path: "/".into() }).map(|_| ())
    }

    /// Ends the session; the server closes the connection.
    pub fn close(mut self) -> Result<()> {
        self.xid += 1;
        let bytes = RequestHeader { xid: self.xid, opcode: OpCode::CLOSE_SESSION.0 }.to_bytes();
        self.line.send(&framed(&bytes));
        self.answer().map(|_| ())
    }

    /// Every znode. The connection must be allowed to read them all.
    pub fn dump(&mut self) -> Result<Dump> {
        let mut dump = Dump::new();
        let mut left = vec!["/".to_owned()];
        while !left.is_empty() {
            let now = left.split_off(left.len().saturating_sub(DUMPED_AT_ONCE));
            for path in &now {
                self.send(OpCode::GET_DATA, &GetDataRequest { path: path.as_str().into(), watch: false });
                self.send(OpCode::GET_ACL, &GetAclRequest { path: path.as_str().into() });
                self.send(OpCode::GET_CHILDREN2, &GetChildren2Request { path: path.as_str().into(), watch: false });
            }
            for path in now {
                let GetDataResponse { data, stat } = self.read(&path)?;
                let GetAclResponse { acl, .. } = self.read(&path)?;
                let GetChildren2Response { children, .. } = self.read(&path)?;
                let parent = if path == "/" { "" } else { &path };
                left.extend(children.unwrap_or_default().iter().map(|name| format!("{parent}/{name}")));
                dump.insert(path, Seen { data, stat, acl });
            }
        }
        Ok(dump)
    }

    /// The next answer, which is about `path`.
    fn read<T: Jute>(&mut self, path: &str) -> Result<T> {
        let (error, mut reader) = self.answer()?;
        ensure!(error == ErrorCode::OK, "a read of {path} answered {error:?}");
        T::decode(&mut reader).with_context(|| format!("read what is said of {path}"))
    }
}

/// A create request.
pub fn create_request(path: &str, data: &[u8], flags: i32, acl: Vec<Acl>) -> CreateRequest {
    CreateRequest { path: path.into(), data: Some(Bytes::copy_from_slice(data)), acl: Some(acl), flags }
}

/// What differs between two trees, at most ten lines of it.
pub fn differences(before: &Dump, after: &Dump) -> Vec<String> {
    let paths: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differ = paths.into_iter().filter(|path| before.get(*path) != after.get(*path));
    let line = |path: &String| {
        let mut line = format!("{path}: {:?} became {:?}", before.get(path), after.get(path));
        line.truncate(line.floor_char_boundary(1500));
        line
    };
    differ.take(10).map(line).collect()
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes()[..], body].concat()
}

fn frame(line: &mut Line) -> Result<Bytes> {
    match line.next()? {
        Came::Frame(frame) => Ok(frame.into()),
        Came::Closed => bail!("the server closed the connection"),
        Came::Silence => bail!("the server does not answer"),
    }
}
