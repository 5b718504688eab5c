//! What each producer wrote last to one log (upstream: `ProducerStateManager`, `ProducerAppendInfo`): duplicates of
//! a retried batch, gaps in sequences, fenced epochs, and the transactions that hold back the last stable offset.

use core::fmt;
use std::collections::{BTreeMap, VecDeque};

use base::planted::PlantedBug;

use super::batch::{BatchHeader, add_sequence};

/// Batches remembered per producer: a client may have five requests in flight.
pub const BATCHES_KEPT: usize = 5;

/// Who appends. Each origin is trusted with different things (upstream: `AppendOrigin`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A producer: everything is checked.
    Client,
    /// A group or transaction coordinator of ours: sequences are not checked.
    Coordinator,
    /// The leader of this follower, which has checked.
    Replication,
}

/// One remembered batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchMetadata {
    /// Sequence of its last record.
    pub last_sequence: i32,
    /// Offset of its last record.
    pub last_offset: i64,
    /// Last offset minus first offset.
    pub offset_delta: i32,
    /// Greatest timestamp, in milliseconds.
    pub timestamp: i64,
}

impl BatchMetadata {
    /// Offset of its first record.
    pub fn first_offset(&self) -> i64 {
        self.last_offset - i64::from(self.offset_delta)
    }

    /// Sequence of its first record.
    pub fn first_sequence(&self) -> i32 {
        add_sequence(self.last_sequence, -self.offset_delta)
    }
}

/// What is known of one producer id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerEntry {
    /// The newest epoch seen; -1 when none.
    pub producer_epoch: i16,
    /// The last batches of this epoch, oldest first.
    pub batches: VecDeque<BatchMetadata>,
    /// Epoch of the transaction coordinator that wrote the last marker; -1 when none did.
    pub coordinator_epoch: i32,
    /// Timestamp of the last batch or marker, in milliseconds.
    pub last_timestamp: i64,
    /// Where the open transaction began.
    pub current_txn_first_offset: Option<i64>,
}

impl ProducerEntry {
    fn new() -> Self {
        Self {
            producer_epoch: -1,
            batches: VecDeque::new(),
            coordinator_epoch: -1,
            last_timestamp: -1,
            current_txn_first_offset: None,
        }
    }

    /// Sequence of the last record of this epoch; -1 when it wrote none.
    pub fn last_sequence(&self) -> i32 {
        self.batches.back().map_or(-1, |batch| batch.last_sequence)
    }

    fn enter_epoch(&mut self, epoch: i16) {
        if self.producer_epoch != epoch {
            self.batches.clear();
            self.producer_epoch = epoch;
        }
    }
}

/// One line of a `.snapshot` file: an entry with only its last batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotEntry {
    /// The producer.
    pub producer_id: i64,
    /// Its epoch.
    pub producer_epoch: i16,
    /// Sequence of its last record; -1 when it has none.
    pub last_sequence: i32,
    /// Offset of its last record; -1 when it has none.
    pub last_offset: i64,
    /// Last offset minus first offset of its last batch.
    pub offset_delta: i32,
    /// Milliseconds.
    pub timestamp: i64,
    /// -1 when no marker was written.
    pub coordinator_epoch: i32,
    /// -1 when no transaction is open.
    pub current_txn_first_offset: i64,
}

/// The value of a control record that ends a transaction (upstream: `EndTransactionMarker`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndTxnMarker {
    /// Whether the transaction was aborted.
    pub aborted: bool,
    /// Epoch of the coordinator that decided.
    pub coordinator_epoch: i32,
}

/// A transaction that a marker ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompletedTxn {
    /// The producer.
    pub producer_id: i64,
    /// Its first data offset.
    pub first_offset: i64,
    /// The marker's offset.
    pub last_offset: i64,
    /// Whether it was aborted: it then belongs into the transaction index.
    pub aborted: bool,
}

/// What an acceptable batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// New: append it.
    Append,
    /// Already in the log: answer success with these, append nothing.
    Duplicate(BatchMetadata),
}

