//! AlterPartitionReassignments (45) and ListPartitionReassignments (46), version 0: what one broker can answer.

use kafka_wire::ErrorCode;
use kafka_wire::messages::{
    AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse,
    AlterPartitionReassignmentsResponsePartitions, AlterPartitionReassignmentsResponseResponses,
    ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse,
    ListPartitionReassignmentsResponsePartitions, ListPartitionReassignmentsResponseTopics,
};

use crate::TopicPartition;
use crate::node::Node;
use crate::shard::RequestToken;

pub(crate) fn alter(node: &mut Node, token: RequestToken, request: AlterPartitionReassignmentsRequest) {
    let mut response = AlterPartitionReassignmentsResponse::default();
    if !node.controller.is_active() {
        response.error_code = ErrorCode::NOT_CONTROLLER.0;
        return node.ctx.reply(token, response);
    }
    for topic in request.topics {
        let one = |wish: kafka_wire::messages::AlterPartitionReassignmentsRequestPartitions| {
            let partition = TopicPartition { topic: topic.name.clone(), partition: wish.partition_index };
            let refused = node.controller.check_reassignment(&partition, wish.replicas.as_deref()).err();
            AlterPartitionReassignmentsResponsePartitions {
                partition_index: wish.partition_index,
                error_code: refused.as_ref().map_or(0, |(code, _)| code.0),
                error_message: refused.map(|(_, why)| why.into()),
            }
        };
        let partitions = topic.partitions.into_iter().map(one).collect();
        let name = topic.name.clone();
        response.responses.push(AlterPartitionReassignmentsResponseResponses { name, partitions });
    }
    node.ctx.reply(token, response);
}

pub(crate) fn list(node: &mut Node, token: RequestToken, request: &ListPartitionReassignmentsRequest) {
    let mut response = ListPartitionReassignmentsResponse::default();
    if !node.controller.is_active() {
        response.error_code = ErrorCode::NOT_CONTROLLER.0;
        return node.ctx.reply(token, response);
    }
    let wanted = |topic: &str, partition: i32| {
        request.topics.as_ref().is_none_or(|topics| {
            topics.iter().any(|asked| asked.name == *topic && asked.partition_indexes.contains(&partition))
        })
    };
    for (name, topic) in &node.controller.context.topics {
        let moving = topic.partitions.iter().filter(|(_, held)| !held.adding.is_empty() || !held.removing.is_empty());
        let partitions: Vec<_> = moving
            .filter(|(partition, _)| wanted(name, **partition))
            .map(|(partition, held)| ListPartitionReassignmentsResponsePartitions {
                partition_index: *partition,
                replicas: held.replicas.clone(),
                adding_replicas: held.adding.clone(),
                removing_replicas: held.removing.clone(),
            })
            .collect();
        if !partitions.is_empty() {
            response.topics.push(ListPartitionReassignmentsResponseTopics { name: name.clone(), partitions });
        }
    }
    node.ctx.reply(token, response);
}
