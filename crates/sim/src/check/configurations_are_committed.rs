//! Nobody goes by a configuration that was not committed.

use std::collections::BTreeMap;

use zab::{QuorumConfig, Sid};

use super::{Checked, Property};

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
