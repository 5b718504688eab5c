//! Fetch responses below version 4: the records are read and converted before the response is framed, on threads that may
//! wait and compute.

use std::collections::BTreeMap;

use base::Str;
use broker::assembly::down_convert;
use broker::error;
use kafka_wire::{Records, messages as wire};

use super::records::Range;

/// Replaces the ranges of a response by message sets. `offsets` are the fetch offsets by topic and partition.
pub(super) async fn run(
    version: i16,
    mut response: wire::FetchResponse,
    ranges: Vec<Range>,
    offsets: &BTreeMap<(Str, i32), i64>,
) -> wire::FetchResponse {
    let mut ranges: Vec<Option<Range>> = ranges.into_iter().map(Some).collect();
    for topic in &mut response.responses {
        for partition in &mut topic.partitions {
            let Records::Elsewhere { slot, .. } = partition.records else { continue };
            let range = ranges[slot].take().expect("each slot is sent once");
            let fetch_offset = offsets.get(&(topic.topic.clone(), partition.partition_index)).copied().unwrap_or(0);
            let convert = move || match range.0.read_bytes() {
                Ok(batches) => down_convert::run(version, batches, fetch_offset),
                Err(e) => {
                    tracing::warn!("cannot read the records of a fetch: {e}");
                    Err(error::KAFKA_STORAGE_ERROR)
                }
            };
            let converted = tokio::task::spawn_blocking(convert).await.unwrap_or(Err(error::UNKNOWN_SERVER_ERROR));
            match converted {
                Ok(messages) => partition.records = Records::Bytes(messages),
                Err(code) => {
                    partition.error_code = code;
                    partition.high_watermark = -1;
                    partition.records = Records::default();
                }
            }
        }
    }
    response
}
