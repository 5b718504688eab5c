//! Message sets: record formats 0 and 1 (before Kafka 0.11), which old clients still produce and ask for.
//!
//! A message is an i64 offset, an i32 size, a CRC-32 of the rest, the magic, attributes (bits 0-2 codec, in format 1 bit 3
//! the timestamp type), in format 1 an i64 timestamp, then key and value behind i32 lengths (-1 null). A compressed set is
//! the value of one outer message; in format 1 the offsets inside count from 0 and the outer message has the last one's.
//! The log is always format 2, so these are converted on their way in and out.

use base::checksum;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

use super::RecordError;
use super::batch::{Batch, Record, TimestampType};
use super::builder::{BatchBuilder, NewRecord};
use super::compress::{self, Compression};

/// Bytes of offset and size.
const OVERHEAD: usize = 12;
/// Bytes of a format 0 message without key and value, after the overhead: checksum, magic, attributes, two lengths.
const LEAST_BYTES: usize = 14;
const TIMESTAMP_TYPE: u8 = 1 << 3;

/// What is wrong with a compressed message inside a compressed one.
pub const NESTED: &str = "compressed message inside a compressed one";

/// A message of format 0 or 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its place in the partition; what a producer sends here means nothing.
    pub offset: i64,
    /// Milliseconds; -1 in format 0.
    pub timestamp: i64,
    /// Whose timestamp it is.
    pub timestamp_type: TimestampType,
    /// Null or bytes.
    pub key: Option<Bytes>,
    /// Null or bytes.
    pub value: Option<Bytes>,
}

/// A message set, compressed messages unpacked.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageSet {
    /// 0 or 1: the format of the first message.
    pub magic: i8,
    /// The codec of the first message that has one.
    pub compression: Compression,
    /// The messages.
    pub messages: Vec<Message>,
}

/// Reads a message set; compressed messages may unpack to `limit_bytes` together.
///
/// # Errors
/// A message cut short, another magic, a wrong checksum, bytes that do not decompress, or more than the limit.
pub fn parse(bytes: &Bytes, limit_bytes: usize) -> Result<MessageSet, RecordError> {
    let mut set = MessageSet { magic: 0, compression: Compression::None, messages: Vec::new() };
    let mut rest = bytes.clone();
    let mut left = limit_bytes;
    while !rest.is_empty() {
        let outer = RawMessage::take(&mut rest)?;
        if set.messages.is_empty() {
            set.magic = outer.magic;
        }
        let codec = outer.compression()?;
        if codec == Compression::None {
            set.messages.push(outer.message());
            continue;
        }
        if set.compression == Compression::None {
            set.compression = codec;
        }
        let packed = outer.value.clone().ok_or(RecordError::Corrupt("compressed message without a value"))?;
        let packed = if (outer.magic, codec) == (0, Compression::Lz4) { compress::mended_lz4(&packed) } else { packed };
        let inner = compress::decompress(codec, &packed, left).map_err(|error| match error {
            RecordError::TooLarge { .. } => RecordError::TooLarge { limit: limit_bytes },
            other => other,
        })?;
        left -= inner.len();
        unpack(&outer, inner.into(), &mut set.messages)?;
    }
    Ok(set)
}

/// The messages inside a compressed one.
fn unpack(outer: &RawMessage, inner: Bytes, messages: &mut Vec<Message>) -> Result<(), RecordError> {
    let start = messages.len();
    let mut rest = inner;
    while !rest.is_empty() {
        let raw = RawMessage::take(&mut rest)?;
        if raw.magic != outer.magic {
            return Err(RecordError::Corrupt("format of a message inside a compressed one"));
        }
        if raw.compression()? != Compression::None {
            return Err(RecordError::Corrupt(NESTED));
        }
        messages.push(raw.message());
    }
    let inner = &mut messages[start..];
    let last = inner.last().ok_or(RecordError::Corrupt("compressed message without messages"))?.offset;
    for message in inner {
        if outer.magic == 1 {
            message.offset = outer.offset.wrapping_sub(last).wrapping_add(message.offset);
            if outer.timestamp_type() == TimestampType::LogAppend {
                (message.timestamp, message.timestamp_type) = (outer.timestamp, TimestampType::LogAppend);
            }
        }
    }
    Ok(())
}

