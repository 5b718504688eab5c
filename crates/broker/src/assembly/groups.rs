//! The group APIs from the client's side: each group's part goes to the shard that owns its partition of
//! `__consumer_offsets`; what names partitions that do not exist is answered before.

use base::Str;
use kafka_wire::messages as wire;
use kafka_wire::{Request, Response};

use super::Cluster;
use crate::coordinator::group::{Caller, GroupReplyBody, GroupRequest, GroupRequestBody, error_reply};
use crate::coordinator::partition_for;
use crate::shard::{GROUP_METADATA_TOPIC, RequestToken, ShardRequest};
use crate::{ErrorCode, ShardId, error};

/// A group request whose answers are being collected, in the order of its parts.
#[derive(Debug)]
pub struct GroupAssembly {
    kind: Kind,
    answers: Vec<Option<GroupReplyBody>>,
}

#[derive(Debug)]
enum Kind {
    /// One group, one answer, which is the response.
    One,
    /// OffsetCommit, with the answers of partitions that do not exist.
    OffsetCommit(wire::OffsetCommitResponse),
    /// OffsetFetch: before v8 one group.
    OffsetFetch {
        version: i16,
    },
    /// OffsetDelete, with the answers of partitions that do not exist.
    OffsetDelete(wire::OffsetDeleteResponse),
    Describe {
        with_operations: bool,
    },
    Delete,
    List,
}

/// Everything that can be done to a group, as bits: READ, DELETE, DESCRIBE.
const GROUP_OPERATIONS: i32 = 1 << 3 | 1 << 6 | 1 << 8;

/// What is asked of whom.
pub type Parts = Vec<(ShardId, ShardRequest)>;

/// Splits a request by group.
///
/// # Errors
/// Gives back a request that is none of a group.
pub fn split(cluster: &Cluster<'_>, caller: &Caller, request: Request) -> Result<(GroupAssembly, Parts), Box<Request>> {
    let mut kind = Kind::One;
    let bodies: Vec<(Option<Str>, GroupRequestBody)> = match request {
        Request::JoinGroup(body) => vec![(Some(body.group_id.clone()), GroupRequestBody::Join(*body))],
        Request::SyncGroup(body) => vec![(Some(body.group_id.clone()), GroupRequestBody::Sync(*body))],
        Request::Heartbeat(body) => vec![(Some(body.group_id.clone()), GroupRequestBody::Heartbeat(*body))],
        Request::LeaveGroup(body) => vec![(Some(body.group_id.clone()), GroupRequestBody::Leave(*body))],
        Request::OffsetCommit(mut body) => {
            kind = Kind::OffsetCommit(take_unknown(cluster, &mut body));
            vec![(Some(body.group_id.clone()), GroupRequestBody::OffsetCommit(*body))]
        }
        Request::OffsetDelete(mut body) => {
            kind = Kind::OffsetDelete(take_unknown_deletes(cluster, &mut body));
            vec![(Some(body.group_id.clone()), GroupRequestBody::OffsetDelete(*body))]
        }
        Request::OffsetFetch(body) => {
            let require_stable = body.require_stable;
            kind = Kind::OffsetFetch { version: caller.version };
            let groups = fetched_groups(*body, caller.version).into_iter();
            let one = |group: wire::OffsetFetchRequestGroups| {
                (Some(group.group_id.clone()), GroupRequestBody::OffsetFetch { group, require_stable })
            };
            groups.map(one).collect()
        }
        Request::DescribeGroups(body) => {
            kind = Kind::Describe { with_operations: body.include_authorized_operations };
            body.groups.into_iter().map(|group| (Some(group.clone()), GroupRequestBody::Describe(group))).collect()
        }
        Request::DeleteGroups(body) => {
            kind = Kind::Delete;
            let names = body.groups_names.into_iter();
            names.map(|group| (Some(group.clone()), GroupRequestBody::Delete(group))).collect()
        }
        Request::ListGroups(body) => {
            kind = Kind::List;
            let list = GroupRequestBody::List { states: body.states_filter, types: body.types_filter };
            vec![(None, list)]
        }
        other => return Err(Box::new(other)),
    };
    let mut assembly = GroupAssembly { kind, answers: Vec::new() };
    let mut parts = Vec::new();
    for (group, body) in bodies {
        match group {
            Some(group) => assembly.ask_coordinator(cluster, caller, &group, body, &mut parts),
            None => assembly.ask_all(cluster, caller, &body, &mut parts),
        }
    }
    Ok((assembly, parts))
}

