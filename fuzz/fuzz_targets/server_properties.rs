//! A `server.properties`, and settings of topics and brokers that are set at run time. Whatever they say, there is an
//! answer; and what is taken can be asked for.
#![no_main]

use broker::config::broker_keys::BROKER_KEYS;
use broker::config::def::TOPIC_KEYS;
use broker::config::log_config::{log_config, synonyms};
use broker::config::{BrokerConfig, Properties};
use libfuzzer_sys::fuzz_target;
use server::config::properties;
use server::config::server_properties::{UnknownKeys, check};
use server::kafka::KafkaServerConfig;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let Ok(properties) = properties::parse(&text) else { return };
    let properties = properties::last_wins(properties);
    let pairs: Vec<_> = properties.iter().map(|p| (p.key.as_str(), p.value.as_str())).collect();
    for unknown in [UnknownKeys::Warn, UnknownKeys::Refuse] {
        if let Err(problems) = check(pairs.iter().copied(), unknown) {
            assert!(!problems.is_empty(), "a refusal without a reason");
        }
    }
    let properties: Properties = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let _ = KafkaServerConfig::from_properties(properties.clone());
    // As the file says, and as ZooKeeper would say what the file did not.
    let Ok(mut config) = BrokerConfig::from_properties(properties.clone(), Some(1)) else { return };
    config.layers.dynamic_broker.clone_from(&properties);
    for key in BROKER_KEYS {
        let _ = config.get(key.name);
    }
    assert!(!config.listeners.is_empty() || config.get("listeners").is_some_and(|text| text.trim().is_empty()));
    let _ = log_config(&properties, &config.layers);
    for key in TOPIC_KEYS {
        let _ = synonyms(key, &properties, &config.layers);
    }
});
