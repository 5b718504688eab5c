//! A folder that Apache ZooKeeper 3.9.5 wrote (`fixtures/zookeeper/data-3.9.5`): replayed from its first snapshot it has
//! the digests that Apache computed, and the nodes of its last snapshot.
#![allow(clippy::disallowed_methods, reason = "a test reads its fixtures")]

mod support;

use std::path::PathBuf;

use base::{Prng, Reader};
use bytes::Bytes;
use keeper::Recovery;
use support::{config, content, now};
use zk_wire::snapshot::{SnapshotDecoder, SnapshotRecord};
use zk_wire::{Jute, Zxid, ZxidDigest};

fn file(name: &str) -> Reader {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/zookeeper/data-3.9.5/version-2").join(name);
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()));
    let mut r = Reader::new(bytes.into());
    r.skip(16).expect("a header");
    r
}

fn load(recovery: &mut Recovery, zxid: i64) {
    recovery.begin_snapshot(Zxid(zxid));
    let mut decoder = SnapshotDecoder::new(1 << 21);
    decoder.feed(file(&format!("snapshot.{zxid:x}")).rest());
    loop {
        let record = decoder.next().expect("well formed").expect("complete");
        if record == SnapshotRecord::End {
            break;
        }
        recovery.record(record).expect("records fit");
    }
    let mut r = Reader::new(decoder.rest());
    r.skip(8 + 5).expect("a seal");
    recovery.end_snapshot(Some(ZxidDigest::decode(&mut r).expect("a digest"))).expect("a whole snapshot");
}

fn entries(name: &str) -> Vec<Bytes> {
    let mut r = file(name);
    let mut payloads = Vec::new();
    while r.i64().is_ok_and(|crc| crc != 0) {
        payloads.push(Option::<Bytes>::decode(&mut r).expect("an entry").expect("not null"));
        assert_eq!(r.u8(), Ok(b'B'));
    }
    payloads
}

#[test]
fn the_log_gives_apaches_digests_and_its_last_snapshot() {
    let mut recovery = Recovery::new(config(), Prng::new(1));
    load(&mut recovery, 0);
    assert_eq!(recovery.digest_mismatches(), 0, "the first snapshot");
    let mut compared = 0;
    for payload in entries("log.1") {
        let zxid = recovery.replay(payload).expect("replays");
        assert_eq!(recovery.digest_mismatches(), 0, "behind {zxid}");
        compared += 1;
    }
    assert!(compared > 30, "{compared} transactions");
    let last = recovery.last_zxid();
    assert_eq!(last, Zxid(0x2a));
    let replayed = recovery.finish(now(0));

    let mut recovery = Recovery::new(config(), Prng::new(1));
    load(&mut recovery, 0x2a);
    assert_eq!(recovery.digest_mismatches(), 0, "the last snapshot");
    for payload in entries("log.2b") {
        recovery.replay(payload).expect("replays");
        assert_eq!(recovery.digest_mismatches(), 0);
    }
    let mut again = Recovery::new(config(), Prng::new(1));
    load(&mut again, 0x2a);
    assert_eq!(content(&again.finish(now(0))), content(&replayed));
}

/// What we make where there is nothing is what Apache makes.
#[test]
fn the_first_snapshot_is_ours() {
    let mut recovery = Recovery::new(config(), Prng::new(1));
    load(&mut recovery, 0);
    let ours = Recovery::new(config(), Prng::new(1));
    assert_eq!(content(&ours.finish(now(0))), content(&recovery.finish(now(0))));
}
