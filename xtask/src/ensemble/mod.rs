//! ZooKeeper ensembles of real processes on this machine: each member ours or Apache's, in any mix, and any of them
//! stopped, killed, paused, wiped, or replaced by one of the other make on its own folder.

pub mod links;

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use rustix::process::Signal;

use self::links::Links;
pub use crate::apache::Jvm;
use crate::apache::{self, ZooKeeperOptions};
use crate::conformance::servers::{castlekeep, stop_cleanly};
use crate::conformance::zk_client::{Dump, ZkClient, differences};
use crate::probe;
use crate::process::{self, Server, run, run_ok, wait_for, wait_for_at};

/// How long anything may take that only waits for an election, a synchronisation or the start of a JVM.
pub const DEADLINE: Duration = Duration::from_secs(60);
/// Between two looks at all members.
const POLL: Duration = Duration::from_millis(40);
/// The node that shows the member's own configuration; behind proxies each has its own.
const CONFIG_NODE: &str = "/zookeeper/config";

/// Whose server a member is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Who {
    /// `castlekeep zookeeper`, the release build.
    Ours,
    /// Apache's, by its set of jars (see [`apache::SETS`]).
    Apache(&'static str),
}

/// Apache's at the pinned version of today.
pub const APACHE: Who = Who::Apache("zookeeper");

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ours => f.write_str("ours"),
            Self::Apache("zookeeper") => f.write_str("Apache"),
            Self::Apache(set) => f.write_str(&set.replace("zookeeper-", "Apache ")),
        }
    }
}

/// What a member is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Votes and acknowledges.
    Voter,
    /// Learns only.
    Observer,
    /// In nobody's configuration but its own, until a reconfig takes it in.
    Joiner,
}

/// One member: its place stays, the process in it changes.
pub struct Member {
    /// `myid`.
    pub id: usize,
    /// Whose server it is now.
    pub who: Who,
    role: Role,
    client_port: u16,
    quorum_port: u16,
    election_port: u16,
    /// Where a member has its AdminServer, when the ensemble was set up with them.
    pub admin_port: u16,
    dir: PathBuf,
    server: Option<Server>,
    paused: bool,
}

/// How an ensemble is set up.
#[derive(Clone, Copy, Default)]
pub struct Options<'a> {
    /// More lines for every member's `zoo.cfg`.
    pub lines: &'a str,
    /// Whether each member reaches each other one through a proxy of its own.
    pub links: bool,
    /// Whether members reconfigure themselves: the lines of servers have their client ports, each server keeps the files
    /// that it wrote, and whoever would be an observer is a server that is to join.
    pub reconfigures: bool,
    /// Whether members have an AdminServer.
    pub admin: bool,
    /// Whether each member has a loopback address of its own (127.0.0.N) for its ports between servers: then all can have
    /// one port in common.
    pub own_addresses: bool,
    /// How Apache's members run.
    pub jvm: Jvm,
}

/// Members with ids 1, 2, 3 ... in the order they were named.
pub struct Ensemble {
    members: Vec<Member>,
    links: Option<Links>,
    admin: bool,
    lines: String,
    reconfigures: bool,
    own_addresses: bool,
    jvm: Jvm,
}

impl Ensemble {
    /// Voters of these makes, with their files below `dir`; nobody runs yet.
    pub fn new(dir: &Path, voters: &[Who], options: Options<'_>) -> Result<Self> {
        Self::with_observers(dir, voters, &[], options)
    }

