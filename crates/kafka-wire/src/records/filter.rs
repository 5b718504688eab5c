//! What compaction leaves of a batch (upstream: `MemoryRecords.filterTo`).

use bytes::Bytes;

use super::RecordError;
use super::batch::{Attributes, Batch, BatchHeader, HEADER_BYTES, LOG_OVERHEAD, Record, TimestampType};
use super::builder::{BatchBuilder, NewRecord};
use super::compress::Compression;

/// What is left.
#[derive(Clone, Debug, PartialEq)]
pub enum Kept {
    /// All of it, byte for byte.
    Whole,
    /// Some records, or all with a delete horizon, in a new batch.
    Rebuilt(Bytes),
    /// No record.
    Nothing,
}

/// Keeps the records that `retain` wants. Base and last offset, producer, epoch, sequence and codec stay. A batch that
/// keeps a tombstone and has no delete horizon yet is given `delete_horizon_ms`; so is one that `ends_txn`, being the
/// marker of a transaction without records. The records may decompress to `limit_bytes`.
///
/// # Errors
/// Records that make no sense, or decompress to more than the limit.
pub fn filter(
    batch: &Batch,
    limit_bytes: usize,
    delete_horizon_ms: i64,
    ends_txn: bool,
    mut retain: impl FnMut(&Record) -> bool,
) -> Result<Kept, RecordError> {
    let header = &batch.header;
    let (mut kept, mut dropped, mut tombstones) = (Vec::new(), false, false);
    for record in batch.records(limit_bytes)? {
        let record = record?;
        if retain(&record) {
            tombstones |= record.value.is_none();
            kept.push(record);
        } else {
            dropped = true;
        }
    }
    if kept.is_empty() {
        return Ok(Kept::Nothing);
    }
    let new_horizon = (!header.attributes.has_delete_horizon()
        && (ends_txn || (tombstones && !header.attributes.is_control())))
    .then_some(delete_horizon_ms);
    if !dropped && new_horizon.is_none() {
        return Ok(Kept::Whole);
    }
    let mut builder = rebuilding(header, header.attributes.compression()?);
    if let Some(horizon_ms) = new_horizon.or(header.delete_horizon_ms()) {
        builder = builder.delete_horizon(horizon_ms);
    }
    for record in &kept {
        let headers: Vec<_> = record.headers().collect();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (&name[..], value.as_deref())).collect();
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        let delta = i32::try_from(record.offset - header.base_offset).map_err(|_| RecordError::Corrupt("offset"))?;
        if delta < 0 || delta > header.last_offset_delta {
            return Err(RecordError::Corrupt("offset of a record"));
        }
        builder.add_at(delta, NewRecord { timestamp: record.timestamp, key, value, headers: &headers });
    }
    Ok(Kept::Rebuilt(builder.finish_at(header.last_offset_delta)))
}

fn rebuilding(header: &BatchHeader, compression: Compression) -> BatchBuilder {
    let mut builder = BatchBuilder::new(compression)
        .base_offset(header.base_offset)
        .partition_leader_epoch(header.partition_leader_epoch)
        .producer(header.producer_id, header.producer_epoch, header.base_sequence);
    if header.attributes.is_transactional() {
        builder = builder.transactional();
    }
    if header.attributes.is_control() {
        builder = builder.control();
    }
    if header.attributes.timestamp_type() == TimestampType::LogAppend {
        builder = builder.log_append_time(header.max_timestamp);
    }
    builder
}

