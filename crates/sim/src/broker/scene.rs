//! The stage: producers and readers, the jobs of the shard, faults, and what must be back after each of them.

use core::time::Duration;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base::{Instant, Prng};
use broker::TopicPartition;
use broker::log::LogConfig;
use broker::shard::{RequestToken, ShardNotice};
use bytes::Bytes;
use driver::shard_loop::{CleanerConfig, ShardDone, ShardInput};
use driver::world::Lane;
use storage::disk::Disk;
use storage::kafka::Progress;

use super::host::{Copying, Done, Host, LOG_DIRS, Output, is_marked_clean};
use super::load::Delivery;
use super::producers::{Producer, Sent};
use crate::check::compaction_keeps_last::{self as compaction, Seen};
use crate::check::log_holds_flushed::{self as holds, Batch};
use crate::check::{Checked, Violation, epochs_match_batches, full_disk_passes, log_start_ascends, serves_again};
use crate::disk::{Crash, DiskOp, SimDisk};
use crate::kernel::Kernel;
use crate::run::{Coverage, FAULTS_MIN, Outcome, SeedOptions};
use crate::world::JobTimes;

/// No run has more faults, so that a slow one gets its work done in the end.
const FAULTS_MAX: u64 = 40;

/// Something that happens.
pub enum Event {
    Produce,
    Deliver(Box<Delivery>),
    SendAgain { life: usize, partition: TopicPartition, producer: i64, connection: u64 },
    Fetch,
    Move,
    Timer { life: usize, at: Instant },
    Run { life: usize, lane: Lane },
    Finish { life: usize, lane: Lane },
    Fault,
    Start { life: usize },
}

/// How far a partition has come in this life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Opening,
    /// What recovery found is read back, up to here so far.
    Checking(i64),
    Open,
}

/// What is known of a partition from outside.
pub struct Expected {
    /// Everything that was ever in the log, from offset 0 on.
    pub batches: Vec<Batch>,
    /// Everything below was flushed.
    flushed: i64,
    /// Everything below is synced in the log's copy, which counts when the copy takes the log's place.
    copied: i64,
    /// Those that write to it.
    pub producers: BTreeMap<i64, Producer>,
    /// Where the log was last seen to start.
    pub start: i64,
    /// Up to where records were asked to be deleted.
    pub deleted_to: i64,
    /// Where the log was begun anew, its end being lost below its start.
    anew_at: i64,
    pub phase: Phase,
    /// The first batch that was answered with an error of the disk in this life: it may be in the log or not.
    pub maybe: Option<Batch>,
    /// Whether every stop since the log was last open kept all of it: a kill without an error before, or a clean stop.
    lossless: bool,
    /// Whether the last life ended with a clean stop.
    stopped_clean: bool,
    /// What the check of a compacted log has read.
    pub seen: Seen,
    /// Compactions that came to their end, and how many there had been when the check began to read.
    cleanings: u64,
    cleanings_at_check: u64,
    /// Above this a compacted log may have lost batches since it was last opened.
    gaps_from: Option<i64>,
}

impl Expected {
    fn new() -> Self {
        Self {
            batches: Vec::new(),
            flushed: 0,
            copied: 0,
            producers: BTreeMap::new(),
            start: 0,
            deleted_to: 0,
            anew_at: 0,
            phase: Phase::Opening,
            maybe: None,
            lossless: true,
            stopped_clean: false,
            seen: Seen::default(),
            cleanings: 0,
            cleanings_at_check: 0,
            gaps_from: None,
        }
    }

    /// A recovered log ends and starts where it may; from here on nothing is expected of what lies behind its end.
    fn bounds_hold(&mut self, name: &TopicPartition, start: i64, end: i64, by_size: bool) -> Checked {
        let last = self.end();
        if let Some(maybe) = self.maybe.take_if(|maybe| maybe.base == last && maybe.next == end) {
            self.batches.push(maybe);
        }
        self.maybe = None;
        // The end was lost below where records had been deleted up to: the log is begun anew there.
        let seen_start = self.start.max(self.deleted_to);
        if start == end && end <= seen_start && self.batches.iter().all(|batch| batch.next != end) {
            self.anew_at = end;
        }
        if self.anew_at != end || start != end {
            holds::end(&self.batches, end, self.flushed, self.lossless)?;
        }
        // Retention may have been stopped half way, with the oldest segment gone and the log start not yet moved.
        holds::WHOLE.require(start <= seen_start || by_size, || {
            format!("{name} starts at {start}, it was last seen to start at {}", self.start)
        })?;
        self.batches.retain(|batch| batch.next <= end);
        self.anew_at = self.anew_at.min(end);
        log_start_ascends::ASCENDS.require(!self.stopped_clean || start >= self.start, || {
            format!("{name} starts at {start} after a clean stop, before it started at {}", self.start)
        })
    }

