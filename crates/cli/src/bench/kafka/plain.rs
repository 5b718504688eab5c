//! `castlekeep bench plain-log`: the floor under a broker's figures. It speaks just enough of Kafka's protocol for
//! `castlekeep bench kafka`: what is produced is read from the socket, its checksum is looked at, and it is appended to a
//! file; what is fetched is sent from that file. A blocking thread for each connection, no offsets, no index, no
//! metadata: what it costs is the price of sockets, checksums and the page cache.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, ensure};
use base::{Reader, Str};
use bytes::{Bytes, BytesMut};
use clap::{Args as ClapArgs, ValueEnum};
use kafka_wire::header::{response_segments, write_response_frame};
use kafka_wire::messages as wire;
use kafka_wire::{ApiKey, Records, Request, RequestHeader, Segment, decode_request};
use rustix::net::SendFlags;

use super::connection::PRODUCE_VERSION;

/// How records get from the file to the socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Send {
    /// Within the kernel
    #[default]
    Sendfile,
    /// Read into memory, sent from there
    Read,
}

/// Flags of `castlekeep bench plain-log`.
#[derive(ClapArgs, Debug)]
#[command(after_long_help = "Examples:\n  \
    castlekeep bench plain-log --listen 127.0.0.1:19092 --dir /tmp/plain     what sockets and files alone cost\n\n\
    Then castlekeep bench kafka --broker 127.0.0.1:19092 measures it. All batches of a topic must have one size.")]
pub struct Args {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:0", value_name = "HOST:PORT")]
    listen: String,
    /// A folder for the files
    #[arg(long, default_value = ".", value_name = "DIR")]
    dir: PathBuf,
    /// How records get from the file to the socket
    #[arg(long, value_enum, default_value_t)]
    send: Send,
}

const FRAME_BYTES_MAX: usize = 100 << 20;
/// In a batch: where its checksum stands, and where the bytes begin that it covers.
const CRC_AT: usize = 17;
const CRC_FROM: usize = 21;
/// Where the offset of its last record stands, counted from the first.
const LAST_DELTA_AT: usize = 23;

/// Partitions of each topic.
#[derive(Default)]
struct Topics(Mutex<BTreeMap<Str, i32>>);

