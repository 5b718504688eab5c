//! Configuration keys, their layers and defaults.

pub mod broker_config;
pub mod broker_keys;
pub mod def;
pub mod log_config;

pub use broker_config::{BrokerConfig, THROTTLE_ALTER_LOG_DIRS, THROTTLES, UNRESOLVED_ID};
pub use log_config::{Layers, Properties, Source};
