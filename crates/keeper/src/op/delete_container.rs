//! deleteContainer (20): the server's own, never a client's. An empty container, or a TTL node whose time is over, goes.

use base::Str;
use zk_wire::DeleteTxn;
use zk_wire::txn::TxnBody;

use crate::containers::is_due;
use crate::path;
use crate::prep::Prep;

/// Makes the transaction; `None` when a write under way gave the node a child or touched it, or it is gone.
pub(crate) fn prep(prep: &mut Prep<'_>, path: &Str) -> Option<TxnBody> {
    let parent_path = path::parent_of(path).ok()?;
    let node = prep.record(path).ok()?;
    if !is_due(prep.config(), prep.time_ms, node.stat(), node.children) {
        return None;
    }
    let mut parent = prep.record(&parent_path).ok()?;
    parent.children -= 1;
    let pzxid = &mut parent.stat_mut().pzxid;
    *pzxid = prep.zxid.max(*pzxid);
    prep.put(&parent_path, parent);
    prep.put_deleted(path, node);
    Some(TxnBody::Delete(DeleteTxn { path: path.clone() }))
}
