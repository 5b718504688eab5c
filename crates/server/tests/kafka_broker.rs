//! The broker over real sockets: produce, fetch, order, restarts.

mod kafka;

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use base::{Reader, Str};
use bytes::Bytes;
use kafka::{Client, Servers, batch, fetch, produce, start};
use kafka_wire::messages as wire;
use kafka_wire::records::{TimestampType, legacy};
use kafka_wire::{Message, ResponseHeader};

/// Runs blocking client code beside the servers.
async fn with(servers: Servers, test: impl FnOnce(SocketAddr) + Send + 'static) -> Servers {
    let addr = servers.addr();
    tokio::task::spawn_blocking(move || test(addr)).await.expect("the client part passes");
    servers
}

async fn served(more: &[(&str, &str)], test: impl FnOnce(SocketAddr) + Send + 'static) {
    let dir = tempfile::tempdir().expect("a folder");
    with(start(dir.path(), more).await, test).await.stop().await;
}

fn values(fetched: &[(i64, Bytes)]) -> Vec<(i64, &str)> {
    fetched.iter().map(|(offset, value)| (*offset, std::str::from_utf8(value).expect("text"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_produced_is_fetched() {
    served(&[], |addr| {
        let mut client = Client::new(addr);
        client.topic("t", 3, &[]);
        for partition in 0..3 {
            let first = client.produce("t", partition, batch(&[b"a", b"b"]));
            assert_eq!((first.error_code, first.base_offset, first.log_start_offset), (0, 0, 0));
            assert_eq!(client.produce("t", partition, batch(&[b"c"])).base_offset, 2);
        }
        let fetched = client.fetch("t", 1, 0, 0);
        assert_eq!((fetched.error_code, fetched.high_watermark), (0, 3));
        assert_eq!(values(&fetched.records), [(0, "a"), (1, "b"), (2, "c")]);
        assert_eq!(values(&client.fetch("t", 1, 2, 0).records), [(2, "c")]);
        assert_eq!(client.fetch("t", 1, 3, 0).records, []);
        assert_eq!(client.fetch("t", 1, 4, 0).error_code, 1, "out of range");
        assert_eq!(client.fetch("t", 7, 0, 0).error_code, 3, "no such partition");
        assert_eq!(client.produce("nowhere", 0, batch(&[b"x"])).error_code, 3);
        let mut bad = batch(&[b"x"]).to_vec();
        *bad.last_mut().expect("bytes") ^= 1;
        assert_eq!(client.produce("t", 0, bad.into()).error_code, 2, "a bad checksum");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_is_answered_in_its_own_shape() {
    served(&[], |addr| {
        let mut client = Client::new(addr);
        client.topic("t", 1, &[]);
        for version in 0..=11 {
            let message = legacy::encode(i8::from(version == 2), 0, 5, TimestampType::Create, None, Some(b"v"));
            let records = if version < 3 { message } else { batch(&[b"v"]) };
            let answer = client.call(&produce("t", 0, 1, records), version);
            assert_eq!(answer.responses[0].partition_responses[0].error_code, 0, "produce v{version}");
            let base_offset = answer.responses[0].partition_responses[0].base_offset;
            assert_eq!(base_offset, i64::from(version), "produce v{version}");
        }
        for version in 0..4 {
            let answer = client.call(&fetch("t", &[(0, 2)], 0), version);
            let records = answer.responses[0].partitions[0].records.in_memory().expect("decoded");
            let set = legacy::parse(&records, 0).expect("messages");
            assert_eq!((set.magic, set.messages.len()), (i8::from(version > 1), 10), "fetch v{version}");
            assert_eq!((set.messages[0].offset, set.messages[0].value.as_deref()), (2, Some(&b"v"[..])));
        }
        for version in 4..=12 {
            let answer = client.call(&fetch("t", &[(0, 0)], 0), version);
            assert_eq!(answer.responses[0].partitions[0].error_code, 0, "fetch v{version}");
            assert_eq!(answer.responses[0].partitions[0].high_watermark, 12, "fetch v{version}");
        }
        let unknown = fetch("t", &[(0, 0)], 0);
        for version in 13..=17 {
            let answer = client.call(&unknown, version);
            assert_eq!(answer.responses[0].partitions[0].error_code, 100, "a topic id nobody has, v{version}");
        }
        for version in 0..=9 {
            let partition = wire::ListOffsetsRequestPartitions {
                current_leader_epoch: -1,
                timestamp: -1,
                max_num_offsets: 5,
                ..Default::default()
            };
            let topic = wire::ListOffsetsRequestTopics { name: Str::from("t"), partitions: vec![partition] };
            let request = wire::ListOffsetsRequest { replica_id: -1, topics: vec![topic], ..Default::default() };
            let answer = client.call(&request, version).topics.remove(0).partitions.remove(0);
            if version == 0 {
                assert_eq!(answer.old_style_offsets, [12, 0]);
            } else {
                assert_eq!(answer.offset, 12, "list offsets v{version}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_fetch_is_woken_and_answers_stay_in_order() {
    served(&[], |addr| {
        let (mut waiting, mut other) = (Client::new(addr), Client::new(addr));
        other.topic("t", 2, &[]);
        let began = Instant::now();
        // Pipelined: the second is answered behind the first, however quick it would be.
        waiting.send(&fetch("t", &[(0, 0), (1, 0)], 10_000), 11);
        waiting.send(&wire::ApiVersionsRequest::default(), 0);
        assert_eq!(other.produce("t", 1, batch(&[b"here"])).error_code, 0);
        let fetched: wire::FetchResponse = waiting.receive(11, 1);
        assert_eq!(fetched.responses[0].partitions.len(), 2);
        assert_eq!(fetched.responses[0].partitions[1].high_watermark, 1);
        let versions: wire::ApiVersionsResponse = waiting.receive(0, 0);
        assert_eq!(versions.error_code, 0);
        assert!(began.elapsed() < Duration::from_secs(8), "it was woken, not timed out");
        let began = Instant::now();
        assert_eq!(waiting.fetch("t", 0, 0, 300).records, []);
        assert!(began.elapsed() >= Duration::from_millis(290), "it waited");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fetch_sessions_tell_only_what_is_new() {
    served(&[], |addr| {
        let mut client = Client::new(addr);
        client.topic("t", 2, &[]);
        client.produce("t", 0, batch(&[b"a"]));
        let mut full = fetch("t", &[(0, 0), (1, 0)], 0);
        full.session_epoch = 0;
        let answer = client.call(&full, 11);
        assert!(answer.session_id > 0);
        assert_eq!(answer.responses[0].partitions.len(), 2, "the first answer has all");
        let mut next = fetch("t", &[(0, 1)], 0);
        (next.session_id, next.session_epoch) = (answer.session_id, 1);
        assert_eq!(client.call(&next, 11).responses, [], "nothing new");
        client.produce("t", 1, batch(&[b"b"]));
        (next.session_epoch, next.topics) = (2, Vec::new());
        let answer = client.call(&next, 11);
        let partitions: Vec<i32> = answer.responses[0].partitions.iter().map(|p| p.partition_index).collect();
        assert_eq!(partitions, [1]);
        next.session_epoch = 9;
        assert_eq!(client.call(&next, 11).error_code, 71);
        next.session_id ^= 1;
        assert_eq!(client.call(&next, 11).error_code, 70);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acks_0_is_silent_and_closes_on_failure() {
    served(&[], |addr| {
        let mut client = Client::new(addr);
        client.topic("t", 1, &[]);
        client.send(&produce("t", 0, 0, batch(&[b"quiet"])), 9);
        client.send(&wire::ApiVersionsRequest::default(), 0);
        let versions: wire::ApiVersionsResponse = client.receive(0, 0);
        assert_eq!(versions.error_code, 0, "the next answer is the next request's");
        assert_eq!(values(&client.fetch("t", 0, 0, 1000).records), [(0, "quiet")]);
        client.send(&produce("nowhere", 0, 0, batch(&[b"lost"])), 9);
        assert!(client.is_closed());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_api_versions_is_answered_in_version_0() {
    served(&[], |addr| {
        let mut client = Client::new(addr);
        client.write(&[0, 0, 0, 12, 0, 18, 0, 99, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff]);
        let mut r = Reader::new(client.frame());
        let header = ResponseHeader::decode(&mut r, kafka_wire::ApiKey::ApiVersions, 0).expect("a header");
        let answer = wire::ApiVersionsResponse::decode(&mut r, 0).expect("version 0");
        assert_eq!((header.correlation_id, answer.error_code, answer.api_keys[0].api_key), (5, 35, 18));
        // The client asks again in a version that there is.
        let named = wire::ApiVersionsRequest {
            client_software_name: Str::from("test"),
            client_software_version: Str::from("1"),
        };
        assert_eq!(Client::new(addr).call(&named, 4).error_code, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_kinds_of_restart_have_every_record() {
    let dir = tempfile::tempdir().expect("a folder");
    let fill = |from: i64| {
        move |addr: SocketAddr| {
            let mut client = Client::new(addr);
            if from == 0 {
                client.topic("t", 1, &[("segment.bytes", "2000")]);
            }
            let deadline = Instant::now() + Duration::from_secs(20);
            for n in from..from + 100 {
                let mut answer = client.produce("t", 0, batch(&[n.to_string().as_bytes()]));
                while answer.error_code == 6 || answer.error_code == 3 {
                    assert!(Instant::now() < deadline, "not led again");
                    answer = client.produce("t", 0, batch(&[n.to_string().as_bytes()]));
                }
                assert_eq!((answer.error_code, answer.base_offset), (0, n));
            }
            let mut seen = Vec::new();
            while (seen.len() as i64) < from + 100 {
                let fetched = client.fetch("t", 0, seen.len() as i64, 0);
                assert_eq!(fetched.error_code, 0);
                seen.extend(fetched.records);
            }
            for (n, (offset, value)) in seen.iter().enumerate() {
                assert_eq!((*offset, &value[..]), (n as i64, n.to_string().as_bytes()));
            }
        }
    };
    let servers = with(start(dir.path(), &[]).await, fill(0)).await;
    servers.stop().await;
    assert!(dir.path().join("kafka/.kafka_cleanshutdown").exists());
    let servers = with(start(dir.path(), &[]).await, fill(100)).await;
    servers.kafka.abort().await;
    servers.zookeeper.abort().await.expect("the folder is free");
    assert!(!dir.path().join("kafka/.kafka_cleanshutdown").exists());
    let servers = with(start(dir.path(), &[]).await, fill(200)).await;
    servers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn compacted_topics_need_keys_and_sizes_have_limits() {
    served(&[], |addr| {
        let mut client = Client::new(addr);
        client.topic("compacted", 1, &[("cleanup.policy", "compact")]);
        let refused = client.produce("compacted", 0, batch(&[b"no key"]));
        assert_eq!((refused.error_code, refused.record_errors.len()), (87, 1));
        client.topic("small", 1, &[("max.message.bytes", "200")]);
        assert_eq!(client.produce("small", 0, batch(&[&[7; 300]])).error_code, 10);
        client.topic("stamped", 1, &[("message.timestamp.type", "LogAppendTime")]);
        let stamped = client.produce("stamped", 0, batch(&[b"now"]));
        assert!(stamped.log_append_time_ms > 1_700_000_000_000, "{stamped:?}");
        assert_eq!(values(&client.fetch("stamped", 0, 0, 0).records), [(0, "now")], "with a good checksum");
        client.topic("zipped", 1, &[("compression.type", "gzip")]);
        assert_eq!(client.produce("zipped", 0, batch(&[b"plain"])).error_code, 0);
        assert_eq!(values(&client.fetch("zipped", 0, 0, 0).records), [(0, "plain")]);
        client.topic("new", 1, &[("message.downconversion.enable", "false"), ("compression.type", "zstd")]);
        assert_eq!(client.produce("new", 0, batch(&[b"v"])).error_code, 0);
        for (version, code) in [(3, 76), (9, 76), (10, 0)] {
            let answer = client.call(&fetch("new", &[(0, 0)], 0), version);
            assert_eq!(answer.responses[0].partitions[0].error_code, code, "fetch v{version}");
        }
        client.topic("strict", 1, &[("message.downconversion.enable", "false")]);
        let answer = client.call(&fetch("strict", &[(0, 0)], 0), 3);
        assert_eq!(answer.responses[0].partitions[0].error_code, 35);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_over_several_shards_keeps_to_its_limits() {
    served(&[], |addr| {
        let mut client = Client::new(addr);
        client.topic("t", 6, &[]);
        let large = batch(&[&[7; 1000]]);
        for partition in 0..6 {
            assert_eq!(client.produce("t", partition, large.clone()).error_code, 0);
        }
        let all: Vec<(i32, i64)> = (0..6).map(|partition| (partition, 0)).collect();
        let sizes = |answer: &wire::FetchResponse| -> Vec<usize> {
            answer.responses[0].partitions.iter().map(|partition| partition.records.len()).collect()
        };
        let one = large.len();
        let mut request = fetch("t", &all, 0);
        assert_eq!(sizes(&client.call(&request, 11)), [one; 6]);
        request.max_bytes = (2 * one) as i32;
        assert_eq!(sizes(&client.call(&request, 11)), [one, one, 0, 0, 0, 0], "in request order");
        request.max_bytes = 1;
        assert_eq!(sizes(&client.call(&request, 11)), [one, 0, 0, 0, 0, 0], "the first is whole");
        // Several partitions, on several shards, have to give enough together.
        let mut waiting = fetch("t", &all.iter().map(|(p, _)| (*p, 1)).collect::<Vec<_>>(), 10_000);
        waiting.min_bytes = (3 * one) as i32;
        let mut other = Client::new(addr);
        let began = Instant::now();
        client.send(&waiting, 11);
        for partition in [0, 1, 5] {
            other.produce("t", partition, large.clone());
        }
        let answer: wire::FetchResponse = client.receive(11, 0);
        assert_eq!(sizes(&answer), [one, one, 0, 0, 0, one]);
        assert!(began.elapsed() < Duration::from_secs(8), "woken by the third");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_deleted_up_to_an_offset() {
    served(&[], |addr| {
        let mut client = Client::new(addr);
        client.topic("t", 1, &[]);
        for _ in 0..10 {
            client.produce("t", 0, batch(&[b"x"]));
        }
        let delete = |offset| {
            let partition = wire::DeleteRecordsRequestPartitions { partition_index: 0, offset };
            let topic = wire::DeleteRecordsRequestTopics { name: Str::from("t"), partitions: vec![partition] };
            wire::DeleteRecordsRequest { topics: vec![topic], timeout_ms: 1000 }
        };
        for (offset, code, low_watermark) in [(4, 0, 4), (2, 0, 4), (11, 1, -1), (-1, 0, 10)] {
            let answer = client.call(&delete(offset), 2);
            let partition = &answer.topics[0].partitions[0];
            assert_eq!((partition.error_code, partition.low_watermark), (code, low_watermark), "{offset}");
        }
        assert_eq!(client.fetch("t", 0, 9, 0).error_code, 1);
        assert_eq!(client.produce("t", 0, batch(&[b"y"])).base_offset, 10);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_use_is_said() {
    let dir = tempfile::tempdir().expect("a folder");
    let servers = start(dir.path(), &[]).await;
    let port = servers.zookeeper.local_addrs()[0].port();
    let taken = server::kafka::start(kafka::config(dir.path(), port, &[])).await;
    let why = taken.err().expect("the folder is taken").to_string();
    assert!(why.contains("in use by another process"), "{why}");
    let listeners = format!("PLAINTEXT://localhost:{}", servers.addr().port());
    let other: &Path = &dir.path().join("other");
    let busy = server::kafka::start(kafka::config(other, port, &[("listeners", &listeners)])).await;
    let why = busy.err().expect("the port is taken").to_string();
    assert!(why.contains("another process listens there"), "{why}");
    servers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_and_producers_are_described() {
    served(&[], |addr| {
        let mut client = Client::new(addr);
        client.topic("t", 2, &[]);
        let mut builder =
            kafka_wire::records::BatchBuilder::new(kafka_wire::records::Compression::None).producer(77, 3, 0);
        builder.add(kafka_wire::records::NewRecord { timestamp: 5, key: None, value: Some(b"v"), headers: &[] });
        let sent = builder.finish();
        let bytes = sent.len() as i64;
        assert_eq!(client.produce("t", 1, sent).error_code, 0);
        let topics = vec![wire::DescribeLogDirsRequestTopics { topic: Str::from("t"), partitions: vec![0, 1, 5] }];
        for (topics, all) in [(Some(topics), false), (None, true)] {
            let answer = client.call(&wire::DescribeLogDirsRequest { topics }, 4);
            let [dir] = &answer.results[..] else { panic!("{answer:?}") };
            assert!(dir.error_code == 0 && dir.log_dir.starts_with('/') && dir.log_dir.ends_with("kafka"), "{dir:?}");
            assert!(dir.total_bytes >= dir.usable_bytes && dir.usable_bytes > 0);
            let t = dir.topics.iter().find(|topic| topic.name == "t").expect("the topic");
            let mut sizes: Vec<_> = t.partitions.iter().map(|p| (p.partition_index, p.partition_size)).collect();
            sizes.sort_unstable();
            assert_eq!(sizes, [(0, 0), (1, bytes)]);
            assert!(all || dir.topics.len() == 1);
        }
        let topics = vec![wire::DescribeProducersRequestTopics { name: Str::from("t"), partition_indexes: vec![1, 9] }];
        let answer = client.call(&wire::DescribeProducersRequest { topics }, 0);
        let [known, unknown] = &answer.topics[0].partitions[..] else { panic!("{answer:?}") };
        let producer = &known.active_producers[0];
        assert_eq!((producer.producer_id, producer.producer_epoch, producer.last_sequence), (77, 3, 0));
        assert_eq!((producer.current_txn_start_offset, unknown.error_code), (-1, 3));
    })
    .await;
}

/// The names of a resource's settings with their documentation.
fn documented(client: &mut Client, resource: (i8, &str), asked: bool, version: i16) -> Vec<(Str, Option<Str>)> {
    let (resource_type, resource_name) = (resource.0, Str::from(resource.1));
    let request = wire::DescribeConfigsRequest {
        resources: vec![wire::DescribeConfigsRequestResources {
            resource_type,
            resource_name,
            configuration_keys: None,
        }],
        include_synonyms: false,
        include_documentation: asked,
    };
    let mut answer = client.call(&request, version);
    let result = answer.results.remove(0);
    assert_eq!(result.error_code, 0, "{result:?}");
    result.configs.into_iter().map(|config| (config.name, config.documentation)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_documented_for_those_who_ask() {
    const THROTTLE: &str = "leader.replication.throttled.rate";
    served(&[], |addr| {
        let mut client = Client::new(addr);
        client.topic("t", 1, &[]);
        for (resource, version) in [((2, "t"), 3), ((2, "t"), 4), ((4, "1"), 3), ((4, "1"), 4)] {
            let silent = documented(&mut client, resource, false, version);
            assert!(silent.len() > 30 && silent.iter().all(|(_, text)| text.is_none()), "{silent:?}");
            let told = documented(&mut client, resource, true, version);
            assert_eq!(told.len(), silent.len());
            for (name, text) in told {
                let text = text.unwrap_or_else(|| panic!("{name} has none"));
                assert!(text.ends_with('.') && text.len() > 20, "{name}: {text}");
                let is_idle = matches!(&*name, "num.io.threads" | "preallocate" | "remote.storage.enable");
                let is_served = matches!(&*name, "log.dirs" | "retention.ms" | "num.partitions");
                assert!(!is_idle || text.contains("has no effect: "), "{name}: {text}");
                assert!(!is_served || !text.contains("castlekeep"), "{name}: {text}");
            }
        }
        assert_eq!(documented(&mut client, (4, ""), true, 4), [], "nothing is set for all brokers");
        let set = wire::IncrementalAlterConfigsRequestConfigs {
            name: Str::from(THROTTLE),
            config_operation: 0,
            value: Some(Str::from("1000")),
        };
        let brokers = wire::IncrementalAlterConfigsRequestResources {
            resource_type: 4,
            resource_name: Str::from(""),
            configs: vec![set],
        };
        let request = wire::IncrementalAlterConfigsRequest { resources: vec![brokers], validate_only: false };
        assert_eq!(client.call(&request, 1).responses[0].error_code, 0);
        let deadline = Instant::now() + Duration::from_secs(10);
        let told = loop {
            let told = documented(&mut client, (4, ""), true, 4);
            if !told.is_empty() {
                break told;
            }
            assert!(Instant::now() < deadline, "the throttle is not shown");
        };
        let [(name, Some(text))] = &told[..] else { panic!("{told:?}") };
        assert!(name == THROTTLE && text.ends_with('.') && !text.contains("castlekeep"), "{name}: {text}");
        assert_eq!(documented(&mut client, (4, ""), false, 4), [(Str::from(THROTTLE), None)]);
    })
    .await;
}

/// The folders of partition `t-0`, as (path, whether it is a copy on its way).
fn folders_of_t(client: &mut Client) -> Vec<(String, bool)> {
    let answer = client.call(&wire::DescribeLogDirsRequest { topics: None }, 4);
    let of_dir = |dir: wire::DescribeLogDirsResponseResults| {
        let partitions = dir.topics.into_iter().filter(|topic| topic.name == "t").flat_map(|topic| topic.partitions);
        partitions.map(|partition| (dir.log_dir.to_string(), partition.is_future_key)).collect::<Vec<_>>()
    };
    answer.results.into_iter().flat_map(of_dir).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_moves_between_log_folders_while_it_is_written() {
    let dir = tempfile::tempdir().expect("a folder");
    let paths = ["one", "two"].map(|name| dir.path().join(name).display().to_string());
    let servers = start(dir.path(), &[("log.dirs", &paths.join(","))]).await;
    let servers = with(servers, move |addr| {
        let mut client = Client::new(addr);
        client.topic("t", 1, &[]);
        let [(now, false)] = &folders_of_t(&mut client)[..] else { panic!("one folder") };
        let to = paths.iter().find(|path| *path != now).expect("two folders").clone();
        for n in 0..50 {
            assert_eq!(client.produce("t", 0, batch(&[b"value"])).base_offset, n);
        }
        let topics =
            |name: &str| vec![wire::AlterReplicaLogDirsRequestTopics { name: Str::from(name), partitions: vec![0] }];
        let mut answered = |path: &str, name: &str| {
            let dirs = vec![wire::AlterReplicaLogDirsRequestDirs { path: Str::from(path), topics: topics(name) }];
            let answer = client.call(&wire::AlterReplicaLogDirsRequest { dirs }, 2);
            answer.results[0].partitions[0].error_code
        };
        assert_eq!(answered("/nowhere", "t"), 57, "LOG_DIR_NOT_FOUND");
        assert_eq!(answered(&to, "missing"), 3, "UNKNOWN_TOPIC_OR_PARTITION");
        assert_eq!(answered(&to, "t"), 0);
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut written = 50;
        while folders_of_t(&mut client) != [(to.clone(), false)] {
            assert!(Instant::now() < deadline, "it does not come");
            assert_eq!(client.produce("t", 0, batch(&[b"value"])).base_offset, written);
            written += 1;
        }
        assert_eq!(client.produce("t", 0, batch(&[b"value"])).base_offset, written);
        assert_eq!(client.fetch("t", 0, 0, 0).records.len() as i64, written + 1);
    })
    .await;
    servers.stop().await;
}
