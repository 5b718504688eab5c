//! What can be said of produced records only by looking inside: single records against the topic's rules, another codec,
//! message sets of formats 0 and 1, which become one batch of format 2 (upstream: `LogValidator`).
//!
//! An [`Inspection`] is made by the shard and run away from its thread; nothing of the partition changes before its result
//! is back.

use std::sync::Arc;

use bytes::Bytes;
use kafka_wire::records::{Batch, BatchBuilder, Compression, NewRecord, RecordError, compress, legacy};

use super::batch::{BatchHeader, HEADER_BYTES};
use super::records::walk_records;
use super::validate::{self, Deep, Produced, RecordErrors, RecordRules, record_rules, target_codec};
use crate::error;
use crate::shard::{CodedError, LogConfig};

/// A batch may decompress to this many times `max.message.bytes`, and to 64 MiB at least.
const EXPANSION_MAX: usize = 64;

/// One partition's records of a Produce request, to be looked into.
#[derive(Debug)]
pub struct Inspection {
    subject: Subject,
    config: Arc<LogConfig>,
}

#[derive(Debug)]
enum Subject {
    /// A batch whose [`Deep`] is not `None`.
    Batch(Produced),
    /// Whole messages of format 0 or 1.
    MessageSet(Bytes, RecordRules),
}

impl Inspection {
    /// Of a batch, as its `deep` says.
    pub fn batch(produced: Produced, config: Arc<LogConfig>) -> Self {
        Self { subject: Subject::Batch(produced), config }
    }

    /// Of a message set, which is what Produce below version 3 brings. A message torn off at the end is dropped; `None`
    /// when no whole one is there, which old producers are told is well.
    pub fn message_set(records: &Bytes, config: &Arc<LogConfig>, now_ms: i64) -> Option<Self> {
        let whole = legacy::whole_messages(records);
        let rules = record_rules(config, now_ms);
        let inspection = || Self { subject: Subject::MessageSet(whole.clone(), rules), config: config.clone() };
        (!whole.is_empty()).then(inspection)
    }

    /// Does it. Takes as long as the records are large.
    ///
    /// # Errors
    /// What the producer is told, with the records to blame.
    pub fn run(self) -> Result<Produced, CodedError> {
        let config = &self.config;
        match self.subject {
            Subject::Batch(produced) => inspect_batch(produced, config),
            Subject::MessageSet(messages, rules) => convert(&messages, &rules, config),
        }
    }
}

fn limit(config: &LogConfig) -> usize {
    (bytes_max(config) * EXPANSION_MAX).max(64 << 20)
}

fn bytes_max(config: &LogConfig) -> usize {
    config.max_message_bytes.max(0) as usize
}

fn corrupt(e: &dyn core::fmt::Display) -> CodedError {
    CodedError::new(error::CORRUPT_MESSAGE, e.to_string())
}

/// Walks the records, and packs them anew where the topic asks for another codec.
fn inspect_batch(produced: Produced, config: &LogConfig) -> Result<Produced, CodedError> {
    let (rules, target) = match produced.deep {
        Deep::None => return Ok(produced),
        Deep::Walk(rules) => (rules, None),
        Deep::Recompress(rules, codec) => (rules, Some(codec)),
    };
    let raw = produced.bytes.slice(HEADER_BYTES..);
    let codec = Compression::from_bits(produced.header.codec()).map_err(|e| corrupt(&e))?;
    let records = match codec {
        Compression::None => raw,
        codec => Bytes::from(compress::decompress(codec, &raw, limit(config)).map_err(|e| corrupt(&e))?),
    };
    walk_records(&produced.header, &records, &rules)?;
    match target {
        None => Ok(Produced { deep: Deep::None, ..produced }),
        Some(target) => {
            let target = Compression::from_bits(target).map_err(|e| corrupt(&e))?;
            built(recompress(&produced, target, config).map_err(|e| corrupt(&e))?, config)
        }
    }
}

/// The same records under another codec.
fn recompress(produced: &Produced, target: Compression, config: &LogConfig) -> Result<Bytes, RecordError> {
    let header = &produced.header;
    let mut builder = BatchBuilder::new(target).level(config.compression_level);
    if header.has_producer_id() {
        builder = builder.producer(header.producer_id, header.producer_epoch, header.base_sequence);
    }
    if header.is_transactional() {
        builder = builder.transactional();
    }
    for record in Batch::parse(&produced.bytes)?.records(limit(config))? {
        let record = record?;
        let headers: Vec<_> = record.headers().collect();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (&name[..], value.as_deref())).collect();
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        builder.add(NewRecord { timestamp: record.timestamp, key, value, headers: &headers });
    }
    Ok(builder.finish())
}

