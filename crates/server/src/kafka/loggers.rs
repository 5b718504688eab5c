//! Levels of what is logged, as resources of DescribeConfigs and IncrementalAlterConfigs (KIP-412). They are the process's
//! and not the cluster's, so the node knows nothing of them. Upstream: `RuntimeLoggerManager`, `ConfigHelper`.

use base::Str;
use kafka_wire::ErrorCode;
use kafka_wire::messages::{
    DescribeConfigsRequest, DescribeConfigsResponseConfigs, DescribeConfigsResponseResults,
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsRequestConfigs, IncrementalAlterConfigsRequestResources,
    IncrementalAlterConfigsResponseResponses,
};

use crate::log_level::{LogLevel, PARTS, ROOT};

/// The type of the resource: the loggers of a broker.
const BROKER_LOGGER: i8 = 8;
/// Where a level comes from, as DescribeConfigs says it.
const DYNAMIC_BROKER_LOGGER: i8 = 6;
/// What clients may set. Ours has no `FATAL`; it counts as `ERROR`.
const LEVELS: [&str; 6] = ["DEBUG", "ERROR", "FATAL", "INFO", "TRACE", "WARN"];

type Refusal = (ErrorCode, String);

/// Answers of resources that were taken out of a request, with their places in it.
pub(super) struct Taken<T>(Vec<(usize, T)>);

impl<T> Taken<T> {
    /// Whether there are any.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts them between the answers of the others, which are in order.
    pub(super) fn put_back(self, others: &mut Vec<T>) {
        for (place, answer) in self.0 {
            others.insert(place.min(others.len()), answer);
        }
    }
}

fn take<R, T>(resources: &mut Vec<R>, kind: impl Fn(&R) -> i8, answer: impl Fn(R) -> T) -> Taken<T> {
    let (mut taken, mut left) = (Vec::new(), Vec::new());
    for (place, resource) in std::mem::take(resources).into_iter().enumerate() {
        if kind(&resource) == BROKER_LOGGER {
            taken.push((place, answer(resource)));
        } else {
            left.push(resource);
        }
    }
    *resources = left;
    Taken(taken)
}

/// Takes the questions for loggers out of a request and answers them.
pub(super) fn describe(
    log: Option<&LogLevel>,
    broker: i32,
    request: &mut DescribeConfigsRequest,
) -> Taken<DescribeConfigsResponseResults> {
    take(
        &mut request.resources,
        |resource| resource.resource_type,
        |resource| {
            let wanted = |name: &str| {
                resource.configuration_keys.as_ref().is_none_or(|keys| keys.iter().any(|key| **key == *name))
            };
            let levels = log_of(log, broker, &resource.resource_name).map(|log| {
                PARTS.iter().filter(|part| wanted(part)).map(|part| DescribeConfigsResponseConfigs {
                    name: Str::from_static(part),
                    value: Some(Str::from(log.level_of(part).to_ascii_uppercase())),
                    config_source: DYNAMIC_BROKER_LOGGER,
                    // Upstream's answer has the empty text, whether it was asked for or not.
                    documentation: Some(Str::new()),
                    ..Default::default()
                })
            });
            let (error, configs) = match levels {
                Ok(levels) => (None, levels.collect()),
                Err(refusal) => (Some(refusal), Vec::new()),
            };
            let (error_code, error_message) = answered(error);
            DescribeConfigsResponseResults {
                error_code,
                error_message,
                resource_type: resource.resource_type,
                resource_name: resource.resource_name,
                configs,
            }
        },
    )
}

/// Takes the changes of loggers out of a request and makes them. Of a resource all are made, or none.
pub(super) fn alter(
    log: Option<&LogLevel>,
    broker: i32,
    request: &mut IncrementalAlterConfigsRequest,
) -> Taken<IncrementalAlterConfigsResponseResponses> {
    let validate_only = request.validate_only;
    take(
        &mut request.resources,
        |resource| resource.resource_type,
        |resource| {
            let changed = log_of(log, broker, &resource.resource_name)
                .and_then(|log| check(&resource).map(|()| log))
                .and_then(|log| if validate_only { Ok(()) } else { change(log, &resource) });
            let (error_code, error_message) = answered(changed.err());
            IncrementalAlterConfigsResponseResponses {
                error_code,
                error_message,
                resource_type: resource.resource_type,
                resource_name: resource.resource_name,
            }
        },
    )
}

