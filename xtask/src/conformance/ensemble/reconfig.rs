//! Reconfigurations of a running ensemble: a server joins, changes its part, and leaves; the leader leaves too. Whoever
//! leads, every member shows the configuration that the client was told, writes it to its files as Apache's server does,
//! and comes back with it.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use zk_wire::{ErrorCode, GetDataRequest, GetDataResponse, Jute, OpCode, ReconfigRequest};

use crate::conformance::zk_client::open_acl;
use crate::ensemble::{APACHE, DEADLINE, Ensemble, Options, Who};
use crate::probe;
use crate::process::wait_for;

const CONFIG: &str = "/zookeeper/config";
const LINES: &str = "reconfigEnabled=true\nskipACL=yes\n";

/// Ours leads and Apache's joins; Apache's leads and ours joins.
pub fn run(dir: &Path) -> Result<String> {
    let ours = story(&dir.join("ours"), &[APACHE, APACHE, Who::Ours], APACHE)?;
    Ok(ours + &story(&dir.join("apache"), &[Who::Ours, Who::Ours, APACHE], Who::Ours)?)
}

/// Apache's alone: this proves the suite.
pub fn run_apache(dir: &Path) -> Result<String> {
    story(dir, &[APACHE; 3], APACHE)
}

/// Three voters, of which the third leads, and a fourth server.
fn story(dir: &Path, voters: &[Who], joiner: Who) -> Result<String> {
    let options = Options { lines: LINES, reconfigures: true, ..Options::default() };
    let mut ensemble = Ensemble::with_observers(dir, voters, &[joiner], options)?;
    let result = changes(&mut ensemble).with_context(|| ensemble.log_tails());
    let text = result?;
    ensemble.end()?;
    Ok(text)
}

fn changes(ensemble: &mut Ensemble) -> Result<String> {
    let mut text = format!("  {}\n", ensemble.makes());
    // Of empty logs that of the largest id leads, if it is there in time.
    ensemble.start(3)?;
    let port = ensemble.port(3);
    wait_for("member 3 to be there", DEADLINE, || probe::four_letter_word(port, "ruok"))?;
    (1..3).try_for_each(|id| ensemble.start(id))?;
    let leader = ensemble.wait_settled()?;
    ensure!(leader == 3, "{leader} leads");
    ensemble.start(4)?;
    ensemble.wait_settled().context("with a server that no configuration has")?;
    let first = [1, 2, 3].map(|id| ensemble.line(id, "participant"));
    agree(ensemble, &first)?;

    let all = [1, 2, 3, 4].map(|id| ensemble.line(id, "participant"));
    change(ensemble, 1, &Change::Join(&all[3])).context("4 joins")?;
    agree(ensemble, &all)?;
    write_everywhere(ensemble, "joined")?;
    text += "  ok     a server joins\n";

    let observer = ensemble.line(2, "observer");
    change(ensemble, 4, &Change::Join(&observer)).context("2 becomes an observer")?;
    wait_mode(ensemble, 2, "observer")?;
    agree(ensemble, &[&all[0], &observer, &all[2], &all[3]])?;
    change(ensemble, 1, &Change::Replace(&all.join(","))).context("2 becomes a participant")?;
    wait_mode(ensemble, 2, "follower")?;
    agree(ensemble, &all)?;
    text += "  ok     a participant becomes an observer and a participant again\n";

    change(ensemble, 1, &Change::Leave(3)).context("the leader leaves")?;
    let next = ensemble.wait_settled().context("without the leader")?;
    ensure!(next != 3, "3 leads, and is in no configuration");
    let rest = [&all[0], &all[1], &all[3]];
    agree(ensemble, &rest)?;
    write_everywhere(ensemble, "left")?;
    let named = ensemble.member(next).who;
    text += &format!("  ok     the leader ({}) leaves, {next} ({named}) leads\n", ensemble.member(3).who);

    for id in [1, 2, 4] {
        files(ensemble, id, &rest)?;
        ensemble.stop(id)?;
        ensemble.start(id)?;
        ensemble.wait_settled().with_context(|| format!("{id} came back"))?;
    }
    agree(ensemble, &rest)?;
    change(ensemble, 1, &Change::Join(&all[2])).context("3 comes back")?;
    agree(ensemble, &all)?;
    write_everywhere(ensemble, "back")?;
    let nodes = ensemble.same_trees()?;
    Ok(text + &format!("  ok     every member came back with it from its files; {nodes} znodes, the same everywhere\n"))
}

/// Members of both makes, and each of the other make when they come back.
pub fn cut_short(dir: &Path) -> Result<String> {
    let other = |who| if who == Who::Ours { APACHE } else { Who::Ours };
    cut_short_among(dir, &[Who::Ours, APACHE, Who::Ours, APACHE], other)
}

