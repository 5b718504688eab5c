//! When a connection may serve a read itself, and why its replies stay in order.
//!
//! Replies leave a ZooKeeper connection in the order of its requests. Requests go one of two ways: to the loop (writes,
//! and everything behind a write), or straight to [`Keeper::read`] on the connection's own thread. A connection counts
//! what it gave to the loop and what came back; only at zero, when every earlier reply is in its queue, may it read.
//!
//! A watch event must come before every reply that reflects the change it tells of. The loop puts events into the
//! queues while it still holds the exclusive lock, and a reader puts its reply into its queue while it still holds the
//! shared lock: so a reader that sees the change finds the event in its queue already.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base::Now;
use bytes::Bytes;
use keeper::{ConnId, Keeper, ReadOutcome};
use parking_lot::{RwLock, RwLockWriteGuard};
use zk_wire::RequestHeader;
use zk_wire::frame::NOTIFICATION_XID;

/// How many of a connection's requests the loop has not answered. Raised by the connection alone, lowered by the loop.
#[derive(Debug, Default)]
pub struct ConnOrder {
    unanswered: AtomicUsize,
}

impl ConnOrder {
    /// Called before a frame (the connect request, too) is given to the loop.
    pub fn forward(&self) {
        self.unanswered.fetch_add(1, Ordering::Relaxed);
    }

    /// Called by the loop's world after `frame` is in the connection's queue. A watch event answers nothing.
    pub fn queued(&self, frame: &[u8]) {
        if !is_notification(frame) {
            let before = self.unanswered.fetch_sub(1, Ordering::Release);
            assert!(before > 0, "a reply without a request");
        }
    }

    /// Requests at the loop.
    pub fn unanswered(&self) -> usize {
        self.unanswered.load(Ordering::Acquire)
    }
}

/// Whether a frame, without its length, is a watch event. A connect response has no xid; it begins with protocol
/// version 0, which is no event either.
pub fn is_notification(frame: &[u8]) -> bool {
    frame.get(..4) == Some(&NOTIFICATION_XID.to_be_bytes())
}

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Served {
    /// Its frames are queued.
    Done,
    /// It must go to the loop.
    Forward,
    /// The connection is over.
    Gone,
}

/// The keeper between its one writer, the loop, and its many readers, the connections.
#[derive(Clone)]
pub struct SharedKeeper(Arc<RwLock<Keeper>>);

impl SharedKeeper {
    /// Shares a keeper.
    pub fn new(keeper: Keeper) -> Self {
        Self(Arc::new(RwLock::new(keeper)))
    }

    /// Serves a request on the connection's own thread if the order allows and the keeper can. `queue` puts a frame
    /// into the connection's queue and is called under the shared lock: it must not wait.
    pub fn serve(
        &self,
        now: Now,
        order: &ConnOrder,
        conn: ConnId,
        header: &RequestHeader,
        body: &Bytes,
        queue: &mut dyn FnMut(Bytes),
    ) -> Served {
        if order.unanswered() > 0 {
            return Served::Forward;
        }
        let keeper = self.0.read();
        match keeper.read(now, conn, header, body.clone()) {
            ReadOutcome::Reply(frame) => queue(frame),
            ReadOutcome::Replies(frames) => frames.into_iter().for_each(queue),
            ReadOutcome::Step => return Served::Forward,
            ReadOutcome::Gone => return Served::Gone,
        }
        Served::Done
    }

    /// Looks at the keeper; writes wait meanwhile.
    pub fn with<R>(&self, look: impl FnOnce(&Keeper) -> R) -> R {
        look(&self.0.read())
    }

    /// Puts another keeper into the place of this one, for everybody who shares it.
    pub(crate) fn replace(&self, keeper: Keeper) -> Keeper {
        self.with_mut(|shared| std::mem::replace(shared, keeper))
    }

    pub(crate) fn with_mut<R>(&self, change: impl FnOnce(&mut Keeper) -> R) -> R {
        let mut keeper = self.0.write();
        let result = change(&mut keeper);
        // In the middle of long work the lock is taken again at once: readers that wait have it first.
        if keeper.is_unfinished() {
            RwLockWriteGuard::unlock_fair(keeper);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_answer_nothing_and_replies_do() {
        let order = ConnOrder::default();
        order.forward();
        order.forward();
        order.queued(&[0xff, 0xff, 0xff, 0xff, 0, 0]);
        assert_eq!(order.unanswered(), 2);
        order.queued(&[0, 0, 0, 0]);
        order.queued(&[0xff, 0xff, 0xff, 0xfe, 0, 0]);
        assert_eq!(order.unanswered(), 0);
    }
}
