//! A broker on a keeper, both in this process, and a client that speaks bytes.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use base::{Reader, Str};
use bytes::{Bytes, BytesMut};
use kafka_wire::header::write_request_frame;
use kafka_wire::messages as wire;
use kafka_wire::records::{Batch, BatchBuilder, Batches, Compression, NewRecord};
use kafka_wire::{ApiRequest, Message, ResponseHeader};
use server::kafka::{KafkaServerConfig, KafkaServerHandle};
use server::zk::{ZkServerConfig, ZkServerHandle};

/// Both roles.
pub struct Servers {
    pub kafka: KafkaServerHandle,
    pub zookeeper: ZkServerHandle,
}

pub fn config(dir: &Path, zookeeper_port: u16, more: &[(&str, &str)]) -> KafkaServerConfig {
    let log_dirs = dir.join("kafka").display().to_string();
    let connect = format!("127.0.0.1:{zookeeper_port}");
    let mut properties: BTreeMap<String, String> = [
        ("broker.id", "1"),
        ("listeners", "PLAINTEXT://localhost:0"),
        ("zookeeper.connect", &connect),
        ("log.dirs", &log_dirs),
        ("offsets.topic.replication.factor", "1"),
        ("offsets.topic.num.partitions", "5"),
        ("group.initial.rebalance.delay.ms", "0"),
    ]
    .map(|(key, value)| (key.to_string(), value.to_string()))
    .into();
    properties.extend(more.iter().map(|(key, value)| (key.to_string(), value.to_string())));
    let mut config = KafkaServerConfig::from_properties(properties).expect("a good configuration");
    // More than one, so that requests are split and joined.
    config.shards = 3;
    config
}

/// Starts both on free ports; the broker is ready when this returns.
pub async fn start(dir: &Path, more: &[(&str, &str)]) -> Servers {
    let zookeeper = server::zk::start(ZkServerConfig::embedded(&dir.join("zookeeper"), 0)).await.expect("a keeper");
    let port = zookeeper.local_addrs()[0].port();
    let mut kafka = server::kafka::start(config(dir, port, more)).await.expect("a broker");
    kafka.ready().await.expect("registered");
    Servers { kafka, zookeeper }
}

impl Servers {
    pub fn addr(&self) -> SocketAddr {
        self.kafka.local_addrs()[0]
    }

    pub async fn stop(self) {
        self.kafka.shutdown().await.expect("the broker stops cleanly");
        self.zookeeper.shutdown().await.expect("the keeper stops cleanly");
    }
}

pub fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream.set_nodelay(true).expect("no delay");
    stream
}

/// A client with one connection.
pub struct Client {
    stream: TcpStream,
    correlation_id: i32,
}

impl Client {
    pub fn new(addr: SocketAddr) -> Self {
        Self { stream: connect(addr), correlation_id: 0 }
    }

    pub fn send<M: Message>(&mut self, body: &M, version: i16) {
        self.correlation_id += 1;
        let mut out = BytesMut::new();
        write_request_frame(&mut out, self.correlation_id, Some(&Str::from("test")), body, version);
        self.stream.write_all(&out).expect("the server reads");
    }

    /// Reads the answer to the request sent `back` requests ago.
    pub fn receive<M: Message>(&mut self, version: i16, back: i32) -> M {
        let frame = self.frame();
        let mut r = Reader::new(frame);
        let header = ResponseHeader::decode(&mut r, M::KEY, version).expect("a header");
        assert_eq!(header.correlation_id, self.correlation_id - back);
        let body = M::decode(&mut r, version).expect("a response");
        assert!(r.is_empty(), "nothing behind it");
        body
    }

    pub fn frame(&mut self) -> Bytes {
        let mut len = [0; 4];
        self.stream.read_exact(&mut len).expect("an answer");
        let mut frame = vec![0; i32::from_be_bytes(len) as usize];
        self.stream.read_exact(&mut frame).expect("all of it");
        frame.into()
    }

    pub fn call<M: ApiRequest>(&mut self, body: &M, version: i16) -> M::Response {
        self.send(body, version);
        self.receive(version, 0)
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("the server reads");
    }

