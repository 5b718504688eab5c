//! Numbers with a meaning.

use core::fmt;

use base::{DecodeError, Reader};
use bytes::{BufMut, BytesMut};

use crate::jute::Jute;

/// A transaction's number: the leader's epoch in the high 32 bits, a counter in the low ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zxid(pub i64);

impl Zxid {
    /// Before the first transaction.
    pub const ZERO: Self = Self(0);

    /// The epoch of the leader that made it.
    pub const fn epoch(self) -> Epoch {
        Epoch(self.0 >> 32)
    }

    /// Which transaction of its epoch it is.
    pub const fn counter(self) -> u32 {
        self.0 as u32
    }

    /// The next transaction.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// Lower-case hexadecimal with `0x`, as upstream's logs and four-letter words have it.
impl fmt::Display for Zxid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

/// The number of a leader's reign.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub i64);

impl Epoch {
    /// The zxid below the epoch's first transaction.
    pub const fn first_zxid(self) -> Zxid {
        Zxid(self.0 << 32)
    }
}

/// A session's number; its top byte is the id of the server that made it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub i64);

impl SessionId {
    /// No session.
    pub const NONE: Self = Self(0);

    /// The session's password: 16 bytes that any server can compute, so that a client can move. It guards against
    /// accidents, not against attackers (upstream: `ZooKeeperServer.generatePasswd`, which seeds `java.util.Random`).
    pub fn password(self) -> [u8; 16] {
        const MULTIPLIER: u64 = 0x5_DEEC_E66D;
        const MASK: u64 = (1 << 48) - 1;
        let mut state = (self.0 as u64 ^ 0xB341_5C00 ^ MULTIPLIER) & MASK;
        let mut password = [0; 16];
        for word in password.chunks_exact_mut(4) {
            state = state.wrapping_mul(MULTIPLIER).wrapping_add(0xB) & MASK;
            word.copy_from_slice(&((state >> 16) as u32).to_le_bytes());
        }
        password
    }
}

/// Lower-case hexadecimal with `0x`, as upstream's logs have it.
impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x}", self.0)
    }
}

macro_rules! long {
    ($name:ident) => {
        impl Jute for $name {
            const SMALLEST_BYTES: usize = 8;

            fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
                r.i64().map(Self)
            }

            fn encode(&self, out: &mut BytesMut) {
                out.put_i64(self.0);
            }
        }
    };
}

long!(Zxid);
long!(SessionId);

/// The permission bits of an ACL.
pub mod perms {
    /// getData, getChildren, exists.
    pub const READ: i32 = 1;
    /// setData.
    pub const WRITE: i32 = 2;
    /// Creating a child.
    pub const CREATE: i32 = 4;
    /// Deleting a child.
    pub const DELETE: i32 = 8;
    /// setACL.
    pub const ADMIN: i32 = 16;
    /// All of them.
    pub const ALL: i32 = 31;
}

/// The flags of a create request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CreateMode {
    /// Stays until deleted.
    Persistent,
    /// Goes with its session.
    Ephemeral,
    /// As `Persistent`, the name gets the parent's counter appended.
    PersistentSequential,
    /// As `Ephemeral`, the name gets the parent's counter appended.
    EphemeralSequential,
    /// Deleted by the server some time after its last child.
    Container,
    /// Deleted by the server when childless and unchanged for its time to live.
    PersistentWithTtl,
    /// As `PersistentWithTtl`, the name gets the parent's counter appended.
    PersistentSequentialWithTtl,
}

impl CreateMode {
    /// The mode of the flags in a request.
    pub const fn from_flags(flags: i32) -> Option<Self> {
        Some(match flags {
            0 => Self::Persistent,
            1 => Self::Ephemeral,
            2 => Self::PersistentSequential,
            3 => Self::EphemeralSequential,
            4 => Self::Container,
            5 => Self::PersistentWithTtl,
            6 => Self::PersistentSequentialWithTtl,
            _ => return None,
        })
    }

    /// The flags in a request.
    pub const fn flags(self) -> i32 {
        self as i32
    }

    /// Whether the session owns the node.
    pub const fn is_ephemeral(self) -> bool {
        matches!(self, Self::Ephemeral | Self::EphemeralSequential)
    }

    /// Whether the parent's counter is appended to the name.
    pub const fn is_sequential(self) -> bool {
        matches!(self, Self::PersistentSequential | Self::EphemeralSequential | Self::PersistentSequentialWithTtl)
    }

    /// Whether the node has a time to live.
    pub const fn is_ttl(self) -> bool {
        matches!(self, Self::PersistentWithTtl | Self::PersistentSequentialWithTtl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_those_of_a_jdk() {
        let hex = |id: i64| SessionId(id).password().iter().map(|b| format!("{b:02x}")).collect::<String>();
        assert_eq!(hex(0x0100_0000_0000_0000), "f22acd4a97e69d6d20a49bb638eadb38");
        assert_eq!(hex(0x0100_00ab_cdef_0000), "6392a56db477dd0a797bc8b31d917902");
    }

    #[test]
    fn a_zxid_is_an_epoch_and_a_counter() {
        let zxid = Zxid(0x5_0000_0007);
        assert_eq!((zxid.epoch(), zxid.counter()), (Epoch(5), 7));
        assert_eq!(Epoch(5).first_zxid(), Zxid(0x5_0000_0000));
        assert_eq!(zxid.to_string(), "0x500000007");
    }

    #[test]
    fn flags_round_trip() {
        for flags in 0..7 {
            assert_eq!(CreateMode::from_flags(flags).map(CreateMode::flags), Some(flags));
        }
        assert_eq!(CreateMode::from_flags(7), None);
        assert_eq!(CreateMode::from_flags(-1), None);
    }
}
