//! `castlekeep bench end-to-end`: how long a record takes from the moment it was due at a producer until a consumer has
//! it. Records are due at a steady rate and carry that moment, so a stalled broker is charged for what it kept waiting.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use base::Str;
use bytes::{Bytes, BytesMut};
use clap::Args as ClapArgs;
use hdrhistogram::Histogram;
use kafka_wire::header::{response_reader, write_request_frame};
use kafka_wire::messages::{FetchRequest, FetchRequestPartitions, FetchRequestTopics, FetchResponse, ProduceResponse};
use kafka_wire::records::Batches;
use kafka_wire::records::builder::{BatchBuilder, NewRecord};
use kafka_wire::records::compress::Compression;
use kafka_wire::{ErrorCode, Message};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connection::{
    CLIENT_ID, Connection, FETCH_VERSION, PRODUCE_VERSION, check_produce, produce_request, wall_ms,
};
use crate::bench::alarm::Alarm;
use crate::bench::load::{LATENCY_US_MAX, Sample};
use crate::bench::process;
use crate::bench::report::{Format, Report};

/// Flags of `castlekeep bench end-to-end`.
#[derive(ClapArgs, Debug)]
#[command(after_long_help = "Examples:\n  \
    castlekeep bench end-to-end                                        5,000 records a second, 8 partitions\n  \
    castlekeep bench end-to-end --partitions 1000                      1,000 partitions and as many consumers\n  \
    castlekeep bench end-to-end --rate 200 --record-size 1024 --format json\n\n\
    Each partition has a consumer with a connection of its own, which waits at the broker for records. The topic \
    castlekeep-bench-PID is made at the start and deleted at the end (except after Ctrl-C).")]
pub struct Args {
    /// The broker; it must lead all partitions
    #[arg(long, default_value = "localhost:9092", value_name = "HOST:PORT")]
    broker: String,
    /// Records per second, each a request of its own
    #[arg(long, default_value_t = 5000.0, value_name = "N")]
    rate: f64,
    /// Payload bytes of each record, 8 at least
    #[arg(long, default_value_t = 100, value_name = "BYTES")]
    record_size: usize,
    /// Partitions, and consumers
    #[arg(long, default_value_t = 8, value_name = "N")]
    partitions: usize,
    /// Connections that produce
    #[arg(long, default_value_t = 8, value_name = "N")]
    producers: usize,
    /// Acknowledgements: -1 (all), 1 (leader)
    #[arg(long, default_value_t = -1, allow_negative_numbers = true, value_parser = clap::value_parser!(i16).range(-1..=1))]
    acks: i16,
    /// Seconds before measuring begins
    #[arg(long, default_value_t = 2.0, value_name = "SECONDS")]
    warm_up: f64,
    /// Seconds to measure
    #[arg(long, default_value_t = 10.0, value_name = "SECONDS")]
    duration: f64,
    /// Threads of the generator
    #[arg(long, default_value_t = 1, value_name = "N")]
    threads: usize,
    /// Also report this process's CPU time and memory (the broker, on this machine)
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How long a consumer waits at the broker.
const WAIT_MS: i32 = 500;
const FETCH_BYTES: i32 = 1 << 20;
/// What was sent last has this long to arrive: a broker that has fallen behind is not given up, its times tell how far.
const DELIVERY: Duration = Duration::from_secs(60);
/// A record begins with the moment at which it was due, in nanoseconds since the start.
const STAMP_BYTES: usize = 8;

/// What all tasks of a run share.
struct Run {
    topic: Str,
    started: Instant,
    measured_from: Instant,
    ends: Instant,
    /// How many records have arrived.
    received: watch::Sender<usize>,
    /// All that were sent have.
    over: watch::Sender<bool>,
}

/// Runs the load and prints the report.
///
/// # Errors
/// When the broker cannot be reached, refuses a request, or a record does not arrive.
pub fn main(args: Args) -> anyhow::Result<()> {
    ensure!(args.acks != 0, "acks 0 has no replies; use 1 or -1");
    ensure!(args.record_size >= STAMP_BYTES, "a record carries its time: --record-size must be at least {STAMP_BYTES}");
    ensure!(args.partitions > 0 && args.producers > 0, "at least one partition and one producer are needed");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(args.threads.max(1))
        .enable_all()
        .build()
        .context("cannot start the generator's threads")?;
    runtime.block_on(async move {
        let topic = Str::from(format!("castlekeep-bench-{}", std::process::id()));
        let mut admin = Connection::open(&args.broker).await?;
        admin.create_topic(&topic, i32::try_from(args.partitions)?).await?;
        let report = measure(&args, topic.clone()).await;
        admin.delete_topic(&topic).await?;
        println!("{}", report?.render(args.format)?);
        Ok(())
    })
}

async fn measure(args: &Args, topic: Str) -> anyhow::Result<Report> {
    let mut consumers = Vec::new();
    for _ in 0..args.partitions {
        consumers.push(Connection::open(&args.broker).await?.stream);
    }
    let mut producers = Vec::new();
    for _ in 0..args.producers {
        producers.push(Connection::open(&args.broker).await?.stream);
    }
    let started = Instant::now();
    let measured_from = started + Duration::from_secs_f64(args.warm_up.max(0.0));
    let duration = Duration::from_secs_f64(args.duration.max(0.1));
    let ends = measured_from + duration;
    let (received, over) = (watch::Sender::new(0), watch::Sender::new(false));
    let run = Arc::new(Run { topic, started, measured_from, ends, received, over });
    let mut tasks: JoinSet<anyhow::Result<Option<Sample>>> = JoinSet::new();
    for (partition, stream) in consumers.into_iter().enumerate() {
        let run = run.clone();
        tasks.spawn(async move { consume(stream, i32::try_from(partition)?, &run).await.map(Some) });
    }
    let mut writers = Vec::new();
    for stream in producers {
        let (reader, writer) = stream.into_split();
        writers.push(writer);
        let run = run.clone();
        tasks.spawn(async move { acknowledgements(reader, &run).await.map(|()| None) });
    }
    let (of, records) = (run.clone(), Records::new(args));
    tasks.spawn(async move { produce(writers, records, &of).await.map(|()| None) });

    let mut cpu = None;
    if let Some(pid) = args.server_pid {
        tokio::time::sleep_until(measured_from.into()).await;
        let before = process::cpu_time(pid)?;
        tokio::time::sleep_until(ends.into()).await;
        cpu = Some((process::cpu_time(pid)?.saturating_sub(before), process::resident_bytes(pid)?));
    }
    let mut samples = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        samples.extend(ended??);
    }
    let words = format!(
        "{} records/s of {} B to {} partitions, acks {}, {}",
        args.rate, args.record_size, args.partitions, args.acks, args.broker
    );
    let mut report = Report::new(words, 1, duration, false, &samples)?;
    if let Some((cpu, resident)) = cpu {
        report.server_cpu_us_per_request = Some(cpu.as_secs_f64() * 1e6 / (report.requests.max(1) as f64));
        report.server_resident_bytes = Some(resident);
    }
    Ok(report)
}

