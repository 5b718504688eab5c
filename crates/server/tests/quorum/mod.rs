//! What the tests of the two server ports have in common.
#![allow(dead_code, reason = "each test file uses a part")]

pub mod links;

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use base::Reader;
use bytes::{Bytes, BytesMut};
use keeper::membership::Membership;
use server::zk::MemberConfig;
use server::zk::quorum::Members;
use tokio::sync::mpsc::UnboundedReceiver;

/// How long anything may take that must happen.
pub const PATIENCE: Duration = Duration::from_secs(30);

static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port of this machine that nobody has, below those which the system gives to connections.
pub fn free_port() -> u16 {
    const EACH: u16 = 200;
    let first = 10_000 + (std::process::id() % 100) as u16 * EACH;
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % EACH;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Voters 1 to `count` on this machine.
pub fn membership(count: i64) -> Membership {
    let mut membership = Membership::default();
    for sid in 1..=count {
        let line = format!("127.0.0.1:{}:{}", free_port(), free_port());
        membership.add(&format!("server.{sid}"), &line).unwrap();
    }
    membership
}

/// How one of them is configured, with short limits.
pub fn member(my_id: i64, membership: &Membership) -> MemberConfig {
    let mut config = MemberConfig::new(my_id, membership.clone());
    config.peer.tick = Duration::from_millis(100);
    config
}

pub fn members(membership: &Membership) -> Members {
    Arc::new(ArcSwap::from_pointee(membership.clone()))
}

/// The next of what arrives.
pub async fn next<T>(arriving: &mut UnboundedReceiver<T>) -> T {
    tokio::time::timeout(PATIENCE, arriving.recv()).await.expect("something arrives").expect("the port is open")
}

/// What both sides of a capture's connections said: (who dialled, who was dialled).
pub fn conversations(name: &str) -> Vec<(Bytes, Bytes)> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/zookeeper").join(name);
    let bytes: Bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("reading {}: {e}", path.display())).into();
    let line_end = bytes.iter().position(|byte| *byte == b'\n').expect("a first line");
    let mut r = Reader::new(bytes.slice(line_end + 1..));
    let mut all: Vec<(BytesMut, BytesMut)> = Vec::new();
    while !r.is_empty() {
        let connection = r.u32().expect("a connection") as usize;
        all.resize_with(all.len().max(connection + 1), Default::default);
        let (dialled, other) = &mut all[connection];
        let side = if r.u8().expect("a direction") == b'>' { dialled } else { other };
        let len = r.u32().expect("a length") as usize;
        side.extend_from_slice(&r.slice(len).expect("the payload"));
    }
    all.into_iter().map(|(dialled, other)| (dialled.freeze(), other.freeze())).collect()
}
