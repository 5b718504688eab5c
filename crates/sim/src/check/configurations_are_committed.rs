//! Nobody goes by a configuration that was not committed.

use std::collections::BTreeMap;

use base::Reader;
use zab::{QuorumConfig, Sid};
use zk_wire::{Jute, SetDataTxn};

use super::{Checked, Property};
use crate::keeper::log_tail::LoggedTxn;

static PROPERTY: Property = Property {
    says: "a configuration of the ensemble counts nowhere before its reconfig is committed",
    source: "ZooKeeper's dynamic reconfiguration; Shraer et al. 2012, section 3",
};

/// A server goes by `config` from now on. The number that a first leader gives to what the files say counts from its epoch
/// on, and changes nobody's part.
///
/// # Errors
/// No reconfig made it that was committed.
pub fn check(sid: Sid, config: &QuorumConfig, committed: &BTreeMap<i64, QuorumConfig>) -> Checked {
    let known = match config.version as u32 {
        0 => committed.first_key_value().is_some_and(|(_, first)| first.verifier == config.verifier),
        _ => committed.get(&config.version) == Some(config),
    };
    PROPERTY.require(known, || format!("server {sid} goes by {:?}, which was not committed", config.text))
}

/// A member went by the configuration `text` with this version; `reconfig` is the reconfig of that number in the history, if
/// there is one.
///
/// # Errors
/// There is none, or it made another configuration.
pub fn in_log(sid: Sid, version: i64, text: &str, reconfig: Option<&LoggedTxn>) -> Checked {
    let made = reconfig.and_then(|txn| SetDataTxn::decode(&mut Reader::new(txn.body())).ok()?.data);
    PROPERTY.require(made.is_some_and(|made| made == text.as_bytes()), || {
        format!("member {sid} went by {text:?} of {version:#x}, which was not committed")
    })
}