impl GroupAssembly {
    fn ask_coordinator(
        &mut self,
        cluster: &Cluster<'_>,
        caller: &Caller,
        group: &str,
        body: GroupRequestBody,
        parts: &mut Vec<(ShardId, ShardRequest)>,
    ) {
        let partitions = cluster.image.topic(GROUP_METADATA_TOPIC).map_or(0, |topic| topic.partitions.len());
        match i32::try_from(partitions) {
            Ok(count @ 1..) => {
                let partition = partition_for(group, count);
                parts.push(part(cluster, caller, partition, body));
                self.answers.push(None);
            }
            // Nobody coordinates before the topic exists; FindCoordinator makes it.
            _ => self.answers.push(Some(error_reply(&body, error::NOT_COORDINATOR))),
        }
    }

    fn ask_all(
        &mut self,
        cluster: &Cluster<'_>,
        caller: &Caller,
        body: &GroupRequestBody,
        parts: &mut Vec<(ShardId, ShardRequest)>,
    ) {
        for partition in cluster.image.topic(GROUP_METADATA_TOPIC).into_iter().flat_map(|t| t.partitions.keys()) {
            parts.push(part(cluster, caller, *partition, body.clone()));
            self.answers.push(None);
        }
    }

    /// Takes the next part's answer: answers are added in the order of the parts.
    pub fn add(&mut self, answer: GroupReplyBody) {
        let mut open = self.answers.iter_mut().filter(|slot| slot.is_none());
        *open.next().expect("one slot for each part") = Some(answer);
    }

    /// The response, once every part is answered.
    ///
    /// # Panics
    /// When the answers are not those of the request.
    pub fn finish(self) -> Response {
        let mut answers = self.answers.into_iter().map(|answer| answer.expect("every part is answered"));
        match self.kind {
            Kind::One => one(answers.next().expect("one part")),
            Kind::OffsetCommit(unknown) => {
                let Some(GroupReplyBody::OffsetCommit(mut response)) = answers.next() else { wrong_answer() };
                for topic in unknown.topics {
                    match response.topics.iter_mut().find(|known| known.name == topic.name) {
                        Some(known) => known.partitions.extend(topic.partitions),
                        None => response.topics.push(topic),
                    }
                }
                response.into()
            }
            Kind::OffsetDelete(unknown) => {
                let Some(GroupReplyBody::OffsetDelete(mut response)) = answers.next() else { wrong_answer() };
                // What fails as a whole names no partition.
                if response.error_code == error::NONE {
                    response.topics.extend(unknown.topics);
                }
                response.into()
            }
            Kind::OffsetFetch { version } => {
                let groups = answers.map(|answer| match answer {
                    GroupReplyBody::OffsetFetch(group) => group,
                    _ => wrong_answer(),
                });
                let groups: Vec<_> = groups.collect();
                if version < 8 { one_fetched(groups, version).into() } else { fetched(groups).into() }
            }
            Kind::Describe { with_operations } => {
                let groups = answers.map(|answer| match answer {
                    GroupReplyBody::Describe(mut group) => {
                        if with_operations && group.error_code == error::NONE {
                            group.authorized_operations = GROUP_OPERATIONS;
                        }
                        group
                    }
                    _ => wrong_answer(),
                });
                wire::DescribeGroupsResponse { groups: groups.collect(), ..Default::default() }.into()
            }
            Kind::Delete => {
                let results = answers.map(|answer| match answer {
                    GroupReplyBody::Delete { group, error_code } => {
                        wire::DeleteGroupsResponseResults { group_id: group, error_code }
                    }
                    _ => wrong_answer(),
                });
                wire::DeleteGroupsResponse { results: results.collect(), ..Default::default() }.into()
            }
            Kind::List => listed(answers).into(),
        }
    }
}

fn wrong_answer() -> ! {
    panic!("a coordinator's answer has another kind than its request")
}

fn one(answer: GroupReplyBody) -> Response {
    match answer {
        GroupReplyBody::Join(response) => response.into(),
        GroupReplyBody::Sync(response) => response.into(),
        GroupReplyBody::Heartbeat(response) => response.into(),
        GroupReplyBody::Leave(response) => response.into(),
        _ => wrong_answer(),
    }
}

/// A partition that is led elsewhere is not part of the list; one that loads makes it incomplete.
fn listed(answers: impl Iterator<Item = GroupReplyBody>) -> wire::ListGroupsResponse {
    let mut response = wire::ListGroupsResponse::default();
    for answer in answers {
        match answer {
            GroupReplyBody::List(Ok(groups)) => response.groups.extend(groups),
            GroupReplyBody::List(Err(error::NOT_COORDINATOR)) => {}
            GroupReplyBody::List(Err(code)) => response.error_code = code,
            _ => wrong_answer(),
        }
    }
    response
}