struct RawMessage {
    offset: i64,
    magic: i8,
    attributes: u8,
    timestamp: i64,
    key: Option<Bytes>,
    value: Option<Bytes>,
}

impl RawMessage {
    fn take(rest: &mut Bytes) -> Result<Self, RecordError> {
        if rest.len() < OVERHEAD + LEAST_BYTES {
            return Err(RecordError::Truncated { wanted: OVERHEAD + LEAST_BYTES, left: rest.len() });
        }
        let offset = rest.get_i64();
        let size = rest.get_i32();
        if size < LEAST_BYTES as i32 {
            return Err(RecordError::Corrupt("size of a message"));
        }
        if size as usize > rest.len() {
            return Err(RecordError::Truncated { wanted: size as usize, left: rest.len() });
        }
        let mut body = rest.split_to(size as usize);
        let stated = body.get_u32();
        let computed = checksum::crc32(&body);
        if stated != computed {
            return Err(RecordError::Crc { stated, computed });
        }
        let magic = body.get_i8();
        if !(0..=1).contains(&magic) {
            return Err(RecordError::Magic(magic));
        }
        let attributes = body.get_u8();
        let timestamp = if magic == 0 {
            -1
        } else {
            if body.len() < 16 {
                return Err(RecordError::Corrupt("size of a message"));
            }
            body.get_i64()
        };
        let key = opt_bytes(&mut body)?;
        let value = opt_bytes(&mut body)?;
        if !body.is_empty() {
            return Err(RecordError::Corrupt("bytes after the value of a message"));
        }
        Ok(Self { offset, magic, attributes, timestamp, key, value })
    }

    /// Codecs 0 to 3: zstd came with format 2.
    fn compression(&self) -> Result<Compression, RecordError> {
        match Compression::from_bits(self.attributes & 7)? {
            Compression::Zstd => Err(RecordError::UnknownCompression(4)),
            codec => Ok(codec),
        }
    }

    fn timestamp_type(&self) -> TimestampType {
        if self.attributes & TIMESTAMP_TYPE == 0 { TimestampType::Create } else { TimestampType::LogAppend }
    }

    fn message(self) -> Message {
        Message {
            offset: self.offset,
            timestamp: self.timestamp,
            timestamp_type: self.timestamp_type(),
            key: self.key,
            value: self.value,
        }
    }
}

fn opt_bytes(body: &mut Bytes) -> Result<Option<Bytes>, RecordError> {
    if body.len() < 4 {
        return Err(RecordError::Truncated { wanted: 4, left: body.len() });
    }
    let length = body.get_i32();
    if length < 0 {
        return Ok(None);
    }
    if length as usize > body.len() {
        return Err(RecordError::Truncated { wanted: length as usize, left: body.len() });
    }
    Ok(Some(body.split_to(length as usize)))
}

/// Bytes of each outer message, overhead included; ends before one that is not whole.
pub fn sizes(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let mut rest = bytes;
    core::iter::from_fn(move || {
        let size = rest.get(8..OVERHEAD)?.first_chunk().map(|size| i32::from_be_bytes(*size))?;
        let size = OVERHEAD + usize::try_from(size).ok()?;
        rest = rest.get(size..)?;
        Some(size)
    })
}

/// The messages at the front that are whole: what a torn one at the end is cut off to.
pub fn whole_messages(bytes: &Bytes) -> Bytes {
    bytes.slice(..sizes(bytes).sum::<usize>())
}

/// The batch of format 2 that a leader appends for a produced message set: offsets from 0, the producer's timestamps (-1
/// from format 0).
pub fn up_convert(set: &MessageSet, compression: Compression) -> Bytes {
    let mut builder = BatchBuilder::new(compression);
    for message in &set.messages {
        let (key, value) = (message.key.as_deref(), message.value.as_deref());
        builder.add(NewRecord { timestamp: message.timestamp, key, value, headers: &[] });
    }
    builder.finish()
}

