//! One client connection: frames in, frames out, in one task that never blocks on either.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use driver::conn_order::Served;
use keeper::{ConnId, Event};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::Instant;
use zk_wire::frame::NOTIFICATION_XID;
use zk_wire::{ConnectRequest, Jute, OpCode, RequestHeader};

use super::Shared;
use super::conn_stats::Asked;
use super::four_letter::{self, Answer};
use super::loop_thread::ToLoop;
use super::outbox::{End, KEPT_BYTES_MAX, Outbox};

/// A connect request with its password is far smaller; nobody is known yet who could ask for more memory.
const CONNECT_FRAME_BYTES_MAX: usize = 4096;
/// Bytes asked of the socket at once.
const READ_BYTES: usize = 16 * 1024;
/// With more of its requests at the loop than this, a connection is not read.
const UNANSWERED_MAX: usize = 1000;
/// Likewise, in bytes of requests since the loop last had none.
const UNANSWERED_BYTES_MAX: usize = 2 << 20;
/// With more than this to write, a connection is not read.
const UNSENT_BYTES_MAX: usize = 256 * 1024;
/// What a telnet client sends when it is interrupted.
const TELNET_CLOSE: [u8; 4] = [0xff, 0xf4, 0xff, 0xfd];
/// How long a finished connection may take to fetch what is left for it.
const FLUSH_DEADLINE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing is known of the client; the connect request must be here by then.
    Connecting { until: Instant },
    /// The connect request went to the loop.
    Connected,
    /// What is left leaves, then the connection ends.
    Ending { until: Instant },
}

/// Why a connection ended, for the log. `None` is the ordinary end by the client.
type Reason = Option<String>;

/// A connection's task.
pub struct Conn {
    id: ConnId,
    stream: TcpStream,
    outbox: Arc<Outbox>,
    shared: Arc<Shared>,
    phase: Phase,
    input: BytesMut,
    writing: Bytes,
    to_loop: Vec<ToLoop>,
    unanswered_bytes: usize,
    registered: bool,
    end_reason: Reason,
}

impl Conn {
    /// A connection that was accepted and is within the limits.
    pub fn new(id: ConnId, stream: TcpStream, outbox: Arc<Outbox>, shared: Arc<Shared>) -> Self {
        let until = Instant::now() + shared.config.connect_deadline;
        Self {
            id,
            stream,
            outbox,
            shared,
            phase: Phase::Connecting { until },
            input: BytesMut::new(),
            writing: Bytes::new(),
            to_loop: Vec::new(),
            unanswered_bytes: 0,
            registered: false,
            end_reason: None,
        }
    }

    /// Serves the connection until it ends.
    pub async fn run(mut self) {
        let reason = self.drive().await;
        if self.registered {
            self.shared.inbox.push(ToLoop::Event(Event::Disconnected { conn: self.id }));
        }
        match reason {
            Some(reason) => tracing::info!("closed the connection of {}: {reason}", self.outbox.peer),
            None => tracing::debug!("{} closed its connection", self.outbox.peer),
        }
    }

    async fn drive(&mut self) -> Reason {
        loop {
            if let Err(reason) = self.handle_input() {
                return reason;
            }
            match self.write_ready() {
                Ok(true) => return self.end_reason.take(),
                Ok(false) => {}
                Err(reason) => return reason,
            }
            if let Err(reason) = self.wait().await {
                return reason;
            }
        }
    }

    /// Waits for the socket or the outbox, and reads what is there.
    async fn wait(&mut self) -> Result<(), Reason> {
        let reads = self.may_read();
        let interest = match (reads, !self.writing.is_empty()) {
            (true, true) => Some(Interest::READABLE | Interest::WRITABLE),
            (true, false) => Some(Interest::READABLE),
            (false, true) => Some(Interest::WRITABLE),
            (false, false) => None,
        };
        let (stream, wake) = (&self.stream, &self.outbox.wake);
        let socket = async {
            match interest {
                Some(interest) => stream.ready(interest).await.map(|_| ()),
                None => std::future::pending().await,
            }
        };
        let turn = async {
            tokio::select! {
                biased;
                result = socket => result,
                () = wake.notified() => Ok(()),
            }
        };
        let result = match self.phase {
            Phase::Connected => turn.await,
            Phase::Connecting { until } => match tokio::time::timeout_at(until, turn).await {
                Ok(result) => result,
                Err(_) => {
                    self.shared.stats.sessionless_connections_expired.increment();
                    return Err(Some("it sent no connect request in time".into()));
                }
            },
            Phase::Ending { until } => match tokio::time::timeout_at(until, turn).await {
                Ok(result) => result,
                Err(_) => return Err(Some("it did not fetch its last replies".into())),
            },
        };
        result.map_err(|e| Some(e.to_string()))?;
        if reads { self.read() } else { Ok(()) }
    }

    fn may_read(&self) -> bool {
        !matches!(self.phase, Phase::Ending { .. }) && !self.is_full() && self.writing.len() < UNSENT_BYTES_MAX
    }

    /// Whether the loop has as much of this connection as it may have.
    fn is_full(&self) -> bool {
        match self.outbox.order.unanswered() {
            0 => false,
            n => n >= UNANSWERED_MAX || self.unanswered_bytes >= UNANSWERED_BYTES_MAX,
        }
    }

    fn read(&mut self) -> Result<(), Reason> {
        // Grows as bytes arrive, never by the length that a client announces.
        let step = self.input.len().clamp(READ_BYTES / 4, READ_BYTES * 4);
        if self.input.is_empty() && self.input.capacity() > KEPT_BYTES_MAX {
            self.input = BytesMut::new();
        }
        self.input.reserve(step);
        match self.stream.try_read_buf(&mut self.input) {
            Ok(0) if self.input.is_empty() => Err(self.lost()),
            Ok(0) => Err(Some("it ended in the middle of a frame".into())),
            Ok(_) => Ok(()),
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => Ok(()),
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => Err(self.lost()),
            Err(e) => Err(Some(e.to_string())),
        }
    }

