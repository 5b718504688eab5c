//! What kind of bad day a seed has: drawn first, before anything happens.

use core::time::Duration;

use base::Prng;
use zab::{Config, ReadConfig, Sid};

use super::reconfig;
use crate::net::NetTimes;

/// The draw.
#[derive(Clone, Debug)]
pub struct Swarm {
    pub voters: Vec<Sid>,
    pub observers: Vec<Sid>,
    /// Servers that are in nobody's configuration but their own, until a reconfig takes them in.
    pub joiners: Vec<Sid>,
    /// Whether the ensemble is reconfigured meanwhile.
    pub reconfigures: bool,
    pub net: NetTimes,
    /// Bounds of one disk operation in microseconds; a batch takes as long as one.
    pub disk_us: (u64, u64),
    pub tick: Duration,
    pub commit_log_count: usize,
    /// Whether learners may get what they lack from the log on the disk.
    pub log_sync: bool,
    /// Mean time between two proposals.
    pub propose_every: Duration,
    /// Mean time between two faults.
    pub fault_every: Duration,
    /// Weights of the faults, in the order of [`Fault`].
    pub weights: [u64; 6],
    /// How long the faults last.
    pub storm: Duration,
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A process dies and comes back.
    Crash,
    /// All of them die at once.
    CrashAll,
    /// Two groups of servers cannot talk.
    Partition,
    /// A connection is reset.
    Reset,
    /// A process stands still for a while.
    Pause,
    /// A server takes a snapshot and forgets its older log.
    Snapshot,
}

impl Fault {
    pub const ALL: [Self; 6] = [Self::Crash, Self::CrashAll, Self::Partition, Self::Reset, Self::Pause, Self::Snapshot];
}

impl Swarm {
    /// The draw of a seed. Whether there are reconfigs is told by its number, so that the seeds that are known by name do
    /// what they did before.
    pub fn draw(seed: u64, prng: &mut Prng) -> Self {
        let reconfigures = seed.is_multiple_of(3);
        let voters = *prng.pick(&[1, 3, 3, 3, 5]).expect("not empty");
        let observers = prng.below(3) as i64;
        let fast = prng.chance(2, 3);
        let mut weights = [0; 6];
        weights.iter_mut().for_each(|weight| *weight = if prng.chance(1, 3) { 0 } else { prng.between(1, 10) });
        weights[0] = weights[0].max(1);
        weights[1] /= 3;
        Self {
            voters: (1..=voters).collect(),
            observers: (voters + 1..=voters + observers).collect(),
            joiners: if reconfigures {
                (voters + observers + 1..=voters + observers + 2).collect()
            } else {
                Vec::new()
            },
            reconfigures,
            net: NetTimes {
                delay_us: if fast { (50, 500) } else { (500, 15_000) },
                slow_one_in: if prng.chance(1, 2) { prng.between(20, 400) } else { 0 },
            },
            disk_us: if prng.chance(1, 2) { (20, 400) } else { (1000, 40_000) },
            tick: Duration::from_millis(prng.between(100, 400)),
            commit_log_count: prng.between(2, 60) as usize,
            log_sync: true,
            propose_every: Duration::from_micros(prng.between(2000, 9000)),
            fault_every: Duration::from_millis(prng.between(300, 2500)),
            weights,
            storm: Duration::from_secs(20),
        }
    }

    /// A server's settings.
    pub fn config(&self, sid: Sid) -> Config {
        let mut config = Config::new(sid);
        config.tick = self.tick;
        config.notification_min = self.tick / 4;
        config.notification_max = self.tick * 4;
        config.finalize_wait = self.tick / 10;
        // Votes cross more often while everybody waits for a better one; the ensembles of keepers do not wait.
        config.decides_early = false;
        config.redial = self.tick / 10;
        config.redial_min = config.redial;
        config.commit_log_count = self.commit_log_count;
        config.read_config = self.reconfigures.then_some(reconfig::read as ReadConfig);
        config.log_sync = self.log_sync;
        config
    }

    /// Everybody.
    pub fn sids(&self) -> Vec<Sid> {
        self.voters.iter().chain(&self.observers).chain(&self.joiners).copied().collect()
    }
}
