//! getACL (6): READ or ADMIN; only ADMIN sees password hashes.

use bytes::BytesMut;
use zk_wire::{ErrorCode, GetAclRequest, GetAclResponse, Jute, perms};

use super::Reading;
use crate::acl;

/// Appends the node's list and stat.
pub(crate) fn read(reading: &Reading<'_>, request: &GetAclRequest, out: &mut BytesMut) -> Result<(), ErrorCode> {
    let node = reading.node(&request.path)?;
    let list = reading.check(node, perms::READ | perms::ADMIN)?;
    let shown = if reading.check(node, perms::ADMIN).is_ok() { list.to_vec() } else { acl::masked(&list) };
    GetAclResponse { acl: Some(shown), stat: node.stat() }.encode(out);
    Ok(())
}
