//! Requests and responses of the served APIs, and a table of every codec.
//! Generated from `schema/*.schema` by `cargo xtask codegen`.

use super::prelude::*;
use super::*;
use crate::api::{RequestError, Served};
use crate::codecs::{Codec, message_codec, record_codec};

/// What the broker serves, as ApiVersions lists it.
pub const SERVED: &[Served] = &[
    Served { key: ApiKey::Produce, min: 0, max: 11 },
    Served { key: ApiKey::Fetch, min: 0, max: 17 },
    Served { key: ApiKey::ListOffsets, min: 0, max: 9 },
    Served { key: ApiKey::Metadata, min: 0, max: 12 },
    Served { key: ApiKey::OffsetCommit, min: 0, max: 9 },
    Served { key: ApiKey::OffsetFetch, min: 0, max: 9 },
    Served { key: ApiKey::FindCoordinator, min: 0, max: 6 },
    Served { key: ApiKey::JoinGroup, min: 0, max: 9 },
    Served { key: ApiKey::Heartbeat, min: 0, max: 4 },
    Served { key: ApiKey::LeaveGroup, min: 0, max: 5 },
    Served { key: ApiKey::SyncGroup, min: 0, max: 5 },
    Served { key: ApiKey::DescribeGroups, min: 0, max: 5 },
    Served { key: ApiKey::ListGroups, min: 0, max: 5 },
    Served { key: ApiKey::DeleteGroups, min: 0, max: 2 },
    Served { key: ApiKey::ApiVersions, min: 0, max: 4 },
    Served { key: ApiKey::CreateTopics, min: 0, max: 7 },
    Served { key: ApiKey::DeleteTopics, min: 0, max: 6 },
    Served { key: ApiKey::DeleteRecords, min: 0, max: 2 },
    Served { key: ApiKey::InitProducerId, min: 0, max: 5 },
    Served { key: ApiKey::OffsetForLeaderEpoch, min: 0, max: 4 },
    Served { key: ApiKey::DescribeConfigs, min: 0, max: 4 },
    Served { key: ApiKey::DescribeCluster, min: 0, max: 1 },
    Served { key: ApiKey::AlterConfigs, min: 0, max: 2 },
    Served { key: ApiKey::CreatePartitions, min: 0, max: 3 },
    Served { key: ApiKey::IncrementalAlterConfigs, min: 0, max: 1 },
    Served { key: ApiKey::AlterReplicaLogDirs, min: 0, max: 2 },
    Served { key: ApiKey::DescribeLogDirs, min: 0, max: 4 },
    Served { key: ApiKey::ElectLeaders, min: 0, max: 2 },
    Served { key: ApiKey::AlterPartitionReassignments, min: 0, max: 0 },
    Served { key: ApiKey::ListPartitionReassignments, min: 0, max: 0 },
    Served { key: ApiKey::OffsetDelete, min: 0, max: 0 },
    Served { key: ApiKey::UpdateFeatures, min: 0, max: 1 },
    Served { key: ApiKey::DescribeProducers, min: 0, max: 0 },
    Served { key: ApiKey::DescribeClientQuotas, min: 0, max: 1 },
    Served { key: ApiKey::AlterClientQuotas, min: 0, max: 1 },
    Served { key: ApiKey::DescribeUserScramCredentials, min: 0, max: 0 },
];

/// A request of a served API.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    Produce(Box<ProduceRequest>),
    Fetch(Box<FetchRequest>),
    ListOffsets(Box<ListOffsetsRequest>),
    Metadata(Box<MetadataRequest>),
    OffsetCommit(Box<OffsetCommitRequest>),
    OffsetFetch(Box<OffsetFetchRequest>),
    FindCoordinator(Box<FindCoordinatorRequest>),
    JoinGroup(Box<JoinGroupRequest>),
    Heartbeat(Box<HeartbeatRequest>),
    LeaveGroup(Box<LeaveGroupRequest>),
    SyncGroup(Box<SyncGroupRequest>),
    DescribeGroups(Box<DescribeGroupsRequest>),
    ListGroups(Box<ListGroupsRequest>),
    DeleteGroups(Box<DeleteGroupsRequest>),
    ApiVersions(Box<ApiVersionsRequest>),
    CreateTopics(Box<CreateTopicsRequest>),
    DeleteTopics(Box<DeleteTopicsRequest>),
    DeleteRecords(Box<DeleteRecordsRequest>),
    InitProducerId(Box<InitProducerIdRequest>),
    OffsetForLeaderEpoch(Box<OffsetForLeaderEpochRequest>),
    DescribeConfigs(Box<DescribeConfigsRequest>),
    DescribeCluster(Box<DescribeClusterRequest>),
    AlterConfigs(Box<AlterConfigsRequest>),
    CreatePartitions(Box<CreatePartitionsRequest>),
    IncrementalAlterConfigs(Box<IncrementalAlterConfigsRequest>),
    AlterReplicaLogDirs(Box<AlterReplicaLogDirsRequest>),
    DescribeLogDirs(Box<DescribeLogDirsRequest>),
    ElectLeaders(Box<ElectLeadersRequest>),
    AlterPartitionReassignments(Box<AlterPartitionReassignmentsRequest>),
    ListPartitionReassignments(Box<ListPartitionReassignmentsRequest>),
    OffsetDelete(Box<OffsetDeleteRequest>),
    UpdateFeatures(Box<UpdateFeaturesRequest>),
    DescribeProducers(Box<DescribeProducersRequest>),
    DescribeClientQuotas(Box<DescribeClientQuotasRequest>),
    AlterClientQuotas(Box<AlterClientQuotasRequest>),
    DescribeUserScramCredentials(Box<DescribeUserScramCredentialsRequest>),
}

