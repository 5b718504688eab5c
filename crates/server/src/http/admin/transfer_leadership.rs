//! transfer_leadership: another member leads. Upstream has no such command.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use serde_json::json;

use super::Admin;
use super::outcome::Outcome;

/// transfer_leadership?to=ID
pub async fn run(admin: &Admin, query: &BTreeMap<String, String>) -> Outcome {
    let to = match query.get("to").map(|text| text.parse::<zab::Sid>()) {
        None => None,
        Some(Ok(to)) => Some(to),
        Some(Err(_)) => {
            return Outcome::error(StatusCode::BAD_REQUEST, "to is no server id; give the N of a server.N line");
        }
    };
    match admin.keeper.hand_over(to).await {
        Ok(to) => Outcome::fields(json!({"to": to})),
        Err(why) => Outcome::error(StatusCode::CONFLICT, why),
    }
}
