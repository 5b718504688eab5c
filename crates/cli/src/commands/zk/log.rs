//! `castlekeep zk log`

use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use storage::file_disk::FileDisk;
use storage::zk::inspect::log::{Entry, Report, walk};
use storage::zk::inspect::repair::{Plan, plan, plan_cut, repair};

use super::{Format, Verdict, parse_zxid, show};

/// Flags.
#[derive(clap::Args)]
#[command(after_long_help = "Examples:\n  \
    castlekeep zk log log.1 --path /brokers --data      what happened below a node, with data\n  \
    castlekeep zk log log.1 --session 0x10000abcdef0000 --format json\n  \
    castlekeep zk log log.100000001 --from 0x100000010 --to 0x100000020\n  \
    castlekeep zk log log.1 --verify                    checksums, end marks, order; only what is wrong\n  \
    castlekeep zk log log.1 --repair                    says what it would do, asks, keeps a copy\n  \
    castlekeep zk log log.2b --cut-from 0x2b            the same for a transaction whose forerunners are lost")]
pub struct Args {
    /// The file: `version-2/log.<zxid>`
    file: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Print the data of nodes too
    #[arg(long, short)]
    data: bool,
    /// Only transactions from this zxid on
    #[arg(long, value_name = "ZXID", value_parser = parse_zxid)]
    from: Option<i64>,
    /// Only transactions up to this zxid
    #[arg(long, value_name = "ZXID", value_parser = parse_zxid)]
    to: Option<i64>,
    /// Only transactions of this session
    #[arg(long, value_name = "ID", value_parser = parse_zxid)]
    session: Option<i64>,
    /// Only transactions about this node or nodes below it
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Print no transactions, only whether the file is whole
    #[arg(long)]
    verify: bool,
    /// Make a damaged file readable: entries that still make sense get a new checksum, from the first that makes none
    /// the rest is given up. The server must not run. A copy of the file stays beside it.
    #[arg(long, conflicts_with_all = ["verify", "data", "from", "to", "session", "path"])]
    repair: bool,
    /// Give up this transaction and all later ones, in this file and the files behind it. The server must not run. A copy
    /// of each file stays beside it.
    #[arg(
        long,
        value_name = "ZXID",
        value_parser = parse_zxid,
        conflicts_with_all = ["repair", "verify", "data", "from", "to", "session", "path"]
    )]
    cut_from: Option<i64>,
    /// Repair or cut without asking
    #[arg(long, short)]
    yes: bool,
}

/// Runs it.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<Verdict> {
    if args.repair || args.cut_from.is_some() {
        return run_repair(args, out);
    }
    let bar = progress(args)?;
    let report = walk(&FileDisk, &args.file, &mut |entry| {
        bar.set_position(entry.offset);
        if args.to.is_some_and(|to| entry.zxid > to) && !args.verify {
            return Ok(ControlFlow::Break(()));
        }
        if !args.verify && args.wants(entry) {
            args.print(entry, out)?;
        }
        Ok(ControlFlow::Continue(()))
    })
    .with_context(|| format!("cannot read the log {}", args.file.display()))?;
    bar.finish_and_clear();
    args.summary(&report, out)?;
    Ok(if report.damage.is_empty() { Verdict::Good } else { Verdict::Damaged })
}

/// A bar on the terminal while a large file is read and its lines go elsewhere.
fn progress(args: &Args) -> Result<ProgressBar> {
    let len = std::fs::metadata(&args.file).with_context(|| format!("cannot read {}", args.file.display()))?.len();
    if len < 16 << 20 || (!args.verify && io::stdout().is_terminal()) {
        return Ok(ProgressBar::hidden());
    }
    let style = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes}, {eta} left")?;
    Ok(ProgressBar::new(len).with_style(style))
}

impl Args {
    fn wants(&self, entry: &Entry) -> bool {
        if self.from.is_some_and(|from| entry.zxid < from) {
            return false;
        }
        let Ok(txn) = &entry.transaction else { return true };
        self.session.is_none_or(|session| txn.header.client_id.0 == session)
            && self.path.as_ref().is_none_or(|path| show::touches(&txn.body, path))
    }

