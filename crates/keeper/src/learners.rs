//! What the services of learners ask of their leader (upstream: `LearnerHandler`, `LeaderZooKeeperServer`). The shapes are
//! in [`crate::forward`].

use std::collections::BTreeSet;

use base::planted::PlantedBug;
use base::{Now, Reader};
use bytes::{BufMut, Bytes, BytesMut};
use zab::Sid;
use zk_wire::quorum::PacketType;
use zk_wire::txn::TxnBody;
use zk_wire::{ErrorCode, Id, OpCode, QuorumPacket, SessionId, Zxid};

use crate::connection::{Then, Waiting};
use crate::ensemble::{Asker, Caller};
use crate::event::{CloseReason, Effect};
use crate::op;
use crate::read_index::Wanted;
use crate::server::Keeper;
use crate::session::Owner;

/// What a learner's answer waits for to be committed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Awaited {
    /// What was proposed before its SYNC.
    Sync,
    /// The end of a session that it asked about.
    End(SessionId),
}

/// A REQUEST.
struct Asked {
    session: SessionId,
    cxid: i32,
    op: OpCode,
    body: Bytes,
    ids: Vec<Id>,
}

impl Asked {
    fn decode(packet: QuorumPacket) -> Option<Self> {
        let mut r = Reader::new(packet.data?);
        let (session, cxid, op) = (SessionId(r.i64().ok()?), r.i32().ok()?, OpCode(r.i32().ok()?));
        Some(Self { session, cxid, op, body: r.rest(), ids: packet.authinfo.unwrap_or_default() })
    }
}

impl Keeper {
    /// A learner's service asks. What makes no sense has no effect.
    pub(crate) fn on_learner_asks(&mut self, now: Now, sid: Sid, packet: QuorumPacket, effects: &mut Vec<Effect>) {
        let link = self.ensemble().and_then(|member| member.peer().link_of(sid));
        let Some(caller) = link.map(|link| Caller { sid, link }) else { return };
        if !self.orders() {
            return self.relay(caller, packet, effects);
        }
        let Some(packet) = self.hold_back_ask(caller, packet) else { return };
        self.on_caller_asks(now, caller, packet, effects);
    }

    pub(crate) fn on_caller_asks(&mut self, now: Now, caller: Caller, packet: QuorumPacket, effects: &mut Vec<Effect>) {
        let sid = caller.sid;
        match PacketType::from_number(packet.packet_type) {
            Some(PacketType::Request) => {
                let Some(asked) = Asked::decode(packet) else { return };
                match asked.op {
                    OpCode::SYNC => self.on_learner_sync(caller, effects),
                    OpCode::CREATE_SESSION => self.on_learner_session(now, sid, &asked, effects),
                    _ => self.on_learner_write(now, sid, &asked, effects),
                }
            }
            Some(PacketType::Revalidate) => self.on_learner_revalidates(now, caller, packet.data, effects),
            _ => {}
        }
    }

    /// An observer of this follower asks: the leader is asked for it, and hears of its sessions through this server.
    fn relay(&mut self, caller: Caller, packet: QuorumPacket, effects: &mut Vec<Effect>) {
        let mut r = Reader::new(packet.data.clone().unwrap_or_default());
        let kind = PacketType::from_number(packet.packet_type);
        let Some(member) = self.member_mut() else { return };
        match kind {
            Some(PacketType::Request) => {
                let (Ok(session), Ok(_), Ok(op)) = (r.i64(), r.i32(), r.i32()) else { return };
                if OpCode(op) == OpCode::SYNC {
                    member.syncs.push_back(Asker::Observer(caller));
                } else if self.claim(SessionId(session), OpCode(op), Owner::Learner(caller.sid)).is_err() {
                    // Its client has left that connection, and speaks here or through another observer. To the leader all of
                    // that is this server, so it would take the request for the client's latest.
                    return;
                }
            }
            Some(PacketType::Revalidate) => {
                let (Ok(session), Ok(timeout_ms)) = (r.i64(), r.i32()) else { return };
                member.asked.push_back((SessionId(session), Asker::Observer(caller), timeout_ms));
            }
            _ => return,
        }
        self.to_leader(packet, effects);
    }

