//! Sessions that one member keeps to itself, with `localSessionsEnabled`: what is answered to them without a transaction.

use std::collections::BTreeSet;

use super::{Checked, Property};
use crate::keeper::history::OpRecord;
use crate::keeper::op::{Op, OpResult, code};

/// The property.
pub static PROPERTY: Property = Property {
    says: "a local session ends without a transaction, owns nothing, and is refused an ephemeral node only where it may not become the ensemble's",
    source: "ZooKeeper administrator's guide, localSessionsEnabled and localSessionsUpgradingEnabled; ZOOKEEPER-1147",
};

/// A write was answered and is in no log. Sessions in `global` were made by a transaction some time.
///
/// # Errors
/// The violation.
pub fn answered_without_transaction(record: &OpRecord, upgrading: bool, global: &BTreeSet<i64>) -> Checked {
    let right = match (&record.op, record.reply.as_ref().map(|reply| &reply.result)) {
        (Op::CloseSession, Some(OpResult::Done)) => !global.contains(&record.session),
        (op, Some(OpResult::Error(code::EPHEMERAL_ON_LOCAL_SESSION))) => !upgrading && op.asks_for_ephemeral(),
        _ => false,
    };
    PROPERTY.require(right, || format!("answered, and in no log: {record:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keeper::history::Reply;
    use crate::keeper::op::{CreateKind, MultiOp};

    fn answered(op: Op, result: OpResult) -> OpRecord {
        let reply = Some(Reply { zxid: 5, result });
        OpRecord { client: 0, session: 7, xid: 1, op, users: Vec::new(), floor: 0, shown: 0, life: 0, reply }
    }

    #[test]
    fn only_ends_and_refused_ephemerals_need_no_transaction() {
        let create = |flags, kind| Op::Create { path: "/a".into(), data: None, acl: Vec::new(), flags, kind };
        let refused = || OpResult::Error(code::EPHEMERAL_ON_LOCAL_SESSION);
        let (none, global) = (BTreeSet::new(), BTreeSet::from([7]));
        let check = |op, result, upgrading, global| {
            answered_without_transaction(&answered(op, result), upgrading, global).is_ok()
        };
        assert!(check(Op::CloseSession, OpResult::Done, false, &none));
        assert!(!check(Op::CloseSession, OpResult::Done, false, &global), "its end is a transaction");
        assert!(check(create(1, CreateKind::Plain), refused(), false, &none));
        assert!(check(Op::Multi(vec![MultiOp(create(3, CreateKind::Plain))]), refused(), false, &none));
        assert!(!check(create(1, CreateKind::Plain), refused(), true, &none), "it may become the ensemble's");
        assert!(!check(create(0, CreateKind::Plain), refused(), false, &none));
        assert!(!check(create(0, CreateKind::Plain), OpResult::Done, false, &none));
    }
}
