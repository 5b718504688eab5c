//! What goes wrong, and for how long.

use core::time::Duration;
use std::collections::BTreeSet;

use base::Instant;
use zab::{Sid, Standing};

use super::super::links;
use super::super::swarm::Fault;
use super::{Event, FAULTS_MAX, Scene};
use crate::disk::{Crash, DiskOp};
use crate::net::{LinkId, To};

impl Scene {
    pub(super) fn schedule_fault(&mut self) {
        let (low, high) = self.swarm.fault_ms;
        let pause = Duration::from_millis(self.stage.kernel.prng.between(low, high));
        self.stage.kernel.after(pause, Event::Fault);
    }

    pub(super) fn fault(&mut self) {
        self.schedule_fault();
        let Some(fault) = self.stage.kernel.prng.pick(&self.swarm.faults).copied() else { return };
        if self.faults == FAULTS_MAX {
            return;
        }
        self.faults += 1;
        let (now, sids) = (self.stage.kernel.mono(), self.swarm.sids());
        let victim = *self.stage.kernel.prng.pick(&sids).expect("there are members");
        self.stage.kernel.note("fault", &[fault as u64, victim.unsigned_abs()], &[]);
        self.stage.note(|| format!("fault {fault:?} of {victim}"));
        self.coverage.hit(&format!("fault {fault:?}"));
        let down = Duration::from_millis(self.stage.kernel.prng.between(1, 1000));
        self.trouble(down * 4);
        let power = Crash::Power { survive_percent: self.stage.load.survive_percent };
        match fault {
            Fault::PowerLoss => self.crash(victim, power, down),
            Fault::Kill => self.crash(victim, Crash::Process, down),
            Fault::AllDown => sids.into_iter().for_each(|sid| self.crash(sid, power, down)),
            Fault::Partition => self.partition(now + down * 4),
            Fault::Pause => self.member(victim).paused_until = now + down * 3,
            Fault::Reset => {
                let links: Vec<LinkId> = self.member_links.keys().copied().collect();
                self.reset(&links);
            }
            Fault::ClientReset => {
                let links = self.stage.client_links();
                self.reset(&links);
            }
            Fault::ClientStall => {
                let links = self.stage.client_links();
                if let Some(link) = self.stage.kernel.prng.pick(&links) {
                    self.stage.net.stall(*link, now + down * 5);
                }
            }
            Fault::DiskError => self.disk_error(victim),
            Fault::SlowDisk => {
                self.member(victim).slow_disk = true;
                self.stage.kernel.after(down, Event::DiskHeals { sid: victim });
            }
            Fault::HandOver => self.hand_over(victim),
        }
    }

    /// Whoever leads is asked to let another one lead, and sometimes not to choose itself.
    fn hand_over(&mut self, to: Sid) {
        let to = self.stage.kernel.prng.chance(1, 2).then_some(to);
        for sid in self.swarm.sids() {
            let member = self.member(sid);
            if let (Standing::Leading(_), Some(process)) = (member.standing, &mut member.process) {
                process.hand_over(to);
                self.want_turn(sid);
            }
        }
    }

    /// Members in one half cannot talk to those in the other one.
    pub(super) fn partition(&mut self, until: Instant) {
        let sids = self.swarm.sids();
        let (mut a, mut b) = (BTreeSet::new(), BTreeSet::new());
        for sid in &sids {
            if self.stage.kernel.prng.chance(1, 2) {
                a.insert(*sid)
            } else {
                b.insert(*sid)
            };
        }
        for (x, y) in a.iter().flat_map(|x| b.iter().map(move |y| (*x, *y))) {
            self.votes.block(x, y, until);
        }
        for (link, ..) in links::between(&self.member_links, &a, &b) {
            self.stage.net.stall(link, until);
        }
    }

    pub(super) fn reset(&mut self, links: &[LinkId]) {
        if let Some(link) = self.stage.kernel.prng.pick(links).copied() {
            self.stage.reset(link);
        }
    }

    pub(super) fn disk_error(&mut self, victim: Sid) {
        const OPS: [DiskOp; 7] = [
            DiskOp::Read,
            DiskOp::Write,
            DiskOp::SetLen,
            DiskOp::Sync,
            DiskOp::SyncDir,
            DiskOp::Create,
            DiskOp::Rename,
        ];
        let member = self.members.get_mut(&victim).expect("a member of this ensemble");
        member.disk.fail_some(&OPS, &mut self.stage.kernel.prng);
    }

    pub(super) fn crash(&mut self, sid: Sid, crash: Crash, restart_after: Duration) {
        let power = matches!(crash, Crash::Power { .. });
        self.operator = self.operator.take().filter(|operator| operator.sid != sid);
        self.stage.kernel.note("crash", &[sid.unsigned_abs(), power.into()], &[]);
        self.trouble(restart_after);
        let member = self.members.get_mut(&sid).expect("a member of this ensemble");
        member.process = None;
        member.disk = member.disk.crash(crash);
        (member.standing, member.paused_until) = (Standing::Looking, Instant::ZERO);
        member.life += 1;
        let life = member.life;
        self.votes.forget(sid);
        let silent = power && self.stage.kernel.prng.chance(1, 2);
        let of_member = |link: &&LinkId| self.client_links.get(link).is_some_and(|open| open.sid == sid);
        for link in self.stage.net.open_links().iter().filter(of_member).copied().collect::<Vec<_>>() {
            self.stage.lose(link, To::Server, silent);
        }
        let ends =
            self.member_links.iter().filter_map(|(id, link)| match (link.learner.0 == sid, link.leader.0 == sid) {
                (true, _) => Some((*id, To::Client)),
                (_, true) => Some((*id, To::Server)),
                _ => None,
            });
        for (link, end) in ends.collect::<Vec<_>>() {
            self.stage.lose(link, end, silent);
        }
        self.stage.kernel.after(restart_after, Event::Start { sid, life });
    }
}
