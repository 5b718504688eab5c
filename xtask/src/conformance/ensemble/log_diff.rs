//! A member that lacks more than its leader keeps in memory gets it from the leader's log, when that is small beside the
//! newest snapshot (`snapshotSizeFactor`), and a snapshot otherwise.

use std::path::Path;

use anyhow::{Context, Result};

use super::story::{How, fill, synchronised};
use crate::conformance::zk_client::open_acl;
use crate::ensemble::{APACHE, DEADLINE, Ensemble, Options, Who};
use crate::process::wait_for;

/// Few in memory, snapshots often, and files that grow by little: Apache weighs files with their padding.
const LINES: &str = "commitLogCount=50\nsnapCount=300\npreAllocSize=64\n";
/// More than `commitLogCount`.
const LACKS: usize = 200;
/// Nodes that make the snapshots large, and their bytes.
const LARGE: (usize, usize) = (40, 100_000);

/// A leader of each make, and a learner of the other.
pub fn run(dir: &Path) -> Result<String> {
    let ours = under(&dir.join("ours"), Who::Ours, APACHE)?;
    Ok(ours + &under(&dir.join("apache"), APACHE, Who::Ours)?)
}

fn under(dir: &Path, leads: Who, learns: Who) -> Result<String> {
    let options = Options { lines: LINES, ..Options::default() };
    let mut ensemble = Ensemble::new(dir, &[learns, leads, leads], options)?;
    ensemble.start_settled()?;
    ensemble.make_lead(3)?;
    let mut client = ensemble.connect(3)?;
    for number in 0..LARGE.0 {
        client.create(&format!("/large-{number}"), &vec![b'x'; LARGE.1], 0, open_acl())?;
    }
    // Until a snapshot has them, and a log begins behind it.
    let snapshots = ensemble.member(3).data().join("version-2");
    let mut round = 0;
    wait_for("a snapshot with the large nodes", DEADLINE, || {
        round += 1;
        fill(&mut client, &format!("/small-{round}"), LACKS).ok()?;
        let large = (LARGE.0 * LARGE.1) as u64;
        let entries = std::fs::read_dir(&snapshots).ok()?.flatten();
        let is_snapshot = |entry: &std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with("snapshot.");
        entries.filter(is_snapshot).any(|entry| entry.metadata().is_ok_and(|meta| meta.len() > large)).then_some(())
    })?;
    fill(&mut client, "/behind-the-snapshot", LACKS)?;
    ensemble.stop(1)?;
    fill(&mut client, "/lacked", LACKS)?;
    ensemble.start(1)?;
    ensemble.wait_settled().context("behind a DIFF from the log")?;
    synchronised(&ensemble, 3, 1, How::Diff)?;
    client.close()?;
    let nodes = ensemble.equal_trees()?;
    ensemble.end()?;
    Ok(format!(
        "  ok     {leads} leads: {learns} got {LACKS} transactions from the log; {nodes} znodes on every member\n"
    ))
}
