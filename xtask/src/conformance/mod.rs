//! `cargo xtask conformance`: other people's clients and tools against our servers, or against Apache's to prove the
//! suite itself.

mod broker;
mod data_dir;
pub mod differential;
mod differential_broker;
pub mod ensemble;
mod files;
mod folders;
mod garbage;
mod java;
mod java_admin;
mod kafka_files;
mod kcat;
mod keeper;
mod log_disk;
mod moves;
mod pairs;
mod restart;
mod scripts;
pub mod servers;
mod shell;
mod strace;
mod surface;
pub mod zk_client;

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
    on: On,
}

/// What a suite talks to.
enum On {
    /// The keeper of `keeper.rs`, at `host:port`.
    Keeper(fn(&str) -> Result<String>),
    /// A keeper and a broker on it.
    Both(fn(Ports) -> Result<String>),
}

/// Every suite of a client.
fn suites() -> impl Iterator<Item = &'static Suite> {
    keeper::SUITES.iter().chain(broker::SUITES)
}

/// A suite that starts servers of its own, with its files in the given folder.
struct OwnServers {
    /// `cargo xtask conformance NAME` runs it alone; what ends in `-full` is run by its name only.
    name: &'static str,
    about: &'static str,
    body: fn(&Path) -> Result<String>,
}

const OWN_SERVERS: &[OwnServers] = &[
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
        name: "differential-broker",
        about: "3,000 requests to Apache's broker and to ours, every API and version, every answer compared",
        body: differential_broker::run,
    },
    OwnServers {
        name: "differential-broker-full",
        about: "the same with 20,000 requests and a new seed",
        body: differential_broker::run_full,
    },
    OwnServers {
        name: "data-dir",
        about: "one ZooKeeper dataDir under Apache's server and ours in turn",
        body: data_dir::run,
    },
    OwnServers {
        name: "data-dir-full",
        about: "the same: ten alternations, then 3.6, 3.7 and 3.8",
        body: data_dir::run_full,
    },
    OwnServers {
        name: "strace",
        about: "ours: the reply to a write leaves after the fdatasync that covers it",
        body: strace::run,
    },
    OwnServers {
        name: "surface",
        about: "Apache's keeper beside ours: words, AdminServer, metrics, audit log, snapshots exchanged",
        body: surface::run,
    },
    OwnServers { name: "zk-files", about: "our file tools and Apache's on files of both", body: files::run_suite },
    OwnServers {
        name: "kafka-files",
        about: "castlekeep kafka dump-log and Apache's, line by line",
        body: kafka_files::run,
    },
    OwnServers {
        name: "log-dirs",
        about: "one Kafka log.dirs under Apache's server and ours in turn",
        body: folders::broker,
    },
    OwnServers {
        name: "log-dirs-full",
        about: "the same: ten alternations, kills of both, a compacted topic, transactions of Apache's",
        body: folders::broker_full,
    },
    OwnServers {
        name: "log-dir-moves",
        about: "kafka-reassign-partitions and kafka-log-dirs move a partition between log.dirs, of ours and of Apache's",
        body: moves::run,
    },
    OwnServers {
        name: "restart",
        about: "ours: time to ready, and to an acknowledged produce after kill -9",
        body: restart::run_rounds,
    },
    OwnServers { name: "garbage", about: "ours: a thousand connections of nonsense", body: garbage::run },
    OwnServers {
        name: "keeper-restart",
        about: "ours: a keeper killed and started again under kazoo's recipes",
        body: scripts::keeper_restart,
    },
    OwnServers {
        name: "keeper-restart-full",
        about: "the same with Apache's keeper and then with ours",
        body: scripts::keeper_restart_full,
    },
    OwnServers { name: "kill9-log", about: "ours: kill -9 while producers write", body: scripts::kill9_log },
    OwnServers {
        name: "disk-full",
        about: "ours: a full disk under producers and consumers, and room again (root only)",
        body: scripts::disk_full,
    },
    OwnServers {
        name: "log-disk",
        about: "ours: dataLogDir on a small file system of its own, full and not mounted too (root only)",
        body: log_disk::run,
    },
    OwnServers {
        name: "power-cut",
        about: "file systems that lose their power under a keeper, and under three at once (root only)",
        body: scripts::power_cut,
    },
];

/// Every suite with servers of its own.
fn own_servers() -> impl Iterator<Item = &'static OwnServers> {
    OWN_SERVERS.iter().chain(ensemble::SUITES)
}

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
    for suite in suites() {
        println!("{:13} {}", suite.name, suite.about);
    }
    let clients: Vec<&str> = keeper::SUITES.iter().map(|suite| suite.name).collect();
    println!("{:13} all of ZooKeeper's clients: {}", keeper::GROUP, clients.join(", "));
    let clients: Vec<&str> = broker::SUITES.iter().map(|suite| suite.name).collect();
    println!("{:13} all of Kafka's clients and tools: {}", broker::GROUP, clients.join(", "));
    for suite in own_servers() {
        println!("{:13} {}", suite.name, suite.about);
    }
    println!("{:13} all of an ensemble but what ends in -full; {} has it all", ensemble::GROUP, ensemble::GROUP_FULL);
    let pairs: Vec<&str> = PAIRS.iter().map(|pair| pair.name).collect();
    println!("{PAIRS_NAME:13} all four of a broker on a keeper: {}", pairs.join(", "));
}

