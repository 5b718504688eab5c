//! `castlekeep zookeeper zoo.cfg`: the keeper alone, from Apache's configuration file.

use std::path::PathBuf;

use anyhow::Context;
use server::config::properties::Property;
use server::config::zoo_cfg::{self, AdminCfg};
use server::zk::ZkServerConfig;

use super::plan::{Http, Plan, addresses};
use super::serve;
use crate::logging::{self, LoggingArgs};

/// Flags of `castlekeep zookeeper`.
#[derive(clap::Args, Debug)]
#[command(after_long_help = "Examples:\n  \
    castlekeep zookeeper zoo.cfg\n  \
    castlekeep zookeeper /etc/zookeeper/conf/zoo.cfg --log debug")]
pub struct Args {
    /// Apache's configuration file
    #[arg(value_name = "ZOO_CFG")]
    file: PathBuf,
    #[command(flatten)]
    logging: LoggingArgs,
}

/// Starts, serves and stops.
///
/// # Errors
/// For a person: what was tried, on what, and what to do.
pub fn run(args: Args) -> anyhow::Result<()> {
    logging::init(&args.logging)?;
    let text = std::fs::read_to_string(&args.file).with_context(|| format!("cannot read {}", args.file.display()))?;
    let parsed = zoo_cfg::parse(&text).map_err(|problems| refused(&args.file.display().to_string(), &problems))?;
    for warning in &parsed.warnings {
        tracing::warn!("{}: {warning}", args.file.display());
    }
    let data = parsed.server.store.data_dir.clone();
    let http = http(&parsed.admin)?;
    serve::run(Plan { zookeeper: Some(parsed.server), kafka: None, http, data })
}

/// A keeper's configuration from properties of our own file, where an unknown key is an error.
///
/// # Errors
/// Values that make no sense, unknown keys, and keys that would protect and are not implemented.
pub fn config(properties: Vec<(String, String)>) -> anyhow::Result<ZkServerConfig> {
    let properties = properties.into_iter().map(|(key, value)| Property { key, value, line: 0 });
    let parsed =
        zoo_cfg::from_properties(properties.collect(), &[]).map_err(|problems| refused("[zookeeper]", &problems))?;
    if !parsed.warnings.is_empty() {
        return Err(refused("[zookeeper]", &parsed.warnings));
    }
    Ok(parsed.server)
}

fn refused(what: &str, problems: &[String]) -> anyhow::Error {
    anyhow::anyhow!("cannot start a keeper with {what}:\n  {}", problems.join("\n  "))
}

/// As Apache's AdminServer, a port that is busy does not keep the keeper from starting.
fn http(admin: &AdminCfg) -> anyhow::Result<Option<Http>> {
    if !admin.enabled {
        return Ok(None);
    }
    let addresses = addresses(admin.address.as_deref().unwrap_or("localhost"), admin.port)?;
    Ok(Some(Http { addresses, is_default: true }))
}
