//! What waits to be written to one connection, filled by the loop and by the connection itself.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicI64};

use base::Instant;
use base::limits::{Budget, Taken};
use bytes::{Buf, BufMut, BytesMut};
use driver::conn_order::{ConnOrder, is_notification};
use parking_lot::Mutex;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Notify;

use super::admission::Admission;
use super::conn_stats::{Asked, ConnStats};
use super::stats::ServerStats;
use crate::memory::USED_UP;

/// A client that does not read may have this many bytes waiting for it; then it is dropped. One frame may be larger.
pub const QUEUE_BYTES_MAX: usize = 8 << 20;

/// Buffers up to this size are kept for the next answers.
const KEPT_BYTES_MAX: usize = 8 * 1024;

/// What a connection holds is counted in steps of this: small ones cost nothing.
pub const GRAIN_BYTES: usize = 16 * 1024;

/// One connection, as the loop, the connection's task and the four-letter words see it.
pub struct Outbox {
    /// The client's address.
    pub peer: SocketAddr,
    /// Which requests the loop has.
    pub order: ConnOrder,
    /// Wakes the connection's task: something is in the queue, or the connection shall end.
    pub wake: Notify,
    /// When it was accepted: milliseconds of the wall clock.
    pub established_ms: i64,
    /// The session; 0 before there is one.
    pub session: AtomicI64,
    /// Its timeout.
    pub timeout_ms: AtomicI32,
    admission: Arc<Admission>,
    queue: Mutex<Queue>,
}

struct Queue {
    bytes: BytesMut,
    /// Where they go; while the task runs.
    socket: Option<OwnedWriteHalf>,
    /// The task has taken bytes and not written them all: nobody else may write.
    writing: bool,
    /// The task does not read until the loop has answered more.
    stalled: bool,
    /// The loop has added frames in this turn.
    dirty: bool,
    taken: Taken,
    /// The requests that the loop has, oldest first.
    forwarded: VecDeque<Asked>,
    stats: ConnStats,
    end: Option<End>,
}

