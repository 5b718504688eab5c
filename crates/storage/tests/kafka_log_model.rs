//! Random lives of a Kafka log, held against a model that is a list of batches: appends, rolls, reads, truncation,
//! retention, clean stops, kills, and damage behind the recovery point.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::Prng;
use broker::log::{BatchHeader, LeaderEpochCache, LogConfig, ProducerState};
use broker::shard::LogAppend;
use bytes::Bytes;
use kafka_wire::records::{BatchBuilder, Compression, NewRecord};
use storage::file_disk::FileDisk;
use storage::kafka::{Log, OpenOptions, Recovered};

const NOW_MS: i64 = 1_800_000_000_000;
const EXPIRATION_MS: i64 = 86_400_000;

struct Life {
    prng: Prng,
    dir: PathBuf,
    config: Arc<LogConfig>,
    log: Log<FileDisk>,
    /// What should be in the log: header and bytes of each batch.
    batches: Vec<(BatchHeader, Bytes)>,
    start: i64,
    end: i64,
    epoch: i32,
    producers: ProducerState,
    epochs: LeaderEpochCache,
    sequences: [i32; 3],
}

impl Life {
    fn new(seed: u64, dir: &Path) -> Self {
        let mut prng = Prng::new(seed);
        let config = Arc::new(LogConfig {
            segment_bytes: prng.between(300, 4000) as i32,
            index_interval_bytes: prng.between(0, 600) as i32,
            segment_index_bytes: prng.between(64, 4096) as i32,
            segment_ms: prng.between(1000, 100_000) as i64,
            ..LogConfig::default()
        });
        let log = Log::create(&FileDisk, dir, config.clone(), 0, NOW_MS).unwrap();
        Self {
            prng,
            dir: dir.into(),
            config,
            log,
            batches: Vec::new(),
            start: 0,
            end: 0,
            epoch: 0,
            producers: ProducerState::new(0),
            epochs: LeaderEpochCache::new(),
            sequences: [0; 3],
        }
    }

    fn append(&mut self) {
        // Now and then a gap, as compaction on a leader leaves it.
        let gap = if self.prng.chance(1, 20) { self.prng.below(50) as i64 } else { 0 };
        if self.prng.chance(1, 15) {
            self.epoch += 1;
        }
        let producer = self.prng.below(4) as usize;
        let codec = *self.prng.pick(&[Compression::None, Compression::Lz4, Compression::Gzip]).unwrap();
        let mut builder = BatchBuilder::new(codec).base_offset(self.end + gap).partition_leader_epoch(self.epoch);
        let count = self.prng.between(1, 5) as i32;
        if producer < 3 {
            builder = builder.producer(producer as i64 + 100, 0, self.sequences[producer]);
            self.sequences[producer] += count;
        }
        let base_time = NOW_MS - 10_000 + self.prng.below(5000) as i64 + self.end;
        for _ in 0..count {
            let mut value = vec![0; self.prng.below(120) as usize];
            self.prng.fill(&mut value);
            let timestamp = base_time + self.prng.below(20) as i64 - 10;
            builder.add(NewRecord { timestamp, key: None, value: Some(&value), headers: &[] });
        }
        let bytes = builder.finish();
        let header = BatchHeader::parse(&bytes).unwrap();
        let cut = self.prng.between(1, bytes.len() as u64 - 1) as usize;
        let pieces = vec![bytes.slice(..cut), bytes.slice(cut..)];
        // The shard takes a batch in before it is written, a follower afterwards.
        let before = self.prng.chance(1, 2);
        if before {
            self.producers.apply(&header, None);
        }
        let appended = self.log.append(&LogAppend { pieces, header }, NOW_MS, &self.producers).unwrap();
        self.end = header.next_offset();
        assert_eq!(appended.log_end_offset, self.end);
        if !before {
            self.producers.apply(&header, None);
        }
        self.epochs.assign(header.leader_epoch, header.base_offset);
        self.batches.push((header, bytes));
        if appended.rolled && self.prng.chance(1, 2) {
            let done = self.log.flush_closed().unwrap().run().unwrap();
            self.log.flush_done(done);
        }
    }

