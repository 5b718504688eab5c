//! A shard alone: events in, effects out.

use std::sync::Arc;

use base::{Instant, Now, Prng};
use broker::coordinator::group::GroupConfig;
use broker::log::inspection::Inspection;
use broker::shard::{
    AppendTag, CodedError, CompressionType, Effect, FetchPartition, FetchRequest, LeadPartition, ListOffset, LogConfig,
    OpenedLog, ProduceAnswer, ProducePartition, ProduceRequest, RequestToken, Shard, ShardAnswer, ShardCommand,
    ShardConfig, ShardEvent, ShardNotice, ShardRequest,
};
use broker::{TopicId, TopicPartition};
use bytes::Bytes;
use kafka_wire::records::{BatchBuilder, Compression, NewRecord, TimestampType, legacy};

struct Bench {
    shard: Shard,
    now: Now,
}

fn id(topic: &str) -> TopicPartition {
    TopicPartition::new(topic, 0)
}

fn batch(records: usize) -> Bytes {
    let mut builder = BatchBuilder::new(Compression::None);
    for _ in 0..records {
        builder.add(NewRecord { timestamp: 1000, key: Some(b"k"), value: Some(b"v"), headers: &[] });
    }
    builder.finish()
}

impl Bench {
    fn new() -> Self {
        let config = ShardConfig { group: GroupConfig::default() };
        Self { shard: Shard::new(config, Prng::new(1)), now: Now { mono: Instant::ZERO, wall_ms: 5000 } }
    }

    /// Leads a partition with these replicas, all in sync, whose log is empty.
    fn leading(topic: &str, replicas: &[i32]) -> Self {
        let mut bench = Self::new();
        bench.lead(topic, replicas, 0);
        bench.step(ShardEvent::Opened { partition: id(topic), result: Ok(Box::new(OpenedLog::empty())) });
        bench
    }

    fn lead(&mut self, topic: &str, replicas: &[i32], leader_epoch: i32) -> Vec<Effect> {
        self.step(ShardEvent::Command(ShardCommand::LeadPartition(Box::new(LeadPartition {
            partition: id(topic),
            topic_id: TopicId([1; 16]),
            broker_id: 1,
            controller_epoch: 1,
            leader_epoch,
            partition_epoch: 0,
            replicas: replicas.to_vec(),
            isr: replicas.to_vec(),
            is_new: true,
            config: Arc::new(LogConfig::default()),
        }))))
    }

    fn step(&mut self, event: ShardEvent) -> Vec<Effect> {
        let mut effects = Vec::new();
        self.shard.step(self.now, event, &mut effects);
        effects
    }

    fn at(&mut self, ms: u64) -> &mut Self {
        self.now.mono = Instant::from_millis(ms);
        self
    }

    fn produce(&mut self, token: u64, topic: &str, acks: i16, records: Bytes) -> Vec<Effect> {
        let partitions = vec![ProducePartition { position: 0, partition: id(topic), records }];
        let request = ProduceRequest { version: 9, acks, timeout_ms: 1000, internal_topics_allowed: false, partitions };
        self.step(ShardEvent::Request { token: RequestToken(token), request: ShardRequest::Produce(request) })
    }

    fn appended(&mut self, token: u64, topic: &str, last_offset: i64) -> Vec<Effect> {
        self.step(ShardEvent::Appended {
            partition: id(topic),
            tag: AppendTag::Request(RequestToken(token)),
            last_offset,
            result: Ok(()),
        })
    }

    fn fetch(&mut self, token: u64, replica_id: i32, fetch_offset: i64, bytes_min: u64) -> Vec<Effect> {
        let partition = FetchPartition {
            position: 0,
            partition: id("t"),
            fetch_offset,
            current_leader_epoch: -1,
            last_fetched_epoch: -1,
            log_start_offset: 0,
            bytes_max: 1000,
        };
        let request = FetchRequest {
            version: 12,
            replica_id,
            replica_epoch: -1,
            bytes_min,
            bytes_max: 10_000,
            wait_ms_max: 500,
            read_committed: false,
            partitions: vec![partition],
        };
        self.step(ShardEvent::Request { token: RequestToken(token), request: ShardRequest::Fetch(request) })
    }
}

