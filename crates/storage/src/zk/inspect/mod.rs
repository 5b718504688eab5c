//! Looks into single files, of upstream's or ours, without the folder around them and without changing anything, except
//! [`repair`], which is asked to. For the offline tools (upstream: `TxnLogToolkit`, `SnapshotFormatter`,
//! `SnapshotComparer`).

pub mod compare;
pub mod log;
pub mod repair;
pub mod snapshot;
