//! What every mix of members goes through: each member leads in turn, and synchronises the others with DIFF, SNAP and
//! TRUNC; the leader is killed while clients write. In the end all members show one tree, and every folder replays to
//! the digests in its log.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use zk_wire::{ErrorCode, OpCode};

use crate::conformance::zk_client::{EPHEMERAL, ZkClient, create_request, open_acl};
use crate::ensemble::{DEADLINE, Ensemble, Options, Who};
use crate::process::wait_for;

/// More than the 500 last transactions that a leader keeps at hand.
const MANY: usize = 700;
const FEW: usize = 40;
/// Proposals that only the leader has when it is killed.
const TAIL: usize = 20;
/// Writes to be acknowledged before the leader is killed, and after it.
const UNDER_LOAD: usize = 200;

/// Two makes in one ensemble of voters, all parts of the story.
pub fn run(dir: &Path, voters: &[Who], observers: &[Who], lines: &str) -> Result<String> {
    run_with(dir, voters, observers, Options { lines, ..Options::default() })
}

/// The same, set up in another way.
pub fn run_with(dir: &Path, voters: &[Who], observers: &[Who], options: Options<'_>) -> Result<String> {
    let mut ensemble = Ensemble::with_observers(dir, voters, observers, options)?;
    ensemble.start_settled()?;
    let mut text = format!("  {}\n", ensemble.makes());
    // From each make that there is, one member in each role is enough: the others only repeat it.
    let mut led: Vec<Who> = Vec::new();
    for id in ensemble.voters() {
        let who = ensemble.member(id).who;
        if !led.contains(&who) {
            led.push(who);
            text += &under(&mut ensemble, id).with_context(|| format!("member {id} ({who}) leads"))?;
        }
    }
    ensemble.folders_are_whole()?;
    text += &killed_under_load(&mut ensemble)?;
    let nodes = ensemble.equal_trees()?;
    ensemble.end()?;
    text += &format!("  ok     {nodes} znodes on every member; every folder replayed to its digests\n");
    Ok(text)
}

/// Everything while `leader` leads.
fn under(ensemble: &mut Ensemble, leader: usize) -> Result<String> {
    ensemble.make_lead(leader)?;
    let who = ensemble.member(leader).who;
    let base = format!("/led-{leader}");
    let mut client = ensemble.connect(leader)?;
    client.create(&base, b"", 0, open_acl())?;
    every_member_writes(ensemble, &base)?;
    // The other make first; alone among its own kind it takes what there is.
    let other = |role: &Ensemble| {
        let others = role.ids().filter(|id| *id != leader);
        others.min_by_key(|id| role.member(*id).who == who)
    };
    let learner = other(ensemble).context("an ensemble of one")?;
    let learns = ensemble.member(learner).who;

    ensemble.stop(learner)?;
    fill(&mut client, &format!("{base}/diff"), FEW)?;
    ensemble.start(learner)?;
    ensemble.wait_settled().context("behind a DIFF")?;
    synchronised(ensemble, leader, learner, How::Diff)?;

    ensemble.kill(learner)?;
    fill(&mut client, &format!("{base}/snap"), MANY)?;
    ensemble.wait_settled()?;
    ensemble.wipe(learner)?;
    ensemble.start(learner)?;
    ensemble.wait_settled().context("behind a SNAP")?;
    synchronised(ensemble, leader, learner, How::Snap)?;
    ensemble.same_trees()?;

    let successor = truncated(ensemble, leader, &base)?;
    Ok(format!(
        "  ok     {who} leads: all members write; {learns} follows by DIFF, by SNAP; then {who} follows {} by TRUNC\n",
        ensemble.member(successor).who
    ))
}

