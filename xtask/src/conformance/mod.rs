//! `cargo xtask conformance`: other people's clients and tools against our servers, or against Apache's to prove the
//! suite itself.

mod differential;
mod folders;
mod garbage;
mod java;
mod kcat;
mod pairs;
mod restart;
mod scripts;
pub mod servers;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use self::pairs::{PAIRS, Pair};
use self::servers::{Both, Make, Ports};
use crate::provision;

/// Two at a time: most of a suite is waiting, and most of a tool is a JVM that starts.
const WORKERS: usize = 2;

/// A suite talks to running servers and gives the lines to print about what it checked.
struct Suite {
    name: &'static str,
    about: &'static str,
    body: fn(Ports) -> Result<String>,
}

/// The longest ones first, so that two workers end together.
const SUITES: [Suite; 11] = [
    Suite { name: "kafka-python", about: "kafka-python: produce, consume, groups, admin", body: scripts::kafka_python },
    Suite { name: "verifiable", about: "Apache's verifiable producer and consumer", body: java::verifiable },
    Suite { name: "examples", about: "the programs of examples/", body: scripts::examples },
    Suite { name: "groups", about: "kafka-consumer-groups", body: java::groups },
    Suite { name: "topics", about: "kafka-topics and kafka-configs", body: java::topics },
    Suite { name: "confluent", about: "librdkafka: codecs, idempotence, groups, admin", body: scripts::confluent },
    Suite { name: "kazoo", about: "kazoo: every operation, sessions, watches, recipes", body: scripts::kazoo },
    Suite { name: "console", about: "the console producer and consumer", body: java::console },
    Suite { name: "shell", about: "the Java ZooKeeper client by its shell", body: java::shell },
    Suite { name: "kcat", about: "kcat of Debian", body: kcat::run },
    Suite { name: "go", about: "go-zookeeper/zk and franz-go", body: scripts::go },
];

/// A suite that starts servers of its own, with its files in the given folder.
struct OwnServers {
    name: &'static str,
    about: &'static str,
    body: fn(&Path) -> Result<String>,
}

const OWN_SERVERS: [OwnServers; 8] = [
    OwnServers {
        name: "differential",
        about: "5,000 requests to Apache's keeper and to ours, the same bytes, every answer compared",
        body: differential::run,
    },
    OwnServers {
        name: "differential-full",
        about: "the same with 20,000 requests and a new seed",
        body: differential::run_full,
    },
    OwnServers {
        name: "data-dir",
        about: "one ZooKeeper dataDir under Apache's server and ours in turn",
        body: folders::keeper,
    },
    OwnServers {
        name: "log-dirs",
        about: "one Kafka log.dirs under Apache's server and ours in turn",
        body: folders::broker,
    },
    OwnServers {
        name: "restart",
        about: "ours: time to ready, and to an acknowledged produce after kill -9",
        body: restart::run_rounds,
    },
    OwnServers { name: "garbage", about: "ours: a thousand connections of nonsense", body: garbage::run },
    OwnServers { name: "kill9-log", about: "ours: kill -9 while producers write", body: scripts::kill9_log },
    OwnServers {
        name: "power-cut",
        about: "a file system that loses its power under our keeper (root only)",
        body: scripts::power_cut,
    },
];

const PAIRS_NAME: &str = "pairs";

/// What one suite came to.
pub struct Outcome {
    /// Its name; `cargo xtask conformance NAME` runs it alone.
    pub name: String,
    /// How long it ran.
    pub took: Duration,
    /// What went wrong, when something did.
    pub error: Option<String>,
}

/// Prints the names of the suites.
pub fn list() {
    for suite in &SUITES {
        println!("{:13} {}", suite.name, suite.about);
    }
    for suite in &OWN_SERVERS {
        println!("{:13} {}", suite.name, suite.about);
    }
    let pairs: Vec<&str> = PAIRS.iter().map(|pair| pair.name).collect();
    println!("{PAIRS_NAME:13} all four of a broker on a keeper: {}", pairs.join(", "));
}

/// The suites of other people's clients: all but the examples, which the gate runs first.
pub fn client_suites() -> Vec<&'static str> {
    SUITES.iter().map(|suite| suite.name).filter(|name| *name != "examples").collect()
}

