//! The receiving end of a controller's requests: partitions this broker leads, and the metadata it shows
//! (`ReplicaManager.becomeLeaderOrFollower`, `stopReplicas`, `ZkMetadataCache.updateMetadata`).
//!
//! Requests are taken one at a time, as a controller sends them: metadata that names this broker as a leader is shown
//! only when the shard that owns the partition said that it is ready.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use base::Str;
use client_core::zk::Op;
use kafka_wire::Uuid;
use kafka_wire::messages::{
    LeaderAndIsrRequest, LeaderAndIsrRequestPartitionStates, StopReplicaRequest, UpdateMetadataRequest,
};

use super::configs::Configs;
use super::zk::Outcome;
use super::{ControlRequest, Ctx, Level, NodeEffect, Note, Then};
use crate::metadata_cache::{BrokerImage, Endpoint, LEADER_DURING_DELETE, PartitionImage};
use crate::shard::{LeadPartition, ShardCommand, ShardNotice};
use crate::{ShardId, TopicId, TopicPartition};

/// What a batch was about.
#[derive(Debug)]
pub enum Step {
    /// The configurations of these topics, for the request at hand.
    Configs(Vec<Str>),
}

#[derive(Debug)]
enum Current {
    /// Configurations are being read.
    Reading(Box<LeaderAndIsrRequest>),
    /// Shards are opening partitions.
    Leading(BTreeSet<TopicPartition>),
    /// Shards are giving up partitions.
    Stopping { left: BTreeSet<TopicPartition>, stopped: Vec<(TopicPartition, bool)> },
}

/// The role.
#[derive(Debug, Default)]
pub struct LocalBroker {
    /// The newest controller heard of.
    controller_epoch: i32,
    queue: VecDeque<ControlRequest>,
    current: Option<Current>,
    /// Leader epochs of partitions that this broker holds.
    hosted: BTreeMap<TopicPartition, i32>,
}

impl LocalBroker {
    pub(crate) fn enqueue(&mut self, ctx: &mut Ctx, configs: &Configs, request: ControlRequest) {
        self.queue.push_back(request);
        self.run(ctx, configs);
    }

    fn run(&mut self, ctx: &mut Ctx, configs: &Configs) {
        while self.current.is_none()
            && let Some(request) = self.queue.pop_front()
        {
            let (controller_epoch, broker_epoch) = match &request {
                ControlRequest::LeaderAndIsr(request) => (request.controller_epoch, request.broker_epoch),
                ControlRequest::UpdateMetadata(request) => (request.controller_epoch, request.broker_epoch),
                ControlRequest::StopReplica(request) => (request.controller_epoch, request.broker_epoch),
            };
            // a greater broker epoch than ours is one whose news has not reached us yet
            if controller_epoch < self.controller_epoch || (broker_epoch != -1 && broker_epoch < ctx.broker_epoch) {
                ctx.log(Level::Warn, format!("request of a stale controller (epoch {controller_epoch}) ignored"));
                continue;
            }
            self.controller_epoch = controller_epoch;
            match request {
                ControlRequest::LeaderAndIsr(request) => self.on_leader_and_isr(ctx, configs, request),
                ControlRequest::UpdateMetadata(request) => self.on_update_metadata(ctx, &request),
                ControlRequest::StopReplica(request) => self.on_stop_replica(ctx, &request),
            }
        }
    }

    fn on_leader_and_isr(&mut self, ctx: &mut Ctx, configs: &Configs, request: Box<LeaderAndIsrRequest>) {
        let unread: Vec<Str> = (request.topic_states.iter())
            .map(|topic| topic.topic_name.clone())
            .filter(|topic| !configs.is_known(topic))
            .collect();
        if unread.is_empty() {
            self.lead(ctx, configs, &request);
            return;
        }
        let read = |topic: &Str| Op::GetData { path: format!("/config/topics/{topic}"), watch: false };
        let ops = unread.iter().map(read).collect();
        self.current = Some(Current::Reading(request));
        ctx.submit(ops, Then::Local(Step::Configs(unread)));
    }

