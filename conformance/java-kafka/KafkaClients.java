import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.Config;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetAndTimestamp;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.TopicExistsException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Kafka's Java clients against a broker: KafkaClients HOST:PORT [PART OF A NAME]
 *
 * It uses what clients of 2.8 and of 4.x have in common.
 */
final class KafkaClients {
    private static String server;
    private static Admin admin;
    private static final long TIME = 1_700_000_000_000L;

    public static void main(String[] arguments) throws Exception {
        server = arguments[0];
        admin = Admin.create(settings(Map.of()));
        new Checks()
            .add("every codec, with headers", KafkaClients::codecs)
            .add("every acks", KafkaClients::acks)
            .add("an idempotent producer with small batches", KafkaClients::idempotent)
            .add("records of nearly a megabyte, and one too large", KafkaClients::large)
            .add("seeking by time", KafkaClients::byTime)
            .add("a group with commits", KafkaClients::group)
            .add("two members share the partitions", KafkaClients::members)
            .add("read_committed", KafkaClients::readCommitted)
            .add("topics, settings, records deleted", KafkaClients::administration)
            .runAndExit(arguments.length > 1 ? arguments[1] : "");
    }

    private static Properties settings(Map<String, String> more) {
        Properties properties = new Properties();
        properties.put("bootstrap.servers", server);
        properties.putAll(more);
        return properties;
    }

    private static KafkaProducer<byte[], byte[]> producer(Map<String, String> more) {
        return new KafkaProducer<>(settings(more), new ByteArraySerializer(), new ByteArraySerializer());
    }

    private static KafkaConsumer<byte[], byte[]> consumer(Map<String, String> more) {
        Map<String, String> all = new HashMap<>(Map.of("auto.offset.reset", "earliest", "enable.auto.commit", "false"));
        all.putAll(more);
        return new KafkaConsumer<>(settings(all), new ByteArrayDeserializer(), new ByteArrayDeserializer());
    }

    private static String topic(String name, int partitions) throws Exception {
        String topic = "java-" + name + "-" + Checks.RUN;
        admin.createTopics(Set.of(new NewTopic(topic, Optional.of(partitions), Optional.of((short) 1))))
            .all().get(Checks.SECONDS, TimeUnit.SECONDS);
        return topic;
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static void send(String topic, int count, Map<String, String> more) throws Exception {
        try (KafkaProducer<byte[], byte[]> producer = producer(more)) {
            List<java.util.concurrent.Future<RecordMetadata>> sent = new ArrayList<>();
            for (int i = 0; i < count; i++) {
                List<Header> headers = List.of(new RecordHeader("a", bytes("x")), new RecordHeader("b", null));
                sent.add(producer.send(
                    new ProducerRecord<>(topic, 0, TIME + i * 1000L, bytes("key"), bytes("value " + i), headers)));
            }
            producer.flush();
            for (int i = 0; i < count; i++) {
                RecordMetadata where = sent.get(i).get(Checks.SECONDS, TimeUnit.SECONDS);
                if (!"0".equals(more.get("acks"))) {
                    Checks.same("offset", (long) i, where.offset());
                }
            }
        }
    }

    private static List<ConsumerRecord<byte[], byte[]>> take(KafkaConsumer<byte[], byte[]> consumer, int count) {
        List<ConsumerRecord<byte[], byte[]>> records = new ArrayList<>();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(Checks.SECONDS);
        while (records.size() < count) {
            Checks.that("read " + records.size() + " of " + count + " in time", System.nanoTime() < deadline);
            consumer.poll(Duration.ofMillis(200)).forEach(records::add);
        }
        return records;
    }

    private static List<ConsumerRecord<byte[], byte[]>> read(String topic, int count, Map<String, String> more) {
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(more)) {
            consumer.assign(List.of(new TopicPartition(topic, 0)));
            consumer.seekToBeginning(consumer.assignment());
            return take(consumer, count);
        }
    }

