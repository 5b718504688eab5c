//! One Kafka data folder under Apache's broker and under ours, in turn: what one wrote, the other one opens and goes on.
//! Of ZooKeeper's folders see [`super::data_dir`].

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::java;
use super::servers::{Make, Ports, start_broker_with, start_keeper, stop_cleanly};
use super::zk_client::ZkClient;
use crate::process::{Server, run_ok, wait_for};
use crate::{apache, probe};

const DEADLINE: Duration = Duration::from_secs(60);
/// The log is compacted twice a second rather than four times a minute.
const SETTINGS: &str = "log.cleaner.backoff.ms=500\n";
const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];

/// Who has the folder in one round.
struct Turn {
    make: Make,
    /// It is killed in the end.
    killed: bool,
}

/// Kafka's `log.dirs`: segments, indexes, checkpoints, committed offsets. Ours is killed in its first round and comes back
/// in its second.
pub fn broker(dir: &Path) -> Result<String> {
    let turns = [(Make::Apache, false), (Make::Ours, true), (Make::Ours, false), (Make::Apache, false)];
    let turns = turns.map(|(make, killed)| Turn { make, killed });
    Folder::start(dir)?.alternate(&turns)
}

/// Ten alternations, of which each make's server is killed in some; with a compacted topic, and with transactions that
/// Apache's broker takes.
pub fn broker_full(dir: &Path) -> Result<String> {
    let turn = |round: usize| Turn {
        make: if round.is_multiple_of(2) { Make::Apache } else { Make::Ours },
        killed: matches!(round, 3 | 4 | 7),
    };
    let turns: Vec<Turn> = (0..11).map(turn).collect();
    let mut folder = Folder::start(dir)?;
    folder.whole = true;
    folder.alternate(&turns)
}

/// What was in a topic when it was last looked at.
#[derive(Default)]
struct Seen {
    /// Offset, timestamp, key and value of each record.
    records: Vec<String>,
}

struct Folder {
    dir: PathBuf,
    ports: Ports,
    keeper: Server,
    /// Whether there are all topics.
    whole: bool,
    plain: Seen,
    compacted: Seen,
    transactions: Seen,
    epochs: Vec<String>,
}

impl Folder {
    fn start(dir: &Path) -> Result<Folder> {
        let ports = Ports { zookeeper: probe::free_port()?, kafka: probe::free_port()? };
        let keeper = start_keeper(Make::Apache, &dir.join("keeper"), ports.zookeeper)?;
        Ok(Folder {
            dir: dir.join("broker"),
            ports,
            keeper,
            whole: false,
            plain: Seen::default(),
            compacted: Seen::default(),
            transactions: Seen::default(),
            epochs: Vec::new(),
        })
    }

    fn alternate(mut self, turns: &[Turn]) -> Result<String> {
        let mut text = String::new();
        for (round, turn) in turns.iter().enumerate() {
            let make = turn.make;
            if round > 0 && turns[round - 1].killed && make == Make::Apache {
                self.await_the_end_of_the_killed()?;
            }
            let broker = start_broker_with(make, &self.dir, self.ports, SETTINGS)
                .with_context(|| format!("round {round}: {make} broker on the folder of the last round"))?;
            self.round(make, round).with_context(|| format!("round {round}, {make} broker: {}", broker.log_tail()))?;
            text += &format!("  ok     round {round}, {make}: {}\n", self.summary());
            if turn.killed { broker.kill() } else { stop_cleanly(broker)? }
        }
        stop_cleanly(self.keeper)?;
        Ok(text)
    }

    /// Apache's broker does not start while ZooKeeper has the registration of one that was killed.
    fn await_the_end_of_the_killed(&self) -> Result<()> {
        let mut client = ZkClient::connect(self.ports.zookeeper)?;
        wait_for("the session of the broker that was killed to end", DEADLINE, || {
            client.exists("/brokers/ids/0").is_ok_and(|there| !there).then_some(())
        })?;
        client.close()
    }

    fn summary(&self) -> String {
        let mut text = format!("{} records, the group has read them", self.plain.records.len());
        if self.whole {
            let (compacted, transactions) = (self.compacted.records.len(), self.transactions.records.len());
            text += &format!("; {compacted} left of a compacted topic; {transactions} of transactions");
        }
        text
    }

    /// Finds everything that was there with its offset and timestamp, and adds to it.
    fn round(&mut self, make: Make, round: usize) -> Result<()> {
        if round > 0 {
            // A broker takes connections a moment before its controller has told it what it leads.
            wait_for("the topic to have its leader", DEADLINE, || self.kcat(&["-Q", "-t", "folder:0:-1"], "").ok())?;
        }
        self.plain_round(round)?;
        if self.whole {
            self.compacted_round(round)?;
            self.transactions_round(make)?;
            self.epochs_round()?;
        }
        Ok(())
    }

    /// Records in every codec, and a group that goes on where it was.
    fn plain_round(&mut self, round: usize) -> Result<()> {
        if round > 0 {
            let found = self.read("folder")?;
            same("before this round's records", &found, &self.plain.records)?;
        }
        let mut values = Vec::new();
        for codec in CODECS {
            let lines: Vec<String> = (0..50).map(|number| format!("round {round} {codec} {number}")).collect();
            let idempotent = ["-z", codec, "-X", "acks=all", "-X", "enable.idempotence=true"];
            let produce = [&["-P", "-t", "folder", "-p", "0"][..], &idempotent].concat();
            self.kcat(&produce, &lines.iter().map(|line| format!("{line}\n")).collect::<String>())?;
            values.extend(lines);
        }
        let read = self.read("folder")?;
        let (before, new) = read.split_at(self.plain.records.len().min(read.len()));
        same("what was there", before, &self.plain.records)?;
        let of_new: Vec<&str> = new.iter().map(|line| line.rsplit_once('|').map_or("", |(_, value)| value)).collect();
        ensure!(of_new == values, "not this round's records, but\n{}", new.join("\n"));
        // Offsets committed under the other server hold: the group gets this round's records and nothing else.
        let group = ["-G", "folder-group", "-c", "250", "-q", "-X", "auto.offset.reset=earliest", "folder"];
        let grouped = self.kcat(&group, "")?;
        ensure!(grouped.lines().eq(of_new), "the group did not go on at its committed offset:\n{grouped}");
        self.plain.records = read;
        Ok(())
    }

