//! What the leader does with a produced batch before it gets its offsets (upstream: `ProduceRequest.validateRecords`,
//! `UnifiedLog.analyzeAndValidateRecords`, `LogValidator`).
//!
//! Two depths. [`check_produced`] looks at the header alone. Only where a rule needs the records themselves (keys on a
//! compacted topic, bounded timestamps, another codec) it says so in [`Produced::deep`]; that work may need
//! decompression and is run on the compute pool ([`super::inspection`]) before [`Produced::assign`].

use core::fmt;

use base::DecodeError;
use bytes::Bytes;

use super::batch::{BatchHeader, CRC_START, HEADER_BYTES};
use crate::shard::{CompressionType, LogConfig, TimestampType};

/// Error codes of the protocol that validation gives.
pub(super) mod code {
    pub const CORRUPT_MESSAGE: i16 = 2;
    pub const MESSAGE_TOO_LARGE: i16 = 10;
    pub const RECORD_LIST_TOO_LARGE: i16 = 18;
    pub const INVALID_TIMESTAMP: i16 = 32;
    pub const UNSUPPORTED_COMPRESSION_TYPE: i16 = 76;
    pub const INVALID_RECORD: i16 = 87;
}

/// What is wrong with one record of a batch (Produce v8 and later report it).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// The record's place in the batch, from 0.
    pub batch_index: i32,
    /// What is wrong.
    pub message: String,
}

/// Why a batch is refused, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidateError {
    /// The protocol's error code.
    pub code: i16,
    /// For the response's `error_message`.
    pub message: String,
    /// The records to blame, if single ones are.
    pub record_errors: Vec<RecordError>,
}

impl ValidateError {
    pub(super) fn new(code: i16, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), record_errors: Vec::new() }
    }
}

impl fmt::Display for ValidateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (error {})", self.message, self.code)
    }
}

impl core::error::Error for ValidateError {}

/// What the checks depend on.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The topic's configuration.
    pub config: &'a LogConfig,
    /// Version of the Produce request.
    pub api_version: i16,
    /// Wall clock, milliseconds.
    pub now_ms: i64,
    /// Whether the connection has checked the CRC already.
    pub crc_checked: bool,
}

/// What must be looked at inside the batch before it may be appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deep {
    /// Nothing.
    None,
    /// Each record, against [`RecordRules`].
    Walk(RecordRules),
    /// Each record, and the batch must be rebuilt with this codec (0 to 4, as in the attributes).
    Recompress(RecordRules, u8),
}

/// What single records must obey.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRules {
    /// Compacted topics need a key in every record.
    pub key_required: bool,
    /// The least and the greatest timestamp allowed, milliseconds.
    pub timestamp_ms: (i64, i64),
}

/// The records of one batch that break rules; the first one's rule names the error.
#[derive(Debug, Default)]
pub(super) struct RecordErrors(Option<ValidateError>);

impl RecordErrors {
    /// Notes what is wrong with one record.
    pub(super) fn add(&mut self, code: i16, batch_index: i32, message: String) {
        let error = self.0.get_or_insert_with(|| ValidateError::new(code, "one or more records have been rejected"));
        error.record_errors.push(RecordError { batch_index, message });
    }

    /// Holds a record against the rules. A timestamp of -1 is none.
    pub(super) fn check(&mut self, rules: &RecordRules, index: i32, has_key: bool, timestamp: i64) {
        if rules.key_required && !has_key {
            self.add(code::INVALID_RECORD, index, "compacted topic cannot accept message without key".into());
        }
        let (least, most) = rules.timestamp_ms;
        if timestamp != -1 && !(least..=most).contains(&timestamp) {
            let message = format!("timestamp {timestamp} is out of range: it should be within [{least}, {most}]");
            self.add(code::INVALID_TIMESTAMP, index, message);
        }
    }

    /// All of it, as the batch's error.
    pub(super) fn finish(self) -> Result<(), ValidateError> {
        self.0.map_or(Ok(()), Err)
    }
}

/// A batch whose header is in order.
#[derive(Clone, Debug)]
pub struct Produced {
    /// Its header as the producer sent it.
    pub header: BatchHeader,
    /// The whole batch.
    pub bytes: Bytes,
    /// What is still to be checked inside.
    pub deep: Deep,
}

/// A batch ready for the log.
#[derive(Clone, Debug)]
pub struct Assigned {
    /// Its final header.
    pub header: BatchHeader,
    /// The header's 61 bytes, made anew, and the records, which share the request's memory.
    pub pieces: [Bytes; 2],
}

