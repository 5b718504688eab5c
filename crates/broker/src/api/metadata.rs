//! Metadata (3), versions 0-12: brokers, topics, leaders; makes unknown topics when asked to.
//!
//! v4 lets clients forbid auto creation, v8 asks for authorized operations, v10 adds topic ids, v12 looks up by id. A
//! topic that is made on demand is waited for a moment, so that the first produce finds its leader; upstream answers
//! LEADER_NOT_AVAILABLE at once. So is the cluster, by who asks a broker that has just started.

use std::time::Duration;

use base::Str;
use kafka_wire::messages::{
    MetadataRequest, MetadataRequestTopics, MetadataResponse, MetadataResponseBrokers, MetadataResponsePartitions,
    MetadataResponseTopics,
};
use kafka_wire::{ErrorCode, Uuid};

use super::create_topics;
use crate::TopicId;
use crate::metadata_cache::{MetadataImage, PartitionImage, TopicImage};
use crate::node::Node;
use crate::node::waiting::{AUTO_CREATE_WAIT_MS, CLUSTER_WAIT_MS, Entry, Kind};
use crate::shard::RequestToken;

/// Everything that can be done to a topic, as bits: READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE, DESCRIBE_CONFIGS,
/// ALTER_CONFIGS.
const TOPIC_OPERATIONS: i32 = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 11;
/// Everything that can be done to the cluster: CREATE, ALTER, DESCRIBE, CLUSTER_ACTION, DESCRIBE_CONFIGS, ALTER_CONFIGS,
/// IDEMPOTENT_WRITE.
pub(crate) const CLUSTER_OPERATIONS: i32 = 1 << 5 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 10 | 1 << 11 | 1 << 12;
/// The operations were not asked for.
pub(crate) const NOT_REQUESTED: i32 = i32::MIN;

/// The internal topics.
pub fn is_internal(topic: &str) -> bool {
    topic == create_topics::GROUP_METADATA_TOPIC || topic == create_topics::TRANSACTION_STATE_TOPIC
}

/// Serves a request; `waiting` for topics that it makes.
pub(crate) fn handle(
    node: &mut Node,
    token: RequestToken,
    listener: &Str,
    version: i16,
    request: Box<MetadataRequest>,
) {
    if node.ctx.image.brokers.is_empty() {
        let until = node.ctx.now.mono + Duration::from_millis(CLUSTER_WAIT_MS);
        let kind = Kind::Cluster { request, listener: listener.clone(), version };
        node.waiting.entries.push(Entry { token, until, failed: Vec::new(), kind });
        return;
    }
    serve(node, token, listener, version, request);
}

/// Serves a request that came before this broker knew of any, or gives it back.
pub(crate) fn resume_at_start(node: &mut Node, entry: Entry, late: bool) -> Option<Entry> {
    if node.ctx.image.brokers.is_empty() && !late {
        return Some(entry);
    }
    let Kind::Cluster { request, listener, version } = entry.kind else { return None };
    serve(node, entry.token, &listener, version, request);
    None
}

fn serve(node: &mut Node, token: RequestToken, listener: &Str, version: i16, request: Box<MetadataRequest>) {
    if let Some(response) = refused(&request, version) {
        node.ctx.reply(token, response);
        return;
    }
    let (response, missing) = answer(&node.ctx.image, &request, listener, version);
    let may_create = (version < 4 || request.allow_auto_topic_creation)
        && node.ctx.config.flag("auto.create.topics.enable")
        && !node.ctx.image.brokers.is_empty();
    if missing.is_empty() || !may_create {
        node.ctx.reply(token, response);
        return;
    }
    let until = node.ctx.now.mono + Duration::from_millis(AUTO_CREATE_WAIT_MS);
    let kind = Kind::Metadata { request, listener: listener.clone(), version };
    node.waiting.entries.push(Entry { token, until, failed: Vec::new(), kind });
    create_topics::create_on_demand(node, missing);
}

/// Answers a request that waited, or gives it back.
pub(crate) fn resume(node: &mut Node, entry: Entry, late: bool) -> Option<Entry> {
    let Kind::Metadata { request, listener, version } = &entry.kind else { return None };
    let (mut response, missing) = answer(&node.ctx.image, request, listener, *version);
    let mut pending = false;
    for topic in &mut response.topics {
        let Some(name) = topic.name.clone().filter(|name| missing.contains(name)) else { continue };
        match entry.failed.iter().find(|(failed, _)| *failed == name) {
            Some((_, code)) => topic.error_code = *code,
            None => {
                topic.error_code = ErrorCode::LEADER_NOT_AVAILABLE.0;
                pending = true;
            }
        }
    }
    if pending && !late {
        return Some(entry);
    }
    node.ctx.reply(entry.token, response);
    None
}

