//! reconfig (16): of an ensemble only. A standalone server refuses it, in upstream's order.

use zk_wire::txn::TxnBody;
use zk_wire::{ErrorCode, ReconfigRequest};

use crate::prep::Prep;

/// Refuses. The connection stays, unlike behind an operation that is not known.
pub(crate) fn prep(prep: &Prep<'_>, _: &ReconfigRequest) -> Result<TxnBody, ErrorCode> {
    if !prep.config().reconfig_enabled {
        return Err(ErrorCode::RECONFIG_DISABLED);
    }
    prep.check_session()?;
    Err(ErrorCode::UNIMPLEMENTED)
}
