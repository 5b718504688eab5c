//! Commands that show one thing.

use std::sync::atomic::Ordering::Relaxed;
use std::time::UNIX_EPOCH;

use keeper::Keeper;
use serde_json::{Map, Value, json};

use super::outcome::Outcome;
use super::{Admin, Asked};
use crate::zk::admin::VERSION;
use crate::zk::metrics::words::{self, Number};

/// The four-letter word says `clientPort`, this `client_port`; it leaves out sizes and the secure port.
pub fn configuration(admin: &Admin, _: &Asked) -> Outcome {
    let snake = |key: &str| -> String {
        let split = |c: char| c.is_ascii_uppercase().then_some('_').into_iter().chain([c.to_ascii_lowercase()]);
        key.chars().flat_map(split).collect()
    };
    let lines = admin.keeper.configuration().into_iter();
    let kept = lines.filter(|(key, _)| !matches!(*key, "dataDirSize" | "dataLogSize" | "secureClientPort"));
    let typed = |text: String| text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number));
    Outcome::fields(Value::Object(kept.map(|(key, text)| (snake(key), typed(text))).collect()))
}

/// Sizes of the folders in bytes.
pub fn dirs(admin: &Admin, _: &Asked) -> Outcome {
    let (data, log) = admin.keeper.folder_sizes();
    Outcome::fields(json!({"datadir_size": data, "logdir_size": log}))
}

/// Where the server runs.
pub fn environment(admin: &Admin, _: &Asked) -> Outcome {
    texts(admin.keeper.environment().into_iter().map(|(key, text)| (key.to_string(), text)))
}

/// Java's properties: those that the server was configured with, and those of the system.
pub fn system_properties(admin: &Admin, _: &Asked) -> Outcome {
    let system = admin.keeper.environment().into_iter();
    let system =
        system.filter(|(key, _)| matches!(key.split('.').next(), Some("user" | "os")) && !key.contains("memory"));
    let configured = admin.options.properties.iter().cloned();
    texts(system.map(|(key, text)| (key.to_string(), text)).chain(configured))
}

fn texts(pairs: impl Iterator<Item = (String, String)>) -> Outcome {
    Outcome::fields(Value::Object(pairs.map(|(key, text)| (key, json!(text))).collect()))
}

/// gtmk
pub fn get_trace_mask(admin: &Admin, _: &Asked) -> Outcome {
    Outcome::fields(json!({"tracemask": admin.keeper.shared.trace_mask.load(Relaxed)}))
}

/// stmk
pub fn set_trace_mask(admin: &Admin, asked: &Asked) -> Outcome {
    const ARGUMENT: &str = "setTraceMask requires long traceMask argument";
    let Some(text) = asked.query.get("traceMask") else {
        return Outcome { error: Some(ARGUMENT.into()), ..Outcome::ok() };
    };
    let Ok(mask) = text.parse::<i64>() else {
        return Outcome { error: Some(format!("{ARGUMENT}, got {text}")), ..Outcome::ok() };
    };
    admin.keeper.shared.trace_mask.store(mask, Relaxed);
    get_trace_mask(admin, asked)
}

/// The tree's digest behind every 128th transaction.
pub fn hash(admin: &Admin, _: &Asked) -> Outcome {
    let entries = admin.keeper.with(Keeper::digest_log).into_iter();
    let entry = |(zxid, digest): (zk_wire::Zxid, i64)| json!({"zxid": zxid.0, "digest": digest, "digest_version": zk_wire::txn::DIGEST_VERSION});
    Outcome::fields(json!({"digests": entries.map(entry).collect::<Vec<_>>()}))
}

/// The configuration file as it was read.
pub fn initial_configuration(admin: &Admin, _: &Asked) -> Outcome {
    Outcome::fields(json!({"initial_configuration": admin.options.initial_configuration}))
}

/// Whether writes are refused.
pub fn is_read_only(_: &Admin, _: &Asked) -> Outcome {
    Outcome::fields(json!({"read_only": false}))
}

/// The newest snapshot: its zxid in hex, and when it was written in seconds.
pub fn last_snapshot(admin: &Admin, _: &Asked) -> Outcome {
    let newest = admin.keeper.newest_snapshot();
    let (zxid, written) = newest.map_or((-1, None), |(zxid, written)| (zxid, Some(written)));
    let seconds = written.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map_or(0, |since| since.as_secs());
    Outcome::fields(json!({"zxid": format!("{zxid:x}"), "timestamp": seconds}))
}

/// A server that stands alone follows nobody.
pub fn leader(_: &Admin, _: &Asked) -> Outcome {
    Outcome { error: Some("server is not initialized".into()), ..Outcome::ok() }
}

/// Every metric.
pub fn monitor(admin: &Admin, _: &Asked) -> Outcome {
    let mut all =
        Map::from_iter([("version".to_string(), json!(VERSION)), ("server_state".to_string(), json!("standalone"))]);
    let numbers = words::all(&admin.keeper.metrics(), admin.keeper.shared.config.prometheus);
    all.extend(numbers.into_iter().map(|(key, number)| match number {
        Number::Whole(number) => (key, json!(number)),
        // Upstream writes what is no number as a text.
        Number::Double(number) if number.is_nan() => (key, json!("NaN")),
        Number::Decimal(number) | Number::Double(number) => (key, json!(number)),
    }));
    Outcome::fields(Value::Object(all))
}

/// A server that stands alone has none.
pub fn observers(_: &Admin, _: &Asked) -> Outcome {
    Outcome::fields(json!({"synced_observers": 0, "observers": []}))
}

/// A server that stands alone has no configuration of voters.
pub fn voting_view(_: &Admin, _: &Asked) -> Outcome {
    Outcome::fields(json!({"current_config": {}}))
}

/// A server that stands alone does not vote.
pub fn zabstate(_: &Admin, _: &Asked) -> Outcome {
    Outcome::fields(json!({"voting": false, "zabstate": ""}))
}
