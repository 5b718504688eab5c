//! The controller: one broker of the cluster decides who leads which partition (`KafkaController.scala`).
//!
//! Events are taken one at a time, in order; each runs over as many batches of ZooKeeper operations as it needs before
//! the next one begins. Every write of an active controller is a multi whose first part checks `/controller_epoch`, so a
//! controller that was replaced without noticing changes nothing.
//!
//! * [`election`]: who is the controller
//! * [`elections`]: leaders that somebody asks for, and what tools write below `/admin`
//! * [`failover`]: what a new one reads and says
//! * [`topics`], [`topic_deletion`], [`brokers`]: reactions to ZooKeeper
//! * [`partition_state`]: the `state` znodes
//! * [`requests`]: what brokers are told
//! * [`context`], [`assignment`], [`zk_data`]: state, placement, documents

pub mod assignment;
pub mod brokers;
pub mod context;
pub mod election;
pub mod elections;
pub mod failover;
pub mod partition_state;
pub mod requests;
pub mod topic_deletion;
pub mod topics;
pub mod zk_data;

use std::collections::VecDeque;

use base::Str;
use client_core::zk::{Op, WatchKind};

use self::context::Context;
use self::elections::{LeaderElection, PREFERRED_ELECTION, REASSIGN};
use crate::node::registration::session_is_over;
use crate::node::zk::Outcome;
use crate::node::{Ctx, Level, Note, Then};

/// `/controller`: who it is.
pub(crate) const CONTROLLER: &str = "/controller";
/// `/controller_epoch`: how often there was a new one.
pub(crate) const CONTROLLER_EPOCH: &str = "/controller_epoch";
/// The parent of registrations.
pub(crate) const BROKER_IDS: &str = "/brokers/ids";
/// The parent of topics.
pub(crate) const TOPICS: &str = "/brokers/topics";
/// The parent of deletion markers.
pub(crate) const DELETE_TOPICS: &str = "/admin/delete_topics";

/// What the controller reacts to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// `/controller` may have changed, or we have just come up.
    Elect,
    /// Brokers came, left or changed their endpoints.
    BrokerChange,
    /// Topics came or went.
    TopicChange,
    /// A topic's assignment changed.
    PartitionModifications(Str),
    /// Deletion markers came.
    TopicDeletion,
    /// Somebody wants other leaders.
    ElectLeaders(LeaderElection),
    /// [`PREFERRED_ELECTION`] was written.
    PreferredElection,
    /// [`REASSIGN`] was written.
    Reassignment,
}

/// A batch of the controller.
#[derive(Debug)]
pub struct Step {
    /// The reign it belongs to.
    term: u64,
    kind: StepKind,
}

/// What a batch of the controller was about.
#[derive(Debug)]
pub(crate) enum StepKind {
    Election(election::Step),
    Failover(failover::Step),
    Topics(topics::Step),
    TopicDeletion(topic_deletion::Step),
    Brokers(brokers::Step),
    PartitionState(partition_state::Step),
    Admin(elections::Step),
}

/// How far this broker is from being the controller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Role {
    /// Not in the cluster.
    #[default]
    Off,
    /// Another broker is, or nobody yet.
    Standby,
    /// We are.
    Active,
}

/// The role.
#[derive(Debug, Default)]
pub struct Controller {
    pub(crate) role: Role,
    /// Who `/controller` names.
    pub(crate) active_id: Option<i32>,
    pub(crate) context: Context,
    /// Counts reigns of this process, so that batches of an earlier one are recognised.
    term: u64,
    queue: VecDeque<Event>,
    /// Whether an event is being worked on.
    busy: bool,
}

impl Controller {
    /// Whether this broker is the active controller.
    pub fn is_active(&self) -> bool {
        self.role == Role::Active
    }

    /// The broker is registered: take part.
    pub(crate) fn start(&mut self, ctx: &mut Ctx) {
        self.role = Role::Standby;
        self.enqueue(ctx, Event::Elect);
    }

    /// The session is over: whatever we were, we are not any more.
    pub(crate) fn resign(&mut self, ctx: &mut Ctx) {
        self.forget(ctx);
        self.role = Role::Off;
    }

    /// A write met another controller epoch: stand down and look who it is.
    pub(crate) fn moved(&mut self, ctx: &mut Ctx) {
        ctx.log(Level::Warn, format!("controller moved: epoch {} is over", self.context.epoch));
        self.forget(ctx);
        self.role = Role::Standby;
        self.enqueue(ctx, Event::Elect);
    }

