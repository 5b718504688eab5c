//! check (13): a node must have a version. Within a multi only; its transaction has no effect.

use zk_wire::txn::TxnBody;
use zk_wire::{CheckVersionRequest, CheckVersionTxn, ErrorCode, perms};

use crate::path;
use crate::prep::{Prep, next_version};

/// Checks.
pub(crate) fn prep(prep: &mut Prep<'_>, request: &CheckVersionRequest) -> Result<TxnBody, ErrorCode> {
    prep.check_session()?;
    path::validate(&request.path)?;
    let node = prep.record(&request.path)?;
    prep.check_acl(&node.acl, perms::READ)?;
    let version = next_version(node.stat().version, request.version)?;
    Ok(TxnBody::Check(CheckVersionTxn { path: request.path.clone(), version }))
}
