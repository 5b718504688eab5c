//! What produce rules ask of single records: see [`crate::log::validate::Deep`].

use bytes::Bytes;
use kafka_wire::records::compress;
use kafka_wire::records::{Batch, BatchBuilder, Compression, NewRecord};

use crate::error;
use crate::log::BatchHeader;
use crate::log::batch::HEADER_BYTES;
use crate::log::records::walk_records;
use crate::log::validate::{Deep, Produced};
use crate::shard::{CodedError, LogConfig};

/// A batch may decompress to this many times `max.message.bytes`, and to 64 MiB at least.
const EXPANSION_MAX: usize = 64;

/// Looks inside the batch where a rule needs it, and rebuilds it where the topic asks for another codec.
///
/// # Errors
/// What the producer is told, with the records to blame.
pub fn run(produced: Produced, config: &LogConfig) -> Result<Produced, CodedError> {
    let (rules, target) = match produced.deep {
        Deep::None => return Ok(produced),
        Deep::Walk(rules) => (rules, None),
        Deep::Recompress(rules, codec) => (rules, Some(codec)),
    };
    let limit = (config.max_message_bytes.max(0) as usize * EXPANSION_MAX).max(64 << 20);
    let corrupt = |e: &dyn core::fmt::Display| CodedError::new(error::CORRUPT_MESSAGE, e.to_string());
    let raw = produced.bytes.slice(HEADER_BYTES..);
    let codec = Compression::from_bits(produced.header.codec()).map_err(|e| corrupt(&e))?;
    let records = match codec {
        Compression::None => raw,
        codec => Bytes::from(compress::decompress(codec, &raw, limit).map_err(|e| corrupt(&e))?),
    };
    walk_records(&produced.header, &records, &rules)?;
    match target {
        None => Ok(Produced { deep: Deep::None, ..produced }),
        Some(target) => {
            let target = Compression::from_bits(target).map_err(|e| corrupt(&e))?;
            recompress(&produced, target, limit, config).map_err(|e| corrupt(&e))?
        }
    }
}

/// The same records under another codec.
fn recompress(
    produced: &Produced,
    target: Compression,
    limit: usize,
    config: &LogConfig,
) -> Result<Result<Produced, CodedError>, kafka_wire::records::RecordError> {
    let header = &produced.header;
    let mut builder = BatchBuilder::new(target);
    if header.has_producer_id() {
        builder = builder.producer(header.producer_id, header.producer_epoch, header.base_sequence);
    }
    for record in Batch::parse(&produced.bytes)?.records(limit)? {
        let record = record?;
        let headers: Vec<_> = record.headers().collect();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (&name[..], value.as_deref())).collect();
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        builder.add(NewRecord { timestamp: record.timestamp, key, value, headers: &headers });
    }
    let bytes = builder.finish();
    if bytes.len() > config.max_message_bytes.max(0) as usize {
        let why = format!("the record batch has {} bytes under the topic's compression.type", bytes.len());
        return Ok(Err(CodedError::new(error::MESSAGE_TOO_LARGE, why)));
    }
    let header = BatchHeader::parse(&bytes).expect("it was just built");
    Ok(Ok(Produced { header, bytes, deep: Deep::None }))
}
