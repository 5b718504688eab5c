//! Finding out about servers, topics and the cluster.
//!
//! Generated from `schema/cluster.schema` by `cargo xtask codegen`.

use super::prelude::*;

/// The `ApiVersions` request (key 18), versions 0 to 4, flexible from 3.
///
/// The response header is v0 in every version; a version above ours is answered in v0 format with error 35 (KIP-511).
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ApiVersionsRequest {
    /// Since version 3.
    pub client_software_name: Str,
    /// Since version 3.
    pub client_software_version: Str,
}

impl ApiVersionsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        if v >= 3 {
            m.client_software_name = p::str(r, flex)?;
        }
        if v >= 3 {
            m.client_software_version = p::str(r, flex)?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        if v >= 3 {
            w.str(&self.client_software_name, flex);
        }
        if v >= 3 {
            w.str(&self.client_software_version, flex);
        }
        if flex {
            w.no_tags();
        }
    }
}

impl Message for ApiVersionsRequest {
    const KEY: ApiKey = ApiKey::ApiVersions;
    const NAME: &'static str = "ApiVersionsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    const FLEXIBLE: Option<i16> = Some(3);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for ApiVersionsRequest {
    type Response = ApiVersionsResponse;
}

/// The `ApiVersions` response (key 18), versions 0 to 4, flexible from 3.
#[derive(Clone, PartialEq, Debug)]
pub struct ApiVersionsResponse {
    pub error_code: i16,
    pub api_keys: Vec<ApiVersionsResponseApiKeys>,
    /// Since version 1.
    pub throttle_time_ms: i32,
    /// Since version 3, tag 0.
    pub supported_features: Vec<ApiVersionsResponseSupportedFeatures>,
    /// Since version 3, tag 1.
    pub finalized_features_epoch: i64,
    /// Since version 3, tag 2.
    pub finalized_features: Vec<ApiVersionsResponseFinalizedFeatures>,
    /// Since version 3, tag 3.
    pub zk_migration_ready: bool,
}

impl Default for ApiVersionsResponse {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            api_keys: Default::default(),
            throttle_time_ms: Default::default(),
            supported_features: Default::default(),
            finalized_features_epoch: -1,
            finalized_features: Default::default(),
            zk_migration_ready: Default::default(),
        }
    }
}

impl ApiVersionsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.api_keys = p::array(r, flex, 6, v, ApiVersionsResponseApiKeys::read)?;
        if v >= 1 {
            m.throttle_time_ms = r.i32()?;
        }
        if flex {
            p::tags(r, &mut |tag, r| {
                match tag {
                    0 if v >= 3 => {
                        m.supported_features = p::array(r, flex, 5, v, ApiVersionsResponseSupportedFeatures::read)?
                    }
                    1 if v >= 3 => m.finalized_features_epoch = r.i64()?,
                    2 if v >= 3 => {
                        m.finalized_features = p::array(r, flex, 5, v, ApiVersionsResponseFinalizedFeatures::read)?
                    }
                    3 if v >= 3 => m.zk_migration_ready = r.bool()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        w.i16(self.error_code);
        w.array(&self.api_keys, flex, v, ApiVersionsResponseApiKeys::write);
        if v >= 1 {
            w.i32(self.throttle_time_ms);
        }
        if flex {
            let mut tags = Tags::new();
            if v >= 3 && !self.supported_features.is_empty() {
                tags.put(0, &mut |w| {
                    w.array(&self.supported_features, flex, v, ApiVersionsResponseSupportedFeatures::write);
                });
            }
            if v >= 3 && self.finalized_features_epoch != -1 {
                tags.put(1, &mut |w| {
                    w.i64(self.finalized_features_epoch);
                });
            }
            if v >= 3 && !self.finalized_features.is_empty() {
                tags.put(2, &mut |w| {
                    w.array(&self.finalized_features, flex, v, ApiVersionsResponseFinalizedFeatures::write);
                });
            }
            if v >= 3 && self.zk_migration_ready {
                tags.put(3, &mut |w| {
                    w.bool(self.zk_migration_ready);
                });
            }
            w.tags(tags);
        }
    }
}

/// `api_keys` of [`ApiVersionsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ApiVersionsResponseApiKeys {
    pub api_key: i16,
    pub min_version: i16,
    pub max_version: i16,
}

impl ApiVersionsResponseApiKeys {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        m.api_key = r.i16()?;
        m.min_version = r.i16()?;
        m.max_version = r.i16()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        w.i16(self.api_key);
        w.i16(self.min_version);
        w.i16(self.max_version);
        if flex {
            w.no_tags();
        }
    }
}

