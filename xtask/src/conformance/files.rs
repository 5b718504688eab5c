//! `castlekeep zk log` and `castlekeep zk snapshot` say of Apache's files and of ours what Apache's own tools say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::servers::{self, stop_cleanly};
use super::zk_client::{ZkClient, open_acl};
use crate::apache::{self, ZooKeeperOptions};
use crate::process::{Server, run, run_ok, wait_for};
use crate::{probe, repo};

const DEADLINE: Duration = Duration::from_secs(60);
const FOLDER: &str = "fixtures/zookeeper/data-3.9.5/version-2";

/// Compares transactions, nodes and the differences between snapshots, in files of Apache's and of ours.
pub fn run_suite(dir: &Path) -> Result<String> {
    let fixture = repo::root()?.join(FOLDER);
    let mut said = String::new();
    for name in ["log.1", "log.2b"] {
        said += &same_log(&fixture.join(name))?;
    }
    for name in ["snapshot.0", "snapshot.2a"] {
        said += &same_snapshot(&fixture.join(name))?;
    }
    said += &same_differences(&fixture.join("snapshot.0"), &fixture.join("snapshot.2a"))?;
    for compression in ["", "gz", "snappy"] {
        let folder = written_by_ours(&dir.join(format!("ours-{compression}")), compression)?;
        let (logs, snapshots) = (files(&folder, "log.")?, files(&folder, "snapshot.")?);
        for log in &logs {
            said += &same_log(log)?;
        }
        let [older, .., newest] = &snapshots[..] else { bail!("only these snapshots were written: {snapshots:?}") };
        said += &same_snapshot(newest)?;
        said += &same_differences(older, newest)?;
    }
    Ok(said)
}

fn same_log(file: &Path) -> Result<String> {
    let mut tool = apache::java("zookeeper", 64, "org.apache.zookeeper.server.persistence.TxnLogToolkit")?;
    tool.arg("--dump").arg(file);
    let theirs = transactions_of_toolkit(&run_ok(tool, "", DEADLINE)?.stdout);
    let ours: Vec<String> = ours("log", file)?.iter().map(transaction).collect();
    ensure!(!ours.is_empty() && ours == theirs, "{}: ours {ours:#?}, Apache's {theirs:#?}", file.display());
    Ok(format!("  ok     {}: {} transactions\n", name(file), ours.len()))
}

fn same_snapshot(file: &Path) -> Result<String> {
    let mut tool = apache::java("zookeeper", 64, "org.apache.zookeeper.server.SnapshotFormatter")?;
    tool.arg(file);
    let theirs = nodes_of_formatter(&run_ok(tool, "", DEADLINE)?.stdout);
    let ours: BTreeMap<String, Vec<i64>> = ours("snapshot", file)?.iter().filter_map(node).collect();
    ensure!(!ours.is_empty() && ours == theirs, "{}: ours {ours:#?}, Apache's {theirs:#?}", file.display());
    Ok(format!("  ok     {}: {} nodes\n", name(file), ours.len()))
}

/// Which nodes are in one of two snapshots only.
fn same_differences(left: &Path, right: &Path) -> Result<String> {
    let mut tool = apache::java("zookeeper", 64, "org.apache.zookeeper.server.SnapshotComparer")?;
    // Thresholds below zero let every node through.
    tool.arg("-l").arg(left).arg("-r").arg(right).args(["-b", "-1", "-n", "-1"]);
    let text = run_ok(tool, "", DEADLINE)?.stdout;
    let only = |side: &str| -> BTreeSet<String> {
        let end = format!(" found only in {side} tree");
        let path = |line: &str| Some(line.strip_prefix("Node ")?.split_once(end.as_str())?.0.to_owned());
        text.lines().filter_map(path).collect()
    };
    let mut tool = castlekeep()?;
    tool.args(["zk", "snapshot", "compare"]).arg(left).arg(right).args(["--format", "json"]);
    // As diff does, it ends with another code when something differs.
    let lines = run(tool, "", DEADLINE)?.stdout;
    let lines: Vec<Value> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>().context("read JSON")?;
    let absent = |side: &str| -> BTreeSet<String> {
        let absent = lines.iter().filter(|line| line["path"].is_string() && line[side].is_null());
        absent.map(|line| line["path"].as_str().unwrap_or_default().to_owned()).collect()
    };
    let (ours, theirs) = ((absent("right"), absent("left")), (only("left"), only("right")));
    ensure!(ours == theirs, "{} and {}: ours {ours:?}, Apache's {theirs:?}", left.display(), right.display());
    ensure!(!ours.1.is_empty(), "{} has nothing that {} lacks", right.display(), left.display());
    Ok(format!("  ok     {} and {}: {} nodes are in one only\n", name(left), name(right), ours.0.len() + ours.1.len()))
}

