//! A few seeds of each kind, and that a seed says everything.

use base::planted::PlantedBug;
use sim::run::{Kind, Options, SeedOptions, run, run_seed};

#[test]
fn a_few_seeds_of_each_kind_hold() {
    for kind in Kind::ALL {
        let report = run(&Options { kinds: vec![kind], from: 1, seeds: 5, bug: PlantedBug::None, threads: 1 });
        assert!(report.is_good(), "{kind:?}: {:?} {:?}", report.failure, report.thin);
    }
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for kind in Kind::ALL {
        for seed in 1..=20 {
            let hash = || run_seed(kind, SeedOptions { seed, bug: PlantedBug::None, trace_lines_max: 0 }).hash;
            assert_eq!(hash(), hash(), "{kind:?} seed {seed}");
        }
    }
}
