//! The end of a session, in pieces: nobody waits while a hundred thousand nodes go.

use base::Str;
use zk_wire::{SessionId, TxnHeader};

use super::{OnChange, Stamp, Tree};

impl Tree {
    /// The sum of the digests of the nodes that a session owns.
    pub fn ephemerals_digest(&self, session: SessionId) -> i64 {
        self.ephemerals.get(&session).map_or(0, |owned| owned.digest)
    }

    /// A piece of a closeSession: some of the nodes that it lists go, even those that somebody else owns by now (their
    /// creation is replayed behind this).
    pub fn close_piece(&mut self, header: &TxnHeader, listed: &[Str], on_change: OnChange<'_>) {
        for path in listed {
            let _ = self.delete(header.zxid, path, on_change);
        }
    }

    /// The end of a closeSession: what the session still owns goes, too (ZOOKEEPER-3145).
    pub fn close_rest(&mut self, header: &TxnHeader, on_change: OnChange<'_>) {
        for path in self.ephemerals.remove(&header.client_id).unwrap_or_default().paths {
            let _ = self.delete(header.zxid, &path, on_change);
        }
    }

    /// All of it at once.
    pub(super) fn close_session(&mut self, stamp: Stamp, listed: &[Str], on_change: OnChange<'_>) {
        let header = TxnHeader { client_id: stamp.session, zxid: stamp.zxid, ..TxnHeader::default() };
        self.close_piece(&header, listed, on_change);
        self.close_rest(&header, on_change);
    }
}
