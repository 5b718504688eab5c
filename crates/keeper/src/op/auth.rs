//! auth (100): adds identities to the connection. Answered at once, ahead of requests that wait.

use base::planted::PlantedBug;
use zk_wire::AuthPacket;

use crate::auth;
use crate::config::Config;
use crate::connection::Connection;

/// Whether the identity is accepted. If not, the connection ends.
pub(crate) fn authenticate(config: &Config, conn: &mut Connection, packet: AuthPacket) -> bool {
    let AuthPacket { scheme, auth, .. } = packet;
    match auth::authenticate(&scheme, auth.0.as_deref(), conn.peer, config) {
        None => false,
        Some(ids) => {
            if config.bug.is(PlantedBug::IdentityReplaced) {
                conn.ids.truncate(1);
            }
            ids.into_iter().for_each(|id| conn.add_identity(id));
            true
        }
    }
}
