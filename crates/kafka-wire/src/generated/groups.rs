//! Consumer groups: the classic protocol, the KIP-848 protocol, committed offsets.
//!
//! Generated from `schema/groups.schema` by `cargo xtask codegen`.

use super::prelude::*;

/// The `OffsetCommit` request (key 8), versions 0 to 9, flexible from 8.
///
/// v1 generation; v2-4 retention; v6 leader epoch; v7 static membership; v9 member epoch.
#[derive(Clone, PartialEq, Debug)]
pub struct OffsetCommitRequest {
    pub group_id: Str,
    /// Since version 1.
    pub generation_id_or_member_epoch: i32,
    /// Since version 1.
    pub member_id: Str,
    /// Since version 7.
    pub group_instance_id: Option<Str>,
    /// Versions 2 to 4.
    pub retention_time_ms: i64,
    pub topics: Vec<OffsetCommitRequestTopics>,
}

impl Default for OffsetCommitRequest {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            generation_id_or_member_epoch: -1,
            member_id: Default::default(),
            group_instance_id: Default::default(),
            retention_time_ms: -1,
            topics: Default::default(),
        }
    }
}

impl OffsetCommitRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 8;
        let mut m = Self::default();
        m.group_id = p::str(r, flex)?;
        if v >= 1 {
            m.generation_id_or_member_epoch = r.i32()?;
        }
        if v >= 1 {
            m.member_id = p::str(r, flex)?;
        }
        if v >= 7 {
            m.group_instance_id = p::opt_str(r, flex, true)?;
        }
        if (2..=4).contains(&v) {
            m.retention_time_ms = r.i64()?;
        }
        m.topics = p::array(r, flex, 2, v, OffsetCommitRequestTopics::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 8;
        w.str(&self.group_id, flex);
        if v >= 1 {
            w.i32(self.generation_id_or_member_epoch);
        }
        if v >= 1 {
            w.str(&self.member_id, flex);
        }
        if v >= 7 {
            w.opt_str(&self.group_instance_id, flex, true);
        }
        if (2..=4).contains(&v) {
            w.i64(self.retention_time_ms);
        }
        w.array(&self.topics, flex, v, OffsetCommitRequestTopics::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics` of [`OffsetCommitRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OffsetCommitRequestTopics {
    pub name: Str,
    pub partitions: Vec<OffsetCommitRequestPartitions>,
}

impl OffsetCommitRequestTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 8;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.partitions = p::array(r, flex, 13, v, OffsetCommitRequestPartitions::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 8;
        w.str(&self.name, flex);
        w.array(&self.partitions, flex, v, OffsetCommitRequestPartitions::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics.partitions` of [`OffsetCommitRequest`].
#[derive(Clone, PartialEq, Debug)]
pub struct OffsetCommitRequestPartitions {
    pub partition_index: i32,
    pub committed_offset: i64,
    /// Since version 6.
    pub committed_leader_epoch: i32,
    /// Version 1 only.
    pub commit_timestamp: i64,
    pub committed_metadata: Option<Str>,
}

impl Default for OffsetCommitRequestPartitions {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            committed_offset: Default::default(),
            committed_leader_epoch: -1,
            commit_timestamp: -1,
            committed_metadata: Default::default(),
        }
    }
}

impl OffsetCommitRequestPartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 8;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.committed_offset = r.i64()?;
        if v >= 6 {
            m.committed_leader_epoch = r.i32()?;
        }
        if v == 1 {
            m.commit_timestamp = r.i64()?;
        }
        m.committed_metadata = p::opt_str(r, flex, true)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 8;
        w.i32(self.partition_index);
        w.i64(self.committed_offset);
        if v >= 6 {
            w.i32(self.committed_leader_epoch);
        }
        if v == 1 {
            w.i64(self.commit_timestamp);
        }
        w.opt_str(&self.committed_metadata, flex, true);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for OffsetCommitRequest {
    const KEY: ApiKey = ApiKey::OffsetCommit;
    const NAME: &'static str = "OffsetCommitRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=9;
    const FLEXIBLE: Option<i16> = Some(8);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for OffsetCommitRequest {
    type Response = OffsetCommitResponse;
}

/// The `OffsetCommit` response (key 8), versions 0 to 9, flexible from 8.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OffsetCommitResponse {
    /// Since version 3.
    pub throttle_time_ms: i32,
    pub topics: Vec<OffsetCommitResponseTopics>,
}

impl OffsetCommitResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 8;
        let mut m = Self::default();
        if v >= 3 {
            m.throttle_time_ms = r.i32()?;
        }
        m.topics = p::array(r, flex, 2, v, OffsetCommitResponseTopics::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 8;
        if v >= 3 {
            w.i32(self.throttle_time_ms);
        }
        w.array(&self.topics, flex, v, OffsetCommitResponseTopics::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics` of [`OffsetCommitResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OffsetCommitResponseTopics {
    pub name: Str,
    pub partitions: Vec<OffsetCommitResponsePartitions>,
}

impl OffsetCommitResponseTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 8;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.partitions = p::array(r, flex, 6, v, OffsetCommitResponsePartitions::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 8;
        w.str(&self.name, flex);
        w.array(&self.partitions, flex, v, OffsetCommitResponsePartitions::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics.partitions` of [`OffsetCommitResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OffsetCommitResponsePartitions {
    pub partition_index: i32,
    pub error_code: i16,
}

impl OffsetCommitResponsePartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 8;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.error_code = r.i16()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 8;
        w.i32(self.partition_index);
        w.i16(self.error_code);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for OffsetCommitResponse {
    const KEY: ApiKey = ApiKey::OffsetCommit;
    const NAME: &'static str = "OffsetCommitResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=9;
    const FLEXIBLE: Option<i16> = Some(8);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `OffsetFetch` request (key 9), versions 0 to 9, flexible from 6.
///
/// v2 null topics = all; v7 require_stable (KIP-447); v8 many groups; v9 member epoch (KIP-848).
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OffsetFetchRequest {
    /// Until version 7.
    pub group_id: Str,
    /// Until version 7.
    pub topics: Option<Vec<OffsetFetchRequestTopics>>,
    /// Since version 8.
    pub groups: Vec<OffsetFetchRequestGroups>,
    /// Since version 7.
    pub require_stable: bool,
}

impl OffsetFetchRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 6;
        let mut m = Self::default();
        if v <= 7 {
            m.group_id = p::str(r, flex)?;
        }
        if v <= 7 {
            m.topics = p::opt_array(r, flex, v >= 2, 2, v, OffsetFetchRequestTopics::read)?;
        }
        if v >= 8 {
            m.groups = p::array(r, flex, 2, v, OffsetFetchRequestGroups::read)?;
        }
        if v >= 7 {
            m.require_stable = r.bool()?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 6;
        if v <= 7 {
            w.str(&self.group_id, flex);
        }
        if v <= 7 {
            w.opt_array(&self.topics, flex, v >= 2, v, OffsetFetchRequestTopics::write);
        }
        if v >= 8 {
            w.array(&self.groups, flex, v, OffsetFetchRequestGroups::write);
        }
        if v >= 7 {
            w.bool(self.require_stable);
        }
        if flex {
            w.no_tags();
        }
    }
}

/// `topics` of [`OffsetFetchRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OffsetFetchRequestTopics {
    pub name: Str,
    pub partition_indexes: Vec<i32>,
}

impl OffsetFetchRequestTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 6;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.partition_indexes = p::array(r, flex, 4, v, |r, _| r.i32())?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 6;
        w.str(&self.name, flex);
        w.array(&self.partition_indexes, flex, v, |x, w, _| w.i32(*x));
        if flex {
            w.no_tags();
        }
    }
}

/// `groups` of [`OffsetFetchRequest`].
#[derive(Clone, PartialEq, Debug)]
pub struct OffsetFetchRequestGroups {
    pub group_id: Str,
    /// Version 9 only.
    pub member_id: Option<Str>,
    /// Version 9 only.
    pub member_epoch: i32,
    pub topics: Option<Vec<OffsetFetchRequestTopics>>,
}

impl Default for OffsetFetchRequestGroups {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            member_id: Default::default(),
            member_epoch: -1,
            topics: Default::default(),
        }
    }
}

impl OffsetFetchRequestGroups {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.group_id = p::str(r, true)?;
        if v == 9 {
            m.member_id = p::opt_str(r, true, true)?;
        }
        if v == 9 {
            m.member_epoch = r.i32()?;
        }
        m.topics = p::opt_array(r, true, true, 2, v, OffsetFetchRequestTopics::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.group_id, true);
        if v == 9 {
            w.opt_str(&self.member_id, true, true);
        }
        if v == 9 {
            w.i32(self.member_epoch);
        }
        w.opt_array(&self.topics, true, true, v, OffsetFetchRequestTopics::write);
        w.no_tags();
    }
}

impl Message for OffsetFetchRequest {
    const KEY: ApiKey = ApiKey::OffsetFetch;
    const NAME: &'static str = "OffsetFetchRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=9;
    const FLEXIBLE: Option<i16> = Some(6);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for OffsetFetchRequest {
    type Response = OffsetFetchResponse;
}

/// The `OffsetFetch` response (key 9), versions 0 to 9, flexible from 6.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OffsetFetchResponse {
    /// Since version 3.
    pub throttle_time_ms: i32,
    /// Until version 7.
    pub topics: Vec<OffsetFetchResponseTopics>,
    /// Versions 2 to 7.
    pub error_code: i16,
    /// Since version 8.
    pub groups: Vec<OffsetFetchResponseGroups>,
}

impl OffsetFetchResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 6;
        let mut m = Self::default();
        if v >= 3 {
            m.throttle_time_ms = r.i32()?;
        }
        if v <= 7 {
            m.topics = p::array(r, flex, 2, v, OffsetFetchResponseTopics::read)?;
        }
        if (2..=7).contains(&v) {
            m.error_code = r.i16()?;
        }
        if v >= 8 {
            m.groups = p::array(r, flex, 4, v, OffsetFetchResponseGroups::read)?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 6;
        if v >= 3 {
            w.i32(self.throttle_time_ms);
        }
        if v <= 7 {
            w.array(&self.topics, flex, v, OffsetFetchResponseTopics::write);
        }
        if (2..=7).contains(&v) {
            w.i16(self.error_code);
        }
        if v >= 8 {
            w.array(&self.groups, flex, v, OffsetFetchResponseGroups::write);
        }
        if flex {
            w.no_tags();
        }
    }
}

