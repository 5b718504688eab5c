//! `castlekeep bench zookeeper`: reads, durable writes or creates against any ZooKeeper server, on the raw protocol.

use anyhow::{Context, bail, ensure};
use base::Str;
use bytes::{BufMut, Bytes, BytesMut};
use clap::{Args as ClapArgs, ValueEnum};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zk_wire::{
    Acl, ConnectRequest, ConnectResponse, CreateRequest, DeleteRequest, ErrorCode, GetDataRequest, Id, Jute, OpCode,
    ReplyHeader, RequestHeader, SetDataRequest,
};

use super::load::Protocol;
use super::{Common, run};

/// What each request does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Operation {
    /// Read a znode
    #[default]
    Get,
    /// Overwrite a znode
    Set,
    /// Make a new znode
    Create,
}

/// Flags of `castlekeep bench zookeeper`.
#[derive(ClapArgs, Debug)]
#[command(after_long_help = "Examples:\n  \
    castlekeep bench zookeeper                                         reads, 8 connections x 32 outstanding\n  \
    castlekeep bench zookeeper --operation set --outstanding 1         durable writes, one at a time each\n  \
    castlekeep bench zookeeper --server zk1:2181 --rate 5000 --format json\n  \
    castlekeep bench zookeeper --server-pid $(pgrep -f QuorumPeerMain)  CPU per request of an Apache server\n  \
    castlekeep bench zookeeper --operation create --count 1000000 --duration 600 --keep   fill a server\n\n\
    The znodes are made below /castlekeep-bench and removed at the end (except after Ctrl-C).")]
pub struct Args {
    /// The server
    #[arg(long, default_value = "localhost:2181", value_name = "HOST:PORT")]
    server: String,
    /// What each request does
    #[arg(long, value_enum, default_value_t)]
    operation: Operation,
    /// Bytes of data in each znode
    #[arg(long, default_value_t = 100, value_name = "BYTES")]
    size: usize,
    /// Leave the znodes that the run made
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    common: Common,
}

pub(super) const ROOT: &str = "/castlekeep-bench";
const SESSION_TIMEOUT_MS: i32 = 30_000;
/// Deletes sent before their replies are awaited, while tidying up.
const TIDY_BATCH: u64 = 200;

/// Runs the load and prints the report.
///
/// # Errors
/// When the server cannot be reached or refuses a request.
pub fn main(args: Args) -> anyhow::Result<()> {
    let workload = format!("{:?} {} B, {}", args.operation, args.size, args.server).to_lowercase();
    let runtime = super::runtime(&args.common)?;
    runtime.block_on(async move {
        Session::connect(&args.server).await?.create(ROOT, &[], true).await?;
        let mut connections = Vec::new();
        for index in 0..args.common.connections {
            let mut session = Session::connect(&args.server).await?;
            let path = format!("{ROOT}/{}-{index}", std::process::id());
            session.create(&path, &vec![b'x'; args.size], false).await?;
            let load = Load::new(args.operation, path, args.size);
            connections.push((session.stream, load));
        }
        let made: Vec<(String, std::sync::Arc<std::sync::atomic::AtomicU64>)> =
            connections.iter().map(|(_, load)| (load.path.clone(), load.created.clone())).collect();
        let report = run(workload, &args.common, false, connections).await?;
        // A session of the time before the load may be over: nothing was heard of it meanwhile.
        let mut admin = Session::connect(&args.server).await?;
        for (path, created) in made.into_iter().filter(|_| !args.keep) {
            admin.remove(&path, created.load(std::sync::atomic::Ordering::Relaxed)).await?;
        }
        // Another run may be using it: then it stays.
        let _ = admin.delete(ROOT).await;
        println!("{}", report.render(args.common.format)?);
        Ok(())
    })
}

/// A connection with a ZooKeeper session, for the steps before and after the load.
pub(super) struct Session {
    pub(super) stream: TcpStream,
    xid: i32,
}

impl Session {
    pub(super) async fn connect(server: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(server)
            .await
            .with_context(|| format!("cannot connect to {server}; is a ZooKeeper server listening there?"))?;
        stream.set_nodelay(true)?;
        let mut session = Self { stream, xid: 0 };
        let request = ConnectRequest {
            timeout_ms: SESSION_TIMEOUT_MS,
            passwd: Bytes::from_static(&[0; 16]).into(),
            read_only: Some(false),
            ..Default::default()
        };
        let mut out = BytesMut::new();
        frame(&mut out, |out| request.encode(out));
        session.stream.write_all(&out).await?;
        let answer = ConnectResponse::from_bytes(session.read().await?)?;
        ensure!(answer.timeout_ms > 0, "{server} refused a new session");
        Ok(session)
    }

    pub(super) async fn read(&mut self) -> anyhow::Result<Bytes> {
        Self::read_from(&mut self.stream).await
    }

