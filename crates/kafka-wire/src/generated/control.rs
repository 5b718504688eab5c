//! What only servers send one another: controller requests, in-sync replica changes, id blocks, envelopes.
//!
//! Generated from `schema/control.schema` by `cargo xtask codegen`.

use super::prelude::*;

/// The `LeaderAndIsr` request (key 4), versions 0 to 7, flexible from 4.
///
/// v0-1 partitions one by one; v2 grouped by topic, broker epoch (KIP-380); v5 topic ids; v6 recovery state; v7 KRaft flag.
#[derive(Clone, PartialEq, Debug)]
pub struct LeaderAndIsrRequest {
    pub controller_id: i32,
    /// Version 7 only.
    pub is_kraft_controller: bool,
    pub controller_epoch: i32,
    /// Since version 2.
    pub broker_epoch: i64,
    /// Since version 5.
    pub type_: i8,
    /// Until version 1.
    pub ungrouped_partition_states: Vec<LeaderAndIsrRequestUngroupedPartitionStates>,
    /// Since version 2.
    pub topic_states: Vec<LeaderAndIsrRequestTopicStates>,
    pub live_leaders: Vec<LeaderAndIsrRequestLiveLeaders>,
}

impl Default for LeaderAndIsrRequest {
    fn default() -> Self {
        Self {
            controller_id: Default::default(),
            is_kraft_controller: Default::default(),
            controller_epoch: Default::default(),
            broker_epoch: -1,
            type_: Default::default(),
            ungrouped_partition_states: Default::default(),
            topic_states: Default::default(),
            live_leaders: Default::default(),
        }
    }
}