/// The suites of other people's clients that every change goes through: all but the examples, which the gate runs first.
pub fn client_suites() -> Vec<&'static str> {
    suites().map(|suite| suite.name).filter(|name| *name != "examples" && !name.ends_with("-full")).collect()
}

/// The suites with servers of their own that every change goes through.
pub fn own_server_suites() -> Vec<&'static str> {
    let names = own_servers().map(|suite| suite.name);
    names.filter(|name| !name.ends_with("-full") && !ensemble::in_group(name, ensemble::GROUP)).collect()
}

/// Runs the named suites (all of them and the pairs when none is named) and prints each result as it comes.
pub fn run(names: &[String], make: Make) -> Result<Vec<Outcome>> {
    for name in names {
        let known = suites().map(|suite| suite.name).chain(PAIRS.iter().map(|pair| pair.name));
        let groups = [keeper::GROUP, broker::GROUP, ensemble::GROUP, ensemble::GROUP_FULL, PAIRS_NAME];
        let known = known.chain(own_servers().map(|suite| suite.name)).chain(groups);
        if !known.into_iter().any(|known| known == name) {
            bail!("no conformance suite is called {name}; `cargo xtask conformance --list` names them");
        }
    }
    // Those of an ensemble fetch the few clients that they use when they use them.
    if !names.is_empty() && names.iter().all(|name| name.starts_with(ensemble::GROUP)) {
        provision::programs().and_then(|()| crate::apache::fetch())?;
    } else {
        provision::all()?;
    }
    let work = WorkFolder::new()?;
    // What takes long is run by its name only.
    let wanted = |name: &str| match names {
        [] => !name.ends_with("-full"),
        names => names.iter().any(|wanted| wanted == name),
    };
    let pairs: Vec<&Pair> = PAIRS.iter().filter(|pair| wanted(PAIRS_NAME) || wanted(pair.name)).collect();
    let in_group = |suite: &Suite| match suite.on {
        On::Keeper(_) => wanted(keeper::GROUP) && !names.is_empty(),
        On::Both(_) => wanted(broker::GROUP) && !names.is_empty(),
    };
    let suites: Vec<&Suite> = suites().filter(|suite| wanted(suite.name) || in_group(suite)).collect();
    let mut outcomes = clients(&suites, make, &work.0)?;
    let of_group = |suite: &OwnServers| names.iter().any(|name| ensemble::in_group(suite.name, name));
    let own: Vec<&OwnServers> = own_servers().filter(|suite| wanted(suite.name) || of_group(suite)).collect();
    outcomes.extend(side_by_side(&own, |suite| timed(suite.name, || (suite.body)(&work.0.join(suite.name)))));
    outcomes.extend(side_by_side(&pairs, |pair| timed(pair.name, || pair.run(&work.0))));
    if outcomes.iter().any(|outcome| outcome.error.is_some()) {
        println!("logs and data are left in {}", work.0.display());
        std::mem::forget(work);
    }
    Ok(outcomes)
}

/// Runs suites against the servers they ask for, which are stopped cleanly at the end.
fn clients(suites: &[&Suite], make: Make, dir: &Path) -> Result<Vec<Outcome>> {
    let started = Instant::now();
    let on_keeper = suites.iter().any(|suite| matches!(suite.on, On::Keeper(_)));
    let on_both = suites.iter().any(|suite| matches!(suite.on, On::Both(_)));
    let keeper = on_keeper.then(|| keeper::start(make, &dir.join("keeper"))).transpose()?;
    let both = on_both.then(|| Both::start(make, &dir.join("both"))).transpose()?;
    if on_keeper || on_both {
        println!("{make} servers are ready after {:.2} s", started.elapsed().as_secs_f64());
    }
    let address = keeper.as_ref().map(|(_, port)| format!("127.0.0.1:{port}"));
    let outcomes = side_by_side(suites, |suite| {
        timed(suite.name, || match suite.on {
            On::Keeper(body) => body(address.as_ref().context("no keeper was started")?),
            On::Both(body) => body(both.as_ref().context("no broker was started")?.ports),
        })
    });
    if outcomes.iter().any(|outcome| outcome.error.is_some()) {
        let tails = keeper.iter().map(|(server, _)| server.log_tail()).chain(both.iter().map(Both::log_tails));
        println!("the servers' logs end:\n{}", tails.collect::<Vec<_>>().join("\n"));
    }
    if let Some((server, _)) = keeper {
        servers::stop_cleanly(server).context("stop the keeper after the suites")?;
    }
    if let Some(both) = both {
        both.stop().context("stop the servers after the suites")?;
    }
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

/// A folder of this run, removed at its end unless something failed.
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
