//! An operator who changes who is in the ensemble while it serves and while things go wrong: a connection of its own to some
//! member. What it was told is checked against the log; the model knows nothing of it.

use core::time::Duration;

use base::Str;
use bytes::{Bytes, BytesMut};
use keeper::membership::Membership;
use zab::{Sid, Standing};
use zk_wire::{
    AuthPacket, ConnectRequest, ConnectResponse, ErrorCode, Jute, OpCode, ReplyHeader, RequestHeader, SessionId, Zxid,
};

use super::super::swarm;
use super::{Event, Scene};
use crate::check::{Checked, acknowledged_writes_survive, configurations_are_committed};
use crate::keeper::log_tail::LoggedTxn;
use crate::net::LinkId;

/// The identity that may change `/zookeeper/config`; its digest is in every member's configuration.
const SUPER: &[u8] = b"super:admin";
/// The xid of the reconfig.
const RECONFIG: i32 = 1;

/// A reconfig on its way.
pub struct Operator {
    pub sid: Sid,
    pub link: LinkId,
    /// Whether the session is there, and the reconfig asked for.
    asked: bool,
}

impl Scene {
    pub(super) fn schedule_reconfig(&mut self) {
        let (low, high) = self.swarm.fault_ms;
        let pause = Duration::from_millis(self.stage.kernel.prng.between(low * 2, high * 2));
        self.stage.kernel.after(pause, Event::Reconfigure);
    }

    /// The operator connects to a member that serves.
    pub(super) fn reconfigure(&mut self) {
        self.schedule_reconfig();
        self.end_operator();
        let serves = self.members.iter().filter(|(_, member)| member.standing != Standing::Looking);
        let serving: Vec<Sid> = serves.map(|(sid, _)| *sid).collect();
        let Some(sid) = self.stage.kernel.prng.pick(&serving).copied() else { return };
        let (now, link) = (self.stage.kernel.now(), self.stage.net.open());
        let Some(process) = &mut self.member(sid).process else { return };
        process.accept(link);
        let request = ConnectRequest {
            protocol_version: 0,
            last_zxid_seen: Zxid(0),
            timeout_ms: 5000,
            session: SessionId::NONE,
            passwd: Bytes::from_static(&[0; 16]).into(),
            read_only: Some(false),
        };
        process.on_frame(now, link, request.to_bytes());
        self.operator = Some(Operator { sid, link, asked: false });
        self.operator_links.insert(link);
        self.want_turn(sid);
    }

    /// Whether a connection is, or was, the operator's.
    pub(super) fn is_operators(&self, link: LinkId) -> bool {
        self.operator_links.contains(&link)
    }

    /// A connection is closed by its member.
    pub(super) fn operator_is_left(&mut self, on: LinkId) {
        if self.operator.as_ref().is_some_and(|operator| operator.link == on) {
            self.end_operator();
        }
    }

    fn end_operator(&mut self) {
        if let Some(Operator { sid, link, .. }) = self.operator.take()
            && let Some(process) = &mut self.member(sid).process
        {
            process.on_closed(link);
            self.want_turn(sid);
        }
    }

    /// A frame for the operator, who listens to the latest connection only.
    pub(super) fn operator_sees(&mut self, on: LinkId, frame: Bytes) {
        let Some(Operator { sid, link, asked }) = self.operator else { return };
        if link != on {
            return;
        }
        if !asked {
            let session = ConnectResponse::from_bytes(frame).expect("members answer a connect request").session;
            if session == SessionId::NONE {
                return self.end_operator();
            }
            self.stage.history.operators.insert(session.0);
            return self.ask(sid, link);
        }
        let header = ReplyHeader::decode(&mut base::Reader::new(frame)).expect("members answer with a header");
        if header.xid != RECONFIG {
            return;
        }
        self.stage.note(|| format!("the operator is answered {:?} at {}", header.err, header.zxid));
        match ErrorCode(header.err) {
            ErrorCode::OK => {
                self.coverage.hit("reconfig acknowledged");
                self.reconfigs.push(header.zxid.0);
            }
            _ => self.coverage.hit("reconfig refused"),
        }
        self.end_operator();
    }

