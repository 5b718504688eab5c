//! What Apache ZooKeeper 3.9.5's servers say to each other on the quorum port (`fixtures/zookeeper/quorum-*.cap`), as this
//! crate's packets, and as the words of a leader that a follower of ours follows.
#![allow(clippy::disallowed_methods, reason = "a test reads its fixtures")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use base::{Instant, Reader, Str};
use bytes::{Bytes, BytesMut};
use zab::packet::{ToLeader, ToLearner};
use zab::{Config, Effect, Event, Link, Peer, QuorumConfig, QuorumVerifier, Recovered, Standing};
use zk_wire::election::{Notification, ServerState};
use zk_wire::quorum::SNAP_SIGNATURE;
use zk_wire::{Epoch, Jute, QuorumPacket, Zxid, snapshot};

/// Both directions of one connection: what the learner said, and what the leader said.
#[derive(Default)]
struct Conversation {
    learner: BytesMut,
    leader: BytesMut,
}

/// The connections of a capture (format in `fixtures/README.md`).
fn conversations(name: &str) -> Vec<Conversation> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/zookeeper").join(name);
    let bytes: Bytes =
        std::fs::read(&path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display())).into();
    let line_end = bytes.iter().position(|byte| *byte == b'\n').expect("a first line");
    let mut r = Reader::new(bytes.slice(line_end + 1..));
    let mut by_conn: BTreeMap<u32, Conversation> = BTreeMap::new();
    while !r.is_empty() {
        let conversation = by_conn.entry(r.u32().expect("a connection")).or_default();
        let from_client = r.u8().expect("a direction") == b'>';
        let len = r.u32().expect("a length") as usize;
        let side = if from_client { &mut conversation.learner } else { &mut conversation.leader };
        side.extend_from_slice(&r.slice(len).expect("the payload"));
    }
    by_conn.into_values().collect()
}

/// The packets of one side; a snapshot behind SNAP is walked over.
fn packets(stream: &BytesMut) -> Vec<QuorumPacket> {
    let mut r = Reader::new(stream.clone().freeze());
    let mut packets = Vec::new();
    while !r.is_empty() {
        let Ok(packet) = QuorumPacket::decode(&mut r) else { return packets };
        let is_snapshot = matches!(ToLearner::decode(packet.clone()), Ok(ToLearner::Snap(_)));
        packets.push(packet);
        if is_snapshot {
            let mut decoder = snapshot::SnapshotDecoder::new(1 << 21);
            decoder.feed(r.rest());
            while decoder.next().expect("a snapshot").expect("all of it") != snapshot::SnapshotRecord::End {}
            r = Reader::new(decoder.rest());
            assert_eq!(Str::decode(&mut r).expect("a signature"), SNAP_SIGNATURE);
        }
    }
    packets
}

fn all() -> impl Iterator<Item = Conversation> {
    ["quorum-2.cap", "quorum-3.cap"].into_iter().flat_map(conversations)
}

#[test]
fn every_packet_of_apaches_has_a_place_here_and_comes_back_as_it_was() {
    let (mut leaders, mut learners) = (0, 0);
    for conversation in all() {
        for packet in packets(&conversation.leader) {
            let typed = ToLearner::decode(packet.clone()).unwrap_or_else(|error| panic!("{error}: {packet:?}"));
            assert_eq!(typed.encode(), packet);
            leaders += 1;
        }
        for packet in packets(&conversation.learner) {
            let typed = ToLeader::decode(packet.clone()).unwrap_or_else(|error| panic!("{error}: {packet:?}"));
            let mut encoded = typed.encode();
            if let ToLeader::Info { .. } = typed {
                // The version of the configuration is the only thing that is not kept.
                encoded.data.clone_from(&packet.data);
            }
            // Upstream's answer to a ping repeats the leader's zxid, which nobody reads.
            if let ToLeader::Ping(_) = typed {
                encoded.zxid = packet.zxid;
            }
            assert_eq!(encoded, packet);
            learners += 1;
        }
    }
    assert!(leaders > 50 && learners > 50, "{leaders} packets of leaders and {learners} of learners");
}

/// A follower of ours in the place of Apache's, which had an empty log: it hears the leader's words, and its disk is
/// prompt.
#[test]
fn a_follower_of_ours_follows_apaches_leader() {
    let mut followed = 0;
    for conversation in all() {
        let said = packets(&conversation.leader);
        let Some(ToLearner::LeaderInfo(epoch)) = said.first().cloned().and_then(|p| ToLearner::decode(p).ok()) else {
            continue;
        };
        let Some(last) = packets(&conversation.learner).into_iter().find_map(accepted) else { continue };
        if last != Zxid::ZERO && last.counter() != 0 {
            continue;
        }
        follow(&said, epoch, last);
        followed += 1;
    }
    assert!(followed > 0, "no capture begins with an empty log");
}

/// The end of the log that the captured learner said it had.
fn accepted(packet: QuorumPacket) -> Option<Zxid> {
    match ToLeader::decode(packet).ok()? {
        ToLeader::AckEpoch { last, .. } => Some(last),
        _ => None,
    }
}

fn follow(said: &[QuorumPacket], epoch: Epoch, last: Zxid) {
    let verifier = QuorumVerifier::majority([1, 2, 3]);
    let recovered = Recovered { last, ..Recovered::default() };
    let mut peer = Peer::new(Config::new(1), QuorumConfig::of_voters(verifier), None, recovered);
    let link = Link(1);
    let notification = Notification {
        state: ServerState::Leading,
        leader: 3,
        zxid: last,
        election_epoch: 1,
        peer_epoch: Epoch(last.epoch().0),
        version: 2,
        config: None,
    };
    let mut queue: Vec<Event> = vec![
        Event::Tick,
        Event::Notification {
            from: 2,
            notification: Notification { state: ServerState::Following, ..notification.clone() },
        },
        Event::Notification { from: 3, notification },
        Event::LeaderConnected { link },
    ];
    let words = said.iter().map(|packet| ToLearner::decode(packet.clone()).expect("a leader's packet"));
    queue.extend(words.map(|packet| Event::FromLeader { link, packet }));
    let (mut delivered, mut standing) = (Vec::new(), Standing::Looking);
    let mut acked = Vec::new();
    for event in queue {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            let mut effects = Vec::new();
            peer.step(Instant::ZERO, event, &mut effects);
            for effect in effects {
                match effect {
                    Effect::Store { token, .. } => events.insert(0, Event::Stored { token }),
                    Effect::Receive { link, .. } => events.insert(0, Event::SnapshotReceived { link }),
                    Effect::Deliver(proposal) => delivered.push(proposal.zxid),
                    Effect::Standing(now) => standing = now,
                    Effect::ToLeader { packet: ToLeader::Ack(zxid), .. } => acked.push(zxid),
                    _ => {}
                }
            }
        }
    }
    assert_eq!(standing, Standing::Following { leader: 3, epoch }, "{:?}", peer.last_end());
    let commits = said.iter().filter(|packet| packet.packet_type == zk_wire::quorum::PacketType::Commit as i32);
    let committed: Vec<Zxid> = commits.map(|packet| packet.zxid).collect();
    assert_eq!(delivered, committed, "each committed transaction once, in order");
    assert!(acked.contains(&epoch.first_zxid()), "{acked:?}");
    assert!(committed.iter().all(|zxid| acked.contains(zxid)), "{acked:?} of {committed:?}");
}