    fn on_learner_session(&mut self, now: Now, sid: Sid, asked: &Asked, effects: &mut Vec<Effect>) {
        let Ok(timeout_ms) = Reader::new(asked.body.clone()).i32() else { return };
        let Some(header) = self.txn_header(now, asked.session, asked.cxid, OpCode::CREATE_SESSION) else { return };
        self.sessions.track(now, asked.session, timeout_ms);
        self.sessions.set_owner(asked.session, Owner::Learner(sid));
        self.propose(header, op::create_session::txn(timeout_ms), OpCode::CREATE_SESSION, None, effects);
    }

    fn on_learner_write(&mut self, now: Now, sid: Sid, asked: &Asked, effects: &mut Vec<Effect>) {
        self.hasten_end(now, asked.session, effects);
        let moved = self.claim(asked.session, asked.op, Owner::Learner(sid));
        let Some(mut header) = self.txn_header(now, asked.session, asked.cxid, asked.op) else { return };
        let made = self.prepare(moved, &asked.ids, &mut header, asked.op, &asked.body);
        // The learner's client waits for a transaction, whatever becomes of its request.
        let txn = made.unwrap_or_else(|| {
            header.opcode = OpCode::ERROR.0;
            TxnBody::error(ErrorCode::MARSHALLING_ERROR)
        });
        if matches!(txn, TxnBody::CloseSession(_)) && !self.config.bug.is(PlantedBug::ClosingNotMarked) {
            self.sessions.set_closing(asked.session);
        }
        self.note_quota(now, effects);
        self.propose(header, txn, asked.op, None, effects);
    }

    /// Everything proposed by now is to be committed before the answer.
    fn on_learner_sync(&mut self, caller: Caller, effects: &mut Vec<Effect>) {
        let last = self.pending.back().map(|pending| pending.header.zxid);
        let delivered = self.last_delivered();
        match last.filter(|last| *last > delivered) {
            None => self.answer_learner_sync(caller, effects),
            Some(last) => {
                if let Some(member) = self.member_mut() {
                    member.learner_waits.entry(last).or_default().push((caller, Awaited::Sync));
                }
            }
        }
    }

    pub(crate) fn answer_learner_sync(&self, caller: Caller, effects: &mut Vec<Effect>) {
        let packet = Self::service_packet(PacketType::Sync, None);
        self.to_learner(caller, QuorumPacket { zxid: Zxid::ZERO, ..packet }, effects);
    }

    /// A learner's client wants to go on with a session: it may if the session is there, and then speaks through that
    /// learner.
    fn on_learner_revalidates(&mut self, now: Now, caller: Caller, data: Option<Bytes>, effects: &mut Vec<Effect>) {
        let mut r = Reader::new(data.unwrap_or_default());
        let (Ok(session), Ok(timeout_ms)) = (r.i64(), r.i32()) else { return };
        match SessionId(session) {
            SessionId::NONE => self.ask_followers(now, Wanted::Reads(caller), effects),
            session => self.revalidate_for(now, caller, (session, timeout_ms), false, effects),
        }
    }

