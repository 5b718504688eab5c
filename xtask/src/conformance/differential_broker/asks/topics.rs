//! Topics, their configuration, quotas, and what administration asks.

use base::Str;
use kafka_wire::messages as wire;

use super::super::twin::{Ask, Then};
use super::Asks;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;

fn entry(name: &str, value: Option<&str>) -> wire::CreateTopicsRequestConfigs {
    wire::CreateTopicsRequestConfigs { name: Str::from(name), value: value.map(Str::from) }
}

impl Asks {
    pub(super) fn metadata(&mut self, version: i16) -> Ask {
        // Versions below 4 make topics by asking for them.
        let topic = if version < 4 { self.pick(super::TOPICS).0.to_owned() } else { self.topic() };
        let all = version >= 1 && self.chance(3);
        let by_id = version >= 10 && self.chance(3);
        let operations = self.chance(3);
        let about = format!("{}, by id {by_id}", if all { "all" } else { &topic });
        Ask::new(version, about, move |view| {
            let id = if by_id { view.topic_id(&topic) } else { Default::default() };
            let name = (!by_id).then(|| Str::from(topic.as_str()));
            wire::MetadataRequest {
                topics: (!all).then(|| vec![wire::MetadataRequestTopics { topic_id: id, name }]),
                allow_auto_topic_creation: false,
                include_cluster_authorized_operations: operations && version <= 10,
                include_topic_authorized_operations: operations,
            }
        })
    }

    pub(super) fn create_topics(&mut self, version: i16) -> Ask {
        self.count += 1;
        let mut topic = wire::CreateTopicsRequestTopics {
            name: Str::from(format!("made-{}", self.count)),
            num_partitions: self.prng.between(1, 3) as i32,
            replication_factor: 1,
            ..Default::default()
        };
        let validate_only = version >= 1 && (self.made.len() > 8 || self.chance(4));
        let trouble = self.prng.below(16);
        match trouble {
            0 => topic.name = Str::from("plain"),
            1 => {
                let long = "n".repeat(250);
                topic.name = Str::from(self.pick(&["no/such name", "..", "plain.", "made_up", "made.up", &long]));
            }
            2 => topic.name = Str::new(),
            3 => topic.num_partitions = self.pick(&[0, -2]),
            4 => topic.replication_factor = self.pick(&[0, 2, -3]),
            5 => topic.configs = vec![entry("no.such.key", Some("1"))],
            6 => topic.configs = vec![entry("retention.ms", Some("soon"))],
            7 => {
                topic.configs =
                    vec![entry("retention.ms", Some("777777777777")), entry("cleanup.policy", Some("compact"))]
            }
            8 | 9 => {
                let brokers = if trouble == 8 { vec![0] } else { vec![0, 0] };
                topic.assignments =
                    vec![wire::CreateTopicsRequestAssignments { partition_index: 0, broker_ids: brokers }];
                (topic.num_partitions, topic.replication_factor) = (-1, -1);
            }
            10 if version >= 4 => (topic.num_partitions, topic.replication_factor) = (-1, -1),
            11 => topic.configs = vec![entry("retention.ms", None)],
            _ => {}
        }
        let twice = self.chance(25);
        let timeout_ms = if self.chance(10) { self.pick(&[0, -1]) } else { 20_000 };
        let name = topic.name.to_string();
        // Assigned is one partition, and that is the default, too.
        let partitions = if topic.num_partitions == -1 { 1 } else { topic.num_partitions };
        let about = format!("{topic:?}, only checked {validate_only}, twice {twice}, {timeout_ms} ms");
        let ask = Ask::new(version, about, move |_| wire::CreateTopicsRequest {
            topics: if twice { vec![topic.clone(), topic.clone()] } else { vec![topic.clone()] },
            timeout_ms,
            validate_only,
        });
        if validate_only { ask } else { ask.then(Then::TopicMade(name, partitions)) }
    }

    pub(super) fn delete_topics(&mut self, version: i16) -> Option<Ask> {
        let missing = self.made.len() < 3 || self.chance(5);
        let made = self.made.clone();
        let name = if missing { "missing".to_owned() } else { self.pick(&made).0 };
        let by_id = version >= 6 && self.chance(2);
        let timeout_ms = if self.chance(10) { 0 } else { 20_000 };
        let about = format!("{name}, by id {by_id}, {timeout_ms} ms");
        let topic = name.clone();
        let ask = Ask::new(version, about, move |view| wire::DeleteTopicsRequest {
            topics: vec![wire::DeleteTopicsRequestTopics {
                name: (!by_id).then(|| Str::from(topic.as_str())),
                topic_id: if by_id { view.topic_id(&topic) } else { Default::default() },
            }],
            topic_names: vec![Str::from(topic.as_str())],
            timeout_ms,
        });
        Some(ask.then(Then::TopicGone(name)))
    }

