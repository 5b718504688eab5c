//! Budgets against hostile lengths and counts.

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