    /// A recovered log knows the last sequence of each producer that has a batch in it.
    fn producers_are_known(
        &self,
        name: &TopicPartition,
        start: i64,
        gaps_from: Option<i64>,
        known: impl Fn(i64) -> Option<i32>,
    ) -> Checked {
        let mut last: BTreeMap<i64, i32> = BTreeMap::new();
        let held = |batch: &&Batch| batch.base >= start && batch.is_surely_held(gaps_from);
        for batch in self.batches.iter().filter(held) {
            last.insert(batch.producer.0, batch.producer.1);
        }
        for (producer, sequence) in last {
            // A batch that a power cut took from the middle of a compacted log may be in what is known of its producer.
            let of_lost =
                |batch: &Batch| batch.lost && Some(batch.producer) == known(producer).map(|last| (producer, last));
            let lost = gaps_from.is_some() || self.batches.iter().any(of_lost);
            let later = lost && known(producer) > Some(sequence);
            holds::PRODUCERS.require(later || known(producer) == Some(sequence), || {
                format!("{name}: producer {producer} wrote up to {sequence}, recovery says {:?}", known(producer))
            })?;
        }
        Ok(())
    }

    /// What a recovered log holds is read next.
    fn begin_check(&mut self, start: i64, end: i64, known: impl Fn(i64) -> Option<i32>) {
        self.deleted_to = self.deleted_to.min(end);
        // Whoever was told of something that is lost begins anew; others send again what they were not told of.
        for (id, producer) in &mut self.producers {
            producer.ledger.recovered(known(*id), end);
            if !self.lossless {
                producer.begin_anew(known(*id));
            }
        }
        self.start = start;
        self.phase = Phase::Checking(start);
        self.seen = Seen::default();
        self.cleanings_at_check = self.cleanings;
    }

    /// Where the log ends.
    pub fn end(&self) -> i64 {
        self.batches.last().map_or(0, |batch| batch.next).max(self.anew_at)
    }
}

