//! The records of `__consumer_offsets`: what they say in bytes, and what they do to the state. Written in the versions
//! that a 3.9 broker writes (offset value 3, or 1 with an expiry of its own; group value 3), so that a partition's
//! leadership may move between implementations.

use core::time::Duration;
use std::collections::BTreeMap;

use base::{Reader, Str};
use bytes::Bytes;
use kafka_wire::messages::{
    GroupMetadataKey, GroupMetadataValue, GroupMetadataValueMembers, OffsetCommitKey, OffsetCommitValue,
};
use kafka_wire::{DecodeError, Record as Schema};

use super::GroupCoordinator;
use super::offsets::Committed;
use super::state::{Group, Member, State};
use crate::coordinator::runtime::Record;

/// Key type of a committed offset; type 0 means the same and is only read.
const OFFSET_COMMIT_KEY: i16 = 1;
/// Key type of a group.
const GROUP_METADATA_KEY: i16 = 2;

/// A commit.
pub(super) fn offset_commit(group: &str, topic: &str, partition: i32, committed: &Committed) -> Record {
    let version = if committed.expire_timestamp_ms == -1 { 3 } else { 1 };
    let value = OffsetCommitValue {
        offset: committed.offset,
        leader_epoch: committed.leader_epoch,
        metadata: committed.metadata.clone(),
        commit_timestamp: committed.commit_timestamp_ms,
        expire_timestamp: committed.expire_timestamp_ms,
    };
    Record { key: offset_key(group, topic, partition), value: Some(versioned(&value, version)) }
}

/// The end of a commit.
pub(super) fn offset_tombstone(group: &str, topic: &str, partition: i32) -> Record {
    Record { key: offset_key(group, topic, partition), value: None }
}

/// A group as it stands.
pub(super) fn group_metadata(group: &Group) -> Record {
    group_record(group, |member| member.assignment.clone())
}

/// A group as it will stand once `assignments` (by member id; absent means none) are in force.
pub(super) fn group_metadata_with(group: &Group, assignments: &BTreeMap<Str, Bytes>) -> Record {
    group_record(group, |member| assignments.get(&*member.id).cloned().unwrap_or_default())
}

/// The end of a group.
pub(super) fn group_tombstone(group: &str) -> Record {
    Record { key: group_key(group), value: None }
}

fn group_record(group: &Group, assignment: impl Fn(&Member) -> Bytes) -> Record {
    let protocol = group.protocol_name.clone().unwrap_or_default();
    let members = group.members.values().map(|member| GroupMetadataValueMembers {
        member_id: member.id.clone(),
        group_instance_id: member.instance_id.clone(),
        client_id: member.client_id.clone(),
        client_host: member.client_host.clone(),
        rebalance_timeout: member.rebalance_timeout_ms,
        session_timeout: member.session_timeout_ms,
        subscription: member.metadata(&protocol),
        assignment: assignment(member),
    });
    let value = GroupMetadataValue {
        protocol_type: group.protocol_type.clone().unwrap_or_default(),
        generation: group.generation,
        protocol: group.protocol_name.clone(),
        leader: group.leader.clone(),
        current_state_timestamp: group.state_timestamp_ms,
        members: members.collect(),
    };
    Record { key: group_key(&group.id), value: Some(versioned(&value, 3)) }
}

fn offset_key(group: &str, topic: &str, partition: i32) -> Bytes {
    let key = OffsetCommitKey { group: Str::from(group), topic: Str::from(topic), partition };
    versioned(&key, OFFSET_COMMIT_KEY)
}

fn group_key(group: &str) -> Bytes {
    versioned(&GroupMetadataKey { group: Str::from(group) }, GROUP_METADATA_KEY)
}

fn versioned(message: &impl Schema, version: i16) -> Bytes {
    message.to_bytes(version)
}

/// Applies one record. What makes no sense is skipped: a coordinator must not be lost over one record.
pub(super) fn replay(coordinator: &mut GroupCoordinator, record: &Record) {
    // A record of a kind from the future (KIP-848 groups, share groups) is skipped (KIP-915), as is a damaged one.
    let _ = try_replay(coordinator, record);
}

