//! JoinGroup (API 11): a member enters the group, or takes part in the next generation.
//!
//! v4 and later: a new member first learns its id (`MEMBER_ID_REQUIRED`, KIP-394) and joins with it; v5 static
//! members (KIP-345); v9 `skip_assignment` tells a returning static leader to leave the assignment alone (KIP-814).

use core::time::Duration;

use base::{Now, Str};
use bytes::Bytes;
use kafka_wire::ErrorCode as E;
use kafka_wire::messages::{JoinGroupRequest, JoinGroupResponse, JoinGroupResponseMembers};

use super::state::{AwaitingJoin, Group, Member, State};
use super::{
    Caller, GroupCoordinator, GroupReply, GroupReplyBody, NEW_MEMBER_JOIN_TIMEOUT, heartbeat, rebalance, records,
};
use crate::ErrorCode;
use crate::coordinator::runtime::Outcome;
use crate::shard::RequestToken;

pub(super) fn handle(
    coordinator: &mut GroupCoordinator,
    now: Now,
    token: RequestToken,
    caller: &Caller,
    request: JoinGroupRequest,
    outcome: &mut Outcome<GroupReply>,
) -> Option<GroupReplyBody> {
    let member_id = request.member_id.clone();
    match admit(coordinator, now, token, caller, request, outcome) {
        Ok(answer) => answer.map(GroupReplyBody::Join),
        // Who does not fit in is told of no id.
        Err(code @ E::GROUP_MAX_SIZE_REACHED) => Some(GroupReplyBody::Join(error(Str::new(), code.0))),
        Err(code) => Some(GroupReplyBody::Join(error(member_id, code.0))),
    }
}

/// `Ok(None)` parks the request until the rebalance is complete.
fn admit(
    coordinator: &mut GroupCoordinator,
    now: Now,
    token: RequestToken,
    caller: &Caller,
    request: JoinGroupRequest,
    outcome: &mut Outcome<GroupReply>,
) -> Result<Option<JoinGroupResponse>, E> {
    check_request(coordinator, now, &request)?;
    let instance_id = request.group_instance_id.as_ref().map(Str::detached);
    let known_static = instance_id.as_ref().and_then(|instance| {
        coordinator.groups.get(&*request.group_id).and_then(|group| group.static_members.get(&**instance)).cloned()
    });
    if request.member_id.is_empty() {
        let prefix = instance_id.as_ref().unwrap_or(&caller.client_id).clone();
        let new_id = coordinator.new_member_id(&prefix);
        let group = group_for_join(coordinator, now, &request);
        return match known_static {
            Some(old_id) => replace_static(coordinator, now, token, caller, request, &old_id, new_id, outcome),
            None if caller.version >= 4 && instance_id.is_none() => {
                let session = Duration::from_millis(request.session_timeout_ms.max(0) as u64);
                group.pending.insert(new_id.clone(), now.mono + session);
                Ok(Some(error(new_id, E::MEMBER_ID_REQUIRED.0)))
            }
            None => add_and_rebalance(coordinator, now, token, caller, request, new_id, outcome),
        };
    }
    let Some(group) = coordinator.groups.get_mut(&*request.group_id) else { return Err(E::UNKNOWN_MEMBER_ID) };
    if group.pending.contains_key(&*request.member_id) {
        let id = request.member_id.detached();
        return add_and_rebalance(coordinator, now, token, caller, request, id, outcome);
    }
    match (&instance_id, known_static) {
        (Some(_), None) => return Err(E::UNKNOWN_MEMBER_ID),
        (Some(_), Some(holder)) if holder != request.member_id => return Err(E::FENCED_INSTANCE_ID),
        _ if !group.members.contains_key(&*request.member_id) => return Err(E::UNKNOWN_MEMBER_ID),
        _ => {}
    }
    rejoin(coordinator, now, token, caller, request, outcome)
}

