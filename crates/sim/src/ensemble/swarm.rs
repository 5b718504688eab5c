//! What kind of bad day a seed has: the members, the faults, how slow disk and network are. Clients and the workload are
//! drawn as for a keeper alone.

use core::time::Duration;
use std::path::Path;

use base::planted::PlantedBug;
use base::{Prng, Str};
use driver::keeper_loop::{EnsembleConfig, KeeperLoopConfig};
use zab::{QuorumVerifier, Sid};

use crate::keeper::swarm::Swarm as Load;

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A member loses power.
    PowerLoss,
    /// A member's process is killed.
    Kill,
    /// All members lose power at once.
    AllDown,
    /// Two groups of members cannot talk for a while.
    Partition,
    /// A link between members is reset.
    Reset,
    /// A client's connection is reset.
    ClientReset,
    /// A client's connection stalls.
    ClientStall,
    /// A process stands still for a while.
    Pause,
    /// The next operation of some kind on a disk fails.
    DiskError,
    /// A disk is a hundred times slower for a while.
    SlowDisk,
    /// No fault: the operator wants another leader.
    HandOver,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::PowerLoss,
        Self::Kill,
        Self::AllDown,
        Self::Partition,
        Self::Reset,
        Self::ClientReset,
        Self::ClientStall,
        Self::Pause,
        Self::DiskError,
        Self::SlowDisk,
        Self::HandOver,
    ];
}

/// The character of a run.
#[derive(Clone, Debug)]
pub struct Swarm {
    /// Clients, workload, disk and network.
    pub load: Load,
    /// Members that vote.
    pub voters: Vec<Sid>,
    /// Members that only listen.
    pub observers: Vec<Sid>,
    /// Whether followers serve observers.
    pub observer_masters: bool,
    /// The ensemble's tick.
    pub tick: Duration,
    /// `commitLogCount`: with few of them a member that was away needs a snapshot.
    pub commit_log_count: usize,
    /// `snapshotSizeFactor`: below 0 nobody gets anything of the log on the disk.
    pub snapshot_size_factor: f64,
    /// `castlekeep.linearizableReads`
    pub linearizable_reads: bool,
    /// Faults that happen, each as often as it is listed.
    pub faults: Vec<Fault>,
    /// Bounds of the time between two faults.
    pub fault_ms: (u64, u64),
}

impl Swarm {
    /// Draws a character.
    pub fn draw(prng: &mut Prng) -> Self {
        let mut load = Load::draw(prng);
        // What a quota counts is set right at each start of a member: not the same everywhere, as upstream.
        (load.mix.quotas, load.rules.enforce_quota) = (false, false);
        load.disk.half_us.1 = load.disk.half_us.1.min(400);
        load.net.delay_us.1 = load.net.delay_us.1.min(1000);
        load.rules.reconfig_enabled = false;
        load.rules.local_sessions = prng.chance(1, 4);
        load.rules.local_sessions_upgrading = prng.chance(2, 3);
        // The load lasts for about so long, so that elections come between the requests.
        let burst = load.burst_max.div_ceil(2);
        let pause_us = (12_000_000 * load.clients as u64 * burst / load.operations).max(1000);
        load.pause_us = (pause_us / 2, pause_us * 3 / 2);
        let voters = *prng.pick(&[1, 3, 3, 3, 3, 5]).expect("not empty");
        let observers = *prng.pick(&[0, 0, 1, 2]).expect("not empty");
        let mut faults: Vec<Fault> = Fault::ALL.into_iter().filter(|_| prng.chance(1, 2)).collect();
        faults.push(if prng.chance(1, 2) { Fault::PowerLoss } else { Fault::Kill });
        let mean_ms = prng.between(300, 1500);
        Self {
            voters: (1..=voters).collect(),
            observers: (voters + 1..=voters + observers).collect(),
            observer_masters: prng.chance(1, 2),
            tick: Duration::from_millis(prng.between(100, 400)),
            commit_log_count: *prng.pick(&[3, 40, 500]).expect("not empty"),
            snapshot_size_factor: *prng.pick(&[-1.0, 0.0, 0.33, 2.0]).expect("not empty"),
            faults,
            fault_ms: (mean_ms / 2, mean_ms * 3 / 2),
            linearizable_reads: prng.chance(1, 2),
            load,
        }
    }

    /// Everybody.
    pub fn sids(&self) -> Vec<Sid> {
        self.voters.iter().chain(&self.observers).copied().collect()
    }

    /// Who decides.
    pub fn verifier(&self) -> QuorumVerifier {
        QuorumVerifier::majority(self.voters.iter().copied())
    }

    /// A member's configuration.
    pub fn config(&self, sid: Sid, bug: PlantedBug) -> KeeperLoopConfig {
        let mut zab = zab::Config::new(sid);
        zab.tick = self.tick;
        zab.notification_min = self.tick / 4;
        zab.notification_max = self.tick * 4;
        zab.finalize_wait = self.tick / 10;
        zab.redial = self.tick / 10;
        zab.redial_min = zab.redial / 32;
        zab.commit_log_count = self.commit_log_count;
        zab.observer_master = self.observer_masters;
        zab.log_sync = self.snapshot_size_factor >= 0.0;
        zab.bug = bug;
        let mut config = KeeperLoopConfig::new(Path::new("/data"));
        let load = &self.load;
        config.log.pre_alloc_bytes = load.pre_alloc_bytes;
        config.log.zeros_ahead_bytes = load.pre_alloc_bytes / 16;
        config.log.group_bytes_max = load.group_bytes_max;
        config.retain = load.retain;
        config.snapshot_size_factor = self.snapshot_size_factor;
        config.snapshot_chunk_bytes = load.snapshot_chunk_bytes.max(300);
        config.keeper.server_id = u8::try_from(sid).expect("few members");
        config.keeper.tick_time_ms = load.tick_time_ms;
        config.keeper.session_timeout_ms_min = 1000;
        config.keeper.session_timeout_ms_max = 20_000;
        config.keeper.snap_count = load.snap_count;
        config.keeper.extended_types_enabled = load.rules.extended_types;
        config.keeper.reconfig_enabled = false;
        config.keeper.container_never_used_ms_max = load.rules.container_never_used_ms_max as u64;
        config.keeper.container_check_interval_ms = load.container_check_interval_ms;
        config.keeper.containers_per_minute_max = load.containers_per_minute_max;
        config.keeper.local_sessions = load.rules.local_sessions;
        config.keeper.local_sessions_upgrading = load.rules.local_sessions_upgrading;
        config.keeper.linearizable_reads = self.linearizable_reads;
        config.keeper.piece_max = load.piece_max;
        config.keeper.bug = bug;
        config.bug = bug;
        let (verifier, config_text) = (self.verifier(), Str::from("version=0"));
        config.ensemble = Some(EnsembleConfig { zab, verifier, config_text, next_text: None });
        config
    }
}
