//! The stage: producers and readers, the jobs of the log, faults, and what must be back after each of them.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use base::planted::PlantedBug;
use broker::TopicPartition;
use broker::log::LogConfig;
use driver::world::{Job, Lane};
use storage::kafka::Recovered;

use super::host::{Done, Host, batch};
use crate::check::log_holds_flushed::{self as holds, Batch};
use crate::check::{Checked, Violation, serves_again};
use crate::disk::{Crash, DiskOp, SimDisk};
use crate::kernel::Kernel;
use crate::run::{FAULTS_MIN, Outcome, SeedOptions};
use crate::world::{JobTimes, Lanes};

/// Something that happens.
enum Event {
    Produce,
    Fetch,
    Flush,
    Checkpoint,
    Retention,
    Run { life: usize, lane: Lane },
    Finish { life: usize, lane: Lane },
    Fault,
    Start { life: usize },
}

/// What is known of a partition from outside.
#[derive(Default)]
struct Expected {
    /// Everything that is in the log, from offset 0 on, also what retention has removed.
    batches: Vec<Batch>,
    /// Everything below was flushed.
    flushed: i64,
    /// Next sequence of each producer.
    sequences: BTreeMap<i64, i32>,
    /// Highest log start that was ever set.
    start: i64,
}

impl Expected {
    fn end(&self) -> i64 {
        self.batches.last().map_or(0, |batch| batch.next)
    }
}

/// The stage.
pub struct Scene {
    options: SeedOptions,
    kernel: Kernel<Event>,
    disk: SimDisk,
    host: Option<Host>,
    lanes: Lanes<Done>,
    life: usize,
    config: Arc<LogConfig>,
    partitions: Vec<TopicPartition>,
    expected: BTreeMap<TopicPartition, Expected>,
    faults_drawn: Vec<Fault>,
    fault_us: u64,
    flush_us: u64,
    survive_percent: u64,
    times: JobTimes,
    batch_bytes_max: u64,
    operations: u64,
    faults: u64,
    faulty: bool,
    /// Whether the last stop kept the page cache and no sync had failed.
    kept_cache: bool,
    clean: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    PowerLoss,
    Kill,
    DiskError,
    DiskFull,
    CleanStop,
}

impl Scene {
    /// The stage of a seed.
    pub fn new(options: SeedOptions) -> Self {
        let mut kernel: Kernel<Event> = Kernel::new(options.seed, options.trace_lines_max);
        let prng = &mut kernel.prng;
        let pick = |prng: &mut base::Prng, choices: &[u64]| *prng.pick(choices).expect("not empty");
        let config = LogConfig {
            segment_bytes: pick(prng, &[500, 3000, 20_000, 1 << 20]) as i32,
            index_interval_bytes: pick(prng, &[0, 300, 4096]) as i32,
            segment_index_bytes: pick(prng, &[80, 1000, 1 << 20]) as i32,
            ..LogConfig::default()
        };
        let mut faults_drawn: Vec<Fault> = [Fault::Kill, Fault::DiskError, Fault::DiskFull, Fault::CleanStop]
            .into_iter()
            .filter(|_| prng.chance(1, 2))
            .collect();
        faults_drawn.push(Fault::PowerLoss);
        let disk_us = pick(prng, &[20, 300, 5000]);
        let partitions: Vec<_> = (0..prng.between(1, 3) as i32).map(|n| TopicPartition::new("topic", n)).collect();
        let expected = partitions.iter().map(|name| (name.clone(), Expected::default())).collect();
        Self {
            options,
            disk: SimDisk::new(prng.fork()),
            host: None,
            lanes: Lanes::default(),
            life: 0,
            config: Arc::new(config),
            partitions,
            expected,
            faults_drawn,
            fault_us: pick(prng, &[5_000, 20_000]),
            flush_us: pick(prng, &[300, 2000, 10_000]),
            survive_percent: pick(prng, &[0, 10, 50, 90]),
            times: JobTimes { half_us: (5, disk_us), slow_one_in: pick(prng, &[0, 20]) },
            batch_bytes_max: pick(prng, &[50, 700, 5000]),
            operations: 0,
            faults: 0,
            faulty: true,
            kept_cache: false,
            clean: false,
            kernel,
        }
    }

