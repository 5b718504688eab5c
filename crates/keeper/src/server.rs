//! The machine. It routes and nothing else.

use core::mem;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use base::map::KeyedMap;
use base::planted::PlantedBug;
use base::{Instant, Now, Prng};
use bytes::{Bytes, BytesMut};
use zab::{Ack, Broadcast, Proposal, QuorumVerifier, Synced};
use zk_wire::txn::{DIGEST_VERSION, Transaction, TxnBody};
use zk_wire::{ErrorCode, Id, OpCode, RequestHeader, SessionId, TxnDigest, TxnHeader, Zxid, ZxidDigest};

use crate::audit::AuditRequest;
use crate::commit::{Pending, Unfinished, send_outcome};
use crate::config::Config;
use crate::connection::{Connection, Then, Waiting};
use crate::containers::Containers;
use crate::digest_log::DigestLog;
use crate::ensemble::Order;
use crate::event::{CloseReason, ConnId, Effect, Event, ReadOutcome};
use crate::fanout::Fanouts;
use crate::finish;
use crate::op::{self, Reading, Route};
use crate::prep::{Against, Outstanding, Prep};
use crate::roll::Roll;
use crate::session::{Owner, Sessions};
use crate::snapshot::{self, SnapshotCursor};
use crate::tree::Tree;
use crate::watch::Watches;

/// The operator hears of quotas no more often than this.
const QUOTA_NOTE_INTERVAL: Duration = Duration::from_secs(1);

/// Transactions share pieces of memory of this size. A larger one has its own.
const PAYLOADS_BYTES: usize = 64 * 1024;
/// With less than this left of a piece, the next one is begun.
const PAYLOAD_BYTES: usize = 256;

/// The coordination service.
#[derive(Debug)]
pub struct Keeper {
    pub(crate) config: Config,
    pub(crate) tree: Tree,
    pub(crate) sessions: Sessions,
    pub(crate) watches: Watches,
    pub(crate) conns: KeyedMap<ConnId, Connection>,
    /// Writes as later ones must see them, in zxid order with `pending` and the proposals in `order`.
    pub(crate) outstanding: Outstanding,
    pub(crate) pending: VecDeque<Pending>,
    pub(crate) order: Order,
    /// Connections with a barrier, by the transaction it waits for.
    pub(crate) barriers: BTreeMap<Zxid, Vec<ConnId>>,
    pub(crate) last_processed: Zxid,
    /// The transaction behind it, while it is applied in pieces.
    pub(crate) unfinished: Option<Unfinished>,
    pub(crate) fanouts: Fanouts,
    /// Whether there may be more to apply than the last step did.
    pub(crate) held_back: bool,
    pub(crate) digest_mismatches: u64,
    /// Whether digests in transactions are of this tree: not behind a snapshot that holds parts of later transactions, a
    /// leader's or one of this server's own, before one of them has agreed.
    pub(crate) comparable: bool,
    pub(crate) containers: Containers,
    quota_note_next: Instant,
    pub(crate) digest_log: DigestLog,
    /// Sessions that ended because nothing was heard of them.
    pub(crate) expired: u64,
    pub(crate) roll: Roll,
    /// Sessions whose end is to be proposed: those that own nodes but are not known, and those that have expired.
    pub(crate) ending: VecDeque<SessionId>,
    /// The latest transactions that recovery replayed, for those who will ask a member for them.
    pub(crate) window: Vec<Proposal>,
    /// The first of `ending`, when a tick has put it off so that its nodes can be listed.
    pub(crate) unlisted: Option<SessionId>,
    /// Transactions on their way to the log are cut from here: many share one piece of memory.
    payloads: BytesMut,
}

/// What recovery found.
pub(crate) struct Recovered {
    pub config: Config,
    pub tree: Tree,
    pub sessions: Vec<(SessionId, i32)>,
    pub last: Zxid,
    /// Whether the tree is exactly that behind `last`.
    pub comparable: bool,
    pub digest_mismatches: u64,
    pub digest_log: DigestLog,
    pub window: Vec<Proposal>,
}

