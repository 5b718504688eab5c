//! OffsetFetch (API 9), one group of it. What is not committed answers offset -1, never an error.

use std::collections::BTreeMap;

use base::Str;
use kafka_wire::messages::{
    OffsetFetchRequestGroups, OffsetFetchResponseGroups, OffsetFetchResponseGroupsTopics,
    OffsetFetchResponseTopicsPartitions,
};

use super::offsets::Committed;
use super::{GroupCoordinator, GroupReplyBody};

pub(super) fn handle(coordinator: &GroupCoordinator, request: OffsetFetchRequestGroups) -> GroupReplyBody {
    let offsets = coordinator.offsets.of_group(&request.group_id);
    let mut topics: BTreeMap<Str, Vec<OffsetFetchResponseTopicsPartitions>> = BTreeMap::new();
    let mut in_order: Vec<Str> = Vec::new();
    let mut push = |topic: &Str, partition: i32, committed: Option<&Committed>| {
        if !topics.contains_key(&**topic) {
            in_order.push(topic.clone());
        }
        topics.entry(topic.clone()).or_default().push(answer(partition, committed));
    };
    match &request.topics {
        Some(asked) => {
            for topic in asked {
                for partition in &topic.partition_indexes {
                    let committed = offsets.and_then(|offsets| offsets.get(&(topic.name.clone(), *partition)));
                    push(&topic.name, *partition, committed);
                }
            }
        }
        None => {
            for ((topic, partition), committed) in offsets.into_iter().flatten() {
                push(topic, *partition, Some(committed));
            }
        }
    }
    let topics = in_order.into_iter().map(|name| {
        let partitions = topics.remove(&*name).unwrap_or_default();
        OffsetFetchResponseGroupsTopics { name, partitions }
    });
    let topics = topics.collect();
    GroupReplyBody::OffsetFetch(OffsetFetchResponseGroups { group_id: request.group_id, topics, error_code: 0 })
}

fn answer(partition_index: i32, committed: Option<&Committed>) -> OffsetFetchResponseTopicsPartitions {
    OffsetFetchResponseTopicsPartitions {
        partition_index,
        committed_offset: committed.map_or(-1, |c| c.offset),
        committed_leader_epoch: committed.map_or(-1, |c| c.leader_epoch),
        metadata: Some(committed.map(|c| c.metadata.clone()).unwrap_or_default()),
        error_code: 0,
    }
}
