//! UpdateFeatures (57), versions 0-1: a broker in ZooKeeper mode supports no feature that could be updated
//! (`KafkaController.processFeatureUpdates` over `BrokerFeatures.createEmpty`).

use kafka_wire::ErrorCode;
use kafka_wire::messages::{UpdateFeaturesRequest, UpdateFeaturesResponse, UpdateFeaturesResponseResults};

use crate::node::Node;
use crate::shard::RequestToken;

pub(crate) fn handle(node: &mut Node, token: RequestToken, request: UpdateFeaturesRequest) {
    let mut response = UpdateFeaturesResponse::default();
    if node.controller.is_active() {
        let why = "Could not apply finalized feature update because the provided feature is not supported.";
        let refused = |feature| UpdateFeaturesResponseResults {
            feature,
            error_code: ErrorCode::INVALID_REQUEST.0,
            error_message: Some(why.into()),
        };
        response.results = request.feature_updates.into_iter().map(|update| refused(update.feature)).collect();
    } else {
        response.error_code = ErrorCode::NOT_CONTROLLER.0;
    }
    node.ctx.reply(token, response);
}
