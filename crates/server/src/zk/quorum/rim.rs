//! Both ports as the loop's world uses them: nothing here waits, but for the files of a reconfiguration.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use keeper::membership::Membership;
use storage::zk::intake::SnapshotIntake;
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
    /// The configuration that counts.
    members: Members,
    /// A later one that may be committed.
    next: Option<Membership>,
    /// Whom both ports reach: the servers of both.
    reached: Members,
    my_id: Sid,
    config_file: Option<PathBuf>,
}

impl Rim {
    /// Binds both ports; what arrives goes to `inbox`.
    ///
    /// # Errors
    /// [`StartError`] when an address cannot be bound.
    pub async fn open(config: &MemberConfig, members: Members, inbox: &Arc<Inbox<ToLoop>>) -> Result<Self, StartError> {
        let (votes, links) = (inbox.clone(), inbox.clone());
        let reached = Members::new(ArcSwap::new(members.load_full()));
        let quorum = QuorumPort::open(config.clone(), reached.clone(), move |from| links.push(ToLoop::FromLink(from)));
        let quorum = quorum.await?;
        let election =
            ElectionPort::open(config.clone(), reached.clone(), move |voted| votes.push(ToLoop::Voted(voted)));
        Ok(Self {
            election: election.await?,
            quorum,
            dial: 0,
            dirty: Vec::new(),
            members,
            next: None,
            reached,
            my_id: config.my_id,
            config_file: config.config_file.clone(),
        })
    }

    /// Another configuration is active: others are reached where it says, this server listens where it says, and its
    /// files say it to the next start: when this returns, so that no start knows of a later one and not of this one.
    pub fn configured(&mut self, text: &str) {
        let membership = match Membership::parse(text) {
            Ok(membership) => membership,
            Err(error) => {
                tracing::error!("cannot use the new configuration of the ensemble: {error}; the old one stays");
                return;
            }
        };
        self.members.store(Arc::new(membership.clone()));
        self.next = self.next.take().filter(|next| next.version > membership.version);
        self.reach();
        self.election.reconfigured();
        self.quorum.reconfigured();
        let Some(file) = &self.config_file else { return };
        match dynamic_file::write(file, &membership, self.my_id) {
            Ok(path) => tracing::info!("the ensemble's new configuration is in {}", path.display()),
            Err(error) => tracing::error!(
                "{error}; the new configuration is not in the files, so correct them by hand before the next start"
            ),
        }
    }

    /// A later configuration may be committed, or none any more: those that are to join are reached as well, and the files
    /// say it to the next start. They do when this returns: this server acknowledges nothing before.
    pub fn next_config(&mut self, text: Option<&str>) {
        self.next = match text.map(Membership::parse).transpose() {
            Ok(next) => next,
            Err(error) => {
                tracing::error!("cannot use the next configuration of the ensemble: {error}");
                return;
            }
        };
        self.reach();
        let Some(file) = &self.config_file else { return };
        let kept = match &self.next {
            Some(next) => dynamic_file::write_next(file, next).map(drop),
            None => dynamic_file::remove_next(file),
        };
        if let Err(error) = kept {
            tracing::error!("{error}; do not give this folder to a server of Apache's before the reconfig is over");
        }
    }

    /// Those that are to join are reached as members are (upstream: `QuorumPeer.connectNewPeers`).
    fn reach(&self) {
        let mut reached = Membership::clone(&self.members.load());
        for (sid, joiner) in self.next.iter().flat_map(|next| &next.members) {
            reached.members.entry(*sid).or_insert_with(|| joiner.clone());
        }
        self.reached.store(Arc::new(reached));
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
