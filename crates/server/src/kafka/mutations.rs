//! What a client's quota of controller mutations lets through (KIP-599): topics and partitions that are made, topics that
//! are deleted, each with what it costs. Since CreateTopics 6, DeleteTopics 5 and CreatePartitions 3 what comes while
//! the quota is used up is refused with THROTTLING_QUOTA_EXCEEDED; before, it is done and the client rests.

use std::time::Duration;

use base::Str;
use broker::TopicId;
use broker::metadata_cache::MetadataImage;
use kafka_wire::{ErrorCode, Request, Response, messages as wire};

use super::{Shared, quotas};

const CODE: i16 = ErrorCode::THROTTLING_QUOTA_EXCEEDED.0;
const WORDS: &str = "The throttling quota has been exceeded.";

/// What was taken out of a request, to be put into its answer.
#[derive(Default)]
pub(super) struct Refused {
    created: Vec<Str>,
    deleted: Vec<wire::DeleteTopicsRequestTopics>,
    grown: Vec<Str>,
    /// How long the client has to rest.
    pub(super) rest: Duration,
}

/// Takes out of the request what its client's quota refuses.
pub(super) fn admit(
    shared: &Shared,
    image: &MetadataImage,
    client_id: &Str,
    version: i16,
    request: &mut Request,
) -> Refused {
    let mut refused = Refused::default();
    if image.quotas.is_empty() {
        return refused;
    }
    let mut rest = Duration::ZERO;
    let mut take = |partitions: usize, strict: bool| {
        let taken = quotas::take(shared, image, client_id, partitions as f64, strict);
        rest = taken.err().unwrap_or_default().max(rest);
        taken.is_ok() || !strict
    };
    let count = |name: &Str| image.topic(name).map_or(0, |topic| topic.partitions.len());
    match request {
        Request::CreateTopics(body) if !body.validate_only => body.topics.retain(|topic| {
            let asked = usize::try_from(topic.num_partitions).unwrap_or(1);
            let allowed = take(topic.assignments.len().max(asked), version >= 6);
            if !allowed {
                refused.created.push(topic.name.clone());
            }
            allowed
        }),
        Request::DeleteTopics(body) if version >= 6 => body.topics.retain(|topic| {
            let by_id = || image.topic_name(TopicId(topic.topic_id.0)).cloned();
            let allowed = take(topic.name.clone().or_else(by_id).map_or(0, |name| count(&name)), true);
            if !allowed {
                refused.deleted.push(topic.clone());
            }
            allowed
        }),
        Request::DeleteTopics(body) => body.topic_names.retain(|name| {
            let allowed = take(count(name), version >= 5);
            if !allowed {
                let name = Some(name.clone());
                refused.deleted.push(wire::DeleteTopicsRequestTopics { name, ..Default::default() });
            }
            allowed
        }),
        Request::CreatePartitions(body) if !body.validate_only => body.topics.retain(|topic| {
            let wanted = usize::try_from(topic.count).unwrap_or(0);
            let allowed = take(wanted.saturating_sub(count(&topic.name)), version >= 3);
            if !allowed {
                refused.grown.push(topic.name.clone());
            }
            allowed
        }),
        _ => {}
    }
    refused.rest = rest;
    refused
}

impl Refused {
    /// Puts what was refused into the answer.
    pub(super) fn answer(self, response: &mut Response) {
        let words = || Some(Str::from_static(WORDS));
        match response {
            Response::CreateTopics(body) => {
                body.topics.extend(self.created.into_iter().map(|name| wire::CreateTopicsResponseTopics {
                    name,
                    error_code: CODE,
                    error_message: words(),
                    ..Default::default()
                }))
            }
            Response::DeleteTopics(body) => body.responses.extend(self.deleted.into_iter().map(|topic| {
                let wire::DeleteTopicsRequestTopics { name, topic_id } = topic;
                wire::DeleteTopicsResponseResponses { name, topic_id, error_code: CODE, error_message: words() }
            })),
            Response::CreatePartitions(body) => {
                body.results.extend(self.grown.into_iter().map(|name| wire::CreatePartitionsResponseResults {
                    name,
                    error_code: CODE,
                    error_message: words(),
                }))
            }
            _ => {}
        }
    }
}
