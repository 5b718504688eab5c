//! Who is in the cluster: `/brokers/ids/N`, `/controller`, `/controller_epoch`, `/cluster/id`.

use core::fmt;
use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;

use super::json::{self, Object, Result, ZnodeError};

/// How bytes travel on a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecurityProtocol {
    /// Neither encrypted nor authenticated.
    Plaintext,
    /// TLS.
    Ssl,
    /// SASL without TLS.
    SaslPlaintext,
    /// SASL inside TLS.
    SaslSsl,
}

impl SecurityProtocol {
    /// All of them, by their number in UpdateMetadata.
    pub const ALL: [Self; 4] = [Self::Plaintext, Self::Ssl, Self::SaslPlaintext, Self::SaslSsl];

    /// Its name in configuration and in ZooKeeper.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plaintext => "PLAINTEXT",
            Self::Ssl => "SSL",
            Self::SaslPlaintext => "SASL_PLAINTEXT",
            Self::SaslSsl => "SASL_SSL",
        }
    }

    /// The protocol with this name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.name().eq_ignore_ascii_case(name))
    }

    /// Its number in UpdateMetadata.
    pub const fn code(self) -> i16 {
        self as i16
    }

    /// The protocol with this number.
    pub fn from_code(code: i16) -> Option<Self> {
        usize::try_from(code).ok().and_then(|index| Self::ALL.get(index).copied())
    }
}

/// Where a broker listens, as others should reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerEndpoint {
    /// The listener's name.
    pub listener: String,
    /// How bytes travel on it.
    pub protocol: SecurityProtocol,
    /// Host name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: i32,
}

impl fmt::Display for BrokerEndpoint {
    /// `LISTENER://host:port`, an IPv6 address in brackets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (open, close) = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{}://{open}{}{close}:{}", self.listener, self.host, self.port)
    }
}

impl BrokerEndpoint {
    /// Reads `LISTENER://host:port`; the protocol comes from the map, or is named as the listener is.
    fn parse(text: &str, protocols: &BTreeMap<String, SecurityProtocol>) -> Option<Self> {
        let (listener, address) = text.split_once("://")?;
        let (host, port) = address.rsplit_once(':')?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let protocol = protocols.get(listener).copied().or_else(|| SecurityProtocol::from_name(listener))?;
        Some(Self { listener: listener.to_owned(), protocol, host: host.to_owned(), port: port.parse().ok()? })
    }
}

/// A feature and the levels of it that a broker supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SupportedFeature {
    /// Lowest level.
    pub min_version: i16,
    /// Highest level.
    pub max_version: i16,
}

/// `/brokers/ids/N` (ephemeral): that the broker is alive, and where. Its czxid is the broker's epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerRegistration {
    /// In the order of the broker's `advertised.listeners`.
    pub endpoints: Vec<BrokerEndpoint>,
    /// -1 without.
    pub jmx_port: i32,
    /// Wall clock milliseconds at registration.
    pub timestamp_ms: i64,
    /// `broker.rack`.
    pub rack: Option<String>,
    /// Since version 5.
    pub features: BTreeMap<String, SupportedFeature>,
}

#[derive(Serialize)]
struct BrokerRegistrationJson<'a> {
    version: i32,
    host: Option<&'a str>,
    port: i32,
    jmx_port: i32,
    timestamp: String,
    endpoints: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rack: Option<&'a str>,
    listener_security_protocol_map: BTreeMap<&'a str, &'static str>,
    features: &'a BTreeMap<String, SupportedFeature>,
}

