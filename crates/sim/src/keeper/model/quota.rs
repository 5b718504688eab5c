//! Quotas. The server counts in the text of `zookeeper_stats` without a transaction, and asks whether there is room when
//! it checks a write: by the numbers of what is applied then, which a pipelined write is ahead of. So the numbers are
//! remembered for each zxid.

use std::collections::BTreeMap;

use super::Model;

const ROOT: &str = "/zookeeper/quota";
const LIMITS: &str = "/zookeeper_limits";
const STATS: &str = "/zookeeper_stats";

/// Limits, or what there is; -1 stands for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Track {
    count: i64,
    bytes: i64,
    count_hard: i64,
    bytes_hard: i64,
}

impl Track {
    fn parse(text: &[u8]) -> Option<Self> {
        let mut track = Self { count: -1, bytes: -1, count_hard: -1, bytes_hard: -1 };
        for pair in core::str::from_utf8(text).ok()?.split([',', ';']).filter(|pair| !pair.is_empty()) {
            let (name, number) = pair.split_once('=')?;
            let number = number.trim_end_matches('=').parse().ok()?;
            match name {
                "count" => track.count = number,
                "bytes" => track.bytes = number,
                "countHardLimit" => track.count_hard = number,
                "byteHardLimit" => track.bytes_hard = number,
                _ => return None,
            }
        }
        Some(track)
    }
}

/// Limits and numbers of each path that has limits.
type Quotas = BTreeMap<String, Option<(Track, Track)>>;

/// What may be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// There was room whenever it may have been looked at.
    Yes,
    /// There was none.
    No,
    /// It depends on the moment.
    Perhaps,
}

/// The quotas behind each zxid that changed them.
#[derive(Clone, Debug, Default)]
pub struct QuotaHistory(Vec<(i64, Quotas)>);

impl Model {
    /// Whether so many nodes and bytes more fit at a path, for a write that was sent when `floor` was applied.
    pub fn room(&self, floor: i64, path: &str, count: i64, bytes: i64) -> Room {
        let history = &self.quota_history.0;
        if !self.rules.enforce_quota || history.is_empty() {
            return Room::Yes;
        }
        // The state at the floor, and all later ones below this write.
        let below = history.partition_point(|(zxid, _)| *zxid < floor);
        let at_floor = history[below..].first().filter(|(zxid, _)| *zxid == floor).map(|(zxid, _)| *zxid);
        let first = at_floor.or_else(|| below.checked_sub(1).map(|index| history[index].0));
        let first = first.map_or(0, |zxid| history.partition_point(|(other, _)| *other < zxid));
        let states = history[first..].iter().take_while(|(zxid, _)| *zxid < self.zxid);
        let none_before = at_floor.is_none() && below == 0;
        let mut outcomes: Vec<bool> = states.map(|(_, quotas)| fits(quotas, path, count, bytes)).collect();
        if none_before {
            outcomes.push(true);
        }
        match (outcomes.contains(&true), outcomes.contains(&false)) {
            (true, true) => Room::Perhaps,
            (false, true) => Room::No,
            _ => Room::Yes,
        }
    }

    /// A node was made.
    pub(super) fn quota_created(&mut self, path: &str, bytes: usize) {
        if let Some(limited) = path.strip_prefix(ROOT).and_then(|below| below.strip_suffix(STATS)) {
            self.recount(limited);
        }
        self.quota_changed(path, 1, bytes as i64);
    }

    /// Its data is another one. Numbers that are none are counted at once.
    pub(super) fn quota_data_changed(&mut self, path: &str, data: Option<&[u8]>, more: i64) {
        if let Some(limited) = path.strip_prefix(ROOT).and_then(|below| below.strip_suffix(STATS))
            && data.and_then(Track::parse).is_none()
        {
            self.recount(limited);
        }
        self.quota_changed(path, 0, more);
    }

    /// So many nodes and bytes more at a path: the deepest limits above it count them.
    pub(super) fn quota_changed(&mut self, path: &str, count: i64, bytes: i64) {
        let Some(limited) = self.limited_above(path) else { return };
        let stats_path = format!("{ROOT}{limited}{STATS}");
        let Some(stats) = self.nodes.get(&stats_path) else { return };
        match stats.data.as_deref().and_then(Track::parse) {
            Some(track) => self.put_stats(&limited, track.count + count, track.bytes + bytes),
            None => self.recount(&limited),
        }
    }

    /// A start counts everything anew: what is below deeper limits as well.
    pub fn recount_quotas(&mut self) {
        let limited: Vec<String> = self.limited().collect();
        limited.iter().for_each(|limited| self.recount(limited));
        self.remember_quotas();
    }

    fn recount(&mut self, limited: &str) {
        let below = format!("{limited}/");
        let counted = self.nodes.iter().filter(|(path, _)| *path == limited || path.starts_with(&below));
        let (mut count, mut bytes) = (0, 0);
        for (_, node) in counted {
            count += 1;
            bytes += node.data.as_ref().map_or(0, |data| data.len() as i64);
        }
        self.put_stats(limited, count, bytes);
    }

    fn put_stats(&mut self, limited: &str, count: i64, bytes: i64) {
        let path = format!("{ROOT}{limited}{STATS}");
        if self.nodes.contains_key(&path) {
            let text = format!("count={count},bytes={bytes}");
            self.change(&path, |node| node.data = Some(text.into_bytes()));
        }
    }

    fn limited(&self) -> impl Iterator<Item = String> {
        let range = self.nodes.range(format!("{ROOT}/")..format!("{ROOT}0"));
        range.filter_map(|(path, _)| Some(path.strip_prefix(ROOT)?.strip_suffix(LIMITS)?.to_string()))
    }

    fn limited_above(&self, path: &str) -> Option<String> {
        above(path).find(|at| self.nodes.contains_key(&format!("{ROOT}{at}{LIMITS}"))).map(ToString::to_string)
    }

    /// Notes the quotas as they are behind the transaction just applied.
    pub(super) fn remember_quotas(&mut self) {
        let track = |path: String| self.nodes.get(&path)?.data.as_deref().and_then(Track::parse);
        let of = |limited: &str| {
            Some((track(format!("{ROOT}{limited}{LIMITS}"))?, track(format!("{ROOT}{limited}{STATS}"))?))
        };
        let quotas: Quotas = self.limited().map(|limited| (limited.clone(), of(&limited))).collect();
        if self.quota_history.0.last().map_or(!quotas.is_empty(), |(_, before)| *before != quotas) {
            self.quota_history.0.push((self.zxid, quotas));
        }
    }
}

/// A path and those above it, without the root.
fn above(path: &str) -> impl Iterator<Item = &str> {
    core::iter::successors(Some(path), |at| at.rsplit_once('/').map(|(parent, _)| parent)).filter(|at| !at.is_empty())
}

fn fits(quotas: &Quotas, path: &str, count: i64, bytes: i64) -> bool {
    let Some(Some((limits, stats))) = above(path).find_map(|at| quotas.get(at)) else { return true };
    let fits = |change: i64, has: i64, limit: i64| change == 0 || limit < 0 || has + change <= limit;
    fits(count, stats.count, limits.count_hard) && fits(bytes, stats.bytes, limits.bytes_hard)
}
