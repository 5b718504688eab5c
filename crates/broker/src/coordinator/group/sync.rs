//! SyncGroup (API 14): the leader hands in the assignment, everyone takes theirs. The assignment is committed to the
//! log before anybody learns of it.

use std::collections::BTreeMap;

use base::{Now, Str};
use bytes::Bytes;
use kafka_wire::ErrorCode as E;
use kafka_wire::messages::{SyncGroupRequest, SyncGroupResponse};

use super::state::{Group, State};
use super::{GroupCoordinator, GroupReply, GroupReplyBody, heartbeat, rebalance, records};
use crate::ErrorCode;
use crate::coordinator::runtime::{FollowUp, Outcome};
use crate::shard::RequestToken;

pub(super) fn handle(
    coordinator: &mut GroupCoordinator,
    now: Now,
    token: RequestToken,
    request: SyncGroupRequest,
    outcome: &mut Outcome<GroupReply>,
) -> Option<GroupReplyBody> {
    let group = match check(coordinator, &request) {
        Ok(group) => group,
        Err(code) => return Some(GroupReplyBody::Sync(error(code.0))),
    };
    let is_leader = group.leader.as_deref() == Some(&*request.member_id);
    let state = group.state;
    let member = group.members.get_mut(&*request.member_id).expect("checked above");
    heartbeat::touch(member, now);
    if state == State::Stable {
        let assignment = member.assignment.clone();
        return Some(GroupReplyBody::Sync(assigned(group, assignment)));
    }
    member.awaiting_sync = Some(token);
    member.sync_deadline = None;
    if is_leader {
        let assignments: BTreeMap<Str, Bytes> = request
            .assignments
            .iter()
            .map(|a| (a.member_id.detached(), Bytes::copy_from_slice(&a.assignment)))
            .collect();
        outcome.records.push(records::group_metadata_with(group, &assignments));
        outcome.follow_up = Some(FollowUp { id: group.id.clone(), generation: group.generation });
    }
    None
}

fn check<'a>(coordinator: &'a mut GroupCoordinator, request: &SyncGroupRequest) -> Result<&'a mut Group, E> {
    if request.group_id.is_empty() {
        return Err(E::INVALID_GROUP_ID);
    }
    let group = coordinator.groups.get_mut(&*request.group_id).ok_or(E::UNKNOWN_MEMBER_ID)?;
    heartbeat::find_member(group, &request.member_id, request.group_instance_id.as_deref())?;
    if request.generation_id != group.generation {
        return Err(E::ILLEGAL_GENERATION);
    }
    let differs = |asked: &Option<Str>, ours: &Option<Str>| asked.is_some() && asked != ours;
    if differs(&request.protocol_type, &group.protocol_type) || differs(&request.protocol_name, &group.protocol_name) {
        return Err(E::INCONSISTENT_GROUP_PROTOCOL);
    }
    match group.state {
        State::Empty | State::Dead => Err(E::UNKNOWN_MEMBER_ID),
        State::PreparingRebalance => Err(E::REBALANCE_IN_PROGRESS),
        State::CompletingRebalance | State::Stable => Ok(group),
    }
}

/// The leader's assignment is committed (replay has put it into the members), or it is not.
pub(super) fn on_assignment_written(
    coordinator: &mut GroupCoordinator,
    now: Now,
    follow_up: &FollowUp,
    result: Result<(), ErrorCode>,
    outcome: &mut Outcome<GroupReply>,
) {
    let delay = coordinator.config.initial_rebalance_delay_ms;
    let Some(group) = coordinator.groups.get_mut(&*follow_up.id) else { return };
    if group.generation != follow_up.generation || group.state != State::CompletingRebalance {
        return;
    }
    match result {
        Ok(()) => group.transition(State::Stable, now.wall_ms),
        Err(code) => {
            rebalance::answer_parked(group, E(code), outcome);
            return rebalance::prepare(group, now, delay, outcome);
        }
    }
    let waiting: Vec<(RequestToken, Bytes)> = group
        .members
        .values_mut()
        .filter_map(|member| {
            let token = member.awaiting_sync.take()?;
            heartbeat::touch(member, now);
            Some((token, member.assignment.clone()))
        })
        .collect();
    for (token, assignment) in waiting {
        outcome.replies.push(GroupReply { token, body: GroupReplyBody::Sync(assigned(group, assignment)) });
    }
}

fn assigned(group: &Group, assignment: Bytes) -> SyncGroupResponse {
    SyncGroupResponse {
        protocol_type: group.protocol_type.clone(),
        protocol_name: group.protocol_name.clone(),
        assignment,
        ..Default::default()
    }
}

pub(super) fn error(error_code: ErrorCode) -> SyncGroupResponse {
    SyncGroupResponse { error_code, ..Default::default() }
}
