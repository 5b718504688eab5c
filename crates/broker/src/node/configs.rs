//! Configuration that lives in ZooKeeper: topics' entries, dynamic broker keys, and the notifications that say what
//! changed (`ZkConfigManager.scala`, `ZkNodeChangeNotificationListener.scala`).
//!
//! A topic's entries are read when this broker first leads one of its partitions, and again when a notification names
//! the topic.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Str;
use client_core::zk::{CreateMode, Op, ZkError, open_acl};

use super::registration::session_is_over;
use super::zk::Outcome;
use super::{Ctx, NodeEffect, Note, Then};
use crate::config::{Properties, log_config};
use crate::connections::ConnectionLimits;
use crate::controller::zk_data;
use crate::metadata_cache::MetadataImage;
use crate::quota::{Entity, Name, Quotas};
use crate::shard::LogConfig;

const CHANGES: &str = "/config/changes";
/// How long a notification stays, so that every broker has seen it.
const CHANGE_AGE_MS_MAX: i64 = 15 * 60 * 1000;

/// What a batch was about.
#[derive(Debug)]
pub enum Step {
    /// At the start of a session: notifications, the two dynamic layers, and the topics that were known before, whose
    /// notifications may have been missed.
    Start(Vec<Str>),
    /// The names of notifications.
    Names,
    /// Their content.
    Changes(Vec<String>),
    /// The entities that changed, by their path below `/config`.
    Entities(Vec<String>),
    /// At the start of a session: the names below `/config/users`, `/config/clients` and `/config/ips`.
    QuotaNames,
    /// The quotas of these entities, and then the client ids of these users.
    Quotas(Vec<Entity>, Vec<Name>),
    /// The quotas of these client ids of users, which are the last ones.
    LastQuotas(Vec<Entity>),
}

/// The role.
#[derive(Debug, Default)]
pub struct Configs {
    topics: BTreeMap<Str, Properties>,
    /// The newest notification that was followed; -1 before the first.
    last_change: Option<i64>,
    quotas: Quotas,
    /// What has been read at the start of a session, until all of it is.
    reading: Option<Quotas>,
}

impl Configs {
    /// The broker is registered.
    pub(crate) fn start(&mut self, ctx: &mut Ctx) {
        let topics: Vec<Str> = self.topics.keys().cloned().collect();
        let mut ops = vec![
            Op::GetChildren { path: CHANGES.to_string(), watch: true },
            read("brokers/<default>"),
            read(&format!("brokers/{}", ctx.config.broker_id)),
        ];
        ops.extend(topics.iter().map(|topic| read(&format!("topics/{topic}"))));
        ctx.submit(ops, Then::Configs(Step::Start(topics)));
        let names = ["users", "clients", "ips"];
        let ops = names.map(|kind| Op::GetChildren { path: format!("/config/{kind}"), watch: false });
        ctx.submit(ops.into(), Then::Configs(Step::QuotaNames));
    }

    /// What clients may use up.
    pub(crate) fn quotas(&self) -> &Quotas {
        &self.quotas
    }

    /// Takes in what is set for an entity.
    pub(crate) fn learn_quota(&mut self, ctx: &mut Ctx, entity: Entity, properties: &Properties) {
        if self.take_in(entity, properties) {
            self.publish_quotas(ctx);
        }
    }

    /// True when it is news.
    fn take_in(&mut self, entity: Entity, properties: &Properties) -> bool {
        // What is being read was read before this.
        if let Some(reading) = &mut self.reading {
            reading.learn(entity.clone(), properties);
        }
        self.quotas.learn(entity, properties)
    }

    /// The rest of what is set has been read. True when all of it is not what was known.
    fn take_in_last(&mut self, last: impl Iterator<Item = (Entity, Properties)>) -> bool {
        let mut read = self.reading.take().unwrap_or_default();
        for (entity, properties) in last {
            read.learn(entity, &properties);
        }
        let news = read != self.quotas;
        self.quotas = read;
        news
    }

    fn publish_quotas(&self, ctx: &mut Ctx) {
        let quotas = Arc::new(self.quotas.clone());
        ctx.image = Arc::new(MetadataImage { quotas, ..(*ctx.image).clone() });
        ctx.effects.push(NodeEffect::Publish(ctx.image.clone()));
    }

    fn on_quota_names(&mut self, ctx: &mut Ctx, outcomes: &[Outcome]) {
        let entity = |kind: &str, name: &String| Entity::from_path(&format!("{kind}/{name}"));
        let all = ["users", "clients", "ips"].into_iter().zip(outcomes);
        let entities: Vec<Entity> =
            all.flat_map(|(kind, names)| names.children().iter().filter_map(move |name| entity(kind, name))).collect();
        let users: Vec<Name> = entities.iter().filter_map(|entity| entity.user.clone()).collect();
        let clients_of = |user: &Name| {
            let path = Entity::new(Some(user.clone()), None).path();
            Op::GetChildren { path: format!("/config/{path}/clients"), watch: false }
        };
        let ops = entities.iter().map(|entity| read(&entity.path())).chain(users.iter().map(clients_of)).collect();
        ctx.submit(ops, Then::Configs(Step::Quotas(entities, users)));
    }

