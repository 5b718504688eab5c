//! What is durable is applied, in zxid order: the tree changes, watch events go out, then the reply, then the reads and
//! barriers that waited behind it (upstream: `CommitProcessor`, `FinalRequestProcessor.applyRequest`).

use base::Now;
use base::map::KeyedMap;
use base::planted::PlantedBug;
use bytes::Bytes;
use zk_wire::txn::TxnBody;
use zk_wire::{ConnectResponse, ErrorCode, Jute, OpCode, TxnHeader, WatcherEvent, Zxid, frame};

use crate::audit::{self, AuditRequest};
use crate::config::Config;
use crate::connection::{Connection, Then, Waiting};
use crate::ensemble::Order;
use crate::event::{CloseReason, ConnId, Effect, ReadOutcome};
use crate::fanout::{Fanout, Fanouts, Telling};
use crate::finish;
use crate::op;
use crate::server::Keeper;
use crate::tree::{Applied, Change, Closing, Counting};
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
    work: Work,
    /// The tree's digest before the first piece.
    pub digest_before: i64,
}

/// What there is to do in pieces.
#[derive(Debug)]
enum Work {
    /// The nodes of a session go.
    Closing(Closing),
    /// What a quota covers is counted, and then the transaction is applied at once.
    Counting(Counting),
}

impl Keeper {
    /// Applies a transaction and sends everything that follows from it.
    fn commit(&mut self, now: Now, mut pending: Pending, effects: &mut Vec<Effect>) {
        let digest_before = self.tree.digest();
        if let Some(work) = self.long_work(&mut pending) {
            return self.piece(now, Unfinished { pending, work, digest_before }, effects);
        }
        let applied = self.apply(&pending, effects);
        self.applied(now, &pending, &applied, effects);
    }

    /// What takes more than a piece; `None` when the transaction can be applied at once.
    fn long_work(&mut self, pending: &mut Pending) -> Option<Work> {
        let piece_max = self.config.piece_max;
        let TxnBody::CloseSession(txn) = &mut pending.body else {
            let counting = self.tree.count_begin(&pending.body).filter(|_| self.tree.nodes_count() > piece_max);
            return counting.map(Work::Counting);
        };
        let listed = txn.as_mut().and_then(|txn| txn.paths_to_delete.as_mut());
        let owned = self.tree.ephemerals_of(pending.header.client_id);
        if listed.as_ref().map_or(0, |listed| listed.len()).max(owned) <= piece_max {
            return None;
        }
        let listed = listed.map(core::mem::take).unwrap_or_default();
        if self.config.bug.is(PlantedBug::UnfinishedCloseShown) {
            self.last_processed = pending.header.zxid;
        }
        Some(Work::Closing(self.tree.close_begin(&pending.header, listed)))
    }

    /// A piece more of what is done in pieces: of an event that goes to many, or of a transaction.
    pub(crate) fn go_on(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.fanouts.begin_step();
        if !self.fanouts.is_empty() {
            let with = Telling { watches: &self.watches, conns: &self.conns };
            self.fanouts.go_on(self.config.piece_max, with, effects);
        } else if let Some(unfinished) = self.unfinished.take() {
            self.piece(now, unfinished, effects);
        }
        self.commit_ready(now, effects);
    }

    /// A piece more of a transaction. Reads may come between two of them: they see some of a session's nodes gone, and
    /// the zxid of the transaction before. Transactions behind it wait until it is whole.
    fn piece(&mut self, now: Now, mut unfinished: Unfinished, effects: &mut Vec<Effect>) {
        let piece_max = self.config.piece_max;
        match unfinished.work {
            Work::Closing(mut closing) => {
                self.close_piece(&unfinished.pending, &mut closing, effects);
                if closing.is_over() {
                    return self.applied(now, &unfinished.pending, &Applied::default(), effects);
                }
                unfinished.work = Work::Closing(closing);
            }
            Work::Counting(mut counting) => {
                if self.tree.count_piece(&mut counting, piece_max) {
                    self.tree.use_counts(counting);
                    let applied = self.apply(&unfinished.pending, effects);
                    return self.applied(now, &unfinished.pending, &applied, effects);
                }
                unfinished.work = Work::Counting(counting);
            }
        }
        self.unfinished = Some(unfinished);
    }

    fn close_piece(&mut self, pending: &Pending, closing: &mut Closing, effects: &mut Vec<Effect>) {
        let piece = closing.piece(self.config.piece_max);
        let mut on_change =
            teller(pending.header.zxid, &self.watches, &self.conns, &self.config, &mut self.fanouts, effects);
        self.tree.close_piece(closing, &piece, &mut on_change);
        drop(on_change);
        if self.config.audit {
            let session = pending.header.client_id;
            let gone = piece.iter().map(|path| audit::went_with_its_session(session, path));
            effects.extend(gone.map(Effect::Audit));
        }
    }

