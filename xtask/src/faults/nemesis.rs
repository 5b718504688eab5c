//! What goes wrong, drawn from a seed: processes that are killed, paused, emptied or set back, links that are cut, one
//! way or both, or flap, and a disk that is full. At most one thing at a time, and never more than a quorum survives,
//! but for the fault that kills everybody.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use base::Prng;

use super::{Crowd, Mix};
use crate::ensemble::{APACHE, DEADLINE, Ensemble, Who};
use crate::process::{run_ok, wait_for};

/// A kind of fault.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fault {
    /// kill -9 of the leader.
    KillLeader,
    /// kill -9 of another member.
    KillFollower,
    /// kill -9 of everybody at once.
    KillAll,
    /// SIGTERM of the leader.
    StopLeader,
    /// SIGSTOP of the leader, then SIGCONT.
    PauseLeader,
    /// SIGSTOP of another member, then SIGCONT.
    PauseFollower,
    /// The leader reaches nobody and nobody reaches it.
    CutLeader,
    /// What the leader sends is held back.
    LeaderIsNotHeard,
    /// What is sent to the leader is held back.
    LeaderHearsNobody,
    /// Two members do not reach each other, while everybody else does.
    CutPair,
    /// A link goes and comes, and its connections with it.
    Flap,
    /// A member comes back with an empty folder.
    Wipe,
    /// A member comes back with the folder of some time ago.
    OldFolder,
    /// A member's disk is full for a while; needs root.
    DiskFull,
}

/// All of them; [`Fault::DiskFull`] last.
const ALL: [Fault; 14] = [
    Fault::KillLeader,
    Fault::KillFollower,
    Fault::KillAll,
    Fault::StopLeader,
    Fault::PauseLeader,
    Fault::PauseFollower,
    Fault::CutLeader,
    Fault::LeaderIsNotHeard,
    Fault::LeaderHearsNobody,
    Fault::CutPair,
    Fault::Flap,
    Fault::Wipe,
    Fault::OldFolder,
    Fault::DiskFull,
];

/// Acknowledged operations of each client between two things that go wrong within one fault.
const BETWEEN: u64 = 40;

/// Draws and plays faults.
pub struct Nemesis {
    chance: Prng,
    mix: Mix,
    /// Faults not yet played in this round: each one comes before any comes again.
    left: Vec<Fault>,
    small_disk: Option<SmallDisk>,
    /// How often each one was played.
    pub played: BTreeMap<Fault, usize>,
}

impl Nemesis {
    /// Faults of this seed. `small_disk` is the member that can run out of space, when there is one.
    pub fn new(seed: u64, mix: Mix, small_disk: Option<SmallDisk>) -> Self {
        Self { chance: Prng::new(seed), mix, left: Vec::new(), small_disk, played: BTreeMap::new() }
    }

    /// The next fault, from its beginning until everything runs again; the ensemble then has a leader.
    pub(super) fn play(&mut self, ensemble: &mut Ensemble, crowd: &Crowd<'_>) -> Result<()> {
        if self.left.is_empty() {
            self.left = ALL.into_iter().filter(|f| *f != Fault::DiskFull || self.small_disk.is_some()).collect();
        }
        let fault = self.left.swap_remove(self.chance.below(self.left.len() as u64) as usize);
        let leader = ensemble.wait_settled()?;
        let others: Vec<usize> = ensemble.ids().filter(|id| *id != leader).collect();
        let other = *self.chance.pick(&others).context("a single member has no other")?;
        println!("  {fault:?}: member {leader} ({}) leads, {other} is another", ensemble.member(leader).who);
        self.one(fault, ensemble, crowd, (leader, other))
            .with_context(|| format!("{fault:?} with {leader} leading"))?;
        ensemble.wait_settled().with_context(|| format!("behind {fault:?}"))?;
        *self.played.entry(fault).or_default() += 1;
        Ok(())
    }

