//! Walks the batches of a `.log` file.

use std::io;

use base::checksum::crc32c_append;
use broker::log::BatchHeader;
use broker::log::batch::{CRC_START, HEADER_BYTES};
use bytes::Bytes;

use crate::disk::{DiskFile, Patience};

/// What lies at the scanner's position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A batch.
    Batch {
        /// Where it starts in the file.
        position: u64,
        /// Its header.
        header: BatchHeader,
    },
    /// The end, exactly.
    End,
    /// Something that is no whole batch.
    Bad {
        /// Where it starts in the file.
        position: u64,
        /// What is wrong with it.
        reason: String,
    },
}

/// Reads a file from a position on, header by header, through a window.
pub struct Scanner<'a, F> {
    file: &'a F,
    position: u64,
    end: u64,
    window: Vec<u8>,
    window_start: u64,
    window_bytes: usize,
    patience: Patience,
}

impl<'a, F: DiskFile> Scanner<'a, F> {
    /// For finding one batch near `position`: small reads.
    pub fn near(file: &'a F, position: u64, end: u64) -> Self {
        Self::with_window(file, position, end, 8 << 10)
    }

    /// For reading everything.
    pub fn whole(file: &'a F, position: u64, end: u64) -> Self {
        Self::with_window(file, position, end, 1 << 20)
    }

    fn with_window(file: &'a F, position: u64, end: u64, window_bytes: usize) -> Self {
        Self { file, position, end, window: Vec::new(), window_start: position, window_bytes, patience: Patience::Wait }
    }

    /// The same with this patience.
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// Where the next batch starts.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next batch by its header alone.
    pub fn next(&mut self) -> io::Result<Step> {
        let position = self.position;
        let left = self.end.saturating_sub(position);
        if left == 0 {
            return Ok(Step::End);
        }
        if left < HEADER_BYTES as u64 {
            return Ok(bad(position, format!("{left} bytes are left, a batch header has {HEADER_BYTES}")));
        }
        let bytes = self.view(position, HEADER_BYTES)?;
        let header = match BatchHeader::parse(bytes) {
            Ok(header) => header,
            Err(e) => return Ok(bad(position, format!("batch header: {e}"))),
        };
        if header.size() as u64 > left {
            return Ok(bad(position, format!("the batch has {} bytes, {left} are left", header.size())));
        }
        self.position += header.size() as u64;
        Ok(Step::Batch { position, header })
    }

    /// The next batch, its CRC checked.
    pub fn next_checked(&mut self) -> io::Result<Step> {
        let step = self.next()?;
        if let Step::Batch { position, header } = &step
            && self.crc(*position, header)? != header.crc
        {
            self.position = *position;
            return Ok(bad(*position, format!("the CRC of the batch at offset {} does not match", header.base_offset)));
        }
        Ok(step)
    }

    /// The bytes of a batch.
    pub fn batch(&mut self, position: u64, header: &BatchHeader) -> io::Result<Bytes> {
        let mut bytes = vec![0; header.size()];
        if self.file.read_at(&mut bytes, position)? != bytes.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes.into())
    }

    fn crc(&mut self, position: u64, header: &BatchHeader) -> io::Result<u32> {
        let end = position + header.size() as u64;
        let mut at = position + CRC_START as u64;
        let mut crc = 0;
        while at < end {
            let n = (end - at).min(self.window_bytes as u64) as usize;
            crc = crc32c_append(crc, self.view(at, n)?);
            at += n as u64;
        }
        Ok(crc)
    }

    /// The file's bytes at `at..at + n`, where `n` is at most a window.
    fn view(&mut self, at: u64, n: usize) -> io::Result<&[u8]> {
        let window_end = self.window_start + self.window.len() as u64;
        if at < self.window_start || at + n as u64 > window_end {
            let len = (self.end - at).min(self.window_bytes.max(n) as u64) as usize;
            self.window.resize(len, 0);
            self.window_start = at;
            let read = self.patience.read_at(self.file, &mut self.window, at)?;
            self.window.truncate(read);
            if read < n {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let from = (at - self.window_start) as usize;
        Ok(&self.window[from..from + n])
    }
}

fn bad(position: u64, reason: String) -> Step {
    Step::Bad { position, reason }
}
