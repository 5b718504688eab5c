//! ListOffsets (key 2), version 0: not one offset but a list, the base offsets of segments that were last written at or
//! before a time, newest first (`UnifiedLog.legacyFetchOffsetsBefore`, `Partition.legacyFetchOffsetsForTimestamp`).

use std::collections::BTreeMap;

use super::list_offsets::{EARLIEST, LATEST};
use crate::replica::hosted::Partitions;
use crate::replica::partition::Partition;
use crate::shard::{Effect, LegacyOffsets, LegacyOffsetsAnswer, RequestToken, SegmentTime, SegmentsFound, ShardAnswer};
use crate::{ErrorCode, error};

/// Requests that wait for their segments.
#[derive(Debug, Default)]
pub struct Listings(BTreeMap<RequestToken, (Vec<LegacyOffsets>, Vec<LegacyOffsetsAnswer>)>);

/// A request arrives.
pub fn on_request(
    partitions: &mut Partitions,
    listings: &mut Listings,
    token: RequestToken,
    questions: Vec<LegacyOffsets>,
    effects: &mut Vec<Effect>,
) {
    let mut wanted = Vec::new();
    let mut answers = Vec::with_capacity(questions.len());
    for question in &questions {
        let online = partitions.online(&question.partition);
        answers.push(failure(question.position, online.as_ref().err().copied().unwrap_or(error::NONE)));
        if online.is_ok() {
            wanted.push((question.position, question.partition.clone()));
        }
    }
    if wanted.is_empty() {
        effects.push(Effect::Reply { token, answer: ShardAnswer::LegacyOffsets(answers) });
    } else {
        listings.0.insert(token, (questions, answers));
        effects.push(Effect::ListSegments { token, partitions: wanted });
    }
}

/// The segments are listed.
pub fn on_listed(
    partitions: &mut Partitions,
    listings: &mut Listings,
    now_ms: i64,
    token: RequestToken,
    found: Vec<(u32, SegmentsFound)>,
    effects: &mut Vec<Effect>,
) {
    let (questions, mut answers) = listings.0.remove(&token).expect("only what was asked for is listed");
    for (position, segments) in found {
        let at = questions.iter().position(|question| question.position == position).expect("a position asked for");
        let question = &questions[at];
        match (partitions.online(&question.partition), segments) {
            (Err(code), _) | (_, Err(code)) => answers[at].error_code = code,
            (Ok(partition), Ok(segments)) => answers[at].offsets = visible(partition, question, &segments, now_ms),
        }
    }
    effects.push(Effect::Reply { token, answer: ShardAnswer::LegacyOffsets(answers) });
}

/// Consumers are not shown what is beyond the high watermark; the high watermark itself stands for it.
fn visible(partition: &Partition, question: &LegacyOffsets, segments: &[SegmentTime], now_ms: i64) -> Vec<i64> {
    let (start, end) = (partition.log_start_offset(), partition.log_end_offset());
    let all = before(segments, (start, end), question.timestamp_ms, question.offsets_max, now_ms);
    let high_watermark = partition.high_watermark();
    if question.replica_id >= 0 || all.iter().all(|offset| *offset <= high_watermark) {
        return all;
    }
    let shown = all.into_iter().filter(|offset| *offset <= high_watermark);
    std::iter::once(high_watermark).chain(shown).collect()
}

/// Where segments begin that were written at or before `timestamp_ms`, and the log's end, newest first, `offsets_max` at
/// most. `log` is where it starts and ends.
fn before(segments: &[SegmentTime], log: (i64, i64), timestamp_ms: i64, offsets_max: i32, now_ms: i64) -> Vec<i64> {
    let mut marks: Vec<(i64, i64)> =
        segments.iter().map(|segment| (segment.base_offset.max(log.0), segment.modified_ms)).collect();
    if segments.last().is_some_and(|active| active.size_bytes > 0) {
        marks.push((log.1, now_ms));
    }
    let newest = match timestamp_ms {
        LATEST => marks.len(),
        EARLIEST => marks.len().min(1),
        _ => marks.iter().rposition(|(_, written_ms)| *written_ms <= timestamp_ms).map_or(0, |at| at + 1),
    };
    let offsets_max = usize::try_from(offsets_max).unwrap_or(0);
    let mut offsets: Vec<i64> = marks[..newest].iter().rev().take(offsets_max).map(|(offset, _)| *offset).collect();
    offsets.sort_unstable_by(|a, b| b.cmp(a));
    offsets
}

/// An answer without offsets.
pub fn failure(position: u32, error_code: ErrorCode) -> LegacyOffsetsAnswer {
    LegacyOffsetsAnswer { position, error_code, offsets: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_by_the_time_of_their_last_write() {
        let segment = |base_offset, modified_ms, size_bytes| SegmentTime { base_offset, size_bytes, modified_ms };
        let full = [segment(0, 100, 9), segment(10, 200, 9), segment(20, 300, 9)];
        let empty = [segment(0, 100, 9), segment(10, 200, 0)];
        for (segments, log, timestamp_ms, offsets_max, expected) in [
            (&full[..], (0, 25), LATEST, 1, vec![25]),
            (&full, (0, 25), LATEST, 10, vec![25, 20, 10, 0]),
            (&full, (12, 25), LATEST, 10, vec![25, 20, 12, 12]),
            (&full, (0, 25), EARLIEST, 10, vec![0]),
            (&full, (0, 25), 250, 10, vec![10, 0]),
            (&full, (0, 25), 200, 1, vec![10]),
            (&full, (0, 25), 99, 10, vec![]),
            (&full, (0, 25), 1000, 2, vec![25, 20]),
            (&full, (0, 25), LATEST, 0, vec![]),
            (&full, (0, 25), LATEST, -1, vec![]),
            (&empty, (0, 10), LATEST, 10, vec![10, 0]),
        ] {
            assert_eq!(
                before(segments, log, timestamp_ms, offsets_max, 1000),
                expected,
                "{timestamp_ms} {offsets_max}"
            );
        }
    }
}
