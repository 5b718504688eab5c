//! Creating, deleting and moving topics.
//!
//! Generated from `schema/topics.schema` by `cargo xtask codegen`.

use super::prelude::*;

/// The `CreateTopics` request (key 19), versions 0 to 7, flexible from 5.
///
/// v1 validate_only; v4 -1 for default counts (KIP-464); v5 configs in the answer (KIP-525); v7 topic id.
#[derive(Clone, PartialEq, Debug)]
pub struct CreateTopicsRequest {
    pub topics: Vec<CreateTopicsRequestTopics>,
    pub timeout_ms: i32,
    /// Since version 1.
    pub validate_only: bool,
}

impl Default for CreateTopicsRequest {
    fn default() -> Self {
        Self { topics: Default::default(), timeout_ms: 60000, validate_only: Default::default() }
    }
}

impl CreateTopicsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 5;
        let mut m = Self::default();
        m.topics = p::array(r, flex, 9, v, CreateTopicsRequestTopics::read)?;
        m.timeout_ms = r.i32()?;
        if v >= 1 {
            m.validate_only = r.bool()?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 5;
        w.array(&self.topics, flex, v, CreateTopicsRequestTopics::write);
        w.i32(self.timeout_ms);
        if v >= 1 {
            w.bool(self.validate_only);
        }
        if flex {
            w.no_tags();
        }
    }
}

/// `topics` of [`CreateTopicsRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CreateTopicsRequestTopics {
    pub name: Str,
    pub num_partitions: i32,
    pub replication_factor: i16,
    pub assignments: Vec<CreateTopicsRequestAssignments>,
    pub configs: Vec<CreateTopicsRequestConfigs>,
}

impl CreateTopicsRequestTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 5;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.num_partitions = r.i32()?;
        m.replication_factor = r.i16()?;
        m.assignments = p::array(r, flex, 5, v, CreateTopicsRequestAssignments::read)?;
        m.configs = p::array(r, flex, 2, v, CreateTopicsRequestConfigs::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 5;
        w.str(&self.name, flex);
        w.i32(self.num_partitions);
        w.i16(self.replication_factor);
        w.array(&self.assignments, flex, v, CreateTopicsRequestAssignments::write);
        w.array(&self.configs, flex, v, CreateTopicsRequestConfigs::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics.assignments` of [`CreateTopicsRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CreateTopicsRequestAssignments {
    pub partition_index: i32,
    pub broker_ids: Vec<i32>,
}

impl CreateTopicsRequestAssignments {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 5;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.broker_ids = p::array(r, flex, 4, v, |r, _| r.i32())?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 5;
        w.i32(self.partition_index);
        w.array(&self.broker_ids, flex, v, |x, w, _| w.i32(*x));
        if flex {
            w.no_tags();
        }
    }
}

/// `topics.configs` of [`CreateTopicsRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CreateTopicsRequestConfigs {
    pub name: Str,
    pub value: Option<Str>,
}