pub enum Pending {
    Produce { partition: TopicPartition, producer: i64, connection: u64, sent: Sent },
    DeleteRecords { partition: TopicPartition, from: i64 },
    Fetch { partition: TopicPartition, from: i64 },
    Check { partition: TopicPartition, from: i64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    PowerLoss,
    Kill,
    DiskError,
    DiskFull,
    CleanStop,
}

/// The stage.
pub struct Scene {
    options: SeedOptions,
    pub(super) kernel: Kernel<Event>,
    pub(super) disk: SimDisk,
    pub(super) host: Option<Host>,
    pub(super) life: usize,
    pub(super) config: Arc<LogConfig>,
    pub(super) partitions: Vec<TopicPartition>,
    pub(super) expected: BTreeMap<TopicPartition, Expected>,
    pub(super) pending: BTreeMap<RequestToken, Pending>,
    pub(super) coverage: Coverage,
    drawn: Vec<Fault>,
    fault_us: u64,
    checkpoint_ms: u64,
    cleaner: CleanerConfig,
    copying: Copying,
    /// About how often a log is told to move to another folder; none in some runs.
    move_us: Option<u64>,
    survive_percent: u64,
    times: JobTimes,
    pub(super) value_bytes_max: u64,
    /// About how long a batch is on its way.
    pub(super) delivery_us: u64,
    pub(super) operations: u64,
    faults: u64,
    pub(super) faulty: bool,
    /// A clean stop has begun.
    pub(super) stopping: bool,
    /// Errors of the disk when this life began.
    errors_before: u64,
    /// Want of room, likewise.
    refusals_before: u64,
}

fn pick(prng: &mut Prng, choices: &[u64]) -> u64 {
    *prng.pick(choices).expect("not empty")
}

/// How small the files are, what is compacted, and how the cleaner works.
fn draw_configs(prng: &mut Prng) -> (LogConfig, CleanerConfig) {
    let segment_bytes = pick(prng, &[500, 3000, 20_000, 1 << 20]);
    let config = LogConfig {
        segment_bytes: segment_bytes as i32,
        index_interval_bytes: pick(prng, &[0, 300, 4096]) as i32,
        segment_index_bytes: pick(prng, &[80, 1000, 1 << 20]) as i32,
        flush_messages: pick(prng, &[1, 20, 200, i64::MAX as u64]) as i64,
        retention_bytes: *prng.pick(&[-1, -1, 5000]).expect("not empty"),
        file_delete_delay_ms: 10,
        ..LogConfig::default()
    };
    let compacted = prng.chance(1, 2);
    let config = if compacted {
        LogConfig {
            cleanup_compact: true,
            cleanup_delete: false,
            retention_bytes: -1,
            min_cleanable_dirty_ratio: *prng.pick(&[0.0, 0.3, 0.5]).expect("not empty"),
            delete_retention_ms: pick(prng, &[0, 20, 86_400_000]) as i64,
            min_compaction_lag_ms: pick(prng, &[0, 0, 5]) as i64,
            ..config
        }
    } else {
        config
    };
    let cleaner = CleanerConfig {
        backoff_ms: pick(prng, &[1, 5, 20]),
        // Ten keys of one batch have to fit.
        dedupe_buffer_size: pick(prng, &[24 * 16, 1 << 20]),
        io_max_bytes_per_second: *prng.pick(&[1e6, f64::MAX]).expect("not empty"),
        step_bytes: pick(prng, &[200, 2000, 1 << 20]),
        ..CleanerConfig::default()
    };
    (config, cleaner)
}

impl Scene {
    /// The stage of a seed.
    pub fn new(options: SeedOptions) -> Self {
        let mut kernel: Kernel<Event> = Kernel::new(options.seed, options.trace_lines_max);
        let prng = &mut kernel.prng;
        let (config, cleaner) = draw_configs(prng);
        let segment_bytes = config.segment_bytes as u64;
        let mut drawn: Vec<Fault> = [Fault::Kill, Fault::DiskError, Fault::DiskFull, Fault::CleanStop]
            .into_iter()
            .filter(|_| prng.chance(1, 2))
            .collect();
        drawn.push(Fault::PowerLoss);
        let partitions: Vec<_> = (0..prng.between(1, 3) as i32).map(|n| TopicPartition::new("topic", n)).collect();
        kernel.trace.note(Instant::ZERO, || format!("seed {} {config:?}", options.seed));
        let prng = &mut kernel.prng;
        Self {
            options,
            disk: SimDisk::new(prng.fork()),
            host: None,
            life: 0,
            config: Arc::new(config),
            expected: partitions.iter().map(|name| (name.clone(), Expected::new())).collect(),
            partitions,
            pending: BTreeMap::new(),
            coverage: Coverage::default(),
            drawn,
            fault_us: pick(prng, &[10_000, 40_000]),
            checkpoint_ms: pick(prng, &[1, 10, 50]),
            cleaner,
            copying: Copying {
                step_bytes: pick(prng, &[300, 5000, 1 << 20]) as u32,
                bytes_per_second: *prng.pick(&[1e6, f64::MAX]).expect("not empty"),
            },
            move_us: prng.pick(&[None, Some(3000), Some(20_000)]).copied().expect("not empty"),
            survive_percent: pick(prng, &[0, 10, 50, 90]),
            times: JobTimes { half_us: (5, pick(prng, &[20, 200, 1000])), slow_one_in: pick(prng, &[0, 20]) },
            // Ten records fit a segment, or the broker refuses the batch.
            value_bytes_max: pick(prng, &[20, 200, 2000]).min(segment_bytes / 25),
            delivery_us: pick(prng, &[20, 200, 1000]),
            operations: 0,
            faults: 0,
            faulty: true,
            stopping: false,
            errors_before: 0,
            refusals_before: 0,
            kernel,
        }
    }

