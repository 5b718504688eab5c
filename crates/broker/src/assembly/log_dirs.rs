//! DescribeLogDirs (35), versions 0 to 4: each log folder with its partitions and their sizes, from every shard.
//! AlterReplicaLogDirs (34), versions 0 to 2: each partition's shard is asked to move it.

use std::collections::BTreeMap;

use base::Str;
use kafka_wire::messages as wire;

use super::{ByShard, Cluster};
use crate::shard::{LogDirSizes, MoveLog, ShardRequest};
use crate::{ErrorCode, ShardId, TopicPartition, error};

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
            for log in dir.partitions.iter().filter(|log| wanted(&log.partition)) {
                let of_topic = topics.entry(log.partition.topic.clone()).or_default();
                of_topic.push(wire::DescribeLogDirsResponsePartitions {
                    partition_index: log.partition.partition,
                    partition_size: i64::try_from(log.size_bytes).unwrap_or(i64::MAX),
                    offset_lag: log.offset_lag,
                    is_future_key: log.is_future,
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

/// An AlterReplicaLogDirs request whose answers are being collected.
#[derive(Debug)]
pub struct MovesAssembly {
    /// In the order of the request; what no shard answers for stays as it is here.
    answers: Vec<(TopicPartition, ErrorCode)>,
}

/// What is said of a partition that is not here.
fn missing(cluster: &Cluster<'_>, partition: &TopicPartition) -> ErrorCode {
    match cluster.image.partition(&partition.topic, partition.partition) {
        Some(_) => error::REPLICA_NOT_AVAILABLE,
        None => error::UNKNOWN_TOPIC_OR_PARTITION,
    }
}

/// Asks the shards of the partitions, whether those exist or not: what is not there yet is made in the folder.
pub fn split_moves(
    cluster: &Cluster<'_>,
    request: wire::AlterReplicaLogDirsRequest,
) -> (MovesAssembly, Vec<(ShardId, ShardRequest)>) {
    let mut answers: Vec<(TopicPartition, ErrorCode)> = Vec::new();
    let mut parts = ByShard::new(cluster.shards);
    for dir in request.dirs {
        for topic in dir.topics {
            for partition in topic.partitions {
                let (position, name) = (answers.len() as u32, topic.name.detached());
                let partition = TopicPartition { topic: name, partition };
                answers.push((partition.clone(), missing(cluster, &partition)));
                if partition.partition >= 0 {
                    let shard = cluster.shards.shard_of(&partition.topic, partition.partition);
                    parts.push(shard, MoveLog { position, partition, log_dir: dir.path.to_string() });
                }
            }
        }
    }
    (MovesAssembly { answers }, parts.into_parts().map(|(shard, part)| (shard, ShardRequest::MoveLogs(part))).collect())
}

impl MovesAssembly {
    /// Takes a shard's answers.
    pub fn add(&mut self, answers: Vec<(u32, ErrorCode)>) {
        for (position, code) in answers {
            let answer = &mut self.answers[position as usize].1;
            // What the answer begins with tells apart what is not here from what is nowhere.
            if code != error::REPLICA_NOT_AVAILABLE {
                *answer = code;
            }
        }
    }

    /// The response, once every shard has answered: by topic.
    pub fn finish(self) -> wire::AlterReplicaLogDirsResponse {
        let mut topics: BTreeMap<Str, Vec<wire::AlterReplicaLogDirsResponsePartitions>> = BTreeMap::new();
        for (TopicPartition { topic, partition }, error_code) in self.answers {
            let answer = wire::AlterReplicaLogDirsResponsePartitions { partition_index: partition, error_code };
            topics.entry(topic).or_default().push(answer);
        }
        let one = |(topic_name, partitions)| wire::AlterReplicaLogDirsResponseResults { topic_name, partitions };
        wire::AlterReplicaLogDirsResponse { results: topics.into_iter().map(one).collect(), ..Default::default() }
    }
}
