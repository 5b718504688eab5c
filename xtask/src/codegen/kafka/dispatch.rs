//! The module list, the API keys, the request and response enums of what is served, and the table of every codec.

use std::fmt::Write as _;

use super::emit::type_name;
use super::parse::{Kind, Message, Schema, Versions};

/// `generated/mod.rs`: the modules, and what every one of them imports.
pub fn root(files: &[(String, Schema)]) -> String {
    let mut out = String::from(
        "//! Every message, generated from `schema/*.schema` by `cargo xtask codegen`. Do not edit.\n\
         #![allow(missing_docs, unused_variables, clippy::all)]\n\n",
    );
    for (file, schema) in files {
        if !schema.messages.is_empty() {
            let _ = writeln!(out, "mod {file};");
        }
    }
    out.push_str("pub mod dispatch;\npub mod keys;\n\n");
    for (file, schema) in files {
        if !schema.messages.is_empty() {
            let _ = writeln!(out, "pub use {file}::*;");
        }
    }
    out.push_str(
        "\nmod prelude {
pub(super) use core::ops::RangeInclusive;

pub(super) use base::{Reader, Str};
pub(super) use bytes::Bytes;

pub(super) use super::keys::ApiKey;
pub(super) use crate::message::{ApiRequest, Message, Record};
pub(super) use crate::payload::Records;
pub(super) use crate::primitive::{self as p, Hidden, Result, Uuid};
pub(super) use crate::writer::{Tags, Writer};
}\n",
    );
    out
}

