//! Suites that are programs of their own: the Python and Go clients and the examples.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::servers::{self, Make, Ports};
use crate::process::run_ok;
use crate::{probe, provision, repo};

const DEADLINE: Duration = Duration::from_secs(240);

/// kafka-python.
pub fn kafka_python(ports: Ports) -> Result<String> {
    python("conformance/python/kafka_python_suite.py", &[&ports.kafka_address()])
}

/// librdkafka by confluent-kafka.
pub fn confluent(ports: Ports) -> Result<String> {
    python("conformance/python/confluent_suite.py", &[&ports.kafka_address()])
}

/// Message sets, as clients before Kafka 0.11 send and ask for them.
pub fn message_sets(ports: Ports) -> Result<String> {
    python("conformance/python/message_sets_suite.py", &[&ports.kafka_address()])
}

/// franz-go.
pub fn franz_go(ports: Ports) -> Result<String> {
    let mut kafka = Command::new(provision::go_clients()?);
    kafka.args(["kafka", &ports.kafka_address()]);
    Ok(run_ok(kafka, "", DEADLINE)?.text)
}

/// Every program below `examples/`, as its first lines say to run it.
pub fn examples(ports: Ports) -> Result<String> {
    let (zookeeper, kafka) = (ports.zookeeper_address(), ports.kafka_address());
    let programs: [(&str, &[&str]); 6] = [
        ("zookeeper_quickstart.py", &[&zookeeper]),
        ("kafka_quickstart.py", &[&kafka]),
        ("kafka_group_consumer.py", &[&kafka]),
        ("configuration_centre/configuration_centre.py", &[&zookeeper, &kafka]),
        ("lock/lock.py", &[&zookeeper]),
        ("queue/order_queue.py", &[&kafka]),
    ];
    let mut text = String::new();
    for (program, arguments) in programs {
        text += &python(&format!("examples/{program}"), arguments)?;
    }
    Ok(text)
}

/// Loop-mounted file systems shut down under a keeper, then under all members of an ensemble at once; does nothing, and
/// says so, without root.
pub fn power_cut(dir: &Path) -> Result<String> {
    std::fs::create_dir_all(dir)?;
    let binary = servers::castlekeep()?.display().to_string();
    let cut = |members: &str| {
        let port = probe::free_port()?.to_string();
        let arguments = ["--binary", &binary, "--rounds", "3", "--port", &port, "--members", members];
        python("conformance/faults/power_cut.py", &arguments)
    };
    Ok(cut("1")? + &cut("3")?)
}

/// Our keeper killed and started again under kazoo's recipes.
pub fn keeper_restart(dir: &Path) -> Result<String> {
    restart_under_clients(Make::Ours, dir)
}

/// The same with Apache's keeper, which proves the script, and ours.
pub fn keeper_restart_full(dir: &Path) -> Result<String> {
    let apache = restart_under_clients(Make::Apache, &dir.join("apache"))?;
    Ok(format!("  Apache's\n{apache}  ours\n{}", restart_under_clients(Make::Ours, &dir.join("ours"))?))
}

fn restart_under_clients(make: Make, dir: &Path) -> Result<String> {
    let port = probe::free_port()?;
    let keeper = servers::keeper_command(make, dir, port, "", &[])?;
    let mut arguments = vec![format!("127.0.0.1:{port}"), dir.join("server.log").display().to_string()];
    let command = std::iter::once(keeper.get_program()).chain(keeper.get_args());
    arguments.extend(command.map(|word| word.to_string_lossy().into_owned()));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    python("conformance/faults/keeper_restart.py", &arguments)
}

/// kill -9 while producers write: nothing acknowledged is missing, doubled or misplaced.
pub fn kill9_log(_: &Path) -> Result<String> {
    let binary = servers::castlekeep()?.display().to_string();
    python("conformance/faults/kill9_log.py", &["--binary", &binary, "--rounds", "3"])
}

/// A small disk that is full for a while under our broker; does nothing, and says so, without root.
pub fn disk_full(_: &Path) -> Result<String> {
    let binary = servers::castlekeep()?.display().to_string();
    python("conformance/faults/disk_full.py", &["--binary", &binary, "--rounds", "2"])
}

/// Runs a script of the repository with the Python that has the clients.
pub fn python(script: &str, arguments: &[&str]) -> Result<String> {
    let mut python = Command::new(provision::python()?);
    python.arg(repo::root()?.join(script)).args(arguments).env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(run_ok(python, "", DEADLINE)?.stdout)
}
