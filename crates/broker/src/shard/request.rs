//! What connections ask of a shard, and its answers.

use bytes::Bytes;
use kafka_wire::messages::DescribeProducersResponseActiveProducers;

use crate::coordinator::group::{GroupReplyBody, GroupRequest};
use crate::{ErrorCode, TopicPartition};

/// What a connection asks of a shard: one request's part for the partitions it owns. `position` is the place of a
/// partition in the whole request, so that answers can be joined in its order.
#[derive(Clone, Debug)]
pub enum ShardRequest {
    /// Produce.
    Produce(ProduceRequest),
    /// Fetch, with its waiting.
    Fetch(FetchRequest),
    /// ListOffsets.
    ListOffsets(Vec<ListOffset>),
    /// ListOffsets version 0.
    LegacyOffsets(Vec<LegacyOffsets>),
    /// OffsetForLeaderEpoch.
    OffsetForLeaderEpoch(Vec<EpochEnd>),
    /// DeleteRecords.
    DeleteRecords(Vec<DeleteRecords>),
    /// DescribeProducers.
    DescribeProducers(Vec<DescribeProducers>),
    /// AlterReplicaLogDirs.
    MoveLogs(Vec<MoveLog>),
    /// DescribeLogDirs: all folders, with the partitions that this shard hosts.
    LogDirs,
    /// A group's request, for the coordinator on this partition of `__consumer_offsets`.
    Group {
        /// See [`crate::coordinator::partition_for`].
        partition: i32,
        /// What is asked.
        request: Box<GroupRequest>,
    },
}

/// A shard's part of a Produce request.
#[derive(Clone, Debug)]
pub struct ProduceRequest {
    /// The request's version: rules differ.
    pub version: i16,
    /// 0: no answer; 1: when the leader has it; -1: when all in sync have it.
    pub acks: i16,
    /// How long an `acks=-1` may wait.
    pub timeout_ms: i32,
    /// Whether internal topics may be written (client id `__admin_client`).
    pub internal_topics_allowed: bool,
    /// One batch for each partition.
    pub partitions: Vec<ProducePartition>,
}

/// One batch for one partition.
#[derive(Clone, Debug)]
pub struct ProducePartition {
    /// Place in the whole request.
    pub position: u32,
    /// Where it goes.
    pub partition: TopicPartition,
    /// The batch as sent, or the message set below Produce version 3. The connection has checked a batch's CRC.
    pub records: Bytes,
}

/// A shard's part of a Fetch request.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchRequest {
    /// The request's version: what may be answered differs.
    pub version: i16,
    /// Broker id of a follower; -1 a consumer.
    pub replica_id: i32,
    /// The follower's broker epoch; -1 unknown.
    pub replica_epoch: i64,
    /// Answer when this many bytes are there; at once when 0.
    pub bytes_min: u64,
    /// Limit of the whole answer.
    pub bytes_max: u64,
    /// How long it may wait for `bytes_min`.
    pub wait_ms_max: u64,
    /// Whether transactions that are open or aborted are hidden (`read_committed`).
    pub read_committed: bool,
    /// What is wanted, in request order.
    pub partitions: Vec<FetchPartition>,
}

/// One partition of a fetch.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchPartition {
    /// Place in the whole request.
    pub position: u32,
    /// Which.
    pub partition: TopicPartition,
    /// First offset wanted.
    pub fetch_offset: i64,
    /// The leader epoch the client believes in; -1 unknown.
    pub current_leader_epoch: i32,
    /// Epoch of the last record the client has; -1 unknown.
    pub last_fetched_epoch: i32,
    /// A follower's log start offset; -1 from consumers.
    pub log_start_offset: i64,
    /// The partition's own limit, bytes.
    pub bytes_max: u32,
}

/// One question of ListOffsets.
#[derive(Clone, Debug, PartialEq)]
pub struct ListOffset {
    /// Place in the whole request.
    pub position: u32,
    /// Which.
    pub partition: TopicPartition,
    /// Broker id of a follower; -1 a consumer.
    pub replica_id: i32,
    /// Whether "latest" means the last stable offset.
    pub read_committed: bool,
    /// The leader epoch the client believes in; -1 unknown.
    pub current_leader_epoch: i32,
    /// Milliseconds, or -1 latest, -2 earliest, -3 that of the largest timestamp, -4 earliest local, -5 latest tiered.
    pub timestamp_ms: i64,
}

/// One question of ListOffsets version 0.
#[derive(Clone, Debug, PartialEq)]
pub struct LegacyOffsets {
    /// Place in the whole request.
    pub position: u32,
    /// Which.
    pub partition: TopicPartition,
    /// Broker id of a follower; -1 a consumer.
    pub replica_id: i32,
    /// Milliseconds, or -1 latest, -2 earliest.
    pub timestamp_ms: i64,
    /// How many offsets are wanted.
    pub offsets_max: i32,
}

/// One question of OffsetForLeaderEpoch.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochEnd {
    /// Place in the whole request.
    pub position: u32,
    /// Which.
    pub partition: TopicPartition,
    /// The leader epoch the client believes in; -1 unknown.
    pub current_leader_epoch: i32,
    /// The epoch whose end is asked.
    pub leader_epoch: i32,
}

/// One partition of DeleteRecords.
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteRecords {
    /// Place in the whole request.
    pub position: u32,
    /// Which.
    pub partition: TopicPartition,
    /// The new log start offset; -1 the high watermark.
    pub offset: i64,
}

/// One partition of DescribeProducers.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeProducers {
    /// Place in the whole request.
    pub position: u32,
    /// Which.
    pub partition: TopicPartition,
}

