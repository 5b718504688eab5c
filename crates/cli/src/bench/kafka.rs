//! `castlekeep bench kafka`: produce or fetch against any Kafka broker, on the raw protocol. One partition for each
//! connection; the broker must lead them all.

use anyhow::{Context, ensure};
use base::{Reader, Str};
use bytes::{Bytes, BytesMut};
use clap::{Args as ClapArgs, ValueEnum};
use kafka_wire::header::write_request_frame;
use kafka_wire::messages::{
    CreateTopicsRequest, CreateTopicsRequestTopics, DeleteTopicsRequest, FetchRequest, FetchRequestPartitions,
    FetchRequestTopics, FetchResponse, MetadataRequest, MetadataRequestTopics, ProduceRequest,
    ProduceRequestPartitionData, ProduceRequestTopicData, ProduceResponse,
};
use kafka_wire::records::builder::{BatchBuilder, NewRecord};
use kafka_wire::records::compress::Compression;
use kafka_wire::{ApiRequest, ErrorCode, Message, ResponseHeader};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::load::Protocol;
use super::{Common, run};

/// What each request does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Operation {
    /// Append one batch
    #[default]
    Produce,
    /// Read up to one batch's bytes, over and over from the start of the partition
    Fetch,
}

/// Flags of `castlekeep bench kafka`.
#[derive(ClapArgs, Debug)]
#[command(after_long_help = "Examples:\n  \
    castlekeep bench kafka                                             produce, 8 connections, acks=all\n  \
    castlekeep bench kafka --batch-size 16384 --record-size 1024 --acks 1 --outstanding 5\n  \
    castlekeep bench kafka --operation fetch --batch-size 1048576\n  \
    castlekeep bench kafka --broker kafka1:9092 --rate 2000 --format json\n\n\
    The topic castlekeep-bench-PID is made at the start and deleted at the end (except after Ctrl-C).")]
pub struct Args {
    /// The broker
    #[arg(long, default_value = "localhost:9092", value_name = "HOST:PORT")]
    broker: String,
    /// What each request does
    #[arg(long, value_enum, default_value_t)]
    operation: Operation,
    /// Payload bytes of each record
    #[arg(long, default_value_t = 100, value_name = "BYTES")]
    record_size: usize,
    /// Bytes of records in each produce request, or asked for in each fetch
    #[arg(long, default_value_t = 16384, value_name = "BYTES")]
    batch_size: usize,
    /// Acknowledgements: -1 (all), 1 (leader)
    #[arg(long, default_value_t = -1, allow_negative_numbers = true, value_parser = clap::value_parser!(i16).range(-1..=1))]
    acks: i16,
    #[command(flatten)]
    common: Common,
}

/// Versions that every broker since 2.1 serves and that name topics, not ids.
const PRODUCE_VERSION: i16 = 7;
const FETCH_VERSION: i16 = 11;
const METADATA_VERSION: i16 = 7;
const CREATE_TOPICS_VERSION: i16 = 2;
const DELETE_TOPICS_VERSION: i16 = 1;
const CLIENT_ID: Str = Str::from_static("castlekeep-bench");
/// Batches written to each partition before a fetch load reads them.
const FETCH_PREPARED_BYTES: usize = 32 << 20;

/// Runs the load and prints the report.
///
/// # Errors
/// When the broker cannot be reached or refuses a request.
pub fn main(args: Args) -> anyhow::Result<()> {
    ensure!(args.acks != 0, "acks 0 has no replies to measure; use 1 or -1");
    let workload = match args.operation {
        Operation::Produce => format!(
            "produce {} B of {} B records, acks {}, {}",
            args.batch_size, args.record_size, args.acks, args.broker
        ),
        Operation::Fetch => format!("fetch {} B, {}", args.batch_size, args.broker),
    };
    let runtime = super::runtime(&args.common)?;
    runtime.block_on(async move {
        let topic = Str::from(format!("castlekeep-bench-{}", std::process::id()));
        let mut admin = Connection::open(&args.broker).await?;
        admin.create_topic(&topic, args.common.connections as i32).await?;
        let mut connections = Vec::new();
        for partition in 0..args.common.connections as i32 {
            let mut connection = Connection::open(&args.broker).await?;
            let load = Load::new(&args, topic.clone(), partition);
            if args.operation == Operation::Fetch {
                for _ in 0..FETCH_PREPARED_BYTES.div_ceil(load.batch.len()) {
                    connection.produce(&load).await?;
                }
            }
            connections.push((connection.stream, load));
        }
        let report = run(workload, &args.common, true, connections).await;
        admin.delete_topic(&topic).await?;
        println!("{}", report?.render(args.common.format)?);
        Ok(())
    })
}

/// A connection for the steps before and after the load.
struct Connection {
    stream: TcpStream,
    correlation_id: i32,
}

impl Connection {
    async fn open(broker: &str) -> anyhow::Result<Self> {
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
        ensure!(length <= 256 << 20, "the broker sent a frame of {length} bytes; is this the right port?");
        let mut frame = vec![0; length];
        self.stream.read_exact(&mut frame).await?;
        let mut reader = Reader::new(frame.into());
        ResponseHeader::decode(&mut reader, M::KEY, version)?;
        Ok(M::Response::decode(&mut reader, version)?)
    }