impl CreateTopicsRequestConfigs {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 5;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.value = p::opt_str(r, flex, true)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 5;
        w.str(&self.name, flex);
        w.opt_str(&self.value, flex, true);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for CreateTopicsRequest {
    const KEY: ApiKey = ApiKey::CreateTopics;
    const NAME: &'static str = "CreateTopicsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=7;
    const FLEXIBLE: Option<i16> = Some(5);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for CreateTopicsRequest {
    type Response = CreateTopicsResponse;
}

/// The `CreateTopics` response (key 19), versions 0 to 7, flexible from 5.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CreateTopicsResponse {
    /// Since version 2.
    pub throttle_time_ms: i32,
    pub topics: Vec<CreateTopicsResponseTopics>,
}

impl CreateTopicsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 5;
        let mut m = Self::default();
        if v >= 2 {
            m.throttle_time_ms = r.i32()?;
        }
        m.topics = p::array(r, flex, 3, v, CreateTopicsResponseTopics::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 5;
        if v >= 2 {
            w.i32(self.throttle_time_ms);
        }
        w.array(&self.topics, flex, v, CreateTopicsResponseTopics::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics` of [`CreateTopicsResponse`].
#[derive(Clone, PartialEq, Debug)]
pub struct CreateTopicsResponseTopics {
    pub name: Str,
    /// Version 7 only.
    pub topic_id: Uuid,
    pub error_code: i16,
    /// Since version 1.
    pub error_message: Option<Str>,
    /// Since version 5, tag 0.
    pub topic_config_error_code: i16,
    /// Since version 5.
    pub num_partitions: i32,
    /// Since version 5.
    pub replication_factor: i16,
    /// Since version 5.
    pub configs: Option<Vec<CreateTopicsResponseConfigs>>,
}

impl Default for CreateTopicsResponseTopics {
    fn default() -> Self {
        Self {
            name: Default::default(),
            topic_id: Default::default(),
            error_code: Default::default(),
            error_message: Default::default(),
            topic_config_error_code: Default::default(),
            num_partitions: -1,
            replication_factor: -1,
            configs: Default::default(),
        }
    }
}

impl CreateTopicsResponseTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 5;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        if v == 7 {
            m.topic_id = p::uuid(r)?;
        }
        m.error_code = r.i16()?;
        if v >= 1 {
            m.error_message = p::opt_str(r, flex, true)?;
        }
        if v >= 5 {
            m.num_partitions = r.i32()?;
        }
        if v >= 5 {
            m.replication_factor = r.i16()?;
        }
        if v >= 5 {
            m.configs = p::opt_array(r, flex, true, 5, v, CreateTopicsResponseConfigs::read)?;
        }
        if flex {
            p::tags(r, &mut |tag, r| {
                match tag {
                    0 if v >= 5 => m.topic_config_error_code = r.i16()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 5;
        w.str(&self.name, flex);
        if v == 7 {
            w.uuid(self.topic_id);
        }
        w.i16(self.error_code);
        if v >= 1 {
            w.opt_str(&self.error_message, flex, true);
        }
        if v >= 5 {
            w.i32(self.num_partitions);
        }
        if v >= 5 {
            w.i16(self.replication_factor);
        }
        if v >= 5 {
            w.opt_array(&self.configs, flex, true, v, CreateTopicsResponseConfigs::write);
        }
        if flex {
            let mut tags = Tags::new();
            if v >= 5 && self.topic_config_error_code != 0 {
                tags.put(0, &mut |w| {
                    w.i16(self.topic_config_error_code);
                });
            }
            w.tags(tags);
        }
    }
}

/// `topics.configs` of [`CreateTopicsResponse`].
#[derive(Clone, PartialEq, Debug)]
pub struct CreateTopicsResponseConfigs {
    pub name: Str,
    pub value: Option<Str>,
    pub read_only: bool,
    pub config_source: i8,
    pub is_sensitive: bool,
}

impl Default for CreateTopicsResponseConfigs {
    fn default() -> Self {
        Self {
            name: Default::default(),
            value: Default::default(),
            read_only: Default::default(),
            config_source: -1,
            is_sensitive: Default::default(),
        }
    }
}

impl CreateTopicsResponseConfigs {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.name = p::str(r, true)?;
        m.value = p::opt_str(r, true, true)?;
        m.read_only = r.bool()?;
        m.config_source = r.i8()?;
        m.is_sensitive = r.bool()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.name, true);
        w.opt_str(&self.value, true, true);
        w.bool(self.read_only);
        w.i8(self.config_source);
        w.bool(self.is_sensitive);
        w.no_tags();
    }
}

impl Message for CreateTopicsResponse {
    const KEY: ApiKey = ApiKey::CreateTopics;
    const NAME: &'static str = "CreateTopicsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=7;
    const FLEXIBLE: Option<i16> = Some(5);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `DeleteTopics` request (key 20), versions 0 to 6, flexible from 4.
///
/// v6 by name or id.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DeleteTopicsRequest {
    /// Version 6 only.
    pub topics: Vec<DeleteTopicsRequestTopics>,
    /// Until version 5.
    pub topic_names: Vec<Str>,
    pub timeout_ms: i32,
}

impl DeleteTopicsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        if v == 6 {
            m.topics = p::array(r, flex, 17, v, DeleteTopicsRequestTopics::read)?;
        }
        if v <= 5 {
            m.topic_names = p::strs(r, flex)?;
        }
        m.timeout_ms = r.i32()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        if v == 6 {
            w.array(&self.topics, flex, v, DeleteTopicsRequestTopics::write);
        }
        if v <= 5 {
            w.strs(&self.topic_names, flex);
        }
        w.i32(self.timeout_ms);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics` of [`DeleteTopicsRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DeleteTopicsRequestTopics {
    pub name: Option<Str>,
    pub topic_id: Uuid,
}

impl DeleteTopicsRequestTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.name = p::opt_str(r, true, true)?;
        m.topic_id = p::uuid(r)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.opt_str(&self.name, true, true);
        w.uuid(self.topic_id);
        w.no_tags();
    }
}

impl Message for DeleteTopicsRequest {
    const KEY: ApiKey = ApiKey::DeleteTopics;
    const NAME: &'static str = "DeleteTopicsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=6;
    const FLEXIBLE: Option<i16> = Some(4);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for DeleteTopicsRequest {
    type Response = DeleteTopicsResponse;
}

/// The `DeleteTopics` response (key 20), versions 0 to 6, flexible from 4.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DeleteTopicsResponse {
    /// Since version 1.
    pub throttle_time_ms: i32,
    pub responses: Vec<DeleteTopicsResponseResponses>,
}

impl DeleteTopicsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        if v >= 1 {
            m.throttle_time_ms = r.i32()?;
        }
        m.responses = p::array(r, flex, 3, v, DeleteTopicsResponseResponses::read)?;
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
        w.array(&self.responses, flex, v, DeleteTopicsResponseResponses::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `responses` of [`DeleteTopicsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DeleteTopicsResponseResponses {
    pub name: Option<Str>,
    /// Version 6 only.
    pub topic_id: Uuid,
    pub error_code: i16,
    /// Since version 5.
    pub error_message: Option<Str>,
}

impl DeleteTopicsResponseResponses {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.name = p::opt_str(r, flex, v == 6)?;
        if v == 6 {
            m.topic_id = p::uuid(r)?;
        }
        m.error_code = r.i16()?;
        if v >= 5 {
            m.error_message = p::opt_str(r, flex, true)?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.opt_str(&self.name, flex, v == 6);
        if v == 6 {
            w.uuid(self.topic_id);
        }
        w.i16(self.error_code);
        if v >= 5 {
            w.opt_str(&self.error_message, flex, true);
        }
        if flex {
            w.no_tags();
        }
    }
}

impl Message for DeleteTopicsResponse {
    const KEY: ApiKey = ApiKey::DeleteTopics;
    const NAME: &'static str = "DeleteTopicsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=6;
    const FLEXIBLE: Option<i16> = Some(4);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `CreatePartitions` request (key 37), versions 0 to 3, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CreatePartitionsRequest {
    pub topics: Vec<CreatePartitionsRequestTopics>,
    pub timeout_ms: i32,
    pub validate_only: bool,
}

impl CreatePartitionsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.topics = p::array(r, flex, 6, v, CreatePartitionsRequestTopics::read)?;
        m.timeout_ms = r.i32()?;
        m.validate_only = r.bool()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.array(&self.topics, flex, v, CreatePartitionsRequestTopics::write);
        w.i32(self.timeout_ms);
        w.bool(self.validate_only);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics` of [`CreatePartitionsRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CreatePartitionsRequestTopics {
    pub name: Str,
    pub count: i32,
    pub assignments: Option<Vec<CreatePartitionsRequestAssignments>>,
}

impl CreatePartitionsRequestTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.count = r.i32()?;
        m.assignments = p::opt_array(r, flex, true, 1, v, CreatePartitionsRequestAssignments::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.str(&self.name, flex);
        w.i32(self.count);
        w.opt_array(&self.assignments, flex, true, v, CreatePartitionsRequestAssignments::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics.assignments` of [`CreatePartitionsRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CreatePartitionsRequestAssignments {
    pub broker_ids: Vec<i32>,
}

impl CreatePartitionsRequestAssignments {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.broker_ids = p::array(r, flex, 4, v, |r, _| r.i32())?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.array(&self.broker_ids, flex, v, |x, w, _| w.i32(*x));
        if flex {
            w.no_tags();
        }
    }
}

impl Message for CreatePartitionsRequest {
    const KEY: ApiKey = ApiKey::CreatePartitions;
    const NAME: &'static str = "CreatePartitionsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=3;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for CreatePartitionsRequest {
    type Response = CreatePartitionsResponse;
}

/// The `CreatePartitions` response (key 37), versions 0 to 3, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CreatePartitionsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<CreatePartitionsResponseResults>,
}

impl CreatePartitionsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.results = p::array(r, flex, 4, v, CreatePartitionsResponseResults::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i32(self.throttle_time_ms);
        w.array(&self.results, flex, v, CreatePartitionsResponseResults::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `results` of [`CreatePartitionsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CreatePartitionsResponseResults {
    pub name: Str,
    pub error_code: i16,
    pub error_message: Option<Str>,
}

impl CreatePartitionsResponseResults {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, flex, true)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.str(&self.name, flex);
        w.i16(self.error_code);
        w.opt_str(&self.error_message, flex, true);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for CreatePartitionsResponse {
    const KEY: ApiKey = ApiKey::CreatePartitions;
    const NAME: &'static str = "CreatePartitionsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=3;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `ElectLeaders` request (key 43), versions 0 to 2, flexible from 2.
#[derive(Clone, PartialEq, Debug)]
pub struct ElectLeadersRequest {
    /// Since version 1.
    pub election_type: i8,
    pub topic_partitions: Option<Vec<ElectLeadersRequestTopicPartitions>>,
    pub timeout_ms: i32,
}

impl Default for ElectLeadersRequest {
    fn default() -> Self {
        Self { election_type: Default::default(), topic_partitions: Default::default(), timeout_ms: 60000 }
    }
}

impl ElectLeadersRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        if v >= 1 {
            m.election_type = r.i8()?;
        }
        m.topic_partitions = p::opt_array(r, flex, true, 2, v, ElectLeadersRequestTopicPartitions::read)?;
        m.timeout_ms = r.i32()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        if v >= 1 {
            w.i8(self.election_type);
        }
        w.opt_array(&self.topic_partitions, flex, true, v, ElectLeadersRequestTopicPartitions::write);
        w.i32(self.timeout_ms);
        if flex {
            w.no_tags();
        }
    }
}

/// `topic_partitions` of [`ElectLeadersRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ElectLeadersRequestTopicPartitions {
    pub topic: Str,
    pub partitions: Vec<i32>,
}

impl ElectLeadersRequestTopicPartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.topic = p::str(r, flex)?;
        m.partitions = p::array(r, flex, 4, v, |r, _| r.i32())?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.str(&self.topic, flex);
        w.array(&self.partitions, flex, v, |x, w, _| w.i32(*x));
        if flex {
            w.no_tags();
        }
    }
}

impl Message for ElectLeadersRequest {
    const KEY: ApiKey = ApiKey::ElectLeaders;
    const NAME: &'static str = "ElectLeadersRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for ElectLeadersRequest {
    type Response = ElectLeadersResponse;
}

/// The `ElectLeaders` response (key 43), versions 0 to 2, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ElectLeadersResponse {
    pub throttle_time_ms: i32,
    /// Since version 1.
    pub error_code: i16,
    pub replica_election_results: Vec<ElectLeadersResponseReplicaElectionResults>,
}

impl ElectLeadersResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        if v >= 1 {
            m.error_code = r.i16()?;
        }
        m.replica_election_results = p::array(r, flex, 2, v, ElectLeadersResponseReplicaElectionResults::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i32(self.throttle_time_ms);
        if v >= 1 {
            w.i16(self.error_code);
        }
        w.array(&self.replica_election_results, flex, v, ElectLeadersResponseReplicaElectionResults::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `replica_election_results` of [`ElectLeadersResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ElectLeadersResponseReplicaElectionResults {
    pub topic: Str,
    pub partition_result: Vec<ElectLeadersResponsePartitionResult>,
}

impl ElectLeadersResponseReplicaElectionResults {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.topic = p::str(r, flex)?;
        m.partition_result = p::array(r, flex, 7, v, ElectLeadersResponsePartitionResult::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.str(&self.topic, flex);
        w.array(&self.partition_result, flex, v, ElectLeadersResponsePartitionResult::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `replica_election_results.partition_result` of [`ElectLeadersResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ElectLeadersResponsePartitionResult {
    pub partition_id: i32,
    pub error_code: i16,
    pub error_message: Option<Str>,
}

impl ElectLeadersResponsePartitionResult {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.partition_id = r.i32()?;
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, flex, true)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i32(self.partition_id);
        w.i16(self.error_code);
        w.opt_str(&self.error_message, flex, true);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for ElectLeadersResponse {
    const KEY: ApiKey = ApiKey::ElectLeaders;
    const NAME: &'static str = "ElectLeadersResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `AlterPartitionReassignments` request (key 45), version 0, flexible from 0.
///
/// null replicas cancel a reassignment (KIP-455).
#[derive(Clone, PartialEq, Debug)]
pub struct AlterPartitionReassignmentsRequest {
    pub timeout_ms: i32,
    pub topics: Vec<AlterPartitionReassignmentsRequestTopics>,
}

impl Default for AlterPartitionReassignmentsRequest {
    fn default() -> Self {
        Self { timeout_ms: 60000, topics: Default::default() }
    }
}

impl AlterPartitionReassignmentsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.timeout_ms = r.i32()?;
        m.topics = p::array(r, true, 2, v, AlterPartitionReassignmentsRequestTopics::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.timeout_ms);
        w.array(&self.topics, true, v, AlterPartitionReassignmentsRequestTopics::write);
        w.no_tags();
    }
}

/// `topics` of [`AlterPartitionReassignmentsRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterPartitionReassignmentsRequestTopics {
    pub name: Str,
    pub partitions: Vec<AlterPartitionReassignmentsRequestPartitions>,
}

impl AlterPartitionReassignmentsRequestTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.name = p::str(r, true)?;
        m.partitions = p::array(r, true, 5, v, AlterPartitionReassignmentsRequestPartitions::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.name, true);
        w.array(&self.partitions, true, v, AlterPartitionReassignmentsRequestPartitions::write);
        w.no_tags();
    }
}

/// `topics.partitions` of [`AlterPartitionReassignmentsRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterPartitionReassignmentsRequestPartitions {
    pub partition_index: i32,
    pub replicas: Option<Vec<i32>>,
}

impl AlterPartitionReassignmentsRequestPartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.replicas = p::opt_array(r, true, true, 4, v, |r, _| r.i32())?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.partition_index);
        w.opt_array(&self.replicas, true, true, v, |x, w, _| w.i32(*x));
        w.no_tags();
    }
}

