//! What is asked: for a version of an API a request, mostly a good one, sometimes one that is to be refused.

mod data;
mod groups;
mod topics;

use base::{Prng, Str};
use kafka_wire::ApiKey;
use kafka_wire::messages as wire;

use super::twin::Ask;

/// A topic: name, partitions, what is set.
type Topic = (&'static str, i32, &'static [(&'static str, &'static str)]);

/// Topics that stay.
pub const TOPICS: &[Topic] = &[
    ("plain", 3, &[]),
    ("small", 1, &[("max.message.bytes", "500")]),
    ("stamped", 1, &[("message.timestamp.type", "LogAppendTime")]),
    ("compact", 1, &[("cleanup.policy", "compact")]),
    ("packed", 1, &[("compression.type", "gzip")]),
    ("segmented", 1, &[("segment.bytes", "1000")]),
    ("recent", 1, &[("message.timestamp.before.max.ms", "60000")]),
    ("two-copies", 1, &[("min.insync.replicas", "2")]),
];

/// A topic that is there before the brokers, with one partition.
pub const AGED: &str = "aged";
/// The epoch of its leader.
pub const AGED_LEADER_EPOCH: i32 = 3;

/// A topic whose partitions are told to be where they are.
pub const STILL: Topic = ("still", 1, &[]);

/// Makes requests.
pub struct Asks {
    prng: Prng,
    /// Topics that come and go, by name, with their partitions.
    pub made: Vec<(String, i32)>,
    count: u64,
    /// Each producer of the test's own numbers: how often it took a new epoch, and its next sequence.
    producers: Vec<(i16, i32)>,
    /// Groups with a member.
    pub joined: Vec<String>,
}

impl Asks {
    /// From this chance.
    pub fn new(prng: Prng) -> Self {
        Self { prng, made: Vec::new(), count: 0, producers: Vec::new(), joined: Vec::new() }
    }

    fn chance(&mut self, one_in: u64) -> bool {
        self.prng.chance(1, one_in)
    }

    fn pick<T: Clone>(&mut self, all: &[T]) -> T {
        self.prng.pick(all).expect("there are some").clone()
    }

    /// A topic, mostly one that there is.
    fn topic(&mut self) -> String {
        match self.prng.below(12) {
            0 => "missing".to_owned(),
            2 => AGED.to_owned(),
            1 if !self.made.is_empty() => {
                let made = self.made.clone();
                self.pick(&made).0
            }
            _ => self.pick(TOPICS).0.to_owned(),
        }
    }

    /// Another topic, mostly none.
    fn topic_beside(&mut self, topic: &str) -> Option<String> {
        let other = if self.chance(8) { Some(self.topic()) } else { None };
        other.filter(|other| other != topic)
    }

    /// A partition, mostly one that there is.
    fn partition(&mut self) -> i32 {
        if self.chance(15) { 7 } else { 0 }
    }

    /// A request of this API in this version; `None` where nothing sensible can be asked just now.
    pub fn next(&mut self, key: ApiKey, version: i16) -> Option<Ask> {
        self.count += 1;
        Some(match key {
            ApiKey::Produce => self.produce(version),
            ApiKey::Fetch => self.fetch(version),
            ApiKey::ListOffsets => self.list_offsets(version),
            ApiKey::DeleteRecords => self.delete_records(version),
            ApiKey::OffsetForLeaderEpoch => self.epoch_ends(version),
            ApiKey::InitProducerId => self.init_producer_id(version),
            ApiKey::DescribeProducers => self.describe_producers(version),
            ApiKey::Metadata => self.metadata(version),
            ApiKey::CreateTopics => self.create_topics(version),
            ApiKey::DeleteTopics => return self.delete_topics(version),
            ApiKey::CreatePartitions => self.create_partitions(version),
            ApiKey::ElectLeaders => self.elect_leaders(version),
            ApiKey::AlterPartitionReassignments => self.reassign(version),
            ApiKey::ListPartitionReassignments => self.reassignments(version),
            ApiKey::DescribeConfigs => self.describe_configs(version),
            ApiKey::AlterConfigs => self.alter_configs(version),
            ApiKey::IncrementalAlterConfigs => self.incremental_alter_configs(version),
            ApiKey::AlterReplicaLogDirs => self.alter_replica_log_dirs(version),
            ApiKey::DescribeLogDirs => self.describe_log_dirs(version),
            ApiKey::DescribeClientQuotas => self.describe_quotas(version),
            ApiKey::AlterClientQuotas => self.alter_quotas(version),
            ApiKey::DescribeUserScramCredentials => self.scram(version),
            ApiKey::FindCoordinator => self.find_coordinator(version),
            ApiKey::OffsetCommit => self.offset_commit(version),
            ApiKey::OffsetFetch => self.offset_fetch(version),
            ApiKey::OffsetDelete => self.offset_delete(version),
            ApiKey::JoinGroup => self.join(version),
            ApiKey::SyncGroup => self.sync(version),
            ApiKey::Heartbeat => self.heartbeat(version),
            ApiKey::LeaveGroup => return self.leave(version),
            ApiKey::DescribeGroups => self.describe_groups(version),
            ApiKey::ListGroups => self.list_groups(version),
            ApiKey::DeleteGroups => self.delete_groups(version),
            ApiKey::ApiVersions => self.api_versions(version),
            ApiKey::DescribeCluster => self.describe_cluster(version),
            ApiKey::UpdateFeatures => self.update_features(version),
            other => panic!("{other} is served and nobody asks for it"),
        })
    }

    fn api_versions(&mut self, version: i16) -> Ask {
        let name = if self.chance(4) { "bad name!" } else { "differential" };
        Ask::new(version, name, move |_| wire::ApiVersionsRequest {
            client_software_name: Str::from(name),
            client_software_version: Str::from("1.0"),
        })
    }

    fn describe_cluster(&mut self, version: i16) -> Ask {
        let operations = self.chance(2);
        let endpoint_type = if self.chance(4) { self.pick(&[2, 0, 5]) } else { 1 };
        Ask::new(version, format!("operations {operations}, endpoints {endpoint_type}"), move |_| {
            wire::DescribeClusterRequest { include_cluster_authorized_operations: operations, endpoint_type }
        })
    }

    fn update_features(&mut self, version: i16) -> Ask {
        let features = self.pick(&[vec![], vec!["metadata.version"], vec!["no.such"], vec!["one", "two"]]);
        let (level, allow_downgrade) = (self.pick(&[5, 0, -1]), self.chance(2));
        let (upgrade_type, validate_only) = (self.pick(&[1, 2, 3, 7]), self.chance(2));
        let about = format!("{features:?} to {level}, downgrade {allow_downgrade}, type {upgrade_type}");
        Ask::new(version, about, move |_| {
            let update = |name: &&str| wire::UpdateFeaturesRequestFeatureUpdates {
                feature: Str::from(*name),
                max_version_level: level,
                allow_downgrade,
                upgrade_type,
            };
            wire::UpdateFeaturesRequest {
                timeout_ms: 1000,
                feature_updates: features.iter().map(update).collect(),
                validate_only,
            }
        })
    }
}
