//! Replicas of partitions: what the leader does with them.

pub mod hosted;
pub mod partition;
