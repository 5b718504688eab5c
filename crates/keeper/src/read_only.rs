//! A member that has no leader, for clients which say that what it knows will do (`readonlymode.enabled`; upstream:
//! `ReadOnlyZooKeeperServer`, `ReadOnlyRequestProcessor`).
//!
//! Reads are served, everything else is answered NOTREADONLY. Sessions are made here, are known nowhere else and end with
//! the mode; a session of the ensemble does not come here: it would be told that it is over.

use core::time::Duration;
use std::net::IpAddr;

use base::{Instant, Now};
use zk_wire::{ConnectRequest, ErrorCode, OpCode, SessionId};

use crate::connection::Waiting;
use crate::event::{CloseReason, ConnId, Effect};
use crate::finish;
use crate::server::Keeper;

/// An election shorter than this is not worth another mode.
const PATIENCE_MIN: Duration = Duration::from_secs(2);

/// The mode of one member.
#[derive(Debug, Default)]
pub(crate) struct ReadOnly {
    /// How long the member looks for a leader before; `None` when the operator does not want the mode.
    patience: Option<Duration>,
    /// Since when it looks.
    since: Option<Instant>,
    active: bool,
}

impl ReadOnly {
    pub fn new(enabled: bool, tick: Duration) -> Self {
        Self { patience: enabled.then(|| PATIENCE_MIN.max(tick)), since: None, active: false }
    }

    /// Whether the member looks for a leader. True when the mode has just ended.
    pub fn search(&mut self, now: Instant, looks: bool) -> bool {
        match looks {
            true => {
                self.since.get_or_insert(now);
                false
            }
            false => {
                self.since = None;
                core::mem::take(&mut self.active)
            }
        }
    }

    /// When the mode begins.
    fn begins(&self) -> Option<Instant> {
        let begins = self.since? + self.patience?;
        (!self.active).then_some(begins)
    }
}

impl Keeper {
    /// Whether this server serves reads, and nothing else, to clients that are content with it.
    pub fn reads_only(&self) -> bool {
        self.ensemble().is_some_and(|member| member.read_only.active)
    }

    pub(crate) fn read_only_deadline(&self) -> Option<Instant> {
        let read_only = &self.ensemble()?.read_only;
        if read_only.active { self.sessions.deadline() } else { read_only.begins() }
    }

    pub(crate) fn tick_read_only(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let Some(member) = self.member_mut() else { return };
        if member.read_only.begins().is_some_and(|begins| begins <= now.mono) {
            member.read_only.active = true;
        }
        if !self.reads_only() {
            return;
        }
        // The ensemble's sessions get their time anew from the next leader.
        for session in self.sessions.expired(now) {
            if self.sessions.is_provisional(session)
                && let Some(conn) = self.sessions.remove(session).and_then(|session| session.conn)
            {
                self.close(conn, CloseReason::SessionExpired, effects);
            }
        }
    }

    /// The mode is over: whoever was content with it finds a member that knows more.
    pub(crate) fn end_read_only(&mut self, effects: &mut Vec<Effect>) {
        for conn in self.connections() {
            self.close(conn, CloseReason::NotServing, effects);
        }
        self.sessions.lose_leader();
    }

    /// A client comes while there is no leader.
    pub(crate) fn on_connect_read_only(
        &mut self,
        now: Now,
        conn: ConnId,
        peer: IpAddr,
        request: &ConnectRequest,
        effects: &mut Vec<Effect>,
    ) {
        let asked = request.session;
        let known = asked == SessionId::NONE
            || (self.sessions.is_provisional(asked)
                && request.passwd.0.as_deref() == Some(asked.password().as_slice()));
        if request.read_only != Some(true) || !known {
            return effects.push(Effect::Close { conn, reason: CloseReason::NotServing });
        }
        let Some(timeout_ms) = self.admit(conn, peer, request, Some(true), effects) else { return };
        let session = if asked == SessionId::NONE { self.sessions.allocate() } else { asked };
        if asked == SessionId::NONE {
            self.sessions.track(now, session, timeout_ms);
        }
        let former = self.sessions.get_mut(session).and_then(|tracked| tracked.conn.replace(conn));
        if let Some(former) = former {
            self.close(former, CloseReason::SessionMoved, effects);
        }
        self.sessions.renew(now, session, timeout_ms);
        self.welcome(now, conn, session, timeout_ms, effects);
    }

    /// What is no read is refused, but for the end of the session.
    pub(crate) fn on_write_read_only(
        &mut self,
        now: Now,
        conn: ConnId,
        session: SessionId,
        xid: i32,
        op: OpCode,
        effects: &mut Vec<Effect>,
    ) {
        if op == OpCode::CLOSE_SESSION {
            self.sessions.remove(session);
            let frame = finish::error(xid, self.last_processed, ErrorCode::OK);
            effects.push(Effect::Send { conn, frame });
            return self.close(conn, CloseReason::ClosedByClient, effects);
        }
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        connection.waiting.push_back(Waiting::Refused(xid, ErrorCode::NOT_READ_ONLY));
        self.drain(now, conn, effects);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    #[test]
    fn the_mode_begins_after_an_unbroken_search_and_ends_with_it() {
        let mut mode = ReadOnly::new(true, Duration::from_millis(3000));
        assert_eq!(mode.begins(), None);
        assert!(!mode.search(at(100), true));
        assert_eq!(mode.begins(), Some(at(3100)));
        assert!(!mode.search(at(2000), false), "it had not begun");
        assert!(!mode.search(at(5000), true));
        assert_eq!(mode.begins(), Some(at(8000)));
        mode.active = true;
        assert_eq!(mode.begins(), None);
        assert!(!mode.search(at(9000), true) && mode.search(at(9500), false));
        assert!(!mode.search(at(9600), false), "it ends once");
        let mut unwanted = ReadOnly::new(false, Duration::from_millis(3000));
        unwanted.search(at(0), true);
        assert_eq!(unwanted.begins(), None);
    }
}
