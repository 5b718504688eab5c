//! Opens `log.dirs` folders that Apache Kafka 3.9.2 wrote: one that was stopped cleanly (`fixtures/kafka/log-3.9.2`), as
//! it was left and as if it had been killed, when every batch is read and every index made anew; and one that was killed
//! (`fixtures/kafka/logs/killed-3.9.2`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use broker::TopicPartition;
use broker::log::LogConfig;
use kafka_wire::records::{Batch, Batches};
use storage::file_disk::FileDisk;
use storage::kafka::{Log, LogDir, Recovered};

/// Before the producers of the capture expire.
const NOW_MS: i64 = 1_795_000_000_000;

/// Topic, partition, log end, bytes of `.log`.
const EXPECTED: &[(&str, i32, i64, usize)] = &[
    ("__consumer_offsets", 0, 18, 1910),
    ("__consumer_offsets", 1, 0, 0),
    ("__consumer_offsets", 2, 6, 845),
    ("__consumer_offsets", 3, 0, 0),
    ("__consumer_offsets", 4, 12, 1371),
    ("__transaction_state", 0, 7, 955),
    ("__transaction_state", 1, 0, 0),
    ("__transaction_state", 2, 0, 0),
    ("capture-auto", 0, 31, 726),
    ("capture-codecs", 0, 46, 1735),
    ("capture-codecs", 1, 54, 1790 + 404),
    ("capture-transaction", 0, 2, 162),
];

fn copy_of_fixture() -> tempfile::TempDir {
    copy_of("log-3.9.2")
}

fn copy_of(name: &str) -> tempfile::TempDir {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/kafka").join(name);
    let dir = tempfile::tempdir().unwrap();
    copy(&fixture, dir.path());
    dir
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(&path, &to).unwrap();
        }
    }
}

fn config() -> Arc<LogConfig> {
    // As the capture's server.properties had it.
    Arc::new(LogConfig { index_interval_bytes: 200, ..LogConfig::default() })
}

fn open(dir: &LogDir<FileDisk>, topic: &str, partition: i32) -> (Log<FileDisk>, Recovered, i64) {
    dir.open_log(&TopicPartition::new(topic.to_string(), partition), config(), NOW_MS, i64::MAX).unwrap()
}

fn read_all(log: &Log<FileDisk>, recovered: &Recovered) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    let mut at = recovered.log_start_offset;
    while at < recovered.log_end_offset {
        let bytes = log.read(at, u32::MAX, recovered.log_end_offset, true).unwrap().read_bytes().unwrap();
        assert!(!bytes.is_empty(), "nothing at {at}");
        for batch in Batches::new(bytes) {
            batches.push(batch.unwrap());
        }
        at = batches.last().unwrap().header.next_offset();
    }
    batches
}

/// Every offset is read back, by the batch that holds it, and every record decompresses.
fn check_reads(log: &Log<FileDisk>, recovered: &Recovered, bytes: usize) {
    let batches = read_all(log, recovered);
    assert_eq!(batches.iter().map(|batch| batch.bytes.len()).sum::<usize>(), bytes);
    assert_eq!(batches.last().map_or(0, |batch| batch.header.next_offset()), recovered.log_end_offset);
    for batch in &batches {
        batch.check_crc().unwrap();
        let records: Vec<_> = batch.records(1 << 20).unwrap().map(Result::unwrap).collect();
        assert_eq!(records.len(), batch.header.record_count as usize);
        for record in &records {
            let one = log.read(record.offset, 1, recovered.log_end_offset, true).unwrap().read_bytes().unwrap();
            assert_eq!(one, batch.bytes, "offset {}", record.offset);
            let found = log.plan_timestamp(record.timestamp, 0).resolve().unwrap().unwrap();
            assert!(found.timestamp >= record.timestamp && found.offset <= record.offset);
        }
    }
}

fn file(dir: &Path, topic: &str, partition: i32, name: &str) -> PathBuf {
    dir.join(format!("{topic}-{partition}")).join(name)
}