impl LeaderAndIsrRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.controller_id = r.i32()?;
        if v == 7 {
            m.is_kraft_controller = r.bool()?;
        }
        m.controller_epoch = r.i32()?;
        if v >= 2 {
            m.broker_epoch = r.i64()?;
        }
        if v >= 5 {
            m.type_ = r.i8()?;
        }
        if v <= 1 {
            m.ungrouped_partition_states = p::array(r, flex, 23, v, LeaderAndIsrRequestUngroupedPartitionStates::read)?;
        }
        if v >= 2 {
            m.topic_states = p::array(r, flex, 2, v, LeaderAndIsrRequestTopicStates::read)?;
        }
        m.live_leaders = p::array(r, flex, 9, v, LeaderAndIsrRequestLiveLeaders::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.i32(self.controller_id);
        if v == 7 {
            w.bool(self.is_kraft_controller);
        }
        w.i32(self.controller_epoch);
        if v >= 2 {
            w.i64(self.broker_epoch);
        }
        if v >= 5 {
            w.i8(self.type_);
        }
        if v <= 1 {
            w.array(&self.ungrouped_partition_states, flex, v, LeaderAndIsrRequestUngroupedPartitionStates::write);
        }
        if v >= 2 {
            w.array(&self.topic_states, flex, v, LeaderAndIsrRequestTopicStates::write);
        }
        w.array(&self.live_leaders, flex, v, LeaderAndIsrRequestLiveLeaders::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `ungrouped_partition_states` of [`LeaderAndIsrRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LeaderAndIsrRequestUngroupedPartitionStates {
    pub topic_name: Str,
    pub partition_index: i32,
    pub controller_epoch: i32,
    pub leader: i32,
    pub leader_epoch: i32,
    pub isr: Vec<i32>,
    pub partition_epoch: i32,
    pub replicas: Vec<i32>,
    /// Since version 3.
    pub adding_replicas: Vec<i32>,
    /// Since version 3.
    pub removing_replicas: Vec<i32>,
    /// Version 1 only.
    pub is_new: bool,
    /// Since version 6.
    pub leader_recovery_state: i8,
}

impl LeaderAndIsrRequestUngroupedPartitionStates {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topic_name = p::str(r, false)?;
        m.partition_index = r.i32()?;
        m.controller_epoch = r.i32()?;
        m.leader = r.i32()?;
        m.leader_epoch = r.i32()?;
        m.isr = p::array(r, false, 4, v, |r, _| r.i32())?;
        m.partition_epoch = r.i32()?;
        m.replicas = p::array(r, false, 4, v, |r, _| r.i32())?;
        if v >= 3 {
            m.adding_replicas = p::array(r, false, 4, v, |r, _| r.i32())?;
        }
        if v >= 3 {
            m.removing_replicas = p::array(r, false, 4, v, |r, _| r.i32())?;
        }
        if v == 1 {
            m.is_new = r.bool()?;
        }
        if v >= 6 {
            m.leader_recovery_state = r.i8()?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.topic_name, false);
        w.i32(self.partition_index);
        w.i32(self.controller_epoch);
        w.i32(self.leader);
        w.i32(self.leader_epoch);
        w.array(&self.isr, false, v, |x, w, _| w.i32(*x));
        w.i32(self.partition_epoch);
        w.array(&self.replicas, false, v, |x, w, _| w.i32(*x));
        if v >= 3 {
            w.array(&self.adding_replicas, false, v, |x, w, _| w.i32(*x));
        }
        if v >= 3 {
            w.array(&self.removing_replicas, false, v, |x, w, _| w.i32(*x));
        }
        if v == 1 {
            w.bool(self.is_new);
        }
        if v >= 6 {
            w.i8(self.leader_recovery_state);
        }
    }
}

/// `topic_states` of [`LeaderAndIsrRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LeaderAndIsrRequestTopicStates {
    pub topic_name: Str,
    /// Since version 5.
    pub topic_id: Uuid,
    pub partition_states: Vec<LeaderAndIsrRequestPartitionStates>,
}

impl LeaderAndIsrRequestTopicStates {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.topic_name = p::str(r, flex)?;
        if v >= 5 {
            m.topic_id = p::uuid(r)?;
        }
        m.partition_states = p::array(r, flex, 23, v, LeaderAndIsrRequestPartitionStates::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.str(&self.topic_name, flex);
        if v >= 5 {
            w.uuid(self.topic_id);
        }
        w.array(&self.partition_states, flex, v, LeaderAndIsrRequestPartitionStates::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topic_states.partition_states` of [`LeaderAndIsrRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LeaderAndIsrRequestPartitionStates {
    /// Until version 1.
    pub topic_name: Str,
    pub partition_index: i32,
    pub controller_epoch: i32,
    pub leader: i32,
    pub leader_epoch: i32,
    pub isr: Vec<i32>,
    pub partition_epoch: i32,
    pub replicas: Vec<i32>,
    /// Since version 3.
    pub adding_replicas: Vec<i32>,
    /// Since version 3.
    pub removing_replicas: Vec<i32>,
    pub is_new: bool,
    /// Since version 6.
    pub leader_recovery_state: i8,
}

impl LeaderAndIsrRequestPartitionStates {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        if v <= 1 {
            m.topic_name = p::str(r, flex)?;
        }
        m.partition_index = r.i32()?;
        m.controller_epoch = r.i32()?;
        m.leader = r.i32()?;
        m.leader_epoch = r.i32()?;
        m.isr = p::array(r, flex, 4, v, |r, _| r.i32())?;
        m.partition_epoch = r.i32()?;
        m.replicas = p::array(r, flex, 4, v, |r, _| r.i32())?;
        if v >= 3 {
            m.adding_replicas = p::array(r, flex, 4, v, |r, _| r.i32())?;
        }
        if v >= 3 {
            m.removing_replicas = p::array(r, flex, 4, v, |r, _| r.i32())?;
        }
        m.is_new = r.bool()?;
        if v >= 6 {
            m.leader_recovery_state = r.i8()?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        if v <= 1 {
            w.str(&self.topic_name, flex);
        }
        w.i32(self.partition_index);
        w.i32(self.controller_epoch);
        w.i32(self.leader);
        w.i32(self.leader_epoch);
        w.array(&self.isr, flex, v, |x, w, _| w.i32(*x));
        w.i32(self.partition_epoch);
        w.array(&self.replicas, flex, v, |x, w, _| w.i32(*x));
        if v >= 3 {
            w.array(&self.adding_replicas, flex, v, |x, w, _| w.i32(*x));
        }
        if v >= 3 {
            w.array(&self.removing_replicas, flex, v, |x, w, _| w.i32(*x));
        }
        w.bool(self.is_new);
        if v >= 6 {
            w.i8(self.leader_recovery_state);
        }
        if flex {
            w.no_tags();
        }
    }
}

/// `live_leaders` of [`LeaderAndIsrRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LeaderAndIsrRequestLiveLeaders {
    pub broker_id: i32,
    pub host_name: Str,
    pub port: i32,
}

impl LeaderAndIsrRequestLiveLeaders {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.broker_id = r.i32()?;
        m.host_name = p::str(r, flex)?;
        m.port = r.i32()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.i32(self.broker_id);
        w.str(&self.host_name, flex);
        w.i32(self.port);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for LeaderAndIsrRequest {
    const KEY: ApiKey = ApiKey::LeaderAndIsr;
    const NAME: &'static str = "LeaderAndIsrRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=7;
    const FLEXIBLE: Option<i16> = Some(4);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for LeaderAndIsrRequest {
    type Response = LeaderAndIsrResponse;
}

/// The `LeaderAndIsr` response (key 4), versions 0 to 7, flexible from 4.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LeaderAndIsrResponse {
    pub error_code: i16,
    /// Until version 4.
    pub partition_errors: Vec<LeaderAndIsrResponsePartitionErrors>,
    /// Since version 5.
    pub topics: Vec<LeaderAndIsrResponseTopics>,
}

impl LeaderAndIsrResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        if v <= 4 {
            m.partition_errors = p::array(r, flex, 7, v, LeaderAndIsrResponsePartitionErrors::read)?;
        }
        if v >= 5 {
            m.topics = p::array(r, flex, 17, v, LeaderAndIsrResponseTopics::read)?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.i16(self.error_code);
        if v <= 4 {
            w.array(&self.partition_errors, flex, v, LeaderAndIsrResponsePartitionErrors::write);
        }
        if v >= 5 {
            w.array(&self.topics, flex, v, LeaderAndIsrResponseTopics::write);
        }
        if flex {
            w.no_tags();
        }
    }
}

/// `partition_errors` of [`LeaderAndIsrResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LeaderAndIsrResponsePartitionErrors {
    pub topic_name: Str,
    pub partition_index: i32,
    pub error_code: i16,
}

impl LeaderAndIsrResponsePartitionErrors {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.topic_name = p::str(r, flex)?;
        m.partition_index = r.i32()?;
        m.error_code = r.i16()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.str(&self.topic_name, flex);
        w.i32(self.partition_index);
        w.i16(self.error_code);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics` of [`LeaderAndIsrResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LeaderAndIsrResponseTopics {
    pub topic_id: Uuid,
    pub partition_errors: Vec<LeaderAndIsrResponseTopicsPartitionErrors>,
}

impl LeaderAndIsrResponseTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topic_id = p::uuid(r)?;
        m.partition_errors = p::array(r, true, 6, v, LeaderAndIsrResponseTopicsPartitionErrors::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.uuid(self.topic_id);
        w.array(&self.partition_errors, true, v, LeaderAndIsrResponseTopicsPartitionErrors::write);
        w.no_tags();
    }
}

/// `topics.partition_errors` of [`LeaderAndIsrResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct LeaderAndIsrResponseTopicsPartitionErrors {
    /// Until version 4.
    pub topic_name: Str,
    pub partition_index: i32,
    pub error_code: i16,
}

impl LeaderAndIsrResponseTopicsPartitionErrors {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        if v <= 4 {
            m.topic_name = p::str(r, true)?;
        }
        m.partition_index = r.i32()?;
        m.error_code = r.i16()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        if v <= 4 {
            w.str(&self.topic_name, true);
        }
        w.i32(self.partition_index);
        w.i16(self.error_code);
        w.no_tags();
    }
}

impl Message for LeaderAndIsrResponse {
    const KEY: ApiKey = ApiKey::LeaderAndIsr;
    const NAME: &'static str = "LeaderAndIsrResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=7;
    const FLEXIBLE: Option<i16> = Some(4);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `StopReplica` request (key 5), versions 0 to 4, flexible from 2.
///
/// v1 grouped; v3 with leader epochs and delete flag per partition; v4 KRaft flag.
#[derive(Clone, PartialEq, Debug)]
pub struct StopReplicaRequest {
    pub controller_id: i32,
    /// Version 4 only.
    pub is_kraft_controller: bool,
    pub controller_epoch: i32,
    /// Since version 1.
    pub broker_epoch: i64,
    /// Until version 2.
    pub delete_partitions: bool,
    /// Version 0 only.
    pub ungrouped_partitions: Vec<StopReplicaRequestUngroupedPartitions>,
    /// Versions 1 to 2.
    pub topics: Vec<StopReplicaRequestTopics>,
    /// Since version 3.
    pub topic_states: Vec<StopReplicaRequestTopicStates>,
}

impl Default for StopReplicaRequest {
    fn default() -> Self {
        Self {
            controller_id: Default::default(),
            is_kraft_controller: Default::default(),
            controller_epoch: Default::default(),
            broker_epoch: -1,
            delete_partitions: Default::default(),
            ungrouped_partitions: Default::default(),
            topics: Default::default(),
            topic_states: Default::default(),
        }
    }
}

impl StopReplicaRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.controller_id = r.i32()?;
        if v == 4 {
            m.is_kraft_controller = r.bool()?;
        }
        m.controller_epoch = r.i32()?;
        if v >= 1 {
            m.broker_epoch = r.i64()?;
        }
        if v <= 2 {
            m.delete_partitions = r.bool()?;
        }
        if v == 0 {
            m.ungrouped_partitions = p::array(r, flex, 5, v, StopReplicaRequestUngroupedPartitions::read)?;
        }
        if (1..=2).contains(&v) {
            m.topics = p::array(r, flex, 2, v, StopReplicaRequestTopics::read)?;
        }
        if v >= 3 {
            m.topic_states = p::array(r, flex, 2, v, StopReplicaRequestTopicStates::read)?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i32(self.controller_id);
        if v == 4 {
            w.bool(self.is_kraft_controller);
        }
        w.i32(self.controller_epoch);
        if v >= 1 {
            w.i64(self.broker_epoch);
        }
        if v <= 2 {
            w.bool(self.delete_partitions);
        }
        if v == 0 {
            w.array(&self.ungrouped_partitions, flex, v, StopReplicaRequestUngroupedPartitions::write);
        }
        if (1..=2).contains(&v) {
            w.array(&self.topics, flex, v, StopReplicaRequestTopics::write);
        }
        if v >= 3 {
            w.array(&self.topic_states, flex, v, StopReplicaRequestTopicStates::write);
        }
        if flex {
            w.no_tags();
        }
    }
}

/// `ungrouped_partitions` of [`StopReplicaRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct StopReplicaRequestUngroupedPartitions {
    pub topic_name: Str,
    pub partition_index: i32,
}

impl StopReplicaRequestUngroupedPartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topic_name = p::str(r, false)?;
        m.partition_index = r.i32()?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.topic_name, false);
        w.i32(self.partition_index);
    }
}

