//! Four-letter words of both servers: the keys that tools read, and the numbers that must be equal.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::Result;

use crate::probe;
use crate::process::wait_for;

const DEADLINE: Duration = Duration::from_secs(5);

/// A word, what parts its keys from their values, and the keys whose values are equal.
const WORDS: &[(&str, char, &[&str])] = &[
    ("srvr", ':', &["Outstanding", "Zxid", "Mode", "Node count"]),
    ("stat", ':', &["Outstanding", "Zxid", "Mode", "Node count"]),
    (
        "mntr",
        '\t',
        // Not zk_approximate_data_size: Apache's forgets what the server itself writes into quotas.
        &["zk_server_state", "zk_znode_count", "zk_ephemerals_count", "zk_watch_count"],
    ),
    (
        "conf",
        '=',
        &[
            "tickTime",
            "maxClientCnxns",
            "minSessionTimeout",
            "maxSessionTimeout",
            "clientPortListenBacklog",
            "serverId",
        ],
    ),
    ("ruok", ':', &[]),
    ("isro", ':', &[]),
];

/// `mntr`'s keys that ours has too; Apache's has hundreds more, of its parts.
const MNTR: &[&str] = &[
    "zk_version",
    "zk_server_state",
    "zk_avg_latency",
    "zk_max_latency",
    "zk_min_latency",
    "zk_packets_received",
    "zk_packets_sent",
    "zk_num_alive_connections",
    "zk_outstanding_requests",
    "zk_znode_count",
    "zk_watch_count",
    "zk_ephemerals_count",
    "zk_approximate_data_size",
    "zk_open_file_descriptor_count",
    "zk_max_file_descriptor_count",
    "zk_global_sessions",
    "zk_uptime",
];

/// What differs.
pub fn compare(ports: [u16; 2]) -> Result<Vec<String>> {
    let mut differences = Vec::new();
    for (word, between, equal) in WORDS {
        let mut last = None;
        // A connection's end takes a moment to be counted.
        let agreed = wait_for("both servers to say the same", DEADLINE, || {
            let [apache, ours] = ports.map(|port| probe::four_letter_word(port, word).unwrap_or_default());
            last = differs(&apache, &ours, *between, equal);
            last.is_none().then_some(())
        });
        if let (Err(_), Some(what)) = (agreed, last) {
            differences.push(format!("{word}: {what}"));
        }
    }
    Ok(differences)
}

fn differs(apache: &str, ours: &str, between: char, equal: &[&str]) -> Option<String> {
    if equal.is_empty() {
        return (apache != ours).then(|| format!("apache says {apache:?}, ours {ours:?}"));
    }
    let (theirs, own) = (lines(apache, between), lines(ours, between));
    for key in equal {
        let (theirs, own) = (theirs.get(key), own.get(key));
        if theirs != own {
            return Some(format!("{key} is {theirs:?} at apache's, {own:?} at ours"));
        }
    }
    if theirs.contains_key("zk_version") {
        return MNTR
            .iter()
            .find(|key| theirs.contains_key(*key) != own.contains_key(*key))
            .map(|key| format!("{key} at apache's: {:?}, at ours: {:?}", theirs.get(key), own.get(key)));
    }
    let keys = |map: &BTreeMap<&str, &str>| -> BTreeSet<String> { map.keys().map(ToString::to_string).collect() };
    let (theirs, own) = (keys(&theirs), keys(&own));
    (theirs != own).then(|| format!("apache's keys are {theirs:?}, ours {own:?}"))
}

/// Keys and values; clients of `stat`, whose lines begin with a space, are left out.
fn lines(text: &str, between: char) -> BTreeMap<&str, &str> {
    let lines = text.lines().filter(|line| !line.starts_with(' '));
    lines.filter_map(|line| line.split_once(between)).map(|(key, value)| (key, value.trim())).collect()
}
