//! Another state in the place of this one, at the operator's word (upstream: `ZooKeeperServer.restoreFromSnapshot`).
//!
//! ```text
//! wanted -> what is under way becomes durable and is answered -> the new state is written as a snapshot -> swapped in
//! ```
//! The new state gets the number of its own last transaction, or one behind everything this folder has seen, whichever
//! is later. So its snapshot is the folder's newest and the log has nothing behind it: the moment at which the file gets
//! its name is the moment at which a restart finds the new state instead of the old one, and no file has to go for it.
//! Until it is swapped in, reads are served from the old state and events wait.

use base::Instant;
use bytes::BytesMut;
use keeper::{CloseReason, Keeper, Recovery};
use storage::disk::Disk;
use storage::zk::snapshot_writer::{SnapshotWriteError, SnapshotWriter};
use zk_wire::{Zxid, ZxidDigest};

use super::{KeeperDone, KeeperLoop, KeeperMeasure, KeeperWorld, State};
use crate::world::Lane;

/// Bytes that are serialised before they are written.
const CHUNK_BYTES: usize = 1 << 20;

/// Whether another state is on its way in.
pub(super) enum Restoring {
    /// No.
    No,
    /// It waits for what is under way.
    Waiting(u64, Box<Recovery>, Instant),
    /// Its snapshot is being written, since the moment given.
    Writing(u64, Instant),
}

impl Restoring {
    /// Whether the old state may not change any more.
    pub fn is_frozen(&self) -> bool {
        matches!(self, Self::Writing(..))
    }
}

/// A state whose snapshot is written, or could not be.
pub struct Restored {
    keeper: Keeper,
    result: Result<(), SnapshotWriteError>,
}

impl<D: Disk> KeeperLoop<D> {
    pub(super) fn want_restore<W: KeeperWorld<D>>(&mut self, world: &mut W, asked: u64, recovery: Box<Recovery>) {
        match self.restoring {
            _ if self.state != State::Running => world.restored(asked, Err("the keeper is stopping".into())),
            _ if self.member.is_some() => {
                let why = "the other members of the ensemble would keep their state; restore into a folder of its own";
                world.restored(asked, Err(why.into()));
            }
            Restoring::No => self.restoring = Restoring::Waiting(asked, recovery, world.now().mono),
            _ => world.restored(asked, Err("another restore is under way; try again when it has ended".into())),
        }
    }

    /// Writes the new state once nothing of the old one is under way.
    pub(super) fn advance_restore<W: KeeperWorld<D>>(&mut self, world: &mut W) {
        let quiet = self.state == State::Running
            && self.log.is_idle()
            && self.keeper.with(|keeper| keeper.outstanding() == 0 && !keeper.is_unfinished())
            && !self.snapshots.is_running();
        if !quiet || !matches!(self.restoring, Restoring::Waiting(..)) {
            return;
        }
        let Restoring::Waiting(asked, mut recovery, began) = std::mem::replace(&mut self.restoring, Restoring::No)
        else {
            return;
        };
        let behind_everything = self.keeper.with(Keeper::last_processed).next();
        recovery.renumber(recovery.last_zxid().max(behind_everything));
        let keeper = recovery.finish(world.now());
        self.restoring = Restoring::Writing(asked, began);
        let (disk, snap_dir) = (self.dir.disk.clone(), self.dir.snap_dir.clone());
        let job = move || {
            let writer = SnapshotWriter::new(disk, &snap_dir, keeper.last_processed().0);
            let result = write(&keeper, writer, keeper.snapshot_digest());
            KeeperDone::Restored(Box::new(Restored { keeper, result }))
        };
        world.offload(Lane::Bulk, Box::new(job));
    }

    pub(super) fn restored<W: KeeperWorld<D>>(&mut self, world: &mut W, restored: Restored) {
        let Restoring::Writing(asked, began) = std::mem::replace(&mut self.restoring, Restoring::No) else {
            unreachable!("one restore is written at a time");
        };
        let Restored { mut keeper, result } = restored;
        match result {
            // The next start finds it. Whoever asked is not told that it happened, nor that it did not.
            Ok(()) if self.state != State::Running => {}
            Ok(()) => {
                let now = world.now();
                keeper.restart_timeouts(now);
                let zxid = keeper.last_processed();
                let old = self.keeper.replace(keeper);
                self.appended = zxid;
                self.log.roll();
                // Their sessions, if the new state has them, begin anew on other connections, with their watches.
                old.connections().into_iter().for_each(|conn| world.close(conn, CloseReason::Restored));
                world.measured(KeeperMeasure::Restore(now.mono.since(began)));
                world.restored(asked, Ok(zxid));
                self.advance_snapshots(world);
            }
            Err(SnapshotWriteError::Write(error)) => {
                let dir = self.dir.snap_dir.display();
                world.restored(asked, Err(format!("cannot write the restored state into {dir}: {error}")));
                self.advance_snapshots(world);
            }
            Err(SnapshotWriteError::Sync(error)) => self.fail(world, "sync a restored state", error),
        }
    }
}

/// Writes the whole state of a keeper that nobody changes meanwhile. Without a digest nothing is compared when it is read.
pub(super) fn write<D: Disk>(
    keeper: &Keeper,
    mut writer: SnapshotWriter<D>,
    digest: Option<ZxidDigest>,
) -> Result<(), SnapshotWriteError> {
    let mut bytes = BytesMut::with_capacity(CHUNK_BYTES + 4096);
    let mut cursor = keeper.snapshot_begin(&mut bytes);
    loop {
        let more = keeper.snapshot_chunk(&mut cursor, CHUNK_BYTES, &mut bytes);
        writer.write(&bytes)?;
        bytes.clear();
        if !more {
            break;
        }
    }
    let digest = digest.map(|digest| (digest.zxid.0, digest.digest));
    let Zxid(last) = keeper.last_processed();
    writer.finish(digest, Some(last)).map(|_| ())
}
