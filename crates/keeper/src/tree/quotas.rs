//! The tree's part in quotas: it knows which paths have limits and keeps the texts of their `zookeeper_stats` right.
//!
//! A new text is counted, which of a large tree takes long. So the nodes are counted in pieces before the transaction
//! that wants it is applied ([`Tree::count_begin`]), with reads in between.

use std::collections::BTreeMap;

use base::Str;
use zk_wire::txn::TxnBody;
use zk_wire::{CreateContainerTxn, CreateTtlTxn, CreateTxn, CreateTxnV0, SetDataTxn};

use super::Tree;
use crate::node::Node;
use crate::path;
use crate::quota::{QuotaNode, Quotas, StatsTrack, stats_path};
use crate::walk::Walk;

/// What is at a node and below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    limited: Str,
    nodes: i64,
    bytes: i64,
}

impl Count {
    fn add(&mut self, nodes: i64, bytes: i64) {
        self.nodes += nodes;
        self.bytes += bytes;
    }

    fn covers(&self, path: &str) -> bool {
        path.strip_prefix(&*self.limited).is_some_and(|below| below.is_empty() || below.starts_with('/'))
    }
}

/// Counts on their way, between two pieces. The tree must not change meanwhile.
#[derive(Debug)]
pub struct Counting {
    left: Vec<Str>,
    /// The count under way, with the path of the node that came last.
    at: Option<(Count, Str)>,
    done: Vec<Count>,
}

impl Tree {
    /// The paths with limits.
    pub fn quotas(&self) -> &Quotas {
        &self.quotas
    }

    /// Finds the quotas of a tree that was loaded.
    pub fn find_quotas(&mut self) {
        let mut quotas = Quotas::default();
        let mut open: Vec<_> = self.get(path::QUOTA).map(|node| (path::QUOTA.to_string(), node)).into_iter().collect();
        while let Some((path, node)) = open.pop() {
            if let Some(QuotaNode::Limits(limited)) = QuotaNode::of(&path) {
                quotas.insert(limited);
            }
            open.extend(node.child_names().filter_map(|name| Some((format!("{path}/{name}"), node.child(name)?))));
        }
        self.quotas = quotas;
    }

    /// Finds the quotas of a tree that was loaded, and counts anew what each covers.
    pub fn set_up_quotas(&mut self) {
        self.find_quotas();
        let limited: Vec<_> = self.quotas.iter().cloned().collect();
        limited.iter().for_each(|limited| self.recount(limited));
    }

    /// The counts that a transaction wants: of paths whose `zookeeper_stats` it makes, or gives a text that is none.
    /// `None` when it wants none.
    pub fn count_begin(&self, body: &TxnBody) -> Option<Counting> {
        let left: Vec<Str> = match body {
            TxnBody::Multi(parts) => parts.iter().filter_map(|(_, part)| wanted(part)).collect(),
            one => wanted(one).into_iter().collect(),
        };
        (!left.is_empty()).then_some(Counting { left, at: None, done: Vec::new() })
    }

    /// Counts so many nodes more, at most. True when all is counted.
    pub fn count_piece(&self, counting: &mut Counting, nodes_max: usize) -> bool {
        let mut left = nodes_max;
        while left > 0 {
            let Some((mut count, last)) = counting.at.take() else {
                let Some(limited) = counting.left.pop() else { return true };
                left -= 1;
                let mut count = Count { limited: limited.clone(), nodes: 0, bytes: 0 };
                match self.get(&limited) {
                    Some(node) => {
                        count.add(1, data_bytes(node));
                        counting.at = Some((count, limited));
                    }
                    None => counting.done.push(count),
                }
                continue;
            };
            let mut walk = Walk::at(&self.root, &last);
            while left > 0
                && let Some(node) = walk.next().filter(|_| count.covers(walk.path()))
            {
                count.add(1, data_bytes(node));
                walk.descend(node);
                left -= 1;
            }
            match left {
                0 => counting.at = Some((count, walk.path().into())),
                _ => counting.done.push(count),
            }
        }
        counting.at.is_none() && counting.left.is_empty()
    }

    /// The transaction that wanted these counts is applied next.
    pub fn use_counts(&mut self, counting: Counting) {
        self.counts = counting.done;
    }

    /// A node was made.
    pub(super) fn quota_created(&mut self, path: &str, bytes: usize) {
        self.adjust_counts(path, 1, bytes as i64);
        match QuotaNode::of(path) {
            Some(QuotaNode::Limits(limited)) => self.quotas.insert(limited),
            Some(QuotaNode::Stats(limited)) => self.recount(limited),
            None => {}
        }
        self.add_above(path, 1, bytes as i64);
    }

