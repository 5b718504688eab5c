//! AlterClientQuotas (49), versions 0-1: sets and removes limits (`ZkAdminManager.alterClientQuotas`, KIP-546). Any broker
//! may serve it: it writes the entity and a notification in one transaction, and every broker's watch does the rest.

use std::collections::BTreeSet;

use base::Str;
use client_core::zk::Op;
use kafka_wire::ErrorCode;
use kafka_wire::messages::{
    AlterClientQuotasRequest, AlterClientQuotasRequestEntries, AlterClientQuotasRequestOps, AlterClientQuotasResponse,
    AlterClientQuotasResponseEntity, AlterClientQuotasResponseEntries,
};

use crate::config::Properties;
use crate::controller::zk_data;
use crate::node::configs;
use crate::node::zk::Outcome;
use crate::node::{Ctx, Level, Node, Then};
use crate::quota::table::{KEYS, KeyKind};
use crate::quota::{Entity, Name};
use crate::shard::RequestToken;

type Refusal = (ErrorCode, String);

/// A change of one entity.
#[derive(Debug)]
struct Change {
    request: AlterClientQuotasRequestEntries,
    /// What the request names, or why it cannot be.
    entity: Result<Entity, Refusal>,
    /// What is set afterwards.
    after: Properties,
}

/// A request whose entities are being read or written.
#[derive(Debug)]
pub struct Step {
    token: RequestToken,
    validate_only: bool,
    changes: Vec<Change>,
    /// Which changes the batch is about, in its order.
    batch: Vec<usize>,
    writing: bool,
}

pub(crate) fn handle(node: &mut Node, token: RequestToken, request: AlterClientQuotasRequest) {
    let change = |request: AlterClientQuotasRequestEntries| {
        let entity = entity_of(&request);
        Change { request, entity, after: Properties::new() }
    };
    let mut changes: Vec<Change> = request.entries.into_iter().map(change).collect();
    let mut seen = BTreeSet::new();
    for change in &mut changes {
        if let Ok(entity) = &change.entity
            && !seen.insert(entity.clone())
        {
            change.entity = Err((ErrorCode::INVALID_REQUEST, "Each entity must appear at most once.".to_string()));
        }
    }
    let batch = (0..changes.len()).filter(|at| changes[*at].entity.is_ok()).collect();
    let step = Step { token, validate_only: request.validate_only, changes, batch, writing: false };
    read(&mut node.ctx, step);
}

fn read(ctx: &mut Ctx, step: Step) {
    let ops = step.batch.iter().map(|at| configs::read(&step.changes[*at].path())).collect();
    ctx.submit(ops, Then::AlterClientQuotas(Box::new(Step { writing: false, ..step })));
}

impl Change {
    fn path(&self) -> String {
        self.entity.as_ref().expect("only entities that can be are read and written").path()
    }
}

fn entity_of(request: &AlterClientQuotasRequestEntries) -> Result<Entity, Refusal> {
    let invalid = |why: String| Err((ErrorCode::INVALID_REQUEST, why));
    let mut entity = Entity::default();
    for part in &request.entity {
        let name = part.entity_name.as_ref();
        if name.is_some_and(|name| name.is_empty()) {
            return invalid(format!("Empty {} not supported", part.entity_type));
        }
        let slot = match &*part.entity_type {
            "user" => &mut entity.user,
            "client-id" => &mut entity.client,
            "ip" => &mut entity.ip,
            other => return invalid(format!("Unhandled client quota entity type: {other}")),
        };
        if slot.is_some() {
            return invalid(format!("Duplicate entity type {}", part.entity_type));
        }
        *slot = Some(Name::of(name));
    }
    match (&entity.user, &entity.client, &entity.ip) {
        (None, None, None) => invalid("Invalid empty client quota entity".to_string()),
        (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
            invalid("Invalid quota entity combination, IP entity should not be used with user or client-id".to_string())
        }
        (_, _, Some(Name::Named(ip))) if ip.parse::<core::net::IpAddr>().is_err() => {
            invalid(format!("{ip} is not a valid IP or resolvable host."))
        }
        _ => Ok(entity),
    }
}

