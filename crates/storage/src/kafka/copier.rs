//! A log's copy on its way to another log folder (upstream: the future log of `ReplicaAlterLogDirsThread`, KIP-113):
//! whole batches as the log gives them, with indexes, aborted transactions and producers of its own.

use std::io;

use broker::log::{BatchHeader, ProducerState};
use broker::shard::LogAppend;
use bytes::Bytes;

use super::damaged;
use super::log::Log;
use super::producers::{aborted_by, end_txn_marker};
use crate::disk::Disk;

/// See the module.
pub struct Copier<D: Disk> {
    log: Log<D>,
    producers: ProducerState,
}

impl<D: Disk> Copier<D> {
    /// Fills a log that [`super::LogDir::create_future`] has made.
    pub fn new(log: Log<D>) -> Self {
        let producers = ProducerState::new(log.log_end_offset());
        Self { log, producers }
    }

    /// The copy as far as it is.
    pub fn log(&self) -> &Log<D> {
        &self.log
    }

    /// The same, to change its configuration.
    pub fn log_mut(&mut self) -> &mut Log<D> {
        &mut self.log
    }

    /// Takes the batches in `bytes`, which are read from the copied log; one that is cut off at the end is left out. May
    /// wait for the disk.
    ///
    /// # Errors
    /// `InvalidData` when the log gives something that is no batch, or one with a wrong CRC; else as [`Log::append`].
    pub fn append(&mut self, bytes: &Bytes, now_ms: i64) -> io::Result<()> {
        let mut rest = bytes.clone();
        while !rest.is_empty() {
            let Ok(header) = BatchHeader::parse(&rest) else {
                // Less than a header is a batch cut off; anything else should not be in a log.
                return if rest.len() < broker::log::batch::HEADER_BYTES { Ok(()) } else { Err(self.bad(&rest)) };
            };
            if header.size() > rest.len() {
                return Ok(());
            }
            let batch = rest.split_to(header.size());
            if header.compute_crc(&batch[broker::log::batch::HEADER_BYTES..]) != header.crc {
                return Err(self.bad(&batch));
            }
            self.append_one(batch, header, now_ms)?;
        }
        Ok(())
    }

    fn append_one(&mut self, batch: Bytes, header: BatchHeader, now_ms: i64) -> io::Result<()> {
        // A fetch begins with the batch that holds its offset.
        if header.next_offset() <= self.log.log_end_offset() {
            return Ok(());
        }
        let marker = if header.is_control() { end_txn_marker(&batch) } else { None };
        self.log.append(&LogAppend { pieces: vec![batch], header }, now_ms, &self.producers)?;
        if let Some(aborted) = aborted_by(&mut self.producers, &header, marker) {
            self.log.append_aborted(aborted)?;
        }
        Ok(())
    }

    /// The log holds nothing more below `offset`, which is its end: its last batches were compacted away.
    ///
    /// # Errors
    /// As the disk reports them.
    pub fn end_at(&mut self, offset: i64, now_ms: i64) -> io::Result<()> {
        self.producers.advance_end_offset(offset);
        self.log.skip_to(offset, now_ms, &self.producers)
    }

    /// The copy as a log of its own, which the owner of the copied one keeps equal to it from now on.
    pub fn into_log(self) -> Log<D> {
        self.log
    }

    fn bad(&self, bytes: &[u8]) -> io::Error {
        let at = self.log.log_end_offset();
        let what = format!("what was read to be copied behind offset {at} is no sound batch ({} bytes)", bytes.len());
        damaged(self.log.dir().as_ref(), what)
    }
}