/// A client on each member writes, reads what it wrote, and owns an ephemeral node that goes with its session.
pub(super) fn every_member_writes(ensemble: &Ensemble, base: &str) -> Result<()> {
    let mut clients = Vec::new();
    for id in ensemble.ids() {
        let mut client = ensemble.connect(id)?;
        client.create(&format!("{base}/by-{id}"), b"x", 0, open_acl()).with_context(|| format!("through {id}"))?;
        client.create(&format!("{base}/alive-{id}"), b"", EPHEMERAL, open_acl())?;
        ensure!(client.exists(&format!("{base}/by-{id}"))?, "member {id} does not show what it acknowledged");
        clients.push(client);
    }
    let nodes: Vec<String> = ensemble.ids().map(|id| format!("{base}/alive-{id}")).collect();
    for client in &mut clients {
        client.sync()?;
        for node in &nodes {
            ensure!(client.exists(node)?, "{node} is not everywhere");
        }
    }
    let mut last = clients.pop().context("an ensemble of nobody")?;
    clients.into_iter().try_for_each(ZkClient::close)?;
    last.sync()?;
    let left: Vec<&String> = nodes.iter().filter(|node| last.exists(node).unwrap_or(true)).collect();
    ensure!(left == [nodes.last().expect("one for each member")], "{left:?} are left after their sessions' ends");
    last.close()
}

/// Creates nodes, many under way at a time.
pub(super) fn fill(client: &mut ZkClient, base: &str, count: usize) -> Result<()> {
    client.create(base, b"", 0, open_acl())?;
    for number in 0..count {
        client.send(OpCode::CREATE, &create_request(&format!("{base}/{number}"), &[b'x'; 100], 0, open_acl()));
    }
    for _ in 0..count {
        let (error, _) = client.answer()?;
        ensure!(error == ErrorCode::OK, "a create below {base} answered {error:?}");
    }
    Ok(())
}

/// How a learner came to the leader's history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum How {
    Diff,
    Snap,
    Trunc,
}

impl How {
    /// What Apache's learner logs of it.
    fn in_learners_log(self) -> &'static str {
        match self {
            Self::Diff => "Getting a diff from the leader",
            Self::Snap => "Getting a snapshot from leader",
            Self::Trunc => "Truncating log to get in sync with the leader",
        }
    }

    /// What Apache's leader logs of it.
    fn in_leaders_log(self) -> &'static str {
        match self {
            Self::Diff => "Sending DIFF",
            Self::Snap => "Sending snapshot",
            Self::Trunc => "Sending TRUNC",
        }
    }
}

/// Apache's member of the two says how the last synchronisation went.
pub(super) fn synchronised(ensemble: &Ensemble, leader: usize, learner: usize, how: How) -> Result<()> {
    let all = [How::Diff, How::Snap, How::Trunc];
    let apache = |id: usize| matches!(ensemble.member(id).who, Who::Apache(_));
    let (log, phrase): (String, fn(How) -> &'static str) = match (apache(learner), apache(leader)) {
        (true, _) => (ensemble.log(learner)?, How::in_learners_log),
        (false, true) => (ensemble.log(leader)?, How::in_leaders_log),
        (false, false) => return Ok(()),
    };
    let last = log.lines().rev().find_map(|line| all.into_iter().find(|how| line.contains(phrase(*how))));
    ensure!(last == Some(how), "member {learner} came to member {leader}'s history by {last:?}, not by {how:?}");
    Ok(())
}

/// The leader is the only one that has its last proposals when it is killed; it comes back as a follower that must
/// forget them. Gives the new leader.
fn truncated(ensemble: &mut Ensemble, leader: usize, base: &str) -> Result<usize> {
    let others: Vec<usize> = ensemble.running().into_iter().filter(|id| *id != leader).collect();
    let mut client = ensemble.connect(leader)?;
    // What the successor keeps at hand reaches back before the tail.
    fill(&mut client, &format!("{base}/before"), FEW)?;
    // A stopped process takes nothing from its socket, and what is in there goes with it.
    others.iter().try_for_each(|id| ensemble.pause(*id))?;
    let last = format!("{base}/only-the-leader-has-{}", TAIL - 1);
    for number in 0..TAIL {
        let path = format!("{base}/only-the-leader-has-{number}");
        client.send(OpCode::CREATE, &create_request(&path, b"", 0, open_acl()));
    }
    let folder = ensemble.member(leader).data().join("version-2");
    wait_for("the leader's log to have its proposals", DEADLINE, || in_a_log(&folder, last.as_bytes()))?;
    others.iter().try_for_each(|id| ensemble.kill(*id))?;
    ensemble.kill(leader)?;
    others.iter().try_for_each(|id| ensemble.start(*id))?;
    let successor = ensemble.wait_settled()?;
    // No client writes yet: behind a transaction of the new epoch Apache's leader sends a snapshot instead.
    ensemble.start(leader)?;
    let leads = ensemble.wait_settled().context("behind a TRUNC")?;
    ensure!(leads == successor, "member {leads} leads");
    synchronised(ensemble, successor, leader, How::Trunc)?;
    let mut client = ensemble.connect(leader)?;
    ensure!(!client.exists(&last)?, "nobody acknowledged {last}, and it is there");
    fill(&mut client, &format!("{base}/after"), FEW)?;
    client.close()?;
    ensemble.same_trees()?;
    Ok(successor)
}

