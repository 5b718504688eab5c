//! `castlekeep kafka dump-log` says of Apache's files what Apache's own tool says.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::process::run_ok;
use crate::{apache, repo};

const DEADLINE: Duration = Duration::from_secs(60);

/// Line by line on every segment, index and snapshot that Apache's brokers left in the fixtures.
pub fn run(_: &Path) -> Result<String> {
    let root = repo::root()?;
    let mut files = Vec::new();
    for folder in ["fixtures/kafka/log-3.9.2", "fixtures/kafka/logs/killed-3.9.2"] {
        for partition in std::fs::read_dir(root.join(folder))?.flatten().filter(|entry| entry.path().is_dir()) {
            files.extend(std::fs::read_dir(partition.path())?.flatten().map(|entry| entry.path()));
        }
    }
    let dumped = ["log", "index", "timeindex", "txnindex", "snapshot"];
    files.retain(|file| file.extension().is_some_and(|suffix| dumped.iter().any(|dumped| suffix == *dumped)));
    files.sort();
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    let arguments = ["--print-data-log".to_owned(), "--files".to_owned(), names.join(",")];
    let mut theirs = apache::java("kafka", 256, "kafka.tools.DumpLogSegments")?;
    theirs.args(&arguments);
    let mut ours = Command::new(repo::release_folder()?.join("castlekeep"));
    ours.args(["kafka", "dump-log"]).args(&arguments);
    let (theirs, ours) = (run_ok(theirs, "", DEADLINE)?.stdout, run_ok(ours, "", DEADLINE)?.stdout);
    let differs = theirs.lines().zip(ours.lines()).find(|(theirs, ours)| theirs != ours);
    ensure!(differs.is_none(), "Apache's line and ours: {differs:#?}");
    ensure!(theirs.lines().count() == ours.lines().count() && !files.is_empty(), "one of the two says more");
    Ok(format!("  ok     {} files: {} lines\n", files.len(), ours.lines().count()))
}
