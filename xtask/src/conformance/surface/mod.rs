//! What an operator and a monitoring system see of a keeper, of Apache's and of ours at the same time: both get the same
//! requests, then their four-letter words, their AdminServer's answers, their metrics and their audit logs are compared.
//! Snapshots go from each one to the other.

mod audit;
mod commands;
pub mod http;
mod masked;
mod metrics;
mod snapshots;
mod words;

use std::cell::RefCell;
use std::fmt::Debug;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use zk_wire::multi::{MultiOp, MultiRequest};
use zk_wire::{
    Acl, DeleteRequest, ErrorCode, ExistsRequest, GetChildrenRequest, GetDataRequest, Id, Jute, OpCode,
    ReconfigRequest, SetDataRequest, perms,
};

use self::masked::Names;
use self::metrics::Documented;
use super::servers::{Make, castlekeep, stop_cleanly};
use super::zk_client::{EPHEMERAL, SEQUENCE, ZkClient, create_request, open_acl};
use crate::apache::{self, ZooKeeperOptions};
use crate::probe;
use crate::process::{Server, wait_for};

const START_DEADLINE: Duration = Duration::from_secs(60);
/// Who may do everything on `/`, once its list says so.
const OWNER: &str = "Authorization: digest owner:secret\r\n";
/// Apache's jars with its Prometheus provider.
const WITH_PROMETHEUS: &str = "zookeeper-prometheus";
/// Writes until the log of digests has some: one in 128 gets there.
const WRITES: usize = 300;

/// A running server.
struct Side {
    make: Make,
    dir: PathBuf,
    port: u16,
    http: u16,
    metrics: u16,
    names: Names,
    server: Server,
}

/// Both, with the same configuration.
struct Pair {
    apache: Side,
    ours: Side,
    /// What they did not agree in: all of it is told at the end.
    differences: RefCell<Vec<String>>,
}

/// Everything, in two configurations.
pub fn run(dir: &Path) -> Result<String> {
    apache::fetch_one(WITH_PROMETHEUS)?;
    let documented = Documented::read()?;
    let first = everything(&dir.join("all"), &documented)?;
    Ok(first + &second_configuration(&dir.join("limits"), &documented)?)
}

/// The default provider of metrics, every word, no limits.
fn everything(dir: &Path, documented: &Documented) -> Result<String> {
    let lines = "4lw.commands.whitelist=*\nadmin.rateLimiterIntervalInMS=0\n";
    let mut pair = Pair::start(dir, "zookeeper", lines)?;
    let mut clients = pair.work()?;
    let said = compared(&mut pair, &mut clients, documented).with_context(|| pair.tails())?;
    pair.settle()?;
    let (apache, ours) = pair.stop()?;
    Ok(said + &audit::compare(&apache, &ours)?)
}

fn compared(pair: &mut Pair, clients: &mut [ZkClient; 2], documented: &Documented) -> Result<String> {
    let mut said = words::compare(pair, documented)?;
    said += &words::counters(pair, clients)?;
    said += &commands::compare(pair, documented)?;
    said += &snapshots::exchange(pair)?;
    for side in [&mut pair.apache, &mut pair.ours] {
        let mut client = client(side.port)?;
        side.names.add_session(client.session.0, "SESSION-C");
        client.set_acl("/", owners_acl())?;
        client.close()?;
    }
    said += &commands::authorization(pair)?;
    Ok(said)
}

/// Apache's whitelist, its Prometheus provider, an AdminServer with limits at a place of its own.
fn second_configuration(dir: &Path, documented: &Documented) -> Result<String> {
    let lines = "4lw.commands.whitelist=srvr, mntr\nadmin.commandURL=/zk\nadmin.restore.enabled=false\n\
                 metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider\n";
    let mut pair = Pair::start(dir, WITH_PROMETHEUS, lines)?;
    let clients = pair.work()?;
    let looks = [metrics::prometheus(&pair, documented), words::of_prometheus(&pair), commands::limits(&pair)];
    let said = looks.into_iter().collect::<Result<String>>().with_context(|| pair.tails())?;
    pair.settle()?;
    drop(clients);
    pair.stop()?;
    Ok(said)
}

impl Pair {
    /// Starts both side by side, Apache's from a set of jars.
    fn start(dir: &Path, set: &str, lines: &str) -> Result<Self> {
        let [mut apache, mut ours] = [
            Side::spawn(Make::Apache, set, &dir.join("apache"), lines)?,
            Side::spawn(Make::Ours, set, &dir.join("ours"), lines)?,
        ];
        for side in [&mut apache, &mut ours] {
            let (port, http) = (side.port, side.http);
            let ready = || probe::zookeeper_ready(port) && http::ask(http, "GET", "/", "", b"").is_ok();
            side.server.wait_ready(START_DEADLINE, ready)?;
        }
        Ok(Self { apache, ours, differences: RefCell::default() })
    }

