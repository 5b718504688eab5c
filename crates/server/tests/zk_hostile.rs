//! Bytes that are no ZooKeeper client: the connection ends, other clients notice nothing, nothing is kept.

mod zk;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use zk::{Client, connect, start};

/// What hostile clients send, and whether they then wait for the end or hang up themselves.
fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let mut half_connect = vec![0, 0, 0, 45];
    half_connect.extend_from_slice(&[0; 20]);
    let mut huge_password = 2000u32.to_be_bytes().to_vec();
    huge_password.extend_from_slice(&[0; 24]);
    huge_password.extend_from_slice(&i32::MAX.to_be_bytes());
    huge_password.extend_from_slice(&[7; 1972]);
    vec![
        ("garbage", (0..=255).rev().collect()),
        ("http", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        ("tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("a length of 2 GB", vec![0x7f, 0xff, 0xff, 0xff, 1, 2, 3]),
        ("a negative length", vec![0xff, 0xff, 0xff, 0xf0]),
        ("a half frame", half_connect),
        ("a password longer than the frame", huge_password),
        ("an empty frame", vec![0, 0, 0, 0]),
        ("nothing", Vec::new()),
    ]
}

/// Sends and hangs up its half; the server must end the other.
fn attack(addr: SocketAddr, what: &str, bytes: &[u8]) {
    let mut socket = connect(addr);
    // The server may hang up before everything is written.
    let _ = socket.write_all(bytes).and_then(|()| socket.shutdown(Shutdown::Write));
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    assert!(answer.is_empty(), "{what} was answered with {answer:?}");
}

fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_connections_end_and_leave_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let addr = server.local_addrs()[0];
    let admin = server.admin();
    tokio::task::spawn_blocking(move || {
        let mut client = Client::new(addr);
        assert_eq!(client.create("/mine", b"data", 1), 0);
        let list = hostile();
        let round = |count: usize| {
            for (what, bytes) in list.iter().cycle().take(count) {
                attack(addr, what, bytes);
            }
        };
        round(200);
        let before = resident_kib();
        round(1000);
        let after = resident_kib();
        assert!(after <= before + 2048, "{before} KiB before, {after} KiB after");
        assert_eq!(client.get("/mine").unwrap(), "data");
        let deadline = Instant::now() + Duration::from_secs(10);
        while admin.connections() != 1 {
            assert!(Instant::now() < deadline, "connections are left over");
            std::thread::yield_now();
        }
    })
    .await
    .unwrap();
    server.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_after_the_session_is_checked_too() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let addr = server.local_addrs()[0];
    tokio::task::spawn_blocking(move || {
        let xid_of_events = [0, 0, 0, 8, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 11];
        for bytes in [&[0x7f, 0xff, 0xff, 0xff][..], &[0, 0, 0, 3, 1, 2, 3], &[0, 0x20, 0, 0], &xid_of_events] {
            let mut client = Client::new(addr);
            client.socket.write_all(bytes).unwrap();
            assert!(zk::read_frame(&mut client.socket).is_none(), "{bytes:?}");
        }
    })
    .await
    .unwrap();
    server.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(dir.path()).await;
    let addr = server.local_addrs()[0];
    tokio::task::spawn_blocking(move || {
        let mut other = Client::new(addr);
        assert_eq!(other.create("/big", &vec![7; 900_000], 0), 0);
        let mut client = Client::new(addr);
        client.socket.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
        let header = zk_wire::Jute::to_bytes(&zk_wire::RequestHeader { xid: 1, opcode: zk_wire::OpCode::GET_DATA.0 });
        let body = zk_wire::Jute::to_bytes(&zk_wire::GetDataRequest { path: "/big".into(), watch: false });
        let frame = zk_wire::frame::with_length(&[header, body].concat());
        // 900 MB of replies are asked for; the server stops reading long before.
        let before = resident_kib();
        for _ in 0..1000 {
            if client.socket.write_all(&frame).is_err() {
                break;
            }
        }
        assert!(resident_kib() < before + 64 * 1024, "{} KiB before, {} after", before, resident_kib());
        assert_eq!(other.get("/big").unwrap().len(), 900_000);
    })
    .await
    .unwrap();
    server.shutdown().await.unwrap();
}
