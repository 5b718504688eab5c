//! The AdminServer: commands over HTTP, answered with JSON (upstream: `JettyAdminServer`, `Commands`).
//!
//! Names, aliases, keys and status codes are upstream's. What differs stands in `docs/divergence.md`.

mod answers;
mod authorization;
mod commands;
mod connections;
mod options;
mod outcome;
mod rate_limiter;
mod restore;
mod server_stats;
mod sessions;
mod snapshot;
mod transfer_leadership;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Path, Query, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get};
use serde_json::{Value, json};

pub use self::commands::{Command, commands};
pub use self::options::AdminOptions;

use self::outcome::Outcome;
use self::rate_limiter::RateLimiter;
use crate::zk::ZkAdmin;

/// What the commands share.
pub(crate) struct Admin {
    pub keeper: ZkAdmin,
    pub options: AdminOptions,
    pub snapshots: RateLimiter,
    pub restores: RateLimiter,
}

/// A request for a command.
pub(crate) struct Asked {
    /// Behind the `?`.
    pub query: BTreeMap<String, String>,
    /// Not read yet.
    pub body: Body,
}

/// The routes below [`AdminOptions::command_url`].
pub fn router(keeper: ZkAdmin) -> Router {
    let options = keeper.options().clone();
    let url = options.command_url.trim_end_matches('/').to_string();
    let admin = Arc::new(Admin {
        // Upstream counts this interval in microseconds and the other one in milliseconds, whatever its documents say.
        snapshots: RateLimiter::new(options.rate_limiter_interval / 1000),
        restores: RateLimiter::new(options.rate_limiter_interval),
        keeper,
        options,
    });
    let list = get(list);
    Router::new()
        .route(if url.is_empty() { "/" } else { &url }, list.clone())
        .route(&format!("{url}/"), list)
        .route(&format!("{url}/{{*name}}"), any(command))
        .with_state(admin)
}

/// Links to every command.
async fn list(State(admin): State<Arc<Admin>>) -> Html<String> {
    let url = admin.options.command_url.trim_end_matches('/');
    let link = |name| format!("<a href=\"{url}/{name}\">{name}</a>\n<br/>\n");
    Html(commands().map(|command| link(command.name())).collect())
}

async fn command(
    State(admin): State<Arc<Admin>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(name): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
    request: Request,
) -> Response {
    let is_post = match *request.method() {
        Method::GET | Method::HEAD => false,
        Method::POST => true,
        _ => return (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD, POST")]).into_response(),
    };
    let Some(command) = commands().find(|command| command.names.contains(&name.as_str())) else {
        // Upstream keeps status 200 for it.
        return respond(&name, Outcome::error(StatusCode::OK, format!("Unknown command: {name}")));
    };
    let outcome = match refused(&admin, command, is_post, peer, request.headers()) {
        Some(outcome) => outcome,
        None => command.run(&admin, Asked { query, body: request.into_body() }).await,
    };
    respond(command.name(), outcome)
}

/// Why a command is not run at all.
fn refused(
    admin: &Admin,
    command: &Command,
    is_post: bool,
    peer: SocketAddr,
    headers: &axum::http::HeaderMap,
) -> Option<Outcome> {
    if is_post != command.is_post {
        let wanted = if command.is_post { "POST" } else { "GET" };
        let why = format!("{} takes {wanted}", command.name());
        return Some(Outcome::error(StatusCode::METHOD_NOT_ALLOWED, why));
    }
    if command.needs_keeper && admin.keeper.serving().is_err() {
        return Some(Outcome::error(StatusCode::OK, crate::zk::admin::NOT_SERVING));
    }
    if command.needs_authorization {
        let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        return authorization::refused(&admin.keeper, header, peer.ip());
    }
    None
}

fn respond(name: &str, outcome: Outcome) -> Response {
    let Outcome { status, headers, mut fields, error, stream } = outcome;
    let mut response = match stream {
        Some(body) => ([(header::CONTENT_TYPE, "application/octet-stream")], body).into_response(),
        None => {
            fields.insert("command".into(), json!(name));
            fields.insert("error".into(), error.map_or(Value::Null, Value::String));
            let text = serde_json::to_string_pretty(&Value::Object(fields)).unwrap_or_default();
            ([(header::CONTENT_TYPE, "application/json")], text).into_response()
        }
    };
    *response.status_mut() = status;
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