/// `topics` of [`OffsetFetchResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OffsetFetchResponseTopics {
    pub name: Str,
    pub partitions: Vec<OffsetFetchResponsePartitions>,
}

impl OffsetFetchResponseTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 6;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.partitions = p::array(r, flex, 15, v, OffsetFetchResponsePartitions::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 6;
        w.str(&self.name, flex);
        w.array(&self.partitions, flex, v, OffsetFetchResponsePartitions::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics.partitions` of [`OffsetFetchResponse`].
#[derive(Clone, PartialEq, Debug)]
pub struct OffsetFetchResponsePartitions {
    pub partition_index: i32,
    pub committed_offset: i64,
    /// Since version 5.
    pub committed_leader_epoch: i32,
    pub metadata: Option<Str>,
    pub error_code: i16,
}

impl Default for OffsetFetchResponsePartitions {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            committed_offset: Default::default(),
            committed_leader_epoch: -1,
            metadata: Default::default(),
            error_code: Default::default(),
        }
    }
}

impl OffsetFetchResponsePartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 6;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.committed_offset = r.i64()?;
        if v >= 5 {
            m.committed_leader_epoch = r.i32()?;
        }
        m.metadata = p::opt_str(r, flex, true)?;
        m.error_code = r.i16()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 6;
        w.i32(self.partition_index);
        w.i64(self.committed_offset);
        if v >= 5 {
            w.i32(self.committed_leader_epoch);
        }
        w.opt_str(&self.metadata, flex, true);
        w.i16(self.error_code);
        if flex {
            w.no_tags();
        }
    }
}

/// `groups` of [`OffsetFetchResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OffsetFetchResponseGroups {
    pub group_id: Str,
    pub topics: Vec<OffsetFetchResponseGroupsTopics>,
    pub error_code: i16,
}

impl OffsetFetchResponseGroups {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.group_id = p::str(r, true)?;
        m.topics = p::array(r, true, 2, v, OffsetFetchResponseGroupsTopics::read)?;
        m.error_code = r.i16()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.group_id, true);
        w.array(&self.topics, true, v, OffsetFetchResponseGroupsTopics::write);
        w.i16(self.error_code);
        w.no_tags();
    }
}

/// `groups.topics` of [`OffsetFetchResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OffsetFetchResponseGroupsTopics {
    pub name: Str,
    pub partitions: Vec<OffsetFetchResponseTopicsPartitions>,
}

impl OffsetFetchResponseGroupsTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.name = p::str(r, true)?;
        m.partitions = p::array(r, true, 19, v, OffsetFetchResponseTopicsPartitions::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.name, true);
        w.array(&self.partitions, true, v, OffsetFetchResponseTopicsPartitions::write);
        w.no_tags();
    }
}

/// `groups.topics.partitions` of [`OffsetFetchResponse`].
#[derive(Clone, PartialEq, Debug)]
pub struct OffsetFetchResponseTopicsPartitions {
    pub partition_index: i32,
    pub committed_offset: i64,
    pub committed_leader_epoch: i32,
    pub metadata: Option<Str>,
    pub error_code: i16,
}

impl Default for OffsetFetchResponseTopicsPartitions {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            committed_offset: Default::default(),
            committed_leader_epoch: -1,
            metadata: Default::default(),
            error_code: Default::default(),
        }
    }
}

impl OffsetFetchResponseTopicsPartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.committed_offset = r.i64()?;
        m.committed_leader_epoch = r.i32()?;
        m.metadata = p::opt_str(r, true, true)?;
        m.error_code = r.i16()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.partition_index);
        w.i64(self.committed_offset);
        w.i32(self.committed_leader_epoch);
        w.opt_str(&self.metadata, true, true);
        w.i16(self.error_code);
        w.no_tags();
    }
}

impl Message for OffsetFetchResponse {
    const KEY: ApiKey = ApiKey::OffsetFetch;
    const NAME: &'static str = "OffsetFetchResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=9;
    const FLEXIBLE: Option<i16> = Some(6);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `FindCoordinator` request (key 10), versions 0 to 6, flexible from 3.
///
/// key type: 0 group, 1 transaction, 2 share; v4 many keys (KIP-699).
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FindCoordinatorRequest {
    /// Until version 3.
    pub key: Str,
    /// Since version 1.
    pub key_type: i8,
    /// Since version 4.
    pub coordinator_keys: Vec<Str>,
}

impl FindCoordinatorRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        if v <= 3 {
            m.key = p::str(r, flex)?;
        }
        if v >= 1 {
            m.key_type = r.i8()?;
        }
        if v >= 4 {
            m.coordinator_keys = p::strs(r, flex)?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        if v <= 3 {
            w.str(&self.key, flex);
        }
        if v >= 1 {
            w.i8(self.key_type);
        }
        if v >= 4 {
            w.strs(&self.coordinator_keys, flex);
        }
        if flex {
            w.no_tags();
        }
    }
}

impl Message for FindCoordinatorRequest {
    const KEY: ApiKey = ApiKey::FindCoordinator;
    const NAME: &'static str = "FindCoordinatorRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=6;
    const FLEXIBLE: Option<i16> = Some(3);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for FindCoordinatorRequest {
    type Response = FindCoordinatorResponse;
}

/// The `FindCoordinator` response (key 10), versions 0 to 6, flexible from 3.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FindCoordinatorResponse {
    /// Since version 1.
    pub throttle_time_ms: i32,
    /// Until version 3.
    pub error_code: i16,
    /// Versions 1 to 3.
    pub error_message: Option<Str>,
    /// Until version 3.
    pub node_id: i32,
    /// Until version 3.
    pub host: Str,
    /// Until version 3.
    pub port: i32,
    /// Since version 4.
    pub coordinators: Vec<FindCoordinatorResponseCoordinators>,
}

impl FindCoordinatorResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        if v >= 1 {
            m.throttle_time_ms = r.i32()?;
        }
        if v <= 3 {
            m.error_code = r.i16()?;
        }
        if (1..=3).contains(&v) {
            m.error_message = p::opt_str(r, flex, true)?;
        }
        if v <= 3 {
            m.node_id = r.i32()?;
        }
        if v <= 3 {
            m.host = p::str(r, flex)?;
        }
        if v <= 3 {
            m.port = r.i32()?;
        }
        if v >= 4 {
            m.coordinators = p::array(r, flex, 13, v, FindCoordinatorResponseCoordinators::read)?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        if v >= 1 {
            w.i32(self.throttle_time_ms);
        }
        if v <= 3 {
            w.i16(self.error_code);
        }
        if (1..=3).contains(&v) {
            w.opt_str(&self.error_message, flex, true);
        }
        if v <= 3 {
            w.i32(self.node_id);
        }
        if v <= 3 {
            w.str(&self.host, flex);
        }
        if v <= 3 {
            w.i32(self.port);
        }
        if v >= 4 {
            w.array(&self.coordinators, flex, v, FindCoordinatorResponseCoordinators::write);
        }
        if flex {
            w.no_tags();
        }
    }
}

/// `coordinators` of [`FindCoordinatorResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FindCoordinatorResponseCoordinators {
    pub key: Str,
    pub node_id: i32,
    pub host: Str,
    pub port: i32,
    pub error_code: i16,
    pub error_message: Option<Str>,
}

impl FindCoordinatorResponseCoordinators {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.key = p::str(r, true)?;
        m.node_id = r.i32()?;
        m.host = p::str(r, true)?;
        m.port = r.i32()?;
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, true, true)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.key, true);
        w.i32(self.node_id);
        w.str(&self.host, true);
        w.i32(self.port);
        w.i16(self.error_code);
        w.opt_str(&self.error_message, true, true);
        w.no_tags();
    }
}

impl Message for FindCoordinatorResponse {
    const KEY: ApiKey = ApiKey::FindCoordinator;
    const NAME: &'static str = "FindCoordinatorResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=6;
    const FLEXIBLE: Option<i16> = Some(3);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `JoinGroup` request (key 11), versions 0 to 9, flexible from 6.
///
/// v1 rebalance timeout; v4 MEMBER_ID_REQUIRED (KIP-394); v5 static membership (KIP-345); v7 protocol type; v8 reason (KIP-800);
/// v9 skip_assignment (KIP-814).
#[derive(Clone, PartialEq, Debug)]
pub struct JoinGroupRequest {
    pub group_id: Str,
    pub session_timeout_ms: i32,
    /// Since version 1.
    pub rebalance_timeout_ms: i32,
    pub member_id: Str,
    /// Since version 5.
    pub group_instance_id: Option<Str>,
    pub protocol_type: Str,
    pub protocols: Vec<JoinGroupRequestProtocols>,
    /// Since version 8.
    pub reason: Option<Str>,
}

impl Default for JoinGroupRequest {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            session_timeout_ms: Default::default(),
            rebalance_timeout_ms: -1,
            member_id: Default::default(),
            group_instance_id: Default::default(),
            protocol_type: Default::default(),
            protocols: Default::default(),
            reason: Default::default(),
        }
    }
}

impl JoinGroupRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 6;
        let mut m = Self::default();
        m.group_id = p::str(r, flex)?;
        m.session_timeout_ms = r.i32()?;
        if v >= 1 {
            m.rebalance_timeout_ms = r.i32()?;
        }
        m.member_id = p::str(r, flex)?;
        if v >= 5 {
            m.group_instance_id = p::opt_str(r, flex, true)?;
        }
        m.protocol_type = p::str(r, flex)?;
        m.protocols = p::array(r, flex, 2, v, JoinGroupRequestProtocols::read)?;
        if v >= 8 {
            m.reason = p::opt_str(r, flex, true)?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 6;
        w.str(&self.group_id, flex);
        w.i32(self.session_timeout_ms);
        if v >= 1 {
            w.i32(self.rebalance_timeout_ms);
        }
        w.str(&self.member_id, flex);
        if v >= 5 {
            w.opt_str(&self.group_instance_id, flex, true);
        }
        w.str(&self.protocol_type, flex);
        w.array(&self.protocols, flex, v, JoinGroupRequestProtocols::write);
        if v >= 8 {
            w.opt_str(&self.reason, flex, true);
        }
        if flex {
            w.no_tags();
        }
    }
}

/// `protocols` of [`JoinGroupRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct JoinGroupRequestProtocols {
    pub name: Str,
    pub metadata: Bytes,
}