fn check_request(coordinator: &mut GroupCoordinator, now: Now, request: &JoinGroupRequest) -> Result<(), E> {
    if request.group_id.is_empty() {
        return Err(E::INVALID_GROUP_ID);
    }
    let allowed = coordinator.config.session_timeout_ms_min..=coordinator.config.session_timeout_ms_max;
    if !allowed.contains(&request.session_timeout_ms) {
        return Err(E::INVALID_SESSION_TIMEOUT);
    }
    let Some(group) = coordinator.groups.get(&*request.group_id) else {
        // Only a newcomer may make a group.
        if !request.member_id.is_empty() {
            return Err(E::UNKNOWN_MEMBER_ID);
        }
        // It is made before it is known whether it will be of use; what is not is forgotten with others of its kind.
        group_for_join(coordinator, now, request);
        let sensible = !request.protocol_type.is_empty() && !request.protocols.is_empty();
        return if sensible { Ok(()) } else { Err(E::INCONSISTENT_GROUP_PROTOCOL) };
    };
    if !has_room(group, &request.member_id, coordinator.config.size_max) {
        return Err(E::GROUP_MAX_SIZE_REACHED);
    }
    if !group.accepts(&request.protocol_type, &protocols_of(request)) {
        return Err(E::INCONSISTENT_GROUP_PROTOCOL);
    }
    Ok(())
}

/// Whether the group takes this member (`GroupCoordinator.acceptJoiningMember`): names that wait to be used do not count.
fn has_room(group: &Group, member_id: &str, size_max: usize) -> bool {
    let member = group.members.get(member_id);
    match group.state {
        State::Empty | State::Dead => true,
        State::PreparingRebalance => {
            let awaiting = group.members.values().filter(|member| member.awaiting_join.is_some()).count();
            member.is_some_and(|member| member.awaiting_join.is_some()) || awaiting < size_max
        }
        State::CompletingRebalance | State::Stable => member.is_some() || group.members.len() < size_max,
    }
}

fn group_for_join<'a>(coordinator: &'a mut GroupCoordinator, now: Now, request: &JoinGroupRequest) -> &'a mut Group {
    let id = request.group_id.detached();
    coordinator.groups.entry(id.clone()).or_insert_with(|| Group::new(id, now.wall_ms))
}

fn protocols_of(request: &JoinGroupRequest) -> Vec<(Str, Bytes)> {
    request.protocols.iter().map(|p| (p.name.detached(), Bytes::copy_from_slice(&p.metadata))).collect()
}

fn member_from(now: Now, caller: &Caller, request: &JoinGroupRequest, id: Str, awaiting: AwaitingJoin) -> Member {
    // v0 has no rebalance timeout of its own.
    let rebalance_timeout_ms =
        if request.rebalance_timeout_ms < 0 { request.session_timeout_ms } else { request.rebalance_timeout_ms };
    Member {
        id,
        instance_id: request.group_instance_id.as_ref().map(Str::detached),
        client_id: caller.client_id.clone(),
        client_host: caller.client_host.clone(),
        rebalance_timeout_ms,
        session_timeout_ms: request.session_timeout_ms,
        protocols: protocols_of(request),
        assignment: Bytes::new(),
        session_deadline: now.mono + NEW_MEMBER_JOIN_TIMEOUT,
        awaiting_join: Some(awaiting),
        awaiting_sync: None,
        is_new: true,
        sync_deadline: None,
    }
}

fn add_and_rebalance(
    coordinator: &mut GroupCoordinator,
    now: Now,
    token: RequestToken,
    caller: &Caller,
    request: JoinGroupRequest,
    id: Str,
    outcome: &mut Outcome<GroupReply>,
) -> Result<Option<JoinGroupResponse>, E> {
    let delay = coordinator.config.initial_rebalance_delay_ms;
    let group = group_for_join(coordinator, now, &request);
    let awaiting = AwaitingJoin { token, version: caller.version };
    let member = member_from(now, caller, &request, id, awaiting);
    if group.members.is_empty() {
        group.protocol_type = Some(request.protocol_type.detached());
    }
    group.add(member);
    rebalance::prepare(group, now, delay, outcome);
    Ok(None)
}

