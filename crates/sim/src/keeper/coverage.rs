//! What a run came through: each operation answered, each error told, each kind of fault, and moments that must come. A run
//! that is long enough and never came through one of them tests less than it says.

use zk_wire::{ErrorCode, OpCode};

use super::history::{History, Seen};
use super::log_tail::LoggedTxn;
use super::op::{MultiOp, Op, OpResult, code};
use super::swarm::FAULTS;
use crate::run::Coverage;

/// Names of what `of` counts and a long run must have.
pub fn expected() -> Vec<String> {
    let operations = [
        OpCode::CREATE,
        OpCode::CREATE2,
        OpCode::CREATE_CONTAINER,
        OpCode::CREATE_TTL,
        OpCode::DELETE,
        OpCode::EXISTS,
        OpCode::GET_DATA,
        OpCode::SET_DATA,
        OpCode::GET_ACL,
        OpCode::SET_ACL,
        OpCode::GET_CHILDREN,
        OpCode::GET_CHILDREN2,
        OpCode::SYNC,
        OpCode::PING,
        OpCode::CHECK,
        OpCode::MULTI,
        OpCode::MULTI_READ,
        OpCode::RECONFIG,
        OpCode::CHECK_WATCHES,
        OpCode::REMOVE_WATCHES,
        OpCode::AUTH,
        OpCode::SASL,
        OpCode::SET_WATCHES,
        OpCode::SET_WATCHES2,
        OpCode::GET_EPHEMERALS,
        OpCode::GET_ALL_CHILDREN_NUMBER,
        OpCode::ADD_WATCH,
        OpCode::WHO_AM_I,
        OpCode::CLOSE_SESSION,
    ];
    let errors = [
        code::RUNTIME_INCONSISTENCY,
        code::UNIMPLEMENTED,
        code::BAD_ARGUMENTS,
        code::NO_NODE,
        code::NO_AUTH,
        code::BAD_VERSION,
        code::NO_CHILDREN_FOR_EPHEMERALS,
        code::NODE_EXISTS,
        code::NOT_EMPTY,
        code::INVALID_ACL,
        code::AUTH_FAILED,
        code::NO_WATCHER,
        code::RECONFIG_DISABLED,
        code::QUOTA_EXCEEDED,
    ];
    let moments = [
        "session resumed",
        "session expired",
        "container or TTL node deleted",
        "event",
        "read between the pieces of a session's end",
        "operator's snapshot",
        "restore",
    ];
    let faults = FAULTS.map(|fault| format!("fault {fault:?}"));
    let operations = operations.map(|opcode| format!("op {}", opcode.name()));
    let errors = errors.map(|code| format!("error {}", ErrorCode(code).name()));
    operations.into_iter().chain(errors).chain(faults).chain(moments.map(String::from)).collect()
}

/// Counts a finished run; its faults are counted when they happen.
pub fn of(history: &History, txns: &[LoggedTxn], coverage: &mut Coverage) {
    for record in &history.ops {
        if let Some(reply) = &record.reply {
            answered(&record.op, &reply.result, coverage);
        }
    }
    for _ in &history.behind_events {
        coverage.hit("read between the pieces of a session's end");
    }
    for seen in &history.seen {
        let mut before = None;
        for one in seen {
            match one {
                Seen::Connected { session, .. } if before == Some(*session) => coverage.hit("session resumed"),
                Seen::Connected { session, .. } => before = Some(*session),
                Seen::Event { .. } => coverage.hit("event"),
                Seen::Reply(_) | Seen::Disconnected => {}
            }
        }
    }
    for txn in txns {
        match OpCode(txn.opcode) {
            OpCode::CLOSE_SESSION if txn.cxid == 0 => coverage.hit("session expired"),
            OpCode::DELETE_CONTAINER => coverage.hit("container or TTL node deleted"),
            _ => {}
        }
    }
}

fn answered(op: &Op, result: &OpResult, coverage: &mut Coverage) {
    if !matches!(op, Op::Unserved(_)) {
        coverage.hit(&format!("op {}", op.opcode().name()));
    }
    match (op, result) {
        (_, OpResult::Error(code)) if *code != code::OK => {
            coverage.hit(&format!("error {}", ErrorCode(*code).name()));
        }
        (Op::Multi(parts) | Op::MultiRead(parts), OpResult::Multi(results)) => {
            for (MultiOp(part), result) in parts.iter().zip(results) {
                answered(part, result, coverage);
            }
        }
        _ => {}
    }
}