impl Request {
    /// The API it belongs to.
    pub const fn key(&self) -> ApiKey {
        match self {
            Self::Produce(_) => ApiKey::Produce,
            Self::Fetch(_) => ApiKey::Fetch,
            Self::ListOffsets(_) => ApiKey::ListOffsets,
            Self::Metadata(_) => ApiKey::Metadata,
            Self::OffsetCommit(_) => ApiKey::OffsetCommit,
            Self::OffsetFetch(_) => ApiKey::OffsetFetch,
            Self::FindCoordinator(_) => ApiKey::FindCoordinator,
            Self::JoinGroup(_) => ApiKey::JoinGroup,
            Self::Heartbeat(_) => ApiKey::Heartbeat,
            Self::LeaveGroup(_) => ApiKey::LeaveGroup,
            Self::SyncGroup(_) => ApiKey::SyncGroup,
            Self::DescribeGroups(_) => ApiKey::DescribeGroups,
            Self::ListGroups(_) => ApiKey::ListGroups,
            Self::DeleteGroups(_) => ApiKey::DeleteGroups,
            Self::ApiVersions(_) => ApiKey::ApiVersions,
            Self::CreateTopics(_) => ApiKey::CreateTopics,
            Self::DeleteTopics(_) => ApiKey::DeleteTopics,
            Self::DeleteRecords(_) => ApiKey::DeleteRecords,
            Self::InitProducerId(_) => ApiKey::InitProducerId,
            Self::OffsetForLeaderEpoch(_) => ApiKey::OffsetForLeaderEpoch,
            Self::DescribeConfigs(_) => ApiKey::DescribeConfigs,
            Self::DescribeCluster(_) => ApiKey::DescribeCluster,
            Self::AlterConfigs(_) => ApiKey::AlterConfigs,
            Self::CreatePartitions(_) => ApiKey::CreatePartitions,
            Self::IncrementalAlterConfigs(_) => ApiKey::IncrementalAlterConfigs,
            Self::AlterReplicaLogDirs(_) => ApiKey::AlterReplicaLogDirs,
            Self::DescribeLogDirs(_) => ApiKey::DescribeLogDirs,
            Self::ElectLeaders(_) => ApiKey::ElectLeaders,
            Self::AlterPartitionReassignments(_) => ApiKey::AlterPartitionReassignments,
            Self::ListPartitionReassignments(_) => ApiKey::ListPartitionReassignments,
            Self::OffsetDelete(_) => ApiKey::OffsetDelete,
            Self::UpdateFeatures(_) => ApiKey::UpdateFeatures,
            Self::DescribeProducers(_) => ApiKey::DescribeProducers,
            Self::DescribeClientQuotas(_) => ApiKey::DescribeClientQuotas,
            Self::AlterClientQuotas(_) => ApiKey::AlterClientQuotas,
            Self::DescribeUserScramCredentials(_) => ApiKey::DescribeUserScramCredentials,
        }
    }
}

impl From<ProduceRequest> for Request {
    fn from(body: ProduceRequest) -> Self {
        Self::Produce(Box::new(body))
    }
}

impl From<FetchRequest> for Request {
    fn from(body: FetchRequest) -> Self {
        Self::Fetch(Box::new(body))
    }
}

impl From<ListOffsetsRequest> for Request {
    fn from(body: ListOffsetsRequest) -> Self {
        Self::ListOffsets(Box::new(body))
    }
}

impl From<MetadataRequest> for Request {
    fn from(body: MetadataRequest) -> Self {
        Self::Metadata(Box::new(body))
    }
}

impl From<OffsetCommitRequest> for Request {
    fn from(body: OffsetCommitRequest) -> Self {
        Self::OffsetCommit(Box::new(body))
    }
}

impl From<OffsetFetchRequest> for Request {
    fn from(body: OffsetFetchRequest) -> Self {
        Self::OffsetFetch(Box::new(body))
    }
}

impl From<FindCoordinatorRequest> for Request {
    fn from(body: FindCoordinatorRequest) -> Self {
        Self::FindCoordinator(Box::new(body))
    }
}

impl From<JoinGroupRequest> for Request {
    fn from(body: JoinGroupRequest) -> Self {
        Self::JoinGroup(Box::new(body))
    }
}

impl From<HeartbeatRequest> for Request {
    fn from(body: HeartbeatRequest) -> Self {
        Self::Heartbeat(Box::new(body))
    }
}

impl From<LeaveGroupRequest> for Request {
    fn from(body: LeaveGroupRequest) -> Self {
        Self::LeaveGroup(Box::new(body))
    }
}

impl From<SyncGroupRequest> for Request {
    fn from(body: SyncGroupRequest) -> Self {
        Self::SyncGroup(Box::new(body))
    }
}

impl From<DescribeGroupsRequest> for Request {
    fn from(body: DescribeGroupsRequest) -> Self {
        Self::DescribeGroups(Box::new(body))
    }
}

impl From<ListGroupsRequest> for Request {
    fn from(body: ListGroupsRequest) -> Self {
        Self::ListGroups(Box::new(body))
    }
}

impl From<DeleteGroupsRequest> for Request {
    fn from(body: DeleteGroupsRequest) -> Self {
        Self::DeleteGroups(Box::new(body))
    }
}

impl From<ApiVersionsRequest> for Request {
    fn from(body: ApiVersionsRequest) -> Self {
        Self::ApiVersions(Box::new(body))
    }
}

impl From<CreateTopicsRequest> for Request {
    fn from(body: CreateTopicsRequest) -> Self {
        Self::CreateTopics(Box::new(body))
    }
}

impl From<DeleteTopicsRequest> for Request {
    fn from(body: DeleteTopicsRequest) -> Self {
        Self::DeleteTopics(Box::new(body))
    }
}

impl From<DeleteRecordsRequest> for Request {
    fn from(body: DeleteRecordsRequest) -> Self {
        Self::DeleteRecords(Box::new(body))
    }
}

impl From<InitProducerIdRequest> for Request {
    fn from(body: InitProducerIdRequest) -> Self {
        Self::InitProducerId(Box::new(body))
    }
}

impl From<OffsetForLeaderEpochRequest> for Request {
    fn from(body: OffsetForLeaderEpochRequest) -> Self {
        Self::OffsetForLeaderEpoch(Box::new(body))
    }
}

