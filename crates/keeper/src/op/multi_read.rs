//! multiRead (22): several getData and getChildren as one. Their watch flags have no effect; each has its own result.

use base::Str;
use bytes::BytesMut;
use zk_wire::multi::{MultiOp, MultiRequest, MultiResponse, MultiResult};
use zk_wire::{ErrorCode, Jute, perms};

use super::Reading;

/// The most bytes of an answer: a small request can name a large node many times, and no client takes so much.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Appends the results.
pub(crate) fn read(reading: &Reading<'_>, request: &MultiRequest, out: &mut BytesMut) -> Result<(), ErrorCode> {
    if request.ops.iter().any(|op| !op.is_read()) {
        return Err(ErrorCode::MARSHALLING_ERROR);
    }
    let mut bytes = 0;
    let mut results = Vec::with_capacity(request.ops.len());
    for op in &request.ops {
        let result = part(reading, op).unwrap_or_else(MultiResult::Error);
        bytes += size(&result);
        if bytes > ANSWER_BYTES_MAX {
            return Err(ErrorCode::MARSHALLING_ERROR);
        }
        results.push(result);
    }
    MultiResponse { results }.encode(out);
    Ok(())
}

/// Roughly what a result takes in memory and on the wire.
fn size(result: &MultiResult) -> usize {
    100 + match result {
        MultiResult::GetData { data, .. } => data.as_ref().map_or(0, |data| data.len()),
        MultiResult::GetChildren(names) => names.iter().flatten().map(|name| 36 + name.len()).sum(),
        _ => 0,
    }
}

fn part(reading: &Reading<'_>, op: &MultiOp) -> Result<MultiResult, ErrorCode> {
    let (MultiOp::GetData(zk_wire::GetDataRequest { path, .. })
    | MultiOp::GetChildren(zk_wire::GetChildrenRequest { path, .. })) = op
    else {
        return Err(ErrorCode::MARSHALLING_ERROR);
    };
    let node = reading.node(path)?;
    reading.check(node, perms::READ)?;
    Ok(match op {
        MultiOp::GetChildren(_) => MultiResult::GetChildren(Some(node.child_names().map(Str::from).collect())),
        _ => MultiResult::GetData { data: node.data.as_deref().map(bytes::Bytes::copy_from_slice), stat: node.stat() },
    })
}
