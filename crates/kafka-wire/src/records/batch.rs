//! Batches of format 2 (KIP-98): a 61-byte header that is read alone, and records behind it.
//!
//! | offset | bytes | field |   | offset | bytes | field |
//! |---:|---:|---|---|---:|---:|---|
//! | 0 | 8 | base offset | | 27 | 8 | base timestamp, or delete horizon |
//! | 8 | 4 | length of what follows | | 35 | 8 | max timestamp |
//! | 12 | 4 | partition leader epoch | | 43 | 8 | producer id |
//! | 16 | 1 | magic | | 51 | 2 | producer epoch |
//! | 17 | 4 | CRC-32C of 21.. | | 53 | 4 | base sequence |
//! | 21 | 2 | attributes | | 57 | 4 | record count |
//! | 23 | 4 | last offset delta | | 61 | | records |
//!
//! The leader sets base offset and leader epoch, which the checksum leaves out for this reason.

use base::checksum;
use bytes::Bytes;

use super::RecordError;
use super::compress::{self, Compression};

/// Bytes of base offset and length: what [`BatchHeader::batch_length`] does not count.
pub const LOG_OVERHEAD: usize = 12;
/// Bytes of a batch before its records.
pub const HEADER_BYTES: usize = 61;
/// The first byte under the checksum.
pub const CRC_START: usize = 21;
/// Position of the byte that tells the record format, in all three of them.
pub const MAGIC_AT: usize = 16;
/// No producer id, epoch or sequence.
pub const NO_PRODUCER: i64 = -1;

/// What the timestamps of a batch mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's.
    Create,
    /// The broker's, one for the whole batch.
    LogAppend,
}

/// The attribute bits of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes(pub i16);

impl Attributes {
    const TIMESTAMP_TYPE: i16 = 1 << 3;
    const TRANSACTIONAL: i16 = 1 << 4;
    const CONTROL: i16 = 1 << 5;
    const DELETE_HORIZON: i16 = 1 << 6;

    /// The codec of the records.
    ///
    /// # Errors
    /// [`RecordError::UnknownCompression`] for numbers 5 to 7.
    pub fn compression(self) -> Result<Compression, RecordError> {
        Compression::from_bits(self.0 as u8 & 7)
    }

    /// What the timestamps mean.
    pub fn timestamp_type(self) -> TimestampType {
        if self.0 & Self::TIMESTAMP_TYPE == 0 { TimestampType::Create } else { TimestampType::LogAppend }
    }

    /// Part of a transaction, or a marker that ends one.
    pub fn is_transactional(self) -> bool {
        self.0 & Self::TRANSACTIONAL != 0
    }

    /// Holds a control record, which consumers skip.
    pub fn is_control(self) -> bool {
        self.0 & Self::CONTROL != 0
    }

    /// The base timestamp is the time from which compaction may drop tombstones and markers.
    pub fn has_delete_horizon(self) -> bool {
        self.0 & Self::DELETE_HORIZON != 0
    }

    /// The same with another codec.
    pub fn with_compression(self, compression: Compression) -> Self {
        Self(self.0 & !7 | i16::from(compression.bits()))
    }

    /// The same with another meaning of timestamps.
    pub fn with_timestamp_type(self, kind: TimestampType) -> Self {
        Self(self.0 & !Self::TIMESTAMP_TYPE | if kind == TimestampType::LogAppend { Self::TIMESTAMP_TYPE } else { 0 })
    }

    /// The same, part of a transaction or not.
    pub fn with_transactional(self, yes: bool) -> Self {
        Self(self.0 & !Self::TRANSACTIONAL | if yes { Self::TRANSACTIONAL } else { 0 })
    }

    /// The same, with a delete horizon for base timestamp or without.
    pub fn with_delete_horizon(self, yes: bool) -> Self {
        Self(self.0 & !Self::DELETE_HORIZON | if yes { Self::DELETE_HORIZON } else { 0 })
    }

    /// The same, control or not.
    pub fn with_control(self, yes: bool) -> Self {
        Self(self.0 & !Self::CONTROL | if yes { Self::CONTROL } else { 0 })
    }
}