/// `topics` of [`StopReplicaRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct StopReplicaRequestTopics {
    pub name: Str,
    pub partition_indexes: Vec<i32>,
}

impl StopReplicaRequestTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.partition_indexes = p::array(r, flex, 4, v, |r, _| r.i32())?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.str(&self.name, flex);
        w.array(&self.partition_indexes, flex, v, |x, w, _| w.i32(*x));
        if flex {
            w.no_tags();
        }
    }
}

/// `topic_states` of [`StopReplicaRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct StopReplicaRequestTopicStates {
    pub topic_name: Str,
    pub partition_states: Vec<StopReplicaRequestPartitionStates>,
}

impl StopReplicaRequestTopicStates {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topic_name = p::str(r, true)?;
        m.partition_states = p::array(r, true, 9, v, StopReplicaRequestPartitionStates::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.topic_name, true);
        w.array(&self.partition_states, true, v, StopReplicaRequestPartitionStates::write);
        w.no_tags();
    }
}

/// `topic_states.partition_states` of [`StopReplicaRequest`].
#[derive(Clone, PartialEq, Debug)]
pub struct StopReplicaRequestPartitionStates {
    pub partition_index: i32,
    pub leader_epoch: i32,
    pub delete_partition: bool,
}

impl Default for StopReplicaRequestPartitionStates {
    fn default() -> Self {
        Self { partition_index: Default::default(), leader_epoch: -1, delete_partition: Default::default() }
    }
}

