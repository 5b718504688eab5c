//! Bytes that are no Kafka client: the connection ends, other clients notice nothing, nothing is kept. Alone in its
//! process, whose memory it measures.

mod kafka;

use std::io::{Read, Write};
use std::net::Shutdown;

use base::Str;
use kafka::{Client, batch, connect, resident_kib, start};
use kafka_wire::messages as wire;

/// What hostile clients send before they hang up their half.
fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let half = [&[0, 0, 0x40, 0, 0, 3, 0, 9, 0, 0, 0, 1][..], &[0; 100]].concat();
    let huge_array = [&[0, 0, 0, 20, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff][..], &[0x7f; 10]].concat();
    vec![
        ("garbage", (0..=255).rev().collect()),
        ("http", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec()),
        ("tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec()),
        ("a length of 2 GB", vec![0x7f, 0xff, 0xff, 0xff, 1, 2, 3]),
        ("a negative length", vec![0xff, 0xff, 0xff, 0xf0]),
        ("an empty frame", vec![0; 4]),
        ("an unknown API", vec![0, 0, 0, 10, 0x7f, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff]),
        ("an unknown version", vec![0, 0, 0, 10, 0, 3, 0, 99, 0, 0, 0, 1, 0xff, 0xff]),
        ("a half frame", half),
        ("a huge array", huge_array),
        ("nothing", Vec::new()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_connections_end_and_leave_nothing() {
    let dir = tempfile::tempdir().expect("a folder");
    let servers = start(dir.path(), &[]).await;
    let addr = servers.addr();
    let test = move || {
        let mut client = Client::new(addr);
        client.topic("t", 1, &[]);
        let attack = |what: &str, bytes: &[u8]| {
            let mut socket = connect(addr);
            // The server may hang up before everything is written.
            let _ = socket.write_all(bytes).and_then(|()| socket.shutdown(Shutdown::Write));
            let mut answer = Vec::new();
            let _ = socket.read_to_end(&mut answer);
            assert!(answer.is_empty(), "{what} was answered with {answer:?}");
        };
        let list = hostile();
        let round = |count: usize| list.iter().cycle().take(count).for_each(|(what, bytes)| attack(what, bytes));
        // Threads, buffers and the allocator settle first.
        round(300);
        let before = resident_kib();
        round(1000);
        let grown = resident_kib().saturating_sub(before);
        assert!(grown < 2048, "1000 hostile connections left {grown} KiB");
        // Ten thousand names that nobody knows are ten thousand errors, and nothing stays of them either.
        let unknown = (0..10_000).map(|number| wire::MetadataRequestTopics {
            name: Some(Str::from(format!("unknown-{number}"))),
            ..Default::default()
        });
        let topics = Some(unknown.collect());
        let request = wire::MetadataRequest { topics, allow_auto_topic_creation: false, ..Default::default() };
        let mut ask = |count: usize| {
            for _ in 0..count {
                let answer = client.call(&request, 9);
                assert_eq!(answer.topics.len(), 10_000);
                assert!(answer.topics.iter().all(|topic| topic.error_code == 3), "UNKNOWN_TOPIC_OR_PARTITION");
            }
        };
        ask(10);
        let before = resident_kib();
        ask(30);
        let grown = resident_kib().saturating_sub(before);
        assert!(grown < 4096, "30 questions for 10,000 unknown topics left {grown} KiB");
        assert_eq!(client.produce("t", 0, batch(&[b"still here"])).error_code, 0, "others notice nothing");
    };
    tokio::task::spawn_blocking(test).await.expect("the client part passes");
    servers.stop().await;
}
