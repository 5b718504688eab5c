//! exists (3): the watch is left whether or not the node is there.

use bytes::BytesMut;
use zk_wire::{ErrorCode, ExistsRequest, Jute, perms};

use super::Reading;
use crate::watch::Modes;

/// Appends the node's stat.
pub(crate) fn read(reading: &Reading<'_>, request: &ExistsRequest, out: &mut BytesMut) -> Result<(), ErrorCode> {
    if request.path.contains('\0') {
        return Err(ErrorCode::BAD_ARGUMENTS);
    }
    let node = reading.node(&request.path);
    if let Ok(node) = node {
        reading.check(node, perms::READ)?;
    }
    if request.watch {
        reading.watches.data.add(&request.path, reading.conn.id, Modes::STANDARD);
    }
    node?.stat().encode(out);
    Ok(())
}