impl StopReplicaRequestPartitionStates {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.leader_epoch = r.i32()?;
        m.delete_partition = r.bool()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.partition_index);
        w.i32(self.leader_epoch);
        w.bool(self.delete_partition);
        w.no_tags();
    }
}

impl Message for StopReplicaRequest {
    const KEY: ApiKey = ApiKey::StopReplica;
    const NAME: &'static str = "StopReplicaRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for StopReplicaRequest {
    type Response = StopReplicaResponse;
}

/// The `StopReplica` response (key 5), versions 0 to 4, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct StopReplicaResponse {
    pub error_code: i16,
    pub partition_errors: Vec<StopReplicaResponsePartitionErrors>,
}

impl StopReplicaResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.partition_errors = p::array(r, flex, 7, v, StopReplicaResponsePartitionErrors::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i16(self.error_code);
        w.array(&self.partition_errors, flex, v, StopReplicaResponsePartitionErrors::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `partition_errors` of [`StopReplicaResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct StopReplicaResponsePartitionErrors {
    pub topic_name: Str,
    pub partition_index: i32,
    pub error_code: i16,
}

impl StopReplicaResponsePartitionErrors {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.topic_name = p::str(r, flex)?;
        m.partition_index = r.i32()?;
        m.error_code = r.i16()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.str(&self.topic_name, flex);
        w.i32(self.partition_index);
        w.i16(self.error_code);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for StopReplicaResponse {
    const KEY: ApiKey = ApiKey::StopReplica;
    const NAME: &'static str = "StopReplicaResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `UpdateMetadata` request (key 6), versions 0 to 8, flexible from 6.
///
/// v1 listeners; v5 grouped by topic, broker epoch; v7 topic ids; v8 KRaft flag.
#[derive(Clone, PartialEq, Debug)]
pub struct UpdateMetadataRequest {
    pub controller_id: i32,
    /// Version 8 only.
    pub is_kraft_controller: bool,
    /// Version 8 only, tag 0.
    pub type_: i8,
    pub controller_epoch: i32,
    /// Since version 5.
    pub broker_epoch: i64,
    /// Until version 4.
    pub ungrouped_partition_states: Vec<UpdateMetadataRequestUngroupedPartitionStates>,
    /// Since version 5.
    pub topic_states: Vec<UpdateMetadataRequestTopicStates>,
    pub live_brokers: Vec<UpdateMetadataRequestLiveBrokers>,
}

impl Default for UpdateMetadataRequest {
    fn default() -> Self {
        Self {
            controller_id: Default::default(),
            is_kraft_controller: Default::default(),
            type_: Default::default(),
            controller_epoch: Default::default(),
            broker_epoch: -1,
            ungrouped_partition_states: Default::default(),
            topic_states: Default::default(),
            live_brokers: Default::default(),
        }
    }
}

impl UpdateMetadataRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 6;
        let mut m = Self::default();
        m.controller_id = r.i32()?;
        if v == 8 {
            m.is_kraft_controller = r.bool()?;
        }
        m.controller_epoch = r.i32()?;
        if v >= 5 {
            m.broker_epoch = r.i64()?;
        }
        if v <= 4 {
            m.ungrouped_partition_states =
                p::array(r, flex, 23, v, UpdateMetadataRequestUngroupedPartitionStates::read)?;
        }
        if v >= 5 {
            m.topic_states = p::array(r, flex, 2, v, UpdateMetadataRequestTopicStates::read)?;
        }
        m.live_brokers = p::array(r, flex, 4, v, UpdateMetadataRequestLiveBrokers::read)?;
        if flex {
            p::tags(r, &mut |tag, r| {
                match tag {
                    0 if v == 8 => m.type_ = r.i8()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 6;
        w.i32(self.controller_id);
        if v == 8 {
            w.bool(self.is_kraft_controller);
        }
        w.i32(self.controller_epoch);
        if v >= 5 {
            w.i64(self.broker_epoch);
        }
        if v <= 4 {
            w.array(&self.ungrouped_partition_states, flex, v, UpdateMetadataRequestUngroupedPartitionStates::write);
        }
        if v >= 5 {
            w.array(&self.topic_states, flex, v, UpdateMetadataRequestTopicStates::write);
        }
        w.array(&self.live_brokers, flex, v, UpdateMetadataRequestLiveBrokers::write);
        if flex {
            let mut tags = Tags::new();
            if v == 8 && self.type_ != 0 {
                tags.put(0, &mut |w| {
                    w.i8(self.type_);
                });
            }
            w.tags(tags);
        }
    }
}

/// `ungrouped_partition_states` of [`UpdateMetadataRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct UpdateMetadataRequestUngroupedPartitionStates {
    pub topic_name: Str,
    pub partition_index: i32,
    pub controller_epoch: i32,
    pub leader: i32,
    pub leader_epoch: i32,
    pub isr: Vec<i32>,
    pub zk_version: i32,
    pub replicas: Vec<i32>,
    /// Version 4 only.
    pub offline_replicas: Vec<i32>,
}

impl UpdateMetadataRequestUngroupedPartitionStates {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topic_name = p::str(r, false)?;
        m.partition_index = r.i32()?;
        m.controller_epoch = r.i32()?;
        m.leader = r.i32()?;
        m.leader_epoch = r.i32()?;
        m.isr = p::array(r, false, 4, v, |r, _| r.i32())?;
        m.zk_version = r.i32()?;
        m.replicas = p::array(r, false, 4, v, |r, _| r.i32())?;
        if v == 4 {
            m.offline_replicas = p::array(r, false, 4, v, |r, _| r.i32())?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.topic_name, false);
        w.i32(self.partition_index);
        w.i32(self.controller_epoch);
        w.i32(self.leader);
        w.i32(self.leader_epoch);
        w.array(&self.isr, false, v, |x, w, _| w.i32(*x));
        w.i32(self.zk_version);
        w.array(&self.replicas, false, v, |x, w, _| w.i32(*x));
        if v == 4 {
            w.array(&self.offline_replicas, false, v, |x, w, _| w.i32(*x));
        }
    }
}

/// `topic_states` of [`UpdateMetadataRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct UpdateMetadataRequestTopicStates {
    pub topic_name: Str,
    /// Since version 7.
    pub topic_id: Uuid,
    pub partition_states: Vec<UpdateMetadataRequestPartitionStates>,
}

impl UpdateMetadataRequestTopicStates {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 6;
        let mut m = Self::default();
        m.topic_name = p::str(r, flex)?;
        if v >= 7 {
            m.topic_id = p::uuid(r)?;
        }
        m.partition_states = p::array(r, flex, 23, v, UpdateMetadataRequestPartitionStates::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 6;
        w.str(&self.topic_name, flex);
        if v >= 7 {
            w.uuid(self.topic_id);
        }
        w.array(&self.partition_states, flex, v, UpdateMetadataRequestPartitionStates::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topic_states.partition_states` of [`UpdateMetadataRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct UpdateMetadataRequestPartitionStates {
    /// Until version 4.
    pub topic_name: Str,
    pub partition_index: i32,
    pub controller_epoch: i32,
    pub leader: i32,
    pub leader_epoch: i32,
    pub isr: Vec<i32>,
    pub zk_version: i32,
    pub replicas: Vec<i32>,
    pub offline_replicas: Vec<i32>,
}

impl UpdateMetadataRequestPartitionStates {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 6;
        let mut m = Self::default();
        if v <= 4 {
            m.topic_name = p::str(r, flex)?;
        }
        m.partition_index = r.i32()?;
        m.controller_epoch = r.i32()?;
        m.leader = r.i32()?;
        m.leader_epoch = r.i32()?;
        m.isr = p::array(r, flex, 4, v, |r, _| r.i32())?;
        m.zk_version = r.i32()?;
        m.replicas = p::array(r, flex, 4, v, |r, _| r.i32())?;
        m.offline_replicas = p::array(r, flex, 4, v, |r, _| r.i32())?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 6;
        if v <= 4 {
            w.str(&self.topic_name, flex);
        }
        w.i32(self.partition_index);
        w.i32(self.controller_epoch);
        w.i32(self.leader);
        w.i32(self.leader_epoch);
        w.array(&self.isr, flex, v, |x, w, _| w.i32(*x));
        w.i32(self.zk_version);
        w.array(&self.replicas, flex, v, |x, w, _| w.i32(*x));
        w.array(&self.offline_replicas, flex, v, |x, w, _| w.i32(*x));
        if flex {
            w.no_tags();
        }
    }
}

/// `live_brokers` of [`UpdateMetadataRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct UpdateMetadataRequestLiveBrokers {
    pub id: i32,
    /// Version 0 only.
    pub v0_host: Str,
    /// Version 0 only.
    pub v0_port: i32,
    /// Since version 1.
    pub endpoints: Vec<UpdateMetadataRequestEndpoints>,
    /// Since version 2.
    pub rack: Option<Str>,
}

impl UpdateMetadataRequestLiveBrokers {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 6;
        let mut m = Self::default();
        m.id = r.i32()?;
        if v == 0 {
            m.v0_host = p::str(r, flex)?;
        }
        if v == 0 {
            m.v0_port = r.i32()?;
        }
        if v >= 1 {
            m.endpoints = p::array(r, flex, 7, v, UpdateMetadataRequestEndpoints::read)?;
        }
        if v >= 2 {
            m.rack = p::opt_str(r, flex, true)?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 6;
        w.i32(self.id);
        if v == 0 {
            w.str(&self.v0_host, flex);
        }
        if v == 0 {
            w.i32(self.v0_port);
        }
        if v >= 1 {
            w.array(&self.endpoints, flex, v, UpdateMetadataRequestEndpoints::write);
        }
        if v >= 2 {
            w.opt_str(&self.rack, flex, true);
        }
        if flex {
            w.no_tags();
        }
    }
}

/// `live_brokers.endpoints` of [`UpdateMetadataRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct UpdateMetadataRequestEndpoints {
    pub port: i32,
    pub host: Str,
    /// Since version 3.
    pub listener: Str,
    pub security_protocol: i16,
}

impl UpdateMetadataRequestEndpoints {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 6;
        let mut m = Self::default();
        m.port = r.i32()?;
        m.host = p::str(r, flex)?;
        if v >= 3 {
            m.listener = p::str(r, flex)?;
        }
        m.security_protocol = r.i16()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 6;
        w.i32(self.port);
        w.str(&self.host, flex);
        if v >= 3 {
            w.str(&self.listener, flex);
        }
        w.i16(self.security_protocol);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for UpdateMetadataRequest {
    const KEY: ApiKey = ApiKey::UpdateMetadata;
    const NAME: &'static str = "UpdateMetadataRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=8;
    const FLEXIBLE: Option<i16> = Some(6);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for UpdateMetadataRequest {
    type Response = UpdateMetadataResponse;
}

/// The `UpdateMetadata` response (key 6), versions 0 to 8, flexible from 6.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct UpdateMetadataResponse {
    pub error_code: i16,
}

impl UpdateMetadataResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 6;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 6;
        w.i16(self.error_code);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for UpdateMetadataResponse {
    const KEY: ApiKey = ApiKey::UpdateMetadata;
    const NAME: &'static str = "UpdateMetadataResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=8;
    const FLEXIBLE: Option<i16> = Some(6);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `ControlledShutdown` request (key 7), versions 0 to 3, flexible from 3.
///
/// v0 requests carry the only v0 request header: no client id.
#[derive(Clone, PartialEq, Debug)]
pub struct ControlledShutdownRequest {
    pub broker_id: i32,
    /// Since version 2.
    pub broker_epoch: i64,
}

impl Default for ControlledShutdownRequest {
    fn default() -> Self {
        Self { broker_id: Default::default(), broker_epoch: -1 }
    }
}

impl ControlledShutdownRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        m.broker_id = r.i32()?;
        if v >= 2 {
            m.broker_epoch = r.i64()?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        w.i32(self.broker_id);
        if v >= 2 {
            w.i64(self.broker_epoch);
        }
        if flex {
            w.no_tags();
        }
    }
}

impl Message for ControlledShutdownRequest {
    const KEY: ApiKey = ApiKey::ControlledShutdown;
    const NAME: &'static str = "ControlledShutdownRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=3;
    const FLEXIBLE: Option<i16> = Some(3);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for ControlledShutdownRequest {
    type Response = ControlledShutdownResponse;
}

/// The `ControlledShutdown` response (key 7), versions 0 to 3, flexible from 3.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ControlledShutdownResponse {
    pub error_code: i16,
    pub remaining_partitions: Vec<ControlledShutdownResponseRemainingPartitions>,
}

impl ControlledShutdownResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.remaining_partitions = p::array(r, flex, 5, v, ControlledShutdownResponseRemainingPartitions::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        w.i16(self.error_code);
        w.array(&self.remaining_partitions, flex, v, ControlledShutdownResponseRemainingPartitions::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `remaining_partitions` of [`ControlledShutdownResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ControlledShutdownResponseRemainingPartitions {
    pub topic_name: Str,
    pub partition_index: i32,
}

impl ControlledShutdownResponseRemainingPartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        m.topic_name = p::str(r, flex)?;
        m.partition_index = r.i32()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        w.str(&self.topic_name, flex);
        w.i32(self.partition_index);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for ControlledShutdownResponse {
    const KEY: ApiKey = ApiKey::ControlledShutdown;
    const NAME: &'static str = "ControlledShutdownResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=3;
    const FLEXIBLE: Option<i16> = Some(3);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `AlterPartition` request (key 56), versions 0 to 3, flexible from 0.
///
/// v2 topic ids; v3 broker epochs of the new in-sync replicas (KIP-903).
#[derive(Clone, PartialEq, Debug)]
pub struct AlterPartitionRequest {
    pub broker_id: i32,
    pub broker_epoch: i64,
    pub topics: Vec<AlterPartitionRequestTopics>,
}

impl Default for AlterPartitionRequest {
    fn default() -> Self {
        Self { broker_id: Default::default(), broker_epoch: -1, topics: Default::default() }
    }
}

impl AlterPartitionRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.broker_id = r.i32()?;
        m.broker_epoch = r.i64()?;
        m.topics = p::array(r, true, 1, v, AlterPartitionRequestTopics::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.broker_id);
        w.i64(self.broker_epoch);
        w.array(&self.topics, true, v, AlterPartitionRequestTopics::write);
        w.no_tags();
    }
}

/// `topics` of [`AlterPartitionRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterPartitionRequestTopics {
    /// Until version 1.
    pub topic_name: Str,
    /// Since version 2.
    pub topic_id: Uuid,
    pub partitions: Vec<AlterPartitionRequestPartitions>,
}

impl AlterPartitionRequestTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        if v <= 1 {
            m.topic_name = p::str(r, true)?;
        }
        if v >= 2 {
            m.topic_id = p::uuid(r)?;
        }
        m.partitions = p::array(r, true, 12, v, AlterPartitionRequestPartitions::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        if v <= 1 {
            w.str(&self.topic_name, true);
        }
        if v >= 2 {
            w.uuid(self.topic_id);
        }
        w.array(&self.partitions, true, v, AlterPartitionRequestPartitions::write);
        w.no_tags();
    }
}

/// `topics.partitions` of [`AlterPartitionRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterPartitionRequestPartitions {
    pub partition_index: i32,
    pub leader_epoch: i32,
    /// Until version 2.
    pub new_isr: Vec<i32>,
    /// Version 3 only.
    pub new_isr_with_epochs: Vec<AlterPartitionRequestNewIsrWithEpochs>,
    /// Since version 1.
    pub leader_recovery_state: i8,
    pub partition_epoch: i32,
}

impl AlterPartitionRequestPartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.leader_epoch = r.i32()?;
        if v <= 2 {
            m.new_isr = p::array(r, true, 4, v, |r, _| r.i32())?;
        }
        if v == 3 {
            m.new_isr_with_epochs = p::array(r, true, 12, v, AlterPartitionRequestNewIsrWithEpochs::read)?;
        }
        if v >= 1 {
            m.leader_recovery_state = r.i8()?;
        }
        m.partition_epoch = r.i32()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.partition_index);
        w.i32(self.leader_epoch);
        if v <= 2 {
            w.array(&self.new_isr, true, v, |x, w, _| w.i32(*x));
        }
        if v == 3 {
            w.array(&self.new_isr_with_epochs, true, v, AlterPartitionRequestNewIsrWithEpochs::write);
        }
        if v >= 1 {
            w.i8(self.leader_recovery_state);
        }
        w.i32(self.partition_epoch);
        w.no_tags();
    }
}

