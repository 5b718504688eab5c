//! create (1) and create2 (15), and what all kinds of creation share. What a node becomes is decided by the operation;
//! the flags say which checks it meets, whether its name gets a number and whether the session owns it.

use base::planted::PlantedBug;
use zk_wire::txn::TxnBody;
use zk_wire::{
    CreateContainerTxn, CreateMode, CreateRequest, CreateTtlTxn, CreateTxn, ErrorCode, StatPersisted, perms,
};

use crate::acl;
use crate::node::{Owner, TTL_MS_MAX};
use crate::path;
use crate::prep::{ChangeRecord, Prep};

/// Which operation creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// create, create2
    Plain,
    /// createContainer
    Container,
    /// createTTL, with the time to live in milliseconds.
    Ttl(i64),
}

/// Checks and makes the transaction.
pub(crate) fn prep(prep: &mut Prep<'_>, request: CreateRequest, kind: Kind) -> Result<TxnBody, ErrorCode> {
    let mode = CreateMode::from_flags(request.flags).ok_or(ErrorCode::BAD_ARGUMENTS)?;
    check_ttl(prep, mode, kind)?;
    match kind {
        Kind::Plain if mode.is_ephemeral() => prep.check_global_session()?,
        _ => prep.check_session()?,
    }
    let CreateRequest { path: asked, data, acl, .. } = request;
    let parent_path = path::parent_of(&asked)?;
    let list = acl::fixup(acl, prep.ids(), prep.config())?;
    let mut parent = prep.record(&parent_path)?;
    prep.check_acl(&parent.acl, perms::CREATE)?;
    let parent_cversion = parent.stat().cversion;
    let path = match mode.is_sequential() {
        true if prep.config().bug.is(PlantedBug::SequenceFromChildCount) => {
            sequential(&asked, parent.children as i32).into()
        }
        true => sequential(&asked, parent_cversion).into(),
        false => asked,
    };
    path::validate(&path)?;
    if prep.record(&path).is_ok() {
        return Err(ErrorCode::NODE_EXISTS);
    }
    if matches!(Owner::decode(parent.stat().ephemeral_owner), Owner::Session(_)) {
        return Err(ErrorCode::NO_CHILDREN_FOR_EPHEMERALS);
    }
    prep.check_quota(&path, 1, data.as_ref().map_or(0, |data| data.len() as i64))?;
    let owner = match kind {
        Kind::Container => Owner::Container,
        Kind::Ttl(ttl_ms) => Owner::Ttl(ttl_ms),
        Kind::Plain if mode.is_ephemeral() => Owner::Session(prep.session),
        Kind::Plain => Owner::Persistent,
    };
    let parent_cversion = parent_cversion.wrapping_add(1);
    parent.children += 1;
    raise(parent.stat_mut(), parent_cversion, prep);
    prep.put(&parent_path, parent);
    let stat = StatPersisted {
        czxid: prep.zxid,
        mzxid: prep.zxid,
        pzxid: prep.zxid,
        ctime: prep.time_ms,
        mtime: prep.time_ms,
        ephemeral_owner: owner.encode(),
        ..StatPersisted::default()
    };
    prep.put(&path, ChangeRecord::new(stat, prep.shared_acl(&list), &path, data.as_deref()));
    let acl = Some(list);
    Ok(match kind {
        Kind::Plain => TxnBody::Create(CreateTxn { path, data, acl, ephemeral: mode.is_ephemeral(), parent_cversion }),
        Kind::Container => TxnBody::CreateContainer(CreateContainerTxn { path, data, acl, parent_cversion }),
        Kind::Ttl(ttl_ms) => TxnBody::CreateTtl(CreateTtlTxn { path, data, acl, parent_cversion, ttl_ms }),
    })
}

/// The flags say whether a time to live belongs there, the operation brings it.
fn check_ttl(prep: &Prep<'_>, mode: CreateMode, kind: Kind) -> Result<(), ErrorCode> {
    let ttl_ms = if let Kind::Ttl(ttl_ms) = kind { ttl_ms } else { -1 };
    if !mode.is_ttl() {
        // A createTTL of another mode and without a time makes a transaction that upstream cannot apply.
        return if ttl_ms >= 0 || kind == Kind::Ttl(ttl_ms) { Err(ErrorCode::BAD_ARGUMENTS) } else { Ok(()) };
    }
    if !prep.config().extended_types_enabled {
        return Err(ErrorCode::UNIMPLEMENTED);
    }
    if (1..=TTL_MS_MAX).contains(&ttl_ms) { Ok(()) } else { Err(ErrorCode::BAD_ARGUMENTS) }
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
