//! sans-IO client machines: the ZooKeeper session and the Kafka link.

pub mod zk;
