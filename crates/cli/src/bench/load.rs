//! One connection under load: keeps a number of requests outstanding, or sends at a steady rate, and measures each
//! from the moment it was due (so that a stalled server is charged for the requests it kept waiting).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use bytes::{Buf, Bytes, BytesMut};
use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::alarm::Alarm;

/// What to send and how to read the answers; one value per connection.
pub trait Protocol: Send + 'static {
    /// Appends one request, length prefix included. Returns the units (operations or payload bytes) it carries.
    fn request(&mut self, out: &mut BytesMut) -> u64;

    /// Reads one reply without its length prefix. `Ok(false)` for a frame that answers nothing (an event).
    ///
    /// # Errors
    /// When the server refused the request.
    fn reply(&mut self, frame: Bytes) -> anyhow::Result<bool>;
}

/// How hard to push.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Requests in flight per connection at most.
    pub outstanding: usize,
    /// Requests per second and connection; `None` means as fast as answers come.
    pub rate: Option<f64>,
    /// Requests that are due at the same moment and sent together; 1 spreads them evenly.
    pub burst: usize,
    /// Requests after which the connection is done, whatever the time; `None` is no limit.
    pub count: Option<u64>,
    /// Not measured.
    pub warm_up: Duration,
    /// Measured.
    pub duration: Duration,
}

/// The longest time in which no connection of a run got an answer.
#[derive(Clone, Default)]
pub struct Gap(Arc<Mutex<(Option<Instant>, Duration)>>);

impl Gap {
    /// An answer came.
    fn answered(&self, now: Instant) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = seen.0.replace(now) {
            seen.1 = seen.1.max(now.saturating_duration_since(before));
        }
    }

    /// The longest so far.
    pub fn longest(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }
}

/// What one connection saw while measured.
pub struct Sample {
    /// Microseconds from due to answered.
    pub latency_us: Histogram<u64>,
    /// Requests answered.
    pub requests: u64,
    /// Their units.
    pub units: u64,
}

const REPLY_BYTES_MAX: usize = 256 << 20;
/// Room for replies that is asked for when all are taken: as long as nobody holds one of them it is the same memory again.
const READ_BYTES: usize = 256 << 10;
/// Longer ones are counted as this.
pub const LATENCY_US_MAX: u64 = 600_000_000;

/// Runs one connection to the end of its time.
///
/// # Errors
/// When the connection breaks or the server refuses a request.
pub async fn run(mut stream: TcpStream, mut protocol: impl Protocol, shape: Shape, gap: Gap) -> anyhow::Result<Sample> {
    let started = Instant::now();
    let measured_from = started + shape.warm_up;
    let ends = measured_from + shape.duration;
    let burst = shape.burst.clamp(1, shape.outstanding);
    let interval = shape.rate.map(|rate| Duration::from_secs_f64(burst as f64 / rate.max(1e-6)));
    let alarm = Alarm::new().context("cannot have a timer")?;
    let mut next_due = started;
    let mut sent = 0;
    let more = |sent: u64, now: Instant| now < ends && shape.count.is_none_or(|count| sent < count);
    let mut in_flight: VecDeque<(Instant, u64)> = VecDeque::with_capacity(shape.outstanding);
    let (mut out, mut input) = (BytesMut::with_capacity(64 << 10), BytesMut::with_capacity(READ_BYTES));
    let mut sample = Sample { latency_us: Histogram::new_with_bounds(1, LATENCY_US_MAX, 3)?, requests: 0, units: 0 };
    loop {
        let now = Instant::now();
        if !more(sent, now) && in_flight.is_empty() {
            return Ok(sample);
        }
        while more(sent, now) && in_flight.len() + burst <= shape.outstanding {
            let due = match interval {
                Some(_) if next_due > now => break,
                Some(interval) => {
                    let due = next_due;
                    next_due += interval;
                    due
                }
                None => now,
            };
            for _ in 0..burst {
                let units = protocol.request(&mut out);
                in_flight.push_back((due, units));
                sent += 1;
            }
        }
        if !out.is_empty() {
            stream.write_all(&out).await.context("cannot send to the server; is it still running?")?;
            out.clear();
        }
        if in_flight.is_empty() {
            alarm.until(next_due).await?;
            continue;
        }
        let waiting_for_room = interval.is_none() || in_flight.len() + burst > shape.outstanding || !more(sent, now);
        let read = if waiting_for_room {
            Some(stream.read_buf(&mut input).await)
        } else {
            tokio::select! {
                read = stream.read_buf(&mut input) => Some(read),
                due = alarm.until(next_due) => due.map(|()| None)?,
            }
        };
        match read {
            Some(Ok(0)) => bail!("the server closed the connection with {} requests unanswered", in_flight.len()),
            Some(Err(error)) => return Err(error).context("cannot read from the server"),
            Some(Ok(_)) => {
                let before = sample.requests;
                take_replies(&mut input, &mut protocol, &mut in_flight, measured_from, ends, &mut sample)?;
                let now = Instant::now();
                if sample.requests > before && now < ends {
                    gap.answered(now);
                }
            }
            None => {}
        }
    }
}

fn take_replies(
    input: &mut BytesMut,
    protocol: &mut impl Protocol,
    in_flight: &mut VecDeque<(Instant, u64)>,
    measured_from: Instant,
    ends: Instant,
    sample: &mut Sample,
) -> anyhow::Result<()> {
    let now = Instant::now();
    while input.len() >= 4 {
        let length = u32::from_be_bytes([input[0], input[1], input[2], input[3]]) as usize;
        if length > REPLY_BYTES_MAX {
            bail!("the server sent a reply of {length} bytes; is this the right port?");
        }
        if input.len() < 4 + length {
            input.reserve(4 + length - input.len());
            return Ok(());
        }
        input.advance(4);
        if protocol.reply(input.split_to(length).freeze())? {
            let (due, units) = in_flight.pop_front().context("the server sent a reply nobody asked for")?;
            if due >= measured_from && now < ends + Duration::from_secs(5) {
                sample.latency_us.saturating_record(now.duration_since(due).as_micros() as u64);
                sample.requests += 1;
                sample.units += units;
            }
        }
    }
    if input.is_empty() {
        input.reserve(READ_BYTES);
    }
    Ok(())
}