    fn one(
        &mut self,
        fault: Fault,
        ensemble: &mut Ensemble,
        crowd: &Crowd<'_>,
        (leader, other): (usize, usize),
    ) -> Result<()> {
        let all: Vec<usize> = ensemble.ids().collect();
        let others: Vec<usize> = all.iter().copied().filter(|id| *id != leader).collect();
        match fault {
            Fault::KillLeader => self.restart(ensemble, &[leader]),
            Fault::KillFollower => self.restart(ensemble, &[other]),
            Fault::KillAll => self.restart(ensemble, &all),
            Fault::StopLeader => {
                ensemble.stop(leader)?;
                self.hold();
                self.start(ensemble, leader)
            }
            Fault::PauseLeader => self.pause(ensemble, leader),
            Fault::PauseFollower => self.pause(ensemble, other),
            Fault::CutLeader => {
                self.cut(ensemble, &others.iter().flat_map(|o| [(leader, *o), (*o, leader)]).collect::<Vec<_>>())
            }
            Fault::LeaderIsNotHeard => self.cut(ensemble, &others.iter().map(|o| (leader, *o)).collect::<Vec<_>>()),
            Fault::LeaderHearsNobody => self.cut(ensemble, &others.iter().map(|o| (*o, leader)).collect::<Vec<_>>()),
            Fault::CutPair => self.cut(ensemble, &[(leader, other), (other, leader)]),
            Fault::Flap => self.flap(ensemble, leader, other),
            Fault::Wipe => {
                ensemble.kill(other)?;
                // The others must have everything before this one may forget it.
                ensemble.wait_settled()?;
                self.empty(ensemble, other)?;
                self.start(ensemble, other)
            }
            Fault::OldFolder => self.set_back(ensemble, crowd, other),
            Fault::DiskFull => self.fill(ensemble),
        }
    }

    /// A moment in which a connection may or may not be given up: its length is part of the fault.
    fn hold(&mut self) {
        std::thread::sleep(Duration::from_millis(self.chance.between(200, 4_000)));
    }

    fn start(&mut self, ensemble: &mut Ensemble, id: usize) -> Result<()> {
        if self.mix == Mix::Mixed && self.chance.chance(1, 2) {
            let who = if ensemble.member(id).who == Who::Ours { APACHE } else { Who::Ours };
            ensemble.replace(id, who)?;
        }
        ensemble.start(id)
    }

    fn restart(&mut self, ensemble: &mut Ensemble, ids: &[usize]) -> Result<()> {
        for id in ids {
            ensemble.kill(*id)?;
        }
        self.hold();
        ids.iter().try_for_each(|id| self.start(ensemble, *id))
    }

    fn pause(&mut self, ensemble: &mut Ensemble, id: usize) -> Result<()> {
        ensemble.pause(id)?;
        self.hold();
        ensemble.go_on(id)
    }

    /// Cuts directions, sometimes with the connections that are there; then mends them.
    fn cut(&mut self, ensemble: &Ensemble, directions: &[(usize, usize)]) -> Result<()> {
        let links = ensemble.links()?;
        directions.iter().for_each(|(from, to)| links.set(*from, *to, true));
        if self.chance.chance(1, 2) {
            directions.iter().for_each(|(from, to)| links.reset(*from, *to));
        }
        self.hold();
        if self.chance.chance(1, 2) {
            directions.iter().for_each(|(from, to)| links.reset(*from, *to));
        }
        links.mend();
        Ok(())
    }

    fn flap(&mut self, ensemble: &Ensemble, one: usize, other: usize) -> Result<()> {
        let links = ensemble.links()?;
        for _ in 0..self.chance.between(3, 12) {
            links.set_both(one, other, true);
            std::thread::sleep(Duration::from_millis(self.chance.between(20, 400)));
            if self.chance.chance(2, 3) {
                links.reset(one, other);
            }
            links.set_both(one, other, false);
            std::thread::sleep(Duration::from_millis(self.chance.between(20, 600)));
        }
        Ok(())
    }

