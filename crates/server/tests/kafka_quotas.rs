//! Client quotas over real sockets: the answer says for how long, and the connection is not read until then.

mod kafka;

use std::time::{Duration, Instant};

use base::Str;
use kafka::{Client, batch, fetch, produce, start};
use kafka_wire::messages as wire;

/// What a client may have at once with this many bytes a second: ten windows.
const RATE: f64 = 20_000.0;

fn set(client: &mut Client, client_id: Option<&str>, key: &str, value: Option<f64>) {
    let entity = wire::AlterClientQuotasRequestEntity {
        entity_type: Str::from("client-id"),
        entity_name: client_id.map(Str::from),
    };
    let op = wire::AlterClientQuotasRequestOps {
        key: Str::from(key),
        value: value.unwrap_or_default(),
        remove: value.is_none(),
    };
    let entry = wire::AlterClientQuotasRequestEntries { entity: vec![entity], ops: vec![op] };
    let request = wire::AlterClientQuotasRequest { entries: vec![entry], validate_only: false };
    let answer = client.call(&request, 1);
    assert_eq!(answer.entries[0].error_code, 0, "{answer:?}");
}

fn described(client: &mut Client) -> Vec<(String, f64)> {
    let answer = client.call(&wire::DescribeClientQuotasRequest::default(), 1);
    assert_eq!(answer.error_code, 0);
    let values = answer.entries.unwrap_or_default().into_iter().flat_map(|entry| entry.values);
    values.map(|value| (value.key.to_string(), value.value)).collect()
}