/// The answer to a produce, if there is one among the effects.
fn produced(effects: &[Effect]) -> Option<&ProduceAnswer> {
    effects.iter().find_map(|effect| match effect {
        Effect::Reply { answer: ShardAnswer::Produce(answers), .. } => answers.first(),
        _ => None,
    })
}

/// The error code of each produce that is answered.
fn errors_of(effects: &[Effect]) -> Vec<i16> {
    let produced = effects.iter().filter_map(|effect| match effect {
        Effect::Reply { answer: ShardAnswer::Produce(answers), .. } => answers.first(),
        _ => None,
    });
    produced.map(|answer| answer.error_code).collect()
}

fn plan_of(effects: &[Effect]) -> Option<(u64, i64, i64)> {
    effects.iter().find_map(|effect| match effect {
        Effect::PlanFetch { token, reads, .. } => Some((token.0, reads[0].offset, reads[0].end_offset)),
        _ => None,
    })
}

#[test]
fn a_partition_is_opened_and_then_led() {
    let mut bench = Bench::new();
    let effects = bench.lead("t", &[1], 0);
    assert!(matches!(&effects[..], [Effect::Open { leader_epoch: 0, is_new: true, .. }]), "{effects:?}");
    assert_eq!(produced(&bench.produce(1, "t", 1, batch(1))).map(|a| a.error_code), Some(6), "not leading yet");
    let opened = bench.step(ShardEvent::Opened { partition: id("t"), result: Ok(Box::new(OpenedLog::empty())) });
    let [Effect::SaveEpochs(saved), Effect::Notify(notice)] = &opened[..] else { panic!("{opened:?}") };
    assert_eq!(saved, &id("t"), "the epoch began while the log was being opened");
    assert_eq!(notice, &ShardNotice::Leading { partition: id("t"), leader_epoch: 0 });
}

#[test]
fn acks_1_is_answered_by_the_log_alone() {
    let mut bench = Bench::leading("t", &[1, 2]);
    let effects = bench.produce(7, "t", 1, batch(3));
    let [Effect::Append { partition, tag: AppendTag::Request(RequestToken(7)), append }] = &effects[..] else {
        panic!("{effects:?}")
    };
    assert_eq!((partition, append.header.base_offset, append.header.last_offset()), (&id("t"), 0, 2));
    let done = bench.appended(7, "t", 2);
    let answer = produced(&done).expect("answered");
    assert_eq!((answer.error_code, answer.base_offset, answer.log_append_time_ms), (0, 0, -1));
}

#[test]
fn acks_all_waits_for_the_follower_whose_fetch_is_the_acknowledgement() {
    let mut bench = Bench::leading("t", &[1, 2]);
    bench.produce(7, "t", -1, batch(3));
    assert_eq!(produced(&bench.appended(7, "t", 2)), None, "the follower has nothing");
    assert_eq!(produced(&bench.fetch(8, 2, 0, 1)), None, "it asks from the start");
    let effects = bench.fetch(9, 2, 3, 1);
    assert_eq!(produced(&effects).map(|answer| (answer.error_code, answer.base_offset)), Some((0, 0)), "{effects:?}");
    assert_eq!(bench.shard.partition(&id("t")).map(|p| p.high_watermark()), Some(3));
}

#[test]
fn acks_all_times_out() {
    let mut bench = Bench::leading("t", &[1, 2]);
    bench.produce(7, "t", -1, batch(1));
    bench.appended(7, "t", 0);
    assert_eq!(bench.shard.deadline(), Some(Instant::from_millis(1000)));
    assert_eq!(produced(&bench.at(999).step(ShardEvent::Tick)), None);
    let late = bench.at(1000).step(ShardEvent::Tick);
    assert_eq!(produced(&late).map(|answer| answer.error_code), Some(7));
    assert_eq!(bench.shard.deadline(), None);
}

#[test]
fn a_failed_append_is_a_storage_error() {
    let mut bench = Bench::leading("t", &[1]);
    bench.produce(7, "t", -1, batch(1));
    let failed = bench.step(ShardEvent::Appended {
        partition: id("t"),
        tag: AppendTag::Request(RequestToken(7)),
        last_offset: 0,
        result: Err("disk on fire".into()),
    });
    assert_eq!(produced(&failed).map(|answer| answer.error_code), Some(56));
    let offline = bench.step(ShardEvent::LogDirFailed {
        log_dir: "/d".into(),
        reason: "disk on fire".into(),
        partitions: vec![id("t")],
    });
    assert!(matches!(&offline[..], [Effect::Notify(ShardNotice::LogDirOffline { .. })]), "{offline:?}");
    assert_eq!(produced(&bench.produce(8, "t", 1, batch(1))).map(|answer| answer.error_code), Some(56));
}