/// Why a batch is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProducerError {
    /// The epoch is older than one seen.
    InvalidProducerEpoch {
        /// The producer.
        producer_id: i64,
        /// Epoch of the batch.
        epoch: i16,
        /// Newest epoch seen.
        known: i16,
    },
    /// The sequence does not follow the last one.
    OutOfOrderSequence {
        /// The producer.
        producer_id: i64,
        /// First sequence of the batch.
        sequence: i32,
        /// Last sequence in the log; -1 when the epoch is new.
        last: i32,
    },
    /// A batch outside a transaction while the producer has one open.
    InvalidTxnState {
        /// The producer.
        producer_id: i64,
    },
    /// A marker of a coordinator that has been replaced.
    CoordinatorFenced {
        /// The producer.
        producer_id: i64,
        /// Epoch of the marker.
        epoch: i32,
        /// Newest coordinator epoch seen.
        known: i32,
    },
}

impl ProducerError {
    /// The protocol's error code.
    pub fn code(&self) -> i16 {
        match self {
            Self::InvalidProducerEpoch { .. } => 47,
            Self::OutOfOrderSequence { .. } => 45,
            Self::InvalidTxnState { .. } => 48,
            Self::CoordinatorFenced { .. } => 52,
        }
    }
}

impl fmt::Display for ProducerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidProducerEpoch { producer_id, epoch, known } => {
                write!(f, "epoch {epoch} of producer {producer_id} is smaller than the last seen epoch {known}")
            }
            Self::OutOfOrderSequence { producer_id, sequence, last } => {
                write!(f, "out of order sequence number of producer {producer_id}: {sequence} came after {last}")
            }
            Self::InvalidTxnState { producer_id } => {
                write!(f, "producer {producer_id} wrote outside its open transaction")
            }
            Self::CoordinatorFenced { producer_id, epoch, known } => {
                write!(f, "marker for producer {producer_id} has coordinator epoch {epoch}, {known} was seen")
            }
        }
    }
}

impl core::error::Error for ProducerError {}

/// A transaction whose marker may not be replicated yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TxnMetadata {
    producer_id: i64,
    last_offset: Option<i64>,
}

/// What a data batch changed when it was taken in, for the case that the log does not get it after all.
#[derive(Debug)]
pub struct Undo {
    base_offset: i64,
    end_offset: i64,
    producer: Option<(i64, Before)>,
}

/// A producer before the batch.
#[derive(Debug)]
enum Before {
    Unknown,
    SameEpoch { forgotten: Option<BatchMetadata>, last_timestamp: i64, current_txn_first_offset: Option<i64> },
    OtherEpoch(Box<ProducerEntry>),
}

/// All producers of one log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProducerState {
    producers: BTreeMap<i64, ProducerEntry>,
    /// Open transactions by first offset.
    ongoing: BTreeMap<i64, TxnMetadata>,
    /// Ended transactions, by first offset, whose marker is not below the high watermark.
    unreplicated: BTreeMap<i64, TxnMetadata>,
    end_offset: i64,
    bug: PlantedBug,
}

impl ProducerState {
    /// Plants a bug; only the simulator does.
    pub fn plant(&mut self, bug: PlantedBug) {
        self.bug = bug;
    }

    /// Nothing known, of a log that ends at `end_offset`.
    pub fn new(end_offset: i64) -> Self {
        Self { end_offset, ..Self::default() }
    }

    /// The state that a snapshot taken at `end_offset` describes, without the producers that have expired meanwhile.
    pub fn from_snapshot(end_offset: i64, entries: &[SnapshotEntry], now_ms: i64, expiration_ms: i64) -> Self {
        let mut state = Self::new(end_offset);
        for line in entries {
            let mut entry = ProducerEntry {
                producer_epoch: line.producer_epoch,
                coordinator_epoch: line.coordinator_epoch,
                last_timestamp: line.timestamp,
                current_txn_first_offset: (line.current_txn_first_offset >= 0).then_some(line.current_txn_first_offset),
                ..ProducerEntry::new()
            };
            if line.last_offset >= 0 {
                entry.batches.push_back(BatchMetadata {
                    last_sequence: line.last_sequence,
                    last_offset: line.last_offset,
                    offset_delta: line.offset_delta,
                    timestamp: line.timestamp,
                });
            }
            if is_expired(&entry, now_ms, expiration_ms) {
                continue;
            }
            if let Some(first) = entry.current_txn_first_offset {
                state.ongoing.insert(first, TxnMetadata { producer_id: line.producer_id, last_offset: None });
            }
            state.producers.insert(line.producer_id, entry);
        }
        state
    }

