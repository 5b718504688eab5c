//! ListOffsets (version 0 by itself), OffsetForLeaderEpoch, DescribeProducers and DeleteRecords from the client's side: questions with one answer per partition.

use std::collections::BTreeSet;

use base::Str;
use kafka_wire::messages as wire;

use super::{ByShard, Cluster};
use crate::api::legacy_offsets;
use crate::api::list_offsets::{is_known_question, nothing};
use crate::shard::{
    DeleteRecords, DeleteRecordsAnswer, DescribeProducers, DescribeProducersAnswer, EpochEnd, EpochEndAnswer,
    LegacyOffsets, LegacyOffsetsAnswer, ListOffset, ListOffsetAnswer, ShardRequest,
};
use crate::{ErrorCode, ShardId, TopicPartition, error};

/// Answers of one kind, being collected.
#[derive(Debug)]
pub struct Collected<A> {
    topics: Vec<(Str, Vec<i32>)>,
    answers: Vec<Option<A>>,
}

impl<A> Collected<A> {
    /// Takes one answer.
    pub fn add(&mut self, position: u32, answer: A) {
        let slot = &mut self.answers[position as usize];
        assert!(slot.is_none(), "each partition is answered once");
        *slot = Some(answer);
    }

    /// Topics, each with its partitions and their answers, in request order.
    fn finish(self) -> impl Iterator<Item = (Str, Vec<(i32, A)>)> {
        let mut answers = self.answers.into_iter().map(|answer| answer.expect("every shard has answered"));
        self.topics.into_iter().map(move |(topic, partitions)| {
            let answered = partitions.into_iter().map(|partition| {
                let answer = answers.next().expect("one answer for each partition");
                (partition, answer)
            });
            (topic, answered.collect())
        })
    }
}

/// Goes through topics and partitions: `missing` answers for a question that `refused` says why not to ask, and for a
/// partition that does not exist; the others are asked.
fn split<Q, A, P>(
    cluster: &Cluster<'_>,
    topics: impl IntoIterator<Item = (Str, Vec<P>)>,
    index: impl Fn(&P) -> i32,
    refused: impl Fn(&Str, &P) -> Option<ErrorCode>,
    question: impl Fn(u32, TopicPartition, P) -> Q,
    missing: impl Fn(u32, ErrorCode) -> A,
) -> (Collected<A>, Vec<(ShardId, Vec<Q>)>) {
    let mut collected = Collected { topics: Vec::new(), answers: Vec::new() };
    let mut parts = ByShard::new(cluster.shards);
    for (topic, partitions) in topics {
        let mut indexes = Vec::with_capacity(partitions.len());
        for partition in partitions {
            let (position, number) = (collected.answers.len() as u32, index(&partition));
            indexes.push(number);
            if let Some(code) = refused(&topic, &partition) {
                collected.answers.push(Some(missing(position, code)));
            } else if cluster.image.partition(&topic, number).is_some() {
                let id = TopicPartition { topic: topic.clone(), partition: number };
                parts.push(cluster.shards.shard_of(&topic, number), question(position, id, partition));
                collected.answers.push(None);
            } else {
                collected.answers.push(Some(missing(position, error::UNKNOWN_TOPIC_OR_PARTITION)));
            }
        }
        collected.topics.push((topic, indexes));
    }
    (collected, parts.into_parts().collect())
}

/// Partitions that a request names more than once.
fn repeated(request: &wire::ListOffsetsRequest) -> BTreeSet<(Str, i32)> {
    let (mut named, mut repeated) = (BTreeSet::new(), BTreeSet::new());
    for topic in &request.topics {
        for asked in &topic.partitions {
            let one = (topic.name.clone(), asked.partition_index);
            if !named.insert(one.clone()) {
                repeated.insert(one);
            }
        }
    }
    repeated
}

/// What is refused whether the partition exists or not.
fn refused(
    repeated: &BTreeSet<(Str, i32)>,
    version: i16,
    topic: &Str,
    asked: &wire::ListOffsetsRequestPartitions,
) -> Option<ErrorCode> {
    if !repeated.is_empty() && repeated.contains(&(topic.clone(), asked.partition_index)) {
        return Some(error::INVALID_REQUEST);
    }
    (!is_known_question(asked.timestamp, version)).then_some(error::UNSUPPORTED_VERSION)
}