    /// Faults and load, then a last power loss, then the log must serve again.
    ///
    /// # Errors
    /// A property that did not hold.
    pub fn run(&mut self) -> Checked {
        self.kernel.after(Duration::ZERO, Event::Start { life: 0 });
        for event in [Event::Produce, Event::Fetch] {
            self.kernel.after(Duration::from_micros(50), event);
        }
        self.again(self.fault_us, Event::Fault);
        if let Some(move_us) = self.move_us {
            self.again(move_us, Event::Move);
        }
        let wanted = self.kernel.prng.between(1000, 1500);
        while self.operations < wanted || self.faults < FAULTS_MIN + 1 {
            self.one_event()?;
            serves_again::in_time(self.kernel.mono(), 60, self.operations)?;
        }
        self.kernel.note("heal", &[], &[]);
        self.faulty = false;
        self.disk.set_full(false);
        self.crash(Crash::Power { survive_percent: 0 }, Duration::from_millis(1));
        let end = self.kernel.mono() + Duration::from_secs(60);
        self.one_event()?;
        while self.kernel.mono() < end && self.expected.values().any(|expected| expected.phase != Phase::Open) {
            self.one_event()?;
        }
        let waiting = self.expected.iter().filter(|(_, expected)| expected.phase != Phase::Open);
        serves_again::all_served(
            &waiting.map(|(name, expected)| format!("{name} is {:?}", expected.phase)).collect::<Vec<_>>(),
        )
    }

    /// The end.
    pub fn outcome(self, result: Result<(), Violation>) -> Outcome {
        Outcome::of(self.kernel, result, self.operations, self.faults, self.coverage)
    }

    fn one_event(&mut self) -> Checked {
        let event = self.kernel.pop().expect("producers always have an event scheduled");
        match event {
            Event::Start { life } if life == self.life && self.host.is_none() => self.start(),
            Event::Produce => self.produce(),
            Event::Deliver(delivery) => self.deliver(*delivery),
            Event::SendAgain { life, partition, producer, connection } => {
                self.retry(life, &partition, producer, connection)
            }
            Event::Fetch => self.fetch(),
            Event::Move => self.move_log(),
            Event::Timer { life, at } if self.lives(life) => {
                let host = self.host.as_mut().expect("it lives");
                if host.timer.is_due(at) {
                    return self.turn(None);
                }
                Ok(())
            }
            Event::Run { life, lane } if self.lives(life) => {
                self.kernel.note("job runs", &[lane as u64], &[]);
                self.host.as_mut().expect("it lives").lanes.run(lane);
                Ok(())
            }
            Event::Finish { life, lane } if self.lives(life) => self.finish(lane),
            Event::Fault => self.fault(),
            Event::Start { .. } | Event::Timer { .. } | Event::Run { .. } | Event::Finish { .. } => Ok(()),
        }
    }

    /// Whether the disk has failed in this life in another way than by being full.
    pub(super) fn is_harmed(&self) -> bool {
        self.disk.stats().errors > self.errors_before
    }

    fn lives(&self, life: usize) -> bool {
        life == self.life && self.host.is_some()
    }

    pub(super) fn again(&mut self, about_us: u64, event: Event) {
        let pause = Duration::from_micros(self.kernel.prng.between(about_us / 2, about_us * 2));
        self.kernel.after(pause, event);
    }

    fn note(&mut self, make: impl FnOnce() -> String) {
        let now = self.kernel.mono();
        self.kernel.trace.note(now, make);
    }

    // ---- lives

    fn start(&mut self) -> Checked {
        self.errors_before = self.disk.stats().errors;
        self.refusals_before = self.disk.stats().refusals;
        let (now, prng) = (self.kernel.now(), self.kernel.prng.fork());
        let work = (self.cleaner.clone(), self.copying);
        match Host::start(now, self.disk.clone(), self.checkpoint_ms, work, self.options.bug, prng) {
            Ok(host) => {
                self.kernel.note("start", &[self.life as u64], &[]);
                self.host = Some(host);
                for name in self.partitions.clone() {
                    self.expected.get_mut(&name).expect("known").phase = Phase::Opening;
                    let lead = Host::lead(&name, self.life as i32, &self.config);
                    self.turn(Some(lead))?;
                }
                Ok(())
            }
            Err(error) => self.start_failed(error.to_string()),
        }
    }

