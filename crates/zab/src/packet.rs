//! What goes over the quorum port, typed by direction (upstream: `QuorumPacket`, `Leader`, `Learner`). The bytes are
//! `zk_wire::QuorumPacket`; a packet in the wrong direction cannot be expressed here, and is the reader's error.

use base::{DecodeError, Reader, Str};
use bytes::{BufMut, Bytes, BytesMut};
use zk_wire::quorum::{PROTOCOL_VERSION, PacketType};
use zk_wire::{Epoch, Jute as _, LearnerInfo, QuorumPacket, Zxid};

use crate::broadcast::Proposal;
use crate::quorum::Sid;

/// From leader to learner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToLearner {
    /// The epoch this leader proposes.
    LeaderInfo(Epoch),
    /// Nothing but what follows is missing; the zxid says where that ends.
    Diff(Zxid),
    /// Everything above goes.
    Trunc(Zxid),
    /// A snapshot of the leader's service follows, taken at this zxid.
    Snap(Zxid),
    /// A transaction, to be logged.
    Proposal(Proposal),
    /// To be applied: the oldest proposal that is not yet.
    Commit(Zxid),
    /// To an observer: a transaction that is committed.
    Inform(Proposal),
    /// As COMMIT of a reconfig, which counts from now on.
    CommitAndActivate {
        /// The reconfig.
        zxid: Zxid,
        /// Who is to lead under it.
        leader: Sid,
    },
    /// As INFORM of a reconfig, which counts from now on.
    InformAndActivate {
        /// The reconfig.
        proposal: Proposal,
        /// Who is to lead under it.
        leader: Sid,
    },
    /// The history up to here is that of this epoch's leader. Carries the leader's configuration.
    NewLeader(Epoch, Str),
    /// A quorum has taken over that history: serve.
    UpToDate,
    /// Are you there?
    Ping(Zxid),
    /// Of the service (SYNC, REVALIDATE): no concern of this crate.
    Service(QuorumPacket),
}

/// What a learner is to its leader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LearnerKind {
    /// Votes and acknowledges.
    Follower,
    /// Only listens.
    Observer,
}

/// From learner to leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToLeader {
    /// Who speaks, and the highest epoch it has accepted.
    Info {
        /// Whether it votes.
        kind: LearnerKind,
        /// Its id.
        sid: Sid,
        /// The highest epoch that it promised to follow.
        accepted: Epoch,
        /// The version of the configuration that counts for it.
        config_version: i64,
    },
    /// The leader's epoch is accepted.
    AckEpoch {
        /// The last transaction in the learner's log.
        last: Zxid,
        /// The epoch whose leader made that log; `None` when the proposed epoch was accepted before, and then it does
        /// not count as a vote.
        current: Option<Epoch>,
    },
    /// A proposal, or with a counter of 0 the history before NEWLEADER, is durable.
    Ack(Zxid),
    /// I am. Carries the sessions heard of since the last time.
    Ping(Bytes),
    /// Of the service (REQUEST, REVALIDATE): no concern of this crate.
    Service(QuorumPacket),
}

impl ToLearner {
    /// The packet on the wire. The snapshot behind SNAP is not a part of it.
    pub fn encode(&self) -> QuorumPacket {
        match self {
            Self::LeaderInfo(epoch) => {
                packet(PacketType::LeaderInfo, epoch.first_zxid(), Some(number(PROTOCOL_VERSION)))
            }
            Self::Diff(zxid) => packet(PacketType::Diff, *zxid, None),
            Self::Trunc(zxid) => packet(PacketType::Trunc, *zxid, None),
            Self::Snap(zxid) => packet(PacketType::Snap, *zxid, None),
            Self::Proposal(proposal) => packet(PacketType::Proposal, proposal.zxid, Some(proposal.bytes.clone())),
            Self::Commit(zxid) => packet(PacketType::Commit, *zxid, None),
            Self::Inform(proposal) => packet(PacketType::Inform, proposal.zxid, Some(proposal.bytes.clone())),
            Self::CommitAndActivate { zxid, leader } => {
                packet(PacketType::CommitAndActivate, *zxid, Some(Bytes::copy_from_slice(&leader.to_be_bytes())))
            }
            Self::InformAndActivate { proposal, leader } => {
                let mut data = BytesMut::with_capacity(8 + proposal.bytes.len());
                data.put_i64(*leader);
                data.put_slice(&proposal.bytes);
                packet(PacketType::InformAndActivate, proposal.zxid, Some(data.freeze()))
            }
            Self::NewLeader(epoch, config) => {
                let text = Bytes::copy_from_slice(config.as_bytes());
                packet(PacketType::NewLeader, epoch.first_zxid(), Some(text))
            }
            Self::UpToDate => packet(PacketType::UpToDate, NO_ZXID, None),
            Self::Ping(zxid) => packet(PacketType::Ping, *zxid, None),
            Self::Service(packet) => packet.clone(),
        }
    }

