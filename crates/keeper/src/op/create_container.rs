//! createContainer (19): a node that the server deletes some time after its last child. The opcode decides; of the flags
//! only the bit for a sequential name matters.

use zk_wire::txn::TxnBody;
use zk_wire::{CreateRequest, ErrorCode};

use super::create::{self, Kind};
use crate::prep::Prep;

/// Checks and makes the transaction.
pub(crate) fn prep(prep: &mut Prep<'_>, request: CreateRequest) -> Result<TxnBody, ErrorCode> {
    create::prep(prep, request, Kind::Container)
}
