//! getEphemerals (103): the nodes that the session owns.

use bytes::BytesMut;
use zk_wire::{GetEphemeralsRequest, GetEphemeralsResponse, Jute, SessionId};

use super::Reading;

/// Appends their paths, in order.
pub(crate) fn read(reading: &Reading<'_>, session: SessionId, request: &GetEphemeralsRequest, out: &mut BytesMut) {
    let prefix = match request.prefix_path.trim_matches(|c| c <= ' ') {
        "" | "/" => "",
        _ => &request.prefix_path,
    };
    let owned = reading.tree.ephemerals(session).filter(|path| path.starts_with(prefix));
    GetEphemeralsResponse { ephemerals: Some(owned.cloned().collect()) }.encode(out);
}
