//! FindCoordinator (10), versions 0-6: which broker coordinates a group. v1 adds key types, v4 several keys at once.
//!
//! The coordinator of a group leads the partition of `__consumer_offsets` that the group's name hashes to. The topic is
//! made on the first question.

use std::time::Duration;

use base::Str;
use kafka_wire::ErrorCode;
use kafka_wire::messages::{FindCoordinatorRequest, FindCoordinatorResponse, FindCoordinatorResponseCoordinators};

use super::create_topics::{self, GROUP_METADATA_TOPIC};
use super::metadata::has_leaders;
use crate::metadata_cache::MetadataImage;
use crate::node::Node;
use crate::node::waiting::{AUTO_CREATE_WAIT_MS, Entry, Kind};
use crate::shard::RequestToken;

const GROUP: i8 = 0;
const TRANSACTION: i8 = 1;
/// Since version 6.
const SHARE: i8 = 2;

pub(crate) fn handle(
    node: &mut Node,
    token: RequestToken,
    listener: &Str,
    version: i16,
    request: Box<FindCoordinatorRequest>,
) {
    let is_there = has_leaders(&node.ctx.image, GROUP_METADATA_TOPIC);
    if request.key_type != GROUP || is_there {
        let response = answer(&node.ctx.image, &request, listener, version);
        node.ctx.reply(token, response);
        return;
    }
    let until = node.ctx.now.mono + Duration::from_millis(AUTO_CREATE_WAIT_MS);
    let kind = Kind::FindCoordinator { request, listener: listener.clone(), version };
    node.waiting.entries.push(Entry { token, until, failed: Vec::new(), kind });
    if node.ctx.image.topic(GROUP_METADATA_TOPIC).is_none() {
        create_topics::create_on_demand(node, vec![Str::from_static(GROUP_METADATA_TOPIC)]);
    }
}

/// Answers a request that waited, or gives it back.
pub(crate) fn resume(node: &mut Node, entry: Entry, late: bool) -> Option<Entry> {
    let Kind::FindCoordinator { request, listener, version } = &entry.kind else { return None };
    if !has_leaders(&node.ctx.image, GROUP_METADATA_TOPIC) && entry.failed.is_empty() && !late {
        return Some(entry);
    }
    let response = answer(&node.ctx.image, request, listener, *version);
    node.ctx.reply(entry.token, response);
    None
}

fn answer(
    image: &MetadataImage,
    request: &FindCoordinatorRequest,
    listener: &Str,
    version: i16,
) -> FindCoordinatorResponse {
    if version < 4 {
        let one = coordinator(image, (request.key_type, version), &request.key, listener);
        return FindCoordinatorResponse {
            error_code: one.error_code,
            error_message: one.error_message,
            node_id: one.node_id,
            host: one.host,
            port: one.port,
            ..FindCoordinatorResponse::default()
        };
    }
    let kind = (request.key_type, version);
    let coordinators = request.coordinator_keys.iter().map(|key| coordinator(image, kind, key, listener)).collect();
    FindCoordinatorResponse { coordinators, ..FindCoordinatorResponse::default() }
}

fn coordinator(
    image: &MetadataImage,
    (key_type, version): (i8, i16),
    key: &Str,
    listener: &Str,
) -> FindCoordinatorResponseCoordinators {
    let fail = |code: ErrorCode, message: &'static str| FindCoordinatorResponseCoordinators {
        key: key.clone(),
        node_id: -1,
        host: Str::new(),
        port: -1,
        error_code: code.0,
        error_message: Some(Str::from_static(message)),
    };
    match key_type {
        GROUP => {}
        TRANSACTION => return fail(ErrorCode::INVALID_REQUEST, "transactions are not served by this broker yet"),
        SHARE if version >= 6 => return fail(ErrorCode::COORDINATOR_NOT_AVAILABLE, "share groups need KRaft"),
        _ => return fail(ErrorCode::INVALID_REQUEST, "this type of coordinator key is not served"),
    }
    let found = image.topic(GROUP_METADATA_TOPIC).and_then(|topic| {
        let partition = partition_for(key, topic.partitions.len());
        let leader = image.broker(topic.partitions.get(&partition)?.leader)?;
        Some((leader.id, leader.endpoint(listener)?))
    });
    match found {
        Some((node_id, endpoint)) => FindCoordinatorResponseCoordinators {
            key: key.clone(),
            node_id,
            host: endpoint.host.clone(),
            port: endpoint.port,
            error_code: 0,
            error_message: None,
        },
        None => fail(ErrorCode::COORDINATOR_NOT_AVAILABLE, "The coordinator is not available."),
    }
}

/// The partition of a coordinator's topic for a key: Java's string hash without its sign, modulo the partitions.
pub fn partition_for(key: &str, partitions: usize) -> i32 {
    let hash = key.encode_utf16().fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    (hash & i32::MAX) % i32::try_from(partitions.max(1)).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_javas() {
        // "console-consumer-1".hashCode() and "ü".hashCode() in a JDK
        assert_eq!(partition_for("", 50), 0);
        assert_eq!(partition_for("a", 50), 97 % 50);
        assert_eq!(partition_for("ab", 1_000_000), 97 * 31 + 98);
        assert_eq!(partition_for("polygenelubricants", 50), 0, "hashes to the least int, whose sign bit goes");
    }
}
