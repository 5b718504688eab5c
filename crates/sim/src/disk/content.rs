//! The bytes of one simulated file: what a reader sees, what is on the platter, and what lies between.

use std::collections::BTreeMap;
use std::sync::Arc;

use base::Prng;

/// The page cache's unit in bytes.
pub const PAGE_BYTES: usize = 4096;
/// The device's unit in bytes: what is written whole or not at all.
pub const SECTOR_BYTES: usize = 512;

type Page = Arc<[u8; PAGE_BYTES]>;

/// A set of pages, sparse: an absent page reads as zeros.
type Pages = BTreeMap<u64, Page>;

/// The content of a file, once as the running system sees it (`live`) and once as a power loss would leave it
/// (`durable`). They differ at most in the sectors that `dirty` and `lost` name, and in length.
#[derive(Clone, Debug, Default)]
pub struct Content {
    live: Pages,
    durable: Pages,
    live_len: u64,
    durable_len: u64,
    /// Pages written since the last sync, with one bit per sector.
    dirty: BTreeMap<u64, u8>,
    /// Pages that a failed sync gave up on: the cache calls them clean, so no later sync writes them.
    lost: BTreeMap<u64, u8>,
}

impl Content {
    /// Length that readers see, in bytes.
    pub fn len(&self) -> u64 {
        self.live_len
    }

    /// Whether readers see no bytes.
    pub fn is_empty(&self) -> bool {
        self.live_len == 0
    }

    /// Whether a power loss now could change what a reader sees.
    pub fn is_dirty(&self) -> bool {
        !self.dirty.is_empty() || !self.lost.is_empty() || self.live_len != self.durable_len
    }

    /// Copies from `offset` until `buffer` is full or the file ends; returns the bytes copied.
    pub fn read(&self, buffer: &mut [u8], offset: u64) -> usize {
        let end = self.live_len.min(offset.saturating_add(buffer.len() as u64));
        let mut at = offset;
        while at < end {
            let (page, within) = (at / PAGE_BYTES as u64, (at % PAGE_BYTES as u64) as usize);
            let take = (PAGE_BYTES - within).min((end - at) as usize);
            let out = &mut buffer[(at - offset) as usize..][..take];
            match self.live.get(&page) {
                Some(bytes) => out.copy_from_slice(&bytes[within..within + take]),
                None => out.fill(0),
            }
            at += take as u64;
        }
        end.saturating_sub(offset) as usize
    }

    /// Overwrites or extends in the cache.
    pub fn write(&mut self, content: &[u8], offset: u64) {
        let mut done = 0;
        while done < content.len() {
            let at = offset + done as u64;
            let (page, within) = (at / PAGE_BYTES as u64, (at % PAGE_BYTES as u64) as usize);
            let take = (PAGE_BYTES - within).min(content.len() - done);
            let bytes = Arc::make_mut(self.live.entry(page).or_insert_with(|| Arc::new([0; PAGE_BYTES])));
            bytes[within..within + take].copy_from_slice(&content[done..done + take]);
            self.mark(page, sectors_mask(within, take));
            done += take;
        }
        self.live_len = self.live_len.max(offset + content.len() as u64);
    }

    /// Cuts, or extends with zeros, in the cache.
    pub fn set_len(&mut self, len: u64) {
        if len < self.live_len {
            let (page, within) = (len / PAGE_BYTES as u64, (len % PAGE_BYTES as u64) as usize);
            let dropped = self.live.split_off(&(page + u64::from(within > 0)));
            for page in dropped.keys() {
                self.mark(*page, 0xff);
            }
            if within > 0 && self.live.contains_key(&page) {
                let bytes = Arc::make_mut(self.live.get_mut(&page).expect("present: checked above"));
                bytes[within..].fill(0);
                self.mark(page, sectors_mask(within, PAGE_BYTES - within));
            }
        }
        self.live_len = len;
    }

    fn mark(&mut self, page: u64, sectors: u8) {
        // Writing to a page that a failed sync called clean makes the whole page dirty again.
        let again = self.lost.remove(&page).unwrap_or(0);
        *self.dirty.entry(page).or_insert(0) |= sectors | again;
    }

    /// A sync that worked: content and length are on the platter.
    pub fn sync(&mut self) {
        for page in core::mem::take(&mut self.dirty).into_keys() {
            self.flush(page);
        }
        self.durable_len = self.live_len;
    }

