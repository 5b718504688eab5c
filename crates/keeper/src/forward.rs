//! A follower's or observer's clients: what the leader is asked for them, and what comes of its answers (upstream:
//! `FollowerRequestProcessor`, `LearnerZooKeeperServer`, `Learner.validateSession`).
//!
//! ```text
//! REQUEST     long session, int cxid, int opcode, the request's body as it came; authinfo: who the client is
//! REVALIDATE  long session, int timeout in ms   ->   long session, boolean valid
//! PING        { long session, int timeout in ms } *, as the answer
//! ```
//! A write is answered when its transaction is applied here, which is found by session and cxid; a sync when the leader
//! says SYNC, which it says behind the COMMITs of what was proposed before.

use base::planted::PlantedBug;
use base::{Now, Reader};
use bytes::{BufMut, Bytes, BytesMut};
use zk_wire::quorum::PacketType;
use zk_wire::{ErrorCode, Id, OpCode, QuorumPacket, RequestHeader, SessionId};

use crate::audit::AuditRequest;
use crate::connection::{Forwarded, Then, Waiting};
use crate::ensemble::Asker;
use crate::event::{ConnId, Effect};
use crate::op;
use crate::server::Keeper;

/// Answers to pings closer than this say nothing of sessions; the next one does.
const TELL_EVERY_MS: u64 = 10;

impl Keeper {
    /// Asks the leader to make a session, whose number is given out here.
    pub(crate) fn forward_new_session(
        &mut self,
        conn: ConnId,
        session: SessionId,
        timeout_ms: i32,
        effects: &mut Vec<Effect>,
    ) {
        let op = OpCode::CREATE_SESSION;
        self.park(conn, Waiting::Forwarded(Forwarded { cxid: 0, op, audit: None }));
        if let Some(member) = self.member_mut() {
            member.connecting.insert(session, conn);
        }
        self.request(session, 0, op, &timeout_ms.to_be_bytes(), None, effects);
    }

    /// Asks the leader for a write.
    pub(crate) fn forward_write(
        &mut self,
        now: Now,
        conn: ConnId,
        session: SessionId,
        header: &RequestHeader,
        body: &Bytes,
        effects: &mut Vec<Effect>,
    ) {
        let op = OpCode(header.opcode);
        let connection = self.conns.get_mut(&conn).expect("looked up by the caller");
        // Upstream's leader forgets a request that it cannot read, and the client would wait for ever.
        if !op::is_readable(op, body) {
            connection.waiting.push_back(Waiting::Refused(header.xid, ErrorCode::MARSHALLING_ERROR));
            return self.drain(now, conn, effects);
        }
        let audit = self.config.audit.then(|| AuditRequest::new(connection, body.clone()));
        let ids = connection.ids.clone();
        self.park(conn, Waiting::Forwarded(Forwarded { cxid: header.xid, op, audit }));
        self.request(session, header.xid, op, body, Some(ids), effects);
    }

    /// Asks the leader for a sync.
    pub(crate) fn forward_sync(
        &mut self,
        conn: ConnId,
        xid: i32,
        path: base::Str,
        body: &Bytes,
        effects: &mut Vec<Effect>,
    ) {
        let Some(connection) = self.conns.get(&conn) else { return };
        let (session, ids) = (connection.session.unwrap_or_default(), connection.ids.clone());
        self.park(conn, Waiting::ForwardedSync { xid, path });
        if let Some(member) = self.member_mut() {
            member.syncs.push_back(Asker::Here(conn));
        }
        self.request(session, xid, OpCode::SYNC, body, Some(ids), effects);
    }

    /// Asks the leader whether a session may go on here.
    pub(crate) fn ask_for_session(
        &mut self,
        conn: ConnId,
        session: SessionId,
        timeout_ms: i32,
        effects: &mut Vec<Effect>,
    ) {
        self.revalidate(session, Asker::Here(conn), timeout_ms, effects);
    }

    /// Asks the leader whether a session is there; of nobody's session, whether it still leads.
    pub(crate) fn revalidate(&mut self, session: SessionId, asker: Asker, timeout_ms: i32, effects: &mut Vec<Effect>) {
        if let Some(member) = self.member_mut() {
            member.asked.push_back((session, asker, timeout_ms));
        }
        let mut data = BytesMut::with_capacity(12);
        data.put_i64(session.0);
        data.put_i32(timeout_ms);
        self.to_leader(Self::service_packet(PacketType::Revalidate, Some(data.freeze())), effects);
    }

