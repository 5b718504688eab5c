//! `cargo xtask conformance keeper`: the suites of ZooKeeper's clients. They share one keeper, which is started from a
//! `zoo.cfg` that allows TTL nodes and enforces quotas, and looks for empty containers twice a second.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::servers::{self, Make};
use super::{On, Suite, scripts, shell};
use crate::process::{Server, run_ok};
use crate::{apache, probe, provision};

/// The name of the group.
pub const GROUP: &str = "keeper";

/// The longest ones first, so that two workers end together.
pub const SUITES: &[Suite] = &[
    Suite { name: "kazoo", about: "kazoo: every operation, sessions, watches, recipes", on: On::Keeper(kazoo) },
    Suite { name: "curator", about: "Apache Curator: every recipe, lost connections", on: On::Keeper(curator) },
    Suite { name: "java", about: "the Java ZooKeeper client: async, watches, sessions", on: On::Keeper(java) },
    Suite { name: "shell", about: "the Java client's shell, every verb", on: On::Keeper(shell::run) },
    Suite { name: "c", about: "the C client of Debian, synchronous and asynchronous", on: On::Keeper(c) },
    Suite { name: "go", about: "go-zookeeper/zk", on: On::Keeper(go) },
    Suite { name: "rust", about: "the crate zookeeper-client", on: On::Keeper(rust) },
];

const DEADLINE: Duration = Duration::from_secs(240);

/// Starts the keeper of these suites on a port of its own, which is given too.
pub fn start(make: Make, dir: &Path) -> Result<(Server, u16)> {
    let port = probe::free_port()?;
    let settings = "extendedTypesEnabled=true\nenforceQuota=true\n";
    let server = servers::start_keeper_with(make, dir, port, settings, &["znode.container.checkIntervalMs=500"])?;
    Ok((server, port))
}

fn kazoo(address: &str) -> Result<String> {
    let scripts = ["kazoo_suite", "kazoo_recipes", "kazoo_requests"];
    scripts.iter().map(|script| scripts::python(&format!("conformance/python/{script}.py"), &[address])).collect()
}

fn curator(address: &str) -> Result<String> {
    java_program("CuratorSuite", address)
}

fn java(address: &str) -> Result<String> {
    java_program("ClientSuite", address)
}

/// Runs a class of `conformance/java`.
fn java_program(class: &str, address: &str) -> Result<String> {
    let classes = provision::java_clients()?;
    let mut java = apache::java_with("curator", 256, &[classes], class)?;
    java.arg(address).env("JDK_JAVA_OPTIONS", "-Dorg.slf4j.simpleLogger.defaultLogLevel=off");
    Ok(run_ok(java, "", DEADLINE)?.stdout)
}

fn c(address: &str) -> Result<String> {
    program(Command::new(provision::c_client()?), address)
}

fn go(address: &str) -> Result<String> {
    let mut go = Command::new(provision::go_clients()?);
    go.arg("zookeeper");
    program(go, address)
}

fn rust(address: &str) -> Result<String> {
    program(Command::new(provision::rust_client()?), address)
}

fn program(mut command: Command, address: &str) -> Result<String> {
    command.arg(address);
    Ok(run_ok(command, "", DEADLINE)?.stdout)
}
