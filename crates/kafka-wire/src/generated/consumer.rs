//! What consumers tell one another through JoinGroup metadata and SyncGroup assignments, protocol type `consumer`.
//! Each begins with an i16 version and is never flexible.
//!
//! Generated from `schema/consumer.schema` by `cargo xtask codegen`.

use super::prelude::*;

/// `ConsumerProtocolSubscription`, versions 0 to 3.
///
/// v1 owned partitions (KIP-429); v2 generation (KIP-792); v3 rack (KIP-881).
#[derive(Clone, PartialEq, Debug)]
pub struct ConsumerProtocolSubscription {
    pub topics: Vec<Str>,
    pub user_data: Option<Bytes>,
    /// Since version 1.
    pub owned_partitions: Vec<ConsumerProtocolSubscriptionOwnedPartitions>,
    /// Since version 2.
    pub generation_id: i32,
    /// Version 3 only.
    pub rack_id: Option<Str>,
}

impl Default for ConsumerProtocolSubscription {
    fn default() -> Self {
        Self {
            topics: Default::default(),
            user_data: Default::default(),
            owned_partitions: Default::default(),
            generation_id: -1,
            rack_id: Default::default(),
        }
    }
}

impl ConsumerProtocolSubscription {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topics = p::strs(r, false)?;
        m.user_data = p::opt_bytes(r, false, true)?;
        if v >= 1 {
            m.owned_partitions = p::array(r, false, 6, v, ConsumerProtocolSubscriptionOwnedPartitions::read)?;
        }
        if v >= 2 {
            m.generation_id = r.i32()?;
        }
        if v == 3 {
            m.rack_id = p::opt_str(r, false, true)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.strs(&self.topics, false);
        w.opt_bytes(&self.user_data, false, true);
        if v >= 1 {
            w.array(&self.owned_partitions, false, v, ConsumerProtocolSubscriptionOwnedPartitions::write);
        }
        if v >= 2 {
            w.i32(self.generation_id);
        }
        if v == 3 {
            w.opt_str(&self.rack_id, false, true);
        }
    }
}

/// `owned_partitions` of [`ConsumerProtocolSubscription`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerProtocolSubscriptionOwnedPartitions {
    pub topic: Str,
    pub partitions: Vec<i32>,
}

impl ConsumerProtocolSubscriptionOwnedPartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topic = p::str(r, false)?;
        m.partitions = p::array(r, false, 4, v, |r, _| r.i32())?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.topic, false);
        w.array(&self.partitions, false, v, |x, w, _| w.i32(*x));
    }
}

impl Record for ConsumerProtocolSubscription {
    const NAME: &'static str = "ConsumerProtocolSubscription";
    const VERSIONS: RangeInclusive<i16> = 0..=3;
    const FLEXIBLE: Option<i16> = None;
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// `ConsumerProtocolAssignment`, versions 0 to 3.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerProtocolAssignment {
    pub assigned_partitions: Vec<ConsumerProtocolAssignmentAssignedPartitions>,
    pub user_data: Option<Bytes>,
}

impl ConsumerProtocolAssignment {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.assigned_partitions = p::array(r, false, 6, v, ConsumerProtocolAssignmentAssignedPartitions::read)?;
        m.user_data = p::opt_bytes(r, false, true)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.array(&self.assigned_partitions, false, v, ConsumerProtocolAssignmentAssignedPartitions::write);
        w.opt_bytes(&self.user_data, false, true);
    }
}

/// `assigned_partitions` of [`ConsumerProtocolAssignment`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerProtocolAssignmentAssignedPartitions {
    pub topic: Str,
    pub partitions: Vec<i32>,
}

impl ConsumerProtocolAssignmentAssignedPartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topic = p::str(r, false)?;
        m.partitions = p::array(r, false, 4, v, |r, _| r.i32())?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.topic, false);
        w.array(&self.partitions, false, v, |x, w, _| w.i32(*x));
    }
}

impl Record for ConsumerProtocolAssignment {
    const NAME: &'static str = "ConsumerProtocolAssignment";
    const VERSIONS: RangeInclusive<i16> = 0..=3;
    const FLEXIBLE: Option<i16> = None;
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}
