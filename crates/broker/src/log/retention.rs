//! Which segments may go (upstream: `UnifiedLog.deleteOldSegments`). Pure: the shard gives summaries, the store
//! renames the files.

use crate::shard::LogConfig;

/// What the rules need to know of one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentSummary {
    /// Offset that its name says.
    pub base_offset: i64,
    /// Bytes of its `.log`.
    pub size_bytes: u64,
    /// Greatest record timestamp, or the file's modification time when no record has one; milliseconds.
    pub largest_timestamp: i64,
}

/// Why a segment goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// All of it is below the log start offset.
    LogStart,
    /// Older than `retention.ms`.
    Time,
    /// The log is larger than `retention.bytes` without it.
    Size,
}

/// What to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletePlan {
    /// How many of the oldest segments go, and why each does. Empty: nothing to do.
    pub reasons: Vec<Reason>,
    /// The log start offset afterwards; it is raised before any file is touched.
    pub log_start_offset: i64,
    /// Whether the active segment is among them: a new one is rolled first.
    pub roll: bool,
}

/// Decides. `segments` are all of the log's, oldest first, the last one active; none goes that holds offsets at or
/// above the high watermark.
pub fn plan(
    segments: &[SegmentSummary],
    config: &LogConfig,
    now_ms: i64,
    log_start_offset: i64,
    high_watermark: i64,
    log_end_offset: i64,
) -> DeletePlan {
    let mut excess = segments.iter().map(|segment| segment.size_bytes).sum::<u64>() as i64 - config.retention_bytes;
    let mut reasons = Vec::new();
    for (i, segment) in segments.iter().enumerate() {
        let active = i + 1 == segments.len();
        let end = segments.get(i + 1).map_or(log_end_offset, |next| next.base_offset);
        // An empty active segment stays: it would only be made again.
        if end > high_watermark || (active && segment.size_bytes == 0) {
            break;
        }
        let size = segment.size_bytes as i64;
        let age_ms = now_ms.saturating_sub(segment.largest_timestamp);
        let reason = if !active && end <= log_start_offset {
            Reason::LogStart
        } else if !config.cleanup_delete {
            break;
        } else if config.retention_ms >= 0 && age_ms > config.retention_ms {
            Reason::Time
        } else if config.retention_bytes >= 0 && excess - size >= 0 {
            Reason::Size
        } else {
            break;
        };
        excess -= size;
        reasons.push(reason);
    }
    let end = segments.get(reasons.len()).map_or(log_end_offset, |next| next.base_offset);
    DeletePlan {
        roll: !reasons.is_empty() && reasons.len() == segments.len(),
        log_start_offset: if reasons.is_empty() { log_start_offset } else { log_start_offset.max(end) },
        reasons,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000;

    /// Segments of 10 offsets, 100 bytes each, ages in milliseconds; the last one is active.
    fn segments(ages: &[i64]) -> Vec<SegmentSummary> {
        let one = |(i, age): (usize, &i64)| SegmentSummary {
            base_offset: i as i64 * 10,
            size_bytes: 100,
            largest_timestamp: NOW - age,
        };
        ages.iter().enumerate().map(one).collect()
    }

    fn config(retention_ms: i64, retention_bytes: i64) -> LogConfig {
        LogConfig { retention_ms, retention_bytes, ..LogConfig::default() }
    }

    #[test]
    fn rules() {
        use Reason::*;
        type Case = (&'static str, &'static [i64], i64, i64, i64, i64, &'static [Reason], i64);
        // what, ages, retention ms, retention bytes, log start, high watermark, reasons, new log start
        let cases: &[Case] = &[
            ("young", &[5, 5, 5], 10, -1, 0, 30, &[], 0),
            ("exactly at the limit stays", &[10, 5], 10, -1, 0, 20, &[], 0),
            ("old ones go", &[20, 11, 5], 10, -1, 0, 30, &[Time, Time], 20),
            ("a young one shields what is behind it", &[20, 5, 20], 10, -1, 0, 30, &[Time], 10),
            ("a future timestamp pins", &[-500, 20], 10, -1, 0, 20, &[], 0),
            ("the active one is rolled and goes", &[20, 20], 10, -1, 0, 20, &[Time, Time], 20),
            ("not at or beyond the high watermark", &[20, 20, 20], 10, -1, 0, 19, &[Time], 10),
            ("unlimited time", &[20, 20], -1, -1, 0, 20, &[], 0),
            ("size", &[0, 0, 0, 0], -1, 200, 0, 40, &[Size, Size], 20),
            ("size, one byte over is not enough", &[0, 0, 0], -1, 201, 0, 30, &[], 0),
            ("size counts what time took", &[20, 0, 0, 0], 10, 250, 0, 40, &[Time], 10),
            ("below the log start", &[0, 0, 0], -1, -1, 20, 30, &[LogStart, LogStart], 20),
            ("log start inside a segment", &[0, 0, 0], -1, -1, 15, 30, &[LogStart], 15),
        ];
        for (what, ages, ms, bytes, start, hw, reasons, new_start) in cases {
            let all = segments(ages);
            let plan = plan(&all, &config(*ms, *bytes), NOW, *start, *hw, all.len() as i64 * 10);
            assert_eq!(plan.reasons, *reasons, "{what}");
            assert_eq!(plan.log_start_offset, *new_start, "{what}");
            assert_eq!(plan.roll, reasons.len() == ages.len(), "{what}");
        }
    }

    #[test]
    fn compacted_topics_only_lose_what_is_below_the_log_start() {
        let compacted = LogConfig { cleanup_delete: false, cleanup_compact: true, ..config(10, 100) };
        let all = segments(&[50, 50, 50]);
        assert_eq!(plan(&all, &compacted, NOW, 0, 30, 30).reasons, []);
        assert_eq!(plan(&all, &compacted, NOW, 10, 30, 30).reasons, [Reason::LogStart]);
    }

    #[test]
    fn an_empty_active_segment_stays() {
        let mut all = segments(&[50, 50]);
        all[1].size_bytes = 0;
        let plan = plan(&all, &config(10, -1), NOW, 0, 10, 10);
        assert_eq!((plan.reasons.len(), plan.roll, plan.log_start_offset), (1, false, 10));
    }
}
