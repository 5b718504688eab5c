//! The group coordinator (classic protocol): members, generations, assignments and committed offsets of the groups
//! whose name falls on one partition of `__consumer_offsets`. Upstream: `GroupMetadataManager.java` of the
//! group-coordinator module; the protocol's rules are KIP-62, KIP-345, KIP-394.
//!
//! This file routes. Each request kind has its file; `replay` and the records' bytes are in [`records`].

pub mod delete;
pub mod describe;
pub mod heartbeat;
pub mod join;
pub mod leave;
pub mod offset_commit;
pub mod offset_delete;
pub mod offset_fetch;
pub mod offsets;
pub mod rebalance;
pub mod records;
pub mod state;
pub mod sync;

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use base::{Instant, Now, Prng, Str};
use kafka_wire::messages::{
    DescribeGroupsResponseGroups, HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse,
    LeaveGroupRequest, LeaveGroupResponse, ListGroupsResponseGroups, OffsetCommitRequest, OffsetCommitResponse,
    OffsetDeleteRequest, OffsetDeleteResponse, OffsetFetchRequestGroups, OffsetFetchResponseGroups, SyncGroupRequest,
    SyncGroupResponse,
};

use crate::ErrorCode;
use crate::coordinator::runtime::{Coordinator, FollowUp, Outcome, Record, Refusal};
use crate::shard::RequestToken;

use self::offsets::Offsets;
use self::state::{Group, State};

/// The settings of group coordination, under upstream's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupConfig {
    /// `group.initial.rebalance.delay.ms`.
    pub initial_rebalance_delay_ms: u32,
    /// `group.min.session.timeout.ms`.
    pub session_timeout_ms_min: i32,
    /// `group.max.session.timeout.ms`.
    pub session_timeout_ms_max: i32,
    /// `group.max.size`.
    pub size_max: usize,
    /// `offset.metadata.max.bytes`.
    pub offset_metadata_bytes_max: usize,
    /// `offsets.retention.minutes`, as milliseconds.
    pub offsets_retention_ms: i64,
    /// `offsets.retention.check.interval.ms`.
    pub offsets_retention_check_interval_ms: u32,
}

impl Default for GroupConfig {
    fn default() -> Self {
        Self {
            initial_rebalance_delay_ms: 3000,
            session_timeout_ms_min: 6000,
            session_timeout_ms_max: 1_800_000,
            size_max: usize::MAX,
            offset_metadata_bytes_max: 4096,
            offsets_retention_ms: 7 * 24 * 3600 * 1000,
            offsets_retention_check_interval_ms: 600_000,
        }
    }
}

/// How long a member that never finished a rebalance may be silent (Kafka's `NewMemberJoinTimeout`).
pub const NEW_MEMBER_JOIN_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// From the request header; empty when null.
    pub client_id: Str,
    /// The peer's address as Java prints it, `/127.0.0.1`.
    pub client_host: Str,
    /// The request's version.
    pub version: i16,
}

/// One request for one group (or, for `List`, for all groups of the partition).
#[derive(Clone, Debug)]
pub struct GroupRequest {
    /// Given back with the reply.
    pub token: RequestToken,
    /// Who asks.
    pub caller: Caller,
    /// What is asked.
    pub body: GroupRequestBody,
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum GroupRequestBody {
    /// API 11.
    Join(JoinGroupRequest),
    /// API 14.
    Sync(SyncGroupRequest),
    /// API 12.
    Heartbeat(HeartbeatRequest),
    /// API 13.
    Leave(LeaveGroupRequest),
    /// API 8; partitions that do not exist were answered before.
    OffsetCommit(OffsetCommitRequest),
    /// API 9, one group of it.
    OffsetFetch {
        /// The group and the partitions asked for; `topics` null means all.
        group: OffsetFetchRequestGroups,
        /// Whether offsets that a transaction may still change are an error (KIP-447).
        require_stable: bool,
    },
    /// API 15, one group of it.
    Describe(Str),
    /// API 16.
    List {
        /// Only these states; empty means all.
        states: Vec<Str>,
        /// Only these types; empty means all.
        types: Vec<Str>,
    },
    /// API 42, one group of it.
    Delete(Str),
    /// API 47; partitions that do not exist were answered before.
    OffsetDelete(OffsetDeleteRequest),
}

/// An answer and whose it is.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupReply {
    /// The request's token.
    pub token: RequestToken,
    /// The answer.
    pub body: GroupReplyBody,
}

/// The answers, each to the request of the same name.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "each is the answer to the request of the same name")]
pub enum GroupReplyBody {
    Join(JoinGroupResponse),
    Sync(SyncGroupResponse),
    Heartbeat(HeartbeatResponse),
    Leave(LeaveGroupResponse),
    OffsetCommit(OffsetCommitResponse),
    OffsetFetch(OffsetFetchResponseGroups),
    Describe(DescribeGroupsResponseGroups),
    List(Result<Vec<ListGroupsResponseGroups>, ErrorCode>),
    Delete { group: Str, error_code: ErrorCode },
    OffsetDelete(OffsetDeleteResponse),
}