    /// Faults and load, then a last power loss, then everything flushed is read.
    ///
    /// # Errors
    /// A property that did not hold.
    pub fn run(&mut self) -> Checked {
        self.kernel.after(Duration::ZERO, Event::Start { life: 0 });
        for event in [Event::Produce, Event::Fetch, Event::Flush, Event::Checkpoint, Event::Retention, Event::Fault] {
            self.kernel.after(Duration::from_micros(50), event);
        }
        let wanted = self.kernel.prng.between(1000, 1500);
        while self.operations < wanted || self.faults < FAULTS_MIN + 1 {
            self.one_event()?;
            serves_again::in_time(self.kernel.mono(), self.operations)?;
        }
        self.faulty = false;
        self.disk.set_full(false);
        self.crash(Crash::Power { survive_percent: 0 }, Duration::from_millis(1));
        let end = self.kernel.mono() + Duration::from_millis(500);
        let before = self.operations;
        while self.kernel.mono() < end {
            self.one_event()?;
        }
        serves_again::all_served(&if self.operations > before { vec![] } else { vec!["no append succeeds".into()] })
    }

    /// The end.
    pub fn outcome(self, result: Result<(), Violation>) -> Outcome {
        Outcome {
            operations: self.operations,
            faults: self.faults,
            events: self.kernel.trace.events(),
            virtual_ms: self.kernel.mono().as_millis(),
            hash: self.kernel.trace.hash(),
            result,
            lines: self.kernel.trace.into_lines(),
        }
    }

    fn one_event(&mut self) -> Checked {
        let event = self.kernel.next().expect("producers always have an event scheduled");
        match event {
            Event::Start { life } if life == self.life && self.host.is_none() => self.start()?,
            Event::Start { .. } => {}
            Event::Produce => self.produce(),
            Event::Fetch => self.fetch()?,
            Event::Flush => {
                self.again(self.flush_us, Event::Flush);
                self.flush_some();
            }
            Event::Checkpoint => {
                self.again(self.flush_us * 3, Event::Checkpoint);
                self.checkpoint();
            }
            Event::Retention => {
                self.again(5_000, Event::Retention);
                self.retention();
            }
            Event::Run { life, lane } if life == self.life => {
                self.kernel.note("job runs", &[lane as u64], &[]);
                self.lanes.run(lane);
            }
            Event::Finish { life, lane } if life == self.life => self.finish(lane),
            Event::Run { .. } | Event::Finish { .. } => {}
            Event::Fault => self.fault(),
        }
        Ok(())
    }

    fn again(&mut self, about_us: u64, event: Event) {
        let pause = Duration::from_micros(self.kernel.prng.between(about_us / 2, about_us * 2));
        self.kernel.after(pause, event);
    }

    fn any_partition(&mut self) -> TopicPartition {
        self.kernel.prng.pick(&self.partitions).expect("there is one").clone()
    }

    // ---- lives

    fn start(&mut self) -> Checked {
        let now_ms = self.kernel.now().wall_ms;
        let errors = self.disk.stats().errors;
        let opened = self.open_all(now_ms);
        match opened {
            Ok((host, recovered)) => {
                self.kernel.note("start", &[self.life as u64], &[]);
                self.host = Some(host);
                for name in self.partitions.clone() {
                    self.check_recovered(&name, recovered.get(&name))?;
                }
                self.clean = false;
                self.kept_cache = false;
                Ok(())
            }
            Err(error) => {
                self.note(|| format!("start fails: {error}"));
                let injected = self.disk.stats().errors > errors;
                serves_again::starts(if injected { Ok(()) } else { Err(error) })?;
                // The recovery may have cut and removed; the cache stays as it is. Somebody makes room.
                self.disk.set_full(false);
                self.disk = self.disk.crash(Crash::Process);
                self.clean = false;
                self.life += 1;
                let life = self.life;
                self.kernel.after(Duration::from_millis(1), Event::Start { life });
                Ok(())
            }
        }
    }