    fn empty(&self, ensemble: &mut Ensemble, id: usize) -> Result<()> {
        match &self.small_disk {
            // A mounted folder stays.
            Some(disk) if disk.member == id => empty_folder(&disk.folder),
            _ => ensemble.wipe(id),
        }
    }

    /// The folder of a while ago, with which a member lacks what it has acknowledged since. The others have it.
    fn set_back(&mut self, ensemble: &mut Ensemble, crowd: &Crowd<'_>, id: usize) -> Result<()> {
        ensemble.kill(id)?;
        let data = ensemble.member(id).data();
        let kept = data.with_extension("kept");
        copy_folder(&data, &kept)?;
        ensemble.start(id)?;
        ensemble.wait_settled()?;
        crowd.wait_served(BETWEEN)?;
        ensemble.kill(id)?;
        ensemble.wait_settled()?;
        empty_folder(&data)?;
        copy_folder(&kept, &data)?;
        std::fs::remove_dir_all(&kept).with_context(|| format!("remove {}", kept.display()))?;
        ensemble.start(id)
    }

    /// The member whose disk is small serves nobody, and comes back when there is space again. Ours ends by itself: what
    /// it failed to write must not be tried again. Apache's may go on looking for a leader.
    fn fill(&mut self, ensemble: &mut Ensemble) -> Result<()> {
        let disk = self.small_disk.as_ref().context("no member has a small disk")?;
        let (member, ballast) = (disk.member, disk.folder.join("ballast"));
        run_ok(sh("cat /dev/zero > \"$1\" 2>/dev/null || true", &ballast), "", DEADLINE)?;
        match ensemble.member(member).who {
            Who::Ours => ensemble.wait_ended(member).context("a member without space for its log must end")?,
            Who::Apache(_) => {
                let silent = || ensemble.mode(member).is_none().then_some(());
                wait_for("a member without space to serve nobody", DEADLINE, silent)?;
                ensemble.kill(member)?;
            }
        }
        std::fs::remove_file(&ballast).with_context(|| format!("remove {}", ballast.display()))?;
        self.start(ensemble, member)
    }
}

/// A folder on a file system of its own, in memory.
pub struct SmallDisk {
    /// Whose folder it is.
    pub member: usize,
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts one for the member's data, when this is root; none otherwise.
    pub fn mount(member: usize, folder: &Path) -> Result<Option<Self>> {
        if !rustix::process::getuid().is_root() {
            println!("  not root: no member's disk will be full");
            return Ok(None);
        }
        std::fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=256m", "tmpfs"]).arg(folder);
        match run_ok(mount, "", DEADLINE) {
            Ok(_) => Ok(Some(Self { member, folder: folder.to_path_buf() })),
            // A container's root may not mount.
            Err(error) => {
                println!("  no member's disk will be full: {error:#}");
                Ok(None)
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = wait_for("the small disk to be unused", Duration::from_secs(5), || {
            let mut umount = Command::new("umount");
            umount.arg(&self.folder);
            run_ok(umount, "", DEADLINE).ok()
        });
        if let Err(error) = unmounted {
            println!("  {} stays mounted: {error:#}", self.folder.display());
        }
    }
}

fn sh(script: &str, argument: &Path) -> Command {
    let mut sh = Command::new("sh");
    sh.args(["-c", script, "sh"]).arg(argument);
    sh
}

/// Removes what is in a folder, not the folder.
fn empty_folder(folder: &Path) -> Result<()> {
    run_ok(sh("find \"$1\" -mindepth 1 -delete", folder), "", DEADLINE).map(|_| ())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).with_context(|| format!("create {}", to.display()))?;
    let mut copy = Command::new("cp");
    copy.arg("-a").arg(from.join(".")).arg(to);
    run_ok(copy, "", DEADLINE).map(|_| ())
}