/// What is set after the changes.
fn apply(entity: &Entity, ops: &[AlterClientQuotasRequestOps], before: &Properties) -> Result<Properties, Refusal> {
    let invalid = |why: String| Err((ErrorCode::INVALID_REQUEST, why));
    let mut after = before.clone();
    for op in ops {
        // Upstream does not look at the name of what is removed. Here a quota's removal never takes a credential away.
        if op.remove && !op.key.starts_with("SCRAM-") {
            after.remove(&*op.key);
            continue;
        }
        let of_ip = *op.key == *"connection_creation_rate";
        let known = KEYS.iter().find(|(key, _)| *key == &*op.key).filter(|_| of_ip == entity.ip.is_some());
        let Some((key, kind)) = known else { return invalid(format!("Invalid configuration key {}", op.key)) };
        // As Java prints them.
        let text = match kind {
            KeyKind::Double => format!("{:?}", op.value),
            KeyKind::Long | KeyKind::Int => {
                let whole = (op.value + 1e-6).floor();
                let max = if *kind == KeyKind::Int { f64::from(i32::MAX) } else { i64::MAX as f64 };
                let word = if *kind == KeyKind::Int { "INT" } else { "LONG" };
                if !op.value.is_finite() || (whole - op.value).abs() > 1e-6 || whole.abs() > max {
                    return invalid(format!("Configuration {key} must be a {word} value"));
                }
                format!("{}", whole as i64)
            }
        };
        let least = if *kind == KeyKind::Double || of_ip { 0.0 } else { 1.0 };
        if !op.value.is_finite() || op.value < least {
            let why = format!("Invalid value {text} for configuration {key}: Value must be at least {least}");
            return Err((ErrorCode::INVALID_CONFIG, why));
        }
        after.insert((*key).to_string(), text);
    }
    Ok(after)
}

pub(crate) fn on_batch(node: &mut Node, step: Step, outcomes: &[Outcome]) {
    if step.writing { on_written(node, step, outcomes) } else { on_read(node, step, outcomes) }
}

fn on_read(node: &mut Node, mut step: Step, outcomes: &[Outcome]) {
    let (mut parents, mut writes, mut batch) = (Vec::new(), Vec::new(), Vec::new());
    for (at, outcome) in step.batch.iter().zip(outcomes) {
        let change = &mut step.changes[*at];
        let Ok(entity) = &change.entity else { continue };
        if outcome.result.is_err() && !outcome.is_no_node() {
            change.entity = Err((ErrorCode::REQUEST_TIMED_OUT, "zookeeper could not be asked.".to_string()));
            continue;
        }
        let before = outcome.data().and_then(|(data, _)| zk_data::parse_config(data)).unwrap_or_default();
        match apply(entity, &change.request.ops, &before) {
            Ok(after) => {
                let path = entity.path();
                // A client id of a user stands below the user, which may not be there yet.
                if let (Some(_), Some((user, _))) = (&entity.client, path.split_once("/clients/")) {
                    parents.push(Op::create(format!("/config/{user}"), None));
                    parents.push(Op::create(format!("/config/{user}/clients"), None));
                }
                writes.push(configs::write(&path, &after, outcome));
                change.after = after;
                batch.push(*at);
            }
            Err(refusal) => change.entity = Err(refusal),
        }
    }
    if step.validate_only || writes.is_empty() {
        return answer(node, &step);
    }
    // In one session operations are done in order; who is there already is no trouble.
    if !parents.is_empty() {
        node.ctx.submit(parents, Then::Nothing);
    }
    node.ctx.submit(writes, Then::AlterClientQuotas(Box::new(Step { batch, writing: true, ..step })));
}

