//! One ZooKeeper data folder under Apache's servers and ours in turn. After each hop the whole tree is what the server
//! before had shown: data, every field of every stat, lists. Each server compares the digest of every transaction that
//! it replays. Snapshots are taken while clients write, and the folder is left by a stop, by kill -9, or by kill -9
//! amid writes, of which no acknowledged one may be gone.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use zk_wire::multi::{MultiOp, MultiRequest};
use zk_wire::{
    Acl, CreateRequest, DeleteRequest, ErrorCode, GetDataRequest, Id, OpCode, SessionId, SetDataRequest, perms,
};

use super::servers::{castlekeep, stop_cleanly};
use super::zk_client::{Dump, EPHEMERAL, SEQUENCE, ZkClient, create_request, differences, open_acl};
use crate::apache::{self, ZooKeeperOptions};
use crate::probe;
use crate::process::{Server, run_ok, wait_for};

const START_DEADLINE: Duration = Duration::from_secs(60);
const WRITERS: usize = 4;
const TTL_MS: i64 = 3_600_000;
/// Roots of what changes while a server is killed.
const LOAD: &str = "/load";

/// Whose server has the folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Who {
    Ours,
    /// Apache's, by its set of jars.
    Apache(&'static str),
}

/// How it leaves it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Stop,
    Kill,
    KillAmidWrites,
}

struct Hop {
    who: Who,
    /// `snapshot.compression.method`
    compression: &'static str,
    end: End,
    batches: usize,
}

const APACHE: Who = Who::Apache("zookeeper");

const fn hop(who: Who, compression: &'static str, end: End, batches: usize) -> Hop {
    Hop { who, compression, end, batches }
}

const SHORT: [Hop; 6] = [
    hop(APACHE, "", End::Stop, 30),
    hop(Who::Ours, "gz", End::KillAmidWrites, 30),
    hop(APACHE, "snappy", End::Kill, 30),
    hop(Who::Ours, "snappy", End::Kill, 30),
    hop(Who::Ours, "", End::Stop, 30),
    hop(APACHE, "gz", End::Stop, 30),
];

/// Releases before 3.7 do not apply a create2 within a multi, neither ours nor that of 3.9.5: their Java client never
/// sends one.
const WITHOUT_CREATE2_IN_MULTI: Who = Who::Apache("zookeeper-3.6");

const METHODS: [&str; 3] = ["", "gz", "snappy"];
const ENDS: [End; 3] = [End::Stop, End::KillAmidWrites, End::Kill];
/// Older releases, whose server opens ours and leaves it to ours again.
const RELEASES: [&str; 3] = ["zookeeper-3.6", "zookeeper-3.7", "zookeeper-3.8"];
const ALTERNATIONS: usize = 10;

/// Makes the part of a multi that creates a node.
type InMulti = fn(CreateRequest) -> MultiOp;

/// What one server leaves for the next.
struct Left {
    /// The tree; after writes were cut off, without the part that they changed.
    tree: Option<Dump>,
    /// Acknowledged writes below [`LOAD`]: the data, or that the node is gone.
    acknowledged: BTreeMap<String, Option<Bytes>>,
    /// How a multi creates nodes.
    in_multi: InMulti,
    /// A session that was left open, and its nodes.
    session: Option<(SessionId, Vec<String>)>,
}

/// Six hops.
pub fn run(dir: &Path) -> Result<String> {
    in_turn(dir, &SHORT)
}

/// Ten alternations, then a hop to each older release and back.
pub fn run_full(dir: &Path) -> Result<String> {
    for release in RELEASES {
        apache::fetch_one(release)?;
    }
    let mut hops = Vec::new();
    for turn in 0..2 * ALTERNATIONS {
        let who = if turn % 2 == 0 { APACHE } else { Who::Ours };
        // The two cycles have the same length and shift against each other at each round.
        hops.push(hop(who, METHODS[turn % 3], ENDS[(turn + turn / 3) % 3], 60));
    }
    let mut text = in_turn(&dir.join("turns"), &hops)?;
    for release in RELEASES {
        // The oldest releases begin a folder too: ours opens what they wrote, they what ours wrote.
        let hops = [
            hop(Who::Apache(release), "gz", End::Kill, 60),
            hop(Who::Ours, "", End::Stop, 60),
            hop(Who::Apache(release), "", End::Stop, 60),
            hop(Who::Ours, "snappy", End::KillAmidWrites, 60),
            hop(Who::Apache(release), "snappy", End::KillAmidWrites, 60),
            hop(Who::Ours, "gz", End::Stop, 60),
            hop(APACHE, "", End::Stop, 60),
        ];
        text += &format!("  {release}\n{}", in_turn(&dir.join(release), &hops)?);
    }
    Ok(text)
}