impl From<DescribeConfigsRequest> for Request {
    fn from(body: DescribeConfigsRequest) -> Self {
        Self::DescribeConfigs(Box::new(body))
    }
}

impl From<DescribeClusterRequest> for Request {
    fn from(body: DescribeClusterRequest) -> Self {
        Self::DescribeCluster(Box::new(body))
    }
}

impl From<AlterConfigsRequest> for Request {
    fn from(body: AlterConfigsRequest) -> Self {
        Self::AlterConfigs(Box::new(body))
    }
}

impl From<CreatePartitionsRequest> for Request {
    fn from(body: CreatePartitionsRequest) -> Self {
        Self::CreatePartitions(Box::new(body))
    }
}

impl From<IncrementalAlterConfigsRequest> for Request {
    fn from(body: IncrementalAlterConfigsRequest) -> Self {
        Self::IncrementalAlterConfigs(Box::new(body))
    }
}

impl From<AlterReplicaLogDirsRequest> for Request {
    fn from(body: AlterReplicaLogDirsRequest) -> Self {
        Self::AlterReplicaLogDirs(Box::new(body))
    }
}

impl From<DescribeLogDirsRequest> for Request {
    fn from(body: DescribeLogDirsRequest) -> Self {
        Self::DescribeLogDirs(Box::new(body))
    }
}

impl From<ElectLeadersRequest> for Request {
    fn from(body: ElectLeadersRequest) -> Self {
        Self::ElectLeaders(Box::new(body))
    }
}

impl From<AlterPartitionReassignmentsRequest> for Request {
    fn from(body: AlterPartitionReassignmentsRequest) -> Self {
        Self::AlterPartitionReassignments(Box::new(body))
    }
}

impl From<ListPartitionReassignmentsRequest> for Request {
    fn from(body: ListPartitionReassignmentsRequest) -> Self {
        Self::ListPartitionReassignments(Box::new(body))
    }
}

impl From<OffsetDeleteRequest> for Request {
    fn from(body: OffsetDeleteRequest) -> Self {
        Self::OffsetDelete(Box::new(body))
    }
}

impl From<UpdateFeaturesRequest> for Request {
    fn from(body: UpdateFeaturesRequest) -> Self {
        Self::UpdateFeatures(Box::new(body))
    }
}

impl From<DescribeProducersRequest> for Request {
    fn from(body: DescribeProducersRequest) -> Self {
        Self::DescribeProducers(Box::new(body))
    }
}

impl From<DescribeClientQuotasRequest> for Request {
    fn from(body: DescribeClientQuotasRequest) -> Self {
        Self::DescribeClientQuotas(Box::new(body))
    }
}

impl From<AlterClientQuotasRequest> for Request {
    fn from(body: AlterClientQuotasRequest) -> Self {
        Self::AlterClientQuotas(Box::new(body))
    }
}

impl From<DescribeUserScramCredentialsRequest> for Request {
    fn from(body: DescribeUserScramCredentialsRequest) -> Self {
        Self::DescribeUserScramCredentials(Box::new(body))
    }
}

/// Decodes the body of a request of a served API.
///
/// # Errors
/// [`RequestError`]: not served, not in this version, or bytes that make no sense.
pub fn decode_request(key: ApiKey, version: i16, r: &mut Reader) -> core::result::Result<Request, RequestError> {
    crate::api::check_served(key, version)?;
    Ok(match key {
        ApiKey::Produce => Request::Produce(Box::new(<ProduceRequest as Message>::decode(r, version)?)),
        ApiKey::Fetch => Request::Fetch(Box::new(<FetchRequest as Message>::decode(r, version)?)),
        ApiKey::ListOffsets => Request::ListOffsets(Box::new(<ListOffsetsRequest as Message>::decode(r, version)?)),
        ApiKey::Metadata => Request::Metadata(Box::new(<MetadataRequest as Message>::decode(r, version)?)),
        ApiKey::OffsetCommit => Request::OffsetCommit(Box::new(<OffsetCommitRequest as Message>::decode(r, version)?)),
        ApiKey::OffsetFetch => Request::OffsetFetch(Box::new(<OffsetFetchRequest as Message>::decode(r, version)?)),
        ApiKey::FindCoordinator => {
            Request::FindCoordinator(Box::new(<FindCoordinatorRequest as Message>::decode(r, version)?))
        }
        ApiKey::JoinGroup => Request::JoinGroup(Box::new(<JoinGroupRequest as Message>::decode(r, version)?)),
        ApiKey::Heartbeat => Request::Heartbeat(Box::new(<HeartbeatRequest as Message>::decode(r, version)?)),
        ApiKey::LeaveGroup => Request::LeaveGroup(Box::new(<LeaveGroupRequest as Message>::decode(r, version)?)),
        ApiKey::SyncGroup => Request::SyncGroup(Box::new(<SyncGroupRequest as Message>::decode(r, version)?)),
        ApiKey::DescribeGroups => {
            Request::DescribeGroups(Box::new(<DescribeGroupsRequest as Message>::decode(r, version)?))
        }
        ApiKey::ListGroups => Request::ListGroups(Box::new(<ListGroupsRequest as Message>::decode(r, version)?)),
        ApiKey::DeleteGroups => Request::DeleteGroups(Box::new(<DeleteGroupsRequest as Message>::decode(r, version)?)),
        ApiKey::ApiVersions => Request::ApiVersions(Box::new(<ApiVersionsRequest as Message>::decode(r, version)?)),
        ApiKey::CreateTopics => Request::CreateTopics(Box::new(<CreateTopicsRequest as Message>::decode(r, version)?)),
        ApiKey::DeleteTopics => Request::DeleteTopics(Box::new(<DeleteTopicsRequest as Message>::decode(r, version)?)),
        ApiKey::DeleteRecords => {
            Request::DeleteRecords(Box::new(<DeleteRecordsRequest as Message>::decode(r, version)?))
        }
        ApiKey::InitProducerId => {
            Request::InitProducerId(Box::new(<InitProducerIdRequest as Message>::decode(r, version)?))
        }
        ApiKey::OffsetForLeaderEpoch => {
            Request::OffsetForLeaderEpoch(Box::new(<OffsetForLeaderEpochRequest as Message>::decode(r, version)?))
        }
        ApiKey::DescribeConfigs => {
            Request::DescribeConfigs(Box::new(<DescribeConfigsRequest as Message>::decode(r, version)?))
        }
        ApiKey::DescribeCluster => {
            Request::DescribeCluster(Box::new(<DescribeClusterRequest as Message>::decode(r, version)?))
        }
        ApiKey::AlterConfigs => Request::AlterConfigs(Box::new(<AlterConfigsRequest as Message>::decode(r, version)?)),
        ApiKey::CreatePartitions => {
            Request::CreatePartitions(Box::new(<CreatePartitionsRequest as Message>::decode(r, version)?))
        }
        ApiKey::IncrementalAlterConfigs => {
            Request::IncrementalAlterConfigs(Box::new(<IncrementalAlterConfigsRequest as Message>::decode(r, version)?))
        }
        ApiKey::AlterReplicaLogDirs => {
            Request::AlterReplicaLogDirs(Box::new(<AlterReplicaLogDirsRequest as Message>::decode(r, version)?))
        }
        ApiKey::DescribeLogDirs => {
            Request::DescribeLogDirs(Box::new(<DescribeLogDirsRequest as Message>::decode(r, version)?))
        }
        ApiKey::ElectLeaders => Request::ElectLeaders(Box::new(<ElectLeadersRequest as Message>::decode(r, version)?)),
        ApiKey::AlterPartitionReassignments => Request::AlterPartitionReassignments(Box::new(
            <AlterPartitionReassignmentsRequest as Message>::decode(r, version)?,
        )),
        ApiKey::ListPartitionReassignments => Request::ListPartitionReassignments(Box::new(
            <ListPartitionReassignmentsRequest as Message>::decode(r, version)?,
        )),
        ApiKey::OffsetDelete => Request::OffsetDelete(Box::new(<OffsetDeleteRequest as Message>::decode(r, version)?)),
        ApiKey::UpdateFeatures => {
            Request::UpdateFeatures(Box::new(<UpdateFeaturesRequest as Message>::decode(r, version)?))
        }
        ApiKey::DescribeProducers => {
            Request::DescribeProducers(Box::new(<DescribeProducersRequest as Message>::decode(r, version)?))
        }
        ApiKey::DescribeClientQuotas => {
            Request::DescribeClientQuotas(Box::new(<DescribeClientQuotasRequest as Message>::decode(r, version)?))
        }
        ApiKey::AlterClientQuotas => {
            Request::AlterClientQuotas(Box::new(<AlterClientQuotasRequest as Message>::decode(r, version)?))
        }
        ApiKey::DescribeUserScramCredentials => Request::DescribeUserScramCredentials(Box::new(
            <DescribeUserScramCredentialsRequest as Message>::decode(r, version)?,
        )),
        _ => return Err(RequestError::NotServed(key)),
    })
}

