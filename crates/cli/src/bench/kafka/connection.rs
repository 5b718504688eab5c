//! A connection to a broker for the steps before and after a load: topics made and deleted, ends of partitions.

use std::time::Duration;

use anyhow::{Context, ensure};
use base::{Reader, Str};
use bytes::{Bytes, BytesMut};
use kafka_wire::header::{response_reader, write_request_frame};
use kafka_wire::messages::{
    CreateTopicsRequest, CreateTopicsRequestTopics, DeleteTopicsRequest, ListOffsetsRequest,
    ListOffsetsRequestPartitions, ListOffsetsRequestTopics, MetadataRequest, MetadataRequestTopics, ProduceRequest,
    ProduceRequestPartitionData, ProduceRequestTopicData, ProduceResponse,
};
use kafka_wire::{ApiRequest, ErrorCode, Message, ResponseHeader};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Versions that every broker since 2.1 serves and that name topics, not ids.
pub const PRODUCE_VERSION: i16 = 7;
pub const FETCH_VERSION: i16 = 11;
pub const METADATA_VERSION: i16 = 7;
pub const CREATE_TOPICS_VERSION: i16 = 2;
pub const DELETE_TOPICS_VERSION: i16 = 1;
pub const LIST_OFFSETS_VERSION: i16 = 4;
pub const CLIENT_ID: Str = Str::from_static("castlekeep-bench");
const ANSWER_BYTES_MAX: usize = 256 << 20;
const LATEST: i64 = -1;
/// Thousands of partitions take a broker a while.
const CREATE_DEADLINE: Duration = Duration::from_secs(180);

/// See the module.
pub struct Connection {
    /// The socket; a load takes it over.
    pub stream: TcpStream,
    correlation_id: i32,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there.
    pub async fn open(broker: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(broker)
            .await
            .with_context(|| format!("cannot connect to {broker}; is a Kafka broker listening there?"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, correlation_id: 0 })
    }

    async fn call<M: ApiRequest>(&mut self, request: &M, version: i16) -> anyhow::Result<M::Response> {
        self.correlation_id += 1;
        let mut out = BytesMut::new();
        write_request_frame(&mut out, self.correlation_id, Some(&CLIENT_ID), request, version);
        self.stream.write_all(&out).await?;
        let length = self.stream.read_u32().await.context("the broker closed the connection")? as usize;
        ensure!(length <= ANSWER_BYTES_MAX, "the broker sent a frame of {length} bytes; is this the right port?");
        let mut frame = vec![0; length];
        self.stream.read_exact(&mut frame).await?;
        let mut reader: Reader = response_reader(frame.into());
        ResponseHeader::decode(&mut reader, M::KEY, version)?;
        Ok(M::Response::decode(&mut reader, version)?)
    }

    /// Makes a topic, if there is none of the name, and waits for its leaders.
    ///
    /// # Errors
    /// When the broker refuses it, or it has no leaders in time.
    pub async fn create_topic(&mut self, topic: &Str, partitions: i32) -> anyhow::Result<()> {
        let request = CreateTopicsRequest {
            topics: vec![CreateTopicsRequestTopics {
                name: topic.clone(),
                num_partitions: partitions,
                replication_factor: 1,
                ..Default::default()
            }],
            timeout_ms: i32::try_from(CREATE_DEADLINE.as_millis()).unwrap_or(i32::MAX),
            ..Default::default()
        };
        let answer = self.call(&request, CREATE_TOPICS_VERSION).await?;
        let error = ErrorCode(answer.topics.first().map_or(0, |topic| topic.error_code));
        ensure!(
            error == ErrorCode::NONE || error == ErrorCode::TOPIC_ALREADY_EXISTS,
            "cannot create topic {topic}: {error}; is this broker the controller?"
        );
        let deadline = tokio::time::Instant::now() + CREATE_DEADLINE;
        while !self.has_leaders(topic, partitions).await? {
            ensure!(tokio::time::Instant::now() < deadline, "topic {topic} has no leaders after {CREATE_DEADLINE:?}");
        }
        Ok(())
    }

    async fn has_leaders(&mut self, topic: &Str, partitions: i32) -> anyhow::Result<bool> {
        let asked = MetadataRequestTopics { name: Some(topic.clone()), ..Default::default() };
        let request = MetadataRequest { topics: Some(vec![asked]), ..Default::default() };
        let answer = self.call(&request, METADATA_VERSION).await?;
        let with_leader = answer.topics.iter().flat_map(|topic| &topic.partitions).filter(|p| p.leader_id >= 0);
        Ok(with_leader.count() == partitions as usize)
    }

    /// Deletes a topic.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn delete_topic(&mut self, topic: &Str) -> anyhow::Result<()> {
        let request =
            DeleteTopicsRequest { topic_names: vec![topic.clone()], timeout_ms: 30_000, ..Default::default() };
        self.call(&request, DELETE_TOPICS_VERSION).await?;
        Ok(())
    }

    /// Where a partition ends.
    ///
    /// # Errors
    /// When the broker refuses to say.
    pub async fn end_offset(&mut self, topic: &Str, partition: i32) -> anyhow::Result<i64> {
        let asked =
            ListOffsetsRequestPartitions { partition_index: partition, timestamp: LATEST, ..Default::default() };
        let request = ListOffsetsRequest {
            replica_id: -1,
            topics: vec![ListOffsetsRequestTopics { name: topic.clone(), partitions: vec![asked] }],
            ..Default::default()
        };
        let answer = self.call(&request, LIST_OFFSETS_VERSION).await?;
        let answered = answer.topics.iter().flat_map(|topic| &topic.partitions).next();
        let answered = answered.context("the broker did not say where the partition ends")?;
        let error = ErrorCode(answered.error_code);
        ensure!(error == ErrorCode::NONE, "the broker does not say where {topic}-{partition} ends: {error}");
        Ok(answered.offset)
    }

    /// Produces one batch.
    ///
    /// # Errors
    /// When the broker refuses it.
    pub async fn produce(&mut self, request: &ProduceRequest) -> anyhow::Result<()> {
        check_produce(&self.call(request, PRODUCE_VERSION).await?)
    }
}

/// A request with one batch.
pub fn produce_request(topic: &Str, partition: i32, acks: i16, batch: Bytes) -> ProduceRequest {
    let partition = ProduceRequestPartitionData { index: partition, records: Some(batch) };
    ProduceRequest {
        transactional_id: None,
        acks,
        timeout_ms: 30_000,
        topic_data: vec![ProduceRequestTopicData { name: topic.clone(), partition_data: vec![partition] }],
    }
}

/// Whether every batch was taken.
///
/// # Errors
/// The broker's error.
pub fn check_produce(answer: &ProduceResponse) -> anyhow::Result<()> {
    for partition in answer.responses.iter().flat_map(|topic| &topic.partition_responses) {
        let error = ErrorCode(partition.error_code);
        ensure!(error == ErrorCode::NONE, "the broker refused a batch: {error}");
    }
    Ok(())
}

/// Now, for records: a broker's retention takes what is older than a week, also while it is read.
pub fn wall_ms() -> i64 {
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX)
}
