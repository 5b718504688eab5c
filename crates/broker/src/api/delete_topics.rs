//! DeleteTopics (20), versions 0-6. A marker in `/admin/delete_topics` tells the controller; the answer leaves when the
//! topic is gone. v6 names topics by id too.

use std::time::Duration;

use base::Str;
use client_core::zk::Op;
use kafka_wire::messages::{DeleteTopicsRequest, DeleteTopicsResponse, DeleteTopicsResponseResponses};
use kafka_wire::{ErrorCode, Uuid};

use crate::TopicId;
use crate::controller::DELETE_TOPICS;
use crate::node::waiting::{Entry, Kind};
use crate::node::zk::Outcome;
use crate::node::{Node, Then};
use crate::shard::RequestToken;

/// Markers were written for the topics of the answer that have no error.
#[derive(Debug)]
pub struct Step {
    token: RequestToken,
    response: Box<DeleteTopicsResponse>,
    timeout_ms: i32,
}

pub(crate) fn handle(node: &mut Node, token: RequestToken, version: i16, request: &DeleteTopicsRequest) {
    let wanted: Vec<(Option<Str>, Uuid)> = if version < 6 {
        request.topic_names.iter().map(|name| (Some(name.clone()), Uuid::ZERO)).collect()
    } else {
        request.topics.iter().map(|topic| (topic.name.clone(), topic.topic_id)).collect()
    };
    let mut response = DeleteTopicsResponse::default();
    for (name, id) in wanted {
        let entry = look_up(node, version, name, id);
        let twice = response.responses.iter().any(|other| other.name.is_some() && other.name == entry.name);
        if !twice {
            response.responses.push(entry);
        }
    }
    let marked = response.responses.iter().filter(|entry| entry.error_code == 0);
    let ops: Vec<Op> = marked
        .filter_map(|entry| entry.name.as_ref())
        .map(|name| Op::create(format!("{DELETE_TOPICS}/{name}"), None))
        .collect();
    if ops.is_empty() {
        node.ctx.reply(token, response);
        return;
    }
    let step = Step { token, response: Box::new(response), timeout_ms: request.timeout_ms };
    node.ctx.submit(ops, Then::DeleteTopics(step));
}

fn look_up(node: &Node, version: i16, name: Option<Str>, id: Uuid) -> DeleteTopicsResponseResponses {
    let image = &node.ctx.image;
    let by_id = name.is_none();
    let name = name.or_else(|| image.topic_name(TopicId(id.0)).cloned());
    let known = name.as_ref().and_then(|name| image.topic(name));
    let error = if !node.controller.is_active() {
        ErrorCode::NOT_CONTROLLER
    } else if !node.ctx.config.flag("delete.topic.enable") {
        if version < 3 { ErrorCode::INVALID_REQUEST } else { ErrorCode::TOPIC_DELETION_DISABLED }
    } else if known.is_some() {
        ErrorCode::NONE
    } else if by_id {
        ErrorCode::UNKNOWN_TOPIC_ID
    } else {
        ErrorCode::UNKNOWN_TOPIC_OR_PARTITION
    };
    // The id is given back as it was asked for: who names a topic is not told it.
    DeleteTopicsResponseResponses { name, topic_id: id, error_code: error.0, error_message: None }
}

pub(crate) fn on_batch(node: &mut Node, step: Step, outcomes: &[Outcome]) {
    let Step { token, mut response, timeout_ms } = step;
    let marked = response.responses.iter_mut().filter(|entry| entry.error_code == 0);
    for (entry, outcome) in marked.zip(outcomes) {
        // an older marker does as well
        if outcome.result.is_err() && !outcome.is_node_exists() {
            entry.error_code = ErrorCode::UNKNOWN_SERVER_ERROR.0;
        }
    }
    let until = node.ctx.now.mono + Duration::from_millis(timeout_ms.max(0) as u64);
    let kind = Kind::DeleteTopics(response);
    node.waiting.entries.push(Entry { token, until, failed: Vec::new(), kind });
    node.controller.look_at_deletions(&mut node.ctx);
}

/// Answers a request whose topics are gone, or gives it back.
pub(crate) fn resume(node: &mut Node, mut entry: Entry, late: bool) -> Option<Entry> {
    let Kind::DeleteTopics(response) = &mut entry.kind else { return None };
    let Node { controller, ctx, .. } = node;
    // gone from the metadata is not enough: the name is free when the znodes are gone
    let is_there = |name: &str| ctx.image.topic(name).is_some() || controller.is_deleting(name);
    let pending =
        |entry: &DeleteTopicsResponseResponses| entry.error_code == 0 && entry.name.as_deref().is_some_and(is_there);
    if response.responses.iter().any(pending) {
        if !late {
            return Some(entry);
        }
        for left in response.responses.iter_mut() {
            if pending(left) {
                left.error_code = ErrorCode::REQUEST_TIMED_OUT.0;
            }
        }
    }
    let response = core::mem::take(&mut **response);
    node.ctx.reply(entry.token, response);
    None
}
