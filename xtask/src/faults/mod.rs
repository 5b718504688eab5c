//! `cargo xtask faults`: real processes to which things happen, clients that write down what they are told, and two
//! checkers that judge it. Both checkers know nothing of the server's code, and must pass on Apache's servers.

mod client;
mod history;
mod linear;
mod nemesis;
mod replay;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use zk_wire::{GetChildrenRequest, GetChildrenResponse, GetDataRequest, GetDataResponse, Jute, OpCode, SessionId};

use self::client::{ALIVE, Barrier, Client, QUEUE, REGISTERS, Shared};
use self::history::{Answer, Asked, History, Operation};
use self::nemesis::{Nemesis, SmallDisk};
use crate::conformance::zk_client::{ZkClient, open_acl};
use crate::ensemble::{APACHE, DEADLINE, Ensemble, Options, Who};
use crate::process::wait_for;

const MEMBERS: usize = 3;
const CLIENTS: usize = 5;
/// Short, so that many faults fit in: a lost link is given up after two seconds.
const SETTINGS: &str = "tickTime=500\ninitLimit=10\nsyncLimit=4\nautopurge.purgeInterval=1\n";
/// With every other seed snapshots are taken often, and logs begin anew, also amid faults.
const OFTEN: &str = "snapCount=400\n";
/// Then a read shows everything by itself.
const LINEARIZABLE: &str = "castlekeep.linearizableReads=true\n";
/// A register's content before anybody writes.
const NOTHING: [u8; 8] = [0; 8];
/// Acknowledged operations after which a client counts as served again.
const SERVED_AGAIN: u64 = 4;
/// In the end every member tells what it holds, as one more client for the checkers.
const LAST_CLIENT: usize = CLIENTS;

/// What to break.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Part {
    /// An ensemble of three, each reached by the others through proxies
    Ensemble(Arguments),
}

/// How.
#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// How long things go wrong
    #[arg(long, default_value_t = 3.0)]
    pub minutes: f64,
    /// Whose servers; mixed changes them over time
    #[arg(long, value_enum, default_value = "ours")]
    pub mix: Mix,
    /// The order and the kinds of faults [default: drawn, and printed]
    #[arg(long)]
    pub seed: Option<u64>,
    /// With castlekeep.linearizableReads, and nothing before the reads that must show everything; ours only
    #[arg(long)]
    pub linearizable: bool,
}

/// Whose servers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Mix {
    /// Three of ours.
    Ours,
    /// Ours and Apache's; a member that was killed may come back as one of the other make.
    Mixed,
    /// Three of Apache's: this proves the proof.
    Apache,
}

/// Runs what was asked for.
pub fn run(part: &Part) -> Result<()> {
    crate::provision::programs()?;
    crate::apache::fetch()?;
    let Part::Ensemble(arguments) = part;
    let dir = std::env::temp_dir().join(format!("castlekeep-faults-{}", std::process::id()));
    std::fs::create_dir_all(&dir).with_context(|| format!("create {}", dir.display()))?;
    let text = ensemble(&dir, arguments).with_context(|| format!("what is left of it is in {}", dir.display()))?;
    print!("{text}");
    // Only the temporary folder's size is at stake.
    let _ = std::fs::remove_dir_all(&dir);
    Ok(())
}

