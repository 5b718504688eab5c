//! Transactions and nodes as text and as JSON.

use serde_json::{Map, Value, json};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use storage::zk::inspect::snapshot::owner_words;
use zk_wire::txn::{Transaction, TxnBody};
use zk_wire::{Acl, OpCode, SnapshotNode};

/// A time as ISO 8601 in UTC; a number when no calendar has it.
pub fn time(ms: i64) -> String {
    // The year 9999.
    match u64::try_from(ms) {
        Ok(ms) if ms < 253_402_300_800_000 => {
            humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(ms)).to_string()
        }
        _ => format!("{ms} ms"),
    }
}

/// `0x` and the two's complement, as upstream prints zxids and session ids.
pub fn hex(number: i64) -> String {
    format!("{number:#x}")
}

/// Data for people: as text with escapes.
pub fn text_of(data: Option<&Bytes>) -> String {
    match data {
        None => "null".into(),
        Some(data) => format!("\"{}\"", data.escape_ascii()),
    }
}

/// Data for programs: a string when it is one, else base64 under another name.
pub fn put_data(object: &mut Map<String, Value>, data: Option<&Bytes>) {
    match data.map(|data| std::str::from_utf8(data)) {
        None => object.insert("data".into(), Value::Null),
        Some(Ok(text)) => object.insert("data".into(), text.into()),
        Some(Err(_)) => {
            use base64::Engine as _;
            let encoded = base64::engine::general_purpose::STANDARD.encode(data.map(|data| &data[..]).unwrap_or(&[]));
            object.insert("data_base64".into(), encoded.into())
        }
    };
}

/// An access control list for programs.
pub fn acl(acl: Option<&[Acl]>) -> Value {
    let entry = |acl: &Acl| json!({ "perms": acl.perms, "scheme": &*acl.id.scheme, "id": &*acl.id.id });
    acl.map_or(Value::Null, |acl| acl.iter().map(entry).collect())
}

/// A transaction for programs, without its place in the file.
pub fn transaction(txn: &Transaction, with_data: bool) -> Map<String, Value> {
    let header = &txn.header;
    let mut object = Map::new();
    object.insert("time".into(), time(header.time_ms).into());
    object.insert("time_ms".into(), header.time_ms.into());
    object.insert("session".into(), hex(header.client_id.0).into());
    object.insert("cxid".into(), header.cxid.into());
    object.insert("type".into(), name(header.opcode).into());
    put_body(&mut object, &txn.body, with_data);
    if let Some(digest) = &txn.digest {
        object.insert("digest".into(), json!({ "version": digest.version, "value": digest.tree_digest }));
    }
    object
}

fn put_body(object: &mut Map<String, Value>, body: &TxnBody, with_data: bool) {
    let mut put = |key: &str, value: Value| drop(object.insert(key.into(), value));
    let mut data = None;
    match body {
        TxnBody::CreateSession(txn) => put("timeout_ms", txn.timeout_ms.into()),
        TxnBody::CloseSession(txn) => {
            let paths = txn.as_ref().and_then(|txn| txn.paths_to_delete.as_ref());
            put("paths", paths.map_or(Value::Null, |paths| paths.iter().map(|path| &**path).collect()));
        }
        TxnBody::Create(txn) => {
            put("path", (&*txn.path).into());
            put("acl", acl(txn.acl.as_deref()));
            put("ephemeral", txn.ephemeral.into());
            put("parent_cversion", txn.parent_cversion.into());
            data = Some(txn.data.as_ref());
        }
        TxnBody::CreateV0(txn) => {
            put("path", (&*txn.path).into());
            put("acl", acl(txn.acl.as_deref()));
            put("ephemeral", txn.ephemeral.into());
            data = Some(txn.data.as_ref());
        }
        TxnBody::CreateTtl(txn) => {
            put("path", (&*txn.path).into());
            put("acl", acl(txn.acl.as_deref()));
            put("parent_cversion", txn.parent_cversion.into());
            put("ttl_ms", txn.ttl_ms.into());
            data = Some(txn.data.as_ref());
        }
        TxnBody::CreateContainer(txn) => {
            put("path", (&*txn.path).into());
            put("acl", acl(txn.acl.as_deref()));
            put("parent_cversion", txn.parent_cversion.into());
            data = Some(txn.data.as_ref());
        }
        TxnBody::Delete(txn) => put("path", (&*txn.path).into()),
        TxnBody::SetData(txn) => {
            put("path", (&*txn.path).into());
            put("version", txn.version.into());
            data = Some(txn.data.as_ref());
        }
        TxnBody::SetAcl(txn) => {
            put("path", (&*txn.path).into());
            put("acl", acl(txn.acl.as_deref()));
            put("version", txn.version.into());
        }
        TxnBody::Check(txn) => {
            put("path", (&*txn.path).into());
            put("version", txn.version.into());
        }
        TxnBody::Multi(parts) => {
            let part = |(opcode, body): &(OpCode, TxnBody)| {
                let mut object = Map::new();
                object.insert("type".into(), opcode.name().into());
                put_body(&mut object, body, with_data);
                Value::Object(object)
            };
            put("parts", parts.iter().map(part).collect());
        }
        TxnBody::Error(txn) => put("error", txn.err.into()),
    }
    if let Some(data) = data {
        put("data_length", data.map_or(Value::Null, |data| data.len().into()));
        if with_data {
            put_data(object, data);
        }
    }
}

fn name(opcode: i32) -> String {
    match OpCode(opcode).name() {
        "" => opcode.to_string(),
        name => name.to_owned(),
    }
}

