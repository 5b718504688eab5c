//! Quotas (upstream: `Quotas`, `StatsTrack`, `PathTrie`, `ZooKeeperServer.checkQuota`).
//!
//! A client sets one by making ordinary nodes: `/zookeeper/quota<path>/zookeeper_limits` with the limits as text, and
//! `zookeeper_stats` beside it, whose text the server keeps: how many nodes and bytes there are at `<path>` and below.
//! The server changes that text without a transaction; nothing below `/zookeeper` is in the tree's digest.
//! Of several quotas above a node the deepest one counts.

use core::fmt;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use base::Str;

use crate::path;

const LIMITS: &str = "zookeeper_limits";
const STATS: &str = "zookeeper_stats";

/// Numbers by name, as both kinds of nodes hold them: `count=5,bytes=9`, or with hard limits
/// `count=5,bytes=9=;byteHardLimit=8;countHardLimit=7`. -1 stands for none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatsTrack {
    numbers: BTreeMap<String, i64>,
}

impl StatsTrack {
    /// What is at a node and below.
    pub fn new(count: i64, bytes: i64) -> Self {
        Self { numbers: BTreeMap::from([("count".to_string(), count), ("bytes".to_string(), bytes)]) }
    }

    /// Reads a node's text; `None` when it is none.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = core::str::from_utf8(text).ok()?;
        let mut numbers = BTreeMap::new();
        let pairs = text.split([',', ';']).filter(|pair| !pair.is_empty());
        for pair in pairs {
            let mut parts = pair.split('=');
            let (name, value) = (parts.next()?, parts.next()?);
            let value = if value.is_empty() { -1 } else { value.parse().ok()? };
            numbers.insert(name.to_string(), value);
        }
        Some(Self { numbers })
    }

    /// Nodes.
    pub fn count(&self) -> i64 {
        self.number("count")
    }

    /// Bytes of data.
    pub fn bytes(&self) -> i64 {
        self.number("bytes")
    }

    /// Nodes that may not be exceeded; -1 is no limit.
    pub fn count_hard_limit(&self) -> i64 {
        self.number("countHardLimit")
    }

    /// Bytes that may not be exceeded; -1 is no limit.
    pub fn byte_hard_limit(&self) -> i64 {
        self.number("byteHardLimit")
    }

    /// More or fewer.
    pub fn add(&mut self, count: i64, bytes: i64) {
        let sums = [("count", self.count().saturating_add(count)), ("bytes", self.bytes().saturating_add(bytes))];
        for (name, sum) in sums {
            self.numbers.insert(name.to_string(), sum);
        }
    }

    fn number(&self, name: &str) -> i64 {
        self.numbers.get(name).copied().unwrap_or(-1)
    }
}

/// The two old names come first, and a `=` that says nothing stands behind them when more follow: old readers stop there.
impl fmt::Display for StatsTrack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "count={},bytes={}", self.count(), self.bytes())?;
        let mut between = "=;";
        for (name, number) in self.numbers.iter().filter(|(name, _)| !matches!(name.as_str(), "count" | "bytes")) {
            write!(f, "{between}{name}={number}")?;
            between = ";";
        }
        Ok(())
    }
}

/// What a node below `/zookeeper/quota` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuotaNode<'a> {
    /// The limits of the node at this path.
    Limits(&'a str),
    /// The numbers of the node at this path.
    Stats(&'a str),
}

impl<'a> QuotaNode<'a> {
    /// By its path; `None` for every other node. The root has no quota.
    pub fn of(path: &'a str) -> Option<Self> {
        let below = path.strip_prefix(path::QUOTA)?;
        let (limited, name) = below.rsplit_once('/')?;
        match name {
            LIMITS if limited.starts_with('/') => Some(Self::Limits(limited)),
            STATS if limited.starts_with('/') => Some(Self::Stats(limited)),
            _ => None,
        }
    }
}

/// Where the limits of the node at a path stand.
pub fn limits_path(limited: &str) -> String {
    format!("{}{limited}/{LIMITS}", path::QUOTA)
}

/// Where the numbers of the node at a path stand.
pub fn stats_path(limited: &str) -> String {
    format!("{}{limited}/{STATS}", path::QUOTA)
}

/// The paths with limits.
#[derive(Debug, Default)]
pub struct Quotas {
    limited: BTreeSet<Str>,
}

impl Quotas {
    /// A path has limits from now on.
    pub fn insert(&mut self, limited: &str) {
        self.limited.insert(without_blanks(limited).as_ref().into());
    }

    /// A path has none any more.
    pub fn remove(&mut self, limited: &str) {
        self.limited.remove(&*without_blanks(limited));
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.limited.is_empty()
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Str> {
        self.limited.iter()
    }

    /// The deepest path with limits at a path or above it.
    pub fn above(&self, path: &str) -> Option<&Str> {
        if self.limited.is_empty() {
            return None;
        }
        let path = without_blanks(path);
        let mut at = &*path;
        loop {
            if let Some(limited) = self.limited.get(at) {
                return Some(limited);
            }
            at = at.rsplit_once('/')?.0;
        }
    }
}

/// A path as upstream looks for quotas: names of nothing but blanks are passed over.
fn without_blanks(path: &str) -> Cow<'_, str> {
    let blank = |name: &str| name.chars().all(|c| c <= ' ');
    if !path.split('/').skip(1).any(blank) {
        return path.into();
    }
    path.split('/').filter(|name| !blank(name)).flat_map(|name| ["/", name]).collect::<String>().into()
}

/// A write that goes beyond a quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaExceeded {
    /// Whose.
    pub limited: Str,
    /// `count` or `bytes`
    pub what: &'static str,
    /// With this write.
    pub current: i64,
    /// At most.
    pub limit: i64,
    /// Whether such writes are refused when the operator enforces quotas.
    pub hard: bool,
}

