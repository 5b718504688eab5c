//! The stream format of snappy-java, which `snapshot.compression.method=snappy` writes: 8 bytes magic, int version,
//! int compatible version, then blocks of {int compressed length, snappy block}.

use std::io::{self, Read};

/// How such a stream begins.
pub const MAGIC: &[u8; 8] = b"\x82SNAPPY\0";

/// The encoder's largest block is 512 MiB by format; upstream writes 32 KiB.
const BLOCK_BYTES_MAX: usize = 64 << 20;

/// Decompresses such a stream.
pub struct Decoder<R> {
    input: R,
    started: bool,
    block: Vec<u8>,
    at: usize,
}

impl<R: Read> Decoder<R> {
    /// A decoder of `input`.
    pub fn new(input: R) -> Self {
        Self { input, started: false, block: Vec::new(), at: 0 }
    }

    /// Loads the next block; false at the end of the stream.
    fn next_block(&mut self) -> io::Result<bool> {
        if !self.started {
            let mut head = [0; 16];
            self.input.read_exact(&mut head)?;
            if &head[..8] != MAGIC {
                return Err(invalid("no snappy stream"));
            }
            self.started = true;
        }
        let mut len = [0; 4];
        match self.input.read(&mut len)? {
            0 => return Ok(false),
            n => self.input.read_exact(&mut len[n..])?,
        }
        let len = u32::from_be_bytes(len) as usize;
        if len > BLOCK_BYTES_MAX {
            return Err(invalid("a snappy block of unreasonable length"));
        }
        let mut compressed = Vec::new();
        if self.input.by_ref().take(len as u64).read_to_end(&mut compressed)? != len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let out = snap::raw::decompress_len(&compressed).map_err(|_| invalid("a broken snappy block"))?;
        if out > BLOCK_BYTES_MAX {
            return Err(invalid("a snappy block of unreasonable size"));
        }
        self.block =
            snap::raw::Decoder::new().decompress_vec(&compressed).map_err(|_| invalid("a broken snappy block"))?;
        self.at = 0;
        Ok(true)
    }
}

impl<R: Read> Read for Decoder<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.block.len() {
            if !self.next_block()? {
                return Ok(0);
            }
        }
        let count = buffer.len().min(self.block.len() - self.at);
        buffer[..count].copy_from_slice(&self.block[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