/// The records to send.
struct Records {
    interval: Duration,
    partitions: usize,
    acks: i16,
    value: Vec<u8>,
}

impl Records {
    fn new(args: &Args) -> Self {
        Self {
            interval: Duration::from_secs_f64(1.0 / args.rate.max(1e-3)),
            partitions: args.partitions,
            acks: args.acks,
            value: vec![b'x'; args.record_size],
        }
    }

    /// A batch of one record that was due so long after the start.
    fn batch(&mut self, due: Duration) -> Bytes {
        self.value[..STAMP_BYTES].copy_from_slice(&(due.as_nanos() as u64).to_be_bytes());
        let mut builder = BatchBuilder::new(Compression::None);
        builder.add(NewRecord { timestamp: wall_ms(), value: Some(&self.value), ..Default::default() });
        builder.finish()
    }
}

/// Sends each record when it is due, to the partitions and over the connections in turn.
async fn produce(mut writers: Vec<OwnedWriteHalf>, mut records: Records, run: &Run) -> anyhow::Result<()> {
    let mut out = BytesMut::new();
    let mut due = run.started;
    let alarm = Alarm::new().context("cannot have a timer")?;
    let mut sent = 0_usize;
    loop {
        alarm.until(due).await?;
        if due >= run.ends {
            break;
        }
        let partition = i32::try_from(sent % records.partitions)?;
        let request = produce_request(&run.topic, partition, records.acks, records.batch(due - run.started));
        write_request_frame(&mut out, sent as i32, Some(&CLIENT_ID), &request, PRODUCE_VERSION);
        let turn = sent % writers.len();
        sent += 1;
        writers[turn].write_all(&out).await.context("cannot send to the broker; is it still running?")?;
        out.clear();
        due += records.interval;
    }
    // The sockets stay open until everything has arrived.
    let mut received = run.received.subscribe();
    if tokio::time::timeout(DELIVERY, received.wait_for(|received| *received >= sent)).await.is_err() {
        let missing = sent.saturating_sub(*received.borrow());
        bail!("{missing} records have not arrived {DELIVERY:?} after they were sent");
    }
    run.over.send_replace(true);
    Ok(())
}

