//! IncrementalAlterConfigs (44), versions 0-1: sets, deletes, appends to and subtracts from single keys. Any broker may
//! serve it: it writes the entity and a notification in one transaction, and every broker's watch does the rest.
//!
//! What it shares with AlterConfigs, which replaces an entity's whole configuration, is here too (`ConfigAdminManager`).

use std::collections::BTreeSet;

use base::Str;
use kafka_wire::messages::{
    AlterConfigsResponse, AlterConfigsResponseResponses, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsRequestConfigs, IncrementalAlterConfigsResponse, IncrementalAlterConfigsResponseResponses,
};
use kafka_wire::{ErrorCode, Response};

use super::create_topics::check_config;
use crate::config::broker_keys::{Update, broker_key, valid};
use crate::config::def::{self, Kind, list, topic_key};
use crate::config::{Properties, THROTTLES};
use crate::connections;
use crate::controller::zk_data;
use crate::node::configs;
use crate::node::zk::Outcome;
use crate::node::{Ctx, Level, Node, Then};
use crate::shard::RequestToken;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;

/// A change of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) name: Str,
    /// 0 set, 1 delete, 2 append, 3 subtract.
    pub(crate) operation: i8,
    pub(crate) value: Option<Str>,
}

/// The changes of one resource.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) resource_type: i8,
    pub(crate) name: Str,
    /// Whether the changes replace everything that was set.
    pub(crate) replace: bool,
    pub(crate) changes: Vec<Change>,
}

type Refusal = (ErrorCode, String);

/// A request whose entities are being read or written.
#[derive(Debug)]
pub struct Step {
    token: RequestToken,
    resources: Vec<Resource>,
    /// The answer so far, by resource.
    refused: Vec<Option<Refusal>>,
    validate_only: bool,
    /// Which resources the batch is about, in its order.
    batch: Vec<usize>,
    /// Whether the batch writes.
    writing: bool,
    /// Whether AlterConfigs was asked.
    whole: bool,
}

pub(crate) fn handle(node: &mut Node, token: RequestToken, request: &IncrementalAlterConfigsRequest) {
    let change = |config: &IncrementalAlterConfigsRequestConfigs| Change {
        name: config.name.clone(),
        operation: config.config_operation,
        value: config.value.clone(),
    };
    let resources = request.resources.iter().map(|resource| Resource {
        resource_type: resource.resource_type,
        name: resource.resource_name.clone(),
        replace: false,
        changes: resource.configs.iter().map(change).collect(),
    });
    alter(node, token, resources.collect(), request.validate_only, false);
}

/// Checks what can be checked at once and reads what is set now.
pub(crate) fn alter(node: &mut Node, token: RequestToken, resources: Vec<Resource>, validate_only: bool, whole: bool) {
    let refused: Vec<Option<Refusal>> =
        resources.iter().map(|resource| check_resource(&node.ctx, &resources, resource).err()).collect();
    let batch = (0..resources.len()).filter(|i| refused[*i].is_none()).collect();
    let step = Step { token, resources, refused, validate_only, batch, writing: false, whole };
    read(&mut node.ctx, step);
}

fn read(ctx: &mut Ctx, step: Step) {
    let ops = step.batch.iter().map(|i| configs::read(&entity_path(&step.resources[*i]))).collect();
    ctx.submit(ops, Then::AlterConfigs(Box::new(Step { writing: false, ..step })));
}

fn entity_path(resource: &Resource) -> String {
    match (resource.resource_type, &*resource.name) {
        (TOPIC, topic) => format!("topics/{topic}"),
        (_, "") => "brokers/<default>".to_string(),
        (_, id) => format!("brokers/{id}"),
    }
}

fn check_resource(ctx: &Ctx, all: &[Resource], resource: &Resource) -> Result<(), Refusal> {
    let invalid = |why: String| Err((ErrorCode::INVALID_REQUEST, why));
    let same = |other: &&Resource| other.resource_type == resource.resource_type && other.name == resource.name;
    if all.iter().filter(same).count() > 1 {
        return invalid("Each resource must appear at most once.".to_string());
    }
    let names: BTreeSet<&Str> = resource.changes.iter().map(|change| &change.name).collect();
    if names.len() != resource.changes.len() {
        return invalid("Error due to duplicate config keys".to_string());
    }
    if let Some(change) = resource.changes.iter().find(|change| change.operation != 1 && change.value.is_none()) {
        return invalid(format!("Null value not supported for : {}", change.name));
    }
    match resource.resource_type {
        TOPIC if resource.name.is_empty() => invalid("Default topic resources are not allowed.".to_string()),
        TOPIC if ctx.image.topic(&resource.name).is_none() => {
            // What no topic allows is said first.
            for change in resource.changes.iter().filter(|change| matches!(change.operation, 2 | 3)) {
                list_value(TOPIC, &change.name, &Properties::new())?;
            }
            Err((ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, format!("The topic '{}' does not exist.", resource.name)))
        }
        TOPIC => Ok(()),
        BROKER if resource.name.is_empty() || resource.name.parse() == Ok(ctx.config.broker_id) => Ok(()),
        BROKER => {
            invalid(format!("Unexpected broker id, expected {}, but received {}", ctx.config.broker_id, resource.name))
        }
        _ => invalid("this type of resource is not served".to_string()),
    }
}

