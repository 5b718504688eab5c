//! One group: its members, its generation, and where it stands between two assignments.
//!
//! What survives a restart (generation, protocol, leader, each member's subscription and assignment) is written by
//! `replay` alone. The rest, who is waiting for what and until when, is made anew by the members' own requests.

use core::time::Duration;
use std::collections::BTreeMap;

use base::{Instant, Str};
use bytes::Bytes;

use crate::shard::RequestToken;

/// Where a group stands (Kafka's `ClassicGroupState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// No members; offsets may be there.
    Empty,
    /// Members are asked to join again; joins are collected.
    PreparingRebalance,
    /// The leader works out the assignment.
    CompletingRebalance,
    /// Everyone has an assignment.
    Stable,
    /// Being removed.
    Dead,
}

impl State {
    /// The name that DescribeGroups and ListGroups show.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }
}

/// A parked JoinGroup: who to answer, and in which version's rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwaitingJoin {
    /// The request to answer.
    pub token: RequestToken,
    /// Its version; 9 and later know `skip_assignment`.
    pub version: i16,
}

/// One member of a group.
#[derive(Clone, Debug)]
pub struct Member {
    /// `<client id>-<uuid>`, given by the coordinator.
    pub id: Str,
    /// Set for static members (KIP-345).
    pub instance_id: Option<Str>,
    /// From the request header.
    pub client_id: Str,
    /// The peer's address, as Java prints it (`/127.0.0.1`).
    pub client_host: Str,
    /// How long a rebalance waits for this member, in milliseconds.
    pub rebalance_timeout_ms: i32,
    /// How long the member may be silent, in milliseconds.
    pub session_timeout_ms: i32,
    /// The assignment protocols it supports, its favourite first, each with its metadata.
    pub protocols: Vec<(Str, Bytes)>,
    /// What the leader assigned; opaque.
    pub assignment: Bytes,
    /// Removed when nothing is heard until then.
    pub session_deadline: Instant,
    /// Held until the rebalance has everyone.
    pub awaiting_join: Option<AwaitingJoin>,
    /// Held until the leader's assignment is committed.
    pub awaiting_sync: Option<RequestToken>,
    /// Not yet through its first rebalance: its deadline is the longer `NEW_MEMBER_JOIN_TIMEOUT`.
    pub is_new: bool,
    /// Must send SyncGroup by then (Kafka's pending sync members).
    pub sync_deadline: Option<Instant>,
}

impl Member {
    /// The metadata sent for `protocol`.
    pub fn metadata(&self, protocol: &str) -> Bytes {
        self.protocols.iter().find(|(name, _)| name == protocol).map(|(_, data)| data.clone()).unwrap_or_default()
    }

    /// Whether the member names the same protocols, in the same order, with the same metadata.
    pub fn has_protocols(&self, protocols: &[(Str, Bytes)]) -> bool {
        self.protocols == protocols
    }
}

/// A rebalance in its first half.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rebalance {
    /// The first members of an empty group: wait a little for more (`group.initial.rebalance.delay.ms`).
    Initial {
        /// When this round of waiting ends.
        until: Instant,
        /// Never later than this.
        at_most: Instant,
        /// Somebody joined since the round began, so another follows.
        grew: bool,
    },
    /// Everyone is asked to join again.
    Rejoin {
        /// Who has not joined by then is out.
        until: Instant,
    },
}

/// A group.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub id: Str,
    /// Where it stands.
    pub state: State,
    /// When `state` last changed, wall clock; what offset retention of an empty group counts from.
    pub state_timestamp_ms: i64,
    /// `consumer`, `connect` ...; `None` while only offsets are kept.
    pub protocol_type: Option<Str>,
    /// Incremented by each completed join.
    pub generation: i32,
    /// The assignment protocol that everyone supports.
    pub protocol_name: Option<Str>,
    /// The member that works out the assignment.
    pub leader: Option<Str>,
    /// By member id.
    pub members: BTreeMap<Str, Member>,
    /// Static members: instance id to member id.
    pub static_members: BTreeMap<Str, Str>,
    /// Member ids handed out (v4+) and not used yet, with their expiry.
    pub pending: BTreeMap<Str, Instant>,
    /// Set in `PreparingRebalance`.
    pub rebalance: Option<Rebalance>,
}

impl Group {
    /// A group without members.
    pub fn new(id: Str, wall_ms: i64) -> Self {
        Self {
            id,
            state: State::Empty,
            state_timestamp_ms: wall_ms,
            protocol_type: None,
            generation: 0,
            protocol_name: None,
            leader: None,
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            pending: BTreeMap::new(),
            rebalance: None,
        }
    }

    /// Moves to `state`.
    pub fn transition(&mut self, state: State, wall_ms: i64) {
        self.state = state;
        self.state_timestamp_ms = wall_ms;
        if state != State::PreparingRebalance {
            self.rebalance = None;
        }
    }

    /// Adds or replaces a member.
    pub fn add(&mut self, member: Member) {
        if self.leader.is_none() {
            self.leader = Some(member.id.clone());
        }
        if let Some(instance_id) = &member.instance_id {
            self.static_members.insert(instance_id.clone(), member.id.clone());
        }
        self.pending.remove(&*member.id);
        if let Some(Rebalance::Initial { grew, .. }) = &mut self.rebalance {
            *grew = true;
        }
        self.members.insert(member.id.clone(), member);
    }