    /// Only a disk that fails excuses a start that does.
    fn start_failed(&mut self, error: String) -> Checked {
        self.note(|| format!("start fails: {error}"));
        let refused = self.disk.stats().refusals > self.refusals_before;
        serves_again::starts(if self.is_harmed() || refused { Ok(()) } else { Err(error) })?;
        self.disk.set_full(false);
        self.crash(Crash::Process, Duration::from_millis(1));
        Ok(())
    }

    fn crash(&mut self, crash: Crash, restart_after: Duration) {
        self.stop(crash, restart_after, false);
    }

    fn stop(&mut self, crash: Crash, restart_after: Duration, clean: bool) {
        self.kernel.note("crash", &[matches!(crash, Crash::Power { .. }).into()], &[]);
        let lossless = clean || (crash == Crash::Process && !self.is_harmed());
        for expected in self.expected.values_mut() {
            expected.stopped_clean = clean;
            expected.lossless = lossless && (expected.lossless || expected.phase != Phase::Opening);
            expected.phase = Phase::Opening;
            expected.copied = 0;
            if !lossless {
                expected.gaps_from.get_or_insert(expected.flushed);
            }
        }
        self.stopping = false;
        self.see_starts();
        self.host = None;
        self.pending.clear();
        self.disk = self.disk.crash(crash);
        self.life += 1;
        let life = self.life;
        self.kernel.after(restart_after, Event::Start { life });
    }

    fn see_starts(&mut self) {
        let Some(host) = &self.host else { return };
        for (name, expected) in &mut self.expected {
            if let Some(led) = host.shard().partition(name) {
                expected.start = expected.start.max(led.log_start_offset());
            }
        }
    }

    pub(super) fn turn(&mut self, input: Option<ShardInput<SimDisk>>) -> Checked {
        let (now, life, times) = (self.kernel.now(), self.life, self.times);
        let Some(host) = &mut self.host else { return Ok(()) };
        let outputs = host.turn(now, input);
        let (run, finish) = (|lane| Event::Run { life, lane }, |lane| Event::Finish { life, lane });
        let jobs = host.take_jobs();
        host.lanes.schedule(&mut self.kernel, jobs, times, run, finish);
        if let Some(at) = host.timer.want(host.deadline()) {
            self.kernel.at(at, Event::Timer { life, at });
        }
        for output in outputs {
            if life == self.life {
                self.output(output)?;
            }
        }
        Ok(())
    }

    fn output(&mut self, output: Output) -> Checked {
        match output {
            Output::Reply(token, reply) => self.reply(token, reply),
            Output::Notice(ShardNotice::Leading { partition, .. }) => self.opened(&partition),
            // A log that was being opened when the stop began is not waited for.
            Output::Notice(ShardNotice::Failed { .. }) if self.stopping => Ok(()),
            Output::Notice(ShardNotice::Failed { partition, reason, .. }) => {
                self.start_failed(format!("{partition}: {reason}"))
            }
            Output::Notice(ShardNotice::ShutDown) => {
                self.stopped();
                Ok(())
            }
            // Whoever runs it ends it and looks at the disk.
            Output::Notice(ShardNotice::LogDirOffline { log_dir, reason }) => {
                self.offline(&format!("{log_dir}: {reason}"))
            }
            Output::Notice(_) => Ok(()),
            Output::Say(text) => {
                if let Some((name, _)) = text.split_once(" is in log folder") {
                    self.coverage.hit("a log came to another folder");
                    let moved = self.expected.iter_mut().find(|(partition, _)| partition.to_string() == name);
                    let (_, moved) = moved.expect("every partition is expected");
                    moved.flushed = moved.flushed.max(moved.copied);
                }
                self.note(|| text);
                Ok(())
            }
            Output::Fatal(text) => self.offline(&text),
        }
    }

    /// A log folder is offline, or all of them.
    fn offline(&mut self, text: &str) -> Checked {
        self.note(|| format!("offline: {text}"));
        let disk = full_disk_passes::Disk { full: self.disk.is_full(), harmed: self.is_harmed() };
        full_disk_passes::offline(disk, text)?;
        self.disk.set_full(false);
        self.crash(Crash::Process, Duration::from_millis(5));
        Ok(())
    }