#[test]
fn what_is_refused_changes_nothing() {
    let mut bench = Bench::leading("t", &[1]);
    let mut torn = batch(2).to_vec();
    torn.truncate(70);
    let cases = [
        (batch(1).slice(..0), 87, "no batch"),
        (torn.into(), 87, "half a batch"),
        ([batch(1), batch(1)].concat().into(), 87, "two batches"),
    ];
    for (records, code, what) in cases {
        let effects = bench.produce(1, "t", 1, records);
        assert_eq!(produced(&effects).map(|answer| answer.error_code), Some(code), "{what}");
    }
    assert_eq!(produced(&bench.produce(2, "elsewhere", 1, batch(1))).map(|answer| answer.error_code), Some(6));
    bench.produce(3, "t", 1, batch(1));
    assert_eq!(produced(&bench.appended(3, "t", 0)).map(|answer| answer.base_offset), Some(0));
}

/// What an effect wants inspected.
fn inspection(effects: &mut Vec<Effect>) -> (u64, Inspection) {
    match effects.pop() {
        Some(Effect::Inspect { ticket, inspection, .. }) => (ticket, inspection),
        other => panic!("{other:?}"),
    }
}

fn first_offset(effects: &[Effect], of: u64) -> Option<i64> {
    effects.iter().find_map(|effect| match effect {
        Effect::Append { tag: AppendTag::Request(RequestToken(token)), append, .. } if *token == of => {
            Some(append.header.base_offset)
        }
        _ => None,
    })
}

#[test]
fn batches_behind_an_inspection_keep_their_order() {
    let mut bench = Bench::leading("t", &[1]);
    let config = Arc::new(LogConfig { compression_type: CompressionType::Lz4, ..LogConfig::default() });
    bench.step(ShardEvent::Command(ShardCommand::UpdateConfig { topic: "t".into(), config }));
    let mut packed = BatchBuilder::new(Compression::Lz4);
    packed.add(NewRecord { timestamp: 1, value: Some(b"v"), ..Default::default() });
    let (one_ticket, one) = inspection(&mut bench.produce(1, "t", 1, batch(2)));
    assert!(bench.produce(2, "t", 1, packed.finish()).is_empty(), "needs no look inside, and waits all the same");
    let (three_ticket, three) = inspection(&mut bench.produce(3, "t", 1, batch(3)));
    let done =
        |ticket, inspection: Inspection| ShardEvent::Inspected { partition: id("t"), ticket, result: inspection.run() };
    assert!(bench.step(done(three_ticket, three)).is_empty(), "the first is not back yet");
    let effects = bench.step(done(one_ticket, one));
    assert_eq!([1, 2, 3].map(|token| first_offset(&effects, token)), [Some(0), Some(2), Some(3)]);
    for (token, last_offset) in [(1, 1), (2, 2), (3, 5)] {
        assert_eq!(produced(&bench.appended(token, "t", last_offset)).map(|answer| answer.error_code), Some(0));
    }
    let (ticket, four) = inspection(&mut bench.produce(4, "t", 1, batch(1)));
    let refused = ShardEvent::Inspected { partition: id("t"), ticket, result: Err(CodedError::from(87)) };
    drop(four);
    assert_eq!(produced(&bench.step(refused)).map(|answer| (answer.error_code, answer.base_offset)), Some((87, -1)));
    let stop = ShardCommand::StopPartition { partition: id("t"), leader_epoch: 1, delete: true };
    let (ticket, five) = inspection(&mut bench.produce(5, "t", 1, batch(1)));
    bench.step(ShardEvent::Command(stop));
    assert_eq!(produced(&bench.step(done(ticket, five))).map(|answer| answer.error_code), Some(6));
}