fn in_turn(dir: &Path, hops: &[Hop]) -> Result<String> {
    let in_multi = match hops.iter().any(|hop| hop.who == WITHOUT_CREATE2_IN_MULTI) {
        true => MultiOp::Create,
        false => MultiOp::Create2,
    };
    let mut left = Left { tree: None, acknowledged: BTreeMap::new(), in_multi, session: None };
    let mut text = String::new();
    for (round, hop) in hops.iter().enumerate() {
        let port = probe::free_port()?;
        let what = || format!("round {round}: {:?}, snapshots {:?}, then {:?}", hop.who, hop.compression, hop.end);
        let server = start(hop, dir, port).with_context(what)?;
        let tail = |server: &Server| format!("{}; its log ends:\n{}", what(), server.log_tail());
        let nodes = serve(hop, port, round, &mut left).with_context(|| tail(&server))?;
        let writes = end(hop, server, port, round, &mut left).with_context(what)?;
        ensure_snapshot(dir, hop).with_context(what)?;
        folder_is_whole(dir).with_context(what)?;
        text += &format!("  ok     {}: {nodes} znodes as they were left; {writes} acknowledged writes\n", what());
    }
    Ok(text)
}

fn start(hop: &Hop, dir: &Path, port: u16) -> Result<Server> {
    let extra = format!(
        "snapCount=300\nextendedTypesEnabled=true\nautopurge.purgeInterval=0\nsnapshot.compression.method={}\n",
        hop.compression
    );
    let options = ZooKeeperOptions { port, extra };
    let mut server = match hop.who {
        Who::Apache(set) => apache::spawn_zookeeper_of(set, dir, &options)?,
        Who::Ours => {
            let mut command = Command::new(castlekeep()?);
            command.arg("zookeeper").arg(apache::zoo_cfg(dir, &options)?);
            Server::spawn("castlekeep zookeeper", command, &dir.join("server.log"))?
        }
    };
    server.wait_ready(START_DEADLINE, || probe::zookeeper_ready(port))?;
    Ok(server)
}

/// Checks what the last server left, changes it in every way, and notes what is there then.
fn serve(hop: &Hop, port: u16, round: usize, left: &mut Left) -> Result<usize> {
    let mut client = ZkClient::connect(port)?;
    client.auth("owner", "secret")?;
    let found = client.dump()?;
    if let Some(expected) = &left.tree {
        let cut_off = !left.acknowledged.is_empty();
        let comparable = |dump: &Dump| -> Dump {
            dump.iter()
                .filter(|(path, _)| !(cut_off && path.starts_with(LOAD)))
                .map(|(path, seen)| (path.clone(), seen.clone()))
                .collect()
        };
        let differ = differences(&comparable(expected), &comparable(&found));
        ensure!(differ.is_empty(), "another tree than was left:\n{}", differ.join("\n"));
    }
    for (path, data) in &left.acknowledged {
        let there = found.get(path).map(|seen| seen.data.clone().unwrap_or_default());
        ensure!(there == *data, "{path} was acknowledged as {data:?} and is {there:?}");
    }
    if let Some((session, nodes)) = left.session.take() {
        end_of_session(port, session, &nodes, &mut client)?;
    }
    change(&mut client, round)?;
    left.acknowledged.clear();
    writers((port, left.in_multi), round, hop.batches, &Mutex::default(), &AtomicBool::new(false))?;
    left.session = Some(session_with_nodes(port, round)?);
    client.sync()?;
    let tree = client.dump()?;
    let nodes = found.len();
    left.tree = Some(tree);
    digests_agree(port)?;
    client.close()?;
    Ok(nodes)
}

/// The session of the last round lives on under this server, with its password; its end takes its nodes along.
fn end_of_session(port: u16, session: SessionId, nodes: &[String], client: &mut ZkClient) -> Result<()> {
    let resumed = ZkClient::resume(port, session)?;
    let dump = client.dump()?;
    for node in nodes {
        let owner = dump.get(node).map(|seen| seen.stat.ephemeral_owner);
        ensure!(owner == Some(session), "{node} should be of session {session}, not of {owner:?}");
    }
    resumed.close()?;
    client.sync()?;
    let dump = client.dump()?;
    ensure!(!nodes.iter().any(|node| dump.contains_key(node)), "nodes of a closed session are still there");
    Ok(())
}

fn session_with_nodes(port: u16, round: usize) -> Result<(SessionId, Vec<String>)> {
    let mut client = ZkClient::connect(port)?;
    let base = format!("/round-{round}");
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(client.create(&format!("{base}/lock-"), b"mine", EPHEMERAL | SEQUENCE, open_acl())?);
    }
    // The connection goes without a word; the session stays.
    Ok((client.session, nodes))
}

