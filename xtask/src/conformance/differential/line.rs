//! One raw connection to a server's client port: whole frames in and out, nothing understood.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// How long an answer may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// How often a read looks at the deadline.
const POLL: Duration = Duration::from_millis(100);
const READ_BYTES: usize = 64 * 1024;

/// What came next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Came {
    /// A frame, without its length.
    Frame(Vec<u8>),
    /// The server closed the connection.
    Closed,
    /// Neither, until the deadline.
    Silence,
}

/// A connection.
pub struct Line {
    stream: TcpStream,
    input: Vec<u8>,
    closed: bool,
}

impl Line {
    /// Connects.
    pub fn open(port: u16) -> Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let stream = TcpStream::connect_timeout(&address, DEADLINE).with_context(|| format!("connect to {address}"))?;
        stream.set_nodelay(true).context("switch Nagle's algorithm off")?;
        stream.set_read_timeout(Some(POLL)).context("limit how long a read waits")?;
        Ok(Self { stream, input: Vec::new(), closed: false })
    }

    /// Sends bytes. A peer that is gone shows when its answer is read.
    pub fn send(&mut self, bytes: &[u8]) {
        if self.stream.write_all(bytes).is_err() {
            self.closed = self.closed || self.input.is_empty();
        }
    }

    /// The next frame, or the connection's end.
    pub fn next(&mut self) -> Result<Came> {
        self.next_within(DEADLINE)
    }

    /// As [`Line::next`], with a deadline of its own.
    pub fn next_within(&mut self, deadline: Duration) -> Result<Came> {
        let started = Instant::now();
        loop {
            if let Some(frame) = self.take_frame() {
                return Ok(Came::Frame(frame));
            }
            if self.closed {
                return Ok(Came::Closed);
            }
            if started.elapsed() > deadline {
                return Ok(Came::Silence);
            }
            self.read()?;
        }
    }

    fn take_frame(&mut self) -> Option<Vec<u8>> {
        let head = self.input.first_chunk::<4>()?;
        let end = 4 + u32::from_be_bytes(*head) as usize;
        if self.input.len() < end {
            return None;
        }
        let frame = self.input[4..end].to_vec();
        self.input.drain(..end);
        Some(frame)
    }

    fn read(&mut self) -> Result<()> {
        let mut chunk = [0; READ_BYTES];
        match self.stream.read(&mut chunk) {
            Ok(0) => self.closed = true,
            Ok(count) => self.input.extend_from_slice(&chunk[..count]),
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                // A server that closes with bytes unread resets the connection.
                ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted => self.closed = true,
                _ => return Err(error).context("read an answer"),
            },
        }
        Ok(())
    }
}
