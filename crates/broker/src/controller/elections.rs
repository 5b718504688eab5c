//! Elections that somebody asks for: the ElectLeaders API, and the znode that older tools write
//! (`KafkaController.onReplicaElection`, `processReplicaLeaderElection`).

use client_core::zk::Op;
use kafka_wire::ErrorCode;
use kafka_wire::messages::{
    ElectLeadersResponse, ElectLeadersResponsePartitionResult, ElectLeadersResponseReplicaElectionResults,
};
use kafka_wire::znodes::{PreferredReplicaElection, ReassignPartitions};

use super::context::PartitionState;
use super::partition_state::{After, NewState};
use super::{Controller, Event, StepKind};
use crate::TopicPartition;
use crate::metadata_cache::NO_LEADER;
use crate::node::zk::Outcome;
use crate::node::{Ctx, Level};
use crate::shard::RequestToken;

/// Partitions whose preferred leader is wanted; older tools and CMAK write it.
pub(crate) const PREFERRED_ELECTION: &str = "/admin/preferred_replica_election";
/// Partitions that are to be held elsewhere; older tools and CMAK write it.
pub(crate) const REASSIGN: &str = "/admin/reassign_partitions";

/// Which leaders are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeaderElection {
    /// Who is answered; nobody when a znode asked.
    pub(crate) token: Option<RequestToken>,
    /// Any live replica will do where none in sync lives.
    pub(crate) unclean: bool,
    /// `None`: every partition, and those that need no election are not reported.
    pub(crate) partitions: Option<Vec<TopicPartition>>,
}

/// What the znodes of tools said.
#[derive(Debug)]
pub(crate) enum Step {
    /// [`PREFERRED_ELECTION`].
    Preferred,
    /// [`REASSIGN`].
    Reassign,
    /// One of the two was dealt with and removed.
    Removed,
}

type Refusal = (ErrorCode, String);

impl Controller {
    pub(super) fn on_election_wanted(&mut self, ctx: &mut Ctx, election: LeaderElection) {
        let all = || self.context.partitions().map(|(partition, _)| partition).collect();
        let partitions: Vec<TopicPartition> = election.partitions.clone().unwrap_or_else(all);
        let mut response = ElectLeadersResponse::default();
        let mut changes = Vec::new();
        for partition in partitions {
            let refused = match self.wanted_state(&partition, election.unclean) {
                Ok(state) => {
                    changes.push(NewState { partition: partition.clone(), state, is_new: false });
                    None
                }
                Err((ErrorCode::ELECTION_NOT_NEEDED, _)) if election.partitions.is_none() => continue,
                Err(refused) => Some(refused),
            };
            enter(&mut response, &partition, refused);
        }
        self.write_states(ctx, changes, false, After::Elected(election.token, Box::new(response)));
    }

    /// The state after the election, or why there is none.
    fn wanted_state(&self, partition: &TopicPartition, unclean: bool) -> Result<PartitionState, Refusal> {
        let known = self.context.assignment(partition).zip(self.context.states.get(partition));
        let Some((assignment, state)) = known.filter(|_| !self.is_deleting(&partition.topic)) else {
            return Err((ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "The partition does not exist.".to_string()));
        };
        let not_needed =
            || (ErrorCode::ELECTION_NOT_NEEDED, "Leader election not needed for topic partition.".to_string());
        let strategy = if unclean { "OfflinePartition" } else { "PreferredReplicaPartition" };
        let failed = |code| {
            let why = format!("Failed to elect leader for partition {partition} under strategy {strategy}");
            (code, why)
        };
        if unclean {
            if self.context.is_live(state.leader) {
                return Err(not_needed());
            }
            let elected = self.context.elect(assignment, state, true).filter(|state| state.leader != NO_LEADER);
            return elected.ok_or_else(|| failed(ErrorCode::ELIGIBLE_LEADERS_NOT_AVAILABLE));
        }
        let preferred = assignment.replicas.first().copied().unwrap_or(NO_LEADER);
        if state.leader == preferred {
            return Err(not_needed());
        }
        if !self.context.is_live(preferred) || !state.isr.contains(&preferred) {
            return Err(failed(ErrorCode::PREFERRED_LEADER_NOT_AVAILABLE));
        }
        let (leader, leader_epoch) = (preferred, state.leader_epoch + 1);
        Ok(PartitionState { leader, leader_epoch, controller_epoch: self.context.epoch, ..state.clone() })
    }

    /// Looks at a tool's znode, and leaves a watch there.
    pub(super) fn look_at_admin(&mut self, ctx: &mut Ctx, path: &str, step: Step) {
        let ops = vec![
            Op::Exists { path: path.to_string(), watch: true },
            Op::GetData { path: path.to_string(), watch: false },
        ];
        self.submit(ctx, ops, StepKind::Admin(step));
    }

