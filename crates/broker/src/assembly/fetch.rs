//! Fetch, from the client's side: sessions, byte limits over all shards, and waiting for them together. See
//! [`crate::api::fetch`] for the leader's side.
//!
//! One shard waits for `min_bytes` by itself. Several cannot know of each other's bytes: each answers as soon as it has
//! one byte, the sum is kept here, and a shard that gave too little is asked again for more than it had.

use core::time::Duration;

use base::{Instant, Str};
use kafka_wire::messages as wire;
use kafka_wire::{Records, Uuid};

use super::fetch_session::{Opened, Session, Wanted};
use super::{ByShard, Cluster};
use crate::api::fetch::failure;
use crate::shard::{FetchAnswer, FetchPartition, FetchRequest};
use crate::{ShardId, TopicId, TopicPartition, error};

/// Records that lie somewhere, a file range in the server.
pub trait RecordRange {
    /// How many bytes.
    fn bytes(&self) -> u32;
}

/// A Fetch request whose answers are being collected.
#[derive(Debug)]
pub struct FetchAssembly<R> {
    version: i16,
    session: Option<Session>,
    full: bool,
    wanted: Vec<Wanted>,
    answers: Vec<Option<(FetchAnswer, Option<R>)>>,
    /// Places of partitions that there are not; upstream tells of them last.
    missing: Vec<usize>,
    parts: Vec<Part>,
    bytes_min: u64,
    bytes_max: u64,
    deadline: Instant,
}

/// One shard's part.
#[derive(Debug)]
struct Part {
    shard: ShardId,
    request: FetchRequest,
    bytes: u64,
    open: bool,
}

/// What to do after a shard's answer.
#[derive(Debug, PartialEq)]
pub enum Next {
    /// Others have yet to answer.
    Wait,
    /// Ask this part's shard again, with this request.
    Ask(usize, FetchRequest),
    /// There is enough: the shards of these parts shall answer now.
    Complete(Vec<usize>),
    /// Everybody has answered.
    Done,
}

/// The partitions that a request names and those that it takes out of its session.
pub fn named(request: &wire::FetchRequest) -> (Vec<Wanted>, Vec<(Str, TopicId, i32)>) {
    let mut wanted = Vec::new();
    for topic in &request.topics {
        wanted.extend(topic.partitions.iter().map(|partition| Wanted {
            topic: topic.topic.clone(),
            topic_id: TopicId(topic.topic_id.0),
            partition: partition.partition,
            fetch_offset: partition.fetch_offset,
            current_leader_epoch: partition.current_leader_epoch,
            last_fetched_epoch: partition.last_fetched_epoch,
            log_start_offset: partition.log_start_offset,
            bytes_max: partition.partition_max_bytes,
        }));
    }
    let forgotten = request.forgotten_topics_data.iter().flat_map(|topic| {
        let id = TopicId(topic.topic_id.0);
        topic.partitions.iter().map(move |partition| (topic.topic.clone(), id, *partition))
    });
    (wanted, forgotten.collect())
}

impl<R: RecordRange> FetchAssembly<R> {
    /// Splits what the session (or the request without one) asks for. `bytes_max` is `fetch.max.bytes`, or
    /// what the client's quota allows.
    pub fn new(
        cluster: &Cluster<'_>,
        now: Instant,
        version: i16,
        request: &wire::FetchRequest,
        opened: Opened,
        bytes_max: u64,
    ) -> Self {
        let (session, full, mut wanted) = match opened {
            Opened::Sessionless(wanted) => (None, true, wanted),
            Opened::Full(session) => (Some(session.clone()), true, session.wanted()),
            Opened::Incremental(session) => (Some(session.clone()), false, session.wanted()),
        };
        let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
        let mut answers = Vec::with_capacity(wanted.len());
        let mut parts = ByShard::new(cluster.shards);
        let mut missing = Vec::new();
        for (position, wanted) in wanted.iter_mut().enumerate() {
            let refused = locate(cluster, version, wanted);
            if refused == error::NONE {
                let shard = cluster.shards.shard_of(&wanted.topic, wanted.partition);
                parts.push(shard, part(position as u32, wanted));
                answers.push(None);
            } else {
                missing.push(position);
                // Upstream's list is empty here, and null where a leader has nothing to say.
                let refused =
                    FetchAnswer { aborted_transactions: Some(Vec::new()), ..failure(position as u32, refused) };
                answers.push(Some((refused, None)));
            }
        }
        let bytes_max = u64::try_from(request.max_bytes).unwrap_or(0).min(bytes_max);
        let is_partial = !missing.is_empty();
        let mut assembly = Self {
            version,
            session,
            full,
            wanted,
            answers,
            missing,
            parts: Vec::new(),
            // Nobody waits for more than can be had at once.
            bytes_min: if is_partial { 0 } else { u64::try_from(request.min_bytes).unwrap_or(0).min(bytes_max) },
            bytes_max,
            deadline: now + wait,
        };
        assembly.ask(request, now, parts);
        assembly
    }