impl Message for AlterPartitionReassignmentsRequest {
    const KEY: ApiKey = ApiKey::AlterPartitionReassignments;
    const NAME: &'static str = "AlterPartitionReassignmentsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for AlterPartitionReassignmentsRequest {
    type Response = AlterPartitionReassignmentsResponse;
}

/// The `AlterPartitionReassignments` response (key 45), version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterPartitionReassignmentsResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub responses: Vec<AlterPartitionReassignmentsResponseResponses>,
}

impl AlterPartitionReassignmentsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, true, true)?;
        m.responses = p::array(r, true, 2, v, AlterPartitionReassignmentsResponseResponses::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.throttle_time_ms);
        w.i16(self.error_code);
        w.opt_str(&self.error_message, true, true);
        w.array(&self.responses, true, v, AlterPartitionReassignmentsResponseResponses::write);
        w.no_tags();
    }
}

/// `responses` of [`AlterPartitionReassignmentsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterPartitionReassignmentsResponseResponses {
    pub name: Str,
    pub partitions: Vec<AlterPartitionReassignmentsResponsePartitions>,
}

impl AlterPartitionReassignmentsResponseResponses {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.name = p::str(r, true)?;
        m.partitions = p::array(r, true, 7, v, AlterPartitionReassignmentsResponsePartitions::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.name, true);
        w.array(&self.partitions, true, v, AlterPartitionReassignmentsResponsePartitions::write);
        w.no_tags();
    }
}

