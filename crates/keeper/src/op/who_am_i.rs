//! whoAmI (107): the connection's identities, without secrets.

use bytes::BytesMut;
use zk_wire::{ClientInfo, Id, Jute, WhoAmIResponse};

use super::Reading;

/// Appends them.
pub(crate) fn read(reading: &Reading<'_>, out: &mut BytesMut) {
    let info = |id: &Id| ClientInfo { auth_scheme: id.scheme.clone(), user: user(id).into() };
    WhoAmIResponse { client_info: Some(reading.conn.ids.iter().map(info).collect()) }.encode(out);
}

fn user(id: &Id) -> &str {
    match &*id.scheme {
        "digest" => id.id.split(':').next().unwrap_or_default(),
        _ => &id.id,
    }
}