/// Versions 10 and 11 carry topic ids and do not look topics up by them.
fn refused(request: &MetadataRequest, version: i16) -> Option<MetadataResponse> {
    let topics = request.topics.as_ref().filter(|_| version < 12)?;
    if topics.iter().all(|topic| topic.name.is_some() && topic.topic_id == Uuid::ZERO) {
        return None;
    }
    let one = |topic: &MetadataRequestTopics| MetadataResponseTopics {
        error_code: ErrorCode::INVALID_REQUEST.0,
        name: Some(topic.name.clone().unwrap_or_default()),
        topic_id: topic.topic_id,
        ..MetadataResponseTopics::default()
    };
    let topics = topics.iter().map(one).collect();
    Some(MetadataResponse { controller_id: -1, topics, ..MetadataResponse::default() })
}

/// The answer as the image has it, and the topics that could be made.
pub fn answer(
    image: &MetadataImage,
    request: &MetadataRequest,
    listener: &Str,
    version: i16,
) -> (MetadataResponse, Vec<Str>) {
    let mut topics = Vec::new();
    let mut missing = Vec::new();
    let operations = if request.include_topic_authorized_operations { TOPIC_OPERATIONS } else { NOT_REQUESTED };
    match &request.topics {
        Some(wanted) if version > 0 || !wanted.is_empty() => {
            for topic in wanted {
                let entry = match &topic.name {
                    Some(name) => match image.topic(name) {
                        Some(known) => describe(image, name, known, listener, operations),
                        None => unknown_name(name, operations, &mut missing),
                    },
                    None => match image.topic_name(TopicId(topic.topic_id.0)) {
                        Some(name) => describe(image, name, &image.topics[name], listener, operations),
                        None => unknown_id(topic.topic_id),
                    },
                };
                topics.push(entry);
            }
        }
        _ => topics.extend(image.topics.iter().map(|(name, topic)| describe(image, name, topic, listener, operations))),
    }
    let brokers = image.brokers.values().filter_map(|broker| {
        let endpoint = broker.endpoint(listener)?;
        Some(MetadataResponseBrokers {
            node_id: broker.id,
            host: endpoint.host.clone(),
            port: endpoint.port,
            rack: broker.rack.clone(),
        })
    });
    let cluster = request.include_cluster_authorized_operations;
    let response = MetadataResponse {
        brokers: brokers.collect(),
        cluster_id: Some(image.cluster_id.clone()),
        controller_id: image.controller_id.unwrap_or(-1),
        topics,
        cluster_authorized_operations: if cluster { CLUSTER_OPERATIONS } else { NOT_REQUESTED },
        ..MetadataResponse::default()
    };
    (response, missing)
}

fn unknown_name(name: &Str, operations: i32, missing: &mut Vec<Str>) -> MetadataResponseTopics {
    let error = match create_topics::check_name(name) {
        Ok(()) => {
            if !missing.contains(name) {
                missing.push(name.detached());
            }
            ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
        }
        Err(_) => ErrorCode::INVALID_TOPIC_EXCEPTION,
    };
    let name = Some(name.clone());
    let is_internal = name.as_deref().is_some_and(is_internal);
    // What may be done to it does not depend on its being there.
    let topic_authorized_operations = operations;
    MetadataResponseTopics {
        error_code: error.0,
        name,
        is_internal,
        topic_authorized_operations,
        ..MetadataResponseTopics::default()
    }
}

fn unknown_id(topic_id: Uuid) -> MetadataResponseTopics {
    let error_code = ErrorCode::UNKNOWN_TOPIC_ID.0;
    MetadataResponseTopics { error_code, topic_id, ..MetadataResponseTopics::default() }
}

fn describe(
    image: &MetadataImage,
    name: &Str,
    topic: &TopicImage,
    listener: &str,
    operations: i32,
) -> MetadataResponseTopics {
    let partitions = topic.partitions.iter().map(|(number, partition)| MetadataResponsePartitions {
        error_code: partition_error(image, partition, listener).0,
        partition_index: *number,
        leader_id: if partition.leader < 0 { -1 } else { partition.leader },
        leader_epoch: partition.leader_epoch,
        replica_nodes: partition.replicas.clone(),
        isr_nodes: partition.isr.clone(),
        offline_replicas: partition.offline_replicas.clone(),
    });
    MetadataResponseTopics {
        error_code: 0,
        name: Some(name.clone()),
        topic_id: Uuid(topic.id.0),
        is_internal: is_internal(name),
        partitions: partitions.collect(),
        topic_authorized_operations: operations,
    }
}

fn partition_error(image: &MetadataImage, partition: &PartitionImage, listener: &str) -> ErrorCode {
    match image.broker(partition.leader) {
        None => ErrorCode::LEADER_NOT_AVAILABLE,
        Some(leader) if leader.endpoint(listener).is_none() => ErrorCode::LISTENER_NOT_FOUND,
        Some(_) => ErrorCode::NONE,
    }
}

/// Whether every partition of a topic has a live leader.
pub(crate) fn has_leaders(image: &MetadataImage, topic: &str) -> bool {
    image.topic(topic).is_some_and(|topic| {
        !topic.partitions.is_empty()
            && topic.partitions.values().all(|partition| image.brokers.contains_key(&partition.leader))
    })
}
