//! `castlekeep bench kafka`: produce or fetch against any Kafka broker, on the raw protocol. One partition for each
//! connection; the broker must lead them all.

mod connection;
pub mod end_to_end;
pub mod plain;

use anyhow::ensure;
use base::{Reader, Str};
use bytes::{Bytes, BytesMut};
use clap::{Args as ClapArgs, ValueEnum};
use kafka_wire::header::write_request_frame;
use kafka_wire::messages::{
    FetchRequest, FetchRequestPartitions, FetchRequestTopics, FetchResponse, ProduceRequest, ProduceResponse,
};
use kafka_wire::records::builder::{BatchBuilder, NewRecord};
use kafka_wire::records::compress::Compression;
use kafka_wire::{ErrorCode, Message};

use self::connection::{
    CLIENT_ID, Connection, FETCH_VERSION, PRODUCE_VERSION, check_produce, produce_request, wall_ms,
};
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
    castlekeep bench kafka --operation fetch --partitions 1 --connections 100 --fetch-size 1048576\n  \
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
    /// Bytes of records in each batch; each produce request has one
    #[arg(long, default_value_t = 16384, value_name = "BYTES")]
    batch_size: usize,
    /// Bytes that each fetch asks for [default: those of a batch]
    #[arg(long, value_name = "BYTES")]
    fetch_size: Option<usize>,
    /// Partitions of the topic, which the connections share [default: one for each connection]
    #[arg(long, value_name = "N")]
    partitions: Option<usize>,
    /// MiB that each partition has at least before it is fetched
    #[arg(long, default_value_t = 32, value_name = "MIB")]
    prepared: usize,
    /// The topic, which may be there [default: castlekeep-bench-PID]
    #[arg(long, value_name = "NAME")]
    topic: Option<String>,
    /// Leave the topic behind
    #[arg(long)]
    keep: bool,
    /// Acknowledgements: -1 (all), 1 (leader)
    #[arg(long, default_value_t = -1, allow_negative_numbers = true, value_parser = clap::value_parser!(i16).range(-1..=1))]
    acks: i16,
    #[command(flatten)]
    common: Common,
}

/// Runs the load and prints the report.
///
/// # Errors
/// When the broker cannot be reached or refuses a request.
pub fn main(args: Args) -> anyhow::Result<()> {
    ensure!(args.acks != 0, "acks 0 has no replies to measure; use 1 or -1");
    let fetch_size = args.fetch_size.unwrap_or(args.batch_size);
    let workload = match args.operation {
        Operation::Produce => format!(
            "produce {} B of {} B records, acks {}, {}",
            args.batch_size, args.record_size, args.acks, args.broker
        ),
        Operation::Fetch => format!("fetch {fetch_size} B of batches of {} B, {}", args.batch_size, args.broker),
    };
    let runtime = super::runtime(&args.common)?;
    runtime.block_on(async move {
        let topic = args.topic.clone().unwrap_or_else(|| format!("castlekeep-bench-{}", std::process::id()));
        let topic = Str::from(topic);
        let partitions = i32::try_from(args.partitions.unwrap_or(args.common.connections))?.max(1);
        let mut admin = Connection::open(&args.broker).await?;
        admin.create_topic(&topic, partitions).await?;
        let mut connections = Vec::new();
        for connection in 0..i32::try_from(args.common.connections)? {
            let mut load = Load::new(&args, topic.clone(), connection % partitions);
            if args.operation == Operation::Fetch {
                load.readable = prepare(&mut admin, &load, args.prepared << 20).await?;
            }
            connections.push((Connection::open(&args.broker).await?.stream, load));
        }
        let report = run(workload, &args.common, true, connections).await;
        if !args.keep {
            admin.delete_topic(&topic).await?;
        }
        println!("{}", report?.render(args.common.format)?);
        Ok(())
    })
}

/// Sees to it that a partition holds as much; gives its end.
async fn prepare(admin: &mut Connection, load: &Load, bytes: usize) -> anyhow::Result<i64> {
    let mut end = admin.end_offset(&load.topic, load.partition).await?;
    let wanted = bytes.div_ceil(load.batch.len()) as i64 * load.records;
    while end < wanted {
        admin.produce(&load.produce_request()).await?;
        end += load.records;
    }
    Ok(end)
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
    /// Where the partition ended before the load.
    readable: i64,
}

impl Load {
    fn new(args: &Args, topic: Str, partition: i32) -> Self {
        let value = vec![b'x'; args.record_size];
        let mut builder = BatchBuilder::new(Compression::None);
        let records = (args.batch_size / args.record_size.max(1)).max(1);
        let written_at_ms = wall_ms();
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
            fetch_bytes: i32::try_from(args.fetch_size.unwrap_or(args.batch_size)).unwrap_or(i32::MAX),
            correlation_id: 0,
            next_offset: 0,
            readable: 0,
        }
    }

    fn produce_request(&self) -> ProduceRequest {
        produce_request(&self.topic, self.partition, self.acks, self.batch.clone())
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
                self.next_offset += batches * self.records;
                if self.next_offset + batches * self.records > self.readable {
                    self.next_offset = 0;
                }
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