/// A response of a served API.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    Produce(Box<ProduceResponse>),
    Fetch(Box<FetchResponse>),
    ListOffsets(Box<ListOffsetsResponse>),
    Metadata(Box<MetadataResponse>),
    OffsetCommit(Box<OffsetCommitResponse>),
    OffsetFetch(Box<OffsetFetchResponse>),
    FindCoordinator(Box<FindCoordinatorResponse>),
    JoinGroup(Box<JoinGroupResponse>),
    Heartbeat(Box<HeartbeatResponse>),
    LeaveGroup(Box<LeaveGroupResponse>),
    SyncGroup(Box<SyncGroupResponse>),
    DescribeGroups(Box<DescribeGroupsResponse>),
    ListGroups(Box<ListGroupsResponse>),
    DeleteGroups(Box<DeleteGroupsResponse>),
    ApiVersions(Box<ApiVersionsResponse>),
    CreateTopics(Box<CreateTopicsResponse>),
    DeleteTopics(Box<DeleteTopicsResponse>),
    DeleteRecords(Box<DeleteRecordsResponse>),
    InitProducerId(Box<InitProducerIdResponse>),
    OffsetForLeaderEpoch(Box<OffsetForLeaderEpochResponse>),
    DescribeConfigs(Box<DescribeConfigsResponse>),
    DescribeCluster(Box<DescribeClusterResponse>),
    AlterConfigs(Box<AlterConfigsResponse>),
    CreatePartitions(Box<CreatePartitionsResponse>),
    IncrementalAlterConfigs(Box<IncrementalAlterConfigsResponse>),
    AlterReplicaLogDirs(Box<AlterReplicaLogDirsResponse>),
    DescribeLogDirs(Box<DescribeLogDirsResponse>),
    ElectLeaders(Box<ElectLeadersResponse>),
    AlterPartitionReassignments(Box<AlterPartitionReassignmentsResponse>),
    ListPartitionReassignments(Box<ListPartitionReassignmentsResponse>),
    OffsetDelete(Box<OffsetDeleteResponse>),
    UpdateFeatures(Box<UpdateFeaturesResponse>),
    DescribeProducers(Box<DescribeProducersResponse>),
    DescribeClientQuotas(Box<DescribeClientQuotasResponse>),
    AlterClientQuotas(Box<AlterClientQuotasResponse>),
    DescribeUserScramCredentials(Box<DescribeUserScramCredentialsResponse>),
}

