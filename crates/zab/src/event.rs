//! What happens to a peer, and what it wants done.

use bytes::Bytes;
use zk_wire::election::Notification;
use zk_wire::{Epoch, QuorumPacket, Zxid};

use crate::broadcast::Proposal;
use crate::packet::{ToLeader, ToLearner};
use crate::quorum::{QuorumConfig, Sid};

/// A connection on the quorum port; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link(pub u64);

/// Numbers the operations of the store. They are done in order, so one speaks for those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token(pub u64);

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A vote arrived on the election port.
    Notification {
        /// Who sent it.
        from: Sid,
        /// The vote.
        notification: Notification,
    },
    /// A learner dialled this server.
    LearnerConnected {
        /// Its connection.
        link: Link,
    },
    /// [`Effect::Dial`] succeeded.
    LeaderConnected {
        /// The connection.
        link: Link,
    },
    /// [`Effect::Dial`] failed.
    LeaderUnreachable,
    /// A packet of a learner.
    FromLearner {
        /// Its connection.
        link: Link,
        /// What it says.
        packet: ToLeader,
    },
    /// A packet of the leader.
    FromLeader {
        /// The connection.
        link: Link,
        /// What it says.
        packet: ToLearner,
    },
    /// The snapshot behind a SNAP packet has arrived completely and is kept beside the service ([`Effect::Receive`]).
    SnapshotReceived {
        /// The connection.
        link: Link,
    },
    /// What [`Effect::FindInLog`] asked for.
    FoundInLog {
        /// The learner's connection.
        link: Link,
        /// The newest transaction of the log that is not above the learner's last, when the log goes on from there to
        /// the end that was asked for without a gap, and in few enough bytes.
        common: Option<Zxid>,
    },
    /// A connection ended.
    Closed {
        /// Which.
        link: Link,
    },
    /// Every operation of the store up to this one is durable.
    Stored {
        /// The last one.
        token: Token,
    },
    /// The log cannot be cut there: the oldest snapshot is later.
    TruncateImpossible,
    /// The deadline is reached.
    Tick,
}

/// An operation of the store. Each is durable before the next one has an effect on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreOp {
    /// Writes `acceptedEpoch`.
    AcceptedEpoch(Epoch),
    /// Writes `currentEpoch`.
    CurrentEpoch(Epoch),
    /// Adds a transaction to the log.
    Append(Proposal),
    /// Cuts the log behind this transaction, and loads the service anew if it holds more.
    Truncate(Zxid),
    /// Puts the received snapshot, with what follows it, in the place of log and service. What the old log holds goes
    /// only after all of this is durable: until then a committed transaction may have its majority from it.
    Install {
        /// What the snapshot holds at least.
        zxid: Zxid,
        /// The leader's transactions behind it, to be logged and not yet given to the service.
        tail: Vec<Proposal>,
    },
}

/// What the service is told about this server's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is no leader that a quorum follows, as far as this server knows.
    Looking,
    /// This server leads, and a quorum has its history.
    Leading(Epoch),
    /// This server follows one that leads.
    Following {
        /// The leader.
        leader: Sid,
        /// Its epoch.
        epoch: Epoch,
    },
    /// As following, without a vote.
    Observing {
        /// The leader.
        leader: Sid,
        /// Its epoch.
        epoch: Epoch,
    },
}

/// Why a connection ends from this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// This server's role ended.
    RoleEnded,
    /// This server leads nobody.
    NotLeading,
    /// Silent for too long.
    Silent,
    /// A newer connection of the same server is there.
    Replaced,
    /// As many learners as may are being synchronised; an observer has to wait.
    TooManySyncs,
    /// The part of the log that a learner was being sent cannot be read any more.
    LogGone,
    /// A packet that cannot come now.
    Unexpected(&'static str),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send a vote. Only the latest to each server matters; it is sent again when a connection is made anew.
    Notify {
        /// To whom.
        to: Sid,
        /// The vote.
        notification: Notification,
    },
    /// Connect to the leader's quorum port.
    Dial {
        /// The leader.
        leader: Sid,
    },
    /// Send to a learner.
    ToLearner {
        /// Its connection.
        link: Link,
        /// What.
        packet: ToLearner,
    },
    /// Send to the leader.
    ToLeader {
        /// The connection.
        link: Link,
        /// What.
        packet: ToLeader,
    },
    /// Stream a snapshot of the service behind the SNAP packet just sent, before anything else on this connection.
    SendSnapshot {
        /// The learner's connection.
        link: Link,
        /// What it holds at least: the transactions behind are sent as well.
        zxid: Zxid,
    },
    /// Look into the log on the disk for what a learner lacks that is further behind than the window, then
    /// [`Event::FoundInLog`].
    FindInLog {
        /// The learner's connection.
        link: Link,
        /// Its last transaction.
        peer: Zxid,
        /// What the log must reach; it is logged, and perhaps not durable.
        until: Zxid,
    },
    /// Stream the log's transactions in `(after, until]`, each as PROPOSAL and COMMIT, behind the packet just sent, before
    /// anything else on this connection. The log may have to become durable first.
    SendLog {
        /// The learner's connection.
        link: Link,
        /// In the log.
        after: Zxid,
        /// Logged.
        until: Zxid,
    },
    /// Take the snapshot that follows on this connection, keep it beside the service, then [`Event::SnapshotReceived`].
    Receive {
        /// The leader's connection.
        link: Link,
        /// What the snapshot holds at least.
        zxid: Zxid,
    },
    /// Close a connection.
    Close {
        /// Which.
        link: Link,
        /// Why.
        reason: CloseReason,
    },
    /// Make this durable, behind what came before.
    Store {
        /// Its number.
        token: Token,
        /// What.
        op: StoreOp,
    },
    /// A committed transaction, for the service. Each once, in order.
    Deliver(Proposal),
    /// This server's place changed.
    Standing(Standing),
    /// Another configuration counts from now on: its reconfig was delivered just before, or a leader brought it.
    Configured(QuorumConfig),
    /// A later configuration may be committed, or none may any more. It is said before this server acknowledges what has
    /// it, so that the file beside the log (upstream: `zoo.cfg.dynamic.next`) can be there by then. What
    /// [`Effect::Configured`] says to count is none that may.
    NextConfig(Option<QuorumConfig>),
    /// A learner heard of these sessions since its last ping.
    Touched {
        /// The learner.
        sid: Sid,
        /// Session ids and timeouts, as its ping has them.
        sessions: Bytes,
    },
    /// A learner's service asks something (REQUEST, REVALIDATE).
    FromLearner {
        /// The learner.
        sid: Sid,
        /// What it asks.
        packet: QuorumPacket,
    },
    /// The leader's service says something (SYNC, REVALIDATE).
    FromLeader(QuorumPacket),
    /// A handover that [`crate::Peer::hand_over`] began has ended: this server steps down for that one, or why it does not
    /// lead in this server's place.
    HandoverOver(Result<Sid, &'static str>),
    /// This server led when that round, or one before it, was asked for ([`crate::Peer::confirm`]).
    Confirmed(u64),
}
