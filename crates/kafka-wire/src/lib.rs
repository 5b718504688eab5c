//! Kafka bytes <-> typed messages, and pure functions over record batches.
//!
//! Read in this order: [`api`] (keys, what is served), [`header`] (what precedes a message), [`message`] (the trait every
//! generated struct of [`messages`] has), [`payload`] (record bytes in fetch responses), then the parts that are not
//! messages: [`records`] and [`znodes`].
//!
//! Nothing here allocates by a number from the wire: counts are held against the bytes that are left, and decoded memory
//! against the frame's [`base::limits::DecodeBudget`].

pub mod api;
pub mod codecs;
pub mod error;
mod generated;
pub mod header;
pub mod message;
pub mod payload;
pub mod primitive;
pub mod records;
mod writer;
pub mod znodes;

/// Every request, response and record, generated from `schema/*.schema`.
pub mod messages {
    pub use crate::generated::*;
}

pub use base::bytes::DecodeError;

pub use crate::error::ErrorCode;
pub use crate::generated::dispatch::{Request, Response, SERVED, decode_request};
pub use crate::generated::keys::ApiKey;
pub use crate::header::{RequestHeader, ResponseHeader};
pub use crate::message::{ApiRequest, Message, Record};
pub use crate::payload::{Records, Segment};
pub use crate::primitive::Uuid;
pub use crate::writer::Writer;
