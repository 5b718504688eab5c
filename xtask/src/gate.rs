//! `cargo xtask test`: the whole gate, the same here and in CI. Suites run in an order that fails early; the first
//! failure ends the run, says what failed and how to run it alone.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use crate::conformance::servers::Make;
use crate::faults::{Arguments, Mix, Part};
use crate::process::run_ok;
use crate::{conformance, faults, provision, repo, tidy};

const SIM_DEADLINE: Duration = Duration::from_secs(1200);

/// A part of the gate that can be named on the command line.
struct Suite {
    name: &'static str,
    about: &'static str,
    /// Runs only with `--full` or by its name.
    full_only: bool,
    body: fn(&Path) -> Result<Vec<Row>>,
}

/// One line of the table at the end.
struct Row {
    name: String,
    took: Duration,
    error: Option<String>,
}

const SUITES: [Suite; 17] = [
    suite("tidy", "arrows, generated code, documents, format", tidy_suite),
    suite("build", "everything, while the cache is filled", build),
    suite("clippy", "lints as errors", clippy),
    suite("unit", "cargo test", unit),
    suite("sim", "11,800 seeds; planted bugs; determinism", sim),
    suite("examples", "the programs of examples/", examples),
    suite("clients", "conformance with every client", clients),
    suite("days", "differential, folders in turn, kill -9, nonsense, a power cut", days),
    suite("ensemble", "our members and Apache's in one ensemble; a migration under load", ensemble),
    suite("faults", "an ensemble of ours in trouble for 40 s; its clients' histories checked", faults),
    suite("pairs", "our broker or Apache's on our keeper or Apache's", pairs),
    only_full("oracle", "the clients' suites against Apache's servers", oracle),
    only_full("differential", "20,000 requests to a keeper and to a broker, new seeds", differential_full),
    only_full("folders", "one data folder in turn with every release of Apache's", folders_full),
    only_full("ensemble-full", "five members, observers, older releases, Kafka on top", ensemble_full),
    only_full("faults-full", "ten minutes of trouble for ours, mixed ones, Apache's", faults_full),
    only_full("sim-full", "50,000 seeds", sim_full),
];

const fn suite(name: &'static str, about: &'static str, body: fn(&Path) -> Result<Vec<Row>>) -> Suite {
    Suite { name, about, full_only: false, body }
}

const fn only_full(name: &'static str, about: &'static str, body: fn(&Path) -> Result<Vec<Row>>) -> Suite {
    Suite { name, about, full_only: true, body }
}

/// Prints the suites' names.
pub fn list() {
    for suite in &SUITES {
        let when = if suite.full_only { " (--full)" } else { "" };
        println!("{:9} {}{when}", suite.name, suite.about);
    }
}

/// Runs the named suites, or those of the gate. The last line of the output is `N passed, M failed`.
pub fn run(names: &[String], full: bool) -> Result<()> {
    for name in names {
        ensure!(
            SUITES.iter().any(|suite| suite.name == name),
            "no suite is called {name}; `cargo xtask test --list` names them"
        );
    }
    let root = repo::root()?;
    let chosen = |suite: &&Suite| match names {
        [] => full || !suite.full_only,
        names => names.iter().any(|name| name == suite.name),
    };
    provision::programs()?;
    let suites: Vec<&Suite> = SUITES.iter().filter(chosen).collect();
    let mut rows: Vec<Row> = Vec::new();
    std::thread::scope(|scope| {
        let mut beside = None;
        for suite in &suites {
            println!("\n== {}: {}", suite.name, suite.about);
            // The simulator computes and the suites behind it mostly wait, so they share the two cores.
            if suite.name == "sim" && suites.len() > 1 {
                println!("runs beside what follows");
                beside = Some(scope.spawn(|| timed(suite.name, || sim_quietly(&root))));
                continue;
            }
            rows.extend(timed(suite.name, || (suite.body)(&root)));
            if failed(&rows) > 0 {
                break;
            }
        }
        if let Some(beside) = beside {
            rows.extend(beside.join().expect("the simulator's thread does not panic"));
        }
    });
    summary(&rows)
}

/// The rows of a suite; one of its own name when it has no parts.
fn timed(name: &str, body: impl FnOnce() -> Result<Vec<Row>>) -> Vec<Row> {
    let started = Instant::now();
    match body() {
        Ok(parts) if !parts.is_empty() => parts,
        result => {
            let error = result.err().map(|error| format!("{error:#}"));
            vec![Row { name: name.to_owned(), took: started.elapsed(), error }]
        }
    }
}

fn failed(rows: &[Row]) -> usize {
    rows.iter().filter(|row| row.error.is_some()).count()
}

fn summary(rows: &[Row]) -> Result<()> {
    println!("\nsuite                          seconds");
    for row in rows {
        let state = if row.error.is_some() { "FAILED" } else { "passed" };
        println!("{:28} {:>9.1}  {state}", row.name, row.took.as_secs_f64());
    }
    let total: f64 = rows.iter().map(|row| row.took.as_secs_f64()).sum();
    println!("{:28} {total:>9.1}", "sum");
    for row in rows {
        if let Some(error) = &row.error {
            let verb = if row.name.starts_with("conformance ") { "" } else { "test " };
            println!("\n{}: {error}\nalone: cargo xtask {verb}{}", row.name, row.name);
        }
    }
    let failed = failed(rows);
    println!("\n{} passed, {failed} failed", rows.len() - failed);
    if failed > 0 {
        // Everything is said; the exit code remains.
        std::process::exit(1);
    }
    Ok(())
}

fn tidy_suite(_: &Path) -> Result<Vec<Row>> {
    tidy::run_all().map(|()| Vec::new())
}

