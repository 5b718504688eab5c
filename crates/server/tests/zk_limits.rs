//! Each limit of a keeper's connections at its value and one past it, over real sockets.

mod zk;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::limits::Budget;
use server::zk::metrics::Value;
use server::zk::{ConnectThrottle, Limits, Listen, ZkAdmin, ZkServerConfig, ZkServerHandle};
use zk::{Client, connect, create, read_frame};
use zk_wire::frame::with_length;
use zk_wire::{ConnectRequest, ErrorCode, ExistsRequest, GetDataRequest, Jute, OpCode, RequestHeader};

/// A keeper on 127.0.0.1 with what `change` does to its configuration.
async fn start(dir: &std::path::Path, change: impl FnOnce(&mut ZkServerConfig)) -> ZkServerHandle {
    let mut config = ZkServerConfig::embedded(dir, 0);
    config.listen = Listen::Addresses(vec![SocketAddr::from(([127, 0, 0, 1], 0))]);
    change(&mut config);
    server::zk::start(config).await.expect("the keeper starts")
}

/// Runs what blocks, then stops the keeper.
async fn with(server: ZkServerHandle, test: impl FnOnce(SocketAddr) + Send + 'static) {
    let addr = server.local_addrs()[0];
    tokio::task::spawn_blocking(move || test(addr)).await.unwrap();
    server.shutdown().await.unwrap();
}

fn metric(admin: &ZkAdmin, name: &str) -> i64 {
    match admin.metrics().into_iter().find(|(known, _)| *known == name) {
        Some((_, Value::Gauge(value))) => value,
        Some((_, Value::Counter(value))) => i64::try_from(value).unwrap(),
        other => panic!("{name} is {other:?}"),
    }
}

fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not come about");
        std::thread::yield_now();
    }
}

/// Sends a connect request; whether a session comes.
fn gets_session(addr: SocketAddr) -> bool {
    let mut socket = connect(addr);
    let request = ConnectRequest { timeout_ms: 30_000, read_only: Some(false), ..ConnectRequest::default() };
    socket.write_all(&with_length(&request.to_bytes())).is_ok() && read_frame(&mut socket).is_some()
}

