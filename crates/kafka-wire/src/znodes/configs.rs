//! `/config/..`: settings of topics, brokers, users, clients and addresses, and the notifications of their changes.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Serialize;

use super::json::{self, Object, Result};

/// `/config/<type>/<entity>`: the settings of one entity. All values are strings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntityConfig {
    /// By name.
    pub entries: BTreeMap<String, String>,
}

impl EntityConfig {
    /// Reads the document; a znode without data is an entity without settings.
    ///
    /// # Errors
    /// Not such a document.
    pub fn parse(data: &[u8]) -> Result<Self> {
        if data.is_empty() {
            return Ok(Self::default());
        }
        let object = Object::parse("entity config", data)?;
        object.version(1..=1)?;
        let mut entries = BTreeMap::new();
        for (name, value) in object.object("config")?.iter().flat_map(Object::entries) {
            entries.insert(name.clone(), json::text(value).ok_or_else(|| object.bad("config"))?);
        }
        Ok(Self { entries })
    }

    /// The document.
    pub fn to_json(&self) -> Bytes {
        #[derive(Serialize)]
        struct Json<'a> {
            version: i32,
            config: &'a BTreeMap<String, String>,
        }
        json::write(&Json { version: 1, config: &self.entries })
    }
}

/// `/config/changes/config_change_N`: that an entity changed; whoever reads it reads the entity again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigChange {
    /// The entity below `/config`, such as `topics/t` or `users/alice/clients/c`.
    pub entity_path: String,
}

impl ConfigChange {
    /// Reads versions 1 (type and name of a topic or client) and 2 (path).
    ///
    /// # Errors
    /// Not such a document.
    pub fn parse(data: &[u8]) -> Result<Self> {
        let object = Object::parse("config change", data)?;
        if object.version(1..=2)? == 2 {
            return Ok(Self { entity_path: object.text("entity_path")? });
        }
        let kind = object.text("entity_type")?;
        if kind != "topics" && kind != "clients" {
            return Err(object.bad("entity_type"));
        }
        Ok(Self { entity_path: format!("{kind}/{}", object.text("entity_name")?) })
    }

    /// The document in version 2.
    pub fn to_json(&self) -> Bytes {
        #[derive(Serialize)]
        struct Json<'a> {
            version: i32,
            entity_path: &'a str,
        }
        json::write(&Json { version: 2, entity_path: &self.entity_path })
    }
}

/// A user, client id or principal as the name of a znode: what Java's `URLEncoder` makes of it, except that `*` becomes
/// `%2A` and a space `%20` (`Sanitizer.java`).
pub fn sanitize(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The name that [`sanitize`] made this of; `None` when it made it of nothing.
pub fn desanitize(znode: &str) -> Option<String> {
    let mut out = Vec::with_capacity(znode.len());
    let mut bytes = znode.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digits = [bytes.next()?, bytes.next()?];
            out.push(u8::from_str_radix(core::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configs_are_strings() {
        let config = EntityConfig::parse(br#"{"version":1,"config":{"b":"2","a":1,"c":true}}"#).unwrap();
        assert_eq!(config.to_json(), r#"{"version":1,"config":{"a":"1","b":"2","c":"true"}}"#);
        assert_eq!(EntityConfig::parse(b""), Ok(EntityConfig::default()));
        assert_eq!(EntityConfig::default().to_json(), r#"{"version":1,"config":{}}"#);
        assert!(EntityConfig::parse(br#"{"version":2,"config":{}}"#).is_err());
    }

    #[test]
    fn changes_in_both_versions() {
        let change = ConfigChange { entity_path: "topics/t".to_owned() };
        assert_eq!(change.to_json(), r#"{"version":2,"entity_path":"topics/t"}"#);
        assert_eq!(ConfigChange::parse(&change.to_json()), Ok(change.clone()));
        assert_eq!(ConfigChange::parse(br#"{"version":1,"entity_type":"topics","entity_name":"t"}"#), Ok(change));
        assert!(ConfigChange::parse(br#"{"version":1,"entity_type":"users","entity_name":"u"}"#).is_err());
        assert!(ConfigChange::parse(br#"{"version":3,"entity_path":"x"}"#).is_err());
    }

    #[test]
    fn names_that_znodes_cannot_have() {
        for (name, znode) in
            [("a b:c", "a%20b%3Ac"), ("*", "%2A"), ("user-1_x.y", "user-1_x.y"), ("/ü+", "%2F%C3%BC%2B")]
        {
            assert_eq!(sanitize(name), znode);
            assert_eq!(desanitize(znode).as_deref(), Some(name));
        }
        assert_eq!(desanitize("%2"), None);
        assert_eq!(desanitize("%zz"), None);
    }
}