    /// The same requests to both; the clients that stay.
    fn work(&mut self) -> Result<[ZkClient; 2]> {
        let work = |side: &mut Side| {
            work(side).with_context(|| format!("{} server; its log ends:\n{}", side.make, side.server.log_tail()))
        };
        Ok([work(&mut self.apache)?, work(&mut self.ours)?])
    }

    fn sides(&self) -> [&Side; 2] {
        [&self.apache, &self.ours]
    }

    /// The same of each, Apache's first.
    fn both<T>(&self, mut look: impl FnMut(&Side) -> Result<T>) -> Result<[T; 2]> {
        let mut of = |side: &Side| look(side).with_context(|| format!("{} server", side.make));
        Ok([of(&self.apache)?, of(&self.ours)?])
    }

    /// Both say the same, once what was under way has settled: a connection's end takes a moment to be counted.
    fn agree<T: PartialEq + Debug>(&self, what: &str, mut look: impl FnMut(&Side) -> Result<T>) -> Result<()> {
        self.note(words::until_same(what, || self.both(&mut look)));
        Ok(())
    }

    /// Both say the same at once: asking again would change it.
    fn agree_once<T: PartialEq + Debug>(&self, what: &str, look: impl FnMut(&Side) -> Result<T>) -> Result<()> {
        let [apache, ours] = self.both(look)?;
        self.same(what, &apache, &ours);
        Ok(())
    }

    /// As [`Pair::agree`], by a comparison of its own.
    fn agree_with<T: Default>(&self, what: &str, compare: impl Fn(&Side, &Side) -> Result<T>) -> Result<T> {
        let mut last = None;
        let agreed = wait_for(what, words::DEADLINE, || match compare(&self.apache, &self.ours) {
            Ok(value) => Some(value),
            Err(error) => {
                last = Some(error);
                None
            }
        });
        match agreed {
            Ok(value) => Ok(value),
            Err(error) => {
                self.note(Err(last.unwrap_or(error)));
                Ok(T::default())
            }
        }
    }

    fn same<T: PartialEq + Debug>(&self, what: &str, apache: &T, ours: &T) {
        if apache != ours {
            self.differences.borrow_mut().push(format!("{what}: Apache's says {apache:?} and ours {ours:?}"));
        }
    }

    fn note(&self, compared: Result<()>) {
        if let Err(error) = compared {
            self.differences.borrow_mut().push(format!("{error:#}"));
        }
    }

    /// Fails with everything that was noted.
    fn settle(&self) -> Result<()> {
        let all = self.differences.borrow();
        ensure!(all.is_empty(), "{} differences:\n{}", all.len(), all.join("\n"));
        Ok(())
    }

    fn tails(&self) -> String {
        let tail = |side: &Side| format!("{} server's log ends:\n{}", side.make, side.server.log_tail());
        self.sides().map(tail).join("\n")
    }

    /// Stops both; what they left behind.
    fn stop(self) -> Result<(Stopped, Stopped)> {
        let stop = |side: Side| -> Result<Stopped> {
            stop_cleanly(side.server)?;
            Ok(Stopped { dir: side.dir, names: side.names })
        };
        Ok((stop(self.apache)?, stop(self.ours)?))
    }
}

/// A server that has ended.
struct Stopped {
    dir: PathBuf,
    names: Names,
}

impl Side {
    fn spawn(make: Make, set: &str, dir: &Path, lines: &str) -> Result<Self> {
        let (port, http, metrics) = (probe::free_port()?, probe::free_port()?, probe::free_port()?);
        let extra = format!(
            "{lines}extendedTypesEnabled=true\nenforceQuota=true\naudit.enable=true\nadmin.enableServer=true\nadmin.serverPort={http}\n\
             admin.serverAddress=127.0.0.1\nmetricsProvider.httpHost=127.0.0.1\nmetricsProvider.httpPort={metrics}\n"
        );
        let options = ZooKeeperOptions { port, extra };
        let server = match make {
            Make::Apache => apache::spawn_zookeeper_of(set, dir, &options)?,
            Make::Ours => {
                let mut command = Command::new(castlekeep()?);
                command.arg("zookeeper").arg(apache::zoo_cfg(dir, &options)?);
                Server::spawn("castlekeep zookeeper", command, &dir.join("server.log"))?
            }
        };
        let mut names = Names::default();
        names.add(dir.display().to_string(), "DIR");
        for (port, name) in [(port, "CLIENT-PORT"), (http, "HTTP-PORT"), (metrics, "METRICS-PORT")] {
            names.add(port.to_string(), name);
        }
        Ok(Self { make, dir: dir.to_path_buf(), port, http, metrics, names, server })
    }
}

/// Whoever sets it may do everything, and nobody else.
fn owners_acl() -> Vec<Acl> {
    vec![Acl { perms: perms::ALL, id: Id { scheme: "auth".into(), id: "".into() } }]
}

