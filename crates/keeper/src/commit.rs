//! What is durable is applied, in zxid order: the tree changes, watch events go out, then the reply, then the reads and
//! barriers that waited behind it (upstream: `CommitProcessor`, `FinalRequestProcessor.applyRequest`).

use base::map::KeyedMap;
use base::planted::PlantedBug;
use base::{Now, Str};
use zk_wire::txn::TxnBody;
use zk_wire::{ConnectResponse, ErrorCode, Jute, OpCode, TxnHeader, WatcherEvent, Zxid, frame, perms};

use crate::acl;
use crate::audit::{self, AuditRequest};
use crate::config::Config;
use crate::connection::{Connection, Then, Waiting};
use crate::ensemble::Order;
use crate::event::{CloseReason, ConnId, Effect, ReadOutcome};
use crate::finish;
use crate::op;
use crate::server::Keeper;
use crate::tree::{Applied, Change};
use crate::watch::{Told, Watches};

/// A write under way.
#[derive(Debug)]
pub(crate) struct Pending {
    /// Its transaction.
    pub header: TxnHeader,
    /// Its transaction.
    pub body: TxnBody,
    /// The tree's digest behind it, as `prep` foresaw it; `None` when the leader that made it has digests switched off.
    pub digest: Option<i64>,
    /// Whether `prep` was here: then the tree cannot refuse it.
    pub prepared: bool,
    /// What was asked for.
    pub op: OpCode,
    /// Who waits.
    pub conn: Option<ConnId>,
    /// The request, when it is to be in the audit log.
    pub audit: Option<AuditRequest>,
}

/// A transaction that is applied in pieces.
#[derive(Debug)]
pub(crate) struct Unfinished {
    pending: Pending,
    /// The listed nodes that are still there.
    left: std::vec::IntoIter<Str>,
    /// The tree's digest before the first piece.
    pub digest_before: i64,
}

/// Nodes that go in one step.
const PIECE: usize = 1000;

impl Keeper {
    /// Applies a transaction and sends everything that follows from it.
    fn commit(&mut self, now: Now, mut pending: Pending, effects: &mut Vec<Effect>) {
        if let Some(left) = take_long_list(&mut pending.body) {
            let digest_before = self.tree.digest();
            self.unfinished = Some(Unfinished { pending, left, digest_before });
            return self.go_on(now, effects);
        }
        let applied = self.apply(&pending, effects);
        self.applied(now, &pending, &applied, effects);
    }

    /// A piece more of a transaction that is applied in pieces. Reads may come between two of them: they see some of its
    /// nodes gone, and the zxid of the transaction before. Transactions behind it wait until it is whole.
    pub(crate) fn go_on(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let Some(mut unfinished) = self.unfinished.take() else { return };
        let Unfinished { pending, left, .. } = &mut unfinished;
        // Forgotten in pieces, too.
        let piece: Vec<Str> = left.by_ref().take(PIECE).collect();
        let whole = left.as_slice().is_empty();
        let mut on_change = teller(pending.header.zxid, &self.watches, &self.conns, &self.config, effects);
        self.tree.close_piece(&pending.header, &piece, &mut on_change);
        drop(on_change);
        if self.config.audit {
            let session = pending.header.client_id;
            let gone = piece.iter().map(|path| audit::went_with_its_session(session, path));
            effects.extend(gone.map(Effect::Audit));
        }
        if !whole {
            self.unfinished = Some(unfinished);
            return;
        }
        let mut on_change = teller(pending.header.zxid, &self.watches, &self.conns, &self.config, effects);
        self.tree.close_rest(&pending.header, &mut on_change);
        drop(on_change);
        self.applied(now, &unfinished.pending, &Applied::default(), effects);
        self.commit_ready(now, effects);
    }

    /// Applies what is committed, up to one that takes longer.
    pub(crate) fn commit_ready(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while self.unfinished.is_none()
            && let Some(pending) = self.next_committed()
        {
            self.commit(now, pending, effects);
        }
    }

    fn next_committed(&mut self) -> Option<Pending> {
        match &mut self.order {
            Order::Alone(broadcast) => {
                let proposal = broadcast.next_committed()?;
                let pending = self.pending.pop_front().expect("every proposal has its write");
                assert_eq!(pending.header.zxid, proposal.zxid, "commits come in the order of proposals");
                Some(pending)
            }
            Order::Member(_) => self.next_delivered(),
        }
    }

