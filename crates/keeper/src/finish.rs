//! Answers (upstream: `FinalRequestProcessor`).

use bytes::{Bytes, BytesMut};
use zk_wire::txn::TxnBody;
use zk_wire::{
    Create2Response, CreateContainerTxn, CreateResponse, CreateTtlTxn, CreateTxn, ErrorCode, GetDataResponse, Jute,
    OpCode, ReplyHeader, RequestHeader, SetAclResponse, SetDataResponse, Zxid,
};

use crate::event::ReadOutcome;
use crate::op::{self, Reading};
use crate::tree::Applied;

/// Room for the body of a write's reply: a Stat, or a path that is not long.
const BODY_BYTES: usize = 80;

/// A reply's frame. Nothing follows the header of an error.
pub(crate) fn reply(xid: i32, zxid: Zxid, body: Result<impl FnOnce(&mut BytesMut), ErrorCode>) -> Bytes {
    match body {
        Ok(write) => zk_wire::frame::reply(&ReplyHeader { xid, zxid, err: 0 }, BODY_BYTES, write),
        Err(code) => error(xid, zxid, code),
    }
}

/// The reply of a request that failed.
pub(crate) fn error(xid: i32, zxid: Zxid, code: ErrorCode) -> Bytes {
    ReplyHeader { xid, zxid, err: code.0 }.to_bytes()
}

/// The reply of a write that is applied. A multi is always a success: its parts say what became of them.
pub(crate) fn write(xid: i32, zxid: Zxid, op: OpCode, body: &TxnBody, applied: &Applied) -> Bytes {
    let failed = applied.err.filter(|_| !matches!(body, TxnBody::Multi(_)));
    let stat = || applied.stat.clone().unwrap_or_default();
    let write = |out: &mut BytesMut| match body {
        TxnBody::Create(txn) if op == OpCode::CREATE => CreateResponse { path: txn.path.clone() }.encode(out),
        TxnBody::Create(CreateTxn { path, .. })
        | TxnBody::CreateContainer(CreateContainerTxn { path, .. })
        | TxnBody::CreateTtl(CreateTtlTxn { path, .. }) => {
            Create2Response { path: path.clone(), stat: stat() }.encode(out);
        }
        TxnBody::SetData(txn) if op == OpCode::RECONFIG => {
            GetDataResponse { data: txn.data.clone(), stat: stat() }.encode(out);
        }
        TxnBody::SetData(_) => SetDataResponse { stat: stat() }.encode(out),
        TxnBody::SetAcl(_) => SetAclResponse { stat: stat() }.encode(out),
        TxnBody::Multi(parts) => op::multi::answer(parts, applied).encode(out),
        _ => {}
    };
    reply(xid, zxid, failed.map_or(Ok(write), Err))
}

/// Serves a read.
pub(crate) fn read(mut reading: Reading<'_>, zxid: Zxid, header: &RequestHeader, body: &Bytes) -> ReadOutcome {
    let mut out = BytesMut::with_capacity(ReplyHeader::SMALLEST_BYTES + 128);
    ReplyHeader { xid: header.xid, zxid, err: 0 }.encode(&mut out);
    let frame = match op::read(&mut reading, OpCode(header.opcode), body, &mut out) {
        Ok(()) => out.freeze(),
        Err(code) => error(header.xid, zxid, code),
    };
    if reading.events.is_empty() {
        return ReadOutcome::Reply(frame);
    }
    reading.events.push(frame);
    ReadOutcome::Replies(reading.events)
}
