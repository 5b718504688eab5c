//! setData (5).

use base::planted::PlantedBug;
use zk_wire::txn::TxnBody;
use zk_wire::{ErrorCode, SetDataRequest, SetDataTxn, perms};

use crate::path;
use crate::prep::{Prep, next_version};

/// Checks and makes the transaction.
pub(crate) fn prep(prep: &mut Prep<'_>, request: SetDataRequest) -> Result<TxnBody, ErrorCode> {
    prep.check_session()?;
    let SetDataRequest { path, data, version } = request;
    path::validate(&path)?;
    let mut node = prep.record(&path)?;
    prep.check_acl(&node.acl, perms::WRITE)?;
    let more = data.as_ref().map_or(0, |data| data.len() as i64) - node.data_len as i64;
    if !prep.config().bug.is(PlantedBug::QuotaOnlyOnCreate) {
        prep.check_quota(&path, 0, more)?;
    }
    let version = next_version(node.stat().version, version)?;
    node.set_data(&path, data.as_deref());
    let (zxid, time_ms) = (prep.zxid, prep.time_ms);
    let stat = node.stat_mut();
    (stat.version, stat.mzxid, stat.mtime) = (version, zxid, time_ms);
    prep.put(&path, node);
    Ok(TxnBody::SetData(SetDataTxn { path, data, version }))
}
