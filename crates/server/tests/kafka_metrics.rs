//! What `/metrics` shows of a broker: real numbers under the names of the JMX exporter, each with its row in
//! `docs/compatibility.md`.

mod kafka;

use std::collections::{BTreeMap, BTreeSet};

use kafka::{Client, batch, start};
use server::http::AdminSource;

const PAGE: &str = include_str!("../../../docs/compatibility.md");

/// Samples by name and labels, and the kind of each metric.
async fn scraped(admin: &impl AdminSource) -> (BTreeMap<String, f64>, BTreeMap<String, String>) {
    let mut text = String::new();
    admin.prepare().await;
    admin.write_metrics(&mut text);
    let (mut samples, mut kinds) = (BTreeMap::new(), BTreeMap::new());
    for line in text.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a name and a kind");
            kinds.insert(name.to_string(), kind.to_string());
            continue;
        }
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        let before = samples.insert(name.to_string(), value.parse().expect("a number"));
        assert_eq!(before, None, "{name} is shown twice");
    }
    (samples, kinds)
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_those_of_what_happened() {
    let dir = tempfile::tempdir().expect("a folder");
    let servers = start(dir.path(), &[]).await;
    let addr = servers.addr();
    let client = tokio::task::spawn_blocking(move || {
        let mut client = Client::new(addr);
        client.topic("t", 2, &[]);
        for _ in 0..3 {
            assert_eq!(client.produce("t", 1, batch(&[b"one", b"two"])).error_code, 0);
        }
        let mut damaged = batch(&[b"x"]).to_vec();
        *damaged.last_mut().expect("bytes") ^= 1;
        assert_eq!(client.produce("t", 0, damaged.into()).error_code, 2);
        assert_eq!(client.produce("made-up", 0, batch(&[b"x"])).error_code, 3);
        assert_eq!(client.fetch("t", 1, 0, 0).records.len(), 6);
        client
    });
    let client = client.await.expect("the client part passes");
    let (samples, kinds) = scraped(&servers.kafka.admin()).await;
    let bytes = 3.0 * batch(&[b"one", b"two"]).len() as f64;
    for (name, expected) in [
        ("kafka_server_brokertopicmetrics_messagesin_total", 6.0),
        ("kafka_server_brokertopicmetrics_messagesin_total{topic=\"t\"}", 6.0),
        ("kafka_server_brokertopicmetrics_bytesin_total{topic=\"t\"}", bytes),
        ("kafka_server_brokertopicmetrics_bytesout_total{topic=\"t\"}", bytes),
        ("kafka_server_brokertopicmetrics_totalproducerequests_total", 5.0),
        ("kafka_server_brokertopicmetrics_failedproducerequests_total", 2.0),
        ("kafka_server_brokertopicmetrics_failedproducerequests_total{topic=\"t\"}", 1.0),
        ("kafka_server_brokertopicmetrics_invalidmessagecrcrecords_total{topic=\"t\"}", 1.0),
        ("kafka_server_brokertopicmetrics_totalfetchrequests_total{topic=\"t\"}", 1.0),
        ("kafka_network_requestmetrics_requests_total{request=\"Produce\",version=\"9\"}", 5.0),
        ("kafka_network_requestmetrics_totaltimems_count{request=\"FetchConsumer\"}", 1.0),
        ("kafka_network_requestmetrics_throttletimems{request=\"Produce\",quantile=\"0.999\"}", 0.0),
        ("kafka_log_log_size{topic=\"t\",partition=\"1\"}", bytes),
        ("kafka_log_log_logendoffset{topic=\"t\",partition=\"1\"}", 6.0),
        ("kafka_log_log_logstartoffset{topic=\"t\",partition=\"1\"}", 0.0),
        ("kafka_log_log_numlogsegments{topic=\"t\",partition=\"0\"}", 1.0),
        ("kafka_server_replicamanager_leadercount", 2.0),
        ("kafka_server_replicamanager_partitioncount", 2.0),
        ("kafka_server_replicamanager_underreplicatedpartitions", 0.0),
        ("kafka_controller_kafkacontroller_activecontrollercount", 1.0),
        ("kafka_controller_kafkacontroller_globaltopiccount", 1.0),
        ("kafka_controller_kafkacontroller_offlinepartitionscount", 0.0),
        ("kafka_server_kafkaserver_brokerstate", 3.0),
        ("kafka_connections", 1.0),
    ] {
        assert_eq!(samples.get(name).copied(), Some(expected), "{name}");
    }
    assert!(!samples.keys().any(|name| name.contains("made-up")), "a client's word makes no metric");
    let p99 = samples["kafka_network_requestmetrics_totaltimems{request=\"Produce\",quantile=\"0.99\"}"];
    assert!(p99 > 0.0 && p99 < 20_000.0, "{p99} ms");
    drop(client);
    servers.stop().await;
    rows_are(&kinds);
}

/// Each metric has its row, and each row its metric.
fn rows_are(kinds: &BTreeMap<String, String>) {
    let table = PAGE.split_once("| metric of the broker | kind | here |").expect("the table of the broker's metrics").1;
    let rows = table.lines().skip(2).map_while(|line| line.strip_prefix("| "));
    let rows = rows.map(|row| row.split('|').map(|cell| cell.trim().replace('`', "")).collect::<Vec<_>>());
    let mut documented = BTreeMap::new();
    for row in rows.filter(|row| !row[2].starts_with("not here")) {
        if row[1] == "histogram" {
            documented.insert(row[0].clone(), "gauge".to_string());
            documented.insert(format!("{}_count", row[0]), "counter".to_string());
        } else {
            documented.insert(row[0].clone(), row[1].clone());
        }
    }
    let missing: BTreeSet<_> = kinds.iter().filter(|(name, kind)| documented.get(*name) != Some(kind)).collect();
    assert!(missing.is_empty(), "without a row, or with another kind: {missing:?}");
    let gone: BTreeSet<_> = documented.keys().filter(|name| !kinds.contains_key(*name)).collect();
    assert!(gone.is_empty(), "rows without a metric: {gone:?}");
}
