//! Topics that come, go and grow (`KafkaController.processTopicChange`, `processPartitionModifications`).

use std::collections::BTreeSet;

use base::Str;
use client_core::zk::Op;

use super::partition_state::{After, NewState};
use super::{Controller, Event, StepKind, TOPICS};
use crate::TopicPartition;
use crate::node::Ctx;
use crate::node::zk::Outcome;

/// How far the work is.
#[derive(Debug)]
pub(crate) enum Step {
    /// The names of all topics.
    Names,
    /// The data of new topics.
    Data(Vec<Str>),
    /// The data of a topic that may have grown.
    Grown(Str),
}

impl Controller {
    pub(super) fn on_topic_change(&mut self, ctx: &mut Ctx) {
        let op = Op::GetChildren { path: TOPICS.to_string(), watch: true };
        self.submit(ctx, vec![op], StepKind::Topics(Step::Names));
    }

    pub(super) fn on_partition_modifications(&mut self, ctx: &mut Ctx, topic: Str) {
        let op = Op::GetData { path: format!("{TOPICS}/{topic}"), watch: true };
        self.submit(ctx, vec![op], StepKind::Topics(Step::Grown(topic)));
    }

    pub(super) fn on_topics(&mut self, ctx: &mut Ctx, step: Step, outcomes: &[Outcome]) {
        match step {
            Step::Names => self.on_topic_names(ctx, outcomes[0].children()),
            Step::Data(topics) => self.on_new_topics(ctx, &topics, outcomes),
            Step::Grown(topic) => self.on_grown(ctx, topic, &outcomes[0]),
        }
    }

    fn on_topic_names(&mut self, ctx: &mut Ctx, names: &[String]) {
        let now: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        // znodes that somebody removed by hand: the topic is gone without a deletion
        let gone: Vec<Str> =
            self.context.topics.keys().filter(|topic| !now.contains(topic.as_str())).cloned().collect();
        for topic in gone {
            self.context.remove_topic(&topic);
        }
        let new: Vec<Str> = names
            .iter()
            .filter(|name| !self.context.topics.contains_key(name.as_str()))
            .map(|name| Str::from(name.as_str()))
            .collect();
        let ops = new.iter().map(|topic| Op::GetData { path: format!("{TOPICS}/{topic}"), watch: true }).collect();
        self.submit(ctx, ops, StepKind::Topics(Step::Data(new)));
    }

    fn on_new_topics(&mut self, ctx: &mut Ctx, topics: &[Str], outcomes: &[Outcome]) {
        for (topic, outcome) in topics.iter().zip(outcomes) {
            self.learn_topic(ctx, topic, outcome);
        }
        let minted = self.mint_topic_ids(ctx);
        ctx.submit(minted, crate::node::Then::Nothing);
        let mut changes = Vec::new();
        for topic in topics {
            changes.extend(self.first_states(topic));
        }
        self.write_states(ctx, changes, true, After::Announce);
    }

    /// First states for those partitions of a topic that have none.
    fn first_states(&self, topic: &Str) -> Vec<NewState> {
        let Some(known) = self.context.topics.get(topic) else { return Vec::new() };
        let mut changes = Vec::new();
        for (number, assignment) in &known.partitions {
            let partition = TopicPartition { topic: topic.clone(), partition: *number };
            if !self.context.states.contains_key(&partition)
                && let Some(state) = self.context.first_state(assignment)
            {
                changes.push(NewState { partition, state, is_new: true });
            }
        }
        changes
    }

    fn on_grown(&mut self, ctx: &mut Ctx, topic: Str, outcome: &Outcome) {
        if self.context.deleting.contains_key(&topic) || !self.context.topics.contains_key(&topic) {
            self.done(ctx);
            return;
        }
        self.learn_topic(ctx, &topic, outcome);
        let changes = self.first_states(&topic);
        self.write_states(ctx, changes, false, After::Announce);
    }

    /// A topic that is being made is looked at again when a broker comes up: see [`Event::BrokerChange`].
    pub(super) fn look_at_topics(&mut self, ctx: &mut Ctx) {
        self.enqueue(ctx, Event::TopicChange);
    }
}
