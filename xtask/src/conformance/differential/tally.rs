//! What was asked for how often and what came of it, by Apache's answers.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Result, ensure};
use zk_wire::{ErrorCode, OpCode};

use super::shown::Learned;
use super::twin::{APACHE, Answered};

/// How often each operation has to succeed in 20,000 requests for a run to count; less in a shorter run.
const SUCCESSES_MIN: u64 = 20;

/// Codes that a client can provoke; each has to come at least once.
const PROVOKED: &[ErrorCode] = &[
    ErrorCode::RUNTIME_INCONSISTENCY,
    ErrorCode::MARSHALLING_ERROR,
    ErrorCode::UNIMPLEMENTED,
    ErrorCode::BAD_ARGUMENTS,
    ErrorCode::NO_NODE,
    ErrorCode::NO_AUTH,
    ErrorCode::BAD_VERSION,
    ErrorCode::NO_CHILDREN_FOR_EPHEMERALS,
    ErrorCode::NODE_EXISTS,
    ErrorCode::NOT_EMPTY,
    ErrorCode::INVALID_ACL,
    ErrorCode::AUTH_FAILED,
    ErrorCode::NO_WATCHER,
    ErrorCode::RECONFIG_DISABLED,
    ErrorCode::QUOTA_EXCEEDED,
];

/// Counts.
#[derive(Default)]
pub struct Tally {
    requests: u64,
    succeeded: BTreeMap<i32, u64>,
    failed: BTreeMap<i32, u64>,
    codes: BTreeMap<i32, u64>,
    connects: BTreeMap<String, u64>,
    events: u64,
    secrets: u64,
}

impl Tally {
    /// Requests so far.
    pub fn requests(&self) -> u64 {
        self.requests
    }

    /// A request was answered, or ended its connection.
    pub fn count(&mut self, opcode: i32, learned: &Learned, over: bool) {
        self.requests += 1;
        let answered = !over || opcode == OpCode::CLOSE_SESSION.0 || learned.err != 0;
        let failed = learned.err != 0 || learned.parts.iter().any(|part| part.err != 0) || !answered;
        let known = if OpCode::NAMED.iter().any(|(known, _)| known.0 == opcode) { opcode } else { i32::MAX };
        *(if failed { &mut self.failed } else { &mut self.succeeded }).entry(known).or_default() += 1;
        let codes = std::iter::once(learned.err).chain(learned.parts.iter().map(|part| part.err));
        for code in codes.filter(|code| *code != 0) {
            *self.codes.entry(code).or_default() += 1;
        }
        if !answered {
            *self.connects.entry("closed instead of a reply".into()).or_default() += 1;
        }
    }

    /// Watch events were compared.
    pub fn events(&mut self, answered: &Answered) {
        self.events += answered.shown[APACHE].iter().filter(|line| line.starts_with("event ")).count() as u64;
    }

    /// Apache told a client of a node that it may not read.
    pub fn secret(&mut self) {
        self.secrets += 1;
    }

    /// A connection began in some way.
    pub fn connect(&mut self, kind: &str, _: &Answered) {
        *self.connects.entry(kind.to_owned()).or_default() += 1;
    }

    /// Whether the run asked for everything.
    pub fn check(&self) -> Result<()> {
        let least = (SUCCESSES_MIN * self.requests / 20_000).clamp(1, SUCCESSES_MIN);
        for opcode in super::asks::served() {
            // A server alone refuses every reconfig.
            let counts = if opcode == OpCode::RECONFIG { &self.failed } else { &self.succeeded };
            let count = counts.get(&opcode.0).copied().unwrap_or(0);
            ensure!(count >= least, "{} came to its end {count} times only", opcode.name());
        }
        for code in PROVOKED {
            ensure!(self.codes.contains_key(&code.0), "{code} never came");
        }
        ensure!(self.events > 0, "no watch event came");
        Ok(())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  ok     {} requests and {} watch events answered alike", self.requests, self.events)?;
        let name = |opcode: i32| if opcode == i32::MAX { "other numbers" } else { OpCode(opcode).name() };
        let opcodes: std::collections::BTreeSet<i32> =
            self.succeeded.keys().chain(self.failed.keys()).copied().collect();
        let of = |counts: &BTreeMap<i32, u64>, key| counts.get(key).copied().unwrap_or(0);
        let list = |parts: Vec<String>| parts.join(", ");
        let parts = opcodes
            .iter()
            .map(|opcode| format!("{} {}+{}", name(*opcode), of(&self.succeeded, opcode), of(&self.failed, opcode)));
        writeln!(f, "         succeeded+failed: {}", list(parts.collect()))?;
        let parts = self.codes.iter().map(|(code, count)| format!("{} {count}", ErrorCode(*code)));
        writeln!(f, "         errors: {}", list(parts.collect()))?;
        let parts = self.connects.iter().map(|(kind, count)| format!("{kind} {count}"));
        writeln!(f, "         connections: {}", list(parts.collect()))?;
        writeln!(f, "         events of unreadable nodes, behind setWatches, that only Apache sends: {}", self.secrets)
    }
}
