//! Wishes to the controller, notifications to it, and its counters: `/admin/..`, `/isr_change_notification`,
//! `/log_dir_event_notification`, `/latest_producer_id_block`, `/feature`.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;

use super::json::{self, Object, Result};

/// A partition in a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct PartitionRef {
    /// Its topic.
    pub topic: String,
    /// Its number.
    pub partition: i32,
}

#[derive(Serialize)]
struct PartitionsJson<'a, T> {
    version: i32,
    partitions: &'a [T],
}

fn partition_refs(document: &'static str, data: &[u8]) -> Result<Vec<PartitionRef>> {
    let object = Object::parse(document, data)?;
    let partitions = object.objects("partitions")?;
    partitions.iter().map(|p| Ok(PartitionRef { topic: p.text("topic")?, partition: p.i32("partition")? })).collect()
}

/// `/admin/preferred_replica_election`: partitions that should be led by their first replica again. Old tools write it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PreferredReplicaElection(pub Vec<PartitionRef>);

impl PreferredReplicaElection {
    /// Reads the document.
    ///
    /// # Errors
    /// Not such a document.
    pub fn parse(data: &[u8]) -> Result<Self> {
        partition_refs("preferred replica election", data).map(Self)
    }

    /// The document.
    pub fn to_json(&self) -> Bytes {
        json::write(&PartitionsJson { version: 1, partitions: &self.0 })
    }
}

/// `/isr_change_notification/isr_change_N`: partitions whose in-sync replicas a leader changed by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IsrChangeNotification(pub Vec<PartitionRef>);

impl IsrChangeNotification {
    /// Reads the document.
    ///
    /// # Errors
    /// Not such a document.
    pub fn parse(data: &[u8]) -> Result<Self> {
        partition_refs("isr change notification", data).map(Self)
    }

    /// The document.
    pub fn to_json(&self) -> Bytes {
        json::write(&PartitionsJson { version: 1, partitions: &self.0 })
    }
}

/// A partition and the replicas it should have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reassignment {
    /// Its topic.
    pub topic: String,
    /// Its number.
    pub partition: i32,
    /// The replicas wanted, the preferred leader first.
    pub replicas: Vec<i32>,
}

/// `/admin/reassign_partitions`: partitions to be moved. Old tools write it; finished ones are taken out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReassignPartitions(pub Vec<Reassignment>);

impl ReassignPartitions {
    /// Reads the document.
    ///
    /// # Errors
    /// Not such a document.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let object = Object::parse("partition reassignment", data)?;
        let partitions = object.objects("partitions")?;
        let read = |p: &Object| {
            Ok(Reassignment { topic: p.text("topic")?, partition: p.i32("partition")?, replicas: p.ints("replicas")? })
        };
        partitions.iter().map(read).collect::<Result<_>>().map(Self)
    }

    /// The document.
    pub fn to_json(&self) -> Bytes {
        json::write(&PartitionsJson { version: 1, partitions: &self.0 })
    }
}

/// `/log_dir_event_notification/log_dir_event_N`: a broker lost a log folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LogDirEvent {
    version: i32,
    /// The broker.
    pub broker: i32,
    /// 1: a folder failed.
    pub event: i32,
}

impl LogDirEvent {
    /// A folder of this broker failed.
    pub const fn failure(broker: i32) -> Self {
        Self { version: 1, broker, event: 1 }
    }

    /// Reads the document.
    ///
    /// # Errors
    /// Not such a document.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let object = Object::parse("log dir event", data)?;
        Ok(Self { version: 1, broker: object.i32("broker")?, event: object.opt_i32("event")?.unwrap_or(1) })
    }

    /// The document.
    pub fn to_json(&self) -> Bytes {
        json::write(self)
    }
}

/// `/latest_producer_id_block`: the last block of producer ids that was handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerIdBlock {
    /// Who has it.
    pub broker: i32,
    /// First id.
    pub start: i64,
    /// Last id.
    pub end: i64,
}

impl ProducerIdBlock {
    /// Ids in a block.
    pub const SIZE: i64 = 1000;

    /// Reads the document.
    ///
    /// # Errors
    /// Not such a document.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let object = Object::parse("producer id block", data)?;
        object.version(1..=1)?;
        Ok(Self { broker: object.i32("broker")?, start: object.int("block_start")?, end: object.int("block_end")? })
    }

    /// The document; first and last id are strings.
    pub fn to_json(&self) -> Bytes {
        #[derive(Serialize)]
        struct Json {
            version: i32,
            broker: i32,
            block_start: String,
            block_end: String,
        }
        json::write(&Json {
            version: 1,
            broker: self.broker,
            block_start: self.start.to_string(),
            block_end: self.end.to_string(),
        })
    }

    /// The block after `previous`, for this broker; the first one without. `None` when the ids are used up.
    pub fn after(previous: Option<&Self>, broker: i32) -> Option<Self> {
        let start = previous.map_or(Some(0), |block| block.end.checked_add(1))?;
        Some(Self { broker, start, end: start.checked_add(Self::SIZE - 1)? })
    }
}