    /// A transaction is in the tree as a whole.
    fn applied(&mut self, now: Now, pending: &Pending, applied: &Applied, effects: &mut Vec<Effect>) {
        let zxid = pending.header.zxid;
        if self.config.audit {
            effects.extend(audit::records(pending).into_iter().map(Effect::Audit));
        }
        self.last_processed = zxid;
        self.outstanding.retire(zxid);
        self.digest_log.applied(zxid, self.tree.digest());
        self.compare_digest(pending.digest);
        match &pending.body {
            TxnBody::CreateSession(txn) => self.established(now, pending, txn.timeout_ms, effects),
            TxnBody::Error(error) if ErrorCode(error.err) == ErrorCode::SESSION_MOVED => {
                // Its client speaks elsewhere by now, and must not take this for that connection's answer.
                if let Some(conn) = pending.conn {
                    self.close(conn, CloseReason::SessionMoved, effects);
                }
            }
            TxnBody::CloseSession(_) => self.session_closed(pending, effects),
            _ => self.answer_write(pending, applied, effects),
        }
        if let Some(conn) = pending.conn {
            self.drain(now, conn, effects);
        }
        while let Some(entry) = self.barriers.first_entry().filter(|entry| *entry.key() <= zxid) {
            for conn in entry.remove() {
                self.drain(now, conn, effects);
            }
        }
    }

    fn compare_digest(&mut self, expected: Option<i64>) {
        let Some(expected) = expected else { return };
        match (expected == self.tree.digest(), self.comparable) {
            (true, _) => self.comparable = true,
            (false, true) => self.digest_mismatches += 1,
            (false, false) => {}
        }
    }

    fn apply(&mut self, pending: &Pending, effects: &mut Vec<Effect>) -> Applied {
        let mut on_change = teller(pending.header.zxid, &self.watches, &self.conns, &self.config, effects);
        let applied = self.tree.apply(&pending.header, &pending.body, &mut on_change);
        let foreseen = match &pending.body {
            TxnBody::Error(_) | TxnBody::Multi(_) => true,
            _ => applied.err.is_none(),
        };
        assert!(
            foreseen || !pending.prepared,
            "prep allowed {:?}, the tree refused it: {:?}",
            pending.body,
            applied.err
        );
        applied
    }

    fn answer_write(&mut self, pending: &Pending, applied: &Applied, effects: &mut Vec<Effect>) {
        let Some(conn) = pending.conn else { return };
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        let front = connection.waiting.pop_front();
        assert!(matches!(front, Some(Waiting::Write(zxid)) if zxid == pending.header.zxid), "{front:?} was in front");
        let header = &pending.header;
        let frame = finish::write(header.cxid, header.zxid, pending.op, &pending.body, applied);
        effects.push(Effect::Send { conn, frame });
    }

    fn established(&mut self, now: Now, pending: &Pending, timeout_ms: i32, effects: &mut Vec<Effect>) {
        self.sessions.created(now, pending.header.client_id, timeout_ms);
        let Some(conn) = pending.conn else { return };
        if let Some(connection) = self.conns.get_mut(&conn) {
            let front = connection.waiting.pop_front();
            assert!(matches!(front, Some(Waiting::Write(_))), "{front:?} was in front of a new session");
        }
        self.welcome(now, conn, pending.header.client_id, timeout_ms, effects);
    }

