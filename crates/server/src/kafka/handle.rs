//! A running broker, from outside.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use broker::shard::ShardCommand;
use driver::log_dirs::LogDirs;
use driver::node_loop::Milestone;
use driver::shard_loop::ShardFigures;
use parking_lot::Mutex;
use storage::file_disk::FileDisk;
use tokio::sync::{mpsc, oneshot, watch};

use super::shard_thread::ToShard;
use super::{Shared, metrics};
use crate::http::AdminSource;
use crate::world_real::Inbox;

/// How long a clean stop may take: connections end, logs are synced, the session is closed.
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// What the threads report.
#[derive(Debug)]
pub(super) enum Heard {
    Node(Milestone),
    ShardStopped,
    Fatal(String),
}

/// How far the broker is.
#[derive(Clone, Debug, Default)]
struct Life {
    ready: bool,
    node_stopped: bool,
    shards_stopped: usize,
    fatal: Option<String>,
}

/// A running broker. Dropping it stops the broker as a crash would: nothing more is written.
pub struct KafkaServerHandle {
    shared: Arc<Shared>,
    addrs: Vec<SocketAddr>,
    life: watch::Receiver<Life>,
    threads: Vec<JoinHandle<()>>,
}

impl KafkaServerHandle {
    pub(super) fn new(
        shared: Arc<Shared>,
        addrs: Vec<SocketAddr>,
        heard: mpsc::UnboundedReceiver<Heard>,
        threads: Vec<JoinHandle<()>>,
    ) -> Self {
        let (report, life) = watch::channel(Life::default());
        tokio::spawn(follow(heard, shared.dirs.clone(), shared.own_id.clone(), report));
        Self { shared, addrs, life, threads }
    }

