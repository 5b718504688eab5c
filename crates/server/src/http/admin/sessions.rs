//! Commands about sessions and their watches.

use std::collections::BTreeMap;

use keeper::Keeper;
use serde_json::json;

use super::outcome::Outcome;
use super::{Admin, Asked};

/// Sessions by the millisecond (of the monotonic clock) at which they end, and what they own.
pub fn dump(admin: &Admin, _: &Asked) -> Outcome {
    let sessions = admin.keeper.with(Keeper::session_summaries);
    let mut ends: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for session in &sessions {
        ends.entry(session.expires.as_millis().to_string()).or_default().push(session.id.0);
    }
    let owners = sessions.iter().filter(|session| !session.ephemerals.is_empty());
    let owned: BTreeMap<String, _> = owners.map(|session| (session.id.0.to_string(), &session.ephemerals)).collect();
    Outcome::fields(json!({"expiry_time_to_session_ids": ends, "session_id_to_ephemeral_paths": owned}))
}

/// wchs
pub fn watch_summary(admin: &Admin, _: &Asked) -> Outcome {
    let tree = admin.keeper.tree();
    Outcome::fields(json!({
        "num_connections": tree.watching_connections,
        "num_paths": tree.watched_paths,
        "num_total_watches": tree.data_watches,
    }))
}

/// wchc
pub fn watches(admin: &Admin, _: &Asked) -> Outcome {
    let mut paths: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for watched in admin.keeper.with(Keeper::watched_paths) {
        for session in watched.sessions {
            paths.entry(session.0.to_string()).or_default().push(watched.path.to_string());
        }
    }
    Outcome::fields(json!({"session_id_to_watched_paths": paths}))
}

/// wchp
pub fn watches_by_path(admin: &Admin, _: &Asked) -> Outcome {
    let ids = |sessions: Vec<zk_wire::SessionId>| sessions.into_iter().map(|id| id.0).collect::<Vec<_>>();
    let watched = admin.keeper.with(Keeper::watched_paths).into_iter();
    let by_path: BTreeMap<String, _> = watched.map(|path| (path.path.to_string(), ids(path.sessions))).collect();
    Outcome::fields(json!({"path_to_session_ids": by_path}))
}