impl JoinGroupRequestProtocols {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 6;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.metadata = p::bytes(r, flex)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 6;
        w.str(&self.name, flex);
        w.bytes(&self.metadata, flex);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for JoinGroupRequest {
    const KEY: ApiKey = ApiKey::JoinGroup;
    const NAME: &'static str = "JoinGroupRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=9;
    const FLEXIBLE: Option<i16> = Some(6);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for JoinGroupRequest {
    type Response = JoinGroupResponse;
}

/// The `JoinGroup` response (key 11), versions 0 to 9, flexible from 6.
#[derive(Clone, PartialEq, Debug)]
pub struct JoinGroupResponse {
    /// Since version 2.
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub generation_id: i32,
    /// Since version 7.
    pub protocol_type: Option<Str>,
    pub protocol_name: Option<Str>,
    pub leader: Str,
    /// Version 9 only.
    pub skip_assignment: bool,
    pub member_id: Str,
    pub members: Vec<JoinGroupResponseMembers>,
}

impl Default for JoinGroupResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            generation_id: -1,
            protocol_type: Default::default(),
            protocol_name: Default::default(),
            leader: Default::default(),
            skip_assignment: Default::default(),
            member_id: Default::default(),
            members: Default::default(),
        }
    }
}

impl JoinGroupResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 6;
        let mut m = Self::default();
        if v >= 2 {
            m.throttle_time_ms = r.i32()?;
        }
        m.error_code = r.i16()?;
        m.generation_id = r.i32()?;
        if v >= 7 {
            m.protocol_type = p::opt_str(r, flex, true)?;
        }
        m.protocol_name = p::opt_str(r, flex, v >= 7)?;
        m.leader = p::str(r, flex)?;
        if v == 9 {
            m.skip_assignment = r.bool()?;
        }
        m.member_id = p::str(r, flex)?;
        m.members = p::array(r, flex, 2, v, JoinGroupResponseMembers::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 6;
        if v >= 2 {
            w.i32(self.throttle_time_ms);
        }
        w.i16(self.error_code);
        w.i32(self.generation_id);
        if v >= 7 {
            w.opt_str(&self.protocol_type, flex, true);
        }
        w.opt_str(&self.protocol_name, flex, v >= 7);
        w.str(&self.leader, flex);
        if v == 9 {
            w.bool(self.skip_assignment);
        }
        w.str(&self.member_id, flex);
        w.array(&self.members, flex, v, JoinGroupResponseMembers::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `members` of [`JoinGroupResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct JoinGroupResponseMembers {
    pub member_id: Str,
    /// Since version 5.
    pub group_instance_id: Option<Str>,
    pub metadata: Bytes,
}

impl JoinGroupResponseMembers {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 6;
        let mut m = Self::default();
        m.member_id = p::str(r, flex)?;
        if v >= 5 {
            m.group_instance_id = p::opt_str(r, flex, true)?;
        }
        m.metadata = p::bytes(r, flex)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 6;
        w.str(&self.member_id, flex);
        if v >= 5 {
            w.opt_str(&self.group_instance_id, flex, true);
        }
        w.bytes(&self.metadata, flex);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for JoinGroupResponse {
    const KEY: ApiKey = ApiKey::JoinGroup;
    const NAME: &'static str = "JoinGroupResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=9;
    const FLEXIBLE: Option<i16> = Some(6);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `Heartbeat` request (key 12), versions 0 to 4, flexible from 4.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct HeartbeatRequest {
    pub group_id: Str,
    pub generation_id: i32,
    pub member_id: Str,
    /// Since version 3.
    pub group_instance_id: Option<Str>,
}

impl HeartbeatRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.group_id = p::str(r, flex)?;
        m.generation_id = r.i32()?;
        m.member_id = p::str(r, flex)?;
        if v >= 3 {
            m.group_instance_id = p::opt_str(r, flex, true)?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.str(&self.group_id, flex);
        w.i32(self.generation_id);
        w.str(&self.member_id, flex);
        if v >= 3 {
            w.opt_str(&self.group_instance_id, flex, true);
        }
        if flex {
            w.no_tags();
        }
    }
}

impl Message for HeartbeatRequest {
    const KEY: ApiKey = ApiKey::Heartbeat;
    const NAME: &'static str = "HeartbeatRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    const FLEXIBLE: Option<i16> = Some(4);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for HeartbeatRequest {
    type Response = HeartbeatResponse;
}

/// The `Heartbeat` response (key 12), versions 0 to 4, flexible from 4.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct HeartbeatResponse {
    /// Since version 1.
    pub throttle_time_ms: i32,
    pub error_code: i16,
}

impl HeartbeatResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        if v >= 1 {
            m.throttle_time_ms = r.i32()?;
        }
        m.error_code = r.i16()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        if v >= 1 {
            w.i32(self.throttle_time_ms);
        }
        w.i16(self.error_code);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for HeartbeatResponse {
    const KEY: ApiKey = ApiKey::Heartbeat;
    const NAME: &'static str = "HeartbeatResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    const FLEXIBLE: Option<i16> = Some(4);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `LeaveGroup` request (key 13), versions 0 to 5, flexible from 4.
///
/// v3 many members; v5 reason.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LeaveGroupRequest {
    pub group_id: Str,
    /// Until version 2.
    pub member_id: Str,
    /// Since version 3.
    pub members: Vec<LeaveGroupRequestMembers>,
}

impl LeaveGroupRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.group_id = p::str(r, flex)?;
        if v <= 2 {
            m.member_id = p::str(r, flex)?;
        }
        if v >= 3 {
            m.members = p::array(r, flex, 2, v, LeaveGroupRequestMembers::read)?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.str(&self.group_id, flex);
        if v <= 2 {
            w.str(&self.member_id, flex);
        }
        if v >= 3 {
            w.array(&self.members, flex, v, LeaveGroupRequestMembers::write);
        }
        if flex {
            w.no_tags();
        }
    }
}

/// `members` of [`LeaveGroupRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LeaveGroupRequestMembers {
    pub member_id: Str,
    pub group_instance_id: Option<Str>,
    /// Version 5 only.
    pub reason: Option<Str>,
}

impl LeaveGroupRequestMembers {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.member_id = p::str(r, flex)?;
        m.group_instance_id = p::opt_str(r, flex, true)?;
        if v == 5 {
            m.reason = p::opt_str(r, flex, true)?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.str(&self.member_id, flex);
        w.opt_str(&self.group_instance_id, flex, true);
        if v == 5 {
            w.opt_str(&self.reason, flex, true);
        }
        if flex {
            w.no_tags();
        }
    }
}

impl Message for LeaveGroupRequest {
    const KEY: ApiKey = ApiKey::LeaveGroup;
    const NAME: &'static str = "LeaveGroupRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=5;
    const FLEXIBLE: Option<i16> = Some(4);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for LeaveGroupRequest {
    type Response = LeaveGroupResponse;
}

/// The `LeaveGroup` response (key 13), versions 0 to 5, flexible from 4.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LeaveGroupResponse {
    /// Since version 1.
    pub throttle_time_ms: i32,
    pub error_code: i16,
    /// Since version 3.
    pub members: Vec<LeaveGroupResponseMembers>,
}

impl LeaveGroupResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        if v >= 1 {
            m.throttle_time_ms = r.i32()?;
        }
        m.error_code = r.i16()?;
        if v >= 3 {
            m.members = p::array(r, flex, 4, v, LeaveGroupResponseMembers::read)?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        if v >= 1 {
            w.i32(self.throttle_time_ms);
        }
        w.i16(self.error_code);
        if v >= 3 {
            w.array(&self.members, flex, v, LeaveGroupResponseMembers::write);
        }
        if flex {
            w.no_tags();
        }
    }
}

/// `members` of [`LeaveGroupResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LeaveGroupResponseMembers {
    pub member_id: Str,
    pub group_instance_id: Option<Str>,
    pub error_code: i16,
}

impl LeaveGroupResponseMembers {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.member_id = p::str(r, flex)?;
        m.group_instance_id = p::opt_str(r, flex, true)?;
        m.error_code = r.i16()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.str(&self.member_id, flex);
        w.opt_str(&self.group_instance_id, flex, true);
        w.i16(self.error_code);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for LeaveGroupResponse {
    const KEY: ApiKey = ApiKey::LeaveGroup;
    const NAME: &'static str = "LeaveGroupResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=5;
    const FLEXIBLE: Option<i16> = Some(4);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `SyncGroup` request (key 14), versions 0 to 5, flexible from 4.
///
/// v3 static membership; v5 protocol type and name.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SyncGroupRequest {
    pub group_id: Str,
    pub generation_id: i32,
    pub member_id: Str,
    /// Since version 3.
    pub group_instance_id: Option<Str>,
    /// Version 5 only.
    pub protocol_type: Option<Str>,
    /// Version 5 only.
    pub protocol_name: Option<Str>,
    pub assignments: Vec<SyncGroupRequestAssignments>,
}

impl SyncGroupRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.group_id = p::str(r, flex)?;
        m.generation_id = r.i32()?;
        m.member_id = p::str(r, flex)?;
        if v >= 3 {
            m.group_instance_id = p::opt_str(r, flex, true)?;
        }
        if v == 5 {
            m.protocol_type = p::opt_str(r, flex, true)?;
        }
        if v == 5 {
            m.protocol_name = p::opt_str(r, flex, true)?;
        }
        m.assignments = p::array(r, flex, 2, v, SyncGroupRequestAssignments::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.str(&self.group_id, flex);
        w.i32(self.generation_id);
        w.str(&self.member_id, flex);
        if v >= 3 {
            w.opt_str(&self.group_instance_id, flex, true);
        }
        if v == 5 {
            w.opt_str(&self.protocol_type, flex, true);
        }
        if v == 5 {
            w.opt_str(&self.protocol_name, flex, true);
        }
        w.array(&self.assignments, flex, v, SyncGroupRequestAssignments::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `assignments` of [`SyncGroupRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SyncGroupRequestAssignments {
    pub member_id: Str,
    pub assignment: Bytes,
}

impl SyncGroupRequestAssignments {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.member_id = p::str(r, flex)?;
        m.assignment = p::bytes(r, flex)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.str(&self.member_id, flex);
        w.bytes(&self.assignment, flex);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for SyncGroupRequest {
    const KEY: ApiKey = ApiKey::SyncGroup;
    const NAME: &'static str = "SyncGroupRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=5;
    const FLEXIBLE: Option<i16> = Some(4);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for SyncGroupRequest {
    type Response = SyncGroupResponse;
}

/// The `SyncGroup` response (key 14), versions 0 to 5, flexible from 4.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SyncGroupResponse {
    /// Since version 1.
    pub throttle_time_ms: i32,
    pub error_code: i16,
    /// Version 5 only.
    pub protocol_type: Option<Str>,
    /// Version 5 only.
    pub protocol_name: Option<Str>,
    pub assignment: Bytes,
}

impl SyncGroupResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        if v >= 1 {
            m.throttle_time_ms = r.i32()?;
        }
        m.error_code = r.i16()?;
        if v == 5 {
            m.protocol_type = p::opt_str(r, flex, true)?;
        }
        if v == 5 {
            m.protocol_name = p::opt_str(r, flex, true)?;
        }
        m.assignment = p::bytes(r, flex)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        if v >= 1 {
            w.i32(self.throttle_time_ms);
        }
        w.i16(self.error_code);
        if v == 5 {
            w.opt_str(&self.protocol_type, flex, true);
        }
        if v == 5 {
            w.opt_str(&self.protocol_name, flex, true);
        }
        w.bytes(&self.assignment, flex);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for SyncGroupResponse {
    const KEY: ApiKey = ApiKey::SyncGroup;
    const NAME: &'static str = "SyncGroupResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=5;
    const FLEXIBLE: Option<i16> = Some(4);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `DescribeGroups` request (key 15), versions 0 to 5, flexible from 5.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeGroupsRequest {
    pub groups: Vec<Str>,
    /// Since version 3.
    pub include_authorized_operations: bool,
}

impl DescribeGroupsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 5;
        let mut m = Self::default();
        m.groups = p::strs(r, flex)?;
        if v >= 3 {
            m.include_authorized_operations = r.bool()?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 5;
        w.strs(&self.groups, flex);
        if v >= 3 {
            w.bool(self.include_authorized_operations);
        }
        if flex {
            w.no_tags();
        }
    }
}

impl Message for DescribeGroupsRequest {
    const KEY: ApiKey = ApiKey::DescribeGroups;
    const NAME: &'static str = "DescribeGroupsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=5;
    const FLEXIBLE: Option<i16> = Some(5);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for DescribeGroupsRequest {
    type Response = DescribeGroupsResponse;
}

/// The `DescribeGroups` response (key 15), versions 0 to 5, flexible from 5.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeGroupsResponse {
    /// Since version 1.
    pub throttle_time_ms: i32,
    pub groups: Vec<DescribeGroupsResponseGroups>,
}

impl DescribeGroupsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 5;
        let mut m = Self::default();
        if v >= 1 {
            m.throttle_time_ms = r.i32()?;
        }
        m.groups = p::array(r, flex, 7, v, DescribeGroupsResponseGroups::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 5;
        if v >= 1 {
            w.i32(self.throttle_time_ms);
        }
        w.array(&self.groups, flex, v, DescribeGroupsResponseGroups::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `groups` of [`DescribeGroupsResponse`].
#[derive(Clone, PartialEq, Debug)]
pub struct DescribeGroupsResponseGroups {
    pub error_code: i16,
    pub group_id: Str,
    pub group_state: Str,
    pub protocol_type: Str,
    pub protocol_data: Str,
    pub members: Vec<DescribeGroupsResponseMembers>,
    /// Since version 3.
    pub authorized_operations: i32,
}

impl Default for DescribeGroupsResponseGroups {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            group_id: Default::default(),
            group_state: Default::default(),
            protocol_type: Default::default(),
            protocol_data: Default::default(),
            members: Default::default(),
            authorized_operations: -2147483648,
        }
    }
}

impl DescribeGroupsResponseGroups {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 5;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.group_id = p::str(r, flex)?;
        m.group_state = p::str(r, flex)?;
        m.protocol_type = p::str(r, flex)?;
        m.protocol_data = p::str(r, flex)?;
        m.members = p::array(r, flex, 5, v, DescribeGroupsResponseMembers::read)?;
        if v >= 3 {
            m.authorized_operations = r.i32()?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 5;
        w.i16(self.error_code);
        w.str(&self.group_id, flex);
        w.str(&self.group_state, flex);
        w.str(&self.protocol_type, flex);
        w.str(&self.protocol_data, flex);
        w.array(&self.members, flex, v, DescribeGroupsResponseMembers::write);
        if v >= 3 {
            w.i32(self.authorized_operations);
        }
        if flex {
            w.no_tags();
        }
    }
}

/// `groups.members` of [`DescribeGroupsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeGroupsResponseMembers {
    pub member_id: Str,
    /// Since version 4.
    pub group_instance_id: Option<Str>,
    pub client_id: Str,
    pub client_host: Str,
    pub member_metadata: Bytes,
    pub member_assignment: Bytes,
}

impl DescribeGroupsResponseMembers {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 5;
        let mut m = Self::default();
        m.member_id = p::str(r, flex)?;
        if v >= 4 {
            m.group_instance_id = p::opt_str(r, flex, true)?;
        }
        m.client_id = p::str(r, flex)?;
        m.client_host = p::str(r, flex)?;
        m.member_metadata = p::bytes(r, flex)?;
        m.member_assignment = p::bytes(r, flex)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 5;
        w.str(&self.member_id, flex);
        if v >= 4 {
            w.opt_str(&self.group_instance_id, flex, true);
        }
        w.str(&self.client_id, flex);
        w.str(&self.client_host, flex);
        w.bytes(&self.member_metadata, flex);
        w.bytes(&self.member_assignment, flex);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for DescribeGroupsResponse {
    const KEY: ApiKey = ApiKey::DescribeGroups;
    const NAME: &'static str = "DescribeGroupsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=5;
    const FLEXIBLE: Option<i16> = Some(5);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `ListGroups` request (key 16), versions 0 to 5, flexible from 3.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ListGroupsRequest {
    /// Since version 4.
    pub states_filter: Vec<Str>,
    /// Version 5 only.
    pub types_filter: Vec<Str>,
}

impl ListGroupsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        if v >= 4 {
            m.states_filter = p::strs(r, flex)?;
        }
        if v == 5 {
            m.types_filter = p::strs(r, flex)?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        if v >= 4 {
            w.strs(&self.states_filter, flex);
        }
        if v == 5 {
            w.strs(&self.types_filter, flex);
        }
        if flex {
            w.no_tags();
        }
    }
}

impl Message for ListGroupsRequest {
    const KEY: ApiKey = ApiKey::ListGroups;
    const NAME: &'static str = "ListGroupsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=5;
    const FLEXIBLE: Option<i16> = Some(3);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for ListGroupsRequest {
    type Response = ListGroupsResponse;
}

/// The `ListGroups` response (key 16), versions 0 to 5, flexible from 3.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ListGroupsResponse {
    /// Since version 1.
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub groups: Vec<ListGroupsResponseGroups>,
}

impl ListGroupsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        if v >= 1 {
            m.throttle_time_ms = r.i32()?;
        }
        m.error_code = r.i16()?;
        m.groups = p::array(r, flex, 2, v, ListGroupsResponseGroups::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        if v >= 1 {
            w.i32(self.throttle_time_ms);
        }
        w.i16(self.error_code);
        w.array(&self.groups, flex, v, ListGroupsResponseGroups::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `groups` of [`ListGroupsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ListGroupsResponseGroups {
    pub group_id: Str,
    pub protocol_type: Str,
    /// Since version 4.
    pub group_state: Str,
    /// Version 5 only.
    pub group_type: Str,
}

impl ListGroupsResponseGroups {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        m.group_id = p::str(r, flex)?;
        m.protocol_type = p::str(r, flex)?;
        if v >= 4 {
            m.group_state = p::str(r, flex)?;
        }
        if v == 5 {
            m.group_type = p::str(r, flex)?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        w.str(&self.group_id, flex);
        w.str(&self.protocol_type, flex);
        if v >= 4 {
            w.str(&self.group_state, flex);
        }
        if v == 5 {
            w.str(&self.group_type, flex);
        }
        if flex {
            w.no_tags();
        }
    }
}

impl Message for ListGroupsResponse {
    const KEY: ApiKey = ApiKey::ListGroups;
    const NAME: &'static str = "ListGroupsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=5;
    const FLEXIBLE: Option<i16> = Some(3);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `DeleteGroups` request (key 42), versions 0 to 2, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DeleteGroupsRequest {
    pub groups_names: Vec<Str>,
}

impl DeleteGroupsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.groups_names = p::strs(r, flex)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.strs(&self.groups_names, flex);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for DeleteGroupsRequest {
    const KEY: ApiKey = ApiKey::DeleteGroups;
    const NAME: &'static str = "DeleteGroupsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for DeleteGroupsRequest {
    type Response = DeleteGroupsResponse;
}

/// The `DeleteGroups` response (key 42), versions 0 to 2, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DeleteGroupsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<DeleteGroupsResponseResults>,
}

impl DeleteGroupsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.results = p::array(r, flex, 3, v, DeleteGroupsResponseResults::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i32(self.throttle_time_ms);
        w.array(&self.results, flex, v, DeleteGroupsResponseResults::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `results` of [`DeleteGroupsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DeleteGroupsResponseResults {
    pub group_id: Str,
    pub error_code: i16,
}

impl DeleteGroupsResponseResults {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.group_id = p::str(r, flex)?;
        m.error_code = r.i16()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.str(&self.group_id, flex);
        w.i16(self.error_code);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for DeleteGroupsResponse {
    const KEY: ApiKey = ApiKey::DeleteGroups;
    const NAME: &'static str = "DeleteGroupsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `OffsetDelete` request (key 47), version 0.
///
/// Never flexible.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OffsetDeleteRequest {
    pub group_id: Str,
    pub topics: Vec<OffsetDeleteRequestTopics>,
}

impl OffsetDeleteRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.group_id = p::str(r, false)?;
        m.topics = p::array(r, false, 6, v, OffsetDeleteRequestTopics::read)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.group_id, false);
        w.array(&self.topics, false, v, OffsetDeleteRequestTopics::write);
    }
}

/// `topics` of [`OffsetDeleteRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OffsetDeleteRequestTopics {
    pub name: Str,
    pub partitions: Vec<OffsetDeleteRequestPartitions>,
}

impl OffsetDeleteRequestTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.name = p::str(r, false)?;
        m.partitions = p::array(r, false, 4, v, OffsetDeleteRequestPartitions::read)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.name, false);
        w.array(&self.partitions, false, v, OffsetDeleteRequestPartitions::write);
    }
}

/// `topics.partitions` of [`OffsetDeleteRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OffsetDeleteRequestPartitions {
    pub partition_index: i32,
}

impl OffsetDeleteRequestPartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.partition_index);
    }
}

