//! What other people's programs sent and wrote (`fixtures/kafka`): every frame and every batch decodes, and encodes to the
//! same bytes.
#![allow(clippy::disallowed_methods)] // The crate touches no files; its tests read fixtures.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use base::Reader;
use bytes::{Bytes, BytesMut};
use kafka_wire::codecs::codec;
use kafka_wire::messages::{GroupMetadataKey, GroupMetadataValue, OffsetCommitKey, OffsetCommitValue};
use kafka_wire::messages::{TransactionLogKey, TransactionLogValue};
use kafka_wire::records::control::EndTxnMarker;
use kafka_wire::records::{Batch, BatchBuilder, Batches, Compression, NewRecord, TimestampType};
use kafka_wire::{ApiKey, RequestHeader, ResponseHeader, Writer};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/kafka")
}

/// A frame of a capture.
struct Frame {
    connection: u32,
    from_client: bool,
    bytes: Bytes,
}

fn capture(path: &Path) -> Vec<Frame> {
    let mut rest = Bytes::from(fs::read(path).expect("a capture that can be read"));
    assert!(rest.starts_with(b"castlekeep-capture 1 length "), "{} is no capture of frames", path.display());
    let line = rest.iter().position(|byte| *byte == b'\n').expect("a first line");
    rest = rest.slice(line + 1..);
    let mut r = Reader::new(rest);
    let mut frames = Vec::new();
    while !r.is_empty() {
        let connection = r.u32().unwrap();
        let from_client = r.u8().unwrap() == b'>';
        let length = r.u32().unwrap() as usize;
        frames.push(Frame { connection, from_client, bytes: r.slice(length).unwrap() });
    }
    frames
}

/// Decodes a frame and encodes it again.
fn recode_request(bytes: &Bytes) -> (RequestHeader, BytesMut) {
    let mut r = Reader::new(bytes.clone());
    let header = RequestHeader::decode(&mut r).expect("a request header");
    let key = header.key().expect("a known API");
    let mut w = Writer::default();
    header.write(&mut w);
    let mut out = w.into_bytes();
    let codec = codec(key, true).unwrap_or_else(|| panic!("{key} has no request"));
    let result = (codec.recode)(&mut r, header.api_version, &mut out);
    assert_eq!(result, Ok(()), "{key} v{} {bytes:?}", header.api_version);
    assert!(r.is_empty(), "{key} v{} leaves {} bytes", header.api_version, r.remaining());
    (header, out)
}

fn recode_response(key: ApiKey, version: i16, bytes: &Bytes) -> BytesMut {
    let mut r = Reader::new(bytes.clone());
    let header = ResponseHeader::decode(&mut r, key, version).expect("a response header");
    let mut w = Writer::default();
    header.write(&mut w, key, version);
    let mut out = w.into_bytes();
    let result = (codec(key, false).unwrap().recode)(&mut r, version, &mut out);
    assert_eq!(result, Ok(()), "{key} v{version} {bytes:?}");
    assert!(r.is_empty(), "{key} v{version} leaves {} bytes", r.remaining());
    out
}

#[test]
fn every_captured_frame_comes_back_as_the_same_bytes() {
    let mut seen = BTreeSet::new();
    let mut frames = 0;
    for entry in fs::read_dir(fixtures()).expect("the fixtures") {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "cap") {
            continue;
        }
        let mut asked = BTreeMap::new();
        for frame in capture(&path) {
            frames += 1;
            if frame.from_client {
                let (header, out) = recode_request(&frame.bytes);
                let key = header.key().unwrap();
                assert_eq!(out, frame.bytes, "{} {key} v{}", path.display(), header.api_version);
                seen.insert((key, header.api_version));
                asked.insert((frame.connection, header.correlation_id), (key, header.api_version));
            } else {
                let id = i32::from_be_bytes(frame.bytes[..4].try_into().unwrap());
                let (key, mut version) = asked[&(frame.connection, id)];
                // An ApiVersions request of an unknown version is answered in version 0, with error 35.
                if key == ApiKey::ApiVersions && frame.bytes[4..6] == [0, 35] {
                    version = 0;
                }
                let out = recode_response(key, version, &frame.bytes);
                assert_eq!(out, frame.bytes, "{} answer to {key} v{version}", path.display());
            }
        }
    }
    assert!(frames > 500, "only {frames} frames");
    let keys: BTreeSet<_> = seen.iter().map(|(key, _)| *key).collect();
    for key in [ApiKey::Produce, ApiKey::Fetch, ApiKey::LeaderAndIsr, ApiKey::UpdateMetadata, ApiKey::JoinGroup] {
        assert!(keys.contains(&key), "no capture of {key}");
    }
    assert!(seen.len() >= 40, "only {} messages and versions: {seen:?}", seen.len());
}

