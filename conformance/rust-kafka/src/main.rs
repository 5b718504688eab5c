//! The crate rdkafka against a broker: castlekeep-conformance-rust-kafka HOST:PORT
//!
//! Each check asserts; one that fails is printed, and the exit code is 1 at the end.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfig, FromClientConfigAndContext};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::{Offset, TopicPartitionList};

type Outcome<T = ()> = Result<T, Box<dyn StdError>>;
type Check = fn(&Setup) -> Outcome;

const DEADLINE: Duration = Duration::from_secs(30);
const TIME_MS: i64 = 1_700_000_000_000;

/// Where the broker is, and what makes this run's names its own.
struct Setup {
    address: String,
    run: String,
}

const CHECKS: [(&str, Check); 5] = [
    ("every codec, with headers", codecs),
    ("an idempotent producer with small batches", idempotent),
    ("records of nearly a megabyte, and one too large", large),
    ("seeking by time", by_time),
    ("a group with commits", group),
];

fn main() {
    let Some(address) = std::env::args().nth(1) else {
        eprintln!("usage: castlekeep-conformance-rust-kafka HOST:PORT");
        std::process::exit(2);
    };
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let setup = Setup { address, run: format!("{:x}", since_1970.as_nanos()) };
    let mut failed = false;
    for (name, check) in CHECKS {
        let started = Instant::now();
        match check(&setup) {
            Ok(()) => println!("  ok     {name} ({:.2} s)", started.elapsed().as_secs_f64()),
            Err(error) => {
                failed = true;
                println!("  FAILED {name}: {error}");
            }
        }
    }
    std::process::exit(i32::from(failed));
}

/// What became of each message, in the order of the acknowledgements.
#[derive(Default)]
struct Delivered(Mutex<Vec<Result<i64, KafkaError>>>);

impl ClientContext for Delivered {}

impl ProducerContext for Delivered {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        let result = match result {
            Ok(message) => Ok(message.offset()),
            Err((error, _)) => Err(error.clone()),
        };
        self.0.lock().expect("nobody panics").push(result);
    }
}

impl Setup {
    fn topic(&self, name: &str) -> String {
        format!("rdkafka-{name}-{}", self.run)
    }

    fn config(&self, more: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.address).set("broker.address.family", "v4");
        for (key, value) in more {
            config.set(*key, *value);
        }
        config
    }

    /// Sends messages with headers and times, and gives what became of each.
    fn send(&self, topic: &str, values: &[Vec<u8>], more: &[(&str, &str)]) -> Outcome<Vec<Result<i64, KafkaError>>> {
        let config = self.config(more);
        let producer = BaseProducer::from_config_and_context(&config, Delivered::default())?;
        for (number, value) in values.iter().enumerate() {
            let headers = OwnedHeaders::new()
                .insert(Header { key: "a", value: Some("x") })
                .insert(Header { key: "b", value: None::<&str> });
            let record = BaseRecord::to(topic).partition(0).key("key").payload(value).headers(headers);
            let mut record = record.timestamp(TIME_MS + number as i64 * 1000);
            while let Err((error, back)) = producer.send(record) {
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    return Err(error.into());
                }
                producer.poll(Duration::from_millis(10));
                record = back;
            }
        }
        producer.flush(DEADLINE)?;
        let delivered = std::mem::take(&mut *producer.context().0.lock().expect("nobody panics"));
        same("messages that were answered", &delivered.len(), &values.len())?;
        Ok(delivered)
    }

    fn fill(&self, topic: &str, count: usize, more: &[(&str, &str)]) -> Outcome {
        let values: Vec<Vec<u8>> = (0..count).map(|number| format!("value {number}").into_bytes()).collect();
        for (number, delivered) in self.send(topic, &values, more)?.into_iter().enumerate() {
            same("offset", &delivered?, &(number as i64))?;
        }
        Ok(())
    }

    fn consumer(&self, group: &str) -> Outcome<BaseConsumer> {
        let more = [("group.id", group), ("auto.offset.reset", "earliest"), ("enable.auto.commit", "false")];
        Ok(BaseConsumer::from_config(&self.config(&more))?)
    }

    fn read(&self, topic: &str, from: Offset, count: usize) -> Outcome<Vec<OwnedMessage>> {
        let consumer = self.consumer("unused")?;
        let mut partitions = TopicPartitionList::new();
        partitions.add_partition_offset(topic, 0, from)?;
        consumer.assign(&partitions)?;
        take(&consumer, count)
    }
}

