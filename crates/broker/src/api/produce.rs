//! Produce (key 0), versions 0 to 11. Before v3 clients send message sets of format 0 or 1, which become batches of format
//! 2; v7 allows zstd; v8 reports single records.
//!
//! The leader's part of it: admit each batch, append, and answer when it is as durable as `acks` asks
//! (`ReplicaManager.appendRecords`, `DelayedProduce.scala`). Records that must be looked into are given away for that;
//! what comes for their partition meanwhile waits behind them, so that offsets are given in the order of arrival.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use base::{Instant, Now};

use crate::log::inspection::Inspection;
use crate::log::producer_state::Origin;
use crate::log::validate::{self, Deep, Produced, Rules};
use crate::purgatory::Purgatory;
use crate::replica::hosted::Partitions;
use crate::replica::partition::Admission;
use crate::shard::{
    AppendTag, CodedError, Effect, ProduceAnswer, ProducePartition, ProduceRequest, RequestToken, ShardAnswer,
};
use crate::{ErrorCode, TopicPartition, error};
use kafka_wire::records::batch::MAGIC_AT;

/// Produce requests on their way: waiting for an inspection, for the log, then for the high watermark.
#[derive(Debug, Default)]
pub struct Produces {
    appending: BTreeMap<RequestToken, Pending>,
    delayed: Purgatory<Pending>,
    /// Partitions with batches that are being inspected, or wait behind such; in the order they came.
    inspected: BTreeMap<TopicPartition, VecDeque<Queued>>,
    last_ticket: u64,
}

#[derive(Debug)]
struct Pending {
    acks: i16,
    deadline: Instant,
    answers: Vec<ProduceAnswer>,
    waits: Vec<Wait>,
    /// Batches that are being inspected, wait behind such, or are with the log.
    open: usize,
}

/// What an answer waits for.
#[derive(Debug)]
struct Wait {
    answer: usize,
    partition: TopicPartition,
    /// Durable when the high watermark is here.
    end_offset: i64,
}

/// A batch on its way to the log.
#[derive(Debug)]
struct Queued {
    token: RequestToken,
    answer: usize,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// Under this ticket.
    Inspecting(u64),
    Ready(Result<Produced, CodedError>),
}

/// What the header says is to be done with a partition's records.
enum Checked {
    /// Old producers may send nothing.
    Nothing,
    Ready(Produced),
    Inspect(Inspection),
}

impl Produces {
    /// When the next one times out.
    pub fn deadline(&self) -> Option<Instant> {
        self.delayed.deadline()
    }

    /// Requests that wait for followers.
    pub fn waiting(&self) -> usize {
        self.delayed.len()
    }

