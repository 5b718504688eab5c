//! The partitions of one shard, by name, and how far each is from being served.

use std::collections::BTreeMap;

use super::partition::Partition;
use crate::shard::LeadPartition;
use crate::{ErrorCode, TopicPartition, error};

/// One partition's place in the shard.
#[derive(Debug)]
pub enum Hosted {
    /// Its log is being opened.
    Opening(Box<LeadPartition>),
    /// Led here.
    Online(Box<Partition>),
    /// Its log folder failed.
    Offline,
}

/// All partitions of one shard.
#[derive(Debug, Default)]
pub struct Partitions(BTreeMap<TopicPartition, Hosted>);

impl Partitions {
    /// A partition that takes requests.
    ///
    /// # Errors
    /// What a request for it is answered with otherwise. A name that the metadata does not have was answered before.
    pub fn online(&mut self, partition: &TopicPartition) -> Result<&mut Partition, ErrorCode> {
        match self.0.get_mut(partition) {
            Some(Hosted::Online(partition)) => Ok(partition),
            Some(Hosted::Offline) => Err(error::KAFKA_STORAGE_ERROR),
            Some(Hosted::Opening(_)) | None => Err(error::NOT_LEADER_OR_FOLLOWER),
        }
    }

    /// A partition to look at, when it is online.
    pub fn get(&self, partition: &TopicPartition) -> Option<&Partition> {
        match self.0.get(partition)? {
            Hosted::Online(partition) => Some(partition),
            Hosted::Opening(_) | Hosted::Offline => None,
        }
    }

    /// Whether a partition's log is being opened.
    pub fn is_opening(&self, partition: &TopicPartition) -> bool {
        matches!(self.0.get(partition), Some(Hosted::Opening(_)))
    }

    /// Whatever state a partition is in.
    pub fn hosted_mut(&mut self, partition: &TopicPartition) -> Option<&mut Hosted> {
        self.0.get_mut(partition)
    }

    /// Sets a partition's state.
    pub fn set(&mut self, partition: TopicPartition, hosted: Hosted) {
        self.0.insert(partition, hosted);
    }

    /// Forgets a partition.
    pub fn remove(&mut self, partition: &TopicPartition) -> Option<Hosted> {
        self.0.remove(partition)
    }

    /// As [`Partitions::all_online`], to look at.
    pub fn online_now(&self) -> impl Iterator<Item = &Partition> {
        self.0.values().filter_map(|hosted| match hosted {
            Hosted::Online(partition) => Some(&**partition),
            Hosted::Opening(_) | Hosted::Offline => None,
        })
    }

    /// The partitions that are online, in order of name.
    pub fn all_online(&mut self) -> impl Iterator<Item = &mut Partition> {
        self.0.values_mut().filter_map(|hosted| match hosted {
            Hosted::Online(partition) => Some(&mut **partition),
            Hosted::Opening(_) | Hosted::Offline => None,
        })
    }
}
