//! One server: the real peer, a disk that does one operation after the other, and a service that is nothing but the list
//! of what was delivered to it.

use std::collections::VecDeque;

use base::{Prng, Str};
use bytes::Bytes;
use zab::{Config, Link, Peer, Proposal, QuorumConfig, Recovered, Sid, StoreOp, Token};
use zk_wire::{Epoch, Zxid};

use super::reconfig;
use crate::check::one_history::Txn;

/// What survives a crash.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    pub accepted: i64,
    pub current: i64,
    /// Snapshot and log as one list.
    pub log: Vec<Txn>,
    /// The log's part up to here is only in a snapshot: it cannot be cut there, nor given out one by one.
    pub snapshot: i64,
    /// The configuration file: the last one that counted.
    pub config: Option<Str>,
    /// A later one that may be committed, in its file.
    pub next: Option<Str>,
}

impl Disk {
    pub fn holds(&self, txn: Txn) -> bool {
        self.log.binary_search_by_key(&txn.0, |logged| logged.0).is_ok_and(|at| self.log[at] == txn)
    }

    fn last(&self) -> i64 {
        self.log.last().map_or(0, |txn| txn.0)
    }
}

/// One server.
pub struct Node {
    pub sid: Sid,
    pub disk: Disk,
    /// What the disk was asked and has not done.
    pub queue: VecDeque<(Token, StoreOp)>,
    /// The machine, while the process runs.
    pub peer: Option<Peer>,
    /// Which life of the process it is.
    pub life: u64,
    /// What was delivered, behind what recovery or a snapshot gave.
    pub service: Vec<Txn>,
    /// Whether the service may be trusted: it follows or leads.
    pub serving: bool,
    /// A snapshot that was received and is not installed.
    pub staged: Option<Vec<Txn>>,
    /// The link whose snapshot is expected.
    pub receiving: Option<Link>,
    /// Events are held back until then.
    pub paused: bool,
    /// The earliest tick that is scheduled.
    pub tick_at: Option<base::Instant>,
}

impl Node {
    pub fn new(sid: Sid) -> Self {
        Self {
            sid,
            disk: Disk::default(),
            queue: VecDeque::new(),
            peer: None,
            life: 0,
            service: Vec::new(),
            serving: false,
            staged: None,
            receiving: None,
            paused: false,
            tick_at: None,
        }
    }

    /// Starts the process on what the disk has. The service is everything that is logged, as upstream loads it.
    ///
    /// What may be committed is in the log and in its file. A server of Apache's looks into the file only (`by_file`), so
    /// that must be enough.
    pub fn start(&mut self, config: Config, first: QuorumConfig, by_file: bool) {
        self.life += 1;
        self.service = self.disk.log.clone();
        (self.serving, self.staged, self.receiving, self.paused, self.tick_at) = (false, None, None, false, None);
        let at_hand = self.disk.log.partition_point(|txn| txn.0 <= self.disk.snapshot);
        let from = self.disk.log.len().saturating_sub(config.commit_log_count).max(at_hand);
        let recovered = Recovered {
            accepted: Epoch(self.disk.accepted),
            current: Epoch(self.disk.current),
            last: Zxid(self.disk.last()),
            window: self.disk.log[from..].iter().map(|txn| proposal(*txn)).collect(),
        };
        let current =
            self.disk.config.as_ref().map_or(first, |text| reconfig::read(text).expect("it was written here"));
        let logged = self.disk.log.iter().rev().find_map(|txn| reconfig::in_txn(*txn)).filter(|_| !by_file);
        let kept = self.disk.next.as_ref().map(|text| reconfig::read(text).expect("it was written here"));
        let seen = logged.into_iter().chain(kept).max_by_key(|config| config.version);
        self.peer = Some(Peer::new(config, current, seen, recovered));
    }

    /// The process is gone. Of what the disk was asked a prefix is done.
    pub fn crash(&mut self, prng: &mut Prng) {
        let done = prng.below(self.queue.len() as u64 + 1);
        for _ in 0..done {
            let Some((_, op)) = self.queue.pop_front() else { break };
            self.perform(op);
        }
        self.queue.clear();
        self.peer = None;
        self.serving = false;
    }

    /// Does one operation. False when the log cannot be cut there.
    pub fn perform(&mut self, op: StoreOp) -> bool {
        match op {
            StoreOp::AcceptedEpoch(epoch) => self.disk.accepted = epoch.0,
            StoreOp::CurrentEpoch(epoch) => self.disk.current = epoch.0,
            StoreOp::Append(proposal) => self.disk.log.push(txn(&proposal)),
            StoreOp::Truncate(zxid) => {
                if zxid.0 < self.disk.snapshot {
                    return false;
                }
                self.disk.log.retain(|txn| txn.0 <= zxid.0);
                if self.service.last().is_some_and(|last| last.0 > zxid.0) {
                    self.service = self.disk.log.clone();
                }
            }
            StoreOp::Install { zxid, tail } => {
                self.service = self.staged.take().expect("a snapshot was received");
                self.disk.log.clone_from(&self.service);
                self.disk.log.extend(tail.iter().map(txn));
                self.disk.snapshot = zxid.0;
            }
        }
        true
    }

    /// What can be given out one by one, durable or on its way to the disk.
    pub fn logged(&self) -> Vec<Txn> {
        let on_its_way = self.queue.iter().filter_map(|(_, op)| match op {
            StoreOp::Append(proposal) => Some(txn(proposal)),
            _ => None,
        });
        let durable = self.disk.log.iter().copied().filter(|txn| txn.0 > self.disk.snapshot);
        durable.chain(on_its_way).collect()
    }

    /// Takes a snapshot of the service, and forgets the log behind it.
    pub fn snapshot(&mut self) {
        let last = self.service.last().map_or(0, |txn| txn.0);
        self.disk.snapshot = self.disk.snapshot.max(last.min(self.disk.last()));
    }
}

/// A transaction's content is its number, or a configuration.
pub fn proposal(txn: Txn) -> Proposal {
    let bytes = Bytes::copy_from_slice(&txn.1.to_be_bytes());
    Proposal { zxid: Zxid(txn.0), bytes, config: reconfig::in_txn(txn) }
}

/// The number in a proposal.
pub fn txn(proposal: &Proposal) -> Txn {
    let content = proposal.bytes.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    (proposal.zxid.0, content)
}
