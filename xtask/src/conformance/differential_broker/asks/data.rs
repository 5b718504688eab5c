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
            return (message, "a message");
        }
        let mut codecs =
            vec![Compression::None, Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4];
        // Old fetches of what stays zstd are another matter: this topic packs anew, and small ones refuse it.
        if topic == "packed" || version < 7 {
            codecs.push(Compression::Zstd);
        }
        let mut builder = BatchBuilder::new(self.pick(&codecs));
        for n in 0..self.prng.between(1, 4) {
            builder.add(NewRecord { timestamp: timestamp + n as i64, key, value: Some(&value), headers: &[] });
        }
        let batch = builder.finish();
        match self.prng.below(25) {
            0 => {
                let mut damaged = batch.to_vec();
                *damaged.last_mut().expect("bytes") ^= 1;
                (damaged.into(), "a batch with a wrong checksum")
            }
            1 => (batch.slice(..batch.len() - 3), "a batch cut off"),
            2 => {
                let mut two = batch.to_vec();
                two.extend_from_slice(&batch);
                (two.into(), "two batches")
            }
            _ => (batch, "a batch"),
        }
    }

    pub(super) fn produce(&mut self, version: i16) -> Ask {
        if version >= 3 && self.chance(5) {
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
        let about = format!("{what} to {topic}-{partition}, acks {acks}");
        Ask::new(version, about, move |_| request(&topic, partition, acks, records.clone()))
    }

    fn produce_idempotent(&mut self, version: i16) -> Ask {
        if self.sequences.is_empty() {
            return self.produce(version);
        }
        let producer = self.prng.below(self.sequences.len() as u64);
        let sequence = &mut self.sequences[producer as usize];
        let at = match self.prng.below(8) {
            0 => *sequence + 3,
            1 => (*sequence - 1).max(0),
            _ => {
                *sequence += 1;
                *sequence - 1
            }
        };
        let make = move |view: &View| {
            let (id, epoch) = view.producers.get(&producer).copied().unwrap_or((77, 0));
            let mut builder = BatchBuilder::new(Compression::None).producer(id, epoch, at);
            builder.add(NewRecord { timestamp: TIME_MS, key: None, value: Some(b"once"), headers: &[] });
            request("plain", 2, -1, builder.finish())
        };
        Ask::new(version, format!("sequence {at} of producer {producer}"), make)
    }

    pub(super) fn fetch(&mut self, version: i16) -> Ask {
        let topic = self.topic();
        let partition = self.partition();
        let offset = self.pick(&[0, 0, 1, 2, 5, 20, 1_000_000, -5]);
        let partition_max_bytes = self.pick(&[1, 100, 5000, 100_000]);
        let epoch = if self.chance(20) { self.pick(&[0, 5, -1]) } else { -1 };
        let isolation_level = i8::from(self.chance(3));
        let session =
            if version >= 7 && self.chance(4) { self.pick(&["new", "go on", "unknown", "late"]) } else { "none" };
        let about =
            format!("{topic}-{partition} from {offset}, {partition_max_bytes} bytes, epoch {epoch}, session {session}");
        let make = move |view: &View| {
            let (session_id, session_epoch) = match session {
                "new" => (0, 0),
                "go on" => (view.session, 1),
                "unknown" => (12_345, 1),
                "late" => (view.session, 9),
                _ => (0, -1),
            };
            let partition = wire::FetchRequestPartitions {
                partition,
                current_leader_epoch: epoch,
                fetch_offset: offset,
                partition_max_bytes,
                ..Default::default()
            };
            let topics = wire::FetchRequestTopics {
                topic: Str::from(topic.as_str()),
                topic_id: view.topic_id(&topic),
                partitions: vec![partition],
            };
            wire::FetchRequest {
                replica_id: -1,
                max_wait_ms: 0,
                max_bytes: 1 << 20,
                isolation_level,
                session_id,
                session_epoch,
                topics: vec![topics],
                ..Default::default()
            }
        };
        let ask = Ask::new(version, about, make);
        if session == "none" { ask } else { ask.then(Then::Session) }
    }

    pub(super) fn list_offsets(&mut self, version: i16) -> Ask {
        let (topic, partition) = (self.topic(), self.partition());
        let timestamp = self.pick(&[-1, -2, -1, -2, -3, -4, -5, -9, 0, TIME_MS + 500_000, TIME_MS * 2]);
        let current_leader_epoch = if self.chance(15) { 9 } else { -1 };
        let isolation_level = i8::from(self.chance(3));
        let about = format!("{topic}-{partition} at {timestamp}, epoch {current_leader_epoch}");
        Ask::new(version, about, move |_| wire::ListOffsetsRequest {
            replica_id: -1,
            isolation_level,
            topics: vec![wire::ListOffsetsRequestTopics {
                name: Str::from(topic.as_str()),
                partitions: vec![wire::ListOffsetsRequestPartitions {
                    partition_index: partition,
                    current_leader_epoch,
                    timestamp,
                    max_num_offsets: 3,
                }],
            }],
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
        let leader_epoch = self.pick(&[0, 0, 0, 3, -1]);
        let current_leader_epoch = if self.chance(10) { 4 } else { -1 };
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
        let producer = self.sequences.len() as u64;
        let ask = Ask::new(version, "a new producer", |_| wire::InitProducerIdRequest {
            transactional_id: None,
            transaction_timeout_ms: 1000,
            ..Default::default()
        });
        // A handful is enough.
        if producer < 5 {
            self.sequences.push(0);
            return ask.then(Then::Producer(producer));
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

fn request(topic: &str, partition: i32, acks: i16, records: Bytes) -> wire::ProduceRequest {
    let data = wire::ProduceRequestPartitionData { index: partition, records: Some(records) };
    let topic = wire::ProduceRequestTopicData { name: Str::from(topic), partition_data: vec![data] };
    wire::ProduceRequest { transactional_id: None, acks, timeout_ms: 10_000, topic_data: vec![topic] }
}
