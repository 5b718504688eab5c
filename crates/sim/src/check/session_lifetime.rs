//! A session lives at least its timeout after the last contact, ends once, and is never used again.

use core::time::Duration;

use base::Instant;

use super::{Checked, Property};
use crate::keeper::history::{History, OpRecord};

/// The property.
pub static PROPERTY: Property = Property {
    says: "a session does not expire before its timeout, keeps its id when resumed, is given to nobody without its password, and is not used after its end",
    source: "ZooKeeper programmer's guide, sessions; SessionTrackerImpl",
};

/// A client learns that its session is gone.
///
/// # Errors
/// The violation.
pub fn not_before_timeout(session: i64, timeout_ms: u64, last_contact: Instant, now: Instant) -> Checked {
    let silent = now.since(last_contact);
    PROPERTY.require(silent >= Duration::from_millis(timeout_ms), || {
        format!("session {session:#x} has a timeout of {timeout_ms} ms and was expired after {silent:?} of silence")
    })
}

/// A client resumed a session.
///
/// # Errors
/// The violation.
pub fn same_session(asked: i64, given: i64) -> Checked {
    PROPERTY.require(asked == given, || format!("asked to resume {asked:#x} and was given {given:#x}"))
}

/// A client asked for its session with another password.
///
/// # Errors
/// The violation.
pub fn not_for_guesses(given: i64) -> Checked {
    PROPERTY.require(given == 0, || format!("session {given:#x} was resumed with a password that is not its own"))
}

/// A client got a new session.
///
/// # Errors
/// The violation.
pub fn new_session(id: i64, history: &History) -> Checked {
    PROPERTY.require(history.sessions.iter().all(|(given, ..)| *given != id), || {
        format!("session {id:#x} was given to two clients")
    })
}

/// A logged transaction of a session.
///
/// # Errors
/// The violation.
pub fn used_while_open(zxid: i64, session: i64, open: bool, succeeded: bool) -> Checked {
    PROPERTY.require(open || !succeeded, || format!("zxid {zxid:#x} was done for {session:#x}, which is closed"))
}

/// A write that came too late over a connection that its client had left.
///
/// # Errors
/// The violation.
pub fn moved_is_not_told(zxid: i64, record: Option<&OpRecord>) -> Checked {
    let told = record.filter(|record| record.reply.is_some());
    PROPERTY
        .require(told.is_none(), || format!("zxid {zxid:#x} is of a client that had moved on, and answered: {told:?}"))
}

/// A client learned that its session is over, when the latest that any member had applied was `applied`.
///
/// # Errors
/// The violation.
pub fn end_is_committed(session: i64, applied: i64, closed_at: Option<i64>) -> Checked {
    PROPERTY.require(closed_at.is_some_and(|zxid| zxid <= applied), || {
        format!("session {session:#x} was said to be over at zxid {applied:#x}, and ends at {closed_at:x?}")
    })
}

/// A session is created once.
///
/// # Errors
/// The violation.
pub fn created_once(zxid: i64, session: i64, exists: bool) -> Checked {
    PROPERTY.require(!exists, || format!("zxid {zxid:#x} creates session {session:#x} again"))
}
