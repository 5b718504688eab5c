//! The `castlekeep` binary: one table of commands.

mod banner;
mod bench;
mod commands;
mod kafka_server_sh;
mod logging;
mod zk_server_sh;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::commands::{kafka, start, zk, zookeeper};

/// Your ZooKeeper and your Kafka in one process.
#[derive(Parser)]
#[command(
    name = "castlekeep",
    version,
    about = "Your ZooKeeper and your Kafka in one process",
    long_about = "castlekeep serves ZooKeeper's and Kafka's wire protocols from one binary. Without a command it \
                  starts both: ZooKeeper on 2181, Kafka on 9092, HTTP on 8080, data in ./castlekeep-data, on this \
                  machine only.",
    after_long_help = "Examples:\n  \
        castlekeep                                   start everything with the defaults\n  \
        castlekeep start --data-dir /var/lib/keep    the same with the data elsewhere\n  \
        castlekeep start --listen 0.0.0.0 --advertise keep.example.com\n                                               \
        open it to other machines\n  \
        castlekeep zookeeper zoo.cfg                 only the ZooKeeper role, from Apache's configuration file\n  \
        ln -s castlekeep zkServer.sh                 Apache's launch script: ./zkServer.sh start|stop|status\n  \
        castlekeep kafka server.properties           only the Kafka role, from Apache's configuration file\n  \
        castlekeep zk log version-2/log.1            look into Apache's files or ours\n  \
        castlekeep bench zookeeper --help            measure any ZooKeeper server\n  \
        castlekeep bench kafka --help                measure any Kafka broker",
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    start: start::Args,
}

#[derive(Subcommand)]
enum Command {
    /// Start both roles (the default command)
    Start(start::Args),
    /// Start only the ZooKeeper role, from a zoo.cfg
    #[command(visible_alias = "zk-server")]
    Zookeeper(zookeeper::Args),
    /// Start only the Kafka role, from a server.properties
    Kafka(kafka::Args),
    /// Look into ZooKeeper's transaction logs and snapshots, Apache's or ours; choose who leads an ensemble
    #[command(subcommand)]
    Zk(zk::Command),
    /// Measure a ZooKeeper server or a Kafka broker, ours or any other
    #[command(subcommand)]
    Bench(bench::Command),
}

/// Frames are allocated by connections and freed by the keeper's loop: an allocator that expects that is both faster and
/// smaller here than the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args: Vec<std::ffi::OsString> = std::env::args_os().collect();
    if zk_server_sh::is_called(args.first()) {
        return zk_server_sh::run(&args);
    }
    if let Some(script) = kafka_server_sh::called_as(args.first()) {
        return kafka_server_sh::run(script, &args);
    }
    let cli = Cli::parse_from(args);
    let result = match cli.command {
        None => start::run(cli.start),
        Some(Command::Start(args)) => start::run(args),
        Some(Command::Zookeeper(args)) => zookeeper::run(args),
        Some(Command::Kafka(args)) => return kafka::run(args).unwrap_or_else(|error| failed(&error)),
        Some(Command::Bench(command)) => bench::run_command(command),
        Some(Command::Zk(command)) => return zk::run(command).unwrap_or_else(|error| failed(&error)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("castlekeep: {error:#}");
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_table_is_consistent() {
        Cli::command().debug_assert();
    }

    /// Commands without commands of their own, with the words that lead to them.
    fn leaves(command: &clap::Command, words: &str) -> Vec<(String, clap::Command)> {
        let words = format!("{words} {}", command.get_name()).trim().to_string();
        let below: Vec<_> = command.get_subcommands().flat_map(|command| leaves(command, &words)).collect();
        if below.is_empty() { vec![(words, command.clone())] } else { below }
    }

    #[test]
    fn the_help_of_every_command_has_examples_that_are_understood() {
        let mut without = Vec::new();
        for (words, command) in leaves(&Cli::command(), "") {
            let help = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            let examples: Vec<&str> = help.lines().filter(|line| line.trim().starts_with(&words)).collect();
            if examples.is_empty() {
                without.push(words);
            }
            for example in examples {
                // What an example does stands behind two blanks.
                let line = example.trim().split("  ").next().unwrap().replace("$(pgrep -f QuorumPeerMain)", "1");
                let understood = Cli::try_parse_from(line.split_whitespace());
                assert!(understood.is_ok(), "{line}: {}", understood.err().unwrap());
            }
        }
        assert_eq!(without, [""; 0], "their --help shows no example");
    }

    #[test]
    fn without_a_command_the_flags_of_start_are_taken() {
        let cli = Cli::try_parse_from(["castlekeep", "--data-dir", "elsewhere"]).unwrap();
        assert!(cli.command.is_none());
        assert_eq!(cli.start.data_dir.unwrap(), std::path::PathBuf::from("elsewhere"));
    }
}
