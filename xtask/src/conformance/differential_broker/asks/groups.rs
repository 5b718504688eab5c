//! Groups of one member, and their offsets.

use base::Str;
use bytes::Bytes;
use kafka_wire::messages as wire;

use super::super::twin::{Ask, Then, View};
use super::Asks;

/// What a consumer of the topic `packed` says of itself: version 0, the topics, no user data. Apache's coordinator never
/// answers a member whose bytes it cannot read.
const SUBSCRIPTION: &[u8] = b"\0\0\0\0\0\x01\0\x06packed\xff\xff\xff\xff";

impl Asks {
    /// A group, mostly one with a member.
    fn group(&mut self) -> String {
        if self.joined.is_empty() || self.chance(6) {
            return self.pick(&["nobody-here", "offsets-only"]).to_owned();
        }
        let joined = self.joined.clone();
        self.pick(&joined)
    }

    /// The fixed name of the only member of such a group.
    fn instance_of(group: &str) -> Option<Str> {
        group.starts_with("fixed").then(|| Str::from("instance"))
    }

    /// As a member, or as somebody else.
    fn as_member(&mut self) -> impl Fn(&View, &str) -> (Str, i32) + Clone + use<> {
        let (stranger, early) = (self.chance(10), self.chance(10));
        move |view: &View, group: &str| {
            let (member, generation) = view.member(group);
            let member = if stranger { Str::from("stranger") } else { member };
            (member, if early { generation - 1 } else { generation })
        }
    }

    pub(super) fn find_coordinator(&mut self, version: i16) -> Ask {
        let key_type = if version > 0 && self.chance(8) { self.pick(&[7, 2]) } else { 0 };
        let key = self.group();
        Ask::new(version, format!("type {key_type}, {key}"), move |_| wire::FindCoordinatorRequest {
            key: Str::from(key.as_str()),
            key_type,
            coordinator_keys: vec![Str::from(key.as_str())],
        })
    }

    pub(super) fn offset_commit(&mut self, version: i16) -> Ask {
        let simple = version == 0 || self.chance(2);
        // Version 0 has another place for them at Apache's: a group of its own.
        let group = match version {
            0 => "old".to_owned(),
            _ if self.chance(25) => String::new(),
            _ if simple => "offsets-only".to_owned(),
            _ => self.group(),
        };
        let member = self.as_member();
        let (topic, partition) = (self.topic(), self.partition());
        let metadata = if self.chance(15) { "m".repeat(5000) } else { "note".to_owned() };
        let committed_offset = self.prng.below(100) as i64;
        let about =
            format!("{group}: {topic}-{partition} at {committed_offset}, simple {simple}, {} words", metadata.len());
        let mut wanted = vec![(topic.clone(), partition)];
        wanted.extend(self.topic_beside(&topic).map(|other| (other, 0)));
        Ask::new(version, about, move |view| {
            let (member_id, generation) = if simple { (Str::new(), -1) } else { member(view, &group) };
            let topics = wanted.iter().map(|(topic, partition_index)| wire::OffsetCommitRequestTopics {
                name: Str::from(topic.as_str()),
                partitions: vec![wire::OffsetCommitRequestPartitions {
                    partition_index: *partition_index,
                    committed_offset,
                    committed_metadata: Some(Str::from(metadata.as_str())),
                    ..Default::default()
                }],
            });
            wire::OffsetCommitRequest {
                group_id: Str::from(group.as_str()),
                generation_id_or_member_epoch: generation,
                member_id,
                group_instance_id: if simple { None } else { Self::instance_of(&group) },
                topics: topics.collect(),
                ..Default::default()
            }
        })
    }

    pub(super) fn offset_fetch(&mut self, version: i16) -> Ask {
        let group = match version {
            0 => "old".to_owned(),
            _ if self.chance(2) => "offsets-only".to_owned(),
            _ => self.group(),
        };
        let topic = self.topic();
        // Version 0 asks the old place in ZooKeeper, of named partitions only.
        let all = version >= 2 && self.chance(3);
        let about = format!("{group}, {}", if all { "everything" } else { &topic });
        Ask::new(version, about, move |_| {
            let named = || {
                vec![wire::OffsetFetchRequestTopics { name: Str::from(topic.as_str()), partition_indexes: vec![0, 7] }]
            };
            let group_request = wire::OffsetFetchRequestGroups {
                group_id: Str::from(group.as_str()),
                topics: (!all).then(named),
                ..Default::default()
            };
            wire::OffsetFetchRequest {
                group_id: Str::from(group.as_str()),
                topics: (!all).then(named),
                groups: vec![group_request],
                require_stable: false,
            }
        })
    }

    pub(super) fn offset_delete(&mut self, version: i16) -> Ask {
        let (group, topic) = (if self.chance(2) { "offsets-only".to_owned() } else { self.group() }, self.topic());
        Ask::new(version, format!("{group}, {topic}"), move |_| wire::OffsetDeleteRequest {
            group_id: Str::from(group.as_str()),
            topics: vec![wire::OffsetDeleteRequestTopics {
                name: Str::from(topic.as_str()),
                partitions: vec![wire::OffsetDeleteRequestPartitions { partition_index: 0 }],
            }],
        })
    }

