//! The first byte chooses a decoder of ZooKeeper's side, the rest is its input: client frames, quorum packets, election
//! notifications, log entries, snapshots in pieces. What decodes must encode, and decode to the same value again; what
//! does not must be an error.
#![no_main]

use base::Reader;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use zk_wire::multi::{MultiRequest, MultiResponse};
use zk_wire::snapshot::{SnapshotDecoder, SnapshotRecord};
use zk_wire::txn::Transaction;
use zk_wire::*;

fuzz_target!(|data: &[u8]| {
    let Some((which, rest)) = data.split_first() else { return };
    let bytes = Bytes::copy_from_slice(rest);
    match which % 8 {
        0 => any::<ConnectRequest>(bytes),
        1 => request(bytes),
        2 => any::<MultiResponse>(bytes),
        3 => packet(bytes),
        4 => vote(bytes),
        5 => transaction(bytes),
        6 => snapshot(&bytes, 1 + usize::from(*which) / 8),
        _ => any::<GetAclResponse>(bytes),
    }
});

fn any<T: Jute + PartialEq + std::fmt::Debug>(bytes: Bytes) {
    let Ok(value) = T::from_bytes(bytes) else { return };
    // Bytes behind a record are ignored, so the second frame may be shorter and its budget smaller.
    let budget = base::limits::DecodeBudget::of(usize::MAX);
    assert_eq!(T::decode(&mut Reader::with_budget(value.to_bytes(), budget)), Ok(value));
}

/// Where a packet ends, its length and its decoder say alike, and the bytes behind do not matter.
fn packet(bytes: Bytes) {
    if let Ok(Some(len)) = quorum::packet_bytes(&bytes, 1 << 16) {
        let mut r = Reader::new(bytes.clone());
        if QuorumPacket::decode(&mut r).is_ok() {
            assert_eq!(r.position(), len);
        }
        assert_eq!(quorum::packet_bytes(&bytes[..len], 1 << 16), Ok(Some(len)));
        assert_eq!(quorum::packet_bytes(&bytes[..len - 1], 1 << 16), Ok(None));
    }
    any::<QuorumPacket>(bytes);
}

/// What the side that dialled says first, and a vote.
fn vote(bytes: Bytes) {
    if let Ok(hello) = election::InitialMessage::decode(&mut Reader::new(bytes.clone()))
        && !hello.addresses.is_empty()
    {
        let mut out = bytes::BytesMut::new();
        hello.encode(true, &mut out);
        assert_eq!(election::InitialMessage::decode(&mut Reader::new(out.freeze())), Ok(hello));
    }
    any::<election::Notification>(bytes);
}

fn request(bytes: Bytes) {
    let mut r = Reader::new(bytes);
    let Ok(header) = RequestHeader::decode(&mut r) else { return };
    let body = r.rest();
    match OpCode(header.opcode) {
        OpCode::CREATE | OpCode::CREATE2 | OpCode::CREATE_CONTAINER => any::<CreateRequest>(body),
        OpCode::CREATE_TTL => any::<CreateTtlRequest>(body),
        OpCode::DELETE => any::<DeleteRequest>(body),
        OpCode::SET_DATA => any::<SetDataRequest>(body),
        OpCode::SET_ACL => any::<SetAclRequest>(body),
        OpCode::MULTI | OpCode::MULTI_READ => any::<MultiRequest>(body),
        OpCode::AUTH => any::<AuthPacket>(body),
        OpCode::SET_WATCHES => any::<SetWatches>(body),
        OpCode::SET_WATCHES2 => any::<SetWatches2>(body),
        OpCode::RECONFIG => any::<ReconfigRequest>(body),
        _ => any::<GetDataRequest>(body),
    }
}

fn transaction(bytes: Bytes) {
    let Ok(txn) = Transaction::from_bytes(bytes) else { return };
    // An optional digest cut short is none, and a part of a multi may have bytes behind it: the value stays.
    if let Ok(again) = Transaction::from_bytes(txn.to_bytes()) {
        assert_eq!(again, txn);
    }
}

/// However the stream is cut, the same records come out.
fn snapshot(bytes: &Bytes, piece: usize) {
    assert_eq!(records(bytes, piece), records(bytes, bytes.len().max(1)));
}

/// The records up to the end, or to the first error (whose text depends on the pieces).
fn records(bytes: &Bytes, piece: usize) -> (Vec<SnapshotRecord>, bool) {
    let mut decoder = SnapshotDecoder::new(1 << 16);
    let mut records = Vec::new();
    for piece in bytes.chunks(piece) {
        decoder.feed(Bytes::copy_from_slice(piece));
        loop {
            match decoder.next() {
                Ok(Some(SnapshotRecord::End)) => return (records, true),
                Ok(Some(record)) => records.push(record),
                Ok(None) => break,
                Err(_) => return (records, false),
            }
        }
    }
    (records, true)
}