    /// The lines of a snapshot, by producer id. Only the last batch of each producer is kept, so after a restart a
    /// duplicate of an older one is out of order: Apache's behaviour.
    pub fn snapshot(&self) -> Vec<SnapshotEntry> {
        let line = |(producer_id, entry): (&i64, &ProducerEntry)| {
            let last = entry.batches.back();
            SnapshotEntry {
                producer_id: *producer_id,
                producer_epoch: entry.producer_epoch,
                last_sequence: entry.last_sequence(),
                last_offset: last.map_or(-1, |batch| batch.last_offset),
                offset_delta: last.map_or(0, |batch| batch.offset_delta),
                timestamp: entry.last_timestamp,
                coordinator_epoch: entry.coordinator_epoch,
                current_txn_first_offset: entry.current_txn_first_offset.unwrap_or(-1),
            }
        };
        self.producers.iter().map(line).collect()
    }

    /// Everything below this offset is in the state.
    pub fn end_offset(&self) -> i64 {
        self.end_offset
    }

    /// Says that the log reaches `end_offset` without further producer batches.
    pub fn advance_end_offset(&mut self, end_offset: i64) {
        self.end_offset = self.end_offset.max(end_offset);
    }

    /// What is known of `producer_id`.
    pub fn producer(&self, producer_id: i64) -> Option<&ProducerEntry> {
        self.producers.get(&producer_id)
    }

    /// All producers, by id.
    pub fn producers(&self) -> impl Iterator<Item = (i64, &ProducerEntry)> {
        self.producers.iter().map(|(id, entry)| (*id, entry))
    }

    /// Whether a data batch may be appended. Batches without a producer id always may.
    ///
    /// # Errors
    /// [`ProducerError`]; nothing has changed then.
    pub fn check(&self, batch: &BatchHeader, origin: Origin) -> Result<Verdict, ProducerError> {
        if !batch.has_producer_id() || batch.is_control() || origin == Origin::Replication {
            return Ok(Verdict::Append);
        }
        let producer_id = batch.producer_id;
        let Some(entry) = self.producers.get(&producer_id) else { return Ok(Verdict::Append) };
        if origin == Origin::Client
            && let Some(duplicate) = entry.find(batch)
            && !self.bug.is(PlantedBug::DuplicatesUnknown)
            && (duplicate.last_sequence == entry.last_sequence() || !self.bug.is(PlantedBug::OnlyLastBatchKnown))
        {
            return Ok(Verdict::Duplicate(duplicate));
        }
        if batch.producer_epoch < entry.producer_epoch {
            let (epoch, known) = (batch.producer_epoch, entry.producer_epoch);
            return Err(ProducerError::InvalidProducerEpoch { producer_id, epoch, known });
        }
        if origin == Origin::Client && !self.bug.is(PlantedBug::SequencesUnchecked) {
            entry.check_sequence(producer_id, batch)?;
        }
        if entry.current_txn_first_offset.is_some() && !batch.is_transactional() {
            return Err(ProducerError::InvalidTxnState { producer_id });
        }
        Ok(Verdict::Append)
    }

    /// Whether a transaction marker may be appended.
    ///
    /// # Errors
    /// [`ProducerError`]; nothing has changed then.
    pub fn check_marker(
        &self,
        producer_id: i64,
        producer_epoch: i16,
        marker: EndTxnMarker,
    ) -> Result<(), ProducerError> {
        let Some(entry) = self.producers.get(&producer_id) else { return Ok(()) };
        if producer_epoch < entry.producer_epoch {
            let (epoch, known) = (producer_epoch, entry.producer_epoch);
            return Err(ProducerError::InvalidProducerEpoch { producer_id, epoch, known });
        }
        if marker.coordinator_epoch < entry.coordinator_epoch {
            let (epoch, known) = (marker.coordinator_epoch, entry.coordinator_epoch);
            return Err(ProducerError::CoordinatorFenced { producer_id, epoch, known });
        }
        Ok(())
    }

