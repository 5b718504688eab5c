//! The documents that Kafka keeps in ZooKeeper (`ZkData.scala`), as structs.
//!
//! Reading is tolerant, as upstream's is: unknown keys are skipped, keys come in any order, a number may stand as a string
//! and the other way round, older versions are read. Writing is exact: version, numbers and strings as upstream writes them,
//! because upstream's brokers and tools read them back.

pub mod admin;
pub mod brokers;
pub mod configs;
mod json;
pub mod topics;

pub use admin::{
    FeatureNode, IsrChangeNotification, LogDirEvent, PartitionRef, PreferredReplicaElection, ProducerIdBlock,
    ReassignPartitions, Reassignment,
};
pub use brokers::{BrokerEndpoint, BrokerRegistration, ClusterId, ControllerNode, SecurityProtocol, SupportedFeature};
pub use brokers::{controller_epoch_bytes, parse_controller_epoch};
pub use configs::{ConfigChange, EntityConfig, desanitize, sanitize};
pub use json::ZnodeError;
pub use topics::{PartitionState, TopicAssignment};