/// `responses.partitions` of [`AlterPartitionReassignmentsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterPartitionReassignmentsResponsePartitions {
    pub partition_index: i32,
    pub error_code: i16,
    pub error_message: Option<Str>,
}

impl AlterPartitionReassignmentsResponsePartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, true, true)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.partition_index);
        w.i16(self.error_code);
        w.opt_str(&self.error_message, true, true);
        w.no_tags();
    }
}

impl Message for AlterPartitionReassignmentsResponse {
    const KEY: ApiKey = ApiKey::AlterPartitionReassignments;
    const NAME: &'static str = "AlterPartitionReassignmentsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `ListPartitionReassignments` request (key 46), version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug)]
pub struct ListPartitionReassignmentsRequest {
    pub timeout_ms: i32,
    pub topics: Option<Vec<ListPartitionReassignmentsRequestTopics>>,
}

impl Default for ListPartitionReassignmentsRequest {
    fn default() -> Self {
        Self { timeout_ms: 60000, topics: Default::default() }
    }
}

impl ListPartitionReassignmentsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.timeout_ms = r.i32()?;
        m.topics = p::opt_array(r, true, true, 2, v, ListPartitionReassignmentsRequestTopics::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.timeout_ms);
        w.opt_array(&self.topics, true, true, v, ListPartitionReassignmentsRequestTopics::write);
        w.no_tags();
    }
}