    /// A log is told to move, or to stay where it is.
    fn move_log(&mut self) -> Checked {
        if let Some(move_us) = self.move_us {
            self.again(move_us, Event::Move);
        }
        let Some(host) = self.host.as_mut().filter(|_| !self.stopping && self.faulty) else { return Ok(()) };
        let partition = self.kernel.prng.pick(&self.partitions).expect("not empty");
        let dir = self.kernel.prng.below(LOG_DIRS.len() as u64) as usize;
        self.kernel.note("move", &[partition.partition as u64, dir as u64], &[]);
        let (_, input) = host.move_log(partition, dir);
        self.turn(Some(input))
    }

    /// A log is open: does it end and start where it may, and does it know its producers?
    fn opened(&mut self, name: &TopicPartition) -> Checked {
        let host = self.host.as_ref().expect("it just spoke");
        let led = host.shard().partition(name).expect("it says that it leads");
        let expected = self.expected.get_mut(name).expect("every partition is expected");
        let (start, end) = (led.log_start_offset(), led.log_end_offset());
        let now = self.kernel.mono();
        self.kernel.trace.event(now, "recovered", &[start as u64, end as u64, expected.flushed as u64], &[]);
        self.kernel.trace.note(now, || format!("{name} holds {:?}", names_in(&self.disk, name)));
        expected.bounds_hold(name, start, end, self.config.retention_bytes > 0)?;
        // See `Batch::lost`: which ones are is looked up below.
        let gaps_from = expected.gaps_from.filter(|_| self.config.cleanup_compact);
        let known = |producer: i64| led.producers().producer(producer).map(|entry| entry.last_sequence());
        expected.producers_are_known(name, start, gaps_from, known)?;
        // A log's epochs below where it once started are cut at once, the checkpoint of its start comes later.
        let from = start.max(expected.start).max(expected.deleted_to);
        let known_whole = |batch: &&Batch| batch.next > from && batch.is_surely_held(gaps_from);
        epochs_match_batches::recovered(led.epochs(), from, expected.batches.iter().filter(known_whole))?;
        if let Some(flushed) = expected.gaps_from.take().filter(|_| self.config.cleanup_compact) {
            compaction::mark_lost(&mut expected.batches, flushed, segments_in(&self.disk, name));
        }
        expected.begin_check(start, end, known);
        self.check_on(name)
    }

    /// Asks for the next part of a recovered log, or ends its check.
    pub(super) fn check_on(&mut self, name: &TopicPartition) -> Checked {
        let host = self.host.as_mut().expect("it just answered");
        let Some(end) = host.shard().partition(name).map(|led| led.high_watermark()) else { return Ok(()) };
        let expected = self.expected.get_mut(name).expect("every partition is expected");
        let Phase::Checking(from) = expected.phase else { return Ok(()) };
        if from >= end {
            expected.phase = Phase::Open;
            let seen = core::mem::take(&mut expected.seen);
            if self.config.cleanup_compact {
                let went = self.config.delete_retention_ms < 1000 && expected.cleanings > expected.cleanings_at_check;
                compaction::end(&expected.batches, &seen, went)?;
            }
            return self.connect_again(name);
        }
        let (token, fetch) = host.fetch(name, from, 1 << 20);
        self.pending.insert(token, Pending::Check { partition: name.clone(), from });
        self.turn(Some(fetch))
    }

    /// The partition is served: its producers come back, unless the faults are over and nothing is added any more.
    fn connect_again(&mut self, name: &TopicPartition) -> Checked {
        if !self.faulty {
            return Ok(());
        }
        let producers: Vec<i64> = self.expected[name].producers.keys().copied().collect();
        producers.into_iter().try_for_each(|producer| self.send_again(name, producer))
    }

