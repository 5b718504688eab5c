//! The coordinator runtime: what every coordinator that keeps its state in a log has in common.
//!
//! A coordinator lives on one led partition. Its handlers read state and answer with an [`Outcome`]: records and the
//! replies that depend on them. The records go to the partition; when they are appended, [`Coordinator::replay`]
//! applies them (the only writer of state that outlives the process), and when the high watermark has passed them,
//! the replies leave. After a restart the same `replay` reads the same records back.
//!
//! One write is with the log at a time: requests that arrive meanwhile wait, so a handler never decides on state
//! that an append still in flight is about to change. The shard's driver appends in its own turn, so nothing waits
//! long. (Kafka: `CoordinatorRuntime`, KIP-848's runtime for both coordinators.)

use std::collections::VecDeque;
use std::time::Duration;

use base::{Instant, Now};
use bytes::Bytes;

/// How long timers rest after a write that the log did not take: a full disk is not asked again without pause.
const WRITE_RETRY: Duration = Duration::from_secs(1);

/// One record of a coordinator's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The key, which names what the record is about.
    pub key: Bytes,
    /// The value; `None` is a tombstone.
    pub value: Option<Bytes>,
}

/// What a handler decided: nothing yet durable, nothing yet said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome<Reply> {
    /// To be appended as one batch; empty when the handler only read.
    pub records: Vec<Record>,
    /// Replies that must not leave before `records` are committed.
    pub replies: Vec<Reply>,
    /// Whether [`Coordinator::on_write`] wants to hear how the write ended.
    pub follow_up: Option<FollowUp>,
}

/// Names a handler's continuation, for writes whose failure must change more than a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowUp {
    /// The group or transactional id.
    pub id: base::Str,
    /// The generation or epoch that the write belongs to.
    pub generation: i32,
}

impl<Reply> Default for Outcome<Reply> {
    fn default() -> Self {
        Self { records: Vec::new(), replies: Vec::new(), follow_up: None }
    }
}

/// A state machine whose durable state is a log of records.
pub trait Coordinator {
    /// A request with everything needed to answer it.
    type Request;
    /// An answer with everything needed to route it.
    type Reply;
    /// Why a write failed, in the protocol's words.
    type Error: Copy;

    /// Applies one committed record. Records that make no sense or are of a kind from the future are skipped
    /// (KIP-915), never an error: a coordinator that refuses its log is lost for ever.
    fn replay(&mut self, record: &Record);

    /// Called once when everything in the log has been replayed.
    fn on_loaded(&mut self, now: Now, outcome: &mut Outcome<Self::Reply>);

    /// Handles one request.
    fn handle(&mut self, now: Now, request: Self::Request, outcome: &mut Outcome<Self::Reply>);

    /// Timers.
    fn tick(&mut self, now: Now, outcome: &mut Outcome<Self::Reply>);

    /// When `tick` is wanted next.
    fn deadline(&self) -> Option<Instant>;

    /// The end of a write that asked for it: committed, or failed. Called before its replies leave.
    fn on_write(
        &mut self,
        now: Now,
        follow_up: &FollowUp,
        result: Result<(), Self::Error>,
        out: &mut Outcome<Self::Reply>,
    );

    /// Turns the reply of a write that failed into its error form.
    fn fail(&self, reply: Self::Reply, error: Self::Error) -> Self::Reply;

    /// The answer to a request that cannot be handled now: loading, or no longer ours.
    fn refuse(&self, request: Self::Request, refusal: Refusal) -> Self::Reply;

    /// Gives up: the partition moved away. Everything parked inside is answered.
    fn resign(&mut self, outcome: &mut Outcome<Self::Reply>);
}

/// Why a request is not handled here and now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The log is still being read.
    Loading,
    /// The partition is led elsewhere now.
    NotCoordinator,
}

/// What the shard does for a coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuntimeEffect<Reply> {
    /// Append these records as one batch of internal origin, then call [`Runtime::on_appended`] or
    /// [`Runtime::on_append_failed`].
    Append(Vec<Record>),
    /// Send this reply.
    Reply(Reply),
}