/// `supported_features` of [`ApiVersionsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ApiVersionsResponseSupportedFeatures {
    pub name: Str,
    pub min_version: i16,
    pub max_version: i16,
}

impl ApiVersionsResponseSupportedFeatures {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.name = p::str(r, true)?;
        m.min_version = r.i16()?;
        m.max_version = r.i16()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.name, true);
        w.i16(self.min_version);
        w.i16(self.max_version);
        w.no_tags();
    }
}

/// `finalized_features` of [`ApiVersionsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ApiVersionsResponseFinalizedFeatures {
    pub name: Str,
    pub max_version_level: i16,
    pub min_version_level: i16,
}

impl ApiVersionsResponseFinalizedFeatures {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.name = p::str(r, true)?;
        m.max_version_level = r.i16()?;
        m.min_version_level = r.i16()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.name, true);
        w.i16(self.max_version_level);
        w.i16(self.min_version_level);
        w.no_tags();
    }
}

impl Message for ApiVersionsResponse {
    const KEY: ApiKey = ApiKey::ApiVersions;
    const NAME: &'static str = "ApiVersionsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    const FLEXIBLE: Option<i16> = Some(3);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `Metadata` request (key 3), versions 0 to 12, flexible from 9.
///
/// v0: an empty topic list means all; v1+: null means all. v4 auto creation; v7 leader epoch; v8 authorized operations (KIP-430);
/// v10 topic ids; v12 lookup by topic id.
#[derive(Clone, PartialEq, Debug)]
pub struct MetadataRequest {
    pub topics: Option<Vec<MetadataRequestTopics>>,
    /// Since version 4.
    pub allow_auto_topic_creation: bool,
    /// Versions 8 to 10.
    pub include_cluster_authorized_operations: bool,
    /// Since version 8.
    pub include_topic_authorized_operations: bool,
}

impl Default for MetadataRequest {
    fn default() -> Self {
        Self {
            topics: Default::default(),
            allow_auto_topic_creation: true,
            include_cluster_authorized_operations: Default::default(),
            include_topic_authorized_operations: Default::default(),
        }
    }
}

impl MetadataRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 9;
        let mut m = Self::default();
        m.topics = p::opt_array(r, flex, v >= 1, 1, v, MetadataRequestTopics::read)?;
        if v >= 4 {
            m.allow_auto_topic_creation = r.bool()?;
        }
        if (8..=10).contains(&v) {
            m.include_cluster_authorized_operations = r.bool()?;
        }
        if v >= 8 {
            m.include_topic_authorized_operations = r.bool()?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 9;
        w.opt_array(&self.topics, flex, v >= 1, v, MetadataRequestTopics::write);
        if v >= 4 {
            w.bool(self.allow_auto_topic_creation);
        }
        if (8..=10).contains(&v) {
            w.bool(self.include_cluster_authorized_operations);
        }
        if v >= 8 {
            w.bool(self.include_topic_authorized_operations);
        }
        if flex {
            w.no_tags();
        }
    }
}

/// `topics` of [`MetadataRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct MetadataRequestTopics {
    /// Since version 10.
    pub topic_id: Uuid,
    pub name: Option<Str>,
}

