//! As much of HTTP/1.0 as one request and its answer need: the connection's end is the body's end.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};

const TIMEOUT: Duration = Duration::from_secs(30);

/// What came back.
pub struct Answer {
    /// Such as 200.
    pub status: u16,
    /// By lower-case name.
    pub headers: BTreeMap<String, String>,
    /// As it came.
    pub body: Vec<u8>,
}

impl Answer {
    /// `application/json`, without what may stand behind it.
    pub fn media_type(&self) -> &str {
        self.headers.get("content-type").and_then(|value| value.split(';').next()).unwrap_or_default()
    }
}

/// A request to 127.0.0.1. `headers` end with a line break each.
pub fn ask(port: u16, method: &str, path: &str, headers: &str, body: &[u8]) -> Result<Answer> {
    let what = || format!("{method} {path} on port {port}");
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT).with_context(what)?;
    stream.set_read_timeout(Some(TIMEOUT)).with_context(what)?;
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {length}\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).with_context(what)?;
    // A server that refuses does so before it has read everything.
    let _ = stream.write_all(body);
    let mut all = Vec::new();
    stream.read_to_end(&mut all).with_context(what)?;
    parse(&all).with_context(|| format!("{}: no answer but {:?}", what(), String::from_utf8_lossy(&all)))
}

fn parse(all: &[u8]) -> Option<Answer> {
    let end = all.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&all[..end]).ok()?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let header = |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    Some(Answer { status, headers: lines.filter_map(header).collect(), body: all[end + 4..].to_vec() })
}