    fn read(&mut self) {
        if self.prng.chance(1, 3) {
            self.log.cool();
        }
        let offset = self.prng.between(self.start as u64, self.end as u64) as i64;
        let bound = self.prng.between(offset as u64, self.end as u64) as i64;
        let bytes_max = self.prng.below(3000) as u32;
        let whole_first = self.prng.chance(1, 2);
        let got = self.log.read(offset, bytes_max, bound, whole_first).unwrap().read_bytes().unwrap();
        let plan = self.log.plan_read(offset, bytes_max, bound, whole_first).at_hand();
        assert!(plan.resolve().unwrap().read_bytes().unwrap() == got, "at hand lies what a search finds");
        let wanted: Vec<&(BatchHeader, Bytes)> =
            self.batches.iter().filter(|(h, _)| h.last_offset() >= offset && h.last_offset() < bound).collect();
        let all: Vec<u8> = wanted.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
        assert!(all.starts_with(&got), "read {offset}..{bound} of at most {bytes_max}: {} bytes", got.len());
        match wanted.first() {
            None => assert!(got.is_empty()),
            Some((first, bytes)) if whole_first => {
                assert!(got.len() >= bytes.len(), "the first batch comes whole, at {}", first.base_offset);
                assert!(got.len() <= bytes.len().max(bytes_max as usize));
            }
            Some((_, bytes)) => {
                assert!(got.len() <= bytes_max as usize);
                assert_eq!(got.is_empty(), bytes.len() > bytes_max as usize);
            }
        }
    }

    fn search_timestamp(&mut self) {
        let wanted = NOW_MS - 10_100 + self.prng.below(6000 + self.end.unsigned_abs()) as i64;
        let found = self.log.plan_timestamp(wanted, self.start).resolve().unwrap();
        let records = self.batches.iter().flat_map(|(_, bytes)| {
            kafka_wire::records::Batch::parse(bytes).unwrap().records(1 << 20).unwrap().map(Result::unwrap)
        });
        let records: Vec<(i64, i64)> = records.map(|r| (r.timestamp, r.offset)).collect();
        let expected = records.iter().find(|(ts, offset)| *ts >= wanted && *offset >= self.start);
        assert_eq!(found.map(|f| (f.timestamp, f.offset)).as_ref(), expected, "timestamp {wanted}");
        let greatest = records.iter().map(|(ts, _)| *ts).max();
        let found = self.log.plan_largest_timestamp().unwrap().resolve().unwrap();
        assert_eq!(found.map(|f| f.timestamp), greatest);
        if let Some(found) = found {
            assert!(records.contains(&(found.timestamp, found.offset)));
        }
    }

    fn truncate(&mut self) {
        let to = self.prng.between(self.start as u64, self.end as u64) as i64;
        let producers = self.log.truncate_to(to, self.start, NOW_MS, EXPIRATION_MS).unwrap();
        let Some(producers) = producers else {
            assert_eq!(to, self.end);
            return;
        };
        self.batches.retain(|(h, _)| h.last_offset() < to);
        self.end = to;
        self.epochs.truncate_from_end(to);
        self.rebuild_producers();
        assert_eq!(producers.snapshot(), self.producers.snapshot());
        self.producers = producers;
    }

