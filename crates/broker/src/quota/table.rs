//! What is set below `/config/users`, `/config/clients` and `/config/ips`, and which of it counts for a client.

use std::collections::BTreeMap;

use base::Str;

use super::{Entity, Kind, Name};
use crate::config::Properties;

/// Everything that is set, by entity. Passwords are not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Quotas {
    entities: BTreeMap<Entity, Limits>,
    /// For each user its SCRAM mechanisms, as upstream's numbers, with their iterations.
    scram: BTreeMap<Str, Vec<(i8, i32)>>,
}

/// The numbers of one entity, by key.
#[derive(Clone, Debug, Default, PartialEq)]
struct Limits(BTreeMap<Str, f64>);

// What is no number is not taken in.
impl Eq for Limits {}

/// Who shares one limit: the user, the client id, or both; empty where it does not matter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    /// The user.
    pub user: Str,
    /// The client id.
    pub client: Str,
}

/// The keys that hold numbers.
pub const KEYS: [(&str, KeyKind); 5] = [
    ("producer_byte_rate", KeyKind::Long),
    ("consumer_byte_rate", KeyKind::Long),
    ("request_percentage", KeyKind::Double),
    ("controller_mutation_rate", KeyKind::Double),
    ("connection_creation_rate", KeyKind::Int),
];

/// What a key's value may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Whole, 64 bits.
    Long,
    /// Whole, 32 bits.
    Int,
    /// Any number.
    Double,
}

impl Quotas {
    /// Whether nothing is set: then nobody is asked.
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// Takes in what the znode of an entity says; nothing when it is gone. True when that is news.
    pub fn learn(&mut self, entity: Entity, properties: &Properties) -> bool {
        let mut news = false;
        let number = |(key, value): (&String, &String)| {
            let known = KEYS.iter().any(|(known, _)| known == key);
            let value = value.trim().parse::<f64>().ok().filter(|value| known && value.is_finite())?;
            Some((Str::from(key.as_str()), value))
        };
        let limits: BTreeMap<Str, f64> = properties.iter().filter_map(number).collect();
        if let (Some(Name::Named(user)), None) = (&entity.user, &entity.client) {
            let mechanisms: Vec<(i8, i32)> = [("SCRAM-SHA-256", 1), ("SCRAM-SHA-512", 2)]
                .into_iter()
                .filter_map(|(key, number)| Some((number, iterations(properties.get(key)?)?)))
                .collect();
            news |= put(&mut self.scram, user.clone(), Some(mechanisms).filter(|mechanisms| !mechanisms.is_empty()));
        }
        news | put(&mut self.entities, entity, Some(Limits(limits)).filter(|limits| !limits.0.is_empty()))
    }

    /// What is set, by entity and key.
    pub fn entries(&self) -> impl Iterator<Item = (&Entity, &BTreeMap<Str, f64>)> {
        self.entities.iter().map(|(entity, limits)| (entity, &limits.0))
    }

    /// The users with SCRAM credentials: mechanism and iterations of each.
    pub fn scram(&self) -> &BTreeMap<Str, Vec<(i8, i32)>> {
        &self.scram
    }

    /// How many connections a second an address may open; its own limit or the default.
    pub fn of_address(&self, address: &Str) -> Option<f64> {
        [Name::Named(address.clone()), Name::Default].into_iter().find_map(|ip| {
            let limits = self.entities.get(&Entity { ip: Some(ip), ..Entity::default() })?;
            limits.0.get(Kind::Connection.key()).copied()
        })
    }

