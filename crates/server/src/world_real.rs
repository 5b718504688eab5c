//! What the loops' worlds have in common here: a thread per lane for long jobs, and the inbox that a loop sleeps on.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use driver::world::{Job, Lane};
use parking_lot::{Condvar, Mutex};

/// A queue that many threads and tasks fill without waiting, and one loop empties.
pub struct Inbox<T> {
    queue: Mutex<Vec<T>>,
    filled: Condvar,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self { queue: Mutex::new(Vec::new()), filled: Condvar::new() }
    }
}

impl<T> Inbox<T> {
    /// Adds an item and wakes the loop.
    pub fn push(&self, item: T) {
        let mut queue = self.queue.lock();
        let was_empty = queue.is_empty();
        queue.push(item);
        drop(queue);
        if was_empty {
            self.filled.notify_one();
        }
    }

    /// Adds several items, in order, and wakes the loop.
    pub fn push_all(&self, items: &mut Vec<T>) {
        if items.is_empty() {
            return;
        }
        let mut queue = self.queue.lock();
        let was_empty = queue.is_empty();
        queue.append(items);
        drop(queue);
        if was_empty {
            self.filled.notify_one();
        }
    }

    /// Moves what is there into `into`, in order, without waiting.
    pub fn take_now(&self, into: &mut Vec<T>) {
        into.append(&mut self.queue.lock());
    }

    /// Moves everything into `into`, in order, after waiting for something to come or for `deadline`.
    pub fn take(&self, into: &mut Vec<T>, deadline: Option<std::time::Instant>) {
        let mut queue = self.queue.lock();
        while queue.is_empty() {
            match deadline {
                None => self.filled.wait(&mut queue),
                Some(deadline) => {
                    if self.filled.wait_until(&mut queue, deadline).timed_out() {
                        break;
                    }
                }
            }
        }
        if into.is_empty() {
            std::mem::swap(&mut *queue, into);
        } else {
            into.append(&mut queue);
        }
    }
}

/// A thread per [`Lane`], and one per core for [`Lane::Compute`], started with the lane's first job. Dropping waits for the job under way; jobs that have not
/// begun are forgotten.
pub struct Lanes<Done> {
    owner: &'static str,
    deliver: Arc<dyn Fn(Done) + Send + Sync>,
    lanes: BTreeMap<Lane, LaneThreads<Done>>,
    stop: Arc<AtomicBool>,
}

struct LaneThreads<Done> {
    jobs: Option<Sender<Job<Done>>>,
    threads: Vec<JoinHandle<()>>,
}

impl<Done: Send + 'static> Lanes<Done> {
    /// Lanes whose results go to `deliver`. `owner` names the threads.
    pub fn new(owner: &'static str, deliver: impl Fn(Done) + Send + Sync + 'static) -> Self {
        Self { owner, deliver: Arc::new(deliver), lanes: BTreeMap::new(), stop: Arc::default() }
    }

    /// Gives a job to its lane's thread.
    pub fn offload(&mut self, lane: Lane, job: Job<Done>) {
        let (owner, deliver, stop) = (self.owner, &self.deliver, &self.stop);
        let entry = self.lanes.entry(lane).or_insert_with(|| start(owner, lane, deliver.clone(), stop.clone()));
        let jobs = entry.jobs.as_ref().expect("open until the drop");
        assert!(jobs.send(job).is_ok(), "a lane's thread ended: a job panicked");
    }
}

impl<Done> Drop for Lanes<Done> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for lane in self.lanes.values_mut() {
            lane.jobs = None;
        }
        for lane in self.lanes.values_mut() {
            for thread in lane.threads.drain(..) {
                // A panic there was reported by the panic hook.
                let _ = thread.join();
            }
        }
    }
}

fn start<Done: Send + 'static>(
    owner: &str,
    lane: Lane,
    deliver: Arc<dyn Fn(Done) + Send + Sync>,
    stop: Arc<AtomicBool>,
) -> LaneThreads<Done> {
    let (jobs, queue): (_, Receiver<Job<Done>>) = channel();
    let queue = Arc::new(Mutex::new(queue));
    let count = if lane == Lane::Compute { std::thread::available_parallelism().map_or(1, usize::from) } else { 1 };
    let spawn = |_| {
        let (queue, deliver, stop) = (queue.clone(), deliver.clone(), stop.clone());
        let name = format!("{owner}-{lane:?}").to_lowercase();
        let run = move || {
            loop {
                // One thread waits for a job, the others for their turn to wait.
                let job = queue.lock().recv();
                match job {
                    Ok(job) if !stop.load(Ordering::Relaxed) => deliver(job()),
                    _ => return,
                }
            }
        };
        std::thread::Builder::new().name(name).spawn(run).expect("the system starts a thread")
    };
    LaneThreads { jobs: Some(jobs), threads: (0..count).map(spawn).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_of_one_lane_run_in_order_and_reach_the_inbox() {
        let inbox = Arc::new(Inbox::default());
        let deliver = inbox.clone();
        let mut lanes = Lanes::new("test", move |n: u32| deliver.push(n));
        for n in 0..100 {
            lanes.offload(Lane::Sync, Box::new(move || n));
        }
        let mut all = Vec::new();
        while all.len() < 100 {
            inbox.take(&mut all, None);
        }
        assert_eq!(all, (0..100).collect::<Vec<_>>());
        inbox.take(&mut all, Some(std::time::Instant::now()));
        inbox.take_now(&mut all);
        assert_eq!(all.len(), 100);
    }
}