/// A batch without its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record (0 from a producer).
    pub base_offset: i64,
    /// Bytes after this field: the batch's size less [`LOG_OVERHEAD`].
    pub batch_length: i32,
    /// Epoch of the leader that appended it (-1 from a producer).
    pub partition_leader_epoch: i32,
    /// CRC-32C of everything from the attributes on.
    pub crc: u32,
    /// Codec, timestamp type, transactional, control.
    pub attributes: Attributes,
    /// Offset of the last record that there ever was, from the base offset; compaction keeps it.
    pub last_offset_delta: i32,
    /// Milliseconds; what the records' timestamps add to. See [`Attributes::has_delete_horizon`].
    pub base_timestamp: i64,
    /// Milliseconds; the greatest timestamp of a record, or the append time.
    pub max_timestamp: i64,
    /// -1 for none.
    pub producer_id: i64,
    /// -1 for none.
    pub producer_epoch: i16,
    /// Sequence number of the first record; -1 for none.
    pub base_sequence: i32,
    /// Records in it; 0 after compaction took them all.
    pub record_count: i32,
}

impl BatchHeader {
    /// Reads the header that `bytes` begin with. The records need not be there.
    ///
    /// # Errors
    /// Fewer than 61 bytes (17 suffice to notice an older format), another magic, or a length that no batch has.
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        if bytes.len() > MAGIC_AT && bytes[MAGIC_AT] != 2 {
            return Err(RecordError::Magic(bytes[MAGIC_AT] as i8));
        }
        let Some(b) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Err(RecordError::Truncated { wanted: HEADER_BYTES, left: bytes.len() });
        };
        let header = Self {
            base_offset: i64::from_be_bytes(at(b, 0)),
            batch_length: i32::from_be_bytes(at(b, 8)),
            partition_leader_epoch: i32::from_be_bytes(at(b, 12)),
            crc: u32::from_be_bytes(at(b, 17)),
            attributes: Attributes(i16::from_be_bytes(at(b, 21))),
            last_offset_delta: i32::from_be_bytes(at(b, 23)),
            base_timestamp: i64::from_be_bytes(at(b, 27)),
            max_timestamp: i64::from_be_bytes(at(b, 35)),
            producer_id: i64::from_be_bytes(at(b, 43)),
            producer_epoch: i16::from_be_bytes(at(b, 51)),
            base_sequence: i32::from_be_bytes(at(b, 53)),
            record_count: i32::from_be_bytes(at(b, 57)),
        };
        if header.batch_length < (HEADER_BYTES - LOG_OVERHEAD) as i32 {
            return Err(RecordError::Corrupt("length shorter than the header"));
        }
        Ok(header)
    }

    /// The 61 bytes of this header.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[0..8].copy_from_slice(&self.base_offset.to_be_bytes());
        out[8..12].copy_from_slice(&self.batch_length.to_be_bytes());
        out[12..16].copy_from_slice(&self.partition_leader_epoch.to_be_bytes());
        out[16] = 2;
        out[17..21].copy_from_slice(&self.crc.to_be_bytes());
        out[21..23].copy_from_slice(&self.attributes.0.to_be_bytes());
        out[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        out[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        out[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        out[43..51].copy_from_slice(&self.producer_id.to_be_bytes());
        out[51..53].copy_from_slice(&self.producer_epoch.to_be_bytes());
        out[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        out[57..61].copy_from_slice(&self.record_count.to_be_bytes());
        out
    }

    /// Bytes of the whole batch.
    pub fn size_bytes(&self) -> usize {
        // `parse` refuses what is negative.
        LOG_OVERHEAD + self.batch_length.max(0) as usize
    }

    /// Offset of the last record.
    pub fn last_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.last_offset_delta))
    }

    /// Offset after the last record.
    pub fn next_offset(&self) -> i64 {
        self.last_offset().saturating_add(1)
    }

    /// Whether a producer id is set.
    pub fn has_producer_id(&self) -> bool {
        self.producer_id != NO_PRODUCER
    }

    /// Sequence number of the last record; -1 without one.
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence < 0 { -1 } else { add_sequence(self.base_sequence, self.last_offset_delta) }
    }

    /// The time from which compaction may drop what this batch deletes.
    pub fn delete_horizon_ms(&self) -> Option<i64> {
        self.attributes.has_delete_horizon().then_some(self.base_timestamp)
    }
}

/// A sequence number later by `delta`: after 2^31 - 1 comes 0.
pub fn add_sequence(sequence: i32, delta: i32) -> i32 {
    ((i64::from(sequence) + i64::from(delta)) & i64::from(i32::MAX)) as i32
}

/// The offset a batch will have: overwrites bytes 0 to 8, which the checksum does not cover.
pub fn set_base_offset(batch: &mut [u8], base_offset: i64) {
    batch[0..8].copy_from_slice(&base_offset.to_be_bytes());
}

