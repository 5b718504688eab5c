//! The keeper under faults: the server's machine, loop and storage in one simulated process, simulated clients around
//! it, and a second tree that knows what each reply must say.

pub mod client;
pub mod history;
pub mod log_tail;
pub mod model;
pub mod op;
pub mod verify;
pub mod workload;
