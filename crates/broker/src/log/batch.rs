//! The header of a record batch of format v2, as values: what the log's rules look at without touching the records.

use base::DecodeError;
use kafka_wire::records::{self, Attributes, RecordError};

pub use kafka_wire::records::batch::{CRC_START, HEADER_BYTES, LOG_OVERHEAD as LOG_OVERHEAD_BYTES, add_sequence};

const CODEC_MASK: i16 = 0x07;
const LOG_APPEND_TIME: i16 = 0x08;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;
const DELETE_HORIZON: i16 = 0x40;

/// A v2 batch header whose offsets can stand in a log: [`records::BatchHeader`] with those checks made, and flags as the
/// log's rules ask for them. Upstream: `DefaultRecordBatch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record. Outside the CRC; the leader sets it.
    pub base_offset: i64,
    /// Bytes after this field; the whole batch is 12 more.
    pub batch_length: i32,
    /// Epoch of the leader that appended it. Outside the CRC.
    pub leader_epoch: i32,
    /// CRC-32C of everything from the attributes on.
    pub crc: u32,
    /// Bits 0-2 codec, 3 log append time, 4 transactional, 5 control, 6 delete horizon set.
    pub attributes: i16,
    /// Last offset minus base offset; compaction keeps it.
    pub last_offset_delta: i32,
    /// Milliseconds; the first record's timestamp, or the delete horizon when bit 6 is set.
    pub base_timestamp: i64,
    /// Milliseconds; the greatest timestamp, or the append time when bit 3 is set; -1 for none.
    pub max_timestamp: i64,
    /// -1 when the producer is not idempotent.
    pub producer_id: i64,
    /// -1 when the producer is not idempotent.
    pub producer_epoch: i16,
    /// Sequence number of the first record; -1 for none.
    pub base_sequence: i32,
    /// Records inside; fewer than the offsets span after compaction.
    pub record_count: i32,
}

impl BatchHeader {
    /// Reads the header at the front of `bytes`; the records need not be there.
    ///
    /// # Errors
    /// `Truncated` below 61 bytes, `Invalid` for another magic than 2, `Unreasonable` for a length too small to hold
    /// the header itself or a last offset before the first.
    pub fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        let wire = records::BatchHeader::parse(bytes).map_err(|e| match e {
            RecordError::Truncated { wanted, left } => DecodeError::Truncated { wanted, left },
            RecordError::Magic(_) => DecodeError::Invalid("record batch magic (only format v2 is stored)"),
            _ => DecodeError::Unreasonable { what: "batch length", value: -1 },
        })?;
        let header = Self {
            base_offset: wire.base_offset,
            batch_length: wire.batch_length,
            leader_epoch: wire.partition_leader_epoch,
            crc: wire.crc,
            attributes: wire.attributes.0,
            last_offset_delta: wire.last_offset_delta,
            base_timestamp: wire.base_timestamp,
            max_timestamp: wire.max_timestamp,
            producer_id: wire.producer_id,
            producer_epoch: wire.producer_epoch,
            base_sequence: wire.base_sequence,
            record_count: wire.record_count,
        };
        let last = header.base_offset.checked_add(i64::from(header.last_offset_delta));
        // One less than the greatest value, so that the next offset is always a number.
        if header.base_offset < 0 || header.last_offset_delta < 0 || last.is_none_or(|last| last == i64::MAX) {
            return Err(DecodeError::Unreasonable {
                what: "last offset delta",
                value: header.last_offset_delta.into(),
            });
        }
        Ok(header)
    }

    /// The 61 bytes.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        records::BatchHeader {
            base_offset: self.base_offset,
            batch_length: self.batch_length,
            partition_leader_epoch: self.leader_epoch,
            crc: self.crc,
            attributes: Attributes(self.attributes),
            last_offset_delta: self.last_offset_delta,
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            base_sequence: self.base_sequence,
            record_count: self.record_count,
        }
        .encode()
    }

    /// Bytes of the whole batch, header included.
    pub fn size(&self) -> usize {
        LOG_OVERHEAD_BYTES + self.batch_length as usize
    }

    /// Offset of the last record (or where it was before compaction).
    pub fn last_offset(&self) -> i64 {
        self.base_offset + i64::from(self.last_offset_delta)
    }

    /// Offset of whatever comes after the batch.
    pub fn next_offset(&self) -> i64 {
        self.last_offset() + 1
    }

    /// 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd; 5 to 7 are no codec.
    pub fn codec(&self) -> u8 {
        (self.attributes & CODEC_MASK) as u8
    }

    /// Whether the timestamps are the broker's.
    pub fn is_log_append_time(&self) -> bool {
        self.attributes & LOG_APPEND_TIME != 0
    }

    /// Whether it belongs to a transaction.
    pub fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    /// Whether it holds a marker instead of data.
    pub fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    /// Whether the base timestamp is a delete horizon (KIP-534).
    pub fn has_delete_horizon(&self) -> bool {
        self.attributes & DELETE_HORIZON != 0
    }

    /// Sets the time to `now_ms` and says that it is the broker's. The CRC must be made anew after that.
    pub fn set_log_append_time(&mut self, now_ms: i64) {
        self.attributes |= LOG_APPEND_TIME;
        self.max_timestamp = now_ms;
    }

    /// Takes the claim back that the times are the broker's.
    pub fn set_create_time(&mut self) {
        self.attributes &= !LOG_APPEND_TIME;
    }

    /// Whether a producer id is given.
    pub fn has_producer_id(&self) -> bool {
        self.producer_id > -1
    }

    /// Sequence number of the last record; -1 when the batch has none. Wraps from 2^31-1 to 0.
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence == -1 { -1 } else { add_sequence(self.base_sequence, self.last_offset_delta) }
    }

    /// The CRC over this header's own values and `records`.
    pub fn compute_crc(&self, records: &[u8]) -> u32 {
        let header = self.encode();
        base::checksum::crc32c_append(base::checksum::crc32c(&header[CRC_START..]), records)
    }
}

