//! What goes into a shard and what comes out, as values. What connections ask is in [`super::request`].

use std::sync::Arc;

use base::Str;
use bytes::Bytes;

use super::request::{FetchAnswer, ShardAnswer, ShardRequest};
use crate::config::BrokerConfig;
use crate::log::inspection::Inspection;
use crate::log::validate::{Assigned, Produced, ValidateError};
use crate::log::{BatchHeader, LeaderEpochCache, ProducerState};
use crate::metadata_cache::MetadataImage;
use crate::{ErrorCode, TopicId, TopicPartition};

/// One request, or one shard's part of it, from arrival to answer. Unique within the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestToken(pub u64);

/// What the node tells a shard. Commands of one partition arrive in order.
#[derive(Clone, Debug)]
pub enum ShardCommand {
    /// This broker leads a partition (or: its leader's state changed). Answered by [`ShardNotice::Leading`] or
    /// [`ShardNotice::Failed`]; the node publishes metadata that names this leader after that answer.
    LeadPartition(Box<LeadPartition>),
    /// This broker no longer holds the partition.
    StopPartition {
        /// Which.
        partition: TopicPartition,
        /// The controller's leader epoch; -1 stops whatever epoch is held, -2 is a deletion (KIP-1).
        leader_epoch: i32,
        /// Whether its folder goes too (renamed at once, removed after `file.delete.delay.ms`).
        delete: bool,
    },
    /// A topic's configuration changed; the effective values, all of them.
    UpdateConfig {
        /// Which topic.
        topic: Str,
        /// Its values.
        config: Arc<LogConfig>,
    },
    /// New metadata was published.
    Metadata(Arc<MetadataImage>),
    /// The broker's configuration changed.
    Settings(Arc<BrokerConfig>),
    /// Flush everything, write checkpoints and clean-shutdown marks; answered by [`ShardNotice::ShutDown`].
    ShutDown,
}

/// The state in which this broker leads a partition: LeaderAndIsr's fields and the effective configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct LeadPartition {
    /// Which partition.
    pub partition: TopicPartition,
    /// The topic's id, zero when it has none.
    pub topic_id: TopicId,
    /// This broker.
    pub broker_id: i32,
    /// Epoch of the controller that decided.
    pub controller_epoch: i32,
    /// Epoch of this leadership.
    pub leader_epoch: i32,
    /// Version of the partition's `state` znode.
    pub partition_epoch: i32,
    /// Broker ids that hold the partition, preferred leader first.
    pub replicas: Vec<i32>,
    /// Broker ids in sync.
    pub isr: Vec<i32>,
    /// Whether the partition was just created: no log may exist yet.
    pub is_new: bool,
    /// The topic's effective configuration.
    pub config: Arc<LogConfig>,
}

/// What a shard tells the node.
#[derive(Clone, Debug, PartialEq)]
pub enum ShardNotice {
    /// The partition's log is open and it takes requests under this epoch.
    Leading {
        /// Which.
        partition: TopicPartition,
        /// The epoch of the command.
        leader_epoch: i32,
    },
    /// The partition could not be opened; `KAFKA_STORAGE_ERROR` for its requests.
    Failed {
        /// Which.
        partition: TopicPartition,
        /// The epoch of the command.
        leader_epoch: i32,
        /// What was tried and how it ended.
        reason: String,
    },
    /// A stopped partition is gone from this shard.
    Stopped {
        /// Which.
        partition: TopicPartition,
        /// Whether its folder went too.
        deleted: bool,
    },
    /// A log folder went offline after a failed write or sync; its partitions answer `KAFKA_STORAGE_ERROR`.
    LogDirOffline {
        /// The folder, as configured.
        log_dir: String,
        /// What was tried and how it ended.
        reason: String,
    },
    /// [`ShardCommand::ShutDown`] is done.
    ShutDown,
}

/// How records' timestamps come about (`message.timestamp.type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum TimestampType {
    /// The producer's.
    #[default]
    CreateTime,
    /// The leader's clock at the append.
    LogAppendTime,
}

/// `compression.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum CompressionType {
    /// As the producer sent it.
    #[default]
    Producer,
    /// `uncompressed`.
    None,
    /// `gzip`.
    Gzip,
    /// `snappy`.
    Snappy,
    /// `lz4`.
    Lz4,
    /// `zstd`.
    Zstd,
}