/// Every kind of transaction.
fn change(client: &mut ZkClient, round: usize) -> Result<()> {
    let base = format!("/round-{round}");
    let acl = |perms, scheme: &str, id: &str| Acl { perms, id: Id { scheme: scheme.into(), id: id.into() } };
    client.create(&base, b"", 0, open_acl())?;
    for step in 0..20 {
        client.create(&format!("{base}/s-"), step.to_string().as_bytes(), SEQUENCE, open_acl())?;
    }
    client.create("/across-", b"", SEQUENCE, open_acl())?;
    client.delete(&format!("{base}/s-0000000007"))?;
    let mine = acl(perms::ALL, "auth", "");
    client.create(&format!("{base}/mine"), b"private", 0, vec![mine.clone()])?;
    let mixed = vec![mine, acl(perms::READ, "world", "anyone"), acl(perms::WRITE, "ip", "10.0.0.0/8")];
    client.create(&format!("{base}/mixed"), &[0xff; 100_000], 0, mixed)?;
    client.create(&format!("{base}/übergröße-\u{4e2d}"), "\u{1f600}".as_bytes(), 0, open_acl())?;
    client.set_acl(&format!("{base}/s-0000000001"), vec![acl(perms::READ | perms::ADMIN, "world", "anyone")])?;
    client.create_container(&format!("{base}/container"))?;
    client.create(&format!("{base}/container/child"), b"", 0, open_acl())?;
    client.create_container(&format!("{base}/container-without"))?;
    client.create_ttl(&format!("{base}/ttl"), TTL_MS)?;
    client.set(&format!("{base}/ttl"), b"still alive")?;
    for step in 0..5 {
        client.set(&base, format!("version {step}").as_bytes())?;
    }
    // Failed writes are transactions too.
    let (error, _) = client.ask(OpCode::CREATE, &create_request(&base, b"", 0, open_acl()))?;
    ensure!(error == ErrorCode::NODE_EXISTS, "{error:?}");
    client.ask(OpCode::MULTI, &changes(&base, "nowhere"))?;
    let looked_for = GetDataRequest { path: format!("{base}/multi").as_str().into(), watch: false };
    let (error, _) = client.ask(OpCode::GET_DATA, &looked_for)?;
    ensure!(error == ErrorCode::NO_NODE, "a multi that deletes what is not there made a node: {error:?}");
    let (error, _) = client.ask(OpCode::MULTI, &changes(&base, "s-0000000009"))?;
    ensure!(error == ErrorCode::OK, "{error:?}");
    Ok(())
}

/// A multi that deletes `gone`, fails or not.
fn changes(base: &str, gone: &str) -> MultiRequest {
    let at = |name: &str| format!("{base}/{name}");
    MultiRequest {
        ops: vec![
            MultiOp::Create(create_request(&at("multi"), b"m", 0, open_acl())),
            MultiOp::SetData(SetDataRequest {
                path: at("s-0000000002").as_str().into(),
                data: Some(Bytes::from_static(b"from a multi")),
                version: -1,
            }),
            MultiOp::Delete(DeleteRequest { path: at(gone).as_str().into(), version: -1 }),
        ],
    }
}

/// Several clients that write at once; what was acknowledged goes into `acknowledged`, batch by batch. With `killed`
/// set a lost connection is no error.
fn writers(
    (port, in_multi): (u16, InMulti),
    round: usize,
    batches: usize,
    acknowledged: &Mutex<BTreeMap<String, Option<Bytes>>>,
    killed: &AtomicBool,
) -> Result<()> {
    let mut client = ZkClient::connect(port)?;
    for path in [LOAD.to_owned(), format!("{LOAD}/{round}")] {
        let (error, _) = client.ask(OpCode::CREATE, &create_request(&path, b"", 0, open_acl()))?;
        ensure!([ErrorCode::OK, ErrorCode::NODE_EXISTS].contains(&error), "create of {path} answered {error:?}");
    }
    std::thread::scope(|scope| {
        let write = |writer: usize| -> Result<()> {
            let mut client = ZkClient::connect(port)?;
            for batch in 0..batches {
                let done = one_batch(&mut client, in_multi, &format!("{LOAD}/{round}/{writer}-{batch}"))?;
                acknowledged.lock().expect("no writer panics").extend(done);
            }
            client.close()
        };
        let threads: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(move || write(writer))).collect();
        for thread in threads {
            match thread.join().expect("a writer does not panic") {
                Err(error) if !killed.load(Ordering::Relaxed) => return Err(error),
                _ => {}
            }
        }
        Ok(())
    })
}