/// Splits ListOffsets. A special question that this version does not have is refused whether its partition exists or not.
pub fn split_list_offsets(
    cluster: &Cluster<'_>,
    version: i16,
    request: wire::ListOffsetsRequest,
) -> (Collected<ListOffsetAnswer>, Vec<(ShardId, ShardRequest)>) {
    let (replica_id, read_committed) = (request.replica_id, request.isolation_level == 1);
    let question = |position, partition, asked: wire::ListOffsetsRequestPartitions| ListOffset {
        position,
        partition,
        replica_id,
        read_committed,
        current_leader_epoch: asked.current_leader_epoch,
        timestamp_ms: asked.timestamp,
    };
    let repeated = repeated(&request);
    let topics = request.topics.into_iter().map(|topic| (topic.name, topic.partitions));
    let refused = |topic: &Str, asked: &wire::ListOffsetsRequestPartitions| refused(&repeated, version, topic, asked);
    let (collected, parts) = split(cluster, topics, |p| p.partition_index, refused, question, nothing);
    (collected, parts.into_iter().map(|(shard, part)| (shard, ShardRequest::ListOffsets(part))).collect())
}

/// The response to ListOffsets.
pub fn finish_list_offsets(collected: Collected<ListOffsetAnswer>) -> wire::ListOffsetsResponse {
    let one = |(partition_index, answer): (i32, ListOffsetAnswer)| wire::ListOffsetsResponsePartitions {
        partition_index,
        error_code: answer.error_code,
        timestamp: answer.timestamp_ms,
        offset: answer.offset,
        leader_epoch: answer.leader_epoch,
        ..Default::default()
    };
    let topics = collected.finish().map(|(name, answers)| wire::ListOffsetsResponseTopics {
        name,
        partitions: answers.into_iter().map(one).collect(),
    });
    wire::ListOffsetsResponse { topics: topics.collect(), ..Default::default() }
}

/// Splits ListOffsets of version 0.
pub fn split_legacy_offsets(
    cluster: &Cluster<'_>,
    request: wire::ListOffsetsRequest,
) -> (Collected<LegacyOffsetsAnswer>, Vec<(ShardId, ShardRequest)>) {
    // Version 0 takes a partition as often as it is named.
    let once = BTreeSet::new();
    let refused = |topic: &Str, asked: &wire::ListOffsetsRequestPartitions| refused(&once, 0, topic, asked);
    let replica_id = request.replica_id;
    let question = |position, partition, asked: wire::ListOffsetsRequestPartitions| LegacyOffsets {
        position,
        partition,
        replica_id,
        timestamp_ms: asked.timestamp,
        offsets_max: asked.max_num_offsets,
    };
    let topics = request.topics.into_iter().map(|topic| (topic.name, topic.partitions));
    let (collected, parts) = split(cluster, topics, |p| p.partition_index, refused, question, legacy_offsets::failure);
    (collected, parts.into_iter().map(|(shard, part)| (shard, ShardRequest::LegacyOffsets(part))).collect())
}

/// The response to ListOffsets of version 0.
pub fn finish_legacy_offsets(collected: Collected<LegacyOffsetsAnswer>) -> wire::ListOffsetsResponse {
    let one = |(partition_index, answer): (i32, LegacyOffsetsAnswer)| wire::ListOffsetsResponsePartitions {
        partition_index,
        error_code: answer.error_code,
        old_style_offsets: answer.offsets,
        ..Default::default()
    };
    let topics = collected.finish().map(|(name, answers)| wire::ListOffsetsResponseTopics {
        name,
        partitions: answers.into_iter().map(one).collect(),
    });
    wire::ListOffsetsResponse { topics: topics.collect(), ..Default::default() }
}

/// Splits OffsetForLeaderEpoch.
pub fn split_epoch_ends(
    cluster: &Cluster<'_>,
    request: wire::OffsetForLeaderEpochRequest,
) -> (Collected<EpochEndAnswer>, Vec<(ShardId, ShardRequest)>) {
    let question = |position, partition, asked: wire::OffsetForLeaderEpochRequestPartitions| EpochEnd {
        position,
        partition,
        current_leader_epoch: asked.current_leader_epoch,
        leader_epoch: asked.leader_epoch,
    };
    let missing = |position, error_code| EpochEndAnswer { position, error_code, leader_epoch: -1, end_offset: -1 };
    let topics = request.topics.into_iter().map(|topic| (topic.topic, topic.partitions));
    let (collected, parts) = split(cluster, topics, |p| p.partition, |_, _| None, question, missing);
    (collected, parts.into_iter().map(|(shard, part)| (shard, ShardRequest::OffsetForLeaderEpoch(part))).collect())
}

