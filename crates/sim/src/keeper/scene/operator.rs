//! The operator: asks for snapshots, keeps a state, and puts it back in the place of a later one.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use base::Prng;
use bytes::{Bytes, BytesMut};
use keeper::Recovery;
use zk_wire::snapshot::{SnapshotDecoder, SnapshotRecord};
use zk_wire::{SessionId, Zxid};

use super::{Event, Scene};
use crate::check::{Checked, snapshots_hold_everything};
use crate::keeper::log_tail::LoggedTxn;
use crate::keeper::process::{Answer, Process};

/// No node of the workload is larger.
const RECORD_BYTES_MAX: usize = 1 << 20;
/// What a state is read in.
const CHUNK_BYTES: usize = 1 << 16;

/// A whole state.
#[derive(Clone)]
struct Kept {
    zxid: i64,
    snapshot: Bytes,
    sessions: BTreeSet<i64>,
}

/// What the operator asked for, and what came of it.
#[derive(Default)]
pub(super) struct Operator {
    asked: u64,
    /// Snapshots that are under way, with the last transaction that was applied when they were asked for.
    snapshots: BTreeMap<u64, i64>,
    kept: Option<Kept>,
    /// The state that is being put back. Behind a crash it may have been or not.
    restoring: Option<Kept>,
    /// What was put back, as transactions of the folder's history.
    restores: Vec<LoggedTxn>,
    /// Sessions that were established.
    known: BTreeSet<i64>,
    /// Those of them that were gone when another state came, though their timeouts were not over.
    lost: BTreeSet<i64>,
}

impl Operator {
    /// Sessions may have been established in the process's last turn.
    pub fn established(&mut self, process: &mut Process) {
        self.known.extend(process.take_established());
    }

    /// Whether a session went with the state that it belonged to.
    pub fn has_lost(&self, session: i64) -> bool {
        self.lost.contains(&session)
    }
}

impl Scene {
    /// Schedules what the operator does next.
    pub(super) fn schedule_operator(&mut self) {
        let Some((low, high)) = self.stage.load.operator_us else { return };
        let pause = Duration::from_micros(self.stage.kernel.prng.between(low, high));
        self.stage.kernel.after(pause, Event::Operate);
    }

    /// The operator does something.
    pub(super) fn operate(&mut self) {
        self.schedule_operator();
        let choice = self.stage.kernel.prng.below(5);
        self.stage.kernel.note("operator", &[choice], &[]);
        let Some(process) = self.process.as_mut() else { return };
        let asked = self.operator.asked;
        self.operator.asked += 1;
        match choice {
            0 | 1 => {
                self.operator.snapshots.insert(asked, process.last_processed());
                process.take_snapshot(asked);
            }
            // A snapshot in the middle of something is whole only with the log behind it.
            2 | 3 if process.is_quiet() => {
                let (zxid, snapshot) = process.state();
                self.operator.kept = Some(Kept { zxid, sessions: sessions(&snapshot), snapshot });
            }
            4 if self.operator.restoring.is_none() => {
                let Some(kept) = self.operator.kept.clone() else { return };
                let recovery = self.recovery(&kept);
                self.process().restore(asked, Box::new(recovery));
                self.operator.restoring = Some(kept);
            }
            _ => return,
        }
        self.want_turn();
    }

    fn recovery(&mut self, kept: &Kept) -> Recovery {
        let prng: Prng = self.stage.kernel.prng.fork();
        let mut recovery = Recovery::new(self.config().keeper, prng);
        recovery.begin_snapshot(Zxid(kept.zxid));
        for record in records(&kept.snapshot) {
            recovery.record(record).expect("the keeper's own records");
        }
        recovery.end_snapshot(None).expect("the keeper's own snapshot");
        recovery
    }

    /// Takes what the operator was answered.
    pub(super) fn hear_answers(&mut self) -> Checked {
        let Some(process) = self.process.as_mut() else { return Ok(()) };
        for answer in process.take_answers() {
            self.stage.note(|| format!("operator is told {answer:?}"));
            match answer {
                Answer::Snapshot(asked, result) => {
                    let applied = self.operator.snapshots.remove(&asked);
                    if let (Some(applied), Ok(path)) = (applied, result) {
                        self.coverage.hit("operator's snapshot");
                        snapshots_hold_everything::named(applied, zxid_of(&path))?;
                    }
                }
                Answer::Restore(Ok(zxid)) => self.restored(zxid),
                Answer::Restore(Err(_)) => self.operator.restoring = None,
                Answer::HandOver(_) => unreachable!("a keeper alone is not asked"),
            }
        }
        Ok(())
    }

    /// The process is gone: nobody will be answered.
    pub(super) fn forget_answers(&mut self) {
        self.operator.snapshots.clear();
    }

    /// What a start found: when it is one behind the last transaction, that may be the state that was being put back.
    pub(super) fn found_restored(&mut self, newest: i64, last: i64) -> bool {
        let happened = last == newest + 1 && self.operator.restoring.is_some();
        if happened {
            self.restored(last);
        }
        self.operator.restoring = None;
        happened
    }

    fn restored(&mut self, zxid: i64) {
        let kept = self.operator.restoring.take().expect("one was asked for");
        self.coverage.hit("restore");
        self.operator.lost.extend(self.operator.known.difference(&kept.sessions));
        self.operator.restores.push(LoggedTxn::restored(zxid, kept.zxid));
        self.started_at = self.stage.kernel.mono();
        self.remember_logs();
    }

    /// What the logs hold, with what was put back among it.
    pub(super) fn with_restores(&self, mut found: Vec<LoggedTxn>) -> Vec<LoggedTxn> {
        // Without a log, because nothing has been written or all of it was purged, what is new was put back.
        let known = || self.txns.last().map_or(0, |txn| txn.zxid);
        let first = found.first().map_or_else(known, |txn| txn.zxid);
        found.extend(self.operator.restores.iter().filter(|restore| restore.zxid > first).cloned());
        found.sort_by_key(|txn| txn.zxid);
        found
    }
}

fn records(snapshot: &Bytes) -> Vec<SnapshotRecord> {
    let mut decoder = SnapshotDecoder::new(RECORD_BYTES_MAX);
    decoder.feed(snapshot.clone());
    let mut records = Vec::new();
    while records.last() != Some(&SnapshotRecord::End) {
        records.push(decoder.next().expect("the keeper's own records").expect("all of them"));
    }
    records
}

fn sessions(snapshot: &Bytes) -> BTreeSet<i64> {
    let session = |record| match record {
        SnapshotRecord::Session(session) => {
            let SessionId(id) = session.id;
            Some(id)
        }
        _ => None,
    };
    records(snapshot).into_iter().filter_map(session).collect()
}

fn zxid_of(path: &Path) -> i64 {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let hex = name.strip_prefix("snapshot.").unwrap_or_default();
    i64::from_str_radix(hex, 16).unwrap_or(-1)
}

/// The whole state of a keeper, as a snapshot.
pub(in crate::keeper) fn state_of(keeper: &keeper::Keeper) -> (i64, Bytes) {
    let mut out = BytesMut::new();
    let mut cursor = keeper.snapshot_begin(&mut out);
    while keeper.snapshot_chunk(&mut cursor, CHUNK_BYTES, &mut out) {}
    let Zxid(zxid) = cursor.zxid();
    (zxid, out.freeze())
}