    /// A new group each time; from version 4 on its member must come back with the id that it is given.
    pub(super) fn join(&mut self, version: i16) -> Ask {
        let new = self.joined.len() < 4 || (self.joined.len() < 12 && self.chance(3));
        let group = if self.chance(25) {
            String::new()
        } else if new {
            self.count += 1;
            let kind = if version >= 5 && self.chance(3) { "fixed" } else { "group" };
            format!("{kind}-{}", self.count)
        } else {
            self.group()
        };
        let session_timeout_ms = if self.chance(20) { self.pick(&[1, 100_000_000]) } else { 1_800_000 };
        let protocol = if self.chance(12) { self.pick(&["", "connect"]) } else { "consumer" };
        let assignor = if self.chance(20) { "roundrobin" } else { "range" };
        // A newcomer to a group that is full, or a fixed member that comes again.
        let (newcomer, stranger) = (self.chance(6), self.chance(15));
        let about = format!(
            "{group}, session of {session_timeout_ms} ms, {protocol:?}, {assignor}, newcomer {newcomer}, \
             stranger {stranger}"
        );
        let name = group.clone();
        let make = move |view: &View| {
            // Where a member is still to come back nobody else is let in at once.
            let known = view.members.get(&name).filter(|(_, generation)| !newcomer || *generation < 0);
            let known = known.map(|(member, _)| member.clone());
            let known = if stranger { Some(Str::from("stranger")) } else { known };
            wire::JoinGroupRequest {
                group_id: Str::from(name.as_str()),
                session_timeout_ms,
                rebalance_timeout_ms: 1_800_000,
                member_id: known.unwrap_or_default(),
                group_instance_id: Self::instance_of(&name),
                protocol_type: Str::from(protocol),
                protocols: vec![wire::JoinGroupRequestProtocols {
                    name: Str::from(assignor),
                    metadata: Bytes::from_static(SUBSCRIPTION),
                }],
                reason: None,
            }
        };
        Ask::new(version, about, make).then(Then::Joined(group))
    }

    pub(super) fn sync(&mut self, version: i16) -> Ask {
        let (group, member) = (self.group(), self.as_member());
        let other = version >= 5 && self.chance(10);
        let about = format!("{group}, another protocol {other}");
        Ask::new(version, about, move |view| {
            let (member_id, generation_id) = member(view, &group);
            let assignment = Bytes::from_static(b"assignment");
            wire::SyncGroupRequest {
                group_id: Str::from(group.as_str()),
                generation_id,
                member_id: member_id.clone(),
                protocol_type: Some(Str::from("consumer")),
                protocol_name: Some(Str::from(if other { "roundrobin" } else { "range" })),
                assignments: vec![wire::SyncGroupRequestAssignments { member_id, assignment }],
                group_instance_id: Self::instance_of(&group),
            }
        })
    }

    pub(super) fn heartbeat(&mut self, version: i16) -> Ask {
        let (group, member) = (self.group(), self.as_member());
        Ask::new(version, group.clone(), move |view| {
            let (member_id, generation_id) = member(view, &group);
            wire::HeartbeatRequest {
                group_id: Str::from(group.as_str()),
                generation_id,
                member_id,
                group_instance_id: Self::instance_of(&group),
            }
        })
    }

    pub(super) fn leave(&mut self, version: i16) -> Option<Ask> {
        if self.joined.is_empty() {
            return None;
        }
        let (group, member) = (self.group(), self.as_member());
        // The tools name a fixed member by its instance alone.
        let by_name = self.chance(2);
        let name = group.clone();
        let make = move |view: &View| {
            let (member_id, _) = member(view, &name);
            let group_instance_id = Self::instance_of(&name);
            let one = wire::LeaveGroupRequestMembers {
                member_id: if by_name { Str::new() } else { member_id.clone() },
                group_instance_id,
                ..Default::default()
            };
            wire::LeaveGroupRequest { group_id: Str::from(name.as_str()), member_id, members: vec![one] }
        };
        Some(Ask::new(version, group.clone(), make).then(Then::Left(group)))
    }

    pub(super) fn describe_groups(&mut self, version: i16) -> Ask {
        let (one, two) = (self.group(), self.group());
        let operations = self.chance(3);
        Ask::new(version, format!("{one}, {two}"), move |_| wire::DescribeGroupsRequest {
            groups: vec![Str::from(one.as_str()), Str::from(two.as_str())],
            include_authorized_operations: operations,
        })
    }

    pub(super) fn list_groups(&mut self, version: i16) -> Ask {
        let states: Vec<Str> = if self.chance(2) {
            vec![Str::from(self.pick(&["Stable", "Empty", "stable", "PreparingRebalance", "Nonsense"]))]
        } else {
            Vec::new()
        };
        let types: Vec<Str> =
            if self.chance(3) { vec![Str::from(self.pick(&["classic", "consumer", "nonsense"]))] } else { Vec::new() };
        Ask::new(version, format!("states {states:?}, types {types:?}"), move |_| wire::ListGroupsRequest {
            states_filter: states.clone(),
            types_filter: types.clone(),
        })
    }

    pub(super) fn delete_groups(&mut self, version: i16) -> Ask {
        let group = if self.chance(3) { "offsets-only".to_owned() } else { self.group() };
        Ask::new(version, group.clone(), move |_| wire::DeleteGroupsRequest {
            groups_names: vec![Str::from(group.as_str())],
        })
    }
}
