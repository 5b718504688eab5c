//! What the clients of the stage do: producers, readers, and one that deletes records; and what each answer must be.

use core::time::Duration;

use broker::TopicPartition;
use broker::shard::{FetchAnswer, RequestToken, ShardAnswer};
use bytes::Bytes;
use driver::shard_loop::ShardReply;
use storage::kafka::FileRange;

use super::host::{produced, stored};
use super::producers::Sent;
use super::scene::{Event, Pending, Phase, Scene};
use crate::check::compaction_keeps_last::{self as compaction, Seen};
use crate::check::idempotent_producers::{self as idempotent, Due, OUT_OF_ORDER};
use crate::check::log_holds_flushed::{self as holds, Batch};
use crate::check::{Checked, Violation, full_disk_passes, log_start_ascends};
use crate::disk::SimFile;

/// Producers of each partition.
const PRODUCERS: u64 = 3;

/// A batch on its way to the broker.
pub struct Delivery {
    life: usize,
    partition: TopicPartition,
    producer: i64,
    connection: u64,
    sent: Sent,
}

impl Scene {
    fn open_partition(&mut self) -> Option<TopicPartition> {
        let name = self.kernel.prng.pick(&self.partitions)?.clone();
        // After the faults the logs are read back and nothing is added.
        let open = self.faulty && self.host.is_some() && !self.stopping && self.expected[&name].phase == Phase::Open;
        open.then_some(name)
    }

    /// How the disk is just now.
    fn disk_now(&self) -> full_disk_passes::Disk {
        full_disk_passes::Disk { full: self.disk.is_full(), harmed: self.is_harmed() || self.stopping }
    }

    /// A producer has something to say, or its connection ends.
    pub(super) fn produce(&mut self) -> Checked {
        self.again(100, Event::Produce);
        let Some(name) = self.open_partition() else { return Ok(()) };
        let now_ms = self.kernel.now().wall_ms;
        let compacted = self.config.cleanup_compact;
        let prng = &mut self.kernel.prng;
        let (count, producer) = (prng.between(1, 10), prng.below(PRODUCERS) as i64);
        if prng.chance(1, 30) {
            self.coverage.hit("a connection ended");
            return self.send_again(&name, producer);
        }
        let client = self.expected.get_mut(&name).expect("known").producers.entry(producer).or_default();
        let Some(sequence) = client.next_sequence() else { return Ok(()) };
        let mut record = || match compacted {
            true => (Some(prng.below(20) as u8), !prng.chance(1, 6)),
            false => (None, true),
        };
        let records: Vec<_> = (0..count).map(|_| record()).collect();
        let mut value = vec![0; prng.between(1, self.value_bytes_max) as usize];
        prng.fill(&mut value);
        let bytes = produced(&records, (producer, sequence), now_ms, &value);
        self.operations += 1;
        self.kernel.note("produce", &[count, producer as u64], &[]);
        let sent = Sent { bytes, count: count as i64, sequence };
        client.send(sent.clone());
        self.put_on_the_way(&name, producer, sent);
        Ok(())
    }

    fn put_on_the_way(&mut self, name: &TopicPartition, producer: i64, sent: Sent) {
        let now = self.kernel.mono();
        let client = self.expected.get_mut(name).expect("known").producers.get_mut(&producer).expect("it sends");
        let (at, connection) = (client.delivery(now, &mut self.kernel.prng, self.delivery_us), client.connection());
        let delivery = Delivery { life: self.life, partition: name.clone(), producer, connection, sent };
        self.kernel.at(at, Event::Deliver(Box::new(delivery)));
    }

    /// A new connection, and everything that was not answered once more.
    pub(super) fn send_again(&mut self, name: &TopicPartition, producer: i64) -> Checked {
        let now = self.kernel.mono();
        let client = self.expected.get_mut(name).expect("known").producers.entry(producer).or_default();
        for sent in client.reconnect(now) {
            self.put_on_the_way(name, producer, sent);
        }
        Ok(())
    }

