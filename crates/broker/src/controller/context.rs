//! What the active controller knows (`ControllerContext.scala`).

use std::collections::{BTreeMap, BTreeSet};

use base::Str;

use crate::metadata_cache::{BrokerImage, NO_LEADER};
use crate::{TopicId, TopicPartition};

/// A live broker and the epoch of its registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveBroker {
    /// Its listeners and rack.
    pub image: BrokerImage,
    /// czxid of its registration.
    pub epoch: i64,
}

/// Who holds a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    /// Brokers, preferred leader first.
    pub replicas: Vec<i32>,
    /// Brokers that a reassignment adds.
    pub adding: Vec<i32>,
    /// Brokers that a reassignment removes.
    pub removing: Vec<i32>,
}

/// A topic's znode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topic {
    /// Its id; zero until one is minted.
    pub id: TopicId,
    /// Version of `/brokers/topics/<t>`.
    pub version: i32,
    /// Its partitions.
    pub partitions: BTreeMap<i32, Assignment>,
}

/// A partition's `state` znode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionState {
    /// Leading broker, or [`NO_LEADER`].
    pub leader: i32,
    /// Epoch of that leadership.
    pub leader_epoch: i32,
    /// Brokers in sync.
    pub isr: Vec<i32>,
    /// Epoch of the controller that wrote it.
    pub controller_epoch: i32,
    /// 1 while the leader recovers from an unclean election.
    pub recovery_state: i8,
    /// Version of the znode.
    pub partition_epoch: i32,
}

/// Everything.
#[derive(Debug, Default)]
pub struct Context {
    /// Epoch of this controller.
    pub epoch: i32,
    /// Version of `/controller_epoch` that goes with it.
    pub epoch_zk_version: i32,
    /// Registered brokers.
    pub brokers: BTreeMap<i32, LiveBroker>,
    /// Topics.
    pub topics: BTreeMap<Str, Topic>,
    /// States of partitions that have one.
    pub states: BTreeMap<TopicPartition, PartitionState>,
    /// Topics whose deletion is under way, and the replicas that still hold them: broker and partition.
    pub deleting: BTreeMap<Str, BTreeSet<(i32, i32)>>,
}

impl Context {
    /// Whether a broker is registered.
    pub fn is_live(&self, broker: i32) -> bool {
        self.brokers.contains_key(&broker)
    }

    /// Every partition of every topic.
    pub fn partitions(&self) -> impl Iterator<Item = (TopicPartition, &Assignment)> {
        self.topics.iter().flat_map(|(name, topic)| {
            topic.partitions.iter().map(|(partition, assignment)| {
                (TopicPartition { topic: name.clone(), partition: *partition }, assignment)
            })
        })
    }

    /// Who holds a partition.
    pub fn assignment(&self, partition: &TopicPartition) -> Option<&Assignment> {
        self.topics.get(&partition.topic)?.partitions.get(&partition.partition)
    }

    /// Forgets a topic.
    pub fn remove_topic(&mut self, topic: &Str) {
        self.topics.remove(topic);
        self.states.retain(|partition, _| partition.topic != *topic);
        self.deleting.remove(topic);
    }

    /// The first state of a partition: the first live replica leads, every live one is in sync
    /// (`PartitionStateMachine.initializeLeaderAndIsrForPartitions`). `None` when no replica lives.
    pub fn first_state(&self, assignment: &Assignment) -> Option<PartitionState> {
        let isr: Vec<i32> = assignment.replicas.iter().copied().filter(|broker| self.is_live(*broker)).collect();
        let leader = *isr.first()?;
        Some(PartitionState {
            leader,
            leader_epoch: 0,
            isr,
            controller_epoch: self.epoch,
            recovery_state: 0,
            partition_epoch: 0,
        })
    }

    /// The state after an election among live, in-sync replicas (`Election.leaderForOffline`): the first replica in
    /// assignment order that is both. When there is none, the partition has no leader and keeps its last ISR, unless
    /// the topic allows an unclean election. `None` when nothing changes.
    pub fn elect(&self, assignment: &Assignment, state: &PartitionState, unclean: bool) -> Option<PartitionState> {
        if self.is_live(state.leader) {
            return None;
        }
        let live = |broker: &&i32| self.is_live(**broker);
        let in_sync = assignment.replicas.iter().filter(live).find(|broker| state.isr.contains(broker));
        let any = if unclean { assignment.replicas.iter().find(live) } else { None };
        let (leader, isr) = match (in_sync, any) {
            (Some(leader), _) => (*leader, state.isr.iter().copied().filter(|broker| self.is_live(*broker)).collect()),
            (None, Some(leader)) => (*leader, vec![*leader]),
            (None, None) if state.leader == NO_LEADER => return None,
            (None, None) => (NO_LEADER, state.isr.clone()),
        };
        Some(PartitionState {
            leader,
            leader_epoch: state.leader_epoch + 1,
            isr,
            controller_epoch: self.epoch,
            recovery_state: i8::from(in_sync.is_none() && any.is_some()),
            partition_epoch: state.partition_epoch,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(live: &[i32]) -> Context {
        let broker = |id: &i32| {
            let image = BrokerImage { id: *id, endpoints: Vec::new(), rack: None };
            (*id, LiveBroker { image, epoch: 1 })
        };
        Context { epoch: 5, brokers: live.iter().map(broker).collect(), ..Context::default() }
    }

    fn assignment(replicas: &[i32]) -> Assignment {
        Assignment { replicas: replicas.to_vec(), ..Assignment::default() }
    }

    #[test]
    fn the_first_leader_is_the_first_live_replica() {
        let state = context(&[2, 3]).first_state(&assignment(&[1, 3, 2])).expect("a leader");
        assert_eq!((state.leader, state.isr, state.leader_epoch), (3, vec![3, 2], 0));
        assert_eq!(context(&[9]).first_state(&assignment(&[1])), None);
    }

    #[test]
    fn elections_stay_inside_the_isr_unless_told_otherwise() {
        let state = PartitionState {
            leader: 1,
            leader_epoch: 7,
            isr: vec![1, 3],
            controller_epoch: 4,
            recovery_state: 0,
            partition_epoch: 9,
        };
        let assigned = assignment(&[1, 2, 3]);
        assert_eq!(context(&[1]).elect(&assigned, &state, false), None, "the leader lives");
        let next = context(&[2, 3]).elect(&assigned, &state, false).expect("3 takes over");
        assert_eq!((next.leader, next.leader_epoch, next.isr), (3, 8, vec![3]));
        let next = context(&[2]).elect(&assigned, &state, false).expect("offline");
        assert_eq!((next.leader, next.leader_epoch, next.isr), (NO_LEADER, 8, vec![1, 3]));
        let next = context(&[2]).elect(&assigned, &state, true).expect("unclean");
        assert_eq!((next.leader, next.isr, next.recovery_state), (2, vec![2], 1));
    }
}
