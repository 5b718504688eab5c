//! `/brokers/topics/T` and the `state` of its partitions.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;

use super::json::{self, Object, Result};
use crate::primitive::Uuid;

/// `/brokers/topics/T`: which brokers hold which partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicAssignment {
    /// The topic's id; older documents have none, and the controller mints one.
    pub topic_id: Option<Uuid>,
    /// Replicas by partition, the preferred leader first.
    pub partitions: BTreeMap<i32, Vec<i32>>,
    /// Replicas that a reassignment adds, by partition; only partitions with some.
    pub adding_replicas: BTreeMap<i32, Vec<i32>>,
    /// Replicas that a reassignment takes away.
    pub removing_replicas: BTreeMap<i32, Vec<i32>>,
}

impl TopicAssignment {
    /// Reads versions 1 (partitions), 2 (and reassignments) and 3 (and the topic's id).
    ///
    /// # Errors
    /// Not such a document.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let object = Object::parse("topic assignment", data)?;
        let topic_id = match object.opt_text("topic_id")? {
            None => None,
            Some(text) => Some(Uuid::parse(&text).ok_or_else(|| object.bad("topic_id"))?),
        };
        if object.get("partitions").is_none() {
            return Err(object.missing("partitions"));
        }
        Ok(Self {
            topic_id,
            partitions: replicas(&object, "partitions")?,
            adding_replicas: replicas(&object, "adding_replicas")?,
            removing_replicas: replicas(&object, "removing_replicas")?,
        })
    }

    /// The document in version 3; in 2 without a topic id.
    pub fn to_json(&self) -> Bytes {
        #[derive(Serialize)]
        struct Json<'a> {
            version: i32,
            partitions: &'a BTreeMap<i32, Vec<i32>>,
            adding_replicas: &'a BTreeMap<i32, Vec<i32>>,
            removing_replicas: &'a BTreeMap<i32, Vec<i32>>,
            #[serde(skip_serializing_if = "Option::is_none")]
            topic_id: Option<String>,
        }
        json::write(&Json {
            version: if self.topic_id.is_some() { 3 } else { 2 },
            partitions: &self.partitions,
            adding_replicas: &self.adding_replicas,
            removing_replicas: &self.removing_replicas,
            topic_id: self.topic_id.map(|id| id.to_string()),
        })
    }
}

fn replicas(object: &Object, key: &str) -> Result<BTreeMap<i32, Vec<i32>>> {
    let mut map = BTreeMap::new();
    for (partition, brokers) in object.object(key)?.iter().flat_map(Object::entries) {
        let brokers = json::ints(brokers).ok_or_else(|| object.bad(key))?;
        map.insert(partition.parse().map_err(|_| object.bad(key))?, brokers);
    }
    Ok(map)
}

/// `/brokers/topics/T/partitions/P/state`: who leads it and who is in sync. The znode's version is the partition epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionState {
    /// -1 for none.
    pub leader: i32,
    /// Grows with every change of leader.
    pub leader_epoch: i32,
    /// In-sync replicas.
    pub isr: Vec<i32>,
    /// Of the controller that wrote it.
    pub controller_epoch: i32,
    /// Elected uncleanly, and not yet through with its log (KIP-704).
    pub recovering: bool,
}

impl PartitionState {
    /// Reads the document.
    ///
    /// # Errors
    /// Not such a document.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let object = Object::parse("partition state", data)?;
        Ok(Self {
            leader: object.i32("leader")?,
            leader_epoch: object.i32("leader_epoch")?,
            isr: object.ints("isr")?,
            controller_epoch: object.i32("controller_epoch")?,
            recovering: object.opt_int("leader_recovery_state")?.unwrap_or(0) == 1,
        })
    }

    /// The document; the recovery state stands in it only while recovering.
    pub fn to_json(&self) -> Bytes {
        #[derive(Serialize)]
        struct Json<'a> {
            version: i32,
            leader: i32,
            leader_epoch: i32,
            controller_epoch: i32,
            isr: &'a [i32],
            #[serde(skip_serializing_if = "Option::is_none")]
            leader_recovery_state: Option<i32>,
        }
        json::write(&Json {
            version: 1,
            leader: self.leader,
            leader_epoch: self.leader_epoch,
            controller_epoch: self.controller_epoch,
            isr: &self.isr,
            leader_recovery_state: self.recovering.then_some(1),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_in_all_versions() {
        let mut topic = TopicAssignment {
            topic_id: Some(Uuid::ONE),
            partitions: BTreeMap::from([(0, vec![1, 2, 3]), (10, vec![2]), (9, vec![3])]),
            adding_replicas: BTreeMap::from([(0, vec![3])]),
            removing_replicas: BTreeMap::new(),
        };
        let text = r#"{"version":3,"partitions":{"0":[1,2,3],"9":[3],"10":[2]},"adding_replicas":{"0":[3]},"removing_replicas":{},"topic_id":"AAAAAAAAAAAAAAAAAAAAAQ"}"#;
        assert_eq!(topic.to_json(), text);
        assert_eq!(TopicAssignment::parse(text.as_bytes()), Ok(topic.clone()));
        topic.topic_id = None;
        assert!(topic.to_json().starts_with(br#"{"version":2,"#) && !topic.to_json().ends_with(b"AQ\"}"));
        let one = TopicAssignment::parse(br#"{"version":1,"partitions":{"0":[1]}}"#).unwrap();
        assert_eq!((one.partitions, one.topic_id), (BTreeMap::from([(0, vec![1])]), None));
        for bad in [r#"{"version":1}"#, r#"{"partitions":{"x":[1]}}"#, r#"{"partitions":{"0":1}}"#] {
            assert!(TopicAssignment::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn states() {
        let mut state =
            PartitionState { leader: 1, leader_epoch: 3, isr: vec![1, 2], controller_epoch: 7, recovering: false };
        let text = r#"{"version":1,"leader":1,"leader_epoch":3,"controller_epoch":7,"isr":[1,2]}"#;
        assert_eq!(state.to_json(), text);
        assert_eq!(PartitionState::parse(text.as_bytes()), Ok(state.clone()));
        state.recovering = true;
        assert!(state.to_json().ends_with(br#""leader_recovery_state":1}"#));
        assert_eq!(PartitionState::parse(&state.to_json()), Ok(state));
    }
}
