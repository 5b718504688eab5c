//! The socket between the node's ZooKeeper session and a ZooKeeper server: dials, splits the stream into frames, writes
//! frames. What to say is the session machine's business.

use std::io;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};
use client_core::zk::{ConnNo, Event, Host};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

/// Kafka's own limit for its ZooKeeper connections (`jute.maxbuffer` set to 4 MiB), with room for a server that was
/// configured for more: getChildren over many topics is large.
const FRAME_BYTES_MAX: usize = 64 << 20;

/// The sockets of one session; at most one is in use at a time.
pub struct ZkLink {
    runtime: Handle,
    deliver: Arc<dyn Fn(Event) + Send + Sync>,
    current: Option<Socket>,
}

struct Socket {
    conn: ConnNo,
    frames: UnboundedSender<Bytes>,
    task: JoinHandle<()>,
}

impl ZkLink {
    /// A link that hands what happens to `deliver`.
    pub fn new(runtime: Handle, deliver: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self { runtime, deliver: Arc::new(deliver), current: None }
    }

    /// Opens a socket; an earlier one is forgotten.
    pub fn dial(&mut self, conn: ConnNo, host: &Host) {
        self.forget();
        let (frames, queue) = unbounded_channel();
        let deliver = self.deliver.clone();
        let address = (host.host.clone(), host.port);
        let task = self.runtime.spawn(async move {
            if let Err(error) = pump(conn, address, queue, &*deliver).await {
                tracing::debug!(%error, "connection to zookeeper ended");
            }
            deliver(Event::Disconnected(conn));
        });
        self.current = Some(Socket { conn, frames, task });
    }

    /// Queues a frame.
    pub fn send(&mut self, conn: ConnNo, frame: Bytes) {
        if let Some(socket) = self.current.as_ref().filter(|socket| socket.conn == conn) {
            // a task that has ended said so with `Disconnected`
            let _ = socket.frames.send(frame);
        }
    }

    /// Closes a socket.
    pub fn close(&mut self, conn: ConnNo) {
        if self.current.as_ref().is_some_and(|socket| socket.conn == conn) {
            self.forget();
        }
    }

    fn forget(&mut self) {
        if let Some(socket) = self.current.take() {
            socket.task.abort();
        }
    }
}

impl Drop for ZkLink {
    fn drop(&mut self) {
        self.forget();
    }
}

async fn pump(
    conn: ConnNo,
    address: (String, u16),
    queue: UnboundedReceiver<Bytes>,
    deliver: &(dyn Fn(Event) + Send + Sync),
) -> io::Result<()> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    deliver(Event::Connected(conn));
    let (reader, writer) = stream.into_split();
    // whichever ends first ends the connection
    tokio::select! {
        ended = read_frames(reader, conn, deliver) => ended,
        ended = write_frames(writer, queue) => ended,
    }
}

async fn read_frames(
    mut reader: impl AsyncReadExt + Unpin,
    conn: ConnNo,
    deliver: &(dyn Fn(Event) + Send + Sync),
) -> io::Result<()> {
    let mut buffer = BytesMut::with_capacity(16 * 1024);
    loop {
        while buffer.len() >= 4 {
            let len = i32::from_be_bytes(buffer[..4].try_into().expect("four bytes"));
            let len = usize::try_from(len).ok().filter(|len| *len <= FRAME_BYTES_MAX);
            let Some(len) = len else {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the length of a frame from zookeeper is unreasonable",
                ));
            };
            if buffer.len() < 4 + len {
                break;
            }
            buffer.advance(4);
            deliver(Event::Frame(conn, buffer.split_to(len).freeze()));
        }
        if reader.read_buf(&mut buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

async fn write_frames(mut writer: impl AsyncWriteExt + Unpin, mut queue: UnboundedReceiver<Bytes>) -> io::Result<()> {
    let mut out = BytesMut::new();
    while let Some(frame) = queue.recv().await {
        put_frame(&mut out, &frame);
        // what has queued up meanwhile goes in the same write
        while let Ok(frame) = queue.try_recv() {
            put_frame(&mut out, &frame);
        }
        writer.write_all(&out).await?;
        out.clear();
    }
    Ok(())
}

fn put_frame(out: &mut BytesMut, frame: &[u8]) {
    let len = i32::try_from(frame.len()).expect("operations are far below 2 GiB");
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(frame);
}