impl Message for OffsetDeleteRequest {
    const KEY: ApiKey = ApiKey::OffsetDelete;
    const NAME: &'static str = "OffsetDeleteRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = None;
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for OffsetDeleteRequest {
    type Response = OffsetDeleteResponse;
}

/// The `OffsetDelete` response (key 47), version 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OffsetDeleteResponse {
    pub error_code: i16,
    pub throttle_time_ms: i32,
    pub topics: Vec<OffsetDeleteResponseTopics>,
}

impl OffsetDeleteResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.throttle_time_ms = r.i32()?;
        m.topics = p::array(r, false, 6, v, OffsetDeleteResponseTopics::read)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i16(self.error_code);
        w.i32(self.throttle_time_ms);
        w.array(&self.topics, false, v, OffsetDeleteResponseTopics::write);
    }
}

/// `topics` of [`OffsetDeleteResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OffsetDeleteResponseTopics {
    pub name: Str,
    pub partitions: Vec<OffsetDeleteResponsePartitions>,
}

impl OffsetDeleteResponseTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.name = p::str(r, false)?;
        m.partitions = p::array(r, false, 6, v, OffsetDeleteResponsePartitions::read)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.name, false);
        w.array(&self.partitions, false, v, OffsetDeleteResponsePartitions::write);
    }
}

