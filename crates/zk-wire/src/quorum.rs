//! Names of port 2888 (upstream: `Leader`), and where a packet ends there.

use base::DecodeError;

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

/// How long the packet at the front of `bytes` is; `None` when its end has not come yet. On this port nothing says a
/// length in front, so the packet's own fields are walked over.
///
/// # Errors
/// A packet that has more than `data_bytes_max` bytes of data, or more identities than a client can have.
pub fn packet_bytes(bytes: &[u8], data_bytes_max: usize) -> Result<Option<usize>, DecodeError> {
    match walk(bytes, data_bytes_max) {
        Ok(end) => Ok(Some(end)),
        Err(DecodeError::Truncated { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Identities of a client that a REQUEST may carry.
const IDS_MAX: i32 = 1024;
/// Bytes of a scheme or an id.
const ID_BYTES_MAX: usize = 64 * 1024;

fn walk(bytes: &[u8], data_bytes_max: usize) -> Result<usize, DecodeError> {
    const TYPE_AND_ZXID: usize = 12;
    let mut at = buffer_end(bytes, TYPE_AND_ZXID, data_bytes_max)?;
    let ids = int(bytes, at)?;
    at += 4;
    if ids > IDS_MAX {
        return Err(DecodeError::Unreasonable { what: "identities", value: ids.into() });
    }
    for _ in 0..2 * ids.max(0) {
        at = buffer_end(bytes, at, ID_BYTES_MAX)?;
    }
    Ok(at)
}

/// The end of the buffer whose length stands at `at`.
fn buffer_end(bytes: &[u8], at: usize, bytes_max: usize) -> Result<usize, DecodeError> {
    let len = int(bytes, at)?;
    let count = match usize::try_from(len) {
        Ok(count) if count <= bytes_max => count,
        Err(_) if len == -1 => 0,
        _ => return Err(DecodeError::Unreasonable { what: "length in a packet", value: len.into() }),
    };
    let end = at + 4 + count;
    if bytes.len() < end {
        return Err(DecodeError::Truncated { wanted: end, left: bytes.len() });
    }
    Ok(end)
}

fn int(bytes: &[u8], at: usize) -> Result<i32, DecodeError> {
    let truncated = DecodeError::Truncated { wanted: at + 4, left: bytes.len() };
    bytes.get(at..at + 4).and_then(|int| int.try_into().ok()).map(i32::from_be_bytes).ok_or(truncated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    use crate::{Id, Jute as _, QuorumPacket, Zxid};

    #[test]
    fn a_packets_end_is_found_wherever_the_bytes_stop() {
        let id = Id { scheme: "ip".into(), id: "127.0.0.1".into() };
        let packets = [
            QuorumPacket { packet_type: 5, zxid: Zxid(7), data: None, authinfo: None },
            QuorumPacket { packet_type: 2, zxid: Zxid(7), data: Some(Bytes::from_static(&[9; 40])), authinfo: None },
            QuorumPacket { packet_type: 1, zxid: Zxid(-1), data: None, authinfo: Some(vec![id.clone(), id]) },
        ];
        for packet in packets {
            let bytes = packet.to_bytes();
            for len in 0..bytes.len() {
                assert_eq!(packet_bytes(&bytes[..len], 40), Ok(None), "{len} bytes of {packet:?}");
            }
            let more = [&bytes[..], b"more"].concat();
            assert_eq!(packet_bytes(&more, 40), Ok(Some(bytes.len())));
        }
    }

    #[test]
    fn lengths_that_no_server_sends_are_refused_at_once() {
        let head = |data: i32, ids: i32, scheme: i32| {
            [&[0; 12][..], &data.to_be_bytes(), &ids.to_be_bytes(), &scheme.to_be_bytes()].concat()
        };
        for (data, ids, scheme) in [(41, 0, 0), (-2, 0, 0), (i32::MAX, 0, 0), (-1, 1025, 0), (-1, 1, i32::MAX)] {
            assert!(packet_bytes(&head(data, ids, scheme), 40).is_err(), "{data} {ids} {scheme}");
        }
    }

    #[test]
    fn numbers_are_dense() {
        for number in 1..20 {
            assert_eq!(PacketType::from_number(number).map(|kind| kind as i32), Some(number));
        }
        assert_eq!(PacketType::from_number(0), None);
        assert_eq!(PacketType::from_number(20), None);
    }
}
