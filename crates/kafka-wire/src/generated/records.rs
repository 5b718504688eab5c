//! What coordinators write into their own topics: `__consumer_offsets` and `__transaction_state`.
//! A key is an i16 type, then its fields; a value is an i16 version, then its fields. For keys the version is the type.
//!
//! Generated from `schema/records.schema` by `cargo xtask codegen`.

use super::prelude::*;

/// `OffsetCommitKey`, versions 0 to 1.
///
/// Both key types 0 and 1 mean a committed offset.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct OffsetCommitKey {
    pub group: Str,
    pub topic: Str,
    pub partition: i32,
}

impl OffsetCommitKey {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.group = p::str(r, false)?;
        m.topic = p::str(r, false)?;
        m.partition = r.i32()?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.group, false);
        w.str(&self.topic, false);
        w.i32(self.partition);
    }
}

impl Record for OffsetCommitKey {
    const NAME: &'static str = "OffsetCommitKey";
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    const FLEXIBLE: Option<i16> = None;
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// `OffsetCommitValue`, versions 0 to 4, flexible from 4.
///
/// v3 is what a 3.9 server writes; v1 when the commit had its own expiry; v4 exists to be read.
#[derive(Clone, PartialEq, Debug)]
pub struct OffsetCommitValue {
    pub offset: i64,
    /// Since version 3.
    pub leader_epoch: i32,
    pub metadata: Str,
    pub commit_timestamp: i64,
    /// Version 1 only.
    pub expire_timestamp: i64,
}

impl Default for OffsetCommitValue {
    fn default() -> Self {
        Self {
            offset: Default::default(),
            leader_epoch: -1,
            metadata: Default::default(),
            commit_timestamp: Default::default(),
            expire_timestamp: -1,
        }
    }
}

impl OffsetCommitValue {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.offset = r.i64()?;
        if v >= 3 {
            m.leader_epoch = r.i32()?;
        }
        m.metadata = p::str(r, flex)?;
        m.commit_timestamp = r.i64()?;
        if v == 1 {
            m.expire_timestamp = r.i64()?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.i64(self.offset);
        if v >= 3 {
            w.i32(self.leader_epoch);
        }
        w.str(&self.metadata, flex);
        w.i64(self.commit_timestamp);
        if v == 1 {
            w.i64(self.expire_timestamp);
        }
        if flex {
            w.no_tags();
        }
    }
}

impl Record for OffsetCommitValue {
    const NAME: &'static str = "OffsetCommitValue";
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    const FLEXIBLE: Option<i16> = Some(4);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// `GroupMetadataKey`, version 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct GroupMetadataKey {
    pub group: Str,
}

impl GroupMetadataKey {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.group = p::str(r, false)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.group, false);
    }
}

