//! `castlekeep bench stall`: how long others wait while a ZooKeeper server does something large: ends a session with very
//! many ephemeral znodes, or tells very many watches in one transaction.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::ensure;
use base::Str;
use bytes::{Bytes, BytesMut};
use clap::{Args as ClapArgs, ValueEnum};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use zk_wire::frame::with_length;
use zk_wire::multi::{MultiOp, MultiRequest};
use zk_wire::{CreateMode, CreateRequest, ErrorCode, GetDataRequest, Jute, OpCode, RequestHeader, SetDataRequest};

use super::report::Format;
use super::watches::{connect_all, create_all, read_events, watch};
use super::within;
use super::zookeeper::{ROOT, Session, create_request, request};

/// Flags of `castlekeep bench stall`.
#[derive(ClapArgs, Debug)]
#[command(after_long_help = "Examples:\n  \
    castlekeep bench stall close                                     100,000 ephemeral znodes\n  \
    castlekeep bench stall watches --connections 100 --znodes 1000   fired by one multi\n  \
    castlekeep bench stall watches --connections 19000 --znodes 1    fired by one setData\n\n\
    Two more clients read and write one znode each meanwhile, one request at a time; the longest they waited is printed.\n\
    The znodes are made below /castlekeep-bench and removed at the end (except after Ctrl-C).")]
