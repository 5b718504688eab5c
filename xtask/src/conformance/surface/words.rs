//! Every four-letter word, line by line.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::masked::numbers;
use super::metrics::{self, Documented};
use super::{Pair, Side};
use crate::conformance::zk_client::ZkClient;
use crate::probe;
use crate::process::wait_for;

/// How long what was under way may take to settle.
pub const DEADLINE: Duration = Duration::from_secs(5);
/// Reads between a reset and a look at the counters.
const READS: usize = 5;

/// Words whose text is equal, but for the numbers in the lines that begin as listed; `sorted` for texts whose lines come
/// out of a hash table at Apache's.
const WORDS: &[(&str, &[&str], bool)] = &[
    ("ruok", &[], false),
    ("isro", &[], false),
    ("conf", &["dataDirSize", "dataLogSize"], false),
    ("dirs", &["datadir_size", "logdir_size"], false),
    ("srvr", &["Zookeeper version", "Latency", "Received", "Sent"], false),
    ("stat", &["Zookeeper version", "Latency", "Received", "Sent", " /"], true),
    ("cons", &[" /"], true),
    ("dump", &["Session Sets", "Connections Sets", "1 expire at", "2 expire at", "\tip:"], false),
    ("gtmk", &[], false),
    // What digests are made of has times in it.
    ("hash", &[""], false),
    ("wchs", &[], false),
    ("wchc", &[], true),
    ("wchp", &[], true),
    ("crst", &[], false),
    ("srst", &[], false),
];

/// Fields of the environment that differ: the version, the host's name (a Java machine asks the resolver), memory.
pub const OF_THE_MACHINE: &[&str] =
    &["zookeeper.version", "host.name", "os.memory.free", "os.memory.max", "os.memory.total"];

/// Lines of `mntr` with the same value.
const EQUAL: &[&str] = &[
    "zk_server_state",
    "zk_num_alive_connections",
    "zk_outstanding_requests",
    "zk_znode_count",
    "zk_watch_count",
    "zk_ephemerals_count",
    "zk_global_sessions",
    "zk_local_sessions",
    "zk_connection_drop_probability",
    "zk_outstanding_tls_handshake",
    "zk_auth_failed_count",
    "zk_digest_mismatches_count",
    "zk_stale_sessions_expired",
    "zk_large_requests_rejected",
    "zk_throttled_ops",
    "zk_q_quota_count_limit_per_namespace",
    "zk_q_quota_bytes_limit_per_namespace",
    "zk_q_quota_count_usage_per_namespace",
    "zk_q_quota_bytes_usage_per_namespace",
    "zk_q_quota_exceeded_error_per_namespace",
];

/// Compares them all; gives what to print.
pub fn compare(pair: &Pair, documented: &Documented) -> Result<String> {
    for (word, masked, sorted) in WORDS {
        pair.agree(word, |side| Ok(shown(side, &said(side, word.as_bytes())?, masked, *sorted)))?;
    }
    pair.agree("stmk", |side| said(side, b"stmk\0\0\0\0\0\0\x01\x07"))?;
    pair.agree("gtmk behind stmk", |side| said(side, b"gtmk"))?;
    pair.note(environment(pair));
    let count = pair.agree_with("mntr", |apache, ours| monitored(apache, ours, documented))?;
    Ok(format!("  ok     {} words line by line; mntr: {count} keys of Apache's\n", WORDS.len() + 3))
}

/// Behind `srst` and `crst` both count anew, and the same.
pub fn counters(pair: &Pair, clients: &mut [ZkClient; 2]) -> Result<String> {
    for side in pair.sides() {
        said(side, b"srst")?;
        said(side, b"crst")?;
    }
    for client in clients {
        for _ in 0..READS {
            client.sync()?;
        }
    }
    // Each look adds itself: so there is one only.
    let [apache, ours] = pair.both(|side| {
        let text = said(side, b"srvr")?;
        let line = |key: &str| text.lines().find(|line| line.starts_with(key)).unwrap_or_default().to_owned();
        Ok([line("Received"), line("Sent")])
    })?;
    pair.same("srst and requests", &apache, &ours);
    let [apache, ours] = pair.both(|side| {
        let text = said(side, b"cons")?;
        let own = text.lines().find(|line| line.contains("sid=")).with_context(|| format!("no session in {text}"))?;
        let field =
            |name: &str| own.split([',', '(']).find(|field| field.starts_with(name)).unwrap_or_default().to_owned();
        // Not what is queued: Apache's takes the last request off a moment after its reply.
        Ok(["recved=", "sent=", "lop=", "lzxid="].map(field))
    })?;
    pair.same("crst and requests", &apache, &ours);
    Ok(format!("  ok     srst and crst: then {apache:?}\n"))
}

/// With the Prometheus provider, `mntr` has its samples: `zk_readlatency{quantile="0.5"}`. Words outside of the whitelist
/// are refused.
pub fn of_prometheus(pair: &Pair) -> Result<String> {
    pair.agree("ruok, which the whitelist lacks", |side| said(side, b"ruok"))?;
    let count = pair.agree_with("mntr of Prometheus' samples", |apache, ours| {
        let [theirs, own] = [apache, ours].map(|side| said(side, b"mntr").map(|text| pairs(&text, '\t')));
        let (theirs, own) = (theirs?, own?);
        for (key, value) in &own {
            let other = theirs.get(key).with_context(|| format!("mntr: Apache's has no {key}"))?;
            ensure!(kind(value) == kind(other), "mntr: {key} is {other} at Apache's and {value} at ours");
        }
        ensure!(own.keys().any(|key| key.contains("{quantile=")), "ours has no quantile: {:?}", own.keys());
        Ok(own.len())
    })?;
    Ok(format!("  ok     mntr of Prometheus' samples: {count} keys\n"))
}