/// The suites with servers of their own that every change goes through.
pub fn own_server_suites() -> Vec<&'static str> {
    OWN_SERVERS.iter().map(|suite| suite.name).filter(|name| !name.ends_with("-full")).collect()
}

/// Runs the named suites (all of them and the pairs when none is named) and prints each result as it comes.
pub fn run(names: &[String], make: Make) -> Result<Vec<Outcome>> {
    for name in names {
        let known = SUITES.iter().map(|suite| suite.name).chain(PAIRS.iter().map(|pair| pair.name));
        let known = known.chain(OWN_SERVERS.iter().map(|suite| suite.name));
        if name != PAIRS_NAME && !known.into_iter().any(|known| known == name) {
            bail!("no conformance suite is called {name}; `cargo xtask conformance --list` names them");
        }
    }
    provision::all()?;
    let work = WorkFolder::new()?;
    // What takes long is run by its name only.
    let wanted = |name: &str| match names {
        [] => !name.ends_with("-full"),
        names => names.iter().any(|wanted| wanted == name),
    };
    let pairs: Vec<&Pair> = PAIRS.iter().filter(|pair| wanted(PAIRS_NAME) || wanted(pair.name)).collect();
    let suites: Vec<&Suite> = SUITES.iter().filter(|suite| wanted(suite.name)).collect();
    let mut outcomes = Vec::new();
    if !suites.is_empty() {
        outcomes = clients(&suites, make, &work.0.join("both"))?;
    }
    let own: Vec<&OwnServers> = OWN_SERVERS.iter().filter(|suite| wanted(suite.name)).collect();
    outcomes.extend(side_by_side(&own, |suite| timed(suite.name, || (suite.body)(&work.0.join(suite.name)))));
    outcomes.extend(side_by_side(&pairs, |pair| timed(pair.name, || pair.run(&work.0))));
    Ok(outcomes)
}

/// Runs suites against one pair of servers, which is stopped cleanly at the end.
fn clients(suites: &[&Suite], make: Make, dir: &Path) -> Result<Vec<Outcome>> {
    let started = Instant::now();
    let both = Both::start(make, dir)?;
    println!("{make} servers are ready after {:.2} s", started.elapsed().as_secs_f64());
    let outcomes = side_by_side(suites, |suite| timed(suite.name, || (suite.body)(both.ports)));
    if outcomes.iter().any(|outcome| outcome.error.is_some()) {
        println!("the servers' logs end:\n{}", both.log_tails());
    }
    both.stop().context("stop the servers after the suites")?;
    Ok(outcomes)
}

/// Does the work on every item, [`WORKERS`] at a time, in order.
fn side_by_side<T: Sync>(items: &[T], work: impl Fn(&T) -> Outcome + Sync) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = work(item);
                    outcomes.lock().expect("no worker panics").push(outcome);
                }
            });
        }
    });
    outcomes.into_inner().expect("no worker panicked")
}

fn timed(name: &str, body: impl FnOnce() -> Result<String>) -> Outcome {
    let started = Instant::now();
    let result = body();
    let took = started.elapsed();
    let (text, error) = match result {
        Ok(text) => (format!("conformance {name}: passed ({:.1} s)\n{text}", took.as_secs_f64()), None),
        Err(error) => (
            format!("conformance {name}: FAILED ({:.1} s)\n{error:#}\n", took.as_secs_f64()),
            Some(format!("{error:#}")),
        ),
    };
    print!("{text}");
    Outcome { name: name.to_owned(), took, error }
}

/// A name that no other run on the same servers uses.
fn unique(prefix: &str) -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{prefix}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// A folder of this run, removed at its end.
struct WorkFolder(PathBuf);

impl WorkFolder {
    fn new() -> Result<WorkFolder> {
        let folder = std::env::temp_dir().join(format!("castlekeep-conformance-{}", std::process::id()));
        std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        Ok(WorkFolder(folder))
    }
}

impl Drop for WorkFolder {
    fn drop(&mut self) {
        // Only the temporary folder's size is at stake.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
