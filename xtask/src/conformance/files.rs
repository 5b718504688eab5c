//! `castlekeep zk log` and `castlekeep zk snapshot` say of Apache's files what Apache's own tools say.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::process::run_ok;
use crate::{apache, repo};

const DEADLINE: Duration = Duration::from_secs(60);
const FOLDER: &str = "fixtures/zookeeper/data-3.9.5/version-2";

/// Compares transactions and nodes.
pub fn run(_: &Path) -> Result<String> {
    let folder = repo::root()?.join(FOLDER);
    let mut said = String::new();
    for name in ["log.1", "log.2b"] {
        let file = folder.join(name);
        let mut tool = apache::java("zookeeper", 64, "org.apache.zookeeper.server.persistence.TxnLogToolkit")?;
        tool.arg("--dump").arg(&file);
        let theirs = transactions_of_toolkit(&run_ok(tool, "", DEADLINE)?.stdout);
        let ours: Vec<String> = ours("log", &file)?.iter().map(transaction).collect();
        ensure!(!ours.is_empty() && ours == theirs, "{name}: ours {ours:#?}, Apache's {theirs:#?}");
        said += &format!("  ok     {name}: {} transactions\n", ours.len());
    }
    for name in ["snapshot.0", "snapshot.2a"] {
        let file = folder.join(name);
        let mut tool = apache::java("zookeeper", 64, "org.apache.zookeeper.server.SnapshotFormatter")?;
        tool.arg(&file);
        let theirs = nodes_of_formatter(&run_ok(tool, "", DEADLINE)?.stdout);
        let ours: BTreeMap<String, Vec<i64>> = ours("snapshot", &file)?.iter().filter_map(node).collect();
        ensure!(!ours.is_empty() && ours == theirs, "{name}: ours {ours:#?}, Apache's {theirs:#?}");
        said += &format!("  ok     {name}: {} nodes\n", ours.len());
    }
    Ok(said)
}

fn ours(verb: &str, file: &Path) -> Result<Vec<Value>> {
    let mut tool = Command::new(repo::release_folder()?.join("castlekeep"));
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