impl MetadataRequestTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 9;
        let mut m = Self::default();
        if v >= 10 {
            m.topic_id = p::uuid(r)?;
        }
        m.name = p::opt_str(r, flex, v >= 10)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 9;
        if v >= 10 {
            w.uuid(self.topic_id);
        }
        w.opt_str(&self.name, flex, v >= 10);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for MetadataRequest {
    const KEY: ApiKey = ApiKey::Metadata;
    const NAME: &'static str = "MetadataRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=12;
    const FLEXIBLE: Option<i16> = Some(9);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for MetadataRequest {
    type Response = MetadataResponse;
}

/// The `Metadata` response (key 3), versions 0 to 12, flexible from 9.
#[derive(Clone, PartialEq, Debug)]
pub struct MetadataResponse {
    /// Since version 3.
    pub throttle_time_ms: i32,
    pub brokers: Vec<MetadataResponseBrokers>,
    /// Since version 2.
    pub cluster_id: Option<Str>,
    /// Since version 1.
    pub controller_id: i32,
    pub topics: Vec<MetadataResponseTopics>,
    /// Versions 8 to 10.
    pub cluster_authorized_operations: i32,
}

impl Default for MetadataResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            brokers: Default::default(),
            cluster_id: Default::default(),
            controller_id: -1,
            topics: Default::default(),
            cluster_authorized_operations: -2147483648,
        }
    }
}

impl MetadataResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 9;
        let mut m = Self::default();
        if v >= 3 {
            m.throttle_time_ms = r.i32()?;
        }
        m.brokers = p::array(r, flex, 9, v, MetadataResponseBrokers::read)?;
        if v >= 2 {
            m.cluster_id = p::opt_str(r, flex, true)?;
        }
        if v >= 1 {
            m.controller_id = r.i32()?;
        }
        m.topics = p::array(r, flex, 4, v, MetadataResponseTopics::read)?;
        if (8..=10).contains(&v) {
            m.cluster_authorized_operations = r.i32()?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 9;
        if v >= 3 {
            w.i32(self.throttle_time_ms);
        }
        w.array(&self.brokers, flex, v, MetadataResponseBrokers::write);
        if v >= 2 {
            w.opt_str(&self.cluster_id, flex, true);
        }
        if v >= 1 {
            w.i32(self.controller_id);
        }
        w.array(&self.topics, flex, v, MetadataResponseTopics::write);
        if (8..=10).contains(&v) {
            w.i32(self.cluster_authorized_operations);
        }
        if flex {
            w.no_tags();
        }
    }
}

/// `brokers` of [`MetadataResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct MetadataResponseBrokers {
    pub node_id: i32,
    pub host: Str,
    pub port: i32,
    /// Since version 1.
    pub rack: Option<Str>,
}

impl MetadataResponseBrokers {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 9;
        let mut m = Self::default();
        m.node_id = r.i32()?;
        m.host = p::str(r, flex)?;
        m.port = r.i32()?;
        if v >= 1 {
            m.rack = p::opt_str(r, flex, true)?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 9;
        w.i32(self.node_id);
        w.str(&self.host, flex);
        w.i32(self.port);
        if v >= 1 {
            w.opt_str(&self.rack, flex, true);
        }
        if flex {
            w.no_tags();
        }
    }
}

/// `topics` of [`MetadataResponse`].
#[derive(Clone, PartialEq, Debug)]
pub struct MetadataResponseTopics {
    pub error_code: i16,
    pub name: Option<Str>,
    /// Since version 10.
    pub topic_id: Uuid,
    /// Since version 1.
    pub is_internal: bool,
    pub partitions: Vec<MetadataResponsePartitions>,
    /// Since version 8.
    pub topic_authorized_operations: i32,
}

impl Default for MetadataResponseTopics {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            name: Default::default(),
            topic_id: Default::default(),
            is_internal: Default::default(),
            partitions: Default::default(),
            topic_authorized_operations: -2147483648,
        }
    }
}

impl MetadataResponseTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 9;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.name = p::opt_str(r, flex, v == 12)?;
        if v >= 10 {
            m.topic_id = p::uuid(r)?;
        }
        if v >= 1 {
            m.is_internal = r.bool()?;
        }
        m.partitions = p::array(r, flex, 12, v, MetadataResponsePartitions::read)?;
        if v >= 8 {
            m.topic_authorized_operations = r.i32()?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 9;
        w.i16(self.error_code);
        w.opt_str(&self.name, flex, v == 12);
        if v >= 10 {
            w.uuid(self.topic_id);
        }
        if v >= 1 {
            w.bool(self.is_internal);
        }
        w.array(&self.partitions, flex, v, MetadataResponsePartitions::write);
        if v >= 8 {
            w.i32(self.topic_authorized_operations);
        }
        if flex {
            w.no_tags();
        }
    }
}

