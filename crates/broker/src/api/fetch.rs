//! Fetch (key 1), versions 0 to 17. Below v4 records are given as message sets, which the connection makes of what it reads
//! ([`crate::assembly::down_convert`]). v7 brings sessions (see [`super::fetch_session`]), v9 leader epochs, v10 zstd,
//! v12 the divergence of logs, v13 topic ids.
//!
//! The leader's part of it: what each partition may give, and waiting until there is enough
//! (`ReplicaManager.fetchMessages`, `DelayedFetch.scala`).

use core::time::Duration;
use std::collections::BTreeMap;

use base::{Instant, Now};

use crate::purgatory::Purgatory;
use crate::replica::hosted::Partitions;
use crate::replica::partition::{FetchView, Reader};
use crate::shard::{CompressionType, LogConfig};
use crate::shard::{Effect, FetchAnswer, FetchPartition, FetchRead, FetchRequest, RequestToken};
use crate::{ErrorCode, TopicPartition, error};

/// Fetch requests on their way: being looked up, or waiting for more bytes.
#[derive(Debug, Default)]
pub struct Fetches {
    planning: BTreeMap<RequestToken, Planning>,
    delayed: Purgatory<FetchRequest>,
}

#[derive(Debug)]
struct Planning {
    request: FetchRequest,
    deadline: Instant,
    answers: Vec<FetchAnswer>,
    /// Whether the answer leaves however little there is.
    at_once: bool,
}

impl Fetches {
    /// When the next one stops waiting.
    pub fn deadline(&self) -> Option<Instant> {
        self.delayed.deadline()
    }

    /// Fetches that wait.
    pub fn waiting(&self) -> usize {
        self.delayed.len()
    }

    /// Nobody wants the answer any more.
    pub fn cancel(&mut self, token: RequestToken) {
        self.delayed.take(token);
    }
}

/// A request arrives. Returns the partitions whose high watermark it moved, being a follower's.
pub fn on_request(
    partitions: &mut Partitions,
    fetches: &mut Fetches,
    now: Now,
    token: RequestToken,
    request: FetchRequest,
    effects: &mut Vec<Effect>,
) -> Vec<TopicPartition> {
    let mut moved = Vec::new();
    if request.replica_id >= 0 {
        for part in &request.partitions {
            let Ok(partition) = partitions.online(&part.partition) else { continue };
            let follower =
                partition.on_follower_fetch(now.mono, request.replica_id, part.fetch_offset, part.log_start_offset);
            if follower == Ok(true) {
                moved.push(part.partition.clone());
            }
        }
    }
    let deadline = now.mono + Duration::from_millis(request.wait_ms_max);
    attempt(partitions, fetches, now, token, request, deadline, effects);
    moved
}

/// Looks at every partition: answers, asks the driver what can be read, or parks.
fn attempt(
    partitions: &mut Partitions,
    fetches: &mut Fetches,
    now: Now,
    token: RequestToken,
    request: FetchRequest,
    deadline: Instant,
    effects: &mut Vec<Effect>,
) {
    let reader = match (request.replica_id, request.read_committed) {
        (replica_id @ 0.., _) => Reader::Follower(replica_id),
        (_, true) => Reader::Committed,
        (_, false) => Reader::Uncommitted,
    };
    let mut at_once = request.bytes_min == 0 || deadline <= now.mono;
    let mut answers = Vec::with_capacity(request.partitions.len());
    let mut reads = Vec::new();
    for part in &request.partitions {
        let view = partitions.online(&part.partition).and_then(|partition| {
            check_format(partition.config(), &request)?;
            partition.view(reader, part.fetch_offset, part.current_leader_epoch, part.last_fetched_epoch)
        });
        match view {
            Err(code) => {
                at_once = true;
                answers.push(failure(part.position, code));
            }
            Ok(view) => {
                at_once |= view.diverging_epoch.is_some();
                answers.push(success(part.position, &view, request.read_committed));
                if view.diverging_epoch.is_none() && part.fetch_offset < view.end_offset {
                    reads.push(read(part, &view, request.read_committed));
                }
            }
        }
    }
    match (reads.is_empty(), at_once) {
        (true, true) => effects.push(Effect::FetchReply { token, answers }),
        (true, false) => park(fetches, token, request, deadline),
        (false, _) => {
            effects.push(Effect::PlanFetch { token, bytes_max: request.bytes_max, reads });
            fetches.planning.insert(token, Planning { request, deadline, answers, at_once });
        }
    }
}

