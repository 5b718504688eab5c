//! Records for consumers of Fetch below version 4: batches become message sets, of format 0 below version 2 and of format 1
//! below version 4 (upstream: `RecordsUtil.downConvert`).

use bytes::{Bytes, BytesMut};
use kafka_wire::records::{Batches, Compression, legacy};

use crate::{ErrorCode, error};

/// What the batches of one partition's answer may decompress to, together: a few times what a consumer asks for.
const BYTES_MAX: usize = 256 << 20;

/// The messages from `fetch_offset` on, of what a fetch found. A batch cut off at the end is left out.
///
/// # Errors
/// UNSUPPORTED_COMPRESSION_TYPE for zstd, which is younger than the consumer; CORRUPT_MESSAGE for what is no batch.
pub fn run(version: i16, batches: Bytes, fetch_offset: i64) -> Result<Bytes, ErrorCode> {
    let magic = if version < 2 { 0 } else { 1 };
    let mut out = BytesMut::new();
    for batch in Batches::new(batches) {
        let Ok(batch) = batch else { break };
        let codec = batch.header.attributes.compression().map_err(|_| error::CORRUPT_MESSAGE)?;
        if codec == Compression::Zstd {
            // What comes before it is given.
            return if out.is_empty() { Err(error::UNSUPPORTED_COMPRESSION_TYPE) } else { Ok(out.freeze()) };
        }
        let left = BYTES_MAX.saturating_sub(out.len());
        let messages = legacy::down_convert(&batch, magic, fetch_offset, left).map_err(|_| error::CORRUPT_MESSAGE)?;
        out.extend_from_slice(&messages);
    }
    Ok(out.freeze())
}

#[cfg(test)]
mod tests {
    use kafka_wire::records::{BatchBuilder, NewRecord};

    use super::*;

    fn batch(codec: Compression, base_offset: i64) -> Bytes {
        let mut builder = BatchBuilder::new(codec).base_offset(base_offset);
        for value in [b"a", b"b"] {
            builder.add(NewRecord { timestamp: 7, key: None, value: Some(value), headers: &[(b"h", None)] });
        }
        builder.finish()
    }

    #[test]
    fn batches_become_messages() {
        let both: Bytes = [&batch(Compression::Lz4, 10)[..], &batch(Compression::None, 12), &[1, 2]].concat().into();
        for (version, magic, timestamp) in [(0, 0, -1), (1, 0, -1), (2, 1, 7), (3, 1, 7)] {
            let set = legacy::parse(&run(version, both.clone(), 11).expect("converted"), 0).expect("messages");
            assert_eq!(set.magic, magic);
            let offsets: Vec<i64> = set.messages.iter().map(|message| message.offset).collect();
            assert_eq!((offsets, set.messages[0].timestamp), (vec![11, 12, 13], timestamp), "version {version}");
        }
        assert_eq!(run(3, batch(Compression::Zstd, 0), 0), Err(76));
        let mixed: Bytes = [&batch(Compression::None, 10)[..], &batch(Compression::Zstd, 12)].concat().into();
        let set = legacy::parse(&run(3, mixed, 10).expect("converted"), 0).expect("messages");
        assert_eq!(set.messages.len(), 2, "up to what the consumer cannot read");
    }
}
