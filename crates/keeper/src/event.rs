//! What goes in and what comes out.

use core::net::IpAddr;

use base::Str;
use bytes::Bytes;
use zk_wire::{ConnectRequest, RequestHeader, SessionId, Zxid};

use crate::audit::AuditRecord;
use crate::listing::Listing;
use crate::quota::QuotaExceeded;

/// A client's connection. The loop numbers them and never uses a number twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// A connection's first frame.
    Connect {
        /// The connection; not seen before.
        conn: ConnId,
        /// The client's address: its `ip` identity.
        peer: IpAddr,
        /// The decoded frame.
        request: ConnectRequest,
    },
    /// A later frame.
    Request {
        /// The connection.
        conn: ConnId,
        /// The decoded header.
        header: RequestHeader,
        /// What follows the header.
        body: Bytes,
    },
    /// A connection is gone, whoever ended it. Its session lives on.
    Disconnected {
        /// The connection.
        conn: ConnId,
    },
    /// Every [`Effect::Append`] up to and including this transaction is durable.
    Synced {
        /// The last of them.
        zxid: Zxid,
    },
    /// The snapshot that [`Effect::TakeSnapshot`] asked for is written, or has failed.
    SnapshotDone,
    /// Something that concerns this server's place in its ensemble.
    Ensemble(zab::Event),
    /// The operator wants another member to lead: this one, or whoever is furthest.
    HandOver {
        /// The number of the answer.
        asked: u64,
        /// Who shall lead.
        to: Option<zab::Sid>,
    },
    /// [`crate::Keeper::deadline`] has come.
    Tick,
    /// [`crate::Keeper::is_unfinished`]: the next piece.
    GoOn,
    /// The nodes of a session whose end comes next ([`crate::Keeper::list`]).
    Listed(Listing),
}

/// Something to do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Append to the transaction log.
    Append {
        /// The transaction.
        zxid: Zxid,
        /// The log entry's payload: header, body, digest.
        payload: Bytes,
    },
    /// Something that this member of an ensemble wants done: votes, packets, links, the store. `Deliver`, `Standing` and
    /// what services say to each other stay inside.
    Ensemble(zab::Effect),
    /// This member's place changed.
    Standing(zab::Standing),
    /// This configuration of the ensemble counts from now on: the servers' lines, and the version's.
    Configured(Str),
    /// This later configuration may be committed, or none may any more: it is to be kept, durably, before this effect is
    /// done with. [`crate::Seat::next_text`] takes it back at a start.
    NextConfig(Option<Str>),
    /// Whether learners that dial this member will be listened to.
    Leads(bool),
    /// Send to a client.
    Send {
        /// The connection.
        conn: ConnId,
        /// Without the length in front.
        frame: Bytes,
    },
    /// A session is established on the connection: its frames before this one may be limited more tightly.
    Established {
        /// The connection.
        conn: ConnId,
        /// The session.
        session: SessionId,
        /// Negotiated.
        timeout_ms: i32,
    },
    /// Close a connection once what was sent to it has left.
    Close {
        /// The connection.
        conn: ConnId,
        /// Why.
        reason: CloseReason,
    },
    /// The answer to [`Event::HandOver`]: this server steps down for that one, or why it does not lead in its place.
    HandedOver {
        /// The number that was given.
        asked: u64,
        /// Who takes over, or one line for people.
        result: Result<zab::Sid, String>,
    },
    /// A line for the audit log.
    Audit(AuditRecord),
    /// Begin a new log file with the next append.
    RollLog,
    /// Write a snapshot beside the running writes: [`crate::Keeper::snapshot_begin`], and the chunks. Answer with
    /// [`Event::SnapshotDone`].
    TakeSnapshot,
    /// A write went beyond a quota: something an operator should see. At most one a second.
    QuotaExceeded(QuotaExceeded),
}

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The client asked for the session's end.
    ClosedByClient,
    /// The session has expired, or never was.
    SessionExpired,
    /// The session was resumed on another connection.
    SessionMoved,
    /// The client has seen transactions that this server has not.
    ClientAhead,
    /// The client's identity was refused.
    AuthFailed,
    /// An operation that is not served.
    Unimplemented,
    /// A request before the session, or after its end.
    NoSession,
    /// The operator put another state in the place of this one.
    Restored,
    /// This member of an ensemble has no leader.
    NotServing,
}

/// The answer of [`crate::Keeper::read`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    /// Send this frame.
    Reply(Bytes),
    /// Send these frames in order: events, then the reply.
    Replies(Vec<Bytes>),
    /// Not something that can be read beside other reads, or not now: give it to [`crate::Keeper::step`].
    Step,
    /// The connection is not known (any more): close it.
    Gone,
}