#[test]
fn after_its_clean_stop() {
    let copy = copy_of_fixture();
    let mut dir = LogDir::open(&FileDisk, copy.path()).unwrap();
    assert!(dir.was_clean());
    assert!(!copy.path().join(".kafka_cleanshutdown").exists(), "a kill from now on is an unclean stop");
    let cluster = dir.meta().unwrap().cluster_id.clone().unwrap();
    dir.claim(&cluster, 0).unwrap();
    assert!(dir.claim(&cluster, 1).unwrap_err().to_string().contains("belongs to broker 0"));
    assert!(dir.claim("another", 0).unwrap_err().to_string().contains("belongs to the cluster"));
    let scan = dir.scan().unwrap();
    assert!(scan.leftovers.is_empty() && scan.futures.is_empty());
    let found = scan.partitions;
    assert_eq!(found.len(), EXPECTED.len());
    assert!(found.iter().all(|partition| !partition.topic_id.is_zero()));
    let text = std::fs::read_to_string(file(copy.path(), "capture-auto", 0, "partition.metadata")).unwrap();
    let auto = found.iter().find(|f| &*f.partition.topic == "capture-auto").unwrap();
    assert!(text.contains(&auto.topic_id.to_string()), "{text}");
    for (topic, partition, end, bytes) in EXPECTED {
        let (log, recovered, high_watermark) = open(&dir, topic, *partition);
        let about = format!("{topic}-{partition}: {recovered:?}");
        assert_eq!((recovered.segments_scanned, recovered.warnings.len()), (0, 0), "{about}");
        assert_eq!((recovered.log_end_offset, high_watermark), (*end, *end), "{about}");
        assert_eq!(log.recovery_point(), *end);
        // An epoch that has no record yet is forgotten, as upstream does.
        assert_eq!(recovered.epochs_changed, *end == 0, "{about}");
        check_reads(&log, &recovered, *bytes);
    }
}

#[test]
fn as_if_killed_everything_is_rebuilt_to_the_same_bytes() {
    let copy = copy_of_fixture();
    std::fs::remove_file(copy.path().join(".kafka_cleanshutdown")).unwrap();
    std::fs::remove_file(copy.path().join("recovery-point-offset-checkpoint")).unwrap();
    let dir = LogDir::open(&FileDisk, copy.path()).unwrap();
    assert!(!dir.was_clean());
    for (topic, partition, end, bytes) in EXPECTED {
        let folder = copy.path().join(format!("{topic}-{partition}"));
        let before = contents(&folder);
        // Wipe what is to be rebuilt; a killed broker leaves its active indexes preallocated with zeros.
        for name in before.keys().filter(|name| name.ends_with("index")) {
            std::fs::write(folder.join(name), [0; 4096]).unwrap();
        }
        let (mut log, recovered, _) = open(&dir, topic, *partition);
        assert_eq!(recovered.log_end_offset, *end);
        assert!(recovered.segments_scanned > 0);
        assert_eq!(recovered.warnings, [""; 0]);
        check_reads(&log, &recovered, *bytes);
        log.close(&recovered.producers).unwrap().run().unwrap();
        drop(log);
        let after = contents(&folder);
        for (name, bytes) in &before {
            // Snapshots leave out producers that have expired, by the clock of whoever wrote them.
            if !name.ends_with(".snapshot") {
                assert_eq!(after.get(name), Some(bytes), "{topic}-{partition}/{name}");
            }
        }
    }
}

#[test]
fn damaged_checkpoints_cost_time_and_nothing_else() {
    let copy = copy_of_fixture();
    std::fs::remove_file(copy.path().join(".kafka_cleanshutdown")).unwrap();
    let names = ["recovery-point", "log-start", "replication", "cleaner"];
    let path = |name: &str| copy.path().join(format!("{name}-offset-checkpoint"));
    for name in names {
        std::fs::write(path(name), "0\n1\nnonsense\n").unwrap();
    }
    let dir = LogDir::open(&FileDisk, copy.path()).unwrap();
    assert_eq!(dir.warnings().len(), names.len(), "{:?}", dir.warnings());
    for name in names {
        assert!(!path(name).exists());
        assert!(dir.warnings().iter().any(|line| line.contains(name) && line.contains("nonsense")));
    }
    for (topic, partition, end, bytes) in EXPECTED {
        let (log, recovered, _) = open(&dir, topic, *partition);
        assert_eq!(recovered.log_end_offset, *end);
        check_reads(&log, &recovered, *bytes);
    }
    drop(dir);
    assert_eq!(LogDir::open(&FileDisk, copy.path()).unwrap().warnings(), [""; 0], "it is said once");
}

/// Found by the fuzz target `kafka_files`: the entry of the time index for such a batch cannot be written.
#[test]
fn an_offset_too_far_from_its_segments_base_is_damage() {
    let copy = copy_of_fixture();
    let path = file(copy.path(), "capture-codecs", 0, "00000000000000000000.log");
    let mut bytes = std::fs::read(&path).unwrap();
    let (mut at, mut last) = (0, 0);
    while at < bytes.len() {
        last = at;
        at += 12 + u32::from_be_bytes(bytes[at + 8..at + 12].try_into().unwrap()) as usize;
    }
    // Not under the checksum.
    bytes[last..last + 8].copy_from_slice(&(1_i64 << 40).to_be_bytes());
    std::fs::write(&path, &bytes).unwrap();
    let dir = LogDir::open(&FileDisk, copy.path()).unwrap();
    let (mut log, recovered, _) = open(&dir, "capture-codecs", 0);
    assert!(recovered.log_end_offset < 100 && recovered.warnings[0].contains("too far"), "{recovered:?}");
    assert_eq!(log.size_bytes(), last as u64);
    log.close(&recovered.producers).unwrap().run().unwrap();
}

