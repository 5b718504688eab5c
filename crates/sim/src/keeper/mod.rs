//! The keeper under faults: the server's machine, loop and storage in one simulated process, simulated clients around
//! it, and a second tree that knows what each reply must say.

pub mod client;
pub mod coverage;
pub mod history;
pub mod log_tail;
pub mod model;
pub mod op;
pub mod process;
mod scene;
pub mod stage;
pub mod swarm;
pub mod verify;
pub mod workload;

use core::time::Duration;

use crate::check::Violation;
use crate::run::{Outcome, SeedOptions};
use scene::Scene;
use stage::Play;

/// Longer than any simulated session's timeout and everything that waits for it.
const CALM: Duration = Duration::from_secs(60);

/// Runs one seed: faults and load, then calm, then a last power loss, then calm again; then the history is checked.
pub fn run(options: SeedOptions) -> Outcome {
    let mut scene = Scene::new(options);
    let result = phases(&mut scene);
    scene.outcome(result)
}

fn phases(scene: &mut Scene) -> Result<(), Violation> {
    scene.start();
    scene.run_faults()?;
    scene.heal();
    scene.run_until_calm(CALM)?;
    // Everybody has what was acknowledged even when nothing but the platter is left.
    scene.last_power_loss();
    scene.run_until_calm(CALM)?;
    let model = scene.verify()?;
    scene.read_whole_tree(&model)?;
    scene.run_until_calm(CALM)?;
    let model = scene.verify()?;
    scene.none_is_due(&model)?;
    scene.owners_are_alive(&model)
}
