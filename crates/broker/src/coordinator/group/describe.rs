//! DescribeGroups (API 15), one group of it, and ListGroups (API 16), one partition's groups.

use base::Str;
use kafka_wire::messages::{DescribeGroupsResponseGroups, DescribeGroupsResponseMembers, ListGroupsResponseGroups};

use super::state::State;
use super::{GroupCoordinator, GroupReplyBody};

/// A group nobody knows is described as `Dead`, without an error (up to v5).
pub(super) fn describe(coordinator: &GroupCoordinator, id: Str) -> GroupReplyBody {
    let Some(group) = coordinator.groups.get(&*id) else {
        return GroupReplyBody::Describe(DescribeGroupsResponseGroups {
            group_id: id,
            group_state: Str::from_static(State::Dead.name()),
            ..Default::default()
        });
    };
    let stable = group.state == State::Stable;
    let protocol = group.protocol_name.clone().filter(|_| stable).unwrap_or_default();
    let members = group.members.values().map(|member| DescribeGroupsResponseMembers {
        member_id: member.id.clone(),
        group_instance_id: member.instance_id.clone(),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        // Between generations these would be neither the old nor the new ones.
        member_metadata: if stable { member.metadata(&protocol) } else { Default::default() },
        member_assignment: if stable { member.assignment.clone() } else { Default::default() },
    });
    let members = members.collect();
    GroupReplyBody::Describe(DescribeGroupsResponseGroups {
        group_id: id,
        group_state: Str::from_static(group.state.name()),
        protocol_type: group.protocol_type.clone().unwrap_or_default(),
        protocol_data: protocol,
        members,
        ..Default::default()
    })
}

/// States and types are compared without regard to case, as upstream does since 3.7.
pub(super) fn list(coordinator: &GroupCoordinator, states: &[Str], types: &[Str]) -> GroupReplyBody {
    let wanted =
        |filter: &[Str], value: &str| filter.is_empty() || filter.iter().any(|f| f.eq_ignore_ascii_case(value));
    let groups =
        coordinator.groups.values().filter(|group| wanted(states, group.state.name()) && wanted(types, "classic")).map(
            |group| ListGroupsResponseGroups {
                group_id: group.id.clone(),
                protocol_type: group.protocol_type.clone().unwrap_or_default(),
                group_state: Str::from_static(group.state.name()),
                group_type: Str::from_static("classic"),
            },
        );
    GroupReplyBody::List(Ok(groups.collect()))
}
