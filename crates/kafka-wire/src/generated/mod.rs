//! Every message, generated from `schema/*.schema` by `cargo xtask codegen`. Do not edit.
#![allow(missing_docs, unused_variables, clippy::all)]

mod cluster;
mod configs;
mod consumer;
mod control;
mod data;
pub mod dispatch;
mod groups;
pub mod keys;
mod log_dirs;
mod records;
mod security;
mod telemetry;
mod topics;
mod transactions;

pub use cluster::*;
pub use configs::*;
pub use consumer::*;
pub use control::*;
pub use data::*;
pub use groups::*;
pub use log_dirs::*;
pub use records::*;
pub use security::*;
pub use telemetry::*;
pub use topics::*;
pub use transactions::*;

mod prelude {
    pub(super) use core::ops::RangeInclusive;

    pub(super) use base::{Reader, Str};
    pub(super) use bytes::Bytes;

    pub(super) use super::keys::ApiKey;
    pub(super) use crate::message::{ApiRequest, Message, Record};
    pub(super) use crate::payload::Records;
    pub(super) use crate::primitive::{self as p, Hidden, Result, Uuid};
    pub(super) use crate::writer::{Tags, Writer};
}
