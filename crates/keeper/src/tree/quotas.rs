//! The tree's part in quotas: it knows which paths have limits and keeps the texts of their `zookeeper_stats` right.

use std::collections::BTreeMap;

use base::Str;

use super::Tree;
use crate::node::Node;
use crate::path;
use crate::quota::{QuotaNode, Quotas, StatsTrack, stats_path};

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

    /// A node was made.
    pub(super) fn quota_created(&mut self, path: &str, bytes: usize) {
        match QuotaNode::of(path) {
            Some(QuotaNode::Limits(limited)) => self.quotas.insert(limited),
            Some(QuotaNode::Stats(limited)) => self.recount(limited),
            None => {}
        }
        self.quota_changed(path, 1, bytes as i64);
    }

    /// A node is gone.
    pub(super) fn quota_deleted(&mut self, path: &str, bytes: usize) {
        if let Some(QuotaNode::Limits(limited)) = QuotaNode::of(path) {
            self.quotas.remove(limited);
        }
        self.quota_changed(path, -1, -(bytes as i64));
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
    pub(super) fn quota_changed(&mut self, path: &str, count: i64, bytes: i64) {
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
            // A client wrote something else there.
            None => self.recount(limited),
        }
    }

    /// Counts what is at a node and below, the node included. As long as that is.
    fn recount(&mut self, limited: &str) {
        let (mut count, mut bytes) = (0, 0);
        let mut open: Vec<_> = self.get(limited).into_iter().collect();
        while let Some(node) = open.pop() {
            count += 1;
            bytes += node.data.as_ref().map_or(0, |data| data.len() as i64);
            open.extend(node.child_names().filter_map(|name| node.child(name)));
        }
        self.put_stats(&stats_path(limited), &StatsTrack::new(count, bytes));
    }

    /// Neither a version nor a time changes with it.
    fn put_stats(&mut self, path: &str, stats: &StatsTrack) {
        let _ = self.replace_data(path, Some(stats.to_string().as_bytes()), |_| {});
    }
}
