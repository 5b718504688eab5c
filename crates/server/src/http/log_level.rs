//! `/log-level`: what is logged, and another filter by POST from this machine.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::StatusCode;
use axum::http::header::{HeaderMap, ORIGIN};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::log_level::LogLevel;

/// The route.
pub(super) fn router() -> Router {
    Router::new().route("/log-level", get(show).post(set))
}

async fn show() -> Response {
    match LogLevel::of_the_process() {
        Some(level) => format!("{}\n", level.filter()).into_response(),
        None => (StatusCode::NOT_FOUND, "this process has no log\n").into_response(),
    }
}

async fn set(ConnectInfo(peer): ConnectInfo<SocketAddr>, headers: HeaderMap, filter: String) -> Response {
    // A browser on this machine sends for whatever page it shows, and says for which.
    if !peer.ip().to_canonical().is_loopback() || headers.contains_key(ORIGIN) {
        return (StatusCode::FORBIDDEN, "only this machine may change what is logged\n").into_response();
    }
    let Some(level) = LogLevel::of_the_process() else { return show().await };
    match level.set(filter.trim()) {
        Ok(()) => {
            tracing::info!("what is logged was changed to {} over HTTP", filter.trim().escape_debug());
            show().await
        }
        Err(why) => (StatusCode::BAD_REQUEST, format!("{why}\n")).into_response(),
    }
}
