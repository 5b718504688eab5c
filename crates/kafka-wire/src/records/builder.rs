//! Makes batches: for coordinators' records, control records, recompression and tests.

use base::checksum;
use bytes::{BufMut as _, Bytes, BytesMut};

use super::batch::{Attributes, BatchHeader, CRC_START, HEADER_BYTES, LOG_OVERHEAD, TimestampType};
use super::compress::{self, Compression};

/// A record to be added.
#[derive(Clone, Copy, Debug, Default)]
pub struct NewRecord<'a> {
    /// Milliseconds; -1 for none.
    pub timestamp: i64,
    /// Null or bytes.
    pub key: Option<&'a [u8]>,
    /// Null (a tombstone) or bytes.
    pub value: Option<&'a [u8]>,
    /// Names and values, in order.
    pub headers: &'a [(&'a [u8], Option<&'a [u8]>)],
}

/// Collects records into one batch. Without producer, epoch, sequence and offset they are what a plain producer sends.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    header: BatchHeader,
    compression: Compression,
    level: Option<i32>,
    records: BytesMut,
}

impl BatchBuilder {
    /// An empty batch whose records will be compressed like this.
    pub fn new(compression: Compression) -> Self {
        let header = BatchHeader {
            base_offset: 0,
            batch_length: 0,
            partition_leader_epoch: -1,
            crc: 0,
            attributes: Attributes::default().with_compression(compression),
            last_offset_delta: -1,
            base_timestamp: -1,
            max_timestamp: -1,
            producer_id: -1,
            producer_epoch: -1,
            base_sequence: -1,
            record_count: 0,
        };
        Self { header, compression, level: None, records: BytesMut::new() }
    }

    /// Sets the level of the compression; without one it is the codec's default.
    #[must_use]
    pub fn level(mut self, level: Option<i32>) -> Self {
        self.level = level;
        self
    }

    /// Sets the offset of the first record.
    #[must_use]
    pub fn base_offset(mut self, offset: i64) -> Self {
        self.header.base_offset = offset;
        self
    }

    /// Sets the epoch of the leader that appends it.
    #[must_use]
    pub fn partition_leader_epoch(mut self, epoch: i32) -> Self {
        self.header.partition_leader_epoch = epoch;
        self
    }

    /// Sets who produces it. `base_sequence` is -1 for what has no sequence, such as markers.
    #[must_use]
    pub fn producer(mut self, id: i64, epoch: i16, base_sequence: i32) -> Self {
        (self.header.producer_id, self.header.producer_epoch, self.header.base_sequence) = (id, epoch, base_sequence);
        self
    }

    /// Makes it part of a transaction.
    #[must_use]
    pub fn transactional(mut self) -> Self {
        self.header.attributes = self.header.attributes.with_transactional(true);
        self
    }

    /// Makes it a control batch.
    #[must_use]
    pub fn control(mut self) -> Self {
        self.header.attributes = self.header.attributes.with_control(true);
        self
    }

    /// Gives all records the broker's time.
    #[must_use]
    pub fn log_append_time(mut self, append_time_ms: i64) -> Self {
        self.header.attributes = self.header.attributes.with_timestamp_type(TimestampType::LogAppend);
        self.header.max_timestamp = append_time_ms;
        self
    }

    /// Sets the time from which compaction may drop its tombstones.
    #[must_use]
    pub fn delete_horizon(mut self, horizon_ms: i64) -> Self {
        self.header.attributes = self.header.attributes.with_delete_horizon(true);
        self.header.base_timestamp = horizon_ms;
        self
    }

    /// Adds a record at the next offset.
    pub fn add(&mut self, record: NewRecord<'_>) {
        self.add_at(self.header.last_offset_delta + 1, record);
    }

    /// Adds a record at this distance from the base offset, which may leave a gap: what compaction and conversion need.
    pub fn add_at(&mut self, offset_delta: i32, record: NewRecord<'_>) {
        assert!(offset_delta > self.header.last_offset_delta, "records are added in the order of their offsets");
        if self.header.record_count == 0 && !self.header.attributes.has_delete_horizon() {
            self.header.base_timestamp = record.timestamp;
        }
        self.header.record_count += 1;
        self.header.last_offset_delta = offset_delta;
        if self.header.attributes.timestamp_type() == TimestampType::Create {
            self.header.max_timestamp = self.header.max_timestamp.max(record.timestamp);
        }
        let timestamp_delta = record.timestamp.wrapping_sub(self.header.base_timestamp);
        let out = &mut self.records;
        put_varint(out, body_bytes(&record, timestamp_delta, offset_delta) as i64);
        out.put_u8(0);
        put_varint(out, timestamp_delta);
        put_varint(out, i64::from(offset_delta));
        put_opt_bytes(out, record.key);
        put_opt_bytes(out, record.value);
        put_varint(out, record.headers.len() as i64);
        for (name, value) in record.headers {
            put_opt_bytes(out, Some(name));
            put_opt_bytes(out, *value);
        }
    }