/// `topics.partitions` of [`MetadataResponse`].
#[derive(Clone, PartialEq, Debug)]
pub struct MetadataResponsePartitions {
    pub error_code: i16,
    pub partition_index: i32,
    pub leader_id: i32,
    /// Since version 7.
    pub leader_epoch: i32,
    pub replica_nodes: Vec<i32>,
    pub isr_nodes: Vec<i32>,
    /// Since version 5.
    pub offline_replicas: Vec<i32>,
}

impl Default for MetadataResponsePartitions {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            partition_index: Default::default(),
            leader_id: Default::default(),
            leader_epoch: -1,
            replica_nodes: Default::default(),
            isr_nodes: Default::default(),
            offline_replicas: Default::default(),
        }
    }
}

impl MetadataResponsePartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 9;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.partition_index = r.i32()?;
        m.leader_id = r.i32()?;
        if v >= 7 {
            m.leader_epoch = r.i32()?;
        }
        m.replica_nodes = p::array(r, flex, 4, v, |r, _| r.i32())?;
        m.isr_nodes = p::array(r, flex, 4, v, |r, _| r.i32())?;
        if v >= 5 {
            m.offline_replicas = p::array(r, flex, 4, v, |r, _| r.i32())?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 9;
        w.i16(self.error_code);
        w.i32(self.partition_index);
        w.i32(self.leader_id);
        if v >= 7 {
            w.i32(self.leader_epoch);
        }
        w.array(&self.replica_nodes, flex, v, |x, w, _| w.i32(*x));
        w.array(&self.isr_nodes, flex, v, |x, w, _| w.i32(*x));
        if v >= 5 {
            w.array(&self.offline_replicas, flex, v, |x, w, _| w.i32(*x));
        }
        if flex {
            w.no_tags();
        }
    }
}

impl Message for MetadataResponse {
    const KEY: ApiKey = ApiKey::Metadata;
    const NAME: &'static str = "MetadataResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=12;
    const FLEXIBLE: Option<i16> = Some(9);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `DescribeCluster` request (key 60), versions 0 to 1, flexible from 0.
#[derive(Clone, PartialEq, Debug)]
pub struct DescribeClusterRequest {
    pub include_cluster_authorized_operations: bool,
    /// Version 1 only.
    pub endpoint_type: i8,
}

impl Default for DescribeClusterRequest {
    fn default() -> Self {
        Self { include_cluster_authorized_operations: Default::default(), endpoint_type: 1 }
    }
}

impl DescribeClusterRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.include_cluster_authorized_operations = r.bool()?;
        if v == 1 {
            m.endpoint_type = r.i8()?;
        }
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.bool(self.include_cluster_authorized_operations);
        if v == 1 {
            w.i8(self.endpoint_type);
        }
        w.no_tags();
    }
}

impl Message for DescribeClusterRequest {
    const KEY: ApiKey = ApiKey::DescribeCluster;
    const NAME: &'static str = "DescribeClusterRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for DescribeClusterRequest {
    type Response = DescribeClusterResponse;
}

/// The `DescribeCluster` response (key 60), versions 0 to 1, flexible from 0.
#[derive(Clone, PartialEq, Debug)]
pub struct DescribeClusterResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<Str>,
    /// Version 1 only.
    pub endpoint_type: i8,
    pub cluster_id: Str,
    pub controller_id: i32,
    pub brokers: Vec<DescribeClusterResponseBrokers>,
    pub cluster_authorized_operations: i32,
}

impl Default for DescribeClusterResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            error_message: Default::default(),
            endpoint_type: 1,
            cluster_id: Default::default(),
            controller_id: -1,
            brokers: Default::default(),
            cluster_authorized_operations: -2147483648,
        }
    }
}