impl Record for GroupMetadataKey {
    const NAME: &'static str = "GroupMetadataKey";
    const VERSIONS: RangeInclusive<i16> = 2..=2;
    const FLEXIBLE: Option<i16> = None;
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// `GroupMetadataValue`, versions 0 to 4, flexible from 4.
///
/// v3 is what a 3.9 server writes; v4 exists to be read.
#[derive(Clone, PartialEq, Debug)]
pub struct GroupMetadataValue {
    pub protocol_type: Str,
    pub generation: i32,
    pub protocol: Option<Str>,
    pub leader: Option<Str>,
    /// Since version 2.
    pub current_state_timestamp: i64,
    pub members: Vec<GroupMetadataValueMembers>,
}

impl Default for GroupMetadataValue {
    fn default() -> Self {
        Self {
            protocol_type: Default::default(),
            generation: Default::default(),
            protocol: Default::default(),
            leader: Default::default(),
            current_state_timestamp: -1,
            members: Default::default(),
        }
    }
}

impl GroupMetadataValue {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.protocol_type = p::str(r, flex)?;
        m.generation = r.i32()?;
        m.protocol = p::opt_str(r, flex, true)?;
        m.leader = p::opt_str(r, flex, true)?;
        if v >= 2 {
            m.current_state_timestamp = r.i64()?;
        }
        m.members = p::array(r, flex, 9, v, GroupMetadataValueMembers::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.str(&self.protocol_type, flex);
        w.i32(self.generation);
        w.opt_str(&self.protocol, flex, true);
        w.opt_str(&self.leader, flex, true);
        if v >= 2 {
            w.i64(self.current_state_timestamp);
        }
        w.array(&self.members, flex, v, GroupMetadataValueMembers::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `members` of [`GroupMetadataValue`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct GroupMetadataValueMembers {
    pub member_id: Str,
    /// Since version 3.
    pub group_instance_id: Option<Str>,
    pub client_id: Str,
    pub client_host: Str,
    /// Since version 1.
    pub rebalance_timeout: i32,
    pub session_timeout: i32,
    pub subscription: Bytes,
    pub assignment: Bytes,
}

impl GroupMetadataValueMembers {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.member_id = p::str(r, flex)?;
        if v >= 3 {
            m.group_instance_id = p::opt_str(r, flex, true)?;
        }
        m.client_id = p::str(r, flex)?;
        m.client_host = p::str(r, flex)?;
        if v >= 1 {
            m.rebalance_timeout = r.i32()?;
        }
        m.session_timeout = r.i32()?;
        m.subscription = p::bytes(r, flex)?;
        m.assignment = p::bytes(r, flex)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.str(&self.member_id, flex);
        if v >= 3 {
            w.opt_str(&self.group_instance_id, flex, true);
        }
        w.str(&self.client_id, flex);
        w.str(&self.client_host, flex);
        if v >= 1 {
            w.i32(self.rebalance_timeout);
        }
        w.i32(self.session_timeout);
        w.bytes(&self.subscription, flex);
        w.bytes(&self.assignment, flex);
        if flex {
            w.no_tags();
        }
    }
}

impl Record for GroupMetadataValue {
    const NAME: &'static str = "GroupMetadataValue";
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    const FLEXIBLE: Option<i16> = Some(4);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// `ConsumerGroupMetadataKey`, version 3.
///
/// KIP-848 groups.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupMetadataKey {
    pub group_id: Str,
}

impl ConsumerGroupMetadataKey {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.group_id = p::str(r, false)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.group_id, false);
    }
}

impl Record for ConsumerGroupMetadataKey {
    const NAME: &'static str = "ConsumerGroupMetadataKey";
    const VERSIONS: RangeInclusive<i16> = 3..=3;
    const FLEXIBLE: Option<i16> = None;
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// `ConsumerGroupMetadataValue`, version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupMetadataValue {
    pub epoch: i32,
}

impl ConsumerGroupMetadataValue {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.epoch = r.i32()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.epoch);
        w.no_tags();
    }
}

impl Record for ConsumerGroupMetadataValue {
    const NAME: &'static str = "ConsumerGroupMetadataValue";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// `ConsumerGroupPartitionMetadataKey`, version 4.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupPartitionMetadataKey {
    pub group_id: Str,
}

impl ConsumerGroupPartitionMetadataKey {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.group_id = p::str(r, false)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.group_id, false);
    }
}

impl Record for ConsumerGroupPartitionMetadataKey {
    const NAME: &'static str = "ConsumerGroupPartitionMetadataKey";
    const VERSIONS: RangeInclusive<i16> = 4..=4;
    const FLEXIBLE: Option<i16> = None;
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// `ConsumerGroupPartitionMetadataValue`, version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupPartitionMetadataValue {
    pub topics: Vec<ConsumerGroupPartitionMetadataValueTopics>,
}

impl ConsumerGroupPartitionMetadataValue {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topics = p::array(r, true, 22, v, ConsumerGroupPartitionMetadataValueTopics::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.array(&self.topics, true, v, ConsumerGroupPartitionMetadataValueTopics::write);
        w.no_tags();
    }
}

/// `topics` of [`ConsumerGroupPartitionMetadataValue`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupPartitionMetadataValueTopics {
    pub topic_id: Uuid,
    pub topic_name: Str,
    pub num_partitions: i32,
    pub partition_metadata: Vec<ConsumerGroupPartitionMetadataValuePartitionMetadata>,
}

impl ConsumerGroupPartitionMetadataValueTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topic_id = p::uuid(r)?;
        m.topic_name = p::str(r, true)?;
        m.num_partitions = r.i32()?;
        m.partition_metadata = p::array(r, true, 5, v, ConsumerGroupPartitionMetadataValuePartitionMetadata::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.uuid(self.topic_id);
        w.str(&self.topic_name, true);
        w.i32(self.num_partitions);
        w.array(&self.partition_metadata, true, v, ConsumerGroupPartitionMetadataValuePartitionMetadata::write);
        w.no_tags();
    }
}

/// `topics.partition_metadata` of [`ConsumerGroupPartitionMetadataValue`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupPartitionMetadataValuePartitionMetadata {
    pub partition: i32,
    pub racks: Vec<Str>,
}

impl ConsumerGroupPartitionMetadataValuePartitionMetadata {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.partition = r.i32()?;
        m.racks = p::strs(r, true)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.partition);
        w.strs(&self.racks, true);
        w.no_tags();
    }
}

impl Record for ConsumerGroupPartitionMetadataValue {
    const NAME: &'static str = "ConsumerGroupPartitionMetadataValue";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// `ConsumerGroupMemberMetadataKey`, version 5.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupMemberMetadataKey {
    pub group_id: Str,
    pub member_id: Str,
}

impl ConsumerGroupMemberMetadataKey {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.group_id = p::str(r, false)?;
        m.member_id = p::str(r, false)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.group_id, false);
        w.str(&self.member_id, false);
    }
}

impl Record for ConsumerGroupMemberMetadataKey {
    const NAME: &'static str = "ConsumerGroupMemberMetadataKey";
    const VERSIONS: RangeInclusive<i16> = 5..=5;
    const FLEXIBLE: Option<i16> = None;
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// `ConsumerGroupMemberMetadataValue`, version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug)]
pub struct ConsumerGroupMemberMetadataValue {
    pub instance_id: Option<Str>,
    pub rack_id: Option<Str>,
    pub client_id: Str,
    pub client_host: Str,
    pub subscribed_topic_names: Vec<Str>,
    pub subscribed_topic_regex: Option<Str>,
    pub rebalance_timeout_ms: i32,
    pub server_assignor: Option<Str>,
    /// Tag 0.
    pub classic_member_metadata: Option<ConsumerGroupMemberMetadataValueClassicMemberMetadata>,
}

impl Default for ConsumerGroupMemberMetadataValue {
    fn default() -> Self {
        Self {
            instance_id: Default::default(),
            rack_id: Default::default(),
            client_id: Default::default(),
            client_host: Default::default(),
            subscribed_topic_names: Default::default(),
            subscribed_topic_regex: Default::default(),
            rebalance_timeout_ms: -1,
            server_assignor: Default::default(),
            classic_member_metadata: Default::default(),
        }
    }
}

impl ConsumerGroupMemberMetadataValue {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.instance_id = p::opt_str(r, true, true)?;
        m.rack_id = p::opt_str(r, true, true)?;
        m.client_id = p::str(r, true)?;
        m.client_host = p::str(r, true)?;
        m.subscribed_topic_names = p::strs(r, true)?;
        m.subscribed_topic_regex = p::opt_str(r, true, true)?;
        m.rebalance_timeout_ms = r.i32()?;
        m.server_assignor = p::opt_str(r, true, true)?;
        p::tags(r, &mut |tag, r| {
            match tag {
                0 => {
                    m.classic_member_metadata =
                        p::opt_struct(r, v, ConsumerGroupMemberMetadataValueClassicMemberMetadata::read)?
                }
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.opt_str(&self.instance_id, true, true);
        w.opt_str(&self.rack_id, true, true);
        w.str(&self.client_id, true);
        w.str(&self.client_host, true);
        w.strs(&self.subscribed_topic_names, true);
        w.opt_str(&self.subscribed_topic_regex, true, true);
        w.i32(self.rebalance_timeout_ms);
        w.opt_str(&self.server_assignor, true, true);
        let mut tags = Tags::new();
        if self.classic_member_metadata.is_some() {
            tags.put(0, &mut |w| {
                w.opt_struct(
                    &self.classic_member_metadata,
                    v,
                    ConsumerGroupMemberMetadataValueClassicMemberMetadata::write,
                );
            });
        }
        w.tags(tags);
    }
}

/// `classic_member_metadata` of [`ConsumerGroupMemberMetadataValue`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupMemberMetadataValueClassicMemberMetadata {
    pub session_timeout_ms: i32,
    pub supported_protocols: Vec<ConsumerGroupMemberMetadataValueSupportedProtocols>,
}

impl ConsumerGroupMemberMetadataValueClassicMemberMetadata {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.session_timeout_ms = r.i32()?;
        m.supported_protocols = p::array(r, true, 2, v, ConsumerGroupMemberMetadataValueSupportedProtocols::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.session_timeout_ms);
        w.array(&self.supported_protocols, true, v, ConsumerGroupMemberMetadataValueSupportedProtocols::write);
        w.no_tags();
    }
}

/// `classic_member_metadata.supported_protocols` of [`ConsumerGroupMemberMetadataValue`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupMemberMetadataValueSupportedProtocols {
    pub name: Str,
    pub metadata: Bytes,
}

