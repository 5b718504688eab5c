//! closeSession (-11): by the client, or by the server when nothing was heard of it for too long. One transaction lists
//! all nodes that go.

use zk_wire::CloseSessionTxn;
use zk_wire::txn::TxnBody;

use crate::prep::Prep;

/// Lists the session's nodes, unless that is done already.
pub(crate) fn prep(prep: &mut Prep<'_>) -> TxnBody {
    let paths = prep.close_session();
    let listed = prep.config().close_session_txn_enabled;
    TxnBody::CloseSession(listed.then_some(CloseSessionTxn { paths_to_delete: Some(paths) }))
}
