//! setWatches (101) and setWatches2 (105): a client that reconnected leaves its watches anew. What happened since it was
//! last told is reported at once, with -1 as the event's zxid, before the reply. A list that is null is an error, after
//! those in front of it have had their effect.

use base::Str;
use base::planted::PlantedBug;
use zk_wire::{ErrorCode, SetWatches, SetWatches2, WatcherEvent, Zxid, frame, perms};

use super::Reading;
use crate::node::Node;
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

/// Leaves or fires each watch. As with every event, who may not read the node is not told of it, and the watch is gone
/// all the same; that there is no node (any more) is no secret. Upstream tells everybody (CVE-2026-59739).
pub(crate) fn read(reading: &mut Reading<'_>, request: &SetWatches) -> Result<(), ErrorCode> {
    let all_seen = reading.config.bug.is(PlantedBug::SetWatchesIgnoresZxid);
    let since = if all_seen { Zxid(i64::MAX) } else { request.relative_zxid };
    let tree = reading.tree;
    for path in list(&request.data_watches)? {
        let missed = match tree.get(path) {
            None => Some((EventType::NodeDeleted, None)),
            Some(node) => (node.mzxid() > since).then_some((EventType::NodeDataChanged, Some(node))),
        };
        settle(reading, &reading.watches.data, path, missed);
    }
    for path in list(&request.exist_watches)? {
        let missed = tree.get(path).map(|node| (EventType::NodeCreated, Some(node)));
        settle(reading, &reading.watches.data, path, missed);
    }
    for path in list(&request.child_watches)? {
        let missed = match tree.get(path) {
            None => Some((EventType::NodeDeleted, None)),
            Some(node) => (node.pzxid() > since).then_some((EventType::NodeChildrenChanged, Some(node))),
        };
        settle(reading, &reading.watches.child, path, missed);
    }
    Ok(())
}

/// `missed` is what happened, and the node unless it is gone.
fn settle(reading: &mut Reading<'_>, table: &Table, path: &Str, missed: Option<(EventType, Option<&Node>)>) {
    let Some((event, node)) = missed else { return table.add(path, reading.conn.id, Modes::STANDARD) };
    let everybody = reading.config.bug.is(PlantedBug::WatchWithoutAcl);
    if everybody || node.is_none_or(|node| reading.check(node, perms::READ).is_ok()) {
        let event = WatcherEvent { event_type: event as i32, state: SYNC_CONNECTED, path: path.clone() };
        reading.events.push(frame::notification(Zxid(-1), &event));
    }
}

/// The only state that a server reports.
pub(crate) const SYNC_CONNECTED: i32 = 3;

fn list(paths: &Option<Vec<Str>>) -> Result<&[Str], ErrorCode> {
    paths.as_deref().ok_or(ErrorCode::MARSHALLING_ERROR)
}