/// The headers of the whole batches in `bytes`, in order; ends at the first one that is not whole.
///
/// # Errors
/// As [`BatchHeader::parse`] for a batch whose header is there and wrong.
pub fn headers(bytes: &[u8]) -> Result<Vec<BatchHeader>, DecodeError> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while rest.len() >= HEADER_BYTES {
        let header = BatchHeader::parse(rest)?;
        if header.size() > rest.len() {
            break;
        }
        rest = &rest[header.size()..];
        found.push(header);
    }
    Ok(found)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn header(base_offset: i64, count: i32) -> BatchHeader {
        BatchHeader {
            base_offset,
            batch_length: 49,
            leader_epoch: 0,
            crc: 0,
            attributes: 0,
            last_offset_delta: count - 1,
            base_timestamp: 1000,
            max_timestamp: 1000,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            record_count: count,
        }
    }

    #[test]
    fn encodes_what_it_parses() {
        let mut h = header(7, 3);
        h.crc = 0xdead_beef;
        h.attributes = 0x1b;
        assert_eq!(BatchHeader::parse(&h.encode()), Ok(h));
        assert_eq!((h.size(), h.last_offset(), h.next_offset(), h.codec()), (61, 9, 10, 3));
        assert!(h.is_log_append_time() && h.is_transactional() && !h.is_control());
    }

    #[test]
    fn refuses_what_would_mislead_the_log() {
        let good = header(0, 1).encode();
        assert!(matches!(BatchHeader::parse(&good[..60]), Err(DecodeError::Truncated { .. })));
        let mut bad = good;
        bad[16] = 1;
        assert!(matches!(BatchHeader::parse(&bad), Err(DecodeError::Invalid(_))));
        for (base, length, delta) in [(0, 48, 0), (0, -1, 0), (0, 49, -1), (-1, 49, 0), (i64::MAX, 49, 0)] {
            let h = BatchHeader { batch_length: length, last_offset_delta: delta, ..header(base, 1) };
            assert!(matches!(BatchHeader::parse(&h.encode()), Err(DecodeError::Unreasonable { .. })), "{h:?}");
        }
    }

    #[test]
    fn sequences_wrap_to_zero() {
        assert_eq!(add_sequence(i32::MAX, 1), 0);
        assert_eq!(add_sequence(i32::MAX - 1, 3), 1);
        assert_eq!(add_sequence(5, 0), 5);
    }
}
