//! Produce (key 0), versions 0 to 11. Before v3 clients send message sets of format 0 or 1, which are refused per
//! partition with UNSUPPORTED_FOR_MESSAGE_FORMAT; v7 allows zstd; v8 reports single records.
//!
//! The leader's part of it: admit each batch, append, and answer when it is as durable as `acks` asks
//! (`ReplicaManager.appendRecords`, `DelayedProduce.scala`).

use core::time::Duration;
use std::collections::BTreeMap;

use base::{Instant, Now};

use crate::log::producer_state::Origin;
use crate::log::validate::{self, Rules};
use crate::purgatory::Purgatory;
use crate::replica::hosted::Partitions;
use crate::replica::partition::Admission;
use crate::shard::{
    AppendTag, CodedError, Effect, ProduceAnswer, ProducePartition, ProduceRequest, RequestToken, ShardAnswer,
};
use crate::{ErrorCode, TopicPartition, error};

/// Produce requests on their way: waiting for the log, then for the high watermark.
#[derive(Debug, Default)]
pub struct Produces {
    appending: BTreeMap<RequestToken, Pending>,
    delayed: Purgatory<Pending>,
}

#[derive(Debug)]
struct Pending {
    acks: i16,
    deadline: Instant,
    answers: Vec<ProduceAnswer>,
    waits: Vec<Wait>,
    /// Appends that the log has not answered.
    appends: usize,
}

/// What an answer waits for.
#[derive(Debug)]
struct Wait {
    answer: usize,
    partition: TopicPartition,
    /// Durable when the high watermark is here.
    end_offset: i64,
}

impl Produces {
    /// When the next one times out.
    pub fn deadline(&self) -> Option<Instant> {
        self.delayed.deadline()
    }
}

/// A request arrives.
pub fn on_request(
    partitions: &mut Partitions,
    produces: &mut Produces,
    now: Now,
    token: RequestToken,
    request: ProduceRequest,
    effects: &mut Vec<Effect>,
) {
    let deadline = now.mono + Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let mut pending = Pending { acks: request.acks, deadline, answers: Vec::new(), waits: Vec::new(), appends: 0 };
    for part in &request.partitions {
        let answer = pending.answers.len();
        let wait = |end_offset| Wait { answer, partition: part.partition.clone(), end_offset };
        match admit(partitions, now, &request, part) {
            Ok((Admission::Append { append, log_append_time_ms }, log_start_offset)) => {
                let base_offset = append.header.base_offset;
                pending.answers.push(success(part.position, base_offset, log_append_time_ms, log_start_offset));
                pending.waits.push(wait(append.header.next_offset()));
                pending.appends += 1;
                effects.push(Effect::Append {
                    partition: part.partition.clone(),
                    tag: AppendTag::Request(token),
                    append: append.into(),
                });
            }
            Ok((Admission::Duplicate { base_offset, last_offset }, log_start_offset)) => {
                pending.answers.push(success(part.position, base_offset, -1, log_start_offset));
                pending.waits.push(wait(last_offset + 1));
            }
            Err(refused) => pending.answers.push(failure(part.position, refused)),
        }
    }
    if pending.appends == 0 {
        settle(partitions, produces, token, pending, effects);
    } else {
        let before = produces.appending.insert(token, pending);
        assert!(before.is_none(), "tokens are unique");
    }
}

fn admit(
    partitions: &mut Partitions,
    now: Now,
    request: &ProduceRequest,
    part: &ProducePartition,
) -> Result<(Admission, i64), CodedError> {
    let partition = partitions.online(&part.partition)?;
    if is_internal(&part.partition.topic) && !request.internal_topics_allowed {
        return Err(error::INVALID_TOPIC_EXCEPTION.into());
    }
    if request.acks == -1 && partition.is_under_min_isr() {
        return Err(error::NOT_ENOUGH_REPLICAS.into());
    }
    let rules =
        Rules { config: partition.config(), api_version: request.version, now_ms: now.wall_ms, crc_checked: true };
    let produced = validate::check_produced(&part.records, &rules)?;
    let produced = super::deep_check::run(produced, partition.config())?;
    Ok((partition.append_as_leader(now, &produced, Origin::Client)?, partition.log_start_offset()))
}

