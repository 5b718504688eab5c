//! From one generation to the next: collect joins, close the generation, and drop whoever stays silent.
//! Upstream: `prepareRebalance`, `completeClassicGroupJoin`, `DelayedJoin`, `InitialDelayedJoin`.

use core::time::Duration;

use base::{Now, Str};
use kafka_wire::ErrorCode as E;

use super::state::{Group, Member, Rebalance, State};
use super::{GroupCoordinator, GroupReply, GroupReplyBody, heartbeat, join, records, sync};
use crate::coordinator::runtime::Outcome;

/// Asks everyone to join (again). The first members of an empty group get `initial_delay_ms` for others to show up.
pub(super) fn prepare(group: &mut Group, now: Now, initial_delay_ms: u32, outcome: &mut Outcome<GroupReply>) {
    match group.state {
        State::Empty => {
            let delay = Duration::from_millis(u64::from(initial_delay_ms));
            let at_most = now.mono + group.rebalance_timeout();
            group.transition(State::PreparingRebalance, now.wall_ms);
            group.rebalance = Some(Rebalance::Initial { until: at_most.min(now.mono + delay), at_most, grew: false });
        }
        State::Stable | State::CompletingRebalance => {
            for member in group.members.values_mut() {
                member.sync_deadline = None;
                if let Some(token) = member.awaiting_sync.take() {
                    heartbeat::touch(member, now);
                    let body = GroupReplyBody::Sync(sync::error(E::REBALANCE_IN_PROGRESS.0));
                    outcome.replies.push(GroupReply { token, body });
                }
            }
            group.transition(State::PreparingRebalance, now.wall_ms);
            group.rebalance = Some(Rebalance::Rejoin { until: now.mono + group.rebalance_timeout() });
        }
        State::PreparingRebalance | State::Dead => {}
    }
    if let Some(Rebalance::Rejoin { until }) = &mut group.rebalance
        && group.pending.is_empty()
        && group.members.values().all(|member| member.awaiting_join.is_some())
    {
        *until = now.mono;
    }
}

/// Everything that is due in any group.
pub(super) fn tick(coordinator: &mut GroupCoordinator, now: Now, outcome: &mut Outcome<GroupReply>) {
    let delay = coordinator.config.initial_rebalance_delay_ms;
    let due = coordinator.groups.values_mut().filter(|group| group.deadline().is_some_and(|at| at <= now.mono));
    for group in due {
        expire_members(group, now, delay, outcome);
        advance(group, now, delay, outcome);
    }
}

fn expire_members(group: &mut Group, now: Now, delay: u32, outcome: &mut Outcome<GroupReply>) {
    let waiting_before = group.pending.len();
    group.pending.retain(|_, expires| *expires > now.mono);
    let silent: Vec<Str> = group
        .members
        .values()
        .filter(|m| (m.expires() && m.session_deadline <= now.mono) || m.sync_deadline.is_some_and(|at| at <= now.mono))
        .map(|member| member.id.clone())
        .collect();
    for id in &silent {
        drop_member(group, now, id, delay, outcome);
    }
    if group.pending.len() < waiting_before {
        prepare_after_leave(group, now, delay, outcome);
    }
}

/// Removes a member and lets the others share its partitions.
pub(super) fn drop_member(group: &mut Group, now: Now, id: &str, delay: u32, outcome: &mut Outcome<GroupReply>) {
    if let Some(member) = group.remove(id) {
        answer_member(&member, E::UNKNOWN_MEMBER_ID, outcome);
        prepare(group, now, delay, outcome);
    }
}

pub(super) fn prepare_after_leave(group: &mut Group, now: Now, delay: u32, outcome: &mut Outcome<GroupReply>) {
    if group.state == State::PreparingRebalance {
        prepare(group, now, delay, outcome);
    }
}

fn advance(group: &mut Group, now: Now, delay_ms: u32, outcome: &mut Outcome<GroupReply>) {
    match &mut group.rebalance {
        Some(Rebalance::Initial { until, at_most, grew }) if *until <= now.mono => {
            if *grew && now.mono < *at_most {
                *grew = false;
                *until = (*at_most).min(now.mono + Duration::from_millis(u64::from(delay_ms)));
            } else {
                complete_join(group, now, outcome);
            }
        }
        Some(Rebalance::Rejoin { until }) if *until <= now.mono => complete_join(group, now, outcome),
        _ => {}
    }
}

/// Closes the round of joins: whoever is here forms the next generation. Static members may be late.
fn complete_join(group: &mut Group, now: Now, outcome: &mut Outcome<GroupReply>) {
    let absent: Vec<Str> = group
        .members
        .values()
        .filter(|member| member.awaiting_join.is_none() && member.instance_id.is_none())
        .map(|member| member.id.clone())
        .collect();
    for id in &absent {
        group.remove(id);
    }
    group.generation = group.generation.wrapping_add(1).max(1);
    if group.members.is_empty() {
        group.transition(State::Empty, now.wall_ms);
        group.protocol_name = None;
        group.leader = None;
        outcome.records.push(records::group_metadata(group));
        return;
    }
    let joined = |group: &Group, id: &Str| group.members.get(&**id).is_some_and(|m| m.awaiting_join.is_some());
    if !group.leader.as_ref().is_some_and(|leader| joined(group, leader)) {
        let next = group.members.values().find(|member| member.awaiting_join.is_some()).map(|m| m.id.clone());
        group.leader = next.or(group.leader.take());
    }
    group.protocol_name = group.vote();
    group.transition(State::CompletingRebalance, now.wall_ms);
    let sync_deadline = now.mono + group.rebalance_timeout();
    let ids: Vec<Str> = group.members.keys().cloned().collect();
    for id in ids {
        let answer = join::current_generation(group, &id);
        let member = group.members.get_mut(&*id).expect("one of its keys");
        let Some(awaiting) = member.awaiting_join.take() else { continue };
        member.is_new = false;
        member.sync_deadline = Some(sync_deadline);
        heartbeat::touch(member, now);
        outcome.replies.push(GroupReply { token: awaiting.token, body: GroupReplyBody::Join(answer) });
    }
}

/// Answers what a removed member still waits for.
pub(super) fn answer_member(member: &Member, error: E, outcome: &mut Outcome<GroupReply>) {
    if let Some(awaiting) = &member.awaiting_join {
        let body = GroupReplyBody::Join(join::error(member.id.clone(), error.0));
        outcome.replies.push(GroupReply { token: awaiting.token, body });
    }
    if let Some(token) = member.awaiting_sync {
        outcome.replies.push(GroupReply { token, body: GroupReplyBody::Sync(sync::error(error.0)) });
    }
}

/// A static member's place was taken by its own restart.
pub(super) fn fence(member: &Member, outcome: &mut Outcome<GroupReply>) {
    answer_member(member, E::FENCED_INSTANCE_ID, outcome);
}

/// Answers everything parked in a group with `error`.
pub(super) fn answer_parked(group: &mut Group, error: E, outcome: &mut Outcome<GroupReply>) {
    for member in group.members.values_mut() {
        answer_member(member, error, outcome);
        member.awaiting_join = None;
        member.awaiting_sync = None;
    }
}
