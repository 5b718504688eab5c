//! snapshot: writes one, and sends its file unless told not to.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use http_body::{Body as HttpBody, Frame};
use tokio::task::JoinHandle;

use super::Admin;
use super::outcome::Outcome;

/// Bytes of the file that are read at once and wait for the client.
const CHUNK_BYTES: u64 = 256 * 1024;

/// snapshot
pub async fn run(admin: &Admin, query: BTreeMap<String, String>) -> Outcome {
    let stats = &admin.keeper.shared.stats;
    if !admin.options.snapshot_enabled {
        return Outcome::error(StatusCode::SERVICE_UNAVAILABLE, "the command is off (admin.snapshot.enabled)");
    }
    if !admin.keeper.shared.config.store.snapshot_last_zxid {
        let why = "a snapshot that could be restored needs serializeLastProcessedZxid.enabled=true";
        return Outcome::error(StatusCode::INTERNAL_SERVER_ERROR, why);
    }
    if !admin.snapshots.allow(Instant::now()) {
        stats.snapshot_rate_limited_count.increment();
        let why = "too soon after the last snapshot; wait (admin.rateLimiterIntervalInMS)";
        return Outcome::error(StatusCode::TOO_MANY_REQUESTS, why);
    }
    // As Java reads a boolean: everything but "true" is false.
    let streams = query.get("streaming").is_none_or(|text| text.eq_ignore_ascii_case("true"));
    let taken = admin.keeper.take_snapshot().await;
    match taken.and_then(|path| opened(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))) {
        Ok((file, bytes, zxid)) => Outcome {
            headers: vec![("last_zxid", format!("{zxid:#x}")), ("snapshot_size", bytes.to_string())],
            stream: streams.then(|| Body::new(FileBody { file: Reading::Idle(file), left: bytes })),
            ..Outcome::ok()
        },
        // The loop has counted it.
        Err(why) => Outcome::error(StatusCode::INTERNAL_SERVER_ERROR, why),
    }
}

/// The file, its length, and the zxid in its name.
fn opened(path: &std::path::Path) -> std::io::Result<(File, u64, i64)> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let zxid = name.split('.').nth(1).and_then(|zxid| i64::from_str_radix(zxid, 16).ok()).unwrap_or(-1);
    Ok((file, bytes, zxid))
}

/// A file as a body: one chunk is read ahead, on a thread that may wait for the disk. That the file is removed meanwhile
/// does not matter, it is open.
struct FileBody {
    file: Reading,
    left: u64,
}

enum Reading {
    Idle(File),
    Busy(JoinHandle<(File, std::io::Result<Vec<u8>>)>),
    Ended,
}

impl HttpBody for FileBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        loop {
            let left = self.left;
            match &mut self.file {
                Reading::Ended => return Poll::Ready(None),
                Reading::Idle(_) if left == 0 => self.file = Reading::Ended,
                Reading::Idle(_) => {
                    let Reading::Idle(file) = std::mem::replace(&mut self.file, Reading::Ended) else {
                        return Poll::Ready(None);
                    };
                    self.file = Reading::Busy(tokio::task::spawn_blocking(move || {
                        let mut bytes = Vec::new();
                        let result = (&file).take(CHUNK_BYTES).read_to_end(&mut bytes).map(|_| bytes);
                        (file, result)
                    }));
                }
                Reading::Busy(job) => {
                    let done = ready!(Pin::new(job).poll(cx));
                    self.file = Reading::Ended;
                    let (file, result) = done.map_err(std::io::Error::other)?;
                    let bytes = result?;
                    if bytes.is_empty() {
                        return Poll::Ready(Some(Err(std::io::ErrorKind::UnexpectedEof.into())));
                    }
                    self.left = self.left.saturating_sub(bytes.len() as u64);
                    self.file = Reading::Idle(file);
                    return Poll::Ready(Some(Ok(Frame::data(bytes.into()))));
                }
            }
        }
    }
}