    /// A batch arrives.
    pub(super) fn deliver(&mut self, delivery: Delivery) -> Checked {
        let Delivery { life, partition, producer, connection, sent } = delivery;
        // Connections end with the broker's life.
        if life != self.life || self.host.is_none() || self.stopping || self.expected[&partition].phase != Phase::Open {
            return Ok(());
        }
        let current = self.expected[&partition].producers[&producer].connection() == connection;
        // An ended connection loses half of what it carried.
        if !current && self.kernel.prng.chance(1, 2) {
            return Ok(());
        }
        if !current {
            self.coverage.hit("a batch of an ended connection arrived");
        }
        let host = self.host.as_mut().expect("looked at above");
        let (token, input) = host.produce(&partition, sent.bytes.clone());
        self.pending.insert(token, Pending::Produce { partition, producer, connection, sent });
        self.turn(Some(input))
    }

    pub(super) fn fetch(&mut self) -> Checked {
        self.again(400, Event::Fetch);
        self.check_again()?;
        let Some(name) = self.open_partition() else { return Ok(()) };
        let host = self.host.as_mut().expect("open means alive");
        let Some(led) = host.shard().partition(&name) else { return Ok(()) };
        let (start, end) = (led.log_start_offset(), led.high_watermark());
        self.start_seen(&name, start)?;
        if start >= end {
            return Ok(());
        }
        let from = self.kernel.prng.between(start as u64, end as u64 - 1) as i64;
        self.operations += 1;
        let host = self.host.as_mut().expect("open means alive");
        if !self.config.cleanup_compact && self.kernel.prng.chance(1, 40) {
            self.kernel.note("delete records", &[from as u64], &[]);
            self.coverage.hit("records were deleted");
            let (token, input) = host.delete_records(&name, from);
            let expected = self.expected.get_mut(&name).expect("known");
            expected.deleted_to = expected.deleted_to.max(from);
            self.pending.insert(token, Pending::DeleteRecords { partition: name, from });
            return self.turn(Some(input));
        }
        let bytes_max = self.kernel.prng.between(1, 8000) as u32;
        self.kernel.note("fetch", &[from as u64, u64::from(bytes_max)], &[]);
        let (token, input) = host.fetch(&name, from, bytes_max);
        self.pending.insert(token, Pending::Fetch { partition: name, from });
        self.turn(Some(input))
    }

    /// Where a log starts just now.
    fn start_seen(&mut self, name: &TopicPartition, start: i64) -> Checked {
        let expected = self.expected.get_mut(name).expect("known");
        log_start_ascends::ASCENDS.require(start >= expected.start, || {
            format!("{name} starts at {start}, before it started at {}", expected.start)
        })?;
        if start > expected.start.max(expected.deleted_to) && self.config.retention_bytes > 0 {
            self.coverage.hit("retention deleted segments");
            log_start_ascends::retained(&expected.batches, start, self.config.retention_bytes)?;
        }
        expected.start = start;
        Ok(())
    }

