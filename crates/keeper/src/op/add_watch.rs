//! addWatch (106): a watch that stays. It asks for no permission and no node; who may not read a node is not told of it.

use base::planted::PlantedBug;
use bytes::BytesMut;
use zk_wire::{AddWatchRequest, ErrorCode, ErrorResponse, Jute};

use super::Reading;
use crate::watch::Modes;

/// Leaves the watch. The answer has a body, unlike those of other operations without result.
pub(crate) fn read(reading: &Reading<'_>, request: &AddWatchRequest, out: &mut BytesMut) -> Result<(), ErrorCode> {
    let mode = match request.mode {
        0 => Modes::PERSISTENT,
        1 => Modes::PERSISTENT_RECURSIVE,
        _ => return Err(ErrorCode::MARSHALLING_ERROR),
    };
    add(reading, &request.path, mode);
    ErrorResponse { err: 0 }.encode(out);
    Ok(())
}

/// A recursive watch sees no changes of children lists: it sees the children themselves.
pub(crate) fn add(reading: &Reading<'_>, path: &str, mode: Modes) {
    let once = mode == Modes::PERSISTENT && reading.config.bug.is(PlantedBug::PersistentWatchOnce);
    let mode = if once { Modes::STANDARD } else { mode };
    reading.watches.data.add(path, reading.conn.id, mode);
    if mode != Modes::PERSISTENT_RECURSIVE {
        reading.watches.child.add(path, reading.conn.id, mode);
    }
}
