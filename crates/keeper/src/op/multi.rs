//! multi (14): several writes as one. Its parts share a zxid and a time; when one fails, none has an effect.

use base::planted::PlantedBug;
use zk_wire::multi::{MultiOp, MultiRequest, MultiResponse, MultiResult};
use zk_wire::txn::TxnBody;
use zk_wire::{CreateContainerTxn, CreateMode, CreateTtlTxn, CreateTxn, ErrorCode, OpCode};

use super::{check, create, create_container, create_ttl, delete, set_data};
use crate::prep::Prep;
use crate::tree::Applied;

/// Checks all parts. The transaction of a failed multi still has them, with errors in place of the one that failed and
/// those behind it: whoever applies it sees the errors and does nothing.
pub(crate) fn prep(prep: &mut Prep<'_>, request: MultiRequest) -> Result<TxnBody, ErrorCode> {
    if request.ops.iter().any(MultiOp::is_read) {
        return Err(ErrorCode::MARSHALLING_ERROR);
    }
    // Upstream looks at the flags while it reads the parts; a TTL belongs into createTTL only.
    let understood = |op: &MultiOp| match op {
        MultiOp::Create(create) | MultiOp::Create2(create) | MultiOp::CreateContainer(create) => {
            CreateMode::from_flags(create.flags).is_some_and(|mode| !mode.is_ttl())
        }
        _ => true,
    };
    if !request.ops.iter().all(understood) {
        return Err(ErrorCode::MARSHALLING_ERROR);
    }
    let mut parts = Vec::with_capacity(request.ops.len());
    let mut failed = false;
    for op in request.ops {
        if failed {
            parts.push((OpCode::ERROR, TxnBody::error(ErrorCode::RUNTIME_INCONSISTENCY)));
            continue;
        }
        let opcode = opcode(&op);
        match prep_part(prep, opcode, op) {
            Ok(body) => parts.push((opcode, body)),
            Err(code) => {
                failed = true;
                if !prep.config().bug.is(PlantedBug::MultiNotRolledBack) {
                    prep.rollback();
                }
                parts.push((OpCode::ERROR, TxnBody::error(code)));
            }
        }
    }
    Ok(TxnBody::Multi(parts))
}

fn prep_part(prep: &mut Prep<'_>, opcode: OpCode, op: MultiOp) -> Result<TxnBody, ErrorCode> {
    let container = opcode == OpCode::CREATE_CONTAINER;
    match op {
        MultiOp::Create(request) | MultiOp::Create2(request) | MultiOp::CreateContainer(request) if container => {
            create_container::prep(prep, request)
        }
        MultiOp::Create(request) | MultiOp::Create2(request) | MultiOp::CreateContainer(request) => {
            create::prep(prep, request, create::Kind::Plain)
        }
        MultiOp::CreateTtl(request) if container => create_container::prep(prep, create_ttl::without_ttl(request)),
        MultiOp::CreateTtl(request) if opcode == OpCode::CREATE_TTL => create_ttl::prep(prep, request),
        MultiOp::CreateTtl(request) => create::prep(prep, create_ttl::without_ttl(request), create::Kind::Plain),
        MultiOp::Delete(request) => delete::prep(prep, request),
        MultiOp::SetData(request) => set_data::prep(prep, request),
        MultiOp::Check(request) => check::prep(prep, &request),
        MultiOp::GetChildren(_) | MultiOp::GetData(_) => Err(ErrorCode::MARSHALLING_ERROR),
    }
}

/// What a part is, in the transaction and in the answer. Unlike outside of a multi, flags for a container make one, and
/// a createTTL with flags of another mode is taken for that.
fn opcode(op: &MultiOp) -> OpCode {
    let (number, flags) = match op {
        MultiOp::Create(create) | MultiOp::Create2(create) | MultiOp::CreateContainer(create) => {
            (op.opcode(), create.flags)
        }
        MultiOp::CreateTtl(create) => (OpCode::CREATE, create.flags),
        _ => return op.opcode(),
    };
    match CreateMode::from_flags(flags) {
        Some(CreateMode::Container) => OpCode::CREATE_CONTAINER,
        Some(mode) if mode.is_ttl() => OpCode::CREATE_TTL,
        _ => number,
    }
}

/// The answer.
pub(crate) fn answer(parts: &[(OpCode, TxnBody)], applied: &Applied) -> MultiResponse {
    let results = parts.iter().zip(&applied.parts).map(|((opcode, body), applied)| result(*opcode, body, applied));
    MultiResponse { results: results.collect() }
}

fn result(opcode: OpCode, body: &TxnBody, applied: &Applied) -> MultiResult {
    if let Some(code) = applied.err {
        return MultiResult::Error(code);
    }
    let stat = || applied.stat.clone().unwrap_or_default();
    match body {
        TxnBody::Create(txn) if opcode == OpCode::CREATE => MultiResult::Create { path: txn.path.clone() },
        TxnBody::Create(CreateTxn { path, .. })
        | TxnBody::CreateContainer(CreateContainerTxn { path, .. })
        | TxnBody::CreateTtl(CreateTtlTxn { path, .. }) => MultiResult::Create2 { path: path.clone(), stat: stat() },
        TxnBody::Delete(_) => MultiResult::Delete,
        TxnBody::SetData(_) => MultiResult::SetData(stat()),
        TxnBody::Check(_) => MultiResult::Check,
        _ => MultiResult::Error(ErrorCode::SYSTEM_ERROR),
    }
}
