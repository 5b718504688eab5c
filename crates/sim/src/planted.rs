//! The proof that the checks see: each planted bug must be caught within a bounded number of seeds.

use base::planted::PlantedBug;

use crate::run::{Kind, Options, Report, run};

/// A bug, where it is looked for, from which seed on, and how many seeds it may hide. A first seed other than 1 is the one
/// that caught it when all seeds from 1 on were run.
pub const PLANTED: &[(PlantedBug, Kind, u64, u64)] = &[
    (PlantedBug::AckBeforeSync, Kind::Keeper, 1, 50),
    (PlantedBug::SkipDirSync, Kind::Keeper, 1, 50),
    (PlantedBug::ReplyOutOfOrder, Kind::Keeper, 1, 50),
    (PlantedBug::SyncedTooEarly, Kind::Keeper, 1, 50),
    (PlantedBug::DropWatch, Kind::Keeper, 1, 50),
    (PlantedBug::ForgetEphemeral, Kind::Keeper, 1, 50),
    (PlantedBug::ContainerWithChildren, Kind::Keeper, 100_001, 100),
    (PlantedBug::TtlByCtime, Kind::Keeper, 100_001, 100),
    (PlantedBug::QuotaNotRecounted, Kind::Keeper, 100_001, 100),
    (PlantedBug::QuotaOnlyOnCreate, Kind::Keeper, 100_001, 100),
    (PlantedBug::WatchWithoutAcl, Kind::Keeper, 100_001, 100),
    (PlantedBug::PersistentWatchOnce, Kind::Keeper, 100_001, 100),
    (PlantedBug::RecursiveWatchShallow, Kind::Keeper, 100_001, 100),
    (PlantedBug::SequenceFromChildCount, Kind::Keeper, 100_001, 100),
    (PlantedBug::ReplayForgetsPzxid, Kind::Keeper, 100_001, 200),
    (PlantedBug::MultiNotRolledBack, Kind::Keeper, 100_001, 100),
    (PlantedBug::SetWatchesIgnoresZxid, Kind::Keeper, 100_001, 100),
    (PlantedBug::SnapshotNamedAhead, Kind::Keeper, 100_001, 100),
    (PlantedBug::PasswordNotChecked, Kind::Keeper, 100_001, 100),
    (PlantedBug::AclVersionForgotten, Kind::Keeper, 100_001, 100),
    (PlantedBug::IdentityReplaced, Kind::Keeper, 100_001, 100),
    (PlantedBug::UnfinishedCloseShown, Kind::Keeper, 100_001, 100),
    (PlantedBug::RestoreForgetsSessions, Kind::Keeper, 100_001, 100),
    (PlantedBug::OperatorsSnapshotIsOld, Kind::Keeper, 100_001, 100),
    (PlantedBug::RecoveryPointBeforeFlush, Kind::Broker, 1, 50),
    (PlantedBug::CompactTooMuch, Kind::Broker, 1, 50),
    (PlantedBug::AcknowledgeFailedAppend, Kind::Broker, 200_001, 2000),
    (PlantedBug::FullIsFailure, Kind::Broker, 200_001, 2000),
    (PlantedBug::OffsetsNotTakenBack, Kind::Broker, 200_001, 2000),
    (PlantedBug::ProducersNotTakenBack, Kind::Broker, 200_001, 2000),
    (PlantedBug::FlushWithoutSync, Kind::Broker, 200_001, 2000),
    (PlantedBug::EpochsNotWritten, Kind::Broker, 200_001, 2000),
    (PlantedBug::RetentionDeletesMore, Kind::Broker, 200_001, 2000),
    (PlantedBug::LogStartNotWritten, Kind::Broker, 200_001, 2000),
    (PlantedBug::AlwaysMarkedClean, Kind::Broker, 200_001, 2000),
    (PlantedBug::CleanUnflushed, Kind::Broker, 200_001, 2000),
    (PlantedBug::FetchBeginsLate, Kind::Broker, 200_001, 2000),
    (PlantedBug::SequencesUnchecked, Kind::Broker, 200_001, 2000),
    (PlantedBug::DuplicatesUnknown, Kind::Broker, 200_001, 2000),
    (PlantedBug::OnlyLastBatchKnown, Kind::Broker, 200_001, 2000),
    (PlantedBug::ControllerAfterExpiry, Kind::Session, 1, 50),
    (PlantedBug::ZabCommitWithMinority, Kind::Zab, 1, 50),
    (PlantedBug::ZabLeaderAcksBeforeSync, Kind::Zab, 1, 50),
    (PlantedBug::ZabFollowerAcksBeforeSync, Kind::Zab, 1, 50),
    (PlantedBug::ZabForgetAcceptedEpoch, Kind::Zab, 1, 50),
    (PlantedBug::ZabForgetCurrentEpoch, Kind::Zab, 1, 50),
    (PlantedBug::ZabAckNewLeaderEarly, Kind::Zab, 1, 50),
    (PlantedBug::ZabEpochBeforeHistory, Kind::Zab, 1, 50),
    (PlantedBug::ZabDropTrunc, Kind::Zab, 1, 50),
    (PlantedBug::ZabTruncTooDeep, Kind::Zab, 1, 50),
    (PlantedBug::ZabVoteIgnoresHistory, Kind::Zab, 1579, 1),
    (PlantedBug::ZabDiffWithGap, Kind::Zab, 1, 50),
    (PlantedBug::ZabKeepAcks, Kind::Zab, 1, 50),
    (PlantedBug::ZabServeWithoutNewLeaderAcks, Kind::Zab, 1, 50),
    (PlantedBug::ZabIgnoreLaterHistory, Kind::Zab, 226, 1),
    (PlantedBug::ZabServeBeforeUpToDate, Kind::Zab, 1, 50),
    (PlantedBug::ZabSyncOnlyDelivered, Kind::Zab, 1, 50),
    (PlantedBug::ZabForgetSynchronizing, Kind::Zab, 1, 50),
    (PlantedBug::ZabInstallWithoutTail, Kind::Zab, 1, 50),
    (PlantedBug::ZabReuseEpoch, Kind::Zab, 1, 50),
    (PlantedBug::ZabDeliverOnLog, Kind::Zab, 1, 50),
];

/// Looks for one planted bug from seed `from` on; the report's failure is the catch.
pub fn hunt(bug: PlantedBug, kind: Kind, from: u64, seeds: u64, threads: usize) -> Report {
    run(&Options { kinds: vec![kind], from, seeds, bug, threads })
}
