//! Liveness: when the faults stop, service resumes.

use base::Instant;

use super::{Checked, Property};

/// The property.
pub static PROPERTY: Property = Property {
    says: "after the faults stop, the server starts, every client gets a session, and every request a reply",
    source: "VOPR's two phases (safety, then liveness); ZooKeeper guarantees: timeliness",
};

/// The server's start succeeded.
///
/// # Errors
/// The violation.
pub fn starts<E: core::fmt::Display>(outcome: Result<(), E>) -> Checked {
    outcome.map_err(|error| PROPERTY.broken(format!("the server refuses to start on its own folder: {error}")))
}

/// Every client is up with nothing outstanding.
///
/// # Errors
/// The violation.
pub fn all_served(waiting: &[String]) -> Checked {
    PROPERTY.require(waiting.is_empty(), || format!("long after the last fault: {}", waiting.join("; ")))
}

/// Faults or not, work gets done within a time that is many times what the slowest run needs.
///
/// # Errors
/// The violation.
pub fn in_time(now: Instant, seconds_max: u64, operations: u64) -> Checked {
    PROPERTY.require(now < Instant::from_millis(seconds_max * 1000), || {
        format!("after {seconds_max} s of virtual time clients have sent {operations} requests only")
    })
}
