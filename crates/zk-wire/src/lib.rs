//! ZooKeeper bytes <-> typed messages.
