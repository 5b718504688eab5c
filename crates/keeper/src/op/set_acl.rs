//! setACL (7).

use base::planted::PlantedBug;
use zk_wire::txn::TxnBody;
use zk_wire::{ErrorCode, SetAclRequest, SetAclTxn, perms};

use crate::acl;
use crate::path;
use crate::prep::{Prep, next_version};

/// Checks and makes the transaction. The version is that of the ACL.
pub(crate) fn prep(prep: &mut Prep<'_>, request: SetAclRequest) -> Result<TxnBody, ErrorCode> {
    prep.check_session()?;
    let SetAclRequest { path, acl, version } = request;
    path::validate(&path)?;
    let list = acl::fixup(acl, prep.ids(), prep.config())?;
    let mut node = prep.record(&path)?;
    prep.check_acl(&node.acl, perms::ADMIN)?;
    let version = next_version(node.stat().aversion, version)?;
    if !prep.config().bug.is(PlantedBug::AclVersionForgotten) {
        node.stat_mut().aversion = version;
    }
    node.acl = prep.shared_acl(&list);
    prep.put(&path, node);
    Ok(TxnBody::SetAcl(SetAclTxn { path, acl: Some(list), version }))
}