/// How long the connection is not read.
fn muted(client: &mut Client) -> Duration {
    let begin = Instant::now();
    client.call(&wire::ListGroupsRequest::default(), 4);
    begin.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_over_its_quota_rests_and_one_without_does_not() {
    let dir = tempfile::tempdir().expect("a folder");
    let servers = start(dir.path(), &[]).await;
    let addr = servers.addr();
    let test = move || {
        let mut client = Client::new(addr);
        client.topic("t", 1, &[]);
        let value = vec![7; 21_000];
        let free = client.call(&produce("t", 0, 1, batch(&[&value])), 9);
        assert_eq!(free.throttle_time_ms, 0, "nothing is set");
        assert_eq!(described(&mut client), []);

        // Nobody of this name is connected, and the default is for those without an own one.
        set(&mut client, Some("other"), "producer_byte_rate", Some(1.0));
        set(&mut client, None, "producer_byte_rate", Some(RATE));
        assert_eq!(
            described(&mut client),
            [("producer_byte_rate".to_string(), RATE), ("producer_byte_rate".to_string(), 1.0)]
        );
        // 210,000 of 200,000 bytes: half a second too many.
        for n in 0..10 {
            let answer = client.call(&produce("t", 0, 1, batch(&[&value])), 9);
            let expected = if n < 9 { 0..1 } else { 300..700 };
            assert!(expected.contains(&answer.throttle_time_ms), "{n}: {}", answer.throttle_time_ms);
            assert_eq!(answer.responses[0].partition_responses[0].error_code, 0, "it is done all the same");
        }
        assert!(muted(&mut client) >= Duration::from_millis(250), "the connection is not read meanwhile");
        set(&mut client, None, "producer_byte_rate", None);
        let answer = client.call(&produce("t", 0, 1, batch(&[&value])), 9);
        assert_eq!(answer.throttle_time_ms, 0, "the quota is gone");

        // A fetch of more than what may be had is empty; what it would have cost is not counted.
        set(&mut client, None, "consumer_byte_rate", Some(RATE));
        let mut last = 0;
        let mut taken = 0;
        while last == 0 {
            let answer = client.call(&fetch("t", &[(0, 0)], 0), 11);
            last = answer.throttle_time_ms;
            let empty = answer.responses.is_empty();
            assert_eq!(empty, last > 0, "{answer:?}");
            taken += usize::from(!empty);
            assert!(taken < 20);
        }
        assert!(taken >= 1, "what is there for who was quiet before is given");
        set(&mut client, None, "consumer_byte_rate", None);
        assert!(muted(&mut client) < Duration::from_millis(200));
        assert_eq!(client.call(&fetch("t", &[(0, 0)], 0), 11).throttle_time_ms, 0);
    };
    tokio::task::spawn_blocking(test).await.expect("the client part passes");
    servers.stop().await;
}

/// What a topic of one partition is answered with, and how long the client is told to rest.
fn create(client: &mut Client, name: &str, version: i16) -> (i16, i32) {
    let topic = wire::CreateTopicsRequestTopics {
        name: Str::from(name),
        num_partitions: 1,
        replication_factor: 1,
        ..Default::default()
    };
    let request = wire::CreateTopicsRequest { topics: vec![topic], timeout_ms: 10_000, validate_only: false };
    let answer = client.call(&request, version);
    assert_eq!(answer.topics.len(), 1, "{answer:?}");
    (answer.topics[0].error_code, answer.throttle_time_ms)
}

#[tokio::test(flavor = "multi_thread")]
async fn partitions_beyond_a_quota_are_refused_or_cost_a_rest() {
    let dir = tempfile::tempdir().expect("a folder");
    let servers = start(dir.path(), &[("controller.quota.window.num", "1")]).await;
    let addr = servers.addr();
    let test = move || {
        let mut client = Client::new(addr);
        client.topic("seen", 3, &[]);
        set(&mut client, None, "controller_mutation_rate", Some(0.5));
        // Half a token is there, and what is begun is done.
        assert_eq!(create(&mut client, "a", 7), (0, 0));
        let (code, rest) = create(&mut client, "b", 7);
        assert_eq!(code, 89, "THROTTLING_QUOTA_EXCEEDED");
        assert!((500..=1000).contains(&rest), "{rest}");
        let one = |topics| wire::DeleteTopicsRequest { topics, topic_names: vec![Str::from("seen")], timeout_ms: 1000 };
        let answer = client.call(&one(Vec::new()), 4);
        assert_eq!(answer.responses[0].error_code, 0, "old clients know of no such error");
        assert!(answer.throttle_time_ms > 4000, "{}", answer.throttle_time_ms);
        let mut other = Client::new(addr);
        set(&mut other, None, "controller_mutation_rate", None);
        assert_eq!(create(&mut other, "b", 7), (0, 0), "nobody is limited any more");
    };
    tokio::task::spawn_blocking(test).await.expect("the test");
    servers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_opens_too_many_connections_is_shown_the_door() {
    let dir = tempfile::tempdir().expect("a folder");
    let servers = start(dir.path(), &[("quota.window.num", "2")]).await;
    let addr = servers.addr();
    let test = move || {
        let mut client = Client::new(addr);
        let entity = wire::AlterClientQuotasRequestEntity {
            entity_type: Str::from("ip"),
            entity_name: Some(Str::from("127.0.0.1")),
        };
        let op =
            wire::AlterClientQuotasRequestOps { key: Str::from("connection_creation_rate"), value: 2.0, remove: false };
        let entry = wire::AlterClientQuotasRequestEntries { entity: vec![entity], ops: vec![op] };
        let answer = client.call(&wire::AlterClientQuotasRequest { entries: vec![entry], validate_only: false }, 1);
        assert_eq!(answer.entries[0].error_code, 0, "{answer:?}");
        let closed = |mut stream: std::net::TcpStream| {
            use std::io::Read;
            stream.set_read_timeout(Some(Duration::from_millis(1500))).expect("set");
            matches!(stream.read(&mut [0]), Ok(0))
        };
        let opened: Vec<_> = (0..4).map(|_| std::net::TcpStream::connect(addr).expect("accepted")).collect();
        let closed = opened.into_iter().map(closed).filter(|closed| *closed).count();
        // A machine that is slow lets time pass between them.
        assert!((1..=2).contains(&closed), "{closed} of four are closed");
        client.call(&wire::ListGroupsRequest::default(), 4);
    };
    tokio::task::spawn_blocking(test).await.expect("the test");
    servers.stop().await;
}
