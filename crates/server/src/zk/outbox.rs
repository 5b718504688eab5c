//! What waits to be written to one connection, filled by the loop and by the connection itself.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicI64};

use base::Instant;
use base::limits::{Budget, Taken};
use bytes::{BufMut, Bytes, BytesMut};
use driver::conn_order::{ConnOrder, is_notification};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::admission::Admission;
use super::conn_stats::{Asked, ConnStats};
use super::stats::ServerStats;
use crate::memory::USED_UP;

/// A client that does not read may have this many bytes waiting for it; then it is dropped. One frame may be larger.
pub const QUEUE_BYTES_MAX: usize = 8 << 20;

/// Buffers up to this size are kept between frames.
pub const KEPT_BYTES_MAX: usize = 64 * 1024;

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

    /// Adds a frame from the loop. True when the task must be woken.
    pub fn push_from_loop(&self, frame: &[u8], now: Instant, stats: &ServerStats) -> bool {
        let mut queue = self.queue.lock();
        if is_notification(frame) {
            queue.stats.notified(frame.len());
        } else if let Some(asked) = queue.forwarded.pop_front() {
            self.admission.leave(asked.frame_bytes());
            count(&mut queue, &asked, frame, now, stats);
        }
        let wake = Self::push(&mut queue, frame);
        drop(queue);
        self.order.queued(frame);
        // The last answer lets the task read by itself again, or forward more.
        wake || self.order.unanswered() == 0
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

    fn push(queue: &mut Queue, frame: &[u8]) -> bool {
        if matches!(queue.end, Some(End::Drop(_))) {
            return false;
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
            return true;
        }
        let was_empty = queue.bytes.is_empty();
        queue.bytes.reserve(4 + frame.len());
        queue.bytes.put_i32(i32::try_from(frame.len()).expect("frames are smaller than 2 GiB"));
        queue.bytes.put_slice(frame);
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

    /// Whether the connection shall end.
    pub fn end_asked(&self) -> Option<End> {
        self.queue.lock().end.clone()
    }

    /// Takes everything that waits, and whether the connection shall end.
    pub fn take(&self) -> (Bytes, Option<End>) {
        let mut queue = self.queue.lock();
        // What is left of a small buffer is used again; a large one must not stay with an idle connection.
        let bytes = match queue.bytes.capacity() > KEPT_BYTES_MAX {
            true => std::mem::take(&mut queue.bytes),
            false => queue.bytes.split(),
        };
        queue.taken.release();
        (bytes.freeze(), queue.end.clone())
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
