//! The election port against another of ours, against the bytes of Apache's servers, and against nonsense.

mod quorum;

use base::Reader;
use bytes::BytesMut;
use quorum::{PATIENCE, conversations, free_port, member, members, membership, next};
use server::zk::MemberConfig;
use server::zk::quorum::{ElectionPort, Members, Voted};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use zk_wire::election::{InitialMessage, Notification, ServerState};
use zk_wire::{Epoch, Jute as _, Zxid};

async fn open(config: MemberConfig, members: &Members) -> (ElectionPort, UnboundedReceiver<Voted>) {
    let (votes, arriving) = unbounded_channel();
    let deliver = move |voted| drop(votes.send(voted));
    (ElectionPort::open(config, members.clone(), deliver).await.expect("the ports are free"), arriving)
}

fn vote(leader: i64) -> Notification {
    Notification {
        state: ServerState::Looking,
        leader,
        zxid: Zxid(0x1_0000_0001),
        election_epoch: 1,
        peer_epoch: Epoch(1),
        version: 2,
        config: Some("version=0".into()),
    }
}

/// A connection to a server's election port.
async fn dial(membership: &keeper::membership::Membership, sid: i64) -> TcpStream {
    let port = membership.members[&sid].addresses[0].election_port;
    TcpStream::connect(("127.0.0.1", port)).await.expect("the port listens")
}

fn hello(sid: i64, address: &str) -> BytesMut {
    let mut out = BytesMut::new();
    InitialMessage { sid, addresses: vec![address.into()] }.encode(false, &mut out);
    out
}

fn frame(payload: &[u8]) -> Vec<u8> {
    [&(payload.len() as i32).to_be_bytes()[..], payload].concat()
}

