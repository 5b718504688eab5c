//! Tolerant access to JSON.

use core::fmt;

use bytes::Bytes;
use serde_json::{Map, Value};

/// Why the data of a znode is not the document it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZnodeError {
    /// The document, such as `broker registration`.
    pub document: &'static str,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for ZnodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no {}: {}", self.document, self.what)
    }
}

impl core::error::Error for ZnodeError {}

pub(super) type Result<T> = core::result::Result<T, ZnodeError>;

/// A JSON object, with the document's name for its errors.
pub(super) struct Object {
    document: &'static str,
    map: Map<String, Value>,
}

impl Object {
    pub(super) fn parse(document: &'static str, data: &[u8]) -> Result<Self> {
        match serde_json::from_slice(data) {
            Ok(Value::Object(map)) => Ok(Self { document, map }),
            Ok(_) => Err(ZnodeError { document, what: "not a JSON object".to_owned() }),
            Err(error) => Err(ZnodeError { document, what: format!("not JSON: {error}") }),
        }
    }

    /// The object's version, which must be among these.
    pub(super) fn version(&self, allowed: core::ops::RangeInclusive<i64>) -> Result<i64> {
        let version = self.int("version")?;
        if allowed.contains(&version) {
            Ok(version)
        } else {
            Err(self.wrong(format!("version {version} is not known")))
        }
    }

    /// A value that is there and not null.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn int(&self, key: &str) -> Result<i64> {
        self.opt_int(key)?.ok_or_else(|| self.missing(key))
    }

    pub(super) fn i32(&self, key: &str) -> Result<i32> {
        self.narrow(key, self.int(key)?)
    }

    pub(super) fn opt_i32(&self, key: &str) -> Result<Option<i32>> {
        self.opt_int(key)?.map(|value| self.narrow(key, value)).transpose()
    }

    pub(super) fn opt_int(&self, key: &str) -> Result<Option<i64>> {
        self.get(key).map(|value| int(value).ok_or_else(|| self.bad(key))).transpose()
    }

    pub(super) fn text(&self, key: &str) -> Result<String> {
        self.opt_text(key)?.ok_or_else(|| self.missing(key))
    }

    pub(super) fn opt_text(&self, key: &str) -> Result<Option<String>> {
        self.get(key).map(|value| text(value).ok_or_else(|| self.bad(key))).transpose()
    }

    pub(super) fn ints(&self, key: &str) -> Result<Vec<i32>> {
        let value = self.get(key).ok_or_else(|| self.missing(key))?;
        ints(value).ok_or_else(|| self.bad(key))
    }

    /// An object in it; `None` when absent or null.
    pub(super) fn object(&self, key: &str) -> Result<Option<Object>> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Self { document: self.document, map: map.clone() })),
            Some(_) => Err(self.bad(key)),
        }
    }

    /// An array of objects in it.
    pub(super) fn objects(&self, key: &str) -> Result<Vec<Object>> {
        let Some(Value::Array(items)) = self.get(key) else { return Err(self.missing(key)) };
        let objects = items.iter().map(|item| match item {
            Value::Object(map) => Ok(Self { document: self.document, map: map.clone() }),
            _ => Err(self.bad(key)),
        });
        objects.collect()
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.map.iter()
    }

    pub(super) fn missing(&self, key: &str) -> ZnodeError {
        self.wrong(format!("{key} is missing"))
    }

    pub(super) fn bad(&self, key: &str) -> ZnodeError {
        self.wrong(format!("{key} is {}", self.map.get(key).unwrap_or(&Value::Null)))
    }

    pub(super) fn wrong(&self, what: String) -> ZnodeError {
        ZnodeError { document: self.document, what }
    }

    fn narrow(&self, key: &str, value: i64) -> Result<i32> {
        i32::try_from(value).map_err(|_| self.bad(key))
    }
}

/// A number, or a string that is one.
pub(super) fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A string, or a number or bool as text.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

pub(super) fn ints(value: &Value) -> Option<Vec<i32>> {
    let Value::Array(items) = value else { return None };
    items.iter().map(|item| int(item).and_then(|value| i32::try_from(value).ok())).collect()
}

/// The text of a document.
pub(super) fn write(document: &impl serde::Serialize) -> Bytes {
    Bytes::from(serde_json::to_vec(document).expect("documents have string keys and finite numbers"))
}
