//! The records inside a batch, as far as a log's rules look at them.

use super::batch::BatchHeader;
use super::validate::{RecordErrors, RecordRules, ValidateError, code};

/// What a walk through the records found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walked {
    /// The greatest timestamp; -1 without records.
    pub max_timestamp: i64,
    /// Offset delta of the first record that has it.
    pub delta_of_max_timestamp: i32,
}

/// Walks the decompressed `records` of a batch: structure, count, offset deltas from 0 on, keys, timestamps.
///
/// # Errors
/// `INVALID_RECORD` or `INVALID_TIMESTAMP` with the records to blame.
pub fn walk_records(header: &BatchHeader, records: &[u8], rules: &RecordRules) -> Result<Walked, ValidateError> {
    let mut cursor = Cursor { bytes: records, at: 0 };
    let mut walked = Walked { max_timestamp: -1, delta_of_max_timestamp: -1 };
    let mut errors = RecordErrors::default();
    for index in 0..header.record_count {
        let Some(record) = cursor.record() else {
            let message = format!("record {index} of {} does not fit its batch", header.record_count);
            return Err(ValidateError::new(code::INVALID_RECORD, message));
        };
        if record.offset_delta != i64::from(index) {
            let message = format!("offset delta {} where {index} was expected", record.offset_delta);
            errors.add(code::INVALID_RECORD, index, message);
        }
        let timestamp = header.base_timestamp.saturating_add(record.timestamp_delta);
        errors.check(rules, index, record.has_key, timestamp);
        if timestamp > walked.max_timestamp {
            walked = Walked { max_timestamp: timestamp, delta_of_max_timestamp: index };
        }
    }
    if cursor.at != records.len() {
        return Err(ValidateError::new(code::INVALID_RECORD, "bytes are left over after the last record"));
    }
    errors.finish()?;
    Ok(walked)
}

/// The parts of a record that rules look at.
struct RecordView {
    timestamp_delta: i64,
    offset_delta: i64,
    has_key: bool,
}

struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Cursor<'_> {
    /// Length varint, attributes, timestamp delta varlong, offset delta varint, key, value, headers. `None` when any
    /// of it runs over its end or the length is not the sum of the parts.
    fn record(&mut self) -> Option<RecordView> {
        let length = usize::try_from(self.varint()?).ok()?;
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len())?;
        let mut inner = Cursor { bytes: &self.bytes[..end], at: self.at };
        inner.skip(1)?;
        let (timestamp_delta, offset_delta) = (inner.varint()?, inner.varint()?);
        let key = inner.varint()?;
        let has_key = key >= 0;
        inner.skip_sized(key)?;
        let value = inner.varint()?;
        inner.skip_sized(value)?;
        let headers = inner.varint()?;
        for _ in 0..u64::try_from(headers).ok()? {
            let key = inner.varint()?;
            inner.skip(usize::try_from(key).ok()?)?;
            let value = inner.varint()?;
            inner.skip_sized(value)?;
        }
        self.at = end;
        (inner.at == end).then_some(RecordView { timestamp_delta, offset_delta, has_key })
    }

    fn skip(&mut self, n: usize) -> Option<()> {
        self.at = self.at.checked_add(n).filter(|at| *at <= self.bytes.len())?;
        Some(())
    }

    /// Skips a value of this length; -1 is null.
    fn skip_sized(&mut self, length: i64) -> Option<()> {
        if length == -1 { Some(()) } else { self.skip(usize::try_from(length).ok()?) }
    }

    fn varint(&mut self) -> Option<i64> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let byte = *self.bytes.get(self.at)?;
            self.at += 1;
            value |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some((value >> 1) as i64 ^ -((value & 1) as i64));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_of_every_length() {
        for (value, bytes) in [
            (0i64, &[0u8][..]),
            (-1, &[1]),
            (64, &[0x80, 1]),
            (i64::from(i32::MAX), &[0xfe, 0xff, 0xff, 0xff, 0x0f]),
            (i64::MAX, &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
            (i64::MIN, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
        ] {
            assert_eq!(Cursor { bytes, at: 0 }.varint(), Some(value));
        }
        assert_eq!(Cursor { bytes: &[0x80; 11], at: 0 }.varint(), None, "never ends");
        assert_eq!(Cursor { bytes: &[0x80], at: 0 }.varint(), None, "cut off");
    }
}
