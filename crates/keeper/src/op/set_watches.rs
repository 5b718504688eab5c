//! setWatches (101) and setWatches2 (105): a client that reconnected leaves its watches anew. What happened since it was
//! last told is reported at once, with -1 as the event's zxid, before the reply. A list that is null is an error, after
//! those in front of it have had their effect.

use base::Str;
use base::planted::PlantedBug;
use zk_wire::{ErrorCode, SetWatches, SetWatches2, WatcherEvent, Zxid, frame};

use super::Reading;
use crate::watch::{EventType, Modes, Table};

/// setWatches2: as setWatches; persistent watches only come back, what they missed is lost.
pub(crate) fn read2(reading: &mut Reading<'_>, request: SetWatches2) -> Result<(), ErrorCode> {
    let SetWatches2 { relative_zxid, data_watches, exist_watches, child_watches, .. } = request;
    read(reading, &SetWatches { relative_zxid, data_watches, exist_watches, child_watches })?;
    for path in list(&request.persistent_watches)? {
        super::add_watch::add(reading, path, Modes::PERSISTENT);
    }
    for path in list(&request.persistent_recursive_watches)? {
        super::add_watch::add(reading, path, Modes::PERSISTENT_RECURSIVE);
    }
    Ok(())
}

/// Leaves or fires each watch.
pub(crate) fn read(reading: &mut Reading<'_>, request: &SetWatches) -> Result<(), ErrorCode> {
    let all_seen = reading.config.bug.is(PlantedBug::SetWatchesIgnoresZxid);
    let since = if all_seen { Zxid(i64::MAX) } else { request.relative_zxid };
    let tree = reading.tree;
    for path in list(&request.data_watches)? {
        let missed = match tree.get(path) {
            None => Some(EventType::NodeDeleted),
            Some(node) => (node.mzxid() > since).then_some(EventType::NodeDataChanged),
        };
        settle(reading, &reading.watches.data, path, missed);
    }
    for path in list(&request.exist_watches)? {
        let missed = tree.get(path).map(|_| EventType::NodeCreated);
        settle(reading, &reading.watches.data, path, missed);
    }
    for path in list(&request.child_watches)? {
        let missed = match tree.get(path) {
            None => Some(EventType::NodeDeleted),
            Some(node) => (node.pzxid() > since).then_some(EventType::NodeChildrenChanged),
        };
        settle(reading, &reading.watches.child, path, missed);
    }
    Ok(())
}

fn settle(reading: &mut Reading<'_>, table: &Table, path: &Str, missed: Option<EventType>) {
    match missed {
        None => table.add(path, reading.conn.id, Modes::STANDARD),
        Some(event) => {
            let event = WatcherEvent { event_type: event as i32, state: SYNC_CONNECTED, path: path.clone() };
            reading.events.push(frame::notification(Zxid(-1), &event));
        }
    }
}

/// The only state that a server reports.
pub(crate) const SYNC_CONNECTED: i32 = 3;

fn list(paths: &Option<Vec<Str>>) -> Result<&[Str], ErrorCode> {
    paths.as_deref().ok_or(ErrorCode::MARSHALLING_ERROR)
}