/// Faults on an ensemble, with its files in `dir`; gives the lines to print about what was checked.
pub fn ensemble(dir: &Path, arguments: &Arguments) -> Result<String> {
    let length = Duration::from_secs_f64(arguments.minutes * 60.0);
    let seed = arguments.seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("  {} servers, seed {seed}, {:.0} s", format!("{:?}", arguments.mix).to_lowercase(), length.as_secs_f64());
    let voters = match arguments.mix {
        Mix::Ours => [Who::Ours; MEMBERS],
        Mix::Mixed => [Who::Ours, APACHE, Who::Ours],
        Mix::Apache => [APACHE; MEMBERS],
    };
    ensure!(
        !arguments.linearizable || arguments.mix == Mix::Ours,
        "--linearizable is for --mix ours: a sync is before the reads of Apache's members"
    );
    let often = if seed.is_multiple_of(2) { OFTEN } else { "" };
    let lines = format!("{SETTINGS}{often}{}", if arguments.linearizable { LINEARIZABLE } else { "" });
    let mut ensemble = Ensemble::new(dir, &voters, Options { lines: &lines, links: true, ..Options::default() })?;
    let small_disk = SmallDisk::mount(MEMBERS, &ensemble.member(MEMBERS).data())?;
    let mut nemesis = Nemesis::new(seed, arguments.mix, small_disk);
    let barrier = match arguments.mix {
        Mix::Ours if arguments.linearizable => Barrier::Nothing,
        Mix::Ours => Barrier::Sync,
        Mix::Mixed | Mix::Apache => Barrier::Write,
    };
    let judged = play(&mut ensemble, &mut nemesis, (seed, length, barrier), dir);
    let judged = judged.and_then(|text| {
        // A snapshot of ours says how far it goes into what follows, so every digest must be right.
        if arguments.mix == Mix::Ours {
            ensemble.folders_are_whole()?;
            ensemble.ids().try_for_each(|id| ensemble.digests_agree(id))?;
        }
        Ok(text)
    });
    let text = match judged {
        Ok(text) => text,
        Err(error) => {
            println!("  faults so far: {:?}", nemesis.played);
            // The small disk is free only when nobody runs.
            drop(ensemble);
            return Err(error);
        }
    };
    ensemble.end()?;
    let faults: Vec<String> = nemesis.played.iter().map(|(fault, count)| format!("{count} {fault:?}")).collect();
    Ok(format!("{text}  ok     faults: {}\n", faults.join(", ")))
}

fn play(
    ensemble: &mut Ensemble,
    nemesis: &mut Nemesis,
    (seed, length, barrier): (u64, Duration, Barrier),
    dir: &Path,
) -> Result<String> {
    let leader = ensemble.start_settled()?;
    let mut setup = ensemble.connect(leader)?;
    let shared = Shared {
        barrier,
        ports: ensemble.ids().map(|id| ensemble.port(id)).collect(),
        started: Instant::now(),
        registers: Shared::registers_for(length),
        values: AtomicU64::new(0),
        enough: AtomicBool::new(false),
        done: (0..CLIENTS).map(|_| AtomicU64::new(0)).collect(),
        operations: Mutex::default(),
    };
    let mut history = History { created: registers(&mut setup, shared.registers)?, ..History::default() };
    setup.close()?;
    let sessions = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|index| {
                scope.spawn({
                    let shared = &shared;
                    move || Client::new(shared, index, seed).run()
                })
            })
            .collect();
        let all_live = || clients.iter().all(|client| !client.is_finished());
        let crowd = Crowd { shared: &shared, all_live: &all_live };
        let played = faults(ensemble, nemesis, &crowd, shared.started + length);
        shared.enough.store(true, Ordering::Relaxed);
        let ended = clients.into_iter().map(|client| client.join().expect("a client does not panic"));
        let sessions = ended.collect::<Result<Vec<SessionId>>>();
        // What a client saw says more than that it is not there any more.
        sessions.and_then(|sessions| played.map(|()| sessions))
    });
    history.operations = std::mem::take(&mut *shared.operations.lock().expect("no client panicked"));
    let sessions = sessions.with_context(|| format!("history: {}", save(&history, dir)))?;
    let mut text = String::new();
    let result = last_words(ensemble, &shared, &mut history, &sessions)
        .and_then(|nodes| judge(&history).map(|()| nodes))
        .with_context(|| format!("history: {}", save(&history, dir)));
    let nodes = result?;
    let unknown = history.operations.iter().filter(|op| op.answer == Answer::Unknown).count();
    let count = history.operations.len();
    text += &format!("  ok     {count} operations, {unknown} of them without an answer: both checkers are content\n");
    text += &format!("  ok     {} sessions with their ephemeral nodes lived on\n", sessions.len());
    text += &format!("  ok     {nodes} znodes, the same on every member\n");
    Ok(text)
}

/// All clients while they work.
struct Crowd<'a> {
    shared: &'a Shared,
    all_live: &'a dyn Fn() -> bool,
}

impl Crowd<'_> {
    /// Waits until so many more operations of every client are acknowledged.
    fn wait_served(&self, more: u64) -> Result<()> {
        let done = || self.shared.done.iter().map(|done| done.load(Ordering::Relaxed));
        let enough: Vec<u64> = done().map(|done| done + more).collect();
        let all_served = || done().zip(&enough).all(|(done, enough)| done >= *enough);
        let what = format!("{more} answers to every client");
        wait_for(&what, DEADLINE, || (all_served() || !(self.all_live)()).then_some(()))?;
        ensure!((self.all_live)(), "a client gave up");
        Ok(())
    }
}

