//! One client connection: frames in, frames out, in one task that never blocks on either.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use base::Now;
use base::limits::Taken;
use bytes::{Buf, Bytes, BytesMut};
use driver::conn_order::Served;
use keeper::{ConnId, Event};
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::time::Instant;
use zk_wire::frame::NOTIFICATION_XID;
use zk_wire::{ConnectRequest, ErrorCode, Jute, OpCode, ReplyHeader, RequestHeader, SessionId};

use super::Shared;
use super::conn_stats::Asked;
use super::four_letter::{self, Answer};
use super::loop_thread::ToLoop;
use super::outbox::{End, GRAIN_BYTES, Outbox};
use super::turn::{Held, Verdict};
use crate::memory::USED_UP;

/// A connect request with its password is far smaller; nobody is known yet who could ask for more memory.
const CONNECT_FRAME_BYTES_MAX: usize = 4096;
/// Bytes asked of the socket at once.
const READ_BYTES: usize = 64 * 1024;
/// With more of its requests at the loop than this, a connection is not read.
const UNANSWERED_MAX: usize = 1000;
/// Likewise, in bytes of requests since the loop last had none.
const UNANSWERED_BYTES_MAX: usize = 2 << 20;
/// With more than this to write, a connection is not read.
const UNSENT_BYTES_MAX: usize = 256 * 1024;
/// An answer of more bytes may have taken long to make.
const SLOW_BYTES: usize = 16 * 1024;
/// What a telnet client sends when it is interrupted.
const TELNET_CLOSE: [u8; 4] = [0xff, 0xf4, 0xff, 0xfd];
/// How long a finished connection may take to fetch what is left for it.
const FLUSH_DEADLINE: Duration = Duration::from_secs(5);

thread_local! {
    /// Where a thread's connections read to, one after the other: a connection without unfinished input has no buffer.
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_BYTES].into());
}

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
    socket: OwnedReadHalf,
    outbox: Arc<Outbox>,
    shared: Arc<Shared>,
    phase: Phase,
    input: BytesMut,
    writing: BytesMut,
    to_loop: Vec<ToLoop>,
    unanswered_bytes: usize,
    /// Bytes in the outbox that this task put there and has not taken to write.
    unsent_bytes: usize,
    /// Waits for its turn, and everything behind it waits too.
    held: Option<Box<Held>>,
    /// Of the budget for all connections.
    taken: Taken,
    registered: bool,
    end_reason: Reason,
}

impl Conn {
    /// A connection that was accepted and is within the limits.
    pub fn new(id: ConnId, stream: TcpStream, outbox: Arc<Outbox>, shared: Arc<Shared>) -> Self {
        let until = Instant::now() + shared.config.connect_deadline;
        let taken = Taken::nothing_of(shared.config.budget.clone());
        let (socket, writer) = stream.into_split();
        outbox.attach(writer);
        Self {
            id,
            socket,
            outbox,
            shared,
            phase: Phase::Connecting { until },
            input: BytesMut::new(),
            writing: BytesMut::new(),
            to_loop: Vec::new(),
            unanswered_bytes: 0,
            unsent_bytes: 0,
            held: None,
            taken,
            registered: false,
            end_reason: None,
        }
    }

