//! What compaction may do with a log, and when (upstream: `LogCleanerManager`, `Cleaner.groupSegmentsBySize`). Pure: the
//! shard gives summaries, `storage::kafka::cleaner` does the work.
//!
//! ```text
//! log start ... clean ... first dirty ... dirty ... first uncleanable ... active segment
//! ```
//! Below the first dirty offset each key stands at most once; a cleaning moves that offset on.

use core::ops::Range;

use super::retention::SegmentSummary;
use crate::shard::LogConfig;

/// Where a log stands, as far as cleaning asks.
#[derive(Clone, Copy, Debug)]
pub struct LogState {
    /// From `cleaner-offset-checkpoint`.
    pub checkpoint: Option<i64>,
    /// First offset.
    pub log_start_offset: i64,
    /// Nothing of an open transaction is cleaned.
    pub last_stable_offset: i64,
    /// Nothing is cleaned that is not on disk yet.
    pub flushed_offset: i64,
}

/// What a cleaning would find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cleanable {
    /// Where the last cleaning ended.
    pub first_dirty_offset: i64,
    /// Where this one has to end.
    pub first_uncleanable_offset: i64,
    /// Bytes of segments below the first dirty offset.
    pub clean_bytes: u64,
    /// Bytes of segments between the two offsets.
    pub cleanable_bytes: u64,
}

impl Cleanable {
    /// Which share of what would be read is dirty.
    pub fn ratio(&self) -> f64 {
        let all = self.clean_bytes + self.cleanable_bytes;
        if all == 0 { 0.0 } else { self.cleanable_bytes as f64 / all as f64 }
    }

    /// Whether it is worth the work: by `min.cleanable.dirty.ratio`, or because a record has waited for
    /// `max.compaction.lag.ms`; `oldest_dirty_ms` is the first timestamp of the dirty segments.
    pub fn is_due(&self, config: &LogConfig, now_ms: i64, oldest_dirty_ms: Option<i64>) -> bool {
        let waited_ms = oldest_dirty_ms.map_or(0, |oldest| now_ms.saturating_sub(oldest));
        let must = waited_ms > config.max_compaction_lag_ms.max(0);
        self.cleanable_bytes > 0 && (must || self.ratio() > config.min_cleanable_dirty_ratio)
    }
}

/// Finds what may be cleaned. `segments` are all of the log's, oldest first, the last one active.
pub fn cleanable(segments: &[SegmentSummary], state: &LogState, config: &LogConfig, now_ms: i64) -> Cleanable {
    let (active, closed) = segments.split_last().expect("a log has an active segment");
    // A checkpoint that does not fit the log is one from another life of it.
    let fits = |at: &i64| (state.log_start_offset..=active.base_offset).contains(at);
    let first_dirty_offset = state.checkpoint.filter(fits).unwrap_or(state.log_start_offset);
    let too_young = |segment: &&SegmentSummary| {
        config.min_compaction_lag_ms > 0
            && segment.largest_timestamp > now_ms.saturating_sub(config.min_compaction_lag_ms)
    };
    let end_of = |i: usize| segments[i + 1].base_offset;
    let dirty = || (0..closed.len()).filter(|i| end_of(*i) > first_dirty_offset).map(|i| &closed[i]);
    let young = dirty().find(too_young).map_or(i64::MAX, |segment| segment.base_offset);
    let bounds = [active.base_offset, state.last_stable_offset, state.flushed_offset, young];
    let first_uncleanable_offset = bounds.into_iter().fold(i64::MAX, i64::min).max(first_dirty_offset);
    let bytes = |range: Range<i64>| {
        let within = closed.iter().filter(|segment| range.contains(&segment.base_offset));
        within.map(|segment| segment.size_bytes).sum()
    };
    Cleanable {
        first_dirty_offset,
        first_uncleanable_offset,
        clean_bytes: bytes(i64::MIN..first_dirty_offset),
        cleanable_bytes: bytes(first_dirty_offset..first_uncleanable_offset),
    }
}

/// A segment that is cleaned, as far as grouping asks.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// Offset that its name says.
    pub base_offset: i64,
    /// Where the next segment begins.
    pub end_offset: i64,
    /// Bytes of its `.log`.
    pub size_bytes: u64,
    /// Bytes of the larger one of its two indexes.
    pub index_bytes: u64,
}

