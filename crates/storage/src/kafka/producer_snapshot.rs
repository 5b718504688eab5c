//! Producer snapshots (upstream: `ProducerStateManager.readSnapshot`): version i16 = 1, CRC-32C u32 of everything behind
//! it, count i32, then per producer: id i64, epoch i16, last sequence i32, last offset i64, offset delta i32,
//! timestamp i64, coordinator epoch i32, first offset of the open transaction i64 (-1 none). The file's name is the
//! offset up to which it counts.

use base::{DecodeError, Reader};
use broker::log::producer_state::SnapshotEntry;
use bytes::Bytes;

/// Largest snapshot that is read: about 20 million producers.
pub(super) const BYTES_MAX: u64 = 1 << 30;
const ENTRY_BYTES: usize = 46;
/// Where the CRC's range begins.
const CRC_END: usize = 6;

/// The file's bytes.
pub(super) fn encode(entries: &[SnapshotEntry]) -> Vec<u8> {
    let mut out = Vec::with_capacity(10 + entries.len() * ENTRY_BYTES);
    out.extend(1i16.to_be_bytes());
    out.extend([0; 4]);
    out.extend((entries.len() as i32).to_be_bytes());
    for entry in entries {
        out.extend(entry.producer_id.to_be_bytes());
        out.extend(entry.producer_epoch.to_be_bytes());
        out.extend(entry.last_sequence.to_be_bytes());
        out.extend(entry.last_offset.to_be_bytes());
        out.extend(entry.offset_delta.to_be_bytes());
        out.extend(entry.timestamp.to_be_bytes());
        out.extend(entry.coordinator_epoch.to_be_bytes());
        out.extend(entry.current_txn_first_offset.to_be_bytes());
    }
    let crc = base::checksum::crc32c(&out[CRC_END..]);
    out[2..CRC_END].copy_from_slice(&crc.to_be_bytes());
    out
}

/// Reads one.
pub(super) fn decode(content: Bytes) -> Result<Vec<SnapshotEntry>, DecodeError> {
    let mut r = Reader::new(content.clone());
    if r.i16()? != 1 {
        return Err(DecodeError::Invalid("producer snapshot version"));
    }
    if r.u32()? != base::checksum::crc32c(&content[CRC_END..]) {
        return Err(DecodeError::Invalid("producer snapshot CRC"));
    }
    let count = r.i32()?;
    if count < 0 || count as usize * ENTRY_BYTES != r.remaining() {
        return Err(DecodeError::Unreasonable { what: "producer count", value: count.into() });
    }
    let mut entries = Vec::with_capacity(count as usize);
    for _ in 0..count {
        entries.push(SnapshotEntry {
            producer_id: r.i64()?,
            producer_epoch: r.i16()?,
            last_sequence: r.i32()?,
            last_offset: r.i64()?,
            offset_delta: r.i32()?,
            timestamp: r.i64()?,
            coordinator_epoch: r.i32()?,
            current_txn_first_offset: r.i64()?,
        });
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_and_every_flipped_bit_is_seen() {
        let entry = |i: i64| SnapshotEntry {
            producer_id: i,
            producer_epoch: 3,
            last_sequence: 99,
            last_offset: 1000 + i,
            offset_delta: 9,
            timestamp: 1_700_000_000_000,
            coordinator_epoch: -1,
            current_txn_first_offset: -1,
        };
        let entries = [entry(1), entry(2)];
        let bytes = encode(&entries);
        assert_eq!(bytes.len(), 10 + 2 * 46);
        assert_eq!(decode(bytes.clone().into()).unwrap(), entries);
        assert_eq!(decode(encode(&[]).into()).unwrap(), []);
        for at in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[at] ^= 1;
            assert!(decode(bad.into()).is_err(), "byte {at}");
            assert!(decode(Bytes::copy_from_slice(&bytes[..at])).is_err(), "cut at {at}");
        }
    }
}
