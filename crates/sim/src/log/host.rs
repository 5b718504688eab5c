//! One life of a broker's storage: a log folder, its partitions, and the jobs that are under way.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use broker::TopicPartition;
use broker::log::batch::HEADER_BYTES;
use broker::log::{BatchHeader, LogConfig, ProducerState};
use broker::shard::LogAppend;
use bytes::Bytes;
use storage::kafka::checkpoint::Offsets;
use storage::kafka::{FlushDone, Log, LogDir, Recovered};

use crate::disk::SimDisk;

/// The folder.
pub const LOG_DIR: &str = "/kafka";
const EXPIRATION_MS: i64 = 86_400_000;

/// A partition that is open.
pub struct Partition {
    /// Its log.
    pub log: Log<SimDisk>,
    /// Its producers.
    pub producers: ProducerState,
    /// Its first offset.
    pub start: i64,
}

/// The storage of a running broker.
pub struct Host {
    /// The folder.
    pub dir: LogDir<SimDisk>,
    /// Its partitions.
    pub partitions: BTreeMap<TopicPartition, Partition>,
}

/// A finished job.
pub enum Done {
    /// A flush of a partition.
    Flush(TopicPartition, io::Result<FlushDone>),
    /// A checkpoint, or the removal of files.
    Other(io::Result<()>),
}

impl Host {
    /// Opens the folder and every partition in it; says what each had.
    pub fn open(
        disk: &SimDisk,
        config: &Arc<LogConfig>,
        now_ms: i64,
    ) -> io::Result<(Self, BTreeMap<TopicPartition, Recovered>)> {
        let mut dir = LogDir::open(disk, Path::new(LOG_DIR))?;
        dir.claim("simulated", 0)?;
        let mut host = Self { dir, partitions: BTreeMap::new() };
        let mut recovered = BTreeMap::new();
        let (found, leftovers) = host.dir.scan()?;
        for job in leftovers {
            job.run()?;
        }
        for found in found {
            let partition = found.partition;
            let (log, state, _) = host.dir.open_log(&partition, config.clone(), now_ms, EXPIRATION_MS)?;
            let open = Partition { log, producers: state.producers.clone(), start: state.log_start_offset };
            host.partitions.insert(partition.clone(), open);
            recovered.insert(partition, state);
        }
        Ok((host, recovered))
    }

    /// Makes a partition that is not there.
    pub fn create(&mut self, partition: &TopicPartition, config: &Arc<LogConfig>, now_ms: i64) -> io::Result<()> {
        let log = self.dir.create_log(partition, broker::TopicId([7; 16]), config.clone(), now_ms)?;
        self.partitions.insert(partition.clone(), Partition { log, producers: ProducerState::new(0), start: 0 });
        Ok(())
    }

    /// What the recovery points are now.
    pub fn recovery_points(&self) -> Offsets {
        self.partitions.iter().map(|(name, open)| (name.clone(), open.log.recovery_point())).collect()
    }

    /// Where the logs end, flushed or not.
    pub fn ends(&self) -> Offsets {
        self.partitions.iter().map(|(name, open)| (name.clone(), open.log.log_end_offset())).collect()
    }

    /// Where the logs start.
    pub fn log_starts(&self) -> Offsets {
        self.partitions.iter().map(|(name, open)| (name.clone(), open.start)).collect()
    }
}

/// A batch of `count` records that no reader looks into.
pub fn batch(base: i64, count: i32, producer: (i64, i32), leader_epoch: i32, now_ms: i64, records: &[u8]) -> LogAppend {
    let (producer_id, base_sequence) = producer;
    let mut header = BatchHeader {
        base_offset: base,
        batch_length: (HEADER_BYTES - 12 + records.len()) as i32,
        leader_epoch,
        crc: 0,
        attributes: 0,
        last_offset_delta: count - 1,
        base_timestamp: now_ms,
        max_timestamp: now_ms,
        producer_id,
        producer_epoch: 0,
        base_sequence,
        record_count: count,
    };
    header.crc = header.compute_crc(records);
    let pieces = vec![Bytes::copy_from_slice(&header.encode()), Bytes::copy_from_slice(records)];
    LogAppend { pieces, header }
}
