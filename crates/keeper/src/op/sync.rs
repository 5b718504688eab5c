//! sync (9): answered when the writes under way are applied.

use base::Str;
use bytes::{Bytes, BytesMut};
use zk_wire::{ErrorCode, Jute, SyncRequest, SyncResponse};

/// The request.
pub(crate) fn parse(body: &Bytes) -> Result<Str, ErrorCode> {
    super::decode::<SyncRequest>(body).map(|request| request.path)
}

/// Appends the answer.
pub(crate) fn answer(path: Str, out: &mut BytesMut) {
    SyncResponse { path }.encode(out);
}
