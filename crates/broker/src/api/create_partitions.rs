//! CreatePartitions (37), versions 0-3: a topic gets more partitions (`ZkAdminManager.createPartitions`). The assignment
//! is written to the topic's znode, whose watch tells the controller.

use std::time::Duration;

use base::Str;
use client_core::zk::{Op, ZkError};
use kafka_wire::ErrorCode;
use kafka_wire::messages::{
    CreatePartitionsRequest, CreatePartitionsRequestTopics, CreatePartitionsResponse, CreatePartitionsResponseResults,
};

use super::metadata::has_leaders;
use crate::controller::context::{Assignment, Topic};
use crate::controller::{TOPICS, assignment, zk_data};
use crate::node::waiting::{Entry, Kind};
use crate::node::zk::Outcome;
use crate::node::{Node, Then};
use crate::shard::RequestToken;

/// The znodes of these topics are being written.
#[derive(Debug)]
pub struct Step {
    token: RequestToken,
    grown: Grown,
    timeout_ms: i32,
}

/// An answer that waits for leaders.
#[derive(Debug)]
pub(crate) struct Grown {
    response: Box<CreatePartitionsResponse>,
    /// Topics that grow, with their new number of partitions.
    counts: Vec<(Str, usize)>,
}

type Refusal = (ErrorCode, String);

pub(crate) fn handle(node: &mut Node, token: RequestToken, request: &CreatePartitionsRequest) {
    let mut response = CreatePartitionsResponse::default();
    let mut ops = Vec::new();
    let mut counts = Vec::new();
    for wish in &request.topics {
        if response.results.iter().any(|result| result.name == wish.name) {
            continue;
        }
        let twice = request.topics.iter().filter(|other| other.name == wish.name).count() > 1;
        let planned = if twice {
            Err((ErrorCode::INVALID_REQUEST, "Duplicate topic in request.".to_string()))
        } else {
            plan(node, wish)
        };
        response.results.push(result(&wish.name, planned.as_ref().err()));
        if let Ok(topic) = planned {
            let path = format!("{TOPICS}/{}", wish.name);
            ops.push(Op::SetData { path, data: Some(zk_data::topic(&topic)), version: topic.version });
            counts.push((wish.name.detached(), topic.partitions.len()));
        }
    }
    if ops.is_empty() || request.validate_only {
        node.ctx.reply(token, response);
        return;
    }
    let grown = Grown { response: Box::new(response), counts };
    node.ctx.submit(ops, Then::CreatePartitions(Box::new(Step { token, grown, timeout_ms: request.timeout_ms })));
}

fn result(name: &Str, refused: Option<&Refusal>) -> CreatePartitionsResponseResults {
    CreatePartitionsResponseResults {
        name: name.clone(),
        error_code: refused.map_or(0, |(code, _)| code.0),
        error_message: refused.map(|(_, message)| Str::from(message.as_str())),
    }
}

/// The topic as it will be.
fn plan(node: &mut Node, wish: &CreatePartitionsRequestTopics) -> Result<Topic, Refusal> {
    if !node.controller.is_active() {
        return Err((ErrorCode::NOT_CONTROLLER, "This is not the correct controller for this cluster.".to_string()));
    }
    let known = node.controller.context.topics.get(&wish.name).cloned();
    let Some(mut topic) = known.filter(|_| !node.controller.is_deleting(&wish.name)) else {
        return Err((ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, format!("The topic '{}' does not exist.", wish.name)));
    };
    if topic.partitions.values().any(|assigned| !assigned.adding.is_empty() || !assigned.removing.is_empty()) {
        let why = format!("A partition reassignment is in progress for the topic '{}'.", wish.name);
        return Err((ErrorCode::REASSIGNMENT_IN_PROGRESS, why));
    }
    let now = i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX);
    if wish.count <= now {
        let why = match wish.count {
            same if same == now => format!("Topic already has {now} partitions."),
            fewer => format!("Topic currently has {now} partitions, which is higher than the requested {fewer}."),
        };
        return Err((ErrorCode::INVALID_PARTITIONS, why));
    }
    let more = wish.count - now;
    let replicas = topic.partitions.get(&0).map_or(1, |assigned| assigned.replicas.len().max(1));
    let added = match &wish.assignments {
        Some(given) => {
            let lists: Vec<&Vec<i32>> = given.iter().map(|assignment| &assignment.broker_ids).collect();
            check_given(node, &lists, more, replicas)?;
            (now..).zip(lists.into_iter().cloned()).collect()
        }
        None => {
            let image = node.ctx.image.clone();
            let brokers: Vec<_> = image.brokers.values().map(|broker| (broker.id, broker.rack.as_deref())).collect();
            if replicas > brokers.len() || more > super::create_topics::PARTITIONS_MAX {
                let why = format!(
                    "{more} partitions with {replicas} replicas cannot be placed on {} brokers.",
                    brokers.len()
                );
                return Err((ErrorCode::INVALID_PARTITIONS, why));
            }
            assignment::assign(&brokers, now, more, replicas, &mut node.ctx.prng)
        }
    };
    let assigned =
        added.into_iter().map(|(number, replicas)| (number, Assignment { replicas, ..Assignment::default() }));
    topic.partitions.extend(assigned);
    Ok(topic)
}

