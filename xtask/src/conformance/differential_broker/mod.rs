//! The same requests to Apache's broker and to ours, and every answer compared field by field.
//!
//! A seed decides what is asked; it is printed first, and `DIFFERENTIAL_SEED` repeats a run. Each request goes to both
//! brokers, which stand on a keeper of their own each, before the next one is sent; the version of an API that has
//! succeeded least is asked for next. The bytes are the same but for what a broker has named by itself: topic ids, member
//! ids, producer ids, fetch sessions. `shown.rs` says what is masked and which differences are known.

mod asks;
mod shown;
mod tally;
mod tree;
mod twin;

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail, ensure};
use base::{Prng, Str};
use bytes::Bytes;
use kafka_wire::messages as wire;
use kafka_wire::znodes::{PartitionState, TopicAssignment};
use kafka_wire::{ApiKey, ErrorCode, Uuid};

use self::asks::{AGED, AGED_LEADER_EPOCH, Asks, STILL, TOPICS};
use self::tally::Tally;
use self::tree::Tree;
use self::twin::{APACHE, Ask, OURS, Then, Twin, decode};
use super::servers::{Make, Ports, start_broker_with, start_keeper, stop_cleanly};
use super::zk_client::{ZkClient, open_acl};
use crate::probe;
use crate::process::{Server, wait_for};

const REQUESTS: u64 = 3000;
const REQUESTS_FULL: u64 = 20_000;
const SEED: u64 = 1;
/// After so many differences of different kinds there is no point in going on.
const DIFFERENCES_MAX: usize = 60;
/// Lines of `server.properties`. Records are older than any retention; a second member of a group would be waited for.
const PROPERTIES: &str = "log.retention.ms=-1\nlog.initial.task.delay.ms=86400000\ngroup.max.size=1\n";
/// So many of each kind are shown.
const EXAMPLES: usize = 3;
/// So many of the last requests are told when a broker does not answer.
const RECENT: usize = 20;
/// Partitions of `__consumer_offsets`, by the properties of every broker that is started here.
const OFFSETS_PARTITIONS: i32 = 5;
/// How long a topic may take to be there or gone.
const SETTLED: Duration = Duration::from_secs(20);

/// The run of the gate.
pub fn run(dir: &Path) -> Result<String> {
    compared(dir, REQUESTS, SEED)
}

/// The long run, of a new seed.
pub fn run_full(dir: &Path) -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?;
    compared(dir, REQUESTS_FULL, now.as_secs())
}

fn compared(dir: &Path, requests: u64, seed: u64) -> Result<String> {
    let number = |variable: &str, otherwise: u64| match std::env::var(variable) {
        Ok(value) => value.parse().with_context(|| format!("{variable}={value} is no number")),
        Err(_) => Ok(otherwise),
    };
    let (seed, requests) = (number("DIFFERENTIAL_SEED", seed)?, number("DIFFERENTIAL_REQUESTS", requests)?);
    println!("differential-broker: DIFFERENTIAL_SEED={seed} DIFFERENTIAL_REQUESTS={requests}");
    let (apache, ours) = (Pair::start(Make::Apache, &dir.join("apache"))?, Pair::start(Make::Ours, &dir.join("ours"))?);
    let mut run = Run {
        prng: Prng::new(seed),
        twin: Twin::connect([apache.ports.kafka, ours.ports.kafka], Default::default())?,
        tally: Tally::default(),
        differences: BTreeMap::new(),
        recent: VecDeque::new(),
        requests: BufWriter::new(File::create(dir.join("requests.txt")).context("create requests.txt")?),
    };
    let done = run.all(requests).with_context(|| {
        format!("{}\nours: {}\napache: {}", run.recent(), ours.broker.log_tail(), apache.broker.log_tail())
    });
    if !run.differences.is_empty() {
        let end = done.err().map_or(String::new(), |e| format!("\nand then: {e:#}"));
        bail!("seed {seed}, after {} requests: {}{end}", run.tally.requests(), run.report());
    }
    done?;
    run.tally.check().with_context(|| run.tally.to_string())?;
    ours.stop()?;
    apache.stop()?;
    Ok(run.tally.to_string())
}

/// A broker and its keeper.
struct Pair {
    ports: Ports,
    broker: Server,
    keeper: Server,
}