    fn on_quotas(&mut self, ctx: &mut Ctx, entities: Vec<Entity>, users: &[Name], outcomes: &[Outcome]) {
        let (of_entities, of_users) = outcomes.split_at(entities.len());
        let mut reading = Quotas::default();
        for (entity, outcome) in entities.into_iter().zip(of_entities) {
            reading.learn(entity, &properties(outcome));
        }
        self.reading = Some(reading);
        let last: Vec<Entity> = users
            .iter()
            .zip(of_users)
            .flat_map(|(user, names)| {
                let user = Entity::new(Some(user.clone()), None).path();
                let of_user = |name: &String| Entity::from_path(&format!("{user}/clients/{name}"));
                names.children().iter().filter_map(of_user).collect::<Vec<_>>()
            })
            .collect();
        let ops = last.iter().map(|entity| read(&entity.path())).collect();
        ctx.submit(ops, Then::Configs(Step::LastQuotas(last)));
    }

    fn on_last_quotas(&mut self, ctx: &mut Ctx, entities: Vec<Entity>, outcomes: &[Outcome]) {
        if self.take_in_last(entities.into_iter().zip(outcomes.iter().map(properties))) {
            self.publish_quotas(ctx);
        }
    }

    pub(crate) fn on_watch(&mut self, ctx: &mut Ctx, path: &str) {
        if path == CHANGES {
            let op = Op::GetChildren { path: CHANGES.to_string(), watch: true };
            ctx.submit(vec![op], Then::Configs(Step::Names));
        }
    }

    pub(crate) fn on_batch(&mut self, ctx: &mut Ctx, step: Step, outcomes: &[Outcome]) {
        match step {
            // the session is over again: the next one reads all of it
            Step::Start(_) if session_is_over(outcomes) => {}
            Step::Start(topics) => {
                self.last_change = outcomes[0].children().iter().filter_map(|name| sequence(name)).max();
                for (topic, outcome) in topics.into_iter().zip(&outcomes[3..]) {
                    self.learn_topic(topic, outcome);
                }
                ctx.config.layers.dynamic_default = properties(&outcomes[1]);
                ctx.config.layers.dynamic_broker = properties(&outcomes[2]);
                publish_connection_limits(ctx);
                ctx.note(Note::ConfigChanged(None));
            }
            Step::Names => self.on_names(ctx, outcomes[0].children()),
            Step::Changes(names) => on_changes(ctx, &names, outcomes),
            Step::Entities(paths) => self.on_entities(ctx, &paths, outcomes),
            // As above.
            Step::QuotaNames | Step::Quotas(..) | Step::LastQuotas(_) if session_is_over(outcomes) => {}
            Step::QuotaNames => self.on_quota_names(ctx, outcomes),
            Step::Quotas(entities, users) => self.on_quotas(ctx, entities, &users, outcomes),
            Step::LastQuotas(entities) => self.on_last_quotas(ctx, entities, outcomes),
        }
    }

    fn on_names(&mut self, ctx: &mut Ctx, names: &[String]) {
        let last = self.last_change.unwrap_or(-1);
        let mut new: Vec<(i64, &String)> = names
            .iter()
            .filter_map(|name| Some((sequence(name)?, name)))
            .filter(|(number, _)| *number > last)
            .collect();
        new.sort_unstable();
        let Some((newest, _)) = new.last() else { return };
        self.last_change = Some(*newest);
        // old ones are read too, for their age
        let names: Vec<String> = names.to_vec();
        let read = |name: &String| Op::GetData { path: format!("{CHANGES}/{name}"), watch: false };
        let first_new = new[0].0;
        let ops = names.iter().map(read).collect();
        let names = names
            .into_iter()
            .map(
                |name| {
                    if sequence(&name).is_some_and(|number| number >= first_new) { name } else { format!("-{name}") }
                },
            )
            .collect();
        ctx.submit(ops, Then::Configs(Step::Changes(names)));
    }

    fn on_entities(&mut self, ctx: &mut Ctx, paths: &[String], outcomes: &[Outcome]) {
        if session_is_over(outcomes) {
            return;
        }
        for (path, outcome) in paths.iter().zip(outcomes) {
            match path.split_once('/') {
                Some(("topics", topic)) => {
                    let topic = Str::from(topic);
                    if self.topics.contains_key(&topic) {
                        self.learn_topic(topic.clone(), outcome);
                        ctx.note(Note::ConfigChanged(Some(topic)));
                    }
                }
                Some(("brokers", "<default>")) => {
                    ctx.config.layers.dynamic_default = properties(outcome);
                    publish_connection_limits(ctx);
                    ctx.note(Note::ConfigChanged(None));
                }
                Some(("brokers", id)) if id == ctx.config.broker_id.to_string() => {
                    ctx.config.layers.dynamic_broker = properties(outcome);
                    publish_connection_limits(ctx);
                    ctx.note(Note::ConfigChanged(None));
                }
                _ => {
                    if let Some(entity) = Entity::from_path(path) {
                        self.learn_quota(ctx, entity, &properties(outcome));
                    }
                }
            }
        }
    }