    /// Where clients reach it.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addrs
    }

    /// For the HTTP side.
    pub fn admin(&self) -> KafkaAdmin {
        KafkaAdmin { shared: self.shared.clone(), life: self.life.clone(), figures: Arc::default() }
    }

    /// Waits until the broker is registered and knows a live controller.
    ///
    /// # Errors
    /// Why that will not happen.
    pub async fn ready(&mut self) -> Result<(), String> {
        match self.life.wait_for(|life| life.ready || life.fatal.is_some()).await {
            Ok(life) => life.fatal.clone().map_or(Ok(()), Err),
            Err(_) => Err("the runtime is shutting down".into()),
        }
    }

    /// Waits until the broker has stopped by itself.
    ///
    /// # Errors
    /// Why it stopped; the process should end with an error.
    pub async fn ended(&mut self) -> Result<(), String> {
        match self.life.wait_for(|life| life.fatal.is_some()).await {
            Ok(life) => Err(life.fatal.clone().expect("waited for it")),
            Err(_) => Err("the runtime is shutting down".into()),
        }
    }

    /// Stops cleanly: connections end behind their last answers, logs are synced and marked, the ZooKeeper session is
    /// closed.
    ///
    /// # Errors
    /// What could not be done; the next start recovers.
    pub async fn shutdown(mut self) -> Result<(), String> {
        self.shared.stopping.send_replace(true);
        let deadline = tokio::time::Instant::now() + STOP_TIMEOUT;
        let gone = async {
            while self.shared.stats.connections.load(Ordering::Relaxed) > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        // A client that does not read gets no more time than this.
        let _ = tokio::time::timeout(Duration::from_secs(1), gone).await;
        for shard in &self.shared.shards {
            shard.push(ToShard::Command(ShardCommand::ShutDown));
        }
        let shards = self.shared.shards.len();
        let stopped = self.life.wait_for(|life| life.shards_stopped == shards || life.fatal.is_some());
        let logs = tokio::time::timeout_at(deadline, stopped).await.is_ok();
        self.shared.node.shut_down();
        // A keeper that is gone does not answer: it expires the session by itself.
        let session_timeout = Duration::from_secs(5);
        let _ = tokio::time::timeout(session_timeout, self.life.wait_for(|life| life.node_stopped)).await;
        self.shared.node.abort();
        let fatal = self.life.borrow().fatal.clone();
        for thread in std::mem::take(&mut self.threads) {
            // Threads end right after what they have reported; a shard that did not is left behind.
            if logs {
                let _ = tokio::task::spawn_blocking(move || thread.join()).await;
            }
        }
        match (fatal, logs) {
            (Some(reason), _) => Err(reason),
            (None, false) => Err(format!("the logs were not synced within {} s", STOP_TIMEOUT.as_secs())),
            (None, true) => Ok(()),
        }
    }

    /// Stops as a crash would, and waits until the log folders are free again.
    pub async fn abort(mut self) {
        self.abandon();
        for thread in std::mem::take(&mut self.threads) {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
    }

    fn abandon(&self) {
        self.shared.stopping.send_replace(true);
        for shard in &self.shared.shards {
            shard.push(ToShard::Abort);
        }
        self.shared.node.abort();
    }
}

impl Drop for KafkaServerHandle {
    fn drop(&mut self) {
        self.abandon();
    }
}

/// Turns reports into the broker's life, and ties the log folders to the cluster as soon as its id is known.
async fn follow(
    mut heard: mpsc::UnboundedReceiver<Heard>,
    dirs: Arc<LogDirs<FileDisk>>,
    own_id: Arc<AtomicI32>,
    report: watch::Sender<Life>,
) {
    // Weak would not do: the folders are locked as long as anybody serves from them.
    let mut dirs = Some(dirs);
    while let Some(heard) = heard.recv().await {
        match heard {
            Heard::Node(Milestone::Identity { cluster_id, broker_id }) => {
                own_id.store(broker_id, Ordering::Relaxed);
                let Some(dirs) = dirs.take() else { continue };
                let claim = tokio::task::spawn_blocking(move || dirs.claim(&cluster_id, broker_id)).await;
                if let Ok(Err(e)) = claim {
                    report.send_modify(|life| life.fatal = Some(e.to_string()));
                }
            }
            Heard::Node(Milestone::Ready) => report.send_modify(|life| life.ready = true),
            Heard::Node(Milestone::Stopped) => report.send_modify(|life| life.node_stopped = true),
            Heard::ShardStopped => report.send_modify(|life| life.shards_stopped += 1),
            Heard::Node(Milestone::Fatal(why)) | Heard::Fatal(why) => {
                report.send_modify(|life| life.fatal = life.fatal.take().or(Some(why)));
            }
        }
    }
}

/// What the HTTP side asks.
#[derive(Clone)]
pub struct KafkaAdmin {
    shared: Arc<Shared>,
    life: watch::Receiver<Life>,
    /// What the shards said last.
    figures: Arc<Mutex<Vec<ShardFigures>>>,
}

impl AdminSource for KafkaAdmin {
    fn role(&self) -> &'static str {
        "kafka"
    }

    fn ready(&self) -> Result<(), String> {
        let life = self.life.borrow();
        match (&life.fatal, life.ready) {
            (Some(reason), _) => Err(reason.clone()),
            (None, false) => Err("not registered in ZooKeeper yet".into()),
            (None, true) if *self.shared.stopping.borrow() => Err("the broker is stopping".into()),
            (None, true) => Ok(()),
        }
    }

    fn prepare(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            let ask = |shard: &Arc<Inbox<ToShard>>| {
                let (to, from) = oneshot::channel();
                shard.push(ToShard::Figures(to));
                from
            };
            let asked: Vec<_> = self.shared.shards.iter().map(ask).collect();
            let deadline = tokio::time::Instant::now() + metrics::PATIENCE;
            let mut all = Vec::with_capacity(asked.len());
            for from in asked {
                // A shard that is very busy, or has stopped, is left out.
                if let Ok(Ok(figures)) = tokio::time::timeout_at(deadline, from).await {
                    all.push(figures);
                }
            }
            *self.figures.lock() = all;
        })
    }

    fn write_metrics(&self, out: &mut String) {
        metrics::write(&self.shared, &self.figures.lock(), self.ready().is_ok(), out);
    }
}
