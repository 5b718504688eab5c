//! From a data folder to a running keeper.

use base::{Now, Prng};
use bytes::{Bytes, BytesMut};
use keeper::{Config, Keeper, Recovery};
use zk_wire::snapshot::SnapshotRecord;
use zk_wire::{Zxid, ZxidDigest};

use super::data_dir::DataDir;
use super::error::StoreError;
use super::install;
use super::restore::{Restore, RestoreOptions, Restored, restore};
use super::snapshot_reader::Trailers;
use super::snapshot_writer::{SnapshotWriteError, SnapshotWriter};
use crate::disk::Disk;

/// Hands what is restored to a [`Recovery`].
pub(super) struct Target {
    pub(super) recovery: Recovery,
}

impl Restore for Target {
    fn begin(&mut self, zxid: i64) {
        self.recovery.begin_snapshot(Zxid(zxid));
    }

    fn snapshot_record(&mut self, record: SnapshotRecord) -> Result<(), String> {
        self.recovery.record(record).map_err(|e| e.to_string())
    }

    fn snapshot_end(&mut self, trailers: Trailers) -> Result<(), String> {
        let digest = trailers.digest.map(|(zxid, digest_version, digest)| ZxidDigest {
            zxid: Zxid(zxid),
            digest_version,
            digest,
        });
        self.recovery.end_snapshot(digest).map_err(|e| e.to_string())
    }

    fn txn(&mut self, _zxid: i64, payload: Bytes) -> Result<(), String> {
        self.recovery.replay(payload).map(|_| ()).map_err(|e| e.to_string())
    }
}

/// Restores a keeper, writes the first snapshot of a new folder, and marks the folder as ours.
///
/// # Errors
/// [`StoreError`].
pub fn open_keeper<D: Disk>(
    dir: &mut DataDir<D>,
    options: RestoreOptions,
    config: Config,
    prng: Prng,
    now: Now,
) -> Result<(Keeper, Restored<D>), StoreError> {
    open_member(dir, options, config, 0, prng, now)
}

/// The same for a keeper that will join an ensemble: it keeps the latest `window` transactions of the log.
///
/// # Errors
/// [`StoreError`].
pub fn open_member<D: Disk>(
    dir: &mut DataDir<D>,
    options: RestoreOptions,
    config: Config,
    window: usize,
    prng: Prng,
    now: Now,
) -> Result<(Keeper, Restored<D>), StoreError> {
    install::finish(&dir.disk, &dir.snap_dir, &dir.log_dir)
        .map_err(StoreError::io("finish the installation of a leader's snapshot in", &dir.snap_dir))?;
    let mut target = Target { recovery: Recovery::new(config, prng) };
    target.recovery.keep_window(window);
    let mut restored = restore(dir, options, &mut target)?;
    let mismatches = target.recovery.digest_mismatches();
    if mismatches > 0 {
        restored.notes.push(format!(
            "{}: the tree's digest differs from the log's after {mismatches} transactions",
            dir.log_dir.display()
        ));
    }
    let keeper = target.recovery.finish(now);
    dir.mark()?;
    if restored.snapshot_zxid.is_none() {
        first_snapshot(dir, &keeper)?;
    }
    dir.remove_initialize()?;
    Ok((keeper, restored))
}

/// Restores once more what the folder holds, into `recovery`: its log was cut.
///
/// # Errors
/// [`StoreError`].
pub fn reload<D: Disk>(dir: &DataDir<D>, options: RestoreOptions, recovery: Recovery) -> Result<Recovery, StoreError> {
    let mut target = Target { recovery };
    restore(dir, options, &mut target)?;
    Ok(target.recovery)
}

/// Logs without any snapshot are refused by upstream and by us: so a new folder begins with one.
fn first_snapshot<D: Disk>(dir: &DataDir<D>, keeper: &Keeper) -> Result<(), StoreError> {
    let mut bytes = BytesMut::new();
    let mut cursor = keeper.snapshot_begin(&mut bytes);
    let mut writer = SnapshotWriter::new(dir.disk.clone(), &dir.snap_dir, cursor.zxid().0);
    let write = || {
        // A log without a snapshot may have made a large tree already.
        while keeper.snapshot_chunk(&mut cursor, 1 << 20, &mut bytes) {
            writer.write(&bytes)?;
            bytes.clear();
        }
        writer.write(&bytes)?;
        let digest = keeper.snapshot_digest().map(|digest| (digest.zxid.0, digest.digest));
        writer.finish(digest, Some(cursor.zxid().0))
    };
    write().map(|_| ()).map_err(|e| match e {
        SnapshotWriteError::Write(error) | SnapshotWriteError::Sync(error) => {
            StoreError::Io { tried: "write the first snapshot into", path: dir.snap_dir.clone(), error }
        }
    })
}
