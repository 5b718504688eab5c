//! The machine. It routes and nothing else.

use base::{Instant, Now};
use bytes::{Bytes, BytesMut};
use zk_wire::{RequestHeader, Zxid, ZxidDigest};

use crate::event::{ConnId, Effect, Event, ReadOutcome};
use crate::snapshot::SnapshotCursor;

/// The coordination service.
#[derive(Debug)]
pub struct Keeper {}

impl Keeper {
    /// Takes one event; what follows from it is appended to `effects`.
    pub fn step(&mut self, now: Now, event: Event, effects: &mut Vec<Effect>) {
        let _ = (now, event, effects);
        todo!("lands within the hour")
    }

    /// When the machine next wants [`Event::Tick`].
    pub fn deadline(&self) -> Option<Instant> {
        todo!("lands within the hour")
    }

    /// Serves a read (or ping) of a connection that has nothing unanswered; anything else gives
    /// [`ReadOutcome::Step`].
    pub fn read(&self, now: Now, conn: ConnId, header: &RequestHeader, body: Bytes) -> ReadOutcome {
        let _ = (now, conn, header, body);
        todo!("lands within the hour")
    }

    /// Whether requests of the connection wait here for an answer.
    pub fn parked(&self, conn: ConnId) -> bool {
        let _ = conn;
        todo!("lands within the hour")
    }

    /// Writes that are proposed and not committed: against `globalOutstandingLimit`.
    pub fn outstanding(&self) -> usize {
        todo!("lands within the hour")
    }

    /// The last transaction that was applied.
    pub fn last_processed(&self) -> Zxid {
        todo!("lands within the hour")
    }

    /// Begins a snapshot: appends sessions and ACLs. The snapshot's zxid (its file's name) is
    /// [`SnapshotCursor::zxid`]; transactions behind it may be partly in it already, and replay tolerates that.
    pub fn snapshot_begin(&self, out: &mut BytesMut) -> SnapshotCursor {
        let _ = out;
        todo!("lands within the hour")
    }

    /// Appends nodes until about `bytes_max` bytes are appended (at least one node). False when the last one, and the
    /// end marker behind it, are written. Writes may happen between chunks.
    pub fn snapshot_chunk(&self, cursor: &mut SnapshotCursor, bytes_max: usize, out: &mut BytesMut) -> bool {
        let _ = (cursor, bytes_max, out);
        todo!("lands within the hour")
    }

    /// The tree's digest now, for the part of the file behind the last chunk; `None` when digests are off.
    pub fn snapshot_digest(&self) -> Option<ZxidDigest> {
        todo!("lands within the hour")
    }
}
