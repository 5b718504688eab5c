//! Writes the first inputs of every target below `corpus/`, from the captures and folders in `fixtures/`:
//! `cargo +nightly run --release --example corpus`.

use std::fs;
use std::path::{Path, PathBuf};

use base::Reader;
use bytes::Bytes;
use castlekeep_fuzz::LOG_FOLDER;
use keeper::op::SERVED;
use zk_wire::{Jute, RequestHeader};

fn main() -> std::io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = Corpus(root.join("corpus"));
    let fixtures = root.join("../fixtures");
    for name in ["kazoo", "java-shell", "kafka-broker"] {
        zookeeper_capture(&corpus, &fs::read(fixtures.join(format!("zookeeper/{name}.cap")))?.into())?;
    }
    for name in ["kafka-python", "confluent", "java-tools", "broker-pair-0"] {
        for (_, frame) in client_frames(&fs::read(fixtures.join(format!("kafka/{name}.cap")))?.into()) {
            corpus.add("kafka_request", &frame)?;
        }
    }
    data_folder(&corpus, &fixtures.join("zookeeper/data-3.9.5/version-2"))?;
    log_folder(&corpus, &fixtures.join("kafka"))?;
    znodes(&corpus)?;
    texts(&corpus)
}

struct Corpus(PathBuf);

impl Corpus {
    fn add(&self, target: &str, content: &[u8]) -> std::io::Result<()> {
        let dir = self.0.join(target);
        fs::create_dir_all(&dir)?;
        let sum = base::checksum::adler32(content);
        fs::write(dir.join(format!("seed-{sum:08x}-{}", content.len())), content)
    }
}

/// What clients sent, with the number of the connection (the format is in `fixtures/README.md`).
fn client_frames(capture: &Bytes) -> Vec<(u32, Bytes)> {
    let line_end = capture.iter().position(|byte| *byte == b'\n').expect("a first line");
    let mut r = Reader::new(capture.slice(line_end + 1..));
    let mut frames = Vec::new();
    while !r.is_empty() {
        let conn = r.u32().expect("a connection");
        let from_client = r.u8().expect("a direction") == b'>';
        let len = r.u32().expect("a length") as usize;
        let frame = r.slice(len).expect("the payload");
        if from_client {
            frames.push((conn, frame));
        }
    }
    frames
}

fn zookeeper_capture(corpus: &Corpus, capture: &Bytes) -> std::io::Result<()> {
    let frames = client_frames(capture);
    let mut connected = std::collections::BTreeSet::new();
    let mut conversation = Vec::new();
    for (conn, frame) in &frames {
        if connected.insert(*conn) {
            corpus.add("zk_request", &[&[0], &frame[..]].concat())?;
            corpus.add("zk_port", &[&(frame.len() as u32).to_be_bytes(), &frame[..]].concat())?;
            continue;
        }
        corpus.add("zk_request", &[&[1], &frame[..]].concat())?;
        let mut r = Reader::new(frame.clone());
        let Ok(header) = RequestHeader::decode(&mut r) else { continue };
        let body = r.rest();
        let index = SERVED.iter().position(|(opcode, _)| opcode.0 == header.opcode);
        if let (Some(index), Ok(len)) = (index, u8::try_from(body.len())) {
            let request = [&[index as u8, len], &body[..]].concat();
            corpus.add("keeper_requests", &request)?;
            conversation.extend_from_slice(&request);
        }
    }
    for piece in conversation.chunks(2000) {
        corpus.add("keeper_requests", piece)?;
    }
    corpus.add("keeper_requests", &conversation[..conversation.len().min(4000)])
}

/// Logs and snapshots that Apache wrote.
fn data_folder(corpus: &Corpus, dir: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_string();
        let content = fs::read(&path)?;
        let used = content.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        if name.starts_with("log.") {
            corpus.add("zk_log_file", &[&[0], &content[..used]].concat())?;
            corpus.add("zk_log_file", &[&[1], &payloads(&content)[..]].concat())?;
        } else if name.starts_with("snapshot.") {
            corpus.add("zk_snapshot_file", &[&[0], &content[..]].concat())?;
            corpus.add("admin_port", &[&[1], &content[..]].concat())?;
            let records = content.len().saturating_sub(13 * 3);
            corpus.add("zk_snapshot_file", &[&[3], &content[16.min(records)..records]].concat())?;
        }
    }
    Ok(())
}

/// The payloads of a log with a byte of length in front of each that fits.
fn payloads(content: &[u8]) -> Vec<u8> {
    let (mut at, mut all) = (16, Vec::new());
    while let Some(head) = content.get(at..at + 12) {
        let len = u32::from_be_bytes(head[8..].try_into().expect("four bytes")) as usize;
        let Some(payload) = content.get(at + 12..at + 12 + len).filter(|payload| !payload.is_empty()) else { break };
        if let Ok(len) = u8::try_from(len) {
            all.push(len);
            all.extend_from_slice(payload);
        }
        at += 13 + len;
    }
    all
}

/// Each partition of each log folder as the one of `kafka_files`.
fn log_folder(corpus: &Corpus, fixtures: &Path) -> std::io::Result<()> {
    for folder in ["log-3.9.2", "logs/killed-3.9.2"].map(|folder| fixtures.join(folder)) {
        for partition in fs::read_dir(&folder)? {
            let partition = partition?.path();
            if !partition.is_dir() {
                continue;
            }
            let mut all = Vec::new();
            for (which, name) in LOG_FOLDER.iter().enumerate() {
                let path = match name.strip_prefix("t-0/") {
                    Some(name) => partition.join(name),
                    None => folder.join(name),
                };
                if let Ok(content) = fs::read(path) {
                    all.push(which as u8);
                    all.extend_from_slice(&(content.len() as u16).to_be_bytes());
                    all.extend_from_slice(&content);
                }
            }
            for how in 0..4 {
                corpus.add("kafka_files", &[&[how], &all[..]].concat())?;
            }
        }
    }
    Ok(())
}

