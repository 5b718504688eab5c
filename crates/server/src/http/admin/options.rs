//! `admin.*`

use std::time::Duration;

/// What the operator decides about commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminOptions {
    /// `admin.commandURL`
    pub command_url: String,
    /// `admin.snapshot.enabled`
    pub snapshot_enabled: bool,
    /// `admin.restore.enabled`
    pub restore_enabled: bool,
    /// `admin.rateLimiterIntervalInMS`
    pub rate_limiter_interval: Duration,
    /// The text that the keeper was configured with, as `initial_configuration` shows it.
    pub initial_configuration: String,
    /// Java properties of that text, by their whole names, as `system_properties` shows them.
    pub properties: Vec<(String, String)>,
}

impl Default for AdminOptions {
    fn default() -> Self {
        Self {
            command_url: "/commands".into(),
            snapshot_enabled: true,
            restore_enabled: true,
            rate_limiter_interval: Duration::from_millis(300_000),
            initial_configuration: String::new(),
            properties: Vec::new(),
        }
    }
}