impl Pair {
    fn start(make: Make, dir: &Path) -> Result<Self> {
        let ports = Ports { zookeeper: probe::free_port()?, kafka: probe::free_port()? };
        let keeper = start_keeper(make, &dir.join("keeper"), ports.zookeeper)?;
        make_aged(ports.zookeeper)?;
        let broker = start_broker_with(make, &dir.join("broker"), ports, PROPERTIES)?;
        Ok(Self { ports, broker, keeper })
    }

    fn stop(self) -> Result<()> {
        stop_cleanly(self.broker)?;
        stop_cleanly(self.keeper)
    }
}

/// Makes the topic [`AGED`] before there is a broker: one whose leader is of an epoch above 0.
fn make_aged(zookeeper: u16) -> Result<()> {
    let topic = TopicAssignment {
        topic_id: Some(Uuid([7; 16])),
        partitions: [(0, vec![0])].into(),
        ..TopicAssignment::default()
    };
    let state = PartitionState {
        leader: 0,
        leader_epoch: AGED_LEADER_EPOCH,
        isr: vec![0],
        controller_epoch: 1,
        recovering: false,
    };
    let mut client = ZkClient::connect(zookeeper)?;
    let topic_path = format!("/brokers/topics/{AGED}");
    let mut path = String::new();
    for part in format!("{topic_path}/partitions/0/state").split('/').skip(1) {
        path = format!("{path}/{part}");
        let data = match part {
            "state" => state.to_json(),
            _ if path == topic_path => topic.to_json(),
            _ => Bytes::new(),
        };
        client.create(&path, &data, 0, open_acl())?;
    }
    client.close()
}

struct Run {
    prng: Prng,
    twin: Twin,
    tally: Tally,
    /// By kind, which is API and field: how many, and the first of them.
    differences: BTreeMap<String, (u64, Vec<String>)>,
    /// The last requests, oldest first.
    recent: VecDeque<String>,
    /// All of them with the errors of Apache's answers, for who looks into a difference.
    requests: BufWriter<File>,
}

impl Run {
    fn report(&self) -> String {
        if self.differences.is_empty() {
            return "no difference so far".into();
        }
        let lines: Vec<String> = self
            .differences
            .iter()
            .map(|(kind, (count, first))| format!("{kind} ({count} times)\n    {}", first.join("\n    ")))
            .collect();
        format!("{} kinds of differences:\n{}", lines.len(), lines.join("\n"))
    }

    fn recent(&self) -> String {
        let lines: Vec<&str> = self.recent.iter().map(String::as_str).collect();
        format!("the last requests:\n    {}", lines.join("\n    "))
    }

    fn all(&mut self, requests: u64) -> Result<()> {
        let mut asks = Asks::new(self.prng.fork());
        for (name, partitions, configs) in TOPICS.iter().chain([&STILL]) {
            self.make_topic(name, *partitions, configs)?;
        }
        self.settled(AGED, Wanted::Led(1))?;
        self.offsets_topic()?;
        for which in [APACHE, OURS] {
            let answer = self.twin.call(which, &wire::DescribeLogDirsRequest::default(), 4)?;
            self.twin.views[which].log_dir = answer.results.first().context("a log folder")?.log_dir.clone();
        }
        while self.tally.requests() < requests && self.differences.len() < DIFFERENCES_MAX {
            let (key, version) = self.tally.poorest();
            match asks.next(key, version) {
                Some(ask) => self.ask(&ask, &mut asks)?,
                // What it needs is not there yet.
                None => {
                    let make = if key == ApiKey::LeaveGroup { ApiKey::JoinGroup } else { ApiKey::CreateTopics };
                    let ask = asks.next(make, 3).expect("it needs nothing");
                    self.ask(&ask, &mut asks)?;
                }
            }
        }
        Ok(())
    }