    /// Puts a batch behind those that its partition has waiting.
    fn queue(
        &mut self,
        partition: &TopicPartition,
        token: RequestToken,
        answer: usize,
        checked: Checked,
        effects: &mut Vec<Effect>,
    ) {
        let stage = match checked {
            Checked::Nothing => return,
            Checked::Ready(produced) => Stage::Ready(Ok(produced)),
            Checked::Inspect(inspection) => {
                self.last_ticket += 1;
                let ticket = self.last_ticket;
                effects.push(Effect::Inspect { partition: partition.clone(), ticket, inspection });
                Stage::Inspecting(ticket)
            }
        };
        self.inspected.entry(partition.clone()).or_default().push_back(Queued { token, answer, stage });
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
    let mut pending = Pending { acks: request.acks, deadline, answers: Vec::new(), waits: Vec::new(), open: 0 };
    for part in &request.partitions {
        let answer = pending.answers.len();
        pending.answers.push(success(part.position, -1, -1, -1));
        match check(partitions, now, &request, part) {
            Ok(Checked::Nothing) => {}
            Ok(Checked::Ready(produced)) if !produces.inspected.contains_key(&part.partition) => {
                pending.admit(partitions, now, token, answer, &part.partition, &produced, effects);
            }
            Ok(checked) => {
                pending.open += 1;
                produces.queue(&part.partition, token, answer, checked, effects);
            }
            Err(refused) => pending.answers[answer] = refusal(partitions, &part.partition, part.position, refused),
        }
    }
    if pending.open == 0 {
        settle(partitions, produces, token, pending, effects);
    } else {
        let before = produces.appending.insert(token, pending);
        assert!(before.is_none(), "tokens are unique");
    }
}

/// What can be said of a partition's records by their header.
fn check(
    partitions: &mut Partitions,
    now: Now,
    request: &ProduceRequest,
    part: &ProducePartition,
) -> Result<Checked, CodedError> {
    let partition = partitions.online(&part.partition)?;
    if is_internal(&part.partition.topic) && !request.internal_topics_allowed {
        return Err(error::INVALID_TOPIC_EXCEPTION.into());
    }
    if request.acks == -1 && partition.is_under_min_isr() {
        return Err(error::NOT_ENOUGH_REPLICAS.into());
    }
    let config = partition.config();
    let is_message_set = part.records.get(MAGIC_AT).is_none_or(|magic| (0..2).contains(magic));
    if request.version < 3 && is_message_set {
        let inspection = Inspection::message_set(&part.records, config, now.wall_ms);
        return Ok(inspection.map_or(Checked::Nothing, Checked::Inspect));
    }
    let rules = Rules { config, api_version: request.version, now_ms: now.wall_ms, crc_checked: true };
    let produced = validate::check_produced(&part.records, &rules)?;
    Ok(match produced.deep {
        Deep::None => Checked::Ready(produced),
        _ => Checked::Inspect(Inspection::batch(produced, config.clone())),
    })
}

/// A batch was looked into; whatever of its partition waited for that goes on.
pub fn on_inspected(
    partitions: &mut Partitions,
    produces: &mut Produces,
    now: Now,
    partition: &TopicPartition,
    ticket: u64,
    result: Result<Produced, CodedError>,
    effects: &mut Vec<Effect>,
) {
    let queue = produces.inspected.get_mut(partition).expect("a partition with an inspection has a queue");
    let of_ticket = |queued: &&mut Queued| matches!(queued.stage, Stage::Inspecting(of) if of == ticket);
    queue.iter_mut().find(of_ticket).expect("a ticket comes back once").stage = Stage::Ready(result);
    let mut ready = Vec::new();
    while let Some(Queued { token, answer, stage: Stage::Ready(result) }) =
        queue.pop_front_if(|queued| matches!(queued.stage, Stage::Ready(_)))
    {
        ready.push((token, answer, result));
    }
    if queue.is_empty() {
        produces.inspected.remove(partition);
    }
    for (token, answer, result) in ready {
        let pending = produces.appending.get_mut(&token).expect("a request stays until its batches are done");
        pending.open -= 1;
        match result {
            Ok(produced) => pending.admit(partitions, now, token, answer, partition, &produced, effects),
            Err(refused) => {
                let position = pending.answers[answer].position;
                pending.answers[answer] = refusal(partitions, partition, position, refused);
            }
        }
        if pending.open == 0 {
            let pending = produces.appending.remove(&token).expect("looked at above");
            settle(partitions, produces, token, pending, effects);
        }
    }
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
    pending.open -= 1;
    if result.is_err() {
        pending.fail(partition, error::KAFKA_STORAGE_ERROR);
    }
    if pending.open == 0 {
        let pending = produces.appending.remove(&token).expect("looked at above");
        settle(partitions, produces, token, pending, effects);
    }
    if result.is_err() {
        take_back(partitions, produces, partition, effects);
    }
}

/// A batch did not get into the log. Requests that sent it again meanwhile, and so were taken for duplicates, wait for
/// offsets that other batches will have.
fn take_back(
    partitions: &mut Partitions,
    produces: &mut Produces,
    partition: &TopicPartition,
    effects: &mut Vec<Effect>,
) {
    let end = partitions.online(partition).map_or(0, |online| online.log_end_offset());
    for pending in produces.appending.values_mut() {
        pending.fail_behind(partition, end);
    }
    for token in produces.delayed.watching(partition) {
        let (_, mut pending) = produces.delayed.take(token).expect("it watches");
        pending.fail_behind(partition, end);
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
        pending.drop_appended(partitions);
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
    /// Gives a batch its offsets and sends it to the log, or notes why not.
    #[expect(clippy::too_many_arguments, reason = "the pieces of the shard that an admission touches")]
    fn admit(
        &mut self,
        partitions: &mut Partitions,
        now: Now,
        token: RequestToken,
        answer: usize,
        id: &TopicPartition,
        produced: &Produced,
        effects: &mut Vec<Effect>,
    ) {
        let position = self.answers[answer].position;
        let admitted = partitions.online(id).map_err(CodedError::from).and_then(|partition| {
            if self.acks == -1 && partition.is_under_min_isr() {
                return Err(error::NOT_ENOUGH_REPLICAS.into());
            }
            let admission = partition.append_as_leader(now, produced, Origin::Client)?;
            Ok((admission, partition.log_start_offset()))
        });
        let wait = |end_offset| Wait { answer, partition: id.clone(), end_offset };
        match admitted {
            Ok((Admission::Append { append, log_append_time_ms }, log_start_offset)) => {
                let base_offset = append.header.base_offset;
                self.answers[answer] = success(position, base_offset, log_append_time_ms, log_start_offset);
                self.waits.push(wait(append.header.next_offset()));
                self.open += 1;
                let (partition, tag) = (id.clone(), AppendTag::Request(token));
                effects.push(Effect::Append { partition, tag, append: append.into() });
            }
            Ok((Admission::Duplicate { base_offset, last_offset, timestamp_ms }, log_start_offset)) => {
                self.answers[answer] = success(position, base_offset, timestamp_ms, log_start_offset);
                self.waits.push(wait(last_offset + 1));
            }
            Err(refused) => self.answers[answer] = refusal(partitions, id, position, refused),
        }
    }

    fn fail(&mut self, partition: &TopicPartition, code: ErrorCode) {
        self.fail_if(code, |wait| wait.partition == *partition);
    }

    /// Whoever waits for offsets of this partition that are not in its log.
    fn fail_behind(&mut self, partition: &TopicPartition, log_end_offset: i64) {
        let lost = |wait: &Wait| wait.partition == *partition && wait.end_offset > log_end_offset;
        self.fail_if(error::KAFKA_STORAGE_ERROR, lost);
    }

    fn fail_if(&mut self, code: ErrorCode, lost: impl Fn(&Wait) -> bool) {
        let answers = &mut self.answers;
        self.waits.retain(|wait| {
            let hit = lost(wait);
            if hit {
                answers[wait.answer] = failure(answers[wait.answer].position, code.into());
            }
            !hit
        });
    }

    /// A duplicate of a batch on its way into the log waits for it even when nobody asks for replicas.
    fn drop_appended(&mut self, partitions: &mut Partitions) {
        let on_its_way = |wait: &Wait| {
            let online = partitions.online(&wait.partition);
            online.is_ok_and(|partition| partition.log_end_offset() < wait.end_offset)
        };
        self.waits.retain(on_its_way);
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

/// The answer for a batch that the log does not take. Upstream says where the log starts but for these
/// (`ReplicaManager.appendToLocalLog`).
fn refusal(partitions: &mut Partitions, id: &TopicPartition, position: u32, error: CodedError) -> ProduceAnswer {
    let silent = [
        error::UNKNOWN_TOPIC_OR_PARTITION,
        error::NOT_LEADER_OR_FOLLOWER,
        error::MESSAGE_TOO_LARGE,
        error::RECORD_LIST_TOO_LARGE,
        error::CORRUPT_MESSAGE,
        error::KAFKA_STORAGE_ERROR,
        error::INVALID_TOPIC_EXCEPTION,
    ];
    let known = partitions.online(id).ok().filter(|_| !silent.contains(&error.code));
    let log_start_offset = known.map_or(-1, |partition| partition.log_start_offset());
    ProduceAnswer { log_start_offset, ..failure(position, error) }
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
