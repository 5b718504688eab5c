//! One client's connection: frames in, responses out, strictly in order, one request at a time (as Kafka mutes a
//! channel while it works on its request).

use std::fs::File;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base::limits::Taken;
use base::{Reader, Str};
use broker::api::api_versions;
use broker::quota::Kind;
use bytes::{Buf, Bytes};
use kafka_wire::api::{RequestError, check_served};
use kafka_wire::{ApiKey, Request, RequestHeader, Response, Segment, decode_request};
use rustix::net::{SendAncillaryBuffer, SendFlags};
use storage::kafka::FileRange;
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::Shared;
use super::dispatch::{Dispatcher, Outcome};
use super::frame::{FrameError, Frames};
use super::metrics::requests::Times;
use super::quotas::{self, Timed};
use super::records::{Piece, Range, held_bytes};
use crate::memory;

/// A request under way gets this long when the server stops.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// Pieces of a response that go into one system call.
const SLICES_MAX: usize = 64;
/// What a response collects before it is written.
const WAITING_BYTES_MAX: usize = 1 << 20;

/// Serves a client until one side ends it.
pub(super) async fn serve(stream: TcpStream, peer: SocketAddr, listener: Str, shared: &Shared) {
    // Without it small responses wait for acknowledgements. A socket that refuses is about to fail anyway.
    let _ = stream.set_nodelay(true);
    let host = Str::from(format!("/{}", peer.ip().to_canonical()));
    let frames = Frames::new(shared.frame_bytes_max, Taken::nothing_of(shared.budget.clone()));
    let mut conn = Conn { stream, shared, frames, dispatcher: Dispatcher::new(shared, listener, host) };
    if let Err(reason) = conn.run().await {
        shared.stats.connections_closed_on_error.fetch_add(1, Ordering::Relaxed);
        tracing::info!(%peer, "closing a Kafka connection: {}", reason.escape_debug());
    }
    conn.dispatcher.cancel();
}

struct Conn<'a> {
    stream: TcpStream,
    shared: &'a Shared,
    frames: Frames,
    dispatcher: Dispatcher<'a>,
}

impl Conn<'_> {
    /// Ends with the reason, when it was not the client's own wish.
    async fn run(&mut self) -> Result<(), String> {
        let mut stopping = self.shared.stopping.subscribe();
        loop {
            let frame = tokio::select! {
                frame = tokio::time::timeout(self.shared.idle, self.frames.next(&mut self.stream, is_served)) => frame,
                _ = stopping.wait_for(|stopping| *stopping) => return Ok(()),
            };
            let frame = match frame {
                Ok(Ok(frame)) => frame,
                Ok(Err(FrameError::Closed)) | Err(_) => return Ok(()),
                Ok(Err(e)) => return reason(e),
            };
            let arrived = self.shared.clock.mono();
            self.shared.stats.bytes_in.fetch_add(frame.len() as u64 + 4, Ordering::Relaxed);
            let frame_bytes = frame.len();
            let (header, request) = match decode(frame)? {
                Decoded::Request(header, request) => (header, request),
                Decoded::TooNew { correlation_id } => {
                    let response = Response::from(api_versions::unsupported());
                    self.send(&response, Vec::new(), correlation_id, 0).await?;
                    continue;
                }
            };
            self.frames.trust();
            let may_wait = !matches!(request, Request::Produce(_) | Request::ApiVersions(_) | Request::Metadata(_));
            let is_produce = matches!(request, Request::Produce(_));
            let (outcome, busy) = {
                let handled = pin!(self.dispatcher.handle(&header, request));
                tokio::select! {
                    outcome = Timed::new(self.shared.clock, handled) => outcome,
                    () = gone(&self.stream), if may_wait => return Ok(()),
                    () = stopped(&mut stopping) => return Ok(()),
                }
            };
            let answered = self.shared.clock.mono();
            let rest = self.rest(&header, is_produce.then_some(frame_bytes), busy);
            match outcome {
                Outcome::Response(mut response, ranges) => {
                    if !rest.is_zero() {
                        response.set_throttle_time_ms(i32::try_from(rest.as_millis()).unwrap_or(i32::MAX));
                    }
                    self.send(&response, ranges, header.correlation_id, header.api_version).await?;
                }
                Outcome::Nothing => {}
                Outcome::Close(reason) => return Err(reason),
            }
            let total = self.shared.clock.mono().since(arrived);
            let (handled, local) = (answered.since(arrived), busy);
            let (remote, send) = (handled.saturating_sub(local), total.saturating_sub(handled));
            let times = Times { total, local, remote, send, throttle: rest };
            self.shared.stats.requests.record(&header, frame_bytes, times);
            if !rest.is_zero() {
                tokio::select! {
                    () = tokio::time::sleep(rest) => {}
                    () = gone(&self.stream) => return Ok(()),
                    _ = stopping.wait_for(|stopping| *stopping) => return Ok(()),
                }
            }
        }
    }

    /// How long the connection is not read after this request: what the quotas of its client ask for, whichever asks for
    /// most. Fetches have been counted where their answers were made.
    fn rest(&mut self, header: &RequestHeader, produced_bytes: Option<usize>, busy: Duration) -> Duration {
        let fetched = self.dispatcher.take_rest();
        let image = self.shared.image.load();
        if image.quotas.is_empty() {
            return fetched;
        }
        let client_id = header.client_id.clone().unwrap_or_default();
        let count = |kind, value| quotas::record(self.shared, &image, kind, &client_id, value);
        let produced = produced_bytes.map_or(Duration::ZERO, |bytes| count(Kind::Produce, bytes as f64));
        let requested = count(Kind::Request, busy.as_secs_f64() * 100.0);
        fetched.max(produced).max(requested)
    }

    async fn send(
        &mut self,
        response: &Response,
        ranges: Vec<Range>,
        correlation_id: i32,
        version: i16,
    ) -> Result<(), String> {
        let mut taken = Taken::nothing_of(self.shared.budget.clone());
        if !memory::resize(&mut taken, held_bytes(&ranges)).await {
            return Err(memory::USED_UP.into());
        }
        let mut out = Outgoing { stream: &self.stream, pieces: Vec::new(), waiting_bytes: 0, bytes: 0 };
        let sent = out.response(response.frame(correlation_id, version), ranges).await;
        self.shared.stats.bytes_out.fetch_add(out.bytes, Ordering::Relaxed);
        match sent {
            Ok(()) => Ok(()),
            // The client has gone without waiting for its answer.
            Err(e) if matches!(e.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => Ok(()),
            Err(e) => Err(format!("cannot send a response: {e}")),
        }
    }
}

