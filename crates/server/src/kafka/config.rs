//! A broker's configuration before its log folders are looked at: they may know the broker's id.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use base::limits::Budget;
use broker::config::BrokerConfig;

/// A broker's configuration.
#[derive(Clone, Debug)]
pub struct KafkaServerConfig {
    properties: BTreeMap<String, String>,
    parsed: BrokerConfig,
    /// How many shards: one for two cores, at least one, so that the other core serves connections. Nothing on disk
    /// depends on it.
    pub shards: u16,
    /// Memory for all connections of the process; a keeper may share it.
    pub budget: Arc<Budget>,
}

impl KafkaServerConfig {
    /// Parses the keys of a `server.properties`.
    ///
    /// # Errors
    /// Every problem found, one line each.
    pub fn from_properties(properties: BTreeMap<String, String>) -> Result<Self, Vec<String>> {
        let parsed = BrokerConfig::from_properties(properties.clone(), None)?;
        if parsed.get("zookeeper.connect").is_none_or(str::is_empty) {
            return Err(vec!["zookeeper.connect is not set: name the ZooKeeper servers, host:port,...".to_string()]);
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let shards = u16::try_from(cores / 2).unwrap_or(u16::MAX).max(1);
        let budget = Arc::new(Budget::new(crate::memory::connections_bytes_max()));
        Ok(Self { properties, parsed, shards, budget })
    }

    /// The configuration with the id that the log folders know.
    pub(super) fn broker(&self, stored_id: Option<i32>) -> Result<BrokerConfig, Vec<String>> {
        BrokerConfig::from_properties(self.properties.clone(), stored_id)
    }

    /// `log.dirs`.
    pub(super) fn log_dirs(&self) -> Vec<PathBuf> {
        self.parsed.log_dirs().into_iter().map(|dir| std::path::absolute(&dir).unwrap_or_else(|_| dir.into())).collect()
    }
}
