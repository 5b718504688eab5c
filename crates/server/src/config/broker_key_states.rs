//! What becomes of every key of a `server.properties`.
//!
//! One table: warnings, refusals and the check of `docs/compatibility.md` come from it. The keys themselves, with types and
//! defaults, are [`broker::config::broker_keys`]. Source: `KafkaConfig.scala` and the `*Configs.java` files of release 3.9.

use broker::config::broker_keys::{BROKER_KEYS, BrokerKey, broker_key};

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It does what it says.
    Served,
    /// It does nothing: a warning with this reason, unless the value is Apache's default.
    NoEffect(&'static str),
    /// It names classes of Java, which are not here: it stops the start, unless the value is Apache's default, empty, or each
    /// is one of these, whose work is done here or is nothing for one broker.
    Classes(&'static [&'static str]),
    /// Who sets it believes themselves protected: it stops the start, unless the value is Apache's default, empty, or one of
    /// `fine`.
    Stops {
        /// Values that ask for nothing; case does not matter. Of a list every element must be one.
        fine: &'static [&'static str],
        /// What castlekeep does not do yet, after "castlekeep does not".
        what: &'static str,
    },
}

/// One row: a key, or with a `.` at its end all that begin so and have no row of their own.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// As in the file.
    pub name: &'static str,
    /// What becomes of it.
    pub state: State,
}

impl Row {
    /// Whether this row is about `key`.
    pub fn covers(&self, key: &str) -> bool {
        key == self.name || (self.name.ends_with('.') && key.starts_with(self.name))
    }

    /// Apache's default in the words of `docs/compatibility.md`; nothing for a family.
    pub fn default_in_words(&self) -> &'static str {
        broker_key(self.name).and_then(|key| key.default).unwrap_or_default()
    }

    /// The state in the words of `docs/compatibility.md`.
    pub fn state_in_words(&self) -> String {
        match self.state {
            State::Served => "served".into(),
            State::NoEffect(why) => format!("no effect: {why}"),
            State::Stops { fine: [], .. } | State::Classes([]) => "stops the start".into(),
            State::Stops { fine, .. } | State::Classes(fine) => {
                let fine: Vec<String> = fine.iter().map(|value| format!("`{value}`")).collect();
                format!("stops the start unless {}", fine.join(", "))
            }
        }
    }
}

/// The row about a key. An exact name goes before a family.
pub fn row(key: &str) -> Option<&'static Row> {
    let exact = ROWS.iter().find(|row| row.name == key);
    exact.or_else(|| ROWS.iter().find(|row| row.covers(key)))
}

/// Keys of upstream's without a row: none, as a test says.
pub fn without_row() -> Vec<&'static BrokerKey> {
    BROKER_KEYS.iter().filter(|key| row(key.name).is_none()).collect()
}

const fn served(name: &'static str) -> Row {
    Row { name, state: State::Served }
}

const fn no_effect(name: &'static str, why: &'static str) -> Row {
    Row { name, state: State::NoEffect(why) }
}

