//! DescribeLogDirs (35), versions 0 to 4: each log folder with its partitions and their sizes, from every shard.

use std::collections::BTreeMap;

use base::Str;
use kafka_wire::messages as wire;

use super::Cluster;
use crate::shard::{LogDirSizes, ShardRequest};
use crate::{ShardId, TopicPartition, error};

/// A DescribeLogDirs request whose answers are being collected.
#[derive(Debug)]
pub struct LogDirsAssembly {
    /// `None`: every partition.
    wanted: Option<Vec<TopicPartition>>,
    dirs: Vec<LogDirSizes>,
}

/// Asks every shard.
pub fn split(
    cluster: &Cluster<'_>,
    request: wire::DescribeLogDirsRequest,
) -> (LogDirsAssembly, Vec<(ShardId, ShardRequest)>) {
    let of = |topic: wire::DescribeLogDirsRequestTopics| {
        let name = topic.topic;
        topic.partitions.into_iter().map(move |partition| TopicPartition { topic: name.clone(), partition })
    };
    let wanted = request.topics.map(|topics| topics.into_iter().flat_map(of).collect());
    let parts = (0..cluster.shards.count()).map(|shard| (ShardId(shard), ShardRequest::LogDirs)).collect();
    (LogDirsAssembly { wanted, dirs: Vec::new() }, parts)
}

impl LogDirsAssembly {
    /// Takes a shard's answer: all folders, with the partitions that it hosts.
    pub fn add(&mut self, dirs: Vec<LogDirSizes>) {
        if self.dirs.is_empty() {
            self.dirs = dirs;
            return;
        }
        for (known, more) in self.dirs.iter_mut().zip(dirs) {
            known.offline |= more.offline;
            known.partitions.extend(more.partitions);
        }
    }

    /// The response, once every shard has answered.
    pub fn finish(self) -> wire::DescribeLogDirsResponse {
        let wanted = |partition: &TopicPartition| self.wanted.as_ref().is_none_or(|wanted| wanted.contains(partition));
        let one = |dir: LogDirSizes| {
            let mut topics: BTreeMap<Str, Vec<wire::DescribeLogDirsResponsePartitions>> = BTreeMap::new();
            for (partition, size_bytes) in dir.partitions.iter().filter(|(partition, _)| wanted(partition)) {
                topics.entry(partition.topic.clone()).or_default().push(wire::DescribeLogDirsResponsePartitions {
                    partition_index: partition.partition,
                    partition_size: i64::try_from(*size_bytes).unwrap_or(i64::MAX),
                    // A log that is led is where it should be, and no copy on its way.
                    offset_lag: 0,
                    is_future_key: false,
                });
            }
            let topics =
                topics.into_iter().map(|(name, partitions)| wire::DescribeLogDirsResponseTopics { name, partitions });
            let bytes = |bytes: Option<u64>| bytes.and_then(|bytes| i64::try_from(bytes).ok()).unwrap_or(-1);
            wire::DescribeLogDirsResponseResults {
                error_code: if dir.offline { error::KAFKA_STORAGE_ERROR } else { error::NONE },
                log_dir: Str::from(dir.path),
                topics: topics.collect(),
                total_bytes: bytes(dir.total_bytes),
                usable_bytes: bytes(dir.usable_bytes),
            }
        };
        wire::DescribeLogDirsResponse { results: self.dirs.into_iter().map(one).collect(), ..Default::default() }
    }
}