    /// As [`Ensemble::new`], with observers behind the voters.
    pub fn with_observers(dir: &Path, voters: &[Who], observers: &[Who], options: Options<'_>) -> Result<Self> {
        let voters = voters.iter().map(|who| (*who, Role::Voter));
        let other = if options.reconfigures { Role::Joiner } else { Role::Observer };
        let all = voters.chain(observers.iter().map(|who| (*who, other)));
        let mut members = Vec::new();
        for (index, (who, role)) in all.enumerate() {
            if let Who::Apache(set) = who {
                apache::fetch_one(set)?;
            }
            let id = index + 1;
            members.push(Member {
                id,
                who,
                role,
                client_port: probe::free_port()?,
                quorum_port: probe::free_port()?,
                election_port: probe::free_port()?,
                admin_port: probe::free_port()?,
                dir: dir.join(id.to_string()),
                server: None,
                paused: false,
            });
        }
        let real = |member: &Member| (member.quorum_port, member.election_port);
        let links = options.links.then(|| Links::start(&members.iter().map(real).collect::<Vec<_>>())).transpose()?;
        let Options { lines, reconfigures, own_addresses, admin, jvm, .. } = options;
        Ok(Self { members, links, admin, lines: lines.to_owned(), reconfigures, own_addresses, jvm })
    }

    /// The proxies, when the ensemble was set up with them.
    pub fn links(&self) -> Result<&Links> {
        self.links.as_ref().context("this ensemble has no proxies between its members")
    }

    /// Every id.
    pub fn ids(&self) -> impl Iterator<Item = usize> + use<> {
        1..self.members.len() + 1
    }

    /// The ids of those whose process runs and is not paused.
    pub fn running(&self) -> Vec<usize> {
        let runs = |member: &&Member| member.server.is_some() && !member.paused;
        self.members.iter().filter(runs).map(|member| member.id).collect()
    }

    /// The ids of the voters.
    pub fn voters(&self) -> Vec<usize> {
        self.members.iter().filter(|member| member.role == Role::Voter).map(|member| member.id).collect()
    }

    /// The member with this id.
    pub fn member(&self, id: usize) -> &Member {
        &self.members[id - 1]
    }

    fn member_mut(&mut self, id: usize) -> &mut Member {
        &mut self.members[id - 1]
    }

    /// Where the member serves clients, on 127.0.0.1.
    pub fn port(&self, id: usize) -> u16 {
        self.member(id).client_port
    }

    /// The connect string of all members.
    pub fn hosts(&self) -> String {
        let hosts: Vec<String> = self.members.iter().map(|m| format!("127.0.0.1:{}", m.client_port)).collect();
        hosts.join(",")
    }

    /// Process ids of the members that run.
    pub fn pids(&self) -> Vec<u32> {
        self.members.iter().filter_map(|member| member.server.as_ref()).map(Server::id).collect()
    }

    /// Says who the members are, such as "Apache, ours, Apache".
    pub fn makes(&self) -> String {
        let make = |member: &Member| match member.role {
            Role::Voter => member.who.to_string(),
            Role::Observer => format!("{} as observer", member.who),
            Role::Joiner => format!("{} to join", member.who),
        };
        self.members.iter().map(make).collect::<Vec<_>>().join(", ")
    }

    /// Starts a member, without waiting for it: members wait for each other.
    pub fn start(&mut self, id: usize) -> Result<()> {
        ensure!(self.member(id).server.is_none(), "member {id} runs already");
        let (extra, jvm, reconfigures) = (self.extra_lines(id), self.jvm, self.reconfigures);
        let member = self.member_mut(id);
        let config = member.config();
        if !(reconfigures && config.exists()) {
            apache::zoo_cfg(&member.dir, &ZooKeeperOptions { port: member.client_port, extra })?;
        }
        std::fs::write(member.dir.join("data/myid"), format!("{id}\n")).context("write myid")?;
        let command = match member.who {
            Who::Ours => {
                let mut command = Command::new(castlekeep()?);
                command.arg("zookeeper").arg(config);
                command
            }
            Who::Apache(set) => apache::member_command(set, &config, jvm)?,
        };
        let name = format!("member {id} ({})", member.who);
        member.server = Some(Server::spawn(&name, command, &member.log())?);
        Ok(())
    }

    /// Starts everybody who does not run.
    pub fn start_all(&mut self) -> Result<()> {
        for id in self.ids() {
            if self.member(id).server.is_none() {
                self.start(id)?;
            }
        }
        Ok(())
    }