/// A response on its way into the socket. Records are read while it goes: when that fails behind the first bytes, the
/// connection has to end, as with Kafka.
struct Outgoing<'a> {
    stream: &'a TcpStream,
    /// What goes into the next write.
    pieces: Vec<Bytes>,
    waiting_bytes: usize,
    /// Written so far.
    bytes: u64,
}

impl Outgoing<'_> {
    async fn response(&mut self, segments: Vec<Segment>, ranges: Vec<Range>) -> io::Result<()> {
        let mut ranges: Vec<Option<Range>> = ranges.into_iter().map(Some).collect();
        for segment in segments {
            match segment {
                Segment::Bytes(bytes) => self.push(bytes),
                Segment::Slot { slot, len } => {
                    let before = self.bytes + self.waiting_bytes as u64;
                    let mut range = ranges[slot].take().expect("each slot is sent once");
                    while let Some(piece) = range.next().await? {
                        match piece {
                            Piece::Memory(pieces) => pieces.into_iter().for_each(|piece| self.push(piece)),
                            Piece::Warm(piece) => self.send_file(&piece).await?,
                        }
                        if self.waiting_bytes >= WAITING_BYTES_MAX {
                            self.write(SendFlags::empty()).await?;
                        }
                    }
                    let given = self.bytes + self.waiting_bytes as u64 - before;
                    assert_eq!(given, u64::from(len), "a slot has what it claims");
                }
            }
        }
        self.write(SendFlags::empty()).await
    }

    fn push(&mut self, piece: Bytes) {
        self.waiting_bytes += piece.len();
        self.pieces.push(piece);
    }

    async fn write(&mut self, flags: SendFlags) -> io::Result<()> {
        write_all(self.stream, std::mem::take(&mut self.pieces), flags).await?;
        self.bytes += std::mem::take(&mut self.waiting_bytes) as u64;
        Ok(())
    }

    /// Within the kernel, behind what waits.
    async fn send_file(&mut self, piece: &FileRange<File>) -> io::Result<()> {
        // In one packet with the records that it belongs to.
        self.write(SendFlags::MORE).await?;
        let Some(file) = &piece.file else { return Ok(()) };
        let (mut at, end) = (piece.position, piece.position + u64::from(piece.len));
        while at < end {
            let left = usize::try_from(end - at).unwrap_or(usize::MAX);
            let sent =
                when_writable(self.stream, || rustix::fs::sendfile(self.stream, file, Some(&mut at), left)).await?;
            if sent == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the log's file is shorter than it was"));
            }
        }
        self.bytes += u64::from(piece.len);
        Ok(())
    }
}