    /// Whether the server ends the connection.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.stream.read(&mut [0; 16]), Ok(0) | Err(_))
    }

    /// How long answers are waited for.
    pub fn set_patience(&mut self, patience: Duration) {
        self.stream.set_read_timeout(Some(patience)).expect("a timeout above zero");
    }

    /// Whether a request is answered; it is not when the server ends the connection or keeps it waiting.
    pub fn is_served(&mut self) -> bool {
        let mut out = BytesMut::new();
        write_request_frame(&mut out, 0, Some(&Str::from("test")), &wire::ListGroupsRequest::default(), 4);
        self.stream.write_all(&out).is_ok() && self.is_answered()
    }

    /// Whether an answer comes.
    pub fn is_answered(&mut self) -> bool {
        let mut len = [0; 4];
        let mut answer = || {
            self.stream.read_exact(&mut len)?;
            self.stream.read_exact(&mut vec![0; i32::from_be_bytes(len) as usize])
        };
        answer().is_ok()
    }

    /// Makes a topic and waits until its partitions are led.
    pub fn topic(&mut self, name: &str, partitions: i32, configs: &[(&str, &str)]) {
        let configs = configs.iter().map(|(name, value)| wire::CreateTopicsRequestConfigs {
            name: Str::from(*name),
            value: Some(Str::from(*value)),
        });
        let topic = wire::CreateTopicsRequestTopics {
            name: Str::from(name),
            num_partitions: partitions,
            replication_factor: 1,
            configs: configs.collect(),
            ..Default::default()
        };
        let request = wire::CreateTopicsRequest { topics: vec![topic], timeout_ms: 10_000, ..Default::default() };
        let answer = self.call(&request, 5);
        assert_eq!(answer.topics[0].error_code, 0, "{answer:?}");
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.leaders(name) != Some(partitions as usize) {
            assert!(Instant::now() < deadline, "{name} has no leaders");
        }
    }

    fn leaders(&mut self, name: &str) -> Option<usize> {
        let asked = wire::MetadataRequestTopics { name: Some(Str::from(name)), ..Default::default() };
        let request = wire::MetadataRequest { topics: Some(vec![asked]), ..Default::default() };
        let answer = self.call(&request, 9);
        let topic = answer.topics.into_iter().find(|topic| topic.error_code == 0)?;
        Some(topic.partitions.iter().filter(|partition| partition.error_code == 0).count())
    }

    /// Produces one batch; the partition's answer.
    pub fn produce(&mut self, topic: &str, partition: i32, records: Bytes) -> wire::ProduceResponsePartitionResponses {
        let mut answer = self.call(&produce(topic, partition, -1, records), 9);
        answer.responses.remove(0).partition_responses.remove(0)
    }

    /// Fetches from one partition, without a session.
    pub fn fetch(&mut self, topic: &str, partition: i32, offset: i64, max_wait_ms: i32) -> Fetched {
        let answer = self.call(&fetch(topic, &[(partition, offset)], max_wait_ms), 11);
        assert_eq!(answer.error_code, 0);
        Fetched::from(&answer.responses[0].partitions[0])
    }
}

/// A partition of a fetch response.
#[derive(Debug, PartialEq)]
pub struct Fetched {
    pub error_code: i16,
    pub high_watermark: i64,
    /// Offset and value of each record.
    pub records: Vec<(i64, Bytes)>,
}

impl From<&wire::FetchResponsePartitions> for Fetched {
    fn from(partition: &wire::FetchResponsePartitions) -> Self {
        let bytes = partition.records.in_memory().expect("decoded");
        // A batch may be cut off at the end.
        let batches: Vec<Batch> = Batches::new(bytes).map_while(Result::ok).collect();
        let records = batches.iter().flat_map(|batch| {
            batch.check_crc().expect("a good checksum");
            let records = batch.records(1 << 20).expect("records");
            records.map(|record| record.expect("a record")).collect::<Vec<_>>()
        });
        Self {
            error_code: partition.error_code,
            high_watermark: partition.high_watermark,
            records: records.map(|record| (record.offset, record.value.unwrap_or_default())).collect(),
        }
    }
}

pub fn batch(values: &[&[u8]]) -> Bytes {
    let mut builder = BatchBuilder::new(Compression::None);
    for value in values {
        builder.add(NewRecord { timestamp: 1_700_000_000_000, key: None, value: Some(value), headers: &[] });
    }
    builder.finish()
}

pub fn produce(topic: &str, partition: i32, acks: i16, records: Bytes) -> wire::ProduceRequest {
    let data = wire::ProduceRequestPartitionData { index: partition, records: Some(records) };
    let topic = wire::ProduceRequestTopicData { name: Str::from(topic), partition_data: vec![data] };
    wire::ProduceRequest { transactional_id: None, acks, timeout_ms: 10_000, topic_data: vec![topic] }
}

pub fn fetch(topic: &str, partitions: &[(i32, i64)], max_wait_ms: i32) -> wire::FetchRequest {
    let partition = |(partition, fetch_offset): &(i32, i64)| wire::FetchRequestPartitions {
        partition: *partition,
        current_leader_epoch: -1,
        fetch_offset: *fetch_offset,
        log_start_offset: -1,
        partition_max_bytes: 1 << 20,
        ..Default::default()
    };
    let topic = wire::FetchRequestTopics {
        topic: Str::from(topic),
        partitions: partitions.iter().map(partition).collect(),
        ..Default::default()
    };
    wire::FetchRequest {
        replica_id: -1,
        max_wait_ms,
        min_bytes: 1,
        max_bytes: 1 << 20,
        session_epoch: -1,
        topics: vec![topic],
        ..Default::default()
    }
}

pub fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a resident size");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}
