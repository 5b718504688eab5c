//! `castlekeep zookeeper zoo.cfg`: the keeper alone, from Apache's configuration file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use server::config::admin_keys::MetricsCfg;
use server::config::dynamic_file;
use server::config::java_flags::{self, JavaFlags};
use server::config::properties::Property;
use server::config::zoo_cfg::{self, AdminCfg, ZooCfg};

use super::plan::{Http, Plan, addresses};
use super::serve;
use crate::logging::{self, LoggingArgs};

/// Variables in which launch scripts pass flags to a Java machine, in the order of upstream's script.
const FLAG_VARIABLES: [&str; 2] = ["SERVER_JVMFLAGS", "JVMFLAGS"];

/// What our own file says in its section `[http]`.
const OF_HTTP: [&str; 3] = ["admin.enableServer", "admin.serverPort", "admin.serverAddress"];

/// Flags of `castlekeep zookeeper`.
#[derive(clap::Args, Debug)]
#[command(
    override_usage = "castlekeep zookeeper [OPTIONS] [start-foreground] <ZOO_CFG> [-Dname=value]...",
    after_long_help = "Examples:\n  \
    castlekeep zookeeper zoo.cfg\n  \
    castlekeep zookeeper start-foreground /etc/zookeeper/conf/zoo.cfg\n  \
    castlekeep zookeeper zoo.cfg -Dzookeeper.4lw.commands.whitelist=* -Djute.maxbuffer=4194304\n  \
    SERVER_JVMFLAGS=-Dzookeeper.snapCount=50000 castlekeep zookeeper zoo.cfg --log debug\n  \
    ln -s castlekeep zkServer.sh; ./zkServer.sh start zoo.cfg        Apache's launch script, with its verbs\n\n\
    The process that you start is the server; SIGTERM and Ctrl-C stop it. What becomes of each key and property \
    stands in docs/compatibility.md. Where the file and a property say different things, the file wins, as with \
    Apache."
)]
pub struct Args {
    /// Apache's configuration file; `start-foreground` may stand before it
    #[arg(value_name = "ZOO_CFG", required = true, num_args = 1..=2)]
    words: Vec<PathBuf>,
    /// A Java property, as for Apache's server; SERVER_JVMFLAGS and JVMFLAGS are read before
    #[arg(short = 'D', value_name = "name=value")]
    properties: Vec<String>,
    /// In a session of its own, away from the terminal
    #[arg(long, hide = true)]
    detached: bool,
    #[command(flatten)]
    logging: LoggingArgs,
}

/// Starts, serves and stops.
///
/// # Errors
/// For a person: what was tried, on what, and what to do.
pub fn run(args: Args) -> anyhow::Result<()> {
    let file = match args.words.as_slice() {
        [file] => file,
        [verb, file] if verb.as_os_str() == "start-foreground" => file,
        [verb, ..] => bail!(
            "{} is no verb of castlekeep zookeeper: give the configuration file, or start-foreground and the file; \
             a link named zkServer.sh to this program knows start, stop, status and restart",
            verb.display()
        ),
        [] => bail!("give a configuration file, as in castlekeep zookeeper zoo.cfg"),
    };
    if args.detached {
        // Only the leader of a process group cannot; it is detached already.
        let _ = rustix::process::setsid();
    }
    let mut flags = flags_of_the_environment();
    flags.extend(args.properties.iter().map(|property| format!("-D{property}")));
    serve_file(file, &flags, &args.logging)
}

/// The flags in `SERVER_JVMFLAGS` and `JVMFLAGS`.
pub fn flags_of_the_environment() -> Vec<String> {
    let values = FLAG_VARIABLES.iter().filter_map(|name| std::env::var(name).ok());
    values.flat_map(|value| java_flags::split(&value)).collect()
}

/// Serves a file, with a Java machine's flags beside it.
///
/// # Errors
/// As [`run`].
pub fn serve_file(file: &Path, flags: &[String], logging: &LoggingArgs) -> anyhow::Result<()> {
    logging::init(logging)?;
    let JavaFlags { properties, ignored } = java_flags::read(flags);
    for flag in ignored {
        tracing::debug!("the flag {flag} is for a Java machine and tunes nothing here");
    }
    let ZooCfg { server, admin, metrics, warnings } = read(file, &properties)?;
    for warning in &warnings {
        tracing::warn!("{}: {warning}", file.display());
    }
    let data = server.store.data_dir.clone();
    let http = http(&admin)?;
    let metrics = self::metrics(metrics.as_ref())?;
    serve::run(Plan { zookeeper: Some(server), kafka: None, http, metrics, data })
}

