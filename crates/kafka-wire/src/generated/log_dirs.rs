//! Log folders.
//!
//! Generated from `schema/log_dirs.schema` by `cargo xtask codegen`.

use super::prelude::*;

/// The `AlterReplicaLogDirs` request (key 34), versions 0 to 2, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterReplicaLogDirsRequest {
    pub dirs: Vec<AlterReplicaLogDirsRequestDirs>,
}

impl AlterReplicaLogDirsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.dirs = p::array(r, flex, 2, v, AlterReplicaLogDirsRequestDirs::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.array(&self.dirs, flex, v, AlterReplicaLogDirsRequestDirs::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `dirs` of [`AlterReplicaLogDirsRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterReplicaLogDirsRequestDirs {
    pub path: Str,
    pub topics: Vec<AlterReplicaLogDirsRequestTopics>,
}

impl AlterReplicaLogDirsRequestDirs {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.path = p::str(r, flex)?;
        m.topics = p::array(r, flex, 2, v, AlterReplicaLogDirsRequestTopics::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.str(&self.path, flex);
        w.array(&self.topics, flex, v, AlterReplicaLogDirsRequestTopics::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `dirs.topics` of [`AlterReplicaLogDirsRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterReplicaLogDirsRequestTopics {
    pub name: Str,
    pub partitions: Vec<i32>,
}

impl AlterReplicaLogDirsRequestTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.partitions = p::array(r, flex, 4, v, |r, _| r.i32())?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.str(&self.name, flex);
        w.array(&self.partitions, flex, v, |x, w, _| w.i32(*x));
        if flex {
            w.no_tags();
        }
    }
}

impl Message for AlterReplicaLogDirsRequest {
    const KEY: ApiKey = ApiKey::AlterReplicaLogDirs;
    const NAME: &'static str = "AlterReplicaLogDirsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for AlterReplicaLogDirsRequest {
    type Response = AlterReplicaLogDirsResponse;
}

/// The `AlterReplicaLogDirs` response (key 34), versions 0 to 2, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterReplicaLogDirsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<AlterReplicaLogDirsResponseResults>,
}

impl AlterReplicaLogDirsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.results = p::array(r, flex, 2, v, AlterReplicaLogDirsResponseResults::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i32(self.throttle_time_ms);
        w.array(&self.results, flex, v, AlterReplicaLogDirsResponseResults::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `results` of [`AlterReplicaLogDirsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterReplicaLogDirsResponseResults {
    pub topic_name: Str,
    pub partitions: Vec<AlterReplicaLogDirsResponsePartitions>,
}

impl AlterReplicaLogDirsResponseResults {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.topic_name = p::str(r, flex)?;
        m.partitions = p::array(r, flex, 6, v, AlterReplicaLogDirsResponsePartitions::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.str(&self.topic_name, flex);
        w.array(&self.partitions, flex, v, AlterReplicaLogDirsResponsePartitions::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `results.partitions` of [`AlterReplicaLogDirsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterReplicaLogDirsResponsePartitions {
    pub partition_index: i32,
    pub error_code: i16,
}

impl AlterReplicaLogDirsResponsePartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.error_code = r.i16()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i32(self.partition_index);
        w.i16(self.error_code);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for AlterReplicaLogDirsResponse {
    const KEY: ApiKey = ApiKey::AlterReplicaLogDirs;
    const NAME: &'static str = "AlterReplicaLogDirsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `DescribeLogDirs` request (key 35), versions 0 to 4, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeLogDirsRequest {
    pub topics: Option<Vec<DescribeLogDirsRequestTopics>>,
}

impl DescribeLogDirsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.topics = p::opt_array(r, flex, true, 2, v, DescribeLogDirsRequestTopics::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.opt_array(&self.topics, flex, true, v, DescribeLogDirsRequestTopics::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics` of [`DescribeLogDirsRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeLogDirsRequestTopics {
    pub topic: Str,
    pub partitions: Vec<i32>,
}

impl DescribeLogDirsRequestTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.topic = p::str(r, flex)?;
        m.partitions = p::array(r, flex, 4, v, |r, _| r.i32())?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.str(&self.topic, flex);
        w.array(&self.partitions, flex, v, |x, w, _| w.i32(*x));
        if flex {
            w.no_tags();
        }
    }
}

impl Message for DescribeLogDirsRequest {
    const KEY: ApiKey = ApiKey::DescribeLogDirs;
    const NAME: &'static str = "DescribeLogDirsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for DescribeLogDirsRequest {
    type Response = DescribeLogDirsResponse;
}

/// The `DescribeLogDirs` response (key 35), versions 0 to 4, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeLogDirsResponse {
    pub throttle_time_ms: i32,
    /// Since version 3.
    pub error_code: i16,
    pub results: Vec<DescribeLogDirsResponseResults>,
}

impl DescribeLogDirsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        if v >= 3 {
            m.error_code = r.i16()?;
        }
        m.results = p::array(r, flex, 4, v, DescribeLogDirsResponseResults::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i32(self.throttle_time_ms);
        if v >= 3 {
            w.i16(self.error_code);
        }
        w.array(&self.results, flex, v, DescribeLogDirsResponseResults::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `results` of [`DescribeLogDirsResponse`].
#[derive(Clone, PartialEq, Debug)]
pub struct DescribeLogDirsResponseResults {
    pub error_code: i16,
    pub log_dir: Str,
    pub topics: Vec<DescribeLogDirsResponseTopics>,
    /// Version 4 only.
    pub total_bytes: i64,
    /// Version 4 only.
    pub usable_bytes: i64,
}

impl Default for DescribeLogDirsResponseResults {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            log_dir: Default::default(),
            topics: Default::default(),
            total_bytes: -1,
            usable_bytes: -1,
        }
    }
}

impl DescribeLogDirsResponseResults {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.log_dir = p::str(r, flex)?;
        m.topics = p::array(r, flex, 2, v, DescribeLogDirsResponseTopics::read)?;
        if v == 4 {
            m.total_bytes = r.i64()?;
        }
        if v == 4 {
            m.usable_bytes = r.i64()?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i16(self.error_code);
        w.str(&self.log_dir, flex);
        w.array(&self.topics, flex, v, DescribeLogDirsResponseTopics::write);
        if v == 4 {
            w.i64(self.total_bytes);
        }
        if v == 4 {
            w.i64(self.usable_bytes);
        }
        if flex {
            w.no_tags();
        }
    }
}

/// `results.topics` of [`DescribeLogDirsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeLogDirsResponseTopics {
    pub name: Str,
    pub partitions: Vec<DescribeLogDirsResponsePartitions>,
}

impl DescribeLogDirsResponseTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.partitions = p::array(r, flex, 21, v, DescribeLogDirsResponsePartitions::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.str(&self.name, flex);
        w.array(&self.partitions, flex, v, DescribeLogDirsResponsePartitions::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `results.topics.partitions` of [`DescribeLogDirsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeLogDirsResponsePartitions {
    pub partition_index: i32,
    pub partition_size: i64,
    pub offset_lag: i64,
    pub is_future_key: bool,
}

impl DescribeLogDirsResponsePartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.partition_size = r.i64()?;
        m.offset_lag = r.i64()?;
        m.is_future_key = r.bool()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i32(self.partition_index);
        w.i64(self.partition_size);
        w.i64(self.offset_lag);
        w.bool(self.is_future_key);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for DescribeLogDirsResponse {
    const KEY: ApiKey = ApiKey::DescribeLogDirs;
    const NAME: &'static str = "DescribeLogDirsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}