/// `topics.partitions.new_isr_with_epochs` of [`AlterPartitionRequest`].
#[derive(Clone, PartialEq, Debug)]
pub struct AlterPartitionRequestNewIsrWithEpochs {
    pub broker_id: i32,
    pub broker_epoch: i64,
}

impl Default for AlterPartitionRequestNewIsrWithEpochs {
    fn default() -> Self {
        Self { broker_id: Default::default(), broker_epoch: -1 }
    }
}

impl AlterPartitionRequestNewIsrWithEpochs {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.broker_id = r.i32()?;
        m.broker_epoch = r.i64()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.broker_id);
        w.i64(self.broker_epoch);
        w.no_tags();
    }
}

impl Message for AlterPartitionRequest {
    const KEY: ApiKey = ApiKey::AlterPartition;
    const NAME: &'static str = "AlterPartitionRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=3;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for AlterPartitionRequest {
    type Response = AlterPartitionResponse;
}

/// The `AlterPartition` response (key 56), versions 0 to 3, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterPartitionResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub topics: Vec<AlterPartitionResponseTopics>,
}

impl AlterPartitionResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.error_code = r.i16()?;
        m.topics = p::array(r, true, 1, v, AlterPartitionResponseTopics::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.throttle_time_ms);
        w.i16(self.error_code);
        w.array(&self.topics, true, v, AlterPartitionResponseTopics::write);
        w.no_tags();
    }
}