/// The answer to a [`DescribeProducers`].
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeProducersAnswer {
    /// Place in the whole request.
    pub position: u32,
    /// The producers that are known there.
    pub producers: Result<Vec<DescribeProducersResponseActiveProducers>, ErrorCode>,
}

/// One partition of AlterReplicaLogDirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveLog {
    /// Place in the whole request.
    pub position: u32,
    /// Which.
    pub partition: TopicPartition,
    /// The log folder where it is to be.
    pub log_dir: String,
}

/// A log in a log folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSize {
    /// Whose.
    pub partition: TopicPartition,
    /// Bytes of its segments.
    pub size_bytes: u64,
    /// Offsets that it lacks: of a copy on its way, those that the log itself has more.
    pub offset_lag: i64,
    /// Whether it is a copy on its way to this folder.
    pub is_future: bool,
}

/// A log folder and what one shard has in it.
#[derive(Clone, Debug, PartialEq)]
pub struct LogDirSizes {
    /// As configured.
    pub path: String,
    /// Whether it failed.
    pub offline: bool,
    /// Bytes of its file system, where that can be asked.
    pub total_bytes: Option<u64>,
    /// Bytes that are free there.
    pub usable_bytes: Option<u64>,
    /// The logs.
    pub partitions: Vec<LogSize>,
}

/// A shard's answer to a [`ShardRequest`]. A Fetch's records are not in it: the driver adds them as file ranges.
#[derive(Clone, Debug, PartialEq)]
pub enum ShardAnswer {
    /// To Produce.
    Produce(Vec<ProduceAnswer>),
    /// To ListOffsets.
    ListOffsets(Vec<ListOffsetAnswer>),
    /// To ListOffsets version 0.
    LegacyOffsets(Vec<LegacyOffsetsAnswer>),
    /// To OffsetForLeaderEpoch.
    OffsetForLeaderEpoch(Vec<EpochEndAnswer>),
    /// To DeleteRecords.
    DeleteRecords(Vec<DeleteRecordsAnswer>),
    /// To DescribeProducers.
    DescribeProducers(Vec<DescribeProducersAnswer>),
    /// To AlterReplicaLogDirs, by position; the driver makes it. 0 when the move is begun, or there is nothing to move.
    MoveLogs(Vec<(u32, ErrorCode)>),
    /// To DescribeLogDirs; the driver makes it.
    LogDirs(Vec<LogDirSizes>),
    /// To a group's request.
    Group(GroupReplyBody),
}

/// How one partition's batch fared.
#[derive(Clone, Debug, PartialEq)]
pub struct ProduceAnswer {
    /// Place in the whole request.
    pub position: u32,
    /// 0 when it is in the log, as durable as was asked for.
    pub error_code: ErrorCode,
    /// What was wrong, for v8 and later.
    pub error_message: Option<String>,
    /// Records that were refused, by index in the batch, for v8 and later.
    pub record_errors: Vec<(i32, String)>,
    /// Offset of the first record; -1 on errors.
    pub base_offset: i64,
    /// The time stamped by the leader; -1 under CreateTime.
    pub log_append_time_ms: i64,
    /// The partition's first offset; -1 unknown.
    pub log_start_offset: i64,
}

/// One partition's state as a fetch found it.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchAnswer {
    /// Place in the whole request.
    pub position: u32,
    /// 0 when `read` may be read.
    pub error_code: ErrorCode,
    /// -1 on errors.
    pub high_watermark: i64,
    /// -1 on errors.
    pub last_stable_offset: i64,
    /// -1 on errors.
    pub log_start_offset: i64,
    /// Where the client's log parts from ours: (epoch, end offset). KIP-595.
    pub diverging_epoch: Option<(i32, i64)>,
    /// For `read_committed`: (producer id, first offset) of aborted transactions in the range.
    pub aborted_transactions: Option<Vec<(i64, i64)>>,
}

/// The answer to a [`ListOffset`].
#[derive(Clone, Debug, PartialEq)]
pub struct ListOffsetAnswer {
    /// Place in the whole request.
    pub position: u32,
    /// 0 when the rest means something.
    pub error_code: ErrorCode,
    /// Timestamp of the record found, ms; -1 for the special questions.
    pub timestamp_ms: i64,
    /// -1 when there is no such record.
    pub offset: i64,
    /// Epoch of that offset; -1 unknown.
    pub leader_epoch: i32,
}

/// The answer to a [`LegacyOffsets`].
#[derive(Clone, Debug, PartialEq)]
pub struct LegacyOffsetsAnswer {
    /// Place in the whole request.
    pub position: u32,
    /// 0 when the rest means something.
    pub error_code: ErrorCode,
    /// Newest first.
    pub offsets: Vec<i64>,
}

/// The answer to an [`EpochEnd`].
#[derive(Clone, Debug, PartialEq)]
pub struct EpochEndAnswer {
    /// Place in the whole request.
    pub position: u32,
    /// 0 when the rest means something.
    pub error_code: ErrorCode,
    /// The largest epoch not above the one asked; -1 unknown.
    pub leader_epoch: i32,
    /// Where that epoch ends; -1 unknown.
    pub end_offset: i64,
}

/// The answer to a [`DeleteRecords`].
#[derive(Clone, Debug, PartialEq)]
pub struct DeleteRecordsAnswer {
    /// Place in the whole request.
    pub position: u32,
    /// 0 when it is done.
    pub error_code: ErrorCode,
    /// The partition's first offset now; -1 on errors.
    pub low_watermark: i64,
}
