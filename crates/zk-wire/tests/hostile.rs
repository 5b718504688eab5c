//! Captured frames with bytes changed, numbers made extreme, ends cut off: every decoder gives a value or an error, and
//! a value encodes and decodes to itself. The fuzz target `zk_request` does the same without an end.
#![allow(clippy::disallowed_methods, reason = "a test reads its fixtures")]

use std::path::PathBuf;

use base::limits::DecodeBudget;
use base::{Prng, Reader};
use bytes::Bytes;
use zk_wire::multi::{MultiRequest, MultiResponse};
use zk_wire::snapshot::{SnapshotDecoder, SnapshotRecord};
use zk_wire::txn::Transaction;
use zk_wire::*;

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/zookeeper").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()))
}

/// The payloads of a capture.
fn payloads(name: &str) -> Vec<Bytes> {
    let bytes = Bytes::from(fixture(name));
    let line_end = bytes.iter().position(|byte| *byte == b'\n').expect("a first line");
    let mut r = Reader::new(bytes.slice(line_end + 1..));
    let mut payloads = Vec::new();
    while !r.is_empty() {
        r.skip(5).expect("connection and direction");
        let len = r.u32().expect("a length") as usize;
        payloads.push(r.slice(len).expect("the payload"));
    }
    payloads
}

fn mutate(prng: &mut Prng, original: &[u8]) -> Bytes {
    let mut bytes = original.to_vec();
    for _ in 0..=prng.below(3) {
        if bytes.is_empty() {
            break;
        }
        let at = prng.below(bytes.len() as u64) as usize;
        match prng.below(4) {
            0 => bytes[at] = prng.next_u64() as u8,
            1 => bytes.truncate(at),
            2 => {
                let extreme: i32 = *prng.pick(&[-1, -2, i32::MIN, i32::MAX, 0x00ff_ffff, 0x0100_0000]).expect("some");
                let end = (at + 4).min(bytes.len());
                bytes[at..end].copy_from_slice(&extreme.to_be_bytes()[..end - at]);
            }
            _ => {
                let piece: Vec<u8> = bytes[at..].to_vec();
                bytes.extend(piece);
            }
        }
    }
    bytes.into()
}

fn any<T: Jute + PartialEq + std::fmt::Debug>(bytes: &Bytes) {
    let Ok(value) = T::from_bytes(bytes.clone()) else { return };
    let mut r = Reader::with_budget(value.to_bytes(), DecodeBudget::of(usize::MAX));
    assert_eq!(T::decode(&mut r), Ok(value));
}

fn every_decoder(bytes: &Bytes) {
    any::<ConnectRequest>(bytes);
    any::<ConnectResponse>(bytes);
    any::<QuorumPacket>(bytes);
    any::<election::Notification>(bytes);
    if let Ok(txn) = Transaction::from_bytes(bytes.clone()) {
        txn.to_bytes();
    }
    let body = bytes.slice(8.min(bytes.len())..);
    any::<CreateRequest>(&body);
    any::<SetDataRequest>(&body);
    any::<MultiRequest>(&body);
    any::<SetWatches2>(&body);
    let body = bytes.slice(16.min(bytes.len())..);
    any::<MultiResponse>(&body);
    any::<GetAclResponse>(&body);
    any::<GetChildren2Response>(&body);
}

#[test]
fn frames() {
    let mut prng = Prng::new(1);
    for name in ["kazoo.cap", "java-shell.cap", "kafka-broker.cap", "quorum-2.cap", "election-1.cap"] {
        for payload in payloads(name) {
            for _ in 0..40 {
                every_decoder(&mutate(&mut prng, &payload));
            }
        }
    }
}

#[test]
fn snapshots() {
    let original = fixture("data-3.9.5/version-2/snapshot.2a");
    let mut prng = Prng::new(2);
    let mut whole = 0;
    for _ in 0..3000 {
        let bytes = mutate(&mut prng, &original[16..]);
        let mut decoder = SnapshotDecoder::new(1 << 16);
        for piece in bytes.chunks(1 + prng.below(500) as usize) {
            decoder.feed(Bytes::copy_from_slice(piece));
        }
        while let Ok(Some(record)) = decoder.next() {
            if record == SnapshotRecord::End {
                whole += 1;
                break;
            }
        }
    }
    assert!(whole > 100, "most changes are in data or numbers, but only {whole} reached the end");
}