    /// `confirmed`: a quorum has followed this leader since the learner asked. Before it is said that a session which is not
    /// known here is over, it must have: a leader that stood still may lack a session that its successor has made.
    pub(crate) fn revalidate_for(
        &mut self,
        now: Now,
        caller: Caller,
        (session, timeout_ms): (SessionId, i32),
        confirmed: bool,
        effects: &mut Vec<Effect>,
    ) {
        let told_early = self.config.bug.is(PlantedBug::EndToldBeforeCommit);
        let mut ends = self.sessions.is_closing(session);
        if ends && !told_early {
            self.hasten_end(now, session, effects);
        } else if self.sessions.check(session).is_err() {
            ends = self.hasten_orphan(now, session, effects);
        }
        let last = self.last_ordered();
        if ends && last > self.last_delivered() && !told_early {
            // Its end is proposed, and may never be committed.
            if let Some(member) = self.member_mut() {
                member.learner_waits.entry(last).or_default().push((caller, Awaited::End(session)));
            }
            return;
        }
        if self.sessions.is_local(session) {
            // It is nobody else's (upstream: `checkIfValidGlobalSession`), whoever leads.
            return self.answer_learner_revalidation(caller, session, false, effects);
        }
        let valid = self.sessions.touch(now, session, timeout_ms);
        let unconfirmed = self.config.bug.is(PlantedBug::UnknownSaidToBeOver);
        if !valid && !ends && !confirmed && !told_early && !unconfirmed {
            return self.ask_followers(now, Wanted::Session(caller, session, timeout_ms), effects);
        }
        if valid {
            self.move_to_learner(session, caller.sid, effects);
        }
        self.answer_learner_revalidation(caller, session, valid, effects);
    }

    /// The session's client speaks through that learner from now on, and over no connection here.
    pub(crate) fn move_to_learner(&mut self, session: SessionId, sid: Sid, effects: &mut Vec<Effect>) {
        self.sessions.set_owner(session, Owner::Learner(sid));
        if let Some(former) = self.sessions.get_mut(session).and_then(|session| session.conn.take()) {
            self.close(former, CloseReason::SessionMoved, effects);
        }
    }

    pub(crate) fn answer_learner_revalidation(
        &self,
        caller: Caller,
        session: SessionId,
        valid: bool,
        effects: &mut Vec<Effect>,
    ) {
        let mut answer = BytesMut::with_capacity(9);
        answer.put_i64(session.0);
        answer.put_u8(u8::from(valid));
        self.to_learner(caller, Self::service_packet(PacketType::Revalidate, Some(answer.freeze())), effects);
    }

    /// What a learner waits for is delivered.
    pub(crate) fn answer_learner(&self, caller: Caller, awaited: Awaited, effects: &mut Vec<Effect>) {
        match awaited {
            Awaited::Sync => self.answer_learner_sync(caller, effects),
            Awaited::End(session) => self.answer_learner_revalidation(caller, session, false, effects),
        }
    }

    /// Transactions that syncs of clients here or of learners wait for.
    pub fn pending_syncs(&self) -> usize {
        let is_sync = |waiting: &Waiting| matches!(waiting, Waiting::Barrier { then: Then::Sync { .. }, .. });
        let here = self.barriers.iter().filter(|(_, conns)| {
            let waiting = conns.iter().filter_map(|conn| self.conns.get(conn)).flat_map(|conn| &conn.waiting);
            waiting.into_iter().any(is_sync)
        });
        let learners = self.ensemble().into_iter().flat_map(|member| &member.learner_waits);
        let learners = learners.filter(|(_, waits)| waits.iter().any(|(_, awaited)| matches!(awaited, Awaited::Sync)));
        here.map(|(zxid, _)| *zxid).chain(learners.map(|(zxid, _)| *zxid)).collect::<BTreeSet<Zxid>>().len()
    }

    /// A learner has heard of sessions.
    pub(crate) fn on_touched(&mut self, now: Now, sessions: Bytes) {
        let mut r = Reader::new(sessions);
        let orders = self.orders();
        while let (Ok(session), Ok(timeout_ms)) = (r.i64(), r.i32()) {
            match self.member_mut() {
                // The leader is told with the next ping.
                Some(member) if !orders => drop(member.heard_and_gone.insert(SessionId(session), timeout_ms)),
                _ => drop(self.sessions.touch(now, SessionId(session), timeout_ms)),
            }
        }
    }
}
