//! A broker's configuration: typed access to its properties, listeners parsed and checked.

use std::collections::BTreeMap;

use base::Str;

use super::broker_keys::broker_key;
use super::def::{Valid, check, list};
use super::log_config::{Layers, Properties};
use crate::metadata_cache::Endpoint;

/// `broker.id` as long as ZooKeeper has not numbered the broker.
pub const UNRESOLVED_ID: i32 = -1;

/// How fast logs are copied from one log folder to another.
pub const THROTTLE_ALTER_LOG_DIRS: &str = "replica.alter.log.dirs.io.max.bytes.per.second";
/// Keys in bytes a second that can be set at run time only (`DynamicConfig.Broker`), and what they mean.
pub const THROTTLES: [(&str, &str); 3] = [
    (
        THROTTLE_ALTER_LOG_DIRS,
        "Bytes a second at which partitions are copied from one log folder of this broker to another.",
    ),
    (
        "leader.replication.throttled.rate",
        "Bytes a second that this broker sends to followers, for the replicas that are throttled on the leader's side.",
    ),
    (
        "follower.replication.throttled.rate",
        "Bytes a second that this broker fetches from leaders, for the replicas that are throttled on the follower's \
         side.",
    ),
];

/// A broker's configuration.
#[derive(Clone, Debug)]
pub struct BrokerConfig {
    /// `broker.id`: the configured, stored or generated one; [`UNRESOLVED_ID`] until ZooKeeper has given one.
    pub broker_id: i32,
    /// `broker.rack`.
    pub rack: Option<Str>,
    /// Where to listen: an empty host is every address.
    pub listeners: Vec<Endpoint>,
    /// What clients are told, by listener.
    pub advertised_listeners: Vec<Endpoint>,
    /// Name of the listener that brokers use among themselves.
    pub inter_broker_listener: Str,
    /// The properties file and, once read, the dynamic layers.
    pub layers: Layers,
}

impl BrokerConfig {
    /// Parses a properties file's keys. `broker_id` is the id that `meta.properties` knows, for a file
    /// that leaves it out; without it the id stays [`UNRESOLVED_ID`].
    ///
    /// # Errors
    /// Every problem found, one line each.
    pub fn from_properties(properties: Properties, broker_id: Option<i32>) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        for (name, value) in &properties {
            if let Some(key) = broker_key(name)
                && let Err(problem) = check(name, key.kind, Valid::Any, value)
            {
                problems.push(problem);
            }
        }
        let mut config = Self {
            broker_id: 0,
            rack: properties.get("broker.rack").map(|rack| Str::from(rack.as_str())),
            listeners: Vec::new(),
            advertised_listeners: Vec::new(),
            inter_broker_listener: Str::new(),
            layers: Layers { static_broker: properties, ..Layers::default() },
        };
        if problems.is_empty()
            && let Err(problem) = config.resolve(broker_id)
        {
            problems.push(problem);
        }
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    fn resolve(&mut self, broker_id: Option<i32>) -> Result<(), String> {
        // As upstream has it, `node.id` is another name of the id.
        let key = if self.is_set("broker.id") { "broker.id" } else { "node.id" };
        let configured = i32::try_from(self.int(key)).unwrap_or(-1);
        let (generated, reserved_max) = (self.flag("broker.id.generation.enable"), self.int("reserved.broker.max.id"));
        self.broker_id = match (configured, broker_id) {
            (-1, Some(stored)) => stored,
            (-1, None) if generated => UNRESOLVED_ID,
            (-1, None) => {
                let why = "broker.id is not set and broker.id.generation.enable=false: give this broker a number";
                return Err(why.to_string());
            }
            (id, _) if id < 0 => return Err(format!("broker.id is {id}; it must be -1 (generated) or at least 0")),
            (id, _) if generated && i64::from(id) > reserved_max => {
                return Err(format!(
                    "broker.id is {id}, above reserved.broker.max.id={reserved_max}, where generated ids begin: choose a \
                     smaller one, or set broker.id.generation.enable=false"
                ));
            }
            (id, _) => id,
        };
        if self.broker_id != UNRESOLVED_ID {
            self.set_broker_id(self.broker_id);
        }
        let protocols = protocol_map(&self.text("listener.security.protocol.map"))?;
        self.listeners = parse_listeners("listeners", &self.text("listeners"), &protocols)?;
        self.advertised_listeners = match self.layers.static_broker.get("advertised.listeners") {
            Some(text) => parse_listeners("advertised.listeners", text, &protocols)?,
            None => self.listeners.clone(),
        };
        for endpoint in &self.advertised_listeners {
            if !self.listeners.iter().any(|listener| listener.listener == endpoint.listener) {
                return Err(format!("advertised.listeners names {}, which listeners does not", endpoint.listener));
            }
            if &*endpoint.host == "0.0.0.0" {
                return Err("advertised.listeners cannot use 0.0.0.0: clients cannot connect to it".to_string());
            }
        }
        self.inter_broker_listener = match self.layers.static_broker.get("inter.broker.listener.name") {
            Some(name) => Str::from(name.trim().to_ascii_uppercase()),
            None => Str::from(self.text("security.inter.broker.protocol")),
        };
        if !self.advertised_listeners.iter().any(|endpoint| endpoint.listener == self.inter_broker_listener) {
            return Err(format!(
                "inter.broker.listener.name is {}, which advertised.listeners does not have",
                self.inter_broker_listener
            ));
        }
        Ok(())
    }

