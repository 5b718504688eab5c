//! CreateTopics (19), versions 0-7, and topics that are made on demand (`ZkAdminManager.scala`,
//! `AutoTopicCreationManager.scala`).
//!
//! A topic is its configuration and its assignment, written in one transaction; the controller's watch does the rest.
//! v1 adds validate_only, v4 defaults (-1), v5 the configuration in answers, v7 the topic id.

use std::collections::BTreeMap;
use std::time::Duration;

use base::{Prng, Str};
use client_core::zk::{Op, ZkError};
use kafka_wire::messages::{
    CreateTopicsRequest, CreateTopicsRequestTopics, CreateTopicsResponse, CreateTopicsResponseConfigs,
    CreateTopicsResponseTopics,
};
use kafka_wire::{ErrorCode, Uuid};

use super::describe_configs::{Asked, topic_entries};
use super::metadata::has_leaders;
use crate::config::{BrokerConfig, Properties, def};
use crate::controller::context::{Assignment, Topic};
use crate::controller::{TOPICS, assignment, zk_data};
use crate::metadata_cache::MetadataImage;
use crate::node::registration::new_uuid;
use crate::node::waiting::{Entry, Kind};
use crate::node::zk::Outcome;
use crate::node::{Ctx, Level, Node, Then};
use crate::shard::RequestToken;

/// The topic of groups and offsets.
pub const GROUP_METADATA_TOPIC: &str = "__consumer_offsets";
/// The topic of transactions.
pub const TRANSACTION_STATE_TOPIC: &str = "__transaction_state";

/// A batch of creations.
#[derive(Debug)]
pub struct Step {
    plans: Vec<Plan>,
    /// The request that asked for them; `None` on demand.
    origin: Option<Origin>,
    attempt: Attempt,
}

/// How often the plans of a batch were tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    /// Not before.
    First,
    /// The reply to the first attempt was lost and something exists: look whether it is ours.
    LookWhose,
    /// The configuration of an earlier topic of that name is still there.
    OverLeftovers,
}

#[derive(Debug)]
struct Origin {
    token: RequestToken,
    response: Box<CreateTopicsResponse>,
    timeout_ms: i32,
}

/// A topic that can be made.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    name: Str,
    topic: Topic,
    config: Properties,
}

type Refusal = (ErrorCode, String);

pub(crate) fn handle(node: &mut Node, token: RequestToken, version: i16, request: &CreateTopicsRequest) {
    let mut response = CreateTopicsResponse::default();
    let mut plans: Vec<Plan> = Vec::new();
    let is_controller = node.controller.is_active();
    for topic in &request.topics {
        let planned = if !is_controller {
            Err((ErrorCode::NOT_CONTROLLER, "This is not the correct controller for this cluster.".to_string()))
        } else if request.topics.iter().filter(|other| other.name == topic.name).count() > 1 {
            Err((ErrorCode::INVALID_REQUEST, format!("The request names topic '{}' more than once.", topic.name)))
        } else if node.controller.is_deleting(&topic.name) {
            Err((ErrorCode::TOPIC_ALREADY_EXISTS, format!("Topic '{}' is marked for deletion.", topic.name)))
        } else {
            let Ctx { image, config, prng, .. } = &mut node.ctx;
            plan(image, config, prng, topic)
        };
        response.topics.push(match planned {
            Ok(plan) => {
                let answer = accepted(&node.ctx.config, &plan, request.validate_only, version);
                plans.push(plan);
                answer
            }
            Err(refusal) => refused(&topic.name, refusal),
        });
    }
    if plans.is_empty() || request.validate_only {
        node.ctx.reply(token, response);
        return;
    }
    let origin = Origin { token, response: Box::new(response), timeout_ms: request.timeout_ms };
    submit(&mut node.ctx, plans, Some(origin), Attempt::First);
}

fn refused(name: &Str, (code, message): Refusal) -> CreateTopicsResponseTopics {
    CreateTopicsResponseTopics {
        name: name.clone(),
        error_code: code.0,
        error_message: Some(Str::from(message)),
        num_partitions: -1,
        replication_factor: -1,
        configs: Some(Vec::new()),
        ..CreateTopicsResponseTopics::default()
    }
}