    fn ask(&mut self, sid: Sid, link: LinkId) {
        let now = self.stage.kernel.now();
        let (sids, request) = (self.swarm.sids(), |opcode: OpCode, xid| RequestHeader { xid, opcode: opcode.0 });
        let process = self.members[&sid].process.as_ref().expect("it spoke just now");
        let text = process.with(|keeper| keeper.ensemble().map(|m| m.peer().current_config().text.clone()));
        let membership = Membership::parse(&text.unwrap_or_default()).expect("members know who is in the ensemble");
        let reconfig = swarm::change(&membership, &sids, &mut self.stage.kernel.prng);
        self.stage.note(|| format!("the operator asks member {sid} for {reconfig:?}"));
        // Elections follow: sessions may not be heard of meanwhile.
        self.trouble(self.swarm.tick * 20);
        let auth = AuthPacket { auth_type: 0, scheme: Str::from("digest"), auth: Bytes::from_static(SUPER).into() };
        let frames = [frame(&request(OpCode::AUTH, -4), &auth), frame(&request(OpCode::RECONFIG, RECONFIG), &reconfig)];
        let process = self.member(sid).process.as_mut().expect("it spoke just now");
        frames.into_iter().for_each(|frame| process.on_frame(now, link, frame));
        if let Some(operator) = &mut self.operator {
            operator.asked = true;
        }
        self.want_turn(sid);
    }

    /// A configuration counts on a member from now on, and is in its files.
    pub(super) fn on_configured(&mut self, sid: Sid, text: &Str) {
        let config = Membership::parse(text).expect("a configuration makes sense");
        let member = self.members.get_mut(&sid).expect("a member of this ensemble");
        let before = Membership::parse(&member.files.config).expect("a configuration makes sense");
        let later = |next: &Str| Membership::parse(next).is_ok_and(|next| next.version > config.version);
        member.files.next = member.files.next.take().filter(later);
        member.files.config = text.clone();
        if Zxid(config.version).counter() == 0 {
            return;
        }
        self.coverage.hit("reconfigured");
        match (before.votes(sid), config.votes(sid)) {
            (false, true) => self.coverage.hit("votes from now on"),
            (true, false) => self.coverage.hit("votes no more"),
            _ => {}
        }
        self.configured.entry((config.version, text.clone())).or_insert(sid);
    }

    /// A later configuration may be committed, or none any more: it is in its file.
    pub(super) fn on_next_config(&mut self, sid: Sid, next: Option<Str>) {
        self.member(sid).files.next = next;
    }

    /// Whether some member waits for a reconfig that nobody knows to be committed.
    pub fn reconfig_is_unfinished(&self) -> bool {
        let waits = |process: &crate::keeper::process::Process| {
            process.with(|keeper| keeper.ensemble().is_some_and(|m| m.peer().next_config().is_some()))
        };
        self.members.values().filter_map(|member| member.process.as_ref()).any(waits)
    }

    /// The run ends here, because of what is not promised.
    pub fn end_early(&mut self) {
        self.coverage.hit(super::UNFINISHED);
    }

    /// What counted on any member was committed, and so was what the operator was told.
    ///
    /// # Errors
    /// Something was not.
    pub(super) fn check_reconfigs(&self, txns: &[LoggedTxn]) -> Checked {
        let is_reconfig = |txn: &&LoggedTxn| txn.opcode == OpCode::RECONFIG.0;
        let at = |zxid: i64| txns.binary_search_by_key(&zxid, |txn| txn.zxid).ok().map(|at| &txns[at]);
        for ((version, text), sid) in &self.configured {
            configurations_are_committed::in_log(*sid, *version, text, at(*version).filter(is_reconfig))?;
        }
        self.reconfigs.iter().try_for_each(|zxid| {
            let found = at(*zxid).is_some_and(|txn| is_reconfig(&txn));
            acknowledged_writes_survive::found(found, || format!("the reconfig {zxid:#x}"))
        })
    }
}

fn frame(header: &RequestHeader, body: &impl Jute) -> Bytes {
    let mut out = BytesMut::new();
    header.encode(&mut out);
    body.encode(&mut out);
    out.freeze()
}
