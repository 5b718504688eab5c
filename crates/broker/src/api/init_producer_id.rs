//! InitProducerId (22), versions 0-5: an id for an idempotent producer. Transactional ids are refused until there is a
//! transaction coordinator.

use kafka_wire::ErrorCode;
use kafka_wire::messages::{InitProducerIdRequest, InitProducerIdResponse};

use crate::node::Node;
use crate::shard::RequestToken;

pub(crate) fn handle(node: &mut Node, token: RequestToken, request: &InitProducerIdRequest) {
    if request.transactional_id.is_some() {
        // a code that clients do not try again on
        let error_code = ErrorCode::INVALID_REQUEST.0;
        let response = InitProducerIdResponse { error_code, producer_epoch: -1, ..InitProducerIdResponse::default() };
        node.ctx.reply(token, response);
        return;
    }
    node.producer_ids.request(&mut node.ctx, token);
}