/// A document of each kind, numbered as in `kafka_znodes`.
fn znodes(corpus: &Corpus) -> std::io::Result<()> {
    let documents = [
        r#"{"version":5,"host":"h","port":9092,"jmx_port":-1,"timestamp":"1710","endpoints":["S://[::1]:9092"],"rack":"r","listener_security_protocol_map":{"S":"SASL_SSL"},"features":{"f":{"min_version":1,"max_version":3}}}"#,
        r#"{"version":2,"brokerid":1,"timestamp":"1710","kraftControllerEpoch":-1}"#,
        "7",
        r#"{"version":"1","id":"abc"}"#,
        r#"{"version":3,"partitions":{"0":[1,2,3],"9":[3]},"adding_replicas":{"0":[3]},"removing_replicas":{},"topic_id":"AAAAAAAAAAAAAAAAAAAAAQ"}"#,
        r#"{"version":1,"leader":1,"leader_epoch":3,"controller_epoch":7,"isr":[1,2],"leader_recovery_state":1}"#,
        r#"{"version":1,"config":{"b":"2","a":1,"c":true}}"#,
        r#"{"version":2,"entity_path":"topics/t"}"#,
        r#"{"version":2,"status":1,"features":{"f":3}}"#,
        r#"{"version":1,"partitions":[{"topic":"t","partition":3}]}"#,
        r#"{"version":1,"broker":4,"event":1}"#,
        r#"{"version":1,"partitions":[{"topic":"t","partition":3}]}"#,
        r#"{"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[1,2]}]}"#,
        r#"{"version":1,"broker":1,"block_start":"0","block_end":"999"}"#,
        "a%20b",
    ];
    for (which, text) in documents.iter().enumerate() {
        corpus.add("kafka_znodes", &[&[which as u8], text.as_bytes()].concat())?;
    }
    corpus.add("kafka_znodes", b"\x00{\"version\":1,\"host\":\"h\",\"port\":\"9092\",\"jmx_port\":9999}")
}

fn texts(corpus: &Corpus) -> std::io::Result<()> {
    for (which, text) in ["7", "0", "", "-1", "4294967296"].iter().enumerate() {
        corpus.add("zk_small_files", &[&[which as u8], text.as_bytes()].concat())?;
    }
    let cfg = "# a comment\ntickTime=2000\ninitLimit=10\ndataDir=/data\nclientPort=2181\nautopurge.purgeInterval=1\n\
               server.1=a:2888:3888;2181\nadmin.enableServer=false\n4lw.commands.whitelist=*\nsecureClientPort=2281\n";
    corpus.add("zoo_cfg", &[&[0], cfg.as_bytes()].concat())?;
    let member = "tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir=/data\nclientPort=2181\nserver.1=a:2888:3888\n\
                  server.2=b:2888:3888:observer;0.0.0.0:2181\nserver.3=c:1:2|d:1:2\ngroup.1=1:2\nweight.1=2\n\
                  peerType=participant\nmultiAddress.enabled=true\nstandaloneEnabled=false\n\0001";
    corpus.add("zoo_cfg", &[&[0], member.as_bytes()].concat())?;
    let moved = "initLimit=10\nsyncLimit=5\ndataDir=/data\ndynamicConfigFile=zoo.cfg.dynamic.100000000\n\0\
                 server.1=a:1:2:participant;2181\nserver.2=b:1:2:participant;2181\n";
    corpus.add("zoo_cfg", &[&[0], moved.as_bytes()].concat())?;
    corpus.add("zoo_cfg", b"\x01-Dzookeeper.extendedTypesEnabled=true '-Dreadonlymode.enabled=\"x y\"' -Xmx1g")?;
    let properties = "broker.id=0\nlog.dirs=/kafka,/k2\nlisteners=PLAINTEXT://:9092,INNER://[::1]:9093\n\
                      listener.security.protocol.map=PLAINTEXT:PLAINTEXT,INNER:PLAINTEXT\n\
                      zookeeper.connect=a:2181,b:2181/x\\\n  y\nlog.retention.hours=1\ncleanup.policy=compact,delete\n";
    corpus.add("server_properties", properties.as_bytes())?;
    for text in ["count=5,bytes=9", "count=5,bytes=9=;byteHardLimit=8;countHardLimit=7", "count=-1,bytes=-1"] {
        corpus.add("quota_text", text.as_bytes())?;
    }
    for (scheme, text) in [
        (0, "user:secret"),
        (0, "super:admin"),
        (1, "10.0.0.0/8"),
        (1, "fe80::1/10"),
        (2, "anyone"),
        (3, ""),
        (4, "x:y"),
    ] {
        corpus.add("identities", &[&[scheme], text.as_bytes()].concat())?;
    }
    for word in server::zk::four_letter::words() {
        corpus.add("zk_port", word.as_bytes())?;
    }
    corpus.add("zk_port", b"stmk\0\0\0\0\0\0\0\x01")?;
    for name in ["digest a:b", "ip", "digest", "world x", "digest a:b c"] {
        corpus.add("admin_port", format!("snapshot?streaming=true\n{name}").as_bytes())?;
        corpus.add("admin_port", format!("snap?streaming=false\n{name}").as_bytes())?;
    }
    for request in
        ["monitor", "stat?x=1", "watches_by_path\nDigest user:secret", "restore?a=b&c=%20\nBasic dXNlcjpwYXNz"]
    {
        corpus.add("admin_port", request.as_bytes())?;
    }
    corpus.add("admin_port", b"\0POST /commands/restore HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc")
}