impl fmt::Display for QuotaExceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limited, what, current, limit, hard } = self;
        let kind = if *hard { "hard" } else { "soft" };
        write!(f, "{limited} goes beyond its quota: {what} is {current}, the {kind} limit {limit}")
    }
}

/// Whether a change by so many nodes and bytes goes beyond the limits. A hard limit hides the soft one of its kind.
pub fn exceeded(
    limited: &Str,
    limits: &StatsTrack,
    stats: &StatsTrack,
    count: i64,
    bytes: i64,
) -> Option<QuotaExceeded> {
    let kinds = [
        ("count", count, stats.count(), limits.count_hard_limit(), limits.count()),
        ("bytes", bytes, stats.bytes(), limits.byte_hard_limit(), limits.bytes()),
    ];
    let mut over = None;
    for (what, change, before, hard_limit, soft_limit) in kinds {
        let hard = hard_limit > -1;
        let limit = if hard { hard_limit } else { soft_limit };
        let current = before.saturating_add(change);
        if change != 0 && limit > -1 && current > limit {
            let this = QuotaExceeded { limited: limited.clone(), what, current, limit, hard };
            if hard {
                return Some(this);
            }
            over.get_or_insert(this);
        }
    }
    over
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_the_text() {
        let table = [
            ("count=5,bytes=9", "count=5,bytes=9"),
            ("count=5,bytes=9=;byteHardLimit=8;countHardLimit=7", "count=5,bytes=9=;byteHardLimit=8;countHardLimit=7"),
            ("countHardLimit=7,count=-1", "count=-1,bytes=-1=;countHardLimit=7"),
            ("", "count=-1,bytes=-1"),
            ("bytes=,count=3", "count=3,bytes=-1"),
        ];
        for (text, expected) in table {
            assert_eq!(StatsTrack::parse(text.as_bytes()).map(|track| track.to_string()).as_deref(), Some(expected));
        }
        for bad in ["x", "count", "count=x", "count=9999999999999999999"] {
            assert_eq!(StatsTrack::parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(StatsTrack::parse(&[0xff]), None);
    }

    #[test]
    fn the_deepest_quota_counts() {
        let mut quotas = Quotas::default();
        assert_eq!(quotas.above("/a"), None);
        quotas.insert("/a");
        quotas.insert("/a/b/c");
        for (path, expected) in [
            ("/a", Some("/a")),
            ("/a/b", Some("/a")),
            ("/a/b/c", Some("/a/b/c")),
            ("/a/b/c/d/e", Some("/a/b/c")),
            ("/ab", None),
            ("/ /a", Some("/a")),
            ("/", None),
        ] {
            assert_eq!(quotas.above(path).map(|path| &**path), expected, "{path}");
        }
    }

    #[test]
    fn nodes_of_quotas() {
        let table = [
            ("/zookeeper/quota/a/b/zookeeper_limits", Some(QuotaNode::Limits("/a/b"))),
            ("/zookeeper/quota/a/zookeeper_stats", Some(QuotaNode::Stats("/a"))),
            ("/zookeeper/quota/zookeeper_limits", None),
            ("/zookeeper/quota/a", None),
            ("/zookeeper/quotas/a/zookeeper_limits", None),
            ("/a/zookeeper_limits", None),
        ];
        for (path, expected) in table {
            assert_eq!(QuotaNode::of(path), expected, "{path}");
        }
        assert_eq!(QuotaNode::of(&limits_path("/a")), Some(QuotaNode::Limits("/a")));
        assert_eq!(QuotaNode::of(&stats_path("/a")), Some(QuotaNode::Stats("/a")));
    }

    #[test]
    fn limits_and_changes() {
        let soft = StatsTrack::parse(b"count=5,bytes=10").expect("well formed");
        let hard = StatsTrack::parse(b"count=1,bytes=10=;countHardLimit=5").expect("well formed");
        let stats = StatsTrack::new(5, 10);
        let limited = Str::from("/a");
        let judge = |limits, count, bytes| {
            exceeded(&limited, limits, &stats, count, bytes)
                .map(|over| (over.what, over.current, over.limit, over.hard))
        };
        assert_eq!(judge(&soft, 0, 0), None);
        assert_eq!(judge(&soft, 1, 0), Some(("count", 6, 5, false)));
        assert_eq!(judge(&soft, 0, 1), Some(("bytes", 11, 10, false)));
        assert_eq!(judge(&soft, 0, -1), None);
        assert_eq!(judge(&hard, 1, 1), Some(("count", 6, 5, true)));
        assert_eq!(judge(&hard, 0, 1), Some(("bytes", 11, 10, false)));
        assert_eq!(judge(&StatsTrack::default(), 100, 100), None);
    }
}