impl Response {
    /// The API it belongs to.
    pub const fn key(&self) -> ApiKey {
        match self {
            Self::Produce(_) => ApiKey::Produce,
            Self::Fetch(_) => ApiKey::Fetch,
            Self::ListOffsets(_) => ApiKey::ListOffsets,
            Self::Metadata(_) => ApiKey::Metadata,
            Self::OffsetCommit(_) => ApiKey::OffsetCommit,
            Self::OffsetFetch(_) => ApiKey::OffsetFetch,
            Self::FindCoordinator(_) => ApiKey::FindCoordinator,
            Self::JoinGroup(_) => ApiKey::JoinGroup,
            Self::Heartbeat(_) => ApiKey::Heartbeat,
            Self::LeaveGroup(_) => ApiKey::LeaveGroup,
            Self::SyncGroup(_) => ApiKey::SyncGroup,
            Self::DescribeGroups(_) => ApiKey::DescribeGroups,
            Self::ListGroups(_) => ApiKey::ListGroups,
            Self::DeleteGroups(_) => ApiKey::DeleteGroups,
            Self::ApiVersions(_) => ApiKey::ApiVersions,
            Self::CreateTopics(_) => ApiKey::CreateTopics,
            Self::DeleteTopics(_) => ApiKey::DeleteTopics,
            Self::DeleteRecords(_) => ApiKey::DeleteRecords,
            Self::InitProducerId(_) => ApiKey::InitProducerId,
            Self::OffsetForLeaderEpoch(_) => ApiKey::OffsetForLeaderEpoch,
            Self::DescribeConfigs(_) => ApiKey::DescribeConfigs,
            Self::DescribeCluster(_) => ApiKey::DescribeCluster,
            Self::AlterConfigs(_) => ApiKey::AlterConfigs,
            Self::CreatePartitions(_) => ApiKey::CreatePartitions,
            Self::IncrementalAlterConfigs(_) => ApiKey::IncrementalAlterConfigs,
            Self::AlterReplicaLogDirs(_) => ApiKey::AlterReplicaLogDirs,
            Self::DescribeLogDirs(_) => ApiKey::DescribeLogDirs,
            Self::ElectLeaders(_) => ApiKey::ElectLeaders,
            Self::AlterPartitionReassignments(_) => ApiKey::AlterPartitionReassignments,
            Self::ListPartitionReassignments(_) => ApiKey::ListPartitionReassignments,
            Self::OffsetDelete(_) => ApiKey::OffsetDelete,
            Self::UpdateFeatures(_) => ApiKey::UpdateFeatures,
            Self::DescribeProducers(_) => ApiKey::DescribeProducers,
            Self::DescribeClientQuotas(_) => ApiKey::DescribeClientQuotas,
            Self::AlterClientQuotas(_) => ApiKey::AlterClientQuotas,
            Self::DescribeUserScramCredentials(_) => ApiKey::DescribeUserScramCredentials,
        }
    }
}

impl From<ProduceResponse> for Response {
    fn from(body: ProduceResponse) -> Self {
        Self::Produce(Box::new(body))
    }
}

impl From<FetchResponse> for Response {
    fn from(body: FetchResponse) -> Self {
        Self::Fetch(Box::new(body))
    }
}

impl From<ListOffsetsResponse> for Response {
    fn from(body: ListOffsetsResponse) -> Self {
        Self::ListOffsets(Box::new(body))
    }
}

impl From<MetadataResponse> for Response {
    fn from(body: MetadataResponse) -> Self {
        Self::Metadata(Box::new(body))
    }
}

impl From<OffsetCommitResponse> for Response {
    fn from(body: OffsetCommitResponse) -> Self {
        Self::OffsetCommit(Box::new(body))
    }
}

impl From<OffsetFetchResponse> for Response {
    fn from(body: OffsetFetchResponse) -> Self {
        Self::OffsetFetch(Box::new(body))
    }
}

impl From<FindCoordinatorResponse> for Response {
    fn from(body: FindCoordinatorResponse) -> Self {
        Self::FindCoordinator(Box::new(body))
    }
}

impl From<JoinGroupResponse> for Response {
    fn from(body: JoinGroupResponse) -> Self {
        Self::JoinGroup(Box::new(body))
    }
}

impl From<HeartbeatResponse> for Response {
    fn from(body: HeartbeatResponse) -> Self {
        Self::Heartbeat(Box::new(body))
    }
}

impl From<LeaveGroupResponse> for Response {
    fn from(body: LeaveGroupResponse) -> Self {
        Self::LeaveGroup(Box::new(body))
    }
}

impl From<SyncGroupResponse> for Response {
    fn from(body: SyncGroupResponse) -> Self {
        Self::SyncGroup(Box::new(body))
    }
}

impl From<DescribeGroupsResponse> for Response {
    fn from(body: DescribeGroupsResponse) -> Self {
        Self::DescribeGroups(Box::new(body))
    }
}

impl From<ListGroupsResponse> for Response {
    fn from(body: ListGroupsResponse) -> Self {
        Self::ListGroups(Box::new(body))
    }
}

impl From<DeleteGroupsResponse> for Response {
    fn from(body: DeleteGroupsResponse) -> Self {
        Self::DeleteGroups(Box::new(body))
    }
}

impl From<ApiVersionsResponse> for Response {
    fn from(body: ApiVersionsResponse) -> Self {
        Self::ApiVersions(Box::new(body))
    }
}

impl From<CreateTopicsResponse> for Response {
    fn from(body: CreateTopicsResponse) -> Self {
        Self::CreateTopics(Box::new(body))
    }
}

impl From<DeleteTopicsResponse> for Response {
    fn from(body: DeleteTopicsResponse) -> Self {
        Self::DeleteTopics(Box::new(body))
    }
}

impl From<DeleteRecordsResponse> for Response {
    fn from(body: DeleteRecordsResponse) -> Self {
        Self::DeleteRecords(Box::new(body))
    }
}

impl From<InitProducerIdResponse> for Response {
    fn from(body: InitProducerIdResponse) -> Self {
        Self::InitProducerId(Box::new(body))
    }
}

impl From<OffsetForLeaderEpochResponse> for Response {
    fn from(body: OffsetForLeaderEpochResponse) -> Self {
        Self::OffsetForLeaderEpoch(Box::new(body))
    }
}

impl From<DescribeConfigsResponse> for Response {
    fn from(body: DescribeConfigsResponse) -> Self {
        Self::DescribeConfigs(Box::new(body))
    }
}

impl From<DescribeClusterResponse> for Response {
    fn from(body: DescribeClusterResponse) -> Self {
        Self::DescribeCluster(Box::new(body))
    }
}

