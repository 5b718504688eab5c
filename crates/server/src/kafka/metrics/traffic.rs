//! Records and bytes by topic (`BrokerTopicStats`, `BrokerTopicMetrics`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use arc_swap::ArcSwap;
use base::Str;
use broker::log::BatchHeader;
use broker::metadata_cache::MetadataImage;
use broker::{TopicId, error};
use bytes::Bytes;
use kafka_wire::messages as wire;
use kafka_wire::records::legacy;

/// Everything about topics.
#[derive(Default)]
pub struct Traffic {
    /// All of them, also those that are gone.
    pub all: Topic,
    by_name: ArcSwap<BTreeMap<Str, Arc<Topic>>>,
}

/// One topic's numbers, or those of all.
#[derive(Default)]
pub struct Topic {
    /// Records appended; of compressed message sets the messages that hold them.
    pub messages_in: AtomicU64,
    /// Bytes of what was appended, as it came.
    pub bytes_in: AtomicU64,
    /// Bytes of records in answers to fetches.
    pub bytes_out: AtomicU64,
    /// Bytes of what was refused for its size.
    pub bytes_rejected: AtomicU64,
    /// Partitions in produce requests.
    pub produces: AtomicU64,
    /// Those that failed.
    pub produces_failed: AtomicU64,
    /// Partitions in fetch requests that were answered.
    pub fetches: AtomicU64,
    /// Those that failed.
    pub fetches_failed: AtomicU64,
    /// Batches with a wrong checksum.
    pub crcs_invalid: AtomicU64,
}

/// What a produce request carries for each partition, in its order.
pub struct Carried(Vec<(Str, Vec<(u64, u64)>)>);

impl Carried {
    /// Looks at the batches' headers.
    pub fn by(request: &wire::ProduceRequest) -> Self {
        let partition = |data: &wire::ProduceRequestPartitionData| {
            let records = data.records.clone().unwrap_or_default();
            (records.len() as u64, messages(&records))
        };
        let topic = |topic: &wire::ProduceRequestTopicData| {
            (topic.name.clone(), topic.partition_data.iter().map(partition).collect())
        };
        Self(request.topic_data.iter().map(topic).collect())
    }
}

fn messages(records: &Bytes) -> u64 {
    match BatchHeader::parse(records) {
        Ok(header) => u64::try_from(header.record_count).unwrap_or(0),
        Err(_) => legacy::sizes(records).count() as u64,
    }
}

impl Traffic {
    /// What was produced, and what became of it: the error code of each partition, in the request's order.
    pub fn produced(&self, image: &MetadataImage, carried: &Carried, errors: impl IntoIterator<Item = i16>) {
        let mut errors = errors.into_iter();
        for (name, partitions) in &carried.0 {
            let topic = self.topic(image, name);
            for (bytes, messages) in partitions {
                let error = errors.next().unwrap_or(error::NONE);
                for counted in [Some(&self.all), topic.as_deref()].into_iter().flatten() {
                    counted.on_produced(error, *bytes, *messages);
                }
            }
        }
    }

    /// What a fetch is answered.
    pub fn fetched(&self, image: &MetadataImage, response: &wire::FetchResponse) {
        for answered in &response.responses {
            // Since version 13 topics have ids in the place of names.
            let named = image.topic_name(TopicId(answered.topic_id.0)).filter(|_| answered.topic.is_empty());
            let topic = self.topic(image, named.unwrap_or(&answered.topic));
            for partition in &answered.partitions {
                for counted in [Some(&self.all), topic.as_deref()].into_iter().flatten() {
                    counted.fetches.fetch_add(1, Relaxed);
                    counted.bytes_out.fetch_add(partition.records.len() as u64, Relaxed);
                    counted.fetches_failed.fetch_add(u64::from(partition.error_code != error::NONE), Relaxed);
                }
            }
        }
    }

