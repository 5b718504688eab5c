//! Reads that show everything that anybody was told before they were asked for (`castlekeep.linearizableReads`), without
//! a transaction: the leader is asked, which asks its followers whether it still leads ([`zab::Peer::confirm`]); then the
//! read waits until this member has applied what was committed there (Ongaro's thesis, section 6.4).
//!
//! The same question comes before a leader says that a session which it does not know is over.
//!
//! Reads that come while a question is under way share the next one. A learner asks with REVALIDATE of session 0, which
//! nobody has. A leader of ours answers when its followers have; Apache's says at once that there is no such session,
//! behind the COMMITs that it has sent. So with such a leader a read shows what the leader had committed when it was asked,
//! as behind a `sync`, and that leader may be one of the past.
//!
//! What stands behind such a read on its connection waits for it, a write too: it would be done before the read otherwise.

use std::collections::{BTreeMap, BTreeSet};

use base::Now;
use bytes::Bytes;
use zk_wire::{OpCode, RequestHeader, SessionId, Zxid};

use crate::connection::{Held, Then, Waiting};
use crate::ensemble::{Asker, Caller};
use crate::event::{ConnId, Effect, Event};
use crate::op::{self, Route};
use crate::server::Keeper;

/// What shows the tree. The rest of the reads is about the connection itself.
const SHOW: [OpCode; 8] = [
    OpCode::EXISTS,
    OpCode::GET_DATA,
    OpCode::GET_ACL,
    OpCode::GET_CHILDREN,
    OpCode::GET_CHILDREN2,
    OpCode::MULTI_READ,
    OpCode::GET_EPHEMERALS,
    OpCode::GET_ALL_CHILDREN_NUMBER,
];

/// Questions of a member, and of its learners when it leads.
#[derive(Debug, Default)]
pub(crate) struct ReadIndex {
    /// The last question that was asked for clients here.
    last: u64,
    /// Who waits for it; `None` when it is answered.
    running: Option<BTreeSet<ConnId>>,
    /// Who waits for the next one.
    next: BTreeSet<ConnId>,
    /// Of a leader: who waits for which round of its followers.
    rounds: BTreeMap<u64, Vec<Wanted>>,
}

/// Who wants to know whether this server leads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    /// Clients of this server.
    Here,
    /// A learner, for reads of its clients.
    Reads(Caller),
    /// A learner, for a client whose session is not known here, with its timeout in milliseconds.
    Session(Caller, SessionId, i32),
}

impl ReadIndex {
    /// Whether a connection has a mark in its queue.
    fn marks(&self, conn: ConnId) -> bool {
        self.next.contains(&conn) || self.running.as_ref().is_some_and(|running| running.contains(&conn))
    }
}

impl Keeper {
    /// Whether a request is a read that waits for the leader's word.
    pub(crate) fn awaits_leader(&self, op: OpCode) -> bool {
        self.config.linearizable_reads && SHOW.contains(&op) && self.ensemble().is_some() && !self.reads_only()
    }

    /// Whether what comes now is to be taken up only when the reads in front of it are answered. A read right behind them
    /// is queued as it is.
    pub(crate) fn is_held_up(&self, conn: ConnId, op: OpCode) -> bool {
        let Some(member) = self.ensemble().filter(|_| self.config.linearizable_reads) else { return false };
        let Some(connection) = self.conns.get(&conn) else { return false };
        let at_once = matches!(op::route(op), Some(Route::Auth | Route::Sasl));
        let behind = matches!(connection.waiting.back(), Some(Waiting::Held(..)));
        !at_once && (behind || (op::route(op) != Some(Route::Read) && member.reads.marks(conn)))
    }

    /// Keeps a request for later.
    pub(crate) fn hold_up(&mut self, conn: ConnId, header: &RequestHeader, body: Bytes) {
        if let Some(connection) = self.conns.get_mut(&conn) {
            connection.waiting.push_back(Waiting::Held(Held { header: header.clone(), body }));
        }
    }

    /// Takes up what was held: the rest of the connection's queue, which is nothing else.
    pub(crate) fn take_up(&mut self, now: Now, conn: ConnId, first: Held, effects: &mut Vec<Effect>) {
        let Some(connection) = self.conns.get_mut(&conn) else { return };
        let rest = core::mem::take(&mut connection.waiting);
        let rest = rest.into_iter().map(|waiting| match waiting {
            Waiting::Held(held) => held,
            other => unreachable!("{other:?} behind what is held"),
        });
        let request = |Held { header, body }| Event::Request { conn, header, body };
        let requests = [first].into_iter().chain(rest).map(request).collect();
        for event in self.hold_back_again(conn, requests) {
            self.take(now, event, effects);
        }
    }

