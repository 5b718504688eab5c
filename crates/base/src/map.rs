//! A hash map whose hasher is keyed by the owner's [`Prng`], so that it is deterministic under a seed and hard to
//! flood from outside, and which can only be walked in key order, so that no output depends on hash order.

use core::borrow::Borrow;
use core::fmt;
use core::hash::{BuildHasher, Hash, Hasher};
use std::collections::hash_map::Entry;

use crate::prng::Prng;

/// Builds [`KeyedHasher`]s that share one 128-bit key.
#[derive(Clone, Debug)]
pub struct HashKey {
    k0: u64,
    k1: u64,
}

impl HashKey {
    /// A key drawn from `prng`.
    pub fn from_prng(prng: &mut Prng) -> Self {
        Self { k0: prng.next_u64() | 1, k1: prng.next_u64() }
    }
}

impl BuildHasher for HashKey {
    type Hasher = KeyedHasher;
    fn build_hasher(&self) -> KeyedHasher {
        KeyedHasher { state: self.k1, key: self.k0 }
    }
}

/// A folded-multiply hash: two secret words, one 128-bit multiplication per sixteen bytes.
#[derive(Clone, Debug)]
pub struct KeyedHasher {
    state: u64,
    key: u64,
}

/// Odd, and as many ones as zeros.
const ODD: u64 = 0x9E37_79B9_7F4A_7C15;

impl KeyedHasher {
    fn mix(&mut self, word: u64) {
        self.mix_two(word, ODD);
    }

    fn mix_two(&mut self, a: u64, b: u64) {
        let product = u128::from(self.state ^ a) * u128::from(self.key ^ b);
        self.state = (product as u64) ^ ((product >> 64) as u64) ^ self.key.rotate_left(23);
    }
}

impl Hasher for KeyedHasher {
    fn write(&mut self, bytes: &[u8]) {
        // What is left at the end is read in words that overlap: the length tells such strings apart.
        self.state = self.state.wrapping_add((bytes.len() as u64).wrapping_mul(ODD));
        let mut rest = bytes;
        while rest.len() > 16
            && let Some((block, behind)) = rest.split_first_chunk::<16>()
        {
            let block = u128::from_le_bytes(*block);
            self.mix_two(block as u64, (block >> 64) as u64);
            rest = behind;
        }
        let long = |part: Option<&[u8; 8]>| part.map_or(0, |part| u64::from_le_bytes(*part));
        let int = |part: Option<&[u8; 4]>| part.map_or(0, |part| u64::from(u32::from_le_bytes(*part)));
        let (a, b) = match rest {
            [] => (0, 0),
            [first, .., last] if rest.len() < 4 => {
                (u64::from(*first) << 16 | u64::from(rest[1]) << 8 | u64::from(*last), 0)
            }
            [only] => (u64::from(*only), 0),
            _ if rest.len() < 8 => (int(rest.first_chunk()), int(rest.last_chunk())),
            _ => (long(rest.first_chunk()), long(rest.last_chunk())),
        };
        self.mix_two(a, b);
    }

    fn write_u8(&mut self, byte: u8) {
        self.mix(u64::from(byte));
    }

    fn write_u64(&mut self, word: u64) {
        self.mix(word);
    }

    fn finish(&self) -> u64 {
        let mut last = self.clone();
        last.mix(0x5851_F42D_4C95_7F2D);
        last.state
    }
}

/// A map with get, insert and remove in constant time and iteration in key order only (which sorts: not for hot
/// paths).
#[derive(Clone)]
#[allow(clippy::disallowed_types, reason = "the one place that wraps std's map: hasher keyed, order hidden")]
pub struct KeyedMap<K, V>(std::collections::HashMap<K, V, HashKey>);

#[allow(clippy::disallowed_types, reason = "see the type")]
impl<K: Eq + Hash, V> KeyedMap<K, V> {
    /// An empty map whose hash key is drawn from `prng`.
    pub fn new(prng: &mut Prng) -> Self {
        Self(std::collections::HashMap::with_hasher(HashKey::from_prng(prng)))
    }