/// Plays faults until the time is over, each followed by acknowledged operations of every client.
fn faults(ensemble: &mut Ensemble, nemesis: &mut Nemesis, crowd: &Crowd<'_>, until: Instant) -> Result<()> {
    loop {
        crowd.wait_served(SERVED_AGAIN).with_context(|| ensemble.log_tails())?;
        if Instant::now() >= until {
            return Ok(());
        }
        nemesis.play(ensemble, crowd)?;
    }
}

/// Creates what the clients use; gives the registers' zxids.
fn registers(client: &mut ZkClient, count: usize) -> Result<Vec<i64>> {
    client.create(ALIVE, b"", 0, open_acl())?;
    client.create(QUEUE, b"", 0, open_acl())?;
    let mut created = Vec::new();
    for key in 0..count {
        let path = client::register(key);
        client.create(&path, &NOTHING, 0, open_acl())?;
        let (_, mut reader) = client.ask(OpCode::GET_DATA, &get(&path))?;
        created.push(GetDataResponse::decode(&mut reader).context("read a register")?.stat.czxid.0);
    }
    ensure!(created.len() >= REGISTERS, "too few registers");
    Ok(created)
}

fn get(path: &str) -> GetDataRequest {
    GetDataRequest { path: path.into(), watch: false }
}

/// What every member holds in the end, as synced reads for the checkers; all members hold the same, and the clients'
/// ephemeral nodes are there. Gives the number of nodes.
fn last_words(
    ensemble: &mut Ensemble,
    shared: &Shared,
    history: &mut History,
    sessions: &[SessionId],
) -> Result<usize> {
    ensemble.wait_settled()?;
    for id in ensemble.ids() {
        let mut client = ensemble.connect(id)?;
        let invoked = shared.now();
        client.sync()?;
        for key in 0..shared.registers {
            let (zxid, body) = client.ask_for_zxid(OpCode::GET_DATA, &get(&client::register(key)))?;
            let got = GetDataResponse::from_bytes(body).context("read a register")?;
            let answer = Answer::Got {
                zxid,
                mzxid: got.stat.mzxid.0,
                version: got.stat.version,
                value: client::content(&got.data.unwrap_or_default())?,
            };
            let asked = Asked::Get { key, synced: true };
            let operation = Operation { client: LAST_CLIENT + id, invoked, returned: shared.now(), asked, answer };
            history.operations.push(operation);
        }
        for (index, session) in sessions.iter().enumerate() {
            let path = Client::ephemeral(index);
            let (_, body) = client.ask_for_zxid(OpCode::GET_DATA, &get(&path))?;
            let owner =
                GetDataResponse::from_bytes(body).with_context(|| format!("{path} is gone"))?.stat.ephemeral_owner;
            ensure!(owner == *session, "{path} is of session {owner}, not of {session}");
        }
        if id == 1 {
            history.queue = queue(&mut client)?;
        }
        client.close()?;
    }
    ensemble.equal_trees()
}

fn queue(client: &mut ZkClient) -> Result<Vec<(i64, u64)>> {
    let request = GetChildrenRequest { path: QUEUE.into(), watch: false };
    let (_, body) = client.ask_for_zxid(OpCode::GET_CHILDREN, &request)?;
    let names = GetChildrenResponse::from_bytes(body).context("read the queue")?.children.unwrap_or_default();
    let mut queue = Vec::new();
    for name in names {
        let (_, body) = client.ask_for_zxid(OpCode::GET_DATA, &get(&format!("{QUEUE}/{}", &*name)))?;
        let data = GetDataResponse::from_bytes(body).context("read a node of the queue")?.data.unwrap_or_default();
        queue.push((client::number(&name)?, client::content(&data)?));
    }
    Ok(queue)
}

fn judge(history: &History) -> Result<()> {
    replay::check(history).map_err(|violation| anyhow::anyhow!("replay in zxid order: {violation}"))?;
    linear::check(history).map_err(|violation| anyhow::anyhow!("linearizability: {violation}"))
}

/// Writes the history down for a person; gives where.
fn save(history: &History, dir: &Path) -> String {
    let mut operations: Vec<&Operation> = history.operations.iter().collect();
    operations.sort_by_key(|operation| operation.invoked);
    let lines: String = operations.iter().map(|operation| format!("{operation}\n")).collect();
    let path: PathBuf = dir.join("history.txt");
    match std::fs::write(&path, format!("{lines}queue: {:?}\n", history.queue)) {
        Ok(()) => path.display().to_string(),
        Err(error) => format!("not saved: {error}"),
    }
}
