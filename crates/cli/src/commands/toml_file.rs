//! `castlekeep.toml`: both roles in one file, under Apache's property names.
//!
//! ```toml
//! [zookeeper]
//! dataDir = "/var/lib/castlekeep/zookeeper"
//! clientPort = 2181
//!
//! [kafka]
//! "log.dirs" = "/var/lib/castlekeep/kafka"
//! log.retention.hours = 72          # dotted keys are the same name
//!
//! [http]
//! port = 8080
//! ```

use std::path::Path;

use anyhow::{Context, bail};
use toml::Value;

/// Property names and values, in the order of the names.
pub type Properties = Vec<(String, String)>;

/// The file's sections.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TomlFile {
    /// `[zookeeper]`: keys of zoo.cfg. `None` when the section is absent.
    pub zookeeper: Option<Properties>,
    /// `[kafka]`: keys of server.properties. `None` when the section is absent.
    pub kafka: Option<Properties>,
    /// `[http]` `port`.
    pub http_port: Option<u16>,
    /// `[http]` `listen`.
    pub http_listen: Option<String>,
}

/// Reads the file.
///
/// # Errors
/// When it cannot be read, is not TOML, or has a section or key that nobody knows.
pub fn read(path: &Path) -> anyhow::Result<TomlFile> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    parse(&text).with_context(|| format!("cannot use {}", path.display()))
}

fn parse(text: &str) -> anyhow::Result<TomlFile> {
    let table: toml::Table = text.parse()?;
    let mut file = TomlFile::default();
    for (section, value) in table {
        let Value::Table(content) = value else {
            bail!("{section} stands outside a section; the sections are [zookeeper], [kafka] and [http]");
        };
        match section.as_str() {
            "zookeeper" => file.zookeeper = Some(flatten(content)?),
            "kafka" => file.kafka = Some(flatten(content)?),
            "http" => {
                for (key, value) in flatten(content)? {
                    match key.as_str() {
                        "port" => file.http_port = Some(value.parse().context("[http] port is not a port")?),
                        "listen" => file.http_listen = Some(value),
                        _ => bail!("unknown key {key} in [http]; its keys are port and listen"),
                    }
                }
            }
            _ => bail!("unknown section [{section}]; the sections are [zookeeper], [kafka] and [http]"),
        }
    }
    Ok(file)
}

/// Dotted keys parse as nested tables; property names have dots: joined again.
fn flatten(table: toml::Table) -> anyhow::Result<Properties> {
    let mut properties = Vec::new();
    for (key, value) in table {
        add(&mut properties, key, value)?;
    }
    properties.sort();
    Ok(properties)
}

fn add(properties: &mut Properties, key: String, value: Value) -> anyhow::Result<()> {
    let text = match value {
        Value::String(text) => text,
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(flag) => flag.to_string(),
        Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            texts.with_context(|| format!("{key} is a list of something other than strings"))?.join(",")
        }
        Value::Table(inner) => {
            for (name, value) in inner {
                add(properties, format!("{key}.{name}"), value)?;
            }
            return Ok(());
        }
        Value::Datetime(_) => bail!("{key} is a date; write it as a string"),
    };
    properties.push((key, text));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Properties {
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    #[test]
    fn dotted_and_quoted_keys_are_the_same_names() {
        let file = parse(
            "[zookeeper]\nclientPort = 2181\n[kafka]\n\"log.dirs\" = [\"/a\", \"/b\"]\nlog.retention.hours = 72\n\
             auto.create.topics.enable = false\n[http]\nport = 8081\n",
        )
        .unwrap();
        assert_eq!(file.zookeeper, Some(pairs(&[("clientPort", "2181")])));
        let kafka = [("auto.create.topics.enable", "false"), ("log.dirs", "/a,/b"), ("log.retention.hours", "72")];
        assert_eq!(file.kafka, Some(pairs(&kafka)));
        assert_eq!(file.http_port, Some(8081));
    }

    #[test]
    fn unknown_places_are_errors() {
        for (text, word) in [
            ("port = 1", "outside a section"),
            ("[broker]\n", "unknown section [broker]"),
            ("[http]\nprot = 1", "unknown key prot"),
            ("[http]\nport = 100000", "not a port"),
            ("[kafka]\nx = 1979-05-27", "is a date"),
        ] {
            let error = format!("{:#}", parse(text).unwrap_err());
            assert!(error.contains(word), "{error}");
        }
    }
}
