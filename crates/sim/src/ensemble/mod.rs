//! Keepers as an ensemble under faults: every member the real machine, loop and storage in a process of its own, clients
//! that go from one to another, and the model of the tree that knows what each reply must say.

mod ledger;
mod links;
mod scene;
mod swarm;

use core::time::Duration;

use crate::check::{Checked, Violation, serves_again};
use crate::keeper::stage::Play;
use crate::run::{Outcome, SeedOptions};
use scene::Scene;

/// What long runs must come through.
pub use scene::expected;

/// Longer than any session's timeout, and than elections of servers that have been silent for long.
const CALM: Duration = Duration::from_secs(60);

/// Runs one seed: faults and load, then calm; then all members lose power at once, then calm again; then the history is
/// checked.
pub fn run(options: SeedOptions) -> Outcome {
    let mut scene = Scene::new(options);
    let result = phases(&mut scene);
    scene.outcome(result)
}

fn phases(scene: &mut Scene) -> Result<(), Violation> {
    scene.start();
    if let Err(violation) = faults_and_calm(scene) {
        // A reconfig that nobody can end may keep everybody from service, and from nothing else.
        let served = !core::ptr::eq(violation.property, &serves_again::PROPERTY);
        if served || !scene.reconfig_is_unfinished() {
            return Err(violation);
        }
        scene.end_early();
        return Ok(());
    }
    scene.run_until_members_agree()?;
    let model = scene.verify()?;
    scene.read_whole_tree(&model)?;
    scene.run_until_calm(CALM)?;
    scene.run_until_members_agree()?;
    let model = scene.verify()?;
    scene.owners_are_alive(&model)
}

fn faults_and_calm(scene: &mut Scene) -> Checked {
    scene.run_faults()?;
    scene.heal();
    scene.run_until_calm(CALM)?;
    scene.last_power_loss();
    scene.run_until_calm(CALM)
}
