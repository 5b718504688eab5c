//! Runs seeds: each alone in its own thread's virtual time, several threads side by side.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use base::planted::PlantedBug;

use crate::check::{Property, Violation};
use crate::kernel::Kernel;

/// What is simulated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The keeper with its storage, and ZooKeeper clients.
    #[default]
    Keeper,
    /// A broker's partition logs.
    Broker,
    /// Brokers' ZooKeeper sessions on a keeper.
    Session,
    /// Atomic broadcast between servers.
    Zab,
    /// Keepers as members of an ensemble, with their storage, and ZooKeeper clients.
    Ensemble,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Keeper, Self::Broker, Self::Session, Self::Zab, Self::Ensemble];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keeper => "keeper",
            Self::Broker => "broker",
            Self::Session => "session",
            Self::Zab => "zab",
            Self::Ensemble => "ensemble",
        }
    }

    /// What a long run of this kind must come through (see [`Coverage`]).
    pub fn expected(self) -> Vec<String> {
        match self {
            Self::Keeper => crate::keeper::coverage::expected(),
            Self::Session => crate::session::expected(),
            Self::Ensemble => crate::ensemble::expected(),
            Self::Broker => crate::broker::expected(),
            // It has a test of its own for its marks.
            Self::Zab => Vec::new(),
        }
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A seed counts only with at least so many client operations ...
pub const OPERATIONS_MIN: u64 = 1000;
/// ... and so many faults.
pub const FAULTS_MIN: u64 = 3;

/// What one seed is given.
#[derive(Clone, Copy, Debug)]
pub struct SeedOptions {
    /// Everything follows from it.
    pub seed: u64,
    /// A bug to go with it.
    pub bug: PlantedBug,
    /// How many of the last events to keep as text.
    pub trace_lines_max: usize,
}

/// What runs came through, and how often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage(BTreeMap<String, u64>);

impl Coverage {
    /// Counts one.
    pub fn hit(&mut self, what: &str) {
        match self.0.get_mut(what) {
            Some(count) => *count += 1,
            None => drop(self.0.insert(what.to_string(), 1)),
        }
    }

    /// Whether this has come.
    pub fn has(&self, what: &str) -> bool {
        self.0.contains_key(what)
    }

    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        for (what, count) in &other.0 {
            *self.0.entry(what.clone()).or_default() += count;
        }
    }

    /// All of it, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u64)> {
        self.0.iter().map(|(what, count)| (what.as_str(), *count))
    }

    /// Those of `expected` that never came.
    pub fn missed(&self, expected: Vec<String>) -> Vec<String> {
        expected.into_iter().filter(|what| !self.0.contains_key(what)).collect()
    }
}

/// What became of one seed.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Requests that clients sent.
    pub operations: u64,
    /// Faults that were injected.
    pub faults: u64,
    /// What it came through.
    pub coverage: Coverage,
    /// Events that the kernel delivered.
    pub events: u64,
    /// Virtual time that passed, in milliseconds.
    pub virtual_ms: u64,
    /// Hash of the trace.
    pub hash: u64,
    /// It came to an end that nobody promises more of, so that little had to happen.
    pub ended_early: bool,
    /// Whether every property held.
    pub result: Result<(), Violation>,
    /// The last events, if they were asked for.
    pub lines: Vec<String>,
}

impl Outcome {
    /// The end of a run.
    pub fn of<E>(
        mut kernel: Kernel<E>,
        result: Result<(), Violation>,
        operations: u64,
        faults: u64,
        coverage: Coverage,
    ) -> Self {
        if let Err(violation) = &result {
            kernel.trace.note(kernel.mono(), || format!("VIOLATION {violation}"));
        }
        Self {
            operations,
            faults,
            coverage,
            events: kernel.trace.events(),
            virtual_ms: kernel.mono().as_millis(),
            hash: kernel.trace.hash(),
            ended_early: false,
            result,
            lines: kernel.trace.into_lines(),
        }
    }
}

/// A machine that stops itself broke one of its own invariants.
pub static NO_PANIC: Property = Property {
    says: "no machine breaks an invariant of its own",
    source: "design, section 3: impossible states are assertions",
};

