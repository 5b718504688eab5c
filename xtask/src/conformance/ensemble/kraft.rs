//! Nobody is locked in: Apache Kafka's own migration from ZooKeeper to KRaft runs to its end with our ensemble as its
//! ZooKeeper, while a producer and a consumer work (Kafka 3.9 documentation, "ZooKeeper to KRaft migration").

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use zk_wire::{GetDataRequest, GetDataResponse, Jute, OpCode};

use super::kafka::Broker;
use super::load::Load;
use crate::apache;
use crate::conformance::servers::stop_cleanly;
use crate::ensemble::{DEADLINE, Ensemble, Options, Who};
use crate::probe;
use crate::process::{Server, run_ok, wait_for};

const CONTROLLER_ID: i64 = 3000;
const CHROOT: &str = "/kafka";
/// The controller waits for every broker, copies all metadata, and then writes to both sides.
const MIGRATION: Duration = Duration::from_secs(120);

/// What tells a broker or a controller of the quorum of controllers.
fn quorum_lines(controller_port: u16) -> String {
    format!(
        "controller.quorum.voters={CONTROLLER_ID}@127.0.0.1:{controller_port}\ncontroller.listener.names=CONTROLLER\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT\n"
    )
}

/// The whole way, with three keepers of ours.
pub fn run(dir: &Path) -> Result<String> {
    let mut ensemble = Ensemble::new(dir, &[Who::Ours; 3], Options::default())?;
    ensemble.start_settled()?;
    let mut brokers = vec![Broker::start(dir, 1, &ensemble.hosts())?, Broker::start(dir, 2, &ensemble.hosts())?];
    let bootstrap: Vec<String> = brokers.iter().map(Broker::address).collect();
    let mut load = Load::kafka(&bootstrap.join(","), dir)?;

    let controller_port = probe::free_port()?;
    let zookeeper = format!("{}{CHROOT}", ensemble.hosts());
    let migrate = format!("zookeeper.metadata.migration.enable=true\nzookeeper.connect={zookeeper}\n");
    let cluster_id = text(&value(&ensemble, "/cluster/id")?, "id")?;
    let config = controller(dir, controller_port, &migrate, Some(&cluster_id))?;
    let controller_log = dir.join("controller.log");
    let server = apache::spawn_kafka(&config, &controller_log)?;
    for broker in &mut brokers {
        broker.restart(&format!("{}{migrate}", quorum_lines(controller_port)))?;
    }
    let told = |server: &Server, brokers: &[Broker], ensemble: &Ensemble| {
        let brokers: Vec<String> = brokers.iter().map(Broker::log_tail).collect();
        format!("{}\n{}\n{}", server.log_tail(), brokers.join("\n"), ensemble.log_tails())
    };
    wait_for("the quorum of controllers to take over from the brokers", MIGRATION, || {
        (value(&ensemble, "/controller").ok()?.get("brokerid")?.as_i64()? == CONTROLLER_ID).then_some(())
    })
    .with_context(|| told(&server, &brokers, &ensemble))?;
    load.check().context("while both sides are written")?;
    // A topic that the quorum of controllers creates stands in ZooKeeper too: a broker could still go back.
    brokers[0].create_topic("dual-write")?;
    wait_for("the new topic's znode", MIGRATION, || value(&ensemble, "/brokers/topics/dual-write").ok())
        .with_context(|| told(&server, &brokers, &ensemble))?;

    for broker in &mut brokers {
        broker.become_kraft(&quorum_lines(controller_port))?;
        load.check().with_context(|| told(&server, &[], &ensemble))?;
    }
    stop_cleanly(server).context("stop the controller, which is to forget ZooKeeper")?;
    let server = apache::spawn_kafka(&controller(dir, controller_port, "", None)?, &controller_log)?;
    for id in ensemble.ids() {
        ensemble.stop(id)?;
    }
    let said = load.end().with_context(|| told(&server, &brokers, &ensemble))?;
    for broker in brokers {
        broker.stop()?;
    }
    stop_cleanly(server)?;
    ensemble.end()?;
    Ok(format!("  ok     from ZooKeeper to KRaft, and on without a keeper: {said}\n"))
}

/// Writes a controller's configuration, and formats its folder for the cluster when that is named.
fn controller(dir: &Path, port: u16, lines: &str, format: Option<&str>) -> Result<PathBuf> {
    let config = dir.join("controller.properties");
    let folder = dir.join("controller");
    let text = format!(
        "process.roles=controller\nnode.id={CONTROLLER_ID}\nlisteners=CONTROLLER://127.0.0.1:{port}\nlog.dirs={}\n{}{lines}",
        folder.display(),
        quorum_lines(port)
    );
    std::fs::write(&config, text).with_context(|| format!("write {}", config.display()))?;
    if let Some(cluster_id) = format {
        let mut tool = apache::java("kafka", 128, "kafka.tools.StorageTool")?;
        tool.args(["format", "-t", cluster_id, "-c"]).arg(&config);
        run_ok(tool, "", DEADLINE).context("format the controller's folder")?;
    }
    Ok(config)
}

/// A znode below Kafka's root, as JSON.
fn value(ensemble: &Ensemble, path: &str) -> Result<Value> {
    let id = *ensemble.running().first().context("no keeper runs")?;
    let mut client = ensemble.connect(id)?;
    let path = format!("{CHROOT}{path}");
    let request = GetDataRequest { path: path.as_str().into(), watch: false };
    let (_, body) = client.ask_for_zxid(OpCode::GET_DATA, &request)?;
    client.close()?;
    let data = GetDataResponse::from_bytes(body).context("read a znode")?.data.unwrap_or_default();
    serde_json::from_slice(&data).with_context(|| format!("read {path}"))
}

fn text(value: &Value, field: &str) -> Result<String> {
    let text = value.get(field).and_then(Value::as_str).with_context(|| format!("{value} has no {field}"))?;
    ensure!(!text.is_empty(), "{field} is empty");
    Ok(text.to_owned())
}
