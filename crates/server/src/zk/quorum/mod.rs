//! What is around a member of an ensemble: the ports where it meets the others.
//!
//! ```text
//! election port  votes, each way        election_port -> initial message -> frames of one vote
//! quorum port    leader and learners    quorum_port -> link -> packets back to back, a snapshot between them
//! observer port  follower and observers the same, on a port of its own
//! ```
//! Everything that is decided, [`zab::Peer`] decides on the keeper's loop. What arrives goes to the loop's inbox together
//! with a permit: who sends more than the loop takes is not read.

mod dial;
mod election_port;
mod link;
mod listen;
mod observer_port;
mod packets;
mod quorum_port;
pub mod rim;
mod snapshot_in;
mod strangers;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use driver::keeper_loop::EnsembleConfig;
use keeper::membership::Membership;
use zab::Sid;

pub use self::election_port::{ElectionPort, Voted};
pub use self::link::{LinkOut, LinkView};
pub use self::quorum_port::{FromLink, OpenLinks, QuorumPort};

/// How a server is a member of its ensemble.
#[derive(Clone, Debug)]
pub struct MemberConfig {
    /// This server (`myid`).
    pub my_id: Sid,
    /// Who is in the ensemble.
    pub membership: Membership,
    /// Whether the membership is from the file that `dynamicConfigFile` names.
    pub dynamic: bool,
    /// A later configuration that may be committed, as it was kept beside `zoo.cfg`.
    pub next: Option<Membership>,
    /// The protocol's limits.
    pub peer: zab::Config,
    /// `connectToLearnerMasterLimit` in ticks; 0 is `initLimit`.
    pub connect_limit: u32,
    /// `observerMasterPort`: where followers serve observers, and where an observer finds them.
    pub observer_master_port: Option<u16>,
    /// `quorumListenOnAllIPs`
    pub listen_on_all_ips: bool,
    /// `electionPortBindRetry`; 0 tries for ever.
    pub bind_retries: u32,
    /// `cnxTimeout`: how long the dialling of an election port may take.
    pub cnx_timeout: Duration,
    /// `quorumCnxnTimeoutMs`: how long whoever dialled an election port may take to say who it is; `None` is the time of
    /// `syncLimit`.
    pub handshake_timeout: Option<Duration>,
    /// `tcpKeepAlive`
    pub keep_alive: bool,
    /// `multiAddress.enabled`
    pub multi_address: bool,
    /// `zoo.cfg`, when there is one: a reconfiguration is written there.
    pub config_file: Option<PathBuf>,
    /// The longest transaction that a packet may carry.
    pub record_bytes_max: usize,
}

impl MemberConfig {
    /// Upstream's defaults.
    pub fn new(my_id: Sid, membership: Membership) -> Self {
        Self {
            my_id,
            membership,
            dynamic: false,
            next: None,
            peer: zab::Config::new(my_id),
            connect_limit: 0,
            observer_master_port: None,
            listen_on_all_ips: false,
            bind_retries: 3,
            cnx_timeout: Duration::from_secs(5),
            handshake_timeout: None,
            keep_alive: false,
            multi_address: false,
            config_file: None,
            record_bytes_max: zk_wire::frame::max_stored_bytes(
                zk_wire::frame::JUTE_MAX_BUFFER,
                zk_wire::frame::JUTE_MAX_BUFFER,
            ),
        }
    }

    /// What the loop must know of it.
    pub(super) fn for_loop(&self) -> EnsembleConfig {
        EnsembleConfig {
            zab: self.peer.clone(),
            verifier: self.membership.verifier(),
            config_text: self.membership.to_string().into(),
            next_text: self.next.as_ref().map(|next| next.to_string().into()),
        }
    }

    /// How long one try to reach a leader may take.
    fn connect_time(&self) -> Duration {
        let limit = if self.connect_limit == 0 { self.peer.init_limit } else { self.connect_limit };
        self.peer.sync_time().min(self.peer.tick * limit)
    }

    /// How long a server may take to say who it is.
    fn handshake_time(&self) -> Duration {
        self.handshake_timeout.unwrap_or_else(|| self.peer.sync_time())
    }
}

/// Who is in the ensemble now; a reconfig replaces it.
pub type Members = Arc<ArcSwap<Membership>>;