fn take(consumer: &BaseConsumer, count: usize) -> Outcome<Vec<OwnedMessage>> {
    let (mut messages, deadline) = (Vec::new(), Instant::now() + DEADLINE);
    while messages.len() < count {
        if Instant::now() > deadline {
            return Err(format!("read {} of {count} messages in {DEADLINE:?}", messages.len()).into());
        }
        if let Some(message) = consumer.poll(Duration::from_millis(100)) {
            messages.push(message?.detach());
        }
    }
    Ok(messages)
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: &T, wanted: &T) -> Outcome {
    if got == wanted { Ok(()) } else { Err(format!("{what}: got {got:?}, want {wanted:?}").into()) }
}

fn all_there(messages: &[OwnedMessage]) -> Outcome {
    for (number, message) in messages.iter().enumerate() {
        same("offset", &message.offset(), &(number as i64))?;
        same("time", &message.timestamp().to_millis(), &Some(TIME_MS + number as i64 * 1000))?;
        same("key", &message.key(), &Some(&b"key"[..]))?;
        same("value", &message.payload(), &Some(format!("value {number}").as_bytes()))?;
        let headers = message.headers().ok_or("no headers")?;
        let found: Vec<(&str, Option<&[u8]>)> = headers.iter().map(|header| (header.key, header.value)).collect();
        same("headers", &found, &vec![("a", Some(&b"x"[..])), ("b", None)])?;
    }
    Ok(())
}

fn codecs(setup: &Setup) -> Outcome {
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = setup.topic(codec);
        setup.fill(&topic, 500, &[("compression.type", codec), ("linger.ms", "20")])?;
        all_there(&setup.read(&topic, Offset::Beginning, 500)?).map_err(|error| format!("{codec}: {error}"))?;
    }
    Ok(())
}

fn idempotent(setup: &Setup) -> Outcome {
    let topic = setup.topic("idempotent");
    setup.fill(&topic, 2000, &[("enable.idempotence", "true"), ("batch.num.messages", "7"), ("linger.ms", "0")])?;
    all_there(&setup.read(&topic, Offset::Beginning, 2000)?)
}

fn large(setup: &Setup) -> Outcome {
    let topic = setup.topic("large");
    let more = [("message.max.bytes", "10000000"), ("batch.num.messages", "1")];
    let values = [vec![1; 1_000_000], vec![2; 1_100_000], vec![3; 1_000_000]];
    let delivered = setup.send(&topic, &values, &more)?;
    let refused: Vec<_> = delivered.iter().filter_map(|one| one.as_ref().err()?.rdkafka_error_code()).collect();
    same("refused", &refused, &vec![RDKafkaErrorCode::MessageSizeTooLarge])?;
    let read = setup.read(&topic, Offset::Beginning, 2)?;
    let sizes: HashMap<i64, usize> = read.iter().map(|one| (one.offset(), one.payload().map_or(0, <[u8]>::len))).collect();
    same("sizes", &sizes, &HashMap::from([(0, 1_000_000), (1, 1_000_000)]))
}

fn by_time(setup: &Setup) -> Outcome {
    let topic = setup.topic("time");
    setup.fill(&topic, 10, &[])?;
    let consumer = setup.consumer("unused")?;
    let mut asked = TopicPartitionList::new();
    asked.add_partition_offset(&topic, 0, Offset::Offset(TIME_MS + 4500))?;
    let found = consumer.offsets_for_times(asked, DEADLINE)?;
    let found = found.find_partition(&topic, 0).ok_or("no answer")?.offset();
    same("by time", &found, &Offset::Offset(5))?;
    same("watermarks", &consumer.fetch_watermarks(&topic, 0, DEADLINE)?, &(0, 10))?;
    let messages = setup.read(&topic, found, 5)?;
    same("first from there", &messages[0].payload(), &Some(&b"value 5"[..]))
}

fn group(setup: &Setup) -> Outcome {
    let (topic, group) = (setup.topic("group"), format!("{}-group", setup.topic("group")));
    setup.fill(&topic, 20, &[])?;
    let first = setup.consumer(&group)?;
    first.subscribe(&[&topic])?;
    take(&first, 12)?;
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset(&topic, 0, Offset::Offset(12))?;
    first.commit(&offsets, CommitMode::Sync)?;
    drop(first);
    let second = setup.consumer(&group)?;
    second.subscribe(&[&topic])?;
    let rest = take(&second, 8)?;
    same("goes on at", &rest[0].offset(), &12)?;
    let committed = second.committed(DEADLINE)?;
    same("committed", &committed.find_partition(&topic, 0).ok_or("no answer")?.offset(), &Offset::Offset(12))
}