/// Reads what a producer is told, until it is closed.
async fn acknowledgements(mut reader: OwnedReadHalf, run: &Run) -> anyhow::Result<()> {
    let mut frames = Frames::default();
    let mut over = run.over.subscribe();
    loop {
        let frame = tokio::select! {
            frame = frames.next(&mut reader) => match frame {
                // The producer has ended, and the broker with it.
                Err(_) if run.is_over() => return Ok(()),
                frame => frame?,
            },
            _ = over.wait_for(|over| *over) => return Ok(()),
        };
        let mut reader = response_reader(frame);
        reader.skip(4)?;
        check_produce(&ProduceResponse::decode(&mut reader, PRODUCE_VERSION)?)?;
    }
}

/// Reads a partition from its start until every record of the run has arrived somewhere.
async fn consume(mut stream: TcpStream, partition: i32, run: &Run) -> anyhow::Result<Sample> {
    let mut sample = Sample { latency_us: Histogram::new_with_bounds(1, LATENCY_US_MAX, 3)?, requests: 0, units: 0 };
    let (mut frames, mut out, mut next_offset) = (Frames::default(), BytesMut::new(), 0);
    for correlation_id in 0_i32.. {
        if run.is_over() {
            break;
        }
        let request = fetch_request(&run.topic, partition, next_offset);
        write_request_frame(&mut out, correlation_id, Some(&CLIENT_ID), &request, FETCH_VERSION);
        stream.write_all(&out).await.context("cannot send to the broker; is it still running?")?;
        out.clear();
        let frame = frames.next(&mut stream).await?;
        let arrived = Instant::now();
        let mut reader = response_reader(frame);
        reader.skip(4)?;
        let answer = FetchResponse::decode(&mut reader, FETCH_VERSION)?;
        for partition in answer.responses.iter().flat_map(|topic| &topic.partitions) {
            let error = ErrorCode(partition.error_code);
            ensure!(error == ErrorCode::NONE, "the broker refused a fetch: {error}");
            let records = partition.records.in_memory().context("records are in memory")?;
            for batch in Batches::new(records).map_while(Result::ok) {
                batch.check_crc()?;
                next_offset = batch.header.next_offset();
                for record in batch.records(usize::MAX)? {
                    run.take(&mut sample, arrived, record?.value.as_deref())?;
                }
            }
        }
    }
    Ok(sample)
}

impl Run {
    fn is_over(&self) -> bool {
        *self.over.borrow()
    }

    fn take(&self, sample: &mut Sample, arrived: Instant, value: Option<&[u8]>) -> anyhow::Result<()> {
        let stamp = value.and_then(|value| value.first_chunk::<STAMP_BYTES>()).context("a record that was not sent")?;
        let due = self.started + Duration::from_nanos(u64::from_be_bytes(*stamp));
        self.received.send_modify(|received| *received += 1);
        if due >= self.measured_from {
            sample.latency_us.saturating_record(arrived.saturating_duration_since(due).as_micros() as u64);
            sample.requests += 1;
        }
        Ok(())
    }
}

fn fetch_request(topic: &Str, partition: i32, fetch_offset: i64) -> FetchRequest {
    let partition =
        FetchRequestPartitions { partition, fetch_offset, partition_max_bytes: FETCH_BYTES, ..Default::default() };
    FetchRequest {
        replica_id: -1,
        max_wait_ms: WAIT_MS,
        min_bytes: 1,
        max_bytes: FETCH_BYTES,
        topics: vec![FetchRequestTopics { topic: topic.clone(), partitions: vec![partition], ..Default::default() }],
        ..Default::default()
    }
}

/// Frames off a socket. Nothing is lost when waiting for one is given up.
#[derive(Default)]
struct Frames(BytesMut);

impl Frames {
    async fn next(&mut self, from: &mut (impl AsyncReadExt + Unpin)) -> anyhow::Result<Bytes> {
        loop {
            if let Some(head) = self.0.first_chunk::<4>() {
                let length = u32::from_be_bytes(*head) as usize;
                ensure!(length <= 2 * FETCH_BYTES as usize, "the broker sent a reply of {length} bytes");
                if self.0.len() >= 4 + length {
                    let frame = self.0.split_to(4 + length).freeze();
                    return Ok(frame.slice(4..));
                }
            }
            self.0.reserve(4096);
            ensure!(from.read_buf(&mut self.0).await? > 0, "the broker closed the connection");
        }
    }
}
