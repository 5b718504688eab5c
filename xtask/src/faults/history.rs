//! What clients asked of an ensemble and what they were told: the input of both checkers.

use std::fmt;

/// When nothing came back.
pub const NEVER: u64 = u64::MAX;

/// One request of one client, which has at most one at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Whose; one client is one session.
    pub client: usize,
    /// Ns since the run began, before the request was sent.
    pub invoked: u64,
    /// Ns since the run began, after the answer was there; [`NEVER`] without one.
    pub returned: u64,
    /// What was asked.
    pub asked: Asked,
    /// What came back.
    pub answer: Answer,
}

/// Values are never written twice, so a value names its write. 0 is what a register is created with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// setData of a register; with a version only if it has that one.
    Set {
        /// Which register.
        key: usize,
        /// Its new content.
        value: u64,
        /// The version it must have.
        expected: Option<i32>,
    },
    /// getData, behind a sync or a write of the same client when `synced`.
    Get {
        /// Which register.
        key: usize,
        /// Whether it must show everything that was acknowledged before.
        synced: bool,
    },
    /// create of a sequential node below the queue.
    Append {
        /// Its content.
        value: u64,
    },
}

/// `zxid` is that of the reply's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// None: a write may have been done, may be done yet, or never.
    Unknown,
    /// The register was set, and has this version since.
    Set {
        /// Of the reply.
        zxid: i64,
        /// Of the transaction.
        mzxid: i64,
        /// After it.
        version: i32,
    },
    /// It had another version.
    BadVersion {
        /// Of the reply.
        zxid: i64,
    },
    /// What the register held.
    Got {
        /// Of the reply.
        zxid: i64,
        /// Of the transaction that set it.
        mzxid: i64,
        /// Of the register.
        version: i32,
        /// Its content.
        value: u64,
    },
    /// The node was created with this number.
    Appended {
        /// Of the reply.
        zxid: i64,
        /// Behind its name.
        number: i64,
    },
}

impl Answer {
    /// Of the reply's header.
    pub fn zxid(&self) -> Option<i64> {
        match *self {
            Self::Unknown => None,
            Self::Set { zxid, .. }
            | Self::BadVersion { zxid }
            | Self::Got { zxid, .. }
            | Self::Appended { zxid, .. } => Some(zxid),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |ns: u64| ns as f64 / 1e9;
        write!(f, "client {} at {:.6}", self.client, seconds(self.invoked))?;
        if self.returned != NEVER {
            write!(f, " to {:.6}", seconds(self.returned))?;
        }
        write!(f, ": {:?} -> {:x?}", self.asked, self.answer)
    }
}

/// A run as the checkers see it.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// In any order.
    pub operations: Vec<Operation>,
    /// Each register's zxid of creation, with content 0 and version 0.
    pub created: Vec<i64>,
    /// What the queue holds in the end: number and content.
    pub queue: Vec<(i64, u64)>,
}

/// A promise that was not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Which, and whose promise it is.
    pub promise: &'static str,
    /// What was seen.
    pub seen: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n    seen: {}", self.promise, self.seen)
    }
}

/// `Ok`, or the first promise that was not kept.
pub type Checked = Result<(), Violation>;

/// `Ok` when `holds`.
pub fn require(holds: bool, promise: &'static str, seen: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(Violation { promise, seen: seen() }) }
}
