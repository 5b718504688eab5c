//! The rolling migration, as a person does it: an Apache ensemble becomes ours member by member, each on the folder and
//! the `zoo.cfg` of its predecessor, and Apache's again, while clients of kazoo and Curator work. No session, no
//! ephemeral node and no acknowledged write is lost.

use std::path::Path;

use anyhow::{Context, Result};

use super::load::Load;
use crate::ensemble::{APACHE, Ensemble, Options, Who};

/// There and back.
pub fn run(dir: &Path) -> Result<String> {
    story(dir, &[Who::Ours, APACHE])
}

/// Apache's members restarted in turn: this proves the suite.
pub fn run_apache(dir: &Path) -> Result<String> {
    story(dir, &[APACHE])
}

fn story(dir: &Path, way: &[Who]) -> Result<String> {
    let mut ensemble = Ensemble::new(dir, &[APACHE; 3], Options::default())?;
    ensemble.start_settled()?;
    let mut loads = vec![Load::kazoo(&ensemble.hosts(), dir)?, Load::curator(&ensemble.hosts(), dir)?];
    let mut text = String::new();
    for to in way {
        text += &one_way(&mut ensemble, *to, &mut loads).with_context(|| format!("on the way to {to}"))?;
    }
    for load in loads {
        text += &format!("  ok     {}\n", load.end()?);
    }
    let nodes = ensemble.equal_trees()?;
    ensemble.end()?;
    Ok(format!("{text}  ok     {nodes} znodes, the same on every member\n"))
}

/// Replaces every member, the leader last, as an operator would.
fn one_way(ensemble: &mut Ensemble, to: Who, loads: &mut [Load]) -> Result<String> {
    let mut left = ensemble.voters();
    let mut done = Vec::new();
    while !left.is_empty() {
        let leader = ensemble.wait_settled()?;
        let next = left.iter().position(|id| *id != leader).unwrap_or(0);
        let next = left.remove(next);
        let from = ensemble.member(next).who;
        ensemble.stop(next)?;
        ensemble.replace(next, to)?;
        ensemble.start(next)?;
        let leader = ensemble.wait_settled()?;
        for load in loads.iter_mut() {
            load.check().with_context(|| {
                format!("after member {next} became {to} instead of {from}\n{}", ensemble.log_tails())
            })?;
        }
        done.push(format!("{next} (then {} led)", ensemble.member(leader).who));
    }
    Ok(format!("  ok     to {to}, members {} in turn, under load\n", done.join(", ")))
}