/// `/feature`: the finalised features of the cluster; the znode's version is their epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureNode {
    /// Whether features are in use (from inter-broker protocol 2.7 on).
    pub enabled: bool,
    /// Level by name.
    pub features: BTreeMap<String, i16>,
}

impl FeatureNode {
    /// Reads versions 1 (lowest and highest level) and 2 (one level).
    ///
    /// # Errors
    /// Not such a document.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let object = Object::parse("features", data)?;
        let version = object.version(1..=2)?;
        let enabled = match object.int("status")? {
            0 => false,
            1 => true,
            _ => return Err(object.bad("status")),
        };
        let mut features = BTreeMap::new();
        for (name, value) in object.object("features")?.iter().flat_map(Object::entries) {
            let level = if version == 1 { value.get("max_version_level") } else { Some(value) };
            let level = level.and_then(json::int).and_then(|level| i16::try_from(level).ok());
            features.insert(name.clone(), level.ok_or_else(|| object.bad("features"))?);
        }
        Ok(Self { enabled, features })
    }

    /// The document in version 2.
    pub fn to_json(&self) -> Bytes {
        #[derive(Serialize)]
        struct Json<'a> {
            version: i32,
            status: i32,
            features: &'a BTreeMap<String, i16>,
        }
        json::write(&Json { version: 2, status: i32::from(self.enabled), features: &self.features })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_in_documents() {
        let list = vec![PartitionRef { topic: "t".to_owned(), partition: 3 }];
        let text = r#"{"version":1,"partitions":[{"topic":"t","partition":3}]}"#;
        assert_eq!(PreferredReplicaElection(list.clone()).to_json(), text);
        assert_eq!(PreferredReplicaElection::parse(text.as_bytes()), Ok(PreferredReplicaElection(list.clone())));
        assert_eq!(IsrChangeNotification(list.clone()).to_json(), text);
        assert_eq!(IsrChangeNotification::parse(text.as_bytes()), Ok(IsrChangeNotification(list)));
        let text = r#"{"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[1,2]}]}"#;
        let moves =
            ReassignPartitions(vec![Reassignment { topic: "t".to_owned(), partition: 0, replicas: vec![1, 2] }]);
        assert_eq!(moves.to_json(), text);
        assert_eq!(ReassignPartitions::parse(text.as_bytes()), Ok(moves));
        assert!(ReassignPartitions::parse(br#"{"version":1,"partitions":[{"topic":"t","partition":0}]}"#).is_err());
    }

    #[test]
    fn blocks_of_producer_ids() {
        let first = ProducerIdBlock::after(None, 1).unwrap();
        assert_eq!(first.to_json(), r#"{"version":1,"broker":1,"block_start":"0","block_end":"999"}"#);
        assert_eq!(ProducerIdBlock::parse(&first.to_json()), Ok(first));
        let next = ProducerIdBlock::after(Some(&first), 2).unwrap();
        assert_eq!((next.start, next.end, next.broker), (1000, 1999, 2));
        assert_eq!(ProducerIdBlock::after(Some(&ProducerIdBlock { end: i64::MAX, ..first }), 1), None);
    }

    #[test]
    fn features_and_log_dir_events() {
        let empty = FeatureNode { enabled: true, features: BTreeMap::new() };
        assert_eq!(empty.to_json(), r#"{"version":2,"status":1,"features":{}}"#);
        assert_eq!(FeatureNode::parse(&empty.to_json()), Ok(empty));
        let old = br#"{"version":1,"status":0,"features":{"f":{"min_version_level":1,"max_version_level":4}}}"#;
        let old = FeatureNode::parse(old).unwrap();
        assert_eq!((old.enabled, old.features["f"]), (false, 4));
        assert!(FeatureNode::parse(br#"{"version":2,"status":2}"#).is_err());
        assert_eq!(LogDirEvent::failure(4).to_json(), r#"{"version":1,"broker":4,"event":1}"#);
        assert_eq!(LogDirEvent::parse(br#"{"version":1,"broker":4,"event":1}"#), Ok(LogDirEvent::failure(4)));
    }
}