    /// The next frame, without its length.
    pub(super) async fn read_from(from: &mut (impl AsyncReadExt + Unpin)) -> anyhow::Result<Bytes> {
        let length = from.read_u32().await.context("the server closed the connection")? as usize;
        ensure!(length <= 64 << 20, "the server sent a frame of {length} bytes; is this the right port?");
        let mut frame = vec![0; length];
        from.read_exact(&mut frame).await?;
        Ok(frame.into())
    }

    pub(super) async fn call(&mut self, opcode: OpCode, body: &impl Jute) -> anyhow::Result<ErrorCode> {
        self.xid += 1;
        let mut out = BytesMut::new();
        request(&mut out, self.xid, opcode, body);
        self.stream.write_all(&out).await?;
        let reply = ReplyHeader::from_bytes(self.read().await?)?;
        ensure!(reply.xid == self.xid, "the server answered request {} with {}", self.xid, reply.xid);
        Ok(ErrorCode(reply.err))
    }

    pub(super) async fn create(&mut self, path: &str, data: &[u8], may_exist: bool) -> anyhow::Result<()> {
        match self.call(OpCode::CREATE, &create_request(path, Bytes::copy_from_slice(data))).await? {
            ErrorCode::OK => Ok(()),
            ErrorCode::NO_NODE => bail!("cannot create {path}: its parent is gone"),
            error if may_exist && error.name() == ErrorCode::NODE_EXISTS.name() => Ok(()),
            error => bail!("cannot create {path}: {}", error.name()),
        }
    }

    pub(super) async fn delete(&mut self, path: &str) -> anyhow::Result<()> {
        match self.call(OpCode::DELETE, &delete_request(path)).await? {
            ErrorCode::OK => Ok(()),
            error => bail!("cannot delete {path}: {}", error.name()),
        }
    }

    /// Removes a connection's znode and the `children` that its creates made beside it.
    async fn remove(&mut self, path: &str, children: u64) -> anyhow::Result<()> {
        let mut child = 0;
        while child < children {
            let upto = (child + TIDY_BATCH).min(children);
            let mut out = BytesMut::new();
            for index in child..upto {
                self.xid += 1;
                request(&mut out, self.xid, OpCode::DELETE, &delete_request(&format!("{path}/{index}")));
            }
            self.stream.write_all(&out).await?;
            for _ in child..upto {
                self.read().await?;
            }
            child = upto;
        }
        self.delete(path).await
    }
}

struct Load {
    operation: Operation,
    path: String,
    data: Bytes,
    xid: i32,
    created: std::sync::Arc<std::sync::atomic::AtomicU64>,
}

impl Load {
    fn new(operation: Operation, path: String, size: usize) -> Self {
        Self { operation, path, data: vec![b'x'; size].into(), xid: 1000, created: Default::default() }
    }
}

impl Protocol for Load {
    fn request(&mut self, out: &mut BytesMut) -> u64 {
        self.xid = self.xid.checked_add(1).unwrap_or(1);
        let path = || Str::from(self.path.as_str());
        match self.operation {
            Operation::Get => {
                request(out, self.xid, OpCode::GET_DATA, &GetDataRequest { path: path(), watch: false });
            }
            Operation::Set => {
                let body = SetDataRequest { path: path(), data: Some(self.data.clone()), version: -1 };
                request(out, self.xid, OpCode::SET_DATA, &body);
            }
            Operation::Create => {
                let index = self.created.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                let body = create_request(&format!("{}/{index}", self.path), self.data.clone());
                request(out, self.xid, OpCode::CREATE, &body);
            }
        }
        1
    }

    fn reply(&mut self, frame: Bytes) -> anyhow::Result<bool> {
        ensure!(frame.len() >= 16, "the server sent a reply of {} bytes", frame.len());
        let int = |at: usize| i32::from_be_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]]);
        let (xid, error) = (int(0), ErrorCode(int(12)));
        if xid < 0 {
            return Ok(false);
        }
        ensure!(error == ErrorCode::OK, "the server refused a request: {}", error.name());
        Ok(true)
    }
}

pub(super) fn create_request(path: &str, data: Bytes) -> CreateRequest {
    let anyone = Acl { perms: 31, id: Id { scheme: Str::from_static("world"), id: Str::from_static("anyone") } };
    CreateRequest { path: Str::from(path), data: Some(data), acl: Some(vec![anyone]), flags: 0 }
}

fn delete_request(path: &str) -> DeleteRequest {
    DeleteRequest { path: Str::from(path), version: -1 }
}

pub(super) fn request(out: &mut BytesMut, xid: i32, opcode: OpCode, body: &impl Jute) {
    frame(out, |out| {
        RequestHeader { xid, opcode: opcode.0 }.encode(out);
        body.encode(out);
    });
}

fn frame(out: &mut BytesMut, write: impl FnOnce(&mut BytesMut)) {
    let start = out.len();
    out.put_u32(0);
    write(out);
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}
