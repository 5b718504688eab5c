//! Groups on a runtime whose log is a vector: requests in, replies out, and the same state after replaying the log.

use std::time::Duration;

use base::{Instant, Now, Prng, Str};
use broker::coordinator::group::state::State;
use broker::coordinator::group::{
    Caller, GroupConfig, GroupCoordinator, GroupReply, GroupReplyBody, GroupRequest, GroupRequestBody,
};
use broker::coordinator::runtime::{Record, Runtime, RuntimeEffect};
use broker::shard::RequestToken;
use bytes::{Bytes, BytesMut};
use kafka_wire::messages::{
    ConsumerProtocolSubscription, HeartbeatRequest, JoinGroupRequest, JoinGroupRequestProtocols, JoinGroupResponse,
    LeaveGroupRequest, LeaveGroupRequestMembers, OffsetCommitRequest, OffsetCommitRequestPartitions,
    OffsetCommitRequestTopics, OffsetDeleteRequest, OffsetDeleteRequestPartitions, OffsetDeleteRequestTopics,
    OffsetFetchRequestGroups, SyncGroupRequest, SyncGroupRequestAssignments, SyncGroupResponse,
};
use kafka_wire::{ErrorCode, Record as _};

/// A log that commits at once, unless told to hold the high watermark or to fail.
struct Harness {
    runtime: Runtime<GroupCoordinator>,
    log: Vec<Record>,
    now: Now,
    next_token: u64,
    hold_commits: bool,
    fail_appends: bool,
    replies: Vec<GroupReply>,
}

fn config() -> GroupConfig {
    GroupConfig { initial_rebalance_delay_ms: 0, ..GroupConfig::default() }
}

impl Harness {
    fn new() -> Self {
        Self::restarted(Vec::new())
    }

    fn restarted(log: Vec<Record>) -> Self {
        let now = Now { mono: Instant::from_millis(1000), wall_ms: 1_700_000_000_000 };
        let mut runtime = Runtime::loading(GroupCoordinator::new(config(), Prng::new(7)));
        for record in &log {
            runtime.load(record);
        }
        let mut harness =
            Self { runtime, log, now, next_token: 0, hold_commits: false, fail_appends: false, replies: Vec::new() };
        let mut effects = Vec::new();
        harness.runtime.finish_loading(now, &mut effects);
        harness.perform(effects);
        harness
    }

    fn perform(&mut self, mut effects: Vec<RuntimeEffect<GroupReply>>) {
        while !effects.is_empty() {
            let mut next = Vec::new();
            for effect in effects {
                match effect {
                    RuntimeEffect::Reply(reply) => self.replies.push(reply),
                    RuntimeEffect::Append(_) if self.fail_appends => {
                        self.runtime.on_append_failed(self.now, ErrorCode::NOT_COORDINATOR.0, &mut next);
                    }
                    RuntimeEffect::Append(records) => {
                        self.log.extend(records);
                        let end = self.log.len() as i64;
                        self.runtime.on_appended(self.now, end - 1, &mut next);
                        if !self.hold_commits {
                            self.runtime.on_high_watermark(self.now, end, &mut next);
                        }
                    }
                }
            }
            effects = next;
        }
    }

    fn commit(&mut self) {
        let mut effects = Vec::new();
        self.runtime.on_high_watermark(self.now, self.log.len() as i64, &mut effects);
        self.perform(effects);
    }

    fn send(&mut self, version: i16, body: GroupRequestBody) -> RequestToken {
        self.next_token += 1;
        let token = RequestToken(self.next_token);
        let caller =
            Caller { client_id: Str::from_static("app"), client_host: Str::from_static("/127.0.0.1"), version };
        let mut effects = Vec::new();
        self.runtime.handle(self.now, GroupRequest { token, caller, body }, &mut effects);
        self.perform(effects);
        self.tick();
        token
    }

    fn tick(&mut self) {
        while self.runtime.deadline().is_some_and(|at| at <= self.now.mono) {
            let mut effects = Vec::new();
            self.runtime.tick(self.now, &mut effects);
            self.perform(effects);
        }
    }

    fn advance(&mut self, time: Duration) {
        let until = self.now.mono + time;
        while let Some(at) = self.runtime.deadline().filter(|at| *at <= until) {
            self.now.wall_ms += at.since(self.now.mono).as_millis() as i64;
            self.now.mono = at.max(self.now.mono);
            self.tick();
        }
        self.now.wall_ms += until.since(self.now.mono).as_millis() as i64;
        self.now.mono = until;
    }

