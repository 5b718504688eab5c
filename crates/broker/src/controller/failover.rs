//! What a new controller reads, and what it tells the brokers (`KafkaController.onControllerFailover`).

use std::collections::BTreeSet;

use base::Str;
use client_core::zk::Op;

use super::context::{LiveBroker, PartitionState};
use super::partition_state::{After, NewState};
use super::{BROKER_IDS, Controller, DELETE_TOPICS, Event, StepKind, TOPICS, zk_data};
use crate::node::zk::Outcome;
use crate::node::{Ctx, Level};
use crate::{TopicId, TopicPartition};

const FEATURE: &str = "/feature";

/// How far the loading is.
#[derive(Debug)]
pub(crate) enum Step {
    /// The names of brokers, topics and deletions; `/feature`.
    Names,
    /// The data of brokers and topics.
    Data { brokers: Vec<i32>, topics: Vec<Str> },
    /// The states of partitions, and new topic ids.
    States(Vec<TopicPartition>),
}

impl Controller {
    pub(super) fn load(&mut self, ctx: &mut Ctx) {
        let children = |path: &str| Op::GetChildren { path: path.to_string(), watch: true };
        let ops = vec![
            children(BROKER_IDS),
            children(TOPICS),
            children(DELETE_TOPICS),
            Op::GetData { path: FEATURE.to_string(), watch: false },
        ];
        self.submit(ctx, ops, StepKind::Failover(Step::Names));
    }

    pub(super) fn on_failover(&mut self, ctx: &mut Ctx, step: Step, outcomes: &[Outcome]) {
        match step {
            Step::Names => self.on_names(ctx, outcomes),
            Step::Data { brokers, topics } => self.on_data(ctx, &brokers, &topics, outcomes),
            Step::States(partitions) => self.on_states(ctx, &partitions, outcomes),
        }
    }

    fn on_names(&mut self, ctx: &mut Ctx, outcomes: &[Outcome]) {
        let brokers: Vec<i32> = outcomes[0].children().iter().filter_map(|name| name.parse().ok()).collect();
        let topics: Vec<Str> = outcomes[1].children().iter().map(|name| Str::from(name.as_str())).collect();
        let paths = brokers.iter().map(|id| format!("{BROKER_IDS}/{id}"));
        let paths = paths.chain(topics.iter().map(|topic| format!("{TOPICS}/{topic}")));
        let mut ops: Vec<Op> = paths.map(|path| Op::GetData { path, watch: true }).collect();
        if outcomes[3].is_no_node() {
            ops.push(self.guarded([Op::create(FEATURE, Some(zk_data::feature()))]));
        }
        self.submit(ctx, ops, StepKind::Failover(Step::Data { brokers, topics }));
    }

    fn on_data(&mut self, ctx: &mut Ctx, brokers: &[i32], topics: &[Str], outcomes: &[Outcome]) {
        let (of_brokers, rest) = outcomes.split_at(brokers.len());
        let (of_topics, feature) = rest.split_at(topics.len());
        if feature.iter().any(|outcome| outcome.fails_check(0)) {
            self.moved(ctx);
            return;
        }
        for (id, outcome) in brokers.iter().zip(of_brokers) {
            self.learn_broker(ctx, *id, outcome);
        }
        for (topic, outcome) in topics.iter().zip(of_topics) {
            self.learn_topic(ctx, topic, outcome);
        }
        let partitions: Vec<TopicPartition> = self.context.partitions().map(|(partition, _)| partition).collect();
        let state = |partition: &TopicPartition| Op::GetData { path: zk_data::state_path(partition), watch: false };
        let mut ops: Vec<Op> = partitions.iter().map(state).collect();
        ops.extend(self.mint_topic_ids(ctx));
        self.submit(ctx, ops, StepKind::Failover(Step::States(partitions)));
    }