/// A batch as messages of format `magic` (0 or 1) with their offsets, for a fetch older than version 4. Records before
/// `first_offset` are left out, control batches give nothing, headers are lost. The messages are not compressed: old clients
/// read that too, and it spares format 0's faulty LZ4 checksums.
///
/// # Errors
/// Records that make no sense, or decompress to more than the limit.
pub fn down_convert(batch: &Batch, magic: i8, first_offset: i64, limit_bytes: usize) -> Result<Bytes, RecordError> {
    assert!((0..=1).contains(&magic), "format {magic} is not a message set");
    let mut out = BytesMut::new();
    if batch.header.attributes.is_control() {
        return Ok(out.freeze());
    }
    let timestamp_type = batch.header.attributes.timestamp_type();
    for record in batch.records(limit_bytes)? {
        let record = record?;
        if record.offset >= first_offset {
            put_message(&mut out, &record, magic, timestamp_type);
        }
    }
    Ok(out.freeze())
}

/// One message that is not compressed.
pub fn encode(
    magic: i8,
    offset: i64,
    timestamp: i64,
    timestamp_type: TimestampType,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
) -> Bytes {
    let mut out = BytesMut::new();
    put(&mut out, magic, offset, timestamp, timestamp_type, [key, value]);
    out.freeze()
}

fn put_message(out: &mut BytesMut, record: &Record, magic: i8, timestamp_type: TimestampType) {
    let parts = [record.key.as_deref(), record.value.as_deref()];
    put(out, magic, record.offset, record.timestamp, timestamp_type, parts);
}