    async fn create_topic(&mut self, topic: &Str, partitions: i32) -> anyhow::Result<()> {
        let request = CreateTopicsRequest {
            topics: vec![CreateTopicsRequestTopics {
                name: topic.clone(),
                num_partitions: partitions,
                replication_factor: 1,
                ..Default::default()
            }],
            timeout_ms: 30_000,
            ..Default::default()
        };
        let answer = self.call(&request, CREATE_TOPICS_VERSION).await?;
        let error = ErrorCode(answer.topics.first().map_or(0, |topic| topic.error_code));
        ensure!(error == ErrorCode::NONE, "cannot create topic {topic}: {error}; is this broker the controller?");
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
        while !self.has_leaders(topic, partitions).await? {
            ensure!(tokio::time::Instant::now() < deadline, "topic {topic} has no leaders after 30 s");
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

    async fn delete_topic(&mut self, topic: &Str) -> anyhow::Result<()> {
        let request =
            DeleteTopicsRequest { topic_names: vec![topic.clone()], timeout_ms: 30_000, ..Default::default() };
        self.call(&request, DELETE_TOPICS_VERSION).await?;
        Ok(())
    }

    async fn produce(&mut self, load: &Load) -> anyhow::Result<()> {
        let answer = self.call(&load.produce_request(), PRODUCE_VERSION).await?;
        check_produce(&answer)
    }
}

struct Load {
    operation: Operation,
    acks: i16,
    topic: Str,
    partition: i32,
    batch: Bytes,
    records: i64,
    payload_bytes: u64,
    fetch_bytes: i32,
    correlation_id: i32,
    next_offset: i64,
}

impl Load {
    fn new(args: &Args, topic: Str, partition: i32) -> Self {
        let value = vec![b'x'; args.record_size];
        let mut builder = BatchBuilder::new(Compression::None);
        let records = (args.batch_size / args.record_size.max(1)).max(1);
        // Of today: the broker's retention takes what is older than a week, also while it is read.
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let written_at_ms = i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX);
        for _ in 0..records {
            builder.add(NewRecord { timestamp: written_at_ms, value: Some(&value), ..Default::default() });
        }
        Self {
            operation: args.operation,
            acks: args.acks,
            topic,
            partition,
            batch: builder.finish(),
            records: records as i64,
            payload_bytes: (records * args.record_size) as u64,
            fetch_bytes: i32::try_from(args.batch_size).unwrap_or(i32::MAX),
            correlation_id: 0,
            next_offset: 0,
        }
    }

    fn produce_request(&self) -> ProduceRequest {
        let partition = ProduceRequestPartitionData { index: self.partition, records: Some(self.batch.clone()) };
        ProduceRequest {
            transactional_id: None,
            acks: self.acks,
            timeout_ms: 30_000,
            topic_data: vec![ProduceRequestTopicData { name: self.topic.clone(), partition_data: vec![partition] }],
        }
    }

    fn fetch_request(&self) -> FetchRequest {
        let partition = FetchRequestPartitions {
            partition: self.partition,
            fetch_offset: self.next_offset,
            partition_max_bytes: self.fetch_bytes,
            ..Default::default()
        };
        FetchRequest {
            max_wait_ms: 500,
            min_bytes: 1,
            max_bytes: self.fetch_bytes,
            topics: vec![FetchRequestTopics {
                topic: self.topic.clone(),
                partitions: vec![partition],
                ..Default::default()
            }],
            ..Default::default()
        }
    }
}

impl Protocol for Load {
    fn request(&mut self, out: &mut BytesMut) -> u64 {
        self.correlation_id = self.correlation_id.wrapping_add(1);
        match self.operation {
            Operation::Produce => {
                write_request_frame(
                    out,
                    self.correlation_id,
                    Some(&CLIENT_ID),
                    &self.produce_request(),
                    PRODUCE_VERSION,
                );
                self.payload_bytes
            }
            Operation::Fetch => {
                write_request_frame(out, self.correlation_id, Some(&CLIENT_ID), &self.fetch_request(), FETCH_VERSION);
                // Batches of one size from the start of the partition: each request reads the next stretch.
                let batches = (self.fetch_bytes as i64 / self.batch.len() as i64).max(1);
                let prepared = (FETCH_PREPARED_BYTES.div_ceil(self.batch.len())) as i64;
                self.next_offset = (self.next_offset + batches * self.records) % (prepared * self.records);
                batches as u64 * self.batch.len() as u64
            }
        }
    }

    fn reply(&mut self, frame: Bytes) -> anyhow::Result<bool> {
        let mut reader = Reader::new(frame);
        reader.skip(4)?;
        match self.operation {
            Operation::Produce => check_produce(&ProduceResponse::decode(&mut reader, PRODUCE_VERSION)?)?,
            Operation::Fetch => {
                let answer = FetchResponse::decode(&mut reader, FETCH_VERSION)?;
                let partitions = answer.responses.iter().flat_map(|topic| &topic.partitions);
                for partition in partitions {
                    let error = ErrorCode(partition.error_code);
                    ensure!(error == ErrorCode::NONE, "the broker refused a fetch: {error}");
                    ensure!(!partition.records.is_empty(), "the broker sent no records for a fetch");
                }
            }
        }
        Ok(true)
    }
}

fn check_produce(answer: &ProduceResponse) -> anyhow::Result<()> {
    for partition in answer.responses.iter().flat_map(|topic| &topic.partition_responses) {
        let error = ErrorCode(partition.error_code);
        ensure!(error == ErrorCode::NONE, "the broker refused a batch: {error}");
    }
    Ok(())
}