/// Neighbours that become one segment: as many as fit `segment.bytes`, `segment.index.bytes` and 31 bits of offsets.
pub fn group(sources: &[Source], config: &LogConfig) -> Vec<Range<usize>> {
    let (bytes_max, index_max) = (config.segment_bytes.max(0) as u64, config.segment_index_bytes.max(0) as u64);
    let mut groups: Vec<Range<usize>> = Vec::new();
    let (mut bytes, mut index_bytes) = (0, 0);
    for (i, source) in sources.iter().enumerate() {
        bytes += source.size_bytes;
        index_bytes += source.index_bytes;
        let fits = groups.last().is_some_and(|group| {
            let span = source.end_offset - 1 - sources[group.start].base_offset;
            bytes <= bytes_max && index_bytes <= index_max && span <= i64::from(i32::MAX)
        });
        match groups.last_mut() {
            Some(group) if fits => group.end = i + 1,
            _ => {
                groups.push(i..i + 1);
                (bytes, index_bytes) = (source.size_bytes, source.index_bytes);
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(base_offset: i64, size_bytes: u64, largest_timestamp: i64) -> SegmentSummary {
        SegmentSummary { base_offset, size_bytes, largest_timestamp }
    }

    fn log() -> Vec<SegmentSummary> {
        vec![segment(0, 100, 10), segment(10, 100, 20), segment(20, 100, 30), segment(30, 50, 40)]
    }

    const STATE: LogState =
        LogState { checkpoint: None, log_start_offset: 0, last_stable_offset: 35, flushed_offset: 30 };

    fn offsets(state: LogState, config: &LogConfig) -> (i64, i64, u64, u64) {
        let found = cleanable(&log(), &state, config, 1000);
        (found.first_dirty_offset, found.first_uncleanable_offset, found.clean_bytes, found.cleanable_bytes)
    }

    #[test]
    fn what_may_be_cleaned() {
        let config = LogConfig::default();
        assert_eq!(offsets(STATE, &config), (0, 30, 0, 300), "never the active segment");
        assert_eq!(offsets(LogState { checkpoint: Some(20), ..STATE }, &config), (20, 30, 200, 100));
        assert_eq!(offsets(LogState { checkpoint: Some(30), ..STATE }, &config), (30, 30, 300, 0));
        assert_eq!(offsets(LogState { checkpoint: Some(31), ..STATE }, &config), (0, 30, 0, 300), "not of this log");
        let started = LogState { checkpoint: Some(5), log_start_offset: 12, ..STATE };
        assert_eq!(offsets(started, &config), (12, 30, 200, 100), "records below the start are gone");
        assert_eq!(offsets(LogState { last_stable_offset: 15, ..STATE }, &config), (0, 15, 0, 200));
        assert_eq!(offsets(LogState { flushed_offset: 20, ..STATE }, &config), (0, 20, 0, 200));
        for (lag, end) in [(0, 30), (970, 30), (971, 20), (985, 10), (2000, 0)] {
            let config = LogConfig { min_compaction_lag_ms: lag, ..LogConfig::default() };
            assert_eq!(offsets(STATE, &config).1, end, "lag {lag}");
        }
    }

    #[test]
    fn when_it_is_worth_it() {
        let found = |clean_bytes, cleanable_bytes| Cleanable {
            first_dirty_offset: 0,
            first_uncleanable_offset: 1,
            clean_bytes,
            cleanable_bytes,
        };
        let config = LogConfig { max_compaction_lag_ms: 100, ..LogConfig::default() };
        for (clean, dirty, oldest, due) in [
            (0, 0, Some(0), false),
            (0, 1, None, true),
            (50, 50, None, false),
            (49, 51, None, true),
            (99, 1, Some(900), false),
            (99, 1, Some(899), true),
        ] {
            assert_eq!(found(clean, dirty).is_due(&config, 1000, oldest), due, "{clean} {dirty} {oldest:?}");
        }
        let lazy = LogConfig { min_cleanable_dirty_ratio: 1.0, ..LogConfig::default() };
        assert!(!found(0, 100).is_due(&lazy, 1000, Some(0)), "the ratio has to be exceeded");
    }

    #[test]
    fn neighbours_fill_a_segment() {
        let source = |base_offset: i64, end_offset, size_bytes, index_bytes| Source {
            base_offset,
            end_offset,
            size_bytes,
            index_bytes,
        };
        let config = LogConfig { segment_bytes: 100, segment_index_bytes: 20, ..LogConfig::default() };
        let far = i64::from(i32::MAX);
        for (sources, expected) in [
            (vec![source(0, 10, 60, 1), source(10, 20, 40, 1), source(20, 30, 1, 1)], vec![(0, 2), (2, 3)]),
            (vec![source(0, 10, 10, 15), source(10, 20, 10, 6), source(20, 30, 10, 6)], vec![(0, 1), (1, 3)]),
            (vec![source(0, 10, 1, 1), source(10, far + 1, 1, 1)], vec![(0, 2)]),
            (vec![source(0, 10, 1, 1), source(10, far + 2, 1, 1)], vec![(0, 1), (1, 2)]),
            (vec![source(0, 10, 500, 1), source(10, 20, 1, 1)], vec![(0, 1), (1, 2)]),
            (vec![], vec![]),
        ] {
            let groups: Vec<_> = group(&sources, &config).into_iter().map(|group| (group.start, group.end)).collect();
            assert_eq!(groups, expected, "{sources:?}");
        }
    }
}
