//! ElectLeaders (43), versions 0-2: preferred (0) or unclean (1) elections; the controller holds them
//! ([`crate::controller::elections`]).

use kafka_wire::ErrorCode;
use kafka_wire::messages::{
    ElectLeadersRequest, ElectLeadersResponse, ElectLeadersResponsePartitionResult,
    ElectLeadersResponseReplicaElectionResults,
};

use crate::TopicPartition;
use crate::controller::Event;
use crate::controller::elections::LeaderElection;
use crate::node::Node;
use crate::shard::RequestToken;

const UNCLEAN: i8 = 1;

pub(crate) fn handle(node: &mut Node, token: RequestToken, request: ElectLeadersRequest) {
    if !node.controller.is_active() {
        let refused = |partition_id| ElectLeadersResponsePartitionResult {
            partition_id,
            error_code: ErrorCode::NOT_CONTROLLER.0,
            error_message: None,
        };
        let topics = request.topic_partitions.into_iter().flatten();
        let results = topics.map(|topic| ElectLeadersResponseReplicaElectionResults {
            topic: topic.topic,
            partition_result: topic.partitions.into_iter().map(refused).collect(),
        });
        let response = ElectLeadersResponse { replica_election_results: results.collect(), ..Default::default() };
        return node.ctx.reply(token, response);
    }
    let partitions = request.topic_partitions.map(|topics| {
        let of = |topic: kafka_wire::messages::ElectLeadersRequestTopicPartitions| {
            let name = topic.topic.detached();
            topic.partitions.into_iter().map(move |partition| TopicPartition { topic: name.clone(), partition })
        };
        topics.into_iter().flat_map(of).collect()
    });
    let election = LeaderElection { token: Some(token), unclean: request.election_type == UNCLEAN, partitions };
    node.controller.enqueue(&mut node.ctx, Event::ElectLeaders(election));
}