/// A member that the group knows joins again.
fn rejoin(
    coordinator: &mut GroupCoordinator,
    now: Now,
    token: RequestToken,
    caller: &Caller,
    request: JoinGroupRequest,
    outcome: &mut Outcome<GroupReply>,
) -> Result<Option<JoinGroupResponse>, E> {
    let delay = coordinator.config.initial_rebalance_delay_ms;
    let group = coordinator.groups.get_mut(&*request.group_id).expect("the caller found the member in it");
    let protocols = protocols_of(&request);
    let is_leader = group.leader.as_deref() == Some(&*request.member_id);
    let state = group.state;
    let member = group.members.get_mut(&*request.member_id).expect("the caller found it");
    let unchanged = member.has_protocols(&protocols);
    let answer_now = match state {
        // The leader rejoins to have the assignment worked out anew, even with the same subscription.
        State::Stable => unchanged && !is_leader,
        // Its reply to the join was lost: it gets the same one again.
        State::CompletingRebalance => unchanged,
        State::PreparingRebalance => false,
        State::Empty | State::Dead => return Err(E::UNKNOWN_MEMBER_ID),
    };
    if answer_now {
        heartbeat::touch(member, now);
        return Ok(Some(current_generation(group, &request.member_id)));
    }
    let renewed =
        member_from(now, caller, &request, member.id.clone(), AwaitingJoin { token, version: caller.version });
    member.protocols = protocols;
    member.rebalance_timeout_ms = renewed.rebalance_timeout_ms;
    member.session_timeout_ms = renewed.session_timeout_ms;
    member.client_id = renewed.client_id;
    member.client_host = renewed.client_host;
    // An earlier JoinGroup of the same member is answered by nobody: its connection is gone or will time out.
    member.awaiting_join = renewed.awaiting_join;
    heartbeat::touch(member, now);
    rebalance::prepare(group, now, delay, outcome);
    Ok(None)
}

/// A static member came back without its member id (a restart): it takes its own place under a new id.
#[allow(clippy::too_many_arguments, reason = "one step of a protocol whose parts are all needed")]
fn replace_static(
    coordinator: &mut GroupCoordinator,
    now: Now,
    token: RequestToken,
    caller: &Caller,
    request: JoinGroupRequest,
    old_id: &str,
    new_id: Str,
    outcome: &mut Outcome<GroupReply>,
) -> Result<Option<JoinGroupResponse>, E> {
    let delay = coordinator.config.initial_rebalance_delay_ms;
    let group = coordinator.groups.get_mut(&*request.group_id).expect("its static member was found in it");
    let old_leader = group.leader.clone();
    let was_leader = old_leader.as_deref() == Some(old_id);
    let old = group.remove(old_id).expect("the instance id names it");
    rebalance::fence(&old, outcome);
    let awaiting = AwaitingJoin { token, version: caller.version };
    let mut member = member_from(now, caller, &request, new_id.clone(), awaiting);
    member.assignment = old.assignment.clone();
    let protocols_changed = !old.has_protocols(&member.protocols);
    group.add(member);
    if was_leader {
        group.leader = Some(new_id.clone());
    }
    let stays = group.state == State::Stable && !protocols_changed && group.vote() == group.protocol_name;
    if !stays {
        rebalance::prepare(group, now, delay, outcome);
        return Ok(None);
    }
    let member = group.members.get_mut(&*new_id).expect("added above");
    member.awaiting_join = None;
    member.is_new = false;
    heartbeat::touch(member, now);
    outcome.records.push(records::group_metadata(group));
    let mut answer = current_generation(group, &new_id);
    if was_leader {
        if caller.version >= 9 {
            answer.skip_assignment = true;
        } else {
            // Naming the old leader keeps this client from assigning anew (KIP-345 before KIP-814).
            answer.leader = old_leader.unwrap_or_default();
            answer.members = Vec::new();
        }
    }
    Ok(Some(answer))
}

/// The reply that tells a member what the running generation is.
pub(super) fn current_generation(group: &Group, member_id: &str) -> JoinGroupResponse {
    let leader = group.leader.clone().unwrap_or_default();
    let protocol = group.protocol_name.clone().unwrap_or_default();
    let members = if leader == *member_id {
        let describe = |member: &Member| JoinGroupResponseMembers {
            member_id: member.id.clone(),
            group_instance_id: member.instance_id.clone(),
            metadata: member.metadata(&protocol),
        };
        group.members.values().map(describe).collect()
    } else {
        Vec::new()
    };
    JoinGroupResponse {
        generation_id: group.generation,
        protocol_type: group.protocol_type.clone(),
        protocol_name: Some(protocol),
        leader,
        member_id: Str::from(member_id),
        members,
        ..Default::default()
    }
}

pub(super) fn error(member_id: Str, error_code: ErrorCode) -> JoinGroupResponse {
    JoinGroupResponse { error_code, generation_id: -1, member_id, ..Default::default() }
}
