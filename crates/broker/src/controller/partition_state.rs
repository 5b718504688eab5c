//! Writing the `state` znodes (`ZkPartitionStateMachine.scala`).

use std::collections::BTreeSet;

use client_core::zk::Op;
use kafka_wire::ErrorCode;
use kafka_wire::messages::ElectLeadersResponse;

use super::context::PartitionState;
use super::{Controller, StepKind, TOPICS, zk_data};
use crate::TopicPartition;
use crate::node::zk::Outcome;
use crate::node::{Ctx, Level};
use crate::shard::RequestToken;

/// A state to be written.
#[derive(Clone, Debug)]
pub(crate) struct NewState {
    pub(crate) partition: TopicPartition,
    pub(crate) state: PartitionState,
    /// Whether the partition has none yet.
    pub(crate) is_new: bool,
}

/// What follows when the states are written.
#[derive(Debug)]
pub(crate) enum After {
    /// The failover goes on.
    Failover,
    /// Those that changed are announced.
    Announce,
    /// As `Announce`, and these brokers learn everything.
    Brokers(BTreeSet<i32>),
    /// As `Announce`, and whoever asked for the elections is answered.
    Elected(Option<RequestToken>, Box<ElectLeadersResponse>),
}

/// One operation of the batch.
#[derive(Debug)]
enum Write {
    /// A znode above states, which may exist.
    Parent,
    /// A whole new topic, or a part of it, in one transaction.
    Topic(Vec<NewState>),
    /// One state.
    State(NewState),
    /// A state that exists already, by an attempt whose reply was lost or by an earlier controller: read, and taken as
    /// it is.
    Existing(NewState),
}

/// A batch of writes.
#[derive(Debug)]
pub(crate) struct Step {
    writes: Vec<Write>,
    after: After,
    /// States of an earlier batch of the same change.
    written: Vec<NewState>,
}

/// Partitions in one transaction: two znodes each, well below a frame's limit.
const PARTITIONS_PER_MULTI: usize = 100;

impl Controller {
    /// Writes states. `fresh`: the partitions belong to topics that have no znode below them yet, so that one
    /// transaction can make all of it; when that proves wrong, each znode is made on its own.
    pub(super) fn write_states(&mut self, ctx: &mut Ctx, changes: Vec<NewState>, fresh: bool, after: After) {
        self.write_more_states(ctx, changes, fresh, after, Vec::new());
    }

    fn write_more_states(
        &mut self,
        ctx: &mut Ctx,
        changes: Vec<NewState>,
        fresh: bool,
        after: After,
        written: Vec<NewState>,
    ) {
        let mut ops = Vec::new();
        let mut writes = Vec::new();
        let (new, changed): (Vec<_>, Vec<_>) = changes.into_iter().partition(|change| change.is_new);
        if fresh {
            self.topic_writes(new, &mut ops, &mut writes);
        } else {
            self.single_writes(new, &mut ops, &mut writes);
        }
        for change in changed {
            let path = zk_data::state_path(&change.partition);
            let data = Some(zk_data::state(&change.state));
            ops.push(self.guarded([Op::SetData { path, data, version: change.state.partition_epoch }]));
            writes.push(Write::State(change));
        }
        self.submit(ctx, ops, StepKind::PartitionState(Step { writes, after, written }));
    }

    fn topic_writes(&self, new: Vec<NewState>, ops: &mut Vec<Op>, writes: &mut Vec<Write>) {
        let mut parts: Vec<Vec<NewState>> = Vec::new();
        for change in new {
            let full = parts.last().is_none_or(|part| {
                part.len() >= PARTITIONS_PER_MULTI || part[0].partition.topic != change.partition.topic
            });
            if full {
                parts.push(Vec::new());
            }
            parts.last_mut().expect("just pushed").push(change);
        }
        let mut topics = BTreeSet::new();
        for part in parts {
            let topic = part[0].partition.topic.clone();
            let mut creates = Vec::new();
            if topics.insert(topic.clone()) {
                creates.push(Op::create(format!("{TOPICS}/{topic}/partitions"), None));
            }
            for change in &part {
                creates.push(Op::create(zk_data::partition_path(&change.partition), None));
                creates.push(Op::create(zk_data::state_path(&change.partition), Some(zk_data::state(&change.state))));
            }
            ops.push(self.guarded(creates));
            writes.push(Write::Topic(part));
        }
    }

