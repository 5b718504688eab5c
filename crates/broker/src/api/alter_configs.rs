//! AlterConfigs (33), versions 0-2: replaces everything that is set for a resource. Deprecated since 2.3 in favour of
//! IncrementalAlterConfigs, and still what older tools send.

use kafka_wire::messages::AlterConfigsRequest;

use super::incremental_alter_configs::{Change, Resource, alter};
use crate::node::Node;
use crate::shard::RequestToken;

pub(crate) fn handle(node: &mut Node, token: RequestToken, request: &AlterConfigsRequest) {
    let resources = request.resources.iter().map(|resource| Resource {
        resource_type: resource.resource_type,
        name: resource.resource_name.clone(),
        replace: true,
        changes: (resource.configs.iter())
            .map(|config| Change { name: config.name.clone(), operation: 0, value: config.value.clone() })
            .collect(),
    });
    alter(node, token, resources.collect(), request.validate_only, true);
}
