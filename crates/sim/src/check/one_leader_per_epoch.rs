//! At most one server ever leads an epoch.

use std::collections::BTreeMap;

use super::{Checked, Property};

/// The property.
pub static PROPERTY: Property = Property {
    says: "at most one server is ever an established leader of an epoch",
    source: "Zab.tla Leadership1 and Leadership2; ZAB paper, section IV",
};

/// Who has led.
#[derive(Debug, Default)]
pub struct Leaders(BTreeMap<i64, i64>);

impl Leaders {
    /// A server is established.
    ///
    /// # Errors
    /// The violation.
    pub fn established(&mut self, epoch: i64, sid: i64) -> Checked {
        let first = *self.0.entry(epoch).or_insert(sid);
        PROPERTY.require(first == sid, || format!("epoch {epoch} is led by server {first} and by server {sid}"))
    }

    /// How many epochs had a leader.
    pub fn epochs(&self) -> usize {
        self.0.len()
    }
}