impl From<AlterConfigsResponse> for Response {
    fn from(body: AlterConfigsResponse) -> Self {
        Self::AlterConfigs(Box::new(body))
    }
}

impl From<CreatePartitionsResponse> for Response {
    fn from(body: CreatePartitionsResponse) -> Self {
        Self::CreatePartitions(Box::new(body))
    }
}

impl From<IncrementalAlterConfigsResponse> for Response {
    fn from(body: IncrementalAlterConfigsResponse) -> Self {
        Self::IncrementalAlterConfigs(Box::new(body))
    }
}

impl From<AlterReplicaLogDirsResponse> for Response {
    fn from(body: AlterReplicaLogDirsResponse) -> Self {
        Self::AlterReplicaLogDirs(Box::new(body))
    }
}

impl From<DescribeLogDirsResponse> for Response {
    fn from(body: DescribeLogDirsResponse) -> Self {
        Self::DescribeLogDirs(Box::new(body))
    }
}

impl From<ElectLeadersResponse> for Response {
    fn from(body: ElectLeadersResponse) -> Self {
        Self::ElectLeaders(Box::new(body))
    }
}

impl From<AlterPartitionReassignmentsResponse> for Response {
    fn from(body: AlterPartitionReassignmentsResponse) -> Self {
        Self::AlterPartitionReassignments(Box::new(body))
    }
}

impl From<ListPartitionReassignmentsResponse> for Response {
    fn from(body: ListPartitionReassignmentsResponse) -> Self {
        Self::ListPartitionReassignments(Box::new(body))
    }
}

impl From<OffsetDeleteResponse> for Response {
    fn from(body: OffsetDeleteResponse) -> Self {
        Self::OffsetDelete(Box::new(body))
    }
}

impl From<UpdateFeaturesResponse> for Response {
    fn from(body: UpdateFeaturesResponse) -> Self {
        Self::UpdateFeatures(Box::new(body))
    }
}

impl From<DescribeProducersResponse> for Response {
    fn from(body: DescribeProducersResponse) -> Self {
        Self::DescribeProducers(Box::new(body))
    }
}

impl From<DescribeClientQuotasResponse> for Response {
    fn from(body: DescribeClientQuotasResponse) -> Self {
        Self::DescribeClientQuotas(Box::new(body))
    }
}

impl From<AlterClientQuotasResponse> for Response {
    fn from(body: AlterClientQuotasResponse) -> Self {
        Self::AlterClientQuotas(Box::new(body))
    }
}

impl From<DescribeUserScramCredentialsResponse> for Response {
    fn from(body: DescribeUserScramCredentialsResponse) -> Self {
        Self::DescribeUserScramCredentials(Box::new(body))
    }
}

impl Response {
    /// Appends the body in this version.
    pub fn write(&self, w: &mut Writer, version: i16) {
        match self {
            Self::Produce(body) => Message::write(&**body, w, version),
            Self::Fetch(body) => Message::write(&**body, w, version),
            Self::ListOffsets(body) => Message::write(&**body, w, version),
            Self::Metadata(body) => Message::write(&**body, w, version),
            Self::OffsetCommit(body) => Message::write(&**body, w, version),
            Self::OffsetFetch(body) => Message::write(&**body, w, version),
            Self::FindCoordinator(body) => Message::write(&**body, w, version),
            Self::JoinGroup(body) => Message::write(&**body, w, version),
            Self::Heartbeat(body) => Message::write(&**body, w, version),
            Self::LeaveGroup(body) => Message::write(&**body, w, version),
            Self::SyncGroup(body) => Message::write(&**body, w, version),
            Self::DescribeGroups(body) => Message::write(&**body, w, version),
            Self::ListGroups(body) => Message::write(&**body, w, version),
            Self::DeleteGroups(body) => Message::write(&**body, w, version),
            Self::ApiVersions(body) => Message::write(&**body, w, version),
            Self::CreateTopics(body) => Message::write(&**body, w, version),
            Self::DeleteTopics(body) => Message::write(&**body, w, version),
            Self::DeleteRecords(body) => Message::write(&**body, w, version),
            Self::InitProducerId(body) => Message::write(&**body, w, version),
            Self::OffsetForLeaderEpoch(body) => Message::write(&**body, w, version),
            Self::DescribeConfigs(body) => Message::write(&**body, w, version),
            Self::DescribeCluster(body) => Message::write(&**body, w, version),
            Self::AlterConfigs(body) => Message::write(&**body, w, version),
            Self::CreatePartitions(body) => Message::write(&**body, w, version),
            Self::IncrementalAlterConfigs(body) => Message::write(&**body, w, version),
            Self::AlterReplicaLogDirs(body) => Message::write(&**body, w, version),
            Self::DescribeLogDirs(body) => Message::write(&**body, w, version),
            Self::ElectLeaders(body) => Message::write(&**body, w, version),
            Self::AlterPartitionReassignments(body) => Message::write(&**body, w, version),
            Self::ListPartitionReassignments(body) => Message::write(&**body, w, version),
            Self::OffsetDelete(body) => Message::write(&**body, w, version),
            Self::UpdateFeatures(body) => Message::write(&**body, w, version),
            Self::DescribeProducers(body) => Message::write(&**body, w, version),
            Self::DescribeClientQuotas(body) => Message::write(&**body, w, version),
            Self::AlterClientQuotas(body) => Message::write(&**body, w, version),
            Self::DescribeUserScramCredentials(body) => Message::write(&**body, w, version),
        }
    }

