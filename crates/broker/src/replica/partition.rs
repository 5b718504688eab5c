//! A partition that this broker leads (`Partition.scala`, `UnifiedLog.scala`): its offsets, its replicas, who is in
//! sync, and which requests its state allows.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::error;
use crate::log::producer_state::{Origin, ProducerError, Undo, Verdict};
use crate::log::validate::{Assigned, Produced};
use crate::log::{LeaderEpochCache, ProducerState};
use crate::shard::{CodedError, LeadPartition, LogConfig, OpenedLog};
use crate::{ErrorCode, TopicId, TopicPartition};
use base::{Instant, Now};

/// What the leader knows of a replica on another broker.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteReplica {
    /// Its log end, learned from its last fetch; -1 before the first.
    pub log_end_offset: i64,
    /// Its log start, learned likewise.
    pub log_start_offset: i64,
    /// When it last asked for our log end.
    pub last_caught_up: Instant,
}

/// How an append to the leader ends before the log has it.
#[derive(Clone, Debug)]
pub enum Admission {
    /// To be appended; the offsets are taken.
    Append {
        /// The batch with its offsets.
        append: Assigned,
        /// Time stamped on its records, -1 under CreateTime.
        log_append_time_ms: i64,
    },
    /// The producer sent it before: it is in the log already.
    Duplicate {
        /// Where its first record is.
        base_offset: i64,
        /// Where its last record is.
        last_offset: i64,
        /// Its greatest timestamp, which upstream gives as the time of the append.
        timestamp_ms: i64,
    },
}

/// What a fetch may see of the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchView {
    /// See [`Partition::high_watermark`].
    pub high_watermark: i64,
    /// See [`Partition::last_stable_offset`].
    pub last_stable_offset: i64,
    /// First offset.
    pub log_start_offset: i64,
    /// Where reading has to stop.
    pub end_offset: i64,
    /// Where the client's log parts from ours: (epoch, end offset).
    pub diverging_epoch: Option<(i32, i64)>,
}

/// Who fetches, and how much they may see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A follower: up to the log end.
    Follower(i32),
    /// A consumer: up to the high watermark.
    Uncommitted,
    /// A consumer with `read_committed`: up to the last stable offset.
    Committed,
}

/// A partition led here.
#[derive(Debug)]
pub struct Partition {
    id: TopicPartition,
    topic_id: TopicId,
    broker_id: i32,
    leader_epoch: i32,
    controller_epoch: i32,
    replicas: Vec<i32>,
    isr: Vec<i32>,
    remotes: BTreeMap<i32, RemoteReplica>,
    config: Arc<LogConfig>,
    log_start_offset: i64,
    /// Next offset to be given; ahead of the log end while an append is in flight.
    next_offset: i64,
    log_end_offset: i64,
    high_watermark: i64,
    epochs: LeaderEpochCache,
    producers: ProducerState,
    /// What the batches from the log's end to `next_offset` changed, oldest first.
    undo: VecDeque<Undo>,
}

impl Partition {
    /// The partition whose log was just opened, led as `lead` says; and whether its leader epochs have
    /// to be written before it serves.
    pub fn new(lead: LeadPartition, log: OpenedLog) -> (Self, bool) {
        assert!(
            log.log_start_offset <= log.log_end_offset,
            "a log ends where it starts, or later: {} {log:?}",
            lead.partition
        );
        let mut partition = Self {
            id: lead.partition.clone(),
            topic_id: lead.topic_id,
            broker_id: lead.broker_id,
            leader_epoch: -1,
            controller_epoch: -1,
            replicas: Vec::new(),
            isr: Vec::new(),
            remotes: BTreeMap::new(),
            config: lead.config.clone(),
            log_start_offset: log.log_start_offset,
            next_offset: log.log_end_offset,
            log_end_offset: log.log_end_offset,
            high_watermark: log.high_watermark.clamp(log.log_start_offset, log.log_end_offset),
            epochs: log.epochs,
            producers: log.producers,
            undo: VecDeque::new(),
        };
        let epochs_changed = partition.lead(lead);
        (partition, epochs_changed)
    }

