//! Looks into files of upstream's or ours, one by one or as a [`folder`], without changing anything, except [`repair`],
//! which is asked to. For the offline tools (upstream: `TxnLogToolkit`, `SnapshotFormatter`,
//! `SnapshotComparer`).

pub mod compare;
pub mod folder;
pub mod log;
pub mod repair;
pub mod snapshot;