fn accepted(config: &BrokerConfig, plan: &Plan, validate_only: bool, version: i16) -> CreateTopicsResponseTopics {
    let replicas = plan.topic.partitions.values().next().map_or(0, |assignment| assignment.replicas.len());
    let configs = (version >= 5).then(|| {
        let entries = topic_entries(&plan.config, &config.layers, None, Asked::default());
        let entries = entries.into_iter().map(|entry| CreateTopicsResponseConfigs {
            name: entry.name,
            value: entry.value,
            read_only: entry.read_only,
            config_source: entry.config_source,
            is_sensitive: entry.is_sensitive,
        });
        entries.collect()
    });
    CreateTopicsResponseTopics {
        name: plan.name.clone(),
        topic_id: if validate_only { Uuid::ZERO } else { Uuid(plan.topic.id.0) },
        error_code: 0,
        error_message: None,
        topic_config_error_code: 0,
        num_partitions: i32::try_from(plan.topic.partitions.len()).unwrap_or(i32::MAX),
        replication_factor: i16::try_from(replicas).unwrap_or(i16::MAX),
        configs,
    }
}

/// Checks a wish and deals its partitions to brokers.
fn plan(
    image: &MetadataImage,
    config: &BrokerConfig,
    prng: &mut Prng,
    wish: &CreateTopicsRequestTopics,
) -> Result<Plan, Refusal> {
    check_name(&wish.name).map_err(|why| (ErrorCode::INVALID_TOPIC_EXCEPTION, why))?;
    check_free(image, &wish.name)?;
    let properties = check_configs(wish)?;
    if !wish.assignments.is_empty() && (wish.num_partitions != -1 || wish.replication_factor != -1) {
        let why = "Both numPartitions or replicationFactor and replicasAssignments were set. \
                   Both cannot be used at the same time.";
        return Err((ErrorCode::INVALID_REQUEST, why.to_string()));
    }
    let partitions = if wish.assignments.is_empty() {
        let count = if wish.num_partitions == -1 { config.int("num.partitions") as i32 } else { wish.num_partitions };
        let factor = match wish.replication_factor {
            -1 => config.int("default.replication.factor") as i16,
            factor => factor,
        };
        deal(image, prng, count, factor)?
    } else {
        check_assignments(image, wish)?
    };
    Ok(Plan { name: wish.name.detached(), topic: new_topic(prng, partitions), config: properties })
}

fn new_topic(prng: &mut Prng, partitions: BTreeMap<i32, Vec<i32>>) -> Topic {
    let assigned = |(partition, replicas)| (partition, Assignment { replicas, ..Assignment::default() });
    Topic { id: new_uuid(prng), version: 0, partitions: partitions.into_iter().map(assigned).collect() }
}

/// Upper limit of partitions in one request, so that a wrong digit does not fill the disk with folders.
pub(crate) const PARTITIONS_MAX: i32 = 20_000;

fn deal(image: &MetadataImage, prng: &mut Prng, count: i32, factor: i16) -> Result<BTreeMap<i32, Vec<i32>>, Refusal> {
    if count <= 0 {
        return Err((ErrorCode::INVALID_PARTITIONS, "Number of partitions must be larger than 0.".to_string()));
    }
    if count > PARTITIONS_MAX {
        let why = format!("{count} partitions in one topic; at most {PARTITIONS_MAX} can be made at once");
        return Err((ErrorCode::INVALID_PARTITIONS, why));
    }
    if factor <= 0 {
        let why = "Replication factor must be larger than 0.".to_string();
        return Err((ErrorCode::INVALID_REPLICATION_FACTOR, why));
    }
    let brokers: Vec<_> = image.brokers.values().map(|broker| (broker.id, broker.rack.as_deref())).collect();
    if factor as usize > brokers.len() {
        let why = format!("Replication factor: {factor} larger than available brokers: {}.", brokers.len());
        return Err((ErrorCode::INVALID_REPLICATION_FACTOR, why));
    }
    Ok(assignment::assign(&brokers, 0, count, factor as usize, prng))
}