/// The log has answered an append of this request. `result` is false when it does not have the batch.
pub fn on_appended(
    partitions: &mut Partitions,
    produces: &mut Produces,
    token: RequestToken,
    partition: &TopicPartition,
    result: Result<(), String>,
    effects: &mut Vec<Effect>,
) {
    let pending = produces.appending.get_mut(&token).expect("an append belongs to a request that waits for it");
    pending.appends -= 1;
    if result.is_err() {
        pending.fail(partition, error::KAFKA_STORAGE_ERROR);
    }
    if pending.appends == 0 {
        let pending = produces.appending.remove(&token).expect("looked at above");
        settle(partitions, produces, token, pending, effects);
    }
}

/// Answers, or parks until the high watermark is where `acks=-1` wants it.
fn settle(
    partitions: &mut Partitions,
    produces: &mut Produces,
    token: RequestToken,
    mut pending: Pending,
    effects: &mut Vec<Effect>,
) {
    if pending.acks == -1 {
        pending.drop_satisfied(partitions);
    } else {
        pending.waits.clear();
    }
    if pending.waits.is_empty() {
        effects.push(Effect::Reply { token, answer: ShardAnswer::Produce(pending.answers) });
    } else {
        let watched = pending.waits.iter().map(|wait| wait.partition.clone()).collect();
        produces.delayed.park(token, pending.deadline, watched, pending);
    }
}

/// A partition's high watermark, leadership or state changed.
pub fn on_progress(
    partitions: &mut Partitions,
    produces: &mut Produces,
    partition: &TopicPartition,
    effects: &mut Vec<Effect>,
) {
    for token in produces.delayed.watching(partition) {
        let (_, pending) = produces.delayed.take(token).expect("it watches");
        settle(partitions, produces, token, pending, effects);
    }
}

/// Answers what has waited long enough.
pub fn on_tick(produces: &mut Produces, now: Instant, effects: &mut Vec<Effect>) {
    for token in produces.delayed.expired(now) {
        let (_, mut pending) = produces.delayed.take(token).expect("it expired");
        for wait in core::mem::take(&mut pending.waits) {
            pending.answers[wait.answer] =
                failure(pending.answers[wait.answer].position, error::REQUEST_TIMED_OUT.into());
        }
        effects.push(Effect::Reply { token, answer: ShardAnswer::Produce(pending.answers) });
    }
}

impl Pending {
    fn fail(&mut self, partition: &TopicPartition, code: ErrorCode) {
        let answers = &mut self.answers;
        self.waits.retain(|wait| {
            let hit = wait.partition == *partition;
            if hit {
                answers[wait.answer] = failure(answers[wait.answer].position, code.into());
            }
            !hit
        });
    }

    fn drop_satisfied(&mut self, partitions: &mut Partitions) {
        let answers = &mut self.answers;
        self.waits.retain(|wait| {
            let outcome = match partitions.online(&wait.partition) {
                Ok(partition) if partition.high_watermark() < wait.end_offset => return true,
                // Committed, but by fewer replicas than the topic asks for: in the log, and not safe.
                Ok(partition) if partition.is_under_min_isr() => Err(error::NOT_ENOUGH_REPLICAS_AFTER_APPEND),
                Ok(_) => Ok(()),
                Err(code) => Err(code),
            };
            if let Err(code) = outcome {
                answers[wait.answer] = failure(answers[wait.answer].position, code.into());
            }
            false
        });
    }
}

/// Topics that only coordinators write.
pub fn is_internal(topic: &str) -> bool {
    matches!(topic, "__consumer_offsets" | "__transaction_state")
}

fn success(position: u32, base_offset: i64, log_append_time_ms: i64, log_start_offset: i64) -> ProduceAnswer {
    ProduceAnswer {
        position,
        error_code: error::NONE,
        error_message: None,
        record_errors: Vec::new(),
        base_offset,
        log_append_time_ms,
        log_start_offset,
    }
}

/// The answer for a batch that is not in the log.
pub fn failure(position: u32, error: CodedError) -> ProduceAnswer {
    ProduceAnswer {
        position,
        error_code: error.code,
        error_message: error.message,
        record_errors: error.record_errors,
        base_offset: -1,
        log_append_time_ms: -1,
        log_start_offset: -1,
    }
}
