//! How many connections of clients there may be at once (upstream: `ConnectionQuotas`).

use std::collections::BTreeMap;

use crate::config::BrokerConfig;
use crate::config::def::list;

/// The limits of a broker's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Of all listeners together (`max.connections`): more wait until others end.
    pub total: usize,
    /// Of one address (`max.connections.per.ip`): more are closed.
    pub per_address: usize,
    /// Instead of that, by address or name of a host (`max.connections.per.ip.overrides`).
    pub overrides: BTreeMap<String, usize>,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { total: usize::MAX, per_address: usize::MAX, overrides: BTreeMap::new() }
    }
}

impl ConnectionLimits {
    /// What the configuration says.
    ///
    /// # Errors
    /// What makes no sense, naming the key.
    pub fn from_config(config: &BrokerConfig) -> Result<Self, String> {
        let overrides = parse_overrides(config.get("max.connections.per.ip.overrides").unwrap_or_default())?;
        let limit = |key: &str, least: i64| match usize::try_from(config.int(key)) {
            Ok(limit) if config.int(key) >= least => Ok(limit),
            _ => Err(format!("{key}={} is no number of connections; it must be at least {least}", config.int(key))),
        };
        // Nobody may connect but who is named.
        let least = i64::from(overrides.is_empty());
        Ok(Self {
            total: limit("max.connections", 0)?,
            per_address: limit("max.connections.per.ip", least)?,
            overrides,
        })
    }
}

/// Whether a value can be one of the limits. Of other keys nothing is said.
///
/// # Errors
/// What makes no sense, naming the key.
pub(crate) fn check(name: &str, value: &str) -> Result<(), String> {
    match name {
        "max.connections.per.ip.overrides" => parse_overrides(value).map(|_| ()),
        "max.connections" | "max.connections.per.ip" if value.trim().starts_with('-') => {
            Err(format!("Invalid value {value} for configuration {name}: Value must be at least 0"))
        }
        _ => Ok(()),
    }
}

/// `host:count` pairs; what is before the last colon is the host, so that it may be an IPv6 address.
fn parse_overrides(text: &str) -> Result<BTreeMap<String, usize>, String> {
    list(text)
        .map(|pair| {
            let parsed = pair.rsplit_once(':').and_then(|(host, count)| Some((host, count.trim().parse().ok()?)));
            let (host, count) = parsed
                .ok_or_else(|| format!("max.connections.per.ip.overrides has {pair:?}, which is not HOST:COUNT"))?;
            Ok((host.trim().trim_start_matches('[').trim_end_matches(']').to_owned(), count))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(pairs: &[(&str, &str)]) -> Result<ConnectionLimits, String> {
        let properties = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        BrokerConfig::from_properties(properties, Some(1))
            .map_err(|problems| problems.join("; "))
            .and_then(|config| ConnectionLimits::from_config(&config))
    }

    #[test]
    fn limits_are_read_and_what_makes_no_sense_is_named() {
        let largest = i32::MAX as usize;
        let none = ConnectionLimits { total: largest, per_address: largest, overrides: BTreeMap::new() };
        assert_eq!(limits(&[]), Ok(none));
        let overrides = ("max.connections.per.ip.overrides", "10.0.0.1:3, fe80::1:4,[::1]:5,app.example:0");
        let read = limits(&[("max.connections", "9"), ("max.connections.per.ip", "0"), overrides]).unwrap();
        assert_eq!((read.total, read.per_address), (9, 0));
        let expected = [("10.0.0.1", 3), ("::1", 5), ("app.example", 0), ("fe80::1", 4)];
        assert!(read.overrides.iter().map(|(host, count)| (host.as_str(), *count)).eq(expected), "{read:?}");
        for (key, value) in [
            ("max.connections", "-1"),
            ("max.connections.per.ip", "0"),
            ("max.connections.per.ip.overrides", "10.0.0.1"),
            ("max.connections.per.ip.overrides", "10.0.0.1:-1"),
        ] {
            assert!(limits(&[(key, value)]).is_err_and(|problem| problem.contains(key)), "{key}={value}");
        }
    }
}
