//! Ensembles of 1, 3 or 5 voters, with observers, that agree on a list of numbers: the real `zab` on simulated links and
//! disks. What a keeper does with the transactions is not here.
//! Every third seed is reconfigured meanwhile.

mod marks;
mod node;
mod reconfig;
mod scene;
mod swarm;

pub use marks::{Mark, Marks};

use crate::run::{Outcome, SeedOptions};

/// Runs one seed.
pub fn run(options: SeedOptions) -> Outcome {
    run_marked(options).0
}

/// Runs one seed, and says what it came through.
pub fn run_marked(options: SeedOptions) -> (Outcome, Marks) {
    let mut scene = scene::Scene::new(options);
    let result = scene.run();
    scene.outcome(result)
}