    fn ask(&mut self, request: &wire::FetchRequest, now: Instant, parts: ByShard<FetchPartition>) {
        let (replica_id, replica_epoch) = match self.version {
            15.. => (request.replica_state.replica_id, request.replica_state.replica_epoch),
            _ => (request.replica_id, -1),
        };
        let parts: Vec<_> = parts.into_parts().collect();
        let alone = parts.len() == 1;
        self.parts = parts
            .into_iter()
            .map(|(shard, partitions)| Part {
                shard,
                request: FetchRequest {
                    version: self.version,
                    replica_id,
                    replica_epoch,
                    bytes_min: if alone { self.bytes_min } else { self.bytes_min.min(1) },
                    bytes_max: self.bytes_max,
                    wait_ms_max: self.deadline.since(now).as_millis() as u64,
                    read_committed: request.isolation_level == 1,
                    partitions,
                },
                bytes: 0,
                open: true,
            })
            .collect();
    }

    /// What to ask, by part.
    pub fn requests(&self) -> impl Iterator<Item = (ShardId, FetchRequest)> + '_ {
        self.parts.iter().map(|part| (part.shard, part.request.clone()))
    }

    /// The shard of a part.
    pub fn shard(&self, part: usize) -> ShardId {
        self.parts[part].shard
    }

    /// Takes a part's answer.
    pub fn on_answer(&mut self, now: Instant, part: usize, answers: Vec<(FetchAnswer, Option<R>)>) -> Next {
        let mut urgent = false;
        let mut bytes = 0;
        for (answer, range) in answers {
            urgent |= answer.error_code != error::NONE || answer.diverging_epoch.is_some();
            bytes += range.as_ref().map_or(0, |range| u64::from(range.bytes()));
            let position = answer.position as usize;
            self.answers[position] = Some((answer, range));
        }
        self.parts[part].open = false;
        self.parts[part].bytes = bytes;
        let total: u64 = self.parts.iter().map(|part| part.bytes).sum();
        if urgent || total >= self.bytes_min || now >= self.deadline {
            let open = self.parts.iter().enumerate().filter(|(_, part)| part.open).map(|(at, _)| at);
            let open: Vec<usize> = open.collect();
            // Nothing is asked again from here on.
            self.bytes_min = 0;
            return if open.is_empty() { Next::Done } else { Next::Complete(open) };
        }
        let again = &mut self.parts[part];
        again.open = true;
        again.request.bytes_min = again.bytes + 1;
        again.request.wait_ms_max = self.deadline.since(now).as_millis() as u64;
        Next::Ask(part, again.request.clone())
    }

    /// About how many bytes the response has, for quotas.
    pub fn bytes(&self) -> u64 {
        /// Bytes of a partition beside its records.
        const PARTITION_BYTES: u64 = 50;
        let records =
            |(_, range): &(FetchAnswer, Option<R>)| range.as_ref().map_or(0, |range| u64::from(range.bytes()));
        let answers = self.answers.iter().flatten();
        answers.map(|answer| records(answer) + PARTITION_BYTES).sum::<u64>().min(self.bytes_max + PARTITION_BYTES)
    }

    /// The response to a client that has to rest: nothing. The session stays as if nothing had been asked; one that would
    /// begin now does not (`FetchContext.getThrottledResponse`). Returns also the session to keep.
    pub fn throttled(self) -> (wire::FetchResponse, Option<Session>) {
        let session = self.session.filter(|_| !self.full);
        let session_id = session.as_ref().map_or(0, Session::id);
        (wire::FetchResponse { session_id, ..Default::default() }, session)
    }

    /// The response, the ranges that its slots number, and the session to keep.
    pub fn finish(mut self, cluster: &Cluster<'_>) -> (wire::FetchResponse, Vec<R>, Option<Session>) {
        let mut response =
            wire::FetchResponse { session_id: self.session.as_ref().map_or(0, Session::id), ..Default::default() };
        let mut ranges = Vec::new();
        let mut left = self.bytes_max;
        let mut gave_records = vec![false; self.wanted.len()];
        let order = self.order();
        for at in order.iter().copied() {
            let wanted = &self.wanted[at];
            let (answer, range) = self.answers[at].take().expect("every shard has answered");
            // The first records are whole, however large; what then does not fit waits for the next fetch.
            let fits = |range: &R| ranges.is_empty() || u64::from(range.bytes()) <= left;
            let range = range.filter(|range| range.bytes() > 0).filter(fits);
            let bytes = range.as_ref().map_or(0, RecordRange::bytes);
            left = left.saturating_sub(u64::from(bytes));
            gave_records[at] = bytes > 0;
            let news = self.session.as_mut().is_none_or(|session| {
                session.learn_topic(at, &wanted.topic);
                session.is_news(at, &answer, bytes.into(), self.full)
            });
            if !news {
                continue;
            }
            let mut answer = answer;
            let has_more = answer.error_code == error::NONE && wanted.fetch_offset < answer.last_stable_offset;
            if range.is_none() && has_more {
                // Too large for what is left: nothing was read, and so nothing is said of transactions.
                answer.aborted_transactions = None;
            }
            let records = match range {
                Some(range) => {
                    ranges.push(range);
                    Records::Elsewhere { len: bytes, slot: ranges.len() - 1 }
                }
                None => Records::default(),
            };
            let mut partition = to_wire(wanted.partition, answer, records);
            // Since version 16, whoever asks the wrong broker or knows an older leader is told the right one (KIP-951).
            let is_astray = [error::NOT_LEADER_OR_FOLLOWER, error::FENCED_LEADER_EPOCH].contains(&partition.error_code);
            if self.version >= 16 && is_astray {
                name_leader(cluster, &wanted.topic, &mut partition, &mut response.node_endpoints);
            }
            push(&mut response, wanted, partition);
        }
        match &mut self.session {
            Some(session) if self.full => session.arrange(&order),
            Some(session) => session.rotate(&gave_records),
            None => {}
        }
        (response, ranges, self.session)
    }

    /// The places in the order in which they are told.
    fn order(&self) -> Vec<usize> {
        let here = (0..self.wanted.len()).filter(|at| self.missing.binary_search(at).is_err());
        here.chain(self.missing.iter().copied()).collect()
    }
}