    /// Topics by name; those that are gone are forgotten.
    pub fn by_name(&self, image: &MetadataImage) -> Arc<BTreeMap<Str, Arc<Topic>>> {
        let known = self.by_name.load_full();
        if known.keys().all(|name| image.topics.contains_key(name)) {
            return known;
        }
        self.by_name.rcu(|known| {
            let there = known.iter().filter(|(name, _)| image.topics.contains_key(*name));
            there.map(|(name, topic)| (name.clone(), topic.clone())).collect::<BTreeMap<_, _>>()
        });
        self.by_name.load_full()
    }

    /// The topic's numbers; none for a name that a client made up.
    fn topic(&self, image: &MetadataImage, name: &Str) -> Option<Arc<Topic>> {
        if let Some(topic) = self.by_name.load().get(name) {
            return Some(topic.clone());
        }
        let (name, _) = image.topics.get_key_value(name)?;
        let new = Arc::new(Topic::default());
        self.by_name.rcu(|known| {
            let mut with = BTreeMap::clone(known);
            with.entry(name.clone()).or_insert_with(|| new.clone());
            with
        });
        self.by_name.load().get(name).cloned()
    }
}

impl Topic {
    fn on_produced(&self, error: i16, bytes: u64, messages: u64) {
        self.produces.fetch_add(1, Relaxed);
        if error == error::NONE {
            self.bytes_in.fetch_add(bytes, Relaxed);
            self.messages_in.fetch_add(messages, Relaxed);
            return;
        }
        self.produces_failed.fetch_add(1, Relaxed);
        match error {
            error::MESSAGE_TOO_LARGE => self.bytes_rejected.fetch_add(bytes, Relaxed),
            error::CORRUPT_MESSAGE => self.crcs_invalid.fetch_add(1, Relaxed),
            _ => 0,
        };
    }
}

#[cfg(test)]
mod tests {
    use broker::metadata_cache::TopicImage;
    use kafka_wire::records::{BatchBuilder, Compression, NewRecord};

    use super::*;

    fn image(names: &[&str]) -> MetadataImage {
        let topic = |name: &&str| (Str::from(*name), Arc::new(TopicImage::default()));
        MetadataImage { topics: names.iter().map(topic).collect(), ..Default::default() }
    }

    fn request(names: &[&str]) -> wire::ProduceRequest {
        let mut builder = BatchBuilder::new(Compression::None);
        (0..3).for_each(|_| builder.add(NewRecord { value: Some(b"v"), ..Default::default() }));
        let batch = builder.finish();
        let topic = |name: &&str| wire::ProduceRequestTopicData {
            name: Str::from(*name),
            partition_data: vec![wire::ProduceRequestPartitionData { index: 0, records: Some(batch.clone()) }],
        };
        wire::ProduceRequest { topic_data: names.iter().map(topic).collect(), ..Default::default() }
    }

    #[test]
    fn produced_records_are_counted_by_topic() {
        let (traffic, image) = (Traffic::default(), image(&["a", "b"]));
        let carried = Carried::by(&request(&["a", "b", "made-up"]));
        traffic.produced(&image, &carried, [error::NONE, error::MESSAGE_TOO_LARGE, error::UNKNOWN_TOPIC_OR_PARTITION]);
        let by_name = traffic.by_name(&image);
        assert_eq!(by_name.keys().map(|name| &**name).collect::<Vec<_>>(), ["a", "b"]);
        let of = |topic: &Topic| {
            [&topic.messages_in, &topic.produces, &topic.produces_failed].map(|count| count.load(Relaxed))
        };
        assert_eq!([of(&traffic.all), of(&by_name["a"]), of(&by_name["b"])], [[3, 3, 2], [3, 1, 0], [0, 1, 1]]);
        let bytes = traffic.all.bytes_in.load(Relaxed);
        assert_eq!((bytes, by_name["b"].bytes_rejected.load(Relaxed)), (by_name["a"].bytes_in.load(Relaxed), bytes));
    }

    #[test]
    fn a_topic_that_is_gone_is_forgotten() {
        let traffic = Traffic::default();
        traffic.produced(&image(&["a"]), &Carried::by(&request(&["a"])), [error::NONE]);
        assert!(traffic.by_name(&image(&[])).is_empty());
        assert_eq!(traffic.all.messages_in.load(Relaxed), 3, "all topics remember");
    }
}