    fn print(&self, entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
        let txn = match &entry.transaction {
            Ok(txn) => txn,
            Err(error) if self.format == Format::Json => {
                let line = json!({ "zxid": show::hex(entry.zxid), "offset": entry.offset, "error": error.to_string() });
                return writeln!(out, "{line}");
            }
            Err(error) => return writeln!(out, "zxid {:#x} at offset {}: {error}", entry.zxid, entry.offset),
        };
        if self.format == Format::Json {
            let mut object = show::transaction(txn, self.data);
            object.insert("zxid".into(), show::hex(entry.zxid).into());
            object.insert("offset".into(), entry.offset.into());
            return writeln!(out, "{}", Value::Object(object));
        }
        let header = &txn.header;
        write!(
            out,
            "{} zxid {:#x} session {} cxid {:#x} {}",
            show::time(header.time_ms),
            entry.zxid,
            header.client_id,
            header.cxid,
            show::body(header.opcode, &txn.body, self.data)
        )?;
        match &txn.digest {
            Some(digest) => writeln!(out, " digest {}", digest.tree_digest),
            None => writeln!(out),
        }
    }

    fn summary(&self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        let (first, last) = report.zxids.unzip();
        if self.format == Format::Json {
            if !self.verify {
                return Ok(());
            }
            let damage =
                |damage: &storage::zk::inspect::log::Damage| json!({ "offset": damage.offset, "what": damage.what });
            let line = json!({
                "file": self.file.display().to_string(),
                "transactions": report.entries,
                "first_zxid": first.map(show::hex),
                "last_zxid": last.map(show::hex),
                "end_offset": report.end,
                "file_bytes": report.file_bytes,
                "damage": report.damage.iter().map(damage).collect::<Vec<_>>(),
            });
            return writeln!(out, "{line}");
        }
        let whole = if report.damage.is_empty() { "whole" } else { "DAMAGED" };
        if self.verify {
            let range = first.zip(last).map_or(String::new(), |(first, last)| format!(", {first:#x} to {last:#x}"));
            let (entries, end, bytes) = (report.entries, report.end, report.file_bytes);
            let file = self.file.display();
            writeln!(out, "{file}: {whole}; {entries} transactions{range}; ends at offset {end} of {bytes}")?;
        }
        for damage in &report.damage {
            writeln!(out, "damage at offset {}: {}", damage.offset, damage.what)?;
        }
        Ok(())
    }
}

fn run_repair(args: &Args, out: &mut dyn Write) -> Result<Verdict> {
    let tried = || format!("cannot repair the log {}", args.file.display());
    let plan = match args.cut_from {
        Some(from) => plan_cut(&FileDisk, &args.file, from).with_context(tried)?,
        None => plan(&FileDisk, &args.file).with_context(tried)?,
    };
    if plan.is_empty() {
        writeln!(out, "{} is whole; nothing to repair", args.file.display())?;
        return Ok(Verdict::Good);
    }
    describe(&plan, args.cut_from, out)?;
    out.flush()?;
    if !args.yes && !confirmed()? {
        bail!("nothing was changed");
    }
    let copies = repair(&FileDisk, &args.file, &plan).with_context(tried)?;
    for copy in copies {
        writeln!(out, "kept {}", copy.display())?;
    }
    writeln!(out, "repaired {}", args.file.display())?;
    Ok(Verdict::Good)
}

fn describe(plan: &Plan, given_up: Option<i64>, out: &mut dyn Write) -> io::Result<()> {
    for (offset, zxid) in &plan.sealed {
        writeln!(out, "transaction {zxid:#x} at offset {offset} has a wrong checksum and makes sense: a new checksum")?;
    }
    if let Some(cut) = plan.cut {
        let last = plan.last_zxid.map_or("nothing".into(), |zxid| format!("transaction {zxid:#x}"));
        let why = given_up.map_or("nothing makes sense".into(), |zxid| format!("is {zxid:#x} and what followed"));
        writeln!(out, "from offset {cut} on {why}: cut there; the last thing left is {last}")?;
    }
    for later in &plan.later {
        writeln!(out, "{} does not follow any more: set aside", later.display())?;
    }
    Ok(())
}

fn confirmed() -> io::Result<bool> {
    eprint!("Transactions that were acknowledged may be lost. Go on? [y/N] ");
    io::stderr().flush()?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