/// Finds the topic's name and whether the partition exists; the error to answer otherwise.
fn locate(cluster: &Cluster<'_>, version: i16, wanted: &mut Wanted) -> i16 {
    if version >= 13 {
        match cluster.image.topic_name(wanted.topic_id) {
            Some(name) => wanted.topic = name.clone(),
            None if wanted.topic.is_empty() => return error::UNKNOWN_TOPIC_ID,
            // Its session knew it.
            None => return error::UNKNOWN_TOPIC_OR_PARTITION,
        }
    }
    match cluster.image.partition(&wanted.topic, wanted.partition) {
        Some(_) => error::NONE,
        None => error::UNKNOWN_TOPIC_OR_PARTITION,
    }
}

fn part(position: u32, wanted: &Wanted) -> FetchPartition {
    FetchPartition {
        position,
        partition: TopicPartition { topic: wanted.topic.clone(), partition: wanted.partition },
        fetch_offset: wanted.fetch_offset,
        current_leader_epoch: wanted.current_leader_epoch,
        last_fetched_epoch: wanted.last_fetched_epoch,
        log_start_offset: wanted.log_start_offset,
        bytes_max: u32::try_from(wanted.bytes_max).unwrap_or(0),
    }
}

fn push(response: &mut wire::FetchResponse, wanted: &Wanted, partition: wire::FetchResponsePartitions) {
    let topic_id = Uuid(wanted.topic_id.0);
    match response.responses.last_mut() {
        Some(last) if last.topic == wanted.topic && last.topic_id == topic_id => last.partitions.push(partition),
        _ => response.responses.push(wire::FetchResponseResponses {
            topic: wanted.topic.clone(),
            topic_id,
            partitions: vec![partition],
        }),
    }
}

fn to_wire(index: i32, answer: FetchAnswer, records: Records) -> wire::FetchResponsePartitions {
    let mut partition = wire::FetchResponsePartitions {
        partition_index: index,
        error_code: answer.error_code,
        high_watermark: answer.high_watermark,
        last_stable_offset: answer.last_stable_offset,
        log_start_offset: answer.log_start_offset,
        preferred_read_replica: -1,
        records,
        ..Default::default()
    };
    if let Some((epoch, end_offset)) = answer.diverging_epoch {
        partition.diverging_epoch = wire::FetchResponseDivergingEpoch { epoch, end_offset };
    }
    partition.aborted_transactions = answer.aborted_transactions.map(|aborted| {
        let one = |(producer_id, first_offset)| wire::FetchResponseAbortedTransactions { producer_id, first_offset };
        aborted.into_iter().map(one).collect()
    });
    partition
}

fn name_leader(
    cluster: &Cluster<'_>,
    topic: &str,
    partition: &mut wire::FetchResponsePartitions,
    endpoints: &mut Vec<wire::FetchResponseNodeEndpoints>,
) {
    let Some((leader_id, leader_epoch, endpoint)) = cluster.leader(topic, partition.partition_index) else { return };
    partition.current_leader = wire::FetchResponseCurrentLeader { leader_id, leader_epoch };
    if endpoints.iter().all(|known| known.node_id != leader_id) {
        endpoints.push(wire::FetchResponseNodeEndpoints {
            node_id: leader_id,
            host: endpoint.host.clone(),
            port: endpoint.port,
            rack: cluster.image.broker(leader_id).and_then(|broker| broker.rack.clone()),
        });
    }
}
