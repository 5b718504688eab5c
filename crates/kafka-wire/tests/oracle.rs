//! Layouts against the `kafka-protocol` crate, which is generated from upstream's own definitions: for every API and
//! version that both know, random messages go bytes -> theirs -> bytes -> ours -> bytes -> theirs and stay the same, and
//! both give every field the same value.

mod common;

use base::{Prng, Reader};
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey as TheirKey, RequestKind, ResponseKind};
use kafka_wire::codecs::{self, Codec};
use kafka_wire::{ApiKey, Uuid};

const SAMPLES: u64 = 30;
/// What the oracle knows of our APIs: fewer would mean that it is no longer compared.
const PAIRS_AT_LEAST: usize = 460;
/// Fields of versions that upstream 4 dropped, and with them the oracle.
const GONE: [&str; 5] = [
    "ListOffsetsRequest.topics.partitions.maxnumoffsets",
    "ListOffsetsResponse.topics.partitions.oldstyleoffsets",
    "OffsetCommitRequest.topics.partitions.committimestamp",
    "DescribeConfigsResponse.results.configs.isdefault",
    "AlterPartition.topics.topicname",
];

#[test]
fn every_message_is_the_same_to_both() {
    let mut prng = Prng::new(39);
    let mut pairs = 0;
    let mut failures = Vec::new();
    for message in common::messages() {
        let Some(key) = message.key else { continue };
        let Ok(their_key) = TheirKey::try_from(key) else { continue };
        let is_request = message.kind == common::schema::Kind::Request;
        let codec = codecs::codec(ApiKey::from_i16(key).unwrap(), is_request).unwrap();
        let theirs = their_key.valid_versions();
        for version in codec.min.max(theirs.min)..=codec.max.min(theirs.max) {
            pairs += 1;
            for _ in 0..SAMPLES {
                let bytes = Bytes::from(common::sample(&message, version, &mut prng));
                if let Err(what) = compare(codec, their_key, version, &bytes) {
                    failures.push(format!("{} v{version}: {what}", codec.name));
                    break;
                }
            }
        }
    }
    assert!(failures.is_empty(), "{} of {pairs} differ:\n{}", failures.len(), failures.join("\n"));
    assert!(pairs >= PAIRS_AT_LEAST, "only {pairs} messages and versions were compared");
}

fn compare(codec: &Codec, key: TheirKey, version: i16, bytes: &Bytes) -> Result<(), String> {
    let (their_text, their_bytes) = theirs(codec, key, version, bytes)?;
    if their_bytes != bytes {
        return Err(format!("they read\n  {bytes:?} as\n  {their_text} and write\n  {their_bytes:?}"));
    }
    let mut r = Reader::new(their_bytes.clone());
    let mut ours = BytesMut::new();
    (codec.recode)(&mut r, version, &mut ours).map_err(|e| format!("we refuse {their_text}: {e}"))?;
    if !r.is_empty() || ours != *their_bytes {
        return Err(format!("we write\n  {ours:?}, they\n  {their_bytes:?} for\n  {their_text}"));
    }
    let our_text = (codec.show)(&mut Reader::new(bytes.clone()), version).map_err(|e| e.to_string())?;
    let (mut our_value, mut their_value) = (Value::parse(&our_text), Value::parse(&their_text));
    their_value.unwrap_kind();
    our_value.unwrap_kind();
    our_value.same_as(&their_value, codec.name)
}

fn theirs(codec: &Codec, key: TheirKey, version: i16, bytes: &Bytes) -> Result<(String, Bytes), String> {
    let mut input = bytes.clone();
    let mut output = BytesMut::new();
    let text = if codec.is_request {
        let body =
            RequestKind::decode(key, &mut input, version).map_err(|e| format!("they refuse {bytes:?}: {e:#}"))?;
        body.encode(&mut output, version).map_err(|e| format!("they cannot write {body:?}: {e:#}"))?;
        format!("{body:?}")
    } else {
        let body =
            ResponseKind::decode(key, &mut input, version).map_err(|e| format!("they refuse {bytes:?}: {e:#}"))?;
        body.encode(&mut output, version).map_err(|e| format!("they cannot write {body:?}: {e:#}"))?;
        format!("{body:?}")
    };
    if !input.is_empty() {
        return Err(format!("they leave {} of {} bytes: {text}", input.len(), bytes.len()));
    }
    Ok((text, output.freeze()))
}

/// Debug output, taken apart.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    /// Numbers, strings, byte strings, as they are printed.
    Atom(String),
    List(Vec<Value>),
    /// Fields by name without underscores, in order.
    Struct(Vec<(String, Value)>),
    /// `Name(value)`.
    Wrapped(String, Box<Value>),
}

impl Value {
    fn parse(text: &str) -> Self {
        let mut parser = DebugText { text: text.as_bytes(), at: 0 };
        let value = parser.value();
        assert_eq!(parser.at, text.len(), "all of {text} is one value");
        value
    }

