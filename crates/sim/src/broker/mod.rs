//! A broker's partition logs under faults: the real storage on the simulated disk, idempotent producers that send again,
//! readers, deletions, beside flushes that take their time, rolls, checkpoints, retention, compaction, a full disk, clean
//! and unclean stops.

mod host;
mod load;
mod producers;
mod scene;

pub use host::batch;
pub use load::expected;

use crate::run::{Outcome, SeedOptions};

/// Runs one seed.
pub fn run(options: SeedOptions) -> Outcome {
    let mut scene = scene::Scene::new(options);
    let result = scene.run();
    scene.outcome(result)
}