/// Whether the newest log of the folder has these bytes.
fn in_a_log(folder: &Path, bytes: &[u8]) -> Option<()> {
    let logs = std::fs::read_dir(folder).ok()?.filter_map(|entry| {
        let entry = entry.ok()?;
        let name = entry.file_name().to_string_lossy().into_owned();
        Some((i64::from_str_radix(name.strip_prefix("log.")?, 16).ok()?, entry.path()))
    });
    let log = std::fs::read(logs.max()?.1).ok()?;
    log.windows(bytes.len()).any(|window| window == bytes).then_some(())
}

/// Clients on every member write while the leader is killed; everything acknowledged is there afterwards.
fn killed_under_load(ensemble: &mut Ensemble) -> Result<String> {
    let leader = ensemble.wait_settled()?;
    let mut setup = ensemble.connect(leader)?;
    setup.create("/load", b"", 0, open_acl())?;
    setup.close()?;
    let ports: Vec<u16> = ensemble.ids().map(|id| ensemble.port(id)).collect();
    let (acknowledged, enough, count) = (Mutex::default(), AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..ports.len())
            .map(|writer| {
                scope.spawn({
                    let shared = (&acknowledged, &enough, &count);
                    let ports = &ports;
                    move || write(ports, writer, shared)
                })
            })
            .collect();
        let more = || {
            let from = count.load(Ordering::Relaxed);
            wait_for("acknowledged writes", DEADLINE, || {
                (count.load(Ordering::Relaxed) >= from + UNDER_LOAD).then_some(())
            })
        };
        let story = (|| {
            more()?;
            ensemble.kill(leader)?;
            more().context("after the leader was killed")?;
            ensemble.start(leader)?;
            ensemble.wait_settled()?;
            more().context("after the old leader came back")
        })();
        enough.store(true, Ordering::Relaxed);
        writers.into_iter().try_for_each(|writer| writer.join().expect("a writer does not panic"))?;
        story.with_context(|| ensemble.log_tails())
    })?;
    let acknowledged: BTreeMap<String, usize> = acknowledged.into_inner().expect("no writer panicked");
    for id in ensemble.running() {
        let mut client = ensemble.connect(id)?;
        client.sync()?;
        for (path, member) in &acknowledged {
            ensure!(client.exists(path)?, "{path}, acknowledged on the port of member {member}, is not on member {id}");
        }
        client.close()?;
    }
    let now = ensemble.wait_settled()?;
    Ok(format!(
        "  ok     {} leads after {} was killed under load: {} acknowledged writes are on every member\n",
        ensemble.member(now).who,
        ensemble.member(leader).who,
        acknowledged.len()
    ))
}

/// Creates nodes of its own one after the other, on another member whenever a connection is lost.
pub(super) fn write(
    ports: &[u16],
    writer: usize,
    (acknowledged, enough, count): (&Mutex<BTreeMap<String, usize>>, &AtomicBool, &AtomicUsize),
) -> Result<()> {
    let mut member = writer % ports.len();
    let mut client: Option<ZkClient> = None;
    for number in 0.. {
        if enough.load(Ordering::Relaxed) {
            break;
        }
        let Some(line) = &mut client else {
            member = (member + 1) % ports.len();
            client = ZkClient::connect(ports[member]).ok();
            continue;
        };
        let path = format!("/load/{writer}-{number}");
        match line.ask(OpCode::CREATE, &create_request(&path, b"", 0, open_acl())) {
            Ok((ErrorCode::OK, _)) => {
                acknowledged.lock().expect("no writer panics").insert(path, member + 1);
                count.fetch_add(1, Ordering::Relaxed);
            }
            Ok((ErrorCode::CONNECTION_LOSS, _)) | Err(_) => client = None,
            Ok((error, _)) => anyhow::bail!("create of {path} answered {error:?}"),
        }
    }
    Ok(())
}