/// The epoch of the leader that appends it: overwrites bytes 12 to 16, which the checksum does not cover.
pub fn set_partition_leader_epoch(batch: &mut [u8], epoch: i32) {
    batch[12..16].copy_from_slice(&epoch.to_be_bytes());
}

/// Makes the timestamps of a whole batch the broker's, and renews the checksum.
pub fn set_log_append_time(batch: &mut [u8], append_time_ms: i64) {
    let attributes = Attributes(i16::from_be_bytes([batch[21], batch[22]]));
    batch[21..23].copy_from_slice(&attributes.with_timestamp_type(TimestampType::LogAppend).0.to_be_bytes());
    batch[35..43].copy_from_slice(&append_time_ms.to_be_bytes());
    let crc = checksum::crc32c(&batch[CRC_START..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
}

/// A whole batch; the bytes share the frame's or the segment's memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// What its first 61 bytes say.
    pub header: BatchHeader,
    /// All of it, header included.
    pub bytes: Bytes,
}

impl Batch {
    /// The batch that `bytes` begin with.
    ///
    /// # Errors
    /// See [`BatchHeader::parse`]; or the records are not all there.
    pub fn parse(bytes: &Bytes) -> Result<Self, RecordError> {
        let header = BatchHeader::parse(bytes)?;
        let size = header.size_bytes();
        if size > bytes.len() {
            return Err(RecordError::Truncated { wanted: size, left: bytes.len() });
        }
        Ok(Self { header, bytes: bytes.slice(..size) })
    }

    /// Computes the checksum and compares it with the header's.
    ///
    /// # Errors
    /// [`RecordError::Crc`].
    pub fn check_crc(&self) -> Result<(), RecordError> {
        let computed = checksum::crc32c(&self.bytes[CRC_START..]);
        if computed == self.header.crc {
            return Ok(());
        }
        Err(RecordError::Crc { stated: self.header.crc, computed })
    }

    /// The records, decompressed into at most `limit_bytes`.
    ///
    /// # Errors
    /// A codec that there is not, bytes that do not decompress, or more than the limit.
    pub fn records(&self, limit_bytes: usize) -> Result<Records, RecordError> {
        let compression = self.header.attributes.compression()?;
        let raw = self.bytes.slice(HEADER_BYTES..);
        let bytes = match compression {
            Compression::None => raw,
            _ => compress::decompress(compression, &raw, limit_bytes)?.into(),
        };
        Ok(Records { header: self.header, bytes, at: 0, left: self.header.record_count.max(0) })
    }
}

/// The batches in a run of bytes, such as a produce request's records or a piece of a segment.
#[derive(Clone, Debug)]
pub struct Batches {
    rest: Bytes,
}

impl Batches {
    /// The batches of these bytes.
    pub fn new(bytes: Bytes) -> Self {
        Self { rest: bytes }
    }

    /// Bytes not yet taken. After an error, those that it was found in.
    pub fn rest(&self) -> &Bytes {
        &self.rest
    }
}

impl Iterator for Batches {
    type Item = Result<Batch, RecordError>;

    /// The next batch. An error repeats: what follows a broken batch cannot be found.
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let batch = Batch::parse(&self.rest);
        if let Ok(batch) = &batch {
            self.rest = self.rest.slice(batch.bytes.len()..);
        }
        Some(batch)
    }
}

/// A record; its parts share the memory of the (decompressed) batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its place in the partition.
    pub offset: i64,
    /// Milliseconds; -1 for none.
    pub timestamp: i64,
    /// Null or bytes.
    pub key: Option<Bytes>,
    /// Null (a tombstone) or bytes.
    pub value: Option<Bytes>,
    headers: Bytes,
}

impl Record {
    /// Names and values of its headers, in order; a name may occur more than once (KIP-82). The name is bytes that should
    /// be UTF-8.
    pub fn headers(&self) -> impl Iterator<Item = (Bytes, Option<Bytes>)> + '_ {
        let mut at = 0;
        core::iter::from_fn(move || {
            if at == self.headers.len() {
                return None;
            }
            let mut cursor = Cursor { bytes: &self.headers, at };
            // They were walked when the record was read.
            let key = cursor.opt_bytes().ok().flatten()?;
            let value = cursor.opt_bytes().ok()?;
            at = cursor.at;
            Some((key, value))
        })
    }
}

