//! The tree's part in quotas: it knows which paths have limits and keeps the texts of their `zookeeper_stats` right.

use super::Tree;
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

    /// So many nodes and bytes more (or fewer) at a path.
    pub(super) fn quota_changed(&mut self, path: &str, count: i64, bytes: i64) {
        let Some(limited) = self.quotas.above(path).cloned() else { return };
        let stats_path = stats_path(&limited);
        let Some(node) = self.get(&stats_path) else { return };
        match node.data.as_deref().and_then(StatsTrack::parse) {
            Some(mut stats) => {
                stats.add(count, bytes);
                self.put_stats(&stats_path, &stats);
            }
            // A client wrote something else there.
            None => self.recount(&limited),
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
