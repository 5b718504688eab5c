//! Produce, from the client's side: see [`crate::api::produce`] for the leader's.

use kafka_wire::messages as wire;

use super::{ByShard, Cluster};
use crate::api::produce::{failure, is_internal};
use crate::log::BatchHeader;
use crate::log::validate::{check_carried, crc_matches};
use crate::shard::{CodedError, ProduceAnswer, ProducePartition, ProduceRequest, ShardRequest};
use crate::{ErrorCode, ShardId, TopicPartition, error};
use base::Str;
use bytes::Bytes;

/// A Produce request whose answers are being collected.
#[derive(Debug)]
pub struct ProduceAssembly {
    topics: Vec<(Str, Vec<i32>)>,
    answers: Vec<Option<ProduceAnswer>>,
    /// 0 when no response is sent.
    pub acks: i16,
}

/// Splits a request by shard.
pub fn split(
    cluster: &Cluster<'_>,
    version: i16,
    client_id: &str,
    request: wire::ProduceRequest,
) -> (ProduceAssembly, Vec<(ShardId, ShardRequest)>) {
    let acks = request.acks;
    let internal_topics_allowed = client_id == "__admin_client";
    let mut assembly = ProduceAssembly { topics: Vec::new(), answers: Vec::new(), acks };
    let mut parts = ByShard::new(cluster.shards);
    for topic in request.topic_data {
        let mut indexes = Vec::with_capacity(topic.partition_data.len());
        for data in topic.partition_data {
            let position = assembly.answers.len() as u32;
            let records = data.records.unwrap_or_default();
            indexes.push(data.index);
            let refused = refusal(cluster, (version, acks, internal_topics_allowed), &topic.name, data.index, &records);
            if refused.is_none() {
                let partition = TopicPartition { topic: topic.name.clone(), partition: data.index };
                let shard = cluster.shards.shard_of(&topic.name, data.index);
                parts.push(shard, ProducePartition { position, partition, records });
            }
            assembly.answers.push(refused.map(|refused| failure(position, refused)));
        }
        assembly.topics.push((topic.name, indexes));
    }
    let whole = |partitions| ProduceRequest {
        version,
        acks,
        timeout_ms: request.timeout_ms,
        internal_topics_allowed,
        partitions,
    };
    let parts = parts.into_parts().map(|(shard, parts)| (shard, ShardRequest::Produce(whole(parts)))).collect();
    (assembly, parts)
}

/// What can be said without the partition.
fn refusal(
    cluster: &Cluster<'_>,
    (version, acks, internal_topics_allowed): (i16, i16, bool),
    topic: &str,
    partition: i32,
    records: &Bytes,
) -> Option<CodedError> {
    if cluster.image.partition(topic, partition).is_none() {
        return Some(error::UNKNOWN_TOPIC_OR_PARTITION.into());
    }
    if let Err(refused) = check_carried(records, version) {
        return Some(refused.into());
    }
    if !(-1..=1).contains(&acks) {
        return Some(error::INVALID_REQUIRED_ACKS.into());
    }
    if is_internal(topic) && !internal_topics_allowed {
        return Some(error::INVALID_TOPIC_EXCEPTION.into());
    }
    // What is no batch of format 2 is left to the leader's checks; a whole one is summed here, off the shard's thread.
    let header = BatchHeader::parse(records).ok().filter(|header| header.size() <= records.len())?;
    if header.is_transactional() {
        let why = "transactions are not served";
        return Some(CodedError::new(error::INVALID_TXN_STATE, why));
    }
    (!crc_matches(&header, records))
        .then(|| CodedError::new(error::CORRUPT_MESSAGE, "the record batch's CRC does not match its bytes"))
}

impl ProduceAssembly {
    /// Takes a shard's answers.
    pub fn add(&mut self, answers: Vec<ProduceAnswer>) {
        for answer in answers {
            let slot = &mut self.answers[answer.position as usize];
            assert!(slot.is_none(), "each partition is answered once");
            *slot = Some(answer);
        }
    }

    /// The error code of each partition, in the request's order.
    pub fn error_codes(&self) -> impl Iterator<Item = ErrorCode> {
        self.answers.iter().map(|answer| answer.as_ref().map_or(error::NONE, |answer| answer.error_code))
    }

    /// Whether any partition failed: with `acks=0` that closes the connection, the only way to say so.
    pub fn has_failed(&self) -> bool {
        self.answers.iter().flatten().any(|answer| answer.error_code != error::NONE)
    }

    /// The response, once every shard has answered.
    pub fn finish(self, cluster: &Cluster<'_>) -> wire::ProduceResponse {
        let mut response = wire::ProduceResponse::default();
        let mut answers = self.answers.into_iter().map(|answer| answer.expect("every shard has answered"));
        for (name, indexes) in self.topics {
            let mut partition_responses = Vec::with_capacity(indexes.len());
            for index in indexes {
                let mut partition = to_wire(index, answers.next().expect("one answer for each partition"));
                if partition.error_code == error::NOT_LEADER_OR_FOLLOWER {
                    name_leader(cluster, &name, &mut partition, &mut response.node_endpoints);
                }
                partition_responses.push(partition);
            }
            response.responses.push(wire::ProduceResponseResponses { name, partition_responses });
        }
        response
    }
}

fn name_leader(
    cluster: &Cluster<'_>,
    topic: &str,
    partition: &mut wire::ProduceResponsePartitionResponses,
    endpoints: &mut Vec<wire::ProduceResponseNodeEndpoints>,
) {
    let Some((leader_id, leader_epoch, endpoint)) = cluster.leader(topic, partition.index) else { return };
    partition.current_leader = wire::ProduceResponseCurrentLeader { leader_id, leader_epoch };
    if endpoints.iter().all(|known| known.node_id != leader_id) {
        endpoints.push(wire::ProduceResponseNodeEndpoints {
            node_id: leader_id,
            host: endpoint.host.clone(),
            port: endpoint.port,
            rack: cluster.image.broker(leader_id).and_then(|broker| broker.rack.clone()),
        });
    }
}

fn to_wire(index: i32, answer: ProduceAnswer) -> wire::ProduceResponsePartitionResponses {
    let record_errors = answer.record_errors.into_iter().map(|(batch_index, message)| {
        wire::ProduceResponseRecordErrors { batch_index, batch_index_error_message: Some(Str::from(message)) }
    });
    wire::ProduceResponsePartitionResponses {
        index,
        error_code: answer.error_code,
        base_offset: answer.base_offset,
        log_append_time_ms: answer.log_append_time_ms,
        log_start_offset: answer.log_start_offset,
        record_errors: record_errors.collect(),
        error_message: answer.error_message.map(Str::from),
        ..Default::default()
    }
}
