//! `castlekeep kafka dump-log`: what is in the files of a partition's folder, in the words of Apache's
//! `kafka-dump-log.sh`.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use kafka_wire::records::control::{ControlType, EndTxnMarker};
use kafka_wire::records::{Batch, Record, TimestampType};
use serde_json::{Value, json};
use storage::file_disk::FileDisk;
use storage::kafka::inspect;
use storage::kafka::names::parse_file_name;

/// Decompressed records of one batch have at most so many bytes; what unpacks to more is said to be damaged.
const DECOMPRESSED_BYTES_MAX: usize = 1 << 30;

/// Flags, under Apache's names.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "Examples:\n  \
    castlekeep kafka dump-log orders-0/00000000000000000000.log\n  \
    castlekeep kafka dump-log --print-data-log --files orders-0/00000000000000000000.log\n  \
    castlekeep kafka dump-log --verify-index-only orders-0/00000000000000000000.index\n  \
    castlekeep kafka dump-log --format json orders-0/*.log orders-0/*.snapshot\n\n\
    Reads Apache's files and ours; a running broker is not disturbed. Exit code 2: a file is damaged.")]
pub struct Args {
    /// Files: .log, .index, .timeindex, .txnindex, .snapshot
    paths: Vec<PathBuf>,
    /// The same, separated by commas, as Apache's tool has it
    #[arg(long, value_delimiter = ',', value_name = "FILE,FILE")]
    files: Vec<PathBuf>,
    /// Print the records too
    #[arg(long)]
    print_data_log: bool,
    /// Look into the batches, although the records are not printed
    #[arg(long)]
    deep_iteration: bool,
    /// With --print-data-log, print keys and payloads without what else is known of a record
    #[arg(long)]
    skip_record_metadata: bool,
    /// Compare an index with its log and print only what does not match
    #[arg(long)]
    verify_index_only: bool,
    /// Stop in each log behind this many bytes
    #[arg(long, default_value_t = i32::MAX as u64, value_name = "BYTES")]
    max_bytes: u64,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// How to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Apache's lines
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// Runs it.
///
/// # Errors
/// For a person: which file could not be read, and why.
pub fn run(args: &Args) -> Result<ExitCode> {
    let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let result = run_on(args, &mut out);
    let flushed = out.flush();
    let closed = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    match result {
        // A reader that has seen enough is no error.
        Err(error) if error.downcast_ref::<io::Error>().is_some_and(closed) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error),
        Ok(_) if flushed.as_ref().is_err_and(closed) => Ok(ExitCode::SUCCESS),
        Ok(damaged) => {
            flushed?;
            Ok(if damaged { ExitCode::from(2) } else { ExitCode::SUCCESS })
        }
    }
}

/// True when a file is damaged.
fn run_on(args: &Args, out: &mut dyn Write) -> Result<bool> {
    let files: Vec<&PathBuf> = args.files.iter().chain(&args.paths).collect();
    if files.is_empty() {
        bail!("no file is named; give .log, .index, .timeindex, .txnindex or .snapshot files (--help has examples)");
    }
    let mut damaged = false;
    for file in files {
        let tried = || format!("cannot dump {}", file.display());
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some((base_offset, suffix)) = parse_file_name(name) else {
            bail!("{}: the name is no segment's, such as 00000000000000000000.log", tried());
        };
        if args.format == Format::Text {
            writeln!(out, "Dumping {}", file.display())?;
        }
        damaged |= match suffix {
            "log" => args.log(file, base_offset, out).with_context(tried)?,
            "index" => args.offset_index(file, base_offset, out).with_context(tried)?,
            "timeindex" => args.time_index(file, base_offset, out).with_context(tried)?,
            "txnindex" => args.transactions(file, out).with_context(tried)?,
            "snapshot" => args.producers(file, out).with_context(tried)?,
            _ => bail!("{}: {suffix:?} is no suffix of a file that can be dumped", tried()),
        };
    }
    Ok(damaged)
}

impl Args {
    fn log(&self, file: &Path, base_offset: i64, out: &mut dyn Write) -> io::Result<bool> {
        if self.format == Format::Text {
            writeln!(out, "Log starting offset: {base_offset}")?;
        }
        let mut damaged = false;
        let end = inspect::batches(&FileDisk, file, &mut |position, batch| {
            if position >= self.max_bytes {
                return Ok(ControlFlow::Break(()));
            }
            let valid = batch.check_crc().is_ok();
            damaged |= !valid;
            match self.format {
                Format::Text => writeln!(out, "{}", batch_line(position, batch, valid))?,
                Format::Json => writeln!(out, "{}", batch_json(position, batch, valid))?,
            }
            if self.print_data_log || self.deep_iteration {
                damaged |= self.records(batch, out)?;
            }
            Ok(ControlFlow::Continue(()))
        })?;
        let left = end.file_bytes - end.valid_bytes;
        let Some(what) = end.damage else { return Ok(damaged) };
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        match self.format {
            Format::Text => writeln!(out, "Found {left} invalid bytes at the end of {name} ({what})")?,
            Format::Json => {
                writeln!(out, "{}", json!({ "invalid_bytes": left, "position": end.valid_bytes, "why": what }))?
            }
        }
        Ok(true)
    }

    /// True when the records make no sense.
    fn records(&self, batch: &Batch, out: &mut dyn Write) -> io::Result<bool> {
        let records = batch.records(DECOMPRESSED_BYTES_MAX).and_then(Iterator::collect::<Result<Vec<Record>, _>>);
        let records = match records {
            Ok(records) => records,
            Err(error) => {
                writeln!(
                    out,
                    "| the records of the batch at offset {} make no sense: {error}",
                    batch.header.base_offset
                )?;
                return Ok(true);
            }
        };
        if !self.print_data_log {
            return Ok(false);
        }
        for (at, record) in records.iter().enumerate() {
            match self.format {
                Format::Text => writeln!(out, "| {}", self.record_line(batch, at, record))?,
                Format::Json => writeln!(out, "{}", record_json(record))?,
            }
        }
        Ok(false)
    }

    fn record_line(&self, batch: &Batch, at: usize, record: &Record) -> String {
        let mut words = Vec::new();
        if !self.skip_record_metadata {
            let size = |bytes: &Option<bytes::Bytes>| bytes.as_ref().map_or(-1, |bytes| bytes.len() as i64);
            let names: Vec<String> = record.headers().map(|(name, _)| text(&name)).collect();
            let base = batch.header.base_sequence;
            let sequence = if base < 0 { -1 } else { kafka_wire::records::add_sequence(base, at as i32) };
            words.push(format!(
                "offset: {} {}: {} keySize: {} valueSize: {} sequence: {sequence} headerKeys: [{}]",
                record.offset,
                time_type(batch),
                record.timestamp,
                size(&record.key),
                size(&record.value),
                names.join(",")
            ));
        }
        if batch.header.attributes.is_control() {
            words.push(control_words(record));
        } else {
            words.extend(record.key.as_ref().map(|key| format!("key: {}", text(key))));
            words.extend(record.value.as_ref().map(|value| format!("payload: {}", text(value))));
        }
        words.join(" ")
    }

    /// Each entry names the last offset of the batch at its position.
    fn offset_index(&self, file: &Path, base_offset: i64, out: &mut dyn Write) -> io::Result<bool> {
        let log = file.with_extension("log");
        let mut wrong = Vec::new();
        let entries = inspect::offset_index(&FileDisk, file, base_offset)?;
        if entries.is_empty() && self.format == Format::Text {
            writeln!(out, "{} is empty.", file.display())?;
        }
        for (offset, position) in entries {
            let found = inspect::batch_at(&FileDisk, &log, position.into())?.map(|batch| batch.header.last_offset());
            if found != Some(offset) {
                let found = found.map_or("no batch".into(), |offset| offset.to_string());
                wrong.push(format!("  Index offset: {offset}, log offset: {found}"));
            }
            if !self.verify_index_only {
                match self.format {
                    Format::Text => writeln!(out, "offset: {offset} position: {position}")?,
                    Format::Json => writeln!(out, "{}", json!({ "offset": offset, "position": position }))?,
                }
            }
        }
        self.mismatches(file, &wrong, out)
    }

    /// Each entry names the greatest timestamp so far, and the last offset of the batch that has it.
    fn time_index(&self, file: &Path, base_offset: i64, out: &mut dyn Write) -> io::Result<bool> {
        let mut wrong = Vec::new();
        let entries = inspect::time_index(&FileDisk, file, base_offset)?;
        let mut left = entries.iter().peekable();
        inspect::batches(&FileDisk, &file.with_extension("log"), &mut |_, batch| {
            while let Some((timestamp, offset)) = left.peek().copied() {
                if *offset > batch.header.last_offset() {
                    break;
                }
                left.next();
                if *offset != batch.header.last_offset() || *timestamp != batch.header.max_timestamp {
                    let (last, greatest) = (batch.header.last_offset(), batch.header.max_timestamp);
                    wrong.push(format!(
                        "  Index timestamp: {timestamp} offset: {offset}, log timestamp: {greatest} offset: {last}"
                    ));
                }
            }
            Ok(if left.peek().is_none() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        wrong.extend(left.map(|(_, offset)| format!("  Index offset: {offset}, log offset: no batch")));
        for (timestamp, offset) in entries.iter().filter(|_| !self.verify_index_only) {
            match self.format {
                Format::Text => writeln!(out, "timestamp: {timestamp} offset: {offset}")?,
                Format::Json => writeln!(out, "{}", json!({ "timestamp": timestamp, "offset": offset }))?,
            }
        }
        self.mismatches(file, &wrong, out)
    }

    fn mismatches(&self, file: &Path, wrong: &[String], out: &mut dyn Write) -> io::Result<bool> {
        if wrong.is_empty() {
            return Ok(false);
        }
        match self.format {
            Format::Text => {
                writeln!(out, "Mismatches in :{}", file.display())?;
                wrong.iter().try_for_each(|line| writeln!(out, "{line}"))?;
            }
            Format::Json => {
                let wrong: Vec<&str> = wrong.iter().map(|line| line.trim()).collect();
                writeln!(out, "{}", json!({ "mismatches": wrong }))?;
            }
        }
        Ok(true)
    }

    fn transactions(&self, file: &Path, out: &mut dyn Write) -> io::Result<bool> {
        for entry in inspect::aborted_transactions(&FileDisk, file)? {
            let (id, first, last, stable) =
                (entry.producer_id, entry.first_offset, entry.last_offset, entry.last_stable_offset);
            match self.format {
                Format::Text => writeln!(
                    out,
                    "version: 0 producerId: {id} firstOffset: {first} lastOffset: {last} lastStableOffset: {stable}"
                )?,
                Format::Json => {
                    let line = json!({ "producer_id": id, "first_offset": first, "last_offset": last, "last_stable_offset": stable });
                    writeln!(out, "{line}")?;
                }
            }
        }
        Ok(false)
    }

    fn producers(&self, file: &Path, out: &mut dyn Write) -> io::Result<bool> {
        for producer in inspect::producers(&FileDisk, file)? {
            let (id, epoch, coordinator) = (producer.producer_id, producer.producer_epoch, producer.coordinator_epoch);
            let (last, offset, delta) = (producer.last_sequence, producer.last_offset, producer.offset_delta);
            let (open, timestamp) = (producer.current_txn_first_offset, producer.timestamp);
            if self.format == Format::Json {
                let line = json!({
                    "producer_id": id, "producer_epoch": epoch, "coordinator_epoch": coordinator,
                    "current_txn_first_offset": (open >= 0).then_some(open), "last_sequence": last,
                    "last_offset": offset, "offset_delta": delta, "timestamp_ms": timestamp,
                });
                writeln!(out, "{line}")?;
                continue;
            }
            write!(
                out,
                "producerId: {id} producerEpoch: {epoch} coordinatorEpoch: {coordinator} currentTxnFirstOffset: {} \
                 lastTimestamp: {timestamp} ",
                optional(Some(open).filter(|open| *open >= 0))
            )?;
            if offset >= 0 {
                let first = kafka_wire::records::add_sequence(last, -delta);
                write!(
                    out,
                    "firstSequence: {first} lastSequence: {last} lastOffset: {offset} offsetDelta: {delta} timestamp: \
                     {timestamp}"
                )?;
            }
            writeln!(out)?;
        }
        Ok(false)
    }
}

fn batch_line(position: u64, batch: &Batch, valid: bool) -> String {
    let header = &batch.header;
    let codec = header.attributes.compression().map_or("unknown", |codec| codec.name());
    format!(
        "baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: {} producerId: {} producerEpoch: {} \
         partitionLeaderEpoch: {} isTransactional: {} isControl: {} deleteHorizonMs: {} position: {position} {}: {} \
         size: {} magic: 2 compresscodec: {codec} crc: {} isvalid: {valid}",
        header.base_offset,
        header.last_offset(),
        header.record_count,
        header.base_sequence,
        last_sequence(batch),
        header.producer_id,
        header.producer_epoch,
        header.partition_leader_epoch,
        header.attributes.is_transactional(),
        header.attributes.is_control(),
        optional(header.delete_horizon_ms()),
        time_type(batch),
        header.max_timestamp,
        header.size_bytes(),
        header.crc,
    )
}

fn batch_json(position: u64, batch: &Batch, valid: bool) -> Value {
    let header = &batch.header;
    json!({
        "base_offset": header.base_offset,
        "last_offset": header.last_offset(),
        "count": header.record_count,
        "base_sequence": header.base_sequence,
        "last_sequence": last_sequence(batch),
        "producer_id": header.producer_id,
        "producer_epoch": header.producer_epoch,
        "partition_leader_epoch": header.partition_leader_epoch,
        "transactional": header.attributes.is_transactional(),
        "control": header.attributes.is_control(),
        "delete_horizon_ms": header.delete_horizon_ms(),
        "position": position,
        "timestamp_type": time_type(batch),
        "max_timestamp_ms": header.max_timestamp,
        "size_bytes": header.size_bytes(),
        "magic": 2,
        "codec": header.attributes.compression().ok().map(|codec| codec.name()),
        "crc": header.crc,
        "valid": valid,
    })
}

fn record_json(record: &Record) -> Value {
    let headers: Vec<Value> = record
        .headers()
        .map(|(name, value)| json!({ "name": text(&name), "value": value.as_ref().map(text) }))
        .collect();
    json!({
        "offset": record.offset,
        "timestamp_ms": record.timestamp,
        "key": record.key.as_ref().map(text),
        "value": record.value.as_ref().map(text),
        "headers": headers,
    })
}

fn control_words(record: &Record) -> String {
    match EndTxnMarker::from_record(record) {
        Ok(Some(marker)) => {
            let kind = if marker.committed { "COMMIT" } else { "ABORT" };
            format!("endTxnMarker: {kind} coordinatorEpoch: {}", marker.coordinator_epoch)
        }
        _ => match ControlType::from_key(record.key.as_deref().unwrap_or_default()) {
            Ok(kind) => format!("controlType: {}", kind.code()),
            Err(error) => format!("controlType: {error}"),
        },
    }
}

fn last_sequence(batch: &Batch) -> i32 {
    if batch.header.base_sequence < 0 { -1 } else { batch.header.last_sequence() }
}

fn time_type(batch: &Batch) -> &'static str {
    match batch.header.attributes.timestamp_type() {
        TimestampType::Create => "CreateTime",
        TimestampType::LogAppend => "LogAppendTime",
    }
}

/// As Java prints an optional number.
fn optional(number: Option<i64>) -> String {
    number.map_or("OptionalLong.empty".into(), |number| format!("OptionalLong[{number}]"))
}

/// Bytes as text; what is none shows as replacement characters, as with Apache's default decoder.
fn text(bytes: &bytes::Bytes) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