impl ConsumerGroupMemberMetadataValueSupportedProtocols {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.name = p::str(r, true)?;
        m.metadata = p::bytes(r, true)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.name, true);
        w.bytes(&self.metadata, true);
        w.no_tags();
    }
}

impl Record for ConsumerGroupMemberMetadataValue {
    const NAME: &'static str = "ConsumerGroupMemberMetadataValue";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// `ConsumerGroupTargetAssignmentMetadataKey`, version 6.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupTargetAssignmentMetadataKey {
    pub group_id: Str,
}

impl ConsumerGroupTargetAssignmentMetadataKey {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.group_id = p::str(r, false)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.group_id, false);
    }
}

impl Record for ConsumerGroupTargetAssignmentMetadataKey {
    const NAME: &'static str = "ConsumerGroupTargetAssignmentMetadataKey";
    const VERSIONS: RangeInclusive<i16> = 6..=6;
    const FLEXIBLE: Option<i16> = None;
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// `ConsumerGroupTargetAssignmentMetadataValue`, version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupTargetAssignmentMetadataValue {
    pub assignment_epoch: i32,
}

impl ConsumerGroupTargetAssignmentMetadataValue {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.assignment_epoch = r.i32()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.assignment_epoch);
        w.no_tags();
    }
}

impl Record for ConsumerGroupTargetAssignmentMetadataValue {
    const NAME: &'static str = "ConsumerGroupTargetAssignmentMetadataValue";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// `ConsumerGroupTargetAssignmentMemberKey`, version 7.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupTargetAssignmentMemberKey {
    pub group_id: Str,
    pub member_id: Str,
}

impl ConsumerGroupTargetAssignmentMemberKey {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.group_id = p::str(r, false)?;
        m.member_id = p::str(r, false)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.group_id, false);
        w.str(&self.member_id, false);
    }
}

impl Record for ConsumerGroupTargetAssignmentMemberKey {
    const NAME: &'static str = "ConsumerGroupTargetAssignmentMemberKey";
    const VERSIONS: RangeInclusive<i16> = 7..=7;
    const FLEXIBLE: Option<i16> = None;
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// `ConsumerGroupTargetAssignmentMemberValue`, version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupTargetAssignmentMemberValue {
    pub topic_partitions: Vec<ConsumerGroupTargetAssignmentMemberValueTopicPartitions>,
}

impl ConsumerGroupTargetAssignmentMemberValue {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topic_partitions = p::array(r, true, 17, v, ConsumerGroupTargetAssignmentMemberValueTopicPartitions::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.array(&self.topic_partitions, true, v, ConsumerGroupTargetAssignmentMemberValueTopicPartitions::write);
        w.no_tags();
    }
}

/// `topic_partitions` of [`ConsumerGroupTargetAssignmentMemberValue`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupTargetAssignmentMemberValueTopicPartitions {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl ConsumerGroupTargetAssignmentMemberValueTopicPartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topic_id = p::uuid(r)?;
        m.partitions = p::array(r, true, 4, v, |r, _| r.i32())?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.uuid(self.topic_id);
        w.array(&self.partitions, true, v, |x, w, _| w.i32(*x));
        w.no_tags();
    }
}

impl Record for ConsumerGroupTargetAssignmentMemberValue {
    const NAME: &'static str = "ConsumerGroupTargetAssignmentMemberValue";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// `ConsumerGroupCurrentMemberAssignmentKey`, version 8.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupCurrentMemberAssignmentKey {
    pub group_id: Str,
    pub member_id: Str,
}

