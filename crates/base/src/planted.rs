//! Bugs on purpose. A configuration may name one; the code that would have to go wrong asks for it and then does go
//! wrong, so that the simulator can show that its checks would notice. Nobody but the simulator sets it.

/// A deliberate bug, [`PlantedBug::None`] everywhere but in the simulator's proof that it finds bugs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlantedBug {
    /// Correct code.
    #[default]
    None,
    /// The keeper acknowledges a write before its fsync.
    AckBeforeSync,
    /// A new log file's name is never synced.
    SkipDirSync,
    /// Two replies of one connection change places.
    ReplyOutOfOrder,
    /// The keeper claims that more is durable than what the finished fsync covered.
    SyncedTooEarly,
    /// A watch that should fire is forgotten.
    DropWatch,
    /// Closing a session in replay leaves one of its ephemerals.
    ForgetEphemeral,
    /// The broker's log advances its recovery point before the flush is done.
    RecoveryPointBeforeFlush,
    /// A broker goes on as controller after its ZooKeeper session has expired.
    ControllerAfterExpiry,
}

impl PlantedBug {
    /// Whether this is the bug that was planted.
    pub fn is(self, bug: Self) -> bool {
        self == bug
    }
}