/// A topic's effective configuration, upstream's names and defaults (`LogConfig.java` at 3.9). Values that mean
/// "unlimited" are upstream's: -1 or `i64::MAX`.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names are upstream's topic configuration keys")]
pub struct LogConfig {
    pub segment_bytes: i32,
    pub segment_ms: i64,
    pub segment_jitter_ms: i64,
    pub segment_index_bytes: i32,
    pub index_interval_bytes: i32,
    pub flush_messages: i64,
    pub flush_ms: i64,
    pub retention_bytes: i64,
    pub retention_ms: i64,
    pub file_delete_delay_ms: i64,
    pub max_message_bytes: i32,
    pub min_insync_replicas: i32,
    pub cleanup_delete: bool,
    pub cleanup_compact: bool,
    pub delete_retention_ms: i64,
    pub min_compaction_lag_ms: i64,
    pub max_compaction_lag_ms: i64,
    pub min_cleanable_dirty_ratio: f64,
    pub unclean_leader_election_enable: bool,
    pub compression_type: CompressionType,
    /// Of that codec; `None` is its default. LZ4 and snappy have one.
    pub compression_level: Option<i32>,
    pub message_timestamp_type: TimestampType,
    pub message_timestamp_before_max_ms: i64,
    pub message_timestamp_after_max_ms: i64,
    pub message_downconversion_enable: bool,
    pub preallocate: bool,
}

impl CompressionType {
    /// Its value in a configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Producer => "producer",
            Self::None => "uncompressed",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * 3600 * 1000,
            segment_jitter_ms: 0,
            segment_index_bytes: 10 << 20,
            index_interval_bytes: 4096,
            flush_messages: i64::MAX,
            flush_ms: i64::MAX,
            retention_bytes: -1,
            retention_ms: 7 * 24 * 3600 * 1000,
            file_delete_delay_ms: 60_000,
            max_message_bytes: 1_048_588,
            min_insync_replicas: 1,
            cleanup_delete: true,
            cleanup_compact: false,
            delete_retention_ms: 24 * 3600 * 1000,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: i64::MAX,
            min_cleanable_dirty_ratio: 0.5,
            unclean_leader_election_enable: false,
            compression_type: CompressionType::Producer,
            compression_level: None,
            message_timestamp_type: TimestampType::CreateTime,
            message_timestamp_before_max_ms: i64::MAX,
            message_timestamp_after_max_ms: i64::MAX,
            message_downconversion_enable: true,
            preallocate: false,
        }
    }
}

/// A batch with its offsets assigned, ready for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogAppend {
    /// The batch, in pieces that lie one behind the other in the file.
    pub pieces: Vec<Bytes>,
    /// Its header, as it stands in the first piece.
    pub header: BatchHeader,
}

impl From<Assigned> for LogAppend {
    fn from(assigned: Assigned) -> Self {
        Self { pieces: assigned.pieces.into(), header: assigned.header }
    }
}

/// What a log holds when it has just been opened and recovered.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenedLog {
    /// First offset.
    pub log_start_offset: i64,
    /// One past the last offset.
    pub log_end_offset: i64,
    /// From the checkpoint; clamped to the two above by whoever takes this.
    pub high_watermark: i64,
    /// Leader epochs.
    pub epochs: LeaderEpochCache,
    /// Producers.
    pub producers: ProducerState,
}

impl OpenedLog {
    /// A log that was just created.
    pub fn empty() -> Self {
        Self {
            log_start_offset: 0,
            log_end_offset: 0,
            high_watermark: 0,
            epochs: LeaderEpochCache::new(),
            producers: ProducerState::new(0),
        }
    }
}

