//! The coordinators of one shard: one for each partition of `__consumer_offsets` that is led here. Their state is the
//! partition's records; loading reads them back in chunks, a write is a batch of internal origin.

use std::collections::BTreeMap;

use base::{Instant, Now, Prng, Str};
use bytes::Bytes;

use super::record_batch;
use crate::coordinator::group::{GroupConfig, GroupCoordinator, GroupReply, GroupRequest, error_reply};
use crate::coordinator::runtime::{Record, Runtime, RuntimeEffect};
use crate::log::batch::BatchHeader;
use crate::log::producer_state::Origin;
use crate::replica::hosted::Partitions;
use crate::replica::partition::Admission;
use crate::shard::message::{AppendTag, Effect, RequestToken};
use crate::shard::request::ShardAnswer;
use crate::{ErrorCode, TopicPartition, error};

/// The internal topic of committed offsets and groups.
pub const GROUP_METADATA_TOPIC: &str = "__consumer_offsets";

/// The coordinators of one shard, by partition number.
pub struct Coordinators {
    config: GroupConfig,
    prng: Prng,
    hosted: BTreeMap<i32, Hosted>,
}

struct Hosted {
    partition: TopicPartition,
    runtime: Runtime<GroupCoordinator>,
    /// Next offset to load and where loading ends: the log end when it began.
    load: Option<(i64, i64)>,
}

impl Coordinators {
    /// None yet.
    pub fn new(config: GroupConfig, prng: Prng) -> Self {
        Self { config, prng, hosted: BTreeMap::new() }
    }

    /// When one of them wants a tick.
    pub fn deadline(&self) -> Option<Instant> {
        self.hosted.values().filter_map(|hosted| hosted.runtime.deadline()).min()
    }

    /// Every one.
    pub fn all(&self) -> impl Iterator<Item = &GroupCoordinator> {
        self.hosted.values().map(|hosted| hosted.runtime.coordinator())
    }

    /// This broker leads the partition now: read it, up to its present end.
    pub fn elect(&mut self, partitions: &mut Partitions, now: Now, id: &TopicPartition, effects: &mut Vec<Effect>) {
        if self.hosted.contains_key(&id.partition) {
            return;
        }
        let Ok(partition) = partitions.online(id) else { return };
        let load = (partition.log_start_offset(), partition.log_end_offset());
        let runtime = Runtime::loading(GroupCoordinator::new(self.config.clone(), self.prng.fork()));
        let hosted = Hosted { partition: id.clone(), runtime, load: Some(load) };
        self.hosted.insert(id.partition, hosted);
        self.load_more(partitions, now, id.partition, effects);
    }

    /// The partition is led elsewhere, or failed.
    pub fn resign(&mut self, partition: i32, effects: &mut Vec<Effect>) {
        let Some(mut hosted) = self.hosted.remove(&partition) else { return };
        let mut out = Vec::new();
        hosted.runtime.resign(&mut out, error::NOT_COORDINATOR);
        for effect in out {
            if let RuntimeEffect::Reply(GroupReply { token, body }) = effect {
                effects.push(Effect::Reply { token, answer: ShardAnswer::Group(body) });
            }
        }
    }

    /// A group's request.
    pub fn on_request(
        &mut self,
        partitions: &mut Partitions,
        now: Now,
        token: RequestToken,
        partition: i32,
        request: GroupRequest,
        effects: &mut Vec<Effect>,
    ) {
        let Some(hosted) = self.hosted.get_mut(&partition) else {
            let answer = ShardAnswer::Group(error_reply(&request.body, error::NOT_COORDINATOR));
            effects.push(Effect::Reply { token, answer });
            return;
        };
        let mut out = Vec::new();
        hosted.runtime.handle(now, request, &mut out);
        hosted.perform(partitions, now, out, effects);
    }

    /// A chunk of the log was read.
    pub fn on_chunk(
        &mut self,
        partitions: &mut Partitions,
        now: Now,
        partition: i32,
        batches: Result<Bytes, String>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(hosted) = self.hosted.get_mut(&partition) else { return };
        let Some((next, end)) = hosted.load else { return };
        let replayed = match batches {
            Ok(batches) => hosted.replay(&batches, next),
            // The log folder's failure is reported elsewhere; a coordinator that missed records must not serve.
            Err(_) => return,
        };
        // Nothing more to find: what is left up to `end` was compacted away.
        hosted.load = Some((if replayed > next { replayed } else { end }, end));
        self.load_more(partitions, now, partition, effects);
    }

    fn load_more(&mut self, partitions: &mut Partitions, now: Now, partition: i32, effects: &mut Vec<Effect>) {
        let hosted = self.hosted.get_mut(&partition).expect("the caller has looked it up");
        let (next, end) = hosted.load.expect("only called while loading");
        if next < end {
            effects.push(Effect::ReadForLoad { partition: hosted.partition.clone(), offset: next, end_offset: end });
            return;
        }
        hosted.load = None;
        let mut out = Vec::new();
        hosted.runtime.finish_loading(now, &mut out);
        hosted.perform(partitions, now, out, effects);
        self.on_progress(partitions, now, partition, effects);
    }

