//! What must never be seen, one property per file, each with its source. A check gets a finished history and says
//! which property it breaks, or nothing.

use std::fmt;

pub mod acknowledged_writes_survive;
pub mod compaction_keeps_last;
pub mod configurations_are_committed;
pub mod containers_and_ttls_go;
pub mod digest_matches;
pub mod ephemerals_follow_sessions;
pub mod epochs_ascend;
pub mod epochs_match_batches;
pub mod full_disk_passes;
pub mod hard_quotas_hold;
pub mod idempotent_producers;
pub mod local_sessions;
pub mod log_holds_flushed;
pub mod log_is_a_prefix;
pub mod log_start_ascends;
pub mod once_and_in_order;
pub mod one_controller;
pub mod one_history;
pub mod one_leader_per_epoch;
pub mod reads_are_linearizable;
pub mod replies_in_order;
pub mod replies_match_model;
pub mod serves_again;
pub mod session_lifetime;
pub mod snapshots_hold_everything;
pub mod synced;
pub mod watches;
pub mod zxids_ascend;

/// Something that must always hold.
#[derive(Debug, PartialEq, Eq)]
pub struct Property {
    /// One sentence.
    pub says: &'static str,
    /// Who promises it.
    pub source: &'static str,
}

/// A property that did not hold.
#[derive(Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which.
    pub property: &'static Property,
    /// What was seen.
    pub detail: String,
}

impl fmt::Debug for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]\n    seen: {}", self.property.says, self.property.source, self.detail)
    }
}

/// `Ok` or the property that did not hold.
pub type Checked = Result<(), Violation>;

impl Property {
    /// `Ok` when `holds`; else a violation whose detail `seen` makes.
    ///
    /// # Errors
    /// The violation.
    pub fn require(&'static self, holds: bool, seen: impl FnOnce() -> String) -> Checked {
        if holds { Ok(()) } else { Err(self.broken(seen())) }
    }

    /// A violation of this property.
    pub fn broken(&'static self, detail: String) -> Violation {
        Violation { property: self, detail }
    }
}