    /// Takes over a (newer) leadership. True when the leader epoch is a new one, so that the epoch cache changed and
    /// must be on disk before the partition serves under it.
    pub fn lead(&mut self, lead: LeadPartition) -> bool {
        let new_epoch = lead.leader_epoch > self.leader_epoch;
        self.leader_epoch = self.leader_epoch.max(lead.leader_epoch);
        self.controller_epoch = lead.controller_epoch;
        self.topic_id = lead.topic_id;
        self.replicas = lead.replicas;
        self.isr = lead.isr;
        self.config = lead.config;
        let others = self.replicas.iter().filter(|id| **id != self.broker_id);
        let unknown = RemoteReplica { log_end_offset: -1, log_start_offset: -1, last_caught_up: Instant::ZERO };
        self.remotes = others
            .map(|id| {
                // What a replica had under the last epoch may be truncated under this one.
                let known = self.remotes.remove(id).filter(|_| !new_epoch);
                (*id, known.unwrap_or_else(|| unknown.clone()))
            })
            .collect();
        let changed = new_epoch && self.epochs.assign(self.leader_epoch, self.log_end_offset);
        self.maybe_advance_high_watermark();
        changed
    }

    /// Which partition this is.
    pub fn id(&self) -> &TopicPartition {
        &self.id
    }

    /// The topic's id.
    pub fn topic_id(&self) -> TopicId {
        self.topic_id
    }

    /// Epoch of this leadership.
    pub fn leader_epoch(&self) -> i32 {
        self.leader_epoch
    }

    /// First offset of the log.
    pub fn log_start_offset(&self) -> i64 {
        self.log_start_offset
    }

    /// One past the last offset in the log (LEO).
    pub fn log_end_offset(&self) -> i64 {
        self.log_end_offset
    }

    /// One past the last offset that every replica in sync has: what consumers may see.
    pub fn high_watermark(&self) -> i64 {
        self.high_watermark
    }

    /// Where the first transaction starts that is still open (or whose end is not committed), at most the high
    /// watermark: what `read_committed` consumers may see.
    pub fn last_stable_offset(&self) -> i64 {
        self.producers.first_unstable_offset().map_or(self.high_watermark, |open| open.min(self.high_watermark))
    }

    /// The epochs of this log.
    pub fn epochs(&self) -> &LeaderEpochCache {
        &self.epochs
    }

    /// The producers of this log.
    pub fn producers(&self) -> &ProducerState {
        &self.producers
    }

    /// The producers of this log, for expiry and snapshots.
    pub fn producers_mut(&mut self) -> &mut ProducerState {
        &mut self.producers
    }

    /// The topic's configuration.
    pub fn config(&self) -> &Arc<LogConfig> {
        &self.config
    }

    /// Changes the topic's configuration.
    pub fn set_config(&mut self, config: Arc<LogConfig>) {
        self.config = config;
        self.maybe_advance_high_watermark();
    }

    /// Checks what a client believes of the leadership (KIP-320); -1 believes nothing.
    ///
    /// # Errors
    /// FENCED_LEADER_EPOCH from an older epoch, UNKNOWN_LEADER_EPOCH from one that has not reached us.
    pub fn check_leader_epoch(&self, current_leader_epoch: i32) -> Result<(), ErrorCode> {
        match current_leader_epoch {
            -1 => Ok(()),
            epoch if epoch < self.leader_epoch => Err(error::FENCED_LEADER_EPOCH),
            epoch if epoch > self.leader_epoch => Err(error::UNKNOWN_LEADER_EPOCH),
            _ => Ok(()),
        }
    }

    /// Whether fewer replicas are in sync than `acks=-1` wants. A topic cannot want more than it has replicas.
    pub fn is_under_min_isr(&self) -> bool {
        let wanted = (self.config.min_insync_replicas.max(1) as usize).min(self.replicas.len().max(1));
        self.isr.len() < wanted
    }