/// A folder of ours with several snapshots.
fn written_by_ours(dir: &Path, compression: &str) -> Result<PathBuf> {
    let port = probe::free_port()?;
    let extra = format!("snapCount=40\nsnapshot.compression.method={compression}\n");
    let mut command = castlekeep()?;
    command.arg("zookeeper").arg(apache::zoo_cfg(dir, &ZooKeeperOptions { port, extra })?);
    let mut server = Server::spawn("castlekeep zookeeper", command, &dir.join("server.log"))?;
    server.wait_ready(DEADLINE, || probe::zookeeper_ready(port))?;
    let folder = dir.join("data/version-2");
    let mut client = ZkClient::connect(port)?;
    for number in 0..120 {
        client.create(&format!("/n{number}"), number.to_string().as_bytes(), 0, open_acl())?;
        if number % 10 == 0 {
            client.delete(&format!("/n{number}"))?;
        }
    }
    wait_for("three snapshots", DEADLINE, || files(&folder, "snapshot.").ok().filter(|files| files.len() >= 3))?;
    client.close()?;
    stop_cleanly(server)?;
    Ok(folder)
}

/// The files of a folder whose names begin so, oldest first.
fn files(folder: &Path, prefix: &str) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    let zxid = |path: &PathBuf| {
        let digits = name(path).strip_prefix(prefix)?.split('.').next()?.to_owned();
        u64::from_str_radix(&digits, 16).ok()
    };
    let mut found: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    found.retain(|path| zxid(path).is_some());
    found.sort_by_key(zxid);
    Ok(found)
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn castlekeep() -> Result<Command> {
    Ok(Command::new(servers::castlekeep()?))
}

fn ours(verb: &str, file: &Path) -> Result<Vec<Value>> {
    let mut tool = castlekeep()?;
    tool.args(["zk", verb]).arg(file).args(["--format", "json"]);
    let lines = run_ok(tool, "", DEADLINE)?.stdout;
    lines.lines().map(|line| serde_json::from_str(line).with_context(|| format!("read {line}"))).collect()
}

/// `session 0x.. cxid 0x.. zxid 0x.. type`
fn transaction(line: &Value) -> String {
    let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let cxid = line["cxid"].as_i64().unwrap_or_default() as i32;
    format!("session {} cxid {cxid:#x} zxid {} {}", text("session"), text("zxid"), text("type"))
}

/// The same from `11/23/26, 9:50:09 PM UTC session 0x.. cxid 0x.. zxid 0x.. type rest`; values may go on over lines.
fn transactions_of_toolkit(text: &str) -> Vec<String> {
    let line = |line: &str| {
        let words: Vec<&str> = line[line.find("session 0x")?..].split_whitespace().take(7).collect();
        let [_, session, "cxid", cxid, "zxid", zxid, kind] = words[..] else { return None };
        Some(format!("session {session} cxid {cxid} zxid {zxid} {kind}"))
    };
    text.lines().filter_map(line).collect()
}

/// The numbers that Apache's tool prints of a node, by path.
fn node(line: &Value) -> Option<(String, Vec<i64>)> {
    let path = line["path"].as_str()?.to_owned();
    let hex = |key: &str| i64::from_str_radix(line[key].as_str().unwrap_or_default().trim_start_matches("0x"), 16);
    let int = |key: &str| line[key].as_i64().unwrap_or_default();
    let zxids = [hex("czxid"), hex("mzxid"), hex("pzxid")].into_iter().map(Result::unwrap_or_default);
    let ints = ["version", "aversion", "data_length"].map(int);
    Some((path, zxids.chain(ints).collect()))
}

fn nodes_of_formatter(text: &str) -> BTreeMap<String, Vec<i64>> {
    const FIELDS: [&str; 6] = ["cZxid", "mZxid", "pZxid", "dataVersion", "aclVersion", "dataLength"];
    let mut nodes = BTreeMap::new();
    for block in text.split("----\n").skip(1) {
        let Some((path, rest)) = block.split_once('\n') else { continue };
        let fields: BTreeMap<&str, &str> = rest.lines().filter_map(|line| line.trim().split_once(" = ")).collect();
        let number = |name: &&str| match fields.get(name).copied().unwrap_or_default() {
            hex if hex.starts_with("0x") => i64::from_str_radix(&hex[2..], 16).unwrap_or_default(),
            decimal => decimal.parse().unwrap_or_default(),
        };
        if path.starts_with('/') && fields.contains_key("cZxid") {
            nodes.insert(path.to_owned(), FIELDS.iter().map(number).collect());
        }
    }
    nodes
}
