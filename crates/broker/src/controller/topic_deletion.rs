//! Deleting topics (`TopicDeletionManager.scala`): brokers forget the topic, replicas go, then the znodes.

use std::collections::BTreeSet;

use base::Str;
use client_core::zk::Op;

use super::{Controller, DELETE_TOPICS, Event, StepKind, TOPICS, zk_data};
use crate::TopicPartition;
use crate::node::zk::Outcome;
use crate::node::{Ctx, Level, Note};

/// How far the work is.
#[derive(Debug)]
pub(crate) enum Step {
    /// Which topics are marked.
    Markers,
    /// Markers of topics that do not exist were removed.
    Stale,
    /// The znodes of a topic were removed.
    Removed(Str),
}

impl Controller {
    pub(super) fn on_topic_deletion(&mut self, ctx: &mut Ctx) {
        let op = Op::GetChildren { path: DELETE_TOPICS.to_string(), watch: true };
        self.submit(ctx, vec![op], StepKind::TopicDeletion(Step::Markers));
    }

    pub(super) fn on_deletion(&mut self, ctx: &mut Ctx, step: Step, outcomes: &[Outcome]) {
        if outcomes.iter().any(|outcome| outcome.fails_check(0)) {
            self.moved(ctx);
            return;
        }
        match step {
            Step::Markers => self.on_markers(ctx, outcomes[0].children()),
            Step::Stale => self.done(ctx),
            Step::Removed(topic) => {
                ctx.log(Level::Info, format!("topic {topic} deleted"));
                self.context.remove_topic(&topic);
                ctx.note(Note::TopicDeleted(topic));
            }
        }
    }

    fn on_markers(&mut self, ctx: &mut Ctx, markers: &[String]) {
        let enabled = ctx.config.flag("delete.topic.enable");
        let mut stale = Vec::new();
        for marker in markers {
            let topic = Str::from(marker.as_str());
            if !self.context.topics.contains_key(&topic) || !enabled {
                stale.push(self.guarded([Op::Delete { path: format!("{DELETE_TOPICS}/{topic}"), version: -1 }]));
            } else {
                self.begin_deletion(ctx, topic);
            }
        }
        self.submit(ctx, stale, StepKind::TopicDeletion(Step::Stale));
    }

    fn begin_deletion(&mut self, ctx: &mut Ctx, topic: Str) {
        let known = &self.context.topics[&topic];
        let replicas: BTreeSet<(i32, i32)> = (known.partitions.iter())
            .flat_map(|(partition, assignment)| assignment.replicas.iter().map(move |broker| (*broker, *partition)))
            .collect();
        if let Some(dead) = replicas.iter().find(|(broker, _)| !self.context.is_live(*broker)) {
            ctx.log(Level::Warn, format!("deletion of topic {topic} waits for broker {}", dead.0));
            return;
        }
        if self.context.deleting.contains_key(&topic) {
            return;
        }
        let numbers: Vec<i32> = known.partitions.keys().copied().collect();
        let partitions: Vec<TopicPartition> =
            numbers.iter().map(|partition| TopicPartition { topic: topic.clone(), partition: *partition }).collect();
        self.context.deleting.insert(topic.clone(), replicas.clone());
        self.send_update_metadata(ctx, &partitions);
        self.send_delete_replicas(ctx, &topic, &replicas);
        if replicas.is_empty() {
            self.remove_znodes(ctx, topic);
        }
    }

    /// Our own broker gave up replicas.
    pub(crate) fn on_replicas_stopped(&mut self, ctx: &mut Ctx, stopped: &[(TopicPartition, bool)]) {
        for (partition, failed) in stopped {
            let Some(left) = self.context.deleting.get_mut(&partition.topic) else { continue };
            if *failed {
                ctx.log(Level::Warn, format!("replica {partition} could not be deleted; its topic stays marked"));
                continue;
            }
            let was_there = left.remove(&(ctx.config.broker_id, partition.partition));
            if left.is_empty() && was_there {
                self.remove_znodes(ctx, partition.topic.clone());
            }
        }
    }

    /// Children first; a znode that is not there is fine. The marker goes last, so that a controller that dies in the
    /// middle is followed by one that begins again.
    fn remove_znodes(&mut self, ctx: &mut Ctx, topic: Str) {
        let mut paths = Vec::new();
        if let Some(known) = self.context.topics.get(&topic) {
            for partition in known.partitions.keys() {
                let partition = TopicPartition { topic: topic.clone(), partition: *partition };
                paths.push(zk_data::state_path(&partition));
                paths.push(zk_data::partition_path(&partition));
            }
        }
        paths.push(format!("{TOPICS}/{topic}/partitions"));
        paths.push(format!("{TOPICS}/{topic}"));
        paths.push(format!("/config/topics/{topic}"));
        paths.push(format!("{DELETE_TOPICS}/{topic}"));
        let ops = paths.into_iter().map(|path| self.guarded([Op::Delete { path, version: -1 }])).collect();
        self.submit(ctx, ops, StepKind::TopicDeletion(Step::Removed(topic)));
    }

    /// Whether a topic is on its way out.
    pub(crate) fn is_deleting(&self, topic: &str) -> bool {
        self.context.deleting.contains_key(topic)
    }

    /// Looks at the markers again.
    pub(crate) fn look_at_deletions(&mut self, ctx: &mut Ctx) {
        self.enqueue(ctx, Event::TopicDeletion);
    }
}