fn answered(refusal: Option<Refusal>) -> (i16, Option<Str>) {
    match refusal {
        None => (0, None),
        Some((code, why)) => (code.0, Some(Str::from(why))),
    }
}

fn invalid<T>(why: String) -> Result<T, Refusal> {
    Err((ErrorCode::INVALID_REQUEST, why))
}

fn log_of<'a>(log: Option<&'a LogLevel>, broker: i32, name: &str) -> Result<&'a LogLevel, Refusal> {
    match name.parse::<i32>() {
        Err(_) => invalid(format!("Node id must be an integer, but it is: {name}")),
        Ok(id) if id != broker => invalid(format!("Unexpected broker id, expected {broker}, but received {name}")),
        Ok(_) => log.ok_or((ErrorCode::INVALID_REQUEST, "this process has no log".to_owned())),
    }
}

fn check(resource: &IncrementalAlterConfigsRequestResources) -> Result<(), Refusal> {
    for (at, config) in resource.configs.iter().enumerate() {
        let name = &*config.name;
        if resource.configs[..at].iter().any(|before| before.name == config.name) {
            return invalid("Error due to duplicate config keys".to_owned());
        }
        let exists = || match PARTS.contains(&name) {
            true => Ok(()),
            false => Err((ErrorCode::INVALID_CONFIG, format!("Logger {name} does not exist!"))),
        };
        match config.config_operation {
            0 => {
                exists()?;
                let level = config.value.as_deref().unwrap_or_default();
                if !LEVELS.contains(&level) {
                    return Err((
                        ErrorCode::INVALID_CONFIG,
                        format!(
                            "Cannot set the log level of {name} to {level} as it is not a supported log level. Valid log \
                             levels are {}",
                            LEVELS.join(", ")
                        ),
                    ));
                }
            }
            1 => {
                exists()?;
                if name == ROOT {
                    return invalid("Removing the log level of the root logger is not allowed".to_owned());
                }
            }
            2 => return invalid("APPEND operation is not allowed for the BROKER_LOGGER resource".to_owned()),
            3 => return invalid("SUBTRACT operation is not allowed for the BROKER_LOGGER resource".to_owned()),
            other => return invalid(format!("Unknown operation type {other}")),
        }
    }
    Ok(())
}

fn change(log: &LogLevel, resource: &IncrementalAlterConfigsRequestResources) -> Result<(), Refusal> {
    let level = |config: &IncrementalAlterConfigsRequestConfigs| match config.value.as_deref() {
        Some("FATAL") => Some("error".to_owned()),
        value => value.filter(|_| config.config_operation == 0).map(str::to_ascii_lowercase),
    };
    let changes: Vec<(&str, Option<String>)> =
        resource.configs.iter().map(|config| (&*config.name, level(config))).collect();
    let filter = log.set_parts(changes.iter().map(|(part, level)| (*part, level.as_deref())));
    let filter = filter.map_err(|why| (ErrorCode::INVALID_CONFIG, why))?;
    tracing::info!("what is logged was changed to {filter} by a client of the broker");
    Ok(())
}

#[cfg(test)]
mod tests {
    use kafka_wire::messages::DescribeConfigsRequestResources;

    use super::*;

    fn log() -> LogLevel {
        LogLevel::new("info,server::zk=debug", Box::new(|_| Ok(())))
    }