impl Keeper {
    pub(crate) fn standalone(recovered: Recovered, now: Now, mut prng: Prng) -> Self {
        let Recovered { config, tree, sessions: known, last, comparable, digest_mismatches, digest_log, window } =
            recovered;
        let mut sessions = Sessions::new(config.server_id, config.tick_time_ms, now, &mut prng);
        for (id, timeout_ms) in known {
            sessions.created(now, id, timeout_ms);
        }
        let ending = tree.ephemeral_owners().filter(|owner| sessions.check(*owner).is_err()).collect();
        let sid = i64::from(config.server_id);
        Self {
            outstanding: Outstanding::new(tree.digest(), &mut prng),
            watches: Watches::new(&mut prng).planted(config.bug),
            conns: KeyedMap::new(&mut prng),
            pending: VecDeque::new(),
            order: Order::Alone(Broadcast::new(QuorumVerifier::majority([sid]), last)),
            barriers: BTreeMap::new(),
            last_processed: last,
            unfinished: None,
            fanouts: Fanouts::default(),
            held_back: false,
            digest_mismatches,
            comparable,
            containers: Containers::new(&config, now),
            quota_note_next: now.mono,
            digest_log,
            expired: 0,
            roll: Roll::new(&config, prng),
            ending,
            window,
            unlisted: None,
            payloads: BytesMut::with_capacity(PAYLOADS_BYTES),
            config,
            tree,
            sessions,
        }
    }

    /// Takes one event; what follows from it is appended to `effects`.
    pub fn step(&mut self, now: Now, event: Event, effects: &mut Vec<Effect>) {
        self.fanouts.begin_step();
        if let Some(event) = self.hold_back(event) {
            self.take(now, event, effects);
        }
    }

    /// Takes an event in its turn.
    pub(crate) fn take(&mut self, now: Now, event: Event, effects: &mut Vec<Effect>) {
        match event {
            Event::Connect { conn, peer, request } => self.on_connect(now, conn, peer, &request, effects),
            Event::Request { conn, header, body } => self.on_request(now, conn, &header, body, effects),
            Event::Disconnected { conn } => self.forget(conn),
            Event::Synced { zxid } => self.on_synced(now, zxid, effects),
            Event::SnapshotDone => self.roll.on_snapshot_done(),
            Event::Ensemble(event) => self.on_ensemble(now, event, effects),
            Event::HandOver { asked, to } => self.on_hand_over(now, asked, to, effects),
            Event::Tick => self.on_tick(now, effects),
            Event::GoOn => self.go_on(now, effects),
            Event::Listed(listing) => self.outstanding.listed(listing),
        }
    }

    /// Every session gets its whole timeout again: clients could not be heard until now. Recovery may have taken longer
    /// than some timeouts.
    pub fn restart_timeouts(&mut self, now: Now) {
        self.sessions.restart_timeouts(now);
    }

    /// Whether a transaction is applied in part, an event has not reached everybody, or there is more to apply:
    /// [`Event::GoOn`] is wanted soon, with reads in between.
    pub fn is_unfinished(&self) -> bool {
        self.unfinished.is_some() || !self.fanouts.is_empty() || self.held_back
    }

    /// When the machine next wants [`Event::Tick`].
    pub fn deadline(&self) -> Option<Instant> {
        let of_ensemble = self.ensemble().and_then(|member| member.peer().deadline());
        if !self.orders() {
            // None ends while leadership is handed over, which a leader that lost it meanwhile may still be about.
            let local = self.sessions.local_deadline().filter(|_| !self.hands_over());
            return of_ensemble.into_iter().chain(self.read_only_deadline()).chain(local).min();
        }
        if self.hands_over() {
            return of_ensemble;
        }
        let ending = (!self.ending.is_empty()).then_some(Instant::ZERO);
        let sessions = ending.into_iter().chain(self.sessions.deadline());
        sessions.chain(self.sessions.local_deadline()).chain(self.containers_deadline()).chain(of_ensemble).min()
    }

    /// Serves a read (or ping) of a connection that has nothing unanswered; anything else gives
    /// [`ReadOutcome::Step`].
    pub fn read(&self, now: Now, conn: ConnId, header: &RequestHeader, body: Bytes) -> ReadOutcome {
        let Some(connection) = self.conns.get(&conn) else { return ReadOutcome::Gone };
        let op = OpCode(header.opcode);
        let is_read = op::route(op) == Some(Route::Read) && !self.awaits_leader(op);
        if !is_read || connection.session.is_none() || !connection.waiting.is_empty() {
            return ReadOutcome::Step;
        }
        if !self.fanouts.is_empty() && self.fanouts.concern(conn) {
            return ReadOutcome::Step;
        }
        connection.heard.touch(now);
        self.serve(conn, header, &body)
    }

