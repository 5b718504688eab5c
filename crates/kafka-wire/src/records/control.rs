//! Control records: what brokers write between producers' records, and consumers skip.
//!
//! The key is an i16 version (0) and an i16 type; the value of a transaction marker is an i16 version (0) and the
//! coordinator's epoch, an i32.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

use super::RecordError;
use super::batch::{Batch, Record};
use super::builder::{BatchBuilder, NewRecord};
use super::compress::Compression;

/// The type in the key of a control record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ControlType {
    /// The transaction did not happen.
    Abort,
    /// The transaction happened.
    Commit,
    /// KRaft's (2 to 6), or newer than this table.
    Other(i16),
}

impl ControlType {
    /// Its number.
    pub const fn code(self) -> i16 {
        match self {
            Self::Abort => 0,
            Self::Commit => 1,
            Self::Other(code) => code,
        }
    }

    /// The type in this key.
    ///
    /// # Errors
    /// A key shorter than its two numbers, or of a negative version.
    pub fn from_key(key: &[u8]) -> Result<Self, RecordError> {
        let mut key = key;
        if key.len() < 4 || key.get_i16() < 0 {
            return Err(RecordError::Corrupt("key of a control record"));
        }
        Ok(match key.get_i16() {
            0 => Self::Abort,
            1 => Self::Commit,
            other => Self::Other(other),
        })
    }
}

/// The end of a transaction in one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndTxnMarker {
    /// Whether it committed.
    pub committed: bool,
    /// Epoch of the coordinator that decided.
    pub coordinator_epoch: i32,
}

impl EndTxnMarker {
    /// The marker in this record; `None` for other control records.
    ///
    /// # Errors
    /// A record that is shaped like no control record.
    pub fn from_record(record: &Record) -> Result<Option<Self>, RecordError> {
        let kind = ControlType::from_key(record.key.as_deref().unwrap_or_default())?;
        let committed = match kind {
            ControlType::Abort => false,
            ControlType::Commit => true,
            ControlType::Other(_) => return Ok(None),
        };
        let mut value = record.value.as_deref().unwrap_or_default();
        if value.len() < 6 || value.get_i16() < 0 {
            return Err(RecordError::Corrupt("value of a transaction marker"));
        }
        Ok(Some(Self { committed, coordinator_epoch: value.get_i32() }))
    }

    /// The marker in a control batch; `None` for other control batches.
    ///
    /// # Errors
    /// A batch without a record, or with one that is shaped like no control record.
    pub fn from_batch(batch: &Batch) -> Result<Option<Self>, RecordError> {
        let mut records = batch.records(batch.bytes.len())?;
        Self::from_record(&records.next().ok_or(RecordError::Corrupt("control batch without a record"))??)
    }

    /// The control batch with this marker, as a leader appends it.
    pub fn batch(&self, producer_id: i64, producer_epoch: i16, now_ms: i64) -> Bytes {
        let kind = if self.committed { ControlType::Commit } else { ControlType::Abort };
        let mut key = BytesMut::new();
        key.put_i16(0);
        key.put_i16(kind.code());
        let mut value = BytesMut::new();
        value.put_i16(0);
        value.put_i32(self.coordinator_epoch);
        let mut builder =
            BatchBuilder::new(Compression::None).producer(producer_id, producer_epoch, -1).transactional().control();
        builder.add(NewRecord { timestamp: now_ms, key: Some(&key), value: Some(&value), headers: &[] });
        builder.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markers_there_and_back() {
        for committed in [false, true] {
            let marker = EndTxnMarker { committed, coordinator_epoch: 12 };
            let batch = Batch::parse(&marker.batch(7, 3, 1000)).unwrap();
            assert!(batch.header.attributes.is_control() && batch.header.attributes.is_transactional());
            assert_eq!((batch.header.base_sequence, batch.header.producer_id), (-1, 7));
            assert_eq!(EndTxnMarker::from_batch(&batch), Ok(Some(marker)));
            assert_eq!(batch.bytes[61..], [32, 0, 0, 0, 8, 0, 0, 0, u8::from(committed), 12, 0, 0, 0, 0, 0, 12, 0]);
        }
    }

    #[test]
    fn other_and_broken_control_records() {
        assert_eq!(ControlType::from_key(&[0, 0, 0, 2]), Ok(ControlType::Other(2)));
        assert!(ControlType::from_key(&[0, 0, 0]).is_err());
        assert!(ControlType::from_key(&[0xff, 0xff, 0, 1]).is_err());
    }
}