/// Names are 1 to 249 of `[a-zA-Z0-9._-]`, and not `.` or `..` (`Topic.java`).
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() {
        Err("Topic name is invalid: the empty string is not allowed".to_string())
    } else if name == "." || name == ".." {
        Err(format!("Topic name is invalid: '{name}' is not allowed"))
    } else if name.len() > 249 {
        Err("Topic name is invalid: the length is longer than the max allowed length 249".to_string())
    } else if !name.chars().all(legal) {
        let why = "contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'";
        Err(format!("Topic name is invalid: '{name}' {why}"))
    } else {
        Ok(())
    }
}

/// The name is not taken, nor one that metrics cannot tell from it: there `.` becomes `_`.
fn check_free(image: &MetadataImage, name: &str) -> Result<(), Refusal> {
    if image.topic(name).is_some() {
        return Err((ErrorCode::TOPIC_ALREADY_EXISTS, format!("Topic '{name}' already exists.")));
    }
    if name.contains(['.', '_']) {
        let folded = name.replace('.', "_");
        if let Some(other) = image.topics.keys().find(|other| other.replace('.', "_") == folded) {
            let why = format!("Topic '{name}' collides with existing topic: {other}");
            return Err((ErrorCode::INVALID_TOPIC_EXCEPTION, why));
        }
    }
    Ok(())
}

fn check_configs(wish: &CreateTopicsRequestTopics) -> Result<Properties, Refusal> {
    let mut properties = Properties::new();
    for config in &wish.configs {
        let Some(value) = &config.value else {
            let why = format!("Null value not supported for topic configs: {}", config.name);
            return Err((ErrorCode::INVALID_CONFIG, why));
        };
        check_config(&config.name, value).map_err(|why| (ErrorCode::INVALID_CONFIG, why))?;
        properties.insert(config.name.to_string(), value.to_string());
    }
    Ok(properties)
}

/// Whether a topic may have this entry.
pub(crate) fn check_config(name: &str, value: &str) -> Result<(), String> {
    match def::topic_key(name) {
        Some(key) => def::check(name, key.kind, key.valid, value),
        None => Err(format!("Unknown topic config name: {name}")),
    }
}

fn check_assignments(
    image: &MetadataImage,
    wish: &CreateTopicsRequestTopics,
) -> Result<BTreeMap<i32, Vec<i32>>, Refusal> {
    let fail = |why: String| Err((ErrorCode::INVALID_REPLICA_ASSIGNMENT, why));
    let mut partitions = BTreeMap::new();
    for assigned in &wish.assignments {
        let mut sorted = assigned.broker_ids.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.is_empty() {
            return fail(format!("The replica list of partition {} is empty.", assigned.partition_index));
        }
        if sorted.len() != assigned.broker_ids.len() {
            return fail(format!("Duplicate brokers in the replicas of partition {}.", assigned.partition_index));
        }
        if let Some(unknown) = sorted.iter().find(|id| image.broker(**id).is_none()) {
            return fail(format!("Broker {unknown} of partition {} is not known.", assigned.partition_index));
        }
        if partitions.insert(assigned.partition_index, assigned.broker_ids.clone()).is_some() {
            return fail(format!("Partition {} is assigned twice.", assigned.partition_index));
        }
    }
    let consecutive = partitions.keys().copied().eq(0..partitions.len() as i32);
    if !consecutive {
        return fail("Partitions should be a consecutive 0-based integer sequence.".to_string());
    }
    let mut factors = partitions.values().map(Vec::len);
    let first = factors.next();
    if factors.any(|factor| Some(factor) != first) {
        return fail("All partitions should have the same number of replicas.".to_string());
    }
    Ok(partitions)
}

