//! Every command of the AdminServer, under every name: status, kind, keys, types, and values where they are not of the
//! moment.

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};

use super::masked::Names;
use super::metrics::{self, Documented};
use super::{OWNER, Pair, Side, http, words};

/// Commands with their aliases. `snapshot` and `restore` have their own parts.
const COMMANDS: &[&[&str]] = &[
    &["configuration", "conf", "config"],
    &["connections", "cons"],
    &["dirs"],
    &["dump"],
    &["get_trace_mask", "gtmk"],
    &["hash"],
    &["initial_configuration", "icfg"],
    &["is_read_only", "isro"],
    &["last_snapshot", "lsnp"],
    &["leader", "lead"],
    &["observer_connection_stat_reset", "orst"],
    &["observers", "obsr"],
    &["ruok"],
    &["server_stats", "srvr"],
    &["set_trace_mask?traceMask=5", "stmk?traceMask=306"],
    &["stats", "stat"],
    &["voting_view"],
    &["watch_summary", "wchs"],
    &["watches", "wchc"],
    &["watches_by_path", "wchp"],
    &["zabstate"],
    // At the end: the counters begin anew.
    &["connection_stat_reset", "crst"],
    &["stat_reset", "srst"],
];

/// Fields whose values are of the moment: their types are compared.
const OF_THE_MOMENT: &[&str] = &[
    "version",
    "packets_sent",
    "packets_received",
    "fsync_threshold_exceed_count",
    "last_buffer_size",
    "min_buffer_size",
    "max_buffer_size",
    "data_dir_size",
    "log_dir_size",
    "datadir_size",
    "logdir_size",
    "avg_latency",
    "max_latency",
    "min_latency",
    "uptime",
    "established",
    "last_response_time",
    "last_latency",
    "remote_socket_address",
    "timestamp",
    "digest",
];

/// Requests that are refused. Whether the reason is Apache's to the letter; else it is a text where Apache's is one.
const REFUSED: &[(&str, &str, &str, &[u8], bool)] = &[
    ("GET", "/commands/nope", "", b"", true),
    ("GET", "/commands/ruok/x", "", b"", true),
    ("GET", "/commands/stmk", "", b"", true),
    ("GET", "/commands/stmk?traceMask=a", "", b"", true),
    ("GET", "/commands/leader", "", b"", true),
    ("GET", "/commands/snapshot", "", b"", true),
    ("GET", "/commands/snapshot", "Authorization: digest\r\n", b"", true),
    ("GET", "/commands/snapshot", "Authorization: none such\r\n", b"", true),
    ("POST", "/commands/restore", "", b"x", true),
    ("POST", "/commands/restore", "Authorization: digest\r\n", b"x", true),
];

/// Compares them; gives what to print.
pub fn compare(pair: &Pair, documented: &Documented) -> Result<String> {
    listed(pair)?;
    let mut count = 0;
    // Apache's writes a snapshot when it starts, ours when there is something to write.
    pair.agree("snapshot?streaming=false", |side| {
        let answer = ask(side, "GET", "/commands/snapshot?streaming=false", OWNER, b"")?;
        Ok((answer, "both have one now"))
    })?;
    for name in COMMANDS.iter().copied().flatten() {
        pair.agree(name, |side| ask(side, "GET", &format!("/commands/{name}"), "", b""))?;
        count += 1;
    }
    for (method, path, headers, body, to_the_letter) in REFUSED {
        let what = format!("{method} {path} with {headers:?}");
        pair.agree(&what, |side| {
            let (status, kind, json) = ask(side, method, path, headers, body)?;
            let error = if *to_the_letter { json["error"].clone() } else { json!(json["error"].is_string()) };
            Ok((status, kind, json["command"].clone(), error))
        })?;
    }
    for name in ["environment", "env", "envi", "system_properties", "sysp"] {
        pair.note(part_of_apaches(pair, name));
    }
    for name in ["monitor", "mntr"] {
        pair.agree_with(name, |apache, ours| monitored(apache, ours, name, documented))?;
    }
    Ok(format!("  ok     {} commands under {} names, {} refusals\n", COMMANDS.len() + 4, count + 7, REFUSED.len()))
}

/// Limits and switches, at servers whose `admin.*` keys are the pair's second configuration.
pub fn limits(pair: &Pair) -> Result<String> {
    let snapshot = |side: &Side| ask(side, "GET", "/zk/snapshot?streaming=false", OWNER, b"");
    // Ours says why; Apache's does not.
    let shape = |(status, kind, json): Answered| (status, kind, json["command"].clone());
    pair.agree_once("the first snapshot", |side| {
        snapshot(side).map(|(status, _, json)| (status, json["error"].clone()))
    })?;
    pair.agree("a restore that is switched off", |side| ask(side, "POST", "/zk/restore", OWNER, b"x").map(shape))?;
    pair.agree("a command below another path", |side| ask(side, "GET", "/zk/ruok", "", b""))?;
    pair.agree("the path that is no more", |side| Ok(http::ask(side.http, "GET", "/commands/ruok", "", b"")?.status))?;
    for side in pair.sides() {
        let elsewhere = std::net::TcpStream::connect(("127.0.0.2", side.http));
        ensure!(elsewhere.is_err(), "{} server listens on another address than admin.serverAddress", side.make);
    }
    Ok("  ok     admin.commandURL, serverAddress, restore.enabled, rateLimiterIntervalInMS\n".into())
}

