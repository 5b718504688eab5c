//! Sessions that one member keeps to itself (`localSessionsEnabled`): the same to clients on members of both makes, whoever
//! leads.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use zk_wire::{CreateRequest, ErrorCode, OpCode, SessionId};

use crate::conformance::zk_client::{EPHEMERAL, ZkClient, create_request, open_acl};
use crate::ensemble::{APACHE, DEADLINE, Ensemble, Options, Who};
use crate::probe;
use crate::process::wait_for;

/// A session lives for two seconds at most, so that its end is not waited for long.
const LINES: &str = "tickTime=500\ninitLimit=20\nsyncLimit=10\nmaxSessionTimeout=2000\nlocalSessionsEnabled=true\n";

/// Members of both makes, under a leader of each.
pub fn run(dir: &Path) -> Result<String> {
    of(dir, &[Who::Ours, APACHE, Who::Ours])
}

/// The same with Apache's members only, which proves it.
pub fn run_apache(dir: &Path) -> Result<String> {
    of(dir, &[APACHE; 3])
}

fn of(dir: &Path, voters: &[Who]) -> Result<String> {
    let mut text = String::new();
    for upgrading in [false, true] {
        let lines = format!("{LINES}localSessionsUpgradingEnabled={upgrading}\n");
        let options = Options { lines: &lines, ..Options::default() };
        let mut ensemble = Ensemble::new(&dir.join(upgrading.to_string()), voters, options)?;
        let told = stories(&mut ensemble, upgrading).with_context(|| ensemble.log_tails())?;
        text += &told;
        ensemble.end()?;
    }
    Ok(text)
}

fn stories(ensemble: &mut Ensemble, upgrading: bool) -> Result<String> {
    let mut text = String::new();
    ensemble.start_settled()?;
    for leader in [1, 2] {
        ensemble.make_lead(leader)?;
        for id in ensemble.ids() {
            let who = ensemble.member(id).who;
            let what = format!("member {id} ({who}) under {leader} ({})", ensemble.member(leader).who);
            story(ensemble, id, &format!("/by-{leader}-{id}"), upgrading).with_context(|| what.clone())?;
            text += &format!("  ok     {what}: upgrading {upgrading}\n");
        }
    }
    let nodes = ensemble.equal_trees()?;
    Ok(text + &format!("  ok     {nodes} znodes on every member\n"))
}

/// One member, with nobody else at work.
fn story(ensemble: &Ensemble, id: usize, path: &str, upgrading: bool) -> Result<()> {
    let port = ensemble.port(id);
    let others: Vec<u16> = ensemble.ids().filter(|other| *other != id).map(|other| ensemble.port(other)).collect();
    // Sessions of before are over, also those that are the ensemble's.
    let before = quiet(ensemble, id)?;
    let first = ensemble.connect(id)?;
    let session = first.session;
    ensure!(number(port, "local_sessions")? == 1, "a new session is the member's own");
    // On the same member it goes on, over another connection, and nothing of that is logged.
    let mut client = ZkClient::resume(port, session).context("resume where it began")?;
    ensure!(client.session == session, "another session was given");
    drop(first);
    ensure!(zxid(port)? == before, "something was logged for a session of a member");
    client.create(path, b"", 0, open_acl()).context("a local session writes")?;
    // Elsewhere it is not known; and nobody ends it where it is, for being asked for elsewhere.
    for other in &others {
        ensure!(is_over(*other, session)?, "another member knows the session");
    }
    client.create(&format!("{path}/still"), b"", 0, open_acl()).context("the session goes on where it began")?;
    ensure!(number(port, "local_sessions")? == 1, "the session was ended by a question elsewhere");
    let ephemeral = create_request(&format!("{path}/e"), b"", EPHEMERAL, open_acl());
    match (upgrading, ask(&mut client, &ephemeral)?) {
        (false, ErrorCode::EPHEMERAL_ON_LOCAL_SESSION) => {}
        (true, ErrorCode::OK) => return upgraded(ensemble, port, &others, client),
        (_, code) => bail!("an ephemeral node of a local session: {code:?}"),
    }
    // Its own end, which the others hear nothing of.
    let logged = zxid(port)?;
    client.close()?;
    ensure!(is_over(port, session)?, "a closed session goes on");
    // And the end of one that is heard of no more.
    let silent = ensemble.connect(id)?;
    let session = silent.session;
    drop(silent);
    wait_for("the end of a session of which nothing is heard", DEADLINE, || {
        (number(port, "local_sessions").ok()? == 0).then_some(())
    })?;
    ensure!(is_over(port, session)?, "a session goes on behind its timeout");
    ensure!(zxid(port)? == logged, "the end of a local session was logged");
    Ok(())
}

/// The session has become the ensemble's: everybody knows it, and its node ends with it.
fn upgraded(ensemble: &Ensemble, port: u16, others: &[u16], client: ZkClient) -> Result<()> {
    let session = client.session;
    drop(client);
    let mut client = None;
    for other in others {
        let next = ZkClient::resume(*other, session).context("resume the ensemble's session elsewhere")?;
        ensure!(next.session == session, "another session was given");
        client = Some(next);
    }
    client.context("there are other members")?.close()?;
    ensure!(is_over(port, session)?, "a closed session goes on");
    ensemble.equal_trees().map(|_| ())
}

fn ask(client: &mut ZkClient, request: &CreateRequest) -> Result<ErrorCode> {
    client.ask(OpCode::CREATE, request).map(|(code, _)| code)
}

/// Whether the member says that the session is over; it may also say that it goes on.
fn is_over(port: u16, session: SessionId) -> Result<bool> {
    match ZkClient::resume(port, session) {
        Ok(_) => Ok(false),
        Err(error) if error.to_string().contains("is expired") => Ok(true),
        Err(error) => Err(error),
    }
}

/// Waits until nobody has a session there; the last transaction then.
fn quiet(ensemble: &Ensemble, id: usize) -> Result<String> {
    let port = ensemble.port(id);
    let ended = |what: &str| number(port, what).is_ok_and(|count| count == 0);
    wait_for("the end of all sessions", DEADLINE, || {
        (ended("local_sessions") && ended("global_sessions")).then_some(())
    })?;
    zxid(port)
}

fn number(port: u16, what: &str) -> Result<u64> {
    let text = probe::four_letter_word(port, "mntr").context("mntr")?;
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("zk_{what}\t")));
    line.with_context(|| format!("mntr says nothing of {what}"))?.trim().parse().context("a number in mntr")
}

fn zxid(port: u16) -> Result<String> {
    let text = probe::four_letter_word(port, "srvr").context("srvr")?;
    let line = text.lines().find_map(|line| line.strip_prefix("Zxid: "));
    Ok(line.context("srvr says no zxid")?.to_owned())
}