    /// The lines that make a `zoo.cfg` that of a member.
    fn extra_lines(&self, id: usize) -> String {
        let mut lines = self.lines.clone();
        for member in self.members.iter().filter(|member| member.role != Role::Joiner || member.id == id) {
            let real = (member.quorum_port, member.election_port);
            // A member listens on what its own line says, and dials the others through its own proxies.
            let (quorum, election) = match &self.links {
                Some(links) if member.id != id => links.ports(id, member.id),
                _ => real,
            };
            let role = if member.role == Role::Observer { ":observer" } else { "" };
            let client = if self.reconfigures { format!(";127.0.0.1:{}", member.client_port) } else { String::new() };
            let host = if self.own_addresses { member.id } else { 1 };
            lines += &format!("server.{}=127.0.0.{host}:{quorum}:{election}{role}{client}\n", member.id);
        }
        if self.member(id).role == Role::Observer {
            lines += "peerType=observer\n";
        }
        if self.admin {
            lines += &format!("admin.enableServer=true\nadmin.serverPort={}\n", self.member(id).admin_port);
        }
        lines
    }

    /// The member's line in a configuration, as servers print it, with this part in the ensemble.
    pub fn line(&self, id: usize, part: &str) -> String {
        let member = self.member(id);
        let (quorum, election, client) = (member.quorum_port, member.election_port, member.client_port);
        format!("server.{id}=127.0.0.1:{quorum}:{election}:{part};127.0.0.1:{client}")
    }

    /// SIGTERM, and waits for the end.
    pub fn stop(&mut self, id: usize) -> Result<()> {
        let server = self.member_mut(id).server.take().with_context(|| format!("member {id} does not run"))?;
        stop_cleanly(server).with_context(|| format!("stop member {id}"))
    }

    /// SIGKILL, also of a paused member.
    pub fn kill(&mut self, id: usize) -> Result<()> {
        let member = self.member_mut(id);
        member.paused = false;
        member.server.take().with_context(|| format!("member {id} does not run"))?.kill();
        Ok(())
    }

    /// SIGSTOP; waits until no thread runs any more.
    pub fn pause(&mut self, id: usize) -> Result<()> {
        self.signal(id, Signal::STOP)?;
        self.member_mut(id).paused = true;
        let server = self.member(id).server.as_ref().with_context(|| format!("member {id} does not run"))?;
        let tasks = PathBuf::from(format!("/proc/{}/task", server.id()));
        wait_for("every thread to stop", DEADLINE, || all_stopped(&tasks).then_some(()))
    }

    /// SIGCONT.
    pub fn go_on(&mut self, id: usize) -> Result<()> {
        self.signal(id, Signal::CONT)?;
        self.member_mut(id).paused = false;
        Ok(())
    }

    fn signal(&self, id: usize, signal: Signal) -> Result<()> {
        let server = self.member(id).server.as_ref().with_context(|| format!("member {id} does not run"))?;
        process::signal(server.id(), signal)
    }

    /// Makes a member that does not run one of the other make, on the same folder.
    pub fn replace(&mut self, id: usize, who: Who) -> Result<()> {
        ensure!(self.member(id).server.is_none(), "member {id} still runs");
        if let Who::Apache(set) = who {
            apache::fetch_one(set)?;
        }
        self.member_mut(id).who = who;
        Ok(())
    }

    /// Empties the folder of a member that does not run.
    pub fn wipe(&mut self, id: usize) -> Result<()> {
        ensure!(self.member(id).server.is_none(), "member {id} still runs");
        let data = self.member(id).data();
        std::fs::remove_dir_all(&data).with_context(|| format!("empty {}", data.display()))
    }

    /// Who says that it leads, among those that run.
    pub fn leader(&self) -> Option<usize> {
        self.running().into_iter().find(|id| self.mode(*id).as_deref() == Some("leader"))
    }

    /// What the member says of itself: leader, follower, observer, or nothing while it serves nobody.
    pub fn mode(&self, id: usize) -> Option<String> {
        let text = probe::four_letter_word(self.port(id), "srvr")?;
        text.lines().find_map(|line| line.strip_prefix("Mode: ")).map(str::to_owned)
    }

