//! What an idempotent producer is promised: each batch once, in order, and the same answer when it comes again.

use std::collections::VecDeque;

use super::{Checked, Property};

/// The property.
pub static ONCE: Property = Property {
    says: "a batch that its producer sends again is in the log once and is answered with the offset it has; one that does not \
           follow the last is refused",
    source: "KIP-98, idempotent producer; ProducerStateManager keeps the last five batches",
};

/// OUT_OF_ORDER_SEQUENCE_NUMBER.
pub const OUT_OF_ORDER: i16 = 45;

/// How many batches of a producer a broker knows again.
const KNOWN_AGAIN: usize = 5;

/// A batch of a producer in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    base_offset: i64,
    first_sequence: i32,
    last_sequence: i32,
}

/// What the log has of one producer.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    /// The last ones, oldest first.
    batches: VecDeque<Known>,
    /// How many of them, counted from the last, the broker must know again: after a restart only the last for sure.
    sure: usize,
    /// The last sequence, when the producer is known at all.
    last_sequence: Option<i32>,
}

/// What a batch must be answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// It is appended.
    Append,
    /// It is there already, at this offset.
    Duplicate(i64),
    /// It is there already; the broker may have forgotten that and refuse it.
    MaybeDuplicate(i64),
    /// It is refused.
    Refused,
}

impl Ledger {
    /// What is due to a batch of these sequences.
    pub fn due(&self, first_sequence: i32, last_sequence: i32) -> Due {
        let same = |known: &Known| (known.first_sequence, known.last_sequence) == (first_sequence, last_sequence);
        if let Some(from_last) = self.batches.iter().rev().position(same) {
            let base_offset = self.batches[self.batches.len() - 1 - from_last].base_offset;
            return if from_last < self.sure { Due::Duplicate(base_offset) } else { Due::MaybeDuplicate(base_offset) };
        }
        match self.last_sequence {
            Some(last) if first_sequence != last + 1 => Due::Refused,
            _ => Due::Append,
        }
    }

    /// It was appended.
    pub fn appended(&mut self, base_offset: i64, first_sequence: i32, last_sequence: i32) {
        self.batches.push_back(Known { base_offset, first_sequence, last_sequence });
        self.sure += 1;
        self.last_sequence = Some(last_sequence);
        while self.batches.len() > KNOWN_AGAIN {
            self.batches.pop_front();
        }
        self.sure = self.sure.min(self.batches.len());
    }

    /// The broker has started again; of its last sequence it says this, which was checked, and its log ends there.
    pub fn recovered(&mut self, last_sequence: Option<i32>, log_end_offset: i64) {
        self.last_sequence = last_sequence;
        self.batches.retain(|known| known.base_offset < log_end_offset && Some(known.last_sequence) <= last_sequence);
        let is_last = self.batches.back().is_some_and(|known| Some(known.last_sequence) == last_sequence);
        self.sure = usize::from(is_last);
    }
}

/// Holds an answer to a batch against what was due. `error_code` is 0 or OUT_OF_ORDER.
///
/// # Errors
/// The violation.
pub fn answered(due: Due, log_end_offset: i64, error_code: i16, base_offset: i64) -> Checked {
    let refused = error_code == OUT_OF_ORDER;
    let holds = match due {
        Due::Append => !refused && base_offset == log_end_offset,
        Due::Duplicate(at) => !refused && base_offset == at,
        Due::MaybeDuplicate(at) => refused || base_offset == at,
        Due::Refused => refused,
    };
    ONCE.require(holds, || {
        format!("due is {due:?} on a log that ends at {log_end_offset}, the answer is error {error_code}, offset {base_offset}")
    })
}
