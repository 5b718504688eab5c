//! `castlekeep zk snapshot`

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use storage::file_disk::FileDisk;
use storage::zk::inspect::compare::{Comparison, Difference, Side, compare};
use storage::zk::inspect::snapshot::{DigestState, Report, owner_words, walk};
use storage::zk::snapshot_reader::SnapshotError;
use zk_wire::snapshot::SnapshotRecord;

use super::{Format, Verdict, show};

/// No node of a snapshot is larger; what a file says beyond it is damage.
const RECORD_BYTES_MAX: usize = i32::MAX as usize;

/// Flags.
#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    arg_required_else_help = true,
    after_long_help = "Examples:\n  \
        castlekeep zk snapshot snapshot.2a                    sessions, lists, nodes\n  \
        castlekeep zk snapshot snapshot.2a.gz --path /brokers --data --format json\n  \
        castlekeep zk snapshot snapshot.2a --verify           checksums and the digest, nothing else\n  \
        castlekeep zk snapshot compare snapshot.2a snapshot.57"
)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    print: Print,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Say what differs between two snapshots
    Compare(Compare),
}

#[derive(clap::Args)]
struct Print {
    /// The file: `version-2/snapshot.<zxid>`, plain or with .gz or .snappy
    #[arg(required = true)]
    file: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Print the data of nodes too
    #[arg(long, short)]
    data: bool,
    /// Only this node and those below it
    #[arg(long, value_name = "PATH")]
    path: Option<String>,
    /// Print no nodes, only whether the file is whole
    #[arg(long)]
    verify: bool,
}

#[derive(clap::Args)]
#[command(after_long_help = "Examples:\n  \
    castlekeep zk snapshot compare version-2/snapshot.0 version-2/snapshot.1f\n  \
    castlekeep zk snapshot compare ours/snapshot.1f apaches/snapshot.1f --format json")]
struct Compare {
    /// The older file
    left: PathBuf,
    /// The newer file
    right: PathBuf,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs it.
pub fn run(args: &Args, out: &mut dyn Write) -> Result<Verdict> {
    match &args.command {
        Some(Command::Compare(compare)) => run_compare(compare, out),
        None => args.print.run(args.print.file.as_deref().expect("clap demands it"), out),
    }
}

impl Print {
    fn run(&self, file: &Path, out: &mut dyn Write) -> Result<Verdict> {
        let mut failed = None;
        let walked = walk(&FileDisk, file, RECORD_BYTES_MAX, &mut |record| {
            if self.verify {
                return Ok(());
            }
            self.record(record, out).map_err(|error| {
                let text = error.to_string();
                failed = Some(error);
                text
            })
        });
        if let Some(error) = failed {
            return Err(error.into());
        }
        match walked {
            Ok(report) => self.summary(file, &report, out),
            Err(SnapshotError::Io(error)) => {
                Err(error).with_context(|| format!("cannot read the snapshot {}", file.display()))
            }
            Err(error) if self.format == Format::Json => {
                writeln!(out, "{}", json!({ "file": file.display().to_string(), "damage": error.to_string() }))?;
                Ok(Verdict::Damaged)
            }
            Err(error) => {
                writeln!(out, "{}: DAMAGED: {error}", file.display())?;
                Ok(Verdict::Damaged)
            }
        }
    }

    fn record(&self, record: &SnapshotRecord, out: &mut dyn Write) -> io::Result<()> {
        let json = self.format == Format::Json;
        let whole = self.path.is_none();
        match record {
            SnapshotRecord::Session(session) if whole && json => {
                let (id, timeout_ms) = (show::hex(session.id.0), session.timeout_ms);
                writeln!(out, "{}", json!({ "session": id, "timeout_ms": timeout_ms }))
            }
            SnapshotRecord::Session(session) if whole => {
                writeln!(out, "session {} timeout {} ms", session.id, session.timeout_ms)
            }
            SnapshotRecord::Acl(list) if whole => {
                let entries = show::acl(list.acl.as_deref());
                match json {
                    true => writeln!(out, "{}", json!({ "acl_id": list.id, "acl": entries })),
                    false => writeln!(out, "acl {} {entries}", list.id),
                }
            }
            SnapshotRecord::Node(path, node) if self.wants(path) => match json {
                true => writeln!(out, "{}", Value::Object(show::node(path, node, self.data))),
                false => writeln!(out, "{}", show::node_line(path, node, self.data)),
            },
            _ => Ok(()),
        }
    }

    fn wants(&self, path: &str) -> bool {
        let Some(prefix) = self.path.as_deref() else { return true };
        path == prefix || prefix == "/" || path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
    }

