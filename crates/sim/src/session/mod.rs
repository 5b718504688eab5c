//! Brokers and their ZooKeeper sessions: the real node loop and session machine on a real keeper whose connections die
//! at the worst moments.

mod host;
mod scene;

pub use scene::expected;

use crate::run::{Outcome, SeedOptions};

/// Runs one seed.
pub fn run(options: SeedOptions) -> Outcome {
    let mut scene = scene::Scene::new(options);
    let result = scene.run();
    scene.outcome(result)
}