fn try_replay(coordinator: &mut GroupCoordinator, record: &Record) -> Result<(), DecodeError> {
    let mut key = Reader::new(record.key.clone());
    let key_type = key.i16()?;
    match key_type {
        0 | OFFSET_COMMIT_KEY => {
            let key = OffsetCommitKey::decode(&mut key, key_type)?;
            let value = record.value.as_ref().map(decode_value::<OffsetCommitValue>).transpose()?;
            replay_offset(coordinator, &key, value);
        }
        GROUP_METADATA_KEY => {
            let key = GroupMetadataKey::decode(&mut key, key_type)?;
            let value = record.value.as_ref().map(decode_value::<GroupMetadataValue>).transpose()?;
            replay_group(coordinator, &key.group, value);
        }
        _ => {}
    }
    Ok(())
}

fn decode_value<T: Schema>(value: &Bytes) -> Result<T, DecodeError> {
    let mut reader = Reader::new(value.clone());
    let version = reader.i16()?;
    if !T::VERSIONS.contains(&version) {
        return Err(DecodeError::Unreasonable { what: "record version", value: i64::from(version) });
    }
    T::decode(&mut reader, version)
}

fn replay_offset(coordinator: &mut GroupCoordinator, key: &OffsetCommitKey, value: Option<OffsetCommitValue>) {
    match value {
        None => coordinator.offsets.remove(&key.group, &key.topic, key.partition),
        Some(value) => {
            let id = key.group.detached();
            coordinator.groups.entry(id.clone()).or_insert_with(|| Group::new(id.clone(), value.commit_timestamp));
            let committed = Committed {
                offset: value.offset,
                leader_epoch: value.leader_epoch,
                metadata: value.metadata.detached(),
                commit_timestamp_ms: value.commit_timestamp,
                expire_timestamp_ms: value.expire_timestamp,
            };
            coordinator.offsets.put(id, key.topic.detached(), key.partition, committed);
        }
    }
}

fn replay_group(coordinator: &mut GroupCoordinator, id: &Str, value: Option<GroupMetadataValue>) {
    let Some(value) = value else {
        let unused = coordinator.groups.get(&**id).is_some_and(|group| group.members.is_empty());
        if unused && coordinator.offsets.of_group(id).is_none() {
            coordinator.groups.remove(&**id);
        } else if let Some(group) = coordinator.groups.get_mut(&**id) {
            // Offsets without a group: what a consumer without group management leaves behind.
            group.protocol_type = None;
            group.generation = 0;
        }
        return;
    };
    match coordinator.groups.get_mut(&**id) {
        // Our own record, just written: the members are here and alive, only their assignments are new.
        Some(group) if !coordinator.loading && group.generation == value.generation => {
            for from_log in &value.members {
                if let Some(member) = group.members.get_mut(&*from_log.member_id) {
                    member.assignment = from_log.assignment.clone();
                }
            }
        }
        // The group moved on while the record was on its way.
        Some(_) if !coordinator.loading => {}
        _ => {
            let group = from_log(id.detached(), value);
            coordinator.groups.insert(group.id.clone(), group);
        }
    }
}

fn from_log(id: Str, value: GroupMetadataValue) -> Group {
    let protocol = value.protocol.clone().unwrap_or_default();
    let mut group = Group::new(id, value.current_state_timestamp);
    group.generation = value.generation;
    group.protocol_type = Some(value.protocol_type.detached()).filter(|name| !name.is_empty());
    group.protocol_name = value.protocol.as_ref().map(Str::detached);
    for member in value.members {
        group.add(Member {
            id: member.member_id.detached(),
            instance_id: member.group_instance_id.as_ref().map(Str::detached),
            client_id: member.client_id.detached(),
            client_host: member.client_host.detached(),
            rebalance_timeout_ms: member.rebalance_timeout,
            session_timeout_ms: member.session_timeout,
            protocols: vec![(protocol.detached(), Bytes::copy_from_slice(&member.subscription))],
            assignment: Bytes::copy_from_slice(&member.assignment),
            session_deadline: base::Instant::ZERO + Duration::ZERO,
            awaiting_join: None,
            awaiting_sync: None,
            is_new: false,
            sync_deadline: None,
        });
    }
    group.leader = value.leader.as_ref().map(Str::detached).filter(|leader| group.members.contains_key(&**leader));
    group.state = if group.members.is_empty() { State::Empty } else { State::Stable };
    group
}
