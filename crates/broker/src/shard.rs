//! A shard: the partitions that one driver thread owns, the requests that wait for them, and the coordinators that
//! live on them. It routes; what an API does is in [`crate::api`], what a partition allows in [`crate::replica`].
//!
//! One turn of the driver: take an event, [`Shard::step`], perform the effects. Effects that end at once (an append to
//! the page cache, the lookup of a fetch) are answered by their done-event within the same turn; the rest (opening,
//! flushing, searching) become jobs whose done-event comes later.

mod coordinators;
pub mod figures;
mod message;
pub mod record_batch;
mod request;

use std::sync::Arc;

use base::planted::PlantedBug;
use base::{Instant, Now, Prng, Str};

use self::coordinators::Coordinators;
pub use self::coordinators::GROUP_METADATA_TOPIC;
pub use self::message::*;
pub use self::request::*;
use crate::api::fetch::{self, Fetches};
use crate::api::legacy_offsets::{self, Listings};
use crate::api::list_offsets::{self, Lookups};
use crate::api::produce::{self, Produces};
use crate::api::{alter_replica_log_dirs, delete_records, describe_producers, offset_for_leader_epoch};
use crate::coordinator::group::GroupConfig;
use crate::metadata_cache::MetadataImage;
use crate::replica::hosted::{Hosted, Partitions};
use crate::replica::partition::Partition;
use crate::{TopicId, TopicPartition, error};

/// What a shard is told once.
#[derive(Clone, Debug)]
pub struct ShardConfig {
    /// The group coordinators' settings.
    pub group: GroupConfig,
}

/// See the module.
pub struct Shard {
    metadata: Arc<MetadataImage>,
    partitions: Partitions,
    produces: Produces,
    fetches: Fetches,
    lookups: Lookups,
    listings: Listings,
    coordinators: Coordinators,
    bug: PlantedBug,
}

impl Shard {
    /// A shard without partitions. Chance (member ids) comes from `prng`.
    pub fn new(config: ShardConfig, prng: Prng) -> Self {
        let coordinators = Coordinators::new(config.group, prng);
        Self {
            metadata: Arc::default(),
            partitions: Partitions::default(),
            produces: Produces::default(),
            fetches: Fetches::default(),
            lookups: Lookups::default(),
            listings: Listings::default(),
            coordinators,
            bug: PlantedBug::None,
        }
    }

    /// Plants a bug; only the simulator does.
    pub fn plant(&mut self, bug: PlantedBug) {
        self.bug = bug;
    }