    /// Whether requests of the connection wait here for an answer.
    pub fn parked(&self, conn: ConnId) -> bool {
        self.conns.get(&conn).is_some_and(|connection| !connection.waiting.is_empty())
    }

    /// Writes that are proposed, or at the leader, and not committed: against `globalOutstandingLimit`.
    pub fn outstanding(&self) -> usize {
        self.pending.len() + self.ensemble().map_or(0, |member| member.forwarded)
    }

    /// Every connection, in order.
    pub fn connections(&self) -> Vec<ConnId> {
        self.conns.sorted().map(|(conn, _)| *conn).collect()
    }

    /// The last transaction that was applied.
    pub fn last_processed(&self) -> Zxid {
        self.last_processed
    }

    /// How often a transaction's digest was not that of the tree, since and during recovery: 0, or something is wrong.
    pub fn digest_mismatches(&self) -> u64 {
        self.digest_mismatches
    }

    /// What the operator decided.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The nodes, for looking at.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Begins a snapshot: appends sessions and ACLs. The snapshot's zxid (its file's name) is
    /// [`SnapshotCursor::zxid`]; transactions behind it may be partly in it already, and replay tolerates that.
    pub fn snapshot_begin(&self, out: &mut BytesMut) -> SnapshotCursor {
        snapshot::begin(&self.tree, &self.sessions.entries(), self.last_processed, out)
    }

    /// The same for a learner that is sent everything behind `zxid`, which this server's state holds: nodes that were made
    /// later are left out.
    pub fn snapshot_begin_at(&self, zxid: Zxid, out: &mut BytesMut) -> SnapshotCursor {
        snapshot::begin(&self.tree, &self.sessions.entries(), zxid, out)
    }

    /// Appends nodes until about `bytes_max` bytes are appended (at least one node). False when the last one, and the
    /// end marker behind it, are written. Writes may happen between chunks.
    pub fn snapshot_chunk(&self, cursor: &mut SnapshotCursor, bytes_max: usize, out: &mut BytesMut) -> bool {
        snapshot::chunk(&self.tree, cursor, bytes_max, out)
    }

    /// The tree's digest now, for the part of the file behind the last chunk; `None` when digests are off, and while the tree
    /// holds parts of later transactions.
    pub fn snapshot_digest(&self) -> Option<ZxidDigest> {
        (self.config.digest_enabled && self.comparable).then(|| ZxidDigest {
            zxid: self.last_processed,
            digest_version: DIGEST_VERSION,
            // Between two pieces of a transaction the tree is nowhere.
            digest: self.unfinished.as_ref().map_or_else(|| self.tree.digest(), |unfinished| unfinished.digest_before),
        })
    }

    fn on_request(&mut self, now: Now, conn: ConnId, header: &RequestHeader, body: Bytes, effects: &mut Vec<Effect>) {
        // The connection may have been closed while the request was on its way here.
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        let Some(session) = connection.session else { return self.close(conn, CloseReason::NoSession, effects) };
        connection.heard.touch(now);
        let op = OpCode(header.opcode);
        if self.is_held_up(conn, op) {
            return self.hold_up(conn, header, body);
        }
        if self.awaits_leader(op) && self.sessions.check(session).is_ok() {
            return self.on_confirmed_read(now, conn, header, body, effects);
        }
        let connection = self.conns.get_mut(&conn).expect("looked up above");
        match op::route(op) {
            Some(Route::Read) if connection.waiting.is_empty() => {
                self.catch_up(conn, effects);
                let outcome = self.serve(conn, header, &body);
                send_outcome(conn, outcome, effects);
            }
            // What comes behind the end of the session is refused in its turn; what came in front of it is answered.
            Some(Route::Read) => connection.waiting.push_back(match self.sessions.check(session) {
                Ok(()) => Waiting::Read(header.clone(), body),
                Err(code) => Waiting::Refused(header.xid, code),
            }),
            Some(Route::Write) => self.on_write(now, conn, header, &body, effects),
            Some(Route::Sync) => self.on_sync(now, conn, header.xid, &body, effects),
            Some(Route::Auth) => self.on_auth(conn, header.xid, &body, effects),
            Some(Route::Sasl) => self.on_sasl(conn, header.xid, &body, effects),
            None => {
                connection.waiting.push_back(Waiting::Refused(header.xid, ErrorCode::UNIMPLEMENTED));
                self.drain(now, conn, effects);
            }
        }
    }

