//! OffsetDelete (API 47): offsets of topics that nobody in the group reads (`GroupCoordinator.handleDeleteOffsets`).

use std::collections::BTreeSet;

use base::{Reader, Str};
use kafka_wire::ErrorCode as E;
use kafka_wire::Record as _;
use kafka_wire::messages::{
    ConsumerProtocolSubscription, OffsetDeleteRequest, OffsetDeleteResponse, OffsetDeleteResponsePartitions,
    OffsetDeleteResponseTopics,
};

use super::state::{Group, State};
use super::{GroupCoordinator, GroupReply, records};
use crate::ErrorCode;
use crate::coordinator::runtime::Outcome;

pub(super) fn handle(
    coordinator: &GroupCoordinator,
    request: OffsetDeleteRequest,
    outcome: &mut Outcome<GroupReply>,
) -> OffsetDeleteResponse {
    let group = match coordinator.groups.get(&*request.group_id) {
        _ if request.group_id.is_empty() => return error(E::INVALID_GROUP_ID.0),
        None => return error(E::GROUP_ID_NOT_FOUND.0),
        Some(group) => group,
    };
    let read = match (group.state, group.protocol_type.as_deref()) {
        (State::Empty, _) => BTreeSet::new(),
        (_, Some("consumer")) => subscribed(group),
        _ => return error(E::NON_EMPTY_GROUP.0),
    };
    let is_empty = group.state == State::Empty;
    let mut left = coordinator.offsets.of_group(&group.id).map_or(0, |offsets| offsets.len());
    let mut any = false;
    let mut response = OffsetDeleteResponse::default();
    for topic in request.topics {
        let code = if read.contains(&topic.name) { E::GROUP_SUBSCRIBED_TO_TOPIC } else { E::NONE };
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in topic.partitions {
            let at = (topic.name.clone(), partition.partition_index);
            let committed = coordinator.offsets.of_group(&group.id).is_some_and(|offsets| offsets.contains_key(&at));
            any |= code == E::NONE;
            if code == E::NONE && committed {
                left -= 1;
                outcome.records.push(records::offset_tombstone(&group.id, &at.0, at.1));
            }
            partitions.push(OffsetDeleteResponsePartitions { partition_index: at.1, error_code: code.0 });
        }
        response.topics.push(OffsetDeleteResponseTopics { name: topic.name, partitions });
    }
    // Nothing is left of a group without members and offsets.
    if is_empty && any && left == 0 {
        outcome.records.push(records::group_tombstone(&group.id));
    }
    response
}

/// What the group's members said they read. One that cannot be read reads nothing, as upstream has it.
fn subscribed(group: &Group) -> BTreeSet<Str> {
    let protocol = group.protocol_name.as_deref().unwrap_or_default();
    let of_member = |metadata| {
        let mut reader = Reader::new(metadata);
        let version = reader.i16().ok()?.clamp(0, 3);
        Some(ConsumerProtocolSubscription::decode(&mut reader, version).ok()?.topics)
    };
    let members = group.members.values().filter_map(|member| of_member(member.metadata(protocol)));
    members.flatten().map(|topic| topic.detached()).collect()
}

/// The answer for all of it.
pub(super) fn error(error_code: ErrorCode) -> OffsetDeleteResponse {
    OffsetDeleteResponse { error_code, ..OffsetDeleteResponse::default() }
}
