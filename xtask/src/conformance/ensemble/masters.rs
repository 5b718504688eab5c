//! Observers that learn from followers (`observerMasterPort`): the whole story with them, and what becomes of an observer
//! whose follower is gone.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use serde_json::Value;

use super::story;
use crate::conformance::surface::http;
use crate::conformance::zk_client::open_acl;
use crate::ensemble::{APACHE, DEADLINE, Ensemble, Options, Who};
use crate::probe;
use crate::process::wait_for;

/// Voters of both makes, and an observer of each.
pub fn run(dir: &Path) -> Result<String> {
    let lines = format!("observerMasterPort={}\n", probe::free_port()?);
    let options = Options { lines: &lines, own_addresses: true, admin: true, ..Options::default() };
    let mut text = String::new();
    for (name, voters) in [("ours", [Who::Ours; 3]), ("apache", [APACHE; 3]), ("mixed", [APACHE, Who::Ours, APACHE])] {
        let mut ensemble = Ensemble::with_observers(&dir.join(name), &voters, &[Who::Ours, APACHE], options)?;
        text += &moves(&mut ensemble).with_context(|| ensemble.log_tails())?;
        ensemble.end()?;
    }
    Ok(text + &story::run_with(&dir.join("story"), &[Who::Ours, APACHE, Who::Ours], &[Who::Ours, APACHE], options)?)
}

/// Each observer learns from a follower; when that follower is gone, from another server, and no write is missing.
fn moves(ensemble: &mut Ensemble) -> Result<String> {
    let leader = ensemble.start_settled()?;
    let observers: Vec<usize> = ensemble.ids().filter(|id| !ensemble.voters().contains(id)).collect();
    let mut text = format!("  {}\n", ensemble.makes());
    let mut client = ensemble.connect(leader)?;
    client.create("/first", b"", 0, open_acl())?;
    client.close()?;
    story::every_member_writes(ensemble, "/first")?;
    observers_are_shown(ensemble, &observers)?;
    for observer in observers {
        let who = ensemble.member(observer).who;
        // One that was there before the followers took observers learns from the leader.
        ensemble.kill(observer)?;
        ensemble.start(observer)?;
        let what = format!("observer {observer} ({who}) to learn from a follower");
        let follows = |master: &usize| *master != leader && ensemble.voters().contains(master);
        let master = wait_for(&what, DEADLINE, || ensemble.master_of(observer).filter(follows))?;
        let other = ensemble.member(master).who;
        ensemble.kill(master)?;
        let what = format!("observer {observer} ({who}) to learn from another server than {master} ({other})");
        wait_for(&what, DEADLINE, || ensemble.master_of(observer).filter(|now| *now != master))?;
        let mut client = ensemble.connect(observer)?;
        client.create(&format!("/through-{observer}"), b"", 0, open_acl())?;
        client.sync()?;
        client.close()?;
        ensemble.start(master)?;
        ensure!(ensemble.wait_settled()? == leader, "the leader changed, though a quorum was there");
        text += &format!("  ok     {who} observed a follower ({other}), and another server when that was killed\n");
    }
    let nodes = ensemble.equal_trees()?;
    Ok(text + &format!("  ok     {nodes} znodes on every member\n"))
}

/// What AdminServer's `observers` says of each: on servers of either make the same.
const SHOWN: [&str; 9] = [
    "established",
    "last_zxid",
    "packets_received",
    "packets_sent",
    "queued_packets",
    "queued_packets_size",
    "remote_socket_address",
    "requests",
    "sid",
];

/// Each observer is shown by the server that it learns from, with its connection.
fn observers_are_shown(ensemble: &Ensemble, observers: &[usize]) -> Result<()> {
    let shown = || {
        let mut sids = Vec::new();
        for id in ensemble.voters() {
            let answer = http::ask(ensemble.member(id).admin_port, "GET", "/commands/observers", "", b"")?;
            let answer: Value = serde_json::from_slice(&answer.body).context("an answer in JSON")?;
            let all = answer["observers"].as_array().with_context(|| format!("no observers in {answer}"))?;
            ensure!(answer["synced_observers"] == all.len(), "not so many are there: {answer}");
            for observer in all {
                let mut keys: Vec<&String> =
                    observer.as_object().into_iter().flat_map(|fields| fields.keys()).collect();
                keys.sort();
                ensure!(keys == SHOWN, "{} shows {answer}", ensemble.member(id).who);
                ensure!(observer["packets_received"].as_u64() > Some(0), "it has said who it is: {answer}");
                sids.extend(observer["sid"].as_u64().and_then(|sid| usize::try_from(sid).ok()));
            }
        }
        sids.sort_unstable();
        Ok::<_, anyhow::Error>(sids)
    };
    wait_for("every observer to be shown by AdminServers", DEADLINE, || match shown() {
        Ok(sids) => (sids == observers).then_some(Ok(())),
        Err(error) => Some(Err(error)),
    })?
}
