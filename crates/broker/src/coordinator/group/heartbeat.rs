//! Heartbeat (API 12): a member says that it is alive, and learns that a rebalance began.

use core::time::Duration;

use base::Now;
use kafka_wire::ErrorCode as E;
use kafka_wire::messages::{HeartbeatRequest, HeartbeatResponse};

use super::state::{Group, Member, State};
use super::{GroupCoordinator, GroupReplyBody};
use crate::ErrorCode;

pub(super) fn handle(coordinator: &mut GroupCoordinator, now: Now, request: &HeartbeatRequest) -> GroupReplyBody {
    GroupReplyBody::Heartbeat(reply(check(coordinator, now, request).0))
}

fn check(coordinator: &mut GroupCoordinator, now: Now, request: &HeartbeatRequest) -> E {
    if request.group_id.is_empty() {
        return E::INVALID_GROUP_ID;
    }
    let Some(group) = coordinator.groups.get_mut(&*request.group_id) else { return E::UNKNOWN_MEMBER_ID };
    if let Err(error) = find_member(group, &request.member_id, request.group_instance_id.as_deref()) {
        return error;
    }
    if group.state == State::Empty || group.state == State::Dead {
        return E::UNKNOWN_MEMBER_ID;
    }
    if request.generation_id != group.generation {
        return E::ILLEGAL_GENERATION;
    }
    let state = group.state;
    if let Some(member) = group.members.get_mut(&*request.member_id) {
        touch(member, now);
    }
    if state == State::PreparingRebalance { E::REBALANCE_IN_PROGRESS } else { E::NONE }
}

/// Heard from a member: its session starts anew.
pub(super) fn touch(member: &mut Member, now: Now) {
    member.session_deadline = now.mono + Duration::from_millis(member.session_timeout_ms.max(0) as u64);
}

/// Checks a member id and, for static members, that the instance id is (still) this member's.
///
/// # Errors
/// `UNKNOWN_MEMBER_ID`, or `FENCED_INSTANCE_ID` when another member took the instance id over.
pub(super) fn find_member(group: &Group, member_id: &str, instance_id: Option<&str>) -> Result<(), E> {
    if let Some(instance_id) = instance_id {
        match group.static_members.get(instance_id) {
            None => return Err(E::UNKNOWN_MEMBER_ID),
            Some(holder) if holder != member_id => return Err(E::FENCED_INSTANCE_ID),
            Some(_) => {}
        }
    }
    if group.members.contains_key(member_id) { Ok(()) } else { Err(E::UNKNOWN_MEMBER_ID) }
}

pub(super) fn reply(error_code: ErrorCode) -> HeartbeatResponse {
    HeartbeatResponse { error_code, ..Default::default() }
}
