//! the simulated world: network, disk, clock, faults, workloads, oracles.
