//! Sessions that a member of an ensemble keeps to itself (`localSessionsEnabled`; upstream: `UpgradeableSessionTracker`,
//! `LocalSessionTracker`, `QuorumZooKeeperServer.checkUpgradeSession`).
//!
//! Nothing of a local session is in a log: it begins, is heard of and ends without the leader, on this member alone, and
//! it is over when this member loses its leader. Its writes are anybody's writes. What it cannot own is an ephemeral node:
//! with `localSessionsUpgradingEnabled` the first one makes it a session of the ensemble, under the same number, right in
//! front of the write that asks for it.

use base::Now;
use bytes::Bytes;
use zk_wire::multi::{MultiOp, MultiRequest};
use zk_wire::{CreateMode, CreateRequest, ErrorCode, OpCode, SessionId};

use crate::connection::Waiting;
use crate::event::{CloseReason, ConnId, Effect};
use crate::op;
use crate::server::Keeper;
use crate::session::Owner;

impl Keeper {
    /// A new client gets a session of this member.
    pub(crate) fn create_local_session(
        &mut self,
        now: Now,
        conn: ConnId,
        session: SessionId,
        timeout_ms: i32,
        effects: &mut Vec<Effect>,
    ) {
        self.sessions.track_local(now, session, timeout_ms);
        self.sessions.set_owner(session, Owner::Here);
        self.welcome(now, conn, session, timeout_ms, effects);
    }

    /// A write of a session: a local one that wants an ephemeral node is made one of the ensemble, which stands in front of
    /// the write.
    ///
    /// # Errors
    /// `EPHEMERALONLOCALSESSION` when it must not be.
    pub(crate) fn upgrade_for(
        &mut self,
        now: Now,
        session: SessionId,
        op: OpCode,
        body: &Bytes,
        effects: &mut Vec<Effect>,
    ) -> Result<(), ErrorCode> {
        if !self.sessions.is_local(session) || !makes_ephemeral(op, body) {
            return Ok(());
        }
        if !self.config.local_sessions_upgrading {
            return Err(ErrorCode::EPHEMERAL_ON_LOCAL_SESSION);
        }
        let Some(timeout_ms) = self.sessions.make_global(now, session) else { return Ok(()) };
        let op = OpCode::CREATE_SESSION;
        match self.txn_header(now, session, 0, op) {
            Some(header) => self.propose(header, op::create_session::txn(timeout_ms), op, None, effects),
            None => self.request(session, 0, op, &timeout_ms.to_be_bytes(), None, effects),
        }
        Ok(())
    }

    /// The client of a local session asks for its end, which comes in its turn.
    pub(crate) fn on_local_close(
        &mut self,
        now: Now,
        conn: ConnId,
        session: SessionId,
        xid: i32,
        effects: &mut Vec<Effect>,
    ) {
        self.sessions.set_closing(session);
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        connection.waiting.push_back(Waiting::LocalEnd(xid));
        self.drain(now, conn, effects);
    }

    /// Local sessions that nothing was heard of for too long.
    pub(crate) fn expire_local_sessions(&mut self, now: Now, effects: &mut Vec<Effect>) {
        for session in self.sessions.expired_local(now) {
            self.expired += 1;
            if let Some(conn) = self.sessions.remove(session).and_then(|session| session.conn) {
                self.close(conn, CloseReason::SessionExpired, effects);
            }
        }
    }
}

/// Whether a request asks for a node that the session would own. What cannot be read is refused elsewhere.
fn makes_ephemeral(op: OpCode, body: &Bytes) -> bool {
    let asks = |request: &CreateRequest| CreateMode::from_flags(request.flags).is_some_and(CreateMode::is_ephemeral);
    match op {
        OpCode::CREATE | OpCode::CREATE2 => op::decode::<CreateRequest>(body).is_ok_and(|request| asks(&request)),
        OpCode::MULTI => op::decode::<MultiRequest>(body).is_ok_and(|multi| {
            multi
                .ops
                .iter()
                .any(|op| matches!(op, MultiOp::Create(request) | MultiOp::Create2(request) if asks(request)))
        }),
        _ => false,
    }
}