/// Ten requests sent at once, on names of their own: what they came to, when all were acknowledged.
fn one_batch(client: &mut ZkClient, in_multi: InMulti, base: &str) -> Result<Vec<(String, Option<Bytes>)>> {
    let node = |number: usize| format!("{base}-{number}");
    let mut state: Vec<(String, Option<Bytes>)> = Vec::new();
    for number in 0..6 {
        let data = vec![b'a' + number as u8; 50 + 150 * number];
        client.send(OpCode::CREATE, &create_request(&node(number), &data, 0, open_acl()));
        state.push((node(number), Some(data.into())));
    }
    let set = |path: &str, data: &'static [u8]| SetDataRequest {
        path: path.into(),
        data: Some(Bytes::from_static(data)),
        version: -1,
    };
    client.send(OpCode::SET_DATA, &set(&node(0), b"set"));
    state[0].1 = Some(Bytes::from_static(b"set"));
    client.send(OpCode::DELETE, &DeleteRequest { path: node(1).as_str().into(), version: -1 });
    state[1].1 = None;
    let ops = vec![
        in_multi(create_request(&node(6), b"multi", 0, open_acl())),
        MultiOp::SetData(set(&node(2), b"set by a multi")),
        MultiOp::Delete(DeleteRequest { path: node(3).as_str().into(), version: -1 }),
    ];
    client.send(OpCode::MULTI, &MultiRequest { ops });
    state[2].1 = Some(Bytes::from_static(b"set by a multi"));
    state[3].1 = None;
    state.push((node(6), Some(Bytes::from_static(b"multi"))));
    client.send(OpCode::SET_DATA, &set(&node(4), b""));
    state[4].1 = Some(Bytes::new());
    for _ in 0..10 {
        let (error, _) = client.answer()?;
        ensure!(error == ErrorCode::OK, "a write below {base} answered {error:?}");
    }
    Ok(state)
}

/// Leaves the folder; gives how many writes were acknowledged while it was killed.
fn end(hop: &Hop, server: Server, port: u16, round: usize, left: &mut Left) -> Result<usize> {
    match hop.end {
        End::Stop => stop_cleanly(server).map(|()| 0),
        End::Kill => {
            server.kill();
            Ok(0)
        }
        End::KillAmidWrites => {
            let (acknowledged, killed) = (Mutex::default(), AtomicBool::new(false));
            let (enough, in_multi) = (hop.batches * WRITERS, left.in_multi);
            std::thread::scope(|scope| {
                let writing =
                    scope.spawn(|| writers((port, in_multi), 1000 + round, usize::MAX, &acknowledged, &killed));
                let waited = wait_for("acknowledged writes", START_DEADLINE, || {
                    let done = acknowledged.lock().expect("no writer panics").len() >= enough * 7;
                    (done || writing.is_finished()).then_some(())
                });
                killed.store(true, Ordering::Relaxed);
                server.kill();
                let written = writing.join().expect("the writers do not panic");
                waited.and(written)
            })?;
            left.acknowledged = acknowledged.into_inner().expect("no writer panicked");
            ensure!(left.acknowledged.len() >= enough * 7, "the writers ended before the server was killed");
            Ok(left.acknowledged.len())
        }
    }
}

/// Every server counts the transactions behind which its tree has another digest than the log says.
fn digests_agree(port: u16) -> Result<()> {
    let text = probe::four_letter_word(port, "mntr").context("mntr is not answered")?;
    let line = text.lines().find(|line| line.starts_with("zk_digest_mismatches_count"));
    let count = line.and_then(|line| line.split_whitespace().last());
    ensure!(count.is_some_and(|count| count.parse() == Ok(0.0)), "digests differ: {line:?}");
    Ok(())
}

/// What the server left makes a tree with the logged digest behind every transaction.
fn folder_is_whole(dir: &Path) -> Result<()> {
    let mut command = Command::new(castlekeep()?);
    command.args(["zk", "folder"]).arg(dir.join("data"));
    run_ok(command, "", START_DEADLINE).map(|_| ())
}

/// The hop left at least one snapshot of its kind.
fn ensure_snapshot(dir: &Path, hop: &Hop) -> Result<()> {
    let folder = dir.join("data/version-2");
    let entries = std::fs::read_dir(&folder).with_context(|| format!("list {}", folder.display()))?;
    let names: Vec<String> =
        entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect();
    let newest = names.iter().filter_map(|name| {
        let mut parts = name.strip_prefix("snapshot.")?.splitn(2, '.');
        Some((u64::from_str_radix(parts.next()?, 16).ok()?, parts.next().unwrap_or_default().to_owned()))
    });
    let newest = newest.max();
    ensure!(newest.as_ref().is_some_and(|(_, suffix)| suffix == hop.compression), "the newest snapshot is {newest:?}");
    Ok(())
}
