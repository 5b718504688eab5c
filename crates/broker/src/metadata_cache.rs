//! What this broker knows of the cluster, as an immutable value that any thread may read (`ZkMetadataCache.scala`).

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Str;

use crate::TopicId;
use crate::connections::ConnectionLimits;
use crate::quota::Quotas;

/// The leader of a partition that has none.
pub const NO_LEADER: i32 = -1;
/// The leader of a partition whose topic is being deleted (`LeaderAndIsr.LeaderDuringDelete`).
pub const LEADER_DURING_DELETE: i32 = -2;

/// One listener of one broker, as clients may connect to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Listener name, upper case.
    pub listener: Str,
    /// Host that clients are told.
    pub host: Str,
    /// Port that clients are told.
    pub port: i32,
    /// 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL.
    pub security_protocol: i16,
}

/// A live broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerImage {
    /// Its id.
    pub id: i32,
    /// Its listeners.
    pub endpoints: Vec<Endpoint>,
    /// Its rack.
    pub rack: Option<Str>,
}

impl BrokerImage {
    /// The endpoint of a listener, by name.
    pub fn endpoint(&self, listener: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.listener == *listener)
    }
}

/// A partition as the controller announced it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionImage {
    /// Leading broker, [`NO_LEADER`] or [`LEADER_DURING_DELETE`].
    pub leader: i32,
    /// Epoch of that leadership.
    pub leader_epoch: i32,
    /// Version of the `state` znode.
    pub partition_epoch: i32,
    /// Brokers that hold it, preferred leader first.
    pub replicas: Vec<i32>,
    /// Brokers in sync.
    pub isr: Vec<i32>,
    /// Replicas that are not available.
    pub offline_replicas: Vec<i32>,
}

/// A topic as the controller announced it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicImage {
    /// Its id, zero when it has none.
    pub id: TopicId,
    /// Its partitions, by number.
    pub partitions: BTreeMap<i32, PartitionImage>,
}

/// The cluster at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataImage {
    /// `/cluster/id`.
    pub cluster_id: Str,
    /// The active controller, if a live broker is.
    pub controller_id: Option<i32>,
    /// Live brokers, by id.
    pub brokers: BTreeMap<i32, Arc<BrokerImage>>,
    /// Topics, by name.
    pub topics: BTreeMap<Str, Arc<TopicImage>>,
    /// Names by topic id.
    pub topic_names: BTreeMap<TopicId, Str>,
    /// What clients may use up; of no concern to the controller, and here since whoever serves a client reads it.
    pub quotas: Arc<Quotas>,
    /// How many of them may be connected to this broker; likewise.
    pub connections: Arc<ConnectionLimits>,
}

impl MetadataImage {
    /// A topic by name.
    pub fn topic(&self, name: &str) -> Option<&TopicImage> {
        self.topics.get(name).map(AsRef::as_ref)
    }

    /// The name of a topic id.
    pub fn topic_name(&self, id: TopicId) -> Option<&Str> {
        self.topic_names.get(&id)
    }

    /// The id of a topic, zero when it is unknown or has none.
    pub fn topic_id(&self, name: &str) -> TopicId {
        self.topic(name).map_or(TopicId::ZERO, |topic| topic.id)
    }

    /// A partition by topic and number.
    pub fn partition(&self, topic: &str, partition: i32) -> Option<&PartitionImage> {
        self.topic(topic)?.partitions.get(&partition)
    }

    /// A live broker by id.
    pub fn broker(&self, id: i32) -> Option<&BrokerImage> {
        self.brokers.get(&id).map(AsRef::as_ref)
    }

    /// Sets one partition, in a topic that may be new.
    pub fn set_partition(&mut self, topic: &Str, id: TopicId, partition: i32, image: PartitionImage) {
        let entry = self.topics.entry(topic.clone()).or_default();
        let entry = Arc::make_mut(entry);
        if entry.id != id {
            self.topic_names.remove(&entry.id);
            entry.id = id;
        }
        if !id.is_zero() {
            self.topic_names.insert(id, topic.clone());
        }
        entry.partitions.insert(partition, image);
    }

    /// Forgets one partition, and the topic with its last one.
    pub fn remove_partition(&mut self, topic: &str, partition: i32) {
        let Some(entry) = self.topics.get_mut(topic) else { return };
        let entry = Arc::make_mut(entry);
        entry.partitions.remove(&partition);
        if entry.partitions.is_empty() {
            self.topic_names.remove(&entry.id);
            self.topics.remove(topic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(leader: i32) -> PartitionImage {
        PartitionImage {
            leader,
            leader_epoch: 0,
            partition_epoch: 0,
            replicas: vec![leader],
            isr: vec![leader],
            offline_replicas: Vec::new(),
        }
    }

    #[test]
    fn a_topic_made_again_gets_its_new_id_only() {
        let mut image = MetadataImage::default();
        let (topic, old, new) = (Str::from("t"), TopicId([1; 16]), TopicId([2; 16]));
        image.set_partition(&topic, old, 0, partition(1));
        image.set_partition(&topic, new, 0, partition(1));
        assert_eq!(image.topic_name(old), None);
        assert_eq!(image.topic_name(new), Some(&topic));
        image.remove_partition("t", 0);
        assert_eq!(image, MetadataImage::default());
    }
}
