//! `castlekeep zk folder`

use std::io::Write;
use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;
use storage::file_disk::FileDisk;
use storage::zk::inspect::folder::{Report, check};
use storage::zk::restore::RestoreOptions;

use super::{Format, Verdict, show};

/// Flags.
#[derive(clap::Args)]
#[command(after_long_help = "Examples:\n  \
    castlekeep zk folder /var/lib/zookeeper\n  \
    castlekeep zk folder /var/lib/zookeeper --data-log-dir /fast/zookeeper --format json\n\n\
    Nothing is changed. Of the folder of a running server the end may look torn: it is being written.")]
pub struct Args {
    /// `dataDir`, in which `version-2` lies
    data_dir: PathBuf,
    /// `dataLogDir`, when it is another folder
    #[arg(long, value_name = "DIR")]
    data_log_dir: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Take logs without any snapshot as whole (`snapshot.trust.empty`)
    #[arg(long)]
    trust_empty: bool,
}

/// Runs it.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<Verdict> {
    let record_bytes_max = i32::MAX as usize;
    let options = RestoreOptions { trust_empty: args.trust_empty, record_bytes_max, ..RestoreOptions::default() };
    let report = match check(FileDisk, &args.data_dir, args.data_log_dir.as_deref(), options) {
        Ok(report) => report,
        Err(refused) => {
            match args.format {
                Format::Json => writeln!(out, "{}", json!({ "refused": refused.to_string() }))?,
                Format::Text => writeln!(out, "a start would be refused: {refused}")?,
            }
            return Ok(Verdict::Damaged);
        }
    };
    match args.format {
        Format::Json => writeln!(out, "{}", as_json(&report))?,
        Format::Text => as_text(&report, out)?,
    }
    Ok(if report.digest_mismatches == 0 { Verdict::Good } else { Verdict::Damaged })
}

fn as_json(report: &Report) -> serde_json::Value {
    json!({
        "snapshot_zxid": report.snapshot_zxid.map(show::hex),
        "last_zxid": show::hex(report.last_zxid),
        "transactions": report.txns,
        "nodes": report.nodes,
        "sessions": report.sessions,
        "digest": report.digest,
        "digest_mismatches": report.digest_mismatches,
        "first_mismatch": report.first_mismatch.map(show::hex),
        "notes": report.notes,
    })
}

fn as_text(report: &Report, out: &mut dyn Write) -> std::io::Result<()> {
    for note in &report.notes {
        writeln!(out, "{note}")?;
    }
    match report.snapshot_zxid {
        Some(zxid) => writeln!(out, "snapshot at {zxid:#x}, {} transactions behind it", report.txns)?,
        None => writeln!(out, "no snapshot, {} transactions", report.txns)?,
    }
    let (nodes, sessions, last) = (report.nodes, report.sessions, report.last_zxid);
    writeln!(out, "{nodes} nodes and {sessions} sessions at {last:#x}; digest {}", report.digest)?;
    match report.first_mismatch {
        None => writeln!(out, "every digest in the log is that of the tree"),
        Some(first) => {
            let count = report.digest_mismatches;
            writeln!(
                out,
                "THE TREE IS NOT THE ONE THAT WAS LOGGED behind {count} transactions, first behind {first:#x}"
            )
        }
    }
}
