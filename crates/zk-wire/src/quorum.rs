//! Names of port 2888 (upstream: `Leader`).

/// A [`crate::QuorumPacket`]'s type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum PacketType {
    /// Learner to leader: a client's write.
    Request = 1,
    /// Leader to follower: a transaction.
    Proposal = 2,
    /// Follower to leader: it is in my log.
    Ack = 3,
    /// Leader to follower: apply it.
    Commit = 4,
    /// Both ways; the answer carries the sessions heard of.
    Ping = 5,
    /// Both ways: is this session valid?
    Revalidate = 6,
    /// Leader to learner: the barrier is passed.
    Sync = 7,
    /// Leader to observer: a committed transaction.
    Inform = 8,
    /// Leader to follower: apply a reconfig.
    CommitAndActivate = 9,
    /// Leader to learner: the history is complete.
    NewLeader = 10,
    /// Follower to leader: who I am.
    FollowerInfo = 11,
    /// Leader to learner: serve.
    UpToDate = 12,
    /// Leader to learner: transactions follow.
    Diff = 13,
    /// Leader to learner: cut your log.
    Trunc = 14,
    /// Leader to learner: a snapshot follows.
    Snap = 15,
    /// Observer to leader: who I am.
    ObserverInfo = 16,
    /// Leader to learner: the new epoch.
    LeaderInfo = 17,
    /// Learner to leader: the epoch I had.
    AckEpoch = 18,
    /// Leader to observer: a committed reconfig.
    InformAndActivate = 19,
}

impl PacketType {
    /// The type of a number on the wire.
    pub const fn from_number(number: i32) -> Option<Self> {
        Some(match number {
            1 => Self::Request,
            2 => Self::Proposal,
            3 => Self::Ack,
            4 => Self::Commit,
            5 => Self::Ping,
            6 => Self::Revalidate,
            7 => Self::Sync,
            8 => Self::Inform,
            9 => Self::CommitAndActivate,
            10 => Self::NewLeader,
            11 => Self::FollowerInfo,
            12 => Self::UpToDate,
            13 => Self::Diff,
            14 => Self::Trunc,
            15 => Self::Snap,
            16 => Self::ObserverInfo,
            17 => Self::LeaderInfo,
            18 => Self::AckEpoch,
            19 => Self::InformAndActivate,
            _ => return None,
        })
    }
}

/// The protocol version in LEADERINFO and [`crate::LearnerInfo`].
pub const PROTOCOL_VERSION: i32 = 0x10000;
/// The magic of [`crate::QuorumAuthPacket`]: upstream writes it as the negative of 0xa0dbcafecafe1234, which wraps.
pub const AUTH_MAGIC: i64 = 0xa0db_cafe_cafe_1234_u64.wrapping_neg().cast_signed();
/// What ends the snapshot behind a SNAP packet.
pub const SNAP_SIGNATURE: &str = "BenWasHere";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_dense() {
        for number in 1..20 {
            assert_eq!(PacketType::from_number(number).map(|kind| kind as i32), Some(number));
        }
        assert_eq!(PacketType::from_number(0), None);
        assert_eq!(PacketType::from_number(20), None);
    }
}