    fn take(&mut self, token: RequestToken) -> Option<GroupReplyBody> {
        let at = self.replies.iter().position(|reply| reply.token == token)?;
        Some(self.replies.remove(at).body)
    }

    fn ask(&mut self, version: i16, body: GroupRequestBody) -> GroupReplyBody {
        let token = self.send(version, body);
        self.take(token).expect("an immediate reply")
    }

    fn joined(&mut self, token: RequestToken) -> JoinGroupResponse {
        match self.take(token) {
            Some(GroupReplyBody::Join(reply)) => reply,
            other => panic!("expected a join reply, got {other:?}"),
        }
    }

    fn synced(&mut self, token: RequestToken) -> SyncGroupResponse {
        match self.take(token) {
            Some(GroupReplyBody::Sync(reply)) => reply,
            other => panic!("expected a sync reply, got {other:?}"),
        }
    }

    fn state(&self) -> State {
        self.runtime.coordinator().group("g").expect("the group").state
    }

    /// A new member through both steps of KIP-394; returns its id and the parked join.
    fn enter(&mut self) -> (Str, RequestToken) {
        let first = self.send(9, GroupRequestBody::Join(join("")));
        let reply = self.joined(first);
        assert_eq!(reply.error_code, ErrorCode::MEMBER_ID_REQUIRED.0);
        let id = reply.member_id;
        let token = self.send(9, GroupRequestBody::Join(join(&id)));
        (id, token)
    }

    /// A stable group of one.
    fn stable(&mut self) -> Str {
        let (id, token) = self.enter();
        let reply = self.joined(token);
        assert_eq!((reply.error_code, reply.generation_id), (0, 1));
        let token = self.send(5, GroupRequestBody::Sync(sync(&id, 1, &[(&id, b"p0")])));
        assert_eq!(&self.synced(token).assignment[..], b"p0");
        id
    }
}

fn join(member_id: &str) -> JoinGroupRequest {
    JoinGroupRequest {
        group_id: Str::from("g"),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        member_id: Str::from(member_id),
        protocol_type: Str::from("consumer"),
        protocols: vec![JoinGroupRequestProtocols {
            name: Str::from("range"),
            metadata: Bytes::from_static(b"topics"),
        }],
        ..Default::default()
    }
}