    /// Serves a read that has just come.
    fn serve(&self, conn: ConnId, header: &RequestHeader, body: &Bytes) -> ReadOutcome {
        let Some(connection) = self.conns.get(&conn) else { return ReadOutcome::Gone };
        let expired = connection.session.is_none_or(|session| self.sessions.check(session).is_err());
        if expired {
            return ReadOutcome::Reply(finish::error(header.xid, self.last_processed, ErrorCode::SESSION_EXPIRED));
        }
        self.answer(conn, header, body)
    }

    /// Serves a read that came while its session was alive.
    pub(crate) fn answer(&self, conn: ConnId, header: &RequestHeader, body: &Bytes) -> ReadOutcome {
        let Some(connection) = self.conns.get(&conn) else { return ReadOutcome::Gone };
        let reading = Reading {
            tree: &self.tree,
            watches: &self.watches,
            conn: connection,
            config: &self.config,
            events: Vec::new(),
        };
        finish::read(reading, self.last_processed, header, body)
    }

    /// Checks a write against the tree and the writes under way, and makes its transaction; `header` is that of an error
    /// when it must not be. `None` when nothing was understood.
    pub(crate) fn prepare(
        &mut self,
        moved: Result<(), ErrorCode>,
        ids: &[Id],
        header: &mut TxnHeader,
        op: OpCode,
        body: &Bytes,
    ) -> Option<TxnBody> {
        if op == OpCode::RECONFIG && self.ensemble().is_some() {
            return self.reconfigure(moved, ids, header, body);
        }
        let against = Against {
            tree: &self.tree,
            outstanding: &mut self.outstanding,
            sessions: &self.sessions,
            config: &self.config,
        };
        transaction(against, moved, ids, header, op, body)
    }

    fn on_write(&mut self, now: Now, conn: ConnId, header: &RequestHeader, body: &Bytes, effects: &mut Vec<Effect>) {
        let connection = self.conns.get(&conn).expect("looked up by the caller");
        let session = connection.session.expect("checked by the caller");
        let op = OpCode(header.opcode);
        if self.reads_only() {
            return self.on_write_read_only(now, conn, session, header.xid, op, effects);
        }
        if op == OpCode::CLOSE_SESSION && self.sessions.is_local(session) {
            return self.on_local_close(now, conn, session, header.xid, effects);
        }
        let allowed = self.upgrade_for(now, session, op, body, effects);
        if !self.orders() {
            return match allowed {
                Ok(()) => self.forward_write(now, conn, session, header, body, effects),
                Err(code) => self.refuse_in_turn(now, conn, header.xid, code, effects),
            };
        }
        self.hasten_end(now, session, effects);
        let moved = allowed.and_then(|()| self.claim(session, op, Owner::Here));
        let Some(mut txn_header) = self.txn_header(now, session, header.xid, op) else {
            // The epoch has no more numbers; the next leader has.
            return self.close(conn, CloseReason::NotServing, effects);
        };
        // Lent: nobody else asks for them meanwhile, and a write copies no list.
        let ids = mem::take(&mut self.conns.get_mut(&conn).expect("looked up above").ids);
        let txn = self.prepare(moved, &ids, &mut txn_header, op, body);
        let connection = self.conns.get_mut(&conn).expect("looked up above");
        connection.ids = ids;
        let Some(txn) = txn else {
            connection.waiting.push_back(Waiting::Refused(header.xid, ErrorCode::MARSHALLING_ERROR));
            return self.drain(now, conn, effects);
        };
        if matches!(txn, TxnBody::CloseSession(_)) {
            self.sessions.set_closing(session);
        }
        self.note_quota(now, effects);
        self.propose(txn_header, txn, op, Some(conn), effects);
        if self.config.audit
            && let (Some(pending), Some(connection)) = (self.pending.back_mut(), self.conns.get(&conn))
        {
            pending.audit = Some(AuditRequest::new(connection, body.clone()));
        }
    }