/// `generated/keys.rs`: the API keys with names, versions and first flexible versions.
pub fn keys(files: &[(String, Schema)]) -> String {
    let mut rows: Vec<(i16, String, Option<&Message>)> = Vec::new();
    for (_, schema) in files {
        rows.extend(schema.bare_keys.iter().map(|(key, name)| (*key, name.clone(), None)));
        for message in schema.messages.iter().filter(|m| m.kind == Kind::Request) {
            rows.push((message.key.unwrap_or_default(), message.name.clone(), Some(message)));
        }
    }
    rows.sort_by_key(|row| row.0);
    let mut out = String::from(
        "//! The API keys. Generated from `schema/*.schema` by `cargo xtask codegen`.

/// What a request asks for: the first number of its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i16)]
pub enum ApiKey {\n",
    );
    for (key, name, _) in &rows {
        let _ = writeln!(out, "{name} = {key},");
    }
    out.push_str("}\n\nimpl ApiKey {\n/// Every key, ascending.\npub const ALL: &'static [Self] = &[");
    for (_, name, _) in &rows {
        let _ = write!(out, "Self::{name},");
    }
    out.push_str(
        "];\n\n/// The key with this number.\npub const fn from_i16(key: i16) -> Option<Self> {\nSome(match key {\n",
    );
    for (key, name, _) in &rows {
        let _ = writeln!(out, "{key} => Self::{name},");
    }
    out.push_str("_ => return None,\n})\n}\n\n/// Its name in upstream's message definitions.\npub const fn name(self) -> &'static str {\nmatch self {\n");
    for (_, name, _) in &rows {
        let _ = writeln!(out, "Self::{name} => \"{name}\",");
    }
    out.push_str(
        "}\n}\n\n/// Lowest, highest and first flexible version of the messages known here; `None` for a key without messages.
pub const fn shape(self) -> Option<(i16, i16, Option<i16>)> {\nSome(match self {\n",
    );
    for (_, name, message) in &rows {
        if let Some(message) = message {
            let Versions { low, high } = message.versions;
            let flexible = message.flexible.map_or("None".to_owned(), |first| format!("Some({first})"));
            let _ = writeln!(out, "Self::{name} => ({low}, {high}, {flexible}),");
        }
    }
    out.push_str("_ => return None,\n})\n}\n}\n");
    out
}

/// `generated/dispatch.rs`: the enums over the served APIs and the table of all codecs.
pub fn dispatch(files: &[(String, Schema)]) -> Result<String, String> {
    let messages: Vec<&Message> = files.iter().flat_map(|(_, schema)| &schema.messages).collect();
    let served: Vec<&(String, Versions)> = files.iter().flat_map(|(_, schema)| &schema.served).collect();
    for (name, versions) in &served {
        let request = messages.iter().find(|m| m.kind == Kind::Request && m.name == *name);
        let request = request.ok_or_else(|| format!("served.schema serves {name}, which has no messages"))?;
        if versions.intersect(request.versions) != *versions {
            return Err(format!("served.schema serves versions of {name} that its schema does not have"));
        }
    }
    let mut out = String::from(
        "//! Requests and responses of the served APIs, and a table of every codec.
//! Generated from `schema/*.schema` by `cargo xtask codegen`.

use super::prelude::*;
use super::*;
use crate::api::{RequestError, Served};
use crate::codecs::{Codec, message_codec, record_codec};
",
    );
    out.push_str("\n/// What the broker serves, as ApiVersions lists it.\npub const SERVED: &[Served] = &[\n");
    for (name, versions) in &served {
        let _ = writeln!(out, "Served {{ key: ApiKey::{name}, min: {}, max: {} }},", versions.low, versions.high);
    }
    out.push_str("];\n");
    enum_over(&mut out, "Request", "A request of a served API.", &served);
    out.push_str(
        "\n/// Decodes the body of a request of a served API.
///
/// # Errors
/// [`RequestError`]: not served, not in this version, or bytes that make no sense.
pub fn decode_request(key: ApiKey, version: i16, r: &mut Reader) -> core::result::Result<Request, RequestError> {
crate::api::check_served(key, version)?;
Ok(match key {\n",
    );
    for (name, _) in &served {
        let _ = writeln!(
            out,
            "ApiKey::{name} => Request::{name}(Box::new(<{name}Request as Message>::decode(r, version)?)),"
        );
    }
    out.push_str("_ => return Err(RequestError::NotServed(key)),\n})\n}\n");
    enum_over(&mut out, "Response", "A response of a served API.", &served);
    out.push_str("\nimpl Response {\n/// Appends the body in this version.\npub fn write(&self, w: &mut Writer, version: i16) {\nmatch self {\n");
    for (name, _) in &served {
        let _ = writeln!(out, "Self::{name}(body) => Message::write(&**body, w, version),");
    }
    out.push_str("}\n}\n");
    throttle_times(&mut out, &messages, &served);
    out.push_str("}\n");
    codecs(&mut out, &messages);
    Ok(out)
}

/// The method of `Response` that fills in `throttle_time_ms`.
fn throttle_times(out: &mut String, messages: &[&Message], served: &[&(String, Versions)]) {
    out.push_str(
        "\n/// Says for how long the client is made to rest; answers without such a field say nothing.
pub fn set_throttle_time_ms(&mut self, throttle_time_ms: i32) {\nmatch self {\n",
    );
    let says = |name: &str| {
        let response = messages.iter().find(|m| m.kind == Kind::Response && m.name == *name);
        response.is_some_and(|m| m.fields.iter().any(|field| field.name == "throttle_time_ms"))
    };
    for (name, _) in served.iter().filter(|(name, _)| says(name)) {
        let _ = writeln!(out, "Self::{name}(body) => body.throttle_time_ms = throttle_time_ms,");
    }
    let mut silent = served.iter().filter(|(name, _)| !says(name)).peekable();
    if silent.peek().is_some() {
        let silent: Vec<String> = silent.map(|(name, _)| format!("Self::{name}(_)")).collect();
        let _ = writeln!(out, "{} => {{}}", silent.join(" | "));
    }
    out.push_str("}\n}\n");
}

fn codecs(out: &mut String, messages: &[&Message]) {
    out.push_str(
        "\n/// Every message and record there is, for tests, fuzzing and tools.\npub const CODECS: &[Codec] = &[\n",
    );
    for message in messages {
        let (helper, name) =
            (if message.kind == Kind::Record { "record_codec" } else { "message_codec" }, type_name(message));
        let _ = match message.kind {
            Kind::Record => writeln!(out, "{helper}::<{name}>(),"),
            kind => writeln!(out, "{helper}::<{name}>({}),", kind == Kind::Request),
        };
    }
    out.push_str("];\n");
}

fn enum_over(out: &mut String, kind: &str, doc: &str, served: &[&(String, Versions)]) {
    let _ = writeln!(out, "\n/// {doc}\n#[derive(Clone, Debug, PartialEq)]\npub enum {kind} {{");
    for (name, _) in served {
        let _ = writeln!(out, "{name}(Box<{name}{kind}>),");
    }
    let _ = writeln!(
        out,
        "}}\n\nimpl {kind} {{\n/// The API it belongs to.\npub const fn key(&self) -> ApiKey {{\nmatch self {{"
    );
    for (name, _) in served {
        let _ = writeln!(out, "Self::{name}(_) => ApiKey::{name},");
    }
    out.push_str("}\n}\n}\n");
    for (name, _) in served {
        let _ = writeln!(
            out,
            "\nimpl From<{name}{kind}> for {kind} {{\nfn from(body: {name}{kind}) -> Self {{\nSelf::{name}(Box::new(body))\n}}\n}}"
        );
    }
}