    private static void allThere(List<ConsumerRecord<byte[], byte[]>> records) {
        for (int i = 0; i < records.size(); i++) {
            ConsumerRecord<byte[], byte[]> record = records.get(i);
            Checks.same("offset", (long) i, record.offset());
            Checks.same("timestamp", TIME + i * 1000L, record.timestamp());
            Checks.same("key", "key", new String(record.key(), StandardCharsets.UTF_8));
            Checks.same("value", "value " + i, new String(record.value(), StandardCharsets.UTF_8));
            Checks.same("headers", 2, record.headers().toArray().length);
            Checks.same("a null header", null, record.headers().lastHeader("b").value());
        }
    }

    private static void codecs() throws Exception {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            String topic = topic("codec-" + codec, 1);
            send(topic, 500, Map.of("compression.type", codec, "linger.ms", "5"));
            allThere(read(topic, 500, Map.of()));
        }
    }

    private static void acks() throws Exception {
        for (String acks : List.of("all", "1", "0")) {
            String topic = topic("acks-" + acks, 1);
            send(topic, 100, Map.of("acks", acks, "enable.idempotence", "false"));
            allThere(read(topic, 100, Map.of()));
        }
    }

    private static void idempotent() throws Exception {
        String topic = topic("idempotent", 1);
        send(topic, 2000, Map.of("enable.idempotence", "true", "acks", "all", "batch.size", "300"));
        allThere(read(topic, 2000, Map.of("max.partition.fetch.bytes", "5000")));
    }

    private static void large() throws Exception {
        String topic = topic("large", 1);
        try (KafkaProducer<byte[], byte[]> producer = producer(Map.of("max.request.size", "10000000"))) {
            for (int i = 0; i < 3; i++) {
                producer.send(new ProducerRecord<>(topic, new byte[1_000_000])).get(Checks.SECONDS, TimeUnit.SECONDS);
            }
            Throwable refused = null;
            try {
                producer.send(new ProducerRecord<>(topic, new byte[1_100_000])).get(Checks.SECONDS, TimeUnit.SECONDS);
            } catch (ExecutionException error) {
                refused = error.getCause();
            }
            Checks.that("too large, not " + refused, refused instanceof RecordTooLargeException);
        }
        // A record that is larger than what is asked for comes all the same.
        Checks.same("size", 1_000_000, read(topic, 3, Map.of("max.partition.fetch.bytes", "1000")).get(2).value().length);
    }

    private static void byTime() throws Exception {
        String topic = topic("time", 1);
        send(topic, 10, Map.of());
        TopicPartition partition = new TopicPartition(topic, 0);
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(Map.of())) {
            consumer.assign(List.of(partition));
            OffsetAndTimestamp found = consumer.offsetsForTimes(Map.of(partition, TIME + 4500)).get(partition);
            Checks.same("offset", 5L, found.offset());
            Checks.same("timestamp", TIME + 5000, found.timestamp());
            Checks.same("none", null, consumer.offsetsForTimes(Map.of(partition, TIME + 99_000)).get(partition));
            consumer.seek(partition, found.offset());
            Checks.same("first", 5L, take(consumer, 5).get(0).offset());
            Checks.same("beginning", 0L, consumer.beginningOffsets(List.of(partition)).get(partition));
            Checks.same("end", 10L, consumer.endOffsets(List.of(partition)).get(partition));
        }
        Map<TopicPartition, OffsetSpec> latest = Map.of(partition, OffsetSpec.latest());
        Checks.same("latest", 10L, admin.listOffsets(latest).partitionResult(partition).get().offset());
    }

    private static void group() throws Exception {
        String topic = topic("group", 1);
        TopicPartition partition = new TopicPartition(topic, 0);
        String group = topic + "-group";
        send(topic, 30, Map.of());
        Map<String, String> settings = Map.of("group.id", group, "max.poll.records", "10");
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(settings)) {
            consumer.subscribe(List.of(topic));
            take(consumer, 10);
            consumer.commitSync(Map.of(partition, new OffsetAndMetadata(10, "noted")));
        }
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(settings)) {
            consumer.subscribe(List.of(topic));
            Checks.same("goes on", 10L, take(consumer, 20).get(0).offset());
            OffsetAndMetadata committed = consumer.committed(Set.of(partition)).get(partition);
            Checks.same("committed", new OffsetAndMetadata(10, "noted"), committed);
        }
        Checks.that("listed", admin.listConsumerGroups().all().get().stream().anyMatch(one -> one.groupId().equals(group)));
        admin.deleteConsumerGroups(Set.of(group)).all().get(Checks.SECONDS, TimeUnit.SECONDS);
    }

    private static void members() throws Exception {
        String topic = topic("members", 4);
        Map<String, String> settings = Map.of("group.id", topic + "-group", "heartbeat.interval.ms", "200");
        try (KafkaConsumer<byte[], byte[]> one = consumer(settings); KafkaConsumer<byte[], byte[]> two = consumer(settings)) {
            one.subscribe(List.of(topic));
            two.subscribe(List.of(topic));
            long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(Checks.SECONDS);
            while (one.assignment().size() != 2 || two.assignment().size() != 2) {
                Checks.that("a fair share in time", System.nanoTime() < deadline);
                one.poll(Duration.ofMillis(50));
                two.poll(Duration.ofMillis(50));
            }
            Checks.that("nothing twice", Collections.disjoint(one.assignment(), two.assignment()));
        }
    }

    private static void readCommitted() throws Exception {
        String topic = topic("committed", 1);
        send(topic, 50, Map.of());
        allThere(read(topic, 50, Map.of("isolation.level", "read_committed")));
    }

    private static void administration() throws Exception {
        String topic = topic("admin", 1);
        try {
            topic("admin", 1);
            throw new AssertionError("a second topic of the name");
        } catch (ExecutionException error) {
            Checks.that("exists, not " + error.getCause(), error.getCause() instanceof TopicExistsException);
        }
        admin.createPartitions(Map.of(topic, NewPartitions.increaseTo(3))).all().get(Checks.SECONDS, TimeUnit.SECONDS);
        ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic);
        AlterConfigOp set = new AlterConfigOp(new ConfigEntry("retention.ms", "3600000"), AlterConfigOp.OpType.SET);
        admin.incrementalAlterConfigs(Map.of(resource, List.of(set))).all().get(Checks.SECONDS, TimeUnit.SECONDS);
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(Checks.SECONDS);
        String seen;
        do {
            Checks.that("the setting in time", System.nanoTime() < deadline);
            Config config = admin.describeConfigs(Set.of(resource)).all().get().get(resource);
            seen = config.get("retention.ms").value();
        } while (!seen.equals("3600000"));
        try (KafkaConsumer<byte[], byte[]> consumer = consumer(Map.of())) {
            while (consumer.partitionsFor(topic).size() != 3) {
                Checks.that("three partitions in time", System.nanoTime() < deadline);
            }
        }
        send(topic, 10, Map.of());
        TopicPartition partition = new TopicPartition(topic, 0);
        long low = admin.deleteRecords(Map.of(partition, RecordsToDelete.beforeOffset(4)))
            .lowWatermarks().get(partition).get(Checks.SECONDS, TimeUnit.SECONDS).lowWatermark();
        Checks.same("low watermark", 4L, low);
        admin.deleteTopics(Set.of(topic)).all().get(Checks.SECONDS, TimeUnit.SECONDS);
        try {
            admin.deleteTopics(Set.of("java-nothing-" + Checks.RUN)).all().get(Checks.SECONDS, TimeUnit.SECONDS);
            throw new AssertionError("a topic that is not there was deleted");
        } catch (ExecutionException error) {
            boolean unknown = error.getCause() instanceof UnknownTopicOrPartitionException;
            Checks.that("unknown, not " + error.getCause(), unknown);
        }
    }
}