/// Only who may do everything on `/` takes a snapshot; the list is changed by somebody else, who is asked for it.
pub fn authorization(pair: &Pair) -> Result<String> {
    let tried = [OWNER, "Authorization: digest stranger:secret\r\n", "Authorization: ip 127.0.0.1\r\n"];
    for headers in tried {
        pair.agree(headers, |side| {
            let (status, kind, json) = ask(side, "GET", "/commands/snapshot?streaming=false", headers, b"")?;
            Ok((status, kind, json["command"].clone(), json["error"].clone()))
        })?;
    }
    Ok(format!("  ok     {} identities at a root of the owner's\n", tried.len()))
}

type Answered = (u16, String, Value);

fn ask(side: &Side, method: &str, path: &str, headers: &str, body: &[u8]) -> Result<Answered> {
    let answer = http::ask(side.http, method, path, headers, body)?;
    let kind = answer.media_type().to_owned();
    let json: Value = match answer.body.as_slice() {
        [] => Value::Null,
        body => serde_json::from_slice(body)
            .with_context(|| format!("{method} {path}: {} {}", answer.status, String::from_utf8_lossy(body)))?,
    };
    Ok((answer.status, kind, masked(&json, "", &side.names)))
}

fn masked(value: &Value, key: &str, names: &Names) -> Value {
    if OF_THE_MOMENT.contains(&key) {
        return json!(kind(value));
    }
    match value {
        Value::Number(number) => match number.as_i64().map(|number| names.apply(&number.to_string())) {
            Some(text) if text != number.to_string() => json!(text),
            _ => value.clone(),
        },
        Value::String(text) => json!(names.apply(text)),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(|item| masked(item, "", names)).collect();
            // Out of hash tables, at Apache's.
            if key != "digests" {
                items.sort_by_key(Value::to_string);
            }
            Value::Array(items)
        }
        Value::Object(fields) => {
            let moments = key.starts_with("expiry_time_to");
            let name = |field: &str| if moments { "a moment".to_owned() } else { names.apply(field) };
            // Apache's forgets an end that nobody has any more later than ours.
            let fields =
                fields.iter().filter(|(_, value)| !moments || value.as_array().is_none_or(|ids| !ids.is_empty()));
            let fields = fields.map(|(field, value)| (name(field), masked(value, field, names)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        // A quantile of nothing.
        Value::String(text) if text == "NaN" => "a decimal",
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "a decimal",
        Value::Number(_) => "a whole number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The command that only ours has: `docs/compatibility.md`.
const OF_OURS: &str = "/commands/transfer_leadership";

/// The page of links.
fn listed(pair: &Pair) -> Result<()> {
    pair.agree("/commands", |side| {
        let answer = http::ask(side.http, "GET", "/commands", "", b"")?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let mut links: Vec<String> =
            text.split("href=\"").skip(1).filter_map(|rest| Some(rest.split('"').next()?.to_owned())).collect();
        links.retain(|link| link != OF_OURS);
        links.sort();
        // Apache's does not say that it is HTML.
        Ok((answer.status, links))
    })
}

/// Every field of ours is Apache's, with the same value unless it is about memory or the version.
fn part_of_apaches(pair: &Pair, name: &str) -> Result<()> {
    let [apache, ours] = pair.both(|side| ask(side, "GET", &format!("/commands/{name}"), "", b""))?;
    ensure!((apache.0, &apache.1) == (ours.0, &ours.1), "{name}: {apache:?} at Apache's, {ours:?} at ours");
    let (theirs, own) = (fields(&apache.2), fields(&ours.2));
    for (key, value) in &own {
        let changes = words::OF_THE_MACHINE.contains(&key.as_str());
        let same = theirs.get(key).is_some_and(|theirs| changes || theirs == value);
        ensure!(same, "{name}: {key} is {:?} at Apache's and {value} at ours", theirs.get(key));
    }
    if name.starts_with("env") {
        let missing: Vec<&String> =
            theirs.keys().filter(|key| !key.starts_with("java.") && !own.contains_key(*key)).collect();
        ensure!(missing.is_empty(), "{name}: ours has no {missing:?}");
    }
    Ok(())
}

fn fields(json: &Value) -> Map<String, Value> {
    json.as_object().cloned().unwrap_or_default()
}

fn monitored(apache: &Side, ours: &Side, name: &str, documented: &Documented) -> Result<()> {
    let [theirs, own] = [apache, ours].map(|side| http::ask(side.http, "GET", &format!("/commands/{name}"), "", b""));
    let read = |answer: http::Answer| -> Result<Map<String, Value>> {
        let json: Value = serde_json::from_slice(&answer.body).with_context(|| format!("read {name}"))?;
        Ok(fields(&json))
    };
    let (theirs, own) = (read(theirs?)?, read(own?)?);
    let keys = |all: &Map<String, Value>| -> Vec<String> {
        all.keys().filter(|key| !matches!(key.as_str(), "command" | "error")).cloned().collect()
    };
    metrics::same_names(&keys(&theirs), &keys(&own), documented)?;
    for (key, value) in &theirs {
        let Some(ours) = own.get(key) else { continue };
        ensure!(kind(value) == kind(ours), "{name}: {key} is {value} at Apache's and {ours} at ours");
    }
    Ok(())
}