impl Topics {
    fn with<T>(&self, look: impl FnOnce(&mut BTreeMap<Str, i32>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Serves until it is ended.
///
/// # Errors
/// When the address cannot be bound.
pub fn main(args: Args) -> anyhow::Result<()> {
    let listener = TcpListener::bind(&args.listen).with_context(|| format!("cannot listen on {}", args.listen))?;
    println!("listening on {}", listener.local_addr()?);
    let topics = Arc::new(Topics::default());
    loop {
        let (stream, _) = listener.accept().context("cannot accept a connection")?;
        stream.set_nodelay(true)?;
        let (dir, send, topics) = (args.dir.clone(), args.send, topics.clone());
        std::thread::spawn(move || {
            let mut conn = Conn { stream, dir, send, topics, logs: BTreeMap::new(), memory: Vec::new() };
            // A client that goes away is no news.
            if let Err(e) = conn.serve() {
                eprintln!("a connection ended: {e:#}");
            }
        });
    }
}

struct Conn {
    stream: TcpStream,
    dir: PathBuf,
    send: Send,
    topics: Arc<Topics>,
    logs: BTreeMap<(Str, i32), Log>,
    memory: Vec<u8>,
}

/// A file of batches of one size.
struct Log {
    file: File,
    batch_bytes: u64,
    batch_records: i64,
}

impl Conn {
    fn serve(&mut self) -> anyhow::Result<()> {
        let mut length = [0; 4];
        loop {
            match self.stream.read_exact(&mut length) {
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
                read => read?,
            }
            let length = u32::from_be_bytes(length) as usize;
            ensure!(length <= FRAME_BYTES_MAX, "a request of {length} bytes");
            // The same memory for every request.
            let mut frame = std::mem::take(&mut self.memory);
            frame.resize(frame.len().max(length), 0);
            self.stream.read_exact(&mut frame[..length])?;
            let produced = Produced::parse(&frame[..length]).map(|produced| self.append(&produced));
            match produced {
                Some(appended) => appended?,
                None => self.answer(Bytes::copy_from_slice(&frame[..length]))?,
            }
            self.memory = frame;
        }
    }

    fn append(&mut self, produced: &Produced<'_>) -> anyhow::Result<()> {
        let batch = produced.batch;
        let crc = batch.get(CRC_AT..).and_then(|rest| rest.first_chunk()).context("no batch")?;
        ensure!(base::checksum::crc32c(&batch[CRC_FROM..]) == u32::from_be_bytes(*crc), "a wrong checksum");
        let topic = Str::from(produced.topic);
        self.log(&topic, produced.partition)?.file.write_all(batch)?;
        let partition = wire::ProduceResponsePartitionResponses { index: produced.partition, ..Default::default() };
        let body = wire::ProduceResponse {
            responses: vec![wire::ProduceResponseResponses { name: topic, partition_responses: vec![partition] }],
            ..Default::default()
        };
        let mut out = BytesMut::new();
        write_response_frame(&mut out, produced.correlation_id, &body, PRODUCE_VERSION);
        Ok(self.stream.write_all(&out)?)
    }

    /// Everything but produce.
    fn answer(&mut self, frame: Bytes) -> anyhow::Result<()> {
        let mut reader = Reader::new(frame);
        let header = RequestHeader::decode(&mut reader)?;
        let key = header.key().context("no such API")?;
        let (id, version) = (header.correlation_id, header.api_version);
        let mut out = BytesMut::new();
        match decode_request(key, version, &mut reader)? {
            Request::CreateTopics(body) => {
                for topic in &body.topics {
                    self.topics.with(|topics| topics.insert(topic.name.clone(), topic.num_partitions));
                }
                write_response_frame(&mut out, id, &wire::CreateTopicsResponse::default(), version);
            }
            Request::DeleteTopics(body) => {
                for topic in &body.topic_names {
                    let partitions = self.topics.with(|topics| topics.remove(topic)).unwrap_or(0);
                    self.logs.retain(|(name, _), _| name != topic);
                    // One that nobody has written to has no file.
                    (0..partitions).for_each(|partition| drop(std::fs::remove_file(self.path(topic, partition))));
                }
                write_response_frame(&mut out, id, &wire::DeleteTopicsResponse::default(), version);
            }
            Request::Metadata(body) => {
                let names = body.topics.into_iter().flatten().filter_map(|topic| topic.name);
                let topics = names.map(|name| self.describe(name)).collect();
                write_response_frame(&mut out, id, &wire::MetadataResponse { topics, ..Default::default() }, version);
            }
            Request::ListOffsets(body) => {
                let mut topics = Vec::new();
                for topic in body.topics {
                    let mut partitions = Vec::new();
                    for asked in topic.partitions {
                        let partition_index = asked.partition_index;
                        let offset = self.log(&topic.name, partition_index)?.end_offset()?;
                        partitions.push(wire::ListOffsetsResponsePartitions {
                            partition_index,
                            offset,
                            ..Default::default()
                        });
                    }
                    topics.push(wire::ListOffsetsResponseTopics { name: topic.name, partitions });
                }
                let body = wire::ListOffsetsResponse { topics, ..Default::default() };
                write_response_frame(&mut out, id, &body, version);
            }
            Request::Fetch(body) => return self.fetch(id, version, &body),
            other => anyhow::bail!("{} is not answered here", other.key()),
        }
        Ok(self.stream.write_all(&out)?)
    }

    fn describe(&self, name: Str) -> wire::MetadataResponseTopics {
        let count = self.topics.with(|topics| topics.get(&name).copied()).unwrap_or(0);
        let partition = |partition_index| wire::MetadataResponsePartitions { partition_index, ..Default::default() };
        let partitions = (0..count).map(partition).collect();
        wire::MetadataResponseTopics { name: Some(name), partitions, ..Default::default() }
    }

    /// Whole batches from one partition, as many as are asked for.
    fn fetch(&mut self, id: i32, version: i16, body: &wire::FetchRequest) -> anyhow::Result<()> {
        let topic = body.topics.first().context("a fetch of nothing")?;
        let asked = topic.partitions.first().context("a fetch of nothing")?;
        let log = self.log(&topic.topic, asked.partition)?;
        let from = (asked.fetch_offset / log.batch_records.max(1)) as u64 * log.batch_bytes;
        let left = log.file.metadata()?.len().saturating_sub(from);
        let most = u64::try_from(asked.partition_max_bytes)?.max(log.batch_bytes).min(left);
        let len = u32::try_from(most - most % log.batch_bytes.max(1))?;
        let file = log.file.try_clone()?;
        let partition = wire::FetchResponsePartitions {
            partition_index: asked.partition,
            records: Records::Elsewhere { len, slot: 0 },
            ..Default::default()
        };
        let answered = wire::FetchResponseResponses {
            topic: topic.topic.clone(),
            partitions: vec![partition],
            ..Default::default()
        };
        let body = wire::FetchResponse { responses: vec![answered], ..Default::default() };
        for segment in response_segments(id, &body, version) {
            match segment {
                Segment::Bytes(bytes) => send_all(&self.stream, &bytes)?,
                Segment::Slot { .. } if self.send == Send::Sendfile => sendfile(&self.stream, &file, from, len)?,
                Segment::Slot { .. } => {
                    let len = len as usize;
                    self.memory.resize(self.memory.len().max(len), 0);
                    file.read_exact_at(&mut self.memory[..len], from)?;
                    self.stream.write_all(&self.memory[..len])?;
                }
            }
        }
        Ok(())
    }

    fn path(&self, topic: &str, partition: i32) -> PathBuf {
        self.dir.join(format!("{topic}-{partition}.log"))
    }

    fn log(&mut self, topic: &Str, partition: i32) -> anyhow::Result<&mut Log> {
        let (path, key) = (self.path(topic, partition), (topic.clone(), partition));
        let log = match self.logs.remove(&key) {
            Some(log) if log.batch_bytes > 0 => log,
            _ => Log::open(&path).with_context(|| format!("cannot use {}", path.display()))?,
        };
        Ok(self.logs.entry(key).or_insert(log))
    }
}

impl Log {
    /// The file, made when it is not there; its first batch tells the size of all.
    fn open(path: &Path) -> io::Result<Self> {
        let file = File::options().create(true).append(true).read(true).open(path)?;
        let mut head = [0; LAST_DELTA_AT + 4];
        let (mut batch_bytes, mut batch_records) = (0, 0);
        if file.metadata()?.len() > head.len() as u64 {
            file.read_exact_at(&mut head, 0)?;
            let int = |at: usize| i32::from_be_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
            // What precedes the length, and the length itself, are not counted in it.
            batch_bytes = 12 + u64::from(int(8).cast_unsigned());
            batch_records = i64::from(int(LAST_DELTA_AT)) + 1;
        }
        Ok(Self { file, batch_bytes, batch_records })
    }

    fn end_offset(&self) -> io::Result<i64> {
        let batches = self.file.metadata()?.len().checked_div(self.batch_bytes).unwrap_or(0);
        Ok(batches as i64 * self.batch_records)
    }
}

/// More follows: it shall be in one packet with it.
fn send_all(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let sent = rustix::net::send(stream, bytes, SendFlags::MORE | SendFlags::NOSIGNAL)?;
        bytes = &bytes[sent..];
    }
    Ok(())
}

fn sendfile(stream: &TcpStream, file: &File, from: u64, len: u32) -> io::Result<()> {
    let (mut at, end) = (from, from + u64::from(len));
    while at < end {
        let left = usize::try_from(end - at).unwrap_or(usize::MAX);
        if rustix::fs::sendfile(stream, file, Some(&mut at), left)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

/// A produce request with one batch, where it lies.
#[derive(Debug, PartialEq, Eq)]
struct Produced<'a> {
    correlation_id: i32,
    topic: &'a str,
    partition: i32,
    batch: &'a [u8],
}

impl<'a> Produced<'a> {
    /// `None` for any other request.
    fn parse(frame: &'a [u8]) -> Option<Self> {
        let mut rest = frame;
        let key = i16::from_be_bytes(take(&mut rest)?);
        let version = i16::from_be_bytes(take(&mut rest)?);
        if key != ApiKey::Produce as i16 || version != PRODUCE_VERSION {
            return None;
        }
        let correlation_id = i32::from_be_bytes(take(&mut rest)?);
        string(&mut rest)?;
        string(&mut rest)?;
        let _acks: [u8; 2] = take(&mut rest)?;
        // The time-out, and a count of one topic.
        let _: [u8; 8] = take(&mut rest)?;
        let topic = std::str::from_utf8(string(&mut rest)?).ok()?;
        let _one_partition: [u8; 4] = take(&mut rest)?;
        let partition = i32::from_be_bytes(take(&mut rest)?);
        let len = usize::try_from(i32::from_be_bytes(take(&mut rest)?)).ok()?;
        Some(Self { correlation_id, topic, partition, batch: rest.get(..len)? })
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(*head)
}

/// A string that may be null, which is empty here.
fn string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = i16::from_be_bytes(take(rest)?).max(0);
    let (head, tail) = rest.split_at_checked(usize::from(len.cast_unsigned()))?;
    *rest = tail;
    Some(head)
}

#[cfg(test)]
mod tests {
    use kafka_wire::header::write_request_frame;

    use super::super::connection::{CLIENT_ID, produce_request};
    use super::*;

    #[test]
    fn a_produce_request_is_found_where_it_lies() {
        let topic = Str::from("t");
        let mut out = BytesMut::new();
        let request = produce_request(&topic, 3, -1, Bytes::from_static(b"a batch"));
        write_request_frame(&mut out, 5, Some(&CLIENT_ID), &request, PRODUCE_VERSION);
        let found = Produced::parse(&out[4..]);
        let expected = Produced { correlation_id: 5, topic: "t", partition: 3, batch: b"a batch" };
        assert_eq!(found, Some(expected));
        assert_eq!(Produced::parse(&out[4..out.len() - 1]), None, "it is cut off");
        out[5] = 1;
        assert_eq!(Produced::parse(&out[4..]), None, "it is a fetch");
    }

    #[test]
    fn a_file_knows_its_batches() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t-0.log");
        assert_eq!(Log::open(&path).unwrap().end_offset().unwrap(), 0);
        let mut batch = [0; 61];
        batch[8..12].copy_from_slice(&49_i32.to_be_bytes());
        batch[LAST_DELTA_AT..][..4].copy_from_slice(&9_i32.to_be_bytes());
        std::fs::write(&path, batch.repeat(3)).unwrap();
        let log = Log::open(&path).unwrap();
        assert_eq!((log.batch_bytes, log.batch_records, log.end_offset().unwrap()), (61, 10, 30));
    }
}
