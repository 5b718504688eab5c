//! An answer as it is compared: what each broker names by itself is masked, what upstream takes out of hash tables is
//! sorted, and differences that are known and written down are left out.

use std::fmt::Write as _;

use anyhow::{Context, Result};
use base::Reader;
use bytes::Bytes;
use kafka_wire::ApiKey;
use kafka_wire::codecs::codec;
use kafka_wire::messages as wire;
use kafka_wire::records::{Batches, TimestampType, legacy};
use kafka_wire::{Message, ResponseHeader};

use super::tree::Tree;
use super::twin::Ask;

/// Fields that differ from broker to broker: compared is only whether they are empty.
const OWN: &[&str] = &[
    "port",
    "cluster_id",
    "topic_id",
    "member_id",
    "leader",
    "producer_id",
    "session_id",
    "log_dir",
    "total_bytes",
    "usable_bytes",
    "partition_size",
    "last_timestamp",
    "client_host",
];

/// The field that is added for what a fetch gives.
const READ: &str = "records_read";
/// More than any batch here unpacks to.
const RECORDS_BYTES_MAX: usize = 1 << 20;
/// Times from here on (2026-04) are those of the run.
const NOW_MS: i64 = 1_775_000_000_000;

/// Fields whose value is a time.
const TIMES: &[&str] = &["timestamp", "log_append_time_ms"];

/// Settings that say where a broker is.
const OWN_SETTINGS: &[&str] = &["advertised.listeners", "listeners", "log.dirs", "zookeeper.connect"];

/// Words for people are compared as being there or not.
const WORDS: &[&str] = &["error_message", "batch_index_error_message"];

/// Known differences: API, field's path, why. They are in docs/divergence.md, or of no meaning to a client.
const KNOWN: &[(ApiKey, &str, &str)] = &[
    (ApiKey::ApiVersions, "api_keys", "what is not served yet is not listed"),
    (ApiKey::ApiVersions, "finalized_features_epoch", "with ZooKeeper there are no features"),
    (ApiKey::DescribeConfigs, "results.configs.documentation", "our own words"),
];

/// Known pairs: API, field's path, Apache's value, ours, why. With its value upstream says that it has stumbled.
const KNOWN_PAIRS: &[(ApiKey, &str, &str, &[&str], &str)] = &[(
    ApiKey::IncrementalAlterConfigs,
    "responses.error_code",
    "-1",
    &["3", "40", "42"],
    "an operation that is none, and appending to a setting that Apache's definition does not have",
)];

/// Whether a difference is one of the known pairs.
pub fn is_known_pair(ask: &Ask, path: &str, apache: &str, ours: &str) -> bool {
    let key = ask.key;
    // Of a log without a single time: docs/divergence.md.
    let of_place = path.ends_with(".offset") || path.ends_with(".leader_epoch");
    if key == ApiKey::ListOffsets && ask.about.contains(" at -3,") && of_place && ours == "-1" {
        return true;
    }
    KNOWN_PAIRS
        .iter()
        .any(|(of, known, theirs, own, _)| *of == key && *known == path && *theirs == apache && own.contains(&ours))
}

/// An answer, ready to be compared.
pub fn shown(ask: &Ask, frame: &Bytes) -> Result<Tree> {
    let (key, version) = (ask.key, ask.version);
    let mut r = Reader::new(frame.clone());
    ResponseHeader::decode(&mut r, key, version).map_err(|e| anyhow::anyhow!("{key} v{version}, header: {e}"))?;
    let codec = codec(key, false).with_context(|| format!("{key} has no response"))?;
    let (text, read) = if key == ApiKey::Fetch {
        let body =
            wire::FetchResponse::decode(&mut r, version).map_err(|e| anyhow::anyhow!("Fetch v{version}: {e}"))?;
        let read = if version >= 4 { Tree::Atom(records_of(&body)?) } else { messages_of(&body, ask.from)? };
        (format!("{body:?}"), Some(read))
    } else {
        let text = (codec.show)(&mut r, version).map_err(|e| anyhow::anyhow!("{key} v{version}: {e}"))?;
        (text, None)
    };
    anyhow::ensure!(r.is_empty(), "{key} v{version}: bytes behind the answer");
    let mut tree = Tree::parse(&text);
    if let (Tree::Struct(_, fields), Some(read)) = (&mut tree, read) {
        fields.push((READ.to_owned(), read));
    }
    // Offsets of version 0 are in ZooKeeper at Apache's, so there is no such group; the topic's leader epoch differs.
    match key {
        ApiKey::ListGroups => tree.drop_named("groups", "group_id", "old"),
        ApiKey::Metadata => tree.drop_named("topics", "name", super::asks::STILL.0),
        _ => {}
    }
    if key == ApiKey::DescribeLogDirs {
        // How much a coordinator writes is its own matter.
        tree.visit(&mut Vec::new(), &mut |_, value| {
            if value.field("name").and_then(Tree::text) == Some("__consumer_offsets") {
                value.visit(&mut Vec::new(), &mut |path, value| {
                    if path.last().is_some_and(|name| name == "partition_size") {
                        *value = Tree::Atom("of groups".into());
                    }
                });
            }
        });
    }
    tree.visit(&mut Vec::new(), &mut |path, value| mask(key, version, path, value));
    tree.sort();
    Ok(tree)
}

