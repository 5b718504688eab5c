//! createSession (-10): made by the server for a connect request without session.

use zk_wire::CreateSessionTxn;
use zk_wire::txn::TxnBody;

/// The transaction.
pub(crate) fn txn(timeout_ms: i32) -> TxnBody {
    TxnBody::CreateSession(CreateSessionTxn { timeout_ms })
}
