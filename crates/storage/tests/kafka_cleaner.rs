//! Compaction of real files: which records stay, what becomes of tombstones, transactions and producers, and that the log
//! opens as it was after both kinds of stop.

mod txn_writer;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use broker::log::LogConfig;
use bytes::Bytes;
use kafka_wire::records::{Batch, BatchBuilder, Batches, Compression, NewRecord, Record};
use storage::file_disk::FileDisk;
use storage::kafka::{CleanOrder, Log, OpenOptions};
use txn_writer::{NOW_MS, Writer};

const DAY_MS: i64 = 86_400_000;

fn config() -> Arc<LogConfig> {
    let (segment_bytes, index_interval_bytes) = (1000, 100);
    Arc::new(LogConfig { segment_bytes, index_interval_bytes, cleanup_compact: true, ..LogConfig::default() })
}

impl Writer {
    fn put(&mut self, records: &[(&str, Option<&str>)], producer: Option<(i64, i32)>, transactional: bool) {
        let compression = Compression::ALL[self.log.log_end_offset() as usize % 5];
        let mut builder = BatchBuilder::new(compression).base_offset(self.log.log_end_offset());
        builder = builder.partition_leader_epoch(0);
        if let Some((id, sequence)) = producer {
            builder = builder.producer(id, 0, sequence);
        }
        if transactional {
            builder = builder.transactional();
        }
        for (key, value) in records {
            let (key, value) = (Some(key.as_bytes()), value.map(str::as_bytes));
            builder.add(NewRecord { timestamp: NOW_MS, key, value, headers: &[] });
        }
        self.append(builder.finish(), None);
    }

    /// Rolls, flushes, and compacts everything from `first_dirty_offset` on, in small steps.
    fn clean(&mut self, first_dirty_offset: i64, now_ms: i64, map_bytes_max: u64) -> i64 {
        let end = self.log.log_end_offset();
        self.log.roll(end, NOW_MS, &self.producers).expect("rolled");
        let flushed = self.log.flush().expect("begun").run().expect("flushed");
        self.log.flush_done(flushed);
        let last = |entry: &broker::log::producer_state::ProducerEntry| {
            (entry.batches.back().map(|batch| batch.last_offset), entry.producer_epoch)
        };
        let order = CleanOrder {
            first_dirty_offset,
            first_uncleanable_offset: end,
            map_bytes_max,
            load_factor: 0.9,
            now_ms,
            producers: self.producers.producers().map(|(id, entry)| (id, last(entry))).collect::<BTreeMap<_, _>>(),
        };
        let mut cleaner = self.log.begin_cleaning(order).expect("begun");
        while !cleaner.step(300).expect("a step").done {}
        let cleaned = cleaner.finish();
        assert!(cleaned.bytes_after <= cleaned.bytes_before + 200);
        let end_offset = cleaned.end_offset;
        self.log.apply_cleaned(cleaned).run().expect("removed");
        end_offset
    }
}

/// Everything in the log, batch by batch.
fn batches(log: &Log<FileDisk>) -> Vec<Batch> {
    let (mut found, mut next) = (Vec::new(), log.first_base_offset());
    while next < log.log_end_offset() {
        let range = log.read(next, 1 << 20, log.log_end_offset(), true).expect("read");
        let bytes = range.read_bytes().expect("read");
        if bytes.is_empty() {
            break;
        }
        for batch in Batches::new(bytes) {
            let batch = batch.expect("whole");
            batch.check_crc().expect("right");
            next = batch.header.next_offset();
            found.push(batch);
        }
    }
    found
}

fn records(log: &Log<FileDisk>) -> Vec<Record> {
    let data = batches(log).into_iter().filter(|batch| !batch.header.attributes.is_control());
    data.flat_map(|batch| batch.records(1 << 20).expect("records").map(|r| r.expect("whole")).collect::<Vec<_>>())
        .collect()
}

fn shown(log: &Log<FileDisk>) -> Vec<(i64, String)> {
    let text = |bytes: &Option<Bytes>| bytes.as_ref().map_or("-".into(), |b| String::from_utf8_lossy(b).into_owned());
    records(log).iter().map(|r| (r.offset, format!("{}={}", text(&r.key), text(&r.value)))).collect()
}

