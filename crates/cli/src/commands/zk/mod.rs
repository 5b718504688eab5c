//! `castlekeep zk`: looks into ZooKeeper's files, of Apache's or ours, without a server; and asks a running one for what
//! Apache's tools cannot.

mod folder;
mod log;
mod show;
mod snapshot;
mod transfer_leadership;

use std::io::Write;
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};

/// `castlekeep zk ...`
#[derive(Subcommand)]
#[command(after_long_help = "Examples:\n  \
    castlekeep zk log version-2/log.1                         each transaction on a line\n  \
    castlekeep zk log version-2/log.1 --verify                only what is wrong with the file\n  \
    castlekeep zk snapshot version-2/snapshot.2a --data       each node with its data\n  \
    castlekeep zk snapshot compare snapshot.2a snapshot.57    what changed between two snapshots\n  \
    castlekeep zk transfer-leadership --to 2 zk1:8080         let server 2 lead\n  \
    castlekeep zk folder /var/lib/zookeeper                   whether a start would succeed, and with what\n\n\
    The files are those of Apache ZooKeeper; looking at them does not disturb a running server. Exit code 0: nothing is wrong;\n\
    1: the command failed; 2: the file is damaged, the snapshots differ, or another member was elected.")]
pub enum Command {
    /// Say what a start would find in a data folder, and compare every digest
    Folder(folder::Args),
    /// Print, verify or repair a transaction log
    Log(log::Args),
    /// Print or verify a snapshot, or compare two
    Snapshot(snapshot::Args),
    /// Let another member of an ensemble lead
    TransferLeadership(transfer_leadership::Args),
}

/// How to print.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs: one JSON object a line
    Json,
}

/// What a look into a file came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    Damaged,
}

/// Runs it. A reader that has seen enough (`head`) is no error.
pub fn run(command: Command) -> anyhow::Result<ExitCode> {
    let mut out = std::io::BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    let verdict = match command {
        Command::Folder(args) => folder::run(&args, &mut out),
        Command::Log(args) => log::run(&args, &mut out),
        Command::Snapshot(args) => snapshot::run(&args, &mut out),
        Command::TransferLeadership(args) => transfer_leadership::run(&args, &mut out),
    };
    let flushed = out.flush();
    let closed = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
    match verdict {
        Err(error) if error.downcast_ref::<std::io::Error>().is_some_and(closed) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error),
        Ok(verdict) => {
            if let Err(error) = flushed
                && !closed(&error)
            {
                return Err(error.into());
            }
            Ok(match verdict {
                Verdict::Good => ExitCode::SUCCESS,
                Verdict::Damaged => ExitCode::from(2),
            })
        }
    }
}

/// A zxid as people write it: hexadecimal with `0x`, or decimal.
fn parse_zxid(text: &str) -> Result<i64, String> {
    let parsed = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    parsed
        .map(u64::cast_signed)
        .ok_or_else(|| format!("{text:?} is no zxid; give it as 0x100000001 (hexadecimal) or 4294967297"))
}
