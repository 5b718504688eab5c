//! Everything that the clients of a run asked and were told, for the checks at its end.

use std::collections::BTreeSet;

use base::Instant;

use super::model::Change;
use super::op::{Op, OpResult, User};

/// Index of a request in [`History::ops`].
pub type OpId = usize;

/// A reply, as it reached its client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// From the header.
    pub zxid: i64,
    /// From error code and body.
    pub result: OpResult,
}

/// A request and what became of it.
#[derive(Clone, Debug)]
pub struct OpRecord {
    /// Which client.
    pub client: usize,
    /// Its session at the time.
    pub session: i64,
    /// Xid on the wire.
    pub xid: i32,
    /// The request.
    pub op: Op,
    /// The digest identities that the connection has added.
    pub users: Vec<&'static User>,
    /// Highest zxid of any write that any client knew to be done when this was sent.
    pub floor: i64,
    /// Highest zxid that any client had been shown, by whatever answer or event, when this was sent.
    pub shown: i64,
    /// Which life of the server the connection belongs to.
    pub life: usize,
    /// The reply, if it ever arrived.
    pub reply: Option<Reply>,
}

/// What a client saw on its connections, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A new connection with a valid session.
    Connected {
        /// The session.
        session: i64,
        /// The digest identities that it adds before anything else.
        users: Vec<&'static User>,
    },
    /// A reply, to be found in the request's record.
    Reply(OpId),
    /// A watch event.
    Event {
        /// From the header; -1 when setWatches made it.
        zxid: i64,
        /// What happened.
        change: Change,
        /// Where.
        path: String,
        /// Life of the server that sent it.
        life: usize,
    },
    /// The connection is gone, and with it the server's watches.
    Disconnected,
}

/// The whole history.
#[derive(Debug, Default)]
pub struct History {
    /// Requests in the order in which they were sent.
    pub ops: Vec<OpRecord>,
    /// What each client saw.
    pub seen: Vec<Vec<Seen>>,
    /// Highest zxid of any write that was acknowledged to a client so far.
    pub acknowledged: i64,
    /// Highest zxid that any client was shown so far.
    pub shown: i64,
    /// Sessions that clients were given, in order, with the time of the response and the timeout in milliseconds.
    pub sessions: Vec<(i64, Instant, u64)>,
    /// Sessions of the operator of an ensemble, who asks for nothing but reconfigs.
    pub operators: BTreeSet<i64>,
    /// Clients that were told of a change and then got a reply with the zxid before it, and the change's zxid.
    pub behind_events: Vec<(usize, i64)>,
}

impl History {
    /// A history of so many clients.
    pub fn new(clients: usize) -> Self {
        Self { seen: vec![Vec::new(); clients], ..Self::default() }
    }

    /// Notes a request that leaves now.
    pub fn sent(&mut self, record: OpRecord) -> OpId {
        self.ops.push(record);
        self.ops.len() - 1
    }

    /// Notes a reply that arrived.
    pub fn replied(&mut self, id: OpId, reply: Reply) {
        let record = &mut self.ops[id];
        if record.op.is_write() {
            self.acknowledged = self.acknowledged.max(reply.zxid);
        }
        self.shown = self.shown.max(reply.zxid);
        record.reply = Some(reply);
        self.seen[record.client].push(Seen::Reply(id));
    }
}