/// Makes topics because somebody asked for their metadata. Internal ones get their own settings. What cannot be made is
/// told to the requests that wait.
pub(crate) fn create_on_demand(node: &mut Node, topics: Vec<Str>) {
    let mut plans = Vec::new();
    for name in topics {
        let Ctx { image, config, prng, .. } = &mut node.ctx;
        let planned = check_free(image, &name).and_then(|()| {
            let (count, factor, properties) = on_demand_settings(config, &name);
            let partitions = deal(image, prng, count, factor)?;
            Ok(Plan { name: name.clone(), topic: new_topic(prng, partitions), config: properties })
        });
        match planned {
            Ok(_) if node.controller.is_deleting(&name) => {
                node.waiting.topic_failed(&name, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.0);
            }
            Ok(plan) => plans.push(plan),
            Err((code, why)) => {
                node.ctx.log(Level::Warn, format!("topic {name} cannot be made on demand: {why}"));
                node.waiting.topic_failed(&name, code.0);
            }
        }
    }
    if plans.is_empty() {
        crate::node::waiting::on_change(node);
        return;
    }
    submit(&mut node.ctx, plans, None, Attempt::First);
}

/// Partitions, replication factor and entries of a topic that nobody described.
fn on_demand_settings(config: &BrokerConfig, name: &str) -> (i32, i16, Properties) {
    let entries = |pairs: &[(&str, String)]| pairs.iter().map(|(k, v)| (k.to_string(), v.clone())).collect();
    let int = |key: &str| config.int(key) as i32;
    match name {
        GROUP_METADATA_TOPIC => {
            let properties = entries(&[
                ("cleanup.policy", "compact".to_string()),
                ("compression.type", "producer".to_string()),
                ("segment.bytes", config.text("offsets.topic.segment.bytes")),
            ]);
            (int("offsets.topic.num.partitions"), int("offsets.topic.replication.factor") as i16, properties)
        }
        TRANSACTION_STATE_TOPIC => {
            let properties = entries(&[
                ("cleanup.policy", "compact".to_string()),
                ("compression.type", "uncompressed".to_string()),
                ("min.insync.replicas", config.text("transaction.state.log.min.isr")),
                ("segment.bytes", config.text("transaction.state.log.segment.bytes")),
                ("unclean.leader.election.enable", "false".to_string()),
            ]);
            let factor = int("transaction.state.log.replication.factor") as i16;
            (int("transaction.state.log.num.partitions"), factor, properties)
        }
        _ => (int("num.partitions"), int("default.replication.factor") as i16, Properties::new()),
    }
}

fn submit(ctx: &mut Ctx, plans: Vec<Plan>, origin: Option<Origin>, attempt: Attempt) {
    let ops = plans.iter().map(|plan| {
        let topic_path = format!("{TOPICS}/{}", plan.name);
        let path = format!("/config/topics/{}", plan.name);
        let data = Some(zk_data::config(&plan.config));
        let config = match attempt {
            Attempt::LookWhose => return Op::GetData { path: topic_path, watch: false },
            Attempt::First => Op::create(path, data),
            Attempt::OverLeftovers => Op::SetData { path, data, version: -1 },
        };
        Op::Multi(vec![config, Op::create(topic_path, Some(zk_data::topic(&plan.topic)))])
    });
    let ops = ops.collect();
    ctx.submit(ops, Then::CreateTopics(Step { plans, origin, attempt }));
}

/// What became of one plan.
enum Fate {
    Made,
    Again(Attempt),
    Refused(ErrorCode),
}

fn fate(plan: &Plan, attempt: Attempt, outcome: &Outcome) -> Fate {
    if attempt == Attempt::LookWhose {
        return match outcome.data() {
            Some((data, _)) if zk_data::parse_topic(data).is_some_and(|topic| topic.id == plan.topic.id) => Fate::Made,
            Some(_) => Fate::Refused(ErrorCode::TOPIC_ALREADY_EXISTS),
            None if outcome.is_no_node() => Fate::Again(Attempt::OverLeftovers),
            None => Fate::Refused(ErrorCode::REQUEST_TIMED_OUT),
        };
    }
    match &outcome.result {
        Ok(_) => Fate::Made,
        Err(ZkError::Multi { code: ZkError::NODE_EXISTS, .. }) if outcome.resent => Fate::Again(Attempt::LookWhose),
        Err(ZkError::Multi { index: 0, code: ZkError::NODE_EXISTS }) => Fate::Again(Attempt::OverLeftovers),
        Err(ZkError::Multi { code: ZkError::NODE_EXISTS, .. }) => Fate::Refused(ErrorCode::TOPIC_ALREADY_EXISTS),
        Err(ZkError::SessionExpired | ZkError::Closed) => Fate::Refused(ErrorCode::REQUEST_TIMED_OUT),
        Err(_) => Fate::Refused(ErrorCode::UNKNOWN_SERVER_ERROR),
    }
}