    /// Whom an observer learns from, as it says itself.
    pub fn master_of(&self, id: usize) -> Option<usize> {
        let text = probe::four_letter_word(self.port(id), "mntr")?;
        text.lines().find_map(|line| line.strip_prefix("zk_observer_master_id\t"))?.parse().ok()
    }

    /// Waits until some running member leads and every other one follows; gives the leader.
    pub fn wait_settled(&mut self) -> Result<usize> {
        let running = self.running();
        let what = format!("a leader among members {running:?}, and that all others serve ({})", self.makes());
        let settled = wait_for_at(POLL, &what, DEADLINE, || {
            if let Some(id) = running.iter().find(|id| self.has_ended(**id)) {
                return Some(Err(anyhow!("member {id} ({}) ended by itself", self.member(*id).who)));
            }
            let modes: Vec<Option<String>> = running.iter().map(|id| self.mode(*id)).collect();
            let leads = |mode: &Option<String>| mode.as_deref() == Some("leader");
            let one = modes.iter().filter(|mode| leads(mode)).count() == 1 && modes.iter().all(Option::is_some);
            one.then(|| Ok(running[modes.iter().position(leads).expect("one of them leads")]))
        });
        settled.and_then(|leader| leader).with_context(|| self.log_tails())
    }

    fn has_ended(&mut self, id: usize) -> bool {
        self.member_mut(id).server.as_mut().is_some_and(|server| !server.is_running())
    }

    /// Starts everybody and waits until they serve; gives the leader.
    pub fn start_settled(&mut self) -> Result<usize> {
        self.start_all()?;
        self.wait_settled()
    }

    /// Makes this voter the leader: all voters that are needed beside it lack the last write.
    ///
    /// Needs everybody running. Afterwards everybody runs and follows it.
    pub fn make_lead(&mut self, id: usize) -> Result<()> {
        let others: Vec<usize> = self.voters().into_iter().filter(|other| *other != id).collect();
        let half = others.len() / 2;
        let (with, without) = others.split_at(half);
        for other in without {
            self.stop(*other)?;
        }
        self.wait_settled()?;
        self.connect(id)?.create("/ahead-", b"", crate::conformance::zk_client::SEQUENCE, open())?;
        for other in with {
            self.stop(*other)?;
        }
        for other in without {
            self.start(*other)?;
        }
        let leader = self.wait_settled()?;
        ensure!(leader == id, "member {id} has the longest history, and {leader} leads: {}", self.log_tails());
        self.start_all()?;
        let leader = self.wait_settled()?;
        ensure!(leader == id, "member {leader} leads beside {id}");
        Ok(())
    }

    /// A client of this member, as soon as it takes one.
    pub fn connect(&self, id: usize) -> Result<ZkClient> {
        let port = self.port(id);
        let what = format!("member {id} ({}) to take a client", self.member(id).who);
        wait_for(&what, DEADLINE, || ZkClient::connect(port).ok()).with_context(|| self.log_tails())
    }

    /// Every running member shows the same tree, and none has seen a wrong digest; gives the number of nodes.
    pub fn same_trees(&self) -> Result<usize> {
        self.running().into_iter().try_for_each(|id| self.digests_agree(id))?;
        self.equal_trees()
    }

    /// Every running member shows the same tree; gives the number of nodes.
    pub fn equal_trees(&self) -> Result<usize> {
        let mut first: Option<(usize, Dump)> = None;
        for id in self.running() {
            let mut client = self.connect(id)?;
            client.sync().with_context(|| format!("sync on member {id}"))?;
            let mut dump = client.dump().with_context(|| format!("read the tree of member {id}"))?;
            client.close()?;
            dump.remove(CONFIG_NODE);
            match &first {
                None => first = Some((id, dump)),
                Some((other, expected)) => {
                    let differ = differences(expected, &dump);
                    ensure!(differ.is_empty(), "members {other} and {id} differ:\n{}", differ.join("\n"));
                }
            }
        }
        Ok(first.context("nobody runs")?.1.len())
    }