fn fetched(groups: Vec<wire::OffsetFetchResponseGroups>) -> wire::OffsetFetchResponse {
    wire::OffsetFetchResponse { groups, ..Default::default() }
}

/// Before v8 the only group's fields are the response's own. In v0, whose offsets upstream has in ZooKeeper, one that is not
/// there is an error.
fn one_fetched(groups: Vec<wire::OffsetFetchResponseGroups>, version: i16) -> wire::OffsetFetchResponse {
    let missing = if version == 0 { error::UNKNOWN_TOPIC_OR_PARTITION } else { error::NONE };
    let group = groups.into_iter().next().expect("one group was asked for");
    let partition = |p: wire::OffsetFetchResponseTopicsPartitions| wire::OffsetFetchResponsePartitions {
        partition_index: p.partition_index,
        committed_offset: p.committed_offset,
        committed_leader_epoch: p.committed_leader_epoch,
        metadata: p.metadata,
        error_code: if p.committed_offset < 0 && p.error_code == error::NONE { missing } else { p.error_code },
    };
    let topics = group.topics.into_iter().map(|topic| wire::OffsetFetchResponseTopics {
        name: topic.name,
        partitions: topic.partitions.into_iter().map(partition).collect(),
    });
    wire::OffsetFetchResponse { topics: topics.collect(), error_code: group.error_code, ..Default::default() }
}

fn fetched_groups(body: wire::OffsetFetchRequest, version: i16) -> Vec<wire::OffsetFetchRequestGroups> {
    if version >= 8 {
        return body.groups;
    }
    vec![wire::OffsetFetchRequestGroups { group_id: body.group_id, topics: body.topics, ..Default::default() }]
}

fn part(cluster: &Cluster<'_>, caller: &Caller, partition: i32, body: GroupRequestBody) -> (ShardId, ShardRequest) {
    let shard = cluster.shards.shard_of(GROUP_METADATA_TOPIC, partition);
    // The connection numbers its requests when it sends them.
    let request = GroupRequest { token: RequestToken(0), caller: caller.clone(), body };
    (shard, ShardRequest::Group { partition, request: Box::new(request) })
}

/// Takes partitions that do not exist out of a deletion of offsets; the answers for them.
fn take_unknown_deletes(cluster: &Cluster<'_>, body: &mut wire::OffsetDeleteRequest) -> wire::OffsetDeleteResponse {
    let mut unknown = wire::OffsetDeleteResponse::default();
    for topic in &mut body.topics {
        let (known, missing): (Vec<_>, Vec<_>) = core::mem::take(&mut topic.partitions)
            .into_iter()
            .partition(|partition| cluster.image.partition(&topic.name, partition.partition_index).is_some());
        topic.partitions = known;
        let answer = |partition: wire::OffsetDeleteRequestPartitions| wire::OffsetDeleteResponsePartitions {
            partition_index: partition.partition_index,
            error_code: UNKNOWN,
        };
        if !missing.is_empty() {
            let (name, partitions) = (topic.name.clone(), missing.into_iter().map(answer).collect());
            unknown.topics.push(wire::OffsetDeleteResponseTopics { name, partitions });
        }
    }
    body.topics.retain(|topic| !topic.partitions.is_empty());
    unknown
}

/// Takes partitions that do not exist out of a commit; the answers for them.
fn take_unknown(cluster: &Cluster<'_>, body: &mut wire::OffsetCommitRequest) -> wire::OffsetCommitResponse {
    let mut unknown = wire::OffsetCommitResponse::default();
    for topic in &mut body.topics {
        let (known, missing) = core::mem::take(&mut topic.partitions)
            .into_iter()
            .partition(|partition| cluster.image.partition(&topic.name, partition.partition_index).is_some());
        topic.partitions = known;
        let missing: Vec<wire::OffsetCommitRequestPartitions> = missing;
        if !missing.is_empty() {
            let answer = |partition: &wire::OffsetCommitRequestPartitions| wire::OffsetCommitResponsePartitions {
                partition_index: partition.partition_index,
                error_code: UNKNOWN,
            };
            unknown.topics.push(wire::OffsetCommitResponseTopics {
                name: topic.name.clone(),
                partitions: missing.iter().map(answer).collect(),
            });
        }
    }
    body.topics.retain(|topic| !topic.partitions.is_empty());
    unknown
}

const UNKNOWN: ErrorCode = error::UNKNOWN_TOPIC_OR_PARTITION;