    fn park(&mut self, conn: ConnId, waiting: Waiting) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        connection.waiting.push_back(waiting);
        if let Some(member) = self.member_mut() {
            member.forwarded += 1;
        }
    }

    pub(crate) fn request(
        &mut self,
        session: SessionId,
        cxid: i32,
        op: OpCode,
        body: &[u8],
        ids: Option<Vec<Id>>,
        effects: &mut Vec<Effect>,
    ) {
        let mut data = BytesMut::with_capacity(16 + body.len());
        data.put_i64(session.0);
        data.put_i32(cxid);
        data.put_i32(op.0);
        data.put_slice(body);
        let packet = Self::service_packet(PacketType::Request, Some(data.freeze()));
        let packet = QuorumPacket { authinfo: ids, ..packet };
        if self.config.bug.is(PlantedBug::ForwardedTwice) && cxid % 16 == 7 {
            self.to_leader(packet.clone(), effects);
        }
        self.to_leader(packet, effects);
    }

    /// What the leader's service says. Something that was not asked has no effect.
    pub(crate) fn on_leader_answers(&mut self, now: Now, packet: QuorumPacket, effects: &mut Vec<Effect>) {
        match PacketType::from_number(packet.packet_type) {
            Some(PacketType::Sync) => self.on_leader_synced(now, effects),
            Some(PacketType::Revalidate) => {
                let mut r = Reader::new(packet.data.unwrap_or_default());
                if let (Ok(session), Ok(valid)) = (r.i64(), r.bool()) {
                    self.on_session_answer(now, SessionId(session), valid, effects);
                }
            }
            _ => {}
        }
    }

    /// What the leader had proposed when it got the oldest sync is delivered here; perhaps not applied.
    fn on_leader_synced(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let until = self.last_ordered();
        let conn = match self.member_mut().and_then(|member| member.syncs.pop_front()) {
            Some(Asker::Here(conn)) => conn,
            // What is committed here has been sent to it.
            Some(Asker::Observer(caller)) => return self.answer_learner_sync(caller, effects),
            Some(Asker::Reads) | None => return,
        };
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        let mut at_leader =
            connection.waiting.iter_mut().filter(|waiting| matches!(waiting, Waiting::ForwardedSync { .. }));
        let Some(waiting) = at_leader.next() else { return };
        let nothing = Waiting::Refused(0, ErrorCode::OK);
        let Waiting::ForwardedSync { xid, path } = core::mem::replace(waiting, nothing) else {
            unreachable!("found above")
        };
        *waiting = Waiting::Barrier { until, then: Then::Sync { xid, path } };
        if until > self.last_processed {
            self.barriers.entry(until).or_default().push(conn);
        }
        if let Some(member) = self.member_mut() {
            member.forwarded -= 1;
        }
        self.drain(now, conn, effects);
    }

    fn on_session_answer(&mut self, now: Now, session: SessionId, valid: bool, effects: &mut Vec<Effect>) {
        let Some(member) = self.member_mut() else { return };
        let Some(at) = member.asked.iter().position(|(asked, ..)| *asked == session) else { return };
        let conn = match member.asked.remove(at) {
            Some((_, Asker::Here(conn), timeout_ms)) => (conn, timeout_ms),
            Some((_, Asker::Observer(caller), timeout_ms)) => {
                if valid && session != SessionId::NONE {
                    member.heard_and_gone.insert(session, timeout_ms);
                    self.move_to_learner(session, caller.sid, effects);
                }
                return self.answer_learner_revalidation(caller, session, valid, effects);
            }
            Some((_, Asker::Reads, _)) => return self.on_question_answered(now, self.last_ordered(), effects),
            None => return,
        };
        let (conn, timeout_ms) = conn;
        // The client may have gone meanwhile.
        if !self.conns.contains_key(&conn) {
            return;
        }
        if !valid {
            return self.refuse_session(conn, effects);
        }
        // The leader may know of a session whose creation has not arrived here.
        if self.sessions.check(session).is_err() {
            self.sessions.track(now, session, timeout_ms);
        }
        self.renew_session(now, conn, session, timeout_ms, effects);
    }

    /// Prepares the answer to the leader's ping: the sessions that were heard of since the last one.
    pub(crate) fn tell_who_was_heard(&mut self, now: Now) {
        if self.config.bug.is(PlantedBug::TouchedForgotten) {
            return;
        }
        let Some(member) = self.member_mut() else { return };
        // Leaders may ask often, and this looks at every connection.
        if now.mono.as_millis() < member.told_ms + TELL_EVERY_MS {
            return;
        }
        let (told_ms, gone) = (member.told_ms, core::mem::take(&mut member.heard_and_gone));
        member.told_ms = now.mono.as_millis();
        let mut heard = gone;
        for (_, connection) in self.conns.sorted() {
            let of_leader = |session: &SessionId| connection.heard.since(told_ms) && !self.sessions.is_local(*session);
            if let Some(session) = connection.session.filter(of_leader) {
                heard.insert(session, connection.timeout_ms);
            }
        }
        let mut touched = BytesMut::with_capacity(12 * heard.len());
        for (session, timeout_ms) in heard {
            touched.put_i64(session.0);
            touched.put_i32(timeout_ms);
        }
        if let Some(member) = self.member_mut() {
            member.peer.set_touched(touched.freeze());
        }
    }
}
