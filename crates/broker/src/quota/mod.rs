//! Client quotas: how many bytes a second a user or a client id may produce and fetch, and how much of a thread's time its
//! requests may take (`ClientQuotaManager.scala`, KIP-13, KIP-55, KIP-124, KIP-219).
//!
//! * [`entity`]: whom a quota is for, and where it stands below `/config`
//! * [`table`]: what is set, and which of it counts for a client
//! * [`meter`]: rates, and for how long a client has to rest

pub mod entity;
pub mod meter;
pub mod table;

pub use self::entity::{Entity, Name};
pub use self::meter::Meters;
pub use self::table::Quotas;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Bytes of produce requests a second.
    Produce,
    /// Bytes of fetch responses a second.
    Fetch,
    /// Percent of one thread's time.
    Request,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Produce, Self::Fetch, Self::Request];

    /// The key that sets it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Produce => "producer_byte_rate",
            Self::Fetch => "consumer_byte_rate",
            Self::Request => "request_percentage",
        }
    }
}
