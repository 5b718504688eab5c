//! A client's connection: who it is, and what it waits for.

use std::collections::VecDeque;
use std::net::IpAddr;

use base::Str;
use bytes::Bytes;
use zk_wire::{ErrorCode, Id, OpCode, RequestHeader, SessionId, Zxid};

use crate::audit::AuditRequest;
use crate::event::ConnId;
use crate::session::Heard;

/// A connection.
#[derive(Debug)]
pub struct Connection {
    /// Its number.
    pub id: ConnId,
    /// The client's address.
    pub peer: IpAddr,
    /// Who the client is.
    pub ids: Vec<Id>,
    /// Set once the connect response has left.
    pub session: Option<SessionId>,
    /// Of the session.
    pub heard: Heard,
    /// The session's timeout as it was negotiated on this connection.
    pub timeout_ms: i32,
    /// Requests without answer, in order.
    pub waiting: VecDeque<Waiting>,
    /// The last byte of the connect response; there when the request had it.
    pub read_only: Option<bool>,
}

/// A request that is not answered yet.
#[derive(Debug)]
pub enum Waiting {
    /// A write: answered when its transaction is applied.
    Write(Zxid),
    /// A write that the leader was asked for: it becomes a [`Waiting::Write`] when its transaction comes.
    Forwarded(Forwarded),
    /// A sync that the leader was asked for.
    ForwardedSync {
        /// The request's.
        xid: i32,
        /// The request's.
        path: Str,
    },
    /// Something that is answered when a transaction of somebody is applied.
    Barrier {
        /// That transaction.
        until: Zxid,
        /// What follows.
        then: Then,
    },
    /// What is behind it waits for the answer to that question to the leader.
    Unconfirmed(u64),
    /// A request that is taken up when the reads in front of it are answered.
    Held(Held),
    /// The end of a local session, with the request's xid.
    LocalEnd(i32),
    /// A read behind one of the others.
    Read(RequestHeader, Bytes),
    /// A request that is turned away in its turn, with its xid; the connection ends with UNIMPLEMENTED.
    Refused(i32, ErrorCode),
}

/// A write on its way to the leader and back.
#[derive(Debug)]
pub struct Forwarded {
    /// The request's number, which its transaction carries.
    pub cxid: i32,
    /// What was asked for.
    pub op: OpCode,
    /// The request, when it is to be in the audit log.
    pub audit: Option<AuditRequest>,
}

/// A request as it came.
#[derive(Debug)]
pub struct Held {
    /// Its header.
    pub header: RequestHeader,
    /// What follows the header.
    pub body: Bytes,
}

/// What follows a barrier.
#[derive(Debug)]
pub enum Then {
    /// The reads behind it.
    Reads,
    /// The answer to sync.
    Sync {
        /// The request's.
        xid: i32,
        /// The request's.
        path: Str,
    },
    /// Whether the session, which was not known before a quorum said who leads, is there now.
    Sought {
        /// The session.
        session: SessionId,
        /// Negotiated.
        timeout_ms: i32,
    },
    /// The connect response: a client that resumes its session sees what became of its former connection's writes.
    Renewed {
        /// The session.
        session: SessionId,
        /// Negotiated.
        timeout_ms: i32,
    },
}

impl Connection {
    /// A connection that has sent its first frame.
    pub fn new(id: ConnId, peer: IpAddr, read_only: Option<bool>) -> Self {
        Self {
            id,
            peer,
            ids: vec![crate::auth::ip_identity(peer)],
            session: None,
            heard: Heard::default(),
            timeout_ms: 0,
            waiting: VecDeque::new(),
            read_only,
        }
    }

    /// Adds an identity, once.
    pub fn add_identity(&mut self, id: Id) {
        if !self.ids.contains(&id) {
            self.ids.push(id);
        }
    }
}
