//! What the controller tells brokers (`ControllerBrokerRequestBatch` in `ControllerChannelManager.scala`).

use std::collections::{BTreeMap, BTreeSet};

use base::Str;
use kafka_wire::Uuid;
use kafka_wire::messages::{
    LeaderAndIsrRequest, LeaderAndIsrRequestLiveLeaders, LeaderAndIsrRequestPartitionStates,
    LeaderAndIsrRequestTopicStates, StopReplicaRequest, StopReplicaRequestPartitionStates,
    StopReplicaRequestTopicStates, UpdateMetadataRequest, UpdateMetadataRequestEndpoints,
    UpdateMetadataRequestLiveBrokers, UpdateMetadataRequestPartitionStates, UpdateMetadataRequestTopicStates,
};

use super::Controller;
use crate::TopicPartition;
use crate::metadata_cache::LEADER_DURING_DELETE;
use crate::node::{ControlRequest, Ctx, NodeEffect, Note};

impl Controller {
    /// Tells the replicas of these partitions who leads; `only` keeps it to some brokers.
    pub(super) fn send_leader_and_isr(
        &mut self,
        ctx: &mut Ctx,
        partitions: &[TopicPartition],
        new: &BTreeSet<TopicPartition>,
        only: Option<&BTreeSet<i32>>,
    ) {
        let mut by_broker: BTreeMap<i32, BTreeMap<&Str, Vec<LeaderAndIsrRequestPartitionStates>>> = BTreeMap::new();
        for partition in partitions {
            let (Some(state), Some(assignment)) =
                (self.context.states.get(partition), self.context.assignment(partition))
            else {
                continue;
            };
            for broker in &assignment.replicas {
                if !self.context.is_live(*broker) || only.is_some_and(|only| !only.contains(broker)) {
                    continue;
                }
                let topics = by_broker.entry(*broker).or_default();
                topics.entry(&partition.topic).or_default().push(LeaderAndIsrRequestPartitionStates {
                    partition_index: partition.partition,
                    controller_epoch: state.controller_epoch,
                    leader: state.leader,
                    leader_epoch: state.leader_epoch,
                    isr: state.isr.clone(),
                    partition_epoch: state.partition_epoch,
                    replicas: assignment.replicas.clone(),
                    adding_replicas: assignment.adding.clone(),
                    removing_replicas: assignment.removing.clone(),
                    is_new: new.contains(partition),
                    leader_recovery_state: state.recovery_state,
                    ..LeaderAndIsrRequestPartitionStates::default()
                });
            }
        }
        let mut requests = Vec::new();
        for (broker, topics) in by_broker {
            let topic_states: Vec<_> = topics
                .into_iter()
                .map(|(name, partition_states)| LeaderAndIsrRequestTopicStates {
                    topic_name: name.clone(),
                    topic_id: self.topic_uuid(name),
                    partition_states,
                })
                .collect();
            let request = LeaderAndIsrRequest {
                controller_id: ctx.config.broker_id,
                controller_epoch: self.context.epoch,
                broker_epoch: self.context.brokers[&broker].epoch,
                live_leaders: self.live_leaders(ctx, &topic_states),
                topic_states,
                ..LeaderAndIsrRequest::default()
            };
            requests.push((broker, ControlRequest::LeaderAndIsr(Box::new(request))));
        }
        send(ctx, requests);
    }

    fn topic_uuid(&self, topic: &str) -> Uuid {
        Uuid(self.context.topics.get(topic).map_or([0; 16], |topic| topic.id.0))
    }

    fn live_leaders(
        &self,
        ctx: &Ctx,
        topics: &[LeaderAndIsrRequestTopicStates],
    ) -> Vec<LeaderAndIsrRequestLiveLeaders> {
        let leaders: BTreeSet<i32> =
            topics.iter().flat_map(|topic| topic.partition_states.iter().map(|state| state.leader)).collect();
        leaders
            .iter()
            .filter_map(|id| {
                let endpoint = self.context.brokers.get(id)?.image.endpoint(&ctx.config.inter_broker_listener)?;
                let (host_name, port) = (endpoint.host.clone(), endpoint.port);
                Some(LeaderAndIsrRequestLiveLeaders { broker_id: *id, host_name, port })
            })
            .collect()
    }