    /// Numbers the broker. As upstream has it, `node.id` is another name of the id.
    pub fn set_broker_id(&mut self, id: i32) {
        self.broker_id = id;
        self.layers.static_broker.entry("node.id".to_string()).or_insert(id.to_string());
    }

    /// The effective value of a key; `None` is Java's null.
    ///
    /// # Panics
    /// When the key is in no table: a mistake of the caller.
    pub fn get(&self, name: &str) -> Option<&str> {
        let key = broker_key(name).unwrap_or_else(|| panic!("no broker key {name}"));
        for (_, layer) in self.layers.each() {
            if let Some(value) = layer.get(name)
                && check(name, key.kind, Valid::Any, value).is_ok()
            {
                return Some(value.trim());
            }
        }
        key.default
    }

    /// Whether a layer sets the key, be it to the default.
    pub fn is_set(&self, name: &str) -> bool {
        self.layers.each().iter().any(|(_, layer)| layer.contains_key(name))
    }

    /// A number.
    ///
    /// # Panics
    /// As [`BrokerConfig::get`], and for a key without a default that nothing sets.
    pub fn int(&self, name: &str) -> i64 {
        self.get(name).and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name} has no number"))
    }

    /// A number that has no default.
    ///
    /// # Panics
    /// As [`BrokerConfig::get`].
    pub fn int_opt(&self, name: &str) -> Option<i64> {
        self.get(name).and_then(|value| value.parse().ok())
    }

    /// One of [`THROTTLES`], in bytes a second; `None` when it is not set.
    pub fn throttle(&self, name: &str) -> Option<i64> {
        let dynamic = [&self.layers.dynamic_broker, &self.layers.dynamic_default];
        dynamic.into_iter().find_map(|layer| layer.get(name)?.trim().parse().ok()).filter(|rate| *rate >= 0)
    }

    /// A number with a fraction.
    ///
    /// # Panics
    /// As [`BrokerConfig::int`].
    pub fn double(&self, name: &str) -> f64 {
        self.get(name).and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("{name} has no number"))
    }

    /// A switch.
    ///
    /// # Panics
    /// As [`BrokerConfig::get`].
    pub fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A text; empty when nothing sets it.
    ///
    /// # Panics
    /// As [`BrokerConfig::get`].
    pub fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().to_string()
    }

    /// `log.dirs`, or `log.dir`.
    pub fn log_dirs(&self) -> Vec<String> {
        let dirs = self.get("log.dirs").or_else(|| self.get("log.dir")).unwrap_or_default();
        list(dirs).map(str::to_string).collect()
    }
}

/// `NAME:PROTOCOL` pairs, by name.
fn protocol_map(text: &str) -> Result<BTreeMap<String, i16>, String> {
    list(text)
        .map(|pair| {
            let (name, protocol) = pair.split_once(':').unwrap_or((pair, ""));
            let code = match protocol.trim().to_ascii_uppercase().as_str() {
                "PLAINTEXT" => 0,
                "SSL" => 1,
                "SASL_PLAINTEXT" => 2,
                "SASL_SSL" => 3,
                _ => return Err(format!("listener.security.protocol.map has {pair:?}, which is not NAME:PROTOCOL")),
            };
            Ok((name.trim().to_ascii_uppercase(), code))
        })
        .collect()
}