    /// Says for how long the client is made to rest; answers without such a field say nothing.
    pub fn set_throttle_time_ms(&mut self, throttle_time_ms: i32) {
        match self {
            Self::Produce(body) => body.throttle_time_ms = throttle_time_ms,
            Self::Fetch(body) => body.throttle_time_ms = throttle_time_ms,
            Self::ListOffsets(body) => body.throttle_time_ms = throttle_time_ms,
            Self::Metadata(body) => body.throttle_time_ms = throttle_time_ms,
            Self::OffsetCommit(body) => body.throttle_time_ms = throttle_time_ms,
            Self::OffsetFetch(body) => body.throttle_time_ms = throttle_time_ms,
            Self::FindCoordinator(body) => body.throttle_time_ms = throttle_time_ms,
            Self::JoinGroup(body) => body.throttle_time_ms = throttle_time_ms,
            Self::Heartbeat(body) => body.throttle_time_ms = throttle_time_ms,
            Self::LeaveGroup(body) => body.throttle_time_ms = throttle_time_ms,
            Self::SyncGroup(body) => body.throttle_time_ms = throttle_time_ms,
            Self::DescribeGroups(body) => body.throttle_time_ms = throttle_time_ms,
            Self::ListGroups(body) => body.throttle_time_ms = throttle_time_ms,
            Self::DeleteGroups(body) => body.throttle_time_ms = throttle_time_ms,
            Self::ApiVersions(body) => body.throttle_time_ms = throttle_time_ms,
            Self::CreateTopics(body) => body.throttle_time_ms = throttle_time_ms,
            Self::DeleteTopics(body) => body.throttle_time_ms = throttle_time_ms,
            Self::DeleteRecords(body) => body.throttle_time_ms = throttle_time_ms,
            Self::InitProducerId(body) => body.throttle_time_ms = throttle_time_ms,
            Self::OffsetForLeaderEpoch(body) => body.throttle_time_ms = throttle_time_ms,
            Self::DescribeConfigs(body) => body.throttle_time_ms = throttle_time_ms,
            Self::DescribeCluster(body) => body.throttle_time_ms = throttle_time_ms,
            Self::AlterConfigs(body) => body.throttle_time_ms = throttle_time_ms,
            Self::CreatePartitions(body) => body.throttle_time_ms = throttle_time_ms,
            Self::IncrementalAlterConfigs(body) => body.throttle_time_ms = throttle_time_ms,
            Self::AlterReplicaLogDirs(body) => body.throttle_time_ms = throttle_time_ms,
            Self::DescribeLogDirs(body) => body.throttle_time_ms = throttle_time_ms,
            Self::ElectLeaders(body) => body.throttle_time_ms = throttle_time_ms,
            Self::AlterPartitionReassignments(body) => body.throttle_time_ms = throttle_time_ms,
            Self::ListPartitionReassignments(body) => body.throttle_time_ms = throttle_time_ms,
            Self::OffsetDelete(body) => body.throttle_time_ms = throttle_time_ms,
            Self::UpdateFeatures(body) => body.throttle_time_ms = throttle_time_ms,
            Self::DescribeProducers(body) => body.throttle_time_ms = throttle_time_ms,
            Self::DescribeClientQuotas(body) => body.throttle_time_ms = throttle_time_ms,
            Self::AlterClientQuotas(body) => body.throttle_time_ms = throttle_time_ms,
            Self::DescribeUserScramCredentials(body) => body.throttle_time_ms = throttle_time_ms,
        }
    }
}