/// Waits for the other side to close.
async fn closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    // A reset is an end, too.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("the connection ends");
    assert!(rest.is_empty(), "nothing is said to whoever is closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn votes_pass_both_ways_and_the_latest_one_again_on_a_new_connection() {
    let membership = membership(2);
    let members = members(&membership);
    let (one, mut to_one) = open(member(1, &membership), &members).await;
    let (two, mut to_two) = open(member(2, &membership), &members).await;
    // The smaller id dials and is dialled back.
    one.notify(2, &vote(1));
    let voted = next(&mut to_two).await;
    assert_eq!((voted.from, voted.notification), (1, vote(1)));
    two.notify(1, &vote(2));
    let voted = next(&mut to_one).await;
    assert_eq!((voted.from, voted.notification), (2, vote(2)));
    // Server 2 starts anew and dials: it hears what server 1 said last, which is not said again by anybody.
    drop((two, to_two));
    let (two, mut to_two) = open(member(2, &membership), &members).await;
    two.notify(1, &vote(2));
    assert_eq!(next(&mut to_two).await.notification, vote(1));
    assert_eq!(next(&mut to_one).await.from, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_away_hears_the_latest_vote_only() {
    let membership = membership(2);
    let members = members(&membership);
    let (one, _) = open(member(1, &membership), &members).await;
    for leader in [5, 6, 1] {
        one.notify(2, &vote(leader));
    }
    let (two, mut to_two) = open(member(2, &membership), &members).await;
    two.notify(1, &vote(2));
    assert_eq!(next(&mut to_two).await.notification, vote(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_smaller_id_is_dialled_back_where_the_configuration_says() {
    let membership = membership(2);
    let at_one = membership.members[&1].addresses[0].election_port;
    let listener = TcpListener::bind(("127.0.0.1", at_one)).await.unwrap();
    let (_two, _) = open(member(2, &membership), &members(&membership)).await;
    let mut dialled = dial(&membership, 2).await;
    // Docker's way to say "me", which means something else to everybody else.
    dialled.write_all(&hello(1, "0.0.0.0:1")).await.unwrap();
    closed(&mut dialled).await;
    let (mut back, _) = tokio::time::timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    let mut said = [0; 20];
    back.read_exact(&mut said).await.unwrap();
    assert_eq!(i64::from_be_bytes(said[..8].try_into().unwrap()), -65536);
    assert_eq!(i64::from_be_bytes(said[8..16].try_into().unwrap()), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_observer_without_a_line_is_dialled_back_where_it_says() {
    let membership = membership(2);
    let (two, mut votes) = open(member(2, &membership), &members(&membership)).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut dialled = dial(&membership, 2).await;
    let here = listener.local_addr().unwrap().to_string();
    dialled.write_all(&hello(i64::MAX, &here)).await.unwrap();
    closed(&mut dialled).await;
    let (mut back, _) = tokio::time::timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    let mut said = vec![0; hello(2, &format!("127.0.0.1:{}", membership.members[&2].addresses[0].election_port)).len()];
    back.read_exact(&mut said).await.unwrap();
    back.write_all(&frame(&vote(i64::MIN).to_bytes())).await.unwrap();
    let voted = next(&mut votes).await;
    assert!(voted.from < 0, "a made-up id: {}", voted.from);
    two.notify(voted.from, &vote(2));
    let mut answer = vec![0; 4 + vote(2).to_bytes().len()];
    back.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, frame(&vote(2).to_bytes()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_apaches_servers_say_arrives_as_they_meant_it() {
    let mut heard = 0;
    for (name, my_id) in [("election-1.cap", 1), ("election-2.cap", 2)] {
        for (dialled, _) in conversations(name) {
            let mut r = Reader::new(dialled.clone());
            let who = InitialMessage::decode(&mut r).expect("a server says who it is");
            let mut expected = Vec::new();
            while r.remaining() >= 4 {
                let len = r.i32().unwrap() as usize;
                let Ok(payload) = r.slice(len) else { break };
                expected.push(Notification::from_bytes(payload).expect("a vote"));
            }
            let membership = membership(3);
            let (port, mut votes) = open(member(my_id, &membership), &members(&membership)).await;
            let mut stream = dial(&membership, my_id).await;
            // In pieces, as a network may bring them.
            for piece in dialled.chunks(7) {
                stream.write_all(piece).await.unwrap();
            }
            for expected in expected {
                let voted = next(&mut votes).await;
                assert_eq!((voted.from, voted.notification), (who.sid, expected));
                heard += 1;
            }
            port.notify(who.sid, &vote(3));
            let mut answer = vec![0; 4 + vote(3).to_bytes().len()];
            stream.read_exact(&mut answer).await.unwrap();
            assert_eq!(answer, frame(&vote(3).to_bytes()), "a larger id keeps its connection");
        }
    }
    assert!(heard >= 15, "{heard} votes");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_older_servers_are_votes_too() {
    let membership = membership(2);
    let (_one, mut votes) = open(member(1, &membership), &members(&membership)).await;
    let mut stream = dial(&membership, 1).await;
    // Before 3.5 a server said its id and no more.
    stream.write_all(&2_i64.to_be_bytes()).await.unwrap();
    let whole = vote(2).to_bytes();
    for len in [28, 36] {
        stream.write_all(&frame(&whole[..len])).await.unwrap();
        let voted = next(&mut votes).await;
        assert_eq!((voted.from, voted.notification.leader, voted.notification.version), (2, 2, 0));
    }
    stream.write_all(&frame(&whole[..40])).await.unwrap();
    assert_eq!(next(&mut votes).await.notification.config, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_is_closed_and_harms_nobody() {
    let membership = membership(3);
    let config = member(1, &membership);
    let (one, mut votes) = open(config, &members(&membership)).await;
    let absurd =
        |version: i64, len: i32| [&version.to_be_bytes()[..], &2_i64.to_be_bytes(), &len.to_be_bytes()].concat();
    let good = hello(2, "127.0.0.1:1").to_vec();
    for nonsense in [
        b"GET / HTTP/1.1\r\nHost: zk1\r\n\r\n".to_vec(),
        absurd(-65537, 4),
        absurd(-65536, 0),
        absurd(-65536, i32::MAX),
        absurd(-65536, -1),
        hello(1, "127.0.0.1:1").to_vec(),
        [&good[..], &i32::MAX.to_be_bytes()].concat(),
        [&good[..], &0_i32.to_be_bytes()].concat(),
        [&good[..], &(-1_i32).to_be_bytes()].concat(),
        // Nothing at all, and the beginning of a hello: closed when their time is over.
        Vec::new(),
        good[..11].to_vec(),
    ] {
        let mut stream = dial(&membership, 1).await;
        stream.write_all(&nonsense).await.unwrap();
        closed(&mut stream).await;
    }
    let mut stream = dial(&membership, 1).await;
    stream.write_all(&good).await.unwrap();
    // No vote, and the next message counts.
    for payload in [vec![9; 44], vec![0; 20], vote(2).to_bytes().to_vec()] {
        stream.write_all(&frame(&payload)).await.unwrap();
    }
    assert_eq!(next(&mut votes).await.notification, vote(2));
    drop(one);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_says_nothing_does_not_take_the_place_of_servers() {
    let membership = membership(2);
    let mut config = member(1, &membership);
    config.handshake_timeout = Some(PATIENCE * 10);
    let (_one, mut votes) = open(config, &members(&membership)).await;
    let mut silent = Vec::new();
    for _ in 0..16 {
        silent.push(dial(&membership, 1).await);
    }
    // They are accepted in order, so this one is too many of its address.
    closed(&mut dial(&membership, 1).await).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let port = membership.members[&1].addresses[0].election_port;
    let mut stream = socket.connect(([127, 0, 0, 1], port).into()).await.unwrap();
    stream.write_all(&hello(2, "127.0.0.1:1")).await.unwrap();
    stream.write_all(&frame(&vote(2).to_bytes())).await.unwrap();
    assert_eq!(next(&mut votes).await.from, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_port_goes_where_a_new_configuration_says() {
    let before = membership(2);
    let members = members(&before);
    let (mut one, mut votes) = open(member(1, &before), &members).await;
    let mut after = before.clone();
    after.add("server.1", &format!("127.0.0.1:{}:{}", free_port(), free_port())).unwrap();
    members.store(std::sync::Arc::new(after.clone()));
    one.reconfigured();
    let there = after.members[&1].addresses[0].election_port;
    let connected = async {
        loop {
            // It is bound in the background.
            match TcpStream::connect(("127.0.0.1", there)).await {
                Ok(stream) => break stream,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    let mut stream = tokio::time::timeout(PATIENCE, connected).await.expect("the port moves");
    stream.write_all(&hello(2, "127.0.0.1:1")).await.unwrap();
    stream.write_all(&frame(&vote(2).to_bytes())).await.unwrap();
    assert_eq!(next(&mut votes).await.from, 2);
    let old = before.members[&1].addresses[0].election_port;
    assert!(TcpStream::connect(("127.0.0.1", old)).await.is_err(), "nobody listens there any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_taken_out_still_says_where_it_is() {
    let before = membership(2);
    let listener = TcpListener::bind(("127.0.0.1", before.members[&1].addresses[0].election_port)).await.unwrap();
    let members = members(&before);
    let (mut two, _) = open(member(2, &before), &members).await;
    let mut after = before.clone();
    after.members.remove(&2);
    members.store(std::sync::Arc::new(after));
    two.reconfigured();
    two.notify(1, &vote(2));
    let (mut dialled, _) = tokio::time::timeout(PATIENCE, listener.accept()).await.unwrap().unwrap();
    // Apache's servers close a connection whose first message has no address.
    let expected = hello(2, &format!("127.0.0.1:{}", before.members[&2].addresses[0].election_port));
    let mut said = vec![0; expected.len()];
    dialled.read_exact(&mut said).await.unwrap();
    assert_eq!(said, expected);
}
