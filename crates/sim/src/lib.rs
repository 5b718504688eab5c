//! The simulated world: network, disk, clock, faults, workloads, oracles. It runs the machines, the drivers and the
//! storage code of the server, unchanged, in virtual time from one seed.

pub mod broker;
pub mod check;
pub mod disk;
pub mod ensemble;
pub mod keeper;
pub mod kernel;
pub mod net;
pub mod planted;
pub mod run;
pub mod session;
pub mod trace;
pub mod world;
pub mod zab;