/// The records of one batch, decoded one at a time.
#[derive(Clone, Debug)]
pub struct Records {
    header: BatchHeader,
    bytes: Bytes,
    at: usize,
    left: i32,
}

impl Iterator for Records {
    type Item = Result<Record, RecordError>;

    /// The next record; nothing follows an error. Bytes left over after the stated count are an error.
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            if self.at < self.bytes.len() {
                self.at = self.bytes.len();
                return Some(Err(RecordError::Corrupt("bytes after the last record")));
            }
            return None;
        }
        let record = self.read();
        match &record {
            Ok(_) => self.left -= 1,
            Err(_) => (self.left, self.at) = (0, self.bytes.len()),
        }
        Some(record)
    }
}

impl Records {
    fn read(&mut self) -> Result<Record, RecordError> {
        let mut outer = Cursor { bytes: &self.bytes, at: self.at };
        let length = outer.varint()?;
        let start = outer.at;
        let end =
            usize::try_from(length).ok().and_then(|n| start.checked_add(n)).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or(RecordError::Corrupt("length of a record"))?;
        // The record's own bytes bound every length in it.
        let body = self.bytes.slice(start..end);
        let mut cursor = Cursor { bytes: &body, at: 0 };
        cursor.u8()?;
        let timestamp_delta = cursor.varlong()?;
        let offset_delta = cursor.varint()?;
        let key = cursor.opt_bytes()?;
        let value = cursor.opt_bytes()?;
        let header_count = cursor.varint()?;
        let headers_at = cursor.at;
        // Each takes two bytes at least.
        if header_count < 0 || header_count as usize > body.len() / 2 {
            return Err(RecordError::Corrupt("count of headers"));
        }
        for _ in 0..header_count {
            cursor.opt_bytes()?.ok_or(RecordError::Corrupt("header without a name"))?;
            cursor.opt_bytes()?;
        }
        if cursor.at != body.len() {
            return Err(RecordError::Corrupt("bytes after the headers of a record"));
        }
        self.at = end;
        let timestamp = match self.header.attributes.timestamp_type() {
            TimestampType::Create => self.header.base_timestamp.wrapping_add(timestamp_delta),
            TimestampType::LogAppend => self.header.max_timestamp,
        };
        Ok(Record {
            offset: self.header.base_offset.wrapping_add(i64::from(offset_delta)),
            timestamp,
            key,
            value,
            headers: body.slice(headers_at..),
        })
    }
}

/// Reads the variable-length numbers of records.
struct Cursor<'a> {
    bytes: &'a Bytes,
    at: usize,
}

impl Cursor<'_> {
    fn u8(&mut self) -> Result<u8, RecordError> {
        let byte = self.bytes.get(self.at).copied();
        self.at += 1;
        byte.ok_or(RecordError::Truncated { wanted: 1, left: 0 })
    }

    fn unsigned(&mut self, most_bytes: u32) -> Result<u64, RecordError> {
        let mut value = 0u64;
        for index in 0..most_bytes {
            let byte = self.u8()?;
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(RecordError::Corrupt("variable-length number"))
    }

    fn varint(&mut self) -> Result<i32, RecordError> {
        let x = self.unsigned(5)? as u32;
        Ok((x >> 1) as i32 ^ -((x & 1) as i32))
    }

    fn varlong(&mut self) -> Result<i64, RecordError> {
        let x = self.unsigned(10)?;
        Ok((x >> 1) as i64 ^ -((x & 1) as i64))
    }

    fn opt_bytes(&mut self) -> Result<Option<Bytes>, RecordError> {
        let length = self.varint()?;
        if length < 0 {
            return Ok(None);
        }
        let end = self.at.checked_add(length as usize).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or(RecordError::Truncated { wanted: length as usize, left: self.bytes.len() - self.at })?;
        let slice = self.bytes.slice(self.at..end);
        self.at = end;
        Ok(Some(slice))
    }
}

fn at<const N: usize>(bytes: &[u8; HEADER_BYTES], start: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[start..start + N]);
    out
}

#[cfg(test)]
mod tests {
    use super::super::{BatchBuilder, NewRecord};
    use super::*;

    fn two_records() -> BatchBuilder {
        let mut builder = BatchBuilder::new(Compression::None);
        builder.add(NewRecord { timestamp: 1000, key: Some(b"k"), value: Some(b"v1"), headers: &[] });
        let headers: &[(&[u8], Option<&[u8]>)] = &[(b"h", Some(b"1")), (b"h", None)];
        builder.add(NewRecord { timestamp: 1005, key: None, value: None, headers });
        builder
    }

