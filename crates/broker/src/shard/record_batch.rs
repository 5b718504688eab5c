//! Batches of a coordinator's records: built for the log, and read back.

use bytes::Bytes;
use kafka_wire::records::{Batch, BatchBuilder, Compression, NewRecord, RecordError};

use crate::coordinator::runtime::Record;
use crate::log::BatchHeader;
use crate::log::validate::{Deep, Produced};

/// A batch may decompress to this much: far more than a coordinator writes at once.
const DECOMPRESSED_BYTES_MAX: usize = 64 << 20;

/// One uncompressed batch of these records, all at `now_ms`, in front of any offset.
pub fn build(records: &[Record], now_ms: i64) -> Produced {
    let mut builder = BatchBuilder::new(Compression::None);
    for record in records {
        let (key, value) = (Some(&record.key[..]), record.value.as_deref());
        builder.add(NewRecord { timestamp: now_ms, key, value, headers: &[] });
    }
    let bytes = builder.finish();
    let header = BatchHeader::parse(&bytes).expect("it was just built");
    Produced { header, bytes, deep: Deep::None }
}

/// The records of a whole batch, in order; those without a key are left out, since no coordinator writes them.
///
/// # Errors
/// Bytes that are no records.
pub fn records(batch: &Bytes) -> Result<Vec<Record>, RecordError> {
    let mut found = Vec::new();
    for record in Batch::parse(batch)?.records(DECOMPRESSED_BYTES_MAX)? {
        let record = record?;
        found.extend(record.key.map(|key| Record { key, value: record.value }));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_is_read_back() {
        let written = vec![
            Record { key: Bytes::from_static(b"group"), value: Some(Bytes::from(vec![7; 300])) },
            Record { key: Bytes::from_static(b"gone"), value: None },
            Record { key: Bytes::from_static(b""), value: Some(Bytes::new()) },
        ];
        let batch = build(&written, 1234);
        assert_eq!(batch.header.size(), batch.bytes.len());
        assert_eq!(batch.header.crc, batch.header.compute_crc(&batch.bytes[61..]));
        assert_eq!(records(&batch.bytes), Ok(written));
        assert!(records(&batch.bytes.slice(..batch.bytes.len() - 1)).is_err());
    }
}