/// Something that happens to a shard.
#[derive(Debug)]
pub enum ShardEvent {
    /// A connection asks.
    Request {
        /// Comes back with the answer.
        token: RequestToken,
        /// What is asked.
        request: ShardRequest,
    },
    /// Whatever waits under this token is to be answered with what is there now: its other parts are complete.
    Complete(RequestToken),
    /// Nobody waits for this token's answer any more.
    Cancel(RequestToken),
    /// The node commands.
    Command(ShardCommand),
    /// [`Effect::Open`] is done, or failed with these words.
    Opened {
        /// Which.
        partition: TopicPartition,
        /// What the log holds.
        result: Result<Box<OpenedLog>, String>,
    },
    /// [`Effect::Append`] is done, or failed with these words.
    Appended {
        /// Where.
        partition: TopicPartition,
        /// Whose append it was.
        tag: AppendTag,
        /// Offset of the batch's last record.
        last_offset: i64,
        /// Whether the log has it.
        result: Result<(), String>,
    },
    /// [`Effect::Inspect`] is done.
    Inspected {
        /// Where the records go.
        partition: TopicPartition,
        /// Of the effect.
        ticket: u64,
        /// The batch to append, or what the producer is told.
        result: Result<Produced, CodedError>,
    },
    /// [`Effect::PlanFetch`] is done.
    FetchPlanned {
        /// Whose.
        token: RequestToken,
        /// Bytes that can be read, in all.
        bytes: u64,
        /// Partitions that cannot be read, by position, and why.
        failed: Vec<(u32, ErrorCode)>,
    },
    /// [`Effect::Lookup`] is done.
    LookedUp {
        /// Whose.
        token: RequestToken,
        /// By position.
        found: Vec<(u32, LookedUp)>,
    },
    /// [`Effect::ListSegments`] is done.
    SegmentsListed {
        /// Whose.
        token: RequestToken,
        /// By position.
        found: Vec<(u32, SegmentsFound)>,
    },
    /// [`Effect::ReadForLoad`] is done.
    LoadChunk {
        /// Where.
        partition: TopicPartition,
        /// Whole batches, from the offset asked for; empty at the end.
        batches: Result<Bytes, String>,
    },
    /// Retention deleted what lies below this offset.
    LogStartMoved {
        /// Where.
        partition: TopicPartition,
        /// First offset now.
        log_start_offset: i64,
    },
    /// A log folder is offline, and with it these partitions.
    LogDirFailed {
        /// The folder, as configured.
        log_dir: String,
        /// What was tried and how it ended.
        reason: String,
        /// Its partitions on this shard.
        partitions: Vec<TopicPartition>,
    },
    /// The deadline has come.
    Tick,
}

/// What a search by timestamp found: (timestamp in ms, offset) of the record, if there is one.
pub type LookedUp = Result<Option<(i64, i64)>, ErrorCode>;

/// The segments of a log, oldest first.
pub type SegmentsFound = Result<Vec<SegmentTime>, ErrorCode>;

/// A segment, as its files show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentTime {
    /// Offset that its name says.
    pub base_offset: i64,
    /// Bytes of its `.log`.
    pub size_bytes: u64,
    /// When that was last written, wall clock in milliseconds.
    pub modified_ms: i64,
}

/// Whose append it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppendTag {
    /// A producer's.
    Request(RequestToken),
    /// The coordinator's that lives on the partition.
    Coordinator,
}