    pub(super) fn reply(&mut self, token: RequestToken, reply: ShardReply<SimFile>) -> Checked {
        match (self.pending.remove(&token), reply) {
            (Some(Pending::Produce { partition, producer, connection, sent }), ShardReply::Answer(answer)) => {
                self.produce_answered(&partition, producer, connection, &sent, &answer)
            }
            (Some(Pending::DeleteRecords { partition, from }), ShardReply::Answer(answer)) => {
                let ShardAnswer::DeleteRecords(answers) = answer else { return Ok(()) };
                let (error, start) = (answers[0].error_code, answers[0].low_watermark);
                log_start_ascends::ASCENDS.require(error == 0 && start >= from, || {
                    format!("{partition}: deleting up to {from} is answered with error {error}, start {start}")
                })
            }
            (Some(Pending::Fetch { partition, from }), ShardReply::Fetch(answers)) => {
                let error = answers.first().map_or(0, |(answer, _)| answer.error_code);
                full_disk_passes::fetched(self.disk_now(), error)?;
                if self.disk.is_full() && error == 0 {
                    self.coverage.hit("a fetch was served while the disk was full");
                }
                let read = read_of(&answers);
                read.map_or(Ok(()), |read| self.compare(&partition, from, &read, None).map(|_| ()))
            }
            (Some(Pending::Check { partition, from }), ShardReply::Fetch(answers)) => match read_of(&answers) {
                Some(read) => {
                    let mut seen = core::mem::take(&mut self.expected.get_mut(&partition).expect("known").seen);
                    let next = self.compare(&partition, from, &read, Some(&mut seen))?;
                    let expected = self.expected.get_mut(&partition).expect("known");
                    (expected.phase, expected.seen) = (Phase::Checking(next), seen);
                    self.check_on(&partition)
                }
                None if self.config.cleanup_compact && is_empty(&answers) => {
                    // Whatever followed is compacted away.
                    self.expected.get_mut(&partition).expect("known").phase = Phase::Checking(i64::MAX);
                    self.check_on(&partition)
                }
                None => self.check_failed(&partition, from),
            },
            _ => Ok(()),
        }
    }

    /// Nothing was read at `from`: retention has moved on meanwhile, or the disk fails, or the log is not whole.
    fn check_failed(&mut self, name: &TopicPartition, from: i64) -> Checked {
        let led = self.host.as_ref().and_then(|host| host.shard().partition(name));
        let start = led.map_or(from, |led| led.log_start_offset());
        if start > from {
            self.expected.get_mut(name).expect("known").phase = Phase::Checking(start);
            return self.check_on(name);
        }
        holds::WHOLE.require(self.is_harmed(), || format!("{name}: nothing to be read at {from} after recovery"))
    }

    fn produce_answered(
        &mut self,
        name: &TopicPartition,
        producer: i64,
        connection: u64,
        sent: &Sent,
        answer: &ShardAnswer,
    ) -> Checked {
        let ShardAnswer::Produce(answers) = answer else { return Ok(()) };
        let (error, base) = (answers[0].error_code, answers[0].base_offset);
        self.kernel.note("produced", &[error as u64, base as u64, sent.sequence as u64], &[]);
        let disk = self.disk_now();
        full_disk_passes::produced(disk, error)?;
        let expected = self.expected.get_mut(name).expect("every partition is expected");
        let end = expected.end();
        let (first, last) = (sent.sequence, sent.last_sequence());
        let bytes = stored(&sent.bytes, end, self.life as i32);
        let batch = Batch { base: end, next: end + sent.count, bytes, producer: (producer, last), lost: false };
        if error == full_disk_passes::STORAGE_ERROR {
            // A disk that failed may hold it nevertheless; one that is full must not.
            if disk.harmed {
                expected.maybe.get_or_insert(batch);
            } else {
                self.coverage.hit("a batch found no room");
            }
            self.retry_later(name, producer, connection);
            return Ok(());
        }
        let client = expected.producers.get_mut(&producer).expect("it has sent something");
        let due = match client.ledger.due(first, last) {
            // Compaction takes whole batches, and a broker that starts again knows older ones instead.
            Due::Refused if error == 0 && self.config.cleanup_compact => {
                let same = |batch: &&Batch| batch.base == base && batch.producer == (producer, last);
                let known = expected.batches.iter().rfind(same);
                known.map_or(Due::Refused, |batch| Due::MaybeDuplicate(batch.base))
            }
            due => due,
        };
        holds::WHOLE.require(error == 0 || error == OUT_OF_ORDER, || format!("{name}: refused with error {error}"))?;
        idempotent::answered(due, end, error, base).map_err(|mut violation| {
            violation.detail = format!("{name}, producer {producer}, sequence {first}: {}", violation.detail);
            violation
        })?;
        if due == Due::Append {
            expected.maybe = None;
            client.ledger.appended(base, first, last);
            expected.batches.push(batch);
        }
        let what = match due {
            Due::Append => "a batch was appended",
            Due::Duplicate(_) | Due::MaybeDuplicate(_) => "a batch came twice",
            Due::Refused => "a batch came out of order",
        };
        self.coverage.hit(what);
        if connection != client.connection() {
            return Ok(());
        }
        // Some answers do not reach their producer.
        let lost = self.kernel.prng.chance(1, 40);
        match due {
            Due::Refused => self.retry_later(name, producer, connection),
            _ if lost => self.retry_later(name, producer, connection),
            _ => client.heard(first),
        }
        Ok(())
    }

