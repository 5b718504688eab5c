//! DescribeConfigs (32), versions 0-4: settings of topics and of this broker, and where each comes from. v1 adds sources
//! and synonyms, v3 types and documentation.

use base::Str;
use client_core::zk::Op;
use kafka_wire::ErrorCode;
use kafka_wire::messages::{
    DescribeConfigsRequest, DescribeConfigsRequestResources, DescribeConfigsResponse, DescribeConfigsResponseConfigs,
    DescribeConfigsResponseResults, DescribeConfigsResponseSynonyms,
};

use super::create_topics::check_name;
use crate::config::broker_keys::{BROKER_KEYS, BrokerKey, Update, broker_key};
use crate::config::def::{Kind, TOPIC_KEYS};
use crate::config::log_config::{resolve, synonyms};
use crate::config::{Layers, Properties, Source, THROTTLES};
use crate::controller::zk_data;
use crate::node::zk::Outcome;
use crate::node::{Ctx, Node, Then};
use crate::shard::RequestToken;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;

/// What a request asks for of each setting beside its value.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    synonyms: bool,
    documentation: bool,
}

impl Asked {
    fn synonyms(
        self,
        found: impl Iterator<Item = DescribeConfigsResponseSynonyms>,
    ) -> Vec<DescribeConfigsResponseSynonyms> {
        if self.synonyms { found.collect() } else { Vec::new() }
    }

    fn documentation(self, text: &'static str) -> Option<Str> {
        self.documentation.then(|| Str::from_static(text))
    }
}

/// The entries of the request's topics are being read.
#[derive(Debug)]
pub struct Step {
    token: RequestToken,
    request: Box<DescribeConfigsRequest>,
    /// Which resources are topics whose entries the batch reads.
    read: Vec<bool>,
}

pub(crate) fn handle(node: &mut Node, token: RequestToken, request: Box<DescribeConfigsRequest>) {
    let read: Vec<bool> = request.resources.iter().map(|resource| is_known_topic(&node.ctx, resource)).collect();
    let topics = request.resources.iter().zip(&read).filter(|(_, read)| **read);
    let path = |name: &Str| format!("/config/topics/{name}");
    let ops = topics.map(|(topic, _)| Op::GetData { path: path(&topic.resource_name), watch: false }).collect();
    node.ctx.submit(ops, Then::DescribeConfigs(Step { token, request, read }));
}

fn is_known_topic(ctx: &Ctx, resource: &DescribeConfigsRequestResources) -> bool {
    resource.resource_type == TOPIC && ctx.image.topic(&resource.resource_name).is_some()
}

pub(crate) fn on_batch(node: &mut Node, step: Step, outcomes: &[Outcome]) {
    let Step { token, request, read } = step;
    let asked = Asked { synonyms: request.include_synonyms, documentation: request.include_documentation };
    let mut outcomes = outcomes.iter();
    let mut results = Vec::new();
    for (resource, read) in request.resources.iter().zip(read) {
        let described = match resource.resource_type {
            TOPIC if read => {
                let entries = outcomes.next().and_then(Outcome::data).and_then(|(data, _)| zk_data::parse_config(data));
                let entries = entries.unwrap_or_default();
                let keys = resource.configuration_keys.as_deref();
                Ok(topic_entries(&entries, &node.ctx.config.layers, keys, asked))
            }
            TOPIC => match check_name(&resource.resource_name) {
                Ok(()) => Err((ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, None)),
                Err(why) => Err((ErrorCode::INVALID_TOPIC_EXCEPTION, Some(why))),
            },
            BROKER => describe_broker(&node.ctx, resource, asked),
            _ => Err((ErrorCode::INVALID_REQUEST, Some("this type of resource is not served".to_string()))),
        };
        let (configs, error_code, error_message) = match described {
            Ok(configs) => (configs, 0, None),
            Err((code, message)) => (Vec::new(), code.0, message.map(Str::from)),
        };
        results.push(DescribeConfigsResponseResults {
            error_code,
            error_message,
            resource_type: resource.resource_type,
            resource_name: resource.resource_name.clone(),
            configs,
        });
    }
    node.ctx.reply(token, DescribeConfigsResponse { results, ..DescribeConfigsResponse::default() });
}

/// Every setting of a topic.
pub(crate) fn topic_entries(
    topic: &Properties,
    layers: &Layers,
    keys: Option<&[Str]>,
    asked: Asked,
) -> Vec<DescribeConfigsResponseConfigs> {
    let wanted = |name: &str| keys.is_none_or(|keys| keys.iter().any(|key| *key == *name));
    let entries = TOPIC_KEYS.iter().filter(|key| wanted(key.name)).map(|key| {
        let value = resolve(key, topic, layers).swap_remove(0).value;
        let (found, source) = synonyms(key, topic, layers);
        let listed = found.iter().map(|one| DescribeConfigsResponseSynonyms {
            name: Str::from_static(one.name),
            value: Some(Str::from(one.raw.as_str())),
            source: one.source.code(),
        });
        DescribeConfigsResponseConfigs {
            name: Str::from_static(key.name),
            value: Some(Str::from(value)),
            read_only: false,
            // Version 0 only, where upstream leaves it so.
            is_default: false,
            config_source: source.code(),
            is_sensitive: false,
            synonyms: asked.synonyms(listed),
            config_type: key.kind.code(),
            documentation: asked.documentation(key.documentation),
        }
    });
    entries.collect()
}