    fn levels(log: &LogLevel, keys: Option<&[&str]>) -> Vec<(String, String)> {
        let mut request = DescribeConfigsRequest::default();
        for (resource_type, resource_name) in [(2, "topic"), (BROKER_LOGGER, "1"), (2, "other")] {
            let configuration_keys = keys.map(|keys| keys.iter().map(|key| Str::from(*key)).collect());
            let resource_name = Str::from(resource_name);
            request.resources.push(DescribeConfigsRequestResources {
                resource_type,
                resource_name,
                configuration_keys,
            });
        }
        let taken = describe(Some(log), 1, &mut request);
        let others = request.resources.iter().map(|resource| DescribeConfigsResponseResults {
            resource_name: resource.resource_name.clone(),
            ..Default::default()
        });
        let mut all = others.collect();
        taken.put_back(&mut all);
        assert_eq!(all.iter().map(|one| &*one.resource_name).collect::<Vec<_>>(), ["topic", "1", "other"]);
        assert_eq!(all[1].error_code, 0);
        let text = |one: DescribeConfigsResponseConfigs| {
            assert_eq!((one.config_source, one.read_only), (DYNAMIC_BROKER_LOGGER, false));
            assert_eq!(one.documentation.as_deref(), Some(""));
            (one.name.to_string(), one.value.unwrap_or_default().to_string())
        };
        all.swap_remove(1).configs.into_iter().map(text).collect()
    }

    fn set(log: &LogLevel, name: &str, changes: &[(&str, i8, &str)], validate_only: bool) -> (i16, String) {
        let change = |(name, operation, value): &(&str, i8, &str)| IncrementalAlterConfigsRequestConfigs {
            name: Str::from(*name),
            config_operation: *operation,
            value: Some(Str::from(*value)),
        };
        let resource = IncrementalAlterConfigsRequestResources {
            resource_type: BROKER_LOGGER,
            resource_name: Str::from(name),
            configs: changes.iter().map(change).collect(),
        };
        let mut request = IncrementalAlterConfigsRequest { resources: vec![resource], validate_only };
        let mut all = Vec::new();
        alter(Some(log), 1, &mut request).put_back(&mut all);
        assert!(request.resources.is_empty());
        let answer = all.remove(0);
        (answer.error_code, answer.error_message.unwrap_or_default().to_string())
    }

    #[test]
    fn levels_are_shown_changed_and_given_back() {
        let log = log();
        assert_eq!(levels(&log, Some(&["server::kafka"])), [("server::kafka".to_owned(), "INFO".to_owned())]);
        assert_eq!(levels(&log, None).len(), PARTS.len());
        assert_eq!(set(&log, "1", &[("server::kafka", 0, "TRACE"), ("root", 0, "WARN")], true).0, 0);
        assert_eq!(log.filter(), "info,server::zk=debug", "validated only");
        assert_eq!(set(&log, "1", &[("server::kafka", 0, "TRACE"), ("root", 0, "FATAL")], false).0, 0);
        assert_eq!(log.filter(), "error,server::zk=debug,server::kafka=trace");
        assert_eq!(set(&log, "1", &[("server::zk", 1, "")], false).0, 0);
        assert_eq!(levels(&log, Some(&["server::zk"])), [("server::zk".to_owned(), "ERROR".to_owned())]);
    }

    #[test]
    fn what_makes_no_sense_changes_nothing() {
        let log = log();
        for (name, change, code) in [
            ("2", ("root", 0, "INFO"), ErrorCode::INVALID_REQUEST),
            ("", ("root", 0, "INFO"), ErrorCode::INVALID_REQUEST),
            ("1", ("kafka.Kafka", 0, "INFO"), ErrorCode::INVALID_CONFIG),
            ("1", ("root", 0, "LOUD"), ErrorCode::INVALID_CONFIG),
            ("1", ("root", 1, ""), ErrorCode::INVALID_REQUEST),
            ("1", ("root", 2, "INFO"), ErrorCode::INVALID_REQUEST),
        ] {
            let (got, why) = set(&log, name, &[("server::zk", 0, "ERROR"), change], false);
            assert_eq!((got, why.is_empty()), (code.0, false), "{name} {change:?}: {why}");
        }
        assert_eq!(log.filter(), "info,server::zk=debug");
    }
}