pub struct Args {
    /// What the server has to do
    #[arg(value_enum)]
    what: What,
    /// The server
    #[arg(long, default_value = "localhost:2181", value_name = "HOST:PORT")]
    server: String,
    /// Connections that watch
    #[arg(long, default_value_t = 100, value_name = "N")]
    connections: usize,
    /// Znodes that are watched
    #[arg(long, default_value_t = 1000, value_name = "N")]
    znodes: usize,
    /// Ephemeral znodes of the session that ends
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    ephemerals: usize,
    /// How often
    #[arg(long, default_value_t = 3, value_name = "N")]
    rounds: usize,
    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What takes long.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum What {
    /// A session with many ephemeral znodes ends
    Close,
    /// One transaction fires many watches
    Watches,
}

/// A round, in milliseconds.
#[derive(Debug)]
struct Round {
    /// Until the request that began it was answered.
    took_ms: f64,
    longest_read_ms: f64,
    longest_write_ms: f64,
}

const DEADLINE: Duration = Duration::from_secs(600);
/// Requests that are sent before their answers are read.
const BATCH: usize = 1000;

/// Runs the rounds and prints how long the others waited in each.
///
/// # Errors
/// When the server cannot be reached, refuses a request, or does not send every event.
pub fn main(args: Args) -> anyhow::Result<()> {
    let rounds = within(DEADLINE, run(&args))?;
    let of = |value: fn(&Round) -> f64| rounds.iter().map(value).collect::<Vec<_>>();
    let (took, reads, writes) =
        (of(|round| round.took_ms), of(|round| round.longest_read_ms), of(|round| round.longest_write_ms));
    match args.format {
        Format::Json => {
            println!("{}", json!({ "took_ms": took, "longest_read_ms": reads, "longest_write_ms": writes }));
        }
        Format::Table => {
            println!("answered after {took:.1?} ms; longest read {reads:.1?} ms, longest write {writes:.1?} ms");
        }
    }
    Ok(())
}

async fn run(args: &Args) -> anyhow::Result<Vec<Round>> {
    let mut admin = Session::connect(&args.server).await?;
    admin.create(ROOT, &[], true).await?;
    let root = format!("{ROOT}/stall-{}", std::process::id());
    admin.create(&root, &[], false).await?;
    for name in ["read", "written", "owned"] {
        admin.create(&format!("{root}/{name}"), &[b'x'; 100], false).await?;
    }
    let mut rounds = Vec::new();
    match args.what {
        What::Close => {
            for _ in 0..args.rounds {
                rounds.push(close(args, &root).await?);
                // So that its session lives on.
                admin.create(ROOT, &[], true).await?;
            }
        }
        What::Watches => {
            let paths = create_all(&mut admin, &root, args.znodes).await?;
            let mut sessions = connect_all(&args.server, args.connections).await?;
            for _ in 0..args.rounds {
                rounds.push(watches(args, &root, &mut admin, &mut sessions, &paths).await?);
            }
            for path in &paths {
                admin.delete(path).await?;
            }
        }
    }
    for name in ["/read", "/written", "/owned", ""] {
        admin.delete(&format!("{root}{name}")).await?;
    }
    // Another run may be using it: then it stays.
    let _ = admin.delete(ROOT).await;
    Ok(rounds)
}

async fn close(args: &Args, root: &str) -> anyhow::Result<Round> {
    let mut owner = Session::connect(&args.server).await?;
    let of_node = |index: usize| {
        let path = format!("{root}/owned/e{index:06}");
        CreateRequest { flags: CreateMode::Ephemeral.flags(), ..create_request(&path, Bytes::new()) }
    };
    for first in (0..args.ephemerals).step_by(BATCH) {
        let batch = first..(first + BATCH).min(args.ephemerals);
        let mut out = BytesMut::new();
        batch.clone().for_each(|index| request(&mut out, 1, OpCode::CREATE, &of_node(index)));
        owner.stream.write_all(&out).await?;
        for _ in batch {
            owner.read().await?;
        }
    }
    let others = Others::start(&args.server, root)?;
    let began = Instant::now();
    let header = RequestHeader { xid: 1, opcode: OpCode::CLOSE_SESSION.0 };
    owner.stream.write_all(&with_length(&header.to_bytes())).await?;
    owner.read().await?;
    others.end(began, began.elapsed())
}

async fn watches(
    args: &Args,
    root: &str,
    admin: &mut Session,
    sessions: &mut [Session],
    paths: &[Str],
) -> anyhow::Result<Round> {
    for session in sessions.iter_mut() {
        watch(session, paths).await?;
    }
    let set = |path: &Str| SetDataRequest { path: path.clone(), data: Some(Bytes::from_static(b"y")), version: -1 };
    let others = Others::start(&args.server, root)?;
    let began = Instant::now();
    let done = match paths {
        [path] => admin.call(OpCode::SET_DATA, &set(path)).await?,
        paths => {
            let ops = paths.iter().map(|path| MultiOp::SetData(set(path))).collect();
            admin.call(OpCode::MULTI, &MultiRequest { ops }).await?
        }
    };
    ensure!(done == ErrorCode::OK, "the watched znodes cannot be changed: {}", done.name());
    let took = began.elapsed();
    // Everybody has been told something; the events wait in the sockets meanwhile, so that reading them takes nothing from
    // the other clients.
    for session in sessions.iter() {
        session.stream.peek(&mut [0]).await?;
    }
    let round = others.end(began, took);
    for session in sessions {
        read_events(session, paths.len()).await?;
    }
    round
}

/// Two clients on a thread of their own, each with one request under way at any time.
struct Others {
    /// When it is over: each of them ends with the answer to a request that it sends afterwards.
    over: Arc<OnceLock<Instant>>,
    thread: std::thread::JoinHandle<anyhow::Result<[Vec<Waited>; 2]>>,
}

/// A request of one of them: when it was sent, and how long its answer took.
type Waited = (Instant, Duration);

impl Others {
    /// Both are connected and have been answered.
    fn start(server: &str, root: &str) -> anyhow::Result<Self> {
        let over = Arc::new(OnceLock::new());
        let (ready, is_ready) = std::sync::mpsc::channel();
        let (server, root, until) = (server.to_owned(), root.to_owned(), over.clone());
        let thread = std::thread::spawn(move || {
            within(DEADLINE, async {
                let mut reader = Session::connect(&server).await?;
                let mut writer = Session::connect(&server).await?;
                let get = GetDataRequest { path: format!("{root}/read").into(), watch: false };
                let data = Some(Bytes::from_static(&[b'y'; 100]));
                let set = SetDataRequest { path: format!("{root}/written").into(), data, version: -1 };
                reader.call(OpCode::GET_DATA, &get).await?;
                writer.call(OpCode::SET_DATA, &set).await?;
                // Nobody waits for it any more if the other side has given up.
                let _ = ready.send(());
                let reads = ask_on(&mut reader, OpCode::GET_DATA, &get, &until);
                let writes = ask_on(&mut writer, OpCode::SET_DATA, &set, &until);
                let (reads, writes) = tokio::try_join!(reads, writes)?;
                Ok([reads, writes])
            })
        });
        // A thread that failed says why at its end.
        let _ = is_ready.recv();
        Ok(Self { over, thread })
    }

    /// What they waited since `began`, whose request was answered after `took` and has had its effect by now.
    fn end(self, began: Instant, took: Duration) -> anyhow::Result<Round> {
        self.over.get_or_init(Instant::now);
        let [reads, writes] = self.thread.join().map_err(|_| anyhow::anyhow!("the other clients failed"))??;
        let longest = |waited: &[Waited]| {
            let since = waited.iter().filter(|(sent, took)| *sent + *took >= began);
            since.map(|(_, took)| took.as_secs_f64() * 1e3).fold(0.0, f64::max)
        };
        Ok(Round {
            took_ms: took.as_secs_f64() * 1e3,
            longest_read_ms: longest(&reads),
            longest_write_ms: longest(&writes),
        })
    }
}

/// Asks the same again and again; the last answer is that of a request sent when it was over.
async fn ask_on(
    session: &mut Session,
    opcode: OpCode,
    body: &impl Jute,
    over: &OnceLock<Instant>,
) -> anyhow::Result<Vec<Waited>> {
    let mut waited = Vec::new();
    loop {
        let sent = Instant::now();
        session.call(opcode, body).await?;
        waited.push((sent, sent.elapsed()));
        if over.get().is_some_and(|over| sent >= *over) {
            return Ok(waited);
        }
    }
}
