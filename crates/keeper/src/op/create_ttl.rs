//! createTTL (21): a node that the server deletes when it is childless and was not changed for its time to live.

use zk_wire::txn::TxnBody;
use zk_wire::{CreateRequest, CreateTtlRequest, ErrorCode};

use super::create::{self, Kind};
use crate::prep::Prep;

/// Checks and makes the transaction.
pub(crate) fn prep(prep: &mut Prep<'_>, request: CreateTtlRequest) -> Result<TxnBody, ErrorCode> {
    let kind = Kind::Ttl(request.ttl_ms);
    create::prep(prep, without_ttl(request), kind)
}

/// The fields that create has too.
pub(crate) fn without_ttl(request: CreateTtlRequest) -> CreateRequest {
    let CreateTtlRequest { path, data, acl, flags, .. } = request;
    CreateRequest { path, data, acl, flags }
}
