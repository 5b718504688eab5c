//! Configuration files: Apache's own, and ours.

pub mod admin_keys;
pub mod broker_key_states;
pub mod dynamic_file;
pub mod java_flags;
pub mod nearest;
pub mod properties;
pub mod server_properties;
pub mod zoo_cfg;
mod zoo_ensemble;
pub mod zoo_keys;
mod zoo_limits;