#[test]
fn old_producers_bring_message_sets() {
    let mut bench = Bench::leading("t", &[1]);
    let message = legacy::encode(0, 9, -1, TimestampType::Create, None, Some(b"v"));
    let mut produce = |token, version, records| {
        let partitions = vec![ProducePartition { position: 0, partition: id("t"), records }];
        let request = ProduceRequest { version, acks: 1, timeout_ms: 1000, internal_topics_allowed: false, partitions };
        bench.step(ShardEvent::Request { token: RequestToken(token), request: ShardRequest::Produce(request) })
    };
    assert_eq!(produced(&produce(1, 3, message.clone())).map(|answer| answer.error_code), Some(87));
    let nothing = produce(2, 2, Bytes::new());
    assert_eq!(produced(&nothing).map(|answer| (answer.error_code, answer.base_offset)), Some((0, -1)));
    let (ticket, inspection) = inspection(&mut produce(3, 2, message));
    let effects = bench.step(ShardEvent::Inspected { partition: id("t"), ticket, result: inspection.run() });
    assert_eq!(first_offset(&effects, 3), Some(0));
}

#[test]
fn internal_topics_are_for_coordinators() {
    let mut bench = Bench::leading("__consumer_offsets", &[1]);
    let effects = bench.produce(1, "__consumer_offsets", 1, batch(1));
    assert_eq!(produced(&effects).map(|answer| answer.error_code), Some(17));
}

#[test]
fn a_fetch_waits_for_records_and_is_woken() {
    let mut bench = Bench::leading("t", &[1]);
    assert!(bench.fetch(20, -1, 0, 1).is_empty(), "nothing there: parked");
    bench.produce(7, "t", 1, batch(2));
    let effects = bench.appended(7, "t", 1);
    assert_eq!(plan_of(&effects), Some((20, 0, 2)));
    let reply = bench.step(ShardEvent::FetchPlanned { token: RequestToken(20), bytes: 80, failed: Vec::new() });
    let [Effect::FetchReply { answers, .. }] = &reply[..] else { panic!("{reply:?}") };
    assert_eq!((answers[0].error_code, answers[0].high_watermark, answers[0].log_start_offset), (0, 2, 0));
}

#[test]
fn too_few_bytes_wait_on_and_the_deadline_ends_it() {
    let mut bench = Bench::leading("t", &[1]);
    bench.produce(7, "t", 1, batch(2));
    bench.appended(7, "t", 1);
    assert_eq!(plan_of(&bench.fetch(20, -1, 0, 1000)), Some((20, 0, 2)));
    let planned = |bytes| ShardEvent::FetchPlanned { token: RequestToken(20), bytes, failed: Vec::new() };
    let parked = bench.step(planned(80));
    assert!(matches!(&parked[..], [Effect::FetchParked(RequestToken(20))]), "{parked:?}");
    assert_eq!(bench.shard.deadline(), Some(Instant::from_millis(500)));
    let effects = bench.at(500).step(ShardEvent::Tick);
    assert_eq!(plan_of(&effects), Some((20, 0, 2)));
    let reply = bench.step(planned(80));
    assert!(matches!(&reply[..], [Effect::FetchReply { .. }]), "{reply:?}");
}