/// What a shard wants done.
#[derive(Debug)]
pub enum Effect {
    /// Open the partition's log, made when absent; answered by [`ShardEvent::Opened`].
    Open {
        /// Which.
        partition: TopicPartition,
        /// The topic's id, for `partition.metadata`.
        topic_id: TopicId,
        /// Whether the log was never made before.
        is_new: bool,
        /// Epoch that begins at the log's end; it is entered in the leader epochs as a part of the opening.
        leader_epoch: i32,
        /// The topic's configuration.
        config: Arc<LogConfig>,
    },
    /// Look into produced records, away from the loop's thread; answered by [`ShardEvent::Inspected`], in any order.
    Inspect {
        /// Where the records go.
        partition: TopicPartition,
        /// Comes back with the answer.
        ticket: u64,
        /// What to do.
        inspection: Inspection,
    },
    /// Append; answered by [`ShardEvent::Appended`] in the same turn.
    Append {
        /// Where.
        partition: TopicPartition,
        /// Whose.
        tag: AppendTag,
        /// What.
        append: LogAppend,
    },
    /// Find the file ranges of a fetch, in this order, and keep them; answered by [`ShardEvent::FetchPlanned`].
    PlanFetch {
        /// Whose.
        token: RequestToken,
        /// Limit of all together; the first that is not empty yields a whole batch even beyond it.
        bytes_max: u64,
        /// What to find.
        reads: Vec<FetchRead>,
    },
    /// Answer a fetch, with the ranges found under its token.
    FetchReply {
        /// Whose.
        token: RequestToken,
        /// In request order.
        answers: Vec<FetchAnswer>,
    },
    /// The fetch waits: forget the ranges found under its token.
    FetchParked(RequestToken),
    /// Answer a request.
    Reply {
        /// Whose.
        token: RequestToken,
        /// The answer.
        answer: ShardAnswer,
    },
    /// Find records by timestamp, which may read from disk; answered by [`ShardEvent::LookedUp`].
    Lookup {
        /// Whose.
        token: RequestToken,
        /// What to find.
        lookups: Vec<TimestampLookup>,
    },
    /// Say which segments these logs have; answered by [`ShardEvent::SegmentsListed`].
    ListSegments {
        /// Whose.
        token: RequestToken,
        /// By position in the request.
        partitions: Vec<(u32, TopicPartition)>,
    },
    /// Move logs to other log folders; the answer is [`ShardAnswer::MoveLogs`].
    MoveLogs {
        /// Whose.
        token: RequestToken,
        /// What to move.
        moves: Vec<LogMove>,
    },
    /// Say which folders there are and how large the logs in them; the answer is [`ShardAnswer::LogDirs`].
    DescribeLogDirs(RequestToken),
    /// Read a chunk of whole batches; answered by [`ShardEvent::LoadChunk`].
    ReadForLoad {
        /// Where.
        partition: TopicPartition,
        /// From here.
        offset: i64,
        /// Not beyond.
        end_offset: i64,
    },
    /// The leader epochs changed: write them, synced, before any later sync of the log.
    SaveEpochs(TopicPartition),
    /// The log's configuration changed.
    Configure {
        /// Which.
        partition: TopicPartition,
        /// All values.
        config: Arc<LogConfig>,
    },
    /// Close the log, and remove it when `delete`.
    Close {
        /// Which.
        partition: TopicPartition,
        /// Whether its folder goes too.
        delete: bool,
    },
    /// The broker's configuration changed.
    Settings(Arc<BrokerConfig>),
    /// Flush and checkpoint everything, mark the clean shutdown, then send [`ShardNotice::ShutDown`].
    ShutDown,
    /// Tell the node.
    Notify(ShardNotice),
}

/// One move of [`Effect::MoveLogs`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogMove {
    /// Place in the whole request.
    pub position: u32,
    /// Which.
    pub partition: TopicPartition,
    /// The log folder where it is to be.
    pub log_dir: String,
    /// Whether it can be moved as far as the machine knows; REPLICA_NOT_AVAILABLE of one that is not open yet.
    pub hosted: Result<(), ErrorCode>,
}

/// A search by timestamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimestampLookup {
    /// Place in the whole request.
    pub position: u32,
    /// Where.
    pub partition: TopicPartition,
    /// The first record at or after this time, ms; -3 the record with the largest timestamp.
    pub timestamp_ms: i64,
}

/// One lookup of a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchRead {
    /// Place in the whole request.
    pub position: u32,
    /// Where.
    pub partition: TopicPartition,
    /// First offset wanted.
    pub offset: i64,
    /// Offset that the answer stops before: high watermark, last stable offset or LEO.
    pub end_offset: i64,
    /// The partition's own limit, bytes.
    pub bytes_max: u32,
    /// Whether the aborted transactions in the range are wanted.
    pub read_committed: bool,
}

/// An error with the words that go with it, for answers that carry both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodedError {
    /// Kafka's code.
    pub code: ErrorCode,
    /// What was wrong; versions without a message drop it.
    pub message: Option<String>,
    /// Records to blame: index in the batch and what is wrong.
    pub record_errors: Vec<(i32, String)>,
}

impl CodedError {
    /// A code with words.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: Some(message.into()), record_errors: Vec::new() }
    }
}

impl From<ErrorCode> for CodedError {
    fn from(code: ErrorCode) -> Self {
        Self { code, message: None, record_errors: Vec::new() }
    }
}

impl From<ValidateError> for CodedError {
    fn from(e: ValidateError) -> Self {
        let record_errors = e.record_errors.into_iter().map(|record| (record.batch_index, record.message)).collect();
        Self { code: e.code, message: Some(e.message), record_errors }
    }
}
