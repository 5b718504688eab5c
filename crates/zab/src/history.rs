//! What this server's log holds, as far as others may ask for it: a window of the latest transactions, committed or
//! not, and the two epochs (ZAB paper: `h`, `f.p`, `f.a`; upstream: `ZKDatabase.committedLog`).

use std::collections::VecDeque;

use zk_wire::{Epoch, Zxid};

use crate::broadcast::Proposal;
use crate::quorum::QuorumConfig;

/// What recovery found on the disk.
#[derive(Clone, Debug, Default)]
pub struct Recovered {
    /// `acceptedEpoch`: the highest epoch that was promised to be followed.
    pub accepted: Epoch,
    /// `currentEpoch`: the epoch whose leader made the log.
    pub current: Epoch,
    /// The last transaction in the log or the snapshot; the service holds everything up to it.
    pub last: Zxid,
    /// The latest transactions before and with `last`, without a gap, as many as there are up to `commitLogCount`.
    pub window: Vec<Proposal>,
}

/// The log and the epochs.
#[derive(Debug)]
pub struct History {
    accepted: Epoch,
    current: Epoch,
    /// Ends with `last` unless it is empty.
    window: VecDeque<Proposal>,
    last: Zxid,
    /// The service holds everything up to here.
    delivered: Zxid,
    /// Configurations that are logged and not delivered, in order.
    configs: VecDeque<(Zxid, QuorumConfig)>,
    commit_log_count: usize,
}

impl History {
    /// A log as the disk has it. Transactions of an epoch are only logged behind the whole history of that epoch's
    /// leader, so a log that ends in a later epoch than `currentEpoch` says (a crash between the log and the epoch's
    /// file, ZOOKEEPER-1653) speaks for the later one.
    pub fn new(recovered: Recovered, commit_log_count: usize) -> Self {
        let Recovered { accepted, current, last, window } = recovered;
        let current = current.max(last.epoch());
        let mut history = Self {
            accepted: accepted.max(current),
            current,
            window: window.into(),
            last,
            delivered: last,
            configs: VecDeque::new(),
            commit_log_count,
        };
        assert!(history.window.back().is_none_or(|newest| newest.zxid == last), "the window ends with the log");
        history.shrink();
        history
    }

    /// The highest epoch that this server promised to follow.
    pub fn accepted(&self) -> Epoch {
        self.accepted
    }

    /// The epoch whose leader made the log.
    pub fn current(&self) -> Epoch {
        self.current
    }

    /// The last transaction in the log.
    pub fn last(&self) -> Zxid {
        self.last
    }

    /// The last transaction that the service has.
    pub fn delivered(&self) -> Zxid {
        self.delivered
    }

    /// A promise is durable.
    pub fn set_accepted(&mut self, epoch: Epoch) {
        assert!(epoch >= self.accepted, "acceptedEpoch goes from {:?} to {epoch:?}", self.accepted);
        self.accepted = epoch;
    }

    /// The log is that of this epoch's leader, and that is durable.
    pub fn set_current(&mut self, epoch: Epoch) {
        assert!(epoch >= self.current, "currentEpoch goes from {:?} to {epoch:?}", self.current);
        assert!(epoch <= self.accepted, "currentEpoch {epoch:?} is above acceptedEpoch {:?}", self.accepted);
        self.current = epoch;
    }

    /// Adds a transaction to the end of the log.
    pub fn append(&mut self, proposal: Proposal) {
        assert!(proposal.zxid > self.last, "{} logged behind {}", proposal.zxid, self.last);
        self.last = proposal.zxid;
        if let Some(config) = &proposal.config {
            self.configs.push_back((proposal.zxid, config.clone()));
        }
        self.window.push_back(proposal);
        self.shrink();
    }

    /// The oldest logged transaction that the service does not have.
    pub fn next_undelivered(&self) -> Option<&Proposal> {
        let at = self.window.partition_point(|proposal| proposal.zxid <= self.delivered);
        self.window.get(at)
    }

    /// The service got the transaction that [`History::next_undelivered`] showed.
    pub fn deliver(&mut self) -> Option<Proposal> {
        let next = self.next_undelivered()?.clone();
        self.delivered = next.zxid;
        self.configs.retain(|(zxid, _)| *zxid > next.zxid);
        self.shrink();
        Some(next)
    }