/// One batch of format 2 for a message set: offsets from 0, the producer's timestamps (-1 from format 0), the producer's
/// codec or the topic's.
fn convert(messages: &Bytes, rules: &RecordRules, config: &LogConfig) -> Result<Produced, CodedError> {
    let max = bytes_max(config);
    if let Some(size) = legacy::sizes(messages).find(|size| *size > max) {
        let why = format!("a message has {size} bytes, more than max.message.bytes={max}");
        return Err(CodedError::new(error::MESSAGE_TOO_LARGE, why));
    }
    let set = legacy::parse(messages, limit(config)).map_err(|e| match e {
        // zstd is younger than message sets.
        RecordError::Corrupt(legacy::NESTED) | RecordError::UnknownCompression(_) => {
            CodedError::new(error::INVALID_RECORD, e.to_string())
        }
        e => corrupt(&e),
    })?;
    if set.compression != Compression::None && legacy::sizes(messages).nth(1).is_some() {
        return Err(CodedError::new(error::INVALID_RECORD, "a compressed message comes with others beside it"));
    }
    let mut errors = RecordErrors::default();
    for (index, message) in (0..).zip(&set.messages) {
        errors.check(rules, index, message.key.is_some(), message.timestamp);
    }
    errors.finish()?;
    let codec = target_codec(config).map_or(Ok(set.compression), Compression::from_bits).map_err(|e| corrupt(&e))?;
    built(legacy::up_convert(&set, codec), config)
}

/// What was built here must obey the topic's limits like what came from outside.
fn built(bytes: Bytes, config: &LogConfig) -> Result<Produced, CodedError> {
    let header = BatchHeader::parse(&bytes).expect("it was just built");
    validate::check_size(bytes.len(), config)?;
    Ok(Produced { header, bytes, deep: Deep::None })
}

#[cfg(test)]
mod tests {
    use kafka_wire::records::TimestampType;

    use super::*;
    use crate::shard::CompressionType;

    /// A message of format 1 with this key, and `v`.
    fn message(key: Option<&[u8]>, timestamp: i64) -> Vec<u8> {
        legacy::encode(1, 0, timestamp, TimestampType::Create, key, Some(b"v")).to_vec()
    }

    fn run(records: &[u8], config: LogConfig) -> Result<Batch, CodedError> {
        let inspection = Inspection::message_set(&Bytes::copy_from_slice(records), &Arc::new(config), 5000);
        let produced = inspection.expect("a whole message").run()?;
        assert_eq!(produced.deep, Deep::None);
        Ok(Batch::parse(&produced.bytes).expect("a batch"))
    }

    #[test]
    fn a_message_set_becomes_one_batch() {
        let set = [message(Some(b"k"), 7), message(None, 9)].concat();
        let batch = run(&set, LogConfig::default()).expect("taken");
        batch.check_crc().expect("right");
        let offsets: Vec<(i64, i64)> =
            batch.records(1000).expect("plain").map(|r| r.expect("whole")).map(|r| (r.offset, r.timestamp)).collect();
        assert_eq!(offsets, [(0, 7), (1, 9)]);
        let torn = [&set[..], &set[..20]].concat();
        assert_eq!(run(&torn, LogConfig::default()).expect("the torn one is dropped").header.record_count, 2);
        let zstd = LogConfig { compression_type: CompressionType::Zstd, ..LogConfig::default() };
        assert_eq!(run(&set, zstd).expect("taken").header.attributes.compression(), Ok(Compression::Zstd));
        assert!(Inspection::message_set(&Bytes::from_static(&[0; 5]), &Arc::default(), 0).is_none());
    }

    #[test]
    fn a_message_set_obeys_the_topic() {
        let compact = LogConfig { cleanup_compact: true, ..LogConfig::default() };
        let set = [message(Some(b"k"), 7), message(None, 9)].concat();
        let refused = run(&set, compact).expect_err("no key");
        assert_eq!((refused.code, refused.record_errors.len(), refused.record_errors[0].0), (87, 1, 1));
        let late = LogConfig { message_timestamp_after_max_ms: 10, ..LogConfig::default() };
        assert_eq!(run(&message(None, 6000), late).expect_err("too late").code, 32);
        let small = LogConfig { max_message_bytes: 30, ..LogConfig::default() };
        assert_eq!(run(&message(None, 1), small).expect_err("too large").code, 10);
        let mut flipped = message(None, 1);
        *flipped.last_mut().expect("not empty") ^= 1;
        assert_eq!(run(&flipped, LogConfig::default()).expect_err("checksum").code, 2);
    }

    #[test]
    fn another_codec_keeps_producer_and_records() {
        let mut builder = BatchBuilder::new(Compression::None).producer(9, 1, 4);
        for timestamp in [5, 3] {
            let headers: &[(&[u8], Option<&[u8]>)] = &[(b"h", None), (b"h", Some(b"x"))];
            builder.add(NewRecord { timestamp, key: Some(b"k"), value: None, headers });
        }
        let bytes = builder.finish();
        let header = BatchHeader::parse(&bytes).expect("built");
        let rules = RecordRules { key_required: true, timestamp_ms: (i64::MIN, i64::MAX) };
        let produced = Produced { header, bytes: bytes.clone(), deep: Deep::Recompress(rules, 2) };
        let done = Inspection::batch(produced, Arc::default()).run().expect("taken");
        assert_eq!((done.header.codec(), done.header.producer_id, done.header.base_sequence), (2, 9, 4));
        let records = |bytes: &Bytes| -> Vec<_> {
            let batch = Batch::parse(bytes).expect("a batch");
            batch.records(1 << 20).expect("a codec").map(|r| r.expect("whole")).collect()
        };
        assert_eq!(records(&done.bytes), records(&bytes));
    }
}