fn contents(folder: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    let read = |path: PathBuf| (path.file_name().unwrap().to_str().unwrap().to_string(), std::fs::read(&path).unwrap());
    std::fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap().path())).collect()
}

#[test]
fn its_snapshots_are_what_the_log_says() {
    let copy = copy_of_fixture();
    let dir = LogDir::open(&FileDisk, copy.path()).unwrap();
    for (topic, partition, _, _) in EXPECTED {
        let (log, from_snapshot, _) = open(&dir, topic, *partition);
        drop(log);
        let folder = copy.path().join(format!("{topic}-{partition}"));
        let mut snapshots = 0;
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "snapshot") {
                std::fs::remove_file(path).unwrap();
                snapshots += 1;
            }
        }
        if snapshots == 0 {
            continue;
        }
        let options = storage::kafka::OpenOptions {
            config: config(),
            clean: false,
            recovery_point: 0,
            log_start_offset: 0,
            now_ms: NOW_MS,
            producer_expiration_ms: i64::MAX,
        };
        let (_, from_log) = Log::open(&FileDisk, &folder, &options).unwrap();
        assert_eq!(from_log.producers.snapshot(), from_snapshot.producers.snapshot(), "{topic}-{partition}");
    }
}

#[test]
fn a_locked_or_foreign_folder_is_refused() {
    let copy = copy_of_fixture();
    let held = LogDir::open(&FileDisk, copy.path()).unwrap();
    let error = LogDir::open(&FileDisk, copy.path()).err().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    assert!(error.to_string().contains("in use by another process"), "{error}");
    drop(held);
    std::fs::write(copy.path().join("meta.properties"), "version=1\nnode.id=1\ncluster.id=x\n").unwrap();
    let error = LogDir::open(&FileDisk, copy.path()).err().unwrap();
    assert!(error.to_string().contains("KRaft"), "{error}");
}

#[test]
fn after_kill_9() {
    let copy = copy_of("logs/killed-3.9.2");
    let dir = LogDir::open(&FileDisk, copy.path()).unwrap();
    assert!(!dir.was_clean());
    // The segments and interval of the capture's server.properties.
    let config = Arc::new(LogConfig { index_interval_bytes: 300, segment_bytes: 4000, ..LogConfig::default() });
    let expected = [("codecs", 180, 3737 + 3738 + 2236), ("append-time", 15, 1128), ("transactions", 17, 1264)];
    for (topic, end, bytes) in expected {
        let folder = copy.path().join(format!("{topic}-0"));
        let before = contents(&folder);
        let partition = TopicPartition::new(topic, 0);
        let (mut log, recovered, high_watermark) = dir.open_log(&partition, config.clone(), NOW_MS, i64::MAX).unwrap();
        assert_eq!((recovered.log_end_offset, high_watermark), (end, end), "{topic}");
        assert_eq!(recovered.warnings, [""; 0]);
        assert!(recovered.segments_scanned > 0);
        check_reads(&log, &recovered, bytes);
        if topic == "transactions" {
            assert_eq!(recovered.producers.first_unstable_offset().map(|at| at < end), Some(true), "one is open");
            assert_eq!(log.aborted_txns(0, end).len(), 6);
        }
        log.close(&recovered.producers).unwrap().run().unwrap();
        drop(log);
        let after = contents(&folder);
        for (name, bytes) in before.iter().filter(|(name, _)| !name.ends_with(".snapshot")) {
            // The active segment's indexes had their full size; what counts of them is the same.
            let same = after.get(name).is_some_and(|after| bytes == after || is_trimmed(name, bytes, after));
            assert!(same, "{topic}-0/{name}");
        }
    }
}

/// Whether `after` is what an index preallocated with zeros holds; its time index got the last entry at the close.
fn is_trimmed(name: &str, before: &[u8], after: &[u8]) -> bool {
    let entry = if name.ends_with(".timeindex") { 12 } else { 8 };
    let used = before.len() - before.iter().rev().take_while(|byte| **byte == 0).count();
    let used = used.next_multiple_of(entry);
    name.ends_with("index") && after.starts_with(&before[..used]) && after.len() <= used + entry
}
