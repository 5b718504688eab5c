//! getChildren2 (12).

use bytes::BytesMut;
use zk_wire::{ErrorCode, GetChildren2Request, Jute};

use super::Reading;
use super::get_children::children;

/// Appends the names of the node's children, and its stat.
pub(crate) fn read(reading: &Reading<'_>, request: &GetChildren2Request, out: &mut BytesMut) -> Result<(), ErrorCode> {
    children(reading, &request.path, request.watch, out)?.stat().encode(out);
    Ok(())
}
