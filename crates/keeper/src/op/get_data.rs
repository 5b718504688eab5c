//! getData (4).

use bytes::BytesMut;
use zk_wire::{ErrorCode, GetDataRequest, Jute, jute, perms};

use super::Reading;
use crate::watch::Modes;

/// Appends the node's data and stat.
pub(crate) fn read(reading: &Reading<'_>, request: &GetDataRequest, out: &mut BytesMut) -> Result<(), ErrorCode> {
    let node = reading.node(&request.path)?;
    reading.check(node, perms::READ)?;
    if request.watch {
        reading.watches.data.add(&request.path, reading.conn.id, Modes::STANDARD);
    }
    out.reserve(node.data.as_ref().map_or(0, |data| data.len()) + 80);
    jute::put_buffer(out, node.data.as_deref());
    node.stat().encode(out);
    Ok(())
}