    /// The limit of a client, and who shares it: the first of upstream's order that is set.
    pub fn limit(&self, kind: Kind, user: &Str, client: &Str) -> Option<(Scope, f64)> {
        if self.entities.is_empty() {
            return None;
        }
        let (this_user, this_client) = (Some(Name::Named(user.clone())), Some(Name::Named(client.clone())));
        let (any_user, any_client) = (Some(Name::Default), Some(Name::Default));
        let order = [
            (&this_user, &this_client),
            (&this_user, &any_client),
            (&this_user, &None),
            (&any_user, &this_client),
            (&any_user, &any_client),
            (&any_user, &None),
            (&None, &this_client),
            (&None, &any_client),
        ];
        order.into_iter().find_map(|(of_user, of_client)| {
            let limits = self.entities.get(&Entity::new(of_user.clone(), of_client.clone()))?;
            let limit = limits.0.get(kind.key())?;
            let user = of_user.as_ref().map_or_else(Str::default, |_| user.detached());
            let client = of_client.as_ref().map_or_else(Str::default, |_| client.detached());
            Some((Scope { user, client }, *limit))
        })
    }
}

/// Sets or removes a key's value; true when it was another.
fn put<K: Ord, V: PartialEq>(map: &mut BTreeMap<K, V>, key: K, value: Option<V>) -> bool {
    let news = map.get(&key) != value.as_ref();
    match value {
        Some(value) => drop(map.insert(key, value)),
        None => drop(map.remove(&key)),
    }
    news
}

/// Of `salt=...,stored_key=...,server_key=...,iterations=4096`.
fn iterations(credential: &str) -> Option<i32> {
    credential.split(',').find_map(|part| part.trim().strip_prefix("iterations=")).and_then(|n| n.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(quotas: &mut Quotas, path: &str, rate: i64) {
        let properties = Properties::from([("producer_byte_rate".to_string(), rate.to_string())]);
        assert!(quotas.learn(Entity::from_path(path).expect("an entity"), &properties));
    }

    #[test]
    fn the_nearest_quota_counts() {
        // From the one that counts least to the one that counts most.
        let paths = [
            ("clients/<default>", ("", "app")),
            ("clients/app", ("", "app")),
            ("users/<default>", ("ann", "")),
            ("users/<default>/clients/<default>", ("ann", "app")),
            ("users/<default>/clients/app", ("ann", "app")),
            ("users/ann", ("ann", "")),
            ("users/ann/clients/<default>", ("ann", "app")),
            ("users/ann/clients/app", ("ann", "app")),
        ];
        let mut quotas = Quotas::default();
        let (user, client) = (Str::from("ann"), Str::from("app"));
        assert_eq!(quotas.limit(Kind::Produce, &user, &client), None);
        for (rate, (path, (of_user, of_client))) in paths.into_iter().enumerate() {
            set(&mut quotas, path, rate as i64);
            let (scope, limit) = quotas.limit(Kind::Produce, &user, &client).expect("limited");
            assert_eq!((&*scope.user, &*scope.client, limit), (of_user, of_client, rate as f64), "{path}");
        }
        assert_eq!(quotas.limit(Kind::Fetch, &user, &client), None, "each kind by itself");
        let (scope, limit) = quotas.limit(Kind::Produce, &Str::from("bob"), &Str::from("other")).expect("limited");
        assert_eq!((&*scope.user, &*scope.client, limit), ("bob", "other", 3.0));
    }

    #[test]
    fn what_is_gone_or_no_number_limits_nobody() {
        let mut quotas = Quotas::default();
        set(&mut quotas, "users/ann", 5);
        let entity = || Entity::from_path("users/ann").expect("an entity");
        let nonsense = Properties::from([("producer_byte_rate".to_string(), "NaN".to_string())]);
        assert!(quotas.learn(entity(), &nonsense));
        assert!(quotas.is_empty());
        assert!(!quotas.learn(entity(), &Properties::new()), "no news");
    }

    #[test]
    fn of_credentials_only_the_iterations_are_kept() {
        let mut quotas = Quotas::default();
        let credential = "salt=YQ==,stored_key=Yg==,server_key=Yw==,iterations=8192".to_string();
        let properties = Properties::from([("SCRAM-SHA-512".to_string(), credential)]);
        assert!(quotas.learn(Entity::from_path("users/ann").expect("an entity"), &properties));
        assert_eq!(quotas.scram()["ann"], [(2, 8192)]);
        assert!(!quotas.learn(Entity::from_path("users/ann").expect("an entity"), &properties), "no news");
        assert!(!format!("{quotas:?}").contains("YQ=="));
    }
}