/// `topics` of [`AlterPartitionResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterPartitionResponseTopics {
    /// Until version 1.
    pub topic_name: Str,
    /// Since version 2.
    pub topic_id: Uuid,
    pub partitions: Vec<AlterPartitionResponsePartitions>,
}

impl AlterPartitionResponseTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        if v <= 1 {
            m.topic_name = p::str(r, true)?;
        }
        if v >= 2 {
            m.topic_id = p::uuid(r)?;
        }
        m.partitions = p::array(r, true, 19, v, AlterPartitionResponsePartitions::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        if v <= 1 {
            w.str(&self.topic_name, true);
        }
        if v >= 2 {
            w.uuid(self.topic_id);
        }
        w.array(&self.partitions, true, v, AlterPartitionResponsePartitions::write);
        w.no_tags();
    }
}

/// `topics.partitions` of [`AlterPartitionResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterPartitionResponsePartitions {
    pub partition_index: i32,
    pub error_code: i16,
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub isr: Vec<i32>,
    /// Since version 1.
    pub leader_recovery_state: i8,
    pub partition_epoch: i32,
}

impl AlterPartitionResponsePartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.error_code = r.i16()?;
        m.leader_id = r.i32()?;
        m.leader_epoch = r.i32()?;
        m.isr = p::array(r, true, 4, v, |r, _| r.i32())?;
        if v >= 1 {
            m.leader_recovery_state = r.i8()?;
        }
        m.partition_epoch = r.i32()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.partition_index);
        w.i16(self.error_code);
        w.i32(self.leader_id);
        w.i32(self.leader_epoch);
        w.array(&self.isr, true, v, |x, w, _| w.i32(*x));
        if v >= 1 {
            w.i8(self.leader_recovery_state);
        }
        w.i32(self.partition_epoch);
        w.no_tags();
    }
}