    /// Values of a few keys, again and again, until some of the older ones are gone.
    fn compacted_round(&mut self, round: usize) -> Result<()> {
        if round == 0 {
            let settings = ["cleanup.policy=compact", "segment.bytes=2000", "min.cleanable.dirty.ratio=0.01"];
            let mut create = vec!["--create", "--topic", "compacted", "--partitions", "1"];
            settings.iter().for_each(|setting| create.extend(["--config", setting]));
            java::topic_command(self.ports, &create)?;
        } else {
            let found = self.read("compacted")?;
            compacted("before this round's records", &found, &self.compacted.records)?;
        }
        let lines: String = (0..200).map(|number| format!("key{}:round {round} {number}\n", number % 10)).collect();
        let produce = ["-P", "-t", "compacted", "-p", "0", "-K", ":", "-X", "batch.num.messages=20"];
        self.kcat(&produce, &lines)?;
        let written = self.read("compacted")?;
        for key in 0..10 {
            let last = format!("|key{key}|round {round} {}", 190 + key);
            ensure!(written.iter().any(|line| line.ends_with(&last)), "no record ends with {last}");
        }
        self.compacted.records = wait_for("older values to be compacted", DEADLINE, || {
            self.read("compacted").ok().filter(|read| read.len() < 200)
        })?;
        compacted("when it was compacted", &self.compacted.records, &written)
    }

    /// What committed transactions have written is read by who wants no others; new ones only where they are served.
    fn transactions_round(&mut self, make: Make) -> Result<()> {
        if !self.transactions.records.is_empty() {
            let found = self.read("transactions")?;
            same("records of transactions", &found, &self.transactions.records)?;
        }
        if make == Make::Apache {
            let server = format!("bootstrap.servers={}", self.ports.kafka_address());
            let mut perf = apache::java("kafka", 128, "org.apache.kafka.tools.ProducerPerformance")?;
            perf.args([
                "--topic",
                "transactions",
                "--num-records",
                "300",
                "--record-size",
                "20",
                "--throughput",
                "3000",
            ]);
            perf.args(["--transactional-id", "folder", "--transaction-duration-ms", "10"]);
            perf.args(["--producer-props", &server]);
            run_ok(perf, "", DEADLINE)?;
            let before = self.transactions.records.len();
            self.transactions.records = self.read("transactions")?;
            let new = self.transactions.records.len() - before;
            ensure!(new == 300, "{new} records of transactions instead of 300");
        }
        Ok(())
    }

    /// Where each leader's epoch began is known to its successors. One broker alone stays the leader over a restart.
    fn epochs_round(&mut self) -> Result<()> {
        let path = self.dir.join("log/folder-0/leader-epoch-checkpoint");
        let read = || -> Result<Vec<String>> {
            let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
            Ok(text.lines().skip(2).map(str::to_owned).collect())
        };
        let known = self.epochs.len();
        let epochs = wait_for("the leader epochs to be written", DEADLINE, || {
            read().ok().filter(|epochs| epochs.len() >= known.max(1))
        })?;
        same("leader epochs", &epochs[..known], &self.epochs)?;
        self.epochs = epochs;
        Ok(())
    }

    /// Every record: offset, timestamp, key and value.
    fn read(&self, topic: &str) -> Result<Vec<String>> {
        let how = ["-o", "beginning", "-e", "-q", "-X", "isolation.level=read_committed", "-f", "%o|%T|%k|%s\n"];
        let read = self.kcat(&[&["-C", "-t", topic, "-p", "0"][..], &how].concat(), "")?;
        Ok(read.lines().map(str::to_owned).collect())
    }

    fn kcat(&self, arguments: &[&str], input: &str) -> Result<String> {
        let mut kcat = Command::new("kcat");
        kcat.args(["-b", &self.ports.kafka_address()]).args(arguments);
        Ok(run_ok(kcat, input, DEADLINE)?.stdout)
    }
}

fn same(what: &str, found: &[String], wanted: &[String]) -> Result<()> {
    let differs = found.iter().zip(wanted).find(|(found, wanted)| found != wanted);
    ensure!(differs.is_none(), "{what}: found and wanted are {differs:?}");
    ensure!(found.len() == wanted.len(), "{what}: {} records instead of {}", found.len(), wanted.len());
    Ok(())
}

/// Nothing is there that was not, and the last value of each key is.
fn compacted(what: &str, found: &[String], before: &[String]) -> Result<()> {
    let stranger = found.iter().find(|line| !before.contains(line));
    ensure!(stranger.is_none(), "{what}: {stranger:?} was not there before");
    let last = |lines: &[String], key: usize| lines.iter().rfind(|line| line.contains(&format!("|key{key}|"))).cloned();
    for key in 0..10 {
        let (found, wanted) = (last(found, key), last(before, key));
        ensure!(found == wanted, "{what}: the last of key {key} is {found:?} instead of {wanted:?}");
    }
    Ok(())
}
