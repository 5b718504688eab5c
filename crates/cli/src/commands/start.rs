//! `castlekeep start`, also the command that runs without one: both roles in one process.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use server::config::server_properties::UnknownKeys;
use server::zk::ZkServerConfig;

use super::plan::{Http, KafkaPlan, Plan, addresses, listen};
use super::toml_file::{self, Properties, TomlFile};
use super::{kafka, serve, zookeeper};
use crate::logging::{self, LoggingArgs};

const ZOOKEEPER_PORT: u16 = 2181;
const KAFKA_PORT: u16 = 9092;
const HTTP_PORT: u16 = 8080;
const DATA_DIR: &str = "./castlekeep-data";

/// Flags of `castlekeep start`.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "Examples:\n  \
    castlekeep start                                        the defaults, for this machine only\n  \
    castlekeep start --data-dir /var/lib/castlekeep\n  \
    castlekeep start --listen 0.0.0.0 --advertise keep.example.com\n  \
    castlekeep start --zookeeper-port 0 --kafka-port 0 --http-port 0   ports that are free\n  \
    castlekeep start --config castlekeep.toml")]
pub struct Args {
    /// Both roles' configuration under Apache's property names, in sections [zookeeper], [kafka] and [http]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the data goes [default: ./castlekeep-data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Host or address to listen on: localhost for this machine only, 0.0.0.0 for every address [default: localhost]
    #[arg(long, value_name = "HOST")]
    listen: Option<String>,
    /// Host that Kafka clients are told to connect to [default: what --listen says]
    #[arg(long, value_name = "HOST")]
    advertise: Option<String>,
    /// Port for ZooKeeper clients, 0 for any [default: 2181]
    #[arg(long, value_name = "PORT")]
    zookeeper_port: Option<u16>,
    /// Port for Kafka clients, 0 for any [default: 9092]
    #[arg(long, value_name = "PORT")]
    kafka_port: Option<u16>,
    /// Port for HTTP, 0 for any [default: 8080]
    #[arg(long, value_name = "PORT")]
    http_port: Option<u16>,
    #[command(flatten)]
    logging: LoggingArgs,
}

/// Starts, serves and stops.
///
/// # Errors
/// For a person: what was tried, on what, and what to do.
pub fn run(args: Args) -> anyhow::Result<()> {
    logging::init(&args.logging)?;
    let plan = match &args.config {
        Some(file) => from_file(toml_file::read(file)?, &args)?,
        None => embedded(&args)?,
    };
    serve::run(plan)
}

fn embedded(args: &Args) -> anyhow::Result<Plan> {
    let host = args.listen.as_deref().unwrap_or("localhost");
    let data = args.data_dir.clone().unwrap_or_else(|| PathBuf::from(DATA_DIR));
    let mut zookeeper = ZkServerConfig::embedded(&data.join("zookeeper"), 0);
    zookeeper.listen = listen(host, args.zookeeper_port.unwrap_or(ZOOKEEPER_PORT)).context("cannot use --listen")?;
    let kafka = KafkaPlan {
        properties: embedded_kafka(args, host, &data.join("kafka"))?,
        build: |properties| kafka::config(properties, UnknownKeys::Refuse),
    };
    Ok(Plan {
        zookeeper: Some(zookeeper),
        kafka: Some(kafka),
        http: http(args, None, host)?,
        metrics: Vec::new(),
        data,
    })
}

/// What a single node needs different from Apache's defaults: one replica for internal topics, no wait for more
/// members, and names that clients on this machine can reach.
fn embedded_kafka(args: &Args, host: &str, log_dir: &Path) -> anyhow::Result<Properties> {
    let wildcard = matches!(host, "0.0.0.0" | "::" | "[::]");
    ensure!(
        !wildcard || args.advertise.is_some(),
        "--listen {host} accepts connections on every address, but Kafka clients must be told one they can reach; \
         add --advertise HOST"
    );
    if let Some(name) = &args.advertise
        && matches!(name.as_str(), "0.0.0.0" | "::" | "[::]")
    {
        bail!("--advertise {name} is no address that a client could connect to; name this machine as clients see it");
    }
    let port = args.kafka_port.unwrap_or(KAFKA_PORT);
    let advertised = args.advertise.as_deref().unwrap_or(host);
    let bracketed =
        |host: &str| if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.into() };
    let pairs = [
        ("broker.id", "0".to_string()),
        ("listeners", format!("PLAINTEXT://{}:{port}", bracketed(host))),
        ("advertised.listeners", format!("PLAINTEXT://{}:{port}", bracketed(advertised))),
        ("log.dirs", log_dir.display().to_string()),
        ("offsets.topic.replication.factor", "1".to_string()),
        ("group.initial.rebalance.delay.ms", "0".to_string()),
    ];
    Ok(pairs.into_iter().map(|(key, value)| (key.to_string(), value)).collect())
}

fn from_file(file: TomlFile, args: &Args) -> anyhow::Result<Plan> {
    let flags = [
        ("--data-dir", args.data_dir.is_some()),
        ("--listen", args.listen.is_some()),
        ("--advertise", args.advertise.is_some()),
        ("--zookeeper-port", args.zookeeper_port.is_some()),
        ("--kafka-port", args.kafka_port.is_some()),
    ];
    if let Some((flag, _)) = flags.iter().find(|(_, given)| *given) {
        bail!("{flag} and --config exclude each other: set it in the file");
    }
    ensure!(
        file.zookeeper.is_some() || file.kafka.is_some(),
        "the file has neither [zookeeper] nor [kafka]: there is nothing to start"
    );
    let http = http(args, file.http_port, file.http_listen.as_deref().unwrap_or("localhost"))?;
    let (zookeeper, metrics) = match file.zookeeper.map(zookeeper::config).transpose()? {
        Some(cfg) => (Some(cfg.server), zookeeper::metrics(cfg.metrics.as_ref())?),
        None => (None, Vec::new()),
    };
    let data = zookeeper.as_ref().map(|config| config.store.data_dir.clone()).unwrap_or_default();
    let kafka = file
        .kafka
        .map(|properties| KafkaPlan { properties, build: |properties| kafka::config(properties, UnknownKeys::Refuse) });
    Ok(Plan { zookeeper, kafka, http, metrics, data })
}

fn http(args: &Args, from_file: Option<u16>, host: &str) -> anyhow::Result<Option<Http>> {
    let asked = args.http_port.or(from_file);
    let addresses = addresses(host, asked.unwrap_or(HTTP_PORT)).context("cannot use --listen")?;
    Ok(Some(Http { addresses, is_default: asked.is_none() }))
}