    fn single_writes(&self, new: Vec<NewState>, ops: &mut Vec<Op>, writes: &mut Vec<Write>) {
        let topics: BTreeSet<&str> = new.iter().map(|change| change.partition.topic.as_str()).collect();
        for topic in topics {
            ops.push(self.guarded([Op::create(format!("{TOPICS}/{topic}/partitions"), None)]));
            writes.push(Write::Parent);
        }
        for change in new {
            ops.push(self.guarded([Op::create(zk_data::partition_path(&change.partition), None)]));
            writes.push(Write::Parent);
            let path = zk_data::state_path(&change.partition);
            ops.push(self.guarded([Op::create(path, Some(zk_data::state(&change.state)))]));
            writes.push(Write::State(change));
        }
    }

    pub(super) fn on_states_written(&mut self, ctx: &mut Ctx, step: Step, outcomes: &[Outcome]) {
        if outcomes.iter().any(|outcome| outcome.fails_check(0)) {
            self.moved(ctx);
            return;
        }
        let Step { writes, after, mut written } = step;
        let mut again = Vec::new();
        let mut existing = Vec::new();
        for (write, outcome) in writes.into_iter().zip(outcomes) {
            match (write, &outcome.result) {
                (Write::Parent, _) => {}
                (Write::Topic(states), Ok(_)) => written.extend(states),
                (Write::Topic(states), Err(_)) => again.extend(states),
                (Write::State(mut change), Ok(_)) => {
                    if let Some(stat) = outcome.multi_stat(1) {
                        change.state.partition_epoch = stat.version;
                    }
                    written.push(change);
                }
                (Write::State(change), Err(_)) if outcome.resent || outcome.is_node_exists() => existing.push(change),
                (Write::Existing(mut change), Ok(_)) => {
                    if let Some((data, stat)) = outcome.data()
                        && let Some(state) = zk_data::parse_state(data)
                    {
                        change.state = PartitionState { partition_epoch: stat.version, ..state };
                        written.push(change);
                    }
                }
                (Write::Existing(_), Err(_)) => {}
                (Write::State(change), Err(error)) => {
                    let path = zk_data::state_path(&change.partition);
                    ctx.log(Level::Error, format!("could not write {path}: {error}"));
                }
            }
        }
        if !existing.is_empty() {
            let read = |change: &NewState| Op::GetData { path: zk_data::state_path(&change.partition), watch: false };
            let ops = existing.iter().map(read).collect();
            // whole topics are never in the same batch as single states
            assert!(again.is_empty(), "a batch is of one kind");
            let writes = existing.into_iter().map(Write::Existing).collect();
            self.submit(ctx, ops, StepKind::PartitionState(Step { writes, after, written }));
            return;
        }
        if !again.is_empty() {
            self.write_more_states(ctx, again, false, after, written);
            return;
        }
        self.after_writes(ctx, after, written);
    }

    fn announce(&mut self, ctx: &mut Ctx, partitions: &[TopicPartition], new: &BTreeSet<TopicPartition>) {
        if !partitions.is_empty() {
            self.send_leader_and_isr(ctx, partitions, new, None);
            self.send_update_metadata(ctx, partitions);
        }
    }

    fn after_writes(&mut self, ctx: &mut Ctx, after: After, written: Vec<NewState>) {
        let new = written.iter().filter(|change| change.is_new).map(|change| change.partition.clone()).collect();
        let partitions: Vec<TopicPartition> = written.iter().map(|change| change.partition.clone()).collect();
        for change in written {
            self.context.states.insert(change.partition, change.state);
        }
        match after {
            After::Failover => self.announce_everything(ctx, &new),
            After::Announce => self.announce(ctx, &partitions, &new),
            After::Elected(token, mut response) => {
                self.announce(ctx, &partitions, &new);
                for topic in &mut response.replica_election_results {
                    for result in topic.partition_result.iter_mut().filter(|result| result.error_code == 0) {
                        let at = (&topic.topic, result.partition_id);
                        // A state that could not be written; the log says why.
                        if !partitions.iter().any(|partition| (&partition.topic, partition.partition) == at) {
                            result.error_code = ErrorCode::UNKNOWN_SERVER_ERROR.0;
                        }
                    }
                }
                if let Some(token) = token {
                    ctx.reply(token, *response);
                }
            }
            After::Brokers(came) => self.announce_brokers(ctx, &came, &partitions),
        }
        self.done(ctx);
    }
}
