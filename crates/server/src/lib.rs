//! The real world: sockets, threads, clocks, configuration, HTTP. It decodes, forwards, performs and encodes; what to
//! decide is decided in `keeper` and `broker`.

pub mod config;
pub mod http;