    fn summary(&self, file: &Path, report: &Report, out: &mut dyn Write) -> Result<Verdict> {
        let (state, verdict) = match report.digest_state() {
            DigestState::Absent => ("the file has no digest", Verdict::Good),
            DigestState::Same => ("the digest is right", Verdict::Good),
            DigestState::Fuzzy => {
                ("written beside running writes, so only the log can prove the digest", Verdict::Good)
            }
            DigestState::Differs => ("THE DIGEST IS WRONG", Verdict::Damaged),
        };
        if self.format == Format::Json {
            if self.verify {
                writeln!(out, "{}", report_json(file, report))?;
            }
            return Ok(verdict);
        }
        writeln!(
            out,
            "{}: {} sessions, {} lists, {} nodes ({} ephemeral), {} bytes of data; checksums are right; {state}",
            file.display(),
            report.sessions,
            report.acls,
            report.nodes,
            report.ephemerals,
            report.data_bytes
        )?;
        Ok(verdict)
    }
}

fn report_json(file: &Path, report: &Report) -> Value {
    let digest_state = match report.digest_state() {
        DigestState::Absent => "absent",
        DigestState::Same => "same",
        DigestState::Fuzzy => "fuzzy",
        DigestState::Differs => "differs",
    };
    json!({
        "file": file.display().to_string(),
        "zxid": report.zxid.map(show::hex),
        "last_zxid": report.trailers.last_zxid.map(show::hex),
        "sessions": report.sessions,
        "acls": report.acls,
        "nodes": report.nodes,
        "ephemerals": report.ephemerals,
        "data_bytes": report.data_bytes,
        "digest": report.digest,
        "digest_in_file": report.trailers.digest.map(|(zxid, version, digest)| {
            json!({ "zxid": show::hex(zxid), "version": version, "value": digest })
        }),
        "digest_state": digest_state,
    })
}

fn run_compare(args: &Compare, out: &mut dyn Write) -> Result<Verdict> {
    let found = compare(&FileDisk, &args.left, &args.right, RECORD_BYTES_MAX).map_err(|(second, error)| {
        let file = if second { &args.right } else { &args.left };
        anyhow::anyhow!("cannot compare: the snapshot {} cannot be read: {error}", file.display())
    })?;
    match args.format {
        Format::Json => compare_json(&found, out)?,
        Format::Text => compare_text(args, &found, out)?,
    }
    Ok(if found.is_equal() { Verdict::Good } else { Verdict::Damaged })
}

fn compare_text(args: &Compare, found: &Comparison, out: &mut dyn Write) -> io::Result<()> {
    for (file, report) in [(&args.left, &found.left), (&args.right, &found.right)] {
        let (nodes, bytes, sessions) = (report.nodes, report.data_bytes, report.sessions);
        writeln!(out, "{}: {nodes} nodes, {bytes} bytes of data, {sessions} sessions", file.display())?;
    }
    for session in &found.sessions.0 {
        writeln!(out, "- session {session:#x}")?;
    }
    for session in &found.sessions.1 {
        writeln!(out, "+ session {session:#x}")?;
    }
    for difference in &found.differences {
        let path = difference.path.escape_debug();
        match (&difference.left, &difference.right) {
            (Some(left), None) => writeln!(out, "- {path} {}", words(left))?,
            (None, Some(right)) => writeln!(out, "+ {path} {}", words(right))?,
            _ => writeln!(out, "~ {path} {}", difference.fields().join(", "))?,
        }
    }
    match found.is_equal() {
        true => writeln!(out, "nothing differs"),
        false => writeln!(out, "{} nodes differ", found.differences.len()),
    }
}

fn words(side: &Side) -> String {
    let bytes = side.data_bytes.map_or("null".into(), |bytes| format!("{bytes} bytes"));
    format!("({}, {bytes}, mzxid {:#x})", owner_words(side.stat.ephemeral_owner), side.stat.mzxid.0)
}

fn compare_json(found: &Comparison, out: &mut dyn Write) -> io::Result<()> {
    let hex = |ids: &[i64]| ids.iter().map(|id| show::hex(*id)).collect::<Vec<String>>();
    let line = json!({
        "equal": found.is_equal(),
        "nodes": [found.left.nodes, found.right.nodes],
        "data_bytes": [found.left.data_bytes, found.right.data_bytes],
        "sessions_only_left": hex(&found.sessions.0),
        "sessions_only_right": hex(&found.sessions.1),
    });
    writeln!(out, "{line}")?;
    for difference in &found.differences {
        writeln!(out, "{}", difference_json(difference))?;
    }
    Ok(())
}

fn difference_json(difference: &Difference) -> Value {
    let side = |side: &Option<Side>| {
        side.as_ref().map(|side| {
            json!({
                "data_length": side.data_bytes,
                "mzxid": show::hex(side.stat.mzxid.0),
                "version": side.stat.version,
                "acl": show::acl(side.acl.as_deref()),
            })
        })
    };
    json!({
        "path": difference.path,
        "fields": difference.fields(),
        "left": side(&difference.left),
        "right": side(&difference.right),
    })
}