    /// The producer tries again after a pause, unless it does so already.
    fn retry_later(&mut self, name: &TopicPartition, producer: i64, connection: u64) {
        let pause = Duration::from_micros(self.kernel.prng.between(200, 2000));
        let again = Event::SendAgain { life: self.life, partition: name.clone(), producer, connection };
        self.kernel.after(pause, again);
    }

    /// See [`Scene::retry_later`].
    pub(super) fn retry(&mut self, life: usize, name: &TopicPartition, producer: i64, connection: u64) -> Checked {
        let expected = &self.expected[name];
        let same = expected.producers.get(&producer).is_some_and(|client| client.connection() == connection);
        if same && life == self.life && expected.phase == Phase::Open && !self.stopping {
            return self.send_again(name, producer);
        }
        Ok(())
    }

    /// What was read from `from` on is what was appended there; returns the offset behind its last whole batch. `seen`
    /// collects what a check after a recovery reads.
    fn compare(
        &self,
        name: &TopicPartition,
        from: i64,
        read: &Bytes,
        seen: Option<&mut Seen>,
    ) -> Result<i64, Violation> {
        let batches = &self.expected[name].batches;
        if self.config.cleanup_compact {
            return compaction::read(batches, from, read, seen.unwrap_or(&mut Seen::default()));
        }
        let property = if seen.is_some() { &holds::WHOLE } else { &holds::READS };
        let first = batches.partition_point(|batch| batch.next <= from);
        let (mut rest, mut next) = (&read[..], from);
        for batch in &batches[first..] {
            let shared = rest.len().min(batch.bytes.len());
            property.require(rest[..shared] == batch.bytes[..shared], || {
                format!("{name}: what is read at {} (from {from}) is not what was appended there", batch.base)
            })?;
            if shared < batch.bytes.len() {
                break;
            }
            (rest, next) = (&rest[shared..], batch.next);
        }
        property.require(next > from, || format!("{name}: no whole batch is read at {from}, {} bytes", read.len()))?;
        Ok(next)
    }
}

type Answered = [(FetchAnswer, Option<FileRange<SimFile>>)];

/// The bytes of a fetch of one partition, if it was granted and readable.
fn read_of(answers: &Answered) -> Option<Bytes> {
    let (answer, range) = answers.first()?;
    let read = range.as_ref().filter(|_| answer.error_code == 0)?.read_bytes().ok()?;
    (!read.is_empty()).then_some(read)
}

/// Whether a fetch was granted and there was nothing to read.
fn is_empty(answers: &Answered) -> bool {
    let granted = answers.first().filter(|(answer, _)| answer.error_code == 0);
    granted.is_some_and(|(_, range)| range.as_ref().is_none_or(|range| range.is_empty()))
}

/// What `cargo xtask sim broker` must come through.
pub fn expected() -> Vec<String> {
    let moments = [
        "a batch came out of order",
        "a batch came twice",
        "a batch found no room",
        "a batch of an ended connection arrived",
        "a batch was appended",
        "a connection ended",
        "a fetch was served while the disk was full",
        "a log came to another folder",
        "a log was compacted",
        "records were deleted",
        "retention deleted segments",
    ];
    let faults = ["PowerLoss", "Kill", "DiskError", "DiskFull", "CleanStop"];
    moments.iter().map(ToString::to_string).chain(faults.iter().map(|fault| format!("fault {fault}"))).collect()
}
