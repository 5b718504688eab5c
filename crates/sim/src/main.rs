//! `cargo xtask sim`: runs seeds and says what they showed.

use std::process::ExitCode;
use std::time::Instant;

use base::planted::PlantedBug;
use sim::planted::{PLANTED, hunt};
use sim::run::{Failure, Kind, Options, Report, SeedOptions, run, run_seed};

const USAGE: &str = "\
usage: cargo xtask sim [keeper|broker|session|zab|ensemble] [--seeds N] [--from S]
       cargo xtask sim [keeper|broker|session|zab|ensemble] --seed S      one seed, with its last events (SIM_LINES of them)
       cargo xtask sim [keeper|broker|session|zab|ensemble] --planted     every planted bug must be caught
       cargo xtask sim --determinism                      20 seeds of each kind twice, traces compared";

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)) {
        Ok(command) => perform(command),
        Err(problem) => {
            eprintln!("error: {problem}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

enum Command {
    Seeds { kinds: Vec<Kind>, from: u64, seeds: u64 },
    One { kind: Kind, seed: u64 },
    Planted { kinds: Vec<Kind> },
    Determinism,
}

fn parse(arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut arguments = arguments;
    let (mut kinds, mut from, mut seeds) = (Kind::ALL.to_vec(), 1, 1000);
    while let Some(argument) = arguments.next() {
        let mut number = || {
            let text = arguments.next().ok_or_else(|| format!("{argument} needs a number"))?;
            text.parse::<u64>().map_err(|_| format!("{argument} needs a number, not {text:?}"))
        };
        match argument.as_str() {
            "--seeds" => seeds = number()?,
            "--from" => from = number()?,
            "--seed" => {
                let seed = number()?;
                return Ok(Command::One { kind: kinds[(seed % kinds.len() as u64) as usize], seed });
            }
            "--planted" => return Ok(Command::Planted { kinds }),
            "--determinism" => return Ok(Command::Determinism),
            name => kinds = vec![Kind::named(name).ok_or_else(|| format!("no such argument: {name:?}"))?],
        }
    }
    Ok(Command::Seeds { kinds, from, seeds })
}

fn perform(command: Command) -> ExitCode {
    let good = match command {
        Command::Seeds { kinds, from, seeds } => seeds_verb(kinds, from, seeds),
        Command::One { kind, seed } => one_verb(kind, seed),
        Command::Planted { kinds } => planted_verb(&kinds),
        Command::Determinism => determinism_verb(),
    };
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
}

fn seeds_verb(kinds: Vec<Kind>, from: u64, seeds: u64) -> bool {
    let names: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
    println!("sim {}: {seeds} seeds from seed {from}", names.join(", "));
    let start = Instant::now();
    let report = run(&Options { kinds, from, seeds, bug: PlantedBug::None, threads: threads() });
    summary(&report, start);
    if let Some(failure) = &report.failure {
        print_failure(failure);
    }
    report.is_good()
}

fn summary(report: &Report, start: Instant) {
    println!(
        "{} seeds count, {} operations, {} faults, {} events, {:.1} hours of virtual time in {:.1} s",
        report.counted,
        report.operations,
        report.faults,
        report.events,
        report.virtual_ms as f64 / 3_600_000.0,
        start.elapsed().as_secs_f64()
    );
    for (kind, (seeds, coverage)) in &report.coverage {
        let counts: Vec<String> = coverage.iter().map(|(what, count)| format!("{what} {count}")).collect();
        if !counts.is_empty() {
            println!("{} ({seeds} seeds): {}", kind.name(), counts.join(", "));
        }
    }
    for missed in report.missed() {
        println!("never seen: {missed}");
    }
    for (kind, seed) in &report.thin {
        println!("too thin to count: {} seed {seed}", kind.name());
    }
}

fn print_failure(failure: &Failure) {
    println!("\nlast events of {} seed {}:", failure.kind.name(), failure.seed);
    for line in &failure.lines {
        println!("  {line}");
    }
    println!("\nFAILED: {} seed {}\n    {}", failure.kind.name(), failure.seed, failure.violation);
    println!("again: cargo xtask sim {} --seed {}", failure.kind.name(), failure.seed);
}

/// How many of the last events a single seed shows.
fn lines_max() -> usize {
    std::env::var("SIM_LINES").ok().and_then(|text| text.parse().ok()).unwrap_or(200)
}

fn one_verb(kind: Kind, seed: u64) -> bool {
    println!("sim {}: seed {seed}", kind.name());
    let outcome = run_seed(kind, SeedOptions { seed, bug: PlantedBug::None, trace_lines_max: lines_max() });
    for line in &outcome.lines {
        println!("  {line}");
    }
    println!(
        "{} operations, {} faults, {} events, {} ms of virtual time, trace {:#018x}",
        outcome.operations, outcome.faults, outcome.events, outcome.virtual_ms, outcome.hash
    );
    match outcome.result {
        Ok(()) => true,
        Err(violation) => {
            println!("FAILED: {violation}");
            false
        }
    }
}

fn planted_verb(kinds: &[Kind]) -> bool {
    // A planted bug may end in an assertion of the machine; its text is in the report.
    std::panic::set_hook(Box::new(|_| {}));
    let mut good = true;
    for (bug, kind, from, seeds) in PLANTED.iter().filter(|(_, kind, ..)| kinds.contains(kind)) {
        let report = hunt(*bug, *kind, *from, *seeds, threads());
        match &report.failure {
            Some(failure) => {
                println!("{bug:?}: caught by {} seed {}: {}", kind.name(), failure.seed, failure.violation)
            }
            None => {
                println!("{bug:?}: NOT caught by {seeds} seeds of {} from seed {from}", kind.name());
                good = false;
            }
        }
    }
    good
}

fn determinism_verb() -> bool {
    let mut good = true;
    for kind in Kind::ALL {
        for seed in 1..=20 {
            let hash = || run_seed(kind, SeedOptions { seed, bug: PlantedBug::None, trace_lines_max: 0 }).hash;
            let (first, second) = (hash(), hash());
            if first != second {
                println!("{} seed {seed}: traces differ, {first:#x} and {second:#x}", kind.name());
                good = false;
            }
        }
        println!("{}: 20 seeds twice", kind.name());
    }
    good
}
