//! Which function serves which API of the node.

use base::Str;
use kafka_wire::Request;

use super::{Level, Node};
use crate::api;
use crate::shard::RequestToken;

/// Serves a request; the answer leaves as [`super::NodeEffect::Reply`], now or later.
pub(crate) fn handle(node: &mut Node, token: RequestToken, listener: &Str, version: i16, request: Request) {
    match request {
        Request::Metadata(request) => api::metadata::handle(node, token, listener, version, request),
        Request::FindCoordinator(request) => api::find_coordinator::handle(node, token, listener, version, request),
        Request::CreateTopics(request) => api::create_topics::handle(node, token, version, &request),
        Request::DeleteTopics(request) => api::delete_topics::handle(node, token, version, &request),
        Request::CreatePartitions(request) => api::create_partitions::handle(node, token, &request),
        Request::AlterConfigs(request) => api::alter_configs::handle(node, token, &request),
        Request::IncrementalAlterConfigs(request) => api::incremental_alter_configs::handle(node, token, &request),
        Request::InitProducerId(request) => api::init_producer_id::handle(node, token, &request),
        Request::DescribeConfigs(request) => api::describe_configs::handle(node, token, request),
        Request::DescribeCluster(request) => api::describe_cluster::handle(node, token, listener, &request),
        Request::ElectLeaders(request) => api::elect_leaders::handle(node, token, *request),
        Request::AlterPartitionReassignments(request) => api::partition_reassignments::alter(node, token, *request),
        Request::ListPartitionReassignments(request) => api::partition_reassignments::list(node, token, &request),
        Request::UpdateFeatures(request) => api::update_features::handle(node, token, *request),
        Request::DescribeClientQuotas(request) => api::describe_client_quotas::handle(node, token, &request),
        Request::AlterClientQuotas(request) => api::alter_client_quotas::handle(node, token, *request),
        Request::DescribeUserScramCredentials(request) => {
            api::describe_user_scram_credentials::handle(node, token, &request);
        }
        other => node.ctx.log(Level::Error, format!("{:?} is not an API of the node", other.key())),
    }
}