/// Why a connection ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// After the queue has left; `None` is the ordinary end of a session.
    Flush(Option<&'static str>),
    /// Now.
    Drop(&'static str),
}

impl Outbox {
    /// The outbox of a connection that was accepted at `established_ms`.
    pub fn new(peer: SocketAddr, established_ms: i64, admission: Arc<Admission>, budget: Arc<Budget>) -> Self {
        let queue = Queue {
            bytes: BytesMut::new(),
            socket: None,
            writing: false,
            stalled: false,
            dirty: false,
            taken: Taken::nothing_of(budget),
            forwarded: VecDeque::new(),
            stats: ConnStats::default(),
            end: None,
        };
        Self {
            peer,
            order: ConnOrder::default(),
            wake: Notify::new(),
            established_ms,
            session: AtomicI64::new(0),
            timeout_ms: AtomicI32::new(0),
            admission,
            queue: Mutex::new(queue),
        }
    }

    /// From now on the loop may write by itself.
    pub fn attach(&self, socket: OwnedWriteHalf) {
        self.queue.lock().socket = Some(socket);
    }

    /// The task is over.
    pub fn detach(&self) {
        let socket = self.queue.lock().socket.take();
        // The task's half closes the socket.
        if let Some(socket) = socket {
            socket.forget();
        }
    }

    /// The task waits for answers before it reads on: the next one wakes it.
    pub fn stall(&self) {
        self.queue.lock().stalled = true;
    }

    /// Notes that a request is about to be given to the loop. False when it must not be: it is a large one too many.
    pub fn forward(&self, asked: Asked) -> bool {
        if !self.admission.enter(asked.frame_bytes()) {
            return false;
        }
        let mut queue = self.queue.lock();
        queue.stats.received(asked.bytes);
        queue.forwarded.push_back(asked);
        drop(queue);
        self.order.forward();
        true
    }

    /// A four-letter word came.
    pub fn received_word(&self) {
        self.queue.lock().stats.received(4);
    }

    /// The text of a four-letter word goes out.
    pub fn sent_word(&self) {
        self.queue.lock().stats.traffic.sent += 1;
    }

    /// Adds a frame from the loop. True for the first of a turn: then [`Outbox::deliver`] is wanted behind the turn.
    pub fn push_from_loop(&self, frame: &[u8], now: Instant, stats: &ServerStats) -> bool {
        let mut queue = self.queue.lock();
        if is_notification(frame) {
            queue.stats.notified(frame.len());
        } else if let Some(asked) = queue.forwarded.pop_front() {
            self.admission.leave(asked.frame_bytes());
            count(&mut queue, &asked, frame, now, stats);
        }
        Self::push(&mut queue, frame);
        self.order.queued(frame);
        !std::mem::replace(&mut queue.dirty, true)
    }

    /// Sends what the turn has added: at once (`directly`), which spares waking the task, or by the task.
    pub fn deliver(&self, directly: bool) {
        let mut guard = self.queue.lock();
        let queue = &mut *guard;
        queue.dirty = false;
        let mut left = true;
        if directly
            && !queue.writing
            && queue.end.is_none()
            && let Some(socket) = &queue.socket
            // What is wrong with the socket, the task will see.
            && let Ok(written) = socket.try_write(&queue.bytes)
        {
            left = written < queue.bytes.len();
            if left {
                queue.bytes.advance(written);
            } else {
                queue.bytes.clear();
                shrink(&mut queue.bytes);
                queue.taken.release();
            }
        }
        if std::mem::take(&mut queue.stalled) || left {
            drop(guard);
            self.wake.notify_one();
        }
    }

    /// Adds a frame that the connection's task made itself. The bytes that now wait.
    pub fn push_own(&self, frame: &[u8], asked: &Asked, now: Instant, stats: &ServerStats) -> usize {
        let mut queue = self.queue.lock();
        if is_notification(frame) {
            queue.stats.notified(frame.len());
        } else {
            queue.stats.received(asked.bytes);
            count(&mut queue, asked, frame, now, stats);
        }
        Self::push(&mut queue, frame);
        queue.bytes.len()
    }

    fn push(queue: &mut Queue, frame: &[u8]) {
        if matches!(queue.end, Some(End::Drop(_))) {
            return;
        }
        let grains = (queue.bytes.len() + frame.len()) / GRAIN_BYTES * GRAIN_BYTES;
        let reason = if queue.bytes.len() > QUEUE_BYTES_MAX {
            Some("the client does not read what it is sent")
        } else if grains > queue.taken.bytes() && !queue.taken.resize(grains) {
            Some(USED_UP)
        } else {
            None
        };
        if let Some(reason) = reason {
            queue.end = Some(End::Drop(reason));
            queue.bytes = BytesMut::new();
            queue.taken.release();
            return;
        }
        queue.bytes.reserve(4 + frame.len());
        queue.bytes.put_i32(i32::try_from(frame.len()).expect("frames are smaller than 2 GiB"));
        queue.bytes.put_slice(frame);
    }

    /// Asks the task to end. The first reason counts, except that [`End::Drop`] overrides.
    pub fn end(&self, end: End) {
        let mut queue = self.queue.lock();
        if queue.end.is_none() || matches!(end, End::Drop(_)) {
            queue.end = Some(end);
        }
        drop(queue);
        self.wake.notify_one();
    }

    /// Whether the connection shall end.
    pub fn end_asked(&self) -> Option<End> {
        self.queue.lock().end.clone()
    }

    /// Gives everything that waits for an empty buffer. Whether the connection shall end.
    pub fn take(&self, empty: &mut BytesMut) -> Option<End> {
        let mut queue = self.queue.lock();
        empty.clear();
        shrink(empty);
        std::mem::swap(&mut queue.bytes, empty);
        queue.writing = !empty.is_empty();
        queue.taken.release();
        queue.end.clone()
    }

    /// What it has done.
    pub fn stats(&self) -> ConnStats {
        self.queue.lock().stats
    }

    /// `crst`
    pub fn reset_stats(&self) {
        self.queue.lock().stats.reset();
    }
}

/// A small buffer is used again; a large one must not stay with an idle connection.
fn shrink(empty: &mut BytesMut) {
    if empty.capacity() > KEPT_BYTES_MAX {
        *empty = BytesMut::new();
    }
}

/// Counts the answer to a request.
fn count(queue: &mut Queue, asked: &Asked, frame: &[u8], now: Instant, stats: &ServerStats) {
    if let Some(ms) = queue.stats.answered(asked, frame, now) {
        stats.answered(ms, asked.is_update(), frame.len());
    }
}

impl Drop for Outbox {
    /// Neither the loop nor the connection has it any more: what is not answered now never will be.
    fn drop(&mut self) {
        for asked in self.queue.get_mut().forwarded.drain(..) {
            self.admission.leave(asked.frame_bytes());
        }
    }
}