impl DescribeClusterResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, true, true)?;
        if v == 1 {
            m.endpoint_type = r.i8()?;
        }
        m.cluster_id = p::str(r, true)?;
        m.controller_id = r.i32()?;
        m.brokers = p::array(r, true, 10, v, DescribeClusterResponseBrokers::read)?;
        m.cluster_authorized_operations = r.i32()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.throttle_time_ms);
        w.i16(self.error_code);
        w.opt_str(&self.error_message, true, true);
        if v == 1 {
            w.i8(self.endpoint_type);
        }
        w.str(&self.cluster_id, true);
        w.i32(self.controller_id);
        w.array(&self.brokers, true, v, DescribeClusterResponseBrokers::write);
        w.i32(self.cluster_authorized_operations);
        w.no_tags();
    }
}

/// `brokers` of [`DescribeClusterResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeClusterResponseBrokers {
    pub broker_id: i32,
    pub host: Str,
    pub port: i32,
    pub rack: Option<Str>,
}

impl DescribeClusterResponseBrokers {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.broker_id = r.i32()?;
        m.host = p::str(r, true)?;
        m.port = r.i32()?;
        m.rack = p::opt_str(r, true, true)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.broker_id);
        w.str(&self.host, true);
        w.i32(self.port);
        w.opt_str(&self.rack, true, true);
        w.no_tags();
    }
}

impl Message for DescribeClusterResponse {
    const KEY: ApiKey = ApiKey::DescribeCluster;
    const NAME: &'static str = "DescribeClusterResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `DescribeTopicPartitions` request (key 75), version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug)]
pub struct DescribeTopicPartitionsRequest {
    pub topics: Vec<DescribeTopicPartitionsRequestTopics>,
    pub response_partition_limit: i32,
    pub cursor: Option<DescribeTopicPartitionsRequestCursor>,
}

impl Default for DescribeTopicPartitionsRequest {
    fn default() -> Self {
        Self { topics: Default::default(), response_partition_limit: 2000, cursor: Default::default() }
    }
}

impl DescribeTopicPartitionsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topics = p::array(r, true, 1, v, DescribeTopicPartitionsRequestTopics::read)?;
        m.response_partition_limit = r.i32()?;
        m.cursor = p::opt_struct(r, v, DescribeTopicPartitionsRequestCursor::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.array(&self.topics, true, v, DescribeTopicPartitionsRequestTopics::write);
        w.i32(self.response_partition_limit);
        w.opt_struct(&self.cursor, v, DescribeTopicPartitionsRequestCursor::write);
        w.no_tags();
    }
}

/// `topics` of [`DescribeTopicPartitionsRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeTopicPartitionsRequestTopics {
    pub name: Str,
}

impl DescribeTopicPartitionsRequestTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.name = p::str(r, true)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.name, true);
        w.no_tags();
    }
}

/// `cursor` of [`DescribeTopicPartitionsRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeTopicPartitionsRequestCursor {
    pub topic_name: Str,
    pub partition_index: i32,
}

impl DescribeTopicPartitionsRequestCursor {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topic_name = p::str(r, true)?;
        m.partition_index = r.i32()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.topic_name, true);
        w.i32(self.partition_index);
        w.no_tags();
    }
}

impl Message for DescribeTopicPartitionsRequest {
    const KEY: ApiKey = ApiKey::DescribeTopicPartitions;
    const NAME: &'static str = "DescribeTopicPartitionsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for DescribeTopicPartitionsRequest {
    type Response = DescribeTopicPartitionsResponse;
}

/// The `DescribeTopicPartitions` response (key 75), version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeTopicPartitionsResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<DescribeTopicPartitionsResponseTopics>,
    pub next_cursor: Option<DescribeTopicPartitionsResponseNextCursor>,
}

impl DescribeTopicPartitionsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.topics = p::array(r, true, 25, v, DescribeTopicPartitionsResponseTopics::read)?;
        m.next_cursor = p::opt_struct(r, v, DescribeTopicPartitionsResponseNextCursor::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.throttle_time_ms);
        w.array(&self.topics, true, v, DescribeTopicPartitionsResponseTopics::write);
        w.opt_struct(&self.next_cursor, v, DescribeTopicPartitionsResponseNextCursor::write);
        w.no_tags();
    }
}

