//! Every key of a broker's configuration at Kafka 3.9, with its default (`KafkaConfig.scala` and the `*Configs.java`
//! files; which keys may change while the broker runs: `DynamicBrokerConfig.scala`).

use super::def::{Kind, Scale, TOPIC_KEYS, TopicKey, Valid};

/// Whether a key may change while the broker runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// Only by a restart.
    Static,
    /// Only by a restart, and DescribeConfigs does not list it: upstream's internal keys, and an authorizer's own.
    Internal,
    /// In `/config/brokers/N`.
    PerBroker,
    /// In `/config/brokers/<default>` too.
    ClusterWide,
}

/// One key of a broker's configuration.
#[derive(Clone, Copy, Debug)]
pub struct BrokerKey {
    /// The key.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Its value when nothing sets it; `None` is Java's null.
    pub default: Option<&'static str>,
    /// Whether it may change at run time.
    pub update: Update,
}

const fn key(name: &'static str, kind: Kind, default: Option<&'static str>, update: Update) -> BrokerKey {
    BrokerKey { name, kind, default, update }
}

/// The broker key of this name.
pub fn broker_key(name: &str) -> Option<&'static BrokerKey> {
    BROKER_KEYS.binary_search_by(|key| key.name.cmp(name)).ok().map(|i| &BROKER_KEYS[i])
}

/// What a broker key that may change may be: what the topic key may be that it is the default of, or a bound of its own.
pub fn valid(name: &str) -> Valid {
    match name {
        "background.threads"
        | "num.io.threads"
        | "num.network.threads"
        | "num.recovery.threads.per.data.dir"
        | "producer.id.expiration.ms"
        | "remote.fetch.max.wait.ms"
        | "remote.log.index.file.cache.total.size.bytes"
        | "remote.log.manager.copy.max.bytes.per.second"
        | "remote.log.manager.fetch.max.bytes.per.second" => return Valid::AtLeast(1),
        "log.cleaner.backoff.ms"
        | "log.cleaner.io.buffer.size"
        | "log.cleaner.threads"
        | "max.connection.creation.rate"
        | "max.connections"
        | "max.connections.per.ip" => return Valid::AtLeast(0),
        _ => {}
    }
    let is_of = |topic: &&TopicKey| topic.synonyms.contains(&(name, Scale::Same));
    TOPIC_KEYS.iter().find(is_of).map_or(Valid::Any, |topic| topic.valid)
}