    /// Producers as of the model; sequences go on from there.
    fn rebuild_producers(&mut self) {
        // Producers outlive the records that retention took: what the log knows of them is in its snapshots.
        let last = |id: i64, batches: &[(BatchHeader, Bytes)]| {
            batches.iter().rfind(|(h, _)| h.producer_id == id).map(|(h, _)| h.last_sequence())
        };
        let mut state = ProducerState::from_snapshot(0, &[], NOW_MS, EXPIRATION_MS);
        for (header, _) in &self.batches {
            state.apply(header, None);
        }
        for (i, sequence) in self.sequences.iter_mut().enumerate() {
            *sequence = last(i as i64 + 100, &self.batches).map_or(0, |last| last + 1);
        }
        state.advance_end_offset(self.end);
        self.producers = state;
    }

    fn options(&self, clean: bool) -> OpenOptions {
        OpenOptions {
            config: self.config.clone(),
            clean,
            recovery_point: self.log.recovery_point(),
            log_start_offset: self.start,
            now_ms: NOW_MS,
            producer_expiration_ms: EXPIRATION_MS,
        }
    }

    fn reopen(&mut self, clean: bool) -> Recovered {
        if clean {
            let job = self.log.close(&self.producers).unwrap();
            self.log.flush_done(job.run().unwrap());
        }
        let options = self.options(clean);
        if !clean {
            // The epochs' file is written by whoever leads; a kill may come before.
            let known: Vec<_> = self.epochs.entries().iter().copied().filter(|_| self.prng.chance(1, 2)).collect();
            self.log.write_leader_epochs(LeaderEpochCache::from_entries(known).entries()).unwrap();
        } else {
            self.log.write_leader_epochs(self.epochs.entries()).unwrap();
        }
        let (log, recovered) = Log::open(&FileDisk, &self.dir, &options).unwrap();
        self.log = log;
        // Truncation may end a log behind its last batch; files know nothing of that (Apache's neither).
        let in_files =
            self.batches.last().map_or(0, |(h, _)| h.next_offset()).max(*self.segment_bases().last().unwrap());
        self.end = self.end.min(in_files.max(self.start));
        self.epochs.truncate_from_end(self.end);
        assert_eq!(recovered.log_start_offset, self.start.max(self.log.first_base_offset()));
        recovered
    }

    fn clean_restart(&mut self) {
        let recovered = self.reopen(true);
        assert_eq!((recovered.segments_scanned, &recovered.warnings[..]), (0, &[][..]), "nothing is read");
        assert_eq!(recovered.log_end_offset, self.end);
        assert_eq!(recovered.producers.snapshot(), self.producers.snapshot());
        assert_eq!(recovered.epochs, self.epochs);
        self.producers = recovered.producers;
    }

    fn kill(&mut self) {
        let recovered = self.reopen(false);
        assert_eq!(recovered.log_end_offset, self.end, "{:?}", recovered.warnings);
        self.producers = recovered.producers;
    }

    /// A power cut: what lies behind the recovery point is torn somewhere.
    fn damage(&mut self) {
        let point = self.log.recovery_point();
        let active = self.log.first_base_offset().max(*self.segment_bases().last().unwrap());
        let path = self.dir.join(format!("{active:020}.log"));
        let mut content = std::fs::read(&path).unwrap();
        let synced: usize = self
            .batches
            .iter()
            .filter(|(h, _)| h.base_offset >= active && h.last_offset() < point)
            .map(|(h, _)| h.size())
            .sum();
        if content.len() <= synced {
            return;
        }
        let at = self.prng.between(synced as u64, content.len() as u64 - 1) as usize;
        match self.prng.below(3) {
            0 => content.truncate(at),
            // Base offset and leader epoch are outside the CRC: a flip there goes unseen, by Apache too.
            1 => {
                let batches = broker::log::batch::headers(&content).unwrap();
                let mut start = 0;
                let sizes = batches.iter().map(|h| h.size());
                let starts: Vec<usize> = sizes.map(|size| (start, start += size).0).collect();
                let within = at - starts.iter().rfind(|start| **start <= at).unwrap();
                let at = if within < 16 { at - within + 17 } else { at };
                content[at] ^= 1 << self.prng.below(8);
            }
            _ => content[at..].fill(0),
        }
        std::fs::write(&path, &content).unwrap();
        let recovered = self.reopen(false);
        let left = recovered.log_end_offset;
        let synced = self.batches.iter().rfind(|(h, _)| h.last_offset() < point).map_or(0, |(h, _)| h.next_offset());
        assert!(left >= synced, "nothing that was synced is lost: {left} < {synced}");
        assert!(left <= self.end);
        self.batches.retain(|(h, _)| h.last_offset() < left);
        self.end = left;
        self.epochs.truncate_from_end(left);
        self.rebuild_producers();
        assert_eq!(recovered.producers.snapshot(), self.producers.snapshot());
        self.producers = recovered.producers;
        let whole = self.log.read(self.start, u32::MAX, self.end, true).unwrap();
        assert!(self.batches.iter().all(|(h, _)| h.last_offset() < self.start) || !whole.is_empty());
    }