    /// Everything above `zxid` is gone from the log; the service was loaded anew if it had more.
    pub fn truncate(&mut self, zxid: Zxid) {
        let kept = self.window.partition_point(|proposal| proposal.zxid <= zxid);
        self.window.truncate(kept);
        self.last = self.last.min(zxid);
        self.delivered = self.delivered.min(zxid);
        self.configs.retain(|(logged, _)| *logged <= zxid);
    }

    /// The latest configuration that is logged, and not known to be committed.
    pub fn pending_config(&self) -> Option<&QuorumConfig> {
        self.configs.back().map(|(_, config)| config)
    }

    /// The service and the disk hold a snapshot, and nothing else.
    pub fn install(&mut self, zxid: Zxid) {
        self.window.clear();
        self.configs.clear();
        self.last = zxid;
        self.delivered = zxid;
    }

    /// The window's transactions with their zxids in `(after, until]`, in order.
    pub fn between(&self, after: Zxid, until: Zxid) -> impl Iterator<Item = &Proposal> {
        let from = self.window.partition_point(|proposal| proposal.zxid <= after);
        self.window.iter().skip(from).take_while(move |proposal| proposal.zxid <= until)
    }

    /// The oldest transaction of the window; `None` when the log's latest part is not at hand.
    pub fn oldest(&self) -> Option<Zxid> {
        self.window.front().map(|proposal| proposal.zxid)
    }

    /// The newest transaction of the window that is not above `zxid`.
    pub fn newest_until(&self, zxid: Zxid) -> Option<Zxid> {
        let end = self.window.partition_point(|proposal| proposal.zxid <= zxid);
        end.checked_sub(1).map(|at| self.window[at].zxid)
    }

    /// What the service does not have yet is kept, however much it is.
    fn shrink(&mut self) {
        while self.window.len() > self.commit_log_count
            && self.window.front().is_some_and(|oldest| oldest.zxid <= self.delivered)
        {
            self.window.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn proposal(zxid: i64) -> Proposal {
        Proposal { zxid: Zxid(zxid), bytes: Bytes::new(), config: None }
    }

    fn history(last: i64, window: &[i64]) -> History {
        let window = window.iter().map(|zxid| proposal(*zxid)).collect();
        History::new(Recovered { last: Zxid(last), window, ..Recovered::default() }, 3)
    }

    #[test]
    fn the_window_keeps_what_the_service_lacks() {
        let mut h = history(2, &[1, 2]);
        (3..8).for_each(|zxid| h.append(proposal(zxid)));
        assert_eq!((h.oldest(), h.last(), h.delivered()), (Some(Zxid(3)), Zxid(7), Zxid(2)));
        assert_eq!(h.deliver().map(|p| p.zxid), Some(Zxid(3)));
        (4..8).for_each(|zxid| assert_eq!(h.deliver().map(|p| p.zxid), Some(Zxid(zxid))));
        assert_eq!(h.deliver(), None);
        assert_eq!(h.between(Zxid(5), Zxid(6)).map(|p| p.zxid.0).collect::<Vec<_>>(), [6]);
    }

    #[test]
    fn truncation_takes_back_what_was_not_delivered_and_what_was() {
        let mut h = history(4, &[3, 4]);
        h.append(proposal(5));
        h.truncate(Zxid(4));
        assert_eq!((h.last(), h.delivered()), (Zxid(4), Zxid(4)));
        h.truncate(Zxid(3));
        assert_eq!((h.last(), h.delivered(), h.newest_until(Zxid(9))), (Zxid(3), Zxid(3), Some(Zxid(3))));
    }

    #[test]
    fn a_log_of_a_later_epoch_speaks_for_that_epoch() {
        let last = Zxid((7 << 32) + 3);
        let recovered = Recovered { accepted: Epoch(7), current: Epoch(6), last, window: vec![proposal(last.0)] };
        assert_eq!(History::new(recovered, 3).current(), Epoch(7), "ZOOKEEPER-1653");
    }
}
