//! Brokers on ZooKeeper: who may write as the controller, and that everybody comes back.

use std::collections::{BTreeMap, BTreeSet};

use base::Reader;
use bytes::Bytes;
use zk_wire::{CloseSessionTxn, CreateTxn, DeleteTxn, Jute, MultiTxn, OpCode, SessionId, SetDataTxn};

use super::{Checked, Property};
use crate::keeper::log_tail::LoggedTxn;

/// The property.
pub static FENCED: Property = Property {
    says: "partition states change only by the session that was elected last; each reign raises the epoch by one",
    source: "KAFKA-6082 (zookeeper updates are fenced by the version of /controller_epoch), KafkaController.scala",
};

/// The property.
pub static REGISTERED: Property = Property {
    says: "a broker id is registered by one session at a time, and the registration goes with its session",
    source: "KafkaZkClient.registerBroker; ephemeral nodes of the ZooKeeper programmer's guide",
};

/// The property.
pub static COMES_BACK: Property = Property {
    says: "after the faults stop, every broker is registered again and one of them is the controller",
    source: "issue 3, the seam; VOPR's liveness phase",
};

/// What the keeper's log says of the cluster.
#[derive(Debug, Default)]
pub struct Cluster {
    /// Session that owns `/controller`.
    pub controller: Option<i64>,
    /// Session that owned it last: until the next one raises the epoch, its writes pass the fence.
    elected: Option<i64>,
    epoch: Option<i64>,
    /// Owners of `/brokers/ids/N`, by path.
    pub registered: BTreeMap<String, i64>,
}

impl Cluster {
    /// Follows the log; `brokers` are the sessions that brokers were given.
    ///
    /// # Errors
    /// The violation.
    pub fn follow(txns: &[LoggedTxn], brokers: &BTreeSet<i64>) -> Result<Self, super::Violation> {
        let mut cluster = Self::default();
        for txn in txns {
            cluster.part(txn, OpCode(txn.opcode), txn.body(), brokers)?;
        }
        Ok(cluster)
    }

    fn part(&mut self, txn: &LoggedTxn, opcode: OpCode, body: Bytes, brokers: &BTreeSet<i64>) -> Checked {
        let mut r = Reader::new(body);
        match opcode {
            OpCode::MULTI => {
                let parts = MultiTxn::decode(&mut r).ok().and_then(|multi| multi.txns).unwrap_or_default();
                if parts.iter().any(|part| part.opcode == OpCode::ERROR.0) {
                    return Ok(());
                }
                for part in parts {
                    self.part(txn, OpCode(part.opcode), part.data.unwrap_or_default(), brokers)?;
                }
            }
            OpCode::CREATE | OpCode::CREATE2 => {
                if let Ok(created) = CreateTxn::decode(&mut r) {
                    self.created(txn, &created.path, created.data.as_deref().unwrap_or_default());
                    self.controller_writes(txn, &created.path, brokers)?;
                }
            }
            OpCode::SET_DATA => {
                if let Ok(set) = SetDataTxn::decode(&mut r) {
                    self.epoch_rises(txn, &set.path, set.data.as_deref().unwrap_or_default())?;
                    self.controller_writes(txn, &set.path, brokers)?;
                }
            }
            OpCode::DELETE => {
                if let Ok(deleted) = DeleteTxn::decode(&mut r) {
                    self.deleted(&deleted.path);
                }
            }
            OpCode::CLOSE_SESSION => {
                let closed = CloseSessionTxn::decode(&mut r).ok().and_then(|txn| txn.paths_to_delete);
                closed.unwrap_or_default().iter().for_each(|path| self.deleted(path));
                let left = self.registered.iter().find(|(_, owner)| **owner == txn.session);
                REGISTERED.require(left.is_none() && self.controller != Some(txn.session), || {
                    format!("zxid {:#x} closes {:#x}, and {left:?} or /controller stays", txn.zxid, txn.session)
                })?;
            }
            _ => {}
        }
        Ok(())
    }

    fn created(&mut self, txn: &LoggedTxn, path: &str, data: &[u8]) {
        if path == "/controller" {
            self.controller = Some(txn.session);
            self.elected = Some(txn.session);
        } else if path == "/controller_epoch" {
            self.epoch = number(data);
        } else if path.starts_with("/brokers/ids/") {
            self.registered.insert(path.to_string(), txn.session);
        }
    }

    fn deleted(&mut self, path: &str) {
        if path == "/controller" {
            self.controller = None;
        }
        self.registered.remove(path);
    }

    fn epoch_rises(&mut self, txn: &LoggedTxn, path: &str, data: &[u8]) -> Checked {
        if path != "/controller_epoch" {
            return Ok(());
        }
        let (before, now) = (self.epoch, number(data));
        self.epoch = now;
        FENCED.require(before.zip(now).is_some_and(|(before, now)| now == before + 1), || {
            format!("zxid {:#x} sets the controller epoch from {before:?} to {now:?}", txn.zxid)
        })
    }

    fn controller_writes(&self, txn: &LoggedTxn, path: &str, brokers: &BTreeSet<i64>) -> Checked {
        let state = path.starts_with("/brokers/topics/") && path.ends_with("/state");
        FENCED.require(!state || !brokers.contains(&txn.session) || self.elected == Some(txn.session), || {
            format!("zxid {:#x}: {} writes {path}, elected was {:x?}", txn.zxid, SessionId(txn.session), self.elected)
        })
    }
}

fn number(data: &[u8]) -> Option<i64> {
    core::str::from_utf8(data).ok()?.trim().parse().ok()
}
