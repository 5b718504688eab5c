//! Brokers that come, go and change (`KafkaController.processBrokerChange`).

use std::collections::BTreeSet;

use client_core::zk::Op;

use super::partition_state::{After, NewState};
use super::{BROKER_IDS, Controller, Event, StepKind};
use crate::TopicPartition;
use crate::node::zk::Outcome;
use crate::node::{Ctx, Level};

/// How far the work is.
#[derive(Debug)]
pub(crate) enum Step {
    /// Which ids are registered.
    Names,
    /// Their data.
    Data(Vec<i32>),
}

impl Controller {
    pub(super) fn on_broker_change(&mut self, ctx: &mut Ctx) {
        let op = Op::GetChildren { path: BROKER_IDS.to_string(), watch: true };
        self.submit(ctx, vec![op], StepKind::Brokers(Step::Names));
    }

    pub(super) fn on_brokers(&mut self, ctx: &mut Ctx, step: Step, outcomes: &[Outcome]) {
        match step {
            Step::Names => {
                let ids: Vec<i32> = outcomes[0].children().iter().filter_map(|name| name.parse().ok()).collect();
                let read = |id: &i32| Op::GetData { path: format!("{BROKER_IDS}/{id}"), watch: true };
                let ops = ids.iter().map(read).collect();
                self.submit(ctx, ops, StepKind::Brokers(Step::Data(ids)));
            }
            Step::Data(ids) => self.on_broker_data(ctx, &ids, outcomes),
        }
    }

    fn on_broker_data(&mut self, ctx: &mut Ctx, ids: &[i32], outcomes: &[Outcome]) {
        let before = core::mem::take(&mut self.context.brokers);
        for (id, outcome) in ids.iter().zip(outcomes) {
            self.learn_broker(ctx, *id, outcome);
        }
        if before == self.context.brokers {
            self.done(ctx);
            return;
        }
        // a new epoch is a broker that went and came between two looks: its replicas need everything again
        let came: BTreeSet<i32> = (self.context.brokers.iter())
            .filter(|(id, broker)| before.get(id).is_none_or(|old| old.epoch != broker.epoch))
            .map(|(id, _)| *id)
            .collect();
        let went: Vec<i32> = before.keys().filter(|id| !self.context.is_live(**id)).copied().collect();
        ctx.log(Level::Info, format!("brokers came: {came:?}, went: {went:?}"));
        self.send_update_metadata(ctx, &[]);
        let mut changes = self.overdue_changes();
        self.shrink_isrs(&went, &mut changes);
        self.write_states(ctx, changes, false, After::Brokers(came));
    }

    /// Takes brokers that went out of the ISRs of partitions that others lead.
    fn shrink_isrs(&self, went: &[i32], changes: &mut Vec<NewState>) {
        let changing: BTreeSet<TopicPartition> = changes.iter().map(|change| change.partition.clone()).collect();
        for (partition, state) in &self.context.states {
            let shrinks = state.isr.len() > 1 && state.isr.iter().any(|id| went.contains(id));
            if shrinks && !changing.contains(partition) && self.context.is_live(state.leader) {
                let mut state = state.clone();
                state.isr.retain(|id| !went.contains(id));
                state.leader_epoch += 1;
                state.controller_epoch = self.context.epoch;
                changes.push(NewState { partition: partition.clone(), state, is_new: false });
            }
        }
    }

    /// Brokers that came learn of every partition they hold, then everybody of what changed; topics that had no live
    /// replica and deletions that waited for one go on.
    pub(super) fn announce_brokers(&mut self, ctx: &mut Ctx, came: &BTreeSet<i32>, written: &[TopicPartition]) {
        let all: Vec<TopicPartition> = self.context.states.keys().cloned().collect();
        let none = BTreeSet::new();
        self.send_leader_and_isr(ctx, written, &none, None);
        self.send_leader_and_isr(ctx, &all, &none, Some(came));
        self.send_update_metadata(ctx, &all);
        self.look_at_topics(ctx);
        self.enqueue(ctx, Event::TopicDeletion);
    }
}
