//! `castlekeep kafka server.properties`: the broker alone, from Apache's configuration file; and the broker's offline
//! tools.

mod dump_log;
mod metrics_agent;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use server::config::properties;
use server::config::server_properties::{self, UnknownKeys};
use server::kafka::KafkaServerConfig;

use super::plan::{Http, KafkaPlan, Plan, addresses};
use super::serve;
use crate::logging::{self, LoggingArgs};

/// Flags of `castlekeep kafka`.
#[derive(clap::Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_long_help = "Examples:\n  \
        castlekeep kafka server.properties\n  \
        castlekeep kafka server.properties --override broker.id=3 --override log.dirs=/data/kafka\n  \
        castlekeep kafka server.properties --http 0.0.0.0:8080             health and metrics\n  \
        KAFKA_OPTS=-javaagent:jmx_prometheus_javaagent.jar=7071:kafka.yml castlekeep kafka server.properties\n  \
        ln -s castlekeep kafka-server-start.sh; ./kafka-server-start.sh -daemon server.properties\n  \
        castlekeep kafka dump-log --print-data-log orders-0/00000000000000000000.log"
)]
pub struct Args {
    #[command(subcommand)]
    tool: Option<Tool>,
    /// Apache's configuration file
    #[arg(value_name = "SERVER_PROPERTIES", required = true)]
    file: Option<PathBuf>,
    /// A property that replaces the file's
    #[arg(long = "override", value_name = "KEY=VALUE")]
    overrides: Vec<String>,
    /// Also serve health, readiness and Prometheus metrics there
    #[arg(long, value_name = "HOST:PORT")]
    http: Option<String>,
    /// In a session of its own, away from the terminal
    #[arg(long, hide = true)]
    detached: bool,
    #[command(flatten)]
    logging: LoggingArgs,
}

/// What needs no running broker.
#[derive(clap::Subcommand, Debug)]
enum Tool {
    /// Print the files of a partition: segments, indexes, producer snapshots
    DumpLog(dump_log::Args),
}

/// Starts, serves and stops; or runs a tool.
///
/// # Errors
/// For a person: what was tried, on what, and what to do.
pub fn run(args: Args) -> anyhow::Result<ExitCode> {
    if let Some(Tool::DumpLog(args)) = &args.tool {
        return dump_log::run(args);
    }
    if args.detached {
        // Only the leader of a process group cannot; it is detached already.
        let _ = rustix::process::setsid();
    }
    let file = args.file.expect("clap demands it without a tool");
    let http = args.http.as_deref().map(http).transpose()?;
    serve_file(&file, &args.overrides, http, &args.logging).map(|()| ExitCode::SUCCESS)
}

fn http(text: &str) -> anyhow::Result<Http> {
    let parsed = text.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let (host, port) = parsed.with_context(|| format!("--http {text} is not HOST:PORT"))?;
    let addresses = addresses(host, port).with_context(|| format!("cannot use --http {text}"))?;
    Ok(Http { addresses, is_default: false })
}

/// Serves a file, with properties of the form `key=value` in the place of its own. Metrics are also served where the
/// exporter's agent in `KAFKA_OPTS` would serve them.
///
/// # Errors
/// As [`run`].
pub fn serve_file(file: &Path, overrides: &[String], http: Option<Http>, logging: &LoggingArgs) -> anyhow::Result<()> {
    logging::init(logging)?;
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let parsed = properties::parse(&text).map_err(|e| anyhow::anyhow!("cannot use {}: {e}", file.display()))?;
    let parsed = properties::last_wins(parsed).into_iter();
    let mut properties: Vec<(String, String)> = parsed.map(|property| (property.key, property.value)).collect();
    for text in overrides {
        let Some((key, value)) = text.split_once('=') else {
            bail!("--override {text} is not KEY=VALUE");
        };
        properties.retain(|(name, _)| name != key);
        properties.push((key.to_string(), value.to_string()));
    }
    let data = properties.iter().find(|(key, _)| key == "log.dirs" || key == "log.dir").map(|(_, dir)| dir.into());
    let kafka = KafkaPlan { properties, build: |properties| config(properties, UnknownKeys::Warn) };
    serve::run(Plan {
        zookeeper: None,
        kafka: Some(kafka),
        http,
        metrics: metrics_agent::addresses(&std::env::var("KAFKA_OPTS").unwrap_or_default())?,
        data: data.unwrap_or_default(),
    })
}

/// A broker's configuration from properties.
///
/// # Errors
/// Every problem found: values that make no sense, keys that would protect and are not implemented, and with
/// [`UnknownKeys::Refuse`] keys that nobody knows.
pub fn config(properties: Vec<(String, String)>, unknown: UnknownKeys) -> anyhow::Result<KafkaServerConfig> {
    let pairs = properties.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    match server_properties::check(pairs, unknown) {
        Ok(warnings) => warnings.iter().for_each(|warning| tracing::warn!("{warning}")),
        Err(problems) => bail!("cannot start a broker with this configuration:\n  {}", problems.join("\n  ")),
    }
    KafkaServerConfig::from_properties(properties.into_iter().collect()).map_err(|problems| {
        anyhow::anyhow!("cannot start a broker with this configuration:\n  {}", problems.join("\n  "))
    })
}