    pub(crate) fn on_batch(&mut self, ctx: &mut Ctx, configs: &mut Configs, step: Step, outcomes: &[Outcome]) {
        let Step::Configs(topics) = step;
        for (topic, outcome) in topics.into_iter().zip(outcomes) {
            configs.learn_topic(topic, outcome);
        }
        if let Some(Current::Reading(request)) = self.current.take() {
            self.lead(ctx, configs, &request);
            self.run(ctx, configs);
        }
    }

    fn lead(&mut self, ctx: &mut Ctx, configs: &Configs, request: &LeaderAndIsrRequest) {
        let mut opening = BTreeSet::new();
        for topic in &request.topic_states {
            for state in &topic.partition_states {
                let partition = TopicPartition { topic: topic.topic_name.detached(), partition: state.partition_index };
                // an equal epoch is a new controller that repeats what is in force
                if self.hosted.get(&partition).is_some_and(|epoch| *epoch >= state.leader_epoch) {
                    continue;
                }
                self.hosted.insert(partition.clone(), state.leader_epoch);
                let shard = ctx.shards.shard_of(&partition.topic, partition.partition);
                if state.leader == ctx.config.broker_id {
                    let command = lead_command(ctx, configs, partition.clone(), topic.topic_id, state);
                    ctx.effects.push(NodeEffect::Shard(shard, command));
                    opening.insert(partition);
                } else {
                    let leader_epoch = state.leader_epoch;
                    let command = ShardCommand::StopPartition { partition, leader_epoch, delete: false };
                    ctx.effects.push(NodeEffect::Shard(shard, command));
                }
            }
        }
        self.current = if opening.is_empty() { None } else { Some(Current::Leading(opening)) };
    }

    pub(crate) fn on_notice(&mut self, ctx: &mut Ctx, configs: &Configs, notice: ShardNotice) {
        match notice {
            ShardNotice::Leading { partition, .. } => self.on_opened(&partition),
            ShardNotice::Failed { partition, reason, .. } => {
                ctx.log(Level::Error, format!("partition {partition} could not be opened: {reason}"));
                self.on_opened(&partition);
            }
            ShardNotice::Stopped { partition, .. } => self.on_stopped(ctx, &partition),
            ShardNotice::LogDirOffline { log_dir, reason } => {
                ctx.log(Level::Error, format!("log directory {log_dir} is offline: {reason}"));
            }
            ShardNotice::ShutDown => {}
        }
        self.run(ctx, configs);
    }

    fn on_opened(&mut self, partition: &TopicPartition) {
        if let Some(Current::Leading(left)) = &mut self.current {
            left.remove(partition);
            if left.is_empty() {
                self.current = None;
            }
        }
    }

    fn on_stop_replica(&mut self, ctx: &mut Ctx, request: &StopReplicaRequest) {
        let mut left = BTreeSet::new();
        for topic in &request.topic_states {
            for state in &topic.partition_states {
                let partition = TopicPartition { topic: topic.topic_name.detached(), partition: state.partition_index };
                self.hosted.remove(&partition);
                let shard = ctx.shards.shard_of(&partition.topic, partition.partition);
                let command = ShardCommand::StopPartition {
                    partition: partition.clone(),
                    leader_epoch: state.leader_epoch,
                    delete: state.delete_partition,
                };
                ctx.effects.push(NodeEffect::Shard(shard, command));
                left.insert(partition);
            }
        }
        self.current = if left.is_empty() { None } else { Some(Current::Stopping { left, stopped: Vec::new() }) };
    }

    fn on_stopped(&mut self, ctx: &mut Ctx, partition: &TopicPartition) {
        if let Some(Current::Stopping { left, stopped }) = &mut self.current
            && left.remove(partition)
        {
            stopped.push((partition.clone(), false));
            if left.is_empty() {
                let stopped = core::mem::take(stopped);
                self.current = None;
                ctx.note(Note::ReplicasStopped(stopped));
            }
        }
    }

