//! The quorum port against the bytes of Apache's servers, and against connections that stall, flood and say nonsense.

mod quorum;

use std::time::Duration;

use base::{Prng, Reader};
use bytes::{Buf as _, Bytes, BytesMut};
use keeper::membership::Membership;
use keeper::{Config, Recovery};
use quorum::{PATIENCE, conversations, free_port, member, members, membership, next};
use server::zk::MemberConfig;
use server::zk::quorum::{FromLink, QuorumPort};
use storage::zk::intake::SnapshotIntake;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use zab::packet::{LearnerKind, ToLeader, ToLearner};
use zab::{Event, Link, Proposal};
use zk_wire::quorum::packet_bytes;
use zk_wire::{Epoch, Jute as _, QuorumPacket, Zxid};

async fn open(config: MemberConfig) -> (QuorumPort, UnboundedReceiver<FromLink>) {
    let (events, arriving) = unbounded_channel();
    let membership = members(&config.membership);
    let deliver = move |from| drop(events.send(from));
    (QuorumPort::open(config, membership, deliver).await.expect("the ports are free"), arriving)
}

async fn dial(membership: &Membership, sid: i64) -> TcpStream {
    let port = membership.members[&sid].addresses[0].quorum_port;
    TcpStream::connect(("127.0.0.1", port)).await.expect("the port listens")
}

async fn event(arriving: &mut UnboundedReceiver<FromLink>) -> Event {
    match next(arriving).await {
        FromLink::Event(event, _) => event,
        FromLink::Dialled(_, link) => panic!("dialled {link:?}"),
        FromLink::Snapshot(link, _) => panic!("a snapshot from {link:?}"),
        FromLink::Drained(link) => panic!("{link:?} drained"),
    }
}

/// Waits for the other side to close; what it said before.
async fn closed(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("the connection ends");
    rest
}

fn follower(sid: i64) -> Bytes {
    ToLeader::Info { kind: LearnerKind::Follower, sid, accepted: Epoch(1), config_version: 0 }.encode().to_bytes()
}

