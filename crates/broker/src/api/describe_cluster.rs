//! DescribeCluster (60), versions 0-1: brokers and the controller, for admin clients.

use base::Str;
use kafka_wire::ErrorCode;
use kafka_wire::messages::{DescribeClusterRequest, DescribeClusterResponse, DescribeClusterResponseBrokers};

use super::metadata::{CLUSTER_OPERATIONS, NOT_REQUESTED};
use crate::node::Node;
use crate::shard::RequestToken;

/// `endpoint_type` of brokers.
const BROKERS: i8 = 1;
/// Of controllers, which only KRaft has apart.
const CONTROLLERS: i8 = 2;

pub(crate) fn handle(node: &mut Node, token: RequestToken, listener: &Str, request: &DescribeClusterRequest) {
    if request.endpoint_type != BROKERS {
        let (code, why) = match request.endpoint_type {
            CONTROLLERS => (ErrorCode::MISMATCHED_ENDPOINT_TYPE, "The request was sent to an endpoint of type BROKER"),
            _ => (ErrorCode::UNSUPPORTED_ENDPOINT_TYPE, "There is no such type of endpoint."),
        };
        let response = DescribeClusterResponse {
            error_code: code.0,
            error_message: Some(Str::from_static(why)),
            ..DescribeClusterResponse::default()
        };
        node.ctx.reply(token, response);
        return;
    }
    let image = &node.ctx.image;
    let brokers = image.brokers.values().filter_map(|broker| {
        let endpoint = broker.endpoint(listener)?;
        Some(DescribeClusterResponseBrokers {
            broker_id: broker.id,
            host: endpoint.host.clone(),
            port: endpoint.port,
            rack: broker.rack.clone(),
        })
    });
    let wanted = request.include_cluster_authorized_operations;
    let response = DescribeClusterResponse {
        endpoint_type: BROKERS,
        cluster_id: image.cluster_id.clone(),
        controller_id: image.controller_id.unwrap_or(-1),
        brokers: brokers.collect(),
        cluster_authorized_operations: if wanted { CLUSTER_OPERATIONS } else { NOT_REQUESTED },
        ..DescribeClusterResponse::default()
    };
    node.ctx.reply(token, response);
}