impl Message for AlterPartitionResponse {
    const KEY: ApiKey = ApiKey::AlterPartition;
    const NAME: &'static str = "AlterPartitionResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=3;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `Envelope` request (key 58), version 0, flexible from 0.
#[derive(Clone, PartialEq, Default)]
pub struct EnvelopeRequest {
    pub request_data: Bytes,
    pub request_principal: Option<Bytes>,
    pub client_host_address: Bytes,
}

impl core::fmt::Debug for EnvelopeRequest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("EnvelopeRequest")
            .field("request_data", &Hidden)
            .field("request_principal", &self.request_principal)
            .field("client_host_address", &self.client_host_address)
            .finish()
    }
}

impl EnvelopeRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.request_data = p::bytes(r, true)?;
        m.request_principal = p::opt_bytes(r, true, true)?;
        m.client_host_address = p::bytes(r, true)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.bytes(&self.request_data, true);
        w.opt_bytes(&self.request_principal, true, true);
        w.bytes(&self.client_host_address, true);
        w.no_tags();
    }
}

impl Message for EnvelopeRequest {
    const KEY: ApiKey = ApiKey::Envelope;
    const NAME: &'static str = "EnvelopeRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for EnvelopeRequest {
    type Response = EnvelopeResponse;
}

/// The `Envelope` response (key 58), version 0, flexible from 0.
#[derive(Clone, PartialEq, Default)]
pub struct EnvelopeResponse {
    pub response_data: Option<Bytes>,
    pub error_code: i16,
}