pub(crate) fn on_batch(node: &mut Node, step: Step, outcomes: &[Outcome]) {
    let Step { plans, mut origin, attempt } = step;
    let mut again: Vec<(Attempt, Plan)> = Vec::new();
    for (plan, outcome) in plans.into_iter().zip(outcomes) {
        let error = match fate(&plan, attempt, outcome) {
            Fate::Made => continue,
            Fate::Again(attempt) => {
                again.push((attempt, plan));
                continue;
            }
            Fate::Refused(error) => error,
        };
        if let Err(why) = &outcome.result
            && error == ErrorCode::UNKNOWN_SERVER_ERROR
        {
            node.ctx.log(Level::Error, format!("could not make topic {}: {why}", plan.name));
        }
        match &mut origin {
            Some(origin) => refuse_in(&mut origin.response, &plan.name, error),
            // somebody else made it meanwhile: it will appear
            None if error == ErrorCode::TOPIC_ALREADY_EXISTS => {}
            None => node.waiting.topic_failed(&plan.name, ErrorCode::LEADER_NOT_AVAILABLE.0),
        }
    }
    // one kind of further attempt at a time; the request waits for the last
    let next = again.first().map(|(attempt, _)| *attempt);
    let (same, other): (Vec<_>, Vec<_>) = again.into_iter().partition(|(attempt, _)| Some(*attempt) == next);
    let plans_of = |list: Vec<(Attempt, Plan)>| list.into_iter().map(|(_, plan)| plan).collect::<Vec<_>>();
    if let Some(next) = next {
        if !other.is_empty() {
            let other_attempt = other[0].0;
            submit(&mut node.ctx, plans_of(other), None, other_attempt);
        }
        submit(&mut node.ctx, plans_of(same), origin, next);
        return;
    }
    if let Some(Origin { token, response, timeout_ms }) = origin {
        let until = node.ctx.now.mono + Duration::from_millis(timeout_ms.max(0) as u64);
        let kind = Kind::CreateTopics(response);
        node.waiting.entries.push(Entry { token, until, failed: Vec::new(), kind });
    }
    crate::node::waiting::on_change(node);
}

fn refuse_in(response: &mut CreateTopicsResponse, name: &Str, code: ErrorCode) {
    if let Some(topic) = response.topics.iter_mut().find(|topic| topic.name == *name) {
        let message = match code {
            ErrorCode::TOPIC_ALREADY_EXISTS => format!("Topic '{name}' already exists."),
            _ => format!("The topic could not be written to zookeeper ({code:?})."),
        };
        *topic = refused(name, (code, message));
    }
}

/// Answers a request whose topics have leaders, or gives it back.
pub(crate) fn resume(node: &mut Node, mut entry: Entry, late: bool) -> Option<Entry> {
    let Kind::CreateTopics(response) = &mut entry.kind else { return None };
    let image = &node.ctx.image;
    let pending = |topic: &CreateTopicsResponseTopics| topic.error_code == 0 && !has_leaders(image, &topic.name);
    if response.topics.iter().any(pending) {
        if !late {
            return Some(entry);
        }
        for topic in response.topics.iter_mut().filter(|topic| topic.error_code == 0) {
            if !has_leaders(image, &topic.name) {
                let late = refused(&topic.name.clone(), (ErrorCode::REQUEST_TIMED_OUT, "Timed out.".to_string()));
                // It will be there.
                *topic = CreateTopicsResponseTopics { topic_id: topic.topic_id, ..late };
            }
        }
    }
    let response = core::mem::take(&mut **response);
    node.ctx.reply(entry.token, response);
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "A.b_c-9", &"x".repeat(249)] {
            assert_eq!(check_name(good), Ok(()));
        }
        for bad in ["", ".", "..", "a/b", "a b", "ü", &"x".repeat(250)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