enum Decoded {
    Request(RequestHeader, Request),
    /// ApiVersions in a version from the future: what follows the correlation id is not understood.
    TooNew {
        correlation_id: i32,
    },
}

/// Looks at the first bytes of a frame: what is not served is not read.
fn is_served(key: i16, version: i16) -> Result<(), String> {
    let Some(key) = ApiKey::from_i16(key) else { return Err(format!("there is no API {key}")) };
    match check_served(key, version) {
        Err(RequestError::UnsupportedVersion(ApiKey::ApiVersions, _)) => Ok(()),
        served => served.map_err(|e| e.to_string()),
    }
}

fn decode(frame: Bytes) -> Result<Decoded, String> {
    let mut r = Reader::new(frame);
    let mut start = r.clone();
    let fixed = start.i16().and_then(|key| Ok((key, start.i16()?, start.i32()?)));
    if let Ok((key, version, correlation_id)) = fixed
        && ApiKey::from_i16(key) == Some(ApiKey::ApiVersions)
        && check_served(ApiKey::ApiVersions, version).is_err()
    {
        return Ok(Decoded::TooNew { correlation_id });
    }
    let header = RequestHeader::decode(&mut r).map_err(|e| format!("request header: {e}"))?;
    let key = header.key().ok_or("there is no such API")?;
    match decode_request(key, header.api_version, &mut r) {
        Ok(request) => Ok(Decoded::Request(header, request)),
        Err(e) => Err(format!("{} request, version {}: {e}", key.name(), header.api_version)),
    }
}

fn reason(e: FrameError) -> Result<(), String> {
    match e {
        FrameError::Closed => Ok(()),
        FrameError::Io(e) if e.kind() == io::ErrorKind::ConnectionReset => Ok(()),
        FrameError::Io(e) => Err(format!("within a request: {e}")),
        FrameError::Length(len) => Err(format!("{len} is no length of a request: not a Kafka client?")),
        FrameError::Refused(why) => Err(why),
    }
}

/// Ends when the peer has closed. A peer that has sent more requests is there, and the wait for it is over.
async fn gone(stream: &TcpStream) {
    match stream.peek(&mut [0]).await {
        Ok(0) | Err(_) => {}
        Ok(_) => std::future::pending().await,
    }
}

async fn stopped(stopping: &mut tokio::sync::watch::Receiver<bool>) {
    // An error means that the server is gone.
    let _ = stopping.wait_for(|stopping| *stopping).await;
    tokio::time::sleep(LAST_WORDS).await;
}

async fn write_all(stream: &TcpStream, mut pieces: Vec<Bytes>, flags: SendFlags) -> io::Result<()> {
    let mut first = 0;
    while first < pieces.len() {
        let slices: Vec<IoSlice<'_>> =
            pieces[first..].iter().take(SLICES_MAX).map(|piece| IoSlice::new(piece)).collect();
        // More follows in this call, too.
        let more = if first + slices.len() < pieces.len() { SendFlags::MORE } else { flags };
        let send =
            || rustix::net::sendmsg(stream, &slices, &mut SendAncillaryBuffer::default(), more | SendFlags::NOSIGNAL);
        let mut written = when_writable(stream, send).await?;
        while first < pieces.len() && written >= pieces[first].len() {
            written -= pieces[first].len();
            // Given back as it goes: a slow client holds no more than what it has not taken.
            pieces[first] = Bytes::new();
            first += 1;
        }
        if written > 0 {
            pieces[first].advance(written);
        }
    }
    Ok(())
}

/// Does it as soon as the socket takes something.
async fn when_writable(stream: &TcpStream, mut send: impl FnMut() -> rustix::io::Result<usize>) -> io::Result<usize> {
    loop {
        match stream.try_io(Interest::WRITABLE, || rustix::io::retry_on_intr(&mut send).map_err(io::Error::from)) {
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => stream.writable().await?,
            done => return done,
        }
    }
}
