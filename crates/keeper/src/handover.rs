//! Leadership handed over because the operator says so: what the service of the old leader does meanwhile.
//!
//! What changes something, and what comes behind it on the same connection, is held back, so that the protocol can come to
//! an end ([`zab::Peer::hand_over`]). When this server steps down, all of it goes unanswered: its connections end, as with
//! every change of leader. When it stays the leader, all of it is taken up in its order, and nobody has noticed but for the
//! time that it took.

use std::collections::VecDeque;

use base::Now;
use zab::{HandoverRefused, Sid};
use zk_wire::txn::{Transaction, TxnBody};
use zk_wire::{ErrorCode, OpCode, QuorumPacket, SessionId, TxnHeader, Zxid};

use crate::ensemble::Caller;
use crate::event::{CloseReason, ConnId, Effect, Event};
use crate::server::Keeper;

/// A handover under way.
#[derive(Debug)]
pub(crate) struct Handover {
    asked: u64,
    to: Sid,
    held: VecDeque<Held>,
}

/// Something that waits for the end of it.
#[derive(Debug)]
enum Held {
    /// Of a client.
    Client(Event),
    /// Of a learner's service.
    Learner(Caller, QuorumPacket),
}

impl Keeper {
    /// Whether leadership is being handed over: nothing is put in order, and no session ends.
    pub(crate) fn hands_over(&self) -> bool {
        self.ensemble().is_some_and(|member| member.handover.is_some())
    }

    /// The operator wants another leader; answered with [`Effect::HandedOver`].
    pub(crate) fn on_hand_over(&mut self, now: Now, asked: u64, to: Option<Sid>, effects: &mut Vec<Effect>) {
        let refused = |why: String| Effect::HandedOver { asked, result: Err(why) };
        let Some(member) = self.member_mut() else {
            return effects.push(refused("this server stands alone, and has nobody to hand leadership to".into()));
        };
        let mut wanted = Vec::new();
        let last = |zxid| nothing(now, zxid).to_bytes();
        match member.peer.hand_over(now.mono, to, last, &mut wanted) {
            Ok(to) => member.handover = Some(Handover { asked, to, held: VecDeque::new() }),
            Err(HandoverRefused::NotLeading) => {
                let why = match member.standing() {
                    zab::Standing::Following { leader, .. } | zab::Standing::Observing { leader, .. } => {
                        format!("this server does not lead; ask server {leader}, which does")
                    }
                    _ => "this server does not lead, and knows of nobody who does; try again soon".into(),
                };
                effects.push(refused(why));
            }
            Err(why) => effects.push(refused(why.to_string())),
        }
        for effect in wanted {
            self.perform(now, effect, effects);
        }
    }

    /// Keeps what must wait; gives back what may go on.
    pub(crate) fn hold_back(&mut self, event: Event) -> Option<Event> {
        let Some(handover) = self.member_mut().and_then(|member| member.handover.as_mut()) else { return Some(event) };
        match event {
            Event::Connect { .. } | Event::Request { .. } => {
                handover.held.push_back(Held::Client(event));
                None
            }
            Event::Disconnected { conn } => {
                handover.held.retain(|held| !matches!(held, Held::Client(event) if conn_of(event) == Some(conn)));
                Some(event)
            }
            event => Some(event),
        }
    }

    /// The same for requests that a client has sent before those which are kept already; gives back all or none.
    pub(crate) fn hold_back_again(&mut self, conn: ConnId, requests: Vec<Event>) -> Vec<Event> {
        let Some(handover) = self.member_mut().and_then(|member| member.handover.as_mut()) else { return requests };
        let of_conn = |held: &Held| matches!(held, Held::Client(event) if conn_of(event) == Some(conn));
        let later = handover.held.iter().position(of_conn).unwrap_or(handover.held.len());
        let behind = handover.held.split_off(later);
        handover.held.extend(requests.into_iter().map(Held::Client).chain(behind));
        Vec::new()
    }

    /// The same for what a learner asks.
    pub(crate) fn hold_back_ask(&mut self, caller: Caller, packet: QuorumPacket) -> Option<QuorumPacket> {
        let Some(handover) = self.member_mut().and_then(|member| member.handover.as_mut()) else { return Some(packet) };
        handover.held.push_back(Held::Learner(caller, packet));
        None
    }

    /// The protocol has come to an end.
    pub(crate) fn on_handover_over(&mut self, now: Now, result: Result<Sid, &'static str>, effects: &mut Vec<Effect>) {
        let Some(member) = self.member_mut() else { return };
        let still_leads = member.peer.leads();
        let Some(Handover { asked, to, held }) = member.handover.take() else { return };
        let result = result.map_err(|why| format!("server {to} does not lead in this one's place: {why}"));
        effects.push(Effect::HandedOver { asked, result });
        for held in held {
            match held {
                Held::Client(Event::Connect { conn, .. }) if !still_leads => {
                    effects.push(Effect::Close { conn, reason: CloseReason::NotServing });
                }
                _ if !still_leads => {}
                Held::Client(event) => self.take(now, event, effects),
                Held::Learner(caller, packet) => self.on_caller_asks(now, caller, packet, effects),
            }
        }
    }
}

/// A transaction that changes nothing, as a write that failed leaves one in every log.
fn nothing(now: Now, zxid: Zxid) -> Transaction {
    let opcode = OpCode::ERROR.0;
    let header = TxnHeader { client_id: SessionId::NONE, cxid: 0, zxid, time_ms: now.wall_ms, opcode };
    Transaction { header, body: TxnBody::error(ErrorCode::OK), digest: None }
}

fn conn_of(event: &Event) -> Option<ConnId> {
    match event {
        Event::Connect { conn, .. } | Event::Request { conn, .. } | Event::Disconnected { conn } => Some(*conn),
        _ => None,
    }
}
