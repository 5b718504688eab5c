//! A broker's partition logs under faults: the real storage on the simulated disk, appends and fetches beside flushes
//! that take their time, rolls, checkpoints, retention, clean and unclean stops.

mod host;
mod scene;

pub use host::batch;

use crate::run::{Outcome, SeedOptions};

/// Runs one seed.
pub fn run(options: SeedOptions) -> Outcome {
    let mut scene = scene::Scene::new(options);
    let result = scene.run();
    scene.outcome(result)
}