/// Apache's alone: this proves the suite.
pub fn cut_short_apache(dir: &Path) -> Result<String> {
    cut_short_among(dir, &[APACHE; 4], |who| who)
}

/// How long nobody may lead where nobody may lead.
const NOBODY_LEADS: Duration = Duration::from_secs(4);

/// Everybody is killed amid a reconfig that the former voters have and a quorum of the new ones has not. It is in the files
/// of each; whoever comes back on them, of whichever make, leads nobody without the new ones, and ends it with them.
fn cut_short_among(dir: &Path, voters: &[Who], then: impl Fn(Who) -> Who) -> Result<String> {
    let options = Options { lines: LINES, reconfigures: true, ..Options::default() };
    let mut ensemble = Ensemble::new(dir, voters, options)?;
    let result = cut(&mut ensemble, then).with_context(|| ensemble.log_tails());
    let text = result?;
    ensemble.end()?;
    Ok(text)
}

fn cut(ensemble: &mut Ensemble, then: impl Fn(Who) -> Who) -> Result<String> {
    let leader = ensemble.start_settled()?;
    let mut text = format!("  {}\n", ensemble.makes());
    let all = [1, 2, 3, 4].map(|id| ensemble.line(id, "participant"));
    agree(ensemble, &all)?;
    let mut setup = ensemble.connect(leader)?;
    setup.create("/before", b"", 0, open_acl())?;
    setup.close()?;
    let silent = ensemble.ids().find(|id| *id != leader).context("there are four")?;
    let new = [leader.min(silent), leader.max(silent)].map(|id| all[id - 1].clone());
    let awake: Vec<usize> = ensemble.ids().filter(|id| *id != silent).collect();
    ensemble.pause(silent)?;
    propose_and_kill(ensemble, leader, &new, &awake)?;
    let mut kept: Vec<String> = awake.iter().filter_map(|id| next_file(ensemble, *id)).collect();
    kept.dedup();
    ensure!(kept.len() == 1, "the makes write different files:\n{}", kept.join("\n\n"));
    for id in ensemble.ids().collect::<Vec<_>>() {
        ensemble.replace(id, then(ensemble.member(id).who))?;
    }
    for id in &awake {
        ensemble.start(*id)?;
        let port = ensemble.port(*id);
        wait_for("a member to be there", DEADLINE, || probe::four_letter_word(port, "ruok"))?;
    }
    let led = wait_for("a leader", NOBODY_LEADS, || ensemble.leader());
    ensure!(led.is_err(), "{led:?} leads without a quorum of the new configuration");
    text += &format!("  ok     {} of four lead nobody, since {silent} may decide as well\n", awake.len());
    ensemble.start(silent)?;
    ensemble.wait_settled().context("with everybody")?;
    agree(ensemble, &new)?;
    write_everywhere(ensemble, "after")?;
    let nodes = ensemble.equal_trees()?;
    Ok(text + &format!("  ok     with it the reconfig ended ({}); {nodes} znodes everywhere\n", ensemble.makes()))
}

/// A reconfig to these lines, which cannot be committed, is in the files of these members; then all are killed.
fn propose_and_kill(ensemble: &mut Ensemble, leader: usize, new: &[String], awake: &[usize]) -> Result<()> {
    let is_kept = |ensemble: &Ensemble, id: &usize| {
        next_file(ensemble, *id).is_some_and(|text| new.iter().all(|line| text.contains(line.as_str())))
    };
    let mut client = ensemble.connect(leader)?;
    let new_members = Some(new.join(",").as_str().into());
    let request = ReconfigRequest { new_members, cur_config_id: -1, ..ReconfigRequest::default() };
    std::thread::scope(|scope| {
        // It ends with its connection.
        scope.spawn(move || drop(client.ask(OpCode::RECONFIG, &request)));
        let what = format!("the reconfig in the files of {awake:?}");
        let pending = wait_for(&what, DEADLINE, || awake.iter().all(|id| is_kept(ensemble, id)).then_some(()));
        let ids: Vec<usize> = ensemble.ids().collect();
        ids.into_iter().try_for_each(|id| ensemble.kill(id))?;
        pending
    })
}

/// What a member keeps as the next configuration.
fn next_file(ensemble: &Ensemble, id: usize) -> Option<String> {
    std::fs::read_to_string(ensemble.member(id).config().with_extension("cfg.dynamic.next")).ok()
}