    /// A part of a recovered log that could not be read is asked for again.
    pub(super) fn check_again(&mut self) -> Checked {
        for name in self.partitions.clone() {
            let asked = |pending: &Pending| matches!(pending, Pending::Check { partition, .. } if *partition == name);
            let checking = matches!(self.expected[&name].phase, Phase::Checking(_));
            if self.host.is_some() && !self.stopping && checking && !self.pending.values().any(asked) {
                self.check_on(&name)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, lane: Lane) -> Checked {
        self.kernel.note("job done", &[lane as u64], &[]);
        let done: Done = self.host.as_mut().expect("it lives").lanes.finish(lane);
        if let ShardDone::Cleaned { partition, result: Ok(Progress { done: true, .. }), .. } = &done {
            self.expected.get_mut(partition).expect("every partition is expected").cleanings += 1;
            self.coverage.hit("a log was compacted");
        }
        if let ShardDone::Flushed { partition, result: Ok(done), .. } = &done {
            let expected = self.expected.get_mut(partition).expect("every partition is expected");
            expected.flushed = expected.flushed.max(done.offset);
        }
        if let ShardDone::MirrorSynced { partition, result: Ok(done), .. } = &done {
            self.expected.get_mut(partition).expect("every partition is expected").copied = done.offset;
        }
        self.turn(Some(ShardInput::Done(done)))
    }

    // ---- faults

    fn fault(&mut self) -> Checked {
        if !self.faulty {
            return Ok(());
        }
        if self.faults == FAULTS_MAX {
            // The last one may have been a full disk, on which no log opens and no work is done.
            self.disk.set_full(false);
            return Ok(());
        }
        self.again(self.fault_us, Event::Fault);
        if self.host.is_none() {
            return Ok(());
        }
        let fault = *self.kernel.prng.pick(&self.drawn).expect("not empty");
        self.faults += 1;
        self.kernel.note("fault", &[fault as u64], &[]);
        self.note(|| format!("fault {fault:?}"));
        self.coverage.hit(&format!("fault {fault:?}"));
        let down = Duration::from_millis(self.kernel.prng.between(1, 20));
        self.disk.set_full(false);
        match fault {
            Fault::PowerLoss => self.crash(Crash::Power { survive_percent: self.survive_percent }, down),
            Fault::Kill => self.crash(Crash::Process, down),
            Fault::DiskError => {
                const OPS: [DiskOp; 6] =
                    [DiskOp::Write, DiskOp::SetLen, DiskOp::Sync, DiskOp::SyncDir, DiskOp::Create, DiskOp::Rename];
                self.disk.fail_some(&OPS, &mut self.kernel.prng);
            }
            // Sometimes the last batch that is written fits in part.
            Fault::DiskFull => self.disk.set_space(Some(self.kernel.prng.below(2) * self.kernel.prng.below(4000))),
            Fault::CleanStop => {
                self.stopping = true;
                return self.turn(Some(Host::shut_down()));
            }
        }
        Ok(())
    }

    /// The shard has closed its logs; the process ends, and sometimes the power goes with it.
    fn stopped(&mut self) {
        let clean = is_marked_clean(&self.disk);
        if clean {
            for expected in self.expected.values_mut() {
                expected.flushed = expected.end();
            }
        }
        let power = self.kernel.prng.chance(1, 2);
        let crash = if power { Crash::Power { survive_percent: 0 } } else { Crash::Process };
        self.stop(crash, Duration::from_millis(5), clean);
    }
}

/// A partition's folder, and what lies in it.
fn folder_of(disk: &SimDisk, name: &TopicPartition) -> Option<(PathBuf, Vec<String>)> {
    LOG_DIRS.into_iter().find_map(|dir| {
        let folder = Path::new(dir).join(name.to_string());
        let names = disk.observer().list(&folder).ok()?;
        Some((folder, names))
    })
}

/// What lies in a partition's folder, for the trace.
fn names_in(disk: &SimDisk, name: &TopicPartition) -> Vec<String> {
    folder_of(disk, name).map(|(_, names)| names).unwrap_or_default()
}

/// The contents of a partition's segments.
fn segments_in(disk: &SimDisk, name: &TopicPartition) -> Vec<Bytes> {
    let Some((folder, names)) = folder_of(disk, name) else { return Vec::new() };
    let logs = names.iter().filter(|name| name.ends_with(".log"));
    logs.map(|name| disk.observer().read_all(&folder.join(name), u64::MAX).expect("an observer meets no fault"))
        .collect()
}
