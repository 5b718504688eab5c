//! OffsetCommit (API 8): a group's positions, answered when they are committed in the log.

use base::{Now, Str};
use kafka_wire::ErrorCode as E;
use kafka_wire::messages::{
    OffsetCommitRequest, OffsetCommitRequestPartitions, OffsetCommitResponse, OffsetCommitResponsePartitions,
    OffsetCommitResponseTopics,
};

use super::offsets::Committed;
use super::state::{Group, State};
use super::{Caller, GroupCoordinator, GroupReply, GroupReplyBody, heartbeat, records};
use crate::ErrorCode;
use crate::coordinator::runtime::Outcome;

pub(super) fn handle(
    coordinator: &mut GroupCoordinator,
    now: Now,
    caller: &Caller,
    request: OffsetCommitRequest,
    outcome: &mut Outcome<GroupReply>,
) -> GroupReplyBody {
    if let Err(error) = check(coordinator, now, &request) {
        return GroupReplyBody::OffsetCommit(all(&request, error.0));
    }
    // Upstream knows a group from its first commit on, whether there is anything to keep or not.
    if !request.topics.is_empty() {
        let id = request.group_id.detached();
        coordinator.groups.entry(id.clone()).or_insert_with(|| Group::new(id, now.wall_ms));
    }
    let mut reply = OffsetCommitResponse::default();
    for topic in &request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in &topic.partitions {
            let metadata_bytes = partition.committed_metadata.as_ref().map_or(0, |metadata| metadata.len());
            let error = if metadata_bytes > coordinator.config.offset_metadata_bytes_max {
                E::OFFSET_METADATA_TOO_LARGE
            } else {
                let committed = committed(now, caller, &request, partition);
                let index = partition.partition_index;
                outcome.records.push(records::offset_commit(&request.group_id, &topic.name, index, &committed));
                E::NONE
            };
            partitions.push(OffsetCommitResponsePartitions {
                partition_index: partition.partition_index,
                error_code: error.0,
            });
        }
        reply.topics.push(OffsetCommitResponseTopics { name: topic.name.clone(), partitions });
    }
    GroupReplyBody::OffsetCommit(reply)
}

/// A commit without a generation comes from a consumer that assigns itself its partitions, or from an
/// administrator; a group with members refuses it.
fn check(coordinator: &mut GroupCoordinator, now: Now, request: &OffsetCommitRequest) -> Result<(), E> {
    let generation = request.generation_id_or_member_epoch;
    let Some(group) = coordinator.groups.get_mut(&*request.group_id) else {
        return if generation < 0 { Ok(()) } else { Err(E::ILLEGAL_GENERATION) };
    };
    if group.state == State::Dead {
        return Err(E::COORDINATOR_NOT_AVAILABLE);
    }
    if generation < 0 && group.state == State::Empty {
        return Ok(());
    }
    heartbeat::find_member(group, &request.member_id, request.group_instance_id.as_deref())?;
    if generation != group.generation {
        return Err(E::ILLEGAL_GENERATION);
    }
    if group.state == State::CompletingRebalance {
        return Err(E::REBALANCE_IN_PROGRESS);
    }
    if let Some(member) = group.members.get_mut(&*request.member_id) {
        heartbeat::touch(member, now);
    }
    Ok(())
}

fn committed(
    now: Now,
    caller: &Caller,
    request: &OffsetCommitRequest,
    partition: &OffsetCommitRequestPartitions,
) -> Committed {
    let explicit_timestamp = caller.version == 1 && partition.commit_timestamp != -1;
    Committed {
        offset: partition.committed_offset,
        leader_epoch: partition.committed_leader_epoch,
        metadata: partition.committed_metadata.as_ref().map(Str::detached).unwrap_or_default(),
        commit_timestamp_ms: if explicit_timestamp { partition.commit_timestamp } else { now.wall_ms },
        expire_timestamp_ms: match request.retention_time_ms {
            -1 => -1,
            retention_ms => now.wall_ms.saturating_add(retention_ms),
        },
    }
}

/// The same error for every partition.
pub(super) fn all(request: &OffsetCommitRequest, error_code: ErrorCode) -> OffsetCommitResponse {
    let topics = request.topics.iter().map(|topic| OffsetCommitResponseTopics {
        name: topic.name.clone(),
        partitions: topic
            .partitions
            .iter()
            .map(|p| OffsetCommitResponsePartitions { partition_index: p.partition_index, error_code })
            .collect(),
    });
    OffsetCommitResponse { topics: topics.collect(), ..Default::default() }
}