    /// The log has answered a coordinator's append.
    pub fn on_appended(
        &mut self,
        partitions: &mut Partitions,
        now: Now,
        partition: i32,
        result: Result<i64, String>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(hosted) = self.hosted.get_mut(&partition) else { return };
        let mut out = Vec::new();
        match result {
            Ok(last_offset) => hosted.runtime.on_appended(now, last_offset, &mut out),
            Err(_) => hosted.runtime.on_append_failed(now, error_of(error::KAFKA_STORAGE_ERROR), &mut out),
        }
        hosted.perform(partitions, now, out, effects);
    }

    /// The partition's high watermark moved.
    pub fn on_progress(&mut self, partitions: &mut Partitions, now: Now, partition: i32, effects: &mut Vec<Effect>) {
        let Some(hosted) = self.hosted.get_mut(&partition) else { return };
        let Ok(high_watermark) = partitions.online(&hosted.partition).map(|p| p.high_watermark()) else { return };
        let mut out = Vec::new();
        hosted.runtime.on_high_watermark(now, high_watermark, &mut out);
        hosted.perform(partitions, now, out, effects);
    }

    /// Topics are deleted: nobody goes on where a topic of the same name ended.
    pub fn forget_topics(&mut self, partitions: &mut Partitions, now: Now, topics: &[Str], effects: &mut Vec<Effect>) {
        for hosted in self.hosted.values_mut() {
            hosted.runtime.coordinator_mut().forget_topics(topics);
            let mut out = Vec::new();
            hosted.runtime.tick(now, &mut out);
            hosted.perform(partitions, now, out, effects);
        }
    }

    /// Runs timers.
    pub fn on_tick(&mut self, partitions: &mut Partitions, now: Now, effects: &mut Vec<Effect>) {
        for hosted in self.hosted.values_mut() {
            let mut out = Vec::new();
            hosted.runtime.tick(now, &mut out);
            hosted.perform(partitions, now, out, effects);
        }
    }
}

/// What a group's client is told when the log refuses a write: something that it tries again
/// (`CoordinatorOperationExceptionHelper`).
fn error_of(code: ErrorCode) -> ErrorCode {
    match code {
        error::NOT_LEADER_OR_FOLLOWER | error::KAFKA_STORAGE_ERROR => error::NOT_COORDINATOR,
        error::NOT_ENOUGH_REPLICAS
        | error::NOT_ENOUGH_REPLICAS_AFTER_APPEND
        | error::UNKNOWN_TOPIC_OR_PARTITION
        | error::REQUEST_TIMED_OUT => kafka_wire::ErrorCode::COORDINATOR_NOT_AVAILABLE.0,
        error::MESSAGE_TOO_LARGE => error::UNKNOWN_SERVER_ERROR,
        other => other,
    }
}

impl Hosted {
    /// Applies the records of whole batches from offset `from` on; returns the offset after the last one.
    fn replay(&mut self, batches: &Bytes, from: i64) -> i64 {
        let mut next = from;
        let mut rest = batches.clone();
        while let Ok(header) = BatchHeader::parse(&rest) {
            if header.size() > rest.len() {
                break;
            }
            let batch = rest.split_to(header.size());
            if header.next_offset() <= from {
                continue;
            }
            next = header.next_offset();
            if header.is_control() {
                continue;
            }
            // Records that make no sense are skipped: a coordinator that refuses its log is lost for ever.
            for record in record_batch::records(&batch).unwrap_or_default() {
                self.runtime.load(&record);
            }
        }
        next
    }

    fn perform(
        &mut self,
        partitions: &mut Partitions,
        now: Now,
        out: Vec<RuntimeEffect<GroupReply>>,
        effects: &mut Vec<Effect>,
    ) {
        for effect in out {
            match effect {
                RuntimeEffect::Reply(GroupReply { token, body }) => {
                    effects.push(Effect::Reply { token, answer: ShardAnswer::Group(body) });
                }
                RuntimeEffect::Append(records) => self.append(partitions, now, &records, effects),
            }
        }
    }

    fn append(&mut self, partitions: &mut Partitions, now: Now, records: &[Record], effects: &mut Vec<Effect>) {
        let admitted = partitions.online(&self.partition).map_err(Into::into).and_then(|partition| {
            let batch = record_batch::build(records, now.wall_ms);
            partition.append_as_leader(now, &batch, Origin::Coordinator)
        });
        match admitted {
            Ok(Admission::Append { append, .. }) => effects.push(Effect::Append {
                partition: self.partition.clone(),
                tag: AppendTag::Coordinator,
                append: append.into(),
            }),
            Ok(Admission::Duplicate { .. }) => unreachable!("a batch without a producer is no duplicate"),
            Err(refused) => {
                let mut out = Vec::new();
                self.runtime.on_append_failed(now, error_of(refused.code), &mut out);
                self.perform(partitions, now, out, effects);
            }
        }
    }
}