impl ConsumerGroupCurrentMemberAssignmentKey {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.group_id = p::str(r, false)?;
        m.member_id = p::str(r, false)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.group_id, false);
        w.str(&self.member_id, false);
    }
}

impl Record for ConsumerGroupCurrentMemberAssignmentKey {
    const NAME: &'static str = "ConsumerGroupCurrentMemberAssignmentKey";
    const VERSIONS: RangeInclusive<i16> = 8..=8;
    const FLEXIBLE: Option<i16> = None;
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// `ConsumerGroupCurrentMemberAssignmentValue`, version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupCurrentMemberAssignmentValue {
    pub member_epoch: i32,
    pub previous_member_epoch: i32,
    pub state: i8,
    pub assigned_partitions: Vec<ConsumerGroupCurrentMemberAssignmentValueAssignedPartitions>,
    pub partitions_pending_revocation: Vec<ConsumerGroupCurrentMemberAssignmentValuePartitionsPendingRevocation>,
}

impl ConsumerGroupCurrentMemberAssignmentValue {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.member_epoch = r.i32()?;
        m.previous_member_epoch = r.i32()?;
        m.state = r.i8()?;
        m.assigned_partitions =
            p::array(r, true, 17, v, ConsumerGroupCurrentMemberAssignmentValueAssignedPartitions::read)?;
        m.partitions_pending_revocation =
            p::array(r, true, 17, v, ConsumerGroupCurrentMemberAssignmentValuePartitionsPendingRevocation::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.member_epoch);
        w.i32(self.previous_member_epoch);
        w.i8(self.state);
        w.array(&self.assigned_partitions, true, v, ConsumerGroupCurrentMemberAssignmentValueAssignedPartitions::write);
        w.array(
            &self.partitions_pending_revocation,
            true,
            v,
            ConsumerGroupCurrentMemberAssignmentValuePartitionsPendingRevocation::write,
        );
        w.no_tags();
    }
}

/// `assigned_partitions` of [`ConsumerGroupCurrentMemberAssignmentValue`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupCurrentMemberAssignmentValueAssignedPartitions {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl ConsumerGroupCurrentMemberAssignmentValueAssignedPartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topic_id = p::uuid(r)?;
        m.partitions = p::array(r, true, 4, v, |r, _| r.i32())?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.uuid(self.topic_id);
        w.array(&self.partitions, true, v, |x, w, _| w.i32(*x));
        w.no_tags();
    }
}

/// `partitions_pending_revocation` of [`ConsumerGroupCurrentMemberAssignmentValue`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ConsumerGroupCurrentMemberAssignmentValuePartitionsPendingRevocation {
    pub topic_id: Uuid,
    pub partitions: Vec<i32>,
}

impl ConsumerGroupCurrentMemberAssignmentValuePartitionsPendingRevocation {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topic_id = p::uuid(r)?;
        m.partitions = p::array(r, true, 4, v, |r, _| r.i32())?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.uuid(self.topic_id);
        w.array(&self.partitions, true, v, |x, w, _| w.i32(*x));
        w.no_tags();
    }
}

impl Record for ConsumerGroupCurrentMemberAssignmentValue {
    const NAME: &'static str = "ConsumerGroupCurrentMemberAssignmentValue";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// `TransactionLogKey`, version 0.
///
/// The transaction log. v0 is what a ZooKeeper-mode server writes; partitions are null in state Empty.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TransactionLogKey {
    pub transactional_id: Str,
}

impl TransactionLogKey {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.transactional_id = p::str(r, false)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.transactional_id, false);
    }
}