    /// Takes in the data of `/brokers/ids/<id>`; a broker without data is being registered or is gone.
    pub(super) fn learn_broker(&mut self, ctx: &mut Ctx, id: i32, outcome: &Outcome) {
        let Some((data, stat)) = outcome.data() else { return };
        match zk_data::parse_broker(id, data) {
            Some(image) => {
                self.context.brokers.insert(id, LiveBroker { image, epoch: stat.czxid.0 });
            }
            None => ctx.log(Level::Warn, format!("the data of {BROKER_IDS}/{id} makes no sense; broker ignored")),
        }
    }

    /// Takes in the data of `/brokers/topics/<topic>`.
    pub(super) fn learn_topic(&mut self, ctx: &mut Ctx, topic: &Str, outcome: &Outcome) {
        let Some((data, stat)) = outcome.data() else { return };
        match zk_data::parse_topic(data) {
            Some(mut parsed) => {
                parsed.version = stat.version;
                self.context.topics.insert(topic.clone(), parsed);
            }
            None => ctx.log(Level::Warn, format!("the data of {TOPICS}/{topic} makes no sense; topic ignored")),
        }
    }

    /// Writes an id into every topic that has none (made by tools older than 2.8).
    pub(super) fn mint_topic_ids(&mut self, ctx: &mut Ctx) -> Vec<Op> {
        let mut ops = Vec::new();
        let bare: Vec<Str> =
            self.context.topics.iter().filter(|(_, topic)| topic.id.is_zero()).map(|(name, _)| name.clone()).collect();
        for name in bare {
            let id: TopicId = crate::node::registration::new_uuid(&mut ctx.prng);
            let topic = self.context.topics.get_mut(&name).expect("listed above");
            topic.id = id;
            let data = Some(zk_data::topic(topic));
            let version = topic.version;
            topic.version += 1;
            ops.push(self.guarded([Op::SetData { path: format!("{TOPICS}/{name}"), data, version }]));
        }
        ops
    }

    fn on_states(&mut self, ctx: &mut Ctx, partitions: &[TopicPartition], outcomes: &[Outcome]) {
        let (states, minted) = outcomes.split_at(partitions.len());
        if minted.iter().any(|outcome| outcome.fails_check(0)) {
            self.moved(ctx);
            return;
        }
        for (partition, outcome) in partitions.iter().zip(states) {
            if let Some((data, stat)) = outcome.data()
                && let Some(state) = zk_data::parse_state(data)
            {
                let state = PartitionState { partition_epoch: stat.version, ..state };
                self.context.states.insert(partition.clone(), state);
            }
        }
        let changes = self.overdue_changes();
        self.write_states(ctx, changes, false, After::Failover);
    }

    /// Partitions that have no state yet, or whose leader is gone.
    pub(super) fn overdue_changes(&self) -> Vec<NewState> {
        let mut changes = Vec::new();
        for (partition, assignment) in self.context.partitions() {
            let (state, is_new) = match self.context.states.get(&partition) {
                None => (self.context.first_state(assignment), true),
                Some(state) => (self.context.elect(assignment, state, false), false),
            };
            if let Some(state) = state {
                changes.push(NewState { partition, state, is_new });
            }
        }
        changes
    }

    /// Everything is read and decided: tell the brokers. Who is alive goes first, since LeaderAndIsr names brokers that
    /// the receiver must know.
    pub(super) fn announce_everything(&mut self, ctx: &mut Ctx, new: &BTreeSet<TopicPartition>) {
        self.send_update_metadata(ctx, &[]);
        let all: Vec<TopicPartition> = self.context.states.keys().cloned().collect();
        self.send_leader_and_isr(ctx, &all, new, None);
        self.send_update_metadata(ctx, &all);
        // markers that were there before our watch
        self.enqueue(ctx, Event::TopicDeletion);
        self.enqueue(ctx, Event::PreferredElection);
        self.enqueue(ctx, Event::Reassignment);
    }
}