fn reopened(dir: &Path, clean: bool, recovery_point: i64) -> Vec<(i64, String)> {
    let options = OpenOptions {
        config: config(),
        clean,
        recovery_point,
        log_start_offset: 0,
        now_ms: NOW_MS,
        producer_expiration_ms: DAY_MS,
    };
    let (log, recovered) = Log::open(&FileDisk, dir, &options).expect("opens");
    assert_eq!(recovered.warnings, Vec::<String>::new());
    shown(&log)
}

#[test]
fn the_last_value_of_each_key_stays() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::new(dir.path(), config());
    for round in 0..40 {
        let value = format!("value {round}");
        writer.put(&[(&format!("key{}", round % 4), Some(&value)), ("hot", Some(&value))], None, false);
    }
    let segments = writer.log.segment_count();
    assert!(segments > 3);
    assert_eq!(writer.clean(0, NOW_MS, 1 << 20), 80);
    let expected: Vec<(i64, String)> = vec![
        (72, "key0=value 36".into()),
        (74, "key1=value 37".into()),
        (76, "key2=value 38".into()),
        (78, "key3=value 39".into()),
        (79, "hot=value 39".into()),
    ];
    assert_eq!(shown(&writer.log), expected);
    assert_eq!(writer.log.log_end_offset(), 80);
    // Every offset finds what follows it.
    for offset in 0..80 {
        let range = writer.log.read(offset, 1 << 20, 80, true).expect("read");
        let first = Batches::new(range.read_bytes().expect("read")).next().expect("a batch").expect("whole");
        assert!(first.header.last_offset() >= offset, "{offset}");
    }
    writer.put(&[("key0", Some("new"))], None, false);
    assert_eq!(writer.clean(80, NOW_MS, 1 << 20), 81);
    assert!(writer.log.segment_count() < segments, "small neighbours became one");
    let mut later = expected[1..].to_vec();
    later.push((80, "key0=new".into()));
    assert_eq!(shown(&writer.log), later);
    let names: Vec<_> =
        std::fs::read_dir(dir.path()).expect("listed").map(|e| e.expect("an entry").file_name()).collect();
    assert!(
        names.iter().all(|name| !name.to_string_lossy().ends_with("ed") && !name.to_string_lossy().ends_with("swap"))
    );
    for (clean, recovery_point) in [(false, 0), (false, 81), (true, 81)] {
        assert_eq!(reopened(dir.path(), clean, recovery_point), later, "clean {clean}");
    }
}

#[test]
fn a_map_that_is_too_small_cleans_in_rounds() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::new(dir.path(), config());
    for round in 0..60 {
        writer.put(&[(&format!("key{}", round % 30), Some("v"))], None, false);
    }
    let (mut first_dirty, mut rounds) = (0, 0);
    while first_dirty < 60 {
        let end = writer.clean(first_dirty, NOW_MS, 24 * 12);
        assert!(end > first_dirty);
        (first_dirty, rounds) = (end, rounds + 1);
    }
    assert!(rounds > 2, "{rounds}");
    assert_eq!(
        records(&writer.log).iter().map(|record| record.offset).collect::<Vec<_>>(),
        (30..60).collect::<Vec<_>>()
    );
}

#[test]
fn tombstones_go_when_their_horizon_has_passed() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::new(dir.path(), config());
    writer.put(&[("a", Some("1")), ("b", Some("1"))], None, false);
    writer.put(&[("a", None)], None, false);
    let both = [(1, "b=1".to_string()), (2, "a=-".to_string())];
    writer.clean(0, NOW_MS, 1 << 20);
    assert_eq!(shown(&writer.log), both, "the value is gone, its tombstone tells late readers");
    let horizon = batches(&writer.log).iter().find_map(|batch| batch.header.delete_horizon_ms());
    assert_eq!(horizon, Some(NOW_MS + DAY_MS));
    writer.clean(3, NOW_MS + DAY_MS - 1, 1 << 20);
    assert_eq!(shown(&writer.log), both);
    writer.clean(3, NOW_MS + DAY_MS, 1 << 20);
    assert_eq!(shown(&writer.log), both[..1]);
    assert_eq!(reopened(dir.path(), false, 0), both[..1]);
}

