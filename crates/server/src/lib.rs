//! The real world: sockets, threads, clocks, configuration, HTTP. It decodes, forwards, performs and encodes; what to
//! decide is decided in `keeper` and `broker`.

pub mod clock;
pub mod config;
pub mod http;
pub mod kafka;
pub mod log_level;
pub mod memory;
pub mod summary;
pub mod world_real;
pub mod zk;