fn request(xid: i32, opcode: OpCode, body: &[u8]) -> Vec<u8> {
    with_length(&[&RequestHeader { xid, opcode: opcode.0 }.to_bytes(), body].concat()).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn jute_maxbuffer() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), |config| config.store.jute_max_buffer = 4096).await;
    with(server, |addr| {
        let body = |frame_bytes: usize| {
            let empty = create("/a", b"", 0).len() + 8;
            create("/a", &vec![7; frame_bytes - empty], 0)
        };
        let mut client = Client::new(addr);
        assert_eq!(client.call(OpCode::CREATE, &body(4096)).0.err, 0);
        client.send(OpCode::CREATE, &body(4097));
        assert!(read_frame(&mut client.socket).is_none(), "one byte past the limit ends the connection");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_of_one_address_and_in_all() {
    for (per_address, in_all) in [(2, 0), (0, 2), (3, 2), (2, 3)] {
        let dir = tempfile::tempdir().unwrap();
        let server = start(dir.path(), |config| {
            config.max_client_cnxns = per_address;
            config.max_cnxns = in_all;
        })
        .await;
        with(server, move |addr| {
            let (one, _two) = (Client::new(addr), Client::new(addr));
            assert!(!gets_session(addr), "the third of {per_address}, {in_all}");
            drop(one);
            eventually("room for another", || gets_session(addr));
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connect_requests_take_tokens() {
    let dir = tempfile::tempdir().unwrap();
    let throttle = ConnectThrottle { tokens: 2, fill_time_ms: 3_600_000, ..ConnectThrottle::default() };
    let server = start(dir.path(), |config| config.limits.connect = throttle).await;
    let admin = server.admin();
    with(server, move |addr| {
        assert!(gets_session(addr) && gets_session(addr));
        assert!(!gets_session(addr), "the third has no token");
        assert_eq!(zk::word(addr, "ruok"), "imok", "four-letter words need none");
        assert_eq!(metric(&admin, "connection_rejected"), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_requests() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), |config| {
        config.limits = Limits { large_request_bytes: Some(1000), large_requests_bytes_max: 2000, ..Limits::default() };
    })
    .await;
    let admin = server.admin();
    with(server, move |addr| {
        let body = |path: &str, frame_bytes: usize| {
            let empty = create(path, b"", 0).len() + 8;
            create(path, &vec![7; frame_bytes - empty], 0)
        };
        let mut client = Client::new(addr);
        assert_eq!(client.call(OpCode::CREATE, &body("/a", 2000)).0.err, 0);
        // Its bytes came back.
        assert_eq!(client.call(OpCode::CREATE, &body("/b", 2000)).0.err, 0);
        // A hundred that are not large, at once.
        let sent: Vec<i32> = (0..100).map(|n| client.send(OpCode::CREATE, &body(&format!("/n{n}"), 1000))).collect();
        for xid in sent {
            assert_eq!(client.receive().0.xid, xid);
        }
        client.send(OpCode::CREATE, &body("/c", 2001));
        assert!(read_frame(&mut client.socket).is_none(), "one byte past the limit ends the connection");
        assert_eq!(metric(&admin, "large_requests_rejected"), 1);
        assert_eq!(Client::new(addr).get("/c"), Err(ErrorCode::NO_NODE.0));
    })
    .await;
}

/// Sends `count` creates at once, from each of some connections, and takes all answers.
fn pipelines(addr: SocketAddr, connections: usize, count: usize) -> Vec<i32> {
    let mut clients: Vec<Client> = (0..connections).map(|_| Client::new(addr)).collect();
    for (index, client) in clients.iter_mut().enumerate() {
        let frames: Vec<u8> = (0..count)
            .flat_map(|n| request(n as i32 + 1, OpCode::CREATE, &create(&format!("/c{index}-{n}"), b"x", 0)))
            .collect();
        client.socket.write_all(&frames).unwrap();
    }
    let mut errors = Vec::new();
    for client in &mut clients {
        for n in 0..count {
            let (header, _) = client.receive();
            assert_eq!(header.xid, n as i32 + 1, "answers come in order");
            errors.push(header.err);
        }
    }
    errors
}

#[tokio::test(flavor = "multi_thread")]
async fn with_few_outstanding_requests_everything_is_answered_in_order() {
    for limits in [
        Limits { outstanding_max: 0, ..Limits::default() },
        Limits { outstanding_max: 1, ..Limits::default() },
        Limits { requests_max: Some(1), ..Limits::default() },
        Limits { requests_max: Some(3), outstanding_max: 2, ..Limits::default() },
    ] {
        let dir = tempfile::tempdir().unwrap();
        let server = start(dir.path(), |config| config.limits = limits.clone()).await;
        with(server, move |addr| {
            let errors = pipelines(addr, 8, 60);
            assert!(errors.iter().all(|err| *err == 0), "{limits:?}");
        })
        .await;
    }
}

/// A connection that has nothing left to look at when the others have used up the limit is read on when its own requests
/// are answered.
#[tokio::test(flavor = "multi_thread")]
async fn with_few_outstanding_requests_whoever_asks_as_it_is_answered_is_read_on() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), |config| config.limits = Limits { outstanding_max: 4, ..Limits::default() }).await;
    with(server, |addr| {
        let ask = move || {
            let mut client = Client::new(addr);
            let body = create("/none/below", b"x", 0);
            for _ in 0..2 {
                client.send(OpCode::CREATE, &body);
            }
            for answered in 1..=2000 {
                let (header, _) = client.receive();
                assert_eq!((header.xid, ErrorCode(header.err)), (answered, ErrorCode::NO_NODE));
                client.send(OpCode::CREATE, &body);
            }
        };
        let clients: Vec<_> = (0..16).map(|_| std::thread::spawn(ask)).collect();
        clients.into_iter().for_each(|client| client.join().expect("every request is answered"));
    })
    .await;
}

/// What `globalOutstandingLimit` and the request throttle are for, as far as reads go, which they do not count: a client
/// that asks and asks and fetches nothing is not read on, and takes no more memory than the answers that wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn reads_do_not_pile_up_though_no_limit_counts_them() {
    const BIG: usize = 500_000;
    let dir = tempfile::tempdir().unwrap();
    let budget = Arc::new(Budget::new(1 << 30));
    let given = budget.clone();
    let limits = Limits { requests_max: Some(1), outstanding_max: 0, ..Limits::default() };
    let server = start(dir.path(), move |config| (config.budget, config.limits) = (given, limits)).await;
    let admin = server.admin();
    with(server, move |addr| {
        let mut writer = Client::new(addr);
        assert_eq!(writer.create("/big", &vec![7; BIG], 0), 0);
        let mut greedy = Client::new(addr);
        let body = GetDataRequest { path: "/big".into(), watch: false }.to_bytes();
        let frames: Vec<u8> = (0..10_000).flat_map(|n| request(n + 100, OpCode::GET_DATA, &body)).collect();
        greedy.socket.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
        let mut asked = 0;
        while greedy.socket.write_all(&frames).is_ok() {
            asked += frames.len();
            assert!(asked < 256 << 20, "the server reads on and on");
        }
        assert!(budget.used() < 4 * BIG, "{} bytes wait for it", budget.used());
        // It stands in nobody's way, with one request in process at a time.
        for n in 0..20 {
            assert_eq!(writer.create(&format!("/n{n}"), b"", 0), 0);
            assert!(writer.get("/big").is_ok_and(|data| data.len() == BIG));
        }
        assert_eq!(metric(&admin, "num_alive_connections"), 2, "it is still connected");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_waited_too_long_are_answered_and_not_done() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { requests_max: Some(1), throttled_after: Some(Duration::from_nanos(1)), ..Limits::default() };
    let server = start(dir.path(), |config| config.limits = limits).await;
    let admin = server.admin();
    with(server, move |addr| {
        let errors = pipelines(addr, 1, 50);
        let throttled = errors.iter().filter(|err| **err == ErrorCode::THROTTLED_OP.0).count();
        assert_eq!(metric(&admin, "throttled_ops"), throttled as i64);
        // The first finds nothing in process; the second waits for it.
        assert_eq!(&errors[..2], [0, ErrorCode::THROTTLED_OP.0]);
        let mut client = Client::new(addr);
        for (n, err) in errors.iter().enumerate() {
            let expected = if *err == 0 { Ok("x".into()) } else { Err(ErrorCode::NO_NODE.0) };
            assert_eq!(client.get(&format!("/c0-{n}")), expected, "request {n}, answered {err}");
        }
        // Closing is never throttled.
        let frames: Vec<u8> =
            [request(1, OpCode::CREATE, &create("/last", b"", 0)), request(2, OpCode::CLOSE_SESSION, b"")].concat();
        client.socket.write_all(&frames).unwrap();
        assert_eq!((client.receive().0.err, client.receive().0.err), (0, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_connection_and_a_half_frame_are_closed_in_time() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), |config| config.connect_deadline = Duration::from_millis(50)).await;
    with(server, |addr| {
        for bytes in [&[][..], &[0, 0, 0, 45, 0]] {
            let mut socket = connect(addr);
            socket.write_all(bytes).unwrap();
            assert_eq!(socket.read(&mut [0; 1]).unwrap_or(0), 0);
        }
        let mut client = Client::new(addr);
        assert_eq!(client.create("/later", b"", 0), 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn session_timeouts_are_clamped() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), |config| {
        config.store.keeper.session_timeout_ms_min = 5000;
        config.store.keeper.session_timeout_ms_max = 9000;
    })
    .await;
    with(server, |addr| {
        for (asked, given) in [(1, 5000), (5000, 5000), (5001, 5001), (9000, 9000), (9001, 9000), (i32::MAX, 9000)] {
            let request = ConnectRequest { timeout_ms: asked, ..ConnectRequest::default() };
            assert_eq!(Client::resume(addr, &request).session.timeout_ms, given);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_slowly_gets_everything() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), |_| {}).await;
    with(server, |addr| {
        let mut client = Client::new(addr);
        assert_eq!(client.create("/big", &vec![7; 500_000], 0), 0);
        // 100 MB are asked for in one write; far more than may wait for a client.
        let body = GetDataRequest { path: "/big".into(), watch: false }.to_bytes();
        let frames: Vec<u8> = (0..200).flat_map(|n| request(n + 100, OpCode::GET_DATA, &body)).collect();
        client.socket.write_all(&frames).unwrap();
        for n in 0..200 {
            let (header, body) = client.receive();
            assert_eq!((header.xid, header.err), (n + 100, 0));
            assert!(body.remaining() > 500_000);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watch_events_for_a_client_that_does_not_read_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path(), |_| {}).await;
    let admin = server.admin();
    with(server, move |addr| {
        let mut writer = Client::new(addr);
        let mut sleeper = Client::new(addr);
        let long = format!("/{}", "w".repeat(200_000));
        assert_eq!(writer.create(&long, b"", 0), 0);
        let body = zk_wire::AddWatchRequest { path: long.as_str().into(), mode: 0 }.to_bytes();
        assert_eq!(sleeper.call(OpCode::ADD_WATCH, &body).0.err, 0);
        // 200 KB for each change; the socket's buffers and 8 MiB are full soon.
        let deadline = Instant::now() + Duration::from_secs(20);
        while metric(&admin, "num_alive_connections") == 2 {
            assert!(Instant::now() < deadline, "the client that does not read is still connected");
            assert_eq!(writer.set(&long, b""), 0);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_connections_share_a_budget() {
    let dir = tempfile::tempdir().unwrap();
    let budget = Arc::new(Budget::new(1 << 20));
    let given = budget.clone();
    let server = start(dir.path(), move |config| config.budget = given).await;
    let admin = server.admin();
    with(server, move |addr| {
        let mut writer = Client::new(addr);
        // Half a megabyte that stops half way is kept for as long as its session lives.
        let half = |claimed: usize, sent: usize| {
            let mut client = Client::new(addr);
            client.socket.write_all(&u32::try_from(claimed).unwrap().to_be_bytes()).unwrap();
            client.socket.write_all(&vec![0; sent]).unwrap();
            client
        };
        let first = half(1_000_000, 400_000);
        eventually("the first is counted", || budget.used() >= 300_000);
        let seen = budget.used();
        assert!(seen < 1 << 20);
        // The next ones are too much together.
        let others: Vec<Client> = (0..3).map(|_| half(1_000_000, 400_000)).collect();
        eventually("one of five connections is closed", || metric(&admin, "num_alive_connections") < 5);
        assert!(budget.used() <= 1 << 20);
        // Whoever asks for little is served as ever.
        assert_eq!(writer.create("/small", b"x", 0), 0);
        let body = ExistsRequest { path: "/small".into(), watch: false }.to_bytes();
        assert_eq!(writer.call(OpCode::EXISTS, &body).0.err, 0);
        for client in others.iter().chain([&first]) {
            let _ = client.socket.shutdown(Shutdown::Both);
        }
        drop(writer);
        eventually("everything is given back", || budget.used() == 0);
    })
    .await;
}

/// The kind of timer that runs for the server's end of a connection, from `/proc/net/tcp`: 2 is keep-alive.
fn timer_of(server: SocketAddr, client: SocketAddr) -> Option<String> {
    let hex = |addr: SocketAddr| format!("0100007F:{:04X}", addr.port());
    let text = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let ends = format!("{} {}", hex(server), hex(client));
    let line = text.lines().find(|line| line.contains(&ends))?;
    line.split_whitespace().nth(5).map(|timer| timer[..2].to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_are_probed_when_asked_for() {
    for (keep_alive, timer) in [(true, "02"), (false, "00")] {
        let dir = tempfile::tempdir().unwrap();
        let server = start(dir.path(), |config| config.keep_alive = keep_alive).await;
        with(server, move |addr| {
            let client = Client::new(addr);
            let own = client.socket.local_addr().unwrap();
            eventually("the timer", || timer_of(addr, own).as_deref() == Some(timer));
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_connects_while_the_server_starts_is_answered() {
    let dir = tempfile::tempdir().unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let addr = SocketAddr::from(([127, 0, 0, 1], port));
    let early = tokio::task::spawn_blocking(move || {
        // From the first moment at which the port is bound.
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut socket = loop {
            match std::net::TcpStream::connect(addr) {
                Ok(socket) => break socket,
                Err(e) => assert!(Instant::now() < deadline, "{e}"),
            }
        };
        socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let request = ConnectRequest { timeout_ms: 30_000, read_only: Some(false), ..ConnectRequest::default() };
        socket.write_all(&with_length(&request.to_bytes())).unwrap();
        read_frame(&mut socket).is_some()
    });
    let server = start(dir.path(), |config| config.listen = Listen::Addresses(vec![addr])).await;
    assert!(early.await.unwrap());
    server.shutdown().await.unwrap();
}
