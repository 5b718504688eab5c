//! The last offset of each key, for compaction (upstream: `SkimpyOffsetMap`). Keys are kept as 16 bytes of their SHA-1:
//! two keys that met there would be one, and the older one's value lost, so the hash has to be one that nobody can make
//! collide at will.

use sha1::{Digest as _, Sha1};

/// Bytes of an entry: hash and offset, as upstream's.
const SLOT_BYTES: u64 = 24;
const SLOTS_AT_FIRST: usize = 1024;

/// See the module. Grows as needed, up to its limit.
#[derive(Debug)]
pub struct OffsetMap {
    slots: Vec<Slot>,
    slots_max: usize,
    load_factor: f64,
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    key: u128,
    /// -1 in an empty slot.
    offset: i64,
}

const EMPTY: Slot = Slot { key: 0, offset: -1 };

impl OffsetMap {
    /// An empty map that may take `bytes_max` bytes, of which `load_factor` are used
    /// (`log.cleaner.dedupe.buffer.size`, `log.cleaner.io.buffer.load.factor`).
    pub fn new(bytes_max: u64, load_factor: f64) -> Self {
        let slots_max = usize::try_from(bytes_max / SLOT_BYTES).unwrap_or(usize::MAX).max(2);
        let slots = vec![EMPTY; slots_max.min(SLOTS_AT_FIRST)];
        Self { slots, slots_max, load_factor: load_factor.clamp(0.01, 0.99), len: 0 }
    }

    /// Notes that the key stands at `offset`, behind every earlier one. False when the map is full.
    pub fn put(&mut self, key: &[u8], offset: i64) -> bool {
        let key = hash(key);
        let mut at = self.find(key);
        if self.slots[at].offset < 0 {
            if self.is_full() {
                if self.slots.len() == self.slots_max {
                    return false;
                }
                self.grow();
                at = self.find(key);
            }
            self.len += 1;
        }
        self.slots[at] = Slot { key, offset };
        true
    }

    /// Where the key stands last.
    pub fn get(&self, key: &[u8]) -> Option<i64> {
        Some(self.slots[self.find(hash(key))].offset).filter(|offset| *offset >= 0)
    }

    /// How many keys it holds.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Always leaves an empty slot, so that a search ends.
    fn is_full(&self) -> bool {
        let most = (self.slots.len() as f64 * self.load_factor) as usize;
        self.len >= most.clamp(1, self.slots.len() - 1)
    }

    fn find(&self, key: u128) -> usize {
        let mut at = (key % self.slots.len() as u128) as usize;
        while self.slots[at].offset >= 0 && self.slots[at].key != key {
            at = (at + 1) % self.slots.len();
        }
        at
    }

    fn grow(&mut self) {
        let larger = (self.slots.len() * 2).min(self.slots_max);
        let old = core::mem::replace(&mut self.slots, vec![EMPTY; larger]);
        for slot in old.into_iter().filter(|slot| slot.offset >= 0) {
            let at = self.find(slot.key);
            self.slots[at] = slot;
        }
    }
}

fn hash(key: &[u8]) -> u128 {
    let digest = Sha1::digest(key);
    u128::from_be_bytes(*digest.first_chunk().expect("a SHA-1 has 20 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_offset_counts() {
        let mut map = OffsetMap::new(1 << 20, 0.9);
        for offset in 0..20_000_i64 {
            assert!(map.put(format!("k{}", offset % 10_000).as_bytes(), offset), "it grows");
        }
        assert_eq!(map.len(), 10_000);
        assert_eq!((map.get(b"k0"), map.get(b"k9999"), map.get(b"other")), (Some(10_000), Some(19_999), None));
    }

    #[test]
    fn it_keeps_to_its_limit() {
        let mut map = OffsetMap::new(10 * SLOT_BYTES, 0.9);
        let taken = (0..100).take_while(|offset| map.put(&[*offset as u8], *offset)).count();
        assert_eq!(taken, 9);
        assert!(map.put(&[3], 500), "a key that is there needs no room");
        assert_eq!((map.get(&[3]), map.get(&[50])), (Some(500), None));
        let mut tiny = OffsetMap::new(0, 0.9);
        assert!(tiny.put(b"one", 0) && !tiny.put(b"two", 1) && tiny.get(b"two").is_none());
    }
}