/// The batch without records: what is kept of the last batch of a producer that may go on, for its sequence and epoch.
pub fn emptied(header: &BatchHeader) -> Bytes {
    let attributes = Attributes::default()
        .with_timestamp_type(header.attributes.timestamp_type())
        .with_transactional(header.attributes.is_transactional())
        .with_control(header.attributes.is_control());
    let mut empty = BatchHeader {
        batch_length: (HEADER_BYTES - LOG_OVERHEAD) as i32,
        attributes,
        base_timestamp: -1,
        record_count: 0,
        ..*header
    };
    empty.crc = base::checksum::crc32c(&empty.encode()[super::batch::CRC_START..]);
    Bytes::copy_from_slice(&empty.encode())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(compression: Compression) -> Batch {
        let mut builder = BatchBuilder::new(compression).base_offset(100).producer(7, 2, 40).partition_leader_epoch(3);
        for (delta, value) in [(0, Some(&b"a"[..])), (1, None), (4, Some(b"c"))] {
            let headers: &[(&[u8], Option<&[u8]>)] = &[(b"h", value), (b"h", None)];
            let timestamp = 1000 - i64::from(delta);
            builder.add_at(delta, NewRecord { timestamp, key: Some(&[delta as u8]), value, headers });
        }
        Batch::parse(&builder.finish_at(6)).expect("built")
    }

    fn rebuilt(batch: &Batch, retain: impl FnMut(&Record) -> bool) -> Batch {
        match filter(batch, 1 << 20, 5000, false, retain) {
            Ok(Kept::Rebuilt(bytes)) => {
                let batch = Batch::parse(&bytes).expect("a batch");
                batch.check_crc().expect("right");
                batch
            }
            other => panic!("{other:?}"),
        }
    }

    fn records(batch: &Batch) -> Vec<Record> {
        batch.records(1 << 20).expect("a codec").map(|record| record.expect("a record")).collect()
    }

    #[test]
    fn offsets_producer_and_codec_stay() {
        for compression in Compression::ALL {
            let whole = batch(compression);
            let some = rebuilt(&whole, |record| record.offset != 101);
            let header = some.header;
            assert_eq!((header.base_offset, header.last_offset(), header.record_count), (100, 106, 2));
            assert_eq!((header.producer_id, header.producer_epoch, header.base_sequence), (7, 2, 40));
            assert_eq!((header.partition_leader_epoch, header.max_timestamp), (3, 1000));
            assert_eq!(header.attributes.compression(), Ok(compression));
            assert_eq!(header.delete_horizon_ms(), None, "the tombstone is gone");
            let all = records(&whole);
            assert_eq!(records(&some), [all[0].clone(), all[2].clone()]);
        }
    }

    #[test]
    fn a_tombstone_is_given_its_horizon_once() {
        let whole = batch(Compression::Lz4);
        let first = rebuilt(&whole, |_| true);
        assert_eq!(first.header.delete_horizon_ms(), Some(5000));
        assert_eq!(records(&first), records(&whole), "timestamps too");
        assert_eq!(filter(&first, 1 << 20, 9000, false, |_| true), Ok(Kept::Whole));
        let later = rebuilt(&first, |record| record.offset > 100);
        assert_eq!(later.header.delete_horizon_ms(), Some(5000));
        assert_eq!(records(&later), records(&whole)[1..]);
    }

    #[test]
    fn nothing_is_nothing_and_an_emptied_batch_keeps_its_header() {
        let whole = batch(Compression::Zstd);
        assert_eq!(filter(&whole, 1 << 20, 5000, false, |_| false), Ok(Kept::Nothing));
        assert!(matches!(filter(&whole, 10, 5000, false, |_| true), Err(RecordError::TooLarge { .. })));
        let empty = Batch::parse(&emptied(&whole.header)).expect("a batch");
        empty.check_crc().expect("right");
        assert_eq!(records(&empty), []);
        let header = empty.header;
        assert_eq!((header.base_offset, header.last_offset(), header.last_sequence()), (100, 106, 46));
        assert_eq!(filter(&empty, 0, 5000, false, |_| true), Ok(Kept::Nothing));
    }

    #[test]
    fn markers_get_a_horizon_only_without_their_transaction() {
        use super::super::control::EndTxnMarker;
        let bytes = EndTxnMarker { committed: true, coordinator_epoch: 4 }.batch(7, 1, 10);
        let marker = Batch::parse(&bytes).expect("a batch");
        assert_eq!(filter(&marker, 100, 5000, false, |_| true), Ok(Kept::Whole));
        match filter(&marker, 100, 5000, true, |_| true) {
            Ok(Kept::Rebuilt(bytes)) => {
                let header = BatchHeader::parse(&bytes).expect("a header");
                assert_eq!((header.delete_horizon_ms(), header.attributes.is_control()), (Some(5000), true));
            }
            other => panic!("{other:?}"),
        }
    }
}
