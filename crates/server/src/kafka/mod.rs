//! The broker's sockets and threads.

pub mod node_thread;
pub mod zk_link;
