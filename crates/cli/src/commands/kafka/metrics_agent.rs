//! Where an Apache broker would serve its metrics: the JMX exporter's agent, as `KAFKA_OPTS` names it. Its configuration
//! is not read: the names are those of its example for Kafka.

use std::net::SocketAddr;

use anyhow::Context;
use server::config::java_flags;

use crate::commands::plan;

/// The address of each agent in `flags`: `-javaagent:.../jmx_prometheus_javaagent-1.0.1.jar=[host:]port:config.yml`.
///
/// # Errors
/// The agent's argument has no port, or its host no address.
pub fn addresses(flags: &str) -> anyhow::Result<Vec<SocketAddr>> {
    let mut all = Vec::new();
    for flag in java_flags::split(flags) {
        let Some(agent) = flag.strip_prefix("-javaagent:") else { continue };
        let (jar, argument) = agent.split_once('=').unwrap_or((agent, ""));
        if !jar.rsplit('/').next().is_some_and(|name| name.starts_with("jmx_prometheus_javaagent")) {
            continue;
        }
        let wrong = || format!("cannot use {flag} of KAFKA_OPTS: its argument is not [HOST:]PORT:FILE");
        let (place, _config) = argument.split_once(":/").or_else(|| argument.rsplit_once(':')).with_context(wrong)?;
        let (host, port) = place.rsplit_once(':').unwrap_or(("0.0.0.0", place));
        let port = port.parse().ok().with_context(wrong)?;
        all.extend(plan::addresses(host, port).with_context(wrong)?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agents_port_is_found() {
        let found = |flags: &str| addresses(flags).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
        let agent = "-javaagent:/opt/jmx_prometheus_javaagent-1.0.1.jar";
        assert_eq!(found("-Xmx1g -javaagent:/opt/other.jar=1:x").unwrap(), [""; 0]);
        assert_eq!(found(&format!("-Xmx1g {agent}=7071:/etc/kafka.yml")).unwrap(), ["0.0.0.0:7071"]);
        assert_eq!(found(&format!("{agent}=127.0.0.1:7071:kafka.yml")).unwrap(), ["127.0.0.1:7071"]);
        assert_eq!(found(&format!("'{agent}=[::1]:7071:/a b.yml'")).unwrap(), ["[::1]:7071"]);
        for wrong in [agent.to_string(), format!("{agent}=kafka.yml"), format!("{agent}=x:kafka.yml")] {
            assert!(found(&wrong).unwrap_err().to_string().contains("[HOST:]PORT:FILE"), "{wrong}");
        }
    }
}
