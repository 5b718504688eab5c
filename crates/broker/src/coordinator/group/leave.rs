//! LeaveGroup (API 13): members go at once instead of by silence. v3 and later name several, static ones by their
//! instance id.

use base::{Now, Str};
use kafka_wire::ErrorCode as E;
use kafka_wire::messages::{LeaveGroupRequest, LeaveGroupResponse, LeaveGroupResponseMembers};

use super::state::Group;
use super::{Caller, GroupCoordinator, GroupReply, GroupReplyBody, rebalance};
use crate::coordinator::runtime::Outcome;

pub(super) fn handle(
    coordinator: &mut GroupCoordinator,
    now: Now,
    caller: &Caller,
    request: LeaveGroupRequest,
    outcome: &mut Outcome<GroupReply>,
) -> GroupReplyBody {
    let delay = coordinator.config.initial_rebalance_delay_ms;
    let mut reply = LeaveGroupResponse::default();
    if request.group_id.is_empty() {
        reply.error_code = E::INVALID_GROUP_ID.0;
        return GroupReplyBody::Leave(reply);
    }
    let mut leave = |member_id: &Str, instance_id: Option<&Str>| -> E {
        let Some(group) = coordinator.groups.get_mut(&*request.group_id) else { return E::UNKNOWN_MEMBER_ID };
        match find(group, member_id, instance_id) {
            Ok(Leaving::Pending) => {
                group.pending.remove(&**member_id);
                rebalance::prepare_after_leave(group, now, delay, outcome);
                E::NONE
            }
            Ok(Leaving::Member(id)) => {
                rebalance::drop_member(group, now, &id, delay, outcome);
                E::NONE
            }
            Err(error) => error,
        }
    };
    if caller.version < 3 {
        reply.error_code = leave(&request.member_id, None).0;
        return GroupReplyBody::Leave(reply);
    }
    for member in &request.members {
        let error = leave(&member.member_id, member.group_instance_id.as_ref());
        reply.members.push(LeaveGroupResponseMembers {
            member_id: member.member_id.clone(),
            group_instance_id: member.group_instance_id.clone(),
            error_code: error.0,
        });
    }
    GroupReplyBody::Leave(reply)
}

enum Leaving {
    Pending,
    Member(Str),
}

/// An administrator removes a static member by its instance id alone.
fn find(group: &Group, member_id: &Str, instance_id: Option<&Str>) -> Result<Leaving, E> {
    if let Some(instance_id) = instance_id {
        let holder = group.static_members.get(&**instance_id).ok_or(E::UNKNOWN_MEMBER_ID)?;
        if !member_id.is_empty() && member_id != holder {
            return Err(E::FENCED_INSTANCE_ID);
        }
        return Ok(Leaving::Member(holder.clone()));
    }
    if group.pending.contains_key(&**member_id) {
        return Ok(Leaving::Pending);
    }
    if group.members.contains_key(&**member_id) {
        Ok(Leaving::Member(member_id.clone()))
    } else {
        Err(E::UNKNOWN_MEMBER_ID)
    }
}