/// A client that is the owner.
fn client(port: u16) -> Result<ZkClient> {
    let mut client = ZkClient::connect(port)?;
    client.auth("owner", "secret")?;
    Ok(client)
}

/// Every kind of change, done and refused, a session that ends with a node, watches; the client that stays.
fn work(side: &mut Side) -> Result<ZkClient> {
    let mut gone = ZkClient::connect(side.port)?;
    side.names.add_session(gone.session.0, "SESSION-A");
    gone.create("/gone", b"with its session", EPHEMERAL, open_acl())?;
    gone.close()?;
    let mut client = client(side.port)?;
    side.names.add_session(client.session.0, "SESSION-B");
    client.create("/a", b"data", 0, open_acl())?;
    client.create("/a/b", b"", 0, open_acl())?;
    client.create("/a/e", b"ephemeral", EPHEMERAL, open_acl())?;
    let numbered = client.create("/a/s-", b"", SEQUENCE, open_acl())?;
    client.create("/a/owned", b"secret", 0, owners_acl())?;
    client.create_container("/c")?;
    client.create("/c/child", b"", 0, open_acl())?;
    client.create_ttl("/t", 3_600_000)?;
    client.set("/a", b"other data")?;
    client.set_acl("/a/b", owners_acl())?;
    client.create("/d", b"", 0, open_acl())?;
    client.delete("/d")?;
    refused(&mut client, &numbered)?;
    quota(&mut client)?;
    for number in 0..WRITES {
        client.set(&numbered, number.to_string().as_bytes())?;
    }
    watch(&mut client)?;
    Ok(client)
}

/// Failed writes, and multis.
fn refused(client: &mut ZkClient, data: &str) -> Result<()> {
    let delete = |path: &str| DeleteRequest { path: path.into(), version: -1 };
    let set = |path: &str, version| SetDataRequest {
        path: path.into(),
        data: Some(Bytes::from_static(b"from a multi")),
        version,
    };
    let create = |path: &str| create_request(path, b"", 0, open_acl());
    expect(client, OpCode::CREATE, &create("/a"), ErrorCode::NODE_EXISTS)?;
    expect(client, OpCode::DELETE, &delete("/none"), ErrorCode::NO_NODE)?;
    expect(client, OpCode::DELETE, &delete("/a"), ErrorCode::NOT_EMPTY)?;
    expect(client, OpCode::SET_DATA, &set("/a", 99), ErrorCode::BAD_VERSION)?;
    let multi = |last: &str| MultiRequest {
        ops: vec![MultiOp::Create(create("/m")), MultiOp::SetData(set(data, -1)), MultiOp::Delete(delete(last))],
    };
    // What became of its parts stands behind a header without an error.
    expect(client, OpCode::MULTI, &multi("/none"), ErrorCode::OK)?;
    expect(client, OpCode::MULTI, &multi("/c/child"), ErrorCode::OK)?;
    let joining_servers = Some("server.9=127.0.0.1:1:2;3".into());
    let reconfig = ReconfigRequest { joining_servers, cur_config_id: -1, ..ReconfigRequest::default() };
    expect(client, OpCode::RECONFIG, &reconfig, ErrorCode::RECONFIG_DISABLED)
}

/// Two nodes at most at `/q`: itself and another one.
fn quota(client: &mut ZkClient) -> Result<()> {
    client.create("/q", b"", 0, open_acl())?;
    client.create("/zookeeper/quota/q", b"", 0, open_acl())?;
    let limits = b"count=9,bytes=1000=;countHardLimit=2";
    client.create("/zookeeper/quota/q/zookeeper_limits", limits, 0, open_acl())?;
    client.create("/zookeeper/quota/q/zookeeper_stats", b"count=0,bytes=0", 0, open_acl())?;
    client.create("/q/1", b"data", 0, open_acl())?;
    expect(client, OpCode::CREATE, &create_request("/q/2", b"", 0, open_acl()), ErrorCode::QUOTA_EXCEEDED)
}

fn expect(client: &mut ZkClient, opcode: OpCode, body: &impl Jute, expected: ErrorCode) -> Result<()> {
    let (error, _) = client.ask(opcode, body)?;
    ensure!(error == expected, "{} answered {error:?}, not {expected:?}", opcode.name());
    Ok(())
}

/// A watch of each kind of read, of which two are for data.
fn watch(client: &mut ZkClient) -> Result<()> {
    client.ask(OpCode::EXISTS, &ExistsRequest { path: "/later".into(), watch: true })?;
    client.ask(OpCode::GET_DATA, &GetDataRequest { path: "/a".into(), watch: true })?;
    let (error, _) = client.ask(OpCode::GET_CHILDREN, &GetChildrenRequest { path: "/a".into(), watch: true })?;
    ensure!(error == ErrorCode::OK, "getChildren answered {error:?}");
    Ok(())
}