    /// Removes a member; another becomes leader if it was the leader.
    pub fn remove(&mut self, member_id: &str) -> Option<Member> {
        let member = self.members.remove(member_id)?;
        if let Some(instance_id) = &member.instance_id
            && self.static_members.get(&**instance_id).is_some_and(|id| id == member_id)
        {
            self.static_members.remove(&**instance_id);
        }
        if self.leader.as_deref() == Some(member_id) {
            self.leader = self.members.keys().next().cloned();
        }
        Some(member)
    }

    /// Whether everybody who is expected has joined the rebalance.
    pub fn everybody_joined(&self) -> bool {
        self.pending.is_empty() && self.members.values().all(|member| member.awaiting_join.is_some())
    }

    /// The longest rebalance timeout among the members.
    pub fn rebalance_timeout(&self) -> Duration {
        let ms = self.members.values().map(|member| member.rebalance_timeout_ms).max().unwrap_or(0);
        Duration::from_millis(ms.max(0) as u64)
    }

    /// Whether a member with these protocols could join: the type is the group's, and at least one protocol is common
    /// to everyone else.
    pub fn accepts(&self, protocol_type: &str, protocols: &[(Str, Bytes)]) -> bool {
        if self.members.is_empty() {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols.iter().any(|(name, _)| {
                self.members.values().all(|member| member.protocols.iter().any(|(other, _)| other == name))
            })
    }

    /// The protocol that most members prefer among those common to all; ties go to the one that comes first in the
    /// leader's own list.
    pub fn vote(&self) -> Option<Str> {
        let common = |name: &Str| self.members.values().all(|m| m.protocols.iter().any(|(other, _)| other == name));
        let mut votes: BTreeMap<Str, usize> = BTreeMap::new();
        for member in self.members.values() {
            if let Some((favourite, _)) = member.protocols.iter().find(|(name, _)| common(name)) {
                *votes.entry(favourite.clone()).or_default() += 1;
            }
        }
        let most = votes.values().copied().max()?;
        let leader = self.leader.as_ref().and_then(|id| self.members.get(&**id))?;
        let by_leader = leader.protocols.iter().map(|(name, _)| name).find(|name| votes.get(*name) == Some(&most));
        by_leader.cloned().or_else(|| votes.into_iter().find(|(_, n)| *n == most).map(|(name, _)| name))
    }

    /// When something of this group is due next.
    pub fn deadline(&self) -> Option<Instant> {
        let rebalance = self.rebalance.as_ref().map(|rebalance| match rebalance {
            Rebalance::Initial { until, .. } | Rebalance::Rejoin { until } => *until,
        });
        let sessions = self.members.values().filter(|m| m.expires()).map(|m| m.session_deadline);
        let syncs = self.members.values().filter_map(|m| m.sync_deadline);
        sessions.chain(syncs).chain(self.pending.values().copied()).chain(rebalance).min()
    }
}

impl Member {
    /// Whether silence removes this member now: not while its own JoinGroup or SyncGroup is parked here.
    pub fn expires(&self) -> bool {
        let parked = self.awaiting_join.is_some() || self.awaiting_sync.is_some();
        !parked || self.is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &'static str, protocols: &[&'static str]) -> Member {
        Member {
            id: Str::from_static(id),
            instance_id: None,
            client_id: Str::new(),
            client_host: Str::new(),
            rebalance_timeout_ms: 1000,
            session_timeout_ms: 1000,
            protocols: protocols.iter().map(|p| (Str::from_static(p), Bytes::new())).collect(),
            assignment: Bytes::new(),
            session_deadline: Instant::ZERO,
            awaiting_join: None,
            awaiting_sync: None,
            is_new: false,
            sync_deadline: None,
        }
    }

    #[test]
    fn the_vote_takes_the_favourite_among_the_common() {
        let cases: &[(&[&[&'static str]], Option<&str>)] = &[
            (&[&["range"]], Some("range")),
            (&[&["range", "roundrobin"], &["roundrobin"]], Some("roundrobin")),
            (&[&["a", "b"], &["b", "a"], &["b", "a"]], Some("b")),
            (&[&["a", "b"], &["b", "a"]], Some("a")),
            (&[&["a"], &["b"]], None),
        ];
        for (members, expected) in cases {
            let mut group = Group::new(Str::from("g"), 0);
            for (protocols, id) in members.iter().zip(["m1", "m2", "m3"]) {
                group.add(member(id, protocols));
            }
            assert_eq!(group.vote().as_deref(), *expected, "{members:?}");
        }
    }

    #[test]
    fn a_member_must_share_a_protocol_with_everyone() {
        let mut group = Group::new(Str::from("g"), 0);
        let with = |name: &'static str| vec![(Str::from_static(name), Bytes::new())];
        assert!(group.accepts("consumer", &with("range")));
        assert!(!group.accepts("", &with("range")));
        assert!(!group.accepts("consumer", &[]));
        group.add(member("m1", &["range"]));
        group.protocol_type = Some(Str::from("consumer"));
        assert!(group.accepts("consumer", &with("range")));
        assert!(!group.accepts("consumer", &with("sticky")));
        assert!(!group.accepts("connect", &with("range")));
    }

    #[test]
    fn the_leader_is_the_first_and_is_replaced_when_it_goes() {
        let mut group = Group::new(Str::from("g"), 0);
        group.add(member("m2", &["range"]));
        group.add(member("m1", &["range"]));
        assert_eq!(group.leader.as_deref(), Some("m2"));
        group.remove("m2");
        assert_eq!(group.leader.as_deref(), Some("m1"));
        group.remove("m1");
        assert_eq!(group.leader, None);
    }
}