fn put(
    out: &mut BytesMut,
    magic: i8,
    offset: i64,
    timestamp: i64,
    timestamp_type: TimestampType,
    parts: [Option<&[u8]>; 2],
) {
    out.put_i64(offset);
    let size_at = out.len();
    out.put_i32(0);
    out.put_u32(0);
    out.put_i8(magic);
    let appended = magic == 1 && timestamp_type == TimestampType::LogAppend;
    out.put_u8(if appended { TIMESTAMP_TYPE } else { 0 });
    if magic == 1 {
        out.put_i64(timestamp);
    }
    for part in parts {
        match part {
            Some(bytes) => {
                out.put_i32(i32::try_from(bytes.len()).expect("a record is shorter than 2 GiB"));
                out.put_slice(bytes);
            }
            None => out.put_i32(-1),
        }
    }
    let size = i32::try_from(out.len() - size_at - 4).expect("a record is shorter than 2 GiB");
    out[size_at..size_at + 4].copy_from_slice(&size.to_be_bytes());
    let crc = checksum::crc32(&out[size_at + 8..]);
    out[size_at + 4..size_at + 8].copy_from_slice(&crc.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Offset 5, key `k`, value `vv`, format 0.
    const V0: &[u8] = &[
        0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 17, CRC0[0], CRC0[1], CRC0[2], CRC0[3], 0, 0, 0, 0, 0, 1, b'k', 0, 0, 0, 2,
        b'v', b'v',
    ];
    /// Offset 6, no key, value `v`, timestamp 1000, format 1.
    const V1: &[u8] = &[
        0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 23, CRC1[0], CRC1[1], CRC1[2], CRC1[3], 1, 0, 0, 0, 0, 0, 0, 0, 3, 0xe8, 0xff,
        0xff, 0xff, 0xff, 0, 0, 0, 1, b'v',
    ];
    /// Computed with another program.
    const CRC0: [u8; 4] = [0x89, 0xe8, 0x80, 0x14];
    const CRC1: [u8; 4] = [0x09, 0xb6, 0x6c, 0xaa];

    fn packed(codec: Compression, magic: i8, outer_offset: i64, inner: &[(i64, &[u8])]) -> Bytes {
        let mut set = BytesMut::new();
        let record = |offset, value: Bytes| {
            let mut builder = BatchBuilder::new(Compression::None).base_offset(offset);
            builder.add(NewRecord { timestamp: 50 + offset, value: Some(&value), ..Default::default() });
            let batch = Batch::parse(&builder.finish()).unwrap();
            batch.records(1 << 20).unwrap().next().unwrap().unwrap()
        };
        for (offset, value) in inner {
            put_message(&mut set, &record(*offset, Bytes::copy_from_slice(value)), magic, TimestampType::Create);
        }
        let mut out = BytesMut::new();
        let value = compress::compress(codec, &set).into();
        put_message(&mut out, &record(outer_offset, value), magic, TimestampType::Create);
        out[17] |= codec.bits();
        let crc = checksum::crc32(&out[16..]);
        out[12..16].copy_from_slice(&crc.to_be_bytes());
        out.freeze()
    }

    #[test]
    fn messages_of_both_formats() {
        let set = parse(&Bytes::from_static(V0), 0).unwrap();
        assert_eq!((set.magic, set.messages[0].offset, set.messages[0].timestamp), (0, 5, -1));
        assert_eq!(
            (set.messages[0].key.as_deref(), set.messages[0].value.as_deref()),
            (Some(&b"k"[..]), Some(&b"vv"[..]))
        );
        let set = parse(&Bytes::from_static(V1), 0).unwrap();
        assert_eq!((set.magic, set.messages[0].offset, set.messages[0].timestamp), (1, 6, 1000));
        assert_eq!(set.messages[0].key, None);
    }

    #[test]
    fn compressed_sets_in_every_codec_of_their_time() {
        for codec in [Compression::Gzip, Compression::Snappy, Compression::Lz4] {
            let inner: &[(i64, &[u8])] = &[(0, b"a"), (1, b"b"), (2, b"c")];
            let set = parse(&packed(codec, 1, 12, inner), 1000).unwrap();
            assert_eq!(set.compression, codec);
            assert_eq!(set.messages.iter().map(|m| m.offset).collect::<Vec<_>>(), [10, 11, 12]);
            assert_eq!(set.messages[2].timestamp, 52);
            let inner: &[(i64, &[u8])] = &[(10, b"a"), (12, b"b")];
            let set = parse(&packed(codec, 0, 12, inner), 1000).unwrap();
            assert_eq!(set.messages.iter().map(|m| m.offset).collect::<Vec<_>>(), [10, 12]);
            let two = 2 * (OVERHEAD + LEAST_BYTES + 1);
            assert!(parse(&packed(codec, 0, 12, inner), two).is_ok());
            assert_eq!(parse(&packed(codec, 0, 12, inner), two - 1), Err(RecordError::TooLarge { limit: two - 1 }));
        }
        let zstd = packed(Compression::Zstd, 1, 0, &[(0, b"a")]);
        assert_eq!(parse(&zstd, 1000), Err(RecordError::UnknownCompression(4)));
    }

    #[test]
    fn up_and_down_again() {
        let bytes = packed(Compression::Gzip, 1, 2, &[(0, b"a"), (1, b"b"), (2, b"c")]);
        let batch = Batch::parse(&up_convert(&parse(&bytes, 1000).unwrap(), Compression::Gzip)).unwrap();
        batch.check_crc().unwrap();
        assert_eq!(batch.header.attributes.compression(), Ok(Compression::Gzip));
        assert_eq!((batch.header.last_offset(), batch.header.max_timestamp), (2, 52));
        for magic in [0, 1] {
            let down = down_convert(&batch, magic, 1, 1000).unwrap();
            let set = parse(&down, 0).unwrap();
            assert_eq!(set.messages.iter().map(|m| m.offset).collect::<Vec<_>>(), [1, 2]);
            assert_eq!(set.messages[1].value.as_deref(), Some(&b"c"[..]));
            assert_eq!(set.messages[1].timestamp, if magic == 0 { -1 } else { 52 });
        }
        // A single message of format 1 goes down to the bytes it came from.
        let batch = Batch::parse(&up_convert(&parse(&Bytes::from_static(V1), 0).unwrap(), Compression::None)).unwrap();
        let down = down_convert(&batch, 1, 0, 1000).unwrap();
        assert_eq!(down[8..], V1[8..]);
    }

    #[test]
    fn no_wrong_byte_does_more_than_fail() {
        for good in
            [Bytes::from_static(V0), Bytes::from_static(V1), packed(Compression::Lz4, 1, 1, &[(0, b"a"), (1, b"b")])]
        {
            for at in 0..good.len() {
                assert!(parse(&good.slice(..at), 1000).is_err() || at == 0);
                for value in [0, 1, 0x7f, 0x80, 0xff] {
                    let mut bytes = good.to_vec();
                    bytes[at] = value;
                    // With the checksum made right again, so that what stands behind it is looked at.
                    let crc = checksum::crc32(&bytes[16..]);
                    bytes[12..16].copy_from_slice(&crc.to_be_bytes());
                    let _ = parse(&bytes.into(), 1000);
                }
            }
        }
    }
}
