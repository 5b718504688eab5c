//! The tables of four-letter words, commands and metrics in `docs/compatibility.md` against the code.

use std::collections::BTreeMap;

use server::http::admin::commands;
use server::zk::ZkServerConfig;
use server::zk::four_letter::words;
use server::zk::metrics::{NEVER, NEVER_ADVANCED, NEVER_SUMMARIES, Value};

const PAGE: &str = include_str!("../../../docs/compatibility.md");

/// The cells of the table below `head`, row by row.
fn rows(head: &str) -> Vec<Vec<String>> {
    let table = PAGE.split_once(head).unwrap_or_else(|| panic!("the table {head:?}")).1;
    let rows = table.lines().skip(2).map_while(|line| line.strip_prefix("| "));
    rows.map(|row| row.split('|').map(|cell| cell.trim().replace('`', "")).collect()).collect()
}

#[test]
fn every_word_has_its_row() {
    let documented: Vec<String> = rows("| word | note |").into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(documented, words().collect::<Vec<_>>());
}

#[test]
fn every_command_has_its_row() {
    let documented: Vec<(String, String)> =
        rows("| command | aliases | note |").into_iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    let served = commands().map(|command| (command.names[0].to_string(), command.names[1..].join(", ")));
    assert_eq!(documented, served.collect::<Vec<_>>());
}

#[tokio::test]
async fn every_metric_has_its_row() {
    let dir = tempfile::tempdir().unwrap();
    let server = server::zk::start(ZkServerConfig::embedded(dir.path(), 0)).await.unwrap();
    let never = [NEVER, NEVER_SUMMARIES, NEVER_ADVANCED].concat();
    let mut shown = BTreeMap::new();
    for (name, value) in server.admin().metrics() {
        let kind = match value {
            Value::Gauge(_) | Value::Decimal(_) => "gauge",
            Value::Counter(_) => "counter",
            Value::Basic(_) => "summary, basic",
            Value::Advanced(_) => "summary, advanced",
            Value::GaugeSet(_) => "gauge, by key",
            Value::CounterSet(_) => "counter, by key",
        };
        let state = if never.contains(&name) { "always 0" } else { "measured" };
        let before = shown.insert(name.to_string(), (kind.to_string(), state.to_string()));
        assert_eq!(before, None, "{name} is shown twice");
    }
    server.shutdown().await.unwrap();
    let alone = |row: &Vec<String>| {
        !row[2].starts_with("not here") && !row[2].contains("of an ensemble") && !row[2].contains("in an ensemble")
    };
    let documented = rows("| metric | kind | here |").into_iter().filter(alone);
    let documented: BTreeMap<String, (String, String)> =
        documented.map(|row| (row[0].clone(), (row[1].clone(), row[2].clone()))).collect();
    assert_eq!(documented, shown);
}
