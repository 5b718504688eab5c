//! One request, many shards: splits what a client asked by the shards that own the partitions, and joins their answers
//! in request order. Pure; a connection owns one assembly per request.
//!
//! What the metadata can answer alone (a topic that does not exist, a batch with a bad CRC) never reaches a shard.

pub mod down_convert;
pub mod fetch;
pub mod fetch_session;
pub mod groups;
pub mod log_dirs;
pub mod offsets;
pub mod produce;

use crate::metadata_cache::MetadataImage;
use crate::{ShardId, ShardMap};

/// What every split needs to know.
#[derive(Clone, Copy, Debug)]
pub struct Cluster<'a> {
    /// The metadata of this moment.
    pub image: &'a MetadataImage,
    /// Which shard owns which partition.
    pub shards: ShardMap,
    /// The listener that the request came in on: whose endpoints the answer names.
    pub listener: &'a str,
}

/// Collects one list of parts per shard; the shards come out in order, those without parts are left out.
#[derive(Debug)]
pub struct ByShard<T>(Vec<Vec<T>>);

impl<T> ByShard<T> {
    /// Nothing for any shard.
    pub fn new(shards: ShardMap) -> Self {
        Self((0..shards.count()).map(|_| Vec::new()).collect())
    }

    /// Adds a part.
    pub fn push(&mut self, shard: ShardId, part: T) {
        self.0[usize::from(shard.0)].push(part);
    }

    /// The shards that have parts.
    pub fn into_parts(self) -> impl Iterator<Item = (ShardId, Vec<T>)> {
        let numbered = self.0.into_iter().enumerate().map(|(shard, parts)| (ShardId(shard as u16), parts));
        numbered.filter(|(_, parts)| !parts.is_empty())
    }
}

impl Cluster<'_> {
    /// (leader, leader epoch, endpoint) to tell a client that came to the wrong broker (KIP-951).
    pub(crate) fn leader(&self, topic: &str, partition: i32) -> Option<(i32, i32, &crate::metadata_cache::Endpoint)> {
        let known = self.image.partition(topic, partition)?;
        let endpoint = self.image.broker(known.leader)?.endpoint(self.listener)?;
        Some((known.leader, known.leader_epoch, endpoint))
    }
}
