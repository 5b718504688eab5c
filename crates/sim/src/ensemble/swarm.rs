//! What kind of bad day a seed has: the members, the faults, how slow disk and network are. Clients and the workload are
//! drawn as for a keeper alone.

use core::time::Duration;
use std::path::Path;

use base::planted::PlantedBug;
use base::{Prng, Str};
use driver::keeper_loop::{EnsembleConfig, KeeperLoopConfig};
use keeper::membership::Membership;
use zab::{QuorumVerifier, Sid};
use zk_wire::ReconfigRequest;

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

/// What a member's files say of the ensemble; both are durable once they are written.
#[derive(Clone, Debug)]
pub struct Files {
    /// The configuration that counts.
    pub config: Str,
    /// A later one that may be committed.
    pub next: Option<Str>,
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
    /// Whether the operator changes meanwhile who is in the ensemble.
    pub reconfigures: bool,
    /// Servers that may join it.
    pub joiners: Vec<Sid>,
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
    /// Draws a character. Every third seed is reconfigured.
    pub fn draw(prng: &mut Prng, seed: u64) -> Self {
        let mut load = Load::draw(prng);
        // What a quota counts is set right at each start of a member: not the same everywhere, as upstream.
        (load.mix.quotas, load.rules.enforce_quota) = (false, false);
        load.disk.half_us.1 = load.disk.half_us.1.min(400);
        load.net.delay_us.1 = load.net.delay_us.1.min(1000);
        let reconfigures = seed.is_multiple_of(3);
        (load.rules.reconfig_enabled, load.rules.ensemble) = (reconfigures, true);
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
        let joiners = if reconfigures { seed / 3 % 3 } else { 0 } as Sid;
        Self {
            reconfigures,
            joiners: (voters + observers + 1..=voters + observers + joiners).collect(),
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
        self.voters.iter().chain(&self.observers).chain(&self.joiners).copied().collect()
    }

    /// What the files of a member say before its first start. One that is to join knows the ensemble and itself.
    pub fn files(&self, sid: Sid) -> Files {
        if !self.reconfigures {
            return Files { config: Str::from("version=0"), next: None };
        }
        let own = self.joiners.iter().filter(|joiner| **joiner == sid).map(|joiner| line(*joiner, joiner % 2 == 0));
        let voters = self.voters.iter().map(|voter| line(*voter, true));
        let lines: Vec<String> = voters.chain(self.observers.iter().map(|sid| line(*sid, false))).chain(own).collect();
        Files { config: Str::from(format!("{}\nversion=0", lines.join("\n")).as_str()), next: None }
    }

    /// Who votes, as a member's files say it, and whether it does.
    pub fn voters_of(&self, sid: Sid, files: &Files) -> (Vec<Sid>, bool) {
        let voters = match self.reconfigures {
            true => Membership::parse(&files.config).expect("a configuration makes sense").voters().collect(),
            false => self.voters.clone(),
        };
        let votes = voters.contains(&sid);
        (voters, votes)
    }

    /// A member's configuration.
    pub fn config(&self, sid: Sid, bug: PlantedBug, files: &Files) -> KeeperLoopConfig {
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
        config.keeper.reconfig_enabled = self.reconfigures;
        // Of super:admin.
        config.keeper.super_digest = Some("super:xQJmxLMiHGwaqBvst5y6rkB6HQs=".into());
        config.keeper.container_never_used_ms_max = load.rules.container_never_used_ms_max as u64;
        config.keeper.container_check_interval_ms = load.container_check_interval_ms;
        config.keeper.containers_per_minute_max = load.containers_per_minute_max;
        config.keeper.local_sessions = load.rules.local_sessions;
        config.keeper.local_sessions_upgrading = load.rules.local_sessions_upgrading;
        config.keeper.linearizable_reads = self.linearizable_reads;
        config.keeper.piece_max = load.piece_max;
        config.keeper.bug = bug;
        config.bug = bug;
        let verifier = QuorumVerifier::majority(self.voters_of(sid, files).0);
        let Files { config: config_text, next: next_text } = files.clone();
        config.ensemble = Some(EnsembleConfig { zab, verifier, config_text, next_text });
        config
    }
}

/// A server's line.
fn line(sid: Sid, votes: bool) -> String {
    let role = if votes { "participant" } else { "observer" };
    format!("server.{sid}=host{sid}:2888:3888:{role};2181")
}

/// Another ensemble: one or two servers get another part, or are no part of it.
pub fn change(now: &Membership, servers: &[Sid], prng: &mut Prng) -> ReconfigRequest {
    let (mut next, count) = (now.clone(), prng.between(1, 2));
    let (mut joining, mut leaving) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let sid = *prng.pick(servers).expect("there are servers");
        next.members.remove(&sid);
        match prng.below(5) {
            0 => leaving.push(sid.to_string()),
            part => {
                let line = line(sid, part > 1);
                let (key, value) = line.split_once('=').expect("as it is written above");
                next.add(key, value).expect("the line is a server's");
                joining.push(line);
            }
        }
    }
    let text = |parts: &[String]| (!parts.is_empty()).then(|| Str::from(parts.join(",").as_str()));
    match prng.chance(1, 2) {
        true => ReconfigRequest {
            joining_servers: text(&joining),
            leaving_servers: text(&leaving),
            new_members: None,
            cur_config_id: -1,
        },
        false => ReconfigRequest {
            joining_servers: None,
            leaving_servers: None,
            new_members: text(&next.lines()),
            cur_config_id: now.version,
        },
    }
}
