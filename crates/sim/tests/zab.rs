//! The simulated ensembles: seeds hold, and come through everything that they are there for.

use base::planted::PlantedBug;
use sim::run::{FAULTS_MIN, OPERATIONS_MIN, SeedOptions};
use sim::zab::{Mark, Marks, run_marked};

#[test]
fn seeds_hold_and_come_through_everything() {
    let mut marks = Marks::default();
    for seed in 1..=200 {
        let (outcome, seen) = run_marked(SeedOptions { seed, bug: PlantedBug::None, trace_lines_max: 0 });
        assert_eq!(outcome.result, Ok(()), "seed {seed}");
        let thin = outcome.operations < OPERATIONS_MIN || outcome.faults < FAULTS_MIN;
        // Nobody leads any more: see the mark.
        assert!(!thin || outcome.ended_early, "seed {seed} is too thin");
        marks.add(&seen);
    }
    let missed: Vec<Mark> = Mark::ALL.into_iter().filter(|mark| marks.count(*mark) == 0).collect();
    assert!(missed.is_empty(), "never seen: {missed:?}; seen: {marks:?}");
}

#[test]
fn a_seed_does_the_same_twice() {
    let hash = || run_marked(SeedOptions { seed: 7, bug: PlantedBug::None, trace_lines_max: 0 }).0.hash;
    assert_eq!(hash(), hash());
}
