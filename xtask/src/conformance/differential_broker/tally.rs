//! What was asked how often and what came of it, by Apache's answers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Result, ensure};
use kafka_wire::{ApiKey, ErrorCode, SERVED};

/// How often each version of an API has to succeed in a full run.
const SUCCESSES_MIN: u64 = 20;

/// Codes that a client alone can provoke on one broker; each has to come.
const PROVOKED: &[ErrorCode] = &[
    ErrorCode::OFFSET_OUT_OF_RANGE,
    ErrorCode::CORRUPT_MESSAGE,
    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode::REQUEST_TIMED_OUT,
    ErrorCode::MESSAGE_TOO_LARGE,
    ErrorCode::OFFSET_METADATA_TOO_LARGE,
    ErrorCode::INVALID_TOPIC_EXCEPTION,
    ErrorCode::RECORD_LIST_TOO_LARGE,
    ErrorCode::INVALID_REQUIRED_ACKS,
    ErrorCode::ILLEGAL_GENERATION,
    ErrorCode::INCONSISTENT_GROUP_PROTOCOL,
    ErrorCode::INVALID_GROUP_ID,
    ErrorCode::UNKNOWN_MEMBER_ID,
    ErrorCode::INVALID_SESSION_TIMEOUT,
    ErrorCode::REBALANCE_IN_PROGRESS,
    ErrorCode::INVALID_TIMESTAMP,
    ErrorCode::UNSUPPORTED_VERSION,
    ErrorCode::TOPIC_ALREADY_EXISTS,
    ErrorCode::INVALID_PARTITIONS,
    ErrorCode::INVALID_REPLICATION_FACTOR,
    ErrorCode::INVALID_REPLICA_ASSIGNMENT,
    ErrorCode::INVALID_CONFIG,
    ErrorCode::INVALID_REQUEST,
    ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER,
    ErrorCode::INVALID_PRODUCER_EPOCH,
    ErrorCode::NON_EMPTY_GROUP,
    ErrorCode::GROUP_ID_NOT_FOUND,
    ErrorCode::FETCH_SESSION_ID_NOT_FOUND,
    ErrorCode::INVALID_FETCH_SESSION_EPOCH,
    ErrorCode::FENCED_LEADER_EPOCH,
    ErrorCode::UNKNOWN_LEADER_EPOCH,
    ErrorCode::UNSUPPORTED_COMPRESSION_TYPE,
    ErrorCode::MEMBER_ID_REQUIRED,
    ErrorCode::GROUP_MAX_SIZE_REACHED,
    ErrorCode::FENCED_INSTANCE_ID,
    ErrorCode::LOG_DIR_NOT_FOUND,
    ErrorCode::ELECTION_NOT_NEEDED,
    ErrorCode::NO_REASSIGNMENT_IN_PROGRESS,
    ErrorCode::GROUP_SUBSCRIBED_TO_TOPIC,
    ErrorCode::INVALID_RECORD,
    ErrorCode::RESOURCE_NOT_FOUND,
    ErrorCode::DUPLICATE_RESOURCE,
    ErrorCode::UNKNOWN_TOPIC_ID,
    ErrorCode::FETCH_SESSION_TOPIC_ID_ERROR,
    ErrorCode::MISMATCHED_ENDPOINT_TYPE,
    ErrorCode::UNSUPPORTED_ENDPOINT_TYPE,
];

/// Counts.
#[derive(Default)]
pub struct Tally {
    requests: u64,
    succeeded: BTreeMap<(ApiKey, i16), u64>,
    failed: BTreeMap<(ApiKey, i16), u64>,
    codes: BTreeMap<i16, u64>,
    closed: u64,
}

impl Tally {
    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// A request was answered by Apache's broker with these errors; `None` when it ended the connection.
    pub fn count(&mut self, key: ApiKey, version: i16, codes: Option<&[i16]>) {
        self.requests += 1;
        let Some(codes) = codes else {
            self.closed += 1;
            return;
        };
        let counts = if codes.is_empty() { &mut self.succeeded } else { &mut self.failed };
        *counts.entry((key, version)).or_default() += 1;
        for code in codes {
            *self.codes.entry(*code).or_default() += 1;
        }
    }

    /// The version of any API that has succeeded least; one that never does is asked for a few times more than others.
    pub fn poorest(&self) -> (ApiKey, i16) {
        let asked = |pair: &(ApiKey, i16)| {
            let of = |counts: &BTreeMap<_, u64>| counts.get(pair).copied().unwrap_or(0);
            of(&self.succeeded) * 4 + of(&self.failed)
        };
        let pairs = SERVED.iter().flat_map(|served| (served.min..=served.max).map(|version| (served.key, version)));
        pairs.min_by_key(|pair| asked(pair)).expect("something is served")
    }

    /// Whether a full run asked for everything.
    pub fn check(&self) -> Result<()> {
        // A short run does not meet everything; what it asks for shall be answered alike.
        if self.requests < super::REQUESTS_FULL {
            return Ok(());
        }
        for served in SERVED {
            for version in served.min..=served.max {
                let count = self.succeeded.get(&(served.key, version)).copied().unwrap_or(0);
                ensure!(count >= SUCCESSES_MIN, "{} v{version} succeeded {count} times only", served.key);
            }
        }
        let missing: Vec<String> =
            PROVOKED.iter().filter(|code| !self.codes.contains_key(&code.0)).map(ToString::to_string).collect();
        ensure!(missing.is_empty(), "never came: {}", missing.join(", "));
        Ok(())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "  ok     {} requests answered alike, {} of them by the end of the connection",
            self.requests, self.closed
        )?;
        let keys: BTreeSet<ApiKey> = self.succeeded.keys().chain(self.failed.keys()).map(|(key, _)| *key).collect();
        let of = |counts: &BTreeMap<(ApiKey, i16), u64>, key: ApiKey| {
            counts.iter().filter(|((of, _), _)| *of == key).map(|(_, count)| *count).sum::<u64>()
        };
        let parts: Vec<String> =
            keys.iter().map(|key| format!("{key} {}+{}", of(&self.succeeded, *key), of(&self.failed, *key))).collect();
        writeln!(f, "         succeeded+failed: {}", parts.join(", "))?;
        let least = self.succeeded.iter().min_by_key(|(_, count)| **count);
        if let Some(((key, version), count)) = least {
            writeln!(f, "         the version that succeeded least: {key} v{version}, {count} times")?;
        }
        let parts: Vec<String> =
            self.codes.iter().map(|(code, count)| format!("{} {count}", ErrorCode(*code))).collect();
        writeln!(f, "         errors: {}", parts.join(", "))?;
        for known in super::shown::known() {
            writeln!(f, "         left out: {known}")?;
        }
        Ok(())
    }
}
