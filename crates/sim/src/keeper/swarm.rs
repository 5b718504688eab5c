//! What a seed's run is like: which faults exist, how strong they are, how slow disk and network, how small the files.
//! Each seed draws its own ("swarm testing"), so that rare combinations get whole runs to themselves.

use base::Prng;

use super::model::Rules;
use super::workload::Mix;
use crate::net::NetTimes;
use crate::world::JobTimes;

/// A kind of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The machine loses power.
    PowerLoss,
    /// The process is killed.
    Kill,
    /// The next operation of some kind on the disk fails.
    DiskError,
    /// The disk is full for a while.
    DiskFull,
    /// A connection is reset, with the loss of what is under way.
    Reset,
    /// A connection stalls.
    Stall,
    /// An end of a connection vanishes without a word.
    Vanish,
    /// The wall clock jumps.
    ClockJump,
    /// The disk is a hundred times slower for a while.
    SlowDisk,
}

/// All of them.
pub const FAULTS: [Fault; 9] = [
    Fault::PowerLoss,
    Fault::Kill,
    Fault::DiskError,
    Fault::DiskFull,
    Fault::Reset,
    Fault::Stall,
    Fault::Vanish,
    Fault::ClockJump,
    Fault::SlowDisk,
];

/// The character of a run.
#[derive(Clone, Debug)]
pub struct Swarm {
    /// Clients.
    pub clients: usize,
    /// Requests to send before the faults may end.
    pub operations: u64,
    /// The workload.
    pub mix: Mix,
    /// Requests that a client sends at once, at most.
    pub burst_max: u64,
    /// Bounds of a client's pause between bursts, in microseconds.
    pub pause_us: (u64, u64),
    /// Faults that happen, each as often as it is listed.
    pub faults: Vec<Fault>,
    /// Bounds of the time between two faults, in microseconds.
    pub fault_us: (u64, u64),
    /// Bounds of the time between two things that the operator does, in microseconds; `None` does nothing.
    pub operator_us: Option<(u64, u64)>,
    /// Of what was not synced, how much survives a power loss.
    pub survive_percent: u64,
    /// The network.
    pub net: NetTimes,
    /// The disk.
    pub disk: JobTimes,
    /// One request in this many closes its session; 0 for never.
    pub close_one_in: u64,
    /// The machine's `snapCount`.
    pub snap_count: u64,
    /// `preAllocSize` in bytes.
    pub pre_alloc_bytes: u64,
    /// Bytes of a group commit.
    pub group_bytes_max: u64,
    /// Snapshots to keep; `None` never purges.
    pub retain: Option<usize>,
    /// `tickTime`.
    pub tick_time_ms: i32,
    /// How the tree is kept.
    pub rules: Rules,
    /// `znode.container.checkIntervalMs`
    pub container_check_interval_ms: u64,
    /// `znode.container.maxPerMinute`
    pub containers_per_minute_max: u32,
    /// Bytes of a piece of a snapshot.
    pub snapshot_chunk_bytes: usize,
    /// What is long is done in pieces of so many.
    pub piece_max: usize,
    /// The longest time between two pieces, in microseconds.
    pub piece_us_max: u64,
}

impl Swarm {
    /// Draws a character.
    pub fn draw(prng: &mut Prng) -> Self {
        let mut faults: Vec<Fault> = FAULTS.into_iter().filter(|_| prng.chance(1, 2)).collect();
        // Without a crash the run would test little: one kind is always there.
        faults.push(if prng.chance(2, 3) { Fault::PowerLoss } else { Fault::Kill });
        let pick = |prng: &mut Prng, choices: &[u64]| *prng.pick(choices).expect("not empty");
        let disk_us = pick(prng, &[20, 200, 3000]);
        let net_us = pick(prng, &[50, 500, 5000]);
        let pause_us = pick(prng, &[100, 2000, 20_000]);
        let clients = prng.between(2, 8) as usize;
        let (operations, burst_max) = (prng.between(1000, 1400), prng.between(1, 16));
        // The load alone would take about so long; that many faults are spread over it.
        let load_us = operations * pause_us * 11 / 20 / (clients as u64 * (1 + burst_max) / 2).max(1);
        // Between two faults there must be time to get something done at all.
        let fault_us = (load_us / prng.between(4, 24)).max(5000 + 20 * (disk_us + net_us));
        Self {
            clients,
            operations,
            mix: Mix::draw(prng),
            burst_max,
            pause_us: (pause_us / 10, pause_us),
            faults,
            fault_us: (fault_us / 2, fault_us * 3 / 2),
            operator_us: prng.chance(1, 2).then_some((fault_us / 4, fault_us * 2)),
            survive_percent: pick(prng, &[0, 0, 10, 50, 90]),
            net: NetTimes { delay_us: (10, net_us), slow_one_in: pick(prng, &[0, 50, 500]) },
            disk: JobTimes { half_us: (5, disk_us), slow_one_in: pick(prng, &[0, 20, 200]) },
            close_one_in: pick(prng, &[0, 50, 300]),
            snap_count: pick(prng, &[5, 30, 200, 100_000]),
            pre_alloc_bytes: pick(prng, &[0, 8 << 10, 64 << 10]),
            group_bytes_max: pick(prng, &[500, 8 << 10, 1 << 20]),
            retain: if prng.chance(1, 4) { Some(3) } else { None },
            tick_time_ms: pick(prng, &[100, 500, 1000]) as i32,
            rules: Rules {
                extended_types: prng.chance(4, 5),
                enforce_quota: prng.chance(2, 3),
                reconfig_enabled: prng.chance(1, 2),
                ensemble: false,
                container_never_used_ms_max: pick(prng, &[0, 300, 60_000]) as i64,
                ..Rules::default()
            },
            container_check_interval_ms: pick(prng, &[50, 500, 5000]),
            containers_per_minute_max: pick(prng, &[600, 60_000]) as u32,
            snapshot_chunk_bytes: pick(prng, &[1, 300, 256 << 10]) as usize,
            piece_max: pick(prng, &[1, 2, 5, 1000]) as usize,
            piece_us_max: pick(prng, &[10, 1000, 20_000]),
        }
    }
}
