//! Both ports as the loop's world uses them: nothing here waits.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use keeper::membership::Membership;
use parking_lot::Mutex;
use storage::zk::intake::SnapshotIntake;
use tokio::runtime::Handle;
use zab::event::CloseReason;
use zab::packet::{ToLeader, ToLearner};
use zab::{Link, Sid};
use zk_wire::QuorumPacket;
use zk_wire::election::Notification;

use super::super::StartError;
use super::super::loop_thread::ToLoop;
use super::{ElectionPort, LinkOut, MemberConfig, Members, OpenLinks, QuorumPort};
use crate::config::dynamic_file;
use crate::world_real::Inbox;

/// What is around the loop of a member.
pub struct Rim {
    election: ElectionPort,
    quorum: QuorumPort,
    /// The dial whose end the loop waits for.
    dial: u64,
    /// Connections with something to send at the end of the turn.
    dirty: Vec<Arc<LinkOut>>,
    members: Members,
    my_id: Sid,
    config_file: Option<PathBuf>,
    /// The version of the configuration that was written last: the tasks that write may overtake each other.
    written: Arc<Mutex<i64>>,
    runtime: Handle,
}

impl Rim {
    /// Binds both ports; what arrives goes to `inbox`.
    ///
    /// # Errors
    /// [`StartError`] when an address cannot be bound.
    pub async fn open(config: &MemberConfig, members: Members, inbox: &Arc<Inbox<ToLoop>>) -> Result<Self, StartError> {
        let (votes, links) = (inbox.clone(), inbox.clone());
        let quorum = QuorumPort::open(config.clone(), members.clone(), move |from| links.push(ToLoop::FromLink(from)));
        let quorum = quorum.await?;
        let election =
            ElectionPort::open(config.clone(), members.clone(), move |voted| votes.push(ToLoop::Voted(voted)));
        Ok(Self {
            election: election.await?,
            quorum,
            dial: 0,
            dirty: Vec::new(),
            members,
            my_id: config.my_id,
            config_file: config.config_file.clone(),
            written: Arc::default(),
            runtime: Handle::current(),
        })
    }

    /// Another configuration is active: others are reached where it says, this server listens where it says, and its
    /// files say it to the next start.
    pub fn configured(&mut self, text: &str) {
        let membership = match Membership::parse(text) {
            Ok(membership) => membership,
            Err(error) => {
                tracing::error!("cannot use the new configuration of the ensemble: {error}; the old one stays");
                return;
            }
        };
        self.members.store(Arc::new(membership.clone()));
        self.election.reconfigured();
        self.quorum.reconfigured();
        let (file, my_id) = (self.config_file.clone(), self.my_id);
        if let Some(file) = file {
            let written = self.written.clone();
            self.runtime.spawn_blocking(move || {
                let mut written = written.lock();
                if membership.version < *written {
                    return;
                }
                *written = membership.version;
                match dynamic_file::write(&file, &membership, my_id) {
                    Ok(path) => tracing::info!("the ensemble's new configuration is in {}", path.display()),
                    Err(error) => tracing::error!(
                        "{error}; the new configuration is not in the files, so correct them by hand before the next start"
                    ),
                }
            });
        }
    }

    /// The connections of the quorum port, for looking at.
    pub fn open_links(&self) -> OpenLinks {
        self.quorum.open_links()
    }

    /// Sends a vote.
    pub fn notify(&self, to: Sid, notification: &Notification) {
        self.election.notify(to, notification);
    }

    /// Connects to who serves the learners of a leader; who that is.
    pub fn dial(&mut self, leader: Sid) -> Sid {
        let (number, master) = self.quorum.dial(leader);
        self.dial = number;
        master
    }

    /// Whether this server follows, and serves observers if it is to.
    pub fn follows(&mut self, follows: bool) {
        self.quorum.follows(follows);
    }

    /// Whether the end of this dial is news; a connection that nobody wants any more is closed.
    pub fn dialled(&self, number: u64, link: Option<Link>) -> bool {
        if number == self.dial {
            return true;
        }
        if let Some(out) = link.and_then(|link| self.quorum.link(link)) {
            out.close("this server dials another leader".into());
        }
        false
    }

    /// Whether this server leads.
    pub fn leads(&self, leads: bool) {
        self.quorum.leads(leads);
    }

    /// Queues a packet for a learner.
    pub fn to_learner(&mut self, link: Link, packet: &ToLearner) {
        self.send(link, &packet.encode());
    }

    /// Queues a packet for the leader.
    pub fn to_leader(&mut self, link: Link, packet: &ToLeader) {
        self.send(link, &packet.encode());
    }

    fn send(&mut self, link: Link, packet: &QuorumPacket) {
        let Some(out) = self.quorum.link(link) else { return };
        if out.packet(packet) {
            self.dirty.push(out);
        }
    }

    /// A stream begins: packets that are queued from now on leave behind it.
    pub fn begin_stream(&self, link: Link) {
        if let Some(out) = self.quorum.link(link) {
            out.begin_stream();
        }
    }

    /// Queues a piece of a stream.
    pub fn send_stream(&self, link: Link, piece: Bytes, last: bool) {
        if let Some(out) = self.quorum.link(link) {
            out.stream(piece, last);
        }
    }

    /// The snapshot that comes next on a connection goes there.
    pub fn receive_snapshot(&self, link: Link, intake: Box<SnapshotIntake>) {
        if let Some(out) = self.quorum.link(link) {
            out.receive(intake);
        }
    }

    /// Closes a connection behind what is queued.
    pub fn close(&self, link: Link, reason: CloseReason) {
        if let Some(out) = self.quorum.link(link) {
            out.close(describe(reason).into());
        }
    }

    /// Writes what the turn has queued.
    pub fn flush(&mut self) {
        for out in self.dirty.drain(..) {
            out.flush();
        }
    }
}

fn describe(reason: CloseReason) -> &'static str {
    match reason {
        CloseReason::RoleEnded => "this server's role ended",
        CloseReason::NotLeading => "this server does not lead",
        CloseReason::Silent => "it was silent for too long",
        CloseReason::TooManySyncs => "as many learners as may are being synchronised; it has to try again",
        CloseReason::LogGone => "what it lacks is not in the log any more; it has to try again",
        CloseReason::Replaced => "the same server has a newer connection",
        CloseReason::Unexpected(what) => what,
    }
}