#[test]
fn a_fetch_with_an_error_does_not_wait() {
    let mut bench = Bench::leading("t", &[1]);
    let effects = bench.fetch(20, -1, 5, 1);
    let [Effect::FetchReply { answers, .. }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((answers[0].error_code, answers[0].high_watermark), (1, -1));
}

#[test]
fn whoever_waits_learns_that_the_partition_is_gone() {
    let mut bench = Bench::leading("t", &[1, 2]);
    bench.produce(7, "t", -1, batch(1));
    bench.appended(7, "t", 0);
    bench.fetch(20, -1, 0, 1);
    let stop = ShardCommand::StopPartition { partition: id("t"), leader_epoch: 1, delete: true };
    let effects = bench.step(ShardEvent::Command(stop));
    assert_eq!(produced(&effects).map(|answer| answer.error_code), Some(6));
    let fetched = effects.iter().find_map(|effect| match effect {
        Effect::FetchReply { answers, .. } => Some(answers[0].error_code),
        _ => None,
    });
    assert_eq!(fetched, Some(6));
    let stopped = Effect::Notify(ShardNotice::Stopped { partition: id("t"), deleted: true });
    assert_eq!(format!("{:?}", effects.last()), format!("{:?}", Some(stopped)));
}

#[test]
fn offsets_by_the_special_questions() {
    let mut bench = Bench::leading("t", &[1]);
    bench.produce(7, "t", 1, batch(4));
    bench.appended(7, "t", 3);
    for (timestamp_ms, code, offset) in [(-1, 0, 4), (-2, 0, 0), (-4, 0, 0), (-5, 0, -1), (-6, 35, -1)] {
        let question = ListOffset {
            position: 0,
            partition: id("t"),
            replica_id: -1,
            read_committed: false,
            current_leader_epoch: -1,
            timestamp_ms,
        };
        let request = ShardRequest::ListOffsets(vec![question]);
        let effects = bench.step(ShardEvent::Request { token: RequestToken(1), request });
        let [Effect::Reply { answer: ShardAnswer::ListOffsets(answers), .. }] = &effects[..] else {
            panic!("{effects:?}")
        };
        assert_eq!((answers[0].error_code, answers[0].offset), (code, offset), "{timestamp_ms}");
    }
}

fn idempotent(sequence: i32, records: usize) -> Bytes {
    let mut builder = BatchBuilder::new(Compression::None).producer(7, 0, sequence);
    for _ in 0..records {
        builder.add(NewRecord { timestamp: 1000, key: None, value: Some(b"v"), headers: &[] });
    }
    builder.finish()
}

impl Bench {
    fn not_appended(&mut self, token: u64, topic: &str, last_offset: i64) -> Vec<Effect> {
        self.step(ShardEvent::Appended {
            partition: id(topic),
            tag: AppendTag::Request(RequestToken(token)),
            last_offset,
            result: Err("no space left on device".into()),
        })
    }

    fn ends(&self) -> (i64, i64, Option<i32>) {
        let led = self.shard.partition(&id("t")).expect("led");
        let last = led.producers().producer(7).map(|entry| entry.last_sequence());
        (led.log_end_offset(), led.producers().end_offset(), last)
    }
}

fn base_offset_of(effects: &[Effect]) -> i64 {
    let append = effects.iter().find_map(|effect| match effect {
        Effect::Append { append, .. } => Some(append.header.base_offset),
        _ => None,
    });
    append.expect("an append")
}

#[test]
fn an_append_that_failed_is_as_if_it_had_never_come() {
    let mut bench = Bench::leading("t", &[1]);
    for batch in 0..6 {
        bench.produce(batch, "t", -1, idempotent(batch as i32 * 2, 2));
        bench.appended(batch, "t", batch as i64 * 2 + 1);
    }
    let before = bench.ends();
    assert_eq!(before, (12, 12, Some(11)));
    let state = bench.shard.partition(&id("t")).expect("led").producers().clone();
    // Two are admitted before the log says of the first that it has no room.
    assert_eq!(base_offset_of(&bench.produce(10, "t", -1, idempotent(12, 3))), 12);
    assert_eq!(base_offset_of(&bench.produce(11, "t", -1, idempotent(15, 1))), 15);
    assert_eq!(errors_of(&bench.not_appended(10, "t", 14)), [56]);
    assert_eq!(errors_of(&bench.not_appended(11, "t", 15)), [56]);
    assert_eq!(bench.ends(), before);
    assert_eq!(
        bench.shard.partition(&id("t")).expect("led").producers(),
        &state,
        "the fifth batch back is known again"
    );
    // The later one alone would be a gap; the earlier one is taken at the offset that it had.
    assert_eq!(errors_of(&bench.produce(12, "t", -1, idempotent(15, 1))), [45]);
    assert_eq!(base_offset_of(&bench.produce(13, "t", -1, idempotent(12, 3))), 12);
    assert_eq!(errors_of(&bench.appended(13, "t", 14)), [0]);
}

#[test]
fn a_duplicate_of_a_batch_that_does_not_get_into_the_log_fails_with_it() {
    for acks in [-1, 1] {
        let mut bench = Bench::leading("t", &[1]);
        bench.produce(1, "t", acks, idempotent(0, 3));
        assert!(errors_of(&bench.produce(2, "t", acks, idempotent(0, 3))).is_empty(), "it waits for the first");
        let effects = bench.not_appended(1, "t", 2);
        assert_eq!(errors_of(&effects), [56, 56], "acks={acks}");
        assert_eq!(bench.ends(), (0, 0, None));
    }
}
