//! The broker's numbers for Prometheus, under the names that the usual configuration of the JMX exporter
//! (`kafka-2_0_0.yml`) gives to Kafka's MBeans, so that dashboards and alerts made for Kafka show this broker.
//!
//! `docs/compatibility.md` has a row for each name and is held against what is written here.

mod page;
pub mod requests;
pub mod traffic;

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use broker::coordinator::group::state::State;
use broker::metadata_cache::{MetadataImage, NO_LEADER};
use broker::shard::figures::Figures;
use driver::shard_loop::{LogFigures, ShardFigures};

use self::page::Page;
use self::requests::{Recent, Requests};
use self::traffic::{Topic, Traffic};
use super::Shared;

/// What is counted while the broker serves.
#[derive(Default)]
pub(crate) struct Stats {
    pub(crate) connections: AtomicU64,
    pub(crate) connections_created: AtomicU64,
    pub(crate) connections_closed_on_error: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    pub(crate) requests: Requests,
    pub(crate) traffic: Traffic,
}

/// What the threads of shards count.
#[derive(Default)]
pub(crate) struct ShardStats {
    /// Syncs of logs, microseconds.
    pub(crate) flushes: Recent,
}

/// Appends everything. `shards` is what the shards say of themselves; `ready` is whether the broker serves.
pub(super) fn write(shared: &Shared, shards: &[ShardFigures], ready: bool, out: &mut String) {
    let mut page = Page::default();
    let image = shared.image.load();
    topics(&mut page, shared, &image);
    requests(&mut page, shared);
    let logs: Vec<&LogFigures> = shards.iter().flat_map(|shard| &shard.logs).collect();
    replicas(&mut page, shared.broker_id(), &image, &logs);
    controller(&mut page, shared.broker_id(), &image);
    sizes(&mut page, shared, &logs);
    let mut machines = Figures::default();
    shards.iter().for_each(|shard| machines.add(&shard.machine));
    waiting(&mut page, shared, &machines);
    groups(&mut page, &machines);
    sockets(&mut page, shared);
    // `BrokerState`: 3 is RUNNING, 2 RECOVERY, 6 PENDING_CONTROLLED_SHUTDOWN.
    let stopping = *shared.stopping.borrow();
    let state = if stopping {
        6
    } else if ready {
        3
    } else {
        2
    };
    page.gauge("kafka_server_kafkaserver_brokerstate", &[], f64::from(state));
    page.write(out);
}

