//! What a server command is going to start, once flags and files are understood.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use anyhow::{Context, bail};
use server::kafka::KafkaServerConfig;
use server::zk::{Listen, ZkServerConfig};

/// Everything to start.
pub struct Plan {
    /// The keeper, if it runs here.
    pub zookeeper: Option<ZkServerConfig>,
    /// The broker, if it runs here.
    pub kafka: Option<KafkaPlan>,
    /// The HTTP port, if there is one.
    pub http: Option<Http>,
    /// Where metrics are served alone, if anywhere.
    pub metrics: Vec<SocketAddr>,
    /// Shown in the banner.
    pub data: PathBuf,
}

/// The broker's configuration, complete or waiting for the keeper's port.
pub struct KafkaPlan {
    /// Its properties; `zookeeper.connect` is added when absent.
    pub properties: Vec<(String, String)>,
    /// From properties to configuration.
    pub build: fn(Vec<(String, String)>) -> anyhow::Result<KafkaServerConfig>,
}

/// The HTTP port.
pub struct Http {
    /// Where to listen.
    pub addresses: Vec<SocketAddr>,
    /// Nobody asked for this port: if it is busy, that is a warning.
    pub is_default: bool,
}

/// The addresses that `host` means for a listener: `localhost` is this machine's loopback in both families.
///
/// # Errors
/// When the name has no address.
pub fn addresses(host: &str, port: u16) -> anyhow::Result<Vec<SocketAddr>> {
    match listen(host, port)? {
        Listen::Loopback { port } => {
            Ok(vec![SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))])
        }
        Listen::Everywhere { port } => Ok(vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))]),
        Listen::Addresses(addresses) => Ok(addresses),
        Listen::Named { host, port } => found(&host, port),
    }
}

/// As [`addresses`], for the ZooKeeper listener.
///
/// # Errors
/// When the name has no address.
pub fn listen(host: &str, port: u16) -> anyhow::Result<Listen> {
    if host == "localhost" {
        return Ok(Listen::Loopback { port });
    }
    if let Ok(ip) = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        return Ok(if ip.is_unspecified() {
            Listen::Everywhere { port }
        } else {
            Listen::Addresses(vec![SocketAddr::new(ip, port)])
        });
    }
    Ok(Listen::Addresses(found(host, port)?))
}

fn found(host: &str, port: u16) -> anyhow::Result<Vec<SocketAddr>> {
    let found = (host, port).to_socket_addrs().with_context(|| format!("cannot find an address for {host}"))?;
    let found: Vec<SocketAddr> = found.collect();
    if found.is_empty() {
        bail!("{host} has no address; name an address of this machine, or 0.0.0.0 for all of them");
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_is_both_loopbacks_and_wildcards_are_everything() {
        assert_eq!(listen("localhost", 1).unwrap(), Listen::Loopback { port: 1 });
        assert_eq!(listen("0.0.0.0", 1).unwrap(), Listen::Everywhere { port: 1 });
        assert_eq!(listen("::", 1).unwrap(), Listen::Everywhere { port: 1 });
        assert_eq!(listen("[::1]", 1).unwrap(), Listen::Addresses(vec!["[::1]:1".parse().unwrap()]));
        assert_eq!(addresses("localhost", 5).unwrap().len(), 2);
    }
}