/// Where there are more messages in one of two answers, only as many as in the other are compared: the limits of message
/// sets differ (docs/divergence.md).
pub fn trim_messages(one: &mut Tree, two: &mut Tree) {
    let (Some(Tree::Sequence(one)), Some(Tree::Sequence(two))) = (one.field_mut(READ), two.field_mut(READ)) else {
        return;
    };
    let least = one.len().min(two.len());
    one.truncate(least);
    two.truncate(least);
}

fn mask(key: ApiKey, version: i16, path: &[String], value: &mut Tree) {
    let name = path.iter().rev().find(|name| !name.is_empty()).map_or("", String::as_str);
    let path: Vec<&str> = path.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
    let path = path.join(".");
    if KNOWN.iter().any(|(of, known, _)| *of == key && *known == path) {
        *value = Tree::Atom("known to differ".into());
    } else if OWN.contains(&name) && !matches!(value, Tree::Sequence(_)) && value.text() != Some("of groups") {
        // Whose leader: of a partition a broker, of a group a member.
        let is_broker = name == "leader" && key != ApiKey::JoinGroup;
        let empty = matches!(value.text(), Some("" | "0" | "-1" | "None" | "AAAAAAAAAAAAAAAAAAAAAA"));
        if !is_broker {
            *value = Tree::Atom(if empty { "nothing" } else { "something" }.into());
        }
    } else if TIMES.contains(&name) && value.text().and_then(|text| text.parse().ok()) >= Some(NOW_MS) {
        *value = Tree::Atom("now".into());
    } else if key == ApiKey::DescribeConfigs
        && let Some(Tree::Atom(setting)) = value.field("name")
        && OWN_SETTINGS.contains(&setting.trim_matches('"'))
    {
        *value = Tree::Atom(format!("{setting} of this broker"));
    } else if WORDS.contains(&name) {
        // Upstream has words in some places and none in others; the code is what counts.
        *value = Tree::Atom("words".into());
    } else if key == ApiKey::Fetch && name == "records" {
        // Before version 4 these are message sets, which differ (docs/divergence.md).
        *value = Tree::Atom("see below".into());
    } else if key == ApiKey::OffsetFetch && version == 0 && name == "metadata" {
        *value = Tree::Atom("not kept in ZooKeeper".into());
    }
}

/// The messages that a fetch before version 4 gives, from the offset asked for on.
fn messages_of(body: &wire::FetchResponse, from: i64) -> Result<Tree> {
    let mut messages = Vec::new();
    for partition in body.responses.iter().flat_map(|topic| &topic.partitions) {
        let bytes = partition.records.in_memory().unwrap_or_default();
        let set = legacy::parse(&legacy::whole_messages(&bytes), RECORDS_BYTES_MAX)?;
        for message in set.messages.iter().filter(|message| message.offset >= from) {
            let timestamp = if message.timestamp_type == TimestampType::LogAppend { 0 } else { message.timestamp };
            let (offset, key, value) = (message.offset, &message.key, &message.value);
            messages.push(Tree::Atom(format!("{offset:020} format {} {timestamp} {key:?} {value:?}", set.magic)));
        }
    }
    Ok(Tree::Sequence(messages))
}

/// The records that a fetch gives: packers differ from library to library, what they have packed does not.
fn records_of(body: &wire::FetchResponse) -> Result<String> {
    let mut text = String::new();
    for partition in body.responses.iter().flat_map(|topic| &topic.partitions) {
        let bytes = partition.records.in_memory().unwrap_or_default();
        // A batch may be cut off at the end.
        for batch in Batches::new(bytes).map_while(Result::ok) {
            let header = batch.header;
            let _ = write!(
                text,
                "batch {} {:?} epoch {} sequence {} of epoch {}",
                header.base_offset,
                header.attributes,
                header.partition_leader_epoch,
                header.base_sequence,
                header.producer_epoch
            );
            let is_stamped = header.attributes.timestamp_type() == TimestampType::LogAppend;
            for record in batch.records(RECORDS_BYTES_MAX).map_err(|e| anyhow::anyhow!("{e}"))? {
                let record = record.map_err(|e| anyhow::anyhow!("{e}"))?;
                let timestamp = if is_stamped { 0 } else { record.timestamp };
                let headers: Vec<_> = record.headers().collect();
                let (offset, key, value) = (record.offset, &record.key, &record.value);
                let _ = write!(text, " ({offset} {timestamp} {key:?} {value:?} {headers:?})");
            }
        }
    }
    Ok(text)
}

/// The error codes in an answer, zero left out.
pub fn error_codes(tree: &Tree) -> Vec<i16> {
    let mut codes = Vec::new();
    tree.clone().visit(&mut Vec::new(), &mut |path, value| {
        if path.last().is_some_and(|name| name.ends_with("error_code"))
            && let Some(code) = value.text().and_then(|text| text.parse::<i16>().ok())
            && code != 0
        {
            codes.push(code);
        }
    });
    codes
}

/// What is left out, for the report.
pub fn known() -> impl Iterator<Item = String> {
    let fields = KNOWN.iter().map(|(key, path, why)| format!("{key}.{path}: {why}"));
    let pairs = KNOWN_PAIRS.iter().map(|(key, path, apache, ours, why)| {
        format!("{key}.{path} {apache} where ours is {}: {why}", ours.join(" or "))
    });
    fields.chain(pairs)
}
