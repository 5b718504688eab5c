//! `castlekeep.linearizableReads` beside Apache's members: followers of Apache's confirm our leader, and a leader of
//! Apache's answers our question.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use zk_wire::{GetDataRequest, GetDataResponse, Jute, OpCode, SetDataRequest};

use crate::conformance::zk_client::{ZkClient, open_acl};
use crate::ensemble::{APACHE, Ensemble, Options, Who};

const LINES: &str = "castlekeep.linearizableReads=true\n";
/// Writes under each leader, each read on every member of ours.
const ROUNDS: u64 = 150;

/// Under a leader of each make.
pub fn run(dir: &Path) -> Result<String> {
    let mut text = String::new();
    for voters in [[Who::Ours, APACHE, APACHE], [Who::Ours, APACHE, Who::Ours]] {
        let ours = voters.iter().filter(|who| **who == Who::Ours).count();
        let options = Options { lines: LINES, ..Options::default() };
        let mut ensemble = Ensemble::with_observers(&dir.join(ours.to_string()), &voters, &[Who::Ours], options)?;
        ensemble.start_settled()?;
        for leader in [1, 2] {
            ensemble.make_lead(leader)?;
            let path = format!("/under-{leader}");
            let reads = rounds(&ensemble, &path).with_context(|| ensemble.log_tails())?;
            let make = ensemble.member(leader).who;
            text += &format!("  ok     {}, led by {make}: {reads} reads, none behind a write\n", ensemble.makes());
        }
        ensemble.equal_trees()?;
        ensemble.end()?;
    }
    Ok(text)
}

fn rounds(ensemble: &Ensemble, path: &str) -> Result<usize> {
    let mut clients: Vec<(usize, ZkClient)> =
        ensemble.ids().map(|id| Ok((id, ensemble.connect(id)?))).collect::<Result<_>>()?;
    clients[0].1.create(path, b"", 0, open_acl())?;
    let mut reads = 0;
    for round in 0..ROUNDS {
        let writer = round as usize % clients.len();
        let data = Some(round.to_string().into_bytes().into());
        clients[writer].1.ask_for_zxid(OpCode::SET_DATA, &SetDataRequest { path: path.into(), data, version: -1 })?;
        for (id, client) in &mut clients {
            if ensemble.member(*id).who != Who::Ours {
                continue;
            }
            let (_, body) =
                client.ask_for_zxid(OpCode::GET_DATA, &GetDataRequest { path: path.into(), watch: false })?;
            let got = GetDataResponse::from_bytes(body).context("read a node")?.data.unwrap_or_default();
            ensure!(*got == *round.to_string().as_bytes(), "member {id} shows {got:?} in round {round}");
            reads += 1;
        }
    }
    for (_, client) in clients {
        client.close()?;
    }
    Ok(reads)
}