    /// Records added.
    pub fn len(&self) -> usize {
        self.header.record_count as usize
    }

    /// Whether no record was added.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of the batch if it were finished now and did not compress.
    pub fn size_bytes(&self) -> usize {
        HEADER_BYTES + self.records.len()
    }

    /// The batch, which ends at this distance from its base offset although its last record may be gone.
    ///
    /// # Panics
    /// When it is larger than 2 GiB, or a record lies behind that end.
    pub fn finish_at(mut self, last_offset_delta: i32) -> Bytes {
        assert!(last_offset_delta >= self.header.last_offset_delta, "a batch ends at or behind its last record");
        self.header.last_offset_delta = last_offset_delta;
        self.finish()
    }

    /// The batch.
    ///
    /// # Panics
    /// When it is larger than 2 GiB.
    pub fn finish(mut self) -> Bytes {
        let records = match self.compression {
            Compression::None => self.records.freeze(),
            codec => Bytes::from(compress::compress_at(codec, self.level, &self.records)),
        };
        let length = HEADER_BYTES - LOG_OVERHEAD + records.len();
        self.header.batch_length = i32::try_from(length).expect("a batch is shorter than 2 GiB");
        if self.header.record_count == 0 {
            self.header.last_offset_delta = 0;
        }
        let mut out = BytesMut::with_capacity(HEADER_BYTES + records.len());
        out.put_slice(&self.header.encode());
        out.put(records);
        let crc = checksum::crc32c(&out[CRC_START..]);
        out[17..21].copy_from_slice(&crc.to_be_bytes());
        out.freeze()
    }
}

fn body_bytes(record: &NewRecord<'_>, timestamp_delta: i64, offset_delta: i32) -> usize {
    let opt = |bytes: Option<&[u8]>| bytes.map_or(1, |b| varint_bytes(b.len() as i64) + b.len());
    let headers: usize = record.headers.iter().map(|(name, value)| opt(Some(name)) + opt(*value)).sum();
    1 + varint_bytes(timestamp_delta)
        + varint_bytes(i64::from(offset_delta))
        + opt(record.key)
        + opt(record.value)
        + varint_bytes(record.headers.len() as i64)
        + headers
}

fn zigzag(x: i64) -> u64 {
    (x << 1 ^ x >> 63) as u64
}

fn varint_bytes(x: i64) -> usize {
    (64 - (zigzag(x) | 1).leading_zeros() as usize).div_ceil(7)
}

fn put_varint(out: &mut BytesMut, x: i64) {
    let mut x = zigzag(x);
    while x >= 0x80 {
        out.put_u8(x as u8 | 0x80);
        x >>= 7;
    }
    out.put_u8(x as u8);
}

fn put_opt_bytes(out: &mut BytesMut, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => {
            put_varint(out, bytes.len() as i64);
            out.put_slice(bytes);
        }
        None => put_varint(out, -1),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Batch;
    use super::*;

    #[test]
    fn sizes_of_numbers() {
        for (x, bytes) in [
            (0, 1),
            (-1, 1),
            (63, 1),
            (-64, 1),
            (64, 2),
            (-65, 2),
            (8191, 2),
            (8192, 3),
            (i64::MAX, 10),
            (i64::MIN, 10),
        ] {
            let mut out = BytesMut::new();
            put_varint(&mut out, x);
            assert_eq!((out.len(), varint_bytes(x)), (bytes, bytes), "{x}");
        }
    }

    #[test]
    fn every_codec_and_gaps_between_offsets() {
        for compression in Compression::ALL {
            let mut builder = BatchBuilder::new(compression).base_offset(100).producer(5, 1, 7).transactional();
            for delta in [0, 3, 9] {
                let value = vec![delta as u8; 3000];
                builder.add_at(
                    delta,
                    NewRecord { timestamp: 50 - i64::from(delta), value: Some(&value), ..Default::default() },
                );
            }
            let batch = Batch::parse(&builder.finish()).unwrap();
            batch.check_crc().unwrap();
            assert_eq!(batch.header.attributes.compression(), Ok(compression));
            assert!(compression == Compression::None || batch.bytes.len() < 3000);
            assert_eq!(
                (batch.header.last_offset(), batch.header.last_sequence(), batch.header.max_timestamp),
                (109, 16, 50)
            );
            let offsets: Vec<_> =
                batch.records(1 << 20).unwrap().map(|r| r.unwrap()).map(|r| (r.offset, r.timestamp)).collect();
            assert_eq!(offsets, [(100, 50), (103, 47), (109, 41)]);
        }
    }

    #[test]
    fn an_empty_batch_is_a_batch() {
        let batch = Batch::parse(&BatchBuilder::new(Compression::None).base_offset(7).finish()).unwrap();
        batch.check_crc().unwrap();
        assert_eq!((batch.header.record_count, batch.header.last_offset()), (0, 7));
        assert_eq!(batch.records(0).unwrap().count(), 0);
    }
}