    pub(super) fn on_admin(&mut self, ctx: &mut Ctx, step: Step, outcomes: &[Outcome]) {
        let data = outcomes.get(1).and_then(|outcome| outcome.data()).map(|(data, _)| data.to_vec());
        let (path, event) = match (&step, data) {
            (Step::Removed, _) | (_, None) => return self.done(ctx),
            (Step::Preferred, Some(data)) => {
                match PreferredReplicaElection::parse(&data) {
                    Ok(wanted) => self.prefer(ctx, wanted),
                    Err(e) => ctx.log(Level::Warn, format!("{PREFERRED_ELECTION} makes no sense and is removed: {e}")),
                }
                (PREFERRED_ELECTION, Event::PreferredElection)
            }
            (Step::Reassign, Some(data)) => {
                match ReassignPartitions::parse(&data) {
                    Ok(wanted) => self.reassign(ctx, &wanted),
                    Err(e) => ctx.log(Level::Warn, format!("{REASSIGN} makes no sense and is removed: {e}")),
                }
                (REASSIGN, Event::Reassignment)
            }
        };
        // The next one that somebody writes is seen by the watch that this look leaves.
        if !self.queue.contains(&event) {
            self.queue.push_back(event);
        }
        let op = self.guarded([Op::Delete { path: path.to_string(), version: -1 }]);
        self.submit(ctx, vec![op], StepKind::Admin(Step::Removed));
    }

    fn prefer(&mut self, ctx: &mut Ctx, wanted: PreferredReplicaElection) {
        let partition = |at: kafka_wire::znodes::PartitionRef| TopicPartition::new(at.topic, at.partition);
        let partitions: Vec<TopicPartition> = wanted.0.into_iter().map(partition).collect();
        ctx.log(Level::Info, format!("{PREFERRED_ELECTION} asks for the preferred leaders of {partitions:?}"));
        let election = LeaderElection { token: None, unclean: false, partitions: Some(partitions) };
        self.queue.push_back(Event::ElectLeaders(election));
    }

    fn reassign(&mut self, ctx: &mut Ctx, wanted: &ReassignPartitions) {
        for wish in &wanted.0 {
            let partition = TopicPartition::new(wish.topic.clone(), wish.partition);
            match self.check_reassignment(&partition, Some(&wish.replicas)) {
                Ok(()) => ctx.log(Level::Info, format!("{REASSIGN}: {partition} is on {:?} already", wish.replicas)),
                Err((code, why)) => ctx.log(Level::Warn, format!("{REASSIGN}: {partition} stays: {why} ({})", code.0)),
            }
        }
    }

    /// Whether a partition may be held by these brokers; `None` cancels what is under way. As long as one broker makes
    /// the cluster, the only reassignment that can succeed is to where a partition is.
    pub(crate) fn check_reassignment(&self, partition: &TopicPartition, target: Option<&[i32]>) -> Result<(), Refusal> {
        let Some(target) = target else {
            let code = ErrorCode::NO_REASSIGNMENT_IN_PROGRESS;
            return Err((code, "No partition reassignment is in progress.".to_string()));
        };
        let invalid = |why: String| Err((ErrorCode::INVALID_REPLICA_ASSIGNMENT, why));
        let mut sorted = target.to_vec();
        sorted.sort_unstable();
        sorted.dedup();
        if target.is_empty() {
            return invalid("Empty replica list specified in partition reassignment.".to_string());
        }
        if sorted.len() < target.len() {
            return invalid(format!("Duplicate replica ids in partition reassignment replica list: {target:?}"));
        }
        if target.iter().any(|id| *id < 0) {
            return invalid(format!("Invalid broker id in replica list: {target:?}"));
        }
        if target.iter().any(|id| !self.context.is_live(*id)) {
            let live: Vec<i32> = self.context.brokers.keys().copied().collect();
            return invalid(format!(
                "Replica assignment has brokers that are not alive. Replica list: {target:?}, live broker list: {live:?}"
            ));
        }
        let known = self.context.assignment(partition).filter(|_| !self.is_deleting(&partition.topic));
        let Some(assignment) = known else {
            return Err((ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, "The partition does not exist.".to_string()));
        };
        if target != assignment.replicas {
            return invalid(format!(
                "replicas are not moved between brokers yet: {partition} stays on {:?}",
                assignment.replicas
            ));
        }
        Ok(())
    }
}

fn enter(response: &mut ElectLeadersResponse, partition: &TopicPartition, refused: Option<Refusal>) {
    let result = ElectLeadersResponsePartitionResult {
        partition_id: partition.partition,
        error_code: refused.as_ref().map_or(0, |(code, _)| code.0),
        error_message: refused.map(|(_, why)| why.into()),
    };
    let results = &mut response.replica_election_results;
    match results.iter_mut().find(|topic| topic.topic == partition.topic) {
        Some(topic) => topic.partition_result.push(result),
        None => results.push(ElectLeadersResponseReplicaElectionResults {
            topic: partition.topic.clone(),
            partition_result: vec![result],
        }),
    }
}