fn on_written(node: &mut Node, mut step: Step, outcomes: &[Outcome]) {
    let mut again = Vec::new();
    for (at, outcome) in step.batch.iter().zip(outcomes) {
        let change = &mut step.changes[*at];
        match (&outcome.result, &change.entity) {
            // Whoever changed it knows it at once; others when the notification reaches them.
            (Ok(_), Ok(entity)) => node.configs.learn_quota(&mut node.ctx, entity.clone(), &change.after),
            // Changed meanwhile, or the reply was lost.
            (Err(error), _) if configs::is_overtaken(error) => again.push(*at),
            (Err(error), _) => {
                let path = change.path();
                node.ctx.log(Level::Error, format!("could not alter {path}: {error}"));
                change.entity = Err((ErrorCode::UNKNOWN_SERVER_ERROR, error.to_string()));
            }
            (Ok(_), Err(_)) => {}
        }
    }
    if again.is_empty() {
        answer(node, &step);
    } else {
        read(&mut node.ctx, Step { batch: again, ..step });
    }
}

fn answer(node: &mut Node, step: &Step) {
    let entries = step.changes.iter().map(|change| {
        let (error_code, error_message) = match &change.entity {
            Ok(_) => (0, None),
            Err((code, why)) => (code.0, Some(Str::from(why.as_str()))),
        };
        let part = |part: &kafka_wire::messages::AlterClientQuotasRequestEntity| AlterClientQuotasResponseEntity {
            entity_type: part.entity_type.clone(),
            entity_name: part.entity_name.clone(),
        };
        let entity = change.request.entity.iter().map(part).collect();
        AlterClientQuotasResponseEntries { error_code, error_message, entity }
    });
    let response = AlterClientQuotasResponse { entries: entries.collect(), ..Default::default() };
    node.ctx.reply(step.token, response);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(key: &str, value: f64, remove: bool) -> AlterClientQuotasRequestOps {
        AlterClientQuotasRequestOps { key: Str::from(key), value, remove }
    }

    fn user() -> Entity {
        Entity::from_path("users/a").expect("an entity")
    }

    #[test]
    fn numbers_are_written_as_upstream_writes_them() {
        let none = Properties::new();
        let ops = [op("producer_byte_rate", 1024.0, false), op("request_percentage", 12.5, false)];
        let after = apply(&user(), &ops, &none).expect("valid");
        assert_eq!(after["producer_byte_rate"], "1024");
        assert_eq!(after["request_percentage"], "12.5");
        let whole = apply(&user(), &[op("request_percentage", 200.0, false)], &none).expect("valid");
        assert_eq!(whole["request_percentage"], "200.0");
        let removed = apply(&user(), &[op("producer_byte_rate", 0.0, true)], &after).expect("valid");
        assert_eq!(removed.keys().collect::<Vec<_>>(), ["request_percentage"]);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let none = Properties::new();
        let code = |entity: &Entity, op| apply(entity, &[op], &none).expect_err("refused").0;
        assert_eq!(code(&user(), op("no_such_rate", 1.0, false)), ErrorCode::INVALID_REQUEST);
        assert_eq!(code(&user(), op("SCRAM-SHA-256", 1.0, true)), ErrorCode::INVALID_REQUEST);
        assert!(apply(&user(), &[op("no_such_rate", 1.0, true)], &none).is_ok());
        assert_eq!(code(&user(), op("producer_byte_rate", 1.5, false)), ErrorCode::INVALID_REQUEST);
        assert_eq!(code(&user(), op("connection_creation_rate", 1.0, false)), ErrorCode::INVALID_REQUEST);
        let ip = Entity::from_path("ips/1.2.3.4").expect("an entity");
        assert_eq!(code(&ip, op("producer_byte_rate", 1.0, false)), ErrorCode::INVALID_REQUEST);
        assert!(apply(&ip, &[op("connection_creation_rate", 10.0, false)], &none).is_ok());
    }
}
