//! auth (100): adds identities to the connection. Answered at once, ahead of requests that wait.

use bytes::Bytes;
use zk_wire::AuthPacket;

use crate::auth;
use crate::config::Config;
use crate::connection::Connection;

/// Whether the identity is accepted. If not, the connection ends.
pub(crate) fn authenticate(config: &Config, conn: &mut Connection, body: &Bytes) -> bool {
    let Ok(AuthPacket { scheme, auth, .. }) = super::decode(body) else { return false };
    let auth = auth.0.unwrap_or_default();
    match auth::authenticate(&scheme, &auth, conn.peer, config.super_digest.as_deref()) {
        None => false,
        Some(ids) => {
            ids.into_iter().for_each(|id| conn.add_identity(id));
            true
        }
    }
}
