//! Quotas: how many bytes a second a user or a client id may produce and fetch, and how much of a thread's time its
//! requests may take (`ClientQuotaManager.scala`, KIP-13, KIP-55, KIP-124, KIP-219); how many partitions a second it may
//! make and delete (`ControllerMutationQuotaManager.scala`, KIP-599); how many connections an address may open
//! (`SocketServer.ConnectionQuotas`, KIP-612).
//!
//! * [`entity`]: whom a quota is for, and where it stands below `/config`
//! * [`table`]: what is set, and which of it counts for a client
//! * [`meter`]: rates, and for how long a client has to rest
//! * [`bucket`]: partitions, which come in lumps

pub mod bucket;
pub mod entity;
pub mod meter;
pub mod table;

pub use self::bucket::Buckets;
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
    /// Partitions made and deleted a second.
    Mutation,
    /// Connections opened a second, by address.
    Connection,
}

impl Kind {
    /// The key that sets it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Produce => "producer_byte_rate",
            Self::Fetch => "consumer_byte_rate",
            Self::Request => "request_percentage",
            Self::Mutation => "controller_mutation_rate",
            Self::Connection => "connection_creation_rate",
        }
    }
}
