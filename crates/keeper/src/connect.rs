//! How a client gets its session: a new one, or one that goes on here.

use std::net::IpAddr;

use base::Now;
use base::planted::PlantedBug;
use zk_wire::{ConnectRequest, ConnectResponse, Jute, OpCode, SessionId};

use crate::connection::{Connection, Then};
use crate::event::{CloseReason, ConnId, Effect};
use crate::op;
use crate::server::Keeper;
use crate::session::Owner;

impl Keeper {
    /// A client comes.
    pub(crate) fn on_connect(
        &mut self,
        now: Now,
        conn: ConnId,
        peer: IpAddr,
        request: &ConnectRequest,
        effects: &mut Vec<Effect>,
    ) {
        if self.reads_only() {
            return self.on_connect_read_only(now, conn, peer, request, effects);
        }
        if !self.takes_clients() {
            return effects.push(Effect::Close { conn, reason: CloseReason::NotServing });
        }
        let told = answered_read_only(request);
        let Some(timeout_ms) = self.admit(conn, peer, request, told, effects) else { return };
        if request.session == SessionId::NONE {
            self.create_session(now, conn, timeout_ms, effects);
        } else {
            self.resume_session(now, conn, request, timeout_ms, effects);
        }
    }

    /// Takes a client, unless it has seen more than this server. Gives the timeout that its session will have; `read_only`
    /// is the last byte of its answer.
    pub(crate) fn admit(
        &mut self,
        conn: ConnId,
        peer: IpAddr,
        request: &ConnectRequest,
        read_only: Option<bool>,
        effects: &mut Vec<Effect>,
    ) -> Option<i32> {
        if request.last_zxid_seen > self.last_processed {
            effects.push(Effect::Close { conn, reason: CloseReason::ClientAhead });
            return None;
        }
        let before = self.conns.insert(conn, Connection::new(conn, peer, read_only));
        assert!(before.is_none(), "connection {conn:?} connected twice");
        Some(self.config.negotiate(request.timeout_ms))
    }

    fn create_session(&mut self, now: Now, conn: ConnId, timeout_ms: i32, effects: &mut Vec<Effect>) {
        let session = self.sessions.allocate();
        if self.config.local_sessions && self.ensemble().is_some() {
            return self.create_local_session(now, conn, session, timeout_ms, effects);
        }
        self.sessions.track(now, session, timeout_ms);
        let Some(header) = self.txn_header(now, session, 0, OpCode::CREATE_SESSION) else {
            return self.forward_new_session(conn, session, timeout_ms, effects);
        };
        self.sessions.set_owner(session, Owner::Here);
        let body = op::create_session::txn(timeout_ms);
        self.propose(header, body, OpCode::CREATE_SESSION, Some(conn), effects);
    }

    /// The answer waits for the writes under way: the client must see what became of its former connection's.
    fn resume_session(
        &mut self,
        now: Now,
        conn: ConnId,
        request: &ConnectRequest,
        timeout_ms: i32,
        effects: &mut Vec<Effect>,
    ) {
        let session = request.session;
        let unchecked = self.config.bug.is(PlantedBug::PasswordNotChecked);
        let password_good = unchecked || request.passwd.0.as_deref() == Some(session.password().as_slice());
        if password_good && !self.orders() && !self.sessions.is_local(session) {
            return self.ask_for_session(conn, session, timeout_ms, effects);
        }
        let told_early = self.config.bug.is(PlantedBug::EndToldBeforeCommit);
        if password_good && self.sessions.is_closing(session) && !told_early {
            // Its end may never be committed: a leader that stood still for long must not say that it is over.
            self.hasten_end(now, session, effects);
            return self.wait(now, conn, Then::Renewed { session, timeout_ms }, effects);
        }
        if !password_good {
            return self.refuse_session(conn, effects);
        }
        let unconfirmed = self.config.bug.is(PlantedBug::UnknownSaidToBeOver);
        if self.sessions.get_mut(session).is_none() && self.ensemble().is_some() && !told_early && !unconfirmed {
            self.hasten_orphan(now, session, effects);
            return self.seek_session(now, conn, session, timeout_ms, effects);
        }
        self.renew_session(now, conn, session, timeout_ms, effects);
    }

    /// The session is not there (any more).
    pub(crate) fn refuse_session(&mut self, conn: ConnId, effects: &mut Vec<Effect>) {
        let Some(connection) = self.conns.get(&conn) else { return };
        let frame = ConnectResponse::expired(connection.read_only).to_bytes();
        effects.push(Effect::Send { conn, frame });
        self.close(conn, CloseReason::SessionExpired, effects);
    }

    /// The session goes on, on this connection.
    pub(crate) fn renew_session(
        &mut self,
        now: Now,
        conn: ConnId,
        session: SessionId,
        timeout_ms: i32,
        effects: &mut Vec<Effect>,
    ) {
        let Some(tracked) = self.sessions.get_mut(session) else { return self.refuse_session(conn, effects) };
        if let Some(former) = tracked.conn.replace(conn) {
            self.close(former, CloseReason::SessionMoved, effects);
        }
        self.sessions.set_owner(session, Owner::Here);
        self.sessions.renew(now, session, timeout_ms);
        self.wait(now, conn, Then::Renewed { session, timeout_ms }, effects);
    }
}

/// What the answer's last byte says: that the server is not in read-only mode, if the client knows of that byte.
fn answered_read_only(request: &ConnectRequest) -> Option<bool> {
    request.read_only.map(|_| false)
}
