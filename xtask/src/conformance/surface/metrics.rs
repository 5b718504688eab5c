//! Names of metrics: each of Apache's is ours too, or its row in `docs/compatibility.md` says that it is not.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};

use super::http;
use super::{Pair, Side};
use crate::repo;

/// Heads the table.
const TABLE: &str = "| metric | kind | here |";
/// What Apache's providers put before the name of a summary for each of its numbers.
const PARTS: [&str; 9] = ["avg_", "min_", "max_", "cnt_", "sum_", "p50_", "p95_", "p99_", "p999_"];
/// Java's own metrics, which only a Java machine has.
const OF_JAVA: [&str; 2] = ["jvm_", "process_"];

/// The rows: whether a metric is here, by its name.
pub struct Documented(BTreeMap<String, bool>);

impl Documented {
    /// Reads the page.
    pub fn read() -> Result<Self> {
        let page = repo::root()?.join("docs/compatibility.md");
        let text = std::fs::read_to_string(&page).with_context(|| format!("read {}", page.display()))?;
        let table = text.split_once(TABLE).with_context(|| format!("find {TABLE} in {}", page.display()))?.1;
        let rows = table.lines().skip(2).map_while(|line| line.strip_prefix("| "));
        let row = |row: &str| {
            let cells: Vec<String> = row.split('|').map(|cell| cell.trim().replace('`', "")).collect();
            (cells[0].clone(), !cells[2].starts_with("not here"))
        };
        let rows: BTreeMap<String, bool> = rows.map(row).collect();
        ensure!(rows.len() > 100, "{} has {} metrics only", page.display(), rows.len());
        Ok(Self(rows))
    }

    /// The metric that a key of `mntr` belongs to: `sum_fsynctime` to `fsynctime`, `a_avg_ack_latency` to
    /// `ack_latency`.
    fn of<'a>(&self, key: &'a str) -> Option<&'a str> {
        let known = |name: &&str| self.0.contains_key(*name);
        let part = PARTS.iter().find_map(|part| key.strip_prefix(part)).filter(known);
        let keyed = || {
            let at = key.char_indices().filter(|(_, c)| *c == '_').map(|(at, _)| &key[at + 1..]);
            at.map(|rest| PARTS.iter().find_map(|part| rest.strip_prefix(part)).unwrap_or(rest)).find(known)
        };
        Some(key).filter(known).or(part).or_else(keyed)
    }
}

/// Not metrics, but in `mntr` and `monitor` too.
const NOT_METRICS: [&str; 2] = ["version", "server_state"];

/// Every name of Apache's is documented and, where promised, ours; ours has none that Apache's has not.
pub fn same_names(apache: &[String], ours: &[String], documented: &Documented) -> Result<()> {
    let own: BTreeSet<&String> = ours.iter().collect();
    for key in apache.iter().filter(|key| !NOT_METRICS.contains(&key.as_str())) {
        let name = documented.of(key).with_context(|| format!("{key} has no row in docs/compatibility.md"))?;
        let promised = documented.0[name];
        ensure!(!promised || own.contains(key), "ours has no {key}, and docs/compatibility.md promises {name}");
        ensure!(promised || !own.contains(key), "ours has {key}, and docs/compatibility.md says it has not");
    }
    let theirs: BTreeSet<&String> = apache.iter().collect();
    let more: Vec<&&String> = own.iter().filter(|key| !theirs.contains(**key)).collect();
    ensure!(more.is_empty(), "ours has {more:?}, which Apache's has not");
    Ok(())
}

/// `/metrics` at `metricsProvider.httpPort`: kinds, labels and names.
pub fn prometheus(pair: &Pair, documented: &Documented) -> Result<String> {
    let [apache, ours] = pair.both(exported)?;
    pair.note(same_names(&names(&apache), &names(&ours), documented));
    for (name, family) in &ours {
        let Some(theirs) = apache.get(name) else { continue };
        pair.same(&format!("kind of {name}"), &theirs.kind, &family.kind);
        // Which keys a metric has depends on what clients did; what their label is called does not.
        let labels = |family: &Family| -> BTreeSet<String> {
            let label = |sample: &String| Some(sample.split_once('{')?.1.split('=').next()?.to_owned());
            family.samples.iter().filter_map(label).collect()
        };
        pair.same(&format!("labels of {name}"), &labels(theirs), &labels(family));
        let quantiles = |family: &Family| -> BTreeSet<String> {
            let quantile = |sample: &&String| sample.contains("quantile=");
            family.samples.iter().filter(quantile).map(|sample| sample.replace(",}", "}")).collect()
        };
        pair.same(&format!("quantiles of {name}"), &quantiles(theirs), &quantiles(family));
    }
    Ok(format!("  ok     Prometheus: {} metrics of Apache's, {} of ours\n", apache.len(), ours.len()))
}

/// What is exported under one name.
struct Family {
    kind: String,
    /// Names and labels, without values.
    samples: BTreeSet<String>,
}

fn names(families: &BTreeMap<String, Family>) -> Vec<String> {
    families.keys().cloned().collect()
}

fn exported(side: &Side) -> Result<BTreeMap<String, Family>> {
    let answer = http::ask(side.metrics, "GET", "/metrics", "", b"")?;
    ensure!(answer.status == 200, "/metrics answered {}", answer.status);
    ensure!(answer.media_type() == "text/plain", "/metrics is {}", answer.media_type());
    let text = String::from_utf8(answer.body).context("/metrics is no text")?;
    let mut families = BTreeMap::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').with_context(|| format!("no kind in {line}"))?;
        families.insert(name.to_owned(), Family { kind: kind.to_owned(), samples: BTreeSet::new() });
    }
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (sample, value) = line.rsplit_once(' ').with_context(|| format!("no value in {line}"))?;
        ensure!(value.parse::<f64>().is_ok(), "{line} has no number");
        let name = sample.split('{').next().unwrap_or_default();
        let base = ["_count", "_sum", "_bucket", "_created"].iter().find_map(|end| name.strip_suffix(end));
        let name = if families.contains_key(name) { Some(name) } else { base };
        let family = name.and_then(|name| families.get_mut(name)).with_context(|| format!("no TYPE for {line}"))?;
        family.samples.insert(sample.to_owned());
    }
    families.retain(|name, _| !OF_JAVA.iter().any(|begin| name.starts_with(begin)));
    Ok(families)
}