    /// Turns a request away behind those that came before it.
    fn refuse_in_turn(&mut self, now: Now, conn: ConnId, xid: i32, code: ErrorCode, effects: &mut Vec<Effect>) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        connection.waiting.push_back(Waiting::Refused(xid, code));
        self.drain(now, conn, effects);
    }

    /// Whether the session's client speaks through `from`.
    ///
    /// # Errors
    /// `SESSIONMOVED`.
    pub(crate) fn claim(&mut self, session: SessionId, op: OpCode, from: Owner) -> Result<(), ErrorCode> {
        // The end of a session may be asked for by whoever knows it.
        let unchecked = op == OpCode::CLOSE_SESSION || self.config.bug.is(PlantedBug::OwnerNotChecked);
        if unchecked { Ok(()) } else { self.sessions.claim(session, from) }
    }

    pub(crate) fn note_quota(&mut self, now: Now, effects: &mut Vec<Effect>) {
        if let Some(over) = self.outstanding.take_over_quota()
            && now.mono >= self.quota_note_next
        {
            self.quota_note_next = now.mono + QUOTA_NOTE_INTERVAL;
            effects.push(Effect::QuotaExceeded(over));
        }
    }

    fn on_sync(&mut self, now: Now, conn: ConnId, xid: i32, body: &Bytes, effects: &mut Vec<Effect>) {
        match op::parse_sync(body) {
            _ if self.reads_only() => {
                let session = self.conns.get(&conn).and_then(|connection| connection.session).unwrap_or_default();
                self.on_write_read_only(now, conn, session, xid, OpCode::SYNC, effects);
            }
            Ok(path) if !self.orders() && !self.config.bug.is(PlantedBug::SyncNotForwarded) => {
                self.forward_sync(conn, xid, path, body, effects)
            }
            Ok(path) => self.wait(now, conn, Then::Sync { xid, path }, effects),
            Err(code) => {
                let Some(connection) = self.conns.get_mut(&conn) else { return };
                connection.waiting.push_back(Waiting::Refused(xid, code));
                self.drain(now, conn, effects);
            }
        }
    }

    fn on_auth(&mut self, conn: ConnId, xid: i32, body: &Bytes, effects: &mut Vec<Effect>) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        // An auth packet that makes no sense ends the connection without an answer.
        let Ok(packet) = op::decode(body) else { return self.close(conn, CloseReason::AuthFailed, effects) };
        let accepted = op::authenticate(&self.config, connection, packet);
        let code = if accepted { ErrorCode::OK } else { ErrorCode::AUTH_FAILED };
        effects.push(Effect::Send { conn, frame: finish::error(xid, Zxid::ZERO, code) });
        if !accepted {
            self.close(conn, CloseReason::AuthFailed, effects);
        }
    }

    fn on_sasl(&mut self, conn: ConnId, xid: i32, body: &Bytes, effects: &mut Vec<Effect>) {
        let mut out = BytesMut::new();
        // As an auth packet: what makes no sense ends the connection without an answer.
        if op::answer_sasl(body, &mut out).is_err() {
            return self.close(conn, CloseReason::AuthFailed, effects);
        }
        let frame = finish::reply(xid, Zxid::ZERO, Ok(|frame: &mut BytesMut| frame.extend_from_slice(&out)));
        effects.push(Effect::Send { conn, frame });
    }

    /// `then` follows once every write under way now is applied.
    pub(crate) fn wait(&mut self, now: Now, conn: ConnId, then: Then, effects: &mut Vec<Effect>) {
        let until = self.last_ordered();
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        connection.waiting.push_back(Waiting::Barrier { until, then });
        if until > self.last_processed {
            self.barriers.entry(until).or_default().push(conn);
        }
        self.drain(now, conn, effects);
    }

    fn on_synced(&mut self, now: Now, zxid: Zxid, effects: &mut Vec<Effect>) {
        let sid = i64::from(self.config.server_id);
        if let Order::Alone(broadcast) = &mut self.order {
            broadcast.on_ack(Ack::own(sid, Synced::up_to(zxid)));
        }
        self.commit_ready(now, effects);
    }

    fn on_tick(&mut self, now: Now, effects: &mut Vec<Effect>) {
        self.tick_ensemble(now, effects);
        if !self.hands_over() {
            self.expire_local_sessions(now, effects);
        }
        if !self.orders() {
            return self.tick_read_only(now, effects);
        }
        if self.hands_over() {
            return;
        }
        self.end_sessions(now, effects);
        self.check_containers(now, effects);
    }

    /// The head of the next transaction; `None` when this server may not make one.
    pub(crate) fn txn_header(&self, now: Now, session: SessionId, cxid: i32, opcode: OpCode) -> Option<TxnHeader> {
        let zxid = self.order.next_zxid()?;
        Some(TxnHeader { client_id: session, cxid, zxid, time_ms: now.wall_ms, opcode: opcode.0 })
    }

    pub(crate) fn propose(
        &mut self,
        header: TxnHeader,
        body: TxnBody,
        op: OpCode,
        conn: Option<ConnId>,
        effects: &mut Vec<Effect>,
    ) {
        let (zxid, tree_digest) = (header.zxid, self.outstanding.digest());
        // A write that failed changes nothing, and upstream logs it without a digest.
        let digested = self.config.digest_enabled && !matches!(body, TxnBody::Error(_));
        let digest = digested.then_some(TxnDigest { version: DIGEST_VERSION, tree_digest });
        let transaction = Transaction { header, body, digest };
        self.payloads.reserve(PAYLOAD_BYTES);
        transaction.encode(&mut self.payloads);
        let payload = self.payloads.split().freeze();
        let Transaction { header, body, .. } = transaction;
        let digest = Some(tree_digest);
        self.pending.push_back(Pending { header, body, digest, prepared: true, op, conn, audit: None });
        if let Some(connection) = conn.and_then(|conn| self.conns.get_mut(&conn)) {
            connection.waiting.push_back(Waiting::Write(zxid));
        }
        match &mut self.order {
            Order::Alone(broadcast) => {
                // There is nobody to send it to.
                broadcast.propose(Proposal { zxid, bytes: Bytes::new(), config: None });
                let bytes = payload.len();
                effects.push(Effect::Append { zxid, payload });
                self.roll.on_append(&self.config, bytes, effects);
            }
            Order::Member(member) => {
                let config = member.proposing.take();
                self.propose_to_ensemble(Proposal { zxid, bytes: payload, config }, effects);
            }
        }
    }

    /// Ends a connection from this side.
    pub(crate) fn close(&mut self, conn: ConnId, reason: CloseReason, effects: &mut Vec<Effect>) {
        if self.conns.contains_key(&conn) {
            effects.push(Effect::Close { conn, reason });
            self.forget(conn);
        }
    }

    fn forget(&mut self, conn: ConnId) {
        let Some(connection) = self.conns.remove(&conn) else { return };
        self.watches.remove_conn(conn);
        if let Order::Member(member) = &mut self.order {
            member.forget(&connection);
        }
        if let Some(session) = connection.session.and_then(|session| self.sessions.get_mut(session))
            && session.conn == Some(conn)
        {
            session.conn = None;
        }
    }
}

/// Checks a write against the tree and the writes under way, and makes its transaction, which is kept among those. A write
/// that fails is logged too: every server counts the same zxids. `None` when nothing was understood: upstream takes no
/// zxid for that.
pub(crate) fn transaction(
    against: Against<'_>,
    moved: Result<(), ErrorCode>,
    ids: &[zk_wire::Id],
    header: &mut TxnHeader,
    op: OpCode,
    body: &Bytes,
) -> Option<TxnBody> {
    let mut prep = Prep::new(against, header.client_id, ids, header.zxid, header.time_ms);
    match moved.and_then(|()| op::prep(&mut prep, op, body)) {
        Ok(txn) => {
            prep.keep();
            Some(txn)
        }
        Err(ErrorCode::MARSHALLING_ERROR) if op != OpCode::MULTI => None,
        Err(code) => {
            header.opcode = OpCode::ERROR.0;
            Some(TxnBody::error(code))
        }
    }
}