    fn ask(&mut self, ask: &Ask, asks: &mut Asks) -> Result<()> {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(format!("{} v{}: {}", ask.key, ask.version, ask.about));
        let answers = self.twin.exchange(ask)?;
        let trees = [&answers[APACHE], &answers[OURS]].map(|frame| match frame {
            Some(frame) => shown::shown(ask, frame).map(Some),
            None => Ok(None),
        });
        let [apache, ours] = trees;
        let (mut apache, mut ours) = (apache.context("Apache's answer")?, ours.context("our answer")?);
        if let (Some(apache), Some(ours)) = (&mut apache, &mut ours) {
            shown::trim_messages(apache, ours);
        }
        let codes = apache.as_ref().map(shown::error_codes);
        self.tally.count(ask.key, ask.version, codes.as_deref());
        let (key, version, about) = (ask.key, ask.version, &ask.about);
        writeln!(self.requests, "{} {key} v{version}: {about} -> {codes:?}", self.tally.requests())?;
        self.compare(ask, apache.as_ref(), ours.as_ref());
        if apache.is_none() || ours.is_none() {
            return self.twin.reconnect();
        }
        let bodies = answers.map(|frame| frame.expect("both have answered"));
        self.follow(ask, asks, &bodies, &codes.unwrap_or_default())
    }

    fn compare(&mut self, ask: &Ask, apache: Option<&Tree>, ours: Option<&Tree>) {
        let closed = || Tree::Atom("the end of the connection".to_owned());
        let (one, two) = (apache.cloned().unwrap_or_else(closed), ours.cloned().unwrap_or_else(closed));
        for (path, theirs, own) in one.differences(&two) {
            if !shown::is_known_pair(ask, &path, &theirs, &own) {
                self.note(ask, &path, &theirs, &own);
            }
        }
    }

    fn note(&mut self, ask: &Ask, path: &str, theirs: &str, own: &str) {
        // What differs is within the text, where the texts are long.
        let same = theirs.chars().zip(own.chars()).take_while(|(one, two)| one == two).count();
        let skipped = same.saturating_sub(200);
        let cut = |text: &str| text.chars().skip(skipped).take(600).collect::<String>();
        let kind = format!("{} {path}", ask.key);
        let number = self.tally.requests();
        let example = format!(
            "request {number}, v{}, {}\n    apache: {}\n    ours:   {}",
            ask.version,
            ask.about,
            cut(theirs),
            cut(own)
        );
        let (count, examples) = self.differences.entry(kind).or_default();
        *count += 1;
        if examples.len() < EXAMPLES {
            examples.push(example);
        }
    }

    /// Remembers what the brokers named, and waits where an answer comes before its effect.
    fn follow(&mut self, ask: &Ask, asks: &mut Asks, bodies: &[Bytes; 2], codes: &[i16]) -> Result<()> {
        let succeeded = codes.is_empty();
        match &ask.then {
            Then::Nothing => {}
            Then::TopicMade(name, partitions) => {
                // Whoever does not wait is told that time is up, and the topic is made all the same.
                if succeeded || codes == [ErrorCode::REQUEST_TIMED_OUT.0] {
                    self.settled(name, Wanted::Led(*partitions))?;
                    asks.made.retain(|(known, _)| known != name);
                    if TOPICS.iter().all(|(known, ..)| known != name) {
                        asks.made.push((name.clone(), *partitions));
                    }
                }
            }
            Then::TopicGone(name) => {
                if succeeded || codes == [ErrorCode::REQUEST_TIMED_OUT.0] {
                    self.settled(name, Wanted::Gone)?;
                    asks.made.retain(|(known, _)| known != name);
                }
            }
            Then::Joined(group) => {
                for (view, body) in self.twin.views.iter_mut().zip(bodies) {
                    let answer: wire::JoinGroupResponse = decode(body, ask.version)?;
                    // MEMBER_ID_REQUIRED gives an id too.
                    if matches!(answer.error_code, 0 | 79) {
                        view.members.insert(group.clone(), (answer.member_id.detached(), answer.generation_id));
                    }
                }
                let known = succeeded || self.twin.views[APACHE].members.contains_key(group);
                if known && !asks.joined.contains(group) {
                    asks.joined.push(group.clone());
                }
            }
            Then::Left(group) => {
                if succeeded {
                    asks.joined.retain(|known| known != group);
                    self.twin.views.iter_mut().for_each(|view| drop(view.members.remove(group)));
                }
            }
            Then::Producer(number) => {
                for (view, body) in self.twin.views.iter_mut().zip(bodies) {
                    let answer: wire::InitProducerIdResponse = decode(body, ask.version)?;
                    view.producers.insert(*number, (answer.producer_id, answer.producer_epoch));
                }
            }
            Then::Session => {
                for (view, body) in self.twin.views.iter_mut().zip(bodies) {
                    let answer: wire::FetchResponse = decode(body, ask.version)?;
                    view.session = match answer.session_id {
                        0 => view.session,
                        id if id == view.session.0 => (id, view.session.1 + 1),
                        id => (id, 1),
                    };
                }
            }
        }
        Ok(())
    }