struct Parked<Reply> {
    /// The reply leaves when the high watermark reaches this offset.
    committed_at: i64,
    replies: Vec<Reply>,
    follow_up: Option<FollowUp>,
}

enum Phase {
    Loading,
    Active,
    Resigned,
}

/// One coordinator on one partition.
pub struct Runtime<C: Coordinator> {
    coordinator: C,
    phase: Phase,
    /// The write that the log has not answered yet.
    writing: Option<Outcome<C::Reply>>,
    waiting: VecDeque<C::Request>,
    parked: VecDeque<Parked<C::Reply>>,
    high_watermark: i64,
    /// No timer is run before, since the log did not take the last write.
    rest_until: Option<Instant>,
}

impl<C: Coordinator> Runtime<C> {
    /// A runtime that refuses requests until its log has been read.
    pub fn loading(coordinator: C) -> Self {
        Self {
            coordinator,
            phase: Phase::Loading,
            writing: None,
            waiting: VecDeque::new(),
            parked: VecDeque::new(),
            high_watermark: 0,
            rest_until: None,
        }
    }

    /// Applies a record read back from the log.
    pub fn load(&mut self, record: &Record) {
        assert!(matches!(self.phase, Phase::Loading), "records are loaded before the coordinator is active");
        self.coordinator.replay(record);
    }

    /// Whether the log is still being read.
    pub fn is_loading(&self) -> bool {
        matches!(self.phase, Phase::Loading)
    }

    /// Ends loading: requests are handled from now on.
    pub fn finish_loading(&mut self, now: Now, effects: &mut Vec<RuntimeEffect<C::Reply>>) {
        self.phase = Phase::Active;
        self.run(now, effects, C::on_loaded);
    }

    /// Takes one request. Its reply comes as an effect, now or later.
    pub fn handle(&mut self, now: Now, request: C::Request, effects: &mut Vec<RuntimeEffect<C::Reply>>) {
        let refusal = match self.phase {
            Phase::Loading => Refusal::Loading,
            Phase::Resigned => Refusal::NotCoordinator,
            Phase::Active if self.writing.is_some() => return self.waiting.push_back(request),
            Phase::Active => return self.run(now, effects, |c, now, outcome| c.handle(now, request, outcome)),
        };
        effects.push(RuntimeEffect::Reply(self.coordinator.refuse(request, refusal)));
    }

    /// Runs timers that are due. A tick that finds a write in flight does nothing; the write's end brings the next.
    pub fn tick(&mut self, now: Now, effects: &mut Vec<RuntimeEffect<C::Reply>>) {
        let due = self.deadline().is_some_and(|at| at <= now.mono);
        if due && self.writing.is_none() {
            self.run(now, effects, C::tick);
        }
    }

