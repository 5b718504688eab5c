//! Transactions in a log: which aborted ones a reader has to skip, after every way of opening it.

mod txn_writer;

use std::path::Path;
use std::sync::Arc;

use broker::log::{LogConfig, ProducerState};
use kafka_wire::records::{BatchBuilder, Compression, NewRecord};
use storage::file_disk::FileDisk;
use storage::kafka::{Log, OpenOptions, Recovered};
use txn_writer::{NOW_MS, Writer};

impl Writer {
    fn data(&mut self, producer_id: i64, sequence: i32) {
        let end = self.log.log_end_offset();
        let builder = BatchBuilder::new(Compression::None).base_offset(end).partition_leader_epoch(0);
        let mut builder = builder.producer(producer_id, 0, sequence).transactional();
        builder.add(NewRecord { timestamp: NOW_MS, key: None, value: Some(&[7; 100]), headers: &[] });
        self.append(builder.finish(), None);
    }
}

fn config() -> Arc<LogConfig> {
    Arc::new(LogConfig { segment_bytes: 900, index_interval_bytes: 100, ..LogConfig::default() })
}

fn write(dir: &Path) -> Writer {
    let mut writer = Writer::new(dir, config());
    for round in 0..6 {
        writer.data(1, round * 2);
        writer.data(2, round);
        writer.data(1, round * 2 + 1);
        writer.end(1, round % 3 == 0);
        writer.end(2, round % 2 == 0);
    }
    // One stays open.
    writer.data(1, 12);
    writer
}

fn reopen(dir: &Path, clean: bool, recovery_point: i64) -> (Log<FileDisk>, Recovered) {
    let options = OpenOptions {
        config: config(),
        clean,
        recovery_point,
        log_start_offset: 0,
        now_ms: NOW_MS,
        producer_expiration_ms: i64::MAX,
    };
    Log::open(&FileDisk, dir, &options).unwrap()
}

/// (producer, first offset, last offset) of what is aborted, as the loop in [`write`] has it: five offsets a round.
fn expected() -> Vec<(i64, i64, i64)> {
    let mut all = Vec::new();
    for round in 0..6 {
        let base = round * 5;
        if round % 3 != 0 {
            all.push((1, base, base + 3));
        }
        if round % 2 != 0 {
            all.push((2, base + 1, base + 4));
        }
    }
    all
}

fn found(log: &Log<FileDisk>, from: i64, to: i64) -> Vec<(i64, i64, i64)> {
    log.aborted_txns(from, to).iter().map(|txn| (txn.producer_id, txn.first_offset, txn.last_offset)).collect()
}

fn check(log: &Log<FileDisk>, producers: &ProducerState) {
    assert_eq!(found(log, 0, 31), expected());
    assert_eq!(found(log, 5, 10), [(1, 5, 8), (2, 6, 9)]);
    assert_eq!(found(log, 9, 10), [(2, 6, 9)], "the marker at 9 lies in the range, the one at 8 before it");
    assert_eq!(found(log, 0, 5), []);
    assert_eq!(producers.first_unstable_offset(), Some(30));
    assert_eq!(producers.producer(1).unwrap().current_txn_first_offset, Some(30));
    assert_eq!(producers.producer(2).unwrap().coordinator_epoch, 3);
}

#[test]
fn found_while_written_and_after_every_opening() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = write(dir.path());
    writer.producers.on_high_watermark(31);
    assert!(writer.log.segment_count() > 3);
    check(&writer.log, &writer.producers);
    // Killed, everything unsynced: all is read again.
    for recovery_point in [0, 7, 16, 31] {
        let (log, mut recovered) = reopen(dir.path(), false, recovery_point);
        assert_eq!(recovered.warnings, [""; 0]);
        recovered.producers.on_high_watermark(31);
        check(&log, &recovered.producers);
    }
    // Killed, and the transaction indexes did not reach the disk whole.
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "txnindex") {
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, &bytes[..bytes.len() / 2 + 3]).unwrap();
        }
    }
    let (mut log, mut recovered) = reopen(dir.path(), false, 0);
    recovered.producers.on_high_watermark(31);
    check(&log, &recovered.producers);
    log.close(&recovered.producers).unwrap().run().unwrap();
    let (log, mut recovered) = reopen(dir.path(), true, 0);
    assert_eq!((recovered.segments_scanned, recovered.warnings.len()), (0, 0));
    recovered.producers.on_high_watermark(31);
    check(&log, &recovered.producers);
}

#[test]
fn truncation_takes_their_entries_along() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = write(dir.path());
    let producers = writer.log.truncate_to(9, 0, NOW_MS, i64::MAX).unwrap().unwrap();
    assert_eq!(found(&writer.log, 0, 9), [(1, 5, 8)]);
    assert_eq!(producers.producer(2).unwrap().current_txn_first_offset, Some(6), "its marker at 9 is gone");
    let (log, recovered) = reopen(dir.path(), false, 0);
    assert_eq!(found(&log, 0, 9), [(1, 5, 8)]);
    assert_eq!(recovered.log_end_offset, 9);
}
