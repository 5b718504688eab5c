//! Reads the quorum port: packets back to back, and between them a snapshot that has no length either.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::net::TcpStream;
use zk_wire::quorum::packet_bytes;
use zk_wire::{Jute as _, QuorumPacket};

/// Bytes asked of the socket at once.
const READ_BYTES: usize = 64 * 1024;
/// A packet below this is copied out, so that one that is kept does not keep the whole buffer.
const COPIED_BYTES_MAX: usize = 16 * 1024;

/// What a connection sends.
pub struct Packets {
    socket: Arc<TcpStream>,
    buffer: BytesMut,
    data_bytes_max: usize,
    /// How long the next bytes of something that has begun may take.
    stall: Duration,
}

impl Packets {
    /// Those of a connection; data of more than `data_bytes_max` bytes is refused.
    pub fn new(socket: Arc<TcpStream>, data_bytes_max: usize, stall: Duration) -> Self {
        Self { socket, buffer: BytesMut::new(), data_bytes_max, stall }
    }

    /// The next packet and its length, whenever it comes.
    ///
    /// # Errors
    /// The connection ended, stopped within a packet, or sent what no server sends.
    pub async fn next(&mut self) -> Result<(QuorumPacket, usize), String> {
        loop {
            if let Some(len) = packet_bytes(&self.buffer, self.data_bytes_max).map_err(|error| error.to_string())? {
                let bytes = self.take(len);
                return QuorumPacket::from_bytes(bytes).map(|packet| (packet, len)).map_err(|error| error.to_string());
            }
            let begun = !self.buffer.is_empty();
            let read = match begun {
                false => self.read().await,
                true => self.read_in_time().await?,
            };
            match read.map_err(|error| error.to_string())? {
                0 if begun => return Err("it ended in the middle of a packet".into()),
                0 => return Err("it closed".into()),
                _ => {}
            }
        }
    }

    /// Bytes that are no packets: at least one.
    ///
    /// # Errors
    /// As [`Packets::next`].
    pub async fn raw(&mut self) -> Result<Bytes, String> {
        if self.buffer.is_empty() && self.read_in_time().await?.map_err(|error| error.to_string())? == 0 {
            return Err("it ended in the middle of a snapshot".into());
        }
        Ok(self.buffer.split().freeze())
    }

    /// Gives back what was read beyond those bytes.
    pub fn put_back(&mut self, rest: &[u8]) {
        let behind = self.buffer.split();
        self.buffer.extend_from_slice(rest);
        self.buffer.unsplit(behind);
    }

    fn take(&mut self, len: usize) -> Bytes {
        if len > COPIED_BYTES_MAX {
            return self.buffer.split_to(len).freeze();
        }
        let bytes = Bytes::copy_from_slice(&self.buffer[..len]);
        self.buffer.advance(len);
        bytes
    }

    async fn read_in_time(&mut self) -> Result<io::Result<usize>, String> {
        let stall = self.stall;
        let stalled = |_| format!("it stopped in the middle for {} ms", stall.as_millis());
        tokio::time::timeout(stall, self.read()).await.map_err(stalled)
    }

    async fn read(&mut self) -> io::Result<usize> {
        loop {
            self.socket.readable().await?;
            self.buffer.reserve(READ_BYTES);
            match self.socket.try_read_buf(&mut self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return read,
            }
        }
    }
}