    fn forget(&mut self, ctx: &mut Ctx) {
        self.term += 1;
        self.active_id = None;
        self.context = Context::default();
        for event in core::mem::take(&mut self.queue) {
            if let Event::ElectLeaders(LeaderElection { token: Some(token), .. }) = event {
                let error_code = kafka_wire::ErrorCode::NOT_CONTROLLER.0;
                ctx.reply(token, kafka_wire::messages::ElectLeadersResponse { error_code, ..Default::default() });
            }
        }
        self.busy = false;
        ctx.note(Note::ControllerChanged);
    }

    pub(crate) fn on_watch(&mut self, ctx: &mut Ctx, kind: WatchKind, path: &str) {
        let event = match path {
            CONTROLLER => Event::Elect,
            BROKER_IDS => Event::BrokerChange,
            TOPICS => Event::TopicChange,
            DELETE_TOPICS => Event::TopicDeletion,
            PREFERRED_ELECTION => Event::PreferredElection,
            REASSIGN => Event::Reassignment,
            path => {
                if path.starts_with(BROKER_IDS) {
                    Event::BrokerChange
                } else if let Some(topic) = path.strip_prefix("/brokers/topics/")
                    && kind == WatchKind::DataChanged
                {
                    Event::PartitionModifications(Str::from(topic))
                } else {
                    return;
                }
            }
        };
        self.enqueue(ctx, event);
    }

    pub(crate) fn enqueue(&mut self, ctx: &mut Ctx, event: Event) {
        if !self.queue.contains(&event) {
            self.queue.push_back(event);
        }
        self.run_next(ctx);
    }

    fn run_next(&mut self, ctx: &mut Ctx) {
        while !self.busy
            && self.role != Role::Off
            && let Some(event) = self.queue.pop_front()
        {
            if self.role != Role::Active && event != Event::Elect {
                continue;
            }
            self.busy = true;
            match event {
                Event::Elect => self.elect(ctx),
                Event::BrokerChange => self.on_broker_change(ctx),
                Event::TopicChange => self.on_topic_change(ctx),
                Event::PartitionModifications(topic) => self.on_partition_modifications(ctx, topic),
                Event::TopicDeletion => self.on_topic_deletion(ctx),
                Event::ElectLeaders(election) => self.on_election_wanted(ctx, election),
                Event::PreferredElection => self.look_at_admin(ctx, PREFERRED_ELECTION, elections::Step::Preferred),
                Event::Reassignment => self.look_at_admin(ctx, REASSIGN, elections::Step::Reassign),
            }
        }
    }

    /// The event at hand is dealt with.
    fn done(&mut self, ctx: &mut Ctx) {
        self.busy = false;
        self.run_next(ctx);
    }

    fn submit(&mut self, ctx: &mut Ctx, ops: Vec<Op>, kind: StepKind) {
        ctx.submit(ops, Then::Controller(Step { term: self.term, kind }));
    }

    /// `ops` as one transaction that fails, at part 0, when this controller is not the newest one any more.
    fn guarded(&self, ops: impl IntoIterator<Item = Op>) -> Op {
        let check = Op::Check { path: CONTROLLER_EPOCH.to_string(), version: self.context.epoch_zk_version };
        Op::Multi(core::iter::once(check).chain(ops).collect())
    }

    pub(crate) fn on_batch(&mut self, ctx: &mut Ctx, step: Step, outcomes: Vec<Outcome>) {
        // what fails with its session is followed by the news of the session's end, which resets everything
        if step.term != self.term || session_is_over(&outcomes) {
            return;
        }
        match step.kind {
            StepKind::Election(step) => self.on_election(ctx, step, &outcomes),
            StepKind::Failover(step) => self.on_failover(ctx, step, &outcomes),
            StepKind::Topics(step) => self.on_topics(ctx, step, &outcomes),
            StepKind::TopicDeletion(step) => self.on_deletion(ctx, step, &outcomes),
            StepKind::Brokers(step) => self.on_brokers(ctx, step, &outcomes),
            StepKind::PartitionState(step) => self.on_states_written(ctx, step, &outcomes),
            StepKind::Admin(step) => self.on_admin(ctx, step, &outcomes),
        }
    }
}