    /// Whether a topic's entries have been read.
    pub(crate) fn is_known(&self, topic: &str) -> bool {
        self.topics.contains_key(topic)
    }

    /// Takes in the data of `/config/topics/<topic>`.
    pub(crate) fn learn_topic(&mut self, topic: Str, outcome: &Outcome) {
        self.topics.insert(topic, properties(outcome));
    }

    /// The topic is deleted.
    pub(crate) fn forget(&mut self, topic: &str) {
        self.topics.remove(topic);
    }

    /// A topic's effective settings.
    pub(crate) fn effective(&self, ctx: &Ctx, topic: &str) -> LogConfig {
        let none = Properties::new();
        log_config::log_config(self.topics.get(topic).unwrap_or(&none), &ctx.config.layers)
    }
}

/// Reads an entity, which is named by its path below `/config`.
pub(crate) fn read(entity: &str) -> Op {
    Op::GetData { path: format!("/config/{entity}"), watch: false }
}

/// Writes the entity, on condition that nobody changed it since it was read, and the notification.
pub(crate) fn write(entity: &str, after: &Properties, read: &Outcome) -> Op {
    let path = format!("/config/{entity}");
    let data = Some(zk_data::config(after));
    let entity_op = match read.stat() {
        Some(stat) => Op::SetData { path, data, version: stat.version },
        None => Op::create(path, data),
    };
    let notification = Op::Create {
        path: format!("{CHANGES}/config_change_"),
        data: Some(zk_data::config_change(entity)),
        acl: open_acl(),
        mode: CreateMode::PersistentSequential,
    };
    Op::Multi(vec![entity_op, notification])
}

/// Whether a [`write`] failed since the entity was changed meanwhile, perhaps by this write itself, whose reply was lost.
pub(crate) fn is_overtaken(error: &ZkError) -> bool {
    matches!(error, ZkError::Multi { code: ZkError::BAD_VERSION | ZkError::NODE_EXISTS, .. })
}

/// Tells who accepts connections how many there may be, when that is news. What cannot be read changes nothing.
fn publish_connection_limits(ctx: &mut Ctx) {
    match ConnectionLimits::from_config(&ctx.config) {
        Ok(limits) if limits != *ctx.image.connections => {
            ctx.image = Arc::new(MetadataImage { connections: Arc::new(limits), ..(*ctx.image).clone() });
            ctx.effects.push(NodeEffect::Publish(ctx.image.clone()));
        }
        _ => {}
    }
}

/// Follows new notifications, and removes old ones: any broker does.
fn on_changes(ctx: &mut Ctx, names: &[String], outcomes: &[Outcome]) {
    let mut obsolete = Vec::new();
    let mut paths: Vec<String> = Vec::new();
    for (name, outcome) in names.iter().zip(outcomes) {
        let Some((data, stat)) = outcome.data() else { continue };
        let plain = name.trim_start_matches('-');
        if ctx.now.wall_ms - stat.ctime > CHANGE_AGE_MS_MAX {
            obsolete.push(Op::Delete { path: format!("{CHANGES}/{plain}"), version: -1 });
        }
        if plain == name
            && let Some(path) = zk_data::parse_config_change(data)
            && !paths.contains(&path)
        {
            paths.push(path);
        }
    }
    if !obsolete.is_empty() {
        ctx.submit(obsolete, Then::Nothing);
    }
    let read = |path: &String| Op::GetData { path: format!("/config/{path}"), watch: false };
    let ops = paths.iter().map(read).collect();
    ctx.submit(ops, Then::Configs(Step::Entities(paths)));
}

fn properties(outcome: &Outcome) -> Properties {
    outcome.data().and_then(|(data, _)| zk_data::parse_config(data)).unwrap_or_default()
}

/// The number that ZooKeeper gave a notification.
fn sequence(name: &str) -> Option<i64> {
    name.rsplit_once('_')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_while_everything_is_read_is_not_forgotten() {
        let rate = |rate: &str| Properties::from([("producer_byte_rate".to_string(), rate.to_string())]);
        let entity = |path: &str| Entity::from_path(path).expect("an entity");
        let mut read = Quotas::default();
        read.learn(entity("users/a"), &rate("1"));
        let mut configs = Configs { reading: Some(read), ..Configs::default() };
        assert!(configs.take_in(entity("users/a"), &rate("2")));
        assert!(configs.take_in_last([(entity("users/a/clients/x"), rate("3"))].into_iter()));
        let limits: Vec<f64> = configs.quotas().entries().map(|(_, limits)| limits["producer_byte_rate"]).collect();
        assert_eq!(limits, [2.0, 3.0]);
        assert!(!configs.take_in(entity("users/a"), &rate("2")), "known");
    }
}
