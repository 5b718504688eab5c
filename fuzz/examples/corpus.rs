//! Writes the first inputs of every target below `corpus/`, from the captures and folders in `fixtures/`:
//! `cargo +nightly run --release --example corpus`.

use std::fs;
use std::path::{Path, PathBuf};

use base::Reader;
use bytes::Bytes;
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

fn texts(corpus: &Corpus) -> std::io::Result<()> {
    for (which, text) in ["7", "0", "", "-1", "4294967296"].iter().enumerate() {
        corpus.add("zk_small_files", &[&[which as u8], text.as_bytes()].concat())?;
    }
    let cfg = "# a comment\ntickTime=2000\ninitLimit=10\ndataDir=/data\nclientPort=2181\nautopurge.purgeInterval=1\n\
               server.1=a:2888:3888;2181\nadmin.enableServer=false\n4lw.commands.whitelist=*\nsecureClientPort=2281\n";
    corpus.add("zoo_cfg", &[&[0], cfg.as_bytes()].concat())?;
    let properties =
        "broker.id=0\nlog.dirs=/kafka\nlisteners=PLAINTEXT://:9092\nzookeeper.connect=a:2181,b:2181/x\\\n  y\n";
    corpus.add("zoo_cfg", &[&[1], properties.as_bytes()].concat())?;
    corpus.add("zoo_cfg", b"\x02-Dzookeeper.extendedTypesEnabled=true '-Dreadonlymode.enabled=\"x y\"' -Xmx1g")?;
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