/// `topics.partitions` of [`OffsetDeleteResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OffsetDeleteResponsePartitions {
    pub partition_index: i32,
    pub error_code: i16,
}

impl OffsetDeleteResponsePartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.error_code = r.i16()?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.partition_index);
        w.i16(self.error_code);
    }
}

impl Message for OffsetDeleteResponse {
    const KEY: ApiKey = ApiKey::OffsetDelete;
    const NAME: &'static str = "OffsetDeleteResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = None;
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `ConsumerGroupHeartbeat` request (key 68), version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug)]
pub struct ConsumerGroupHeartbeatRequest {
    pub group_id: Str,
    pub member_id: Str,
    pub member_epoch: i32,
    pub instance_id: Option<Str>,
    pub rack_id: Option<Str>,
    pub rebalance_timeout_ms: i32,
    pub subscribed_topic_names: Option<Vec<Str>>,
    pub server_assignor: Option<Str>,
    pub topic_partitions: Option<Vec<ConsumerGroupHeartbeatRequestTopicPartitions>>,
}

impl Default for ConsumerGroupHeartbeatRequest {
    fn default() -> Self {
        Self {
            group_id: Default::default(),
            member_id: Default::default(),
            member_epoch: Default::default(),
            instance_id: Default::default(),
            rack_id: Default::default(),
            rebalance_timeout_ms: -1,
            subscribed_topic_names: Default::default(),
            server_assignor: Default::default(),
            topic_partitions: Default::default(),
        }
    }
}

impl ConsumerGroupHeartbeatRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.group_id = p::str(r, true)?;
        m.member_id = p::str(r, true)?;
        m.member_epoch = r.i32()?;
        m.instance_id = p::opt_str(r, true, true)?;
        m.rack_id = p::opt_str(r, true, true)?;
        m.rebalance_timeout_ms = r.i32()?;
        m.subscribed_topic_names = p::opt_strs(r, true, true)?;
        m.server_assignor = p::opt_str(r, true, true)?;
        m.topic_partitions = p::opt_array(r, true, true, 17, v, ConsumerGroupHeartbeatRequestTopicPartitions::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.group_id, true);
        w.str(&self.member_id, true);
        w.i32(self.member_epoch);
        w.opt_str(&self.instance_id, true, true);
        w.opt_str(&self.rack_id, true, true);
        w.i32(self.rebalance_timeout_ms);
        w.opt_strs(&self.subscribed_topic_names, true, true);
        w.opt_str(&self.server_assignor, true, true);
        w.opt_array(&self.topic_partitions, true, true, v, ConsumerGroupHeartbeatRequestTopicPartitions::write);
        w.no_tags();
    }
}

/// `topic_partitions` of [`ConsumerGroupHeartbeatRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupHeartbeatRequestTopicPartitions {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl ConsumerGroupHeartbeatRequestTopicPartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topic_id = p::uuid(r)?;
        m.partitions = p::array(r, true, 4, v, |r, _| r.i32())?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.uuid(self.topic_id);
        w.array(&self.partitions, true, v, |x, w, _| w.i32(*x));
        w.no_tags();
    }
}

impl Message for ConsumerGroupHeartbeatRequest {
    const KEY: ApiKey = ApiKey::ConsumerGroupHeartbeat;
    const NAME: &'static str = "ConsumerGroupHeartbeatRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for ConsumerGroupHeartbeatRequest {
    type Response = ConsumerGroupHeartbeatResponse;
}

/// The `ConsumerGroupHeartbeat` response (key 68), version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupHeartbeatResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub member_id: Option<Str>,
    pub member_epoch: i32,
    pub heartbeat_interval_ms: i32,
    pub assignment: Option<ConsumerGroupHeartbeatResponseAssignment>,
}

impl ConsumerGroupHeartbeatResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, true, true)?;
        m.member_id = p::opt_str(r, true, true)?;
        m.member_epoch = r.i32()?;
        m.heartbeat_interval_ms = r.i32()?;
        m.assignment = p::opt_struct(r, v, ConsumerGroupHeartbeatResponseAssignment::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.throttle_time_ms);
        w.i16(self.error_code);
        w.opt_str(&self.error_message, true, true);
        w.opt_str(&self.member_id, true, true);
        w.i32(self.member_epoch);
        w.i32(self.heartbeat_interval_ms);
        w.opt_struct(&self.assignment, v, ConsumerGroupHeartbeatResponseAssignment::write);
        w.no_tags();
    }
}

/// `assignment` of [`ConsumerGroupHeartbeatResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupHeartbeatResponseAssignment {
    pub topic_partitions: Vec<ConsumerGroupHeartbeatResponseTopicPartitions>,
}

impl ConsumerGroupHeartbeatResponseAssignment {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topic_partitions = p::array(r, true, 17, v, ConsumerGroupHeartbeatResponseTopicPartitions::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.array(&self.topic_partitions, true, v, ConsumerGroupHeartbeatResponseTopicPartitions::write);
        w.no_tags();
    }
}