fn sync(member_id: &str, generation_id: i32, assignments: &[(&str, &'static [u8])]) -> SyncGroupRequest {
    SyncGroupRequest {
        group_id: Str::from("g"),
        generation_id,
        member_id: Str::from(member_id),
        protocol_type: Some(Str::from("consumer")),
        protocol_name: Some(Str::from("range")),
        assignments: assignments
            .iter()
            .map(|(id, bytes)| SyncGroupRequestAssignments {
                member_id: Str::from(*id),
                assignment: Bytes::from_static(bytes),
            })
            .collect(),
        ..Default::default()
    }
}

fn heartbeat(member_id: &str, generation_id: i32) -> GroupRequestBody {
    GroupRequestBody::Heartbeat(HeartbeatRequest {
        group_id: Str::from("g"),
        generation_id,
        member_id: Str::from(member_id),
        group_instance_id: None,
    })
}

fn offset_commit(member_id: &str, generation: i32, offset: i64) -> GroupRequestBody {
    GroupRequestBody::OffsetCommit(OffsetCommitRequest {
        group_id: Str::from("g"),
        generation_id_or_member_epoch: generation,
        member_id: Str::from(member_id),
        topics: vec![OffsetCommitRequestTopics {
            name: Str::from("t"),
            partitions: vec![OffsetCommitRequestPartitions {
                partition_index: 0,
                committed_offset: offset,
                ..Default::default()
            }],
        }],
        ..Default::default()
    })
}

fn committed(harness: &mut Harness) -> Option<i64> {
    let group = OffsetFetchRequestGroups { group_id: Str::from("g"), topics: None, ..Default::default() };
    match harness.ask(8, GroupRequestBody::OffsetFetch { group, require_stable: false }) {
        GroupReplyBody::OffsetFetch(reply) => {
            reply.topics.first().and_then(|topic| topic.partitions.first()).map(|p| p.committed_offset)
        }
        other => panic!("{other:?}"),
    }
}

fn error_of(reply: GroupReplyBody) -> ErrorCode {
    ErrorCode(match reply {
        GroupReplyBody::Heartbeat(reply) => reply.error_code,
        GroupReplyBody::OffsetCommit(reply) => reply.topics[0].partitions[0].error_code,
        GroupReplyBody::Join(reply) => reply.error_code,
        GroupReplyBody::Sync(reply) => reply.error_code,
        GroupReplyBody::Delete { error_code, .. } => error_code,
        GroupReplyBody::Leave(reply) => reply.members.first().map_or(reply.error_code, |member| member.error_code),
        other => panic!("no single error in {other:?}"),
    })
}

#[test]
fn two_members_share_and_one_leaves() {
    let mut h = Harness::new();
    let first = h.stable();
    assert_eq!(h.state(), State::Stable);

    let (second, parked_second) = h.enter();
    assert_eq!(h.state(), State::PreparingRebalance);
    assert_eq!(error_of(h.ask(4, heartbeat(&first, 1))), ErrorCode::REBALANCE_IN_PROGRESS);
    let rejoin = h.send(9, GroupRequestBody::Join(join(&first)));
    let (leader, follower) = (h.joined(rejoin), h.joined(parked_second));
    assert_eq!((leader.generation_id, follower.generation_id), (2, 2));
    assert_eq!(leader.leader, first);
    assert_eq!(leader.members.len(), 2);
    assert!(follower.members.is_empty());

    let waiting = h.send(5, GroupRequestBody::Sync(sync(&second, 2, &[])));
    assert!(h.take(waiting).is_none(), "the follower waits for the leader");
    let by_leader = h.send(5, GroupRequestBody::Sync(sync(&first, 2, &[(&first, b"p0"), (&second, b"p1")])));
    assert_eq!(&h.synced(by_leader).assignment[..], b"p0");
    assert_eq!(&h.synced(waiting).assignment[..], b"p1");
    assert_eq!(error_of(h.ask(4, heartbeat(&second, 2))), ErrorCode::NONE);
    assert_eq!(error_of(h.ask(4, heartbeat(&second, 1))), ErrorCode::ILLEGAL_GENERATION);
    assert_eq!(error_of(h.ask(4, heartbeat("nobody", 2))), ErrorCode::UNKNOWN_MEMBER_ID);

    let leave = LeaveGroupRequest {
        group_id: Str::from("g"),
        members: vec![LeaveGroupRequestMembers { member_id: first.clone(), ..Default::default() }],
        ..Default::default()
    };
    assert_eq!(error_of(h.ask(5, GroupRequestBody::Leave(leave))), ErrorCode::NONE);
    assert_eq!(error_of(h.ask(4, heartbeat(&second, 2))), ErrorCode::REBALANCE_IN_PROGRESS);
    let rejoin = h.send(9, GroupRequestBody::Join(join(&second)));
    let alone = h.joined(rejoin);
    assert_eq!((alone.generation_id, alone.leader.clone()), (3, second.clone()));
}

#[test]
fn nothing_is_said_before_it_is_committed() {
    let mut h = Harness::new();
    let id = h.stable();
    h.hold_commits = true;
    let commit = h.send(8, offset_commit(&id, 1, 42));
    assert!(h.take(commit).is_none(), "not committed yet");
    let group = OffsetFetchRequestGroups { group_id: Str::from("g"), topics: None, ..Default::default() };
    let fetch = h.send(8, GroupRequestBody::OffsetFetch { group, require_stable: false });
    assert!(h.take(fetch).is_none(), "a read of what is not committed waits for it");
    h.commit();
    assert_eq!(error_of(h.take(commit).expect("committed")), ErrorCode::NONE);
    assert!(matches!(h.take(fetch), Some(GroupReplyBody::OffsetFetch(reply)) if reply.topics.len() == 1));
}

#[test]
fn an_assignment_that_is_not_committed_reaches_nobody() {
    let mut h = Harness::new();
    let (id, token) = h.enter();
    assert_eq!(h.joined(token).generation_id, 1);
    h.hold_commits = true;
    let sync_token = h.send(5, GroupRequestBody::Sync(sync(&id, 1, &[(&id, b"p0")])));
    assert!(h.take(sync_token).is_none());
    assert_eq!(h.state(), State::CompletingRebalance);
    h.commit();
    assert_eq!(&h.synced(sync_token).assignment[..], b"p0");
    assert_eq!(h.state(), State::Stable);
}

#[test]
fn a_failed_write_is_an_error_for_everyone_who_waited() {
    let mut h = Harness::new();
    let id = h.stable();
    h.fail_appends = true;
    assert_eq!(error_of(h.ask(8, offset_commit(&id, 1, 42))), ErrorCode::NOT_COORDINATOR);
    h.fail_appends = false;
    assert_eq!(committed(&mut h), None);

    let mut h = Harness::new();
    let (id, token) = h.enter();
    assert_eq!(h.joined(token).generation_id, 1);
    h.fail_appends = true;
    assert_eq!(error_of(h.ask(5, GroupRequestBody::Sync(sync(&id, 1, &[(&id, b"p0")])))), ErrorCode::NOT_COORDINATOR);
    assert_eq!(h.state(), State::PreparingRebalance);
}

#[test]
fn a_restart_replays_members_assignments_and_offsets() {
    let mut h = Harness::new();
    let id = h.stable();
    assert_eq!(error_of(h.ask(8, offset_commit(&id, 1, 42))), ErrorCode::NONE);
    assert_eq!(error_of(h.ask(8, offset_commit(&id, 1, 43))), ErrorCode::NONE);

    let mut again = Harness::restarted(h.log.clone());
    assert_eq!(again.state(), State::Stable);
    assert_eq!(committed(&mut again), Some(43));
    assert_eq!(error_of(again.ask(4, heartbeat(&id, 1))), ErrorCode::NONE);
    let resync = again.send(5, GroupRequestBody::Sync(sync(&id, 1, &[])));
    assert_eq!(&again.synced(resync).assignment[..], b"p0");

    // The member never shows up: it is removed after a whole session, and the group is written as empty.
    again.advance(Duration::from_secs(9));
    assert_eq!(again.state(), State::Stable);
    again.advance(Duration::from_secs(2));
    assert_eq!(again.state(), State::Empty);
    let third = Harness::restarted(again.log.clone());
    assert_eq!(third.state(), State::Empty);
    assert_eq!(third.runtime.coordinator().group("g").map(|g| g.generation), Some(2));
}

#[test]
fn commits_are_checked_against_the_generation() {
    let mut h = Harness::new();
    assert_eq!(error_of(h.ask(8, offset_commit("m", 3, 1))), ErrorCode::ILLEGAL_GENERATION);
    assert_eq!(error_of(h.ask(8, offset_commit("", -1, 5))), ErrorCode::NONE, "a consumer that assigns itself");
    assert_eq!(committed(&mut h), Some(5));
    let id = h.stable();
    assert_eq!(error_of(h.ask(8, offset_commit("", -1, 6))), ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(error_of(h.ask(8, offset_commit(&id, 9, 6))), ErrorCode::ILLEGAL_GENERATION);
    assert_eq!(error_of(h.ask(8, offset_commit(&id, 1, 6))), ErrorCode::NONE);
}

#[test]
fn joins_that_make_no_sense_are_refused() {
    let mut h = Harness::new();
    let cases: Vec<(JoinGroupRequest, ErrorCode)> = vec![
        (JoinGroupRequest { group_id: Str::new(), ..join("") }, ErrorCode::INVALID_GROUP_ID),
        (JoinGroupRequest { session_timeout_ms: 5999, ..join("") }, ErrorCode::INVALID_SESSION_TIMEOUT),
        (JoinGroupRequest { session_timeout_ms: 1_800_001, ..join("") }, ErrorCode::INVALID_SESSION_TIMEOUT),
        (JoinGroupRequest { protocols: Vec::new(), ..join("") }, ErrorCode::INCONSISTENT_GROUP_PROTOCOL),
        (join("nobody"), ErrorCode::UNKNOWN_MEMBER_ID),
    ];
    for (request, expected) in cases {
        assert_eq!(error_of(h.ask(9, GroupRequestBody::Join(request.clone()))), expected, "{request:?}");
    }
    h.stable();
    let other = JoinGroupRequest { protocol_type: Str::from("connect"), ..join("") };
    assert_eq!(error_of(h.ask(9, GroupRequestBody::Join(other))), ErrorCode::INCONSISTENT_GROUP_PROTOCOL);
}

#[test]
fn a_static_member_returns_to_its_place_without_a_rebalance() {
    let mut h = Harness::new();
    let as_static = |id: &str| JoinGroupRequest { group_instance_id: Some(Str::from("i1")), ..join(id) };
    let token = h.send(9, GroupRequestBody::Join(as_static("")));
    let first = h.joined(token);
    assert_eq!((first.error_code, first.generation_id), (0, 1));
    let id = first.member_id;
    let request = SyncGroupRequest { group_instance_id: Some(Str::from("i1")), ..sync(&id, 1, &[(&id, b"p0")]) };
    let token = h.send(5, GroupRequestBody::Sync(request));
    assert_eq!(&h.synced(token).assignment[..], b"p0");

    let token = h.send(9, GroupRequestBody::Join(as_static("")));
    let back = h.joined(token);
    assert_eq!((back.error_code, back.generation_id, back.skip_assignment), (0, 1, true));
    assert_ne!(back.member_id, id);
    assert_eq!(h.state(), State::Stable);
    let old = GroupRequestBody::Heartbeat(HeartbeatRequest {
        group_id: Str::from("g"),
        generation_id: 1,
        member_id: id,
        group_instance_id: Some(Str::from("i1")),
    });
    assert_eq!(error_of(h.ask(4, old)), ErrorCode::FENCED_INSTANCE_ID);
}

#[test]
fn only_an_empty_group_is_deleted_and_leaves_tombstones() {
    let mut h = Harness::new();
    assert_eq!(error_of(h.ask(2, GroupRequestBody::Delete(Str::from("g")))), ErrorCode::GROUP_ID_NOT_FOUND);
    let id = h.stable();
    assert_eq!(error_of(h.ask(8, offset_commit(&id, 1, 42))), ErrorCode::NONE);
    assert_eq!(error_of(h.ask(2, GroupRequestBody::Delete(Str::from("g")))), ErrorCode::NON_EMPTY_GROUP);
    h.advance(Duration::from_secs(11));
    assert_eq!(h.state(), State::Empty);
    assert_eq!(error_of(h.ask(2, GroupRequestBody::Delete(Str::from("g")))), ErrorCode::NONE);
    assert!(h.runtime.coordinator().group("g").is_none());
    let again = Harness::restarted(h.log.clone());
    assert!(again.runtime.coordinator().group("g").is_none());
    assert!(again.runtime.coordinator().offsets().of_group("g").is_none());
}

#[test]
fn offsets_are_deleted_of_topics_that_nobody_reads() {
    let mut h = Harness::new();
    let delete = |h: &mut Harness, topic: &str| {
        let partitions = vec![OffsetDeleteRequestPartitions { partition_index: 0 }];
        let topics = vec![OffsetDeleteRequestTopics { name: Str::from(topic), partitions }];
        match h.ask(0, GroupRequestBody::OffsetDelete(OffsetDeleteRequest { group_id: Str::from("g"), topics })) {
            GroupReplyBody::OffsetDelete(reply) => {
                let of_partition = reply.topics.first().map(|topic| topic.partitions[0].error_code);
                (ErrorCode(reply.error_code), of_partition.map(ErrorCode))
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(delete(&mut h, "t"), (ErrorCode::GROUP_ID_NOT_FOUND, None));
    let id = h.stable();
    assert_eq!(error_of(h.ask(8, offset_commit(&id, 1, 42))), ErrorCode::NONE);
    let subscription = ConsumerProtocolSubscription { topics: vec![Str::from("t")], ..Default::default() };
    let mut metadata = BytesMut::from(&[0u8, 1][..]);
    subscription.encode(&mut metadata, 1);
    let mut again = join(&id);
    again.protocols[0].metadata = metadata.freeze();
    let token = h.send(5, GroupRequestBody::Join(again));
    let generation = h.joined(token).generation_id;
    h.ask(3, GroupRequestBody::Sync(sync(&id, generation, &[])));
    assert_eq!(delete(&mut h, "t"), (ErrorCode::NONE, Some(ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC)));
    assert_eq!(delete(&mut h, "other"), (ErrorCode::NONE, Some(ErrorCode::NONE)), "which has none");
    assert_eq!(committed(&mut h), Some(42));
    h.advance(Duration::from_secs(11));
    assert_eq!(h.state(), State::Empty);
    assert_eq!(delete(&mut h, "t"), (ErrorCode::NONE, Some(ErrorCode::NONE)));
    assert_eq!(committed(&mut h), None);
    let again = Harness::restarted(h.log.clone());
    assert!(again.runtime.coordinator().offsets().of_group("g").is_none());
}

#[test]
fn offsets_of_deleted_topics_are_forgotten() {
    let mut h = Harness::new();
    let forget = |h: &mut Harness, topic: &'static str| {
        h.runtime.coordinator_mut().forget_topics(&[Str::from_static(topic)]);
        h.tick();
    };
    assert_eq!(error_of(h.ask(8, offset_commit("", -1, 42))), ErrorCode::NONE);
    forget(&mut h, "other");
    assert_eq!(committed(&mut h), Some(42));
    let id = h.stable();
    h.fail_appends = true;
    h.runtime.coordinator_mut().forget_topics(&[Str::from_static("t")]);
    let mut effects = Vec::new();
    h.runtime.tick(h.now, &mut effects);
    h.perform(effects);
    assert_eq!(committed(&mut h), Some(42), "the log did not take it");
    h.fail_appends = false;
    forget(&mut h, "t");
    h.advance(Duration::from_secs(2));
    assert_eq!(committed(&mut h), None);
    assert_eq!(h.state(), State::Stable, "its members stay");
    assert_eq!(error_of(h.ask(8, offset_commit(&id, 1, 1))), ErrorCode::NONE, "of a new topic of that name");
    h.advance(Duration::from_secs(11));
    forget(&mut h, "t");
    assert!(h.runtime.coordinator().group("g").is_none(), "nothing is left of it");
    let again = Harness::restarted(h.log.clone());
    assert!(again.runtime.coordinator().group("g").is_none());
    assert!(again.runtime.coordinator().offsets().of_group("g").is_none());
}

#[test]
fn offsets_of_an_empty_group_expire_after_their_retention() {
    let mut h = Harness::new();
    let id = h.stable();
    assert_eq!(error_of(h.ask(8, offset_commit(&id, 1, 42))), ErrorCode::NONE);
    h.advance(Duration::from_secs(11));
    assert_eq!(committed(&mut h), Some(42));
    h.advance(Duration::from_secs(7 * 24 * 3600 - 60));
    assert_eq!(committed(&mut h), Some(42));
    h.advance(Duration::from_secs(1300));
    assert_eq!(committed(&mut h), None);
    assert!(h.runtime.coordinator().group("g").is_none());
}

#[test]
fn requests_are_refused_while_loading_and_after_resigning() {
    let mut runtime: Runtime<GroupCoordinator> = Runtime::loading(GroupCoordinator::new(config(), Prng::new(1)));
    let now = Now { mono: Instant::ZERO, wall_ms: 0 };
    let request = |body| GroupRequest { token: RequestToken(1), caller: Caller::default(), body };
    let mut effects = Vec::new();
    runtime.handle(now, request(GroupRequestBody::Join(join(""))), &mut effects);
    runtime.handle(now, request(heartbeat("m", 1)), &mut effects);
    let mut errors = Vec::new();
    for effect in effects.drain(..) {
        let RuntimeEffect::Reply(reply) = effect else { panic!("{effect:?}") };
        errors.push(error_of(reply.body));
    }
    assert_eq!(errors, [ErrorCode::COORDINATOR_LOAD_IN_PROGRESS, ErrorCode::NONE]);
    runtime.finish_loading(now, &mut effects);
    runtime.resign(&mut effects, ErrorCode::NOT_COORDINATOR.0);
    runtime.handle(now, request(heartbeat("m", 1)), &mut effects);
    let Some(RuntimeEffect::Reply(reply)) = effects.pop() else { panic!("no reply") };
    assert_eq!(error_of(reply.body), ErrorCode::NOT_COORDINATOR);
}

#[test]
fn records_nobody_understands_are_skipped() {
    let garbage = [
        Record { key: Bytes::new(), value: None },
        Record { key: Bytes::from_static(&[0, 99, 1, 2, 3]), value: Some(Bytes::from_static(b"future")) },
        Record { key: Bytes::from_static(&[0, 2, 0x7f, 0xff]), value: Some(Bytes::new()) },
        Record { key: Bytes::from_static(&[0, 1, 0, 1, b'g', 0, 1, b't', 0, 0, 0, 0]), value: Some(Bytes::new()) },
    ];
    let mut h = Harness::restarted(garbage.to_vec());
    assert_eq!(committed(&mut h), None);
}