    fn open_all(&mut self, now_ms: i64) -> std::io::Result<(Host, BTreeMap<TopicPartition, Recovered>)> {
        let (mut host, recovered) = Host::open(&self.disk, &self.config, now_ms)?;
        for name in &self.partitions {
            if !host.partitions.contains_key(name) {
                host.create(name, &self.config, now_ms)?;
            }
        }
        Ok((host, recovered))
    }

    fn check_recovered(&mut self, name: &TopicPartition, recovered: Option<&Recovered>) -> Checked {
        let host = self.host.as_mut().expect("just opened");
        let open = host.partitions.get_mut(name).expect("opened or created");
        let expected = self.expected.get_mut(name).expect("every partition is expected");
        let (start, end) = recovered.map_or((0, 0), |state| (state.log_start_offset, state.log_end_offset));
        let now = self.kernel.mono();
        self.kernel.trace.event(now, "recovered", &[start as u64, end as u64], &[]);
        if let Some(state) = recovered {
            self.kernel.trace.note(now, || format!("{name}: flushed {}, {:?}", expected.flushed, state.warnings));
            holds::CLEAN.require(!self.clean || state.segments_scanned == 0, || {
                format!("{name}: {} segments scanned: {:?}", state.segments_scanned, state.warnings)
            })?;
        }
        holds::end(&expected.batches, end, expected.flushed, self.kept_cache || self.clean)?;
        holds::WHOLE.require(start <= expected.start.max(0), || {
            format!("{name} starts at {start}, it was told to start at {}", expected.start)
        })?;
        let read = read_all(open, start, end).map_err(|error| holds::WHOLE.broken(format!("{name}: {error}")))?;
        holds::content(&expected.batches, start, end, &read, &holds::WHOLE)?;
        expected.batches.retain(|batch| batch.next <= end);
        let mut last: BTreeMap<i64, i32> = BTreeMap::new();
        for batch in expected.batches.iter().filter(|batch| batch.base >= start) {
            last.insert(batch.producer.0, batch.producer.1);
        }
        for (producer, sequence) in &last {
            let found = open.producers.producer(*producer).map(|entry| entry.last_sequence());
            holds::PRODUCERS.require(found == Some(*sequence), || {
                format!("{name}: producer {producer} wrote up to {sequence}, recovery says {found:?}")
            })?;
        }
        // A producer that recovery does not know begins anew.
        let known = |producer: &i64| open.producers.producer(*producer).map_or(0, |entry| entry.last_sequence() + 1);
        expected.sequences = expected.sequences.keys().map(|producer| (*producer, known(producer))).collect();
        expected.start = start;
        Ok(())
    }

    fn crash(&mut self, crash: Crash, restart_after: Duration) {
        self.kernel.note("crash", &[matches!(crash, Crash::Power { .. }).into()], &[]);
        self.host = None;
        self.lanes = Lanes::default();
        self.disk = self.disk.crash(crash);
        self.life += 1;
        let life = self.life;
        self.kernel.after(restart_after, Event::Start { life });
    }

    // ---- load

    fn produce(&mut self) {
        self.again(100, Event::Produce);
        let name = self.any_partition();
        let now_ms = self.kernel.now().wall_ms;
        let prng = &mut self.kernel.prng;
        let (count, producer) = (prng.between(1, 10) as i32, prng.below(3) as i64);
        let mut records = vec![0; prng.between(1, self.batch_bytes_max) as usize];
        prng.fill(&mut records);
        let Some(host) = &mut self.host else { return };
        let open = host.partitions.get_mut(&name).expect("every partition is open");
        let expected = self.expected.get_mut(&name).expect("every partition is expected");
        let sequence = *expected.sequences.entry(producer).or_insert(0);
        let append = batch(open.log.log_end_offset(), count, (producer, sequence), self.life as i32, now_ms, &records);
        self.operations += 1;
        let now = self.kernel.mono();
        self.kernel.trace.event(now, "append", &[append.header.base_offset as u64, append.header.size() as u64], &[]);
        match open.log.append(&append, now_ms, &open.producers) {
            Ok(appended) => {
                open.producers.apply(&append.header, None);
                expected.sequences.insert(producer, sequence + count);
                expected.batches.push(Batch {
                    base: append.header.base_offset,
                    next: append.header.next_offset(),
                    bytes: append.pieces.concat(),
                    producer: (producer, sequence + count - 1),
                });
                if appended.rolled {
                    self.flush(&name, true);
                }
            }
            Err(error) => {
                self.note(|| format!("append fails: {error}"));
                // The log folder goes offline, and it was the last one: the process ends.
                self.kept_cache = false;
                self.crash(Crash::Process, Duration::from_millis(5));
            }
        }
    }