/// A learner that is known to the leader, and its link there.
async fn learner(
    port: &QuorumPort,
    membership: &Membership,
    events: &mut UnboundedReceiver<FromLink>,
) -> (TcpStream, Link) {
    port.leads(true);
    let mut stream = dial(membership, 1).await;
    stream.write_all(&follower(2)).await.unwrap();
    let Event::LearnerConnected { link } = event(events).await else { panic!("a learner connects first") };
    assert!(matches!(event(events).await, Event::FromLearner { packet: ToLeader::Info { sid: 2, .. }, .. }));
    (stream, link)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_apaches_learners_say_arrives_as_they_meant_it() {
    let mut heard = 0;
    for (said, _) in ["quorum-2.cap", "quorum-3.cap"].into_iter().flat_map(conversations) {
        let membership = membership(2);
        let (port, mut events) = open(member(1, &membership)).await;
        port.leads(true);
        let mut stream = dial(&membership, 1).await;
        for piece in said.chunks(11) {
            stream.write_all(piece).await.unwrap();
        }
        let Event::LearnerConnected { link: expected_link } = event(&mut events).await else {
            panic!("connects first")
        };
        let mut r = Reader::new(said);
        while !r.is_empty() {
            let packet = QuorumPacket::decode(&mut r).expect("whole packets");
            let expected = ToLeader::decode(packet).unwrap();
            let Event::FromLearner { link, packet } = event(&mut events).await else { panic!("a packet") };
            assert_eq!((link, packet), (expected_link, expected));
            heard += 1;
        }
        drop(stream);
        assert_eq!(event(&mut events).await, Event::Closed { link: expected_link });
    }
    assert!(heard > 30, "{heard} packets");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_apaches_leaders_say_arrives_as_they_meant_it_a_snapshot_too() {
    let (mut heard, mut snapshots) = (0, 0);
    for (_, said) in ["quorum-2.cap", "quorum-3.cap"].into_iter().flat_map(conversations) {
        let membership = membership(2);
        let at_two = membership.members[&2].addresses[0].quorum_port;
        let leader = TcpListener::bind(("127.0.0.1", at_two)).await.unwrap();
        let (port, mut events) = open(member(1, &membership)).await;
        let dial = port.dial(2).0;
        let (mut stream, _) = leader.accept().await.unwrap();
        let FromLink::Dialled(number, Some(link)) = next(&mut events).await else { panic!("the dial succeeds") };
        assert_eq!(number, dial);
        let writer = tokio::spawn({
            let said = said.clone();
            async move {
                for piece in said.chunks(13) {
                    stream.write_all(piece).await.unwrap();
                }
                stream
            }
        });
        let mut rest = said;
        while let Ok(Some(len)) = packet_bytes(&rest, 1 << 20) {
            let expected = ToLearner::decode(QuorumPacket::from_bytes(rest.split_to(len)).unwrap()).unwrap();
            let Event::FromLeader { packet, .. } = event(&mut events).await else { panic!("a packet") };
            assert_eq!(packet, expected);
            heard += 1;
            if let ToLearner::Snap(zxid) = packet {
                let intake =
                    || Box::new(SnapshotIntake::new(zxid, Recovery::new(Config::default(), Prng::new(1)), 1 << 21));
                port.link(link).expect("open").receive(intake());
                let FromLink::Snapshot(from, taken) = next(&mut events).await else { panic!("a snapshot") };
                assert_eq!((from, taken.into_recovery().expect("whole").last_zxid()), (link, zxid));
                rest = intake().feed(rest).unwrap().expect("a whole snapshot");
                snapshots += 1;
            }
        }
        drop(writer.await.unwrap());
        assert_eq!(event(&mut events).await, Event::Closed { link });
    }
    assert!(heard > 50 && snapshots > 0, "{heard} packets, {snapshots} snapshots");
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_behind_a_snapshot_wait_until_all_of_it_has_left() {
    let membership = membership(2);
    let (port, mut events) = open(member(1, &membership)).await;
    let (mut stream, link) = learner(&port, &membership, &mut events).await;
    let out = port.link(link).expect("open");
    let (before, snap, behind) = (ToLearner::LeaderInfo(Epoch(2)), ToLearner::Snap(Zxid(7)), ToLearner::UpToDate);
    let large = ToLearner::Proposal(Proposal { zxid: Zxid(8), bytes: Bytes::from(vec![5; 100_000]), config: None });
    assert!(out.packet(&before.encode()), "the first of a turn");
    assert!(!out.packet(&snap.encode()));
    out.begin_stream();
    out.packet(&large.encode());
    out.flush();
    let pieces: Vec<Bytes> = (0..20).map(|n| Bytes::from(vec![n; 300_000])).collect();
    let mut expected = BytesMut::new();
    expected.extend_from_slice(&before.encode().to_bytes());
    expected.extend_from_slice(&snap.encode().to_bytes());
    pieces.iter().for_each(|piece| expected.extend_from_slice(piece));
    expected.extend_from_slice(&large.encode().to_bytes());
    expected.extend_from_slice(&behind.encode().to_bytes());
    let reader = tokio::spawn(async move {
        let mut all = vec![0; expected.len()];
        stream.read_exact(&mut all).await.unwrap();
        assert!(all == expected, "in order, and nothing else");
        stream
    });
    for (at, piece) in pieces.iter().enumerate() {
        let last = at + 1 == pieces.len();
        out.stream(piece.clone(), last);
        if !last {
            assert!(matches!(next(&mut events).await, FromLink::Drained(drained) if drained == link));
        }
    }
    out.packet(&behind.encode());
    out.flush();
    drop(reader.await.unwrap());
    assert_eq!(event(&mut events).await, Event::Closed { link });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_closes_behind_what_is_queued() {
    let membership = membership(2);
    let (port, mut events) = open(member(1, &membership)).await;
    let (mut stream, link) = learner(&port, &membership, &mut events).await;
    let out = port.link(link).expect("open");
    out.packet(&ToLearner::UpToDate.encode());
    out.close("enough".into());
    assert_eq!(closed(&mut stream).await, ToLearner::UpToDate.encode().to_bytes());
    assert_eq!(event(&mut events).await, Event::Closed { link });
    assert!(port.link(link).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_servers_reaches_the_machine() {
    let membership = membership(2);
    let (port, mut events) = open(member(1, &membership)).await;
    port.leads(true);
    let head = |kind: i32, len: i32| [&kind.to_be_bytes()[..], &[0; 8], &len.to_be_bytes()].concat();
    for nonsense in [
        b"GET / HTTP/1.1\r\nHost: zk1\r\n\r\n".to_vec(),
        head(11, i32::MAX),
        head(11, -2),
        // Whole packets that no learner begins with.
        ToLeader::Ack(Zxid(1)).encode().to_bytes().to_vec(),
        ToLearner::UpToDate.encode().to_bytes().to_vec(),
        [&head(99, -1)[..], &[255; 4]].concat(),
        // Closed when their time is over.
        Vec::new(),
        follower(2)[..20].to_vec(),
    ] {
        let mut stream = dial(&membership, 1).await;
        stream.write_all(&nonsense).await.unwrap();
        assert_eq!(closed(&mut stream).await, b"");
    }
    assert!(events.try_recv().is_err(), "the machine heard of none");
    learner(&port, &membership, &mut events).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learner_that_comes_early_is_taken_when_this_server_leads_and_otherwise_closed() {
    let membership = membership(2);
    let (port, mut events) = open(member(1, &membership)).await;
    let mut stream = dial(&membership, 1).await;
    stream.write_all(&follower(2)).await.unwrap();
    assert_eq!(closed(&mut stream).await, b"", "this server never led");
    let mut early = dial(&membership, 1).await;
    early.write_all(&follower(2)).await.unwrap();
    port.leads(true);
    assert!(matches!(event(&mut events).await, Event::LearnerConnected { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_in_the_middle_or_talks_nonsense_later_is_closed() {
    let membership = membership(2);
    let (port, mut events) = open(member(1, &membership)).await;
    let ack = ToLeader::Ack(Zxid(1)).encode().to_bytes();
    for later in [ack[..7].to_vec(), ToLearner::UpToDate.encode().to_bytes().to_vec(), vec![255; 64]] {
        let (mut stream, link) = learner(&port, &membership, &mut events).await;
        stream.write_all(&ack).await.unwrap();
        stream.write_all(&later).await.unwrap();
        assert!(matches!(event(&mut events).await, Event::FromLearner { packet: ToLeader::Ack(_), .. }));
        assert_eq!(event(&mut events).await, Event::Closed { link });
        closed(&mut stream).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learner_that_does_not_read_is_closed_in_time() {
    let membership = membership(2);
    let (port, mut events) = open(member(1, &membership)).await;
    let (_stream, link) = learner(&port, &membership, &mut events).await;
    let out = port.link(link).expect("open");
    let large = Bytes::from(vec![5; 1 << 20]);
    // Each turn has something for it, and none of that helps.
    while event_now(&mut events).await.is_none() {
        for zxid in 0..8 {
            let proposal = Proposal { zxid: Zxid(zxid), bytes: large.clone(), config: None };
            out.packet(&ToLearner::Proposal(proposal).encode());
        }
        out.flush();
    }
    assert!(port.link(link).is_none());
}

/// What arrives within a turn.
async fn event_now(arriving: &mut UnboundedReceiver<FromLink>) -> Option<FromLink> {
    tokio::time::timeout(Duration::from_millis(20), arriving.recv()).await.ok().flatten()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_floods_is_not_read_until_the_loop_has_taken_what_came() {
    let membership = membership(2);
    let (port, mut events) = open(member(1, &membership)).await;
    let (mut stream, _) = learner(&port, &membership, &mut events).await;
    let touched = Bytes::from(vec![0; 1 << 20]);
    let ping = ToLeader::Ping(touched).encode().to_bytes();
    // Far more than sockets and permits hold; the writer is stopped, not the server filled.
    let mut written = 0_u64;
    while let Ok(result) = tokio::time::timeout(Duration::from_millis(500), stream.write_all(&ping)).await {
        result.unwrap();
        written += ping.len() as u64;
        assert!(written < 1 << 30, "a gigabyte was read and kept");
    }
    let mut taken = 0;
    while taken < written {
        let FromLink::Event(Event::FromLearner { .. }, permit) = next(&mut events).await else { panic!("a packet") };
        drop(permit);
        taken += ping.len() as u64;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dial_that_another_replaced_says_nothing_and_one_that_fails_says_so() {
    let mut membership = membership(2);
    let dead = format!("127.0.0.1:{}:1", free_port());
    membership.add("server.3", &dead).unwrap();
    let at_two = membership.members[&2].addresses[0].quorum_port;
    let _leader = TcpListener::bind(("127.0.0.1", at_two)).await.unwrap();
    let (port, mut events) = open(member(1, &membership)).await;
    let failed = port.dial(3).0;
    assert!(matches!(next(&mut events).await, FromLink::Dialled(number, None) if number == failed));
    let unknown = port.dial(9).0;
    assert!(matches!(next(&mut events).await, FromLink::Dialled(number, None) if number == unknown));
    let good = port.dial(2).0;
    assert!(matches!(next(&mut events).await, FromLink::Dialled(number, Some(_)) if number == good));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_of_several_is_enough_to_reach_a_leader() {
    let mut membership = membership(1);
    let (dead, alive) = (free_port(), free_port());
    membership.add("server.2", &format!("127.0.0.1:{dead}:1|127.0.0.1:{alive}:1")).unwrap();
    let _leader = TcpListener::bind(("127.0.0.1", alive)).await.unwrap();
    let (port, mut events) = open(member(1, &membership)).await;
    port.dial(2);
    assert!(matches!(next(&mut events).await, FromLink::Dialled(_, Some(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_in_one_read_are_taken_apart() {
    let membership = membership(2);
    let (port, mut events) = open(member(1, &membership)).await;
    let (mut stream, link) = learner(&port, &membership, &mut events).await;
    let mut many = BytesMut::new();
    for n in 0..100_u8 {
        many.extend_from_slice(&ToLeader::Ping(Bytes::from(vec![n; usize::from(n) * 300])).encode().to_bytes());
    }
    let mut many = many.freeze();
    while many.has_remaining() {
        stream.write_all(&many.split_to(many.len().min(50_000))).await.unwrap();
    }
    for n in 0..100_u8 {
        let expected = ToLeader::Ping(Bytes::from(vec![n; usize::from(n) * 300]));
        assert_eq!(event(&mut events).await, Event::FromLearner { link, packet: expected });
    }
}
