//! `cargo xtask`: everything around the product that is not the product. Code generation, tidy checks, captures of real
//! traffic, the Apache servers, conformance runs and the gate (`cargo xtask test`).

mod apache;
mod bench;
mod capture;
mod codegen;
mod conformance;
mod ensemble;
mod faults;
mod gate;
mod probe;
mod process;
mod provision;
mod repo;
mod tidy;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// The command line.
#[derive(Parser)]
#[command(name = "cargo xtask", about = "code generation, checks, conformance runs and the gate")]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Fetch and start the Apache servers that ours is compared with
    #[command(subcommand)]
    Apache(ApacheVerb),
    /// Measure ours and Apache's servers side by side, as ratios
    Bench(bench::Arguments),
    /// Record real traffic with the Apache servers, and folders they wrote, into fixtures/
    Capture {
        /// Folder for the servers' files; emptied first [default: one in the temporary folder]
        #[arg(long)]
        work: Option<PathBuf>,
    },
    /// Generate both protocols' records from the schemas
    Codegen {
        /// Write nothing; fail when the committed output is not what the schemas give
        #[arg(long)]
        check: bool,
    },
    /// Run other people's clients and tools against our servers (needs `cargo build --release` first)
    Conformance {
        /// Suites to run [default: all, and the four pairs]
        names: Vec<String>,
        /// Whose servers to run against; apache proves the suites themselves
        #[arg(long, value_enum, default_value = "ours")]
        against: conformance::servers::Make,
        /// Name the suites
        #[arg(long)]
        list: bool,
    },
    /// Break real processes under real clients, and check what the clients saw
    #[command(subcommand)]
    Faults(faults::Part),
    /// Run the simulator: seeds, planted bugs, determinism
    Sim {
        /// Passed on; `cargo xtask sim --help` is answered by the simulator
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Run the whole gate, as CI does
    Test {
        /// Suites to run alone [default: the gate]
        names: Vec<String>,
        /// Also what takes too long for every change
        #[arg(long)]
        full: bool,
        /// Name the suites
        #[arg(long)]
        list: bool,
    },
    /// Check what the compiler does not see: arrows, documents, generated code, format
    Tidy,
    /// Look for the programs the gate needs and fill .cache; says what is missing
    Provision,
}

#[derive(Subcommand)]
enum ApacheVerb {
    /// Fetch the jars of both servers into .cache/apache (done once)
    Fetch,
    /// Start one server in the foreground: zookeeper or kafka
    Start {
        /// zookeeper or kafka
        name: String,
        /// Port to listen on, on 127.0.0.1 [default: 2181 or 9092]
        #[arg(long)]
        port: Option<u16>,
        /// Kafka's zookeeper.connect
        #[arg(long, default_value = "127.0.0.1:2181")]
        zookeeper: String,
        /// Folder for configuration and data [default: a new one in the temporary folder]
        #[arg(long)]
        dir: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<()> {
    match verb {
        Verb::Apache(ApacheVerb::Fetch) => provision::programs().and_then(|()| apache::fetch()),
        Verb::Apache(ApacheVerb::Start { name, port, zookeeper, dir }) => {
            apache::start_in_foreground(&name, port, &zookeeper, dir)
        }
        Verb::Bench(arguments) => bench::run_arguments(arguments),
        Verb::Capture { work } => capture::run(&work.unwrap_or_else(capture::default_work_folder)),
        Verb::Codegen { check } => codegen::run(&repo::root()?, check),
        Verb::Conformance { list: true, .. } => {
            conformance::list();
            Ok(())
        }
        Verb::Conformance { names, against, list: false } => {
            let outcomes = conformance::run(&names, against)?;
            let failed: Vec<&str> = outcomes
                .iter()
                .filter(|outcome| outcome.error.is_some())
                .map(|outcome| outcome.name.as_str())
                .collect();
            anyhow::ensure!(failed.is_empty(), "failed: {}", failed.join(" "));
            Ok(())
        }
        Verb::Faults(part) => {
            gate::build_programs(&repo::root()?)?;
            faults::run(&part)
        }
        Verb::Sim { arguments } => {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            simulate(&repo::root()?, &arguments)
        }
        Verb::Test { list: true, .. } => {
            gate::list();
            Ok(())
        }
        Verb::Test { names, full, list: false } => gate::run(&names, full),
        Verb::Tidy => tidy::run_all(),
        Verb::Provision => provision::all(),
    }
}

/// Runs the simulator, which is a program of its own: `xtask` itself must build while a machine does not.
fn simulate(root: &std::path::Path, arguments: &[&str]) -> Result<()> {
    gate::build_programs(root)?;
    let mut sim = std::process::Command::new(repo::release_folder()?.join("sim"));
    sim.args(arguments).current_dir(root);
    gate::inherit(sim, &format!("cargo xtask sim {}", arguments.join(" ")))
}
