//! Producing, fetching, and what stands at which offset.

use base::Str;
use bytes::Bytes;
use kafka_wire::messages as wire;
use kafka_wire::records::{BatchBuilder, Compression, NewRecord, TimestampType, legacy};

use super::super::twin::{Ask, Then, View};
use super::Asks;

/// Times of records, which repeat from run to run.
const TIME_MS: i64 = 1_767_225_600_000;

impl Asks {
    fn records(&mut self, version: i16, topic: &str) -> (Bytes, &'static str) {
        let key: Option<&[u8]> = if topic == "compact" && !self.chance(8) { Some(b"key") } else { None };
        let large = self.chance(15);
        let value = vec![b'v'; if large { 2000 } else { self.prng.between(0, 60) as usize }];
        let timestamp = TIME_MS + self.prng.below(1000) as i64 * 1000;
        if version < 3 {
            let magic = if version == 2 { 1 } else { 0 };
            let message = legacy::encode(magic, 0, timestamp, TimestampType::Create, key, Some(&value));
            return match self.prng.below(12) {
                0 => (damaged(&message), "a message with a wrong checksum"),
                1 => (message.slice(..message.len() - 3), "a message cut off"),
                2 => ([&message[..], &message[..]].concat().into(), "two messages"),
                3 => (Bytes::new(), "nothing"),
                _ => (message, "a message"),
            };
        }
        let mut codecs =
            vec![Compression::None, Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4];
        // Old fetches of what stays zstd are another matter: this topic packs anew, and small ones refuse it.
        if topic == "packed" || version < 7 {
            codecs.push(Compression::Zstd);
        }
        let headers: &[(&[u8], Option<&[u8]>)] =
            if self.chance(4) { &[(b"name", Some(b"value")), (b"none", None)] } else { &[] };
        let mut builder = BatchBuilder::new(self.pick(&codecs));
        for n in 0..self.prng.between(1, 4) {
            builder.add(NewRecord { timestamp: timestamp + n as i64, key, value: Some(&value), headers });
        }
        let batch = builder.finish();
        match self.prng.below(40) {
            0 => (damaged(&batch), "a batch with a wrong checksum"),
            1 => (batch.slice(..batch.len() - 3), "a batch cut off"),
            2 => ([&batch[..], &batch[..]].concat().into(), "two batches"),
            3 => (Bytes::new(), "nothing"),
            4 => (refused_batch(|builder| builder.base_offset(5)), "a batch with an offset"),
            5 => (refused_batch(BatchBuilder::control), "a control batch"),
            6 => (refused_batch(|builder| builder.log_append_time(timestamp)), "a batch with the broker's time"),
            7 => (legacy::encode(1, 0, timestamp, TimestampType::Create, key, Some(&value)), "a message"),
            _ => (batch, "a batch"),
        }
    }

    pub(super) fn produce(&mut self, version: i16) -> Ask {
        if version >= 3 && self.chance(5) && !self.producers.is_empty() {
            return self.produce_idempotent(version);
        }
        let topic = if self.chance(40) { "__consumer_offsets".to_owned() } else { self.topic() };
        let partition = self.partition();
        let acks = match self.prng.below(20) {
            0 => 2,
            1 => -2,
            n => self.pick(&[-1, 1, if n > 10 { 1 } else { -1 }]),
        };
        let (records, what) = self.records(version, &topic);
        let mut about = format!("{what} to {topic}-{partition}, acks {acks}");
        let mut topics = vec![topic_data(&topic, partition, records)];
        if let Some(other) = self.topic_beside(&topic) {
            let (records, what) = self.records(version, &other);
            about += &format!(", {what} to {other}-0");
            topics.push(topic_data(&other, 0, records));
        }
        Ask::new(version, about, move |_| request(acks, topics.clone()))
    }