    /// Reads a packet that came from a leader.
    ///
    /// # Errors
    /// A type that no leader sends, or data that are not the type's.
    pub fn decode(packet: QuorumPacket) -> Result<Self, DecodeError> {
        let kind = PacketType::from_number(packet.packet_type).ok_or(DecodeError::Invalid("packet type"))?;
        let proposal = |data: Option<Bytes>| {
            let bytes = data.ok_or(DecodeError::Invalid("transaction"))?;
            Ok(Proposal { zxid: packet.zxid, bytes, config: None })
        };
        Ok(match kind {
            PacketType::LeaderInfo => Self::LeaderInfo(packet.zxid.epoch()),
            PacketType::Diff => Self::Diff(packet.zxid),
            PacketType::Trunc => Self::Trunc(packet.zxid),
            PacketType::Snap => Self::Snap(packet.zxid),
            PacketType::Proposal => Self::Proposal(proposal(packet.data)?),
            PacketType::Commit => Self::Commit(packet.zxid),
            PacketType::Inform => Self::Inform(proposal(packet.data)?),
            PacketType::CommitAndActivate => {
                let leader = Reader::new(packet.data.unwrap_or_default()).i64()?;
                Self::CommitAndActivate { zxid: packet.zxid, leader }
            }
            PacketType::InformAndActivate => {
                let mut r = Reader::new(packet.data.unwrap_or_default());
                let leader = r.i64()?;
                Self::InformAndActivate { proposal: proposal(Some(r.rest()))?, leader }
            }
            PacketType::NewLeader => {
                Self::NewLeader(packet.zxid.epoch(), Str::from_utf8(packet.data.unwrap_or_default())?)
            }
            PacketType::UpToDate => Self::UpToDate,
            PacketType::Ping => Self::Ping(packet.zxid),
            PacketType::Sync | PacketType::Revalidate => Self::Service(packet),
            _ => return Err(DecodeError::Invalid("packet type from a leader")),
        })
    }
}

impl ToLeader {
    /// The packet on the wire.
    pub fn encode(&self) -> QuorumPacket {
        match self {
            Self::Info { kind, sid, accepted, config_version } => {
                let (server_id, config_version) = (*sid, *config_version);
                let info = LearnerInfo { server_id, protocol_version: PROTOCOL_VERSION, config_version };
                let kind = match kind {
                    LearnerKind::Follower => PacketType::FollowerInfo,
                    LearnerKind::Observer => PacketType::ObserverInfo,
                };
                packet(kind, accepted.first_zxid(), Some(info.to_bytes()))
            }
            Self::AckEpoch { last, current } => {
                let epoch = current.map_or(-1, |epoch| i32::try_from(epoch.0).unwrap_or(i32::MAX));
                packet(PacketType::AckEpoch, *last, Some(number(epoch)))
            }
            Self::Ack(zxid) => packet(PacketType::Ack, *zxid, None),
            Self::Ping(touched) => packet(PacketType::Ping, NO_ZXID, Some(touched.clone())),
            Self::Service(packet) => packet.clone(),
        }
    }

