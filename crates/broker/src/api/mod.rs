//! One file per API.

pub mod api_versions;
pub mod deep_check;
pub mod delete_records;
pub mod fetch;
pub mod list_offsets;
pub mod offset_for_leader_epoch;
pub mod produce;
