//! A log folder of Kafka with any files in it, as bytes or as batches with good checksums. What opens, opens again.
#![no_main]

use std::path::Path;
use std::sync::Arc;

use base::{Prng, checksum};
use broker::log::LogConfig;
use bytes::{Buf, Bytes};
use castlekeep_fuzz::{LOG_FOLDER, put};
use libfuzzer_sys::fuzz_target;
use sim::disk::{Crash, SimDisk};
use storage::disk::Disk;
use storage::kafka::{LogDir, inspect};

const DIR: &str = "/kafka";
const NOW_MS: i64 = 1_767_225_600_000;
const EXPIRATION_MS: i64 = 86_400_000;

fuzz_target!(|data: &[u8]| {
    let Some((how, rest)) = data.split_first() else { return };
    let disk = SimDisk::new(Prng::new(1));
    disk.create_dir_all(Path::new("/kafka/t-0")).expect("an honest disk");
    let mut rest = Bytes::copy_from_slice(rest);
    let mut filled = [false; LOG_FOLDER.len()];
    // A file is its number, its length in two bytes, and its content.
    while rest.len() > 3 {
        let which = usize::from(rest.get_u8()) % LOG_FOLDER.len();
        let len = usize::from(rest.get_u16()).min(rest.len());
        let mut content = rest.split_to(len).to_vec();
        if how & 1 == 1 && LOG_FOLDER[which].contains(".log") {
            good_checksums(&mut content);
        }
        if !std::mem::replace(&mut filled[which], true) {
            put(&disk, &format!("{DIR}/{}", LOG_FOLDER[which]), &content);
        }
    }
    look(&disk);
    let config = Arc::new(LogConfig { cleanup_compact: how & 2 == 2, index_interval_bytes: 0, ..LogConfig::default() });
    let Some(bounds) = open(&disk, &config) else { return };
    let again = open(&disk.crash(Crash::Process), &config);
    assert_eq!(again, Some(bounds), "start and end, opened again");
});

/// The offline tools, on each file alone.
fn look(disk: &SimDisk) {
    let base_offset = 34;
    for file in LOG_FOLDER {
        let path = Path::new(DIR).join(file);
        let _ = inspect::batches(disk, &path, &mut |_, batch| {
            let _ = batch.check_crc();
            Ok(std::ops::ControlFlow::Continue(()))
        });
        let _ = inspect::batch_at(disk, &path, 1);
        let _ = inspect::offset_index(disk, &path, base_offset);
        let _ = inspect::time_index(disk, &path, base_offset);
        let _ = inspect::producers(disk, &path);
        let _ = inspect::aborted_transactions(disk, &path);
    }
}

/// Opens the folder as a start does, reads everything, and stops cleanly. Damage that cannot be mended is an error and never
/// a panic.
fn open(disk: &SimDisk, config: &Arc<LogConfig>) -> Option<(i64, i64)> {
    let mut dir = LogDir::open(disk, Path::new(DIR)).ok()?;
    let _ = dir.claim("cluster", 1);
    let found = dir.scan().ok()?;
    found.leftovers.into_iter().for_each(|leftover| leftover.run().expect("an honest disk"));
    let partition = &found.partitions.first()?.partition;
    let (mut log, recovered, high_watermark) = dir.open_log(partition, config.clone(), NOW_MS, EXPIRATION_MS).ok()?;
    let (start, end) = (recovered.log_start_offset, recovered.log_end_offset);
    assert!(start <= high_watermark && high_watermark <= end, "{start} {high_watermark} {end}");
    for offset in [start, start.saturating_add(1).min(end), end] {
        let range = log.plan_read(offset, 1 << 20, end, true).resolve();
        let _ = range.and_then(|range| range.read_bytes());
        let _ = log.aborted_txns(offset, end);
    }
    for timestamp in [-1, 0, NOW_MS] {
        let _ = log.plan_timestamp(timestamp, start).resolve();
    }
    let _ = log.plan_largest_timestamp().and_then(|plan| plan.resolve());
    let _ = log.summaries();
    let _ = log.oldest_timestamp_from(start);
    if log.close(&recovered.producers).and_then(|job| job.run()).is_ok() {
        dir.mark_clean(7).expect("an honest disk");
    }
    Some((start, end))
}

/// Puts into each batch the checksum that it needs to be looked at.
fn good_checksums(content: &mut [u8]) {
    let mut at = 0;
    while let Some(batch) = content.get_mut(at..).filter(|batch| batch.len() >= 61) {
        let len = u32::from_be_bytes(batch[8..12].try_into().expect("four bytes")) as usize;
        let end = len.saturating_add(12).clamp(61, batch.len());
        batch[8..12].copy_from_slice(&((end - 12) as u32).to_be_bytes());
        batch[16] = 2;
        let crc = checksum::crc32c(&batch[21..end]);
        batch[17..21].copy_from_slice(&crc.to_be_bytes());
        at += end;
    }
}