    pub(super) fn create_partitions(&mut self, version: i16) -> Ask {
        let made = self.made.clone();
        let (name, now) = match self.made.is_empty() || self.chance(6) {
            true => self.pick(&[("missing", 1), ("plain", 3)]).map_name(),
            false => self.pick(&made),
        };
        let validate_only = now > 6 || name == "plain" || self.chance(2);
        let count = if self.chance(4) { self.pick(&[now, now - 1, 0, -1]) } else { now + 1 };
        let assigned = match self.prng.below(6) {
            0 => Some(vec![0]),
            1 => Some(self.pick(&[vec![9], vec![0, 0]])),
            _ => None,
        };
        let timeout_ms = if self.chance(10) { 0 } else { 20_000 };
        let about =
            format!("{name} from {now} to {count}, {assigned:?}, only checked {validate_only}, {timeout_ms} ms");
        let topic = name.clone();
        let ask = Ask::new(version, about, move |_| wire::CreatePartitionsRequest {
            topics: vec![wire::CreatePartitionsRequestTopics {
                name: Str::from(topic.as_str()),
                count,
                assignments: assigned
                    .clone()
                    .map(|broker_ids| vec![wire::CreatePartitionsRequestAssignments { broker_ids }]),
            }],
            timeout_ms,
            validate_only,
        });
        if validate_only { ask } else { ask.then(Then::TopicMade(name, count)) }
    }

    pub(super) fn elect_leaders(&mut self, version: i16) -> Ask {
        let (topic, partition) = (self.topic(), self.partition());
        let election_type = if version >= 1 { self.pick(&[0, 0, 1]) } else { 0 };
        let all = self.chance(5);
        Ask::new(version, format!("{topic}-{partition}, type {election_type}, all {all}"), move |_| {
            wire::ElectLeadersRequest {
                election_type,
                topic_partitions: (!all).then(|| {
                    vec![wire::ElectLeadersRequestTopicPartitions {
                        topic: Str::from(topic.as_str()),
                        partitions: vec![partition],
                    }]
                }),
                timeout_ms: 5000,
            }
        })
    }

    pub(super) fn reassign(&mut self, version: i16) -> Ask {
        let replicas = self.pick(&[Some(vec![0]), Some(vec![0]), None, Some(vec![9]), Some(vec![]), Some(vec![0, 0])]);
        // To where it is: Apache's controller begins a new leader epoch (docs/divergence.md), so that topic is left alone
        // otherwise.
        let stays = replicas == Some(vec![0]);
        let (topic, partition) = if stays { (super::STILL.0.to_owned(), 0) } else { (self.topic(), self.partition()) };
        Ask::new(version, format!("{topic}-{partition} to {replicas:?}"), move |_| {
            wire::AlterPartitionReassignmentsRequest {
                timeout_ms: 5000,
                topics: vec![wire::AlterPartitionReassignmentsRequestTopics {
                    name: Str::from(topic.as_str()),
                    partitions: vec![wire::AlterPartitionReassignmentsRequestPartitions {
                        partition_index: partition,
                        replicas: replicas.clone(),
                    }],
                }],
            }
        })
    }

    pub(super) fn reassignments(&mut self, version: i16) -> Ask {
        let (topic, all) = (self.topic(), self.chance(2));
        Ask::new(version, format!("{topic}, all {all}"), move |_| wire::ListPartitionReassignmentsRequest {
            timeout_ms: 5000,
            topics: (!all).then(|| {
                vec![wire::ListPartitionReassignmentsRequestTopics {
                    name: Str::from(topic.as_str()),
                    partition_indexes: vec![0],
                }]
            }),
        })
    }

