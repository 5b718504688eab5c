//! The tree's digest behind every 128th transaction, for operators who compare servers (upstream: `DataTree`'s digest
//! log, shown by `hash`).

use std::collections::VecDeque;

use zk_wire::Zxid;

/// A digest is kept behind each transaction whose counter this divides.
const INTERVAL: i64 = 128;
/// How many are kept.
const KEPT: usize = 1024;

/// The newest digests, oldest first.
#[derive(Clone, Debug, Default)]
pub struct DigestLog(VecDeque<(Zxid, i64)>);

impl DigestLog {
    /// A transaction was applied; `digest` is the tree's behind it.
    pub fn applied(&mut self, zxid: Zxid, digest: i64) {
        if (zxid.0 & 0xffff_ffff) % INTERVAL != 0 {
            return;
        }
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back((zxid, digest));
    }

    /// What is kept, oldest first.
    pub fn entries(&self) -> Vec<(Zxid, i64)> {
        self.0.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_128_and_the_newest_1024() {
        let mut log = DigestLog::default();
        for counter in 1..=128 * 1030 {
            log.applied(Zxid(counter), counter * 10);
        }
        let entries = log.entries();
        assert_eq!((entries.len(), entries[0], entries[1023]), (1024, (Zxid(896), 8960), (Zxid(131_840), 1_318_400)));
    }
}