    /// When it next wants a [`ShardEvent::Tick`].
    pub fn deadline(&self) -> Option<Instant> {
        let deadlines = [self.produces.deadline(), self.fetches.deadline(), self.coordinators.deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// A partition that is led here.
    pub fn partition(&self, partition: &TopicPartition) -> Option<&Partition> {
        self.partitions.get(partition)
    }

    /// Whether a partition waits for its log to be opened.
    pub fn is_opening(&self, partition: &TopicPartition) -> bool {
        self.partitions.is_opening(partition)
    }

    /// All partitions that are led here, for checkpoints, retention and the expiry of producers.
    pub fn partitions(&mut self) -> impl Iterator<Item = &mut Partition> {
        self.partitions.all_online()
    }

    /// The metadata that was published last.
    pub fn metadata(&self) -> &Arc<MetadataImage> {
        &self.metadata
    }

    /// Takes one event.
    pub fn step(&mut self, now: Now, event: ShardEvent, effects: &mut Vec<Effect>) {
        match event {
            ShardEvent::Request { token, request } => self.on_request(now, token, request, effects),
            ShardEvent::Complete(token) => {
                fetch::complete(&mut self.partitions, &mut self.fetches, now, token, effects);
            }
            ShardEvent::Cancel(token) => self.fetches.cancel(token),
            ShardEvent::Command(command) => self.on_command(now, command, effects),
            ShardEvent::Opened { partition, result } => self.on_opened(now, &partition, result, effects),
            ShardEvent::Appended { partition, tag, last_offset, result } => {
                self.on_appended(now, &partition, tag, last_offset, result, effects);
            }
            ShardEvent::Inspected { partition, ticket, result } => {
                let (partitions, produces) = (&mut self.partitions, &mut self.produces);
                produce::on_inspected(partitions, produces, now, &partition, ticket, result, effects);
            }
            ShardEvent::FetchPlanned { token, bytes, failed } => {
                fetch::on_planned(&mut self.fetches, token, bytes, &failed, effects);
            }
            ShardEvent::LookedUp { token, found } => {
                list_offsets::on_looked_up(&mut self.partitions, &mut self.lookups, token, found, effects);
            }
            ShardEvent::SegmentsListed { token, found } => {
                let (partitions, listings) = (&mut self.partitions, &mut self.listings);
                legacy_offsets::on_listed(partitions, listings, now.wall_ms, token, found, effects);
            }
            ShardEvent::LoadChunk { partition, batches } => {
                self.coordinators.on_chunk(&mut self.partitions, now, partition.partition, batches, effects);
            }
            ShardEvent::LogStartMoved { partition, log_start_offset } => {
                if let Ok(online) = self.partitions.online(&partition)
                    && online.on_log_start_moved(log_start_offset)
                {
                    effects.push(Effect::SaveEpochs(partition));
                }
            }
            ShardEvent::LogDirFailed { log_dir, reason, partitions } => {
                self.on_log_dir_failed(now, log_dir, reason, &partitions, effects);
            }
            ShardEvent::Tick => self.on_tick(now, effects),
        }
    }

    fn on_request(&mut self, now: Now, token: RequestToken, request: ShardRequest, effects: &mut Vec<Effect>) {
        let partitions = &mut self.partitions;
        let answer = match request {
            ShardRequest::Produce(request) => {
                return produce::on_request(partitions, &mut self.produces, now, token, request, effects);
            }
            ShardRequest::Fetch(request) => {
                let moved = fetch::on_request(partitions, &mut self.fetches, now, token, request, effects);
                for partition in moved {
                    self.on_progress(now, &partition, effects);
                }
                return;
            }
            ShardRequest::ListOffsets(questions) => {
                return list_offsets::on_request(partitions, &mut self.lookups, token, questions, effects);
            }
            ShardRequest::LegacyOffsets(questions) => {
                return legacy_offsets::on_request(partitions, &mut self.listings, token, questions, effects);
            }
            ShardRequest::Group { partition, request } => {
                return self.coordinators.on_request(partitions, now, token, partition, *request, effects);
            }
            ShardRequest::OffsetForLeaderEpoch(questions) => {
                ShardAnswer::OffsetForLeaderEpoch(offset_for_leader_epoch::answer(partitions, &questions))
            }
            ShardRequest::DescribeProducers(questions) => {
                ShardAnswer::DescribeProducers(describe_producers::answer(partitions, &questions))
            }
            ShardRequest::MoveLogs(moves) => {
                return effects
                    .push(Effect::MoveLogs { token, moves: alter_replica_log_dirs::moves(partitions, moves) });
            }
            ShardRequest::LogDirs => return effects.push(Effect::DescribeLogDirs(token)),
            ShardRequest::DeleteRecords(wanted) => {
                ShardAnswer::DeleteRecords(delete_records::answer(partitions, &wanted, effects))
            }
        };
        effects.push(Effect::Reply { token, answer });
    }

    fn on_command(&mut self, now: Now, command: ShardCommand, effects: &mut Vec<Effect>) {
        match command {
            ShardCommand::LeadPartition(lead) => self.on_lead(now, *lead, effects),
            ShardCommand::StopPartition { partition, leader_epoch, delete } => {
                self.on_stop(now, partition, leader_epoch, delete, effects);
            }
            ShardCommand::UpdateConfig { topic, config } => self.on_config(now, &topic, &config, effects),
            ShardCommand::Metadata(metadata) => self.on_metadata(now, metadata, effects),
            ShardCommand::Settings(config) => effects.push(Effect::Settings(config)),
            ShardCommand::ShutDown => effects.push(Effect::ShutDown),
        }
    }

    fn on_metadata(&mut self, now: Now, metadata: Arc<MetadataImage>, effects: &mut Vec<Effect>) {
        let before = core::mem::replace(&mut self.metadata, metadata);
        // One made again under its name has another id; one that got its id meanwhile is the same.
        let is_there = |name: &Str, id: TopicId| {
            let now = self.metadata.topic(name).map(|topic| topic.id);
            now.is_some_and(|now| now == id || id.is_zero() || now.is_zero())
        };
        let gone = before.topics.iter().filter(|(name, topic)| !is_there(name, topic.id));
        let gone: Vec<Str> = gone.map(|(name, _)| name.clone()).collect();
        if !gone.is_empty() {
            self.coordinators.forget_topics(&mut self.partitions, now, &gone, effects);
        }
    }

    fn on_lead(&mut self, now: Now, lead: LeadPartition, effects: &mut Vec<Effect>) {
        let id = lead.partition.clone();
        match self.partitions.hosted_mut(&id) {
            Some(Hosted::Online(partition)) => {
                let (leader_epoch, config) = (lead.leader_epoch, lead.config.clone());
                if partition.lead(lead) {
                    effects.push(Effect::SaveEpochs(id.clone()));
                }
                effects.push(Effect::Configure { partition: id.clone(), config });
                effects.push(Effect::Notify(ShardNotice::Leading { partition: id.clone(), leader_epoch }));
                self.on_progress(now, &id, effects);
            }
            Some(Hosted::Opening(waiting)) => **waiting = lead,
            Some(Hosted::Offline) => effects.push(Effect::Notify(ShardNotice::Failed {
                partition: id,
                leader_epoch: lead.leader_epoch,
                reason: "its log folder is offline".into(),
            })),
            None => {
                effects.push(Effect::Open {
                    partition: id.clone(),
                    topic_id: lead.topic_id,
                    is_new: lead.is_new,
                    leader_epoch: lead.leader_epoch,
                    config: lead.config.clone(),
                });
                self.partitions.set(id, Hosted::Opening(Box::new(lead)));
            }
        }
    }

    fn on_opened(
        &mut self,
        now: Now,
        id: &TopicPartition,
        result: Result<Box<OpenedLog>, String>,
        effects: &mut Vec<Effect>,
    ) {
        // Gone when the partition was stopped meanwhile.
        let Some(Hosted::Opening(lead)) = self.partitions.remove(id) else { return };
        let leader_epoch = lead.leader_epoch;
        match result {
            Ok(log) => {
                let (mut partition, epochs_changed) = Partition::new(*lead, *log);
                partition.producers_mut().plant(self.bug);
                self.partitions.set(id.clone(), Hosted::Online(Box::new(partition)));
                // The epoch moved on while the log was being opened.
                if epochs_changed {
                    effects.push(Effect::SaveEpochs(id.clone()));
                }
                effects.push(Effect::Notify(ShardNotice::Leading { partition: id.clone(), leader_epoch }));
                if &*id.topic == GROUP_METADATA_TOPIC {
                    self.coordinators.elect(&mut self.partitions, now, id, effects);
                }
            }
            Err(reason) => {
                self.partitions.set(id.clone(), Hosted::Offline);
                effects.push(Effect::Notify(ShardNotice::Failed { partition: id.clone(), leader_epoch, reason }));
            }
        }
    }

    fn on_stop(&mut self, now: Now, id: TopicPartition, leader_epoch: i32, delete: bool, effects: &mut Vec<Effect>) {
        let held = self.partitions.get(&id).map(Partition::leader_epoch);
        // A command that a later one has overtaken; negative epochs always hold (KIP-1 deletion, no epoch known).
        if leader_epoch >= 0 && held.is_some_and(|held| leader_epoch < held) {
            return;
        }
        if self.partitions.remove(&id).is_some() {
            self.step_down(now, &id, effects);
        }
        effects.push(Effect::Close { partition: id.clone(), delete });
        effects.push(Effect::Notify(ShardNotice::Stopped { partition: id, deleted: delete }));
    }

    fn on_config(&mut self, now: Now, topic: &str, config: &Arc<LogConfig>, effects: &mut Vec<Effect>) {
        let of_topic = self.partitions.all_online().filter(|partition| partition.id().topic == *topic);
        let changed: Vec<TopicPartition> = of_topic
            .map(|partition| {
                partition.set_config(config.clone());
                partition.id().clone()
            })
            .collect();
        for partition in changed {
            effects.push(Effect::Configure { partition: partition.clone(), config: config.clone() });
            self.on_progress(now, &partition, effects);
        }
    }

    fn on_appended(
        &mut self,
        now: Now,
        id: &TopicPartition,
        tag: AppendTag,
        last_offset: i64,
        result: Result<(), String>,
        effects: &mut Vec<Effect>,
    ) {
        match (&result, self.partitions.online(id)) {
            (Ok(()), Ok(partition)) => drop(partition.on_appended(last_offset)),
            (Err(_), Ok(partition)) => match self.bug {
                PlantedBug::OffsetsNotTakenBack => {}
                PlantedBug::ProducersNotTakenBack => partition.forget_failed_append(),
                _ => partition.on_append_failed(),
            },
            (_, Err(_)) => {}
        }
        match tag {
            AppendTag::Request(token) => {
                produce::on_appended(&mut self.partitions, &mut self.produces, token, id, result, effects);
            }
            AppendTag::Coordinator => {
                let result = result.map(|()| last_offset);
                self.coordinators.on_appended(&mut self.partitions, now, id.partition, result, effects);
            }
        }
        self.on_progress(now, id, effects);
    }

    /// Something about a partition changed that requests may wait for.
    fn on_progress(&mut self, now: Now, id: &TopicPartition, effects: &mut Vec<Effect>) {
        produce::on_progress(&mut self.partitions, &mut self.produces, id, effects);
        fetch::on_progress(&mut self.partitions, &mut self.fetches, now, id, effects);
        if &*id.topic == GROUP_METADATA_TOPIC {
            self.coordinators.on_progress(&mut self.partitions, now, id.partition, effects);
        }
    }

    /// The partition is not served here any more: whoever waits for it learns it now.
    fn step_down(&mut self, now: Now, id: &TopicPartition, effects: &mut Vec<Effect>) {
        if &*id.topic == GROUP_METADATA_TOPIC {
            self.coordinators.resign(id.partition, effects);
        }
        self.on_progress(now, id, effects);
    }

    fn on_log_dir_failed(
        &mut self,
        now: Now,
        log_dir: String,
        reason: String,
        partitions: &[TopicPartition],
        effects: &mut Vec<Effect>,
    ) {
        for id in partitions {
            self.partitions.set(id.clone(), Hosted::Offline);
            self.step_down(now, id, effects);
        }
        effects.push(Effect::Notify(ShardNotice::LogDirOffline { log_dir, reason }));
    }

    fn on_tick(&mut self, now: Now, effects: &mut Vec<Effect>) {
        produce::on_tick(&mut self.produces, now.mono, effects);
        fetch::on_tick(&mut self.partitions, &mut self.fetches, now, effects);
        self.coordinators.on_tick(&mut self.partitions, now, effects);
    }
}

/// Whether an answer is worth nothing to its asker but an error, so that an `acks=0` connection must be closed.
pub fn is_failed_produce(answer: &ShardAnswer) -> bool {
    matches!(answer, ShardAnswer::Produce(answers) if answers.iter().any(|answer| answer.error_code != error::NONE))
}
