//! Requests that wait for metadata to say something: a topic is there, a topic is gone, a coordinator is known. Upstream
//! has a purgatory for each; here they share a list, since few wait at a time.

use base::{Instant, Str};
use kafka_wire::messages::{CreateTopicsResponse, DeleteTopicsResponse, FindCoordinatorRequest, MetadataRequest};

use super::Node;
use crate::api;
use crate::shard::RequestToken;

/// How long a request that made a topic by asking for it may wait until the topic is there. Afterwards clients are told
/// to try again, as upstream tells them at once.
pub(crate) const AUTO_CREATE_WAIT_MS: u64 = 1000;

/// How long a question for the cluster may wait until this broker has heard of it. Who is answered without a broker asks
/// again, but some clients only much later.
pub(crate) const CLUSTER_WAIT_MS: u64 = 2000;

/// What is waited for.
#[derive(Debug)]
pub(crate) enum Kind {
    /// The cluster: a broker that has just started knows none.
    Cluster { request: Box<MetadataRequest>, listener: Str, version: i16 },
    /// Topics that are being made because somebody asked for them.
    Metadata { request: Box<MetadataRequest>, listener: Str, version: i16 },
    /// The topic of coordinators.
    FindCoordinator { request: Box<FindCoordinatorRequest>, listener: Str, version: i16 },
    /// Leaders of created topics.
    CreateTopics(Box<CreateTopicsResponse>),
    /// Leaders of added partitions.
    CreatePartitions(api::create_partitions::Grown),
    /// The end of deleted topics.
    DeleteTopics(Box<DeleteTopicsResponse>),
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) token: RequestToken,
    pub(crate) until: Instant,
    /// Topics that could not be made, with the error.
    pub(crate) failed: Vec<(Str, i16)>,
    pub(crate) kind: Kind,
}

/// The list.
#[derive(Debug, Default)]
pub struct Waiting {
    pub(crate) entries: Vec<Entry>,
}

impl Waiting {
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.entries.iter().map(|entry| entry.until).min()
    }

    /// A topic could not be made.
    pub(crate) fn topic_failed(&mut self, topic: &Str, code: i16) {
        for entry in &mut self.entries {
            if matches!(entry.kind, Kind::Metadata { .. } | Kind::FindCoordinator { .. }) {
                entry.failed.push((topic.clone(), code));
            }
        }
    }
}

/// Something changed: answer what can be answered now.
pub(crate) fn on_change(node: &mut Node) {
    answer(node, false);
}

/// Time passed: answer what waited long enough.
pub(crate) fn on_tick(node: &mut Node) {
    if node.waiting.deadline().is_some_and(|deadline| node.ctx.now.mono >= deadline) {
        answer(node, true);
    }
}

fn answer(node: &mut Node, look_at_clock: bool) {
    for entry in core::mem::take(&mut node.waiting.entries) {
        let late = look_at_clock && node.ctx.now.mono >= entry.until;
        let left = match &entry.kind {
            Kind::Cluster { .. } => api::metadata::resume_at_start(node, entry, late),
            Kind::Metadata { .. } => api::metadata::resume(node, entry, late),
            Kind::FindCoordinator { .. } => api::find_coordinator::resume(node, entry, late),
            Kind::CreateTopics(_) => api::create_topics::resume(node, entry, late),
            Kind::CreatePartitions(_) => api::create_partitions::resume(node, entry, late),
            Kind::DeleteTopics(_) => api::delete_topics::resume(node, entry, late),
        };
        node.waiting.entries.extend(left);
    }
}
