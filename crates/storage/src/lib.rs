//! On-disk formats and recovery, through [`disk::Disk`]: the server runs them on files, the simulator on a disk that
//! loses what was not synced.

pub mod disk;
pub mod file_disk;
pub mod kafka;
pub mod zk;
