//! What an operator is shown of a shard: its machine's figures and the sizes of its logs.

use broker::TopicPartition;
use broker::shard::figures::Figures;
use storage::disk::Disk;

use super::{ShardLoop, ShardWorld};

/// Numbers of one moment.
#[derive(Clone, Debug, Default)]
pub struct ShardFigures {
    /// The machine's.
    pub machine: Figures,
    /// Each open log.
    pub logs: Vec<LogFigures>,
}

/// A log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFigures {
    /// Whose.
    pub partition: TopicPartition,
    /// Bytes of its segments.
    pub size_bytes: u64,
    /// First offset.
    pub start_offset: i64,
    /// One past the last.
    pub end_offset: i64,
    /// Its segments.
    pub segments: usize,
    /// Whether fewer replicas are in sync than `min.insync.replicas` asks for.
    pub is_under_min_isr: bool,
}

impl<D: Disk, W: ShardWorld<D>> ShardLoop<D, W> {
    /// The numbers of this moment. Looks at every log.
    pub fn figures(&self) -> ShardFigures {
        let log = |(partition, open): (&TopicPartition, &super::OpenLog<D>)| {
            let led = self.shard.partition(partition);
            LogFigures {
                partition: partition.clone(),
                size_bytes: open.log.size_bytes(),
                start_offset: led.map_or_else(|| open.log.first_base_offset(), |led| led.log_start_offset()),
                end_offset: open.log.log_end_offset(),
                segments: open.log.segment_count(),
                is_under_min_isr: led.is_some_and(|led| led.is_under_min_isr()),
            }
        };
        ShardFigures { machine: self.shard.figures(), logs: self.logs.iter().map(log).collect() }
    }
}