/// `topics` of [`ListPartitionReassignmentsRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ListPartitionReassignmentsRequestTopics {
    pub name: Str,
    pub partition_indexes: Vec<i32>,
}

impl ListPartitionReassignmentsRequestTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.name = p::str(r, true)?;
        m.partition_indexes = p::array(r, true, 4, v, |r, _| r.i32())?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.name, true);
        w.array(&self.partition_indexes, true, v, |x, w, _| w.i32(*x));
        w.no_tags();
    }
}

impl Message for ListPartitionReassignmentsRequest {
    const KEY: ApiKey = ApiKey::ListPartitionReassignments;
    const NAME: &'static str = "ListPartitionReassignmentsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for ListPartitionReassignmentsRequest {
    type Response = ListPartitionReassignmentsResponse;
}

/// The `ListPartitionReassignments` response (key 46), version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ListPartitionReassignmentsResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub topics: Vec<ListPartitionReassignmentsResponseTopics>,
}

impl ListPartitionReassignmentsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, true, true)?;
        m.topics = p::array(r, true, 2, v, ListPartitionReassignmentsResponseTopics::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.throttle_time_ms);
        w.i16(self.error_code);
        w.opt_str(&self.error_message, true, true);
        w.array(&self.topics, true, v, ListPartitionReassignmentsResponseTopics::write);
        w.no_tags();
    }
}