    pub(super) fn describe_configs(&mut self, version: i16) -> Ask {
        let topic = self.topic();
        let (resource_type, name) = match self.prng.below(20) {
            0 => (BROKER, self.pick(&["7", "seven"]).to_owned()),
            1 => (9, "strange".to_owned()),
            2 => (TOPIC, self.pick(&["", "no/such name"]).to_owned()),
            3 | 4 => (BROKER, "0".to_owned()),
            5 => (BROKER, String::new()),
            _ => (TOPIC, topic),
        };
        let keys =
            self.chance(2).then(|| vec![Str::from("retention.ms"), Str::from("cleanup.policy"), Str::from("none")]);
        let (include_synonyms, include_documentation) = (self.chance(2), self.chance(4));
        Ask::new(version, format!("{resource_type} {name:?}, {keys:?}"), move |_| wire::DescribeConfigsRequest {
            resources: vec![wire::DescribeConfigsRequestResources {
                resource_type,
                resource_name: Str::from(name.as_str()),
                configuration_keys: keys.clone(),
            }],
            include_synonyms,
            include_documentation,
        })
    }

    /// A resource, a key and a value, mostly good ones.
    fn setting(&mut self) -> (i8, String, &'static str, Option<&'static str>) {
        let topic = if self.chance(8) { "missing".to_owned() } else { self.pick(&["plain", super::AGED]).to_owned() };
        let (resource_type, name) = match self.prng.below(16) {
            0 => (BROKER, self.pick(&["7", "seven"]).to_owned()),
            1 => (9, "strange".to_owned()),
            2 => (TOPIC, self.pick(&["", "no/such name"]).to_owned()),
            3 | 4 => return self.broker_setting(),
            _ => (TOPIC, topic),
        };
        let (key, value) = self.pick(&[
            ("retention.ms", Some("999999999999")),
            ("retention.ms", Some("888888888888")),
            ("retention.bytes", Some("-1")),
            ("segment.bytes", Some("1048576")),
            ("retention.ms", Some("soon")),
            ("no.such.key", Some("1")),
            ("cleanup.policy", Some("delete")),
            ("min.insync.replicas", Some("0")),
            ("retention.ms", None),
        ]);
        (resource_type, name, key, value)
    }

    /// As [`Asks::setting`] of this broker or of all.
    fn broker_setting(&mut self) -> (i8, String, &'static str, Option<&'static str>) {
        let name = self.pick(&["0", "0", ""]).to_owned();
        let (key, value) = self.pick(&[
            ("log.retention.ms", Some("999999999999")),
            ("log.cleaner.backoff.ms", Some("20000")),
            ("log.cleaner.backoff.ms", Some("often")),
            ("message.max.bytes", Some("1000000")),
            ("message.max.bytes", Some("-1")),
            ("background.threads", Some("9")),
            ("leader.replication.throttled.rate", Some("1000000")),
            ("broker.id", Some("5")),
            ("group.max.size", Some("5")),
            ("log.retention.ms", None),
        ]);
        (BROKER, name, key, value)
    }

    pub(super) fn alter_configs(&mut self, version: i16) -> Ask {
        let (resource_type, name, key, value) = self.setting();
        let validate_only = self.chance(2);
        Ask::new(version, format!("{resource_type} {name}: {key}={value:?}, {validate_only}"), move |_| {
            wire::AlterConfigsRequest {
                resources: vec![wire::AlterConfigsRequestResources {
                    resource_type,
                    resource_name: Str::from(name.as_str()),
                    configs: vec![wire::AlterConfigsRequestConfigs {
                        name: Str::from(key),
                        value: value.map(Str::from),
                    }],
                }],
                validate_only,
            }
        })
    }

    pub(super) fn incremental_alter_configs(&mut self, version: i16) -> Ask {
        let (resource_type, name, key, value) = self.setting();
        let config_operation = self.pick(&[0, 0, 0, 1, 2, 3, 8]);
        let (validate_only, twice) = (self.chance(2), self.chance(15));
        let about = format!(
            "{resource_type} {name}: {config_operation} {key}={value:?}, only checked {validate_only}, twice {twice}"
        );
        Ask::new(version, about, move |_| {
            let config = wire::IncrementalAlterConfigsRequestConfigs {
                name: Str::from(key),
                config_operation,
                value: value.map(Str::from),
            };
            let resource = wire::IncrementalAlterConfigsRequestResources {
                resource_type,
                resource_name: Str::from(name.as_str()),
                configs: vec![config],
            };
            let resources = if twice { vec![resource.clone(), resource] } else { vec![resource] };
            wire::IncrementalAlterConfigsRequest { resources, validate_only }
        })
    }

