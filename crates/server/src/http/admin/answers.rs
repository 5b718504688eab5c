//! Commands that show one thing.

use std::sync::atomic::Ordering::Relaxed;
use std::time::UNIX_EPOCH;

use keeper::Keeper;
use keeper::membership::{HostPort, MemberRole, ServerAddress};
use serde_json::{Map, Value, json};

use zab::{LearnerKind, LearnerView, Standing};

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
pub fn is_read_only(admin: &Admin, _: &Asked) -> Outcome {
    Outcome::fields(json!({"read_only": admin.keeper.reads_only()}))
}

/// The newest snapshot: its zxid in hex, and when it was written in seconds.
pub fn last_snapshot(admin: &Admin, _: &Asked) -> Outcome {
    let newest = admin.keeper.newest_snapshot();
    let (zxid, written) = newest.map_or((-1, None), |(zxid, written)| (zxid, Some(written)));
    let seconds = written.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map_or(0, |since| since.as_secs());
    Outcome::fields(json!({"zxid": format!("{zxid:x}"), "timestamp": seconds}))
}

/// Who leads.
pub fn leader(admin: &Admin, _: &Asked) -> Outcome {
    let Some(place) = admin.keeper.place() else {
        return Outcome { error: Some("server is not initialized".into()), ..Outcome::ok() };
    };
    let leader = place.leader();
    let member = leader.and_then(|leader| place.membership().members.get(&leader));
    let host = member.and_then(|member| member.addresses.first()).map_or("", |address| address.host.as_str());
    Outcome::fields(json!({
        "is_leader": leader == Some(place.config.my_id),
        "leader_id": leader.unwrap_or(-1),
        "leader_ip": host,
    }))
}

/// Every metric.
pub fn monitor(admin: &Admin, _: &Asked) -> Outcome {
    let mut all = Map::from_iter([
        ("version".to_string(), json!(VERSION)),
        ("server_state".to_string(), json!(admin.keeper.mode())),
    ]);
    if let Some(place) = admin.keeper.place() {
        all.insert("peer_state".into(), json!(place.peer_state()));
        let master = place.observer_master(&admin.keeper.shared);
        all.extend(master.map(|master| ("observer_master_id".to_string(), json!(master))));
    }
    let numbers = words::all(&admin.keeper.metrics(), admin.keeper.shared.config.prometheus);
    all.extend(numbers.into_iter().map(|(key, number)| match number {
        Number::Whole(number) => (key, json!(number)),
        // Upstream writes what is no number as a text.
        Number::Double(number) if number.is_nan() => (key, json!("NaN")),
        Number::Decimal(number) | Number::Double(number) => (key, json!(number)),
    }));
    Outcome::fields(Value::Object(all))
}

/// The observers that learn from this server, each with its connection; one that stands alone has none.
pub fn observers(admin: &Admin, _: &Asked) -> Outcome {
    let place = admin.keeper.place();
    let links = admin.keeper.shared.links.as_ref();
    let info = |observer: &LearnerView| {
        let (peer, link) = links?.view(observer.link)?;
        let established = link.established.duration_since(UNIX_EPOCH).unwrap_or_default();
        Some(json!({
            "remote_socket_address": format!("/{peer}"),
            "sid": observer.sid,
            "established": u64::try_from(established.as_millis()).unwrap_or(u64::MAX),
            "queued_packets": link.queued_packets,
            "queued_packets_size": link.queued_bytes,
            "packets_received": link.received,
            "packets_sent": link.sent,
            "requests": link.requests,
            "last_zxid": link.last_zxid.0,
        }))
    };
    let synced = place.iter().flat_map(|place| place.synced(LearnerKind::Observer));
    // One whose connection has just ended is none any more.
    let observers: Vec<Value> = synced.filter_map(info).collect();
    Outcome::fields(json!({"synced_observers": observers.len(), "observers": observers}))
}

/// What is counted of the observers' connections begins anew.
pub fn reset_observers(admin: &Admin, _: &Asked) -> Outcome {
    let (place, links) = (admin.keeper.place(), admin.keeper.shared.links.as_ref());
    for observer in place.iter().flat_map(|place| place.synced(LearnerKind::Observer)) {
        links.iter().for_each(|links| links.reset(observer.link));
    }
    Outcome::ok()
}

/// The servers that vote; one that stands alone has no configuration of them.
pub fn voting_view(admin: &Admin, _: &Asked) -> Outcome {
    let place = admin.keeper.place();
    let voters = place.iter().flat_map(|place| &place.membership().members);
    let voters = voters.filter(|(_, member)| member.role == MemberRole::Participant).map(|(sid, member)| {
        let addresses = |kind: fn(&ServerAddress) -> HostPort| -> Vec<String> {
            member.addresses.iter().map(|address| kind(address).to_string()).collect()
        };
        let view = json!({
            "server_addresses": addresses(ServerAddress::quorum),
            "election_addresses": addresses(ServerAddress::election),
            "client_address": member.client.as_ref().map_or_else(String::new, HostPort::to_string),
            "learner_type": "participant",
        });
        (sid.to_string(), view)
    });
    Outcome::fields(json!({"current_config": Value::Object(voters.collect())}))
}

/// Where this server is in the protocol; one that stands alone does not vote.
pub fn zabstate(admin: &Admin, _: &Asked) -> Outcome {
    let Some(place) = admin.keeper.place() else {
        return Outcome::fields(json!({"voting": false, "zabstate": ""}));
    };
    let last = admin.keeper.tree().zxid;
    let own = place.own().and_then(|own| own.addresses.first());
    let address = |kind: fn(&ServerAddress) -> HostPort| own.map_or_else(String::new, |own| kind(own).to_string());
    Outcome::fields(json!({
        "myid": place.config.my_id,
        "is_leader": matches!(place.standing, Standing::Leading(_)),
        "quorum_address": address(ServerAddress::quorum),
        "election_address": address(ServerAddress::election),
        "client_address": admin.keeper.client_address(),
        "voting": place.votes(),
        "last_zxid": format!("0x{:x}", last.0),
        "zab_epoch": last.epoch().0,
        "zab_counter": last.counter(),
        "zabstate": "broadcast",
    }))
}
