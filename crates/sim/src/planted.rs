//! The proof that the checks see: each planted bug must be caught within a bounded number of seeds.

use base::planted::PlantedBug;

use crate::run::{Kind, Options, Report, run};

/// A bug, where it is looked for, and how many seeds it may hide.
pub const PLANTED: &[(PlantedBug, Kind, u64)] = &[
    (PlantedBug::AckBeforeSync, Kind::Keeper, 50),
    (PlantedBug::SkipDirSync, Kind::Keeper, 50),
    (PlantedBug::ReplyOutOfOrder, Kind::Keeper, 50),
    (PlantedBug::SyncedTooEarly, Kind::Keeper, 50),
    (PlantedBug::DropWatch, Kind::Keeper, 50),
    (PlantedBug::ForgetEphemeral, Kind::Keeper, 50),
    (PlantedBug::RecoveryPointBeforeFlush, Kind::Log, 50),
    (PlantedBug::ControllerAfterExpiry, Kind::Session, 1000),
];

/// Looks for one planted bug from seed `from` on; the report's failure is the catch.
pub fn hunt(bug: PlantedBug, kind: Kind, from: u64, seeds: u64, threads: usize) -> Report {
    run(&Options { kinds: vec![kind], from, seeds, bug, threads })
}