/// Every message and record there is, for tests, fuzzing and tools.
pub const CODECS: &[Codec] = &[
    message_codec::<ApiVersionsRequest>(true),
    message_codec::<ApiVersionsResponse>(false),
    message_codec::<MetadataRequest>(true),
    message_codec::<MetadataResponse>(false),
    message_codec::<DescribeClusterRequest>(true),
    message_codec::<DescribeClusterResponse>(false),
    message_codec::<DescribeTopicPartitionsRequest>(true),
    message_codec::<DescribeTopicPartitionsResponse>(false),
    message_codec::<DescribeConfigsRequest>(true),
    message_codec::<DescribeConfigsResponse>(false),
    message_codec::<AlterConfigsRequest>(true),
    message_codec::<AlterConfigsResponse>(false),
    message_codec::<IncrementalAlterConfigsRequest>(true),
    message_codec::<IncrementalAlterConfigsResponse>(false),
    message_codec::<DescribeClientQuotasRequest>(true),
    message_codec::<DescribeClientQuotasResponse>(false),
    message_codec::<AlterClientQuotasRequest>(true),
    message_codec::<AlterClientQuotasResponse>(false),
    message_codec::<UpdateFeaturesRequest>(true),
    message_codec::<UpdateFeaturesResponse>(false),
    record_codec::<ConsumerProtocolSubscription>(),
    record_codec::<ConsumerProtocolAssignment>(),
    message_codec::<LeaderAndIsrRequest>(true),
    message_codec::<LeaderAndIsrResponse>(false),
    message_codec::<StopReplicaRequest>(true),
    message_codec::<StopReplicaResponse>(false),
    message_codec::<UpdateMetadataRequest>(true),
    message_codec::<UpdateMetadataResponse>(false),
    message_codec::<ControlledShutdownRequest>(true),
    message_codec::<ControlledShutdownResponse>(false),
    message_codec::<AlterPartitionRequest>(true),
    message_codec::<AlterPartitionResponse>(false),
    message_codec::<EnvelopeRequest>(true),
    message_codec::<EnvelopeResponse>(false),
    message_codec::<AllocateProducerIdsRequest>(true),
    message_codec::<AllocateProducerIdsResponse>(false),
    message_codec::<ProduceRequest>(true),
    message_codec::<ProduceResponse>(false),
    message_codec::<FetchRequest>(true),
    message_codec::<FetchResponse>(false),
    message_codec::<ListOffsetsRequest>(true),
    message_codec::<ListOffsetsResponse>(false),
    message_codec::<DeleteRecordsRequest>(true),
    message_codec::<DeleteRecordsResponse>(false),
    message_codec::<OffsetForLeaderEpochRequest>(true),
    message_codec::<OffsetForLeaderEpochResponse>(false),
    message_codec::<OffsetCommitRequest>(true),
    message_codec::<OffsetCommitResponse>(false),
    message_codec::<OffsetFetchRequest>(true),
    message_codec::<OffsetFetchResponse>(false),
    message_codec::<FindCoordinatorRequest>(true),
    message_codec::<FindCoordinatorResponse>(false),
    message_codec::<JoinGroupRequest>(true),
    message_codec::<JoinGroupResponse>(false),
    message_codec::<HeartbeatRequest>(true),
    message_codec::<HeartbeatResponse>(false),
    message_codec::<LeaveGroupRequest>(true),
    message_codec::<LeaveGroupResponse>(false),
    message_codec::<SyncGroupRequest>(true),
    message_codec::<SyncGroupResponse>(false),
    message_codec::<DescribeGroupsRequest>(true),
    message_codec::<DescribeGroupsResponse>(false),
    message_codec::<ListGroupsRequest>(true),
    message_codec::<ListGroupsResponse>(false),
    message_codec::<DeleteGroupsRequest>(true),
    message_codec::<DeleteGroupsResponse>(false),
    message_codec::<OffsetDeleteRequest>(true),
    message_codec::<OffsetDeleteResponse>(false),
    message_codec::<ConsumerGroupHeartbeatRequest>(true),
    message_codec::<ConsumerGroupHeartbeatResponse>(false),
    message_codec::<ConsumerGroupDescribeRequest>(true),
    message_codec::<ConsumerGroupDescribeResponse>(false),
    message_codec::<AlterReplicaLogDirsRequest>(true),
    message_codec::<AlterReplicaLogDirsResponse>(false),
    message_codec::<DescribeLogDirsRequest>(true),
    message_codec::<DescribeLogDirsResponse>(false),
    record_codec::<OffsetCommitKey>(),
    record_codec::<OffsetCommitValue>(),
    record_codec::<GroupMetadataKey>(),
    record_codec::<GroupMetadataValue>(),
    record_codec::<ConsumerGroupMetadataKey>(),
    record_codec::<ConsumerGroupMetadataValue>(),
    record_codec::<ConsumerGroupPartitionMetadataKey>(),
    record_codec::<ConsumerGroupPartitionMetadataValue>(),
    record_codec::<ConsumerGroupMemberMetadataKey>(),
    record_codec::<ConsumerGroupMemberMetadataValue>(),
    record_codec::<ConsumerGroupTargetAssignmentMetadataKey>(),
    record_codec::<ConsumerGroupTargetAssignmentMetadataValue>(),
    record_codec::<ConsumerGroupTargetAssignmentMemberKey>(),
    record_codec::<ConsumerGroupTargetAssignmentMemberValue>(),
    record_codec::<ConsumerGroupCurrentMemberAssignmentKey>(),
    record_codec::<ConsumerGroupCurrentMemberAssignmentValue>(),
    record_codec::<TransactionLogKey>(),
    record_codec::<TransactionLogValue>(),
    record_codec::<EndTxnMarker>(),
    record_codec::<DefaultPrincipalData>(),
    message_codec::<SaslHandshakeRequest>(true),
    message_codec::<SaslHandshakeResponse>(false),
    message_codec::<SaslAuthenticateRequest>(true),
    message_codec::<SaslAuthenticateResponse>(false),
    message_codec::<DescribeAclsRequest>(true),
    message_codec::<DescribeAclsResponse>(false),
    message_codec::<CreateAclsRequest>(true),
    message_codec::<CreateAclsResponse>(false),
    message_codec::<DeleteAclsRequest>(true),
    message_codec::<DeleteAclsResponse>(false),
    message_codec::<CreateDelegationTokenRequest>(true),
    message_codec::<CreateDelegationTokenResponse>(false),
    message_codec::<RenewDelegationTokenRequest>(true),
    message_codec::<RenewDelegationTokenResponse>(false),
    message_codec::<ExpireDelegationTokenRequest>(true),
    message_codec::<ExpireDelegationTokenResponse>(false),
    message_codec::<DescribeDelegationTokenRequest>(true),
    message_codec::<DescribeDelegationTokenResponse>(false),
    message_codec::<DescribeUserScramCredentialsRequest>(true),
    message_codec::<DescribeUserScramCredentialsResponse>(false),
    message_codec::<AlterUserScramCredentialsRequest>(true),
    message_codec::<AlterUserScramCredentialsResponse>(false),
    message_codec::<GetTelemetrySubscriptionsRequest>(true),
    message_codec::<GetTelemetrySubscriptionsResponse>(false),
    message_codec::<PushTelemetryRequest>(true),
    message_codec::<PushTelemetryResponse>(false),
    message_codec::<CreateTopicsRequest>(true),
    message_codec::<CreateTopicsResponse>(false),
    message_codec::<DeleteTopicsRequest>(true),
    message_codec::<DeleteTopicsResponse>(false),
    message_codec::<CreatePartitionsRequest>(true),
    message_codec::<CreatePartitionsResponse>(false),
    message_codec::<ElectLeadersRequest>(true),
    message_codec::<ElectLeadersResponse>(false),
    message_codec::<AlterPartitionReassignmentsRequest>(true),
    message_codec::<AlterPartitionReassignmentsResponse>(false),
    message_codec::<ListPartitionReassignmentsRequest>(true),
    message_codec::<ListPartitionReassignmentsResponse>(false),
    message_codec::<InitProducerIdRequest>(true),
    message_codec::<InitProducerIdResponse>(false),
    message_codec::<AddPartitionsToTxnRequest>(true),
    message_codec::<AddPartitionsToTxnResponse>(false),
    message_codec::<AddOffsetsToTxnRequest>(true),
    message_codec::<AddOffsetsToTxnResponse>(false),
    message_codec::<EndTxnRequest>(true),
    message_codec::<EndTxnResponse>(false),
    message_codec::<WriteTxnMarkersRequest>(true),
    message_codec::<WriteTxnMarkersResponse>(false),
    message_codec::<TxnOffsetCommitRequest>(true),
    message_codec::<TxnOffsetCommitResponse>(false),
    message_codec::<DescribeProducersRequest>(true),
    message_codec::<DescribeProducersResponse>(false),
    message_codec::<DescribeTransactionsRequest>(true),
    message_codec::<DescribeTransactionsResponse>(false),
    message_codec::<ListTransactionsRequest>(true),
    message_codec::<ListTransactionsResponse>(false),
];