fn describe_broker(
    ctx: &Ctx,
    resource: &DescribeConfigsRequestResources,
    asked: Asked,
) -> Result<Vec<DescribeConfigsResponseConfigs>, (ErrorCode, Option<String>)> {
    let wanted = |name: &str| resource.configuration_keys.as_ref().is_none_or(|keys| keys.iter().any(|k| *k == *name));
    if resource.resource_name.is_empty() {
        // the cluster-wide defaults: only what is set
        let set = &ctx.config.layers.dynamic_default;
        let keys = BROKER_KEYS.iter().filter(|key| wanted(key.name) && set.contains_key(key.name));
        let layers = Layers { dynamic_default: set.clone(), ..Layers::default() };
        let set = keys.map(|key| {
            let mut entry = broker_entry(key, &layers, asked);
            entry.synonyms.retain(|synonym| synonym.source == Source::DynamicDefaultBroker.code());
            entry
        });
        return Ok(set.chain(throttle_entries(&layers, wanted, asked)).collect());
    }
    let id = ctx.config.broker_id;
    if resource.resource_name.parse() != Ok(id) {
        let why =
            format!("Unexpected broker id, expected {id} or empty string, but received {}", resource.resource_name);
        return Err((ErrorCode::INVALID_REQUEST, Some(why)));
    }
    // What upstream does not tell of it tells when it is set.
    let is_shown =
        |key: &&BrokerKey| key.update != Update::Internal || ctx.config.layers.static_broker.contains_key(key.name);
    let keys = BROKER_KEYS.iter().filter(is_shown).filter(|key| wanted(key.name));
    let entries = keys.map(|key| broker_entry(key, &ctx.config.layers, asked));
    Ok(entries.chain(throttle_entries(&ctx.config.layers, wanted, asked)).collect())
}

/// The throttles that are set: they have no default.
fn throttle_entries<'a>(
    layers: &'a Layers,
    wanted: impl Fn(&str) -> bool + 'a,
    asked: Asked,
) -> impl Iterator<Item = DescribeConfigsResponseConfigs> + 'a {
    THROTTLES.into_iter().filter(move |(name, _)| wanted(name)).filter_map(move |(name, documentation)| {
        let set = layers.each().into_iter().filter(|(source, _)| *source != Source::StaticBroker);
        let found: Vec<(&String, Source)> =
            set.filter_map(|(source, layer)| Some((layer.get(name)?, source))).collect();
        let (value, source) = *found.first()?;
        let listed = found.iter().map(|(value, source)| DescribeConfigsResponseSynonyms {
            name: Str::from_static(name),
            value: Some(Str::from(value.as_str())),
            source: source.code(),
        });
        Some(DescribeConfigsResponseConfigs {
            name: Str::from_static(name),
            value: Some(Str::from(value.as_str())),
            // Upstream's table of what may change does not have them.
            read_only: true,
            is_default: false,
            config_source: source.code(),
            is_sensitive: false,
            synonyms: asked.synonyms(listed),
            config_type: Kind::Long.code(),
            documentation: asked.documentation(documentation),
        })
    })
}

/// The key and those that stand in for it where it is not set, such as hours for milliseconds.
fn broker_synonyms(name: &'static str) -> Vec<&'static str> {
    let of_topic = TOPIC_KEYS.iter().find(|topic| topic.synonyms.first().is_some_and(|(first, _)| *first == name));
    of_topic.map_or(vec![name], |topic| topic.synonyms.iter().map(|(name, _)| *name).collect())
}

fn broker_entry(key: &'static BrokerKey, layers: &Layers, asked: Asked) -> DescribeConfigsResponseConfigs {
    let hidden = key.kind == Kind::Password;
    let show = |value: &str| (!hidden).then(|| Str::from(value));
    let names = broker_synonyms(key.name);
    let mut found: Vec<(&'static str, Option<Str>, Source)> = Vec::new();
    for (source, layer) in layers.each() {
        found.extend(names.iter().filter_map(|name| Some((*name, show(layer.get(*name)?), source))));
    }
    let default = |name: &&'static str| Some((*name, show(broker_key(name)?.default?), Source::Default));
    found.extend(names.iter().filter_map(default));
    // What is stronger than the first value of the key itself is left out, as upstream does.
    let found: Vec<_> = found.into_iter().skip_while(|(name, ..)| *name != key.name).collect();
    let (value, source) = found.first().map_or((None, Source::Default), |(_, value, source)| (value.clone(), *source));
    let synonyms = found.into_iter().map(|(name, value, source)| DescribeConfigsResponseSynonyms {
        name: Str::from_static(name),
        value,
        source: source.code(),
    });
    DescribeConfigsResponseConfigs {
        name: Str::from_static(key.name),
        value,
        read_only: matches!(key.update, Update::Static | Update::Internal),
        is_default: false,
        config_source: source.code(),
        is_sensitive: hidden,
        synonyms: asked.synonyms(synonyms),
        config_type: key.kind.code(),
        documentation: asked.documentation(key.documentation),
    }
}
