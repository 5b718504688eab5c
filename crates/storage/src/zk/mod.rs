//! ZooKeeper's data folder, in upstream's formats: transaction logs, snapshots, epochs.

pub mod compression;
pub mod data_dir;
pub mod epochs;
pub mod error;
pub mod inspect;
pub mod install;
pub mod intake;
pub mod log_reader;
pub mod log_walk;
pub mod names;
pub mod purge;
pub mod restore;
pub mod snappy;
pub mod snapshot_reader;
pub mod snapshot_writer;
pub mod store;
pub mod stream;
pub mod synced;
pub mod truncate;
pub mod txn_log;