/// The groups of one partition of `__consumer_offsets`.
pub struct GroupCoordinator {
    config: GroupConfig,
    prng: Prng,
    groups: BTreeMap<Str, Group>,
    offsets: Offsets,
    next_retention_check: Instant,
    /// Deleted topics whose offsets are still to be forgotten.
    gone: BTreeSet<Str>,
    /// While the log is read, its records are all there is; afterwards they confirm what the members did.
    loading: bool,
}

impl GroupCoordinator {
    /// A coordinator that knows nothing yet; its log is replayed next. Member ids are drawn from `prng`.
    pub fn new(config: GroupConfig, prng: Prng) -> Self {
        Self {
            config,
            prng,
            groups: BTreeMap::new(),
            offsets: Offsets::default(),
            next_retention_check: Instant::ZERO,
            gone: BTreeSet::new(),
            loading: true,
        }
    }

    /// The group of this name.
    pub fn group(&self, id: &str) -> Option<&Group> {
        self.groups.get(id)
    }

    /// These topics are deleted: the next ticks forget what was committed for them.
    pub fn forget_topics(&mut self, topics: &[Str]) {
        self.gone.extend(topics.iter().map(Str::detached));
    }

    /// The state of each group.
    pub fn states(&self) -> impl Iterator<Item = State> {
        self.groups.values().map(|group| group.state)
    }

    /// The committed offsets.
    pub fn offsets(&self) -> &Offsets {
        &self.offsets
    }