/// The response to OffsetForLeaderEpoch.
pub fn finish_epoch_ends(collected: Collected<EpochEndAnswer>) -> wire::OffsetForLeaderEpochResponse {
    let one = |(partition, answer): (i32, EpochEndAnswer)| wire::OffsetForLeaderEpochResponsePartitions {
        error_code: answer.error_code,
        partition,
        leader_epoch: answer.leader_epoch,
        end_offset: answer.end_offset,
    };
    let topics = collected.finish().map(|(topic, answers)| wire::OffsetForLeaderEpochResponseTopics {
        topic,
        partitions: answers.into_iter().map(one).collect(),
    });
    wire::OffsetForLeaderEpochResponse { topics: topics.collect(), ..Default::default() }
}

/// Splits DescribeProducers.
pub fn split_describe_producers(
    cluster: &Cluster<'_>,
    request: wire::DescribeProducersRequest,
) -> (Collected<DescribeProducersAnswer>, Vec<(ShardId, ShardRequest)>) {
    let question = |position, partition, _: i32| DescribeProducers { position, partition };
    let missing = |position, code| DescribeProducersAnswer { position, producers: Err(code) };
    let topics = request.topics.into_iter().map(|topic| (topic.name, topic.partition_indexes));
    let (collected, parts) = split(cluster, topics, |p| *p, |_, _| None, question, missing);
    (collected, parts.into_iter().map(|(shard, part)| (shard, ShardRequest::DescribeProducers(part))).collect())
}

/// The response to DescribeProducers.
pub fn finish_describe_producers(collected: Collected<DescribeProducersAnswer>) -> wire::DescribeProducersResponse {
    let one = |(partition_index, answer): (i32, DescribeProducersAnswer)| {
        let error_code = answer.producers.as_ref().err().copied().unwrap_or(error::NONE);
        let active_producers = answer.producers.unwrap_or_default();
        let error_message = None;
        wire::DescribeProducersResponsePartitions { partition_index, error_code, error_message, active_producers }
    };
    let topics = collected.finish().map(|(name, answers)| wire::DescribeProducersResponseTopics {
        name,
        partitions: answers.into_iter().map(one).collect(),
    });
    wire::DescribeProducersResponse { topics: topics.collect(), ..Default::default() }
}

/// Splits DeleteRecords.
pub fn split_delete_records(
    cluster: &Cluster<'_>,
    request: wire::DeleteRecordsRequest,
) -> (Collected<DeleteRecordsAnswer>, Vec<(ShardId, ShardRequest)>) {
    let question = |position, partition, asked: wire::DeleteRecordsRequestPartitions| DeleteRecords {
        position,
        partition,
        offset: asked.offset,
    };
    let missing = |position, error_code| DeleteRecordsAnswer { position, error_code, low_watermark: -1 };
    let topics = request.topics.into_iter().map(|topic| (topic.name, topic.partitions));
    let (collected, parts) = split(cluster, topics, |p| p.partition_index, |_, _| None, question, missing);
    (collected, parts.into_iter().map(|(shard, part)| (shard, ShardRequest::DeleteRecords(part))).collect())
}

/// The response to DeleteRecords.
pub fn finish_delete_records(collected: Collected<DeleteRecordsAnswer>) -> wire::DeleteRecordsResponse {
    let one = |(partition_index, answer): (i32, DeleteRecordsAnswer)| wire::DeleteRecordsResponsePartitions {
        partition_index,
        low_watermark: answer.low_watermark,
        error_code: answer.error_code,
    };
    let topics = collected.finish().map(|(name, answers)| wire::DeleteRecordsResponseTopics {
        name,
        partitions: answers.into_iter().map(one).collect(),
    });
    wire::DeleteRecordsResponse { topics: topics.collect(), ..Default::default() }
}