    fn fetch(&mut self) -> Checked {
        self.again(400, Event::Fetch);
        let name = self.any_partition();
        let Some(host) = &mut self.host else { return Ok(()) };
        let open = host.partitions.get_mut(&name).expect("every partition is open");
        let expected = &self.expected[&name];
        let (start, end) = (open.start, open.log.log_end_offset());
        if start >= end {
            return Ok(());
        }
        let from = self.kernel.prng.between(start as u64, end as u64 - 1) as i64;
        let bytes_max = self.kernel.prng.between(1, 8000) as u32;
        if self.kernel.prng.chance(1, 4) {
            open.log.cool();
        }
        self.operations += 1;
        let now = self.kernel.mono();
        self.kernel.trace.event(now, "fetch", &[from as u64, u64::from(bytes_max)], &[]);
        let read = open.log.read(from, bytes_max, end, true).and_then(|range| range.read_bytes());
        let Ok(read) = read else { return Ok(()) };
        let held = expected.batches.iter().position(|batch| batch.next > from).expect("the offset is in the log");
        let mut all = Vec::new();
        for batch in &expected.batches[held..] {
            if all.len() >= read.len() {
                break;
            }
            all.extend_from_slice(&batch.bytes);
        }
        let whole = read.len() >= expected.batches[held].bytes.len();
        holds::READS.require(whole && all.starts_with(&read), || {
            format!("{name}: {} bytes from {from} on are not what was appended there", read.len())
        })
    }

    // ---- upkeep

    fn submit(&mut self, lane: Lane, job: Job<Done>) {
        let (now, life) = (self.kernel.mono(), self.life);
        let schedule = self.lanes.submit(now, lane, job, self.times, &mut self.kernel.prng);
        self.kernel.at(schedule.run_at, Event::Run { life, lane });
        self.kernel.at(schedule.finish_at, Event::Finish { life, lane });
    }

    fn flush_some(&mut self) {
        let name = self.any_partition();
        self.flush(&name, false);
    }

    fn flush(&mut self, name: &TopicPartition, closed: bool) {
        let Some(host) = &mut self.host else { return };
        let open = host.partitions.get_mut(name).expect("every partition is open");
        let job = if closed { open.log.flush_closed() } else { open.log.flush() };
        let Ok(job) = job else { return };
        let name = name.clone();
        self.submit(Lane::Sync, Box::new(move || Done::Flush(name, job.run())));
    }

    fn checkpoint(&mut self) {
        let Some(host) = &self.host else { return };
        let early = self.options.bug.is(PlantedBug::RecoveryPointBeforeFlush);
        let points = if early { host.ends() } else { host.recovery_points() };
        let job = host.dir.checkpoint_recovery_points(&points);
        self.submit(Lane::Bulk, Box::new(move || Done::Other(job.run())));
    }

    /// Drops the oldest segment, once where the log starts then is on the disk.
    fn retention(&mut self) {
        let name = self.any_partition();
        if !self.kernel.prng.chance(1, 4) {
            return;
        }
        let Some(host) = &mut self.host else { return };
        let open = host.partitions.get_mut(&name).expect("every partition is open");
        if open.log.segment_count() < 3 {
            return;
        }
        let Ok(summaries) = open.log.summaries() else { return };
        open.start = open.start.max(summaries[1].base_offset);
        self.expected.get_mut(&name).expect("every partition is expected").start = open.start;
        let checkpoint = host.dir.checkpoint_log_starts(&host.log_starts());
        if checkpoint.run().is_err() {
            self.crash(Crash::Process, Duration::from_millis(5));
            return;
        }
        let open = self.host.as_mut().and_then(|host| host.partitions.get_mut(&name)).expect("still open");
        match open.log.delete_oldest(1) {
            Ok(job) => self.submit(Lane::Bulk, Box::new(move || Done::Other(job.run()))),
            Err(_) => self.crash(Crash::Process, Duration::from_millis(5)),
        }
    }