    /// Admits a batch that has passed the topic's rules: checks its producer's sequence, takes offsets, stamps it.
    ///
    /// # Errors
    /// The code and words for the producer; nothing has changed then.
    pub fn append_as_leader(&mut self, now: Now, batch: &Produced, origin: Origin) -> Result<Admission, CodedError> {
        let refused = |e: ProducerError| CodedError::new(e.code(), e.to_string());
        if let Verdict::Duplicate(known) = self.producers.check(&batch.header, origin).map_err(refused)? {
            let (base_offset, last_offset) = (known.first_offset(), known.last_offset);
            return Ok(Admission::Duplicate { base_offset, last_offset, timestamp_ms: known.timestamp });
        }
        let assigned = batch.assign(self.next_offset, self.leader_epoch, &self.config, now.wall_ms);
        self.undo.push_back(self.producers.before(&assigned.header));
        self.producers.apply(&assigned.header, None);
        self.next_offset = assigned.header.next_offset();
        let log_append_time_ms = if assigned.header.is_log_append_time() { now.wall_ms } else { -1 };
        Ok(Admission::Append { append: assigned, log_append_time_ms })
    }

    /// The log has everything up to `last_offset`. True when the high watermark moved.
    pub fn on_appended(&mut self, last_offset: i64) -> bool {
        let end = last_offset + 1;
        assert!(
            self.log_end_offset < end && end <= self.next_offset,
            "{}: appended up to {last_offset}, but the log ends at {} and offsets are given up to {}",
            self.id,
            self.log_end_offset,
            self.next_offset
        );
        self.log_end_offset = end;
        self.undo.pop_front();
        self.maybe_advance_high_watermark()
    }

    /// The log did not get a batch: it and those admitted behind it are as if they had never come. Their offsets are
    /// given again, and their producers may send them again.
    pub fn on_append_failed(&mut self) {
        while let Some(undo) = self.undo.pop_back() {
            self.producers.undo(undo);
        }
        self.next_offset = self.log_end_offset;
    }

    /// Half of [`Partition::on_append_failed`], for the simulator's proof that it notices.
    pub fn forget_failed_append(&mut self) {
        self.undo.clear();
        self.next_offset = self.log_end_offset;
    }

    /// A follower fetches: its position *is* its acknowledgement. True when the high watermark moved.
    ///
    /// # Errors
    /// NOT_LEADER_OR_FOLLOWER from a broker that holds no replica.
    pub fn on_follower_fetch(
        &mut self,
        now: Instant,
        replica_id: i32,
        fetch_offset: i64,
        log_start_offset: i64,
    ) -> Result<bool, ErrorCode> {
        let log_end_offset = self.log_end_offset;
        let replica = self.remotes.get_mut(&replica_id).ok_or(error::NOT_LEADER_OR_FOLLOWER)?;
        replica.log_end_offset = fetch_offset;
        replica.log_start_offset = log_start_offset;
        if fetch_offset >= log_end_offset {
            replica.last_caught_up = now;
        }
        Ok(self.maybe_advance_high_watermark())
    }

    /// The high watermark is the smallest log end among the replicas in sync; it never goes back, and it stays while
    /// fewer are in sync than the topic asks for.
    fn maybe_advance_high_watermark(&mut self) -> bool {
        if self.is_under_min_isr() {
            return false;
        }
        let in_sync = self.remotes.iter().filter(|(id, _)| self.isr.contains(id)).map(|(_, r)| r.log_end_offset);
        let smallest = in_sync.fold(self.log_end_offset, i64::min);
        let moved = smallest > self.high_watermark;
        if moved {
            self.high_watermark = smallest;
            self.producers.on_high_watermark(smallest);
        }
        moved
    }

    /// Records below `offset` are gone (retention, DeleteRecords). True when the epoch cache changed.
    pub fn on_log_start_moved(&mut self, offset: i64) -> bool {
        if offset <= self.log_start_offset {
            return false;
        }
        assert!(offset <= self.high_watermark, "{}: only committed records are deleted", self.id);
        self.log_start_offset = offset;
        self.producers.on_log_start_offset(offset);
        self.epochs.truncate_from_start(offset)
    }

