//! The AdminServer over a real socket: commands, who may run them, snapshots and restores.

mod zk;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use server::http::HttpHandle;
use server::http::admin::{AdminOptions, commands};
use server::zk::{ZkServerConfig, ZkServerHandle};
use zk::Client;
use zk_wire::{Acl, ConnectRequest, ErrorCode, Id, Jute, OpCode, SetAclRequest};

const BOB: &str = "Authorization: digest bob:pw\r\n";

struct Servers {
    zk: ZkServerHandle,
    http: HttpHandle,
}

impl Servers {
    async fn start(dir: &std::path::Path, options: AdminOptions) -> Self {
        let config = ZkServerConfig { admin: options, ..ZkServerConfig::embedded(dir, 0) };
        let zk = server::zk::start(config).await.expect("the keeper starts");
        let http = server::http::start(&["127.0.0.1:0".parse().unwrap()], vec![Arc::new(zk.admin())]).await.unwrap();
        Self { zk, http }
    }

    fn addresses(&self) -> (SocketAddr, SocketAddr) {
        (self.zk.local_addrs()[0], self.http.local_addrs()[0])
    }

    async fn stop(self) {
        self.http.shutdown().await;
        self.zk.shutdown().await.unwrap();
    }
}

fn free() -> AdminOptions {
    AdminOptions { rate_limiter_interval: Duration::ZERO, ..AdminOptions::default() }
}

/// An answer: its status, its head, its body.
struct Answer {
    status: u16,
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.body.escape_ascii()))
    }

    fn error(&self) -> String {
        self.json()["error"].as_str().unwrap_or_default().to_string()
    }
}

fn ask(addr: SocketAddr, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
    let mut socket = TcpStream::connect(addr).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let len = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len}\r\n{headers}\r\n");
    socket.write_all(head.as_bytes()).unwrap();
    // A server that has seen enough closes before all of it is sent.
    let _ = socket.write_all(body);
    let mut all = Vec::new();
    let _ = socket.read_to_end(&mut all);
    let at = all.windows(4).position(|window| window == b"\r\n\r\n").expect("a head");
    let head = String::from_utf8(all[..at].to_vec()).unwrap();
    let body = all.split_off(at + 4);
    let body = if head.contains("transfer-encoding: chunked") { unchunked(&body) } else { body };
    Answer { status: head[9..12].parse().unwrap(), head, body }
}

fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let end = bytes.windows(2).position(|window| window == b"\r\n").expect("a chunk's length");
        let len = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        if len == 0 {
            return out;
        }
        out.extend_from_slice(&bytes[end + 2..end + 2 + len]);
        bytes = &bytes[end + 4 + len..];
    }
}

fn get(addr: SocketAddr, path: &str) -> Answer {
    ask(addr, "GET", path, "", b"")
}