    fn finish(&mut self, lane: Lane) {
        self.kernel.note("job done", &[lane as u64], &[]);
        let failed = match self.lanes.finish(lane) {
            Done::Flush(name, Ok(done)) => {
                let host = self.host.as_mut().expect("jobs end with their process");
                let open = host.partitions.get_mut(&name).expect("every partition is open");
                open.log.flush_done(done);
                let expected = self.expected.get_mut(&name).expect("every partition is expected");
                expected.flushed = expected.flushed.max(open.log.recovery_point());
                return;
            }
            Done::Flush(_, Err(error)) | Done::Other(Err(error)) => error,
            Done::Other(Ok(())) => return,
        };
        self.note(|| format!("job fails: {failed}"));
        self.kept_cache = false;
        self.crash(Crash::Process, Duration::from_millis(5));
    }

    // ---- faults

    fn fault(&mut self) {
        if !self.faulty {
            return;
        }
        self.again(self.fault_us, Event::Fault);
        if self.host.is_none() {
            return;
        }
        let fault = *self.kernel.prng.pick(&self.faults_drawn).expect("not empty");
        self.faults += 1;
        self.kernel.note("fault", &[fault as u64], &[]);
        self.note(|| format!("fault {fault:?}"));
        let down = Duration::from_millis(self.kernel.prng.between(1, 20));
        self.disk.set_full(false);
        match fault {
            Fault::PowerLoss => self.crash(Crash::Power { survive_percent: self.survive_percent }, down),
            Fault::Kill => {
                self.kept_cache = true;
                self.crash(Crash::Process, down);
            }
            Fault::DiskError => {
                const OPS: [DiskOp; 6] =
                    [DiskOp::Write, DiskOp::SetLen, DiskOp::Sync, DiskOp::SyncDir, DiskOp::Create, DiskOp::Rename];
                let op = *self.kernel.prng.pick(&OPS).expect("not empty");
                self.disk.fail_after(op, self.kernel.prng.below(4));
            }
            Fault::DiskFull => self.disk.set_full(true),
            Fault::CleanStop => self.clean_stop(down),
        }
    }

    fn clean_stop(&mut self, down: Duration) {
        if self.try_clean_stop().is_ok() {
            self.clean = true;
            for expected in self.expected.values_mut() {
                expected.flushed = expected.end();
            }
        }
        let power = self.kernel.prng.chance(1, 2);
        let crash = if power { Crash::Power { survive_percent: 0 } } else { Crash::Process };
        self.crash(crash, down);
    }

    fn try_clean_stop(&mut self) -> std::io::Result<()> {
        let host = self.host.as_mut().expect("checked by the caller");
        for open in host.partitions.values_mut() {
            let done = open.log.close(&open.producers)?.run()?;
            open.log.flush_done(done);
        }
        host.dir.checkpoint_recovery_points(&host.recovery_points()).run()?;
        host.dir.checkpoint_log_starts(&host.log_starts()).run()?;
        host.dir.mark_clean(1)
    }

    fn note(&mut self, make: impl FnOnce() -> String) {
        let now = self.kernel.mono();
        self.kernel.trace.note(now, make);
    }
}

fn read_all(open: &super::host::Partition, start: i64, end: i64) -> std::io::Result<Vec<u8>> {
    let mut read = Vec::new();
    let mut at = start;
    while at < end {
        let bytes = open.log.read(at, 1 << 20, end, true)?.read_bytes()?;
        let headers = broker::log::batch::headers(&bytes).map_err(std::io::Error::other)?;
        let Some(last) = headers.last() else {
            return Err(std::io::Error::other(format!("nothing to read at {at}, the log ends at {end}")));
        };
        at = last.next_offset();
        let whole: usize = headers.iter().map(|header| header.size()).sum();
        read.extend_from_slice(&bytes[..whole]);
    }
    Ok(read)
}
