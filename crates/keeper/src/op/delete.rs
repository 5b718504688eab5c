//! delete (2).

use zk_wire::txn::TxnBody;
use zk_wire::{DeleteRequest, DeleteTxn, ErrorCode, perms};

use crate::path;
use crate::prep::{Prep, next_version};

/// Checks and makes the transaction. The permission is the parent's.
pub(crate) fn prep(prep: &mut Prep<'_>, request: DeleteRequest) -> Result<TxnBody, ErrorCode> {
    prep.check_session()?;
    let DeleteRequest { path, version } = request;
    let parent_path = path::parent_of(&path)?;
    if path::SPECIAL.contains(&&*path) {
        return Err(ErrorCode::BAD_ARGUMENTS);
    }
    let mut parent = prep.record(&parent_path)?;
    prep.check_acl(&parent.acl, perms::DELETE)?;
    let node = prep.record(&path)?;
    next_version(node.stat().version, version)?;
    if node.children > 0 {
        return Err(ErrorCode::NOT_EMPTY);
    }
    parent.children -= 1;
    let pzxid = &mut parent.stat_mut().pzxid;
    *pzxid = prep.zxid.max(*pzxid);
    prep.put(&parent_path, parent);
    prep.put_deleted(&path, node);
    Ok(TxnBody::Delete(DeleteTxn { path }))
}
