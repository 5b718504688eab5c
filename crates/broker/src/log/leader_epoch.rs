//! Which leader epoch began at which offset (upstream: `LeaderEpochFileCache`, KIP-101 and KIP-279). Followers ask it
//! where their history parts from the leader's.

/// An epoch that could not be answered, as the protocol writes it.
pub const UNDEFINED_EPOCH: i32 = -1;
/// An offset that could not be answered, as the protocol writes it.
pub const UNDEFINED_OFFSET: i64 = -1;

/// The first offset of one leader epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEntry {
    /// The leader epoch.
    pub epoch: i32,
    /// The first offset written in it.
    pub start_offset: i64,
}

/// The epochs of one log, ascending in epoch and in offset. Whoever changes it (the changing functions say whether
/// they did) writes it to `leader-epoch-checkpoint` before serving with the new epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaderEpochCache {
    entries: Vec<EpochEntry>,
}

impl LeaderEpochCache {
    /// No epoch known.
    pub fn new() -> Self {
        Self::default()
    }

    /// The cache that a checkpoint file describes. Entries that break the ascending order replace what they
    /// contradict, as upstream's loading does.
    pub fn from_entries(entries: impl IntoIterator<Item = EpochEntry>) -> Self {
        let mut cache = Self::new();
        for entry in entries {
            cache.assign(entry.epoch, entry.start_offset);
        }
        cache
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> &[EpochEntry] {
        &self.entries
    }

    /// The newest entry.
    pub fn latest(&self) -> Option<EpochEntry> {
        self.entries.last().copied()
    }

    /// The newest epoch.
    pub fn latest_epoch(&self) -> Option<i32> {
        self.latest().map(|entry| entry.epoch)
    }

    /// Notes that `epoch` begins at `start_offset`; entries with an epoch or an offset not below it go. True when
    /// something changed. Negative values (legacy batches) are ignored.
    pub fn assign(&mut self, epoch: i32, start_offset: i64) -> bool {
        if epoch < 0 || start_offset < 0 {
            return false;
        }
        let needed = self.latest().is_none_or(|latest| epoch != latest.epoch || start_offset < latest.start_offset);
        if needed {
            while self.latest().is_some_and(|last| last.epoch >= epoch || last.start_offset >= start_offset) {
                self.entries.pop();
            }
            self.entries.push(EpochEntry { epoch, start_offset });
        }
        needed
    }

    /// The end of `epoch` in this log whose end is `log_end_offset`: (the greatest epoch not above the asked one,
    /// where the next one starts). (-1, -1) when unknown; for the newest epoch, the log's end.
    pub fn end_offset_for(&self, epoch: i32, log_end_offset: i64) -> (i32, i64) {
        if epoch == UNDEFINED_EPOCH {
            return (UNDEFINED_EPOCH, UNDEFINED_OFFSET);
        }
        if self.latest_epoch() == Some(epoch) {
            return (epoch, log_end_offset);
        }
        let higher = self.entries.partition_point(|entry| entry.epoch <= epoch);
        match (self.entries.get(higher), higher.checked_sub(1)) {
            (None, _) => (UNDEFINED_EPOCH, UNDEFINED_OFFSET),
            (Some(next), None) => (epoch, next.start_offset),
            (Some(next), Some(floor)) => (self.entries[floor].epoch, next.start_offset),
        }
    }

    /// The epoch in which `offset` was written.
    pub fn epoch_for_offset(&self, offset: i64) -> Option<i32> {
        let after = self.entries.partition_point(|entry| entry.start_offset <= offset);
        after.checked_sub(1).map(|at| self.entries[at].epoch)
    }

    /// The log now ends at `end_offset`: epochs that start there or later go. True when something changed.
    pub fn truncate_from_end(&mut self, end_offset: i64) -> bool {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.start_offset < end_offset);
        before != self.entries.len()
    }

    /// The log now starts at `start_offset`: epochs that ended before go, the one it falls in starts there. True
    /// when something changed.
    pub fn truncate_from_start(&mut self, start_offset: i64) -> bool {
        let covered = self.entries.partition_point(|entry| entry.start_offset <= start_offset);
        let Some(last) = covered.checked_sub(1) else { return false };
        if last == 0 && self.entries[0].start_offset == start_offset {
            return false;
        }
        self.entries.drain(..last);
        self.entries[0].start_offset = start_offset;
        true
    }