impl Record for TransactionLogKey {
    const NAME: &'static str = "TransactionLogKey";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = None;
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// `TransactionLogValue`, versions 0 to 1, flexible from 1.
#[derive(Clone, PartialEq, Debug)]
pub struct TransactionLogValue {
    pub producer_id: i64,
    /// Version 1 only, tag 0.
    pub previous_producer_id: i64,
    /// Version 1 only, tag 1.
    pub next_producer_id: i64,
    pub producer_epoch: i16,
    pub transaction_timeout_ms: i32,
    pub transaction_status: i8,
    pub transaction_partitions: Option<Vec<TransactionLogValueTransactionPartitions>>,
    pub transaction_last_update_timestamp_ms: i64,
    pub transaction_start_timestamp_ms: i64,
    /// Version 1 only, tag 2.
    pub client_transaction_version: i16,
}

impl Default for TransactionLogValue {
    fn default() -> Self {
        Self {
            producer_id: Default::default(),
            previous_producer_id: -1,
            next_producer_id: -1,
            producer_epoch: Default::default(),
            transaction_timeout_ms: Default::default(),
            transaction_status: Default::default(),
            transaction_partitions: Default::default(),
            transaction_last_update_timestamp_ms: Default::default(),
            transaction_start_timestamp_ms: Default::default(),
            client_transaction_version: Default::default(),
        }
    }
}

impl TransactionLogValue {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.producer_id = r.i64()?;
        m.producer_epoch = r.i16()?;
        m.transaction_timeout_ms = r.i32()?;
        m.transaction_status = r.i8()?;
        m.transaction_partitions = p::opt_array(r, flex, true, 2, v, TransactionLogValueTransactionPartitions::read)?;
        m.transaction_last_update_timestamp_ms = r.i64()?;
        m.transaction_start_timestamp_ms = r.i64()?;
        if flex {
            p::tags(r, &mut |tag, r| {
                match tag {
                    0 if v == 1 => m.previous_producer_id = r.i64()?,
                    1 if v == 1 => m.next_producer_id = r.i64()?,
                    2 if v == 1 => m.client_transaction_version = r.i16()?,
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.i64(self.producer_id);
        w.i16(self.producer_epoch);
        w.i32(self.transaction_timeout_ms);
        w.i8(self.transaction_status);
        w.opt_array(&self.transaction_partitions, flex, true, v, TransactionLogValueTransactionPartitions::write);
        w.i64(self.transaction_last_update_timestamp_ms);
        w.i64(self.transaction_start_timestamp_ms);
        if flex {
            let mut tags = Tags::new();
            if v == 1 && self.previous_producer_id != -1 {
                tags.put(0, &mut |w| {
                    w.i64(self.previous_producer_id);
                });
            }
            if v == 1 && self.next_producer_id != -1 {
                tags.put(1, &mut |w| {
                    w.i64(self.next_producer_id);
                });
            }
            if v == 1 && self.client_transaction_version != 0 {
                tags.put(2, &mut |w| {
                    w.i16(self.client_transaction_version);
                });
            }
            w.tags(tags);
        }
    }
}

/// `transaction_partitions` of [`TransactionLogValue`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TransactionLogValueTransactionPartitions {
    pub topic: Str,
    pub partition_ids: Vec<i32>,
}

impl TransactionLogValueTransactionPartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.topic = p::str(r, flex)?;
        m.partition_ids = p::array(r, flex, 4, v, |r, _| r.i32())?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.str(&self.topic, flex);
        w.array(&self.partition_ids, flex, v, |x, w, _| w.i32(*x));
        if flex {
            w.no_tags();
        }
    }
}

impl Record for TransactionLogValue {
    const NAME: &'static str = "TransactionLogValue";
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    const FLEXIBLE: Option<i16> = Some(1);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// `EndTxnMarker`, version 0.
///
/// The value of an ABORT or COMMIT control record, after its i16 version.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct EndTxnMarker {
    pub coordinator_epoch: i32,
}

impl EndTxnMarker {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.coordinator_epoch = r.i32()?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.coordinator_epoch);
    }
}

impl Record for EndTxnMarker {
    const NAME: &'static str = "EndTxnMarker";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = None;
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// `DefaultPrincipalData`, version 0, flexible from 0.
///
/// A principal inside an Envelope request.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DefaultPrincipalData {
    pub type_: Str,
    pub name: Str,
    pub token_authenticated: bool,
}

impl DefaultPrincipalData {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.type_ = p::str(r, true)?;
        m.name = p::str(r, true)?;
        m.token_authenticated = r.bool()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.type_, true);
        w.str(&self.name, true);
        w.bool(self.token_authenticated);
        w.no_tags();
    }
}

impl Record for DefaultPrincipalData {
    const NAME: &'static str = "DefaultPrincipalData";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}
