//! Documents that anybody with access to ZooKeeper could have left there. What is read and written again reads the same.
#![no_main]

use std::fmt::Debug;

use bytes::Bytes;
use kafka_wire::znodes::{
    BrokerRegistration, ClusterId, ConfigChange, ControllerNode, EntityConfig, FeatureNode, IsrChangeNotification,
    LogDirEvent, PartitionState, PreferredReplicaElection, ProducerIdBlock, ReassignPartitions, TopicAssignment,
    controller_epoch_bytes, desanitize, parse_controller_epoch, sanitize,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((which, data)) = data.split_first() else { return };
    match which % 15 {
        0 => again(data, BrokerRegistration::parse, BrokerRegistration::to_json),
        1 => again(data, ControllerNode::parse, ControllerNode::to_json),
        2 => again(data, parse_controller_epoch, |epoch| controller_epoch_bytes(*epoch)),
        3 => again(data, ClusterId::parse, ClusterId::to_json),
        4 => again(data, TopicAssignment::parse, TopicAssignment::to_json),
        5 => again(data, PartitionState::parse, PartitionState::to_json),
        6 => again(data, EntityConfig::parse, EntityConfig::to_json),
        7 => again(data, ConfigChange::parse, ConfigChange::to_json),
        8 => again(data, FeatureNode::parse, FeatureNode::to_json),
        9 => again(data, IsrChangeNotification::parse, IsrChangeNotification::to_json),
        10 => again(data, LogDirEvent::parse, LogDirEvent::to_json),
        11 => again(data, PreferredReplicaElection::parse, PreferredReplicaElection::to_json),
        12 => again(data, ReassignPartitions::parse, ReassignPartitions::to_json),
        13 => {
            again(data, ProducerIdBlock::parse, ProducerIdBlock::to_json);
            if let Ok(block) = ProducerIdBlock::parse(data) {
                let _ = ProducerIdBlock::after(Some(&block), 1);
            }
        }
        _ => {
            let text = String::from_utf8_lossy(data);
            let _ = desanitize(&text);
            assert_eq!(desanitize(&sanitize(&text)).as_deref(), Some(&*text));
        }
    }
});

fn again<T: Debug + PartialEq, E: Debug>(data: &[u8], parse: fn(&[u8]) -> Result<T, E>, write: fn(&T) -> Bytes) {
    if let Ok(document) = parse(data) {
        let written = write(&document);
        assert_eq!(parse(&written).expect("what was written"), document);
    }
}
