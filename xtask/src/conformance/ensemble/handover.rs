//! Leadership handed over by our leaders, to members of both makes, while clients write on every member: who was named
//! leads, no session ends, and nothing that was acknowledged is lost.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::story::write;
use crate::conformance::servers::castlekeep;
use crate::conformance::zk_client::{EPHEMERAL, ZkClient, open_acl};
use crate::ensemble::{DEADLINE, Ensemble, Options, Who};
use crate::process::{run_ok, wait_for};

/// Writes to be acknowledged between two handovers.
const BETWEEN: usize = 200;
/// How closely the pause is looked at.
const LOOK: Duration = Duration::from_millis(1);

/// Each of `handovers` is a leader of ours and who shall lead.
pub fn run(dir: &Path, voters: &[Who], handovers: &[(usize, usize)]) -> Result<String> {
    let options = Options { admin: true, ..Options::default() };
    let mut ensemble = Ensemble::new(dir, voters, options)?;
    let first = ensemble.start_settled()?;
    let mut text = format!("  {}\n", ensemble.makes());
    let mut setup = ensemble.connect(first)?;
    setup.create("/load", b"", 0, open_acl())?;
    setup.create("/held", b"", EPHEMERAL, open_acl())?;
    let session = setup.session;
    for (from, to) in handovers {
        if ensemble.wait_settled()? != *from {
            ensemble.make_lead(*from)?;
            // That took a while.
            ZkClient::resume(ensemble.port(*from), session)?;
        }
        text += &one(&mut ensemble, *from, *to).with_context(|| ensemble.log_tails())?;
        let mut held = ZkClient::resume(ensemble.port(*to), session)
            .with_context(|| format!("the session goes on behind the handover from {from} to {to}"))?;
        ensure!(held.exists("/held")?, "/held, an ephemeral node, is gone with the handover from {from} to {to}");
    }
    ZkClient::resume(ensemble.port(first), session)?.close()?;
    let nodes = ensemble.same_trees()?;
    ensemble.end()?;
    Ok(text + &format!("  ok     {nodes} znodes on every member; every folder replayed to its digests\n"))
}

fn one(ensemble: &mut Ensemble, from: usize, to: usize) -> Result<String> {
    let ports: Vec<u16> = ensemble.ids().map(|id| ensemble.port(id)).collect();
    let (acknowledged, enough, count) = (Mutex::default(), AtomicBool::new(false), AtomicUsize::new(0));
    let pause = std::thread::scope(|scope| {
        let shared = (&acknowledged, &enough, &count);
        let ports = &ports;
        let writers: Vec<_> = (0..ports.len())
            .map(|writer| scope.spawn(move || write(ports, to * 100 + from * 10 + writer, shared)))
            .collect();
        let more = || {
            let from = count.load(Ordering::Relaxed);
            wait_for("acknowledged writes", DEADLINE, || {
                (count.load(Ordering::Relaxed) >= from + BETWEEN).then_some(())
            })
        };
        let story = (|| {
            more()?;
            let over = AtomicBool::new(false);
            std::thread::scope(|watch| {
                let longest = watch.spawn(|| longest_pause(&count, &over));
                let handed = hand_over(ensemble, from, to).and_then(|()| more().context("behind the handover"));
                over.store(true, Ordering::Relaxed);
                handed.map(|()| longest.join().expect("a watcher does not panic"))
            })
        })();
        enough.store(true, Ordering::Relaxed);
        writers.into_iter().try_for_each(|writer| writer.join().expect("a writer does not panic"))?;
        story
    })?;
    let acknowledged: BTreeMap<String, usize> = acknowledged.into_inner().expect("no writer panicked");
    ensure!(ensemble.wait_settled()? == to, "{to} leads for as long as nothing happens");
    for id in ensemble.running() {
        let mut client = ensemble.connect(id)?;
        client.sync()?;
        for path in acknowledged.keys() {
            ensure!(client.exists(path)?, "{path} was acknowledged and is not on member {id}");
        }
        client.close()?;
    }
    let (old, new) = (ensemble.member(from).who, ensemble.member(to).who);
    let (count, pause) = (acknowledged.len(), pause.as_millis());
    Ok(format!("  ok     {from} ({old}) to {to} ({new}): {count} writes, none acknowledged for {pause} ms at most\n"))
}

fn hand_over(ensemble: &mut Ensemble, from: usize, to: usize) -> Result<()> {
    let mut command = Command::new(castlekeep()?);
    command.args(["zk", "transfer-leadership", "--to", &to.to_string()]);
    command.arg(format!("127.0.0.1:{}", ensemble.member(from).admin_port));
    run_ok(command, "", DEADLINE)?;
    let leader = ensemble.wait_settled()?;
    ensure!(leader == to, "leadership was handed to {to}, and {leader} leads");
    Ok(())
}

/// The longest time in which the count did not grow.
fn longest_pause(count: &AtomicUsize, over: &AtomicBool) -> Duration {
    let (mut longest, mut last, mut since) = (Duration::ZERO, count.load(Ordering::Relaxed), Instant::now());
    while !over.load(Ordering::Relaxed) {
        std::thread::park_timeout(LOOK);
        longest = longest.max(since.elapsed());
        let now = count.load(Ordering::Relaxed);
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    longest
}