    /// Takes in a batch that is in the log now, at its final offsets. `marker` is the record of a control batch that
    /// ends a transaction. Returns the transaction that this batch ended.
    pub fn apply(&mut self, batch: &BatchHeader, marker: Option<EndTxnMarker>) -> Option<CompletedTxn> {
        self.end_offset = self.end_offset.max(batch.next_offset());
        if !batch.has_producer_id() {
            return None;
        }
        let producer_id = batch.producer_id;
        if batch.is_control() {
            return marker.and_then(|marker| self.apply_marker(batch, marker));
        }
        let entry = self.producers.entry(producer_id).or_insert_with(ProducerEntry::new);
        entry.enter_epoch(batch.producer_epoch);
        if entry.batches.len() == BATCHES_KEPT {
            entry.batches.pop_front();
        }
        entry.batches.push_back(BatchMetadata {
            last_sequence: batch.last_sequence(),
            last_offset: batch.last_offset(),
            offset_delta: batch.last_offset_delta,
            timestamp: batch.max_timestamp,
        });
        entry.last_timestamp = batch.max_timestamp;
        if batch.is_transactional() && entry.current_txn_first_offset.is_none() {
            entry.current_txn_first_offset = Some(batch.base_offset);
            self.ongoing.insert(batch.base_offset, TxnMetadata { producer_id, last_offset: None });
        }
        None
    }

    /// What taking in this data batch with [`ProducerState::apply`] is about to change.
    pub fn before(&self, batch: &BatchHeader) -> Undo {
        let known = |id: i64| match self.producers.get(&id) {
            None => Before::Unknown,
            Some(entry) if entry.producer_epoch != batch.producer_epoch => Before::OtherEpoch(Box::new(entry.clone())),
            Some(entry) => Before::SameEpoch {
                forgotten: entry.batches.front().filter(|_| entry.batches.len() == BATCHES_KEPT).copied(),
                last_timestamp: entry.last_timestamp,
                current_txn_first_offset: entry.current_txn_first_offset,
            },
        };
        let is_data = batch.has_producer_id() && !batch.is_control();
        let producer = is_data.then(|| (batch.producer_id, known(batch.producer_id)));
        Undo { base_offset: batch.base_offset, end_offset: self.end_offset, producer }
    }

    /// Takes back the batch that was taken in last.
    pub fn undo(&mut self, undo: Undo) {
        self.end_offset = undo.end_offset;
        let Some((producer_id, before)) = undo.producer else { return };
        self.ongoing.remove(&undo.base_offset);
        match (before, self.producers.get_mut(&producer_id)) {
            (Before::Unknown, _) => drop(self.producers.remove(&producer_id)),
            (Before::OtherEpoch(entry), _) => drop(self.producers.insert(producer_id, *entry)),
            (Before::SameEpoch { forgotten, last_timestamp, current_txn_first_offset }, Some(entry)) => {
                entry.batches.pop_back();
                if let Some(forgotten) = forgotten {
                    entry.batches.push_front(forgotten);
                }
                (entry.last_timestamp, entry.current_txn_first_offset) = (last_timestamp, current_txn_first_offset);
            }
            // It has expired meanwhile.
            (Before::SameEpoch { .. }, None) => {}
        }
    }

    fn apply_marker(&mut self, batch: &BatchHeader, marker: EndTxnMarker) -> Option<CompletedTxn> {
        let producer_id = batch.producer_id;
        let entry = self.producers.entry(producer_id).or_insert_with(ProducerEntry::new);
        entry.enter_epoch(batch.producer_epoch);
        entry.coordinator_epoch = marker.coordinator_epoch;
        entry.last_timestamp = batch.max_timestamp;
        let first_offset = entry.current_txn_first_offset.take()?;
        let last_offset = batch.last_offset();
        if self.ongoing.remove(&first_offset).is_some() {
            self.unreplicated.insert(first_offset, TxnMetadata { producer_id, last_offset: Some(last_offset) });
        }
        Some(CompletedTxn { producer_id, first_offset, last_offset, aborted: marker.aborted })
    }

    /// The last stable offset just after `completed`, for its entry in the transaction index.
    pub fn last_stable_offset_after(&self, completed: &CompletedTxn) -> i64 {
        let other = self.ongoing.iter().find(|(_, txn)| txn.producer_id != completed.producer_id);
        other.map_or(completed.last_offset + 1, |(first, _)| *first)
    }

    /// Where the oldest transaction begins that is open, or ended at or above the high watermark.
    pub fn first_unstable_offset(&self) -> Option<i64> {
        let firsts = [self.unreplicated.keys().next(), self.ongoing.keys().next()];
        firsts.into_iter().flatten().min().copied()
    }

    /// The high watermark is now `high_watermark`: ended transactions below it are stable.
    pub fn on_high_watermark(&mut self, high_watermark: i64) {
        self.unreplicated.retain(|_, txn| txn.last_offset.is_none_or(|last| last >= high_watermark));
    }

