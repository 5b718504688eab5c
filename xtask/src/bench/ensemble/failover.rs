//! How long nobody leads: cold starts, and leaders that are killed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use zk_wire::SessionId;

use super::{Bench, MAKES, forget, of, say, worst};
use crate::bench::keeper::Both;
use crate::bench::keeper::row::Row;
use crate::conformance::zk_client::{EPHEMERAL, ZkClient, open_acl};
use crate::ensemble::{DEADLINE, Ensemble};
use crate::process::wait_for;

const SET: &str = "/set";
const ALIVE: &str = "/alive";

/// Three members with empty folders, started at once, until a client's first write is acknowledged by a leader's quorum.
pub fn cold_starts(bench: &Bench) -> Result<Row> {
    let mut seconds = Both::default();
    for round in 0..bench.options.starts {
        for who in MAKES {
            let name = format!("start-{round}");
            let mut ensemble = bench.ensemble(who, &name)?;
            let started = Instant::now();
            ensemble.start_all()?;
            wait_for("a leader", DEADLINE, || ensemble.leader())?;
            of(&mut seconds, who).push(started.elapsed().as_secs_f64());
            say(&format!("cold start {round} of {who}: {:.2} s", started.elapsed().as_secs_f64()));
            drop(ensemble);
            forget(&bench.dir.join(name));
        }
    }
    Ok(Row::plain("three cold members to a leader", "s", seconds).at_most(1.0, ""))
}

/// Leaders killed and started again, a round of each make in turn.
pub fn failovers(bench: &Bench) -> Result<Vec<Row>> {
    let (mut to_write, mut to_serve) = (Both::default(), Both::default());
    let mut ensembles = Vec::new();
    for who in MAKES {
        let mut ensemble = bench.ensemble(who, "failover")?;
        let leader = ensemble.start_settled()?;
        let mut client = ensemble.connect(leader)?;
        client.create(SET, b"", 0, open_acl())?;
        client.create(ALIVE, b"", EPHEMERAL, open_acl())?;
        ensembles.push((who, ensemble, client.session));
    }
    for round in 0..bench.options.failovers {
        for (who, ensemble, session) in &mut ensembles {
            let (write, serve) = one(ensemble, *session).with_context(|| format!("round {round} of {who}"))?;
            of(&mut to_write, *who).push(write);
            of(&mut to_serve, *who).push(serve);
            say(&format!("failover {round} of {who}: write after {write:.3} s, member serves after {serve:.3} s"));
        }
    }
    for (who, ensemble, session) in ensembles {
        let leader = ensemble.leader().context("nobody leads in the end")?;
        let mut client = ZkClient::resume(ensemble.port(leader), session)?;
        ensure!(client.exists(ALIVE)?, "the ephemeral node of {who} is gone");
    }
    let most = worst(&to_write);
    Ok(vec![
        Row::plain("leader killed to the first acknowledged write", "s", to_write).at_most(0.3, ""),
        Row::plain("the longest of these", "s", most).at_most(1.0, ""),
        Row::plain("a killed member started to its first answer", "s", to_serve).at_most(0.5, ""),
    ])
}

/// Kills the leader; gives the seconds to the session's next write, and those from the start of the killed one until
/// it serves.
fn one(ensemble: &mut Ensemble, session: SessionId) -> Result<(f64, f64)> {
    let leader = ensemble.wait_settled()?;
    let others: Vec<u16> = ensemble.ids().filter(|id| *id != leader).map(|id| ensemble.port(id)).collect();
    // As a client that was with a follower: it is connected while the leader dies.
    let mut client = Some(ZkClient::resume(others[0], session)?);
    ensemble.kill(leader)?;
    let killed = Instant::now();
    let mut turn = 0;
    wait_for("an acknowledged write", DEADLINE, || {
        if client.is_none() {
            turn += 1;
            client = ZkClient::resume(others[turn % others.len()], session).ok();
        }
        let written = client.as_mut()?.set(SET, b"x").ok();
        if written.is_none() {
            client = None;
        }
        written
    })?;
    let write = killed.elapsed().as_secs_f64();
    ensemble.start(leader)?;
    let started = Instant::now();
    wait_for("the member to serve", DEADLINE, || ensemble.mode(leader))?;
    let serve = started.elapsed().as_secs_f64();
    // The session rests longer than the member's start only on a machine that hangs.
    ensure!(serve < Duration::from_secs(30).as_secs_f64(), "the member took {serve} s");
    Ok((write, serve))
}