impl BrokerRegistration {
    /// Reads versions 1 (host and port only) to 5, and later ones as 5.
    ///
    /// # Errors
    /// Not such a document.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let object = Object::parse("broker registration", data)?;
        let version = object.version(1..=i64::MAX)?;
        let endpoints = if version == 1 {
            let host = object.text("host")?;
            let protocol = SecurityProtocol::Plaintext;
            vec![BrokerEndpoint { listener: protocol.name().to_owned(), protocol, host, port: object.i32("port")? }]
        } else {
            Self::endpoints(&object)?
        };
        Ok(Self {
            endpoints,
            jmx_port: object.opt_i32("jmx_port")?.unwrap_or(-1),
            timestamp_ms: object.opt_int("timestamp")?.unwrap_or(-1),
            rack: object.opt_text("rack")?,
            features: Self::features(&object)?,
        })
    }

    fn endpoints(object: &Object) -> Result<Vec<BrokerEndpoint>> {
        const MAP: &str = "listener_security_protocol_map";
        let mut protocols = BTreeMap::new();
        for (listener, name) in object.object(MAP)?.iter().flat_map(Object::entries) {
            let protocol = json::text(name).and_then(|name| SecurityProtocol::from_name(&name));
            protocols.insert(listener.clone(), protocol.ok_or_else(|| object.bad(MAP))?);
        }
        let list = object.get("endpoints").and_then(|value| value.as_array());
        let list = list.ok_or_else(|| object.missing("endpoints"))?;
        let endpoints = list.iter().map(|item| {
            let endpoint = item.as_str().and_then(|text| BrokerEndpoint::parse(text, &protocols));
            endpoint.ok_or_else(|| object.bad("endpoints"))
        });
        endpoints.collect()
    }

    fn features(object: &Object) -> Result<BTreeMap<String, SupportedFeature>> {
        let mut features = BTreeMap::new();
        for (name, value) in object.object("features")?.iter().flat_map(Object::entries) {
            let level = |key| value.get(key).and_then(json::int).and_then(|level| i16::try_from(level).ok());
            let (Some(min_version), Some(max_version)) = (level("min_version"), level("max_version")) else {
                return Err(object.bad("features"));
            };
            features.insert(name.clone(), SupportedFeature { min_version, max_version });
        }
        Ok(features)
    }

    /// The document in version 5. `host` and `port` are those of the first plaintext endpoint, for old readers.
    pub fn to_json(&self) -> Bytes {
        let plaintext = self.endpoints.iter().find(|endpoint| endpoint.protocol == SecurityProtocol::Plaintext);
        json::write(&BrokerRegistrationJson {
            version: 5,
            host: plaintext.map(|endpoint| endpoint.host.as_str()),
            port: plaintext.map_or(-1, |endpoint| endpoint.port),
            jmx_port: self.jmx_port,
            timestamp: self.timestamp_ms.to_string(),
            endpoints: self.endpoints.iter().map(ToString::to_string).collect(),
            rack: self.rack.as_deref(),
            listener_security_protocol_map: self
                .endpoints
                .iter()
                .map(|e| (e.listener.as_str(), e.protocol.name()))
                .collect(),
            features: &self.features,
        })
    }
}

/// `/controller` (ephemeral): which broker leads the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControllerNode {
    /// The broker.
    pub broker_id: i32,
    /// Wall clock milliseconds at election.
    pub timestamp_ms: i64,
    /// -1, unless a KRaft controller has taken over during a migration.
    pub kraft_controller_epoch: i32,
}

impl ControllerNode {
    /// Reads versions 1 and 2.
    ///
    /// # Errors
    /// Not such a document.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let object = Object::parse("controller", data)?;
        Ok(Self {
            broker_id: object.i32("brokerid")?,
            timestamp_ms: object.opt_int("timestamp")?.unwrap_or(-1),
            kraft_controller_epoch: object.opt_i32("kraftControllerEpoch")?.unwrap_or(-1),
        })
    }

    /// The document in version 2; the timestamp is a string.
    pub fn to_json(&self) -> Bytes {
        #[derive(Serialize)]
        struct Json {
            version: i32,
            brokerid: i32,
            timestamp: String,
            #[serde(rename = "kraftControllerEpoch")]
            kraft_controller_epoch: i32,
        }
        json::write(&Json {
            version: 2,
            brokerid: self.broker_id,
            timestamp: self.timestamp_ms.to_string(),
            kraft_controller_epoch: self.kraft_controller_epoch,
        })
    }
}

/// Reads `/controller_epoch`: decimal text.
///
/// # Errors
/// Not a number.
pub fn parse_controller_epoch(data: &[u8]) -> Result<i32> {
    let text = core::str::from_utf8(data).ok();
    let epoch = text.and_then(|text| text.trim().parse().ok());
    let what = || format!("`{}` is not a number", String::from_utf8_lossy(data));
    epoch.ok_or_else(|| ZnodeError { document: "controller epoch", what: what() })
}

/// The data of `/controller_epoch`.
pub fn controller_epoch_bytes(epoch: i32) -> Bytes {
    Bytes::from(epoch.to_string())
}