    /// Partitions are added to what is known, live brokers replace it.
    fn on_update_metadata(&mut self, ctx: &mut Ctx, request: &UpdateMetadataRequest) {
        let mut image = (*ctx.image).clone();
        image.cluster_id = ctx.cluster_id.clone();
        image.brokers = (request.live_brokers.iter())
            .map(|broker| {
                let endpoints = broker.endpoints.iter().map(|endpoint| Endpoint {
                    listener: endpoint.listener.detached(),
                    host: endpoint.host.detached(),
                    port: endpoint.port,
                    security_protocol: endpoint.security_protocol,
                });
                let rack = broker.rack.as_ref().map(Str::detached);
                (broker.id, Arc::new(BrokerImage { id: broker.id, endpoints: endpoints.collect(), rack }))
            })
            .collect();
        let controller = request.controller_id;
        image.controller_id = image.brokers.contains_key(&controller).then_some(controller);
        for topic in &request.topic_states {
            for state in &topic.partition_states {
                if state.leader == LEADER_DURING_DELETE {
                    image.remove_partition(&topic.topic_name, state.partition_index);
                    continue;
                }
                let partition = PartitionImage {
                    leader: state.leader,
                    leader_epoch: state.leader_epoch,
                    partition_epoch: state.zk_version,
                    replicas: state.replicas.clone(),
                    isr: state.isr.clone(),
                    offline_replicas: state.offline_replicas.clone(),
                };
                let (name, id) = (topic.topic_name.detached(), TopicId(topic.topic_id.0));
                image.set_partition(&name, id, state.partition_index, partition);
            }
        }
        ctx.image = Arc::new(image);
        ctx.effects.push(NodeEffect::Publish(ctx.image.clone()));
        for shard in 0..ctx.shards.count() {
            ctx.effects.push(NodeEffect::Shard(ShardId(shard), ShardCommand::Metadata(ctx.image.clone())));
        }
        ctx.note(Note::ImageChanged);
    }

    /// Hands changed settings to the shards that hold the topic, or those of every topic.
    pub(crate) fn on_config_changed(&mut self, ctx: &mut Ctx, configs: &Configs, changed: Option<&Str>) {
        if changed.is_none() {
            let config = Arc::new(ctx.config.clone());
            for shard in 0..ctx.shards.count() {
                ctx.effects.push(NodeEffect::Shard(ShardId(shard), ShardCommand::Settings(config.clone())));
            }
        }
        let mut told = BTreeSet::new();
        for partition in self.hosted.keys() {
            if changed.is_some_and(|topic| *topic != partition.topic) {
                continue;
            }
            let shard = ctx.shards.shard_of(&partition.topic, partition.partition);
            if told.insert((shard, partition.topic.clone())) {
                let config = Arc::new(configs.effective(ctx, &partition.topic));
                let command = ShardCommand::UpdateConfig { topic: partition.topic.clone(), config };
                ctx.effects.push(NodeEffect::Shard(shard, command));
            }
        }
    }
}

fn lead_command(
    ctx: &Ctx,
    configs: &Configs,
    partition: TopicPartition,
    topic_id: Uuid,
    state: &LeaderAndIsrRequestPartitionStates,
) -> ShardCommand {
    let config = Arc::new(configs.effective(ctx, &partition.topic));
    ShardCommand::LeadPartition(Box::new(LeadPartition {
        partition,
        topic_id: TopicId(topic_id.0),
        broker_id: ctx.config.broker_id,
        controller_epoch: state.controller_epoch,
        leader_epoch: state.leader_epoch,
        partition_epoch: state.partition_epoch,
        replicas: state.replicas.clone(),
        isr: state.isr.clone(),
        is_new: state.is_new,
        config,
    }))
}
