//! What the operator decides about the ensemble's protocol, and how its limits are counted.

use core::time::Duration;

use base::planted::PlantedBug;

use crate::quorum::{QuorumConfig, Sid};

/// Reads a configuration's text, whose shape is the service's. `None` when it makes no sense.
pub type ReadConfig = fn(&str) -> Option<QuorumConfig>;

/// Settings of one server (upstream: `QuorumPeerConfig`).
#[derive(Clone, Debug)]
pub struct Config {
    /// This server (`myid`).
    pub sid: Sid,
    /// The unit of the limits (`tickTime`).
    pub tick: Duration,
    /// Ticks that finding, joining and synchronising may take (`initLimit`).
    pub init_limit: u32,
    /// Ticks of silence after which the other side of a link counts as gone (`syncLimit`).
    pub sync_limit: u32,
    /// The first wait for notifications; it doubles up to `notification_max` (`fastleader.minNotificationInterval`).
    pub notification_min: Duration,
    /// The longest wait for notifications (`fastleader.maxNotificationInterval`).
    pub notification_max: Duration,
    /// How long a quorum's agreement waits for a better vote before it counts. Liveness only: upstream waits 200 ms.
    pub finalize_wait: Duration,
    /// Whether a vote counts at once when every voter agrees: nobody is left who could know of a better one.
    pub decides_early: bool,
    /// The first pause before another try to reach an elected leader, which learns of it about when this server does; it
    /// doubles up to `redial`.
    pub redial_min: Duration,
    /// The longest pause before another try to reach an elected leader (`leaderConnectDelayDuringRetryMs`).
    pub redial: Duration,
    /// Committed transactions kept for learners that are a little behind (`commitLogCount`).
    pub commit_log_count: usize,
    /// Configurations of others count, if they are later ones (`reconfigEnabled`); `None` keeps this server's own. With it
    /// the first leader of an ensemble numbers its configuration, so that the lists of servers that join later, which may
    /// not have all of it, do not count (ZOOKEEPER-1783).
    pub read_config: Option<ReadConfig>,
    /// Whether a learner that lacks more than those may get them from the log on the disk (`snapshotSizeFactor`, which
    /// says how much of it).
    pub log_sync: bool,
    /// Every learner gets a snapshot (`forceSnapshotSync`).
    pub force_snapshot_sync: bool,
    /// Snapshots on their way to learners, beyond which an observer is sent away (`leader.maxConcurrentSnapSyncs`).
    pub snap_syncs_max: usize,
    /// Likewise for transactions (`leader.maxConcurrentDiffSyncs`).
    pub diff_syncs_max: usize,
    /// Whether this server, while it follows, serves observers (`observerMasterPort`).
    pub observer_master: bool,
    /// A bug on purpose; only the simulator sets it.
    pub bug: PlantedBug,
}

impl Config {
    /// Upstream's defaults of the sample configuration, for a server.
    pub fn new(sid: Sid) -> Self {
        Self {
            sid,
            tick: Duration::from_millis(2000),
            init_limit: 10,
            sync_limit: 5,
            notification_min: Duration::from_millis(200),
            notification_max: Duration::from_secs(60),
            finalize_wait: Duration::from_millis(200),
            decides_early: true,
            redial_min: Duration::from_millis(3),
            redial: Duration::from_millis(100),
            commit_log_count: 500,
            read_config: None,
            log_sync: true,
            force_snapshot_sync: false,
            snap_syncs_max: 10,
            diff_syncs_max: 100,
            observer_master: false,
            bug: PlantedBug::None,
        }
    }

    /// How long discovery or synchronisation may take.
    pub fn init_time(&self) -> Duration {
        self.tick * self.init_limit
    }

    /// How long a link may be silent in broadcast.
    pub fn sync_time(&self) -> Duration {
        self.tick * self.sync_limit
    }
}
