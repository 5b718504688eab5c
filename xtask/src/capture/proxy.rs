//! A TCP proxy that writes down what passes. The file format is described in `fixtures/README.md`.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use anyhow::{Context, Result};

use crate::probe;

/// Past this many bytes a capture takes no more frames: fixtures are examples, not archives.
const BYTES_MAX: usize = 200 << 10;

/// How a protocol's bytes are cut into records.
#[derive(Clone, Copy, PartialEq)]
pub enum Framing {
    /// Frames with a 4-byte big-endian length in front; a record is one frame without it.
    Length,
    /// No frames of its own (quorum and election ports): a record is what one read gave.
    Raw,
}

/// Who sent a record.
#[derive(Clone, Copy)]
enum Direction {
    FromClient,
    FromServer,
}

/// One capture file in the making.
struct Capture {
    framing: Framing,
    records: Vec<u8>,
    connections: u32,
}

/// A running proxy; its threads end with their connections.
pub struct Proxy {
    /// Where it listens, on 127.0.0.1.
    pub port: u16,
    current: Arc<Mutex<Arc<Mutex<Capture>>>>,
    live: Arc<Mutex<Vec<TcpStream>>>,
    framing: Framing,
}

impl Proxy {
    /// Starts a proxy in front of 127.0.0.1:`target`.
    pub fn start(target: u16, framing: Framing) -> Result<Proxy> {
        let port = probe::free_port()?;
        let listener = TcpListener::bind(("127.0.0.1", port)).with_context(|| format!("listen on port {port}"))?;
        let current = Arc::new(Mutex::new(Capture::empty(framing)));
        let live = Arc::new(Mutex::new(Vec::new()));
        let proxy = Proxy { port, current: current.clone(), live: live.clone(), framing };
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let capture = lock(&current).clone();
                // A server that is not up yet refuses; its client sees the connection end and tries again.
                if let Ok(kept) = client.try_clone()
                    && carry(client, target, &capture).is_ok()
                {
                    lock(&live).push(kept);
                }
            }
        });
        Ok(proxy)
    }

    /// Ends every connection, as a network that fails would.
    pub fn break_connections(&self) {
        for stream in lock(&self.live).drain(..) {
            // Already ended is as good.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Writes what was recorded since the last call to `file`; connections opened from now on belong to the next file.
    pub fn save(&self, file: &Path, what: &str) -> Result<()> {
        let finished = std::mem::replace(&mut *lock(&self.current), Capture::empty(self.framing));
        let capture = lock(&finished);
        if capture.connections == 0 {
            // Which member of an ensemble is connected to by none depends on the run.
            return if file.exists() { std::fs::remove_file(file).context("remove an old capture") } else { Ok(()) };
        }
        let framing = if self.framing == Framing::Length { "length" } else { "raw" };
        let mut bytes = format!("castlekeep-capture 1 {framing} {what}\n").into_bytes();
        bytes.extend_from_slice(&capture.records);
        println!("{:>8} bytes, {:>3} connections: {}", bytes.len(), capture.connections, file.display());
        std::fs::write(file, bytes).with_context(|| format!("write {}", file.display()))
    }
}

impl Capture {
    fn empty(framing: Framing) -> Arc<Mutex<Capture>> {
        Arc::new(Mutex::new(Capture { framing, records: Vec::new(), connections: 0 }))
    }

    fn record(&mut self, connection: u32, direction: Direction, payload: &[u8]) {
        if self.records.len() + payload.len() > BYTES_MAX {
            return;
        }
        let mark = match direction {
            Direction::FromClient => b'>',
            Direction::FromServer => b'<',
        };
        self.records.extend_from_slice(&connection.to_be_bytes());
        self.records.push(mark);
        let length = u32::try_from(payload.len()).expect("a record is shorter than BYTES_MAX");
        self.records.extend_from_slice(&length.to_be_bytes());
        self.records.extend_from_slice(payload);
    }
}

/// Connects onward and carries both directions, each on its own thread.
fn carry(client: TcpStream, target: u16, capture: &Arc<Mutex<Capture>>) -> Result<()> {
    let server = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], target)));
    let server = server.with_context(|| format!("connect to 127.0.0.1:{target}"))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let connection = {
        let mut capture = lock(capture);
        capture.connections += 1;
        capture.connections - 1
    };
    let pairs =
        [(client.try_clone()?, server.try_clone()?, Direction::FromClient), (server, client, Direction::FromServer)];
    for (from, to, direction) in pairs {
        let capture = capture.clone();
        std::thread::spawn(move || pass(from, to, connection, direction, &capture));
    }
    Ok(())
}

/// Carries one direction until either side ends. A frame is recorded before its last byte is passed on, so an answer
/// never stands before its request.
fn pass(mut from: TcpStream, mut to: TcpStream, connection: u32, direction: Direction, capture: &Mutex<Capture>) {
    let framing = lock(capture).framing;
    let mut pending = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    while let Ok(count) = from.read(&mut chunk) {
        if count == 0 {
            break;
        }
        match framing {
            Framing::Raw => lock(capture).record(connection, direction, &chunk[..count]),
            Framing::Length => {
                pending.extend_from_slice(&chunk[..count]);
                while let Some(frame) = take_frame(&mut pending) {
                    lock(capture).record(connection, direction, &frame);
                }
            }
        }
        if to.write_all(&chunk[..count]).is_err() {
            break;
        }
    }
    // The other side may be gone already.
    let _ = to.shutdown(Shutdown::Both);
    let _ = from.shutdown(Shutdown::Both);
}

fn take_frame(pending: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = pending.first_chunk::<4>().map(|bytes| u32::from_be_bytes(*bytes) as usize)?;
    if pending.len() < 4 + length {
        return None;
    }
    let frame = pending[4..4 + length].to_vec();
    pending.drain(..4 + length);
    Some(frame)
}

/// A panic of one connection's thread does not spoil what the others recorded.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