/// Checks one partition's `records` of a Produce request by a client.
///
/// # Errors
/// [`ValidateError`] with the code that Kafka answers.
pub fn check_produced(records: &Bytes, rules: &Rules<'_>) -> Result<Produced, ValidateError> {
    let (header, bytes) = single_batch(records, rules.api_version)?;
    check_size_and_crc(&header, &bytes, rules)?;
    check_header(&header, rules)?;
    Ok(Produced { header, bytes, deep: deep(&header, rules) })
}

/// What a Produce request of this version may not carry, whatever the topic: upstream looks at it first
/// (`ProduceRequest.validateRecords`).
///
/// # Errors
/// The code and words for the producer.
pub fn check_carried(records: &Bytes, api_version: i16) -> Result<(), ValidateError> {
    if api_version < 3 {
        return Ok(());
    }
    single_batch(records, api_version).map(|_| ())
}

fn check_codec_of_version(header: &BatchHeader, api_version: i16) -> Result<(), ValidateError> {
    if header.codec() == 4 && api_version < 7 {
        return Err(ValidateError::new(code::UNSUPPORTED_COMPRESSION_TYPE, "zstd needs Produce version 7 or later"));
    }
    Ok(())
}

/// The one whole batch of format v2 that Produce v3 and later must carry. A torn batch behind it is dropped, as
/// upstream trims it.
fn single_batch(records: &Bytes, api_version: i16) -> Result<(BatchHeader, Bytes), ValidateError> {
    let invalid = |what: &str| {
        Err(ValidateError::new(
            code::INVALID_RECORD,
            format!("produce requests with version {api_version} must contain exactly one record batch: {what}"),
        ))
    };
    let header = match BatchHeader::parse(records) {
        Ok(header) => header,
        Err(DecodeError::Truncated { .. }) => return invalid("there is none"),
        Err(DecodeError::Invalid(_)) if records[16] < 2 => {
            return Err(ValidateError::new(
                code::INVALID_RECORD,
                format!("message format v{} in Produce version {api_version}, which brings only v2", records[16]),
            ));
        }
        Err(e) => return Err(ValidateError::new(code::CORRUPT_MESSAGE, format!("record batch header: {e}"))),
    };
    if header.size() > records.len() {
        return invalid("the first one is not whole");
    }
    check_codec_of_version(&header, api_version)?;
    let rest = &records[header.size()..];
    if BatchHeader::parse(rest).is_ok_and(|second| second.size() <= rest.len()) {
        return invalid("there are more");
    }
    Ok((header, records.slice(..header.size())))
}

fn check_size_and_crc(header: &BatchHeader, bytes: &Bytes, rules: &Rules<'_>) -> Result<(), ValidateError> {
    check_size(bytes.len(), rules.config)?;
    if !rules.crc_checked && !crc_matches(header, bytes) {
        return Err(ValidateError::new(code::CORRUPT_MESSAGE, "the record batch's CRC does not match its bytes"));
    }
    Ok(())
}

/// Whether a batch of this many bytes fits the topic.
pub(super) fn check_size(size: usize, config: &LogConfig) -> Result<(), ValidateError> {
    let max = config.max_message_bytes;
    if size > max as usize {
        return Err(ValidateError::new(
            code::MESSAGE_TOO_LARGE,
            format!("the record batch has {size} bytes, more than max.message.bytes={max}"),
        ));
    }
    if size > config.segment_bytes as usize {
        return Err(ValidateError::new(
            code::RECORD_LIST_TOO_LARGE,
            format!("the record batch has {size} bytes, more than segment.bytes={}", config.segment_bytes),
        ));
    }
    Ok(())
}

fn check_header(header: &BatchHeader, rules: &Rules<'_>) -> Result<(), ValidateError> {
    let invalid = |message: String| Err(ValidateError::new(code::INVALID_RECORD, message));
    if header.base_offset != 0 {
        return invalid(format!("the base offset of the record batch should be 0, but it is {}", header.base_offset));
    }
    let span = i64::from(header.last_offset_delta) + 1;
    if header.record_count <= 0 || i64::from(header.record_count) != span {
        return invalid(format!("the record batch spans {span} offsets but counts {} records", header.record_count));
    }
    if header.is_control() {
        return invalid("clients may not write control batches".into());
    }
    if header.has_producer_id() && header.base_sequence < 0 {
        return invalid(format!("producer {} gave no sequence number", header.producer_id));
    }
    if header.codec() > 4 {
        return Err(ValidateError::new(code::CORRUPT_MESSAGE, format!("unknown codec {}", header.codec())));
    }
    check_timestamp_type(header, rules.config)
}

