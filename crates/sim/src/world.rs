//! [`driver::world::World`] in virtual time.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use base::{Instant, Now, Prng};
use driver::world::{Job, Lane, World};

use crate::disk::SimDisk;
use crate::kernel::Kernel;

/// What one loop sees: the clock of this turn, its disk, and a place to put jobs.
pub struct SimWorld<Done> {
    now: Now,
    disk: SimDisk,
    submitted: Vec<(Lane, Job<Done>)>,
}

impl<Done> SimWorld<Done> {
    /// The world of a process that starts now.
    pub fn new(now: Now, disk: SimDisk) -> Self {
        Self { now, disk, submitted: Vec::new() }
    }

    /// Sets the clock for the next turn.
    pub fn set_now(&mut self, now: Now) {
        self.now = now;
    }

    /// The jobs that the last turn started, in order.
    pub fn take_jobs(&mut self) -> Vec<(Lane, Job<Done>)> {
        core::mem::take(&mut self.submitted)
    }
}

impl<Done: Send + 'static> World for SimWorld<Done> {
    type Disk = SimDisk;
    type Done = Done;

    fn now(&self) -> Now {
        self.now
    }

    fn disk(&self) -> &SimDisk {
        &self.disk
    }

    fn offload(&mut self, lane: Lane, job: Job<Done>) {
        self.submitted.push((lane, job));
    }
}

/// How long a job takes on a lane, before and after the moment at which it touches the disk.
#[derive(Clone, Copy, Debug)]
pub struct JobTimes {
    /// Bounds in microseconds, each half drawn between them.
    pub half_us: (u64, u64),
    /// One job in this many is a hundred times slower; 0 for never.
    pub slow_one_in: u64,
}

impl JobTimes {
    /// A disk that is a hundred times slower.
    pub fn slowed(mut self) -> Self {
        self.half_us = (self.half_us.0 * 100, self.half_us.1 * 100);
        self
    }
}

/// The earliest timer of a loop that is scheduled.
#[derive(Default)]
pub struct Timer(Option<Instant>);

impl Timer {
    /// The loop wants a turn at `deadline`: the moment to schedule, unless an earlier one is.
    pub fn want(&mut self, deadline: Option<Instant>) -> Option<Instant> {
        let at = deadline.filter(|at| self.0.is_none_or(|timer| *at < timer))?;
        self.0 = Some(at);
        Some(at)
    }

    /// Whether what was scheduled for `at` is still wanted. Then it is over.
    pub fn is_due(&mut self, at: Instant) -> bool {
        let due = self.0 == Some(at);
        if due {
            self.0 = None;
        }
        due
    }
}

/// The lanes of one process: jobs wait, run at one moment, and report at a later one. A crash drops the lanes and with
/// them what had not run.
pub struct Lanes<Done> {
    waiting: BTreeMap<Lane, VecDeque<Job<Done>>>,
    finished: BTreeMap<Lane, VecDeque<Done>>,
    free_at: BTreeMap<Lane, Instant>,
}

/// When a submitted job runs and when its result comes back.
#[derive(Clone, Copy, Debug)]
pub struct JobSchedule {
    /// [`Lanes::run`] is due.
    pub run_at: Instant,
    /// [`Lanes::finish`] is due.
    pub finish_at: Instant,
}

impl<Done> Default for Lanes<Done> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), finished: BTreeMap::new(), free_at: BTreeMap::new() }
    }
}

impl<Done> Lanes<Done> {
    /// Queues a job and says when to call [`Lanes::run`] and [`Lanes::finish`] for its lane.
    pub fn submit(
        &mut self,
        now: Instant,
        lane: Lane,
        job: Job<Done>,
        times: JobTimes,
        prng: &mut Prng,
    ) -> JobSchedule {
        self.waiting.entry(lane).or_default().push_back(job);
        let slow = if times.slow_one_in > 0 && prng.chance(1, times.slow_one_in) { 100 } else { 1 };
        let mut half = || Duration::from_micros(prng.between(times.half_us.0, times.half_us.1) * slow);
        let start = self.free_at.get(&lane).copied().unwrap_or_default().max(now);
        let run_at = start + half();
        let finish_at = run_at + half();
        self.free_at.insert(lane, finish_at);
        JobSchedule { run_at, finish_at }
    }

    /// [`Lanes::submit`]s the jobs of a turn; their moments are events.
    pub fn schedule<E>(
        &mut self,
        kernel: &mut Kernel<E>,
        jobs: Vec<(Lane, Job<Done>)>,
        times: JobTimes,
        run: impl Fn(Lane) -> E,
        finish: impl Fn(Lane) -> E,
    ) {
        for (lane, job) in jobs {
            let schedule = self.submit(kernel.mono(), lane, job, times, &mut kernel.prng);
            kernel.at(schedule.run_at, run(lane));
            kernel.at(schedule.finish_at, finish(lane));
        }
    }

    /// Runs the lane's next job: this is the moment at which it touches the disk.
    pub fn run(&mut self, lane: Lane) {
        let job = self.waiting.get_mut(&lane).and_then(VecDeque::pop_front).expect("one run for each submit");
        let done = job();
        self.finished.entry(lane).or_default().push_back(done);
    }

    /// The result of the lane's oldest finished job.
    pub fn finish(&mut self, lane: Lane) -> Done {
        self.finished.get_mut(&lane).and_then(VecDeque::pop_front).expect("one finish for each run")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_of_a_lane_keep_their_order_and_lanes_run_side_by_side() {
        let mut lanes: Lanes<u32> = Lanes::default();
        let mut prng = Prng::new(3);
        let times = JobTimes { half_us: (10, 5000), slow_one_in: 4 };
        let mut last = Instant::ZERO;
        for number in 0..50 {
            let schedule = lanes.submit(Instant::ZERO, Lane::Sync, Box::new(move || number), times, &mut prng);
            assert!(last < schedule.run_at && schedule.run_at < schedule.finish_at, "one at a time");
            last = schedule.finish_at;
        }
        let other = lanes.submit(Instant::ZERO, Lane::Bulk, Box::new(|| 99), times, &mut prng);
        assert!(other.finish_at < last, "another lane does not wait");
        for number in 0..50 {
            lanes.run(Lane::Sync);
            assert_eq!(lanes.finish(Lane::Sync), number);
        }
    }
}