/// What is set after the changes.
fn apply(resource: &Resource, before: &Properties) -> Result<Properties, Refusal> {
    let mut after = if resource.replace { Properties::new() } else { before.clone() };
    for change in &resource.changes {
        let name = change.name.to_string();
        let value = change.value.as_deref().unwrap_or_default();
        match change.operation {
            0 => after.insert(name, value.to_string()),
            1 => after.remove(&name),
            2 | 3 => {
                let now = list_value(resource.resource_type, &name, &after)?;
                let mut words: Vec<&str> = list(&now).collect();
                for word in list(value) {
                    words.retain(|other| *other != word);
                    if change.operation == 2 {
                        words.push(word);
                    }
                }
                after.insert(name, words.join(","))
            }
            other => return Err((ErrorCode::INVALID_REQUEST, format!("Unknown operation type {other}"))),
        };
    }
    for change in resource.changes.iter().filter(|change| change.operation != 1) {
        let value = after.get(&*change.name).map_or("", String::as_str);
        check_entry(resource, &change.name, value)?;
    }
    Ok(after)
}

/// The list that is appended to: what is set, or the default.
fn list_value(resource_type: i8, name: &str, set: &Properties) -> Result<String, Refusal> {
    let (kind, default) = match resource_type {
        TOPIC => topic_key(name).map(|key| (key.kind, key.default)),
        _ => broker_key(name).map(|key| (key.kind, key.default.unwrap_or_default())),
    }
    .unwrap_or((Kind::String, ""));
    if kind != Kind::List {
        let why = format!("Config value append or subtract is not allowed for config key: {name}");
        return Err((ErrorCode::INVALID_CONFIG, why));
    }
    Ok(set.get(name).cloned().unwrap_or_else(|| default.to_string()))
}

fn check_entry(resource: &Resource, name: &str, value: &str) -> Result<(), Refusal> {
    if resource.resource_type == TOPIC {
        return check_config(name, value).map_err(|why| (ErrorCode::INVALID_CONFIG, why));
    }
    let refuse = || Err((ErrorCode::INVALID_REQUEST, format!("Cannot update these configs dynamically: Set({name})")));
    if THROTTLES.iter().any(|(throttle, _)| *throttle == name) {
        let rate = value.trim().parse::<i64>().ok().filter(|rate| *rate >= 0);
        let why = format!("Invalid value {value} for configuration {name}: it is a number of bytes a second");
        return rate.map(|_| ()).ok_or((ErrorCode::INVALID_REQUEST, why));
    }
    let Some(key) = broker_key(name) else { return refuse() };
    match key.update {
        Update::Static | Update::Internal => refuse(),
        Update::PerBroker if resource.name.is_empty() => {
            let why = format!("Cannot update these configs at default cluster level: Set({name})");
            Err((ErrorCode::INVALID_REQUEST, why))
        }
        // Listeners, TLS and SASL: nothing of it changes while this broker runs, and what is taken must take effect.
        Update::PerBroker => {
            let why = format!("{name} does not change while the broker runs; set it in the properties file");
            Err((ErrorCode::INVALID_REQUEST, why))
        }
        // passwords are stored encrypted, which is not served
        _ if key.kind == Kind::Password => refuse(),
        _ => def::check(name, key.kind, valid(name), value)
            .and_then(|()| connections::check(name, value))
            .map_err(|why| (ErrorCode::INVALID_REQUEST, why)),
    }
}

pub(crate) fn on_batch(node: &mut Node, step: Step, outcomes: &[Outcome]) {
    if step.writing { on_written(node, step, outcomes) } else { on_read(node, step, outcomes) }
}

fn on_read(node: &mut Node, mut step: Step, outcomes: &[Outcome]) {
    let mut ops = Vec::new();
    let mut batch = Vec::new();
    for (i, outcome) in step.batch.iter().zip(outcomes) {
        let resource = &step.resources[*i];
        let before = outcome.data().and_then(|(data, _)| zk_data::parse_config(data)).unwrap_or_default();
        match apply(resource, &before) {
            Ok(_) if outcome.result.is_err() && !outcome.is_no_node() => {
                step.refused[*i] = Some((ErrorCode::REQUEST_TIMED_OUT, "zookeeper could not be asked.".to_string()));
            }
            Ok(after) => {
                ops.push(configs::write(&entity_path(resource), &after, outcome));
                batch.push(*i);
            }
            Err(refusal) => step.refused[*i] = Some(refusal),
        }
    }
    if step.validate_only || ops.is_empty() {
        answer(node, &step);
        return;
    }
    node.ctx.submit(ops, Then::AlterConfigs(Box::new(Step { batch, writing: true, ..step })));
}

