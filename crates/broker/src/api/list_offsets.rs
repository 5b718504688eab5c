//! ListOffsets (key 2), versions 1 to 9 (version 0 is [`super::legacy_offsets`]). v4 brings leader epochs, v7 the
//! largest timestamp (-3), v8 the earliest local offset (-4), v9 the latest tiered one (-5, which nothing here has).

use std::collections::BTreeMap;

use crate::replica::hosted::Partitions;
use crate::replica::partition::Partition;
use crate::shard::{Effect, ListOffset, ListOffsetAnswer, LookedUp, RequestToken, ShardAnswer, TimestampLookup};
use crate::{ErrorCode, error};

/// The end of the log, as far as the asker may see it.
pub const LATEST: i64 = -1;
/// The log start offset.
pub const EARLIEST: i64 = -2;
/// The record with the largest timestamp.
pub const MAX_TIMESTAMP: i64 = -3;
/// The first offset on local disks: without tiers the log start offset.
pub const EARLIEST_LOCAL: i64 = -4;
/// The last offset in remote storage: there is none.
pub const LATEST_TIERED: i64 = -5;

/// Whether a version has this question; times themselves every one has.
pub fn is_known_question(timestamp_ms: i64, version: i16) -> bool {
    match timestamp_ms {
        0.. | LATEST | EARLIEST => true,
        MAX_TIMESTAMP => version >= 7,
        EARLIEST_LOCAL => version >= 8,
        LATEST_TIERED => version >= 9,
        _ => false,
    }
}

/// Requests that wait for a search by timestamp.
#[derive(Debug, Default)]
pub struct Lookups(BTreeMap<RequestToken, (Vec<ListOffset>, Vec<ListOffsetAnswer>)>);

/// A request arrives.
pub fn on_request(
    partitions: &mut Partitions,
    lookups: &mut Lookups,
    token: RequestToken,
    questions: Vec<ListOffset>,
    effects: &mut Vec<Effect>,
) {
    let mut answers = Vec::with_capacity(questions.len());
    let mut searches = Vec::new();
    for question in &questions {
        let answered = partitions.online(&question.partition).and_then(|partition| special(partition, question));
        answers.push(match answered {
            Ok(Some(answer)) => answer,
            Ok(None) => {
                searches.push(TimestampLookup {
                    position: question.position,
                    partition: question.partition.clone(),
                    timestamp_ms: question.timestamp_ms,
                });
                nothing(question.position, error::NONE)
            }
            Err(code) => nothing(question.position, code),
        });
    }
    if searches.is_empty() {
        effects.push(Effect::Reply { token, answer: ShardAnswer::ListOffsets(answers) });
    } else {
        lookups.0.insert(token, (questions, answers));
        effects.push(Effect::Lookup { token, lookups: searches });
    }
}

/// Where the asker's log ends: followers see all of it, consumers what is committed.
fn end_offset(partition: &Partition, question: &ListOffset) -> i64 {
    match (question.replica_id, question.read_committed) {
        (0.., _) => partition.log_end_offset(),
        (_, true) => partition.last_stable_offset(),
        (_, false) => partition.high_watermark(),
    }
}

/// The questions that need no search; `None` for the others.
fn special(partition: &Partition, question: &ListOffset) -> Result<Option<ListOffsetAnswer>, ErrorCode> {
    partition.check_leader_epoch(question.current_leader_epoch)?;
    let (offset, leader_epoch) = match question.timestamp_ms {
        LATEST => (end_offset(partition, question), partition.leader_epoch()),
        EARLIEST | EARLIEST_LOCAL => {
            let start = partition.log_start_offset();
            (start, partition.epochs().epoch_for_offset(start).unwrap_or(-1))
        }
        LATEST_TIERED => (-1, -1),
        MAX_TIMESTAMP | 0.. => return Ok(None),
        _ => return Err(error::UNSUPPORTED_VERSION),
    };
    Ok(Some(ListOffsetAnswer {
        position: question.position,
        error_code: error::NONE,
        timestamp_ms: -1,
        offset,
        leader_epoch,
    }))
}

/// The search is done.
pub fn on_looked_up(
    partitions: &mut Partitions,
    lookups: &mut Lookups,
    token: RequestToken,
    found: Vec<(u32, LookedUp)>,
    effects: &mut Vec<Effect>,
) {
    let (questions, mut answers) = lookups.0.remove(&token).expect("only what was asked for is looked up");
    for (position, result) in found {
        let at = questions.iter().position(|question| question.position == position).expect("a position asked for");
        let question = &questions[at];
        answers[at] = match (partitions.online(&question.partition), result) {
            (Err(code), _) | (_, Err(code)) => nothing(position, code),
            // A record that is not committed yet does not exist for whoever asks.
            (Ok(partition), Ok(Some((timestamp_ms, offset)))) if offset < end_offset(partition, question) => {
                ListOffsetAnswer {
                    position,
                    error_code: error::NONE,
                    timestamp_ms,
                    offset,
                    leader_epoch: epoch_of(partition, offset),
                }
            }
            (Ok(_), Ok(_)) => nothing(position, error::NONE),
        };
    }
    effects.push(Effect::Reply { token, answer: ShardAnswer::ListOffsets(answers) });
}

/// The epoch that a record was written in. One below the start of the log, which the greatest timestamp may still have, is
/// older than all epochs that are known.
fn epoch_of(partition: &Partition, offset: i64) -> i32 {
    let epochs = partition.epochs();
    let oldest = || epochs.entries().first().map(|entry| entry.epoch);
    epochs.epoch_for_offset(offset).or_else(oldest).unwrap_or(-1)
}

/// An answer without an offset.
pub fn nothing(position: u32, error_code: ErrorCode) -> ListOffsetAnswer {
    ListOffsetAnswer { position, error_code, timestamp_ms: -1, offset: -1, leader_epoch: -1 }
}
