//! The header of a record batch of format v2, as values: what the log's rules look at without touching the records.

use base::DecodeError;

/// Bytes of a v2 batch before its records.
pub const HEADER_BYTES: usize = 61;
/// Bytes of the base offset and the length, which the length does not count.
pub const LOG_OVERHEAD_BYTES: usize = 12;
/// Where the CRC's range begins: at the attributes.
pub const CRC_START: usize = 21;

const CODEC_MASK: i16 = 0x07;
const LOG_APPEND_TIME: i16 = 0x08;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;
const DELETE_HORIZON: i16 = 0x40;

/// A v2 batch header (61 bytes, big-endian: base offset i64, length i32, leader epoch i32, magic i8, crc u32,
/// attributes i16, last offset delta i32, base timestamp i64, max timestamp i64, producer id i64, producer epoch i16,
/// base sequence i32, record count i32). Upstream: `DefaultRecordBatch`.
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

fn i64_at(bytes: &[u8], at: usize) -> i64 {
    i64::from_be_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn i32_at(bytes: &[u8], at: usize) -> i32 {
    i32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn i16_at(bytes: &[u8], at: usize) -> i16 {
    i16::from_be_bytes(bytes[at..at + 2].try_into().expect("two bytes"))
}

impl BatchHeader {
    /// Reads the header at the front of `bytes`; the records need not be there.
    ///
    /// # Errors
    /// `Truncated` below 61 bytes, `Invalid` for another magic than 2, `Unreasonable` for a length too small to hold
    /// the header itself or a last offset before the first.
    pub fn parse(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() < HEADER_BYTES {
            return Err(DecodeError::Truncated { wanted: HEADER_BYTES, left: bytes.len() });
        }
        if bytes[16] != 2 {
            return Err(DecodeError::Invalid("record batch magic (only format v2 is stored)"));
        }
        let header = Self {
            base_offset: i64_at(bytes, 0),
            batch_length: i32_at(bytes, 8),
            leader_epoch: i32_at(bytes, 12),
            crc: i32_at(bytes, 17) as u32,
            attributes: i16_at(bytes, 21),
            last_offset_delta: i32_at(bytes, 23),
            base_timestamp: i64_at(bytes, 27),
            max_timestamp: i64_at(bytes, 35),
            producer_id: i64_at(bytes, 43),
            producer_epoch: i16_at(bytes, 51),
            base_sequence: i32_at(bytes, 53),
            record_count: i32_at(bytes, 57),
        };
        if header.batch_length < (HEADER_BYTES - LOG_OVERHEAD_BYTES) as i32 {
            return Err(DecodeError::Unreasonable { what: "batch length", value: i64::from(header.batch_length) });
        }
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
        let mut out = [0; HEADER_BYTES];
        out[0..8].copy_from_slice(&self.base_offset.to_be_bytes());
        out[8..12].copy_from_slice(&self.batch_length.to_be_bytes());
        out[12..16].copy_from_slice(&self.leader_epoch.to_be_bytes());
        out[16] = 2;
        out[17..21].copy_from_slice(&self.crc.to_be_bytes());
        out[21..23].copy_from_slice(&self.attributes.to_be_bytes());
        out[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        out[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        out[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        out[43..51].copy_from_slice(&self.producer_id.to_be_bytes());
        out[51..53].copy_from_slice(&self.producer_epoch.to_be_bytes());
        out[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        out[57..61].copy_from_slice(&self.record_count.to_be_bytes());
        out
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

/// `sequence + increment` in the space 0..=2^31-1 (upstream: `DefaultRecordBatch.incrementSequence`).
pub fn add_sequence(sequence: i32, increment: i32) -> i32 {
    ((i64::from(sequence) + i64::from(increment)) & 0x7fff_ffff) as i32
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
