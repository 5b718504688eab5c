//! Configuration files: Apache's own, and ours.

pub mod nearest;
pub mod server_properties;
