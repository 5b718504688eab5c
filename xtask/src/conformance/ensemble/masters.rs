//! Observers that learn from followers (`observerMasterPort`): the whole story with them, and what becomes of an observer
//! whose follower is gone.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::story;
use crate::conformance::zk_client::open_acl;
use crate::ensemble::{APACHE, DEADLINE, Ensemble, Options, Who};
use crate::probe;
use crate::process::wait_for;

/// Voters of both makes, and an observer of each.
pub fn run(dir: &Path) -> Result<String> {
    let lines = format!("observerMasterPort={}\n", probe::free_port()?);
    let options = Options { lines: &lines, own_addresses: true, ..Options::default() };
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