    fn segment_bases(&self) -> Vec<i64> {
        self.log.summaries().unwrap().iter().map(|segment| segment.base_offset).collect()
    }

    /// Everything is there, segment by segment.
    fn check_all(&mut self) {
        let mut at = self.start;
        let mut got = Vec::new();
        while at < self.end {
            let bytes = self.log.read(at, u32::MAX, self.end, true).unwrap().read_bytes().unwrap();
            let headers = broker::log::batch::headers(&bytes).unwrap();
            let Some(last) = headers.last() else { break };
            at = last.next_offset();
            got.extend_from_slice(&bytes);
        }
        let all: Vec<u8> =
            self.batches.iter().filter(|(h, _)| h.last_offset() >= self.start).flat_map(|(_, b)| b.to_vec()).collect();
        assert_eq!(got.len(), all.len());
        assert!(got == all);
    }
}

/// In memory where the system has such a place: syncs are the time of this test, and nothing of it is cut off.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

fn live(seed: u64) {
    let dir = folder();
    let mut life = Life::new(seed, dir.path());
    for step in 0..250 {
        let now = format!("seed {seed} step {step}");
        let _guard = OnPanic(&now);
        match life.prng.below(100) {
            0..60 => life.append(),
            60..78 => life.read(),
            78..84 => life.search_timestamp(),
            84..86 => life.truncate(),
            86..89 => life.clean_restart(),
            89..92 => life.kill(),
            92..95 => life.damage(),
            95..97 => {
                let done = life.log.flush().unwrap().run().unwrap();
                life.log.flush_done(done);
                assert_eq!(life.log.recovery_point(), life.end);
            }
            _ => life.check_all(),
        }
    }
    life.check_all();
}

struct OnPanic<'a>(&'a str);

impl Drop for OnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed at {}", self.0);
        }
    }
}

#[test]
fn random_lives_agree_with_the_model() {
    for seed in 0..100 {
        live(seed);
    }
}

/// Retention on its own: the model above has producers follow from the batches alone, which deletion breaks.
#[test]
fn deleted_segments_stay_deleted() {
    for seed in 1000..1040 {
        let dir = folder();
        let mut life = Life::new(seed, dir.path());
        for _ in 0..60 {
            life.append();
        }
        let bases = life.segment_bases();
        let count = life.prng.below(bases.len() as u64) as usize;
        let job = life.log.delete_oldest(count).unwrap();
        life.start = bases[count];
        life.batches.retain(|(h, _)| h.last_offset() >= life.start);
        life.epochs.truncate_from_start(life.start);
        life.check_all();
        if life.prng.chance(1, 2) {
            job.run().unwrap();
        }
        life.clean_restart();
        assert_eq!(life.segment_bases(), bases[count..]);
        for name in std::fs::read_dir(dir.path()).unwrap() {
            let name = name.unwrap().file_name().into_string().unwrap();
            assert!(!name.ends_with(".deleted"), "{name} is left");
        }
        life.kill();
        life.check_all();
    }
}
