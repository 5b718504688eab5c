//! `admin.*` and `metricsProvider.*`: what becomes of the keys behind the HTTP ports.

use std::time::Duration;

use super::zoo_cfg::{AdminCfg, File};
use super::zoo_keys::{Place, zoo_key};
use crate::http::admin::AdminOptions;

/// Upstream's class of the Prometheus port. Its other providers have no port.
const PROMETHEUS: &str = "PrometheusMetricsProvider";
/// Upstream's port for it.
const PROMETHEUS_PORT: u16 = 7000;

/// Where metrics are served for Prometheus alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetricsCfg {
    /// `metricsProvider.httpHost`
    pub host: String,
    /// `metricsProvider.httpPort`
    pub port: u16,
}

impl File<'_> {
    /// Where the AdminServer listens.
    pub(super) fn admin(&mut self) -> AdminCfg {
        AdminCfg {
            enabled: self.boolean("admin.enableServer", true),
            port: self.number("admin.serverPort", 8080),
            address: self.value("admin.serverAddress"),
        }
    }

    /// What the AdminServer may do, without the text of the file.
    pub(super) fn admin_options(&mut self) -> AdminOptions {
        let is_property = |key: &str| zoo_key(key).is_none_or(|row| row.place == Place::Property);
        let own = self.properties.iter().filter(|property| is_property(&property.key));
        let properties = own.map(|property| (format!("zookeeper.{}", property.key), property.value.clone())).collect();
        let default = AdminOptions::default();
        let mut command_url = self.value("admin.commandURL").unwrap_or(default.command_url);
        if !command_url.starts_with('/') || command_url.contains(['{', '}', '*']) {
            self.problems.push(format!("admin.commandURL={command_url} is no path such as /commands; correct it"));
            command_url = AdminOptions::default().command_url;
        }
        AdminOptions {
            command_url,
            snapshot_enabled: self.boolean("admin.snapshot.enabled", default.snapshot_enabled),
            restore_enabled: self.boolean("admin.restore.enabled", default.restore_enabled),
            rate_limiter_interval: Duration::from_millis(self.number("admin.rateLimiterIntervalInMS", 300_000)),
            properties,
            ..default
        }
    }

    /// The port for Prometheus, when the file asks for one.
    pub(super) fn metrics(&mut self) -> Option<MetricsCfg> {
        let class = self.value("metricsProvider.className")?;
        match class.rsplit('.').next() {
            Some(PROMETHEUS) => Some(MetricsCfg {
                host: self.value("metricsProvider.httpHost").unwrap_or_else(|| "0.0.0.0".into()),
                port: self.number("metricsProvider.httpPort", PROMETHEUS_PORT),
            }),
            Some("DefaultMetricsProvider" | "NullMetricsProvider") => None,
            _ => {
                self.warnings.push(format!(
                    "metricsProvider.className={class} cannot be loaded, which is no Java here; mntr and /metrics of \
                     the admin port show every metric"
                ));
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::zoo_cfg;
    use super::*;

    fn parse(more: &str) -> zoo_cfg::ZooCfg {
        zoo_cfg::parse(&format!("dataDir=/x\nclientPort=2181\n{more}")).unwrap()
    }

    #[test]
    fn commands_have_upstreams_defaults() {
        let cfg = parse("");
        let expected =
            AdminOptions { initial_configuration: "dataDir=/x\nclientPort=2181\n".into(), ..AdminOptions::default() };
        assert_eq!((cfg.server.admin, cfg.metrics), (expected, None));
    }

    #[test]
    fn every_key_is_honoured() {
        let cfg = parse(
            "admin.commandURL=/zk\nadmin.snapshot.enabled=false\nzookeeper.admin.restore.enabled=false\n\
             admin.rateLimiterIntervalInMS=5\n",
        );
        let AdminOptions { command_url, snapshot_enabled, restore_enabled, rate_limiter_interval, properties, .. } =
            cfg.server.admin;
        assert_eq!((command_url.as_str(), snapshot_enabled, restore_enabled), ("/zk", false, false));
        assert_eq!(rate_limiter_interval, Duration::from_millis(5));
        assert!(properties.contains(&("zookeeper.admin.commandURL".into(), "/zk".into())), "{properties:?}");
        assert!(zoo_cfg::parse("dataDir=/x\nclientPort=1\nadmin.commandURL=zk").is_err());
    }

    #[test]
    fn prometheus_has_a_port_of_its_own() {
        let class = "metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider\n";
        assert_eq!(parse(class).metrics, Some(MetricsCfg { host: "0.0.0.0".into(), port: 7000 }));
        let placed = format!("{class}metricsProvider.httpHost=127.0.0.1\nmetricsProvider.httpPort=9000\n");
        assert_eq!(parse(&placed).metrics, Some(MetricsCfg { host: "127.0.0.1".into(), port: 9000 }));
        let default = parse("metricsProvider.className=org.apache.zookeeper.metrics.impl.DefaultMetricsProvider");
        assert_eq!((default.metrics, default.warnings.len()), (None, 0));
        assert_eq!(parse("metricsProvider.className=com.acme.Own").warnings.len(), 1);
    }
}