    /// A read that waits for the leader's word. Its session was looked at.
    pub(crate) fn on_confirmed_read(
        &mut self,
        now: Now,
        conn: ConnId,
        header: &RequestHeader,
        body: Bytes,
        effects: &mut Vec<Effect>,
    ) {
        self.mark(conn);
        if let Some(connection) = self.conns.get_mut(&conn) {
            connection.waiting.push_back(Waiting::Read(header.clone(), body));
        }
        self.ask_for_clients(now, effects);
    }

    /// A client of this leader asks for a session that is not known here. Nobody may say that it is over before a quorum has
    /// followed this leader since: one that stood still may lack a session that its successor has made.
    pub(crate) fn seek_session(
        &mut self,
        now: Now,
        conn: ConnId,
        session: SessionId,
        timeout_ms: i32,
        effects: &mut Vec<Effect>,
    ) {
        self.mark(conn);
        self.wait(now, conn, Then::Sought { session, timeout_ms }, effects);
        self.ask_for_clients(now, effects);
    }

    /// What comes behind on the connection waits for the answer to a question that is not asked yet.
    fn mark(&mut self, conn: ConnId) {
        let Some(member) = self.member_mut() else { return };
        let question = member.reads.last + 1;
        if member.reads.next.insert(conn)
            && let Some(connection) = self.conns.get_mut(&conn)
        {
            connection.waiting.push_back(Waiting::Unconfirmed(question));
        }
    }

    /// Asks for those who wait, unless a question is under way.
    fn ask_for_clients(&mut self, now: Now, effects: &mut Vec<Effect>) {
        let leads = self.orders();
        let Some(member) = self.member_mut() else { return };
        if member.reads.running.is_some() || member.reads.next.is_empty() {
            return;
        }
        member.reads.last += 1;
        member.reads.running = Some(core::mem::take(&mut member.reads.next));
        if leads {
            return self.ask_followers(now, Wanted::Here, effects);
        }
        self.revalidate(SessionId::NONE, Asker::Reads, 0, effects);
    }

    pub(crate) fn ask_followers(&mut self, now: Now, wanted: Wanted, effects: &mut Vec<Effect>) {
        let Some(member) = self.member_mut() else { return };
        let mut follows = Vec::new();
        let Some(round) = member.peer.confirm(&mut follows) else { return };
        member.reads.rounds.entry(round).or_default().push(wanted);
        for effect in follows {
            self.perform(now, effect, effects);
        }
    }

    /// A quorum follows this server, and did when that round was asked for.
    pub(crate) fn on_confirmed(&mut self, now: Now, round: u64, effects: &mut Vec<Effect>) {
        let Some(member) = self.member_mut() else { return };
        let later = member.reads.rounds.split_off(&(round + 1));
        for wanted in core::mem::replace(&mut member.reads.rounds, later).into_values().flatten() {
            match wanted {
                Wanted::Here => self.on_question_answered(now, self.last_delivered(), effects),
                // What is committed here has been sent to it.
                Wanted::Reads(caller) => self.answer_learner_revalidation(caller, SessionId::NONE, true, effects),
                Wanted::Session(caller, session, timeout_ms) => {
                    self.revalidate_for(now, caller, (session, timeout_ms), true, effects);
                }
            }
        }
    }

    /// The question under way is answered: who asked waits only for what was committed then.
    pub(crate) fn on_question_answered(&mut self, now: Now, until: Zxid, effects: &mut Vec<Effect>) {
        let Some(member) = self.member_mut() else { return };
        let question = member.reads.last;
        let Some(waiting) = member.reads.running.take() else { return };
        for conn in waiting {
            let Some(connection) = self.conns.get_mut(&conn) else { continue };
            let of_question = |waiting: &&mut Waiting| matches!(waiting, Waiting::Unconfirmed(of) if *of == question);
            if let Some(mark) = connection.waiting.iter_mut().find(of_question) {
                *mark = Waiting::Barrier { until, then: Then::Reads };
            }
            if until > self.last_processed {
                self.barriers.entry(until).or_default().push(conn);
            }
            self.drain(now, conn, effects);
        }
        self.ask_for_clients(now, effects);
    }
}