    /// A member id nobody else has: the client's name (or the instance id) and a random UUID (KIP-394).
    fn new_member_id(&mut self, prefix: &str) -> Str {
        let mut uuid = [0; 16];
        self.prng.fill(&mut uuid);
        uuid[6] = uuid[6] & 0x0f | 0x40;
        uuid[8] = uuid[8] & 0x3f | 0x80;
        let hex: String = uuid.iter().map(|byte| format!("{byte:02x}")).collect();
        Str::from(format!("{prefix}-{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]))
    }
}

impl Coordinator for GroupCoordinator {
    type Request = GroupRequest;
    type Reply = GroupReply;
    type Error = ErrorCode;

    fn replay(&mut self, record: &Record) {
        records::replay(self, record);
    }

    fn on_loaded(&mut self, now: Now, _outcome: &mut Outcome<GroupReply>) {
        self.loading = false;
        self.next_retention_check = now.mono + self.retention_check_interval();
        // Members loaded from the log have not been heard from: each gets a whole session to show up.
        for member in self.groups.values_mut().flat_map(|group| group.members.values_mut()) {
            member.session_deadline = now.mono + Duration::from_millis(member.session_timeout_ms.max(0) as u64);
        }
    }

    fn handle(&mut self, now: Now, request: GroupRequest, outcome: &mut Outcome<GroupReply>) {
        let GroupRequest { token, caller, body } = request;
        let reply = match body {
            GroupRequestBody::Join(body) => join::handle(self, now, token, &caller, body, outcome),
            GroupRequestBody::Sync(body) => sync::handle(self, now, token, body, outcome),
            GroupRequestBody::Heartbeat(body) => Some(heartbeat::handle(self, now, &body)),
            GroupRequestBody::Leave(body) => Some(leave::handle(self, now, &caller, body, outcome)),
            GroupRequestBody::OffsetCommit(body) => Some(offset_commit::handle(self, now, &caller, body, outcome)),
            GroupRequestBody::OffsetFetch { group, .. } => Some(offset_fetch::handle(self, group)),
            GroupRequestBody::Describe(group) => Some(describe::describe(self, group)),
            GroupRequestBody::List { states, types } => Some(describe::list(self, &states, &types)),
            GroupRequestBody::Delete(group) => Some(delete::handle(self, group, outcome)),
            GroupRequestBody::OffsetDelete(body) => {
                Some(GroupReplyBody::OffsetDelete(offset_delete::handle(self, body, outcome)))
            }
        };
        outcome.replies.extend(reply.map(|body| GroupReply { token, body }));
    }

    fn tick(&mut self, now: Now, outcome: &mut Outcome<GroupReply>) {
        rebalance::tick(self, now, outcome);
        if !self.gone.is_empty() {
            offsets::forget(self, outcome);
        }
        if self.next_retention_check <= now.mono {
            self.next_retention_check = now.mono + self.retention_check_interval();
            offsets::expire(self, now, outcome);
        }
    }

    fn deadline(&self) -> Option<Instant> {
        if !self.gone.is_empty() {
            return Some(Instant::ZERO);
        }
        let groups = self.groups.values().filter_map(Group::deadline).min();
        Some(groups.unwrap_or(Instant::FAR_FUTURE).min(self.next_retention_check))
    }

    fn on_write(
        &mut self,
        now: Now,
        follow_up: &FollowUp,
        result: Result<(), ErrorCode>,
        outcome: &mut Outcome<GroupReply>,
    ) {
        sync::on_assignment_written(self, now, follow_up, result, outcome);
    }

    fn fail(&self, reply: GroupReply, error: ErrorCode) -> GroupReply {
        GroupReply { token: reply.token, body: failed(reply.body, error) }
    }

    fn refuse(&self, request: GroupRequest, refusal: Refusal) -> GroupReply {
        GroupReply { token: request.token, body: refused(request.body, refusal) }
    }

    fn resign(&mut self, outcome: &mut Outcome<GroupReply>) {
        for group in self.groups.values_mut() {
            rebalance::answer_parked(group, kafka_wire::ErrorCode::NOT_COORDINATOR, outcome);
        }
    }
}

impl GroupCoordinator {
    fn retention_check_interval(&self) -> Duration {
        Duration::from_millis(u64::from(self.config.offsets_retention_check_interval_ms.max(1)))
    }
}

/// The answer to a request that could not be handled, with this error.
pub fn error_reply(body: &GroupRequestBody, error: ErrorCode) -> GroupReplyBody {
    match body {
        GroupRequestBody::Join(body) => GroupReplyBody::Join(join::error(body.member_id.clone(), error)),
        GroupRequestBody::Sync(_) => GroupReplyBody::Sync(sync::error(error)),
        GroupRequestBody::Heartbeat(_) => GroupReplyBody::Heartbeat(heartbeat::reply(error)),
        GroupRequestBody::Leave(_) => {
            GroupReplyBody::Leave(LeaveGroupResponse { error_code: error, ..Default::default() })
        }
        GroupRequestBody::OffsetCommit(body) => GroupReplyBody::OffsetCommit(offset_commit::all(body, error)),
        GroupRequestBody::OffsetFetch { group, .. } => GroupReplyBody::OffsetFetch(OffsetFetchResponseGroups {
            group_id: group.group_id.clone(),
            error_code: error,
            ..Default::default()
        }),
        GroupRequestBody::Describe(group) => GroupReplyBody::Describe(DescribeGroupsResponseGroups {
            error_code: error,
            group_id: group.clone(),
            ..Default::default()
        }),
        GroupRequestBody::List { .. } => GroupReplyBody::List(Err(error)),
        GroupRequestBody::Delete(group) => GroupReplyBody::Delete { group: group.clone(), error_code: error },
        GroupRequestBody::OffsetDelete(_) => GroupReplyBody::OffsetDelete(offset_delete::error(error)),
    }
}

fn refused(body: GroupRequestBody, refusal: Refusal) -> GroupReplyBody {
    use kafka_wire::ErrorCode as E;
    let error = match (refusal, &body) {
        (Refusal::NotCoordinator, _) => E::NOT_COORDINATOR,
        // A member that syncs while the new coordinator loads must join again anyway.
        (Refusal::Loading, GroupRequestBody::Sync(_)) => E::REBALANCE_IN_PROGRESS,
        // Members keep their session while the coordinator loads.
        (Refusal::Loading, GroupRequestBody::Heartbeat(_)) => E::NONE,
        (Refusal::Loading, _) => E::COORDINATOR_LOAD_IN_PROGRESS,
    };
    error_reply(&body, error.0)
}

/// What a reply says instead when its records did not reach the log.
fn failed(body: GroupReplyBody, error: ErrorCode) -> GroupReplyBody {
    match body {
        GroupReplyBody::Join(reply) => GroupReplyBody::Join(join::error(reply.member_id, error)),
        GroupReplyBody::Sync(_) => GroupReplyBody::Sync(sync::error(error)),
        GroupReplyBody::Heartbeat(_) => GroupReplyBody::Heartbeat(heartbeat::reply(error)),
        GroupReplyBody::Leave(reply) => GroupReplyBody::Leave(LeaveGroupResponse { error_code: error, ..reply }),
        GroupReplyBody::OffsetCommit(mut reply) => {
            let partitions = reply.topics.iter_mut().flat_map(|topic| &mut topic.partitions);
            for partition in partitions.filter(|partition| partition.error_code == 0) {
                partition.error_code = error;
            }
            GroupReplyBody::OffsetCommit(reply)
        }
        GroupReplyBody::Delete { group, .. } => GroupReplyBody::Delete { group, error_code: error },
        GroupReplyBody::OffsetDelete(_) => GroupReplyBody::OffsetDelete(offset_delete::error(error)),
        read @ (GroupReplyBody::OffsetFetch(_) | GroupReplyBody::Describe(_) | GroupReplyBody::List(_)) => read,
    }
}