    /// `Produce(..)` of the enums over all messages.
    fn unwrap_kind(&mut self) {
        if let Self::Wrapped(_, inner) = self {
            *self = core::mem::replace(inner, Self::Atom(String::new()));
        }
    }

    /// Newtypes and present options as what is in them.
    fn plain(&self) -> &Self {
        match self {
            Self::Wrapped(_, inner) => inner.plain(),
            other => other,
        }
    }

    fn same_as(&self, theirs: &Self, path: &str) -> Result<(), String> {
        let differ = || Err(format!("{path} is {self:?} to us and {theirs:?} to them"));
        match (self.plain(), theirs.plain()) {
            (Self::Struct(ours), Self::Struct(theirs)) => {
                for (name, value) in ours {
                    let full = format!("{path}.{name}").replace("AlterPartitionRequest", "AlterPartition");
                    if GONE.contains(&full.replace("AlterPartitionResponse", "AlterPartition").as_str()) {
                        continue;
                    }
                    let found = theirs.iter().find(|(n, _)| n == name);
                    let (_, their_value) = found.ok_or_else(|| format!("{path}.{name} is not theirs"))?;
                    value.same_as(their_value, &format!("{path}.{name}"))?;
                }
                Ok(())
            }
            (Self::List(ours), Self::List(theirs)) if ours.len() == theirs.len() => {
                ours.iter().zip(theirs).try_for_each(|(ours, theirs)| ours.same_as(theirs, path))
            }
            (Self::Atom(ours), Self::Atom(theirs)) => {
                // What a version lacks is null to us and empty to them where the definition names no default; what is
                // hidden is not ours to show.
                let absent = ours == "None" && theirs == "\"\"";
                let null_records = ours == "Null" && theirs == "None";
                if ours == theirs || absent || null_records || ours == "[hidden]" { Ok(()) } else { differ() }
            }
            (Self::Atom(ours), Self::List(theirs)) if theirs.is_empty() && ours == "None" => Ok(()),
            (Self::Atom(ours), _) if ours == "[hidden]" => Ok(()),
            _ => differ(),
        }
    }
}

struct DebugText<'a> {
    text: &'a [u8],
    at: usize,
}

impl DebugText<'_> {
    fn value(&mut self) -> Value {
        if self.text[self.at..].starts_with(b"[hidden]") {
            self.at += 8;
            return Value::Atom("[hidden]".to_owned());
        }
        match self.text[self.at] {
            b'[' => Value::List(self.items(b']')),
            b'{' => Value::List(self.items(b'}')),
            b'"' => self.quoted(""),
            _ => {
                let start = self.at;
                while self.text.get(self.at).is_some_and(|c| c.is_ascii_alphanumeric() || b"_-.".contains(c)) {
                    self.at += 1;
                }
                let word = String::from_utf8_lossy(&self.text[start..self.at]).into_owned();
                match self.text.get(self.at) {
                    Some(b'"') if word == "b" => self.quoted("b"),
                    Some(b'(') => {
                        let mut items = self.items(b')');
                        Value::Wrapped(word, Box::new(items.pop().expect("a value in brackets")))
                    }
                    Some(b' ') if self.text.get(self.at + 1) == Some(&b'{') => {
                        self.at += 1;
                        Value::Struct(self.named())
                    }
                    _ => Value::Atom(uuid_as_ours(word)),
                }
            }
        }
    }

    fn items(&mut self, close: u8) -> Vec<Value> {
        self.at += 1;
        let mut items = Vec::new();
        while self.text[self.at] != close {
            items.push(self.value());
            self.skip(b", ");
        }
        self.at += 1;
        items
    }

    fn named(&mut self) -> Vec<(String, Value)> {
        self.at += 1;
        self.skip(b" ");
        let mut fields = Vec::new();
        while self.text[self.at] != b'}' {
            let start = self.at;
            while self.text[self.at] != b':' {
                self.at += 1;
            }
            let name = String::from_utf8_lossy(&self.text[start..self.at]).replace('_', "");
            self.skip(b": ");
            fields.push((name, self.value()));
            self.skip(b",");
            self.skip(b" ");
        }
        self.at += 1;
        fields
    }

    fn quoted(&mut self, prefix: &str) -> Value {
        let start = self.at;
        self.at += 1;
        while self.text[self.at] != b'"' {
            self.at += if self.text[self.at] == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        Value::Atom(format!("{prefix}{}", String::from_utf8_lossy(&self.text[start..self.at])))
    }

    fn skip(&mut self, text: &[u8]) {
        if self.text[self.at..].starts_with(text) {
            self.at += text.len();
        }
    }
}

/// They print ids in hexadecimal with hyphens, we as upstream does in base64.
fn uuid_as_ours(word: String) -> String {
    let digits: String = word.chars().filter(|c| *c != '-').collect();
    if word.len() != 36 || digits.len() != 32 {
        return word;
    }
    u128::from_str_radix(&digits, 16).map_or(word, |id| Uuid(id.to_be_bytes()).to_string())
}
