//! What compaction promises: of each key the last value stays, and nothing changes its offset or its content.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kafka_wire::records::{Batch as Parsed, Batches, Record};

use super::log_holds_flushed::Batch;
use super::{Checked, Property, Violation};

/// The property.
pub static LAST_VALUES: Property = Property {
    says: "a reader from the start of a compacted log sees the last value of every key, and no key that was deleted last",
    source: "Kafka documentation, log compaction: what guarantees does it provide",
};

/// The property.
pub static SAME_RECORDS: Property = Property {
    says: "compaction removes records and changes none: offset, timestamp, key and value are those that were appended",
    source: "Kafka documentation, log compaction: offsets and order never change",
};

const BYTES_MAX: usize = 1 << 20;

/// A record's offset, and its value unless it is a tombstone.
type Place = (i64, Option<Bytes>);

/// What was read of one compacted log so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    keys: BTreeMap<Bytes, Place>,
}

/// Marks what was not flushed and is not in a log that has just been opened: nothing was compacted since the power went.
/// `held` are the contents of its segments.
pub fn mark_lost(batches: &mut [Batch], flushed: i64, held: impl IntoIterator<Item = Bytes>) {
    let batches_in = |segment: Bytes| Batches::new(segment).map_while(Result::ok).map(|batch| batch.header.base_offset);
    let bases: BTreeSet<i64> = held.into_iter().flat_map(batches_in).collect();
    for batch in batches.iter_mut().filter(|batch| batch.next > flushed) {
        batch.lost |= !bases.contains(&batch.base);
    }
}

fn records(bytes: &[u8]) -> Vec<Record> {
    let batch = Parsed::parse(&Bytes::copy_from_slice(bytes)).expect("the producer's own batch");
    batch.records(BYTES_MAX).expect("not compressed").map(|record| record.expect("the producer's own record")).collect()
}

/// Holds whole batches read from `from` on against what was appended; returns the offset behind the last one.
///
/// # Errors
/// The violation.
pub fn read(batches: &[Batch], from: i64, bytes: &Bytes, seen: &mut Seen) -> Result<i64, Violation> {
    let mut next = from;
    for batch in Batches::new(bytes.clone()).map_while(Result::ok) {
        let (base, end) = (batch.header.base_offset, batch.header.next_offset());
        let at = batches.partition_point(|appended| appended.base < base);
        let appended =
            batches.get(at).filter(|appended| appended.base == base && appended.next == end && !appended.lost);
        SAME_RECORDS.require(appended.is_some() && end > next, || {
            format!("a batch of offsets {base} to {end} was never appended, or comes twice")
        })?;
        SAME_RECORDS.require(batch.check_crc().is_ok(), || format!("the checksum of the batch at {base} is wrong"))?;
        let all = records(&appended.expect("required above").bytes);
        for record in batch.records(BYTES_MAX).expect("not compressed").map_while(Result::ok) {
            let known = all.iter().find(|known| known.offset == record.offset);
            SAME_RECORDS.require(known == Some(&record), || {
                format!("the record at {} is {record:?}, appended was {known:?}", record.offset)
            })?;
            if let Some(key) = record.key {
                seen.keys.insert(key, (record.offset, record.value));
            }
        }
        next = end;
    }
    Ok(next)
}

/// The whole log was read: `batches` are those that it should stand for. A reader that is slower than
/// `delete.retention.ms` may miss the end of a key (`tombstones_went`).
///
/// # Errors
/// The violation.
pub fn end(batches: &[Batch], seen: &Seen, tombstones_went: bool) -> Checked {
    let mut last: BTreeMap<Bytes, Place> = BTreeMap::new();
    for record in batches.iter().filter(|batch| !batch.lost).flat_map(|batch| records(&batch.bytes)) {
        if let Some(key) = record.key {
            last.insert(key, (record.offset, record.value));
        }
    }
    for (key, place) in &last {
        let found = seen.keys.get(key);
        let deleted = place.1.is_none() && (found.is_none() || tombstones_went);
        LAST_VALUES.require(deleted || found == Some(place), || {
            format!("key {key:?} stands last at {place:?}, a reader sees {found:?}")
        })?;
    }
    Ok(())
}