/// The batches of every segment of a log folder that upstream wrote.
fn batches() -> Vec<(String, Batch)> {
    let mut found = Vec::new();
    for folder in fs::read_dir(fixtures().join("log-3.9.2")).expect("the log folder") {
        let folder = folder.unwrap().path();
        let topic = folder.file_name().unwrap().to_string_lossy().into_owned();
        for file in fs::read_dir(&folder).into_iter().flatten() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "log") {
                let mut batches = Batches::new(Bytes::from(fs::read(&path).unwrap()));
                for batch in &mut batches {
                    found.push((topic.clone(), batch.unwrap_or_else(|e| panic!("{}: {e}", path.display()))));
                }
            }
        }
    }
    found
}

#[test]
fn upstreams_batches_are_read_and_built_the_same() {
    let mut codecs = BTreeSet::new();
    let (mut markers, mut built) = (0, 0);
    for (topic, batch) in batches() {
        batch.check_crc().unwrap_or_else(|e| panic!("{topic}: {e}"));
        let header = batch.header;
        let compression = header.attributes.compression().unwrap();
        codecs.insert(compression.name());
        let records: Vec<_> = batch.records(1 << 24).unwrap().collect::<Result<_, _>>().unwrap_or_else(|e| {
            panic!("{topic} at {}: {e}", header.base_offset);
        });
        assert_eq!(records.len(), header.record_count as usize);
        assert_eq!(records.last().map(|r| r.offset), Some(header.last_offset()));
        if header.attributes.is_control() {
            markers += usize::from(EndTxnMarker::from_batch(&batch).unwrap().is_some());
        }
        // Codecs differ in their output from release to release; what is not compressed has one form only.
        if compression == Compression::None {
            built += 1;
            assert_eq!(rebuild(&batch, &records), batch.bytes, "{topic} at {}", header.base_offset);
        }
    }
    assert_eq!(codecs, BTreeSet::from(["none", "gzip", "snappy", "lz4", "zstd"]));
    assert!(markers >= 2 && built >= 10, "{markers} markers, {built} batches");
}

fn rebuild(batch: &Batch, records: &[kafka_wire::records::Record]) -> Bytes {
    let header = batch.header;
    let mut builder = BatchBuilder::new(Compression::None)
        .base_offset(header.base_offset)
        .partition_leader_epoch(header.partition_leader_epoch)
        .producer(header.producer_id, header.producer_epoch, header.base_sequence);
    if header.attributes.is_transactional() {
        builder = builder.transactional();
    }
    if header.attributes.is_control() {
        builder = builder.control();
    }
    if header.attributes.timestamp_type() == TimestampType::LogAppend {
        builder = builder.log_append_time(header.max_timestamp);
    }
    for record in records {
        let headers: Vec<_> = record.headers().collect();
        let headers: Vec<_> = headers.iter().map(|(name, value)| (&name[..], value.as_deref())).collect();
        builder.add_at(
            (record.offset - header.base_offset) as i32,
            NewRecord {
                timestamp: record.timestamp,
                key: record.key.as_deref(),
                value: record.value.as_deref(),
                headers: &headers,
            },
        );
    }
    builder.finish()
}

#[test]
fn upstreams_coordinator_records_come_back_as_the_same_bytes() {
    let mut kinds = BTreeMap::new();
    for (topic, batch) in batches() {
        let offsets = topic.starts_with("__consumer_offsets-");
        if batch.header.attributes.is_control() || !offsets && !topic.starts_with("__transaction_state-") {
            continue;
        }
        for record in batch.records(1 << 24).unwrap() {
            let record = record.unwrap();
            let key = record.key.expect("coordinators' records have keys");
            let kind = i16::from_be_bytes(key[..2].try_into().unwrap());
            *kinds.entry((offsets, kind)).or_insert(0) += 1;
            match (offsets, kind) {
                (true, 0 | 1) => same::<OffsetCommitKey, OffsetCommitValue>(key, record.value),
                (true, 2) => same::<GroupMetadataKey, GroupMetadataValue>(key, record.value),
                (false, 0) => same::<TransactionLogKey, TransactionLogValue>(key, record.value),
                other => panic!("a record of an unknown kind {other:?}"),
            }
        }
    }
    assert_eq!(kinds.keys().copied().collect::<Vec<_>>(), [(false, 0), (true, 1), (true, 2)], "{kinds:?}");
}

fn same<K: kafka_wire::Record, V: kafka_wire::Record>(key: Bytes, value: Option<Bytes>) {
    let (version, decoded) = K::from_bytes(key.clone()).unwrap();
    assert_eq!(decoded.to_bytes(version), key, "{}", K::NAME);
    if let Some(value) = value {
        let (version, decoded) = V::from_bytes(value.clone()).unwrap();
        assert_eq!(decoded.to_bytes(version), value, "{} v{version}", V::NAME);
    }
}