/// A counter of a topic, and its name.
type TopicCounter = (&'static str, fn(&Topic) -> &AtomicU64);

const TOPIC_COUNTERS: [TopicCounter; 9] = [
    ("messagesin", |topic| &topic.messages_in),
    ("bytesin", |topic| &topic.bytes_in),
    ("bytesout", |topic| &topic.bytes_out),
    ("bytesrejected", |topic| &topic.bytes_rejected),
    ("totalproducerequests", |topic| &topic.produces),
    ("failedproducerequests", |topic| &topic.produces_failed),
    ("totalfetchrequests", |topic| &topic.fetches),
    ("failedfetchrequests", |topic| &topic.fetches_failed),
    ("invalidmessagecrcrecords", |topic| &topic.crcs_invalid),
];

fn topics(page: &mut Page, shared: &Shared, image: &MetadataImage) {
    let traffic = &shared.stats.traffic;
    let by_name = traffic.by_name(image);
    for (name, of) in TOPIC_COUNTERS {
        let name = format!("kafka_server_brokertopicmetrics_{name}_total");
        page.counter(&name, &[], of(&traffic.all).load(Relaxed));
        for (topic, numbers) in by_name.iter() {
            page.counter(&name, &[("topic", topic)], of(numbers).load(Relaxed));
        }
    }
}

fn requests(page: &mut Page, shared: &Shared) {
    const MS_OF_US: f64 = 1e-3;
    let now = shared.clock.mono();
    for (key, api) in shared.stats.requests.seen() {
        // Fetches of consumers and those of followers are told apart, and shown together as well.
        let names: &[&str] = if key.name() == "Fetch" { &["Fetch", "FetchConsumer"] } else { &[key.name()] };
        for request in names {
            let labels = [("request", *request)];
            for (version, count) in api.versions() {
                let labels = [("request", *request), ("version", &version.to_string())];
                page.counter("kafka_network_requestmetrics_requests_total", &labels, count);
            }
            let total = api.total.view(now);
            let none = (total.0, crate::summary::SummaryView::default());
            let (throttled, throttle) = api.throttle.view(now);
            let unthrottled = total.1.count.saturating_sub(throttle.count);
            let throttle = if throttled == 0 { none.1.clone() } else { throttle.with_zeros(unthrottled) };
            for (name, view, scale) in [
                ("totaltimems", &total, MS_OF_US),
                ("localtimems", &api.local.view(now), MS_OF_US),
                ("remotetimems", &api.remote.view(now), MS_OF_US),
                ("responsesendtimems", &api.send.view(now), MS_OF_US),
                ("throttletimems", &(total.0, throttle), 1.0),
                ("requestqueuetimems", &none, 1.0),
                ("responsequeuetimems", &none, 1.0),
                ("requestbytes", &api.request_bytes.view(now), 1.0),
            ] {
                page.histogram(&format!("kafka_network_requestmetrics_{name}"), &labels, view, scale);
            }
        }
    }
}

fn replicas(page: &mut Page, own: i32, image: &MetadataImage, logs: &[&LogFigures]) {
    let (mut led, mut held, mut under_replicated, mut offline) = (0, 0, 0, 0);
    for partition in image.topics.values().flat_map(|topic| topic.partitions.values()) {
        if !partition.replicas.contains(&own) {
            continue;
        }
        held += 1;
        led += u32::from(partition.leader == own);
        under_replicated += u32::from(partition.leader == own && partition.isr.len() < partition.replicas.len());
        offline += u32::from(partition.offline_replicas.contains(&own));
    }
    let under_min_isr = logs.iter().filter(|log| log.is_under_min_isr).count();
    for (name, value) in [
        ("leadercount", led),
        ("partitioncount", held),
        ("underreplicatedpartitions", under_replicated),
        ("offlinereplicacount", offline),
        ("underminisrpartitioncount", u32::try_from(under_min_isr).unwrap_or(u32::MAX)),
        ("reassigningpartitions", 0),
    ] {
        page.gauge(&format!("kafka_server_replicamanager_{name}"), &[], f64::from(value));
    }
    for name in ["isrshrinks", "isrexpands", "failedisrupdates"] {
        page.counter(&format!("kafka_server_replicamanager_{name}_total"), &[], 0);
    }
}

/// Only the active controller shows numbers other than 0.
fn controller(page: &mut Page, own: i32, image: &MetadataImage) {
    let active = image.controller_id == Some(own);
    let partitions = || image.topics.values().flat_map(|topic| topic.partitions.values());
    let offline = partitions().filter(|partition| partition.leader == NO_LEADER).count();
    let preferred = |leader: i32, replicas: &[i32]| replicas.first() == Some(&leader);
    let imbalance = partitions().filter(|found| !preferred(found.leader, &found.replicas)).count();
    for (name, value) in [
        ("activecontrollercount", 1),
        ("offlinepartitionscount", offline),
        ("preferredreplicaimbalancecount", imbalance),
        ("globaltopiccount", image.topics.len()),
        ("globalpartitioncount", partitions().count()),
        ("activebrokercount", image.brokers.len()),
    ] {
        let value = if active { value as f64 } else { 0.0 };
        page.gauge(&format!("kafka_controller_kafkacontroller_{name}"), &[], value);
    }
}

fn sizes(page: &mut Page, shared: &Shared, logs: &[&LogFigures]) {
    for log in logs {
        let partition = log.partition.partition.to_string();
        let labels = [("topic", &*log.partition.topic), ("partition", &*partition)];
        page.gauge("kafka_log_log_size", &labels, log.size_bytes as f64);
        page.gauge("kafka_log_log_logstartoffset", &labels, log.start_offset as f64);
        page.gauge("kafka_log_log_logendoffset", &labels, log.end_offset as f64);
        page.gauge("kafka_log_log_numlogsegments", &labels, log.segments as f64);
    }
    let flushes = shared.shard_stats.flushes.view(shared.clock.mono());
    page.histogram("kafka_log_logflushstats_logflushrateandtimems", &[], &flushes, 1e-3);
    let offline = (0..shared.dirs.count()).filter(|dir| shared.dirs.has_failed(*dir)).count();
    page.gauge("kafka_log_logmanager_offlinelogdirectorycount", &[], offline as f64);
}

fn waiting(page: &mut Page, shared: &Shared, machines: &Figures) {
    for (operation, waiting) in [("Produce", machines.produces_waiting), ("Fetch", machines.fetches_waiting)] {
        let labels = [("delayedOperation", operation)];
        page.gauge("kafka_server_delayedoperationpurgatory_purgatorysize", &labels, waiting as f64);
        page.gauge("kafka_server_delayedoperationpurgatory_numdelayedoperations", &labels, waiting as f64);
    }
    let sessions = shared.sessions.lock().len();
    page.gauge("kafka_server_fetchsessioncache_numincrementalfetchsessions", &[], sessions as f64);
    page.gauge("kafka_server_replicamanager_produceridcount", &[], machines.producers as f64);
}

fn groups(page: &mut Page, machines: &Figures) {
    let name = |end: &str| format!("kafka_coordinator_group_groupmetadatamanager_{end}");
    page.gauge(&name("numgroups"), &[], machines.groups.values().sum::<usize>() as f64);
    page.gauge(&name("numoffsets"), &[], machines.offsets as f64);
    for state in [State::Empty, State::PreparingRebalance, State::CompletingRebalance, State::Stable, State::Dead] {
        let count = machines.groups.get(&state).copied().unwrap_or(0);
        page.gauge(&name(&format!("numgroups{}", state.name().to_lowercase())), &[], count as f64);
    }
}

/// Kafka's own names for these depend on threads that are not here; these are ours.
fn sockets(page: &mut Page, shared: &Shared) {
    let stats = &shared.stats;
    page.gauge("kafka_connections", &[], stats.connections.load(Relaxed) as f64);
    page.counter("kafka_connections_created_total", &[], stats.connections_created.load(Relaxed));
    page.counter("kafka_connections_closed_on_error_total", &[], stats.connections_closed_on_error.load(Relaxed));
    page.counter("kafka_request_bytes_total", &[], stats.bytes_in.load(Relaxed));
    page.counter("kafka_response_bytes_total", &[], stats.bytes_out.load(Relaxed));
}

/// How long a scrape waits for a shard that is busy.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