    fn produce_idempotent(&mut self, version: i16) -> Ask {
        let number = self.prng.below(self.producers.len() as u64);
        let (epochs, next) = self.producers[number as usize];
        let (epoch, at) = match self.prng.below(12) {
            0 => (epochs, next + 3),
            1 => (epochs, (next - 1).max(0)),
            2 => (epochs, (next - 9).max(0)),
            3 if epochs > 0 => (epochs - 1, next),
            4 => (epochs + 1, 4),
            5 => (epochs + 1, 0),
            _ => (epochs, next),
        };
        if (epoch, at) == (epochs, next) || (epoch > epochs && at == 0) {
            self.producers[number as usize] = (epoch, at + 1);
        }
        let make = move |view: &View| {
            let (id, first) = view.producers.get(&number).copied().unwrap_or((77, 0));
            let mut builder = BatchBuilder::new(Compression::None).producer(id, first + epoch, at);
            builder.add(NewRecord { timestamp: TIME_MS, key: None, value: Some(b"once"), headers: &[] });
            request(-1, vec![topic_data("plain", 2, builder.finish())])
        };
        Ask::new(version, format!("sequence {at} of producer {number} in its epoch {epoch}"), make)
    }

    pub(super) fn fetch(&mut self, version: i16) -> Ask {
        let topic = self.topic();
        let partition = self.partition();
        let offset = self.pick(&[0, 0, 1, 2, 5, 20, 1_000_000, -5]);
        // What is packed anew has another size at each broker.
        let sizes: &[i32] = if topic == "packed" { &[1, 1 << 20] } else { &[1, 100, 5000, 100_000] };
        let partition_max_bytes = self.pick(sizes);
        let epoch = if self.chance(8) { self.pick(&[0, 3, 5, -1]) } else { -1 };
        let isolation_level = i8::from(self.chance(3));
        let sessions = ["new", "go on", "go on", "go on without", "unknown", "late", "end"];
        let session = if version >= 7 && self.chance(3) { self.pick(&sessions) } else { "none" };
        // A session would remember it, and Apache's broker cannot say in older versions what comes of it.
        let last_epoch = if session == "none" && self.chance(10) { self.pick(&[0, 3, 5]) } else { -1 };
        let mut about = format!(
            "{topic}-{partition} from {offset}, {partition_max_bytes} bytes, epoch {epoch} behind {last_epoch}, \
             session {session}, isolation {isolation_level}"
        );
        let mut wanted = vec![(topic.clone(), partition)];
        if let Some(other) = self.topic_beside(&topic).filter(|other| version >= 4 && other != "packed") {
            about += &format!(", {other}-0 too");
            wanted.push((other, 0));
        }
        if session == "go on" && self.chance(2) {
            wanted.clear();
            about += ", nothing named";
        }
        let make = move |view: &View| {
            let (id, next) = view.session;
            let (session_id, session_epoch) = match session {
                "new" => (0, 0),
                "go on" | "go on without" => (id, next),
                "unknown" => (12_345, 1),
                "late" => (id, next + 9),
                "end" => (id, -1),
                _ => (0, -1),
            };
            let topics = wanted.iter().map(|(topic, partition)| wire::FetchRequestTopics {
                topic: Str::from(topic.as_str()),
                topic_id: view.topic_id(topic),
                partitions: vec![wire::FetchRequestPartitions {
                    partition: *partition,
                    current_leader_epoch: epoch,
                    fetch_offset: offset,
                    last_fetched_epoch: last_epoch,
                    partition_max_bytes,
                    ..Default::default()
                }],
            });
            let forgotten = wire::FetchRequestForgottenTopicsData {
                topic: Str::from("plain"),
                topic_id: view.topic_id("plain"),
                partitions: vec![0],
            };
            wire::FetchRequest {
                replica_id: -1,
                max_wait_ms: 0,
                max_bytes: 1 << 20,
                isolation_level,
                session_id,
                session_epoch,
                topics: topics.collect(),
                forgotten_topics_data: if session == "go on without" { vec![forgotten] } else { Vec::new() },
                ..Default::default()
            }
        };
        let ask = Ask::new(version, about, make).from(offset);
        if session == "none" { ask } else { ask.then(Then::Session) }
    }