/// All of them, in name order.
#[rustfmt::skip]
pub const BROKER_KEYS: &[BrokerKey] = &[
    key("advertised.listeners", Kind::String, None, Update::PerBroker),
    key("alter.config.policy.class.name", Kind::Class, None, Update::Static),
    key("alter.config.policy.kraft.compatibility.enable", Kind::Boolean, Some("false"), Update::Static),
    key("alter.log.dirs.replication.quota.window.num", Kind::Int, Some("11"), Update::Static),
    key("alter.log.dirs.replication.quota.window.size.seconds", Kind::Int, Some("1"), Update::Static),
    key("authorizer.class.name", Kind::String, Some(""), Update::Static),
    key("auto.create.topics.enable", Kind::Boolean, Some("true"), Update::Static),
    key("auto.include.jmx.reporter", Kind::Boolean, Some("true"), Update::Static),
    key("auto.leader.rebalance.enable", Kind::Boolean, Some("true"), Update::Static),
    key("background.threads", Kind::Int, Some("10"), Update::ClusterWide),
    key("broker.heartbeat.interval.ms", Kind::Int, Some("2000"), Update::Static),
    key("broker.id", Kind::Int, Some("-1"), Update::Static),
    key("broker.id.generation.enable", Kind::Boolean, Some("true"), Update::Static),
    key("broker.rack", Kind::String, None, Update::Static),
    key("broker.session.timeout.ms", Kind::Int, Some("9000"), Update::Static),
    key("client.quota.callback.class", Kind::Class, None, Update::Static),
    key("compression.gzip.level", Kind::Int, Some("-1"), Update::ClusterWide),
    key("compression.lz4.level", Kind::Int, Some("9"), Update::ClusterWide),
    key("compression.type", Kind::String, Some("producer"), Update::ClusterWide),
    key("compression.zstd.level", Kind::Int, Some("3"), Update::ClusterWide),
    key("connection.failed.authentication.delay.ms", Kind::Int, Some("100"), Update::Static),
    key("connections.max.idle.ms", Kind::Long, Some("600000"), Update::Static),
    key("connections.max.reauth.ms", Kind::Long, Some("0"), Update::Static),
    key("control.plane.listener.name", Kind::String, None, Update::Static),
    key("controlled.shutdown.enable", Kind::Boolean, Some("true"), Update::Static),
    key("controlled.shutdown.max.retries", Kind::Int, Some("3"), Update::Static),
    key("controlled.shutdown.retry.backoff.ms", Kind::Long, Some("5000"), Update::Static),
    key("controller.listener.names", Kind::String, None, Update::Static),
    key("controller.quorum.append.linger.ms", Kind::Int, Some("25"), Update::Static),
    key("controller.quorum.bootstrap.servers", Kind::List, Some(""), Update::Static),
    key("controller.quorum.election.backoff.max.ms", Kind::Int, Some("1000"), Update::Static),
    key("controller.quorum.election.timeout.ms", Kind::Int, Some("1000"), Update::Static),
    key("controller.quorum.fetch.timeout.ms", Kind::Int, Some("2000"), Update::Static),
    key("controller.quorum.request.timeout.ms", Kind::Int, Some("2000"), Update::Static),
    key("controller.quorum.retry.backoff.ms", Kind::Int, Some("20"), Update::Static),
    key("controller.quorum.voters", Kind::List, Some(""), Update::Static),
    key("controller.quota.window.num", Kind::Int, Some("11"), Update::Static),
    key("controller.quota.window.size.seconds", Kind::Int, Some("1"), Update::Static),
    key("controller.socket.timeout.ms", Kind::Int, Some("30000"), Update::Static),
    key("create.topic.policy.class.name", Kind::Class, None, Update::Static),
    key("default.replication.factor", Kind::Int, Some("1"), Update::Static),
    key("delegation.token.expiry.check.interval.ms", Kind::Long, Some("3600000"), Update::Static),
    key("delegation.token.expiry.time.ms", Kind::Long, Some("86400000"), Update::Static),
    key("delegation.token.master.key", Kind::Password, None, Update::Static),
    key("delegation.token.max.lifetime.ms", Kind::Long, Some("604800000"), Update::Static),
    key("delegation.token.secret.key", Kind::Password, None, Update::Static),
    key("delete.records.purgatory.purge.interval.requests", Kind::Int, Some("1"), Update::Static),
    key("delete.topic.enable", Kind::Boolean, Some("true"), Update::Static),
    key("early.start.listeners", Kind::String, None, Update::Static),
    key("eligible.leader.replicas.enable", Kind::Boolean, Some("false"), Update::Static),
    key("fetch.max.bytes", Kind::Int, Some("57671680"), Update::Static),
    key("fetch.purgatory.purge.interval.requests", Kind::Int, Some("1000"), Update::Static),
    key(
        "group.consumer.assignors", Kind::List,
        Some("org.apache.kafka.coordinator.group.assignor.UniformAssignor,\
              org.apache.kafka.coordinator.group.assignor.RangeAssignor"), Update::Static,
    ),
    key("group.consumer.heartbeat.interval.ms", Kind::Int, Some("5000"), Update::Static),
    key("group.consumer.max.heartbeat.interval.ms", Kind::Int, Some("15000"), Update::Static),
    key("group.consumer.max.session.timeout.ms", Kind::Int, Some("60000"), Update::Static),
    key("group.consumer.max.size", Kind::Int, Some("2147483647"), Update::Static),
    key("group.consumer.min.heartbeat.interval.ms", Kind::Int, Some("5000"), Update::Static),
    key("group.consumer.min.session.timeout.ms", Kind::Int, Some("45000"), Update::Static),
    key("group.consumer.session.timeout.ms", Kind::Int, Some("45000"), Update::Static),
    key("group.coordinator.append.linger.ms", Kind::Int, Some("10"), Update::Static),
    key("group.coordinator.new.enable", Kind::Boolean, Some("false"), Update::Internal),
    key("group.coordinator.rebalance.protocols", Kind::List, Some("classic"), Update::Static),
    key("group.coordinator.threads", Kind::Int, Some("1"), Update::Static),
    key("group.initial.rebalance.delay.ms", Kind::Int, Some("3000"), Update::Static),
    key("group.max.session.timeout.ms", Kind::Int, Some("1800000"), Update::Static),
    key("group.max.size", Kind::Int, Some("2147483647"), Update::Static),
    key("group.min.session.timeout.ms", Kind::Int, Some("6000"), Update::Static),
    key("group.share.delivery.count.limit", Kind::Int, Some("5"), Update::Static),
    key("group.share.heartbeat.interval.ms", Kind::Int, Some("5000"), Update::Static),
    key("group.share.max.groups", Kind::Short, Some("10"), Update::Static),
    key("group.share.max.heartbeat.interval.ms", Kind::Int, Some("15000"), Update::Static),
    key("group.share.max.record.lock.duration.ms", Kind::Int, Some("60000"), Update::Static),
    key("group.share.max.session.timeout.ms", Kind::Int, Some("60000"), Update::Static),
    key("group.share.max.size", Kind::Short, Some("200"), Update::Static),
    key("group.share.min.heartbeat.interval.ms", Kind::Int, Some("5000"), Update::Static),
    key("group.share.min.record.lock.duration.ms", Kind::Int, Some("15000"), Update::Static),
    key("group.share.min.session.timeout.ms", Kind::Int, Some("45000"), Update::Static),
    key("group.share.partition.max.record.locks", Kind::Int, Some("200"), Update::Static),
    key("group.share.record.lock.duration.ms", Kind::Int, Some("30000"), Update::Static),
    key("group.share.session.timeout.ms", Kind::Int, Some("45000"), Update::Static),
    key("initial.broker.registration.timeout.ms", Kind::Int, Some("60000"), Update::Static),
    key("inter.broker.listener.name", Kind::String, None, Update::Static),
    key("inter.broker.protocol.version", Kind::String, Some("3.9-IV0"), Update::Static),
    key("kafka.metrics.polling.interval.secs", Kind::Int, Some("10"), Update::Static),
    key("kafka.metrics.reporters", Kind::List, Some(""), Update::Static),
    key("leader.imbalance.check.interval.seconds", Kind::Long, Some("300"), Update::Static),
    key("leader.imbalance.per.broker.percentage", Kind::Int, Some("10"), Update::Static),
    key(
        "listener.security.protocol.map", Kind::String,
        Some("SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT"), Update::PerBroker,
    ),
    key("listeners", Kind::String, Some("PLAINTEXT://:9092"), Update::PerBroker),
    key("log.cleaner.backoff.ms", Kind::Long, Some("15000"), Update::ClusterWide),
    key("log.cleaner.dedupe.buffer.size", Kind::Long, Some("134217728"), Update::ClusterWide),
    key("log.cleaner.delete.retention.ms", Kind::Long, Some("86400000"), Update::ClusterWide),
    key("log.cleaner.enable", Kind::Boolean, Some("true"), Update::Static),
    key("log.cleaner.io.buffer.load.factor", Kind::Double, Some("0.9"), Update::ClusterWide),
    key("log.cleaner.io.buffer.size", Kind::Int, Some("524288"), Update::ClusterWide),
    key("log.cleaner.io.max.bytes.per.second", Kind::Double, Some("1.7976931348623157E308"), Update::ClusterWide),
    key("log.cleaner.max.compaction.lag.ms", Kind::Long, Some("9223372036854775807"), Update::ClusterWide),
    key("log.cleaner.min.cleanable.ratio", Kind::Double, Some("0.5"), Update::ClusterWide),
    key("log.cleaner.min.compaction.lag.ms", Kind::Long, Some("0"), Update::ClusterWide),
    key("log.cleaner.threads", Kind::Int, Some("1"), Update::ClusterWide),
    key("log.cleanup.policy", Kind::List, Some("delete"), Update::ClusterWide),
    key("log.dir", Kind::String, Some("/tmp/kafka-logs"), Update::Static),
    key("log.dir.failure.timeout.ms", Kind::Long, Some("30000"), Update::Static),
    key("log.dirs", Kind::String, None, Update::Static),
    key("log.flush.interval.messages", Kind::Long, Some("9223372036854775807"), Update::ClusterWide),
    key("log.flush.interval.ms", Kind::Long, None, Update::ClusterWide),
    key("log.flush.offset.checkpoint.interval.ms", Kind::Int, Some("60000"), Update::Static),
    key("log.flush.scheduler.interval.ms", Kind::Long, Some("9223372036854775807"), Update::Static),
    key("log.flush.start.offset.checkpoint.interval.ms", Kind::Int, Some("60000"), Update::Static),
    key("log.index.interval.bytes", Kind::Int, Some("4096"), Update::ClusterWide),
    key("log.index.size.max.bytes", Kind::Int, Some("10485760"), Update::ClusterWide),
    key("log.initial.task.delay.ms", Kind::Long, Some("30000"), Update::Internal),
    key("log.local.retention.bytes", Kind::Long, Some("-2"), Update::ClusterWide),
    key("log.local.retention.ms", Kind::Long, Some("-2"), Update::ClusterWide),
    key("log.message.downconversion.enable", Kind::Boolean, Some("true"), Update::ClusterWide),
    key("log.message.format.version", Kind::String, Some("3.0-IV1"), Update::Static),
    key("log.message.timestamp.after.max.ms", Kind::Long, Some("9223372036854775807"), Update::ClusterWide),
    key("log.message.timestamp.before.max.ms", Kind::Long, Some("9223372036854775807"), Update::ClusterWide),
    key("log.message.timestamp.difference.max.ms", Kind::Long, Some("9223372036854775807"), Update::ClusterWide),
    key("log.message.timestamp.type", Kind::String, Some("CreateTime"), Update::ClusterWide),
    key("log.preallocate", Kind::Boolean, Some("false"), Update::ClusterWide),
    key("log.retention.bytes", Kind::Long, Some("-1"), Update::ClusterWide),
    key("log.retention.check.interval.ms", Kind::Long, Some("300000"), Update::Static),
    key("log.retention.hours", Kind::Int, Some("168"), Update::Static),
    key("log.retention.minutes", Kind::Int, None, Update::Static),
    key("log.retention.ms", Kind::Long, None, Update::ClusterWide),
    key("log.roll.hours", Kind::Int, Some("168"), Update::Static),
    key("log.roll.jitter.hours", Kind::Int, Some("0"), Update::Static),
    key("log.roll.jitter.ms", Kind::Long, None, Update::ClusterWide),
    key("log.roll.ms", Kind::Long, None, Update::ClusterWide),
    key("log.segment.bytes", Kind::Int, Some("1073741824"), Update::ClusterWide),
    key("log.segment.delete.delay.ms", Kind::Long, Some("60000"), Update::ClusterWide),
    key("max.connection.creation.rate", Kind::Int, Some("2147483647"), Update::ClusterWide),
    key("max.connections", Kind::Int, Some("2147483647"), Update::ClusterWide),
    key("max.connections.per.ip", Kind::Int, Some("2147483647"), Update::ClusterWide),
    key("max.connections.per.ip.overrides", Kind::String, Some(""), Update::ClusterWide),
    key("max.incremental.fetch.session.cache.slots", Kind::Int, Some("1000"), Update::Static),
    key("max.request.partition.size.limit", Kind::Int, Some("2000"), Update::Static),
    key("message.max.bytes", Kind::Int, Some("1048588"), Update::ClusterWide),
    key("metadata.log.dir", Kind::String, None, Update::Static),
    key("metadata.log.max.record.bytes.between.snapshots", Kind::Long, Some("20971520"), Update::Static),
    key("metadata.log.max.snapshot.interval.ms", Kind::Long, Some("3600000"), Update::Static),
    key("metadata.log.segment.bytes", Kind::Int, Some("1073741824"), Update::Static),
    key("metadata.log.segment.ms", Kind::Long, Some("604800000"), Update::Static),
    key("metadata.max.idle.interval.ms", Kind::Int, Some("500"), Update::Static),
    key("metadata.max.retention.bytes", Kind::Long, Some("104857600"), Update::Static),
    key("metadata.max.retention.ms", Kind::Long, Some("604800000"), Update::Static),
    key("metric.reporters", Kind::List, Some(""), Update::ClusterWide),
    key("metrics.num.samples", Kind::Int, Some("2"), Update::Static),
    key("metrics.recording.level", Kind::String, Some("INFO"), Update::Static),
    key("metrics.sample.window.ms", Kind::Long, Some("30000"), Update::Static),
    key("min.insync.replicas", Kind::Int, Some("1"), Update::ClusterWide),
    key("node.id", Kind::Int, Some("-1"), Update::Static),
    key("num.io.threads", Kind::Int, Some("8"), Update::ClusterWide),
    key("num.network.threads", Kind::Int, Some("3"), Update::ClusterWide),
    key("num.partitions", Kind::Int, Some("1"), Update::Static),
    key("num.recovery.threads.per.data.dir", Kind::Int, Some("1"), Update::ClusterWide),
    key("num.replica.alter.log.dirs.threads", Kind::Int, None, Update::Static),
    key("num.replica.fetchers", Kind::Int, Some("1"), Update::ClusterWide),
    key("offset.metadata.max.bytes", Kind::Int, Some("4096"), Update::Static),
    key("offsets.commit.required.acks", Kind::Short, Some("-1"), Update::Static),
    key("offsets.commit.timeout.ms", Kind::Int, Some("5000"), Update::Static),
    key("offsets.load.buffer.size", Kind::Int, Some("5242880"), Update::Static),
    key("offsets.retention.check.interval.ms", Kind::Long, Some("600000"), Update::Static),
    key("offsets.retention.minutes", Kind::Int, Some("10080"), Update::Static),
    key("offsets.topic.compression.codec", Kind::Int, Some("0"), Update::Static),
    key("offsets.topic.num.partitions", Kind::Int, Some("50"), Update::Static),
    key("offsets.topic.replication.factor", Kind::Short, Some("3"), Update::Static),
    key("offsets.topic.segment.bytes", Kind::Int, Some("104857600"), Update::Static),
    key("password.encoder.cipher.algorithm", Kind::String, Some("AES/CBC/PKCS5Padding"), Update::Static),
    key("password.encoder.iterations", Kind::Int, Some("4096"), Update::Static),
    key("password.encoder.key.length", Kind::Int, Some("128"), Update::Static),
    key("password.encoder.keyfactory.algorithm", Kind::String, None, Update::Static),
    key("password.encoder.old.secret", Kind::Password, None, Update::Static),
    key("password.encoder.secret", Kind::Password, None, Update::Static),
    key(
        "principal.builder.class", Kind::Class,
        Some("org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder"), Update::PerBroker,
    ),
    key("process.roles", Kind::List, Some(""), Update::Static),
    key("producer.id.expiration.check.interval.ms", Kind::Int, Some("600000"), Update::Internal),
    key("producer.id.expiration.ms", Kind::Int, Some("86400000"), Update::ClusterWide),
    key("producer.purgatory.purge.interval.requests", Kind::Int, Some("1000"), Update::Static),
    key("queued.max.request.bytes", Kind::Long, Some("-1"), Update::Static),
    key("queued.max.requests", Kind::Int, Some("500"), Update::Static),
    key("quota.window.num", Kind::Int, Some("11"), Update::Static),
    key("quota.window.size.seconds", Kind::Int, Some("1"), Update::Static),
    key("remote.fetch.max.wait.ms", Kind::Int, Some("500"), Update::ClusterWide),
    key("remote.log.index.file.cache.total.size.bytes", Kind::Long, Some("1073741824"), Update::ClusterWide),
    key("remote.log.manager.copier.thread.pool.size", Kind::Int, Some("-1"), Update::Static),
    key("remote.log.manager.copy.max.bytes.per.second", Kind::Long, Some("9223372036854775807"), Update::ClusterWide),
    key("remote.log.manager.copy.quota.window.num", Kind::Int, Some("11"), Update::Static),
    key("remote.log.manager.copy.quota.window.size.seconds", Kind::Int, Some("1"), Update::Static),
    key("remote.log.manager.expiration.thread.pool.size", Kind::Int, Some("-1"), Update::Static),
    key("remote.log.manager.fetch.max.bytes.per.second", Kind::Long, Some("9223372036854775807"), Update::ClusterWide),
    key("remote.log.manager.fetch.quota.window.num", Kind::Int, Some("11"), Update::Static),
    key("remote.log.manager.fetch.quota.window.size.seconds", Kind::Int, Some("1"), Update::Static),
    key("remote.log.manager.task.interval.ms", Kind::Long, Some("30000"), Update::Static),
    key("remote.log.manager.thread.pool.size", Kind::Int, Some("10"), Update::Static),
    key("remote.log.metadata.custom.metadata.max.bytes", Kind::Int, Some("128"), Update::Static),
    key("remote.log.metadata.manager.class.name", Kind::String,
        Some("org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager"), Update::Static,
    ),
    key("remote.log.metadata.manager.class.path", Kind::String, None, Update::Static),
    key("remote.log.metadata.manager.impl.prefix", Kind::String, Some("rlmm.config."), Update::Static),
    key("remote.log.metadata.manager.listener.name", Kind::String, None, Update::Static),
    key("remote.log.reader.max.pending.tasks", Kind::Int, Some("100"), Update::Static),
    key("remote.log.reader.threads", Kind::Int, Some("10"), Update::Static),
    key("remote.log.storage.manager.class.name", Kind::String, None, Update::Static),
    key("remote.log.storage.manager.class.path", Kind::String, None, Update::Static),
    key("remote.log.storage.manager.impl.prefix", Kind::String, Some("rsm.config."), Update::Static),
    key("remote.log.storage.system.enable", Kind::Boolean, Some("false"), Update::Static),
    key("replica.fetch.backoff.ms", Kind::Int, Some("1000"), Update::Static),
    key("replica.fetch.max.bytes", Kind::Int, Some("1048576"), Update::Static),
    key("replica.fetch.min.bytes", Kind::Int, Some("1"), Update::Static),
    key("replica.fetch.response.max.bytes", Kind::Int, Some("10485760"), Update::Static),
    key("replica.fetch.wait.max.ms", Kind::Int, Some("500"), Update::Static),
    key("replica.high.watermark.checkpoint.interval.ms", Kind::Long, Some("5000"), Update::Static),
    key("replica.lag.time.max.ms", Kind::Long, Some("30000"), Update::Static),
    key("replica.selector.class", Kind::String, None, Update::Static),
    key("replica.socket.receive.buffer.bytes", Kind::Int, Some("65536"), Update::Static),
    key("replica.socket.timeout.ms", Kind::Int, Some("30000"), Update::Static),
    key("replication.quota.window.num", Kind::Int, Some("11"), Update::Static),
    key("replication.quota.window.size.seconds", Kind::Int, Some("1"), Update::Static),
    key("request.timeout.ms", Kind::Int, Some("30000"), Update::Static),
    key("reserved.broker.max.id", Kind::Int, Some("1000"), Update::Static),
    key("sasl.client.callback.handler.class", Kind::Class, None, Update::Static),
    key("sasl.enabled.mechanisms", Kind::List, Some("GSSAPI"), Update::PerBroker),
    key("sasl.jaas.config", Kind::Password, None, Update::PerBroker),
    key("sasl.kerberos.kinit.cmd", Kind::String, Some("/usr/bin/kinit"), Update::PerBroker),
    key("sasl.kerberos.min.time.before.relogin", Kind::Long, Some("60000"), Update::PerBroker),
    key("sasl.kerberos.principal.to.local.rules", Kind::List, Some("DEFAULT"), Update::PerBroker),
    key("sasl.kerberos.service.name", Kind::String, None, Update::PerBroker),
    key("sasl.kerberos.ticket.renew.jitter", Kind::Double, Some("0.05"), Update::PerBroker),
    key("sasl.kerberos.ticket.renew.window.factor", Kind::Double, Some("0.8"), Update::PerBroker),
    key("sasl.login.callback.handler.class", Kind::Class, None, Update::Static),
    key("sasl.login.class", Kind::Class, None, Update::Static),
    key("sasl.login.connect.timeout.ms", Kind::Int, None, Update::Static),
    key("sasl.login.read.timeout.ms", Kind::Int, None, Update::Static),
    key("sasl.login.refresh.buffer.seconds", Kind::Short, Some("300"), Update::PerBroker),
    key("sasl.login.refresh.min.period.seconds", Kind::Short, Some("60"), Update::PerBroker),
    key("sasl.login.refresh.window.factor", Kind::Double, Some("0.8"), Update::PerBroker),
    key("sasl.login.refresh.window.jitter", Kind::Double, Some("0.05"), Update::PerBroker),
    key("sasl.login.retry.backoff.max.ms", Kind::Long, Some("10000"), Update::Static),
    key("sasl.login.retry.backoff.ms", Kind::Long, Some("100"), Update::Static),
    key("sasl.mechanism.controller.protocol", Kind::String, Some("GSSAPI"), Update::Static),
    key("sasl.mechanism.inter.broker.protocol", Kind::String, Some("GSSAPI"), Update::PerBroker),
    key("sasl.oauthbearer.clock.skew.seconds", Kind::Int, Some("30"), Update::Static),
    key("sasl.oauthbearer.expected.audience", Kind::List, None, Update::Static),
    key("sasl.oauthbearer.expected.issuer", Kind::String, None, Update::Static),
    key("sasl.oauthbearer.jwks.endpoint.refresh.ms", Kind::Long, Some("3600000"), Update::Static),
    key("sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", Kind::Long, Some("10000"), Update::Static),
    key("sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", Kind::Long, Some("100"), Update::Static),
    key("sasl.oauthbearer.jwks.endpoint.url", Kind::String, None, Update::Static),
    key("sasl.oauthbearer.scope.claim.name", Kind::String, Some("scope"), Update::Static),
    key("sasl.oauthbearer.sub.claim.name", Kind::String, Some("sub"), Update::Static),
    key("sasl.oauthbearer.token.endpoint.url", Kind::String, None, Update::Static),
    key("sasl.server.callback.handler.class", Kind::Class, None, Update::Static),
    key("sasl.server.max.receive.size", Kind::Int, Some("524288"), Update::Static),
    key("security.inter.broker.protocol", Kind::String, Some("PLAINTEXT"), Update::Static),
    key("security.providers", Kind::String, None, Update::Static),
    key("socket.connection.setup.timeout.max.ms", Kind::Long, Some("30000"), Update::Static),
    key("socket.connection.setup.timeout.ms", Kind::Long, Some("10000"), Update::Static),
    key("socket.listen.backlog.size", Kind::Int, Some("50"), Update::Static),
    key("socket.receive.buffer.bytes", Kind::Int, Some("102400"), Update::Static),
    key("socket.request.max.bytes", Kind::Int, Some("104857600"), Update::Static),
    key("socket.send.buffer.bytes", Kind::Int, Some("102400"), Update::Static),
    key("ssl.allow.dn.changes", Kind::Boolean, Some("false"), Update::Static),
    key("ssl.allow.san.changes", Kind::Boolean, Some("false"), Update::Static),
    key("ssl.cipher.suites", Kind::List, Some(""), Update::PerBroker),
    key("ssl.client.auth", Kind::String, Some("none"), Update::PerBroker),
    key("ssl.enabled.protocols", Kind::List, Some("TLSv1.2,TLSv1.3"), Update::PerBroker),
    key("ssl.endpoint.identification.algorithm", Kind::String, Some("https"), Update::PerBroker),
    key("ssl.engine.factory.class", Kind::Class, None, Update::PerBroker),
    key("ssl.key.password", Kind::Password, None, Update::PerBroker),
    key("ssl.keymanager.algorithm", Kind::String, Some("SunX509"), Update::PerBroker),
    key("ssl.keystore.certificate.chain", Kind::Password, None, Update::PerBroker),
    key("ssl.keystore.key", Kind::Password, None, Update::PerBroker),
    key("ssl.keystore.location", Kind::String, None, Update::PerBroker),
    key("ssl.keystore.password", Kind::Password, None, Update::PerBroker),
    key("ssl.keystore.type", Kind::String, Some("JKS"), Update::PerBroker),
    key("ssl.principal.mapping.rules", Kind::String, Some("DEFAULT"), Update::Static),
    key("ssl.protocol", Kind::String, Some("TLSv1.3"), Update::PerBroker),
    key("ssl.provider", Kind::String, None, Update::PerBroker),
    key("ssl.secure.random.implementation", Kind::String, None, Update::PerBroker),
    key("ssl.trustmanager.algorithm", Kind::String, Some("PKIX"), Update::PerBroker),
    key("ssl.truststore.certificates", Kind::Password, None, Update::PerBroker),
    key("ssl.truststore.location", Kind::String, None, Update::PerBroker),
    key("ssl.truststore.password", Kind::Password, None, Update::PerBroker),
    key("ssl.truststore.type", Kind::String, Some("JKS"), Update::PerBroker),
    key("super.users", Kind::String, Some(""), Update::Internal),
    key("telemetry.max.bytes", Kind::Int, Some("1048576"), Update::Static),
    key("transaction.abort.timed.out.transaction.cleanup.interval.ms", Kind::Int, Some("10000"), Update::Static),
    key("transaction.max.timeout.ms", Kind::Int, Some("900000"), Update::Static),
    key("transaction.partition.verification.enable", Kind::Boolean, Some("true"), Update::ClusterWide),
    key("transaction.remove.expired.transaction.cleanup.interval.ms", Kind::Int, Some("3600000"), Update::Static),
    key("transaction.state.log.load.buffer.size", Kind::Int, Some("5242880"), Update::Static),
    key("transaction.state.log.min.isr", Kind::Int, Some("2"), Update::Static),
    key("transaction.state.log.num.partitions", Kind::Int, Some("50"), Update::Static),
    key("transaction.state.log.replication.factor", Kind::Short, Some("3"), Update::Static),
    key("transaction.state.log.segment.bytes", Kind::Int, Some("104857600"), Update::Static),
    key("transactional.id.expiration.ms", Kind::Int, Some("604800000"), Update::Static),
    key("unclean.leader.election.enable", Kind::Boolean, Some("false"), Update::ClusterWide),
    key("unclean.leader.election.interval.ms", Kind::Long, Some("300000"), Update::Internal),
    key("unstable.api.versions.enable", Kind::Boolean, Some("false"), Update::Internal),
    key("unstable.feature.versions.enable", Kind::Boolean, Some("false"), Update::Internal),
    key("zookeeper.clientCnxnSocket", Kind::String, None, Update::Static),
    key("zookeeper.connect", Kind::String, None, Update::Static),
    key("zookeeper.connection.timeout.ms", Kind::Int, None, Update::Static),
    key("zookeeper.max.in.flight.requests", Kind::Int, Some("10"), Update::Static),
    key("zookeeper.metadata.migration.enable", Kind::Boolean, Some("false"), Update::Static),
    key("zookeeper.metadata.migration.min.batch.size", Kind::Int, Some("200"), Update::Internal),
    key("zookeeper.session.timeout.ms", Kind::Int, Some("18000"), Update::Static),
    key("zookeeper.set.acl", Kind::Boolean, Some("false"), Update::Static),
    key("zookeeper.ssl.cipher.suites", Kind::List, None, Update::Static),
    key("zookeeper.ssl.client.enable", Kind::Boolean, Some("false"), Update::Static),
    key("zookeeper.ssl.crl.enable", Kind::Boolean, Some("false"), Update::Static),
    key("zookeeper.ssl.enabled.protocols", Kind::List, None, Update::Static),
    key("zookeeper.ssl.endpoint.identification.algorithm", Kind::String, Some("HTTPS"), Update::Static),
    key("zookeeper.ssl.keystore.location", Kind::String, None, Update::Static),
    key("zookeeper.ssl.keystore.password", Kind::Password, None, Update::Static),
    key("zookeeper.ssl.keystore.type", Kind::String, None, Update::Static),
    key("zookeeper.ssl.ocsp.enable", Kind::Boolean, Some("false"), Update::Static),
    key("zookeeper.ssl.protocol", Kind::String, Some("TLSv1.2"), Update::Static),
    key("zookeeper.ssl.truststore.location", Kind::String, None, Update::Static),
    key("zookeeper.ssl.truststore.password", Kind::Password, None, Update::Static),
    key("zookeeper.ssl.truststore.type", Kind::String, None, Update::Static),
];

#[cfg(test)]
mod tests {
    use super::super::def::{TOPIC_KEYS, Valid, check};
    use super::*;

    #[test]
    fn names_are_sorted_and_defaults_parse() {
        assert!(BROKER_KEYS.windows(2).all(|pair| pair[0].name < pair[1].name));
        for key in BROKER_KEYS {
            if let Some(default) = key.default {
                assert_eq!(check(key.name, key.kind, Valid::Any, default), Ok(()));
            }
        }
    }

    #[test]
    fn every_topic_synonym_is_a_broker_key() {
        for (name, _) in TOPIC_KEYS.iter().flat_map(|key| key.synonyms) {
            assert!(broker_key(name).is_some(), "{name}");
        }
    }
}