    /// A sync that failed: some pages made it, and the cache forgets that the others did not.
    pub fn sync_failed(&mut self, prng: &mut Prng) {
        for (page, sectors) in core::mem::take(&mut self.dirty) {
            if prng.chance(1, 2) {
                self.flush(page);
            } else {
                self.lost.insert(page, sectors);
            }
        }
        if prng.chance(1, 2) {
            self.durable_len = self.live_len;
            self.cut_durable();
        }
    }

    /// The kernel writes one dirty page back by its own choice, so that an older version of a page which is written
    /// again later may be what a crash leaves.
    pub fn write_back(&mut self, prng: &mut Prng) {
        let nth = prng.below(self.dirty.len() as u64) as usize;
        let Some(page) = self.dirty.keys().nth(nth).copied() else { return };
        // Beyond the durable length the page is not reachable from the inode: it stays dirty.
        if (page + 1) * PAGE_BYTES as u64 <= self.durable_len {
            self.dirty.remove(&page);
            self.flush(page);
        }
    }

    fn flush(&mut self, page: u64) {
        match self.live.get(&page) {
            Some(bytes) => self.durable.insert(page, Arc::clone(bytes)),
            None => self.durable.remove(&page),
        };
    }

    fn cut_durable(&mut self) {
        let whole = Self { live: core::mem::take(&mut self.durable), live_len: u64::MAX, ..Self::default() };
        let mut cut = whole;
        cut.set_len(self.durable_len);
        self.durable = cut.live;
    }

    /// A power loss: each unsynced sector is there with the chance of `survive_percent`, and an unsynced length is
    /// the old one, the new one, or one between.
    pub fn power_loss(&mut self, prng: &mut Prng, survive_percent: u64) {
        if !self.is_dirty() {
            return;
        }
        for (page, sectors) in core::mem::take(&mut self.dirty) {
            let mut kept = 0_u8;
            for bit in 0..8 {
                if sectors & (1 << bit) != 0 && prng.chance(survive_percent, 100) {
                    kept |= 1 << bit;
                }
            }
            self.keep_sectors(page, kept);
        }
        self.lost.clear();
        if self.live_len != self.durable_len {
            let (low, high) = (self.live_len.min(self.durable_len), self.live_len.max(self.durable_len));
            self.durable_len = match prng.below(4) {
                _ if survive_percent == 100 => self.live_len,
                0 => self.durable_len,
                1 | 2 => self.live_len,
                _ => prng.between(low, high),
            };
        }
        self.cut_durable();
        self.live = self.durable.clone();
        self.live_len = self.durable_len;
    }

    fn keep_sectors(&mut self, page: u64, kept: u8) {
        if kept == 0 {
            return;
        }
        let live = self.live.get(&page).cloned().unwrap_or_else(|| Arc::new([0; PAGE_BYTES]));
        let durable = Arc::make_mut(self.durable.entry(page).or_insert_with(|| Arc::new([0; PAGE_BYTES])));
        for sector in (0..8).filter(|bit| kept & (1 << bit) != 0) {
            let range = sector * SECTOR_BYTES..(sector + 1) * SECTOR_BYTES;
            durable[range.clone()].copy_from_slice(&live[range]);
        }
    }

    /// The process died after a failed sync: what the cache had given up on is evicted, so readers see the platter.
    pub fn evict_lost(&mut self) {
        for page in core::mem::take(&mut self.lost).into_keys() {
            match self.durable.get(&page) {
                Some(bytes) => self.live.insert(page, Arc::clone(bytes)),
                None => self.live.remove(&page),
            };
        }
    }

    /// Flips one bit on the platter and in the cache, as a decaying medium does. Only for tests of recovery.
    pub fn flip_bit(&mut self, offset: u64, bit: u8) {
        let (page, within) = (offset / PAGE_BYTES as u64, (offset % PAGE_BYTES as u64) as usize);
        for pages in [&mut self.live, &mut self.durable] {
            if let Some(bytes) = pages.get_mut(&page) {
                Arc::make_mut(bytes)[within] ^= 1 << (bit % 8);
            }
        }
    }
}

/// The sectors of a page that `len` bytes from `within` touch, one bit each.
fn sectors_mask(within: usize, len: usize) -> u8 {
    let (first, last) = (within / SECTOR_BYTES, (within + len - 1) / SECTOR_BYTES);
    (first..=last).fold(0, |mask, sector| mask | (1 << sector))
}
