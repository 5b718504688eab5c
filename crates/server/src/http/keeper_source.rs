//! What the keeper shows over HTTP: its metrics under Apache's names, and the AdminServer's commands that read.

use serde_json::{Map, Value, json};

use super::AdminSource;
use crate::zk::ZkAdmin;
use crate::zk::metrics::{prometheus, words};

impl AdminSource for ZkAdmin {
    fn role(&self) -> &'static str {
        "zookeeper"
    }

    fn ready(&self) -> Result<(), String> {
        self.serving()
    }

    fn write_metrics(&self, out: &mut String) {
        prometheus::write(&self.metrics(), out);
    }

    fn commands(&self) -> Vec<&'static str> {
        vec!["configuration", "dirs", "environment", "is_read_only", "monitor", "ruok", "server_stats"]
    }

    fn command(&self, name: &str) -> Option<Value> {
        Some(match name {
            "configuration" | "conf" | "config" => configuration(self),
            "dirs" => {
                let (data, log) = self.folder_sizes();
                json!({"datadir_size": data, "logdir_size": log})
            }
            "environment" | "env" | "envi" => typed(self.environment(), str::to_string),
            "is_read_only" | "isro" => json!({"read_only": false}),
            "monitor" | "mntr" => monitor(self),
            "ruok" => json!({}),
            "server_stats" | "srvr" => server_stats(self),
            _ => return None,
        })
    }
}

/// Numbers as numbers, the rest as text.
fn typed(pairs: Vec<(&'static str, String)>, name: impl Fn(&str) -> String) -> Value {
    let value = |text: String| match text.parse::<i64>() {
        Ok(number) => json!(number),
        Err(_) => text.parse::<f64>().map_or(json!(text), |number| json!(number)),
    };
    Value::Object(pairs.into_iter().map(|(key, text)| (name(key), value(text))).collect::<Map<_, _>>())
}

/// The four-letter word says `clientPort`, the AdminServer `client_port`; it leaves the sizes out.
fn configuration(admin: &ZkAdmin) -> Value {
    let kept = admin
        .configuration()
        .into_iter()
        .filter(|(key, _)| !matches!(*key, "dataDirSize" | "dataLogSize" | "secureClientPort"));
    typed(kept.collect(), |key| {
        key.chars()
            .flat_map(|c| c.is_ascii_uppercase().then_some('_').into_iter().chain([c.to_ascii_lowercase()]))
            .collect()
    })
}

fn monitor(admin: &ZkAdmin) -> Value {
    let mut all = Map::new();
    all.insert("version".into(), json!(crate::zk::admin::VERSION));
    all.insert("server_state".into(), json!("standalone"));
    all.extend(admin.metrics().iter().flat_map(words::flat).map(|(key, number)| {
        let number = match number {
            words::Number::Whole(number) => json!(number),
            words::Number::Decimal(number) => json!(number),
        };
        (key, number)
    }));
    Value::Object(all)
}

fn server_stats(admin: &ZkAdmin) -> Value {
    let (stats, tree, (data, log)) = (admin.stats(), admin.tree(), admin.folder_sizes());
    json!({
        "version": crate::zk::admin::VERSION,
        "read_only": false,
        "server_stats": {
            "packets_sent": stats.traffic.sent,
            "packets_received": stats.traffic.received,
            "data_dir_size": data,
            "log_dir_size": log,
            "last_processed_zxid": tree.zxid.0,
            "outstanding_requests": tree.outstanding,
            "server_state": "standalone",
            "avg_latency": stats.latency_ms_avg,
            "max_latency": stats.latency_ms_max,
            "min_latency": stats.latency_ms_min,
            "num_alive_client_connections": admin.connections(),
            "uptime": admin.uptime_ms(),
        },
        "node_count": tree.nodes,
    })
}
