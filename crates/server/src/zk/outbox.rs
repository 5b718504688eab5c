//! What waits to be written to one connection, filled by the loop and by the connection itself.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use base::Instant;
use bytes::{BufMut, Bytes, BytesMut};
use driver::conn_order::{ConnOrder, is_notification};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::stats::ServerStats;

/// A client that does not read may have this many bytes waiting for it; then it is dropped. One frame may be larger.
pub const QUEUE_BYTES_MAX: usize = 8 << 20;

/// Buffers up to this size are kept between frames.
pub const KEPT_BYTES_MAX: usize = 64 * 1024;

/// One connection, as the loop, the connection's task and the four-letter words see it.
pub struct Outbox {
    /// The client's address.
    pub peer: SocketAddr,
    /// Which requests the loop has.
    pub order: ConnOrder,
    /// Wakes the connection's task: something is in the queue, or the connection shall end.
    pub wake: Notify,
    /// Frames received.
    pub received: AtomicU64,
    /// Frames sent.
    pub sent: AtomicU64,
    /// The session; 0 before there is one.
    pub session: AtomicI64,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    bytes: BytesMut,
    /// When the requests that the loop has were received, oldest first.
    forwarded: VecDeque<Instant>,
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
    /// The outbox of a new connection.
    pub fn new(peer: SocketAddr) -> Self {
        Self {
            peer,
            order: ConnOrder::default(),
            wake: Notify::new(),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            session: AtomicI64::new(0),
            queue: Mutex::default(),
        }
    }

    /// Notes that a request is about to be given to the loop.
    pub fn forward(&self, received: Instant) {
        self.queue.lock().forwarded.push_back(received);
        self.order.forward();
    }

    /// Adds a frame from the loop. True when the task must be woken.
    pub fn push_from_loop(&self, frame: &[u8], now: Instant, stats: &ServerStats) -> bool {
        let mut queue = self.queue.lock();
        if !is_notification(frame)
            && let Some(received) = queue.forwarded.pop_front()
        {
            stats.answered(now.since(received));
        }
        let wake = self.push(&mut queue, frame, stats);
        drop(queue);
        self.order.queued(frame);
        // The last answer lets the task read by itself again, or forward more.
        wake || self.order.unanswered() == 0
    }

    /// Adds a frame that the connection's task made itself.
    pub fn push_own(&self, frame: &[u8], took: std::time::Duration, stats: &ServerStats) {
        if !is_notification(frame) {
            stats.answered(took);
        }
        self.push(&mut self.queue.lock(), frame, stats);
    }

    fn push(&self, queue: &mut Queue, frame: &[u8], stats: &ServerStats) -> bool {
        if queue.bytes.len() > QUEUE_BYTES_MAX {
            queue.end = Some(End::Drop("the client does not read what it is sent"));
            queue.bytes = BytesMut::new();
            return true;
        }
        if matches!(queue.end, Some(End::Drop(_))) {
            return false;
        }
        let was_empty = queue.bytes.is_empty();
        queue.bytes.reserve(4 + frame.len());
        queue.bytes.put_i32(i32::try_from(frame.len()).expect("frames are smaller than 2 GiB"));
        queue.bytes.put_slice(frame);
        self.sent.fetch_add(1, Ordering::Relaxed);
        stats.sent();
        was_empty
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

    /// Takes everything that waits, and whether the connection shall end.
    pub fn take(&self) -> (Bytes, Option<End>) {
        let mut queue = self.queue.lock();
        // What is left of a small buffer is used again; a large one must not stay with an idle connection.
        let bytes = match queue.bytes.capacity() > KEPT_BYTES_MAX {
            true => std::mem::take(&mut queue.bytes),
            false => queue.bytes.split(),
        };
        (bytes.freeze(), queue.end.clone())
    }

    /// (frames at the loop, frames received, frames sent)
    pub fn counts(&self) -> (usize, u64, u64) {
        let (received, sent) = (self.received.load(Ordering::Relaxed), self.sent.load(Ordering::Relaxed));
        (self.order.unanswered(), received, sent)
    }
}
