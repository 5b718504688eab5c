//! The broker's decisions, as two machines and a pure helper.
//!
//! * [`shard::Shard`] owns partitions, the requests that wait for them (purgatory) and the coordinators bound to its
//!   `__consumer_offsets` partitions. One driver thread touches it, so two partitions on different shards share no lock.
//! * `node` owns the controller, metadata and topic administration; it gives shards their [`shard::ShardCommand`]s and
//!   publishes [`metadata_cache::MetadataImage`].
//! * [`assembly`] splits a request by shard and joins the answers in request order.
//!
//! Nothing here reads a clock, a socket or a disk: see the crate's `clippy.toml`.

pub mod api;
pub mod assembly;
pub mod config;
pub mod connections;
pub mod controller;
pub mod coordinator;
pub mod error;
pub mod log;
pub mod metadata_cache;
pub mod node;
pub mod purgatory;
pub mod quota;
pub mod replica;
pub mod shard;

use base::Str;

pub use crate::shard::RequestToken;

/// Error codes travel as Kafka's 16-bit numbers; 0 is `NONE`.
pub type ErrorCode = i16;

/// A topic's identity (KIP-516): 16 bytes, all zero when there is none.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicId(pub [u8; 16]);

impl TopicId {
    /// "No id": topics made before Kafka 2.8, and requests that name their topics.
    pub const ZERO: Self = Self([0; 16]);

    /// Whether this is [`TopicId::ZERO`].
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }
}

impl core::fmt::Display for TopicId {
    /// Kafka's text form: URL-safe base64 without padding, 22 characters.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let value = u128::from_be_bytes(self.0);
        for digit in 0..22 {
            // 128 bits are 21 digits of six bits and one of two, which stands in the digit's upper bits.
            let six = if digit < 21 { (value >> (122 - 6 * digit)) & 63 } else { (value << 4) & 63 };
            write!(f, "{}", ALPHABET[six as usize] as char)?;
        }
        Ok(())
    }
}

impl core::fmt::Debug for TopicId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

/// One partition of a topic.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: Str,
    /// The partition's number, from 0.
    pub partition: i32,
}

impl TopicPartition {
    /// The pair of both.
    pub fn new(topic: impl Into<Str>, partition: i32) -> Self {
        Self { topic: topic.into(), partition }
    }
}

impl core::fmt::Display for TopicPartition {
    /// `topic-0`, also the name of the partition's folder.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

impl core::fmt::Debug for TopicPartition {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(self, f)
    }
}

/// Which shard of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub u16);

/// How partitions are dealt to the shards of one process. Nothing on disk depends on it, so the number of shards may
/// change from one start to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShardMap {
    count: u16,
}

impl ShardMap {
    /// A map onto `count` shards, at least one.
    pub const fn new(count: u16) -> Self {
        Self { count: if count == 0 { 1 } else { count } }
    }

    /// How many shards there are.
    pub const fn count(self) -> u16 {
        self.count
    }

    /// The shard that owns a partition. The partitions of one topic go round the shards one after the other.
    pub fn shard_of(self, topic: &str, partition: i32) -> ShardId {
        // FNV-1a: short names, and no key, since the answer must be the same in every thread.
        let hash = topic.bytes().fold(0x811C_9DC5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        ShardId((hash.wrapping_add(partition as u32) % u32::from(self.count)) as u16)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_ids_print_as_kafka_prints_them() {
        // Uuid(1, 2).toString() and Uuid.METADATA_TOPIC_ID.toString() in Kafka's clients.
        let mut one_two = [0; 16];
        one_two[7] = 1;
        one_two[15] = 2;
        assert_eq!(TopicId(one_two).to_string(), "AAAAAAAAAAEAAAAAAAAAAg");
        assert_eq!(TopicId::ZERO.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(TopicId([0xff; 16]).to_string(), "_____________________w");
    }

    #[test]
    fn partitions_of_a_topic_go_round_the_shards() {
        let map = ShardMap::new(3);
        let first = map.shard_of("orders", 0).0;
        for partition in 0..7 {
            assert_eq!(map.shard_of("orders", partition).0, (first + partition as u16) % 3);
        }
        assert_eq!(ShardMap::new(0).shard_of("orders", 5), ShardId(0));
    }
}
