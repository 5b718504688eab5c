//! removeWatches (18): ends watches of the connection.

use zk_wire::{ErrorCode, RemoveWatchesRequest};

use super::Reading;
use crate::watch::Modes;

/// Which watches are meant.
pub(crate) enum WatcherType {
    Children,
    Data,
    Any,
    Persistent,
    PersistentRecursive,
}

impl WatcherType {
    pub(crate) fn from_number(number: i32) -> Result<Self, ErrorCode> {
        Ok(match number {
            1 => Self::Children,
            2 => Self::Data,
            3 => Self::Any,
            4 => Self::Persistent,
            5 => Self::PersistentRecursive,
            _ => return Err(ErrorCode::MARSHALLING_ERROR),
        })
    }
}

/// Ends them.
pub(crate) fn read(reading: &Reading<'_>, request: &RemoveWatchesRequest) -> Result<(), ErrorCode> {
    let (watches, conn, path) = (reading.watches, reading.conn.id, &request.path);
    let removed = match WatcherType::from_number(request.watcher_type)? {
        WatcherType::Children => watches.child.remove(path, conn, Some(Modes::STANDARD)),
        WatcherType::Data => watches.data.remove(path, conn, Some(Modes::STANDARD)),
        // Both tables hold it: `|` so that both are asked.
        WatcherType::Persistent => {
            watches.data.remove(path, conn, Some(Modes::PERSISTENT))
                | watches.child.remove(path, conn, Some(Modes::PERSISTENT))
        }
        WatcherType::PersistentRecursive => watches.data.remove(path, conn, Some(Modes::PERSISTENT_RECURSIVE)),
        WatcherType::Any => watches.data.remove(path, conn, None) | watches.child.remove(path, conn, None),
    };
    if removed { Ok(()) } else { Err(ErrorCode::NO_WATCHER) }
}
