//! The stream format of snappy-java, which `snapshot.compression.method=snappy` writes: 8 bytes magic, int version,
//! int compatible version, then blocks of {int compressed length, snappy block}.

use std::io::{self, Read};

/// How such a stream begins.
pub const MAGIC: &[u8; 8] = b"\x82SNAPPY\0";

/// What upstream's encoder puts into a block.
const BLOCK_BYTES: usize = 32 * 1024;

/// The encoder's largest block is 512 MiB by format.
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

/// Compresses into such a stream.
#[derive(Default)]
pub struct Encoder {
    started: bool,
    /// Not compressed yet; less than a block.
    pending: Vec<u8>,
    output: Vec<u8>,
}

impl Encoder {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// None that a block of this size can have.
    pub fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.begin();
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.pending.len()));
            self.pending.extend_from_slice(now);
            bytes = later;
            if self.pending.len() == BLOCK_BYTES {
                self.block()?;
            }
        }
        Ok(())
    }

    /// Compresses what is left.
    ///
    /// # Errors
    /// As [`Encoder::write`].
    pub fn finish(&mut self) -> io::Result<()> {
        self.begin();
        if self.pending.is_empty() { Ok(()) } else { self.block() }
    }

    /// What goes into the file next; the caller empties it.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    fn begin(&mut self) {
        if !std::mem::replace(&mut self.started, true) {
            self.output.extend_from_slice(MAGIC);
            // Version of the format, and the oldest version that can read it.
            self.output.extend_from_slice(&[0, 0, 0, 1, 0, 0, 0, 1]);
        }
    }

    fn block(&mut self) -> io::Result<()> {
        let block = snap::raw::Encoder::new().compress_vec(&self.pending).map_err(io::Error::other)?;
        self.output.extend_from_slice(&(block.len() as u32).to_be_bytes());
        self.output.extend_from_slice(&block);
        self.pending.clear();
        Ok(())
    }
}

fn invalid(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