    /// When [`Runtime::tick`] is wanted next.
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Active if self.writing.is_none() => self.coordinator.deadline().max(self.rest()),
            _ => None,
        }
    }

    /// The earliest time for timers, when there is one for any.
    fn rest(&self) -> Option<Instant> {
        self.rest_until.filter(|_| self.coordinator.deadline().is_some())
    }

    /// The records are in the log and end at `last_offset`.
    pub fn on_appended(&mut self, now: Now, last_offset: i64, effects: &mut Vec<RuntimeEffect<C::Reply>>) {
        self.rest_until = None;
        let written = self.writing.take().expect("an append that nobody asked for was reported");
        for record in &written.records {
            self.coordinator.replay(record);
        }
        self.parked.push_back(Parked {
            committed_at: last_offset + 1,
            replies: written.replies,
            follow_up: written.follow_up,
        });
        self.release(now, effects);
        self.work_off(now, effects);
    }

    /// The records are not in the log.
    pub fn on_append_failed(&mut self, now: Now, error: C::Error, effects: &mut Vec<RuntimeEffect<C::Reply>>) {
        let lost = self.writing.take().expect("a failed append that nobody asked for was reported");
        self.rest_until = Some(now.mono + WRITE_RETRY);
        for reply in lost.replies {
            effects.push(RuntimeEffect::Reply(self.coordinator.fail(reply, error)));
        }
        if let Some(follow_up) = lost.follow_up {
            self.run(now, effects, |c, now, outcome| c.on_write(now, &follow_up, Err(error), outcome));
        }
        self.work_off(now, effects);
    }

    /// Everything below `high_watermark` is committed.
    pub fn on_high_watermark(&mut self, now: Now, high_watermark: i64, effects: &mut Vec<RuntimeEffect<C::Reply>>) {
        self.high_watermark = self.high_watermark.max(high_watermark);
        self.release(now, effects);
        self.work_off(now, effects);
    }

    /// The partition is led elsewhere from now on.
    pub fn resign(&mut self, effects: &mut Vec<RuntimeEffect<C::Reply>>, error: C::Error) {
        self.phase = Phase::Resigned;
        let mut last_words = Outcome::default();
        self.coordinator.resign(&mut last_words);
        let parked = self.parked.drain(..).flat_map(|parked| parked.replies);
        let unwritten = self.writing.take().into_iter().flat_map(|outcome| outcome.replies);
        for reply in parked.chain(unwritten).collect::<Vec<_>>() {
            effects.push(RuntimeEffect::Reply(self.coordinator.fail(reply, error)));
        }
        effects.extend(last_words.replies.into_iter().map(RuntimeEffect::Reply));
        for request in std::mem::take(&mut self.waiting) {
            effects.push(RuntimeEffect::Reply(self.coordinator.refuse(request, Refusal::NotCoordinator)));
        }
    }

    /// The coordinator, to be told what is in no log; what it decides then comes with [`Runtime::tick`].
    pub fn coordinator_mut(&mut self) -> &mut C {
        &mut self.coordinator
    }

    /// The coordinator, to look at.
    pub fn coordinator(&self) -> &C {
        &self.coordinator
    }

    fn run(
        &mut self,
        now: Now,
        effects: &mut Vec<RuntimeEffect<C::Reply>>,
        handler: impl FnOnce(&mut C, Now, &mut Outcome<C::Reply>),
    ) {
        let mut outcome = Outcome::default();
        handler(&mut self.coordinator, now, &mut outcome);
        self.settle(outcome, effects);
    }

    /// A handler that only read may answer from state that is appended but not committed yet; its answer waits for
    /// what it saw, so that nobody learns of something a crash could still take back.
    fn settle(&mut self, outcome: Outcome<C::Reply>, effects: &mut Vec<RuntimeEffect<C::Reply>>) {
        if !outcome.records.is_empty() {
            assert!(self.writing.is_none(), "one write at a time");
            effects.push(RuntimeEffect::Append(outcome.records.clone()));
            self.writing = Some(outcome);
            return;
        }
        match self.parked.back_mut() {
            Some(last) => last.replies.extend(outcome.replies),
            None => effects.extend(outcome.replies.into_iter().map(RuntimeEffect::Reply)),
        }
    }

    fn release(&mut self, now: Now, effects: &mut Vec<RuntimeEffect<C::Reply>>) {
        while self.parked.front().is_some_and(|parked| parked.committed_at <= self.high_watermark) {
            let parked = self.parked.pop_front().expect("looked at above");
            let mut outcome = Outcome::default();
            if let Some(follow_up) = &parked.follow_up {
                self.coordinator.on_write(now, follow_up, Ok(()), &mut outcome);
            }
            effects.extend(parked.replies.into_iter().map(RuntimeEffect::Reply));
            if self.writing.is_none() {
                self.settle(outcome, effects);
            } else {
                assert!(outcome.records.is_empty(), "the end of a write starts no other while one is in flight");
                effects.extend(outcome.replies.into_iter().map(RuntimeEffect::Reply));
            }
        }
    }

    fn work_off(&mut self, now: Now, effects: &mut Vec<RuntimeEffect<C::Reply>>) {
        while self.writing.is_none() {
            let Some(request) = self.waiting.pop_front() else { break };
            self.run(now, effects, |c, now, outcome| c.handle(now, request, outcome));
        }
    }
}
