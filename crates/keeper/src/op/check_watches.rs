//! checkWatches (17): whether the connection has such a watch.

use zk_wire::{CheckWatchesRequest, ErrorCode};

use super::Reading;
use super::remove_watches::WatcherType;
use crate::watch::Modes;

/// Looks.
pub(crate) fn read(reading: &Reading<'_>, request: &CheckWatchesRequest) -> Result<(), ErrorCode> {
    let (watches, conn, path) = (reading.watches, reading.conn.id, &request.path);
    let there = match WatcherType::from_number(request.watcher_type)? {
        WatcherType::Children => watches.child.contains(path, conn, Some(Modes::STANDARD)),
        WatcherType::Data => watches.data.contains(path, conn, Some(Modes::STANDARD)),
        WatcherType::Persistent => watches.data.contains(path, conn, Some(Modes::PERSISTENT)),
        WatcherType::PersistentRecursive => watches.data.contains(path, conn, Some(Modes::PERSISTENT_RECURSIVE)),
        WatcherType::Any => watches.data.contains(path, conn, None) || watches.child.contains(path, conn, None),
    };
    if there { Ok(()) } else { Err(ErrorCode::NO_WATCHER) }
}
