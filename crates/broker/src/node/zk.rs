//! Batches of ZooKeeper operations: submitted together, answered together, in order.

use std::collections::{BTreeMap, VecDeque};

use client_core::zk::{OnLoss, Op, Reply, Stat, ZkError};

use super::{NodeEffect, Then};

/// How one operation ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its reply or its error.
    pub result: Result<Reply, ZkError>,
    /// Whether it was sent more than once: "exists" or "bad version" may then be one's own doing.
    pub resent: bool,
}

impl Outcome {
    /// Whether the node did not exist.
    pub fn is_no_node(&self) -> bool {
        self.result == Err(ZkError::Code(ZkError::NO_NODE))
    }

    /// Whether the node existed already, alone or as a part of a multi.
    pub fn is_node_exists(&self) -> bool {
        matches!(
            self.result,
            Err(ZkError::Code(ZkError::NODE_EXISTS) | ZkError::Multi { code: ZkError::NODE_EXISTS, .. })
        )
    }

    /// Whether the part of a multi at `index` met another version, or no node at all.
    pub fn fails_check(&self, index: usize) -> bool {
        matches!(
            self.result,
            Err(ZkError::Multi { index: at, code: ZkError::BAD_VERSION | ZkError::NO_NODE }) if at == index
        )
    }

    /// The stat of exists or setData.
    pub fn stat(&self) -> Option<&Stat> {
        match &self.result {
            Ok(Reply::Stat(stat) | Reply::Data { stat, .. } | Reply::Children { stat, .. }) => Some(stat),
            _ => None,
        }
    }

    /// The data of getData; ZooKeeper's null is empty.
    pub fn data(&self) -> Option<(&[u8], &Stat)> {
        match &self.result {
            Ok(Reply::Data { data, stat }) => Some((data.as_deref().unwrap_or_default(), stat)),
            _ => None,
        }
    }

    /// The names of getChildren; none when the parent does not exist.
    pub fn children(&self) -> &[String] {
        match &self.result {
            Ok(Reply::Children { names, .. }) => names,
            _ => &[],
        }
    }

    /// The stat of one setData inside a multi.
    pub fn multi_stat(&self, index: usize) -> Option<&Stat> {
        match &self.result {
            Ok(Reply::Multi(replies)) => match replies.get(index) {
                Some(Reply::Stat(stat)) => Some(stat),
                _ => None,
            },
            _ => None,
        }
    }
}

#[derive(Debug)]
struct Batch {
    then: Then,
    outcomes: Vec<Option<Outcome>>,
    left: usize,
}

/// What is under way. A batch's token has the batch's number in the upper 44 bits and the operation's in the lower 20.
#[derive(Debug, Default)]
pub struct ZkBatches {
    next: u64,
    batches: BTreeMap<u64, Batch>,
    /// Batches that ended and wait for their continuation.
    ended: VecDeque<(Then, Vec<Outcome>)>,
}

const INDEX_BITS: u32 = 20;

impl ZkBatches {
    /// Submits operations; `then` goes on when the last one ended.
    pub fn submit(&mut self, ops: Vec<Op>, then: Then, effects: &mut Vec<NodeEffect>) {
        assert!(ops.len() < 1 << INDEX_BITS, "a batch has less than a million operations");
        if ops.is_empty() {
            self.ended.push_back((then, Vec::new()));
            return;
        }
        self.next += 1;
        let batch = Batch { then, left: ops.len(), outcomes: vec![None; ops.len()] };
        self.batches.insert(self.next, batch);
        for (index, op) in ops.into_iter().enumerate() {
            let token = (self.next << INDEX_BITS) | index as u64;
            effects.push(NodeEffect::Zk { token, op, on_loss: OnLoss::Resend });
        }
    }

    /// An operation ended.
    pub fn completed(&mut self, token: u64, outcome: Outcome) {
        let (number, index) = (token >> INDEX_BITS, (token & ((1 << INDEX_BITS) - 1)) as usize);
        let Some(batch) = self.batches.get_mut(&number) else { return };
        let slot = &mut batch.outcomes[index];
        assert!(slot.is_none(), "operation {token} ended twice");
        *slot = Some(outcome);
        batch.left -= 1;
        if batch.left == 0 {
            let batch = self.batches.remove(&number).expect("found above");
            let outcomes = batch.outcomes.into_iter().map(|outcome| outcome.expect("all ended")).collect();
            self.ended.push_back((batch.then, outcomes));
        }
    }

    /// The next continuation that may run.
    pub fn pop(&mut self) -> Option<(Then, Vec<Outcome>)> {
        self.ended.pop_front()
    }
}
