//! create (1) and create2 (15).

use zk_wire::txn::TxnBody;
use zk_wire::{CreateMode, CreateRequest, CreateTxn, ErrorCode, StatPersisted, digest, perms};

use crate::acl;
use crate::node::Owner;
use crate::path;
use crate::prep::{ChangeRecord, Prep};

/// Checks and makes the transaction.
pub(crate) fn prep(prep: &mut Prep<'_>, request: &CreateRequest) -> Result<TxnBody, ErrorCode> {
    let mode = CreateMode::from_flags(request.flags).ok_or(ErrorCode::BAD_ARGUMENTS)?;
    if mode.is_ttl() || mode == CreateMode::Container {
        return Err(ErrorCode::UNIMPLEMENTED);
    }
    prep.check_session()?;
    let parent_path = path::parent(&request.path)?;
    let list = acl::fixup(request.acl.as_deref(), prep.ids())?;
    let mut parent = prep.record(parent_path)?;
    prep.check_acl(&parent.acl, perms::CREATE)?;
    let parent_cversion = parent.stat().cversion;
    let path = match mode.is_sequential() {
        true => sequential(&request.path, parent_cversion).into(),
        false => request.path.clone(),
    };
    path::validate(&path)?;
    if prep.record(&path).is_ok() {
        return Err(ErrorCode::NODE_EXISTS);
    }
    if matches!(Owner::decode(parent.stat().ephemeral_owner), Owner::Session(_)) {
        return Err(ErrorCode::NO_CHILDREN_FOR_EPHEMERALS);
    }
    let owner = if mode.is_ephemeral() { Owner::Session(prep.session) } else { Owner::Persistent };
    let parent_cversion = parent_cversion.wrapping_add(1);
    parent.children += 1;
    raise(parent.stat_mut(), parent_cversion, prep);
    prep.put(parent_path, parent);
    let stat = StatPersisted {
        czxid: prep.zxid,
        mzxid: prep.zxid,
        pzxid: prep.zxid,
        ctime: prep.time_ms,
        mtime: prep.time_ms,
        ephemeral_owner: owner.encode(),
        ..StatPersisted::default()
    };
    let content = digest::content(&path, request.data.as_deref());
    prep.put(&path, ChangeRecord::new(stat, list.clone().into(), content));
    Ok(TxnBody::Create(CreateTxn {
        path,
        data: request.data.clone(),
        acl: Some(list),
        ephemeral: mode.is_ephemeral(),
        parent_cversion,
    }))
}

/// As the tree will: a counter that wrapped is not taken.
fn raise(parent: &mut StatPersisted, cversion: i32, prep: &Prep<'_>) {
    if cversion > parent.cversion {
        parent.cversion = cversion;
        parent.pzxid = prep.zxid;
    }
}

/// The name with the parent's counter behind it.
fn sequential(path: &str, counter: i32) -> String {
    // Java's %010d counts the sign.
    format!("{path}{counter:010}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_padded_to_ten() {
        assert_eq!(sequential("/a-", 7), "/a-0000000007");
        assert_eq!(sequential("/a/", i32::MAX), "/a/2147483647");
        assert_eq!(sequential("/a", -5), "/a-000000005");
    }
}