/// Only the broker stamps. Upstream looks at it where it does not look at the times themselves; elsewhere the claim is
/// taken back ([`Produced::assign`]).
fn check_timestamp_type(header: &BatchHeader, config: &LogConfig) -> Result<(), ValidateError> {
    /// Bytes of the smallest record.
    const RECORD_BYTES_MIN: i32 = 7;
    if !header.is_log_append_time() || (!log_append_time(config) && header.max_timestamp != -1) {
        return Ok(());
    }
    let mut errors = RecordErrors::default();
    for index in 0..header.record_count.min(header.batch_length / RECORD_BYTES_MIN) {
        let why = "the producer should not set the timestamp type to log append time";
        errors.add(code::INVALID_TIMESTAMP, index, why.into());
    }
    errors.finish()
}

fn log_append_time(config: &LogConfig) -> bool {
    config.message_timestamp_type == TimestampType::LogAppendTime
}

/// The codec that `compression.type` forces; `None` to keep the producer's.
pub(super) fn target_codec(config: &LogConfig) -> Option<u8> {
    match config.compression_type {
        CompressionType::Producer => None,
        CompressionType::None => Some(0),
        CompressionType::Gzip => Some(1),
        CompressionType::Snappy => Some(2),
        CompressionType::Lz4 => Some(3),
        CompressionType::Zstd => Some(4),
    }
}

/// What the topic asks of single records at this time.
pub(super) fn record_rules(config: &LogConfig, now_ms: i64) -> RecordRules {
    let (before, after) = (config.message_timestamp_before_max_ms, config.message_timestamp_after_max_ms);
    let unlimited = log_append_time(config);
    let least = if unlimited || before == i64::MAX { i64::MIN } else { now_ms.saturating_sub(before) };
    let most = if unlimited { i64::MAX } else { now_ms.saturating_add(after) };
    RecordRules { key_required: config.cleanup_compact, timestamp_ms: (least, most) }
}

fn deep(header: &BatchHeader, rules: &Rules<'_>) -> Deep {
    let record_rules = record_rules(rules.config, rules.now_ms);
    let (least, most) = record_rules.timestamp_ms;
    match target_codec(rules.config) {
        Some(codec) if codec != header.codec() => Deep::Recompress(record_rules, codec),
        _ if record_rules.key_required || least != i64::MIN || most != i64::MAX => Deep::Walk(record_rules),
        _ => Deep::None,
    }
}

/// Whether the batch's CRC is that of its bytes.
pub fn crc_matches(header: &BatchHeader, bytes: &[u8]) -> bool {
    base::checksum::crc32c(&bytes[CRC_START..header.size()]) == header.crc
}

/// Checks the batches that a leader sent to a follower: whole, intact, ascending from `log_end_offset` on. Returns
/// their headers and how many bytes they take; a torn batch at the end is left out.
///
/// # Errors
/// `CORRUPT_MESSAGE` for a bad header or CRC, `INVALID_RECORD` for offsets that go back.
pub fn check_replicated(records: &[u8], log_end_offset: i64) -> Result<(Vec<BatchHeader>, usize), ValidateError> {
    let headers = super::batch::headers(records)
        .map_err(|e| ValidateError::new(code::CORRUPT_MESSAGE, format!("replicated record batch header: {e}")))?;
    let (mut at, mut expected) = (0, log_end_offset);
    for header in &headers {
        if !crc_matches(header, &records[at..]) {
            let message = format!("CRC of the replicated record batch at offset {}", header.base_offset);
            return Err(ValidateError::new(code::CORRUPT_MESSAGE, message));
        }
        if header.base_offset < expected {
            let message = format!("replicated offset {} is below the expected {expected}", header.base_offset);
            return Err(ValidateError::new(code::INVALID_RECORD, message));
        }
        expected = header.next_offset();
        at += header.size();
    }
    Ok((headers, at))
}