/// Compiles product, tests and tools once. What must be fetched for later suites is fetched meanwhile: that is waiting.
fn build(root: &Path) -> Result<Vec<Row>> {
    std::thread::scope(|scope| {
        let provisioning = scope.spawn(provision::all);
        cargo(root, &["test", "--release", "--workspace", "--no-run", "--quiet"])?;
        build_programs(root)?;
        provisioning.join().expect("the provisioning thread does not panic")
    })?;
    Ok(Vec::new())
}

fn clippy(root: &Path) -> Result<Vec<Row>> {
    cargo(root, &["clippy", "--release", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])
}

fn unit(root: &Path) -> Result<Vec<Row>> {
    cargo(root, &["test", "--release", "--workspace", "--quiet"])
}

/// What the simulator runs for every change.
const SIMULATIONS: [&[&str]; 7] = [
    &["keeper", "--seeds", "3000"],
    &["session", "--seeds", "500"],
    &["broker", "--seeds", "3000"],
    &["zab", "--seeds", "300"],
    &["ensemble", "--seeds", "5000"],
    &["--planted"],
    &["--determinism"],
];

fn sim(root: &Path) -> Result<Vec<Row>> {
    SIMULATIONS.iter().try_for_each(|arguments| crate::simulate(root, arguments))?;
    Ok(Vec::new())
}

/// The same with what the cores have left, its output kept until it is over.
fn sim_quietly(root: &Path) -> Result<Vec<Row>> {
    build_programs(root)?;
    for arguments in SIMULATIONS {
        let mut sim = Command::new("nice");
        sim.args(["-n", "15"]).arg(repo::release_folder()?.join("sim")).args(arguments).current_dir(root);
        let finished = run_ok(sim, "", SIM_DEADLINE)?;
        println!("\nsim {}\n{}", arguments.join(" "), finished.text);
    }
    Ok(Vec::new())
}

fn differential_full(root: &Path) -> Result<Vec<Row>> {
    conform(root, &["differential-full", "differential-broker-full"], Make::Ours)
}

fn folders_full(root: &Path) -> Result<Vec<Row>> {
    conform(root, &["data-dir-full"], Make::Ours)
}

fn ensemble(root: &Path) -> Result<Vec<Row>> {
    conform(root, &conformance::ensemble::names(conformance::ensemble::GROUP), Make::Ours)
}

fn ensemble_full(root: &Path) -> Result<Vec<Row>> {
    conform(root, &conformance::ensemble::names(conformance::ensemble::GROUP_FULL), Make::Ours)
}

fn faults(root: &Path) -> Result<Vec<Row>> {
    in_trouble(root, 2.0 / 3.0, &[(Mix::Ours, false)])
}

fn faults_full(root: &Path) -> Result<Vec<Row>> {
    in_trouble(root, 10.0, &[(Mix::Ours, false), (Mix::Ours, true), (Mix::Mixed, false), (Mix::Apache, false)])
}

/// Whose servers, and whether their reads are linearizable by configuration.
fn in_trouble(root: &Path, minutes: f64, runs: &[(Mix, bool)]) -> Result<Vec<Row>> {
    build_programs(root)?;
    runs.iter().try_for_each(|(mix, linearizable)| {
        faults::run(&Part::Ensemble(Arguments { minutes, mix: *mix, seed: None, linearizable: *linearizable }))
    })?;
    Ok(Vec::new())
}

fn sim_full(root: &Path) -> Result<Vec<Row>> {
    crate::simulate(root, &["--from", "1001", "--seeds", "50000"]).map(|()| Vec::new())
}

fn examples(root: &Path) -> Result<Vec<Row>> {
    conform(root, &["examples"], Make::Ours)
}

fn clients(root: &Path) -> Result<Vec<Row>> {
    conform(root, &conformance::client_suites(), Make::Ours)
}

fn pairs(root: &Path) -> Result<Vec<Row>> {
    conform(root, &["pairs"], Make::Ours)
}

fn days(root: &Path) -> Result<Vec<Row>> {
    conform(root, &conformance::own_server_suites(), Make::Ours)
}

fn oracle(root: &Path) -> Result<Vec<Row>> {
    let mut rows = conform(root, &conformance::client_suites(), Make::Apache)?;
    rows.iter_mut().for_each(|row| row.name += " --against apache");
    Ok(rows)
}

fn conform(root: &Path, names: &[&str], make: Make) -> Result<Vec<Row>> {
    // A named suite runs on the code as it is now.
    build_programs(root)?;
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let outcomes = conformance::run(&names, make)?;
    let row = |outcome: conformance::Outcome| Row {
        name: format!("conformance {}", outcome.name),
        took: outcome.took,
        error: outcome.error,
    };
    Ok(outcomes.into_iter().map(row).collect())
}

/// Builds the product and the simulator. Together they ask of every dependency what the whole workspace asks; each by
/// itself would have some of them built once more.
pub fn build_programs(root: &Path) -> Result<()> {
    cargo(root, &["build", "--release", "--quiet", "-p", "cli", "-p", "sim"]).map(|_| ())
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<Vec<Row>> {
    let mut cargo = tidy::cargo(root);
    cargo.args(arguments);
    inherit(cargo, &format!("cargo {}", arguments.join(" "))).map(|()| Vec::new())
}

/// Runs a command whose output goes where ours goes.
pub fn inherit(mut command: Command, what: &str) -> Result<()> {
    let status = command.status().map_err(|error| anyhow::anyhow!("start `{what}`: {error}"))?;
    if !status.success() {
        bail!("`{what}` failed ({status})");
    }
    Ok(())
}
