//! The commands, one file each, and what the servers among them share.

pub mod kafka;
mod plan;
mod serve;
pub mod start;
mod toml_file;
pub mod zk;
pub mod zookeeper;