fn check_given(node: &Node, lists: &[&Vec<i32>], more: i32, replicas: usize) -> Result<(), Refusal> {
    let fail = |why: String| Err((ErrorCode::INVALID_REPLICA_ASSIGNMENT, why));
    if lists.len() != more as usize {
        return fail(format!(
            "Increasing the number of partitions by {more} but {} assignments provided.",
            lists.len()
        ));
    }
    for list in lists {
        let mut sorted = (*list).clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() != list.len() || list.len() != replicas {
            return fail(format!("Inconsistent replication factor or duplicate brokers in {list:?}."));
        }
        if let Some(unknown) = sorted.iter().find(|id| node.ctx.image.broker(**id).is_none()) {
            return fail(format!("Unknown broker in replica assignment: {unknown}."));
        }
    }
    Ok(())
}

pub(crate) fn on_batch(node: &mut Node, step: Step, outcomes: &[Outcome]) {
    let Step { token, mut grown, timeout_ms } = step;
    let counts = core::mem::take(&mut grown.counts);
    for ((name, count), outcome) in counts.into_iter().zip(outcomes) {
        let refused = match &outcome.result {
            Ok(_) => None,
            // our own doing, as far as anybody can tell: the wait decides
            Err(ZkError::Code(ZkError::BAD_VERSION)) if outcome.resent => None,
            Err(ZkError::Code(ZkError::BAD_VERSION)) => {
                Some((ErrorCode::REQUEST_TIMED_OUT, "The topic changed meanwhile; try again.".to_string()))
            }
            Err(error) => Some((ErrorCode::UNKNOWN_SERVER_ERROR, error.to_string())),
        };
        match refused {
            None => grown.counts.push((name, count)),
            Some(refused) => replace(&mut grown.response, &name, &refused),
        }
    }
    let until = node.ctx.now.mono + Duration::from_millis(timeout_ms.max(0) as u64);
    node.waiting.entries.push(Entry { token, until, failed: Vec::new(), kind: Kind::CreatePartitions(grown) });
    crate::node::waiting::on_change(node);
}

fn replace(response: &mut CreatePartitionsResponse, name: &Str, refused: &Refusal) {
    if let Some(found) = response.results.iter_mut().find(|result| result.name == *name) {
        *found = result(name, Some(refused));
    }
}

/// Answers a request whose partitions have leaders, or gives it back.
pub(crate) fn resume(node: &mut Node, mut entry: Entry, late: bool) -> Option<Entry> {
    let Kind::CreatePartitions(grown) = &mut entry.kind else { return None };
    let image = &node.ctx.image;
    let is_there = |name: &str, count: usize| {
        image.topic(name).is_some_and(|topic| topic.partitions.len() >= count) && has_leaders(image, name)
    };
    let pending: Vec<Str> =
        grown.counts.iter().filter(|(name, count)| !is_there(name, *count)).map(|(name, _)| name.clone()).collect();
    if !pending.is_empty() && !late {
        return Some(entry);
    }
    for name in pending {
        replace(&mut grown.response, &name, &(ErrorCode::REQUEST_TIMED_OUT, "Timed out.".to_string()));
    }
    let response = core::mem::take(&mut *grown.response);
    node.ctx.reply(entry.token, response);
    None
}
