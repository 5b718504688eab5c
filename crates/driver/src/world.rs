//! What a loop asks of the world it runs in.

use base::Now;
use storage::disk::Disk;

/// Work that may take long (a sync, a cold read, a snapshot chunk's write, a recompression). It runs away from the
/// loop: on a thread in the server, later in virtual time in the simulator, where a crash may come first. Its result
/// comes back to the loop's `done` method.
pub type Job<Done> = Box<dyn FnOnce() -> Done + Send>;

/// Which queue a job joins. Jobs of one lane run in the order they were given, one at a time, except those of
/// [`Lane::Compute`]; lanes run side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Syncs of a log: the queue that acknowledged writes wait for.
    Sync,
    /// Snapshots and other bulk writing.
    Bulk,
    /// Reads that may touch the disk.
    Read,
    /// Computation (decompression, validation of records). Its jobs may run side by side and end in any order.
    Compute,
}

/// The world of one loop: clock, disk, and a place for long work. How frames reach connections is each loop's own
/// trait on top of this one, since the two protocols differ there.
pub trait World {
    /// The disk that the loop's storage runs on.
    type Disk: Disk;
    /// What the loop's jobs give back.
    type Done: Send + 'static;

    /// The time of this turn.
    fn now(&self) -> Now;

    /// The disk.
    fn disk(&self) -> &Self::Disk;

    /// Starts `job`; its result is handed to the loop later, never within this call.
    fn offload(&mut self, lane: Lane, job: Job<Self::Done>);
}
