//! To come.

use crate::run::{Outcome, SeedOptions};

/// Runs one seed.
pub fn run(_options: SeedOptions) -> Outcome {
    Outcome { operations: 1000, faults: 3, events: 0, virtual_ms: 0, hash: 0, result: Ok(()), lines: Vec::new() }
}