    /// The session is valid on this connection from now on.
    fn welcome(
        &mut self,
        now: Now,
        conn: ConnId,
        session: zk_wire::SessionId,
        timeout_ms: i32,
        effects: &mut Vec<Effect>,
    ) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        let Some(tracked) = self.sessions.get_mut(session) else {
            let frame = ConnectResponse::expired(connection.read_only).to_bytes();
            effects.push(Effect::Send { conn, frame });
            return self.close(conn, CloseReason::SessionExpired, effects);
        };
        tracked.conn = Some(conn);
        tracked.heard.touch(now);
        connection.heard = tracked.heard.clone();
        (connection.session, connection.timeout_ms) = (Some(session), timeout_ms);
        let frame = ConnectResponse::accepted(session, timeout_ms, connection.read_only).to_bytes();
        effects.push(Effect::Send { conn, frame });
        effects.push(Effect::Established { conn, session, timeout_ms });
    }

    /// The client that asked gets its reply; a connection that the session still has ends.
    fn session_closed(&mut self, pending: &Pending, effects: &mut Vec<Effect>) {
        let session = self.sessions.remove(pending.header.client_id);
        let asked = pending.conn.filter(|conn| self.conns.contains_key(conn));
        if let Some(conn) = asked {
            let frame = finish::error(pending.header.cxid, pending.header.zxid, ErrorCode::OK);
            effects.push(Effect::Send { conn, frame });
            self.close(conn, CloseReason::ClosedByClient, effects);
        }
        if let Some(conn) = session.and_then(|session| session.conn)
            && asked != Some(conn)
        {
            self.close(conn, CloseReason::SessionExpired, effects);
        }
    }

    /// Answers what no longer waits, up to the connection's next write under way.
    pub(crate) fn drain(&mut self, now: Now, conn: ConnId, effects: &mut Vec<Effect>) {
        while let Some(connection) = self.conns.get_mut(&conn) {
            match connection.waiting.front() {
                None | Some(Waiting::Write(_) | Waiting::Forwarded(_) | Waiting::ForwardedSync { .. }) => return,
                Some(Waiting::Barrier { until, .. }) if *until > self.last_processed => return,
                Some(_) => {}
            }
            match connection.waiting.pop_front().expect("looked at above") {
                Waiting::Write(_) | Waiting::Forwarded(_) | Waiting::ForwardedSync { .. } => {
                    unreachable!("returned above")
                }
                Waiting::Refused(xid, ErrorCode::UNIMPLEMENTED) => {
                    // Upstream's request has no zxid yet when it is turned away.
                    let frame = finish::error(xid, Zxid(-1), ErrorCode::UNIMPLEMENTED);
                    effects.push(Effect::Send { conn, frame });
                    self.close(conn, CloseReason::Unimplemented, effects);
                }
                Waiting::Refused(xid, code) => {
                    let frame = finish::error(xid, self.last_processed, code);
                    effects.push(Effect::Send { conn, frame });
                }
                Waiting::Read(header, body) => {
                    let outcome = self.serve(conn, &header, &body);
                    send_outcome(conn, outcome, effects);
                }
                Waiting::Barrier { then: Then::Sync { xid, path }, .. } => {
                    let write = |out: &mut _| op::answer_sync(path, out);
                    let frame = finish::reply(xid, self.last_processed, Ok(write));
                    effects.push(Effect::Send { conn, frame });
                }
                Waiting::Barrier { then: Then::Renewed { session, timeout_ms }, .. } => {
                    self.welcome(now, conn, session, timeout_ms, effects);
                }
            }
        }
    }
}

/// The nodes that a transaction lists to be deleted, out of its body, if they are too many for one step.
fn take_long_list(body: &mut TxnBody) -> Option<std::vec::IntoIter<Str>> {
    let TxnBody::CloseSession(Some(txn)) = body else { return None };
    let list = txn.paths_to_delete.as_mut().filter(|list| list.len() > PIECE)?;
    Some(core::mem::take(list).into_iter())
}

/// Tells the connections that wait for a change of it: one frame, shared.
fn teller<'a>(
    zxid: Zxid,
    watches: &'a Watches,
    conns: &'a KeyedMap<ConnId, Connection>,
    config: &'a Config,
    effects: &'a mut Vec<Effect>,
) -> impl FnMut(Change<'_>) + 'a {
    move |change| {
        let parent = crate::path::split(change.path).map(|(parent, _)| parent);
        watches.fire(change.kind, change.path, parent, |told: Told<'_>| {
            let list = if told.of_parent { &change.parent_acl } else { &change.acl };
            let event =
                WatcherEvent { event_type: told.event as i32, state: op::SYNC_CONNECTED, path: told.path.into() };
            let frame = frame::notification(zxid, &event);
            for conn in told.conns {
                let Some(connection) = conns.get(conn) else { continue };
                // Who may not read the node is not told of it (CVE-2024-23944).
                let open = config.skip_acl || config.bug.is(PlantedBug::WatchWithoutAcl);
                if open || acl::allows(list, perms::READ, &connection.ids) {
                    effects.push(Effect::Send { conn: *conn, frame: frame.clone() });
                }
            }
        });
    }
}

/// What a read gave goes out.
pub(crate) fn send_outcome(conn: ConnId, outcome: ReadOutcome, effects: &mut Vec<Effect>) {
    match outcome {
        ReadOutcome::Reply(frame) => effects.push(Effect::Send { conn, frame }),
        ReadOutcome::Replies(frames) => effects.extend(frames.into_iter().map(|frame| Effect::Send { conn, frame })),
        ReadOutcome::Step | ReadOutcome::Gone => {}
    }
}