/// `assignment.topic_partitions` of [`ConsumerGroupHeartbeatResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupHeartbeatResponseTopicPartitions {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl ConsumerGroupHeartbeatResponseTopicPartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topic_id = p::uuid(r)?;
        m.partitions = p::array(r, true, 4, v, |r, _| r.i32())?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.uuid(self.topic_id);
        w.array(&self.partitions, true, v, |x, w, _| w.i32(*x));
        w.no_tags();
    }
}

impl Message for ConsumerGroupHeartbeatResponse {
    const KEY: ApiKey = ApiKey::ConsumerGroupHeartbeat;
    const NAME: &'static str = "ConsumerGroupHeartbeatResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `ConsumerGroupDescribe` request (key 69), version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupDescribeRequest {
    pub group_ids: Vec<Str>,
    pub include_authorized_operations: bool,
}

impl ConsumerGroupDescribeRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.group_ids = p::strs(r, true)?;
        m.include_authorized_operations = r.bool()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.strs(&self.group_ids, true);
        w.bool(self.include_authorized_operations);
        w.no_tags();
    }
}

impl Message for ConsumerGroupDescribeRequest {
    const KEY: ApiKey = ApiKey::ConsumerGroupDescribe;
    const NAME: &'static str = "ConsumerGroupDescribeRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for ConsumerGroupDescribeRequest {
    type Response = ConsumerGroupDescribeResponse;
}

/// The `ConsumerGroupDescribe` response (key 69), version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupDescribeResponse {
    pub throttle_time_ms: i32,
    pub groups: Vec<ConsumerGroupDescribeResponseGroups>,
}

impl ConsumerGroupDescribeResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.groups = p::array(r, true, 19, v, ConsumerGroupDescribeResponseGroups::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.throttle_time_ms);
        w.array(&self.groups, true, v, ConsumerGroupDescribeResponseGroups::write);
        w.no_tags();
    }
}

/// `groups` of [`ConsumerGroupDescribeResponse`].
#[derive(Clone, PartialEq, Debug)]
pub struct ConsumerGroupDescribeResponseGroups {
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub group_id: Str,
    pub group_state: Str,
    pub group_epoch: i32,
    pub assignment_epoch: i32,
    pub assignor_name: Str,
    pub members: Vec<ConsumerGroupDescribeResponseMembers>,
    pub authorized_operations: i32,
}

impl Default for ConsumerGroupDescribeResponseGroups {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            error_message: Default::default(),
            group_id: Default::default(),
            group_state: Default::default(),
            group_epoch: Default::default(),
            assignment_epoch: Default::default(),
            assignor_name: Default::default(),
            members: Default::default(),
            authorized_operations: -2147483648,
        }
    }
}

impl ConsumerGroupDescribeResponseGroups {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, true, true)?;
        m.group_id = p::str(r, true)?;
        m.group_state = p::str(r, true)?;
        m.group_epoch = r.i32()?;
        m.assignment_epoch = r.i32()?;
        m.assignor_name = p::str(r, true)?;
        m.members = p::array(r, true, 13, v, ConsumerGroupDescribeResponseMembers::read)?;
        m.authorized_operations = r.i32()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i16(self.error_code);
        w.opt_str(&self.error_message, true, true);
        w.str(&self.group_id, true);
        w.str(&self.group_state, true);
        w.i32(self.group_epoch);
        w.i32(self.assignment_epoch);
        w.str(&self.assignor_name, true);
        w.array(&self.members, true, v, ConsumerGroupDescribeResponseMembers::write);
        w.i32(self.authorized_operations);
        w.no_tags();
    }
}

/// `groups.members` of [`ConsumerGroupDescribeResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupDescribeResponseMembers {
    pub member_id: Str,
    pub instance_id: Option<Str>,
    pub rack_id: Option<Str>,
    pub member_epoch: i32,
    pub client_id: Str,
    pub client_host: Str,
    pub subscribed_topic_names: Vec<Str>,
    pub subscribed_topic_regex: Option<Str>,
    pub assignment: ConsumerGroupDescribeResponseAssignment,
    pub target_assignment: ConsumerGroupDescribeResponseTargetAssignment,
}

impl ConsumerGroupDescribeResponseMembers {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.member_id = p::str(r, true)?;
        m.instance_id = p::opt_str(r, true, true)?;
        m.rack_id = p::opt_str(r, true, true)?;
        m.member_epoch = r.i32()?;
        m.client_id = p::str(r, true)?;
        m.client_host = p::str(r, true)?;
        m.subscribed_topic_names = p::strs(r, true)?;
        m.subscribed_topic_regex = p::opt_str(r, true, true)?;
        m.assignment = ConsumerGroupDescribeResponseAssignment::read(r, v)?;
        m.target_assignment = ConsumerGroupDescribeResponseTargetAssignment::read(r, v)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.member_id, true);
        w.opt_str(&self.instance_id, true, true);
        w.opt_str(&self.rack_id, true, true);
        w.i32(self.member_epoch);
        w.str(&self.client_id, true);
        w.str(&self.client_host, true);
        w.strs(&self.subscribed_topic_names, true);
        w.opt_str(&self.subscribed_topic_regex, true, true);
        self.assignment.write(w, v);
        self.target_assignment.write(w, v);
        w.no_tags();
    }
}

/// `groups.members.assignment` of [`ConsumerGroupDescribeResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupDescribeResponseAssignment {
    pub topic_partitions: Vec<ConsumerGroupDescribeResponseTopicPartitions>,
}

impl ConsumerGroupDescribeResponseAssignment {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topic_partitions = p::array(r, true, 18, v, ConsumerGroupDescribeResponseTopicPartitions::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.array(&self.topic_partitions, true, v, ConsumerGroupDescribeResponseTopicPartitions::write);
        w.no_tags();
    }
}

/// `groups.members.assignment.topic_partitions` of [`ConsumerGroupDescribeResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupDescribeResponseTopicPartitions {
    pub topic_id: Uuid,
    pub topic_name: Str,
    pub partitions: Vec<i32>,
}

impl ConsumerGroupDescribeResponseTopicPartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topic_id = p::uuid(r)?;
        m.topic_name = p::str(r, true)?;
        m.partitions = p::array(r, true, 4, v, |r, _| r.i32())?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.uuid(self.topic_id);
        w.str(&self.topic_name, true);
        w.array(&self.partitions, true, v, |x, w, _| w.i32(*x));
        w.no_tags();
    }
}

/// `groups.members.target_assignment` of [`ConsumerGroupDescribeResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupDescribeResponseTargetAssignment {
    pub topic_partitions: Vec<ConsumerGroupDescribeResponseTopicPartitions>,
}

impl ConsumerGroupDescribeResponseTargetAssignment {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topic_partitions = p::array(r, true, 18, v, ConsumerGroupDescribeResponseTopicPartitions::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.array(&self.topic_partitions, true, v, ConsumerGroupDescribeResponseTopicPartitions::write);
        w.no_tags();
    }
}

impl Message for ConsumerGroupDescribeResponse {
    const KEY: ApiKey = ApiKey::ConsumerGroupDescribe;
    const NAME: &'static str = "ConsumerGroupDescribeResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}