fn on_written(node: &mut Node, mut step: Step, outcomes: &[Outcome]) {
    let mut again = Vec::new();
    for (i, outcome) in step.batch.iter().zip(outcomes) {
        match &outcome.result {
            Ok(_) => {}
            // changed meanwhile, or the reply was lost: the changes are applied to what is there now, which for sets,
            // deletes, appends and subtractions of our own gives the same again
            Err(error) if configs::is_overtaken(error) => again.push(*i),
            Err(error) => {
                node.ctx.log(Level::Error, format!("could not alter {}: {error}", entity_path(&step.resources[*i])));
                step.refused[*i] = Some((ErrorCode::UNKNOWN_SERVER_ERROR, error.to_string()));
            }
        }
    }
    if again.is_empty() {
        answer(node, &step);
    } else {
        read(&mut node.ctx, Step { batch: again, ..step });
    }
}

fn answer(node: &mut Node, step: &Step) {
    let each = step.resources.iter().zip(&step.refused).map(|(resource, refused)| {
        let (code, message) = match refused {
            Some((code, message)) => (code.0, Some(Str::from(message.as_str()))),
            None => (0, None),
        };
        (code, message, resource.resource_type, resource.name.clone())
    });
    let response: Response = if step.whole {
        let responses = each.map(|(error_code, error_message, resource_type, resource_name)| {
            AlterConfigsResponseResponses { error_code, error_message, resource_type, resource_name }
        });
        AlterConfigsResponse { responses: responses.collect(), ..AlterConfigsResponse::default() }.into()
    } else {
        let responses = each.map(|(error_code, error_message, resource_type, resource_name)| {
            IncrementalAlterConfigsResponseResponses { error_code, error_message, resource_type, resource_name }
        });
        IncrementalAlterConfigsResponse { responses: responses.collect(), ..IncrementalAlterConfigsResponse::default() }
            .into()
    };
    node.ctx.reply(step.token, response);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(changes: &[(&str, i8, Option<&str>)]) -> Resource {
        let changes = changes.iter().map(|(name, operation, value)| Change {
            name: Str::from(*name),
            operation: *operation,
            value: value.map(Str::from),
        });
        Resource { resource_type: TOPIC, name: Str::from("t"), replace: false, changes: changes.collect() }
    }

    #[test]
    fn lists_grow_and_shrink_from_their_default() {
        let none = Properties::new();
        let grown = apply(&topic(&[("cleanup.policy", 2, Some("compact"))]), &none).expect("valid");
        assert_eq!(grown["cleanup.policy"], "delete,compact");
        let shrunk = apply(&topic(&[("cleanup.policy", 3, Some("delete"))]), &grown).expect("valid");
        assert_eq!(shrunk["cleanup.policy"], "compact");
        let gone = apply(&topic(&[("cleanup.policy", 1, None)]), &shrunk).expect("valid");
        assert_eq!(gone, none);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let none = Properties::new();
        for (change, code) in [
            (("retention.ms", 2, Some("1")), ErrorCode::INVALID_CONFIG),
            (("retention.ms", 0, Some("soon")), ErrorCode::INVALID_CONFIG),
            (("no.such.key", 0, Some("1")), ErrorCode::INVALID_CONFIG),
            (("retention.ms", 9, Some("1")), ErrorCode::INVALID_REQUEST),
        ] {
            assert_eq!(apply(&topic(&[change]), &none).expect_err("refused").0, code, "{change:?}");
        }
        let broker = Resource { resource_type: BROKER, name: Str::new(), ..topic(&[("listeners", 0, Some("x"))]) };
        assert_eq!(apply(&broker, &none).expect_err("refused").0, ErrorCode::INVALID_REQUEST);
        let own = Resource { name: Str::from("0"), ..broker.clone() };
        assert_eq!(apply(&own, &none).expect_err("refused").0, ErrorCode::INVALID_REQUEST, "it would not take effect");
        let overrides = topic(&[("max.connections.per.ip.overrides", 0, Some("10.0.0.1"))]).changes;
        let broker = Resource { changes: overrides, ..broker };
        assert_eq!(apply(&broker, &none).expect_err("refused").0, ErrorCode::INVALID_REQUEST);
        for (value, code) in
            [("5", None), ("-1", Some(ErrorCode::INVALID_REQUEST)), ("fast", Some(ErrorCode::INVALID_REQUEST))]
        {
            let changes = topic(&[(THROTTLES[0].0, 0, Some(value))]).changes;
            let throttled = Resource { resource_type: BROKER, name: Str::new(), replace: false, changes };
            assert_eq!(apply(&throttled, &none).err().map(|refusal| refusal.0), code, "{value}");
        }
        let broker = Resource { changes: topic(&[("log.retention.ms", 0, Some("5"))]).changes, ..broker };
        assert_eq!(apply(&broker, &none).expect("valid")["log.retention.ms"], "5");
    }
}
