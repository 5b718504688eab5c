//! `castlekeep bench watches`: how long a server takes to tell everybody. A server keeps one watch for each connection
//! and znode, so many watches are many znodes below one, watched by each of many connections; then all are changed.

use std::time::{Duration, Instant};

use anyhow::ensure;
use base::Str;
use bytes::{Bytes, BytesMut};
use clap::Args as ClapArgs;
use serde_json::json;
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::task::JoinSet;
use zk_wire::{DeleteRequest, GetDataRequest, OpCode, SetDataRequest};

use super::report::Format;
use super::within;
use super::zookeeper::{ROOT, Session, request};

/// Flags of `castlekeep bench watches`.
#[derive(ClapArgs, Debug)]
#[command(after_long_help = "Examples:\n  \
    castlekeep bench watches                                      100,000 watches\n  \
    castlekeep bench watches --server zk1:2181 --connections 500 --format json\n\n\
    The znodes are made below /castlekeep-bench and removed at the end (except after Ctrl-C).")]
pub struct Args {
    /// The server
    #[arg(long, default_value = "localhost:2181", value_name = "HOST:PORT")]
    server: String,
    /// Connections, each of which watches every znode
    #[arg(long, default_value_t = 100, value_name = "N")]
    connections: usize,
    /// Znodes
    #[arg(long, default_value_t = 1000, value_name = "N")]
    znodes: usize,
    /// How often to watch and fire
    #[arg(long, default_value_t = 3, value_name = "N")]
    rounds: usize,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

const DEADLINE: Duration = Duration::from_secs(120);

/// Runs the rounds and prints how long each took from the first change to the last event.
///
/// # Errors
/// When the server cannot be reached, refuses a request, or does not send every event.
pub fn main(args: Args) -> anyhow::Result<()> {
    let took = within(DEADLINE, run(&args))?;
    let ms: Vec<f64> = took.iter().map(|took| took.as_secs_f64() * 1e3).collect();
    let watches = args.connections * args.znodes;
    match args.format {
        Format::Json => println!("{}", json!({ "watches": watches, "last_event_ms": ms })),
        Format::Table => {
            println!("{watches} watches over {} connections: {ms:.0?} ms to the last event", args.connections)
        }
    }
    Ok(())
}

async fn run(args: &Args) -> anyhow::Result<Vec<Duration>> {
    let mut admin = Session::connect(&args.server).await?;
    admin.create(ROOT, &[], true).await?;
    let root = format!("{ROOT}/watches-{}", std::process::id());
    admin.create(&root, &[], false).await?;
    let paths = create_all(&mut admin, &root, args.znodes).await?;
    let mut sessions = connect_all(&args.server, args.connections).await?;
    let mut took = Vec::new();
    for _ in 0..args.rounds {
        for session in &mut sessions {
            watch(session, &paths).await?;
        }
        let began = Instant::now();
        let mut readers = JoinSet::new();
        for mut session in sessions.drain(..) {
            let events = paths.len();
            readers.spawn(async move {
                read_events(&mut session, events).await?;
                anyhow::Ok((session, Instant::now()))
            });
        }
        change(&mut admin, &paths).await?;
        let mut last = began;
        while let Some(reader) = readers.join_next().await {
            let (session, ended) = reader??;
            last = last.max(ended);
            sessions.push(session);
        }
        took.push(last - began);
    }
    for path in paths.iter().map(Str::as_str).chain([root.as_str()]) {
        admin.call(OpCode::DELETE, &DeleteRequest { path: path.into(), version: -1 }).await?;
    }
    // Another run may be using it: then it stays.
    let _ = admin.delete(ROOT).await;
    Ok(took)
}

/// Creates the znodes to be watched.
pub(super) async fn create_all(admin: &mut Session, root: &str, znodes: usize) -> anyhow::Result<Vec<Str>> {
    let paths: Vec<Str> = (0..znodes).map(|index| format!("{root}/{index}").into()).collect();
    for path in &paths {
        admin.create(path, b"x", false).await?;
    }
    Ok(paths)
}

/// Connects those that watch.
pub(super) async fn connect_all(server: &str, connections: usize) -> anyhow::Result<Vec<Session>> {
    let mut sessions = Vec::new();
    for _ in 0..connections {
        sessions.push(Session::connect(server).await?);
    }
    Ok(sessions)
}

/// Leaves a watch on every path.
pub(super) async fn watch(session: &mut Session, paths: &[Str]) -> anyhow::Result<()> {
    let mut out = BytesMut::new();
    for path in paths {
        request(&mut out, 1, OpCode::GET_DATA, &GetDataRequest { path: path.clone(), watch: true });
    }
    let (from, mut to) = session.stream.split();
    let mut from = BufReader::new(from);
    let write = async { to.write_all(&out).await.map_err(anyhow::Error::from) };
    let read = async {
        for _ in paths {
            Session::read_from(&mut from).await?;
        }
        anyhow::Ok(())
    };
    tokio::try_join!(write, read)?;
    Ok(())
}

/// Reads so many events, between which nothing else may come.
pub(super) async fn read_events(session: &mut Session, events: usize) -> anyhow::Result<()> {
    let mut from = BufReader::new(&mut session.stream);
    for _ in 0..events {
        let frame = Session::read_from(&mut from).await?;
        ensure!(frame.starts_with(&[0xff; 4]), "a reply came where an event was due");
    }
    Ok(())
}

/// Changes every path, without waiting in between.
async fn change(admin: &mut Session, paths: &[Str]) -> anyhow::Result<()> {
    let mut out = BytesMut::new();
    for path in paths {
        let body = SetDataRequest { path: path.clone(), data: Some(Bytes::from_static(b"y")), version: -1 };
        request(&mut out, 1, OpCode::SET_DATA, &body);
    }
    admin.stream.write_all(&out).await?;
    for _ in paths {
        admin.read().await?;
    }
    Ok(())
}