fn parse_listeners(key: &str, text: &str, protocols: &BTreeMap<String, i16>) -> Result<Vec<Endpoint>, String> {
    let mut endpoints: Vec<Endpoint> = Vec::new();
    for part in list(text) {
        let shape = || format!("{key} has {part:?}, which is not NAME://host:port");
        let (name, address) = part.split_once("://").ok_or_else(shape)?;
        let (host, port) = address.rsplit_once(':').ok_or_else(shape)?;
        let port: u16 = port.parse().map_err(|_| shape())?;
        let name = name.to_ascii_uppercase();
        let Some(security_protocol) = protocols.get(&name) else {
            return Err(format!("{key} has {name}, which listener.security.protocol.map does not"));
        };
        if endpoints.iter().any(|endpoint| *endpoint.listener == *name) {
            return Err(format!("{key} has {name} twice"));
        }
        let host = host.trim_start_matches('[').trim_end_matches(']');
        endpoints.push(Endpoint {
            listener: Str::from(name),
            host: Str::from(host),
            port: i32::from(port),
            security_protocol: *security_protocol,
        });
    }
    if endpoints.is_empty() {
        return Err(format!("{key} names no listener"));
    }
    Ok(endpoints)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<BrokerConfig, Vec<String>> {
        let properties = pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        BrokerConfig::from_properties(properties, None)
    }

    #[test]
    fn ids() {
        let id = |pairs: &[(&str, &str)], stored| {
            let properties = pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
            BrokerConfig::from_properties(properties, stored).map(|config| config.broker_id).map_err(|e| e[0].clone())
        };
        assert_eq!(id(&[], None), Ok(UNRESOLVED_ID));
        assert_eq!(id(&[], Some(1007)), Ok(1007));
        assert_eq!(id(&[("broker.id", "1000")], None), Ok(1000));
        assert!(id(&[("broker.id", "1001")], None).is_err_and(|e| e.contains("reserved.broker.max.id=1000")));
        assert_eq!(id(&[("node.id", "5")], None), Ok(5));
        assert_eq!(id(&[("broker.id", "4"), ("node.id", "5")], None), Ok(4));
        assert_eq!(id(&[("broker.id", "1001"), ("reserved.broker.max.id", "2000")], None), Ok(1001));
        assert_eq!(id(&[("broker.id", "1001"), ("broker.id.generation.enable", "false")], None), Ok(1001));
        assert!(id(&[("broker.id.generation.enable", "false")], None).is_err_and(|e| e.contains("give this broker")));
        assert!(id(&[("broker.id", "-2")], None).is_err());
    }

    #[test]
    fn listeners_and_defaults() {
        let config = parse(&[
            ("broker.id", "3"),
            ("listeners", "PLAINTEXT://[::1]:9092,OUT://:9093"),
            ("listener.security.protocol.map", "PLAINTEXT:PLAINTEXT,OUT:PLAINTEXT"),
            ("advertised.listeners", "PLAINTEXT://localhost:9092"),
            ("log.dirs", "/a, /b"),
        ])
        .expect("valid");
        assert_eq!(config.broker_id, 3);
        assert_eq!((&*config.listeners[0].host, config.listeners[1].port), ("::1", 9093));
        assert_eq!(config.int("num.partitions"), 1);
        assert_eq!(config.log_dirs(), ["/a", "/b"]);
        assert!(config.flag("auto.create.topics.enable"));
    }

    #[test]
    fn problems_name_the_key() {
        for (pairs, word) in [
            (vec![("broker.id", "x")], "broker.id"),
            (vec![("broker.id", "1"), ("listeners", "localhost:9092")], "NAME://host:port"),
            (vec![("broker.id", "1"), ("listeners", "TLS://h:1")], "listener.security.protocol.map"),
            (vec![("broker.id", "1"), ("advertised.listeners", "PLAINTEXT://0.0.0.0:1")], "0.0.0.0"),
            (vec![("broker.id", "1"), ("inter.broker.listener.name", "IN")], "inter.broker.listener.name"),
        ] {
            let problems = parse(&pairs).expect_err("invalid");
            assert!(problems[0].contains(word), "{problems:?}");
        }
    }
}
