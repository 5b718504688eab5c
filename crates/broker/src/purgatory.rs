//! Requests that wait: for bytes to fetch, for followers to catch up, or for their deadline.
//!
//! Kafka has one purgatory per kind of request (`DelayedOperationPurgatory.scala`); so do we, all of this type.

use std::collections::{BTreeMap, BTreeSet};

use base::Instant;

use crate::TopicPartition;
use crate::shard::RequestToken;

/// Operations of one kind, found by token, by the partitions they watch, and by deadline.
#[derive(Debug)]
pub struct Purgatory<Op> {
    parked: BTreeMap<RequestToken, Parked<Op>>,
    watchers: BTreeMap<TopicPartition, BTreeSet<RequestToken>>,
    deadlines: BTreeSet<(Instant, RequestToken)>,
}

#[derive(Debug)]
struct Parked<Op> {
    deadline: Instant,
    watched: Vec<TopicPartition>,
    op: Op,
}

impl<Op> Default for Purgatory<Op> {
    fn default() -> Self {
        Self { parked: BTreeMap::new(), watchers: BTreeMap::new(), deadlines: BTreeSet::new() }
    }
}

impl<Op> Purgatory<Op> {
    /// Parks an operation until one of `watched` changes or `deadline` passes.
    pub fn park(&mut self, token: RequestToken, deadline: Instant, watched: Vec<TopicPartition>, op: Op) {
        for partition in &watched {
            self.watchers.entry(partition.clone()).or_default().insert(token);
        }
        self.deadlines.insert((deadline, token));
        let before = self.parked.insert(token, Parked { deadline, watched, op });
        assert!(before.is_none(), "a request is parked once");
    }

    /// Takes an operation out, wherever it waits.
    pub fn take(&mut self, token: RequestToken) -> Option<(Instant, Op)> {
        let parked = self.parked.remove(&token)?;
        self.deadlines.remove(&(parked.deadline, token));
        for partition in &parked.watched {
            if let Some(watchers) = self.watchers.get_mut(partition) {
                watchers.remove(&token);
                if watchers.is_empty() {
                    self.watchers.remove(partition);
                }
            }
        }
        Some((parked.deadline, parked.op))
    }

    /// Who watches a partition, in the order they came.
    pub fn watching(&self, partition: &TopicPartition) -> Vec<RequestToken> {
        self.watchers.get(partition).map(|tokens| tokens.iter().copied().collect()).unwrap_or_default()
    }

    /// Whose deadline has come.
    pub fn expired(&self, now: Instant) -> Vec<RequestToken> {
        self.deadlines.iter().take_while(|(at, _)| *at <= now).map(|(_, token)| *token).collect()
    }

    /// The nearest deadline.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Operations parked.
    pub fn len(&self) -> usize {
        self.parked.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.parked.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_gone_from_every_index() {
        let (a, b) = (TopicPartition::new("a", 0), TopicPartition::new("b", 1));
        let mut purgatory = Purgatory::default();
        purgatory.park(RequestToken(2), Instant::from_millis(20), vec![a.clone(), b.clone()], "two");
        purgatory.park(RequestToken(1), Instant::from_millis(30), vec![a.clone()], "one");
        assert_eq!(purgatory.watching(&a), [RequestToken(1), RequestToken(2)]);
        assert_eq!(purgatory.deadline(), Some(Instant::from_millis(20)));
        assert_eq!(purgatory.expired(Instant::from_millis(19)), []);
        assert_eq!(purgatory.expired(Instant::from_millis(20)), [RequestToken(2)]);
        assert_eq!(purgatory.take(RequestToken(2)), Some((Instant::from_millis(20), "two")));
        assert_eq!(purgatory.take(RequestToken(2)), None);
        assert_eq!(purgatory.watching(&b), []);
        assert_eq!(purgatory.deadline(), Some(Instant::from_millis(30)));
        assert!(purgatory.take(RequestToken(1)).is_some());
        assert!(purgatory.is_empty() && purgatory.watchers.is_empty() && purgatory.deadlines.is_empty());
    }
}