    /// Tells every broker who is alive, and the state of these partitions.
    pub(super) fn send_update_metadata(&mut self, ctx: &mut Ctx, partitions: &[TopicPartition]) {
        let mut topics: BTreeMap<&Str, Vec<UpdateMetadataRequestPartitionStates>> = BTreeMap::new();
        for partition in partitions {
            let (Some(state), Some(assignment)) =
                (self.context.states.get(partition), self.context.assignment(partition))
            else {
                continue;
            };
            let deleting = self.context.deleting.contains_key(&partition.topic);
            topics.entry(&partition.topic).or_default().push(UpdateMetadataRequestPartitionStates {
                partition_index: partition.partition,
                controller_epoch: state.controller_epoch,
                leader: if deleting { LEADER_DURING_DELETE } else { state.leader },
                leader_epoch: state.leader_epoch,
                isr: state.isr.clone(),
                zk_version: state.partition_epoch,
                replicas: assignment.replicas.clone(),
                offline_replicas: offline(&assignment.replicas, |id| self.context.is_live(id)),
                ..UpdateMetadataRequestPartitionStates::default()
            });
        }
        let topic_states: Vec<_> = topics
            .into_iter()
            .map(|(name, partition_states)| UpdateMetadataRequestTopicStates {
                topic_name: name.clone(),
                topic_id: self.topic_uuid(name),
                partition_states,
            })
            .collect();
        let live_brokers = self.live_brokers();
        let request = |broker_epoch: i64| UpdateMetadataRequest {
            controller_id: ctx.config.broker_id,
            controller_epoch: self.context.epoch,
            broker_epoch,
            topic_states: topic_states.clone(),
            live_brokers: live_brokers.clone(),
            ..UpdateMetadataRequest::default()
        };
        let requests = (self.context.brokers.iter())
            .map(|(id, broker)| (*id, ControlRequest::UpdateMetadata(Box::new(request(broker.epoch)))))
            .collect();
        send(ctx, requests);
    }

    fn live_brokers(&self) -> Vec<UpdateMetadataRequestLiveBrokers> {
        let brokers = self.context.brokers.values().map(|broker| UpdateMetadataRequestLiveBrokers {
            id: broker.image.id,
            endpoints: (broker.image.endpoints.iter())
                .map(|endpoint| UpdateMetadataRequestEndpoints {
                    port: endpoint.port,
                    host: endpoint.host.clone(),
                    listener: endpoint.listener.clone(),
                    security_protocol: endpoint.security_protocol,
                })
                .collect(),
            rack: broker.image.rack.clone(),
            ..UpdateMetadataRequestLiveBrokers::default()
        });
        brokers.collect()
    }

    /// Tells brokers to give up replicas of a topic that is being deleted, folders included.
    pub(super) fn send_delete_replicas(&mut self, ctx: &mut Ctx, topic: &Str, replicas: &BTreeSet<(i32, i32)>) {
        let mut by_broker: BTreeMap<i32, Vec<StopReplicaRequestPartitionStates>> = BTreeMap::new();
        for (broker, partition) in replicas {
            by_broker.entry(*broker).or_default().push(StopReplicaRequestPartitionStates {
                partition_index: *partition,
                leader_epoch: LEADER_DURING_DELETE,
                delete_partition: true,
            });
        }
        let mut requests = Vec::new();
        for (broker, partition_states) in by_broker {
            let Some(live) = self.context.brokers.get(&broker) else { continue };
            let request = StopReplicaRequest {
                controller_id: ctx.config.broker_id,
                controller_epoch: self.context.epoch,
                broker_epoch: live.epoch,
                topic_states: vec![StopReplicaRequestTopicStates { topic_name: topic.clone(), partition_states }],
                ..StopReplicaRequest::default()
            };
            requests.push((broker, ControlRequest::StopReplica(Box::new(request))));
        }
        send(ctx, requests);
    }
}

fn offline(replicas: &[i32], is_live: impl Fn(i32) -> bool) -> Vec<i32> {
    replicas.iter().copied().filter(|broker| !is_live(*broker)).collect()
}

/// Our own broker gets its requests through the same receiving code as others, without a socket between.
fn send(ctx: &mut Ctx, requests: Vec<(i32, ControlRequest)>) {
    for (broker, request) in requests {
        if broker == ctx.config.broker_id {
            ctx.note(Note::Control(request));
        } else {
            ctx.effects.push(NodeEffect::ToBroker(broker, request));
        }
    }
}