#[test]
fn aborted_records_go_and_markers_follow() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::new(dir.path(), config());
    writer.put(&[("k", Some("kept"))], None, false);
    writer.put(&[("k", Some("aborted")), ("other", Some("aborted"))], Some((1, 0)), true);
    writer.put(&[("x", Some("committed"))], Some((2, 0)), true);
    writer.end(1, false);
    writer.end(2, true);
    writer.put(&[("x", Some("newer"))], Some((3, 0)), false);
    // The first two producers go on, so that their last batches keep nothing but their headers in the end.
    writer.put(&[("p1", Some("v"))], Some((1, 2)), false);
    writer.put(&[("p2", Some("v"))], Some((2, 1)), false);
    writer.clean(0, NOW_MS, 1 << 20);
    let kept = [(0, "k=kept"), (6, "x=newer"), (7, "p1=v"), (8, "p2=v")].map(|(at, text)| (at, text.to_string()));
    assert_eq!(shown(&writer.log), kept);
    let markers = |writer: &Writer| {
        let all = batches(&writer.log);
        let controls = all.iter().filter(|batch| batch.header.attributes.is_control());
        controls.map(|batch| (batch.header.base_offset, batch.header.delete_horizon_ms())).collect::<Vec<_>>()
    };
    assert_eq!(markers(&writer), [(4, None), (5, None)], "data of both was read in this pass");
    assert_eq!(writer.log.aborted_txns(0, 9).len(), 1);
    writer.clean(9, NOW_MS, 1 << 20);
    let horizon = Some(NOW_MS + DAY_MS);
    assert_eq!(markers(&writer), [(4, horizon), (5, horizon)], "nothing of them is left");
    assert_eq!(writer.log.aborted_txns(0, 9), []);
    writer.clean(9, NOW_MS + DAY_MS, 1 << 20);
    assert_eq!(markers(&writer), []);
    assert_eq!(shown(&writer.log), kept);
}

#[test]
fn the_last_batch_of_a_producer_keeps_its_header() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::new(dir.path(), config());
    writer.put(&[("k", Some("first"))], Some((5, 0)), false);
    writer.put(&[("k", Some("second")), ("k", Some("third"))], Some((5, 1)), false);
    writer.put(&[("k", Some("other"))], Some((6, 0)), false);
    writer.clean(0, NOW_MS, 1 << 20);
    assert_eq!(shown(&writer.log), [(3, "k=other".to_string())]);
    let headers: Vec<_> = batches(&writer.log)
        .iter()
        .map(|batch| (batch.header.base_offset, batch.header.record_count, batch.header.last_sequence()))
        .collect();
    assert_eq!(headers, [(1, 0, 2), (3, 1, 0)]);
    let options = OpenOptions {
        config: config(),
        clean: false,
        recovery_point: 0,
        log_start_offset: 0,
        now_ms: NOW_MS,
        producer_expiration_ms: DAY_MS,
    };
    for name in std::fs::read_dir(dir.path()).expect("listed").map(|e| e.expect("an entry").path()) {
        if name.extension().is_some_and(|e| e == "snapshot") {
            std::fs::remove_file(name).expect("removed");
        }
    }
    let (_, recovered) = Log::open(&FileDisk, dir.path(), &options).expect("opens");
    assert_eq!(recovered.producers.producer(5).map(|entry| entry.last_sequence()), Some(2), "from the log alone");
}

#[test]
fn a_log_that_is_damaged_stays_as_it_is() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut writer = Writer::new(dir.path(), config());
    for round in 0..20 {
        writer.put(&[("k", Some(&format!("value {round}")))], None, false);
    }
    let end = writer.log.log_end_offset();
    writer.log.roll(end, NOW_MS, &writer.producers).expect("rolled");
    let path = dir.path().join("00000000000000000000.log");
    let mut bytes = std::fs::read(&path).expect("read");
    bytes[200] ^= 1;
    std::fs::write(&path, bytes).expect("written");
    let order = CleanOrder {
        first_dirty_offset: 0,
        first_uncleanable_offset: end,
        map_bytes_max: 1 << 20,
        load_factor: 0.9,
        now_ms: NOW_MS,
        producers: BTreeMap::new(),
    };
    let mut cleaner = writer.log.begin_cleaning(order).expect("begun");
    let error = loop {
        match cleaner.step(1000) {
            Ok(progress) => assert!(!progress.done),
            Err(e) => break e,
        }
    };
    assert!(cleaner.is_harmless(&error), "{error}");
    assert!(error.to_string().contains("00000000000000000000.log: cannot be compacted: at byte"), "{error}");
    let segments = writer.log.segment_count();
    let cleaned = cleaner.abandon();
    assert_eq!(cleaned.end_offset, 0);
    writer.log.apply_cleaned(cleaned).run().expect("nothing to remove");
    assert_eq!(writer.log.segment_count(), segments);
}