    /// Reads a packet that came from a learner.
    ///
    /// # Errors
    /// A type that no learner sends, or data that are not the type's.
    pub fn decode(packet: QuorumPacket) -> Result<Self, DecodeError> {
        let kind = PacketType::from_number(packet.packet_type).ok_or(DecodeError::Invalid("packet type"))?;
        let info = |kind, data: Option<Bytes>| {
            let info = LearnerInfo::from_bytes(data.unwrap_or_default())?;
            let (sid, config_version) = (info.server_id, info.config_version);
            Ok(Self::Info { kind, sid, accepted: packet.zxid.epoch(), config_version })
        };
        match kind {
            PacketType::FollowerInfo => info(LearnerKind::Follower, packet.data),
            PacketType::ObserverInfo => info(LearnerKind::Observer, packet.data),
            PacketType::AckEpoch => {
                let epoch = i32::from_bytes(packet.data.unwrap_or_default())?;
                let current = (epoch != -1).then_some(Epoch(epoch.into()));
                Ok(Self::AckEpoch { last: packet.zxid, current })
            }
            PacketType::Ack => Ok(Self::Ack(packet.zxid)),
            PacketType::Ping => Ok(Self::Ping(packet.data.unwrap_or_default())),
            PacketType::Request | PacketType::Revalidate => Ok(Self::Service(packet)),
            _ => Err(DecodeError::Invalid("packet type from a learner")),
        }
    }
}

/// What stands where a packet has no zxid.
const NO_ZXID: Zxid = Zxid(-1);

fn packet(kind: PacketType, zxid: Zxid, data: Option<Bytes>) -> QuorumPacket {
    QuorumPacket { packet_type: kind as i32, zxid, data, authinfo: None }
}

fn number(number: i32) -> Bytes {
    Bytes::copy_from_slice(&number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_to_learners_come_back_as_they_were() {
        let proposal = Proposal { zxid: Zxid(0x5_0000_0002), bytes: Bytes::from_static(b"txn"), config: None };
        let packets = [
            ToLearner::LeaderInfo(Epoch(5)),
            ToLearner::Diff(Zxid(7)),
            ToLearner::Trunc(Zxid(6)),
            ToLearner::Snap(Zxid(5)),
            ToLearner::Proposal(proposal.clone()),
            ToLearner::Commit(proposal.zxid),
            ToLearner::Inform(proposal.clone()),
            ToLearner::CommitAndActivate { zxid: proposal.zxid, leader: 3 },
            ToLearner::InformAndActivate { proposal, leader: 2 },
            ToLearner::NewLeader(Epoch(5), "version=0".into()),
            ToLearner::UpToDate,
            ToLearner::Ping(Zxid(9)),
            ToLearner::Service(packet(PacketType::Sync, Zxid(0), None)),
        ];
        for packet in packets {
            assert_eq!(ToLearner::decode(packet.encode()), Ok(packet));
        }
        assert!(ToLearner::decode(packet(PacketType::Ack, Zxid(1), None)).is_err(), "a learner's packet");
        assert!(ToLearner::decode(packet(PacketType::Proposal, Zxid(1), None)).is_err(), "no transaction");
    }

    #[test]
    fn packets_to_leaders_come_back_as_they_were() {
        let packets = [
            ToLeader::Info { kind: LearnerKind::Follower, sid: 3, accepted: Epoch(4), config_version: 7 },
            ToLeader::Info { kind: LearnerKind::Observer, sid: 9, accepted: Epoch(0), config_version: 0 },
            ToLeader::AckEpoch { last: Zxid(0x4_0000_0001), current: Some(Epoch(4)) },
            ToLeader::AckEpoch { last: Zxid(0x4_0000_0001), current: None },
            ToLeader::Ack(Zxid(0x5_0000_0001)),
            ToLeader::Ping(Bytes::from_static(&[0; 12])),
            ToLeader::Service(packet(PacketType::Request, Zxid(-1), Some(Bytes::new()))),
        ];
        for packet in packets {
            assert_eq!(ToLeader::decode(packet.encode()), Ok(packet));
        }
        assert!(ToLeader::decode(packet(PacketType::Commit, Zxid(1), None)).is_err(), "a leader's packet");
        assert!(ToLeader::decode(packet(PacketType::FollowerInfo, Zxid(1), None)).is_err(), "no introduction");
    }
}
