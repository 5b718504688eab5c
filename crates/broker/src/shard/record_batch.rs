//! Batches of a coordinator's records: built for the log, and read back.

use base::{DecodeError, Reader};
use bytes::{BufMut, Bytes, BytesMut};

use crate::coordinator::runtime::Record;
use crate::log::batch::{BatchHeader, HEADER_BYTES};
use crate::log::validate::{Deep, Produced};

/// One uncompressed batch of these records, all at `now_ms`, in front of any offset.
pub fn build(records: &[Record], now_ms: i64) -> Produced {
    let mut body = BytesMut::new();
    for (i, record) in records.iter().enumerate() {
        let mut one = BytesMut::with_capacity(record.key.len() + record.value.as_ref().map_or(0, Bytes::len) + 16);
        one.put_i8(0);
        put_varint(&mut one, 0);
        put_varint(&mut one, i as i64);
        put_sized(&mut one, Some(&record.key));
        put_sized(&mut one, record.value.as_ref());
        put_varint(&mut one, 0);
        put_varint(&mut body, one.len() as i64);
        body.put(one);
    }
    let mut header = BatchHeader {
        base_offset: 0,
        batch_length: (HEADER_BYTES - 12 + body.len()) as i32,
        leader_epoch: -1,
        crc: 0,
        attributes: 0,
        last_offset_delta: records.len() as i32 - 1,
        base_timestamp: now_ms,
        max_timestamp: now_ms,
        producer_id: -1,
        producer_epoch: -1,
        base_sequence: -1,
        record_count: records.len() as i32,
    };
    header.crc = header.compute_crc(&body);
    let mut bytes = BytesMut::with_capacity(header.size());
    bytes.put_slice(&header.encode());
    bytes.put(body);
    Produced { header, bytes: bytes.freeze(), deep: Deep::None }
}

fn put_varint(out: &mut BytesMut, value: i64) {
    let mut zigzag = ((value << 1) ^ (value >> 63)) as u64;
    while zigzag >= 0x80 {
        out.put_u8(zigzag as u8 | 0x80);
        zigzag >>= 7;
    }
    out.put_u8(zigzag as u8);
}

fn put_sized(out: &mut BytesMut, value: Option<&Bytes>) {
    match value {
        Some(value) => {
            put_varint(out, value.len() as i64);
            out.put_slice(value);
        }
        None => put_varint(out, -1),
    }
}

/// The records of a whole batch, in order; those without a key are left out, since no coordinator writes them.
///
/// # Errors
/// Bytes that are no records.
pub fn records(header: &BatchHeader, batch: &Bytes) -> Result<Vec<Record>, DecodeError> {
    if header.codec() != 0 {
        return Err(DecodeError::Invalid("compressed batch of a coordinator"));
    }
    let mut found = Vec::new();
    let mut rest = Reader::new(batch.slice(HEADER_BYTES..));
    for _ in 0..header.record_count.max(0) {
        let len = varint(&mut rest)?;
        let mut one = Reader::new(rest.slice(to_len(len)?)?);
        one.skip(1)?;
        varint(&mut one)?;
        varint(&mut one)?;
        let key = sized(&mut one)?;
        let value = sized(&mut one)?;
        found.extend(key.map(|key| Record { key, value }));
    }
    Ok(found)
}

fn sized(r: &mut Reader) -> Result<Option<Bytes>, DecodeError> {
    match varint(r)? {
        -1 => Ok(None),
        len => Ok(Some(r.slice(to_len(len)?)?)),
    }
}

fn to_len(value: i64) -> Result<usize, DecodeError> {
    usize::try_from(value).map_err(|_| DecodeError::Unreasonable { what: "length in a record", value })
}

fn varint(r: &mut Reader) -> Result<i64, DecodeError> {
    let mut zigzag = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = r.u8()?;
        zigzag |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64));
        }
    }
    Err(DecodeError::Invalid("varint longer than ten bytes"))
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
        assert_eq!(BatchHeader::parse(&batch.bytes), Ok(batch.header));
        assert_eq!(batch.header.size(), batch.bytes.len());
        assert_eq!(batch.header.crc, batch.header.compute_crc(&batch.bytes[HEADER_BYTES..]));
        assert_eq!(records(&batch.header, &batch.bytes), Ok(written));
        let torn = batch.bytes.slice(..batch.bytes.len() - 1);
        assert!(records(&batch.header, &torn).is_err());
    }
}
