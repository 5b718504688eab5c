//! The payload of a message on port 3888, whose tail grew over the releases (upstream: `FastLeaderElection`).
//!
//! ```text
//! int state | long leader | long zxid | long electionEpoch | long peerEpoch | int version | int length | configuration
//!                                                28 bytes ^       40 bytes ^                44 bytes ^
//! ```

use base::{DecodeError, Reader, Str};
use bytes::{BufMut, BytesMut};

use crate::jute::Jute;
use crate::types::{Epoch, Zxid};

/// What a server says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerState {
    /// Looks for a leader.
    Looking,
    /// Follows one.
    Following,
    /// Is one.
    Leading,
    /// Watches one.
    Observing,
}

/// A vote, sent to every voter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The sender's state.
    pub state: ServerState,
    /// The server it votes for.
    pub leader: i64,
    /// That server's last logged transaction.
    pub zxid: Zxid,
    /// The sender's round of election (logical clock).
    pub election_epoch: i64,
    /// That server's epoch.
    pub peer_epoch: Epoch,
    /// 2 today; 0 from releases before 3.4.6.
    pub version: i32,
    /// The sender's configuration, from version 2 on.
    pub config: Option<Str>,
}

/// The version this code writes.
pub const NOTIFICATION_VERSION: i32 = 2;
/// The configuration's largest length.
const CONFIG_BYTES_MAX: i32 = 512 * 1024;

impl Jute for Notification {
    const SMALLEST_BYTES: usize = 28;

    fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
        let state = match r.i32()? {
            0 => ServerState::Looking,
            1 => ServerState::Following,
            2 => ServerState::Leading,
            3 => ServerState::Observing,
            _ => return Err(DecodeError::Invalid("server state")),
        };
        let (leader, zxid, election_epoch) = (r.i64()?, Zxid(r.i64()?), r.i64()?);
        let peer_epoch = if r.is_empty() { zxid.epoch() } else { Epoch(r.i64()?) };
        let version = if r.remaining() < 4 { 0 } else { r.i32()? };
        let config = if version < 2 || r.is_empty() {
            None
        } else {
            match r.i32()? {
                len @ 0..=CONFIG_BYTES_MAX => Some(Str::from_utf8(r.slice(len as usize)?)?),
                len => return Err(DecodeError::Unreasonable { what: "configuration length", value: len.into() }),
            }
        };
        Ok(Self { state, leader, zxid, election_epoch, peer_epoch, version, config })
    }

    fn encode(&self, out: &mut BytesMut) {
        out.put_i32(self.state as i32);
        out.put_i64(self.leader);
        out.put_i64(self.zxid.0);
        out.put_i64(self.election_epoch);
        out.put_i64(self.peer_epoch.0);
        if self.version != 0 {
            out.put_i32(self.version);
        }
        if let Some(config) = &self.config {
            config.encode(out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn tails_may_be_missing() {
        let full = Notification {
            state: ServerState::Leading,
            leader: 3,
            zxid: Zxid(0x7_0000_0001),
            election_epoch: 5,
            peer_epoch: Epoch(7),
            version: NOTIFICATION_VERSION,
            config: Some("version=0".into()),
        };
        let bytes = full.to_bytes();
        assert_eq!(bytes.len(), 44 + 9);
        assert_eq!(Notification::from_bytes(bytes.clone()).as_ref(), Ok(&full));
        let old = Notification { version: 0, config: None, ..full };
        assert_eq!(Notification::from_bytes(bytes.slice(..36)).as_ref(), Ok(&old));
        assert_eq!(Notification::from_bytes(bytes.slice(..28)).as_ref(), Ok(&old), "the epoch is the zxid's");
        assert!(Notification::from_bytes(bytes.slice(..20)).is_err());
        assert!(Notification::from_bytes(Bytes::from_static(&[9; 44])).is_err());
    }
}