    #[test]
    fn the_bytes_are_those_of_the_format() {
        let bytes = two_records().finish();
        let expected = [
            &[0; 8][..],
            &[0, 0, 0, 73, 0xff, 0xff, 0xff, 0xff, 2],
            &bytes[17..21],
            &[0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 0xe8, 0, 0, 0, 0, 0, 0, 3, 0xed],
            &[0xff; 14],
            &[0, 0, 0, 2],
            &[18, 0, 0, 0, 2, b'k', 4, b'v', b'1', 0],
            &[26, 0, 10, 2, 1, 1, 4, 2, b'h', 2, b'1', 2, b'h', 1],
        ]
        .concat();
        assert_eq!(bytes[..], expected[..]);
    }

    #[test]
    fn a_batch_comes_back_as_it_was_built() {
        let batch = Batch::parse(&two_records().base_offset(40).finish()).unwrap();
        batch.check_crc().unwrap();
        assert_eq!((batch.header.last_offset(), batch.header.next_offset()), (41, 42));
        assert_eq!((batch.header.base_timestamp, batch.header.max_timestamp), (1000, 1005));
        let records: Vec<_> = batch.records(1 << 20).unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!((records[0].offset, records[0].timestamp), (40, 1000));
        assert_eq!((records[0].key.as_deref(), records[0].value.as_deref()), (Some(&b"k"[..]), Some(&b"v1"[..])));
        assert_eq!((records[1].offset, records[1].timestamp, records[1].value.clone()), (41, 1005, None));
        let headers: Vec<_> = records[1].headers().collect();
        assert_eq!(headers, [("h".into(), Some("1".into())), ("h".into(), None)], "a name may occur twice");
        assert_eq!(BatchHeader::parse(&batch.header.encode()).unwrap(), batch.header);
    }

    #[test]
    fn what_the_leader_changes_keeps_the_checksum_true() {
        let mut bytes = two_records().finish().to_vec();
        set_base_offset(&mut bytes, 1 << 40);
        set_partition_leader_epoch(&mut bytes, 9);
        let batch = Batch::parse(&Bytes::from(bytes.clone())).unwrap();
        batch.check_crc().unwrap();
        assert_eq!((batch.header.base_offset, batch.header.partition_leader_epoch), (1 << 40, 9));
        set_log_append_time(&mut bytes, 777);
        let batch = Batch::parse(&Bytes::from(bytes)).unwrap();
        batch.check_crc().unwrap();
        assert_eq!(batch.header.attributes.timestamp_type(), TimestampType::LogAppend);
        assert!(batch.records(1 << 20).unwrap().all(|record| record.unwrap().timestamp == 777));
    }

    #[test]
    fn broken_batches_are_told_apart() {
        let good = two_records().finish();
        let parse = |bytes: &[u8]| Batch::parse(&Bytes::copy_from_slice(bytes)).map(|_| ());
        assert_eq!(parse(&good[..60]), Err(RecordError::Truncated { wanted: 61, left: 60 }));
        let cut = good.len() - 1;
        assert_eq!(parse(&good[..cut]), Err(RecordError::Truncated { wanted: good.len(), left: cut }));
        let mut old = good.to_vec();
        old[16] = 1;
        assert_eq!(parse(&old[..20]), Err(RecordError::Magic(1)));
        let mut short = good.to_vec();
        short[8..12].copy_from_slice(&48i32.to_be_bytes());
        assert!(matches!(parse(&short), Err(RecordError::Corrupt(_))));
        let mut flipped = good.to_vec();
        *flipped.last_mut().unwrap() ^= 1;
        let flipped = Batch::parse(&flipped.into()).unwrap();
        assert!(matches!(flipped.check_crc(), Err(RecordError::Crc { .. })));
    }

    #[test]
    fn no_byte_of_the_records_makes_the_walk_fail_badly() {
        let good = two_records().finish();
        for at in HEADER_BYTES - 4..good.len() {
            for value in [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff] {
                let mut bytes = good.to_vec();
                bytes[at] = value;
                let batch = Batch::parse(&bytes.into()).unwrap();
                assert!(batch.records(1 << 20).unwrap().count() <= 3);
            }
        }
    }

    #[test]
    fn sequences_wrap_to_zero() {
        assert_eq!(add_sequence(i32::MAX, 1), 0);
        assert_eq!(add_sequence(i32::MAX - 1, 3), 1);
        assert_eq!(add_sequence(5, 3), 8);
    }
}
