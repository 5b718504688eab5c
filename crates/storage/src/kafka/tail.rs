//! The newest batches of a log in memory: consumers at the tail are served without touching the file, and offsets near
//! the end are found without an index.

use std::collections::VecDeque;

use broker::log::BatchHeader;
use bytes::Bytes;

/// Batches whose place is remembered.
const BATCHES_MAX: usize = 256;
/// Pieces up to this size are copied rather than held: a small slice would keep its whole request frame alive.
const COPY_BYTES_MAX: usize = 1024;

/// One remembered batch.
#[derive(Clone, Debug)]
pub struct TailBatch {
    /// First offset.
    pub base_offset: i64,
    /// Last offset.
    pub last_offset: i64,
    /// Base offset of its segment.
    pub segment: i64,
    /// Where it starts in the segment's `.log`.
    pub position: u64,
    /// Bytes.
    pub size: u32,
    /// Its bytes; empty once they are given up.
    pub pieces: Vec<Bytes>,
}

/// The newest batches, oldest first, without a gap in the file.
#[derive(Debug)]
pub struct Tail {
    batches: VecDeque<TailBatch>,
    /// Batches at the front whose bytes are given up.
    cold: usize,
    bytes: usize,
    bytes_max: usize,
}

impl Tail {
    /// A tail that holds up to `bytes_max` bytes of batches.
    pub fn new(bytes_max: usize) -> Self {
        Self { batches: VecDeque::new(), cold: 0, bytes: 0, bytes_max }
    }

    /// Adds the batch just appended.
    pub fn push(&mut self, segment: i64, position: u64, header: &BatchHeader, pieces: &[Bytes]) {
        let keep = |piece: &Bytes| {
            if piece.len() <= COPY_BYTES_MAX { Bytes::copy_from_slice(piece) } else { piece.clone() }
        };
        self.bytes += header.size();
        self.batches.push_back(TailBatch {
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            segment,
            position,
            size: header.size() as u32,
            pieces: pieces.iter().map(keep).collect(),
        });
        while self.bytes > self.bytes_max && self.cold < self.batches.len() {
            self.cool_one();
        }
        while self.batches.len() > BATCHES_MAX {
            if self.cold == 0 {
                self.cool_one();
            }
            self.batches.pop_front();
            self.cold -= 1;
        }
    }

    fn cool_one(&mut self) {
        let batch = &mut self.batches[self.cold];
        self.bytes -= batch.size as usize;
        batch.pieces = Vec::new();
        self.cold += 1;
    }

    /// Gives up the bytes; the places stay.
    pub fn cool(&mut self) {
        while self.cold < self.batches.len() {
            self.cool_one();
        }
    }

    /// Forgets batches in segments below this base offset.
    pub fn forget_segments_below(&mut self, base_offset: i64) {
        while self.batches.front().is_some_and(|batch| batch.segment < base_offset) {
            if self.cold == 0 {
                self.cool_one();
            }
            self.batches.pop_front();
            self.cold -= 1;
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.batches.clear();
        (self.cold, self.bytes) = (0, 0);
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The batches from the first that reaches `offset` on; `None` when that may lie before the tail.
    pub fn from(&self, offset: i64) -> Option<impl Iterator<Item = &TailBatch>> {
        if self.batches.front().is_none_or(|first| offset < first.base_offset) {
            return None;
        }
        let at = self.batches.partition_point(|batch| batch.last_offset < offset);
        Some(self.batches.range(at..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::log::tests::header;

    fn tail_of(count: i64, bytes_max: usize) -> Tail {
        let mut tail = Tail::new(bytes_max);
        for i in 0..count {
            let h = BatchHeader { batch_length: 88, ..header(i * 10, 10, 0) };
            tail.push(0, i as u64 * 100, &h, &[Bytes::from(vec![i as u8; 100])]);
        }
        tail
    }

    #[test]
    fn bytes_and_places_are_bounded() {
        let tail = tail_of(1000, 1000);
        assert_eq!((tail.bytes(), tail.batches.len()), (1000, BATCHES_MAX));
        let warm = tail.batches.iter().filter(|batch| !batch.pieces.is_empty()).count();
        assert_eq!(warm, 10);
        let mut tail = tail_of(5, 1000);
        tail.cool();
        assert_eq!(tail.bytes(), 0);
        assert_eq!(tail.from(0).unwrap().count(), 5);
        assert_eq!(tail_of(300, 0).bytes(), 0);
    }

    #[test]
    fn finds_the_batch_that_holds_an_offset() {
        let tail = tail_of(5, 1000);
        for (offset, base) in [(0, Some(0)), (9, Some(0)), (10, Some(10)), (49, Some(40)), (50, None)] {
            assert_eq!(tail.from(offset).unwrap().next().map(|batch| batch.base_offset), base, "offset {offset}");
        }
        assert!(tail_of(1000, 0).from(5).is_none(), "before the tail");
        assert!(Tail::new(10).from(0).is_none());
    }
}