enum Change<'a> {
    Join(&'a str),
    Leave(usize),
    Replace(&'a str),
}

/// Asks member `at`; waits while what the change needs is on its way (a joiner that synchronises). Whether it was done,
/// [`agree`] tells.
fn change(ensemble: &mut Ensemble, at: usize, change: &Change<'_>) -> Result<()> {
    ensemble.wait_settled()?;
    let leaving = match change {
        Change::Leave(id) => Some(id.to_string().as_str().into()),
        _ => None,
    };
    let request = ReconfigRequest {
        joining_servers: if let Change::Join(line) = change { Some((*line).into()) } else { None },
        leaving_servers: leaving,
        new_members: if let Change::Replace(lines) = change { Some((*lines).into()) } else { None },
        cur_config_id: -1,
    };
    let told = wait_for("a quorum of the new configuration", DEADLINE, || {
        let mut client = ensemble.connect(at).ok()?;
        match client.ask(OpCode::RECONFIG, &request) {
            Ok((ErrorCode::NEW_CONFIG_NO_QUORUM | ErrorCode::RECONFIG_IN_PROGRESS, _)) => None,
            Ok((ErrorCode::OK, reader)) => Some(Ok(Some(reader))),
            Ok((error, _)) => Some(Err(anyhow::anyhow!("reconfig answered {error:?}"))),
            // Apache's follower may end its connections before it answers: it has no leader any more.
            Err(_) if matches!(change, Change::Leave(_)) => Some(Ok(None)),
            Err(error) => Some(Err(error)),
        }
    })?;
    let Some(mut told) = told? else { return Ok(()) };
    let told = GetDataResponse::decode(&mut told).context("read what reconfig answered")?;
    ensure!(told.data.is_some_and(|data| data.windows(8).any(|bytes| bytes == b"version=")), "reconfig told nothing");
    Ok(())
}

/// Waits until every member that runs shows these lines, all under one version.
fn agree(ensemble: &Ensemble, lines: &[impl AsRef<str>]) -> Result<()> {
    let expected: Vec<&str> = lines.iter().map(AsRef::as_ref).collect();
    let shown = |id: usize| -> Option<String> {
        let mut client = ensemble.connect(id).ok()?;
        client.sync().ok()?;
        let (_, body) =
            client.ask_for_zxid(OpCode::GET_DATA, &GetDataRequest { path: CONFIG.into(), watch: false }).ok()?;
        client.close().ok()?;
        String::from_utf8(GetDataResponse::from_bytes(body).ok()?.data?.to_vec()).ok()
    };
    let what = format!("every member to show\n{}\n", expected.join("\n"));
    wait_for(&what, DEADLINE, || {
        let all: Vec<String> = ensemble.running().into_iter().map(shown).collect::<Option<_>>()?;
        let lines: Vec<&str> = all.first()?.lines().collect();
        let (version, servers) = lines.split_last()?;
        let numbered = version.strip_prefix("version=").is_some_and(|version| version != "0");
        (numbered && servers == expected && all.iter().all(|shown| *shown == all[0])).then_some(())
    })
}

fn wait_mode(ensemble: &Ensemble, id: usize, mode: &str) -> Result<()> {
    wait_for(&format!("{id} to be {mode}"), DEADLINE, || (ensemble.mode(id).as_deref() == Some(mode)).then_some(()))
}

/// A client of each member writes, and reads what all wrote.
fn write_everywhere(ensemble: &Ensemble, what: &str) -> Result<()> {
    let ids = ensemble.running();
    for id in &ids {
        let mut client = ensemble.connect(*id)?;
        client.create(&format!("/{what}-{id}"), b"", 0, open_acl()).with_context(|| format!("through {id}"))?;
        client.close()?;
    }
    for id in &ids {
        let mut client = ensemble.connect(*id)?;
        client.sync()?;
        for writer in &ids {
            ensure!(client.exists(&format!("/{what}-{writer}"))?, "{id} does not show what {writer} acknowledged");
        }
        client.close()?;
    }
    Ok(())
}

/// `zoo.cfg` names a file that ends with the version, and that has these lines; `zoo.cfg.bak` is what was there before.
fn files(ensemble: &Ensemble, id: usize, lines: &[impl AsRef<str>]) -> Result<()> {
    let config = ensemble.member(id).config();
    let expected: Vec<&str> = lines.iter().map(AsRef::as_ref).collect();
    wait_for(&format!("the files of {id}"), DEADLINE, || {
        let text = std::fs::read_to_string(&config).ok()?;
        let dynamic = text.lines().find_map(|line| line.strip_prefix("dynamicConfigFile="))?;
        let written = std::fs::read_to_string(dynamic).ok()?;
        let own = !text.contains("server.") && !text.contains("clientPort=");
        (own && written.lines().collect::<Vec<_>>() == expected).then_some(())
    })?;
    ensure!(config.with_extension("cfg.bak").exists(), "{id} has no zoo.cfg.bak");
    Ok(())
}