    /// Serves the connection until it ends.
    pub async fn run(mut self) {
        let reason = self.drive().await;
        self.outbox.detach();
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
            let paused = self.unsent_bytes >= UNSENT_BYTES_MAX;
            match self.write_ready() {
                Ok(true) => return self.end_reason.take(),
                Ok(false) => {}
                Err(reason) => return reason,
            }
            if paused && self.writing.is_empty() {
                // The client took everything at once, and there may be whole frames that nobody has looked at.
                tokio::task::yield_now().await;
                continue;
            }
            if let Err(reason) = self.charge() {
                return reason;
            }
            if let Err(reason) = self.wait().await {
                return reason;
            }
        }
    }

    /// Waits for the socket or the outbox, and reads what is there.
    async fn wait(&mut self) -> Result<(), Reason> {
        let (reads, writes) = (self.may_read(), !self.writing.is_empty());
        let (socket, input) = (&mut self.socket, &mut self.input);
        let socket = poll_fn(|cx| poll_socket(cx, socket, input, reads, writes));
        let (held, admission, wake) = (self.held.is_some(), &self.shared.admission, &self.outbox.wake);
        let turn = async {
            tokio::select! {
                biased;
                result = socket => result,
                () = wake.notified() => Ok(None),
                () = admission.turn_comes(), if held => Ok(None),
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
        match result {
            Ok(Some(0)) if self.input.is_empty() => Err(self.lost()),
            Ok(Some(0)) => Err(Some("it ended in the middle of a frame".into())),
            Ok(_) => Ok(()),
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => Err(self.lost()),
            Err(e) => Err(Some(e.to_string())),
        }
    }

    fn may_read(&self) -> bool {
        let ends = matches!(self.phase, Phase::Ending { .. });
        let wants = !ends && self.held.is_none() && self.writing.len() + self.unsent_bytes < UNSENT_BYTES_MAX;
        wants && self.has_room()
    }

    /// Whether the loop may have more of this connection. If not, the next answer wakes this task: whoever does not read or
    /// look at what was read must have asked here, since others can use up the limit at every moment.
    fn has_room(&self) -> bool {
        if !self.is_full() {
            return true;
        }
        self.outbox.stall();
        // The last answer may have come before the loop knew that this task waits for it.
        !self.is_full()
    }

    /// Whether the loop has as much of this connection as it may have.
    fn is_full(&self) -> bool {
        match self.outbox.order.unanswered() {
            0 => false,
            n => {
                n >= UNANSWERED_MAX
                    || self.unanswered_bytes >= UNANSWERED_BYTES_MAX
                    || self.shared.admission.is_crowded()
                    || self.shared.config.budget.is_tight()
            }
        }
    }

    /// Counts what this connection holds against the budget for all connections.
    fn charge(&mut self) -> Result<(), Reason> {
        let at_loop = if self.outbox.order.unanswered() == 0 { 0 } else { self.unanswered_bytes };
        let grains = (self.input.capacity() + self.writing.len() + at_loop) / GRAIN_BYTES;
        // The buffer of a connection that reads is the first grain, and free.
        let bytes = grains.saturating_sub(1) * GRAIN_BYTES;
        match bytes == self.taken.bytes() || self.taken.resize(bytes) {
            true => Ok(()),
            false => Err(Some(USED_UP.into())),
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
        let mut result = self.retry_held();
        let now = self.shared.clock.now();
        while result.is_ok()
            && self.held.is_none()
            && !matches!(self.phase, Phase::Ending { .. })
            && self.has_room()
            && self.unsent_bytes < UNSENT_BYTES_MAX
        {
            match self.next_frame() {
                Ok(Some(frame)) => result = self.handle_frame(now, frame),
                Ok(None) => break,
                Err(reason) => result = Err(reason),
            }
        }
        self.shared.inbox.push_all(&mut self.to_loop);
        if self.input.is_empty() {
            self.input = BytesMut::new();
        }
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
                    self.writing = BytesMut::from(&text[..]);
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
        if !self.shared.admission.may_read(frame_bytes) {
            return Err(self.too_much_large());
        }
        if self.input.len() < 4 + frame_bytes {
            return Ok(None);
        }
        self.input.advance(4);
        Ok(Some(self.input.split_to(frame_bytes).freeze()))
    }

    fn handle_frame(&mut self, now: Now, frame: Bytes) -> Result<(), Reason> {
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
        let (outbox, shared, unsent) = (&self.outbox, &self.shared, &mut self.unsent_bytes);
        let asked = Asked { received: now.mono, op: OpCode(header.opcode), bytes: 4 + frame_bytes as u64 };
        let served = shared.keeper.serve(now, &outbox.order, self.id, &header, &body, &mut |frame| {
            // Small answers take microseconds; the clock is read once for all that came together.
            let answered = if frame.len() > SLOW_BYTES { shared.clock.mono() } else { now.mono };
            *unsent = outbox.push_own(&frame, &asked, answered, &shared.stats);
        });
        match served {
            Served::Done => Ok(()),
            Served::Gone => Err(Some("its session is not known any more".into())),
            Served::Forward => {
                let request = Held { header, body, asked };
                if self.shared.admission.has_turn() {
                    return self.forward(request);
                }
                self.shared.stats.request_throttle_wait_count.increment();
                self.held = Some(Box::new(request));
                Ok(())
            }
        }
    }

    fn too_much_large(&self) -> Reason {
        self.shared.stats.large_requests_rejected.increment();
        Some("it sent a large request while too many bytes of such are in process (largeRequestMaxBytes)".into())
    }

    fn forward(&mut self, request: Held) -> Result<(), Reason> {
        let Held { header, body, asked } = request;
        if self.outbox.order.unanswered() == 0 {
            self.unanswered_bytes = 0;
        }
        self.unanswered_bytes += asked.frame_bytes();
        if !self.outbox.forward(asked) {
            return Err(self.too_much_large());
        }
        self.to_loop.push(ToLoop::Event(Event::Request { conn: self.id, header, body }));
        Ok(())
    }

    /// Looks at the request that waits for its turn, if there is one.
    fn retry_held(&mut self) -> Result<(), Reason> {
        let Some(held) = self.held.take() else { return Ok(()) };
        let (admission, now) = (&self.shared.admission, self.shared.clock.mono());
        let timeout_ms = self.outbox.timeout_ms.load(std::sync::atomic::Ordering::Relaxed);
        let timeout = Duration::from_millis(u64::try_from(timeout_ms).unwrap_or(0));
        let verdict = held.judge(now, admission.limits(), timeout, admission.has_turn());
        if verdict != Verdict::Wait {
            let waited = now.since(held.asked.received).as_millis();
            let waited = u64::try_from(waited).unwrap_or(u64::MAX);
            self.shared.stats.request_throttle_queue_time_ms.add(waited);
        }
        match verdict {
            Verdict::Go => return self.forward(*held),
            Verdict::Stale => {
                self.shared.stats.stale_requests.increment();
                self.shared.stats.stale_requests_dropped.increment();
                return Err(Some("a request of it waited for longer than its session's timeout".into()));
            }
            Verdict::Throttled if self.outbox.order.unanswered() == 0 => {
                self.shared.stats.throttled_ops.increment();
                let zxid = self.shared.keeper.with(keeper::Keeper::last_processed);
                let header = ReplyHeader { xid: held.header.xid, zxid, err: ErrorCode::THROTTLED_OP.0 };
                self.outbox.push_own(&header.to_bytes(), &held.asked, now, &self.shared.stats);
            }
            Verdict::Throttled | Verdict::Wait => self.held = Some(held),
        }
        Ok(())
    }

    fn handle_connect(&mut self, frame: Bytes) -> Result<(), Reason> {
        let bytes = 4 + frame.len() as u64;
        let Ok(request) = ConnectRequest::from_bytes(frame) else {
            return Err(Some("its first frame is no connect request".into()));
        };
        let now = self.shared.clock.mono();
        let (admits, deficit) = self.shared.admission.admits_connect(now, request.session != SessionId(0));
        self.shared.stats.connection_token_deficit.add(deficit);
        if !admits {
            self.shared.stats.connection_rejected.increment();
            return Err(Some("too many connect requests at once (connection_throttle_tokens)".into()));
        }
        if !self.outbox.forward(Asked { received: now, op: OpCode::CREATE_SESSION, bytes }) {
            return Err(self.too_much_large());
        }
        self.phase = Phase::Connected;
        self.registered = true;
        self.shared.stats.connection_request_count.increment();
        if request.session != SessionId::default() {
            self.shared.stats.connection_revalidate_count.increment();
        }
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

    /// Ends now, or behind what is left to write.
    fn heed(&mut self, end: Option<End>) -> Result<(), Reason> {
        match end {
            Some(End::Drop(reason)) => return Err(Some(reason.into())),
            Some(End::Flush(reason)) => self.finish(reason.map(Into::into)),
            None => {}
        }
        Ok(())
    }

    /// Writes as much as the socket takes. True when the connection is done.
    fn write_ready(&mut self) -> Result<bool, Reason> {
        loop {
            if self.writing.is_empty() {
                let end = self.outbox.take(&mut self.writing);
                self.unsent_bytes = 0;
                self.heed(end)?;
            }
            if self.writing.is_empty() {
                return Ok(matches!(self.phase, Phase::Ending { .. }));
            }
            match self.socket.as_ref().try_write(&self.writing) {
                Ok(written) => self.writing.advance(written),
                Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => {
                    // A client that does not read must not keep the connection from ending.
                    self.heed(self.outbox.end_asked())?;
                    return Ok(false);
                }
                Err(e) if matches!(e.kind(), std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe) => {
                    return Err(None);
                }
                Err(e) => return Err(Some(e.to_string())),
            }
        }
    }
}

/// Waits until bytes were read (gives how many, 0 at the end) or there is room to write.
fn poll_socket(
    cx: &mut Context<'_>,
    socket: &mut OwnedReadHalf,
    input: &mut BytesMut,
    reads: bool,
    writes: bool,
) -> Poll<io::Result<Option<usize>>> {
    if reads {
        let read = READ.with_borrow_mut(|buffer| {
            let mut buffer = ReadBuf::new(buffer);
            // Grows as bytes arrive, never by the length that a client announces.
            let result = ready!(Pin::new(&mut *socket).poll_read(cx, &mut buffer));
            input.extend_from_slice(buffer.filled());
            Poll::Ready(result.map(|()| Some(buffer.filled().len())))
        });
        if read.is_ready() {
            return read;
        }
    }
    if writes {
        ready!(socket.as_ref().poll_write_ready(cx))?;
        return Poll::Ready(Ok(None));
    }
    Poll::Pending
}