    /// Forgets everything. True when there was something.
    pub fn clear(&mut self) -> bool {
        let had = !self.entries.is_empty();
        self.entries.clear();
        had
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(entries: &[(i32, i64)]) -> LeaderEpochCache {
        LeaderEpochCache::from_entries(entries.iter().map(|&(epoch, start_offset)| EpochEntry { epoch, start_offset }))
    }

    fn pairs(cache: &LeaderEpochCache) -> Vec<(i32, i64)> {
        cache.entries().iter().map(|e| (e.epoch, e.start_offset)).collect()
    }

    #[test]
    fn assigning() {
        type Case = (&'static [(i32, i64)], (i32, i64), bool, &'static [(i32, i64)]);
        let cases: &[Case] = &[
            (&[], (0, 0), true, &[(0, 0)]),
            (&[(0, 0)], (0, 10), false, &[(0, 0)]),
            (&[(0, 5)], (0, 3), true, &[(0, 3)]),
            (&[(0, 0)], (2, 10), true, &[(0, 0), (2, 10)]),
            (&[(0, 0), (2, 10)], (3, 10), true, &[(0, 0), (3, 10)]),
            (&[(0, 0), (2, 10), (4, 20)], (3, 15), true, &[(0, 0), (2, 10), (3, 15)]),
            (&[(0, 0), (2, 10), (4, 20)], (5, 5), true, &[(0, 0), (5, 5)]),
            (&[(1, 4)], (-1, 9), false, &[(1, 4)]),
            (&[(1, 4)], (2, -1), false, &[(1, 4)]),
        ];
        for (before, (epoch, offset), changed, after) in cases {
            let mut c = cache(before);
            assert_eq!(c.assign(*epoch, *offset), *changed, "{before:?} + {epoch},{offset}");
            assert_eq!(pairs(&c), *after, "{before:?} + {epoch},{offset}");
        }
    }

    #[test]
    fn end_offsets() {
        let c = cache(&[(2, 10), (4, 20), (7, 30)]);
        let cases = [
            (-1, (-1, -1)),
            (0, (0, 10)),
            (1, (1, 10)),
            (2, (2, 20)),
            (3, (2, 20)),
            (4, (4, 30)),
            (6, (4, 30)),
            (7, (7, 99)),
            (8, (-1, -1)),
        ];
        for (asked, answer) in cases {
            assert_eq!(c.end_offset_for(asked, 99), answer, "epoch {asked}");
        }
        assert_eq!(LeaderEpochCache::new().end_offset_for(0, 99), (-1, -1));
    }

    #[test]
    fn truncating() {
        let all = [(2, 10), (4, 20), (7, 30)];
        for (end, left) in [(31, 3), (30, 2), (20, 1), (10, 0), (0, 0)] {
            let mut c = cache(&all);
            assert_eq!(c.truncate_from_end(end), left != 3);
            assert_eq!(c.entries().len(), left, "end {end}");
        }
        type Case = (i64, bool, &'static [(i32, i64)]);
        let starts: &[Case] = &[
            (0, false, &[(2, 10), (4, 20), (7, 30)]),
            (10, false, &[(2, 10), (4, 20), (7, 30)]),
            (15, true, &[(2, 15), (4, 20), (7, 30)]),
            (20, true, &[(4, 20), (7, 30)]),
            (45, true, &[(7, 45)]),
        ];
        for (start, changed, left) in starts {
            let mut c = cache(&all);
            assert_eq!(c.truncate_from_start(*start), *changed, "start {start}");
            assert_eq!(pairs(&c), *left, "start {start}");
        }
    }

    #[test]
    fn epochs_of_offsets() {
        let c = cache(&[(2, 10), (4, 20)]);
        for (offset, epoch) in [(9, None), (10, Some(2)), (19, Some(2)), (20, Some(4)), (1000, Some(4))] {
            assert_eq!(c.epoch_for_offset(offset), epoch);
        }
    }
}