    fn make_topic(&mut self, name: &str, partitions: i32, configs: &[(&str, &str)]) -> Result<()> {
        let entry = |(name, value): &(&str, &str)| wire::CreateTopicsRequestConfigs {
            name: Str::from(*name),
            value: Some(Str::from(*value)),
        };
        let topic = wire::CreateTopicsRequestTopics {
            name: Str::from(name),
            num_partitions: partitions,
            replication_factor: 1,
            configs: configs.iter().map(entry).collect(),
            ..Default::default()
        };
        let request = wire::CreateTopicsRequest { topics: vec![topic], timeout_ms: 20_000, validate_only: false };
        for which in [APACHE, OURS] {
            let answer = self.twin.call(which, &request, 5)?;
            ensure!(answer.topics[0].error_code == 0, "topic {name}: {answer:?}");
        }
        self.settled(name, Wanted::Led(partitions))
    }

    /// Makes `__consumer_offsets`, and waits for its coordinators.
    fn offsets_topic(&mut self) -> Result<()> {
        for which in [APACHE, OURS] {
            wait_for("a coordinator", SETTLED, || self.is_coordinated(which).transpose())??;
        }
        self.settled("__consumer_offsets", Wanted::Led(OFFSETS_PARTITIONS))?;
        for which in [APACHE, OURS] {
            wait_for("producer ids", SETTLED, || self.gives_producer_ids(which).transpose())??;
        }
        Ok(())
    }

    /// Once the broker has a block of producer ids.
    fn gives_producer_ids(&mut self, which: usize) -> Result<Option<()>> {
        let request = wire::InitProducerIdRequest { transaction_timeout_ms: 1000, ..Default::default() };
        Ok((self.twin.call(which, &request, 4)?.error_code == 0).then_some(()))
    }

    /// Once a group has a coordinator that serves it.
    fn is_coordinated(&mut self, which: usize) -> Result<Option<()>> {
        let request = wire::FindCoordinatorRequest { key: Str::from("offsets-only"), ..Default::default() };
        let found = self.twin.call(which, &request, 1)?.error_code == 0;
        let request = wire::OffsetFetchRequest { group_id: Str::from("offsets-only"), ..Default::default() };
        Ok((found && self.twin.call(which, &request, 5)?.error_code == 0).then_some(()))
    }

    /// Waits until both brokers lead all partitions of a topic, or know none.
    fn settled(&mut self, name: &str, wanted: Wanted) -> Result<()> {
        let what = format!("{name} to be {wanted:?}");
        for which in [APACHE, OURS] {
            wait_for(&what, SETTLED, || self.is_settled(which, name, wanted).transpose())??;
        }
        Ok(())
    }

    /// Whether the broker's metadata has the topic as it is wanted; `None` while it is on the way there.
    fn is_settled(&mut self, which: usize, name: &str, wanted: Wanted) -> Result<Option<()>> {
        let topic = wire::MetadataRequestTopics { name: Some(Str::from(name)), ..Default::default() };
        let request =
            wire::MetadataRequest { topics: Some(vec![topic]), allow_auto_topic_creation: false, ..Default::default() };
        let answer = self.twin.call(which, &request, 10)?;
        let topic = answer.topics.first().context("a topic in the answer")?;
        let is_led = topic.error_code == 0 && topic.partitions.iter().all(|one| one.error_code == 0);
        if is_led {
            self.twin.views[which].topics.insert(name.to_owned(), topic.topic_id);
        }
        let is_so = match wanted {
            Wanted::Led(partitions) => is_led && topic.partitions.len() == partitions as usize,
            Wanted::Gone => matches!(topic.error_code, 3 | 17),
        };
        Ok(is_so.then_some(()))
    }
}

/// What a topic is waited for to be.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    /// With so many partitions, all of them led.
    Led(i32),
    /// Not known.
    Gone,
}