    /// Applies what is committed, up to one that takes longer, and as long as the step has told few.
    pub(crate) fn commit_ready(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.held_back = false;
        while self.unfinished.is_none() {
            if !self.fanouts.has_room(self.config.piece_max) {
                self.held_back = true;
                return;
            }
            let Some(pending) = self.next_committed() else { return };
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
        let mut on_change =
            teller(pending.header.zxid, &self.watches, &self.conns, &self.config, &mut self.fanouts, effects);
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
        self.send(conn, frame, effects);
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
    pub(crate) fn welcome(
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
        // A local session here is not what that transaction ends: its client was refused elsewhere.
        let elsewhere = self.sessions.is_local(pending.header.client_id);
        let session = if elsewhere { None } else { self.sessions.remove(pending.header.client_id) };
        if self.config.local_sessions && !elsewhere {
            self.sessions.note_ended(pending.header.client_id);
        }
        let asked = pending.conn.filter(|conn| self.conns.contains_key(conn));
        if let Some(conn) = asked {
            let frame = finish::error(pending.header.cxid, pending.header.zxid, ErrorCode::OK);
            self.send(conn, frame, effects);
            self.close(conn, CloseReason::ClosedByClient, effects);
        }
        if let Some(conn) = session.and_then(|session| session.conn)
            && asked != Some(conn)
        {
            self.close(conn, CloseReason::SessionExpired, effects);
        }
    }

    /// What goes to a connection goes behind the events that are on their way to it.
    pub(crate) fn send(&mut self, conn: ConnId, frame: Bytes, effects: &mut Vec<Effect>) {
        self.catch_up(conn, effects);
        effects.push(Effect::Send { conn, frame });
    }

    /// Events on their way to a connection reach it now. In front of each read: it may leave the watch anew.
    pub(crate) fn catch_up(&mut self, conn: ConnId, effects: &mut Vec<Effect>) {
        if !self.fanouts.is_empty() {
            self.fanouts.catch_up(conn, Telling { watches: &self.watches, conns: &self.conns }, effects);
        }
    }

    /// Answers what no longer waits, up to the connection's next write under way.
    pub(crate) fn drain(&mut self, now: Now, conn: ConnId, effects: &mut Vec<Effect>) {
        while let Some(connection) = self.conns.get_mut(&conn) {
            match connection.waiting.front() {
                None
                | Some(
                    Waiting::Write(_) | Waiting::Forwarded(_) | Waiting::ForwardedSync { .. } | Waiting::Unconfirmed(_),
                ) => return,
                Some(Waiting::Barrier { until, .. }) if *until > self.last_processed => return,
                Some(_) => {}
            }
            match connection.waiting.pop_front().expect("looked at above") {
                Waiting::Write(_) | Waiting::Forwarded(_) | Waiting::ForwardedSync { .. } | Waiting::Unconfirmed(_) => {
                    unreachable!("returned above")
                }
                Waiting::Held(first) => self.take_up(now, conn, first, effects),
                Waiting::Barrier { then: Then::Reads, .. } => {}
                Waiting::Refused(xid, ErrorCode::UNIMPLEMENTED) => {
                    // Upstream's request has no zxid yet when it is turned away.
                    let frame = finish::error(xid, Zxid(-1), ErrorCode::UNIMPLEMENTED);
                    self.send(conn, frame, effects);
                    self.close(conn, CloseReason::Unimplemented, effects);
                }
                Waiting::Refused(xid, code) => {
                    let frame = finish::error(xid, self.last_processed, code);
                    self.send(conn, frame, effects);
                }
                Waiting::LocalEnd(xid) => {
                    if let Some(session) = self.conns.get(&conn).and_then(|connection| connection.session) {
                        self.sessions.remove(session);
                    }
                    let frame = finish::error(xid, self.last_processed, ErrorCode::OK);
                    self.send(conn, frame, effects);
                    self.close(conn, CloseReason::ClosedByClient, effects);
                }
                Waiting::Read(header, body) => {
                    self.catch_up(conn, effects);
                    send_outcome(conn, self.answer(conn, &header, &body), effects);
                }
                Waiting::Barrier { then: Then::Sync { xid, path }, .. } => {
                    let write = |out: &mut _| op::answer_sync(path, out);
                    let frame = finish::reply(xid, self.last_processed, Ok(write));
                    self.send(conn, frame, effects);
                }
                Waiting::Barrier { then: Then::Sought { session, timeout_ms }, .. } => {
                    self.renew_session(now, conn, session, timeout_ms, effects);
                }
                Waiting::Barrier { then: Then::Renewed { session, timeout_ms }, .. } => {
                    self.welcome(now, conn, session, timeout_ms, effects);
                }
            }
        }
    }
}

/// Tells the connections that wait for a change of it: one frame, shared.
fn teller<'a>(
    zxid: Zxid,
    watches: &'a Watches,
    conns: &'a KeyedMap<ConnId, Connection>,
    config: &'a Config,
    fanouts: &'a mut Fanouts,
    effects: &'a mut Vec<Effect>,
) -> impl FnMut(Change<'_>) + 'a {
    let open = config.skip_acl || config.bug.is(PlantedBug::WatchWithoutAcl);
    move |change| {
        let parent = crate::path::split(change.path).map(|(parent, _)| parent);
        watches.fire(change.kind, change.path, parent, |told: Told<'_>| {
            let list = if told.of_parent { &change.parent_acl } else { &change.acl };
            let event =
                WatcherEvent { event_type: told.event as i32, state: op::SYNC_CONNECTED, path: told.path.into() };
            let fanout = Fanout {
                frame: frame::notification(zxid, &event),
                acl: (!open).then(|| list.clone()),
                in_table: told.in_table,
                path: event.path,
                hits: told.hits,
            };
            fanouts.add(fanout, config.piece_max, Telling { watches, conns }, effects);
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