    /// The client is gone without the end of its session.
    fn lost(&self) -> Reason {
        if self.registered {
            self.shared.stats.connection_drop_count.increment();
        }
        None
    }

    /// Handles every whole frame that has arrived, until the connection is full.
    fn handle_input(&mut self) -> Result<(), Reason> {
        let mut result = Ok(());
        while !matches!(self.phase, Phase::Ending { .. }) && !self.is_full() && result.is_ok() {
            match self.next_frame() {
                Ok(Some(frame)) => result = self.handle_frame(frame),
                Ok(None) => break,
                Err(reason) => result = Err(reason),
            }
        }
        self.shared.inbox.push_all(&mut self.to_loop);
        result
    }

    fn next_frame(&mut self) -> Result<Option<Bytes>, Reason> {
        let Some(head) = self.input.first_chunk::<4>().copied() else { return Ok(None) };
        let mut frame_bytes_max = self.shared.config.store.jute_max_buffer;
        if matches!(self.phase, Phase::Connecting { .. }) {
            if head == TELNET_CLOSE {
                return Err(None);
            }
            match four_letter::answer(&self.input, &self.shared, &self.outbox) {
                Answer::None => {}
                Answer::Incomplete => return Ok(None),
                Answer::Text(text) => {
                    self.input.clear();
                    self.writing = text.into();
                    self.finish(None);
                    return Ok(None);
                }
            }
            frame_bytes_max = frame_bytes_max.min(CONNECT_FRAME_BYTES_MAX);
        }
        let len = i32::from_be_bytes(head);
        let frame_bytes = usize::try_from(len).ok().filter(|len| *len <= frame_bytes_max);
        let Some(frame_bytes) = frame_bytes else {
            return Err(Some(format!(
                "it sent {} as the length of a frame, which is no length up to {frame_bytes_max} and no four-letter word",
                head.escape_ascii()
            )));
        };
        if self.input.len() < 4 + frame_bytes {
            return Ok(None);
        }
        self.input.advance(4);
        Ok(Some(self.input.split_to(frame_bytes).freeze()))
    }

    fn handle_frame(&mut self, frame: Bytes) -> Result<(), Reason> {
        if self.phase != Phase::Connected {
            return self.handle_connect(frame);
        }
        let frame_bytes = frame.len();
        let mut reader = base::Reader::new(frame);
        let Ok(header) = RequestHeader::decode(&mut reader) else {
            return Err(Some("it sent a frame that is too short for a request".into()));
        };
        if header.xid == NOTIFICATION_XID {
            // Its reply could not be told from a watch event, by the client no more than here.
            return Err(Some("it sent a request with the xid of watch events".into()));
        }
        let body = reader.rest();
        let now = self.shared.clock.now();
        let (outbox, shared) = (&self.outbox, &self.shared);
        let asked = Asked { received: now.mono, op: OpCode(header.opcode), bytes: 4 + frame_bytes as u64 };
        let served = shared.keeper.serve(now, &outbox.order, self.id, &header, &body, &mut |frame| {
            outbox.push_own(&frame, &asked, shared.clock.mono(), &shared.stats);
        });
        match served {
            Served::Done => {}
            Served::Gone => return Err(Some("its session is not known any more".into())),
            Served::Forward => {
                if self.outbox.order.unanswered() == 0 {
                    self.unanswered_bytes = 0;
                }
                self.unanswered_bytes += frame_bytes;
                self.outbox.forward(asked);
                self.to_loop.push(ToLoop::Event(Event::Request { conn: self.id, header, body }));
            }
        }
        Ok(())
    }

    fn handle_connect(&mut self, frame: Bytes) -> Result<(), Reason> {
        let bytes = 4 + frame.len() as u64;
        let Ok(request) = ConnectRequest::from_bytes(frame) else {
            return Err(Some("its first frame is no connect request".into()));
        };
        self.phase = Phase::Connected;
        self.registered = true;
        let received = self.shared.clock.mono();
        self.outbox.forward(Asked { received, op: OpCode::CREATE_SESSION, bytes });
        self.shared.stats.connection_request_count.increment();
        self.to_loop.push(ToLoop::Open(self.id, self.outbox.clone()));
        let peer = self.outbox.peer.ip().to_canonical();
        self.to_loop.push(ToLoop::Event(Event::Connect { conn: self.id, peer, request }));
        Ok(())
    }

    fn finish(&mut self, reason: Reason) {
        if !matches!(self.phase, Phase::Ending { .. }) {
            self.phase = Phase::Ending { until: Instant::now() + FLUSH_DEADLINE };
            self.end_reason = reason;
        }
    }

    /// Writes as much as the socket takes. True when the connection is done.
    fn write_ready(&mut self) -> Result<bool, Reason> {
        loop {
            if self.writing.is_empty() {
                let (bytes, end) = self.outbox.take();
                self.writing = bytes;
                match end {
                    Some(End::Drop(reason)) => return Err(Some(reason.into())),
                    Some(End::Flush(reason)) => self.finish(reason.map(Into::into)),
                    None => {}
                }
            }
            if self.writing.is_empty() {
                return Ok(matches!(self.phase, Phase::Ending { .. }));
            }
            match self.stream.try_write(&self.writing) {
                Ok(written) => self.writing.advance(written),
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => return Ok(false),
                Err(e) if matches!(e.kind(), std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe) => {
                    return Err(None);
                }
                Err(e) => return Err(Some(e.to_string())),
            }
        }
    }
}