/// Whether the topic's records can be given in this version at all.
fn check_format(config: &LogConfig, request: &FetchRequest) -> Result<(), ErrorCode> {
    if request.version < 10 && config.compression_type == CompressionType::Zstd {
        return Err(error::UNSUPPORTED_COMPRESSION_TYPE);
    }
    if request.version < 4 && request.replica_id < 0 && !config.message_downconversion_enable {
        return Err(error::UNSUPPORTED_VERSION);
    }
    Ok(())
}

fn park(fetches: &mut Fetches, token: RequestToken, request: FetchRequest, deadline: Instant) {
    let watched = request.partitions.iter().map(|part| part.partition.clone()).collect();
    fetches.delayed.park(token, deadline, watched, request);
}

/// The driver knows how much can be read.
pub fn on_planned(
    fetches: &mut Fetches,
    token: RequestToken,
    bytes: u64,
    failed: &[(u32, ErrorCode)],
    effects: &mut Vec<Effect>,
) {
    let mut planning = fetches.planning.remove(&token).expect("only what was asked for is planned");
    for (position, code) in failed {
        for answer in planning.answers.iter_mut().filter(|answer| answer.position == *position) {
            *answer = failure(*position, *code);
        }
    }
    if planning.at_once || !failed.is_empty() || bytes >= planning.request.bytes_min {
        effects.push(Effect::FetchReply { token, answers: planning.answers });
    } else {
        effects.push(Effect::FetchParked(token));
        park(fetches, token, planning.request, planning.deadline);
    }
}

/// There may be more to read in this partition, or its leadership changed.
pub fn on_progress(
    partitions: &mut Partitions,
    fetches: &mut Fetches,
    now: Now,
    partition: &TopicPartition,
    effects: &mut Vec<Effect>,
) {
    for token in fetches.delayed.watching(partition) {
        let (deadline, request) = fetches.delayed.take(token).expect("it watches");
        attempt(partitions, fetches, now, token, request, deadline, effects);
    }
}

/// Answers one that waits with what is there.
pub fn complete(
    partitions: &mut Partitions,
    fetches: &mut Fetches,
    now: Now,
    token: RequestToken,
    effects: &mut Vec<Effect>,
) {
    // Not there when its answer is already on its way.
    if let Some((_, request)) = fetches.delayed.take(token) {
        attempt(partitions, fetches, now, token, request, now.mono, effects);
    }
}

/// Answers what has waited long enough.
pub fn on_tick(partitions: &mut Partitions, fetches: &mut Fetches, now: Now, effects: &mut Vec<Effect>) {
    for token in fetches.delayed.expired(now.mono) {
        complete(partitions, fetches, now, token, effects);
    }
}

fn read(part: &FetchPartition, view: &FetchView, read_committed: bool) -> FetchRead {
    FetchRead {
        position: part.position,
        partition: part.partition.clone(),
        offset: part.fetch_offset,
        end_offset: view.end_offset,
        bytes_max: part.bytes_max,
        read_committed,
    }
}

fn success(position: u32, view: &FetchView, read_committed: bool) -> FetchAnswer {
    FetchAnswer {
        position,
        error_code: error::NONE,
        high_watermark: view.high_watermark,
        last_stable_offset: view.last_stable_offset,
        log_start_offset: view.log_start_offset,
        diverging_epoch: view.diverging_epoch,
        // Where logs part nothing is read, and so nothing is said of transactions.
        aborted_transactions: (read_committed && view.diverging_epoch.is_none()).then(Vec::new),
    }
}

/// The answer for a partition that cannot be read.
pub fn failure(position: u32, error_code: ErrorCode) -> FetchAnswer {
    FetchAnswer {
        position,
        error_code,
        high_watermark: -1,
        last_stable_offset: -1,
        log_start_offset: -1,
        diverging_epoch: None,
        aborted_transactions: None,
    }
}