    pub(super) fn list_offsets(&mut self, version: i16) -> Ask {
        let (topic, partition) = (self.topic(), self.partition());
        let other = self.topic_beside(&topic);
        let mut timestamp = self.pick(&[-1, -2, -1, -2, -3, -4, -5, -9, 0, TIME_MS + 500_000, TIME_MS * 2]);
        // Which records have the same time is a matter of speed, and records without a time are docs/divergence.md's.
        let odd = |topic: &str| matches!(topic, "stamped" | "recent");
        if timestamp == -3 && (odd(&topic) || other.as_deref().is_some_and(odd)) {
            timestamp = -1;
        }
        let current_leader_epoch = if self.chance(8) { self.pick(&[9, 3, 0]) } else { -1 };
        let isolation_level = i8::from(self.chance(3));
        let about = format!("{topic}-{partition} at {timestamp}, epoch {current_leader_epoch}");
        let mut wanted = vec![(topic.clone(), partition)];
        wanted.extend(other.map(|other| (other, 0)));
        // The same partition twice.
        if self.chance(25) {
            wanted.push((topic, partition));
        }
        Ask::new(version, format!("{about}: {wanted:?}"), move |_| {
            let topics = wanted.iter().map(|(topic, partition_index)| wire::ListOffsetsRequestTopics {
                name: Str::from(topic.as_str()),
                partitions: vec![wire::ListOffsetsRequestPartitions {
                    partition_index: *partition_index,
                    current_leader_epoch,
                    timestamp,
                    max_num_offsets: 3,
                }],
            });
            wire::ListOffsetsRequest { replica_id: -1, isolation_level, topics: topics.collect() }
        })
    }

    pub(super) fn delete_records(&mut self, version: i16) -> Ask {
        let (topic, partition) = (self.topic(), self.partition());
        let offset = self.pick(&[0, 1, 2, 1_000_000, -2]);
        Ask::new(version, format!("{topic}-{partition} up to {offset}"), move |_| wire::DeleteRecordsRequest {
            topics: vec![wire::DeleteRecordsRequestTopics {
                name: Str::from(topic.as_str()),
                partitions: vec![wire::DeleteRecordsRequestPartitions { partition_index: partition, offset }],
            }],
            timeout_ms: 5000,
        })
    }

    pub(super) fn epoch_ends(&mut self, version: i16) -> Ask {
        let (topic, partition) = (self.topic(), self.partition());
        let leader_epoch = self.pick(&[0, 0, 0, 3, 5, -1]);
        let current_leader_epoch = if self.chance(10) { self.pick(&[4, 0, 3]) } else { -1 };
        Ask::new(version, format!("{topic}-{partition}, epoch {leader_epoch}"), move |_| {
            wire::OffsetForLeaderEpochRequest {
                replica_id: -1,
                topics: vec![wire::OffsetForLeaderEpochRequestTopics {
                    topic: Str::from(topic.as_str()),
                    partitions: vec![wire::OffsetForLeaderEpochRequestPartitions {
                        partition,
                        current_leader_epoch,
                        leader_epoch,
                    }],
                }],
            }
        })
    }

    pub(super) fn init_producer_id(&mut self, version: i16) -> Ask {
        let number = self.producers.len() as u64;
        let ask = Ask::new(version, "a new producer", |_| wire::InitProducerIdRequest {
            transactional_id: None,
            transaction_timeout_ms: 1000,
            ..Default::default()
        });
        // A handful is enough.
        if number < 5 {
            self.producers.push((0, 0));
            return ask.then(Then::Producer(number));
        }
        ask
    }

    pub(super) fn describe_producers(&mut self, version: i16) -> Ask {
        let (topic, partition) = (self.topic(), self.pick(&[0, 2, 7]));
        Ask::new(version, format!("{topic}-{partition}"), move |_| wire::DescribeProducersRequest {
            topics: vec![wire::DescribeProducersRequestTopics {
                name: Str::from(topic.as_str()),
                partition_indexes: vec![partition],
            }],
        })
    }
}

fn request(acks: i16, topic_data: Vec<wire::ProduceRequestTopicData>) -> wire::ProduceRequest {
    wire::ProduceRequest { transactional_id: None, acks, timeout_ms: 10_000, topic_data }
}

fn topic_data(topic: &str, partition: i32, records: Bytes) -> wire::ProduceRequestTopicData {
    let data = wire::ProduceRequestPartitionData { index: partition, records: Some(records) };
    wire::ProduceRequestTopicData { name: Str::from(topic), partition_data: vec![data] }
}

fn damaged(bytes: &Bytes) -> Bytes {
    let mut damaged = bytes.to_vec();
    *damaged.last_mut().expect("bytes") ^= 1;
    damaged.into()
}

/// A batch of one record that no broker takes.
fn refused_batch(change: impl FnOnce(BatchBuilder) -> BatchBuilder) -> Bytes {
    let mut builder = change(BatchBuilder::new(Compression::None));
    builder.add(NewRecord { timestamp: TIME_MS, key: Some(b"key"), value: Some(b"value"), headers: &[] });
    builder.finish()
}