    /// The log now starts at `log_start_offset`.
    pub fn on_log_start_offset(&mut self, log_start_offset: i64) {
        self.on_high_watermark(log_start_offset);
        self.advance_end_offset(log_start_offset);
    }

    /// Forgets producers idle for `expiration_ms` with no transaction open; returns how many.
    pub fn expire(&mut self, now_ms: i64, expiration_ms: i64) -> usize {
        let before = self.producers.len();
        self.producers.retain(|_, entry| !is_expired(entry, now_ms, expiration_ms));
        before - self.producers.len()
    }
}

fn is_expired(entry: &ProducerEntry, now_ms: i64, expiration_ms: i64) -> bool {
    entry.current_txn_first_offset.is_none() && now_ms.saturating_sub(entry.last_timestamp) >= expiration_ms
}

impl ProducerEntry {
    fn find(&self, batch: &BatchHeader) -> Option<BatchMetadata> {
        if batch.producer_epoch != self.producer_epoch {
            return None;
        }
        let same = |known: &&BatchMetadata| {
            known.first_sequence() == batch.base_sequence && known.last_sequence == batch.last_sequence()
        };
        self.batches.iter().find(same).copied()
    }

    fn check_sequence(&self, producer_id: i64, batch: &BatchHeader) -> Result<(), ProducerError> {
        let sequence = batch.base_sequence;
        let (follows, last) = if batch.producer_epoch == self.producer_epoch {
            let last = self.last_sequence();
            (sequence == add_sequence(last, 1), last)
        } else {
            (sequence == 0, -1)
        };
        // An entry without an epoch stands for a producer whose records are all gone: any sequence is taken.
        if follows || self.producer_epoch == -1 {
            Ok(())
        } else {
            Err(ProducerError::OutOfOrderSequence { producer_id, sequence, last })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::tests::header;
    use super::*;

    fn batch(offset: i64, count: i32, epoch: i16, sequence: i32) -> BatchHeader {
        BatchHeader { producer_id: 9, producer_epoch: epoch, base_sequence: sequence, ..header(offset, count) }
    }

    fn transactional(b: BatchHeader) -> BatchHeader {
        BatchHeader { attributes: b.attributes | 0x10, ..b }
    }

    fn state(batches: &[BatchHeader]) -> ProducerState {
        let mut state = ProducerState::new(0);
        for b in batches {
            assert_eq!(state.check(b, Origin::Client), Ok(Verdict::Append), "{b:?}");
            state.apply(b, None);
        }
        state
    }

    #[test]
    fn sequences() {
        let known = [batch(0, 10, 3, 0), batch(10, 5, 3, 10)];
        let ok = Ok("append");
        let cases = [
            ("next", batch(0, 2, 3, 15), ok),
            ("gap", batch(0, 2, 3, 16), Err(45)),
            ("overlap", batch(0, 2, 3, 14), Err(45)),
            ("duplicate of the last", batch(0, 5, 3, 10), Ok("duplicate")),
            ("duplicate of the first", batch(0, 10, 3, 0), Ok("duplicate")),
            ("same first, other last", batch(0, 4, 3, 10), Err(45)),
            ("older epoch", batch(0, 1, 2, 15), Err(47)),
            ("older epoch, same sequences", batch(0, 5, 2, 10), Err(47)),
            ("newer epoch at 0", batch(0, 1, 4, 0), ok),
            ("newer epoch not at 0", batch(0, 1, 4, 15), Err(45)),
            ("unknown producer, any sequence", BatchHeader { producer_id: 10, ..batch(0, 1, 0, 77) }, ok),
            ("no producer", header(0, 1), ok),
        ];
        for (what, b, expected) in cases {
            let verdict = state(&known).check(&b, Origin::Client);
            let got = match verdict {
                Ok(Verdict::Append) => Ok("append"),
                Ok(Verdict::Duplicate(_)) => Ok("duplicate"),
                Err(e) => Err(e.code()),
            };
            assert_eq!(got, expected, "{what}");
        }
    }

    #[test]
    fn duplicates_answer_the_first_offsets_of_the_last_five() {
        let batches: Vec<_> = (0..6).map(|i| batch(i * 2, 2, 0, i as i32 * 2)).collect();
        let state = state(&batches);
        for (i, b) in batches.iter().enumerate().skip(1) {
            let retry = BatchHeader { base_offset: 0, ..*b };
            let Ok(Verdict::Duplicate(found)) = state.check(&retry, Origin::Client) else { panic!("batch {i}") };
            assert_eq!((found.first_offset(), found.last_offset), (b.base_offset, b.last_offset()));
        }
        let forgotten = state.check(&batches[0], Origin::Client);
        assert_eq!(forgotten.unwrap_err().code(), 45);
    }

    #[test]
    fn the_sequence_wraps() {
        let state = state(&[batch(0, 1, 0, i32::MAX)]);
        assert_eq!(state.check(&batch(1, 1, 0, 0), Origin::Client), Ok(Verdict::Append));
        assert!(state.check(&batch(1, 1, 0, 1), Origin::Client).is_err());
    }

    #[test]
    fn coordinators_skip_sequences_and_followers_skip_all() {
        let state = state(&[batch(0, 1, 3, 0)]);
        let gap = batch(1, 1, 3, 50);
        assert!(state.check(&gap, Origin::Client).is_err());
        assert_eq!(state.check(&gap, Origin::Coordinator), Ok(Verdict::Append));
        let old = batch(1, 1, 2, 50);
        assert!(state.check(&old, Origin::Coordinator).is_err());
        assert_eq!(state.check(&old, Origin::Replication), Ok(Verdict::Append));
    }

    #[test]
    fn transactions_hold_the_stable_offset_until_the_marker_is_replicated() {
        let mut state = state(&[transactional(batch(10, 2, 0, 0)), transactional(batch(12, 1, 0, 2))]);
        assert_eq!(state.first_unstable_offset(), Some(10));
        assert_eq!(state.check(&batch(13, 1, 0, 3), Origin::Client).unwrap_err().code(), 48);
        let marker = BatchHeader { attributes: 0x30, ..batch(20, 1, 0, -1) };
        let end = EndTxnMarker { aborted: true, coordinator_epoch: 5 };
        assert_eq!(state.check_marker(9, 0, end), Ok(()));
        let done = state.apply(&marker, Some(end)).unwrap();
        assert_eq!(done, CompletedTxn { producer_id: 9, first_offset: 10, last_offset: 20, aborted: true });
        assert_eq!(state.last_stable_offset_after(&done), 21);
        assert_eq!(state.first_unstable_offset(), Some(10));
        state.on_high_watermark(20);
        assert_eq!(state.first_unstable_offset(), Some(10));
        state.on_high_watermark(21);
        assert_eq!(state.first_unstable_offset(), None);
        let stale = EndTxnMarker { aborted: false, coordinator_epoch: 4 };
        assert_eq!(state.check_marker(9, 0, stale).unwrap_err().code(), 52);
        // A marker keeps the epoch, so the sequence goes on.
        assert_eq!(state.check(&transactional(batch(21, 1, 0, 3)), Origin::Client), Ok(Verdict::Append));
    }

    #[test]
    fn snapshots_keep_one_batch_and_open_transactions() {
        let mut before = state(&[batch(0, 1, 0, 0), batch(1, 3, 0, 1)]);
        before.apply(&transactional(BatchHeader { producer_id: 4, ..batch(4, 2, 1, 0) }), None);
        let lines = before.snapshot();
        assert_eq!(lines.len(), 2);
        assert_eq!((lines[0].producer_id, lines[0].current_txn_first_offset, lines[0].last_offset), (4, 4, 5));
        assert_eq!((lines[1].last_sequence, lines[1].last_offset, lines[1].offset_delta), (3, 3, 2));
        let after = ProducerState::from_snapshot(before.end_offset(), &lines, 2000, 10_000);
        assert_eq!(after.end_offset(), 6);
        assert_eq!(after.first_unstable_offset(), Some(4));
        assert!(matches!(after.check(&batch(0, 3, 0, 1), Origin::Client), Ok(Verdict::Duplicate(_))));
        assert_eq!(after.check(&batch(0, 1, 0, 0), Origin::Client).unwrap_err().code(), 45);
        // The idle one expires, the one with a transaction does not.
        assert_eq!(ProducerState::from_snapshot(6, &lines, 11_000, 10_000).snapshot().len(), 1);
    }

    #[test]
    fn idle_producers_expire() {
        let mut state = state(&[batch(0, 1, 0, 0)]);
        assert_eq!(state.expire(1000 + 9_999, 10_000), 0);
        assert_eq!(state.expire(1000 + 10_000, 10_000), 1);
        assert_eq!(state.check(&batch(1, 1, 0, 7), Origin::Client), Ok(Verdict::Append));
    }
}