/// Reads a `zoo.cfg`.
///
/// # Errors
/// When it cannot be read or no keeper can start from it.
pub fn read(file: &Path, properties: &[(String, String)]) -> anyhow::Result<ZooCfg> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut read = zoo_cfg::parse_with_java(&text, properties)
        .map_err(|problems| refused(&file.display().to_string(), &problems))?;
    if let Some(member) = &mut read.server.member {
        member.config_file = Some(file.to_path_buf());
        // As upstream: a static list has been written by somebody who knows nothing of what was under way.
        if read.server.store.keeper.reconfig_enabled && member.dynamic {
            member.next = dynamic_file::read_next(file, member.membership.version).unwrap_or_else(|error| {
                read.warnings.push(format!("{error}; a reconfig that may be committed is looked for in the log alone"));
                None
            });
        }
    }
    Ok(read)
}

/// A keeper's configuration from properties of our own file, where an unknown key is an error.
///
/// # Errors
/// Values that make no sense, unknown keys, and keys that would protect and are not implemented.
pub fn config(properties: Vec<(String, String)>) -> anyhow::Result<ZooCfg> {
    let of_http = |key: &str| OF_HTTP.contains(&key.trim_start_matches("zookeeper."));
    if let Some((key, _)) = properties.iter().find(|(key, _)| of_http(key)) {
        bail!("{key} stands in [zookeeper], and one HTTP port serves both roles: set port and listen in [http]");
    }
    let properties = properties.into_iter().map(|(key, value)| Property { key, value, line: 0 });
    let parsed =
        zoo_cfg::from_properties(properties.collect(), &[]).map_err(|problems| refused("[zookeeper]", &problems))?;
    if !parsed.warnings.is_empty() {
        return Err(refused("[zookeeper]", &parsed.warnings));
    }
    Ok(parsed)
}

/// Where metrics are served for Prometheus alone; nowhere unless the file names its provider.
///
/// # Errors
/// When `metricsProvider.httpHost` has no address.
pub fn metrics(metrics: Option<&MetricsCfg>) -> anyhow::Result<Vec<SocketAddr>> {
    let Some(MetricsCfg { host, port }) = metrics else { return Ok(Vec::new()) };
    addresses(host, *port).context("cannot use metricsProvider.httpHost")
}

fn refused(what: &str, problems: &[String]) -> anyhow::Error {
    anyhow::anyhow!("cannot start a keeper with {what}:\n  {}", problems.join("\n  "))
}

/// As Apache's AdminServer, a port that is busy does not keep the keeper from starting.
fn http(admin: &AdminCfg) -> anyhow::Result<Option<Http>> {
    if !admin.enabled {
        return Ok(None);
    }
    let host = admin.address.as_deref().unwrap_or("localhost");
    let addresses = addresses(host, admin.port).context("cannot use admin.serverAddress")?;
    Ok(Some(Http { addresses, is_default: true }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keeper_of_our_own_file() {
        let config = |more: &[(&str, &str)]| {
            let least = [("dataDir", "/x"), ("clientPort", "2181")];
            let all = least.iter().chain(more).map(|(key, value)| (key.to_string(), value.to_string()));
            config(all.collect())
        };
        let provider = "org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider";
        let host = ("metricsProvider.httpHost", "127.0.0.1");
        let cfg =
            config(&[("metricsProvider.className", provider), ("metricsProvider.httpPort", "7001"), host]).unwrap();
        assert_eq!(metrics(cfg.metrics.as_ref()).unwrap(), ["127.0.0.1:7001".parse().unwrap()]);
        for key in ["admin.serverPort", "zookeeper.admin.serverAddress"] {
            let error = config(&[(key, "1")]).unwrap_err().to_string();
            assert!(error.contains(key) && error.contains("[http]"), "{error}");
        }
        assert!(config(&[("tickTme", "1")]).unwrap_err().to_string().contains("did you mean tickTime?"));
    }
}