async fn blocking(body: impl FnOnce() + Send + 'static) {
    tokio::task::spawn_blocking(body).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_answers_under_every_name() {
    let dir = tempfile::tempdir().unwrap();
    let servers = Servers::start(dir.path(), free()).await;
    let (zk, http) = servers.addresses();
    blocking(move || {
        let mut client = Client::new(zk);
        client.create("/a", b"x", 1);
        let list = String::from_utf8(get(http, "/commands").body).unwrap();
        for command in commands() {
            assert!(list.contains(&format!("<a href=\"/commands/{0}\">{0}</a>\n<br/>\n", command.name())), "{list}");
            for name in command.names.iter().filter(|_| !command.needs_authorization) {
                let answer = get(http, &format!("/commands/{name}?traceMask=7"));
                let json = answer.json();
                assert_eq!((answer.status, json["command"].as_str()), (200, Some(command.name())), "{name}");
                assert!(json["error"].is_null() || *name == "leader" || *name == "lead", "{name}: {json}");
            }
        }
        assert_eq!(get(http, "/commands/nope").error(), "Unknown command: nope");
        assert_eq!(get(http, "/commands/ruok/x").error(), "Unknown command: ruok/x");
        assert_eq!(ask(http, "POST", "/commands/ruok", "", b"x").status, 405);
        assert_eq!(ask(http, "DELETE", "/commands/ruok", "", b"").status, 405);
        assert_eq!(get(http, "/commands/gtmk").json()["tracemask"], 7);
        let bad = get(http, "/commands/stmk?traceMask=a").error();
        assert_eq!(bad, "setTraceMask requires long traceMask argument, got a");
        let stats = get(http, "/commands/stat").json();
        assert_eq!((stats["node_count"].as_i64(), stats["connections"].as_array().map(Vec::len)), (Some(6), Some(1)));
        let dump = get(http, "/commands/dump").json();
        let session = client.session.session.0.to_string();
        assert_eq!(dump["session_id_to_ephemeral_paths"][session][0], "/a");
        assert_eq!(get(http, "/commands/srst").status, 200);
        assert_eq!(get(http, "/commands/monitor").json()["packets_received"], 0);
    })
    .await;
    servers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_may_do_everything_takes_a_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let servers = Servers::start(dir.path(), free()).await;
    let (zk, http) = servers.addresses();
    blocking(move || {
        let with = |header: &str| ask(http, "GET", "/commands/snapshot?streaming=false", header, b"");
        let answer = with("");
        assert_eq!((answer.status, answer.error().as_str()), (401, "Auth info is missing for the command"));
        for header in ["digest", "foo bar", "digest a:b c", ""] {
            let answer = with(&format!("Authorization: {header}\r\n"));
            assert_eq!((answer.status, answer.error().as_str()), (401, "Not authenticated"), "{header:?}");
        }
        let answer = with(BOB);
        assert_eq!((answer.status, answer.json()["error"].is_null()), (200, true));
        assert!(answer.head.contains("last_zxid: 0x0") && answer.head.contains("snapshot_size: "), "{}", answer.head);
        let mut client = Client::new(zk);
        let ann = keeper::auth::digest_id(keeper::Config::default().digest_alg, "ann:pw");
        let only_ann = Acl { perms: 31, id: Id { scheme: "digest".into(), id: ann.as_str().into() } };
        let request = SetAclRequest { path: "/".into(), acl: Some(vec![only_ann]), version: -1 };
        assert_eq!(client.call(OpCode::SET_ACL, &request.to_bytes()).0.err, 0);
        let answer = with(BOB);
        assert_eq!((answer.status, answer.error().as_str()), (403, "Not authorized"));
        assert_eq!(with("Authorization: digest ann:pw\r\n").status, 200);
        assert_eq!(with("Authorization: ip\r\n").status, 403);
    })
    .await;
    servers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_brings_back_what_was_and_survives_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let servers = Servers::start(dir.path(), free()).await;
    let (zk, http) = servers.addresses();
    blocking(move || {
        let mut client = Client::new(zk);
        assert_eq!(client.create("/kept", b"data", 0), 0);
        let snapshot = ask(http, "GET", "/commands/snapshot", BOB, b"");
        assert_eq!(snapshot.status, 200);
        assert!(snapshot.head.contains("content-type: application/octet-stream"), "{}", snapshot.head);
        assert!(snapshot.head.contains(&format!("snapshot_size: {}", snapshot.body.len())), "{}", snapshot.head);
        assert_eq!(client.create("/later", b"", 0), 0);
        let restored = ask(http, "POST", "/commands/restore", BOB, &snapshot.body);
        assert_eq!((restored.status, restored.json()["last_zxid"].as_i64()), (200, Some(4)), "behind zxid 3");
        assert!(zk::read_frame(&mut client.socket).is_none(), "connections end");
        let (session, passwd) = (client.session.session, client.session.passwd.clone());
        let request =
            ConnectRequest { timeout_ms: 30_000, session, passwd, read_only: Some(false), ..ConnectRequest::default() };
        let mut client = Client::resume(zk, &request);
        assert!(client.session.timeout_ms > 0, "the session is in the snapshot");
        assert_eq!(client.get("/kept").unwrap(), "data");
        assert_eq!(client.get("/later"), Err(ErrorCode::NO_NODE.0));
        assert_eq!(client.create("/after", b"", 0), 0);
    })
    .await;
    servers.http.shutdown().await;
    servers.zk.abort().await.unwrap();
    let server = zk::start(dir.path()).await;
    let addr = server.local_addrs()[0];
    blocking(move || {
        let mut client = Client::new(addr);
        assert_eq!(client.get("/kept").unwrap(), "data");
        assert_eq!(client.get("/later"), Err(ErrorCode::NO_NODE.0));
        assert!(client.get("/after").is_ok());
    })
    .await;
    server.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_snapshot_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let servers = Servers::start(dir.path(), free()).await;
    let (zk, http) = servers.addresses();
    blocking(move || {
        let mut client = Client::new(zk);
        assert_eq!(client.create("/here", b"", 0), 0);
        let good = ask(http, "GET", "/commands/snapshot", BOB, b"").body;
        let mut flipped = good.clone();
        flipped[good.len() / 2] ^= 1;
        let mut lengths = good[..20].to_vec();
        lengths.extend_from_slice(&[0x7f; 4000]);
        let nothing_useful: [&[u8]; 7] =
            [b"", b"garbage", &good[..good.len() / 2], &flipped, &lengths, &[0; 1 << 18], &[0x1f, 0x8b, 8, 0, 1, 2, 3]];
        for bytes in nothing_useful {
            let answer = ask(http, "POST", "/commands/rest", BOB, bytes);
            assert_eq!(answer.status, 500);
            assert!(answer.error().ends_with("nothing has changed"), "{}", answer.error());
        }
        assert!(client.get("/here").is_ok(), "the connection and its session are as they were");
        let monitor = get(http, "/commands/monitor").json();
        assert_eq!((monitor["restore_error_count"].as_i64(), monitor["cnt_restore_time"].as_i64()), (Some(7), Some(0)));
    })
    .await;
    servers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn switches_limits_and_another_path() {
    let dir = tempfile::tempdir().unwrap();
    let options = AdminOptions { restore_enabled: false, command_url: "/zk/admin".into(), ..AdminOptions::default() };
    let servers = Servers::start(dir.path(), options).await;
    let (_, http) = servers.addresses();
    blocking(move || {
        assert_eq!(get(http, "/commands/ruok").status, 404);
        assert_eq!(get(http, "/zk/admin/ruok").status, 200);
        assert!(String::from_utf8(get(http, "/zk/admin/").body).unwrap().contains("href=\"/zk/admin/ruok\""));
        assert_eq!(ask(http, "POST", "/zk/admin/restore", BOB, b"").status, 503);
        let snapshot = || ask(http, "GET", "/zk/admin/snapshot?streaming=false", BOB, b"").status;
        assert_eq!((snapshot(), snapshot()), (200, 429));
        assert_eq!(get(http, "/zk/admin/monitor").json()["snapshot_rate_limited_count"], 1);
    })
    .await;
    servers.stop().await;
}

/// What Apache ZooKeeper 3.9.5 answered to each command: keys, and the types of their values.
const SHAPES: &str = include_str!("fixtures/apache-3.9.5-admin-shapes.json");

/// Keys and types of a value; the keys of maps from ids and paths are no part of it.
fn shape(value: &serde_json::Value, key: &str) -> serde_json::Value {
    use serde_json::{Value, json};
    match value {
        Value::Null => json!("null"),
        Value::Bool(_) => json!("boolean"),
        Value::Number(number) => json!(if number.is_f64() { "decimal" } else { "whole" }),
        Value::String(_) => json!("text"),
        Value::Array(items) => Value::Array(items.first().map(|item| shape(item, "")).into_iter().collect()),
        Value::Object(fields) if key.contains("_to_") => {
            Value::Object(fields.values().map(|field| ("*".to_string(), shape(field, ""))).collect())
        }
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(key, field)| (key.clone(), shape(field, key))).collect())
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_have_apaches_keys_and_types() {
    let dir = tempfile::tempdir().unwrap();
    let servers = Servers::start(dir.path(), free()).await;
    let (zk, http) = servers.addresses();
    blocking(move || {
        let mut client = Client::new(zk);
        client.create("/a", b"", 1);
        let watched = zk_wire::ExistsRequest { path: "/zz".into(), watch: true };
        client.call(OpCode::EXISTS, &watched.to_bytes());
        for n in 0..130 {
            client.set("/a", &[n]);
        }
        let serde_json::Value::Object(shapes) = serde_json::from_str(SHAPES).unwrap() else { panic!("no object") };
        for (command, mut apache) in shapes {
            let mut ours = shape(&get(http, &format!("/commands/{command}?traceMask=1")).json(), "");
            let (apache_keys, our_keys) = (apache.as_object_mut().unwrap(), ours.as_object_mut().unwrap());
            // What cannot be here, or is not yet, stands in docs/compatibility.md; nothing may be here that Apache lacks.
            if matches!(command.as_str(), "environment" | "monitor") {
                apache_keys.retain(|key, _| our_keys.contains_key(key));
            }
            assert_eq!(ours, apache, "{command}");
        }
    })
    .await;
    servers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_apache_streamed_is_restored() {
    let dir = tempfile::tempdir().unwrap();
    let servers = Servers::start(dir.path(), free()).await;
    let (zk, http) = servers.addresses();
    blocking(move || {
        let stream = include_bytes!("fixtures/apache-3.9.5.snapshot");
        let restored = ask(http, "POST", "/commands/restore", BOB, stream);
        assert_eq!((restored.status, restored.json()["last_zxid"].as_i64()), (200, Some(0x144)));
        let mut client = Client::new(zk);
        assert_eq!(client.get("/a").unwrap(), "299");
        assert_eq!(client.get("/sec"), Err(ErrorCode::NO_AUTH.0));
        assert_eq!(zk::word(zk, "srvr").lines().last(), Some("Node count: 11"));
    })
    .await;
    servers.stop().await;
}
