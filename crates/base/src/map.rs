//! A hash map whose hasher is keyed by the owner's [`Prng`], so that it is deterministic under a seed and hard to
//! flood from outside, and which can only be walked in key order, so that no output depends on hash order.

use core::borrow::Borrow;
use core::fmt;
use core::hash::{BuildHasher, Hash, Hasher};

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

/// A folded-multiply hash: two secret words, one 128-bit multiplication per eight bytes.
#[derive(Clone, Debug)]
pub struct KeyedHasher {
    state: u64,
    key: u64,
}

impl KeyedHasher {
    fn mix(&mut self, word: u64) {
        let product = u128::from(self.state ^ word) * u128::from(self.key ^ 0x9E37_79B9_7F4A_7C15);
        self.state = (product as u64) ^ ((product >> 64) as u64) ^ self.key.rotate_left(23);
    }
}

impl Hasher for KeyedHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.mix(u64::from_le_bytes(word));
        }
        self.mix(bytes.len() as u64);
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
    fn strings_are_found_by_str() {
        let mut map = KeyedMap::new(&mut Prng::new(1));
        map.insert("a".to_string(), 1);
        assert_eq!(map.get("a"), Some(&1));
        assert!(!map.contains_key("b"));
    }
}