const fn stops(name: &'static str, fine: &'static [&'static str], what: &'static str) -> Row {
    Row { name, state: State::Stops { fine, what } }
}

const fn classes(name: &'static str, fine: &'static [&'static str]) -> Row {
    Row { name, state: State::Classes(fine) }
}

const REPLICATION: &str = "replication between brokers is not there yet";
const CONTROLLERS: &str = "a controller of several brokers is not there yet";
const TRANSACTIONS: &str = "transactions are not there yet";
const THREADS: &str = "threads follow the machine's cores";
const PURGATORY: &str = "what is answered is forgotten at once";
const METRICS: &str = "metrics are served on the HTTP port";
const KRAFT: &str = "it is of KRaft, and castlekeep keeps its cluster in ZooKeeper";
const CLASSIC: &str = "groups have the classic protocol";
const SHARE: &str = "share groups are not there yet";
const TIERED: &str = "tiered storage is not there yet";
const NO_LISTENER: &str = "no listener uses it";
const TOKENS: &str = "delegation tokens are not there yet";
const ENCRYPT: &str = "encrypt or authenticate listeners";
const ZOOKEEPER_TLS: &str = "no connection to ZooKeeper uses it";
const PASSWORDS: &str = "no password is kept in ZooKeeper";

/// The table, by theme. Values of `listeners`, `advertised.listeners` and `process.roles` that stop the start are in
/// [`super::server_properties`].
pub const ROWS: &[Row] = &[
    // Who this broker is.
    served("broker.id"),
    served("node.id"),
    served("broker.id.generation.enable"),
    served("reserved.broker.max.id"),
    served("broker.rack"),
    // ZooKeeper.
    served("zookeeper.connect"),
    served("zookeeper.session.timeout.ms"),
    served("zookeeper.connection.timeout.ms"),
    served("zookeeper.max.in.flight.requests"),
    stops("zookeeper.set.acl", &["false"], "set ACLs on its znodes"),
    stops("zookeeper.ssl.client.enable", &["false"], "speak TLS to ZooKeeper"),
    stops("zookeeper.metadata.migration.enable", &["false"], "take part in a migration to KRaft"),
    no_effect("zookeeper.metadata.migration.min.batch.size", KRAFT),
    no_effect("zookeeper.clientCnxnSocket", "it names a class of Java's client"),
    no_effect("zookeeper.ssl.", ZOOKEEPER_TLS),
    // Listeners and connections.
    served("listeners"),
    served("advertised.listeners"),
    served("listener.security.protocol.map"),
    served("inter.broker.listener.name"),
    stops("security.inter.broker.protocol", &["PLAINTEXT"], ENCRYPT),
    no_effect("control.plane.listener.name", REPLICATION),
    no_effect("early.start.listeners", KRAFT),
    no_effect("listener.name.", "settings of one listener are not there yet"),
    served("socket.request.max.bytes"),
    served("socket.listen.backlog.size"),
    served("socket.send.buffer.bytes"),
    served("socket.receive.buffer.bytes"),
    no_effect("socket.connection.setup.timeout.ms", REPLICATION),
    no_effect("socket.connection.setup.timeout.max.ms", REPLICATION),
    served("connections.max.idle.ms"),
    served("max.connections"),
    served("max.connections.per.ip"),
    served("max.connections.per.ip.overrides"),
    no_effect("max.connection.creation.rate", "limits of new connections are not there yet"),
    stops("connections.max.reauth.ms", &["0"], "ask clients to authenticate again"),
    no_effect("connection.failed.authentication.delay.ms", "nobody authenticates"),
    no_effect("num.network.threads", THREADS),
    no_effect("num.io.threads", THREADS),
    no_effect("background.threads", THREADS),
    no_effect("queued.max.requests", "a request waits in its own connection"),
    no_effect("queued.max.request.bytes", "all connections share one memory budget"),
    no_effect("request.timeout.ms", REPLICATION),
    // Who may do what.
    stops("authorizer.class.name", &[], "authorize requests"),
    no_effect("super.users", "there is no authorizer"),
    stops("principal.builder.class", &[], "build principals with a plugin"),
    stops("create.topic.policy.class.name", &[], "ask policies"),
    stops("alter.config.policy.class.name", &[], "ask policies"),
    no_effect("alter.config.policy.kraft.compatibility.enable", "there is no policy"),
    stops("client.quota.callback.class", &[], "enforce quotas through a plugin"),
    stops("delegation.token.master.key", &[], "issue delegation tokens"),
    stops("delegation.token.secret.key", &[], "issue delegation tokens"),
    no_effect("delegation.token.", TOKENS),
    no_effect("password.encoder.", PASSWORDS),
    stops("security.providers", &[], "load security providers"),
    stops("ssl.client.auth", &["none"], "check client certificates"),
    no_effect("ssl.", NO_LISTENER),
    no_effect("sasl.", NO_LISTENER),
    // Topics.
    served("num.partitions"),
    served("default.replication.factor"),
    served("auto.create.topics.enable"),
    served("delete.topic.enable"),
    served("min.insync.replicas"),
    served("unclean.leader.election.enable"),
    no_effect("unclean.leader.election.interval.ms", KRAFT),
    served("message.max.bytes"),
    served("compression.type"),
    served("compression.gzip.level"),
    served("compression.zstd.level"),
    no_effect("compression.lz4.level", "LZ4 has one level here"),
    served("fetch.max.bytes"),
    served("max.incremental.fetch.session.cache.slots"),
    no_effect("max.request.partition.size.limit", KRAFT),
    no_effect("fetch.purgatory.purge.interval.requests", PURGATORY),
    no_effect("producer.purgatory.purge.interval.requests", PURGATORY),
    no_effect("delete.records.purgatory.purge.interval.requests", PURGATORY),
    // Logs.
    served("log.dirs"),
    served("log.dir"),
    served("log.segment.bytes"),
    served("log.segment.delete.delay.ms"),
    served("log.roll.ms"),
    served("log.roll.hours"),
    served("log.roll.jitter.ms"),
    served("log.roll.jitter.hours"),
    served("log.retention.ms"),
    served("log.retention.minutes"),
    served("log.retention.hours"),
    served("log.retention.bytes"),
    served("log.retention.check.interval.ms"),
    served("log.cleanup.policy"),
    served("log.index.interval.bytes"),
    served("log.index.size.max.bytes"),
    served("log.flush.interval.messages"),
    served("log.flush.interval.ms"),
    served("log.flush.scheduler.interval.ms"),
    served("log.flush.offset.checkpoint.interval.ms"),
    no_effect("log.flush.start.offset.checkpoint.interval.ms", "log starts are written with the recovery points"),
    served("log.message.timestamp.type"),
    served("log.message.timestamp.before.max.ms"),
    served("log.message.timestamp.after.max.ms"),
    served("log.message.timestamp.difference.max.ms"),
    served("log.message.downconversion.enable"),
    no_effect("log.message.format.version", "batches are kept in format 2, as upstream's since 3.0"),
    no_effect("log.preallocate", "segments grow as they are written"),
    no_effect("log.local.retention.ms", TIERED),
    no_effect("log.local.retention.bytes", TIERED),
    no_effect("log.initial.task.delay.ms", "each log is looked after from its opening on"),
    no_effect("log.dir.failure.timeout.ms", KRAFT),
    served("log.cleaner.enable"),
    served("log.cleaner.threads"),
    served("log.cleaner.dedupe.buffer.size"),
    served("log.cleaner.io.buffer.load.factor"),
    served("log.cleaner.io.max.bytes.per.second"),
    served("log.cleaner.backoff.ms"),
    served("log.cleaner.min.cleanable.ratio"),
    served("log.cleaner.min.compaction.lag.ms"),
    served("log.cleaner.max.compaction.lag.ms"),
    served("log.cleaner.delete.retention.ms"),
    no_effect("log.cleaner.io.buffer.size", "compaction reads in pieces of its own size"),
    no_effect("num.recovery.threads.per.data.dir", THREADS),
    no_effect("remote.", TIERED),
    // Producers and transactions.
    served("producer.id.expiration.ms"),
    no_effect("producer.id.expiration.check.interval.ms", "producers are looked through with retention"),
    served("transaction.state.log.num.partitions"),
    served("transaction.state.log.replication.factor"),
    served("transaction.state.log.min.isr"),
    served("transaction.state.log.segment.bytes"),
    no_effect("transaction.", TRANSACTIONS),
    no_effect("transactional.", TRANSACTIONS),
    // Groups.
    served("group.initial.rebalance.delay.ms"),
    served("group.min.session.timeout.ms"),
    served("group.max.session.timeout.ms"),
    served("group.max.size"),
    served("offset.metadata.max.bytes"),
    served("offsets.topic.num.partitions"),
    served("offsets.topic.replication.factor"),
    served("offsets.topic.segment.bytes"),
    served("offsets.retention.minutes"),
    served("offsets.retention.check.interval.ms"),
    no_effect("offsets.topic.compression.codec", "offsets are written without compression"),
    no_effect("offsets.load.buffer.size", "offsets are read in pieces of their own size"),
    no_effect("offsets.commit.required.acks", REPLICATION),
    no_effect("offsets.commit.timeout.ms", REPLICATION),
    no_effect("group.coordinator.threads", THREADS),
    no_effect("group.coordinator.append.linger.ms", "what a turn appends is one write"),
    no_effect("group.coordinator.new.enable", CLASSIC),
    no_effect("group.coordinator.rebalance.protocols", CLASSIC),
    no_effect("group.consumer.", CLASSIC),
    no_effect("group.share.", SHARE),
    // Quotas.
    served("quota.window.num"),
    served("quota.window.size.seconds"),
    served("controller.quota.window.num"),
    served("controller.quota.window.size.seconds"),
    no_effect("replication.quota.", REPLICATION),
    no_effect("alter.log.dirs.replication.quota.", "each piece that is copied is paid for before the next"),
    // Other brokers.
    served("replica.high.watermark.checkpoint.interval.ms"),
    classes(
        "replica.selector.class",
        &["org.apache.kafka.common.replica.LeaderSelector", "org.apache.kafka.common.replica.RackAwareReplicaSelector"],
    ),
    no_effect("replica.", REPLICATION),
    no_effect("num.replica.fetchers", REPLICATION),
    no_effect("num.replica.alter.log.dirs.threads", THREADS),
    no_effect("auto.leader.rebalance.enable", REPLICATION),
    no_effect("leader.imbalance.", REPLICATION),
    no_effect("controlled.shutdown.", CONTROLLERS),
    no_effect("controller.socket.timeout.ms", CONTROLLERS),
    no_effect("inter.broker.protocol.version", REPLICATION),
    // Metrics.
    classes("metric.reporters", &["org.apache.kafka.common.metrics.JmxReporter"]),
    classes("kafka.metrics.reporters", &[]),
    no_effect("kafka.metrics.polling.interval.secs", METRICS),
    no_effect("metrics.", METRICS),
    no_effect("auto.include.jmx.reporter", METRICS),
    no_effect("telemetry.max.bytes", METRICS),
    // KRaft.
    no_effect("process.roles", KRAFT),
    no_effect("controller.listener.names", KRAFT),
    no_effect("controller.quorum.", KRAFT),
    no_effect("broker.heartbeat.interval.ms", KRAFT),
    no_effect("broker.session.timeout.ms", KRAFT),
    no_effect("initial.broker.registration.timeout.ms", KRAFT),
    no_effect("metadata.", KRAFT),
    no_effect("eligible.leader.replicas.enable", KRAFT),
    no_effect("unstable.api.versions.enable", "only released APIs are served"),
    no_effect("unstable.feature.versions.enable", "only released APIs are served"),
];