/// `topics` of [`ListPartitionReassignmentsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ListPartitionReassignmentsResponseTopics {
    pub name: Str,
    pub partitions: Vec<ListPartitionReassignmentsResponsePartitions>,
}

impl ListPartitionReassignmentsResponseTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.name = p::str(r, true)?;
        m.partitions = p::array(r, true, 7, v, ListPartitionReassignmentsResponsePartitions::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.name, true);
        w.array(&self.partitions, true, v, ListPartitionReassignmentsResponsePartitions::write);
        w.no_tags();
    }
}

/// `topics.partitions` of [`ListPartitionReassignmentsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ListPartitionReassignmentsResponsePartitions {
    pub partition_index: i32,
    pub replicas: Vec<i32>,
    pub adding_replicas: Vec<i32>,
    pub removing_replicas: Vec<i32>,
}

impl ListPartitionReassignmentsResponsePartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.replicas = p::array(r, true, 4, v, |r, _| r.i32())?;
        m.adding_replicas = p::array(r, true, 4, v, |r, _| r.i32())?;
        m.removing_replicas = p::array(r, true, 4, v, |r, _| r.i32())?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.partition_index);
        w.array(&self.replicas, true, v, |x, w, _| w.i32(*x));
        w.array(&self.adding_replicas, true, v, |x, w, _| w.i32(*x));
        w.array(&self.removing_replicas, true, v, |x, w, _| w.i32(*x));
        w.no_tags();
    }
}

impl Message for ListPartitionReassignmentsResponse {
    const KEY: ApiKey = ApiKey::ListPartitionReassignments;
    const NAME: &'static str = "ListPartitionReassignmentsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}
