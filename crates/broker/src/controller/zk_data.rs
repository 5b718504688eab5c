//! Paths and documents of znodes, between the controller's types and [`kafka_wire::znodes`] (`ZkData.scala`). A document
//! that makes no sense is `None` here: whoever reads it says so with its path.

use std::collections::BTreeMap;

use base::Str;
use bytes::Bytes;
use kafka_wire::Uuid;
use kafka_wire::znodes::{self, BrokerEndpoint, SecurityProtocol};

use super::TOPICS;
use super::context::{Assignment, PartitionState, Topic};
use crate::config::{BrokerConfig, Properties};
use crate::metadata_cache::{BrokerImage, Endpoint};
use crate::{TopicId, TopicPartition};

/// `/brokers/topics/<t>/partitions/<p>`.
pub(crate) fn partition_path(partition: &TopicPartition) -> String {
    format!("{TOPICS}/{}/partitions/{}", partition.topic, partition.partition)
}

/// `/brokers/topics/<t>/partitions/<p>/state`.
pub(crate) fn state_path(partition: &TopicPartition) -> String {
    format!("{}/state", partition_path(partition))
}

pub(crate) fn cluster_id(id: &str) -> Bytes {
    znodes::ClusterId(id.to_string()).to_json()
}

pub(crate) fn parse_cluster_id(data: &[u8]) -> Option<Str> {
    znodes::ClusterId::parse(data).ok().map(|id| Str::from(id.0))
}

pub(crate) fn broker_registration(config: &BrokerConfig, wall_ms: i64) -> Bytes {
    let endpoints = config.advertised_listeners.iter().map(|endpoint| BrokerEndpoint {
        listener: endpoint.listener.to_string(),
        protocol: SecurityProtocol::from_code(endpoint.security_protocol).expect("parsed from a name"),
        host: endpoint.host.to_string(),
        port: endpoint.port,
    });
    let registration = znodes::BrokerRegistration {
        endpoints: endpoints.collect(),
        jmx_port: -1,
        timestamp_ms: wall_ms,
        rack: config.rack.as_ref().map(Str::to_string),
        features: BTreeMap::new(),
    };
    registration.to_json()
}

pub(crate) fn parse_broker(id: i32, data: &[u8]) -> Option<BrokerImage> {
    let registration = znodes::BrokerRegistration::parse(data).ok()?;
    let endpoints = registration.endpoints.into_iter().map(|endpoint| Endpoint {
        listener: Str::from(endpoint.listener),
        host: Str::from(endpoint.host),
        port: endpoint.port,
        security_protocol: endpoint.protocol.code(),
    });
    Some(BrokerImage { id, endpoints: endpoints.collect(), rack: registration.rack.map(Str::from) })
}

pub(crate) fn controller(broker_id: i32, wall_ms: i64) -> Bytes {
    znodes::ControllerNode { broker_id, timestamp_ms: wall_ms, kraft_controller_epoch: -1 }.to_json()
}

pub(crate) fn parse_controller(data: &[u8]) -> Option<i32> {
    znodes::ControllerNode::parse(data).ok().map(|controller| controller.broker_id)
}

pub(crate) fn epoch(epoch: i32) -> Bytes {
    znodes::controller_epoch_bytes(epoch)
}

pub(crate) fn parse_epoch(data: &[u8]) -> Option<i32> {
    znodes::parse_controller_epoch(data).ok().filter(|epoch| (0..i32::MAX).contains(epoch))
}

pub(crate) fn topic(topic: &Topic) -> Bytes {
    let each = |list: fn(&Assignment) -> &Vec<i32>| -> BTreeMap<i32, Vec<i32>> {
        topic.partitions.iter().map(|(partition, assignment)| (*partition, list(assignment).clone())).collect()
    };
    let moving = |list: fn(&Assignment) -> &Vec<i32>| -> BTreeMap<i32, Vec<i32>> {
        each(list).into_iter().filter(|(_, brokers)| !brokers.is_empty()).collect()
    };
    let document = znodes::TopicAssignment {
        topic_id: (!topic.id.is_zero()).then_some(Uuid(topic.id.0)),
        partitions: each(|assignment| &assignment.replicas),
        adding_replicas: moving(|assignment| &assignment.adding),
        removing_replicas: moving(|assignment| &assignment.removing),
    };
    document.to_json()
}

pub(crate) fn parse_topic(data: &[u8]) -> Option<Topic> {
    let document = znodes::TopicAssignment::parse(data).ok()?;
    let of = |map: &BTreeMap<i32, Vec<i32>>, partition: &i32| map.get(partition).cloned().unwrap_or_default();
    let partitions = (document.partitions.iter())
        .map(|(partition, replicas)| {
            let assignment = Assignment {
                replicas: replicas.clone(),
                adding: of(&document.adding_replicas, partition),
                removing: of(&document.removing_replicas, partition),
            };
            (*partition, assignment)
        })
        .collect();
    let id = document.topic_id.map_or(TopicId::ZERO, |id| TopicId(id.0));
    Some(Topic { id, version: 0, partitions })
}

pub(crate) fn state(state: &PartitionState) -> Bytes {
    let document = znodes::PartitionState {
        leader: state.leader,
        leader_epoch: state.leader_epoch,
        isr: state.isr.clone(),
        controller_epoch: state.controller_epoch,
        recovering: state.recovery_state == 1,
    };
    document.to_json()
}

/// The version of the znode is not in the document.
pub(crate) fn parse_state(data: &[u8]) -> Option<PartitionState> {
    let document = znodes::PartitionState::parse(data).ok()?;
    Some(PartitionState {
        leader: document.leader,
        leader_epoch: document.leader_epoch,
        isr: document.isr,
        controller_epoch: document.controller_epoch,
        recovery_state: i8::from(document.recovering),
        partition_epoch: 0,
    })
}

pub(crate) fn config(entries: &Properties) -> Bytes {
    znodes::EntityConfig { entries: entries.clone() }.to_json()
}

pub(crate) fn parse_config(data: &[u8]) -> Option<Properties> {
    znodes::EntityConfig::parse(data).ok().map(|config| config.entries)
}

pub(crate) fn config_change(entity_path: &str) -> Bytes {
    znodes::ConfigChange { entity_path: entity_path.to_string() }.to_json()
}

/// The path, below `/config`, of the entity that changed.
pub(crate) fn parse_config_change(data: &[u8]) -> Option<String> {
    znodes::ConfigChange::parse(data).ok().map(|change| change.entity_path)
}

pub(crate) fn producer_id_block(broker: i32, start: i64, end: i64) -> Bytes {
    znodes::ProducerIdBlock { broker, start, end }.to_json()
}

/// The last id of the block.
pub(crate) fn parse_producer_id_block(data: &[u8]) -> Option<i64> {
    znodes::ProducerIdBlock::parse(data).ok().map(|block| block.end)
}

/// `/feature` without any: what a cluster without KRaft features has.
pub(crate) fn feature() -> Bytes {
    znodes::FeatureNode { enabled: true, features: BTreeMap::new() }.to_json()
}