/// Runs one seed of one kind.
pub fn run_seed(kind: Kind, options: SeedOptions) -> Outcome {
    let run = || match kind {
        Kind::Keeper => crate::keeper::run(options),
        Kind::Broker => crate::broker::run(options),
        Kind::Session => crate::session::run(options),
        Kind::Zab => crate::zab::run(options),
        Kind::Ensemble => crate::ensemble::run(options),
    };
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|payload| {
        let text = payload
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string))
            .unwrap_or_else(|| "a panic without a message".into());
        Outcome {
            operations: OPERATIONS_MIN,
            faults: FAULTS_MIN,
            coverage: Coverage::default(),
            events: 0,
            virtual_ms: 0,
            hash: 0,
            ended_early: false,
            result: Err(NO_PANIC.broken(text)),
            lines: Vec::new(),
        }
    })
}

/// Which seeds to run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Seed `S` runs kind `kinds[S % kinds.len()]`.
    pub kinds: Vec<Kind>,
    /// The first seed.
    pub from: u64,
    /// How many.
    pub seeds: u64,
    /// A bug to find.
    pub bug: PlantedBug,
    /// Threads.
    pub threads: usize,
}

/// A seed that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What was simulated.
    pub kind: Kind,
    /// The seed.
    pub seed: u64,
    /// The property.
    pub violation: Violation,
    /// The last events before it.
    pub lines: Vec<String>,
}

/// What became of all seeds.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Seeds that count.
    pub counted: u64,
    /// Seeds with too few operations or faults, as kind and seed.
    pub thin: Vec<(Kind, u64)>,
    /// Client requests of all seeds.
    pub operations: u64,
    /// Faults of all seeds.
    pub faults: u64,
    /// Events of all seeds.
    pub events: u64,
    /// Virtual time of all seeds, in milliseconds.
    pub virtual_ms: u64,
    /// How many seeds of each kind ran, and what they came through.
    pub coverage: BTreeMap<Kind, (u64, Coverage)>,
    /// The first failure by seed, if any.
    pub failure: Option<Failure>,
}

/// So many seeds of a kind come through everything that they are there for.
pub const COVERING_SEEDS: u64 = 500;

impl Report {
    /// Whether everything held and every seed counts.
    pub fn is_good(&self) -> bool {
        self.failure.is_none() && self.thin.is_empty() && self.missed().is_empty()
    }

    /// What a run this long should have come through and has not.
    pub fn missed(&self) -> Vec<String> {
        let enough = self.coverage.iter().filter(|(_, (seeds, _))| *seeds >= COVERING_SEEDS);
        let missed = enough.flat_map(|(kind, (_, coverage))| {
            let missed = coverage.missed(kind.expected());
            missed.into_iter().map(|what| format!("{}: {what}", kind.name()))
        });
        missed.collect()
    }
}

/// Runs seeds until all are done or one fails.
pub fn run(options: &Options) -> Report {
    let next = AtomicU64::new(0);
    let stop = AtomicBool::new(false);
    let report = Mutex::new(Report::default());
    std::thread::scope(|scope| {
        for _ in 0..options.threads.max(1) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= options.seeds {
                        return;
                    }
                    let seed = options.from + index;
                    let kind = options.kinds[(seed % options.kinds.len() as u64) as usize];
                    let outcome = run_seed(kind, SeedOptions { seed, bug: options.bug, trace_lines_max: 0 });
                    let failed = outcome.result.is_err();
                    add(&mut report.lock().expect("no panic while reporting"), kind, seed, outcome);
                    if failed {
                        stop.store(true, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let mut report = report.into_inner().expect("no panic while reporting");
    if let Some(failure) = &mut report.failure {
        // The seed alone says everything: run it again, now with its events as text.
        let again = SeedOptions { seed: failure.seed, bug: options.bug, trace_lines_max: 60 };
        failure.lines = run_seed(failure.kind, again).lines;
    }
    report
}

fn add(report: &mut Report, kind: Kind, seed: u64, outcome: Outcome) {
    report.operations += outcome.operations;
    report.faults += outcome.faults;
    let (seeds, coverage) = report.coverage.entry(kind).or_default();
    *seeds += 1;
    coverage.add(&outcome.coverage);
    report.events += outcome.events;
    report.virtual_ms += outcome.virtual_ms;
    match outcome.result {
        Err(violation) => {
            if report.failure.as_ref().is_none_or(|failure| seed < failure.seed) {
                report.failure = Some(Failure { kind, seed, violation, lines: Vec::new() });
            }
        }
        Ok(()) if !outcome.ended_early && (outcome.operations < OPERATIONS_MIN || outcome.faults < FAULTS_MIN) => {
            report.thin.push((kind, seed));
        }
        Ok(()) => report.counted += 1,
    }
}
