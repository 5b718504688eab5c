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
    /// A compaction forgets the keys that it read last.
    CompactTooMuch,
    /// An append that found no room is reported as done.
    AcknowledgeFailedAppend,
    /// Want of room takes the log folder offline.
    FullIsFailure,
    /// A failed append keeps its offsets.
    OffsetsNotTakenBack,
    /// A failed append stays in what is known of its producer.
    ProducersNotTakenBack,
    /// A flush reports success and syncs nothing.
    FlushWithoutSync,
    /// A log's leader epochs are not written.
    EpochsNotWritten,
    /// Retention takes one segment more than it should.
    RetentionDeletesMore,
    /// Where records were deleted up to is not checkpointed.
    LogStartNotWritten,
    /// A stop is marked as clean whatever happened.
    AlwaysMarkedClean,
    /// Records are compacted before they are synced.
    CleanUnflushed,
    /// A fetch begins behind the offset that was asked for.
    FetchBeginsLate,
    /// Gaps in a producer's sequence are taken.
    SequencesUnchecked,
    /// A batch that comes twice is refused.
    DuplicatesUnknown,
    /// Of a producer's batches only the last is known when it comes again.
    OnlyLastBatchKnown,
    /// A broker goes on as controller after its ZooKeeper session has expired.
    ControllerAfterExpiry,
    /// A container is deleted although it has children.
    ContainerWithChildren,
    /// A TTL node's time counts from its creation and not from its last change.
    TtlByCtime,
    /// What quotas cover is not counted anew at a start.
    QuotaNotRecounted,
    /// Hard quotas are looked at for new nodes only, not for more data.
    QuotaOnlyOnCreate,
    /// Watch events go to those who may not read the node (CVE-2024-23944).
    WatchWithoutAcl,
    /// A persistent watch is gone when it has fired.
    PersistentWatchOnce,
    /// A recursive watch sees children and not what is below them.
    RecursiveWatchShallow,
    /// A sequence number is how many children there are, not how many were made.
    SequenceFromChildCount,
    /// A deletion that is replayed over a snapshot without the node does not count for the parent (ZOOKEEPER-3249).
    ReplayForgetsPzxid,
    /// What the parts of a multi did before one failed stays in what later writes are checked against.
    MultiNotRolledBack,
    /// setWatches takes every change for one that the client has seen.
    SetWatchesIgnoresZxid,
    /// A snapshot is named after the last transaction that was logged, not the last that is in it.
    SnapshotNamedAhead,
    /// A session is resumed with any password.
    PasswordNotChecked,
    /// setACL's new version is not in what later writes, and the digest, are made from.
    AclVersionForgotten,
    /// A session's end that is applied in pieces shows its zxid from the first piece on.
    UnfinishedCloseShown,
    /// A restored state has none of the sessions that its snapshot lists.
    RestoreForgetsSessions,
    /// A snapshot that the operator asked for is one that was begun before.
    OperatorsSnapshotIsOld,
    /// A second addauth takes the first identity's place.
    IdentityReplaced,
    /// A leader commits with one acknowledgement less than a quorum.
    ZabCommitWithMinority,
    /// A leader counts its own proposal as durable at once.
    ZabLeaderAcksBeforeSync,
    /// A follower acknowledges a proposal before its fsync (ZOOKEEPER-4646).
    ZabFollowerAcksBeforeSync,
    /// A learner does not write the epoch that it accepts.
    ZabForgetAcceptedEpoch,
    /// A learner does not write the epoch of the history that it took over (ZOOKEEPER-1653, 2307).
    ZabForgetCurrentEpoch,
    /// A learner acknowledges NEWLEADER before the history is durable (ZOOKEEPER-3911).
    ZabAckNewLeaderEarly,
    /// A learner writes the epoch before the history (ZOOKEEPER-4643).
    ZabEpochBeforeHistory,
    /// A learner takes TRUNC for DIFF.
    ZabDropTrunc,
    /// A learner cuts its log one transaction too deep.
    ZabTruncTooDeep,
    /// A log that was moved to another log folder counts before its copy is synced.
    MovedWithoutSync,
    /// A vote goes to the highest id, whatever its history.
    ZabVoteIgnoresHistory,
    /// A leader leaves a transaction out of DIFF, and the learner does not look (ZOOKEEPER-4925).
    ZabDiffWithGap,
    /// What a follower acknowledged counts although its link ended.
    ZabKeepAcks,
    /// A leader serves when its epoch is accepted, before anybody has its history.
    ZabServeWithoutNewLeaderAcks,
    /// A leader does not mind that a follower has a later history.
    ZabIgnoreLaterHistory,
    /// A learner gives the service what it learns before UPTODATE says that a quorum has it.
    ZabServeBeforeUpToDate,
    /// A new leader gives its learners what it has delivered, and keeps the tail of its log to itself.
    ZabSyncOnlyDelivered,
    /// A learner that synchronises is not sent the proposals of that time (ZOOKEEPER-3104).
    ZabForgetSynchronizing,
    /// A snapshot replaces the log, and what follows it is not written.
    ZabInstallWithoutTail,
    /// A leader takes the highest accepted epoch for its own instead of the next one.
    ZabReuseEpoch,
    /// A follower gives the service what it has logged, committed or not.
    ZabDeliverOnLog,
    /// A leader commits a reconfig with a quorum of the former configuration alone.
    ZabReconfigByFormerQuorum,
    /// A reconfig that is in the log, and may be committed, counts for no election and no new leader.
    ZabLedByFormerQuorum,
    /// A write counts whoever speaks for its session (ZOOKEEPER-710).
    OwnerNotChecked,
    /// A follower does not tell its leader which sessions it heard of.
    TouchedForgotten,
    /// A leader says that a session is over before its end is committed.
    EndToldBeforeCommit,
    /// The log is cut, and the service keeps what is gone.
    TruncateKeepsState,
    /// The log of the state that a leader's snapshot replaces stays.
    InstallKeepsOldLog,
    /// A leader's snapshot is installed, and the service keeps what it had (ZOOKEEPER-3642).
    InstallKeepsState,
    /// The log cannot be cut where the leader says, and the learner goes on as if it were.
    TruncateNotDone,
    /// A start does not read the epoch that was promised.
    AcceptedEpochNotRead,
    /// A vote speaks for what the service has, not for what is logged (ZOOKEEPER-2845).
    ZabVoteForDelivered,
    /// A learner asks its leader for some writes twice.
    ForwardedTwice,
    /// A member answers a sync by itself.
    SyncNotForwarded,
    /// The next transaction of its session counts as what a client waits for, whichever request it is of.
    CxidNotCompared,
    /// What is left of a former reign's unfinished writes is what new ones are checked against.
    OutstandingKept,
    /// A new leader counts the timeouts of sessions from when it was told of them.
    TimeoutsNotRestarted,
    /// A leader takes writes of a session behind its end, which is proposed and not committed.
    ClosingNotMarked,
    /// A member that takes over a leader's snapshot forgets whose sessions are in it.
    AdoptForgetsSessions,
    /// A leader says of a session that it does not know that it is over, though another may lead by now.
    UnknownSaidToBeOver,
    /// A leader goes on when the one that was to lead is lost behind its last proposal, and gives that number out again.
    HandoverTakenBack,
    /// A leader says that it leads without asking anybody.
    LeadershipUnconfirmed,
    /// A learner that is sent what it lacks from the log on the disk misses the last of it.
    LogSyncEndsEarly,
}

impl PlantedBug {
    /// Whether this is the bug that was planted.
    pub fn is(self, bug: Self) -> bool {
        self == bug
    }
}