    /// A node's data is another one: so many bytes more.
    pub(super) fn quota_data_changed(&mut self, path: &str, data: Option<&[u8]>, bytes: i64) {
        self.adjust_counts(path, 0, bytes);
        if let Some(QuotaNode::Stats(limited)) = QuotaNode::of(path)
            && data.and_then(StatsTrack::parse).is_none()
        {
            self.recount(limited);
        }
        self.add_above(path, 0, bytes);
    }

    /// What the transaction under way changes behind the counts that it wanted is added to them.
    fn adjust_counts(&mut self, path: &str, nodes: i64, bytes: i64) {
        self.counts.iter_mut().filter(|count| count.covers(path)).for_each(|count| count.add(nodes, bytes));
    }

    /// A node is gone.
    pub(super) fn quota_deleted(&mut self, path: &str, bytes: usize) {
        if let Some(QuotaNode::Limits(limited)) = QuotaNode::of(path) {
            self.quotas.remove(limited);
        }
        self.adjust_counts(path, -1, -(bytes as i64));
        self.add_above(path, -1, -(bytes as i64));
    }

    /// Nodes with the same parent are gone: what they mean for a quota is one change of its numbers.
    pub(super) fn quota_deleted_together(&mut self, gone: &[(&Str, Box<Node>)]) {
        if self.quotas.is_empty() {
            return;
        }
        let mut sums: BTreeMap<Str, (i64, i64)> = BTreeMap::new();
        for (path, node) in gone {
            if let Some(limited) = self.quotas.above(path) {
                let (count, bytes) = match sums.get_mut(limited) {
                    Some(sum) => sum,
                    None => sums.entry(limited.clone()).or_default(),
                };
                *count -= 1;
                *bytes -= node.data.as_ref().map_or(0, |data| data.len() as i64);
            }
        }
        for (limited, (count, bytes)) in sums {
            self.add_to_stats(&limited, count, bytes);
        }
        for (path, _) in gone {
            if let Some(QuotaNode::Limits(limited)) = QuotaNode::of(path) {
                self.quotas.remove(limited);
            }
        }
    }

    /// So many nodes and bytes more (or fewer) at a path.
    fn add_above(&mut self, path: &str, count: i64, bytes: i64) {
        if let Some(limited) = self.quotas.above(path).cloned() {
            self.add_to_stats(&limited, count, bytes);
        }
    }

    fn add_to_stats(&mut self, limited: &str, count: i64, bytes: i64) {
        let stats_path = stats_path(limited);
        let Some(node) = self.get(&stats_path) else { return };
        match node.data.as_deref().and_then(StatsTrack::parse) {
            Some(mut stats) => {
                stats.add(count, bytes);
                self.put_stats(&stats_path, &stats);
            }
            // A client of another server wrote something else there, and it was not repaired.
            None => self.recount(limited),
        }
    }

    /// Writes what is at a node and below, the node included. As long as that is, unless it is counted already.
    fn recount(&mut self, limited: &str) {
        let counted = self.counts.iter().find(|count| &*count.limited == limited).cloned();
        let count = counted.unwrap_or_else(|| {
            let mut counting = Counting { left: vec![limited.into()], at: None, done: Vec::new() };
            while !self.count_piece(&mut counting, usize::MAX) {}
            counting.done.pop().expect("one was wanted")
        });
        self.put_stats(&stats_path(limited), &StatsTrack::new(count.nodes, count.bytes));
    }

    /// Neither a version nor a time changes with it.
    fn put_stats(&mut self, path: &str, stats: &StatsTrack) {
        let _ = self.replace_data(path, Some(stats.to_string().as_bytes()), |_| {});
    }
}

fn data_bytes(node: &Node) -> i64 {
    node.data.as_ref().map_or(0, |data| data.len() as i64)
}

/// The path that a part of a transaction wants to be counted.
fn wanted(body: &TxnBody) -> Option<Str> {
    let (path, text) = match body {
        TxnBody::Create(CreateTxn { path, .. })
        | TxnBody::CreateV0(CreateTxnV0 { path, .. })
        | TxnBody::CreateContainer(CreateContainerTxn { path, .. })
        | TxnBody::CreateTtl(CreateTtlTxn { path, .. }) => (path, None),
        TxnBody::SetData(SetDataTxn { path, data, .. }) => (path, data.as_deref()),
        _ => return None,
    };
    let QuotaNode::Stats(limited) = QuotaNode::of(path)? else { return None };
    text.and_then(StatsTrack::parse).is_none().then(|| path.slice_ref(limited))
}
