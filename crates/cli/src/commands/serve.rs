//! Starts what a plan says, waits for a signal, stops it in the opposite order.

use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, anyhow};
use server::http::{AdminSource, HttpHandle};
use server::kafka::KafkaServerHandle;
use server::zk::ZkServerHandle;
use tokio::signal::unix::{SignalKind, signal};

use super::plan::{Http, Plan};
use crate::banner::{self, Listening};
use crate::logging;

/// Runs until SIGTERM, Ctrl-C, or the end of a role.
///
/// # Errors
/// For a person: what was tried, on what, and what to do.
pub fn run(plan: Plan) -> anyhow::Result<()> {
    let began = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the threads that serve connections")?;
    runtime.block_on(serve(plan, began))
}

#[derive(Default)]
struct Running {
    zookeeper: Option<ZkServerHandle>,
    kafka: Option<KafkaServerHandle>,
    http: Option<HttpHandle>,
    metrics: Option<HttpHandle>,
}

async fn serve(plan: Plan, began: Instant) -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    tokio::spawn(logging::follow_signals());
    let data = plan.data.clone();
    let mut running = Running::default();
    tokio::select! {
        started = start(plan, &mut running) => started?,
        _ = interrupt.recv() => return stop(running).await,
        _ = terminate.recv() => return stop(running).await,
    }
    print_banner(&running, &data, began);
    let ended = tokio::select! {
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
        ended = role_ended(&mut running.zookeeper, &mut running.kafka) => ended,
    };
    tracing::info!("stopping");
    let stopped = stop(running).await;
    ended.and(stopped)
}

async fn start(plan: Plan, running: &mut Running) -> anyhow::Result<()> {
    let mut sources: Vec<Arc<dyn AdminSource>> = Vec::new();
    let mut keeper_port = None;
    let mut budget = None;
    if let Some(config) = plan.zookeeper {
        budget = Some(config.budget.clone());
        let handle = server::zk::start(config).await?;
        keeper_port = handle.local_addrs().first().map(std::net::SocketAddr::port);
        sources.push(Arc::new(handle.admin()));
        running.zookeeper = Some(handle);
    }
    if let Some(kafka) = plan.kafka {
        let mut properties = kafka.properties;
        if let (Some(port), false) = (keeper_port, properties.iter().any(|(key, _)| key == "zookeeper.connect")) {
            properties.push(("zookeeper.connect".to_string(), format!("127.0.0.1:{port}")));
        }
        let mut config = (kafka.build)(properties)?;
        if let Some(keepers) = budget {
            config.budget = keepers;
        }
        let handle = server::kafka::start(config).await?;
        sources.push(Arc::new(handle.admin()));
        running.kafka = Some(handle);
    }
    if let Some(address) = plan.metrics.first() {
        let handle = server::http::start_metrics(&plan.metrics, sources.clone()).await;
        running.metrics = Some(handle.with_context(|| {
            format!("cannot listen for Prometheus on {address}; choose another port (metricsProvider.httpPort, or the agent's)")
        })?);
    }
    if let Some(http) = plan.http {
        running.http = start_http(http, sources).await?;
    }
    if let Some(kafka) = &mut running.kafka {
        kafka.ready().await.map_err(|reason| anyhow!("{reason}"))?;
    }
    Ok(())
}

/// A busy default port is not worth dying for; a port that somebody asked for is.
async fn start_http(http: Http, sources: Vec<Arc<dyn AdminSource>>) -> anyhow::Result<Option<HttpHandle>> {
    let asked = http.addresses.first().copied();
    match server::http::start(&http.addresses, sources).await {
        Ok(handle) => Ok(Some(handle)),
        Err(error) if http.is_default => {
            let port = asked.map_or(0, |address| address.port());
            tracing::warn!(
                "cannot listen for HTTP on port {port}: {error}; going on without it (--http-port chooses another)"
            );
            Ok(None)
        }
        Err(error) => {
            let address = asked.map(|address| address.to_string()).unwrap_or_default();
            Err(error).with_context(|| format!("cannot listen for HTTP on {address}; choose another with --http-port"))
        }
    }
}

/// The reason why a role stopped by itself; never returns while both run.
async fn role_ended(
    zookeeper: &mut Option<ZkServerHandle>,
    kafka: &mut Option<KafkaServerHandle>,
) -> anyhow::Result<()> {
    let zookeeper = async {
        match zookeeper {
            Some(handle) => handle.ended().await,
            None => std::future::pending().await,
        }
    };
    let kafka = async {
        match kafka {
            Some(handle) => handle.ended().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        ended = zookeeper => ended.map_err(|reason| anyhow!("the ZooKeeper role stopped: {reason}")),
        ended = kafka => ended.map_err(|reason| anyhow!("the Kafka role stopped: {reason}")),
    }
}

/// The broker first: its last words go to the keeper.
async fn stop(running: Running) -> anyhow::Result<()> {
    for http in [running.http, running.metrics].into_iter().flatten() {
        http.shutdown().await;
    }
    let mut result = Ok(());
    if let Some(kafka) = running.kafka {
        result = kafka.shutdown().await.map_err(|reason| anyhow!("the Kafka role did not stop cleanly: {reason}"));
    }
    if let Some(zookeeper) = running.zookeeper {
        let stopped = zookeeper.shutdown().await;
        result = result.and(stopped.map_err(|reason| anyhow!("the ZooKeeper role did not stop cleanly: {reason}")));
    }
    result
}

fn print_banner(running: &Running, data: &std::path::Path, began: Instant) {
    let mut roles = Vec::new();
    if let Some(handle) = &running.zookeeper {
        roles.push(Listening { role: "ZooKeeper", addresses: handle.local_addrs() });
    }
    if let Some(handle) = &running.kafka {
        roles.push(Listening { role: "Kafka", addresses: handle.local_addrs() });
    }
    if let Some(handle) = &running.http {
        roles.push(Listening { role: "HTTP", addresses: handle.local_addrs() });
    }
    let mut out = std::io::stdout().lock();
    // Nobody reads it when standard output is closed.
    let _ = out.write_all(banner::text(&roles, data, began.elapsed().as_millis()).as_bytes());
    let _ = out.flush();
}
