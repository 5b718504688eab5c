//! Port 3888: what the side that dialled says first (upstream: `QuorumCnxManager.InitialMessage`), and the payload of a
//! message, whose tail grew over the releases (upstream: `FastLeaderElection`). Before each message stands its length.
//!
//! ```text
//! long -65536 (one address) or -65535 (several) | long id | int length | host:port "|" host:port ..
//! long id                                                           before release 3.5
//!
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

/// What the side that dialled says first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitialMessage {
    /// Who dialled; [`ANONYMOUS_OBSERVER`] from an observer without an id.
    pub sid: i64,
    /// Where its own election port is, as `host:port`, addresses in brackets; empty from releases before 3.5.
    pub addresses: Vec<Str>,
}

/// The id of an observer that has none.
pub const ANONYMOUS_OBSERVER: i64 = i64::MAX;
/// The longest message on the port.
pub const MESSAGE_BYTES_MAX: i32 = 512 * 1024;

/// The protocol with one address.
const ONE_ADDRESS: i64 = -65536;
/// The protocol with several addresses (`multiAddress.enabled`).
const SEVERAL_ADDRESSES: i64 = -65535;
/// The longest list of addresses.
const ADDRESSES_BYTES_MAX: i32 = 2048;

impl InitialMessage {
    /// Reads one; what follows it stays unread.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] with what is missing to the next part, so that a reader of a stream need not read
    /// beyond it; and what no server sends.
    pub fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
        let version = r.i64()?;
        if version >= 0 {
            return Ok(Self { sid: version, addresses: Vec::new() });
        }
        if version != ONE_ADDRESS && version != SEVERAL_ADDRESSES {
            return Err(DecodeError::Unreasonable { what: "protocol version", value: version });
        }
        let sid = r.i64()?;
        let text = match r.i32()? {
            len @ 1..=ADDRESSES_BYTES_MAX => Str::from_utf8(r.slice(len as usize)?)?,
            len => return Err(DecodeError::Unreasonable { what: "address length", value: len.into() }),
        };
        let addresses = text.split('|').filter(|address| !address.is_empty()).map(Str::from).collect();
        Ok(Self { sid, addresses })
    }

    /// The bytes; those of several addresses only with `several`, which releases before 3.6 do not know.
    pub fn encode(&self, several: bool, out: &mut BytesMut) {
        let count = if several { self.addresses.len() } else { 1 };
        let addresses: Vec<&str> = self.addresses.iter().take(count).map(|address| &**address).collect();
        out.put_i64(if several { SEVERAL_ADDRESSES } else { ONE_ADDRESS });
        out.put_i64(self.sid);
        Str::from(addresses.join("|")).encode(out);
    }
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
    fn who_dialled_says_its_addresses_and_an_old_server_its_id() {
        let message = InitialMessage { sid: 3, addresses: vec!["zk3:3888".into(), "[::1]:3888".into()] };
        let mut out = BytesMut::new();
        message.encode(true, &mut out);
        let bytes = out.split().freeze();
        assert_eq!(bytes[..8], (-65535_i64).to_be_bytes());
        assert_eq!(InitialMessage::decode(&mut Reader::new(bytes.clone())), Ok(message.clone()));
        // What is missing is told part by part: the version, the id, the length, the addresses.
        for (len, wanted) in [(0, 8), (8, 8), (16, 4), (20, 19)] {
            let error = InitialMessage::decode(&mut Reader::new(bytes.slice(..len))).unwrap_err();
            assert_eq!(error, DecodeError::Truncated { wanted, left: 0 });
        }
        message.encode(false, &mut out);
        let one = InitialMessage { sid: 3, addresses: vec!["zk3:3888".into()] };
        assert_eq!(InitialMessage::decode(&mut Reader::new(out.freeze())), Ok(one));
        let old = Bytes::copy_from_slice(&7_i64.to_be_bytes());
        assert_eq!(InitialMessage::decode(&mut Reader::new(old)), Ok(InitialMessage { sid: 7, addresses: vec![] }));
    }

    #[test]
    fn what_no_server_says_first_is_refused() {
        let message =
            |version: i64, len: i32| [&version.to_be_bytes()[..], &[0; 8], &len.to_be_bytes(), &[b'x'; 64]].concat();
        assert!(InitialMessage::decode(&mut Reader::new(message(-65536, 64).into())).is_ok());
        for wrong in
            [message(-1, 64), message(-65536, 0), message(-65536, -1), message(-65536, 2049), message(-65536, i32::MAX)]
        {
            let error = InitialMessage::decode(&mut Reader::new(wrong.into())).unwrap_err();
            assert!(matches!(error, DecodeError::Unreasonable { .. }), "{error}");
        }
    }

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
