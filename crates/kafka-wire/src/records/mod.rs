//! Record batches: what travels in Produce and Fetch and lies in segments, byte for byte the same.
//!
//! Pure functions. A batch's header is read without touching its records ([`batch::BatchHeader`]); records are decoded one
//! at a time and share the batch's memory ([`batch::Batch::records`]); batches are made by [`builder::BatchBuilder`].

pub mod batch;
pub mod builder;
pub mod compress;
pub mod control;
pub mod filter;
pub mod legacy;

use core::fmt;

pub use batch::{Attributes, Batch, BatchHeader, Batches, Record, TimestampType, add_sequence};
pub use builder::{BatchBuilder, NewRecord};
pub use compress::Compression;

use base::bytes::DecodeError;

/// Why bytes are no batch, or a batch is not what it claims to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// The bytes end before the batch does.
    Truncated {
        /// Bytes that were needed.
        wanted: usize,
        /// Bytes that are there.
        left: usize,
    },
    /// A batch of an older format (0 or 1), or of one that does not exist.
    Magic(i8),
    /// The checksum in the header is not that of the bytes.
    Crc {
        /// In the header.
        stated: u32,
        /// Of the bytes.
        computed: u32,
    },
    /// A field contradicts another.
    Corrupt(&'static str),
    /// A codec number that does not exist.
    UnknownCompression(u8),
    /// The compressed bytes make no sense to their codec.
    Compression(&'static str),
    /// The records decompress to more than the limit.
    TooLarge {
        /// In bytes.
        limit: usize,
    },
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { wanted, left } => write!(f, "a batch needs {wanted} bytes, {left} are left"),
            Self::Magic(magic) => write!(f, "record format {magic}, not 2"),
            Self::Crc { stated, computed } => {
                write!(f, "the batch states checksum {stated:#010x}, its bytes have {computed:#010x}")
            }
            Self::Corrupt(what) => write!(f, "corrupt batch: {what}"),
            Self::UnknownCompression(codec) => write!(f, "unknown compression codec {codec}"),
            Self::Compression(codec) => write!(f, "records do not decompress as {codec}"),
            Self::TooLarge { limit } => write!(f, "records decompress to more than {limit} bytes"),
        }
    }
}

impl core::error::Error for RecordError {}

impl From<DecodeError> for RecordError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Truncated { wanted, left } => Self::Truncated { wanted, left },
            _ => Self::Corrupt("records"),
        }
    }
}
