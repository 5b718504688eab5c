//! What is between members: votes, and links with packets and snapshots as the quorum port has them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use base::{Instant, Reader};
use bytes::Bytes;
use storage::zk::intake::SnapshotIntake;
use zab::{Sid, ToLeader, ToLearner};
use zk_wire::election::Notification;
use zk_wire::quorum::PacketType;
use zk_wire::{Jute, QuorumPacket};

use crate::net::LinkId;

/// A link on a quorum port.
pub struct MemberLink {
    /// Who dialled, and in which of its lives.
    pub learner: (Sid, u64),
    /// Who listens, likewise.
    pub leader: (Sid, u64),
    sending: Sending,
    reading: Reading,
}

/// The leader's end: packets wait behind a stream.
#[derive(Default)]
struct Sending {
    /// SNAP was the last packet.
    announced: bool,
    streams: bool,
    held: Vec<Bytes>,
}

/// The learner's end.
enum Reading {
    Packets,
    /// Behind SNAP, until the machine says where the snapshot goes.
    Waiting(VecDeque<Bytes>),
    Snapshot(Box<SnapshotIntake>),
}

/// What an arrival at the learner's end gives.
pub enum Read {
    /// A packet.
    Packet(ToLearner),
    /// The snapshot is whole.
    Snapshot(Box<SnapshotIntake>),
}

impl MemberLink {
    /// A new link.
    pub fn new(learner: (Sid, u64), leader: (Sid, u64)) -> Self {
        Self { learner, leader, sending: Sending::default(), reading: Reading::Packets }
    }

    /// The frames to send for a packet to the learner: none while a stream is on its way.
    pub fn send(&mut self, packet: &ToLearner) -> Option<Bytes> {
        let frame = packet.encode().to_bytes();
        if self.sending.streams {
            self.sending.held.push(frame);
            return None;
        }
        self.sending.announced = matches!(packet, ToLearner::Snap(_));
        Some(frame)
    }

    /// A stream begins. Whether it is a snapshot's; otherwise it is the log's.
    pub fn begin_stream(&mut self) -> bool {
        self.sending.streams = true;
        self.sending.announced
    }

    /// The frames to send for a piece of a stream.
    pub fn send_chunk(&mut self, chunk: Bytes, last: bool) -> Vec<Bytes> {
        let mut frames = vec![chunk];
        if last {
            self.sending.streams = false;
            frames.append(&mut self.sending.held);
        }
        frames
    }

    /// A frame arrived at the learner's end.
    pub fn read(&mut self, frame: Bytes) -> Vec<Read> {
        match &mut self.reading {
            Reading::Waiting(waiting) => {
                waiting.push_back(frame);
                Vec::new()
            }
            Reading::Snapshot(intake) => {
                let whole = intake.feed(frame).expect("simulated members send whole snapshots");
                let Some(rest) = whole else { return Vec::new() };
                assert!(rest.is_empty(), "a packet behind a snapshot has a frame of its own");
                match core::mem::replace(&mut self.reading, Reading::Packets) {
                    Reading::Snapshot(intake) => vec![Read::Snapshot(intake)],
                    _ => unreachable!("matched above"),
                }
            }
            Reading::Packets => self.read_packets(frame),
        }
    }

    /// A piece of the log has many packets.
    fn read_packets(&mut self, frame: Bytes) -> Vec<Read> {
        let (mut frame, mut reads) = (Reader::new(frame), Vec::new());
        while frame.remaining() > 0 {
            let packet = QuorumPacket::decode(&mut frame).expect("members send packets");
            if packet.packet_type == PacketType::Snap as i32 {
                self.reading = Reading::Waiting(VecDeque::new());
            }
            reads.push(Read::Packet(ToLearner::decode(packet).expect("leaders send what leaders send")));
        }
        reads
    }

    /// The machine says where the snapshot goes: what has arrived meanwhile follows.
    pub fn receive(&mut self, intake: Box<SnapshotIntake>) -> Vec<Read> {
        let Reading::Waiting(waiting) = core::mem::replace(&mut self.reading, Reading::Snapshot(intake)) else {
            panic!("a snapshot is expected where none was announced")
        };
        waiting.into_iter().flat_map(|frame| self.read(frame)).collect()
    }
}

/// A frame that arrived at the leader's end.
pub fn to_leader(frame: Bytes) -> ToLeader {
    let packet = QuorumPacket::decode(&mut Reader::new(frame)).expect("members send packets");
    ToLeader::decode(packet).expect("learners send what learners send")
}

/// The latest vote of each member to each other one, and who cannot talk.
#[derive(Default)]
pub struct Votes {
    latest: BTreeMap<(Sid, Sid), Notification>,
    /// Pairs that cannot talk, until then.
    blocked: BTreeMap<(Sid, Sid), Instant>,
}

impl Votes {
    /// A vote, which takes the place of the one before it.
    pub fn put(&mut self, from: Sid, to: Sid, vote: Notification) {
        self.latest.insert((from, to), vote);
    }

    /// The vote that arrives now; it may be sent again to a member that comes back.
    pub fn latest(&self, from: Sid, to: Sid) -> Option<Notification> {
        self.latest.get(&(from, to)).cloned()
    }

    /// A member is gone: nobody says its votes again.
    pub fn forget(&mut self, from: Sid) {
        self.latest.retain(|(voter, _), _| *voter != from);
    }

    /// Those who have something to say to `to`.
    pub fn senders_to(&self, to: Sid) -> Vec<Sid> {
        self.latest.keys().filter(|(_, receiver)| *receiver == to).map(|(from, _)| *from).collect()
    }

    /// Two members cannot talk until then.
    pub fn block(&mut self, a: Sid, b: Sid, until: Instant) {
        let entry = self.blocked.entry((a.min(b), a.max(b))).or_default();
        *entry = until.max(*entry);
    }

    /// Until when two members cannot talk, if they cannot now.
    pub fn blocked(&self, now: Instant, a: Sid, b: Sid) -> Option<Instant> {
        self.blocked.get(&(a.min(b), a.max(b))).copied().filter(|until| *until > now)
    }

    /// Everybody can talk.
    pub fn heal(&mut self) {
        self.blocked.clear();
    }
}

/// Links whose ends are in these sets.
pub fn between(links: &BTreeMap<LinkId, MemberLink>, a: &BTreeSet<Sid>, b: &BTreeSet<Sid>) -> Vec<(LinkId, Sid, Sid)> {
    let crosses = |x: &Sid, y: &Sid| a.contains(x) && b.contains(y) || a.contains(y) && b.contains(x);
    let crossing = links.iter().filter(|(_, link)| crosses(&link.learner.0, &link.leader.0));
    crossing.map(|(id, link)| (*id, link.learner.0, link.leader.0)).collect()
}
