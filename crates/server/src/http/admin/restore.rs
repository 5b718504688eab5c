//! restore: a snapshot in the request's body takes the place of everything that is here.
//!
//! The body is parsed as it arrives, into a state of its own; nothing of the running one is touched before all of it is
//! there and its checksums are right.

use std::fs;
use std::io::{self, Read};
use std::pin::Pin;
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::StatusCode;
use keeper::Recovery;
use serde_json::json;
use storage::zk::stream;
use tokio::sync::mpsc;

use super::Admin;
use super::outcome::Outcome;

/// Pieces of the body that may wait for the parser; one is what the connection reads at once.
const PIECES_MAX: usize = 8;

/// restore
pub async fn run(admin: &Admin, body: Body) -> Outcome {
    let stats = &admin.keeper.shared.stats;
    if !admin.options.restore_enabled {
        return Outcome::error(StatusCode::SERVICE_UNAVAILABLE, "the command is off (admin.restore.enabled)");
    }
    if !admin.restores.allow(Instant::now()) {
        stats.restore_rate_limited_count.increment();
        let why = "too soon after the last restore; wait (admin.rateLimiterIntervalInMS)";
        return Outcome::error(StatusCode::TOO_MANY_REQUESTS, why);
    }
    let restored = match parsed(admin, body).await {
        Ok(recovery) => admin.keeper.restore(recovery).await,
        Err(why) => Err(format!("cannot restore from the request's body: {why}; nothing has changed")),
    };
    match restored {
        Ok(zxid) => Outcome::fields(json!({"last_zxid": zxid.0})),
        Err(why) => {
            stats.restore_error_count.increment();
            tracing::warn!("{why}");
            Outcome::error(StatusCode::INTERNAL_SERVER_ERROR, why)
        }
    }
}

async fn parsed(admin: &Admin, mut body: Body) -> Result<Recovery, String> {
    let (pieces, arriving) = mpsc::channel(PIECES_MAX);
    let store = &admin.keeper.shared.config.store;
    let record_bytes_max = zk_wire::frame::max_stored_bytes(store.jute_max_buffer, store.jute_max_buffer_extra);
    let input = Arriving { pieces: arriving, piece: Bytes::new() };
    let recovery = admin.keeper.recovery();
    let parser = tokio::task::spawn_blocking(move || stream::recover(input, record_bytes_max, bytes_max(), recovery));
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let piece = frame.map_err(io::Error::other).map(|frame| frame.into_data().unwrap_or_default());
        let failed = piece.is_err();
        // A parser that has seen enough is gone.
        if pieces.send(piece).await.is_err() || failed {
            break;
        }
    }
    drop(pieces);
    let parsed = parser.await.map_err(|error| error.to_string())?;
    parsed.map_err(|error| error.to_string())
}

/// How large the state in a body may be once it is unpacked: a third of the memory that is free, since a tree takes more
/// than its snapshot has bytes.
fn bytes_max() -> u64 {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.map_or(1 << 30, |kib| kib * 1024 / 3)
}

/// The body as a thread reads it.
struct Arriving {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
}

impl Read for Arriving {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.piece = piece?,
                None => return Ok(0),
            }
        }
        let count = self.piece.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.piece.split_to(count));
        Ok(count)
    }
}