/// `/cluster/id`: what tells clusters apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterId(pub String);

impl ClusterId {
    /// Reads the document.
    ///
    /// # Errors
    /// Not such a document.
    pub fn parse(data: &[u8]) -> Result<Self> {
        Ok(Self(Object::parse("cluster id", data)?.text("id")?))
    }

    /// The document; its version is a string.
    pub fn to_json(&self) -> Bytes {
        #[derive(Serialize)]
        struct Json<'a> {
            version: &'static str,
            id: &'a str,
        }
        json::write(&Json { version: "1", id: &self.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registration_is_written_as_upstream_writes_it() {
        let endpoint = |listener: &str, protocol, host: &str| BrokerEndpoint {
            listener: listener.to_owned(),
            protocol,
            host: host.to_owned(),
            port: 9092,
        };
        let mut broker = BrokerRegistration {
            endpoints: vec![
                endpoint("SECURE", SecurityProtocol::SaslSsl, "::1"),
                endpoint("PLAINTEXT", SecurityProtocol::Plaintext, "h"),
            ],
            jmx_port: -1,
            timestamp_ms: 1710000000000,
            rack: Some("r1".to_owned()),
            features: BTreeMap::new(),
        };
        let text = r#"{"version":5,"host":"h","port":9092,"jmx_port":-1,"timestamp":"1710000000000","endpoints":["SECURE://[::1]:9092","PLAINTEXT://h:9092"],"rack":"r1","listener_security_protocol_map":{"PLAINTEXT":"PLAINTEXT","SECURE":"SASL_SSL"},"features":{}}"#;
        assert_eq!(broker.to_json(), text);
        assert_eq!(BrokerRegistration::parse(text.as_bytes()), Ok(broker.clone()));
        broker.endpoints.pop();
        broker.rack = None;
        let text = String::from_utf8(broker.to_json().to_vec()).unwrap();
        assert!(text.contains(r#""host":null,"port":-1"#) && !text.contains("rack"), "{text}");
    }

    #[test]
    fn older_and_odd_registrations_are_read() {
        let one =
            BrokerRegistration::parse(br#"{"version":1,"host":"h","port":"9092","jmx_port":9999,"timestamp":"5"}"#);
        let one = one.unwrap();
        assert_eq!((one.endpoints[0].to_string().as_str(), one.jmx_port), ("PLAINTEXT://h:9092", 9999));
        let three = br#"{"endpoints":["SSL://h:1","PLAINTEXT://:2"],"version":3,"jmx_port":-1,"rack":null,"new":[1]}"#;
        let three = BrokerRegistration::parse(three).unwrap();
        assert_eq!(three.endpoints[0].protocol, SecurityProtocol::Ssl);
        assert_eq!((three.endpoints[1].host.as_str(), three.timestamp_ms), ("", -1));
        let features = br#"{"version":5,"endpoints":[],"features":{"f":{"min_version":1,"max_version":3}}}"#;
        let features = BrokerRegistration::parse(features).unwrap().features;
        assert_eq!(features["f"], SupportedFeature { min_version: 1, max_version: 3 });
        for bad in ["", "[]", "{}", r#"{"version":5}"#, r#"{"version":5,"endpoints":["X://h:1"]}"#] {
            assert!(BrokerRegistration::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_controller_its_epoch_and_the_cluster() {
        let controller = ControllerNode { broker_id: 1, timestamp_ms: 1710, kraft_controller_epoch: -1 };
        let text = r#"{"version":2,"brokerid":1,"timestamp":"1710","kraftControllerEpoch":-1}"#;
        assert_eq!(controller.to_json(), text);
        assert_eq!(ControllerNode::parse(text.as_bytes()), Ok(controller));
        assert_eq!(ControllerNode::parse(br#"{"version":1,"brokerid":1,"timestamp":"1710"}"#), Ok(controller));
        assert_eq!(parse_controller_epoch(b"7"), Ok(7));
        assert_eq!(controller_epoch_bytes(7), "7");
        assert!(parse_controller_epoch(b"seven").is_err());
        let id = ClusterId("abc".to_owned());
        assert_eq!(id.to_json(), r#"{"version":"1","id":"abc"}"#);
        assert_eq!(ClusterId::parse(br#"{"version":1,"id":"abc"}"#), Ok(id));
    }
}
