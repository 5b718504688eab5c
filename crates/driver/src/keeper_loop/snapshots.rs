//! Snapshots, one at a time: the machine asks for them by count and size, the operator when they like.

use std::io;
use std::path::PathBuf;

use base::Instant;
use base::planted::PlantedBug;
use bytes::BytesMut;
use keeper::{Event, SnapshotCursor};
use storage::disk::Disk;
use storage::zk::purge::purge;
use storage::zk::snapshot_writer::{SnapshotWriteError, SnapshotWriter};

use super::{KeeperDone, KeeperLoop, KeeperMeasure, KeeperNote, KeeperWorld};
use crate::world::Lane;

/// A snapshot between two chunks.
pub struct Snapshot<D: Disk> {
    writer: SnapshotWriter<D>,
    cursor: SnapshotCursor,
    /// Of the last chunk; its memory is the next one's.
    bytes: BytesMut,
}

/// Who wants a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The machine: it waits for [`Event::SnapshotDone`].
    ByMachine,
    /// The operator, with the number of the answer.
    ByOperator(u64),
}

/// The snapshot being written, and who waits for which.
#[derive(Debug, Default)]
pub(super) struct Snapshots {
    /// Not empty while one is written.
    of_this: Vec<Wanted>,
    /// Who came later: what they want may not be in it.
    of_next: Vec<Wanted>,
    began: Instant,
}

impl Snapshots {
    /// Whether one is being written.
    pub fn is_running(&self) -> bool {
        !self.of_this.is_empty()
    }
}

impl<D: Disk> KeeperLoop<D> {
    pub(super) fn want_snapshot<W: KeeperWorld<D>>(&mut self, world: &mut W, wanted: Wanted) {
        if self.config.bug.is(PlantedBug::OperatorsSnapshotIsOld) && self.snapshots.is_running() {
            return self.snapshots.of_this.push(wanted);
        }
        self.snapshots.of_next.push(wanted);
        self.advance_snapshots(world);
    }

    /// Begins the next snapshot when somebody waits for one and nothing stands in its way.
    pub(super) fn advance_snapshots<W: KeeperWorld<D>>(&mut self, world: &mut W) {
        if !self.snapshots.is_running() && !self.snapshots.of_next.is_empty() && !self.is_frozen() {
            self.snapshots.of_this = std::mem::take(&mut self.snapshots.of_next);
            self.begin_snapshot(world);
        }
    }

    fn begin_snapshot<W: KeeperWorld<D>>(&mut self, world: &mut W) {
        self.snapshots.began = world.now().mono;
        let keeper = self.keeper.clone();
        let ahead = self.config.bug.is(PlantedBug::SnapshotNamedAhead).then_some(self.appended);
        let (disk, snap_dir) = (self.dir.disk.clone(), self.dir.snap_dir.clone());
        let compression = self.config.compression;
        let job = move || {
            let mut bytes = BytesMut::new();
            let cursor = keeper.with(|keeper| keeper.snapshot_begin(&mut bytes));
            let named = ahead.unwrap_or(cursor.zxid());
            let mut writer = SnapshotWriter::new(disk, &snap_dir, named.0).compressed(compression);
            match writer.write(&bytes) {
                Ok(()) => KeeperDone::Snapshot(Box::new(Snapshot { writer, cursor, bytes })),
                Err(e) => KeeperDone::SnapshotEnd(Err(e)),
            }
        };
        world.offload(Lane::Bulk, Box::new(job));
    }

    pub(super) fn snapshot_chunk<W: KeeperWorld<D>>(&mut self, world: &mut W, snapshot: Snapshot<D>) {
        let keeper = self.keeper.clone();
        let dirs = (self.dir.disk.clone(), self.dir.snap_dir.clone(), self.dir.log_dir.clone());
        let retain = self.config.retain.filter(|_| self.config.purge_interval.is_none());
        let chunk_bytes = self.config.snapshot_chunk_bytes;
        let with_last_zxid = self.config.snapshot_last_zxid;
        let job = move || {
            let Snapshot { mut writer, mut cursor, mut bytes } = snapshot;
            bytes.clear();
            bytes.reserve(chunk_bytes + 4096);
            let more = keeper.with(|keeper| keeper.snapshot_chunk(&mut cursor, chunk_bytes, &mut bytes));
            if let Err(e) = writer.write(&bytes) {
                return KeeperDone::SnapshotEnd(Err(e));
            }
            if more {
                return KeeperDone::Snapshot(Box::new(Snapshot { writer, cursor, bytes }));
            }
            let digest = keeper.with(|keeper| keeper.snapshot_digest()).map(|digest| (digest.zxid.0, digest.digest));
            let last_zxid = with_last_zxid.then_some(cursor.zxid().0);
            KeeperDone::SnapshotEnd(writer.finish(digest, last_zxid).map(|path| {
                let (disk, snap_dir, log_dir) = dirs;
                (path, retain.map_or(Ok(Vec::new()), |retain| purge(&disk, &snap_dir, &log_dir, retain)))
            }))
        };
        world.offload(Lane::Bulk, Box::new(job));
    }

    /// What the snapshot shows is about to be replaced.
    pub(super) fn give_up_snapshot<W: KeeperWorld<D>>(
        &mut self,
        world: &mut W,
        snapshot: Snapshot<D>,
        events: &mut Vec<Event>,
    ) {
        snapshot.writer.abandon();
        for wanted in std::mem::take(&mut self.snapshots.of_this) {
            match wanted {
                Wanted::ByMachine => events.push(Event::SnapshotDone),
                Wanted::ByOperator(asked) => {
                    let why = "given up: this member takes over its leader's state; try again when it serves";
                    world.snapshot_taken(asked, Err(why.into()));
                }
            }
        }
    }

    pub(super) fn snapshot_end<W: KeeperWorld<D>>(
        &mut self,
        world: &mut W,
        result: Result<(PathBuf, io::Result<Vec<PathBuf>>), SnapshotWriteError>,
        events: &mut Vec<Event>,
    ) {
        let result = match result {
            Ok((path, purged)) => {
                world.measured(KeeperMeasure::Snapshot(world.now().mono.since(self.snapshots.began)));
                world.note(KeeperNote::SnapshotWritten(path.clone()));
                Self::purged(world, purged);
                Ok(path)
            }
            Err(SnapshotWriteError::Write(error)) => {
                let text = format!("cannot write a snapshot into {}: {error}", self.dir.snap_dir.display());
                world.note(KeeperNote::SnapshotFailed(error));
                Err(text)
            }
            Err(SnapshotWriteError::Sync(error)) => return self.fail(world, "sync a snapshot", error),
        };
        for wanted in std::mem::take(&mut self.snapshots.of_this) {
            match wanted {
                Wanted::ByMachine => events.push(Event::SnapshotDone),
                Wanted::ByOperator(asked) => world.snapshot_taken(asked, result.clone()),
            }
        }
        self.advance_snapshots(world);
    }
}
