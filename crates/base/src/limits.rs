//! Budgets against hostile lengths and counts, and for memory that many share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::bytes::DecodeError;

/// How many decoded bytes one frame may turn into. A frame of `n` bytes may decode to `4 n + 64 KiB` of values
/// (nested empty arrays amplify), and every collection and string draws on that before it is allocated.
#[derive(Clone, Debug)]
pub struct DecodeBudget {
    left: usize,
}

impl DecodeBudget {
    /// The budget for a frame of `frame_bytes`.
    pub const fn for_frame(frame_bytes: usize) -> Self {
        Self { left: frame_bytes.saturating_mul(4).saturating_add(64 * 1024) }
    }

    /// A budget of exactly `bytes`.
    pub const fn of(bytes: usize) -> Self {
        Self { left: bytes }
    }

    /// Takes `bytes` from the budget.
    ///
    /// # Errors
    /// [`DecodeError::BudgetExhausted`] when less is left.
    pub fn draw(&mut self, bytes: usize) -> Result<(), DecodeError> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(DecodeError::BudgetExhausted { wanted: bytes, left: self.left }),
        }
    }

    /// Bytes left.
    pub const fn left(&self) -> usize {
        self.left
    }
}

/// Bytes of memory that many parts share: what each of them holds is counted, and nobody takes more than is left.
///
/// It counts, it does not allocate: a part asks before it grows, and what it does when it is told no is its own affair.
#[derive(Debug)]
pub struct Budget {
    used: AtomicUsize,
    bytes_max: usize,
}

impl Budget {
    /// A budget of `bytes_max`, none of it used.
    pub const fn new(bytes_max: usize) -> Self {
        Self { used: AtomicUsize::new(0), bytes_max }
    }

    /// Bytes that are taken.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// The whole of it.
    pub const fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Whether nine tenths are taken: who can wait, should.
    pub fn is_tight(&self) -> bool {
        self.used() > self.bytes_max / 10 * 9
    }
}

/// A part's share of a [`Budget`], given back when it is dropped.
#[derive(Debug)]
pub struct Taken {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Taken {
    /// A share of nothing yet.
    pub const fn nothing_of(budget: Arc<Budget>) -> Self {
        Self { budget, bytes: 0 }
    }

    /// Bytes of this share.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Makes it a share of `bytes`. False, and nothing changes, when that is more than there is.
    #[must_use]
    pub fn resize(&mut self, bytes: usize) -> bool {
        let used = &self.budget.used;
        if bytes <= self.bytes {
            used.fetch_sub(self.bytes - bytes, Ordering::Relaxed);
        } else {
            let more = bytes - self.bytes;
            let before = used.fetch_add(more, Ordering::Relaxed);
            if before.saturating_add(more) > self.budget.bytes_max {
                used.fetch_sub(more, Ordering::Relaxed);
                return false;
            }
        }
        self.bytes = bytes;
        true
    }

    /// Gives everything back.
    pub fn release(&mut self) {
        if self.bytes == 0 {
            return;
        }
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = 0;
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_taken_to_the_last_byte_and_given_back() {
        let budget = Arc::new(Budget::new(100));
        let (mut one, mut two) = (Taken::nothing_of(budget.clone()), Taken::nothing_of(budget.clone()));
        assert!(one.resize(60) && two.resize(40));
        assert!(!two.resize(41) && !one.resize(61));
        assert_eq!((one.bytes(), two.bytes(), budget.used()), (60, 40, 100));
        assert!(budget.is_tight());
        assert!(one.resize(20) && two.resize(80));
        drop(two);
        assert_eq!(budget.used(), 20);
        assert!(!budget.is_tight());
        drop(one);
        assert_eq!(budget.used(), 0);
    }
}
