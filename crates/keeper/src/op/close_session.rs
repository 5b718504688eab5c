//! closeSession (-11): by the client, or by the server when nothing was heard of it for too long. One transaction lists
//! all nodes that go.

use zk_wire::CloseSessionTxn;
use zk_wire::txn::TxnBody;

use crate::path;
use crate::prep::Prep;

/// Lists the session's nodes.
pub(crate) fn prep(prep: &mut Prep<'_>) -> TxnBody {
    let paths: Vec<_> = prep.ephemerals().into_iter().collect();
    for path in &paths {
        let (parent, _) = path::split(path).expect("the path of a node that was created");
        if let Ok(mut record) = prep.record(parent) {
            record.children -= 1;
            let pzxid = &mut record.stat_mut().pzxid;
            *pzxid = prep.zxid.max(*pzxid);
            prep.put(parent, record);
        }
        let record = prep.record(path).expect("an ephemeral node under way or in the tree");
        prep.put_deleted(path, record);
    }
    let listed = prep.config().close_session_txn_enabled;
    TxnBody::CloseSession(listed.then_some(CloseSessionTxn { paths_to_delete: Some(paths) }))
}