impl Produced {
    /// Gives the batch its place: base offset and leader epoch, and the broker's time where the topic asks for it.
    /// Only the 61 bytes of the header are new. The CRC is made anew only when something under it changed.
    pub fn assign(&self, base_offset: i64, leader_epoch: i32, config: &LogConfig, now_ms: i64) -> Assigned {
        let mut header = BatchHeader { base_offset, leader_epoch, ..self.header };
        let records = self.bytes.slice(HEADER_BYTES..);
        if log_append_time(config) {
            header.set_log_append_time(now_ms);
            header.crc = header.compute_crc(&records);
        } else if header.is_log_append_time() {
            header.set_create_time();
            header.crc = header.compute_crc(&records);
        }
        Assigned { header, pieces: [Bytes::copy_from_slice(&header.encode()), records] }
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::tests::header;
    use super::super::records::{Walked, walk_records};
    use super::*;

    /// A record with small fields: all varints are one byte.
    fn record(delta: u8, timestamp_delta: u8, key: Option<&[u8]>) -> Vec<u8> {
        let mut body = vec![0, timestamp_delta << 1, delta << 1];
        match key {
            Some(key) => {
                body.push((key.len() as u8) << 1);
                body.extend(key);
            }
            None => body.push(1),
        }
        body.extend([2, b'v', 0]);
        body.insert(0, (body.len() as u8) << 1);
        body
    }

    fn batch(change: impl FnOnce(&mut BatchHeader)) -> Bytes {
        let records = [record(0, 0, Some(b"k")), record(1, 5, None)].concat();
        let mut h = BatchHeader { batch_length: 49 + records.len() as i32, max_timestamp: 1005, ..header(0, 2) };
        change(&mut h);
        h.crc = h.compute_crc(&records);
        [&h.encode()[..], &records].concat().into()
    }

    fn rules(config: &LogConfig) -> Rules<'_> {
        Rules { config, api_version: 9, now_ms: 5000, crc_checked: false }
    }

    #[test]
    fn a_good_batch_needs_nothing_more() {
        let config = LogConfig::default();
        let produced = check_produced(&batch(|_| ()), &rules(&config)).unwrap();
        assert_eq!(produced.deep, Deep::None);
        let assigned = produced.assign(100, 7, &config, 5000);
        assert_eq!((assigned.header.base_offset, assigned.header.leader_epoch), (100, 7));
        assert_eq!(assigned.header.crc, produced.header.crc);
        let whole: Bytes = assigned.pieces.concat().into();
        assert_eq!(BatchHeader::parse(&whole), Ok(assigned.header));
        assert!(crc_matches(&assigned.header, &whole));
        assert_eq!(assigned.pieces[1].as_ptr(), produced.bytes[HEADER_BYTES..].as_ptr(), "records are not copied");
    }

    #[test]
    fn refusals() {
        let config = LogConfig::default();
        let twice: Bytes = [batch(|_| ()), batch(|_| ())].concat().into();
        let whole = batch(|_| ());
        let mut flipped = whole.to_vec();
        *flipped.last_mut().unwrap() ^= 1;
        let mut old = whole.to_vec();
        old[16] = 1;
        let cases: Vec<(&str, Bytes, i16)> = vec![
            ("empty", Bytes::new(), 87),
            ("half a batch", whole.slice(..70), 87),
            ("two batches", twice, 87),
            ("flipped bit", flipped.into(), 2),
            ("magic 1", old.into(), 87),
            ("length below a header", batch(|h| h.batch_length = 3), 2),
            ("base offset", batch(|h| h.base_offset = 1), 87),
            ("count below span", batch(|h| h.record_count = 1), 87),
            ("count 0", batch(|h| (h.record_count, h.last_offset_delta) = (0, 0)), 87),
            ("control", batch(|h| h.attributes = 0x20), 87),
            ("no sequence", batch(|h| h.producer_id = 5), 87),
            ("codec 5", batch(|h| h.attributes = 5), 2),
            ("append time without a time", batch(|h| (h.attributes, h.max_timestamp) = (8, -1)), 32),
        ];
        for (what, bytes, code) in cases {
            let error = check_produced(&bytes, &rules(&config)).expect_err(what);
            assert_eq!(error.code, code, "{what}: {error}");
        }
        let zstd = batch(|h| h.attributes = 4);
        let old_version = Rules { api_version: 6, ..rules(&config) };
        assert_eq!(check_produced(&zstd, &old_version).unwrap_err().code, 76);
        assert!(check_produced(&zstd, &rules(&config)).is_ok());
    }

    #[test]
    fn sizes() {
        let bytes = batch(|_| ());
        let mut config = LogConfig { max_message_bytes: bytes.len() as i32, ..LogConfig::default() };
        assert!(check_produced(&bytes, &rules(&config)).is_ok());
        config.max_message_bytes -= 1;
        assert_eq!(check_produced(&bytes, &rules(&config)).unwrap_err().code, 10);
        config.max_message_bytes += 1;
        config.segment_bytes = bytes.len() as i32 - 1;
        assert_eq!(check_produced(&bytes, &rules(&config)).unwrap_err().code, 18);
    }

    #[test]
    fn a_torn_batch_behind_the_first_is_dropped() {
        let one = batch(|_| ());
        let torn: Bytes = [&one[..], &one[..65]].concat().into();
        let config = LogConfig::default();
        assert_eq!(check_produced(&torn, &rules(&config)).unwrap().bytes, one);
    }

