//! gtmk, stmk: upstream's mask of what its own trace log shows. It is kept and shown here, and traces nothing.

use std::sync::atomic::Ordering::Relaxed;

use super::super::Shared;

/// The word that has eight bytes behind it: the new mask.
pub const SET: &str = "stmk";

/// Upstream's mask before anybody sets one.
pub const DEFAULT: i64 = 306;

/// gtmk; a decimal without a line's end
pub fn get(shared: &Shared) -> String {
    shared.trace_mask.load(Relaxed).to_string()
}

/// stmk
pub fn set(mask: i64, shared: &Shared) -> String {
    shared.trace_mask.store(mask, Relaxed);
    mask.to_string()
}