impl core::fmt::Debug for EnvelopeResponse {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("EnvelopeResponse")
            .field("response_data", &Hidden)
            .field("error_code", &self.error_code)
            .finish()
    }
}

impl EnvelopeResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.response_data = p::opt_bytes(r, true, true)?;
        m.error_code = r.i16()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.opt_bytes(&self.response_data, true, true);
        w.i16(self.error_code);
        w.no_tags();
    }
}

impl Message for EnvelopeResponse {
    const KEY: ApiKey = ApiKey::Envelope;
    const NAME: &'static str = "EnvelopeResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `AllocateProducerIds` request (key 67), version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug)]
pub struct AllocateProducerIdsRequest {
    pub broker_id: i32,
    pub broker_epoch: i64,
}

impl Default for AllocateProducerIdsRequest {
    fn default() -> Self {
        Self { broker_id: Default::default(), broker_epoch: -1 }
    }
}

impl AllocateProducerIdsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.broker_id = r.i32()?;
        m.broker_epoch = r.i64()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.broker_id);
        w.i64(self.broker_epoch);
        w.no_tags();
    }
}

impl Message for AllocateProducerIdsRequest {
    const KEY: ApiKey = ApiKey::AllocateProducerIds;
    const NAME: &'static str = "AllocateProducerIdsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for AllocateProducerIdsRequest {
    type Response = AllocateProducerIdsResponse;
}

/// The `AllocateProducerIds` response (key 67), version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AllocateProducerIdsResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub producer_id_start: i64,
    pub producer_id_len: i32,
}

impl AllocateProducerIdsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.error_code = r.i16()?;
        m.producer_id_start = r.i64()?;
        m.producer_id_len = r.i32()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.throttle_time_ms);
        w.i16(self.error_code);
        w.i64(self.producer_id_start);
        w.i32(self.producer_id_len);
        w.no_tags();
    }
}

impl Message for AllocateProducerIdsResponse {
    const KEY: ApiKey = ApiKey::AllocateProducerIds;
    const NAME: &'static str = "AllocateProducerIdsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}