    /// Every server counts the transactions behind which its tree has another digest than was proposed.
    pub fn digests_agree(&self, id: usize) -> Result<()> {
        let text = probe::four_letter_word(self.port(id), "mntr").context("mntr is not answered")?;
        let line = text.lines().find(|line| line.starts_with("zk_digest_mismatches_count"));
        let count = line.and_then(|line| line.split_whitespace().last());
        ensure!(count.is_some_and(|count| count.parse() == Ok(0.0)), "member {id}: digests differ: {line:?}");
        Ok(())
    }

    /// Stops everybody cleanly, then looks that each folder would be taken by a start.
    ///
    /// The tree may differ from the logged digests right behind a snapshot that a learner got while there were writes: it
    /// has some of what follows, and carries no mark that says how far.
    pub fn end(mut self) -> Result<()> {
        for member in &mut self.members {
            if let Some(server) = member.server.take() {
                stop_cleanly(server).with_context(|| format!("stop member {}", member.id))?;
            }
        }
        for member in self.members.iter().filter(|member| member.replays()) {
            let finished = run(member.folder_command()?, "", DEADLINE)?;
            let taken = finished.success || finished.text.contains("THE TREE IS NOT THE ONE");
            ensure!(taken, "the folder of member {}:\n{}", member.id, finished.text);
        }
        Ok(())
    }

    /// Each folder makes a tree with the logged digest behind every transaction. Nobody may write meanwhile, nor have
    /// written while a learner got a snapshot.
    pub fn folders_are_whole(&self) -> Result<()> {
        for member in self.members.iter().filter(|member| member.replays()) {
            run_ok(member.folder_command()?, "", DEADLINE)
                .with_context(|| format!("the folder of member {}", member.id))?;
        }
        Ok(())
    }

    /// What a member has written so far, all its lives together.
    pub fn log(&self, id: usize) -> Result<String> {
        let log = self.member(id).log();
        let bytes = std::fs::read(&log).with_context(|| format!("read {}", log.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Waits until a member that was started and runs has ended by itself; such a one refuses to serve.
    pub fn wait_ended(&mut self, id: usize) -> Result<()> {
        let Some(server) = &mut self.member_mut(id).server else { bail!("member {id} does not run") };
        wait_for("the member's end", DEADLINE, || (!server.is_running()).then_some(()))?;
        self.member_mut(id).server = None;
        Ok(())
    }

    /// The ends of all logs, for the report of a failure.
    pub fn log_tails(&self) -> String {
        let tail = |member: &Member| {
            let text = std::fs::read(member.log()).unwrap_or_default();
            let state = if member.server.is_some() { "" } else { ", does not run" };
            let tail = process::tail(&String::from_utf8_lossy(&text), 25);
            format!("member {} ({}{state}):\n{tail}", member.id, member.who)
        };
        self.members.iter().map(tail).collect()
    }
}

impl Member {
    /// Its `zoo.cfg`.
    pub fn config(&self) -> PathBuf {
        self.dir.join("zoo.cfg")
    }

    /// Its `dataDir`.
    pub fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    fn log(&self) -> PathBuf {
        self.dir.join("server.log")
    }

    /// Older releases forget in their log, not in their tree, what they had acknowledged when their leader went
    /// (ZOOKEEPER-4712): such a folder has a gap, and is refused as it should be.
    fn replays(&self) -> bool {
        matches!(self.who, Who::Ours | APACHE) && self.data().is_dir()
    }

    fn folder_command(&self) -> Result<Command> {
        let mut command = Command::new(castlekeep()?);
        command.args(["zk", "folder"]).arg(self.data());
        Ok(command)
    }
}

/// Whether each thread of these is stopped; one that has just ended is as good.
fn all_stopped(tasks: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(tasks) else { return false };
    entries.flatten().all(|entry| {
        // The state stands behind the name in parentheses.
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        stat.rsplit(')').next().is_none_or(|rest| matches!(rest.trim_start().chars().next(), Some('T' | 't') | None))
    })
}

fn open() -> Vec<zk_wire::Acl> {
    crate::conformance::zk_client::open_acl()
}