    /// What a reader may see from `fetch_offset` on. `last_fetched_epoch` is the epoch of the record before it, -1
    /// unknown: when our log has no such record there, the answer says where the two part (KIP-595).
    ///
    /// # Errors
    /// The leader epoch's errors, or OFFSET_OUT_OF_RANGE.
    pub fn view(
        &self,
        reader: Reader,
        fetch_offset: i64,
        current_leader_epoch: i32,
        last_fetched_epoch: i32,
    ) -> Result<FetchView, ErrorCode> {
        self.check_leader_epoch(current_leader_epoch)?;
        let end_offset = match reader {
            Reader::Follower(_) => self.log_end_offset,
            Reader::Uncommitted => self.high_watermark,
            Reader::Committed => self.last_stable_offset(),
        };
        let mut view = FetchView {
            high_watermark: self.high_watermark,
            last_stable_offset: self.last_stable_offset(),
            log_start_offset: self.log_start_offset,
            end_offset,
            diverging_epoch: None,
        };
        if last_fetched_epoch >= 0 {
            let (epoch, end) = self.epochs.end_offset_for(last_fetched_epoch, self.log_end_offset);
            if epoch == -1 {
                return Err(error::OFFSET_OUT_OF_RANGE);
            }
            if epoch < last_fetched_epoch || end < fetch_offset {
                view.diverging_epoch = Some((epoch, end));
                return Ok(view);
            }
        }
        // Between the high watermark and the log end there is nothing to see yet, but nothing wrong either.
        if fetch_offset < self.log_start_offset || fetch_offset > self.log_end_offset {
            return Err(error::OFFSET_OUT_OF_RANGE);
        }
        Ok(view)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::log::BatchHeader;
    use crate::log::validate::Deep;
    use crate::shard::TimestampType;

    const NOW: Now = Now { mono: Instant::ZERO, wall_ms: 5000 };

    fn lead(replicas: &[i32], isr: &[i32], leader_epoch: i32) -> LeadPartition {
        LeadPartition {
            partition: TopicPartition::new("t", 0),
            topic_id: TopicId([7; 16]),
            broker_id: 1,
            controller_epoch: 1,
            leader_epoch,
            partition_epoch: 0,
            replicas: replicas.to_vec(),
            isr: isr.to_vec(),
            is_new: true,
            config: Arc::new(LogConfig { min_insync_replicas: 2, ..LogConfig::default() }),
        }
    }

    fn led(replicas: &[i32], isr: &[i32]) -> Partition {
        Partition::new(lead(replicas, isr, 3), OpenedLog::empty()).0
    }

    fn batch(count: i32) -> Produced {
        let header = crate::log::batch::tests::header(0, count);
        Produced { header, bytes: Bytes::copy_from_slice(&header.encode()), deep: Deep::None }
    }

    fn admitted(partition: &mut Partition, batch: &Produced) -> (Assigned, i64) {
        match partition.append_as_leader(NOW, batch, Origin::Client) {
            Ok(Admission::Append { append, log_append_time_ms }) => (append, log_append_time_ms),
            other => panic!("{other:?}"),
        }
    }

    fn append(partition: &mut Partition, count: i32) -> bool {
        let (append, _) = admitted(partition, &batch(count));
        partition.on_appended(append.header.last_offset())
    }

    #[test]
    fn offsets_and_epoch_are_stamped() {
        let mut partition = led(&[1], &[1]);
        assert!(append(&mut partition, 3));
        let two = batch(2);
        let (append, log_append_time_ms) = admitted(&mut partition, &two);
        assert_eq!(log_append_time_ms, -1);
        assert_eq!(append.header, BatchHeader { base_offset: 3, leader_epoch: 3, ..two.header });
        assert_eq!((partition.log_end_offset(), partition.high_watermark()), (3, 3), "not in the log yet");
        assert!(partition.on_appended(4));
        assert_eq!((partition.log_end_offset(), partition.high_watermark()), (5, 5));
    }

    #[test]
    fn log_append_time_is_the_leaders_clock() {
        let config = LogConfig { message_timestamp_type: TimestampType::LogAppendTime, ..LogConfig::default() };
        let mut partition = led(&[1], &[1]);
        partition.set_config(Arc::new(config));
        let (append, log_append_time_ms) = admitted(&mut partition, &batch(1));
        assert_eq!((append.header.max_timestamp, log_append_time_ms), (5000, 5000));
    }

    #[test]
    fn the_high_watermark_follows_the_slowest_in_sync() {
        let mut partition = led(&[1, 2, 3], &[1, 2]);
        assert!(!append(&mut partition, 10));
        assert_eq!(partition.high_watermark(), 0);
        assert_eq!(partition.on_follower_fetch(Instant::ZERO, 3, 10, 0), Ok(false), "3 is not in sync");
        assert_eq!(partition.on_follower_fetch(Instant::ZERO, 2, 4, 0), Ok(true));
        assert_eq!(partition.high_watermark(), 4);
        assert_eq!(partition.on_follower_fetch(Instant::ZERO, 2, 3, 0), Ok(false), "never back");
        assert_eq!(partition.high_watermark(), 4);
        assert_eq!(partition.on_follower_fetch(Instant::ZERO, 9, 10, 0), Err(error::NOT_LEADER_OR_FOLLOWER));
        partition.lead(lead(&[1, 2, 3], &[1], 4));
        assert!(partition.is_under_min_isr());
        assert_eq!(partition.high_watermark(), 4, "one in sync is fewer than two");
    }

    #[test]
    fn a_topic_cannot_want_more_replicas_than_it_has() {
        let mut partition = led(&[1], &[1]);
        assert!(!partition.is_under_min_isr());
        assert!(append(&mut partition, 1));
    }

    #[test]
    fn what_a_reader_may_see() {
        let mut partition = led(&[1, 2], &[1, 2]);
        append(&mut partition, 10);
        partition.on_follower_fetch(Instant::ZERO, 2, 6, 0).expect("a replica");
        let end = |reader, offset, epoch, last| partition.view(reader, offset, epoch, last).map(|view| view.end_offset);
        assert_eq!(end(Reader::Uncommitted, 0, -1, -1), Ok(6));
        assert_eq!(end(Reader::Committed, 0, 3, -1), Ok(6));
        assert_eq!(end(Reader::Follower(2), 0, 3, 3), Ok(10));
        assert_eq!(end(Reader::Uncommitted, 8, -1, -1), Ok(6), "beyond the high watermark: nothing yet");
        assert_eq!(end(Reader::Uncommitted, 11, -1, -1), Err(error::OFFSET_OUT_OF_RANGE));
        assert_eq!(end(Reader::Uncommitted, -1, -1, -1), Err(error::OFFSET_OUT_OF_RANGE));
        assert_eq!(end(Reader::Uncommitted, 0, 2, -1), Err(error::FENCED_LEADER_EPOCH));
        assert_eq!(end(Reader::Uncommitted, 0, 4, -1), Err(error::UNKNOWN_LEADER_EPOCH));
        let diverging = partition.view(Reader::Follower(2), 12, 3, 3).expect("no error");
        assert_eq!(diverging.diverging_epoch, Some((3, 10)));
    }

    #[test]
    fn a_duplicate_answers_where_it_is() {
        let mut partition = led(&[1], &[1]);
        append(&mut partition, 4);
        let mut sent = batch(2);
        (sent.header.producer_id, sent.header.producer_epoch, sent.header.base_sequence) = (77, 0, 0);
        admitted(&mut partition, &sent);
        let again = partition.append_as_leader(NOW, &sent, Origin::Client);
        assert!(matches!(again, Ok(Admission::Duplicate { base_offset: 4, last_offset: 5, .. })), "{again:?}");
        sent.header.base_sequence = 5;
        let gap = partition.append_as_leader(NOW, &sent, Origin::Client);
        assert_eq!(gap.err().map(|e| e.code), Some(error::OUT_OF_ORDER_SEQUENCE_NUMBER));
    }
}
