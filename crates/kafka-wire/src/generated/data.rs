//! Producing, fetching and looking up offsets.
//!
//! Generated from `schema/data.schema` by `cargo xtask codegen`.

use super::prelude::*;

/// The `Produce` request (key 0), versions 0 to 11, flexible from 9.
///
/// v2 append time; v3 transactional id and record batches v2; v5 log start offset; v7 zstd; v8 errors per record (KIP-467);
/// v10 leader hints (KIP-951); v11 TRANSACTION_ABORTABLE (KIP-890). Answered by nothing when acks = 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ProduceRequest {
    /// Since version 3.
    pub transactional_id: Option<Str>,
    pub acks: i16,
    pub timeout_ms: i32,
    pub topic_data: Vec<ProduceRequestTopicData>,
}

impl ProduceRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 9;
        let mut m = Self::default();
        if v >= 3 {
            m.transactional_id = p::opt_str(r, flex, true)?;
        }
        m.acks = r.i16()?;
        m.timeout_ms = r.i32()?;
        m.topic_data = p::array(r, flex, 2, v, ProduceRequestTopicData::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 9;
        if v >= 3 {
            w.opt_str(&self.transactional_id, flex, true);
        }
        w.i16(self.acks);
        w.i32(self.timeout_ms);
        w.array(&self.topic_data, flex, v, ProduceRequestTopicData::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topic_data` of [`ProduceRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ProduceRequestTopicData {
    pub name: Str,
    pub partition_data: Vec<ProduceRequestPartitionData>,
}

impl ProduceRequestTopicData {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 9;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.partition_data = p::array(r, flex, 5, v, ProduceRequestPartitionData::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 9;
        w.str(&self.name, flex);
        w.array(&self.partition_data, flex, v, ProduceRequestPartitionData::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topic_data.partition_data` of [`ProduceRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ProduceRequestPartitionData {
    pub index: i32,
    pub records: Option<Bytes>,
}

impl ProduceRequestPartitionData {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 9;
        let mut m = Self::default();
        m.index = r.i32()?;
        m.records = p::opt_bytes(r, flex, true)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 9;
        w.i32(self.index);
        w.opt_bytes(&self.records, flex, true);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for ProduceRequest {
    const KEY: ApiKey = ApiKey::Produce;
    const NAME: &'static str = "ProduceRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=11;
    const FLEXIBLE: Option<i16> = Some(9);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for ProduceRequest {
    type Response = ProduceResponse;
}

/// The `Produce` response (key 0), versions 0 to 11, flexible from 9.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ProduceResponse {
    pub responses: Vec<ProduceResponseResponses>,
    /// Since version 1.
    pub throttle_time_ms: i32,
    /// Since version 10, tag 0.
    pub node_endpoints: Vec<ProduceResponseNodeEndpoints>,
}

impl ProduceResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 9;
        let mut m = Self::default();
        m.responses = p::array(r, flex, 2, v, ProduceResponseResponses::read)?;
        if v >= 1 {
            m.throttle_time_ms = r.i32()?;
        }
        if flex {
            p::tags(r, &mut |tag, r| {
                match tag {
                    0 if v >= 10 => m.node_endpoints = p::array(r, flex, 10, v, ProduceResponseNodeEndpoints::read)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 9;
        w.array(&self.responses, flex, v, ProduceResponseResponses::write);
        if v >= 1 {
            w.i32(self.throttle_time_ms);
        }
        if flex {
            let mut tags = Tags::new();
            if v >= 10 && !self.node_endpoints.is_empty() {
                tags.put(0, &mut |w| {
                    w.array(&self.node_endpoints, flex, v, ProduceResponseNodeEndpoints::write);
                });
            }
            w.tags(tags);
        }
    }
}

/// `responses` of [`ProduceResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ProduceResponseResponses {
    pub name: Str,
    pub partition_responses: Vec<ProduceResponsePartitionResponses>,
}

impl ProduceResponseResponses {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 9;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.partition_responses = p::array(r, flex, 14, v, ProduceResponsePartitionResponses::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 9;
        w.str(&self.name, flex);
        w.array(&self.partition_responses, flex, v, ProduceResponsePartitionResponses::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `responses.partition_responses` of [`ProduceResponse`].
#[derive(Clone, PartialEq, Debug)]
pub struct ProduceResponsePartitionResponses {
    pub index: i32,
    pub error_code: i16,
    pub base_offset: i64,
    /// Since version 2.
    pub log_append_time_ms: i64,
    /// Since version 5.
    pub log_start_offset: i64,
    /// Since version 8.
    pub record_errors: Vec<ProduceResponseRecordErrors>,
    /// Since version 8.
    pub error_message: Option<Str>,
    /// Since version 10, tag 0.
    pub current_leader: ProduceResponseCurrentLeader,
}

impl Default for ProduceResponsePartitionResponses {
    fn default() -> Self {
        Self {
            index: Default::default(),
            error_code: Default::default(),
            base_offset: Default::default(),
            log_append_time_ms: -1,
            log_start_offset: -1,
            record_errors: Default::default(),
            error_message: Default::default(),
            current_leader: Default::default(),
        }
    }
}

impl ProduceResponsePartitionResponses {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 9;
        let mut m = Self::default();
        m.index = r.i32()?;
        m.error_code = r.i16()?;
        m.base_offset = r.i64()?;
        if v >= 2 {
            m.log_append_time_ms = r.i64()?;
        }
        if v >= 5 {
            m.log_start_offset = r.i64()?;
        }
        if v >= 8 {
            m.record_errors = p::array(r, flex, 5, v, ProduceResponseRecordErrors::read)?;
        }
        if v >= 8 {
            m.error_message = p::opt_str(r, flex, true)?;
        }
        if flex {
            p::tags(r, &mut |tag, r| {
                match tag {
                    0 if v >= 10 => m.current_leader = ProduceResponseCurrentLeader::read(r, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 9;
        w.i32(self.index);
        w.i16(self.error_code);
        w.i64(self.base_offset);
        if v >= 2 {
            w.i64(self.log_append_time_ms);
        }
        if v >= 5 {
            w.i64(self.log_start_offset);
        }
        if v >= 8 {
            w.array(&self.record_errors, flex, v, ProduceResponseRecordErrors::write);
        }
        if v >= 8 {
            w.opt_str(&self.error_message, flex, true);
        }
        if flex {
            let mut tags = Tags::new();
            if v >= 10 && self.current_leader != ProduceResponseCurrentLeader::default() {
                tags.put(0, &mut |w| {
                    self.current_leader.write(w, v);
                });
            }
            w.tags(tags);
        }
    }
}

/// `responses.partition_responses.record_errors` of [`ProduceResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ProduceResponseRecordErrors {
    pub batch_index: i32,
    pub batch_index_error_message: Option<Str>,
}

impl ProduceResponseRecordErrors {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 9;
        let mut m = Self::default();
        m.batch_index = r.i32()?;
        m.batch_index_error_message = p::opt_str(r, flex, true)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 9;
        w.i32(self.batch_index);
        w.opt_str(&self.batch_index_error_message, flex, true);
        if flex {
            w.no_tags();
        }
    }
}

/// `responses.partition_responses.current_leader` of [`ProduceResponse`].
#[derive(Clone, PartialEq, Debug)]
pub struct ProduceResponseCurrentLeader {
    pub leader_id: i32,
    pub leader_epoch: i32,
}

impl Default for ProduceResponseCurrentLeader {
    fn default() -> Self {
        Self { leader_id: -1, leader_epoch: -1 }
    }
}

impl ProduceResponseCurrentLeader {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.leader_id = r.i32()?;
        m.leader_epoch = r.i32()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.leader_id);
        w.i32(self.leader_epoch);
        w.no_tags();
    }
}

/// `node_endpoints` of [`ProduceResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ProduceResponseNodeEndpoints {
    pub node_id: i32,
    pub host: Str,
    pub port: i32,
    pub rack: Option<Str>,
}

impl ProduceResponseNodeEndpoints {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.node_id = r.i32()?;
        m.host = p::str(r, true)?;
        m.port = r.i32()?;
        m.rack = p::opt_str(r, true, true)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.node_id);
        w.str(&self.host, true);
        w.i32(self.port);
        w.opt_str(&self.rack, true, true);
        w.no_tags();
    }
}

impl Message for ProduceResponse {
    const KEY: ApiKey = ApiKey::Produce;
    const NAME: &'static str = "ProduceResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=11;
    const FLEXIBLE: Option<i16> = Some(9);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `Fetch` request (key 1), versions 0 to 17, flexible from 12.
///
/// v3 max_bytes; v4 isolation; v5 log start offset; v7 sessions (KIP-227); v9 leader epoch (KIP-320); v10 zstd; v11 rack (KIP-392);
/// v12 diverging epoch; v13 topic ids (KIP-516); v15 replica state (KIP-903); v16 node endpoints (KIP-951); v17 directory id.
/// `payload` is records whose bytes the server may supply from elsewhere.
#[derive(Clone, PartialEq, Debug)]
pub struct FetchRequest {
    /// Since version 12, tag 0.
    pub cluster_id: Option<Str>,
    /// Until version 14.
    pub replica_id: i32,
    /// Since version 15, tag 1.
    pub replica_state: FetchRequestReplicaState,
    pub max_wait_ms: i32,
    pub min_bytes: i32,
    /// Since version 3.
    pub max_bytes: i32,
    /// Since version 4.
    pub isolation_level: i8,
    /// Since version 7.
    pub session_id: i32,
    /// Since version 7.
    pub session_epoch: i32,
    pub topics: Vec<FetchRequestTopics>,
    /// Since version 7.
    pub forgotten_topics_data: Vec<FetchRequestForgottenTopicsData>,
    /// Since version 11.
    pub rack_id: Str,
}

impl Default for FetchRequest {
    fn default() -> Self {
        Self {
            cluster_id: Default::default(),
            replica_id: -1,
            replica_state: Default::default(),
            max_wait_ms: Default::default(),
            min_bytes: Default::default(),
            max_bytes: 0x7fffffff,
            isolation_level: Default::default(),
            session_id: Default::default(),
            session_epoch: -1,
            topics: Default::default(),
            forgotten_topics_data: Default::default(),
            rack_id: Default::default(),
        }
    }
}

impl FetchRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 12;
        let mut m = Self::default();
        if v <= 14 {
            m.replica_id = r.i32()?;
        }
        m.max_wait_ms = r.i32()?;
        m.min_bytes = r.i32()?;
        if v >= 3 {
            m.max_bytes = r.i32()?;
        }
        if v >= 4 {
            m.isolation_level = r.i8()?;
        }
        if v >= 7 {
            m.session_id = r.i32()?;
        }
        if v >= 7 {
            m.session_epoch = r.i32()?;
        }
        m.topics = p::array(r, flex, 1, v, FetchRequestTopics::read)?;
        if v >= 7 {
            m.forgotten_topics_data = p::array(r, flex, 1, v, FetchRequestForgottenTopicsData::read)?;
        }
        if v >= 11 {
            m.rack_id = p::str(r, flex)?;
        }
        if flex {
            p::tags(r, &mut |tag, r| {
                match tag {
                    0 if v >= 12 => m.cluster_id = p::opt_str(r, flex, true)?,
                    1 if v >= 15 => m.replica_state = FetchRequestReplicaState::read(r, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 12;
        if v <= 14 {
            w.i32(self.replica_id);
        }
        w.i32(self.max_wait_ms);
        w.i32(self.min_bytes);
        if v >= 3 {
            w.i32(self.max_bytes);
        }
        if v >= 4 {
            w.i8(self.isolation_level);
        }
        if v >= 7 {
            w.i32(self.session_id);
        }
        if v >= 7 {
            w.i32(self.session_epoch);
        }
        w.array(&self.topics, flex, v, FetchRequestTopics::write);
        if v >= 7 {
            w.array(&self.forgotten_topics_data, flex, v, FetchRequestForgottenTopicsData::write);
        }
        if v >= 11 {
            w.str(&self.rack_id, flex);
        }
        if flex {
            let mut tags = Tags::new();
            if v >= 12 && self.cluster_id.is_some() {
                tags.put(0, &mut |w| {
                    w.opt_str(&self.cluster_id, flex, true);
                });
            }
            if v >= 15 && self.replica_state != FetchRequestReplicaState::default() {
                tags.put(1, &mut |w| {
                    self.replica_state.write(w, v);
                });
            }
            w.tags(tags);
        }
    }
}

/// `replica_state` of [`FetchRequest`].
#[derive(Clone, PartialEq, Debug)]
pub struct FetchRequestReplicaState {
    pub replica_id: i32,
    pub replica_epoch: i64,
}

impl Default for FetchRequestReplicaState {
    fn default() -> Self {
        Self { replica_id: -1, replica_epoch: -1 }
    }
}

impl FetchRequestReplicaState {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.replica_id = r.i32()?;
        m.replica_epoch = r.i64()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.replica_id);
        w.i64(self.replica_epoch);
        w.no_tags();
    }
}

/// `topics` of [`FetchRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FetchRequestTopics {
    /// Until version 12.
    pub topic: Str,
    /// Since version 13.
    pub topic_id: Uuid,
    pub partitions: Vec<FetchRequestPartitions>,
}

impl FetchRequestTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 12;
        let mut m = Self::default();
        if v <= 12 {
            m.topic = p::str(r, flex)?;
        }
        if v >= 13 {
            m.topic_id = p::uuid(r)?;
        }
        m.partitions = p::array(r, flex, 16, v, FetchRequestPartitions::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 12;
        if v <= 12 {
            w.str(&self.topic, flex);
        }
        if v >= 13 {
            w.uuid(self.topic_id);
        }
        w.array(&self.partitions, flex, v, FetchRequestPartitions::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics.partitions` of [`FetchRequest`].
#[derive(Clone, PartialEq, Debug)]
pub struct FetchRequestPartitions {
    pub partition: i32,
    /// Since version 9.
    pub current_leader_epoch: i32,
    pub fetch_offset: i64,
    /// Since version 12.
    pub last_fetched_epoch: i32,
    /// Since version 5.
    pub log_start_offset: i64,
    pub partition_max_bytes: i32,
    /// Version 17 only, tag 0.
    pub replica_directory_id: Uuid,
}

impl Default for FetchRequestPartitions {
    fn default() -> Self {
        Self {
            partition: Default::default(),
            current_leader_epoch: -1,
            fetch_offset: Default::default(),
            last_fetched_epoch: -1,
            log_start_offset: -1,
            partition_max_bytes: Default::default(),
            replica_directory_id: Default::default(),
        }
    }
}

impl FetchRequestPartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 12;
        let mut m = Self::default();
        m.partition = r.i32()?;
        if v >= 9 {
            m.current_leader_epoch = r.i32()?;
        }
        m.fetch_offset = r.i64()?;
        if v >= 12 {
            m.last_fetched_epoch = r.i32()?;
        }
        if v >= 5 {
            m.log_start_offset = r.i64()?;
        }
        m.partition_max_bytes = r.i32()?;
        if flex {
            p::tags(r, &mut |tag, r| {
                match tag {
                    0 if v == 17 => m.replica_directory_id = p::uuid(r)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 12;
        w.i32(self.partition);
        if v >= 9 {
            w.i32(self.current_leader_epoch);
        }
        w.i64(self.fetch_offset);
        if v >= 12 {
            w.i32(self.last_fetched_epoch);
        }
        if v >= 5 {
            w.i64(self.log_start_offset);
        }
        w.i32(self.partition_max_bytes);
        if flex {
            let mut tags = Tags::new();
            if v == 17 && self.replica_directory_id != Uuid::ZERO {
                tags.put(0, &mut |w| {
                    w.uuid(self.replica_directory_id);
                });
            }
            w.tags(tags);
        }
    }
}

/// `forgotten_topics_data` of [`FetchRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FetchRequestForgottenTopicsData {
    /// Until version 12.
    pub topic: Str,
    /// Since version 13.
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl FetchRequestForgottenTopicsData {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 12;
        let mut m = Self::default();
        if v <= 12 {
            m.topic = p::str(r, flex)?;
        }
        if v >= 13 {
            m.topic_id = p::uuid(r)?;
        }
        m.partitions = p::array(r, flex, 4, v, |r, _| r.i32())?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 12;
        if v <= 12 {
            w.str(&self.topic, flex);
        }
        if v >= 13 {
            w.uuid(self.topic_id);
        }
        w.array(&self.partitions, flex, v, |x, w, _| w.i32(*x));
        if flex {
            w.no_tags();
        }
    }
}

impl Message for FetchRequest {
    const KEY: ApiKey = ApiKey::Fetch;
    const NAME: &'static str = "FetchRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=17;
    const FLEXIBLE: Option<i16> = Some(12);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for FetchRequest {
    type Response = FetchResponse;
}

/// The `Fetch` response (key 1), versions 0 to 17, flexible from 12.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FetchResponse {
    /// Since version 1.
    pub throttle_time_ms: i32,
    /// Since version 7.
    pub error_code: i16,
    /// Since version 7.
    pub session_id: i32,
    pub responses: Vec<FetchResponseResponses>,
    /// Since version 16, tag 0.
    pub node_endpoints: Vec<FetchResponseNodeEndpoints>,
}

impl FetchResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 12;
        let mut m = Self::default();
        if v >= 1 {
            m.throttle_time_ms = r.i32()?;
        }
        if v >= 7 {
            m.error_code = r.i16()?;
        }
        if v >= 7 {
            m.session_id = r.i32()?;
        }
        m.responses = p::array(r, flex, 1, v, FetchResponseResponses::read)?;
        if flex {
            p::tags(r, &mut |tag, r| {
                match tag {
                    0 if v >= 16 => m.node_endpoints = p::array(r, flex, 10, v, FetchResponseNodeEndpoints::read)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 12;
        if v >= 1 {
            w.i32(self.throttle_time_ms);
        }
        if v >= 7 {
            w.i16(self.error_code);
        }
        if v >= 7 {
            w.i32(self.session_id);
        }
        w.array(&self.responses, flex, v, FetchResponseResponses::write);
        if flex {
            let mut tags = Tags::new();
            if v >= 16 && !self.node_endpoints.is_empty() {
                tags.put(0, &mut |w| {
                    w.array(&self.node_endpoints, flex, v, FetchResponseNodeEndpoints::write);
                });
            }
            w.tags(tags);
        }
    }
}

/// `responses` of [`FetchResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FetchResponseResponses {
    /// Until version 12.
    pub topic: Str,
    /// Since version 13.
    pub topic_id: Uuid,
    pub partitions: Vec<FetchResponsePartitions>,
}

impl FetchResponseResponses {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 12;
        let mut m = Self::default();
        if v <= 12 {
            m.topic = p::str(r, flex)?;
        }
        if v >= 13 {
            m.topic_id = p::uuid(r)?;
        }
        m.partitions = p::array(r, flex, 15, v, FetchResponsePartitions::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 12;
        if v <= 12 {
            w.str(&self.topic, flex);
        }
        if v >= 13 {
            w.uuid(self.topic_id);
        }
        w.array(&self.partitions, flex, v, FetchResponsePartitions::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `responses.partitions` of [`FetchResponse`].
#[derive(Clone, PartialEq, Debug)]
pub struct FetchResponsePartitions {
    pub partition_index: i32,
    pub error_code: i16,
    pub high_watermark: i64,
    /// Since version 4.
    pub last_stable_offset: i64,
    /// Since version 5.
    pub log_start_offset: i64,
    /// Since version 12, tag 0.
    pub diverging_epoch: FetchResponseDivergingEpoch,
    /// Since version 12, tag 1.
    pub current_leader: FetchResponseCurrentLeader,
    /// Since version 12, tag 2.
    pub snapshot_id: FetchResponseSnapshotId,
    /// Since version 4.
    pub aborted_transactions: Option<Vec<FetchResponseAbortedTransactions>>,
    /// Since version 11.
    pub preferred_read_replica: i32,
    pub records: Records,
}

impl Default for FetchResponsePartitions {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            error_code: Default::default(),
            high_watermark: Default::default(),
            last_stable_offset: -1,
            log_start_offset: -1,
            diverging_epoch: Default::default(),
            current_leader: Default::default(),
            snapshot_id: Default::default(),
            aborted_transactions: Default::default(),
            preferred_read_replica: -1,
            records: Default::default(),
        }
    }
}

impl FetchResponsePartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 12;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.error_code = r.i16()?;
        m.high_watermark = r.i64()?;
        if v >= 4 {
            m.last_stable_offset = r.i64()?;
        }
        if v >= 5 {
            m.log_start_offset = r.i64()?;
        }
        if v >= 4 {
            m.aborted_transactions = p::opt_array(r, flex, true, 16, v, FetchResponseAbortedTransactions::read)?;
        }
        if v >= 11 {
            m.preferred_read_replica = r.i32()?;
        }
        m.records = Records::read(r, flex)?;
        if flex {
            p::tags(r, &mut |tag, r| {
                match tag {
                    0 if v >= 12 => m.diverging_epoch = FetchResponseDivergingEpoch::read(r, v)?,
                    1 if v >= 12 => m.current_leader = FetchResponseCurrentLeader::read(r, v)?,
                    2 if v >= 12 => m.snapshot_id = FetchResponseSnapshotId::read(r, v)?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 12;
        w.i32(self.partition_index);
        w.i16(self.error_code);
        w.i64(self.high_watermark);
        if v >= 4 {
            w.i64(self.last_stable_offset);
        }
        if v >= 5 {
            w.i64(self.log_start_offset);
        }
        if v >= 4 {
            w.opt_array(&self.aborted_transactions, flex, true, v, FetchResponseAbortedTransactions::write);
        }
        if v >= 11 {
            w.i32(self.preferred_read_replica);
        }
        self.records.write(w, flex);
        if flex {
            let mut tags = Tags::new();
            if v >= 12 && self.diverging_epoch != FetchResponseDivergingEpoch::default() {
                tags.put(0, &mut |w| {
                    self.diverging_epoch.write(w, v);
                });
            }
            if v >= 12 && self.current_leader != FetchResponseCurrentLeader::default() {
                tags.put(1, &mut |w| {
                    self.current_leader.write(w, v);
                });
            }
            if v >= 12 && self.snapshot_id != FetchResponseSnapshotId::default() {
                tags.put(2, &mut |w| {
                    self.snapshot_id.write(w, v);
                });
            }
            w.tags(tags);
        }
    }
}

/// `responses.partitions.diverging_epoch` of [`FetchResponse`].
#[derive(Clone, PartialEq, Debug)]
pub struct FetchResponseDivergingEpoch {
    pub epoch: i32,
    pub end_offset: i64,
}

impl Default for FetchResponseDivergingEpoch {
    fn default() -> Self {
        Self { epoch: -1, end_offset: -1 }
    }
}

impl FetchResponseDivergingEpoch {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.epoch = r.i32()?;
        m.end_offset = r.i64()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.epoch);
        w.i64(self.end_offset);
        w.no_tags();
    }
}

/// `responses.partitions.current_leader` of [`FetchResponse`].
#[derive(Clone, PartialEq, Debug)]
pub struct FetchResponseCurrentLeader {
    pub leader_id: i32,
    pub leader_epoch: i32,
}

impl Default for FetchResponseCurrentLeader {
    fn default() -> Self {
        Self { leader_id: -1, leader_epoch: -1 }
    }
}

impl FetchResponseCurrentLeader {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.leader_id = r.i32()?;
        m.leader_epoch = r.i32()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.leader_id);
        w.i32(self.leader_epoch);
        w.no_tags();
    }
}

/// `responses.partitions.snapshot_id` of [`FetchResponse`].
#[derive(Clone, PartialEq, Debug)]
pub struct FetchResponseSnapshotId {
    pub end_offset: i64,
    pub epoch: i32,
}

impl Default for FetchResponseSnapshotId {
    fn default() -> Self {
        Self { end_offset: -1, epoch: -1 }
    }
}

impl FetchResponseSnapshotId {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.end_offset = r.i64()?;
        m.epoch = r.i32()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i64(self.end_offset);
        w.i32(self.epoch);
        w.no_tags();
    }
}

/// `responses.partitions.aborted_transactions` of [`FetchResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FetchResponseAbortedTransactions {
    pub producer_id: i64,
    pub first_offset: i64,
}

impl FetchResponseAbortedTransactions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 12;
        let mut m = Self::default();
        m.producer_id = r.i64()?;
        m.first_offset = r.i64()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 12;
        w.i64(self.producer_id);
        w.i64(self.first_offset);
        if flex {
            w.no_tags();
        }
    }
}

/// `node_endpoints` of [`FetchResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct FetchResponseNodeEndpoints {
    pub node_id: i32,
    pub host: Str,
    pub port: i32,
    pub rack: Option<Str>,
}

impl FetchResponseNodeEndpoints {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.node_id = r.i32()?;
        m.host = p::str(r, true)?;
        m.port = r.i32()?;
        m.rack = p::opt_str(r, true, true)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.node_id);
        w.str(&self.host, true);
        w.i32(self.port);
        w.opt_str(&self.rack, true, true);
        w.no_tags();
    }
}

impl Message for FetchResponse {
    const KEY: ApiKey = ApiKey::Fetch;
    const NAME: &'static str = "FetchResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=17;
    const FLEXIBLE: Option<i16> = Some(12);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `ListOffsets` request (key 2), versions 0 to 9, flexible from 6.
///
/// v1 one offset with its timestamp; v2 isolation; v4 leader epoch; v7 max timestamp (-3); v8 earliest local (-4); v9 latest tiered (-5).
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ListOffsetsRequest {
    pub replica_id: i32,
    /// Since version 2.
    pub isolation_level: i8,
    pub topics: Vec<ListOffsetsRequestTopics>,
}

impl ListOffsetsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 6;
        let mut m = Self::default();
        m.replica_id = r.i32()?;
        if v >= 2 {
            m.isolation_level = r.i8()?;
        }
        m.topics = p::array(r, flex, 2, v, ListOffsetsRequestTopics::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 6;
        w.i32(self.replica_id);
        if v >= 2 {
            w.i8(self.isolation_level);
        }
        w.array(&self.topics, flex, v, ListOffsetsRequestTopics::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics` of [`ListOffsetsRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ListOffsetsRequestTopics {
    pub name: Str,
    pub partitions: Vec<ListOffsetsRequestPartitions>,
}

impl ListOffsetsRequestTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 6;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.partitions = p::array(r, flex, 12, v, ListOffsetsRequestPartitions::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 6;
        w.str(&self.name, flex);
        w.array(&self.partitions, flex, v, ListOffsetsRequestPartitions::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics.partitions` of [`ListOffsetsRequest`].
#[derive(Clone, PartialEq, Debug)]
pub struct ListOffsetsRequestPartitions {
    pub partition_index: i32,
    /// Since version 4.
    pub current_leader_epoch: i32,
    pub timestamp: i64,
    /// Version 0 only.
    pub max_num_offsets: i32,
}

impl Default for ListOffsetsRequestPartitions {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            current_leader_epoch: -1,
            timestamp: Default::default(),
            max_num_offsets: 1,
        }
    }
}

impl ListOffsetsRequestPartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 6;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        if v >= 4 {
            m.current_leader_epoch = r.i32()?;
        }
        m.timestamp = r.i64()?;
        if v == 0 {
            m.max_num_offsets = r.i32()?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 6;
        w.i32(self.partition_index);
        if v >= 4 {
            w.i32(self.current_leader_epoch);
        }
        w.i64(self.timestamp);
        if v == 0 {
            w.i32(self.max_num_offsets);
        }
        if flex {
            w.no_tags();
        }
    }
}

impl Message for ListOffsetsRequest {
    const KEY: ApiKey = ApiKey::ListOffsets;
    const NAME: &'static str = "ListOffsetsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=9;
    const FLEXIBLE: Option<i16> = Some(6);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for ListOffsetsRequest {
    type Response = ListOffsetsResponse;
}

/// The `ListOffsets` response (key 2), versions 0 to 9, flexible from 6.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ListOffsetsResponse {
    /// Since version 2.
    pub throttle_time_ms: i32,
    pub topics: Vec<ListOffsetsResponseTopics>,
}

impl ListOffsetsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 6;
        let mut m = Self::default();
        if v >= 2 {
            m.throttle_time_ms = r.i32()?;
        }
        m.topics = p::array(r, flex, 2, v, ListOffsetsResponseTopics::read)?;
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
        w.array(&self.topics, flex, v, ListOffsetsResponseTopics::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics` of [`ListOffsetsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ListOffsetsResponseTopics {
    pub name: Str,
    pub partitions: Vec<ListOffsetsResponsePartitions>,
}

impl ListOffsetsResponseTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 6;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.partitions = p::array(r, flex, 6, v, ListOffsetsResponsePartitions::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 6;
        w.str(&self.name, flex);
        w.array(&self.partitions, flex, v, ListOffsetsResponsePartitions::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics.partitions` of [`ListOffsetsResponse`].
#[derive(Clone, PartialEq, Debug)]
pub struct ListOffsetsResponsePartitions {
    pub partition_index: i32,
    pub error_code: i16,
    /// Version 0 only.
    pub old_style_offsets: Vec<i64>,
    /// Since version 1.
    pub timestamp: i64,
    /// Since version 1.
    pub offset: i64,
    /// Since version 4.
    pub leader_epoch: i32,
}

impl Default for ListOffsetsResponsePartitions {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            error_code: Default::default(),
            old_style_offsets: Default::default(),
            timestamp: -1,
            offset: -1,
            leader_epoch: -1,
        }
    }
}

impl ListOffsetsResponsePartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 6;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.error_code = r.i16()?;
        if v == 0 {
            m.old_style_offsets = p::array(r, flex, 8, v, |r, _| r.i64())?;
        }
        if v >= 1 {
            m.timestamp = r.i64()?;
        }
        if v >= 1 {
            m.offset = r.i64()?;
        }
        if v >= 4 {
            m.leader_epoch = r.i32()?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 6;
        w.i32(self.partition_index);
        w.i16(self.error_code);
        if v == 0 {
            w.array(&self.old_style_offsets, flex, v, |x, w, _| w.i64(*x));
        }
        if v >= 1 {
            w.i64(self.timestamp);
        }
        if v >= 1 {
            w.i64(self.offset);
        }
        if v >= 4 {
            w.i32(self.leader_epoch);
        }
        if flex {
            w.no_tags();
        }
    }
}

impl Message for ListOffsetsResponse {
    const KEY: ApiKey = ApiKey::ListOffsets;
    const NAME: &'static str = "ListOffsetsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=9;
    const FLEXIBLE: Option<i16> = Some(6);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `DeleteRecords` request (key 21), versions 0 to 2, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DeleteRecordsRequest {
    pub topics: Vec<DeleteRecordsRequestTopics>,
    pub timeout_ms: i32,
}

impl DeleteRecordsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.topics = p::array(r, flex, 2, v, DeleteRecordsRequestTopics::read)?;
        m.timeout_ms = r.i32()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.array(&self.topics, flex, v, DeleteRecordsRequestTopics::write);
        w.i32(self.timeout_ms);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics` of [`DeleteRecordsRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DeleteRecordsRequestTopics {
    pub name: Str,
    pub partitions: Vec<DeleteRecordsRequestPartitions>,
}

impl DeleteRecordsRequestTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.partitions = p::array(r, flex, 12, v, DeleteRecordsRequestPartitions::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.str(&self.name, flex);
        w.array(&self.partitions, flex, v, DeleteRecordsRequestPartitions::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics.partitions` of [`DeleteRecordsRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DeleteRecordsRequestPartitions {
    pub partition_index: i32,
    pub offset: i64,
}

impl DeleteRecordsRequestPartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.offset = r.i64()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i32(self.partition_index);
        w.i64(self.offset);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for DeleteRecordsRequest {
    const KEY: ApiKey = ApiKey::DeleteRecords;
    const NAME: &'static str = "DeleteRecordsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for DeleteRecordsRequest {
    type Response = DeleteRecordsResponse;
}

/// The `DeleteRecords` response (key 21), versions 0 to 2, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DeleteRecordsResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<DeleteRecordsResponseTopics>,
}

impl DeleteRecordsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.topics = p::array(r, flex, 2, v, DeleteRecordsResponseTopics::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i32(self.throttle_time_ms);
        w.array(&self.topics, flex, v, DeleteRecordsResponseTopics::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics` of [`DeleteRecordsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DeleteRecordsResponseTopics {
    pub name: Str,
    pub partitions: Vec<DeleteRecordsResponsePartitions>,
}

impl DeleteRecordsResponseTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.partitions = p::array(r, flex, 14, v, DeleteRecordsResponsePartitions::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.str(&self.name, flex);
        w.array(&self.partitions, flex, v, DeleteRecordsResponsePartitions::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics.partitions` of [`DeleteRecordsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DeleteRecordsResponsePartitions {
    pub partition_index: i32,
    pub low_watermark: i64,
    pub error_code: i16,
}

impl DeleteRecordsResponsePartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.low_watermark = r.i64()?;
        m.error_code = r.i16()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i32(self.partition_index);
        w.i64(self.low_watermark);
        w.i16(self.error_code);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for DeleteRecordsResponse {
    const KEY: ApiKey = ApiKey::DeleteRecords;
    const NAME: &'static str = "DeleteRecordsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `OffsetForLeaderEpoch` request (key 23), versions 0 to 4, flexible from 4.
#[derive(Clone, PartialEq, Debug)]
pub struct OffsetForLeaderEpochRequest {
    /// Since version 3.
    pub replica_id: i32,
    pub topics: Vec<OffsetForLeaderEpochRequestTopics>,
}

impl Default for OffsetForLeaderEpochRequest {
    fn default() -> Self {
        Self { replica_id: -2, topics: Default::default() }
    }
}

impl OffsetForLeaderEpochRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        if v >= 3 {
            m.replica_id = r.i32()?;
        }
        m.topics = p::array(r, flex, 2, v, OffsetForLeaderEpochRequestTopics::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        if v >= 3 {
            w.i32(self.replica_id);
        }
        w.array(&self.topics, flex, v, OffsetForLeaderEpochRequestTopics::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics` of [`OffsetForLeaderEpochRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OffsetForLeaderEpochRequestTopics {
    pub topic: Str,
    pub partitions: Vec<OffsetForLeaderEpochRequestPartitions>,
}

impl OffsetForLeaderEpochRequestTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.topic = p::str(r, flex)?;
        m.partitions = p::array(r, flex, 8, v, OffsetForLeaderEpochRequestPartitions::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.str(&self.topic, flex);
        w.array(&self.partitions, flex, v, OffsetForLeaderEpochRequestPartitions::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics.partitions` of [`OffsetForLeaderEpochRequest`].
#[derive(Clone, PartialEq, Debug)]
pub struct OffsetForLeaderEpochRequestPartitions {
    pub partition: i32,
    /// Since version 2.
    pub current_leader_epoch: i32,
    pub leader_epoch: i32,
}

impl Default for OffsetForLeaderEpochRequestPartitions {
    fn default() -> Self {
        Self { partition: Default::default(), current_leader_epoch: -1, leader_epoch: Default::default() }
    }
}

impl OffsetForLeaderEpochRequestPartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.partition = r.i32()?;
        if v >= 2 {
            m.current_leader_epoch = r.i32()?;
        }
        m.leader_epoch = r.i32()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.i32(self.partition);
        if v >= 2 {
            w.i32(self.current_leader_epoch);
        }
        w.i32(self.leader_epoch);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for OffsetForLeaderEpochRequest {
    const KEY: ApiKey = ApiKey::OffsetForLeaderEpoch;
    const NAME: &'static str = "OffsetForLeaderEpochRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    const FLEXIBLE: Option<i16> = Some(4);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for OffsetForLeaderEpochRequest {
    type Response = OffsetForLeaderEpochResponse;
}

/// The `OffsetForLeaderEpoch` response (key 23), versions 0 to 4, flexible from 4.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OffsetForLeaderEpochResponse {
    /// Since version 2.
    pub throttle_time_ms: i32,
    pub topics: Vec<OffsetForLeaderEpochResponseTopics>,
}

impl OffsetForLeaderEpochResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        if v >= 2 {
            m.throttle_time_ms = r.i32()?;
        }
        m.topics = p::array(r, flex, 2, v, OffsetForLeaderEpochResponseTopics::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        if v >= 2 {
            w.i32(self.throttle_time_ms);
        }
        w.array(&self.topics, flex, v, OffsetForLeaderEpochResponseTopics::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics` of [`OffsetForLeaderEpochResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OffsetForLeaderEpochResponseTopics {
    pub topic: Str,
    pub partitions: Vec<OffsetForLeaderEpochResponsePartitions>,
}

impl OffsetForLeaderEpochResponseTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.topic = p::str(r, flex)?;
        m.partitions = p::array(r, flex, 14, v, OffsetForLeaderEpochResponsePartitions::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.str(&self.topic, flex);
        w.array(&self.partitions, flex, v, OffsetForLeaderEpochResponsePartitions::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics.partitions` of [`OffsetForLeaderEpochResponse`].
#[derive(Clone, PartialEq, Debug)]
pub struct OffsetForLeaderEpochResponsePartitions {
    pub error_code: i16,
    pub partition: i32,
    /// Since version 1.
    pub leader_epoch: i32,
    pub end_offset: i64,
}

impl Default for OffsetForLeaderEpochResponsePartitions {
    fn default() -> Self {
        Self { error_code: Default::default(), partition: Default::default(), leader_epoch: -1, end_offset: -1 }
    }
}

impl OffsetForLeaderEpochResponsePartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.partition = r.i32()?;
        if v >= 1 {
            m.leader_epoch = r.i32()?;
        }
        m.end_offset = r.i64()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.i16(self.error_code);
        w.i32(self.partition);
        if v >= 1 {
            w.i32(self.leader_epoch);
        }
        w.i64(self.end_offset);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for OffsetForLeaderEpochResponse {
    const KEY: ApiKey = ApiKey::OffsetForLeaderEpoch;
    const NAME: &'static str = "OffsetForLeaderEpochResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    const FLEXIBLE: Option<i16> = Some(4);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}