/// A transaction's body in a few words.
pub fn body(opcode: i32, body: &TxnBody, with_data: bool) -> String {
    let data = |data: &Option<Bytes>| match with_data {
        true => text_of(data.as_ref()),
        false => data.as_ref().map_or("null".to_owned(), |data| format!("{} bytes", data.len())),
    };
    let what = name(opcode);
    match body {
        TxnBody::CreateSession(txn) => format!("{what} timeout {} ms", txn.timeout_ms),
        TxnBody::CloseSession(txn) => {
            let paths = txn.as_ref().and_then(|txn| txn.paths_to_delete.as_deref()).unwrap_or_default();
            paths.iter().fold(what, |line, path| format!("{line} {}", path.escape_debug()))
        }
        TxnBody::Create(txn) => {
            let kind = if txn.ephemeral { "ephemeral, " } else { "" };
            format!("{what} {} ({kind}{})", txn.path.escape_debug(), data(&txn.data))
        }
        TxnBody::CreateV0(txn) => format!("{what} {} ({})", txn.path.escape_debug(), data(&txn.data)),
        TxnBody::CreateTtl(txn) => {
            format!("{what} {} (ttl {} ms, {})", txn.path.escape_debug(), txn.ttl_ms, data(&txn.data))
        }
        TxnBody::CreateContainer(txn) => format!("{what} {} ({})", txn.path.escape_debug(), data(&txn.data)),
        TxnBody::Delete(txn) => format!("{what} {}", txn.path.escape_debug()),
        TxnBody::SetData(txn) => {
            format!("{what} {} version {} ({})", txn.path.escape_debug(), txn.version, data(&txn.data))
        }
        TxnBody::SetAcl(txn) => {
            let entry = |acl: &Acl| format!("{}:{}:{}", acl.id.scheme, acl.id.id, acl.perms).escape_debug().to_string();
            let entries: Vec<String> = txn.acl.iter().flatten().map(entry).collect();
            format!("{what} {} version {} [{}]", txn.path.escape_debug(), txn.version, entries.join(", "))
        }
        TxnBody::Check(txn) => format!("{what} {} version {}", txn.path.escape_debug(), txn.version),
        TxnBody::Multi(parts) => {
            let part = |(opcode, part): &(OpCode, TxnBody)| self::body(opcode.0, part, with_data);
            let parts: Vec<String> = parts.iter().map(part).collect();
            format!("{what} {{ {} }}", parts.join("; "))
        }
        TxnBody::Error(txn) => format!("{what} {}", txn.err),
    }
}

/// Whether a transaction is about the subtree at `prefix`.
pub fn touches(body: &TxnBody, prefix: &str) -> bool {
    let inside = |path: &str| {
        path == prefix || prefix == "/" || path.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('/'))
    };
    match body {
        TxnBody::CreateSession(_) | TxnBody::Error(_) => false,
        TxnBody::CloseSession(txn) => {
            txn.iter().flat_map(|txn| txn.paths_to_delete.iter().flatten()).any(|path| inside(path))
        }
        TxnBody::Create(txn) => inside(&txn.path),
        TxnBody::CreateV0(txn) => inside(&txn.path),
        TxnBody::CreateTtl(txn) => inside(&txn.path),
        TxnBody::CreateContainer(txn) => inside(&txn.path),
        TxnBody::Delete(txn) => inside(&txn.path),
        TxnBody::SetData(txn) => inside(&txn.path),
        TxnBody::SetAcl(txn) => inside(&txn.path),
        TxnBody::Check(txn) => inside(&txn.path),
        TxnBody::Multi(parts) => parts.iter().any(|(_, part)| touches(part, prefix)),
    }
}

/// A node for programs, under the names that clients have for its numbers.
pub fn node(path: &str, node: &SnapshotNode, with_data: bool) -> Map<String, Value> {
    let stat = &node.stat;
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| drop(object.insert(key.into(), value));
    put("path", path.into());
    put("czxid", hex(stat.czxid.0).into());
    put("mzxid", hex(stat.mzxid.0).into());
    put("pzxid", hex(stat.pzxid.0).into());
    put("ctime_ms", stat.ctime.into());
    put("mtime_ms", stat.mtime.into());
    put("version", stat.version.into());
    put("cversion", stat.cversion.into());
    put("aversion", stat.aversion.into());
    put("ephemeral_owner", hex(stat.ephemeral_owner).into());
    put("acl_id", node.acl.into());
    put("data_length", node.data.as_ref().map_or(Value::Null, |data| data.len().into()));
    if with_data {
        put_data(&mut object, node.data.as_ref());
    }
    object
}

/// A node for people, on a line.
pub fn node_line(path: &str, node: &SnapshotNode, with_data: bool) -> String {
    let stat = &node.stat;
    let mut line = format!(
        "{} czxid {:#x} mzxid {:#x} pzxid {:#x} mtime {} version {} cversion {} aversion {}",
        path.escape_debug(),
        stat.czxid.0,
        stat.mzxid.0,
        stat.pzxid.0,
        time(stat.mtime),
        stat.version,
        stat.cversion,
        stat.aversion,
    );
    if stat.ephemeral_owner != 0 {
        line += &format!(" {}", owner_words(stat.ephemeral_owner));
    }
    match with_data {
        true => line + " " + &text_of(node.data.as_ref()),
        false => line + &node.data.as_ref().map_or(" null".into(), |data| format!(" {} bytes", data.len())),
    }
}
