//! Is a server ready? Answered in its own protocol, so that the same question serves ours and Apache's.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::{Result, bail};

const TIMEOUT: Duration = Duration::from_secs(2);
const FIRST_PORT: u16 = 15_000;
const PORTS: u16 = 1_000;
/// More than the ports of one run.
const APART: u32 = 71;

/// A TCP port of 127.0.0.1 that nobody listens on, from a range of our own below the kernel's ephemeral ports, so that
/// no outgoing connection takes it before the server binds it.
pub fn free_port() -> Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Two runs side by side, whose ids follow each other, start at different places.
    let start = u16::try_from(std::process::id().wrapping_mul(APART) % u32::from(PORTS)).unwrap_or(0);
    for _ in 0..PORTS {
        let offset = (start + NEXT.fetch_add(1, Ordering::Relaxed) % PORTS) % PORTS;
        let port = FIRST_PORT + offset;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no free port between {FIRST_PORT} and {}", FIRST_PORT + PORTS - 1)
}

/// Whether the ZooKeeper server on `port` serves requests: its `srvr` command names a mode.
pub fn zookeeper_ready(port: u16) -> bool {
    four_letter_word(port, "srvr").is_some_and(|text| text.contains("Mode: "))
}

/// The answer to a four-letter word, when there is one.
pub fn four_letter_word(port: u16, word: &str) -> Option<String> {
    text_answer(port, word.as_bytes())
}

/// The text that answers the first bytes of a connection, up to its end.
pub fn text_answer(port: u16, first: &[u8]) -> Option<String> {
    let mut stream = connect(port)?;
    stream.write_all(first).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

/// Whether the Kafka broker on `port` serves requests: its metadata lists at least `brokers` brokers and a controller.
pub fn kafka_ready(port: u16, brokers: usize) -> bool {
    metadata(port).is_some_and(|(count, controller)| count >= brokers && controller >= 0)
}

/// Whether the broker on `port` lists the API key.
pub fn kafka_serves(port: u16, api_key: i16) -> bool {
    let keys = || -> Option<Vec<i16>> {
        // Header v1: ApiVersions version 0, correlation id 1, no client id; no body.
        let answer = ask_kafka(port, &[0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff])?;
        // Correlation id, error code, then (key, min, max) of 2 bytes each behind their count.
        Some(answer.get(10..)?.chunks_exact(6).map(|row| i16::from_be_bytes([row[0], row[1]])).collect())
    };
    keys().is_some_and(|keys| keys.contains(&api_key))
}

/// Asks for Metadata version 1 with an empty topic list; gives (number of brokers, controller id).
fn metadata(port: u16) -> Option<(usize, i32)> {
    // Header v1: api key 3, version 1, correlation id 1, no client id; body: zero topics.
    let answer = ask_kafka(port, &[0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0])?;
    let mut at = 4;
    let count = take_i32(&answer, &mut at)?;
    for _ in 0..count {
        at += 4; // node id
        skip_string(&answer, &mut at)?; // host
        at += 4; // port
        skip_string(&answer, &mut at)?; // rack
    }
    let controller = take_i32(&answer, &mut at)?;
    Some((usize::try_from(count).ok()?, controller))
}

/// Sends one request of fewer than 256 bytes, gives the frame that answers it.
pub fn ask_kafka(port: u16, request: &[u8]) -> Option<Vec<u8>> {
    let mut stream = connect(port)?;
    stream.write_all(&[0, 0, 0, u8::try_from(request.len()).ok()?]).ok()?;
    stream.write_all(request).ok()?;
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let length = usize::try_from(i32::from_be_bytes(length)).ok().filter(|length| *length <= 1 << 20)?;
    let mut answer = vec![0; length];
    stream.read_exact(&mut answer).ok()?;
    Some(answer)
}

fn connect(port: u16) -> Option<TcpStream> {
    let stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), TIMEOUT).ok()?;
    stream.set_read_timeout(Some(TIMEOUT)).ok()?;
    Some(stream)
}

fn take_i32(bytes: &[u8], at: &mut usize) -> Option<i32> {
    let value = bytes.get(*at..*at + 4)?;
    *at += 4;
    Some(i32::from_be_bytes(value.try_into().ok()?))
}

fn skip_string(bytes: &[u8], at: &mut usize) -> Option<()> {
    let length = i16::from_be_bytes(bytes.get(*at..*at + 2)?.try_into().ok()?);
    *at += 2 + usize::try_from(length).unwrap_or(0);
    (*at <= bytes.len()).then_some(())
}