    #[test]
    fn log_append_time_makes_a_new_crc() {
        let config = LogConfig { message_timestamp_type: TimestampType::LogAppendTime, ..LogConfig::default() };
        let produced = check_produced(&batch(|_| ()), &rules(&config)).unwrap();
        let assigned = produced.assign(3, 1, &config, 777_777);
        assert!(assigned.header.is_log_append_time());
        assert_eq!((assigned.header.max_timestamp, assigned.header.base_timestamp), (777_777, 1000));
        assert!(crc_matches(&assigned.header, &assigned.pieces.concat()));
        assert_ne!(assigned.header.crc, produced.header.crc);
    }

    #[test]
    fn a_producer_does_not_stamp() {
        let stamped = batch(|h| h.attributes = 8);
        let config = LogConfig { message_timestamp_type: TimestampType::LogAppendTime, ..LogConfig::default() };
        let refused = check_produced(&stamped, &rules(&config)).unwrap_err();
        let blamed: Vec<i32> = refused.record_errors.iter().map(|record| record.batch_index).collect();
        assert_eq!((refused.code, blamed), (32, vec![0, 1]));
        let config = LogConfig::default();
        let assigned = check_produced(&stamped, &rules(&config)).unwrap().assign(3, 1, &config, 777_777);
        assert!(!assigned.header.is_log_append_time(), "the claim is taken back");
        assert!(crc_matches(&assigned.header, &assigned.pieces.concat()));
    }

    #[test]
    fn what_needs_a_look_inside() {
        let bytes = batch(|_| ());
        let deep = |config: &LogConfig| check_produced(&bytes, &rules(config)).unwrap().deep;
        let d = LogConfig::default;
        let forever = (i64::MIN, i64::MAX);
        let keyed = RecordRules { key_required: true, timestamp_ms: forever };
        assert_eq!(deep(&LogConfig { cleanup_compact: true, ..d() }), Deep::Walk(keyed));
        let limited = LogConfig { message_timestamp_before_max_ms: 10, message_timestamp_after_max_ms: 20, ..d() };
        let within = RecordRules { key_required: false, timestamp_ms: (4990, 5020) };
        assert_eq!(deep(&limited), Deep::Walk(within));
        assert_eq!(deep(&LogConfig { message_timestamp_type: TimestampType::LogAppendTime, ..limited }), Deep::None);
        let free = RecordRules { key_required: false, timestamp_ms: forever };
        assert_eq!(deep(&LogConfig { compression_type: CompressionType::Lz4, ..d() }), Deep::Recompress(free, 3));
        assert_eq!(deep(&LogConfig { compression_type: CompressionType::None, ..d() }), Deep::None);
    }

    #[test]
    fn walking_the_records() {
        let bytes = batch(|_| ());
        let h = BatchHeader::parse(&bytes).unwrap();
        let records = &bytes[HEADER_BYTES..];
        let free = RecordRules { key_required: false, timestamp_ms: (i64::MIN, i64::MAX) };
        let found = walk_records(&h, records, &free).unwrap();
        assert_eq!(found, Walked { max_timestamp: 1005, delta_of_max_timestamp: 1 });
        let keyed = walk_records(&h, records, &RecordRules { key_required: true, ..free }).unwrap_err();
        assert_eq!((keyed.code, keyed.record_errors.len(), keyed.record_errors[0].batch_index), (87, 1, 1));
        let late = walk_records(&h, records, &RecordRules { timestamp_ms: (0, 1004), ..free }).unwrap_err();
        assert_eq!((late.code, late.record_errors[0].batch_index), (32, 1));
        for cut in 0..records.len() {
            assert!(walk_records(&h, &records[..cut], &free).is_err(), "cut at {cut}");
        }
        let more = BatchHeader { record_count: 3, ..h };
        assert!(walk_records(&more, records, &free).is_err());
        let fewer = BatchHeader { record_count: 1, ..h };
        assert!(walk_records(&fewer, records, &free).is_err());
    }

    #[test]
    fn replicated_batches_keep_their_offsets() {
        let at = |offset| batch(|h| h.base_offset = offset);
        let two: Bytes = [&at(10)[..], &at(15), &at(17)[..30]].concat().into();
        let (headers, bytes) = check_replicated(&two, 10).unwrap();
        assert_eq!(headers.iter().map(|h| h.base_offset).collect::<Vec<_>>(), [10, 15]);
        assert_eq!(bytes, at(0).len() * 2);
        assert_eq!(check_replicated(&two, 11).unwrap_err().code, 87);
        let back: Bytes = [at(10), at(11)].concat().into();
        assert_eq!(check_replicated(&back, 10).unwrap_err().code, 87);
    }
}
