//! When the log gets a new file and a snapshot is due (upstream: `SyncRequestProcessor.shouldSnapshot`). The random half
//! keeps the servers of an ensemble from doing it at the same time.

use base::Prng;

use crate::config::Config;
use crate::event::Effect;

/// Counts what was appended since the last roll.
#[derive(Debug)]
pub struct Roll {
    prng: Prng,
    count_max: u64,
    bytes_max: u64,
    count: u64,
    bytes: u64,
    snapshot_running: bool,
}

impl Roll {
    /// Nothing appended yet.
    pub fn new(config: &Config, prng: Prng) -> Self {
        let mut roll = Self { prng, count_max: 0, bytes_max: 0, count: 0, bytes: 0, snapshot_running: false };
        roll.reset(config);
        roll
    }

    /// Something was appended: rolls when it is time.
    pub fn on_append(&mut self, config: &Config, bytes: usize, effects: &mut Vec<Effect>) {
        self.count += 1;
        self.bytes += bytes as u64;
        if self.count <= self.count_max && self.bytes <= self.bytes_max {
            return;
        }
        self.reset(config);
        effects.push(Effect::RollLog);
        // One snapshot at a time; the next roll brings the next chance.
        if !self.snapshot_running {
            self.snapshot_running = true;
            effects.push(Effect::TakeSnapshot);
        }
    }

    /// The snapshot is written, or has failed.
    pub fn on_snapshot_done(&mut self) {
        self.snapshot_running = false;
    }

    fn reset(&mut self, config: &Config) {
        let mut somewhere_in_the_upper_half = |max: u64| max / 2 + self.prng.below((max / 2).max(1));
        self.count_max = somewhere_in_the_upper_half(config.snap_count);
        self.bytes_max = match config.snap_size_bytes {
            0 => u64::MAX,
            max => somewhere_in_the_upper_half(max),
        };
        (self.count, self.bytes) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rolls_between_half_of_the_count_and_all_of_it() {
        let config = Config { snap_count: 100, ..Config::default() };
        let mut roll = Roll::new(&config, Prng::new(1));
        let mut effects = Vec::new();
        let mut rolls = Vec::new();
        for appended in 1..=1000 {
            effects.clear();
            roll.on_append(&config, 10, &mut effects);
            match effects[..] {
                [] => {}
                [Effect::RollLog, Effect::TakeSnapshot] => {
                    rolls.push(appended);
                    roll.on_snapshot_done();
                }
                _ => panic!("{effects:?}"),
            }
        }
        assert!(rolls.windows(2).all(|pair| (50..=101).contains(&(pair[1] - pair[0]))), "{rolls:?}");
        assert!(rolls.len() >= 9);
    }

    #[test]
    fn a_running_snapshot_is_not_doubled() {
        let config = Config { snap_count: 0, snap_size_bytes: 0, ..Config::default() };
        let mut roll = Roll::new(&config, Prng::new(1));
        let mut effects = Vec::new();
        roll.on_append(&config, 10, &mut effects);
        roll.on_append(&config, 10, &mut effects);
        assert_eq!(effects, [Effect::RollLog, Effect::TakeSnapshot, Effect::RollLog]);
    }
}