    /// To the folder where they are, or to one that is not there.
    pub(super) fn alter_replica_log_dirs(&mut self, version: i16) -> Ask {
        let (topic, partition) = (self.topic(), self.partition());
        let missing = self.chance(6);
        Ask::new(version, format!("{topic}-{partition}, to a folder that is not there {missing}"), move |view| {
            let path = if missing { Str::from("/nowhere") } else { view.log_dir.clone() };
            wire::AlterReplicaLogDirsRequest {
                dirs: vec![wire::AlterReplicaLogDirsRequestDirs {
                    path,
                    topics: vec![wire::AlterReplicaLogDirsRequestTopics {
                        name: Str::from(topic.as_str()),
                        partitions: vec![partition],
                    }],
                }],
            }
        })
    }

    pub(super) fn describe_log_dirs(&mut self, version: i16) -> Ask {
        let topic = self.topic();
        let all = self.chance(3);
        Ask::new(version, format!("{topic}, all {all}"), move |_| wire::DescribeLogDirsRequest {
            topics: (!all).then(|| {
                vec![wire::DescribeLogDirsRequestTopics { topic: Str::from(topic.as_str()), partitions: vec![0] }]
            }),
        })
    }

    pub(super) fn describe_quotas(&mut self, version: i16) -> Ask {
        let component = |kind: &str, match_type: i8, name: Option<&str>| wire::DescribeClientQuotasRequestComponents {
            entity_type: Str::from(kind),
            match_type,
            match_: name.map(Str::from),
        };
        let components = match self.prng.below(12) {
            0 => vec![component("planet", 2, None)],
            1 => vec![component("user", 2, None), component("user", 2, None)],
            2 => vec![component("user", 2, None), component("ip", 2, None)],
            3 => vec![component("user", 0, Some("ann"))],
            4 => vec![component("user", 1, None)],
            5 => vec![component("user", 2, None), component("client-id", 2, None)],
            6 => vec![component("ip", 2, None)],
            7 => vec![component("client-id", 0, Some("app"))],
            _ => Vec::new(),
        };
        let strict = self.chance(2);
        Ask::new(version, format!("{components:?}, strict {strict}"), move |_| wire::DescribeClientQuotasRequest {
            components: components.clone(),
            strict,
        })
    }

    pub(super) fn alter_quotas(&mut self, version: i16) -> Ask {
        let part = |kind: &str, name: Option<&str>| wire::AlterClientQuotasRequestEntity {
            entity_type: Str::from(kind),
            entity_name: name.map(Str::from),
        };
        // Nobody of these names asks, so that nobody is throttled.
        let entity = match self.prng.below(10) {
            0 => vec![part("planet", Some("mars"))],
            1 => vec![],
            2 => vec![part("user", Some("ann")), part("ip", Some("10.0.0.1"))],
            3 => vec![part("ip", Some("10.0.0.1"))],
            4 => vec![part("user", Some("ann")), part("client-id", Some("app one"))],
            5 => vec![part("user", Some("ann")), part("client-id", None)],
            6 => vec![part("client-id", Some("app"))],
            _ => vec![part("user", Some("ann"))],
        };
        let (key, value) = self.pick(&[
            ("producer_byte_rate", 1000.0),
            ("consumer_byte_rate", 2000.0),
            ("request_percentage", 12.5),
            ("controller_mutation_rate", 5.0),
            ("connection_creation_rate", 10.0),
            ("producer_byte_rate", 1.5),
            ("no_such_rate", 1.0),
        ]);
        let (remove, validate_only) = (self.chance(4), self.chance(4));
        let about = format!("{entity:?}: {key}={value}, removed {remove}, only checked {validate_only}");
        Ask::new(version, about, move |_| wire::AlterClientQuotasRequest {
            entries: vec![wire::AlterClientQuotasRequestEntries {
                entity: entity.clone(),
                ops: vec![wire::AlterClientQuotasRequestOps { key: Str::from(key), value, remove }],
            }],
            validate_only,
        })
    }

    pub(super) fn scram(&mut self, version: i16) -> Ask {
        let users = self.pick(&[None, Some(vec!["nobody"]), Some(vec!["nobody", "nobody"]), Some(vec![])]);
        Ask::new(version, format!("{users:?}"), move |_| wire::DescribeUserScramCredentialsRequest {
            users: users.clone().map(|users| {
                let user = |name: &str| wire::DescribeUserScramCredentialsRequestUsers { name: Str::from(name) };
                users.into_iter().map(user).collect()
            }),
        })
    }
}

/// A name and a number as they are kept.
trait MapName {
    fn map_name(self) -> (String, i32);
}

impl MapName for (&str, i32) {
    fn map_name(self) -> (String, i32) {
        (self.0.to_owned(), self.1)
    }
}