    /// The value of `key`.
    pub fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.0.get(key)
    }

    /// The value of `key`, to be changed.
    pub fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        self.0.get_mut(key)
    }

    /// Whether `key` is present.
    pub fn contains_key<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.0.contains_key(key)
    }

    /// Inserts, and returns what was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        self.0.insert(key, value)
    }

    /// Removes, and returns what was there.
    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.0.remove(key)
    }

    /// The value of `key`, made by `make` if absent.
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        self.0.entry(key).or_insert_with(make)
    }

    /// Removes the value of `key` if `wanted` says so, with one look for it.
    pub fn remove_if(&mut self, key: K, wanted: impl FnOnce(&V) -> bool) -> Option<V> {
        match self.0.entry(key) {
            Entry::Occupied(entry) if wanted(entry.get()) => Some(entry.remove()),
            _ => None,
        }
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Keeps the entries for which `keep` is true. `keep` must not depend on the order of calls.
    pub fn retain(&mut self, keep: impl FnMut(&K, &mut V) -> bool) {
        self.0.retain(keep);
    }

    /// Entries in key order.
    pub fn sorted(&self) -> impl Iterator<Item = (&K, &V)>
    where
        K: Ord,
    {
        let mut entries: Vec<_> = self.0.iter().collect();
        entries.sort_unstable_by(|a, b| a.0.cmp(b.0));
        entries.into_iter()
    }
}

impl<K: Ord + Eq + Hash + fmt::Debug, V: fmt::Debug> fmt::Debug for KeyedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.sorted()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn walks_in_key_order_whatever_the_seed() {
        for seed in 0..20 {
            let mut map = KeyedMap::new(&mut Prng::new(seed));
            for key in [5, 1, 9, 3] {
                map.insert(key, key * 10);
            }
            assert_eq!(map.remove(&9), Some(90));
            let keys: Vec<i32> = map.sorted().map(|(k, _)| *k).collect();
            assert_eq!(keys, [1, 3, 5]);
            *map.get_or_insert_with(7, || 0) += 1;
            assert_eq!(map.get(&7), Some(&1));
        }
    }

    #[test]
    fn every_bit_of_a_string_counts() {
        let key = HashKey::from_prng(&mut Prng::new(7));
        let mut seen = std::collections::BTreeSet::new();
        for len in 0..=40 {
            let zeros = vec![0_u8; len];
            let flipped = (0..len * 8).map(|bit| {
                let mut bytes = zeros.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                bytes
            });
            let mut all: Vec<Vec<u8>> = flipped.collect();
            all.push(zeros.clone());
            for bytes in all {
                let mut hasher = key.build_hasher();
                hasher.write(&bytes);
                assert!(seen.insert(hasher.finish()), "{bytes:?} hashes as another string");
            }
        }
        assert_eq!(seen.len(), (0..=40).map(|len| len * 8 + 1).sum::<usize>());
    }

    #[test]
    fn buckets_are_filled_evenly() {
        let key = HashKey::from_prng(&mut Prng::new(7));
        let mut low = [0_u32; 64];
        let mut high = [0_u32; 64];
        for number in 0..64_000 {
            let hash = key.hash_one(format!("/castlekeep-bench/1234-1/{number}").as_str());
            low[(hash & 63) as usize] += 1;
            high[(hash >> 58) as usize] += 1;
        }
        for count in low.into_iter().chain(high) {
            assert!((800..1200).contains(&count), "{low:?} {high:?}");
        }
    }

    #[test]
    fn only_what_is_wanted_is_removed() {
        let mut map = KeyedMap::new(&mut Prng::new(1));
        map.insert(1, 10);
        assert_eq!((map.remove_if(1, |value| *value == 11), map.remove_if(2, |_| true)), (None, None));
        assert_eq!((map.remove_if(1, |value| *value == 10), map.len()), (Some(10), 0));
    }

    #[test]
    fn strings_are_found_by_str() {
        let mut map = KeyedMap::new(&mut Prng::new(1));
        map.insert("a".to_string(), 1);
        assert_eq!(map.get("a"), Some(&1));
        assert!(!map.contains_key("b"));
    }
}
