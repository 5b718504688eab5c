//! The loop around a machine: it batches, decides which sync completes what, and keeps the order of each connection.
//! Generic over [`world::World`], so the riskiest code of a server (what was durable when a reply left?) runs
//! unchanged in the simulator.

pub mod conn_order;
pub mod keeper_loop;
pub mod log_dirs;
pub mod node_loop;
pub mod shard_loop;
pub mod world;