fn said(side: &Side, bytes: &[u8]) -> Result<String> {
    probe::text_answer(side.port, bytes)
        .with_context(|| format!("{:?} is not answered", bytes.escape_ascii().to_string()))
}

fn shown(side: &Side, text: &str, masked: &[&str], sorted: bool) -> String {
    let text = side.names.apply(text);
    // Apache's forgets a moment at which nobody's time is up any more later than ours.
    let lines = text.split('\n').filter(|line| !line.starts_with("0 expire at"));
    let mut lines: Vec<String> = lines.map(|line| one_line(line, masked)).collect();
    if sorted {
        lines.sort();
    }
    lines.join("\n")
}

fn one_line(line: &str, masked: &[&str]) -> String {
    if !masked.iter().any(|begin| line.starts_with(begin)) {
        return line.to_owned();
    }
    if let Some((name, (_, all))) =
        line.split_once(" Sets (").and_then(|(name, rest)| Some((name, rest.split_once(")/")?)))
    {
        return format!("{name} Sets (#)/{all}");
    }
    // A date's words change too.
    match line.split_once(" expire at ") {
        Some((count, _)) => format!("{count} expire at a date"),
        None if masked == [""] => line.split(": ").next().unwrap_or_default().to_owned(),
        None if line.starts_with("Zookeeper version") => line[..line.len().min(24)].to_owned(),
        None => numbers(line),
    }
}

/// Ours leaves out what only a Java machine has; the rest is equal but for the version and what memory is free.
fn environment(pair: &Pair) -> Result<()> {
    let [apache, ours] = pair.both(|side| Ok(pairs(&said(side, b"envi")?, '=')))?;
    let of_java = |key: &str| key.starts_with("java.");
    let changes = |key: &str| OF_THE_MACHINE.contains(&key);
    let wanted = apache.iter().filter(|(key, _)| !of_java(key));
    for (key, value) in wanted {
        let Some(own) = ours.get(key) else { bail!("envi: Apache's has {key}={value}, ours has no {key}") };
        ensure!(changes(key) || own == value, "envi: {key} is {value:?} at Apache's and {own:?} at ours");
    }
    let more: Vec<&String> = ours.keys().filter(|key| !apache.contains_key(*key)).collect();
    ensure!(more.is_empty(), "envi: ours has {more:?}, which Apache's has not");
    Ok(())
}

fn pairs(text: &str, between: char) -> BTreeMap<String, String> {
    text.lines().filter_map(|line| line.split_once(between)).map(|(key, value)| (key.into(), value.into())).collect()
}

/// How many keys Apache's has, when ours has each of them that the documents promise, with a number of the same kind.
fn monitored(apache: &Side, ours: &Side, documented: &Documented) -> Result<usize> {
    let [theirs, own] = [apache, ours].map(|side| said(side, b"mntr").map(|text| pairs(&text, '\t')));
    let (theirs, own) = (theirs?, own?);
    let plain = |keys: &BTreeMap<String, String>| -> Vec<String> {
        keys.keys().filter_map(|key| Some(key.strip_prefix("zk_")?.to_owned())).collect()
    };
    metrics::same_names(&plain(&theirs), &plain(&own), documented)?;
    for (key, value) in &theirs {
        let Some(ours) = own.get(key) else { continue };
        ensure!(kind(value) == kind(ours), "mntr: {key} is {value} at Apache's and {ours} at ours");
        ensure!(!EQUAL.contains(&key.as_str()) || value == ours, "mntr: {key} is {value} at Apache's, {ours} at ours");
    }
    let missing: Vec<&&str> = EQUAL.iter().filter(|key| !theirs.contains_key(**key)).collect();
    ensure!(missing.is_empty(), "mntr of Apache's has no {missing:?}");
    Ok(theirs.len())
}

/// How a number is written.
fn kind(text: &str) -> &'static str {
    match text {
        "NaN" => "decimal",
        _ if text.parse::<i64>().is_ok() => "whole",
        _ if text.parse::<f64>().is_ok() => "decimal",
        _ => "text",
    }
}

/// Waits until both servers say the same; the last difference when they do not.
pub fn until_same<T: PartialEq + std::fmt::Debug>(what: &str, mut look: impl FnMut() -> Result<[T; 2]>) -> Result<()> {
    let mut last = None;
    let agreed = wait_for(what, DEADLINE, || match look() {
        Ok([apache, ours]) if apache == ours => Some(()),
        other => {
            last = Some(other);
            None
        }
    });
    match (agreed, last) {
        (Err(_), Some(Ok([apache, ours]))) => bail!("{what}: Apache's says\n{apache:#?}\nand ours\n{ours:#?}"),
        (Err(_), Some(Err(error))) => Err(error.context(what.to_owned())),
        (result, _) => result,
    }
}