/// `topics` of [`DescribeTopicPartitionsResponse`].
#[derive(Clone, PartialEq, Debug)]
pub struct DescribeTopicPartitionsResponseTopics {
    pub error_code: i16,
    pub name: Option<Str>,
    pub topic_id: Uuid,
    pub is_internal: bool,
    pub partitions: Vec<DescribeTopicPartitionsResponsePartitions>,
    pub topic_authorized_operations: i32,
}

impl Default for DescribeTopicPartitionsResponseTopics {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            name: Default::default(),
            topic_id: Default::default(),
            is_internal: Default::default(),
            partitions: Default::default(),
            topic_authorized_operations: -2147483648,
        }
    }
}

impl DescribeTopicPartitionsResponseTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.name = p::opt_str(r, true, true)?;
        m.topic_id = p::uuid(r)?;
        m.is_internal = r.bool()?;
        m.partitions = p::array(r, true, 19, v, DescribeTopicPartitionsResponsePartitions::read)?;
        m.topic_authorized_operations = r.i32()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i16(self.error_code);
        w.opt_str(&self.name, true, true);
        w.uuid(self.topic_id);
        w.bool(self.is_internal);
        w.array(&self.partitions, true, v, DescribeTopicPartitionsResponsePartitions::write);
        w.i32(self.topic_authorized_operations);
        w.no_tags();
    }
}

/// `topics.partitions` of [`DescribeTopicPartitionsResponse`].
#[derive(Clone, PartialEq, Debug)]
pub struct DescribeTopicPartitionsResponsePartitions {
    pub error_code: i16,
    pub partition_index: i32,
    pub leader_id: i32,
    pub leader_epoch: i32,
    pub replica_nodes: Vec<i32>,
    pub isr_nodes: Vec<i32>,
    pub eligible_leader_replicas: Option<Vec<i32>>,
    pub last_known_elr: Option<Vec<i32>>,
    pub offline_replicas: Vec<i32>,
}

impl Default for DescribeTopicPartitionsResponsePartitions {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            partition_index: Default::default(),
            leader_id: Default::default(),
            leader_epoch: -1,
            replica_nodes: Default::default(),
            isr_nodes: Default::default(),
            eligible_leader_replicas: Default::default(),
            last_known_elr: Default::default(),
            offline_replicas: Default::default(),
        }
    }
}

impl DescribeTopicPartitionsResponsePartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.partition_index = r.i32()?;
        m.leader_id = r.i32()?;
        m.leader_epoch = r.i32()?;
        m.replica_nodes = p::array(r, true, 4, v, |r, _| r.i32())?;
        m.isr_nodes = p::array(r, true, 4, v, |r, _| r.i32())?;
        m.eligible_leader_replicas = p::opt_array(r, true, true, 4, v, |r, _| r.i32())?;
        m.last_known_elr = p::opt_array(r, true, true, 4, v, |r, _| r.i32())?;
        m.offline_replicas = p::array(r, true, 4, v, |r, _| r.i32())?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i16(self.error_code);
        w.i32(self.partition_index);
        w.i32(self.leader_id);
        w.i32(self.leader_epoch);
        w.array(&self.replica_nodes, true, v, |x, w, _| w.i32(*x));
        w.array(&self.isr_nodes, true, v, |x, w, _| w.i32(*x));
        w.opt_array(&self.eligible_leader_replicas, true, true, v, |x, w, _| w.i32(*x));
        w.opt_array(&self.last_known_elr, true, true, v, |x, w, _| w.i32(*x));
        w.array(&self.offline_replicas, true, v, |x, w, _| w.i32(*x));
        w.no_tags();
    }
}

/// `next_cursor` of [`DescribeTopicPartitionsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeTopicPartitionsResponseNextCursor {
    pub topic_name: Str,
    pub partition_index: i32,
}

impl DescribeTopicPartitionsResponseNextCursor {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topic_name = p::str(r, true)?;
        m.partition_index = r.i32()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.topic_name, true);
        w.i32(self.partition_index);
        w.no_tags();
    }
}

impl Message for DescribeTopicPartitionsResponse {
    const KEY: ApiKey = ApiKey::DescribeTopicPartitions;
    const NAME: &'static str = "DescribeTopicPartitionsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}
