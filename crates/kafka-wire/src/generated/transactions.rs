//! Producer ids and transactions.
//!
//! Generated from `schema/transactions.schema` by `cargo xtask codegen`.

use super::prelude::*;

/// The `InitProducerId` request (key 22), versions 0 to 5, flexible from 2.
#[derive(Clone, PartialEq, Debug)]
pub struct InitProducerIdRequest {
    pub transactional_id: Option<Str>,
    pub transaction_timeout_ms: i32,
    /// Since version 3.
    pub producer_id: i64,
    /// Since version 3.
    pub producer_epoch: i16,
}

impl Default for InitProducerIdRequest {
    fn default() -> Self {
        Self {
            transactional_id: Default::default(),
            transaction_timeout_ms: Default::default(),
            producer_id: -1,
            producer_epoch: -1,
        }
    }
}

impl InitProducerIdRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.transactional_id = p::opt_str(r, flex, true)?;
        m.transaction_timeout_ms = r.i32()?;
        if v >= 3 {
            m.producer_id = r.i64()?;
        }
        if v >= 3 {
            m.producer_epoch = r.i16()?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.opt_str(&self.transactional_id, flex, true);
        w.i32(self.transaction_timeout_ms);
        if v >= 3 {
            w.i64(self.producer_id);
        }
        if v >= 3 {
            w.i16(self.producer_epoch);
        }
        if flex {
            w.no_tags();
        }
    }
}

impl Message for InitProducerIdRequest {
    const KEY: ApiKey = ApiKey::InitProducerId;
    const NAME: &'static str = "InitProducerIdRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=5;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for InitProducerIdRequest {
    type Response = InitProducerIdResponse;
}

/// The `InitProducerId` response (key 22), versions 0 to 5, flexible from 2.
#[derive(Clone, PartialEq, Debug)]
pub struct InitProducerIdResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub producer_id: i64,
    pub producer_epoch: i16,
}

impl Default for InitProducerIdResponse {
    fn default() -> Self {
        Self {
            throttle_time_ms: Default::default(),
            error_code: Default::default(),
            producer_id: -1,
            producer_epoch: Default::default(),
        }
    }
}

impl InitProducerIdResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.error_code = r.i16()?;
        m.producer_id = r.i64()?;
        m.producer_epoch = r.i16()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i32(self.throttle_time_ms);
        w.i16(self.error_code);
        w.i64(self.producer_id);
        w.i16(self.producer_epoch);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for InitProducerIdResponse {
    const KEY: ApiKey = ApiKey::InitProducerId;
    const NAME: &'static str = "InitProducerIdResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=5;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `AddPartitionsToTxn` request (key 24), versions 0 to 5, flexible from 3.
///
/// v4+ is the form between brokers: many transactions, and verify_only (KIP-890).
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AddPartitionsToTxnRequest {
    /// Since version 4.
    pub transactions: Vec<AddPartitionsToTxnRequestTransactions>,
    /// Until version 3.
    pub v3_and_below_transactional_id: Str,
    /// Until version 3.
    pub v3_and_below_producer_id: i64,
    /// Until version 3.
    pub v3_and_below_producer_epoch: i16,
    /// Until version 3.
    pub v3_and_below_topics: Vec<AddPartitionsToTxnRequestV3AndBelowTopics>,
}

impl AddPartitionsToTxnRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        if v >= 4 {
            m.transactions = p::array(r, flex, 13, v, AddPartitionsToTxnRequestTransactions::read)?;
        }
        if v <= 3 {
            m.v3_and_below_transactional_id = p::str(r, flex)?;
        }
        if v <= 3 {
            m.v3_and_below_producer_id = r.i64()?;
        }
        if v <= 3 {
            m.v3_and_below_producer_epoch = r.i16()?;
        }
        if v <= 3 {
            m.v3_and_below_topics = p::array(r, flex, 2, v, AddPartitionsToTxnRequestV3AndBelowTopics::read)?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        if v >= 4 {
            w.array(&self.transactions, flex, v, AddPartitionsToTxnRequestTransactions::write);
        }
        if v <= 3 {
            w.str(&self.v3_and_below_transactional_id, flex);
        }
        if v <= 3 {
            w.i64(self.v3_and_below_producer_id);
        }
        if v <= 3 {
            w.i16(self.v3_and_below_producer_epoch);
        }
        if v <= 3 {
            w.array(&self.v3_and_below_topics, flex, v, AddPartitionsToTxnRequestV3AndBelowTopics::write);
        }
        if flex {
            w.no_tags();
        }
    }
}

/// `transactions` of [`AddPartitionsToTxnRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AddPartitionsToTxnRequestTransactions {
    pub transactional_id: Str,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub verify_only: bool,
    pub topics: Vec<AddPartitionsToTxnRequestTopics>,
}

impl AddPartitionsToTxnRequestTransactions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.transactional_id = p::str(r, true)?;
        m.producer_id = r.i64()?;
        m.producer_epoch = r.i16()?;
        m.verify_only = r.bool()?;
        m.topics = p::array(r, true, 2, v, AddPartitionsToTxnRequestTopics::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.transactional_id, true);
        w.i64(self.producer_id);
        w.i16(self.producer_epoch);
        w.bool(self.verify_only);
        w.array(&self.topics, true, v, AddPartitionsToTxnRequestTopics::write);
        w.no_tags();
    }
}

/// `transactions.topics` of [`AddPartitionsToTxnRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AddPartitionsToTxnRequestTopics {
    pub name: Str,
    pub partitions: Vec<i32>,
}

impl AddPartitionsToTxnRequestTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.name = p::str(r, true)?;
        m.partitions = p::array(r, true, 4, v, |r, _| r.i32())?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.name, true);
        w.array(&self.partitions, true, v, |x, w, _| w.i32(*x));
        w.no_tags();
    }
}

/// `v3_and_below_topics` of [`AddPartitionsToTxnRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AddPartitionsToTxnRequestV3AndBelowTopics {
    pub name: Str,
    pub partitions: Vec<i32>,
}

impl AddPartitionsToTxnRequestV3AndBelowTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.partitions = p::array(r, flex, 4, v, |r, _| r.i32())?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        w.str(&self.name, flex);
        w.array(&self.partitions, flex, v, |x, w, _| w.i32(*x));
        if flex {
            w.no_tags();
        }
    }
}

impl Message for AddPartitionsToTxnRequest {
    const KEY: ApiKey = ApiKey::AddPartitionsToTxn;
    const NAME: &'static str = "AddPartitionsToTxnRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=5;
    const FLEXIBLE: Option<i16> = Some(3);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for AddPartitionsToTxnRequest {
    type Response = AddPartitionsToTxnResponse;
}

/// The `AddPartitionsToTxn` response (key 24), versions 0 to 5, flexible from 3.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AddPartitionsToTxnResponse {
    pub throttle_time_ms: i32,
    /// Since version 4.
    pub error_code: i16,
    /// Since version 4.
    pub results_by_transaction: Vec<AddPartitionsToTxnResponseResultsByTransaction>,
    /// Until version 3.
    pub results_by_topic_v3_and_below: Vec<AddPartitionsToTxnResponseResultsByTopicV3AndBelow>,
}

impl AddPartitionsToTxnResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        if v >= 4 {
            m.error_code = r.i16()?;
        }
        if v >= 4 {
            m.results_by_transaction = p::array(r, flex, 2, v, AddPartitionsToTxnResponseResultsByTransaction::read)?;
        }
        if v <= 3 {
            m.results_by_topic_v3_and_below =
                p::array(r, flex, 2, v, AddPartitionsToTxnResponseResultsByTopicV3AndBelow::read)?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        w.i32(self.throttle_time_ms);
        if v >= 4 {
            w.i16(self.error_code);
        }
        if v >= 4 {
            w.array(&self.results_by_transaction, flex, v, AddPartitionsToTxnResponseResultsByTransaction::write);
        }
        if v <= 3 {
            w.array(
                &self.results_by_topic_v3_and_below,
                flex,
                v,
                AddPartitionsToTxnResponseResultsByTopicV3AndBelow::write,
            );
        }
        if flex {
            w.no_tags();
        }
    }
}

/// `results_by_transaction` of [`AddPartitionsToTxnResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AddPartitionsToTxnResponseResultsByTransaction {
    pub transactional_id: Str,
    pub topic_results: Vec<AddPartitionsToTxnResponseTopicResults>,
}

impl AddPartitionsToTxnResponseResultsByTransaction {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.transactional_id = p::str(r, true)?;
        m.topic_results = p::array(r, true, 2, v, AddPartitionsToTxnResponseTopicResults::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.transactional_id, true);
        w.array(&self.topic_results, true, v, AddPartitionsToTxnResponseTopicResults::write);
        w.no_tags();
    }
}

/// `results_by_transaction.topic_results` of [`AddPartitionsToTxnResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AddPartitionsToTxnResponseTopicResults {
    pub name: Str,
    pub results_by_partition: Vec<AddPartitionsToTxnResponseResultsByPartition>,
}

impl AddPartitionsToTxnResponseTopicResults {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.name = p::str(r, true)?;
        m.results_by_partition = p::array(r, true, 6, v, AddPartitionsToTxnResponseResultsByPartition::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.name, true);
        w.array(&self.results_by_partition, true, v, AddPartitionsToTxnResponseResultsByPartition::write);
        w.no_tags();
    }
}

/// `results_by_transaction.topic_results.results_by_partition` of [`AddPartitionsToTxnResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AddPartitionsToTxnResponseResultsByPartition {
    pub partition_index: i32,
    pub partition_error_code: i16,
}

impl AddPartitionsToTxnResponseResultsByPartition {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.partition_error_code = r.i16()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        w.i32(self.partition_index);
        w.i16(self.partition_error_code);
        if flex {
            w.no_tags();
        }
    }
}

/// `results_by_topic_v3_and_below` of [`AddPartitionsToTxnResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AddPartitionsToTxnResponseResultsByTopicV3AndBelow {
    pub name: Str,
    pub results_by_partition: Vec<AddPartitionsToTxnResponseResultsByPartition>,
}

impl AddPartitionsToTxnResponseResultsByTopicV3AndBelow {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.results_by_partition = p::array(r, flex, 6, v, AddPartitionsToTxnResponseResultsByPartition::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        w.str(&self.name, flex);
        w.array(&self.results_by_partition, flex, v, AddPartitionsToTxnResponseResultsByPartition::write);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for AddPartitionsToTxnResponse {
    const KEY: ApiKey = ApiKey::AddPartitionsToTxn;
    const NAME: &'static str = "AddPartitionsToTxnResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=5;
    const FLEXIBLE: Option<i16> = Some(3);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `AddOffsetsToTxn` request (key 25), versions 0 to 4, flexible from 3.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AddOffsetsToTxnRequest {
    pub transactional_id: Str,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub group_id: Str,
}

impl AddOffsetsToTxnRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        m.transactional_id = p::str(r, flex)?;
        m.producer_id = r.i64()?;
        m.producer_epoch = r.i16()?;
        m.group_id = p::str(r, flex)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        w.str(&self.transactional_id, flex);
        w.i64(self.producer_id);
        w.i16(self.producer_epoch);
        w.str(&self.group_id, flex);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for AddOffsetsToTxnRequest {
    const KEY: ApiKey = ApiKey::AddOffsetsToTxn;
    const NAME: &'static str = "AddOffsetsToTxnRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    const FLEXIBLE: Option<i16> = Some(3);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for AddOffsetsToTxnRequest {
    type Response = AddOffsetsToTxnResponse;
}

/// The `AddOffsetsToTxn` response (key 25), versions 0 to 4, flexible from 3.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AddOffsetsToTxnResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
}

impl AddOffsetsToTxnResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.error_code = r.i16()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        w.i32(self.throttle_time_ms);
        w.i16(self.error_code);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for AddOffsetsToTxnResponse {
    const KEY: ApiKey = ApiKey::AddOffsetsToTxn;
    const NAME: &'static str = "AddOffsetsToTxnResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    const FLEXIBLE: Option<i16> = Some(3);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `EndTxn` request (key 26), versions 0 to 4, flexible from 3.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct EndTxnRequest {
    pub transactional_id: Str,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub committed: bool,
}

impl EndTxnRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        m.transactional_id = p::str(r, flex)?;
        m.producer_id = r.i64()?;
        m.producer_epoch = r.i16()?;
        m.committed = r.bool()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        w.str(&self.transactional_id, flex);
        w.i64(self.producer_id);
        w.i16(self.producer_epoch);
        w.bool(self.committed);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for EndTxnRequest {
    const KEY: ApiKey = ApiKey::EndTxn;
    const NAME: &'static str = "EndTxnRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    const FLEXIBLE: Option<i16> = Some(3);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for EndTxnRequest {
    type Response = EndTxnResponse;
}

/// The `EndTxn` response (key 26), versions 0 to 4, flexible from 3.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct EndTxnResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
}

impl EndTxnResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.error_code = r.i16()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        w.i32(self.throttle_time_ms);
        w.i16(self.error_code);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for EndTxnResponse {
    const KEY: ApiKey = ApiKey::EndTxn;
    const NAME: &'static str = "EndTxnResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    const FLEXIBLE: Option<i16> = Some(3);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `WriteTxnMarkers` request (key 27), versions 0 to 1, flexible from 1.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct WriteTxnMarkersRequest {
    pub markers: Vec<WriteTxnMarkersRequestMarkers>,
}

impl WriteTxnMarkersRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.markers = p::array(r, flex, 16, v, WriteTxnMarkersRequestMarkers::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.array(&self.markers, flex, v, WriteTxnMarkersRequestMarkers::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `markers` of [`WriteTxnMarkersRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct WriteTxnMarkersRequestMarkers {
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub transaction_result: bool,
    pub topics: Vec<WriteTxnMarkersRequestTopics>,
    pub coordinator_epoch: i32,
}

impl WriteTxnMarkersRequestMarkers {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.producer_id = r.i64()?;
        m.producer_epoch = r.i16()?;
        m.transaction_result = r.bool()?;
        m.topics = p::array(r, flex, 2, v, WriteTxnMarkersRequestTopics::read)?;
        m.coordinator_epoch = r.i32()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.i64(self.producer_id);
        w.i16(self.producer_epoch);
        w.bool(self.transaction_result);
        w.array(&self.topics, flex, v, WriteTxnMarkersRequestTopics::write);
        w.i32(self.coordinator_epoch);
        if flex {
            w.no_tags();
        }
    }
}

/// `markers.topics` of [`WriteTxnMarkersRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct WriteTxnMarkersRequestTopics {
    pub name: Str,
    pub partition_indexes: Vec<i32>,
}

impl WriteTxnMarkersRequestTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.partition_indexes = p::array(r, flex, 4, v, |r, _| r.i32())?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.str(&self.name, flex);
        w.array(&self.partition_indexes, flex, v, |x, w, _| w.i32(*x));
        if flex {
            w.no_tags();
        }
    }
}

impl Message for WriteTxnMarkersRequest {
    const KEY: ApiKey = ApiKey::WriteTxnMarkers;
    const NAME: &'static str = "WriteTxnMarkersRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    const FLEXIBLE: Option<i16> = Some(1);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for WriteTxnMarkersRequest {
    type Response = WriteTxnMarkersResponse;
}

/// The `WriteTxnMarkers` response (key 27), versions 0 to 1, flexible from 1.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct WriteTxnMarkersResponse {
    pub markers: Vec<WriteTxnMarkersResponseMarkers>,
}

impl WriteTxnMarkersResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.markers = p::array(r, flex, 9, v, WriteTxnMarkersResponseMarkers::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.array(&self.markers, flex, v, WriteTxnMarkersResponseMarkers::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `markers` of [`WriteTxnMarkersResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct WriteTxnMarkersResponseMarkers {
    pub producer_id: i64,
    pub topics: Vec<WriteTxnMarkersResponseTopics>,
}

impl WriteTxnMarkersResponseMarkers {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.producer_id = r.i64()?;
        m.topics = p::array(r, flex, 2, v, WriteTxnMarkersResponseTopics::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.i64(self.producer_id);
        w.array(&self.topics, flex, v, WriteTxnMarkersResponseTopics::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `markers.topics` of [`WriteTxnMarkersResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct WriteTxnMarkersResponseTopics {
    pub name: Str,
    pub partitions: Vec<WriteTxnMarkersResponsePartitions>,
}

impl WriteTxnMarkersResponseTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.partitions = p::array(r, flex, 6, v, WriteTxnMarkersResponsePartitions::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.str(&self.name, flex);
        w.array(&self.partitions, flex, v, WriteTxnMarkersResponsePartitions::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `markers.topics.partitions` of [`WriteTxnMarkersResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct WriteTxnMarkersResponsePartitions {
    pub partition_index: i32,
    pub error_code: i16,
}

impl WriteTxnMarkersResponsePartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.error_code = r.i16()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.i32(self.partition_index);
        w.i16(self.error_code);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for WriteTxnMarkersResponse {
    const KEY: ApiKey = ApiKey::WriteTxnMarkers;
    const NAME: &'static str = "WriteTxnMarkersResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    const FLEXIBLE: Option<i16> = Some(1);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `TxnOffsetCommit` request (key 28), versions 0 to 4, flexible from 3.
#[derive(Clone, PartialEq, Debug)]
pub struct TxnOffsetCommitRequest {
    pub transactional_id: Str,
    pub group_id: Str,
    pub producer_id: i64,
    pub producer_epoch: i16,
    /// Since version 3.
    pub generation_id: i32,
    /// Since version 3.
    pub member_id: Str,
    /// Since version 3.
    pub group_instance_id: Option<Str>,
    pub topics: Vec<TxnOffsetCommitRequestTopics>,
}

impl Default for TxnOffsetCommitRequest {
    fn default() -> Self {
        Self {
            transactional_id: Default::default(),
            group_id: Default::default(),
            producer_id: Default::default(),
            producer_epoch: Default::default(),
            generation_id: -1,
            member_id: Default::default(),
            group_instance_id: Default::default(),
            topics: Default::default(),
        }
    }
}

impl TxnOffsetCommitRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        m.transactional_id = p::str(r, flex)?;
        m.group_id = p::str(r, flex)?;
        m.producer_id = r.i64()?;
        m.producer_epoch = r.i16()?;
        if v >= 3 {
            m.generation_id = r.i32()?;
        }
        if v >= 3 {
            m.member_id = p::str(r, flex)?;
        }
        if v >= 3 {
            m.group_instance_id = p::opt_str(r, flex, true)?;
        }
        m.topics = p::array(r, flex, 2, v, TxnOffsetCommitRequestTopics::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        w.str(&self.transactional_id, flex);
        w.str(&self.group_id, flex);
        w.i64(self.producer_id);
        w.i16(self.producer_epoch);
        if v >= 3 {
            w.i32(self.generation_id);
        }
        if v >= 3 {
            w.str(&self.member_id, flex);
        }
        if v >= 3 {
            w.opt_str(&self.group_instance_id, flex, true);
        }
        w.array(&self.topics, flex, v, TxnOffsetCommitRequestTopics::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics` of [`TxnOffsetCommitRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TxnOffsetCommitRequestTopics {
    pub name: Str,
    pub partitions: Vec<TxnOffsetCommitRequestPartitions>,
}

impl TxnOffsetCommitRequestTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.partitions = p::array(r, flex, 13, v, TxnOffsetCommitRequestPartitions::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        w.str(&self.name, flex);
        w.array(&self.partitions, flex, v, TxnOffsetCommitRequestPartitions::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics.partitions` of [`TxnOffsetCommitRequest`].
#[derive(Clone, PartialEq, Debug)]
pub struct TxnOffsetCommitRequestPartitions {
    pub partition_index: i32,
    pub committed_offset: i64,
    /// Since version 2.
    pub committed_leader_epoch: i32,
    pub committed_metadata: Option<Str>,
}

impl Default for TxnOffsetCommitRequestPartitions {
    fn default() -> Self {
        Self {
            partition_index: Default::default(),
            committed_offset: Default::default(),
            committed_leader_epoch: -1,
            committed_metadata: Default::default(),
        }
    }
}

impl TxnOffsetCommitRequestPartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.committed_offset = r.i64()?;
        if v >= 2 {
            m.committed_leader_epoch = r.i32()?;
        }
        m.committed_metadata = p::opt_str(r, flex, true)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        w.i32(self.partition_index);
        w.i64(self.committed_offset);
        if v >= 2 {
            w.i32(self.committed_leader_epoch);
        }
        w.opt_str(&self.committed_metadata, flex, true);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for TxnOffsetCommitRequest {
    const KEY: ApiKey = ApiKey::TxnOffsetCommit;
    const NAME: &'static str = "TxnOffsetCommitRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    const FLEXIBLE: Option<i16> = Some(3);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for TxnOffsetCommitRequest {
    type Response = TxnOffsetCommitResponse;
}

/// The `TxnOffsetCommit` response (key 28), versions 0 to 4, flexible from 3.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TxnOffsetCommitResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<TxnOffsetCommitResponseTopics>,
}

impl TxnOffsetCommitResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.topics = p::array(r, flex, 2, v, TxnOffsetCommitResponseTopics::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        w.i32(self.throttle_time_ms);
        w.array(&self.topics, flex, v, TxnOffsetCommitResponseTopics::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics` of [`TxnOffsetCommitResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TxnOffsetCommitResponseTopics {
    pub name: Str,
    pub partitions: Vec<TxnOffsetCommitResponsePartitions>,
}

impl TxnOffsetCommitResponseTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.partitions = p::array(r, flex, 6, v, TxnOffsetCommitResponsePartitions::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        w.str(&self.name, flex);
        w.array(&self.partitions, flex, v, TxnOffsetCommitResponsePartitions::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `topics.partitions` of [`TxnOffsetCommitResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct TxnOffsetCommitResponsePartitions {
    pub partition_index: i32,
    pub error_code: i16,
}

impl TxnOffsetCommitResponsePartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 3;
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.error_code = r.i16()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 3;
        w.i32(self.partition_index);
        w.i16(self.error_code);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for TxnOffsetCommitResponse {
    const KEY: ApiKey = ApiKey::TxnOffsetCommit;
    const NAME: &'static str = "TxnOffsetCommitResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    const FLEXIBLE: Option<i16> = Some(3);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `DescribeProducers` request (key 61), version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeProducersRequest {
    pub topics: Vec<DescribeProducersRequestTopics>,
}

impl DescribeProducersRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topics = p::array(r, true, 2, v, DescribeProducersRequestTopics::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.array(&self.topics, true, v, DescribeProducersRequestTopics::write);
        w.no_tags();
    }
}

/// `topics` of [`DescribeProducersRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeProducersRequestTopics {
    pub name: Str,
    pub partition_indexes: Vec<i32>,
}

impl DescribeProducersRequestTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.name = p::str(r, true)?;
        m.partition_indexes = p::array(r, true, 4, v, |r, _| r.i32())?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.name, true);
        w.array(&self.partition_indexes, true, v, |x, w, _| w.i32(*x));
        w.no_tags();
    }
}

impl Message for DescribeProducersRequest {
    const KEY: ApiKey = ApiKey::DescribeProducers;
    const NAME: &'static str = "DescribeProducersRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for DescribeProducersRequest {
    type Response = DescribeProducersResponse;
}

/// The `DescribeProducers` response (key 61), version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeProducersResponse {
    pub throttle_time_ms: i32,
    pub topics: Vec<DescribeProducersResponseTopics>,
}

impl DescribeProducersResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.topics = p::array(r, true, 2, v, DescribeProducersResponseTopics::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.throttle_time_ms);
        w.array(&self.topics, true, v, DescribeProducersResponseTopics::write);
        w.no_tags();
    }
}

/// `topics` of [`DescribeProducersResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeProducersResponseTopics {
    pub name: Str,
    pub partitions: Vec<DescribeProducersResponsePartitions>,
}

impl DescribeProducersResponseTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.name = p::str(r, true)?;
        m.partitions = p::array(r, true, 8, v, DescribeProducersResponsePartitions::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.name, true);
        w.array(&self.partitions, true, v, DescribeProducersResponsePartitions::write);
        w.no_tags();
    }
}

/// `topics.partitions` of [`DescribeProducersResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeProducersResponsePartitions {
    pub partition_index: i32,
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub active_producers: Vec<DescribeProducersResponseActiveProducers>,
}

impl DescribeProducersResponsePartitions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.partition_index = r.i32()?;
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, true, true)?;
        m.active_producers = p::array(r, true, 36, v, DescribeProducersResponseActiveProducers::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.partition_index);
        w.i16(self.error_code);
        w.opt_str(&self.error_message, true, true);
        w.array(&self.active_producers, true, v, DescribeProducersResponseActiveProducers::write);
        w.no_tags();
    }
}

/// `topics.partitions.active_producers` of [`DescribeProducersResponse`].
#[derive(Clone, PartialEq, Debug)]
pub struct DescribeProducersResponseActiveProducers {
    pub producer_id: i64,
    pub producer_epoch: i32,
    pub last_sequence: i32,
    pub last_timestamp: i64,
    pub coordinator_epoch: i32,
    pub current_txn_start_offset: i64,
}

impl Default for DescribeProducersResponseActiveProducers {
    fn default() -> Self {
        Self {
            producer_id: Default::default(),
            producer_epoch: Default::default(),
            last_sequence: -1,
            last_timestamp: -1,
            coordinator_epoch: Default::default(),
            current_txn_start_offset: -1,
        }
    }
}

impl DescribeProducersResponseActiveProducers {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.producer_id = r.i64()?;
        m.producer_epoch = r.i32()?;
        m.last_sequence = r.i32()?;
        m.last_timestamp = r.i64()?;
        m.coordinator_epoch = r.i32()?;
        m.current_txn_start_offset = r.i64()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i64(self.producer_id);
        w.i32(self.producer_epoch);
        w.i32(self.last_sequence);
        w.i64(self.last_timestamp);
        w.i32(self.coordinator_epoch);
        w.i64(self.current_txn_start_offset);
        w.no_tags();
    }
}

impl Message for DescribeProducersResponse {
    const KEY: ApiKey = ApiKey::DescribeProducers;
    const NAME: &'static str = "DescribeProducersResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `DescribeTransactions` request (key 65), version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeTransactionsRequest {
    pub transactional_ids: Vec<Str>,
}

impl DescribeTransactionsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.transactional_ids = p::strs(r, true)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.strs(&self.transactional_ids, true);
        w.no_tags();
    }
}

impl Message for DescribeTransactionsRequest {
    const KEY: ApiKey = ApiKey::DescribeTransactions;
    const NAME: &'static str = "DescribeTransactionsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for DescribeTransactionsRequest {
    type Response = DescribeTransactionsResponse;
}

/// The `DescribeTransactions` response (key 65), version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeTransactionsResponse {
    pub throttle_time_ms: i32,
    pub transaction_states: Vec<DescribeTransactionsResponseTransactionStates>,
}

impl DescribeTransactionsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.transaction_states = p::array(r, true, 27, v, DescribeTransactionsResponseTransactionStates::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.throttle_time_ms);
        w.array(&self.transaction_states, true, v, DescribeTransactionsResponseTransactionStates::write);
        w.no_tags();
    }
}

/// `transaction_states` of [`DescribeTransactionsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeTransactionsResponseTransactionStates {
    pub error_code: i16,
    pub transactional_id: Str,
    pub transaction_state: Str,
    pub transaction_timeout_ms: i32,
    pub transaction_start_time_ms: i64,
    pub producer_id: i64,
    pub producer_epoch: i16,
    pub topics: Vec<DescribeTransactionsResponseTopics>,
}

impl DescribeTransactionsResponseTransactionStates {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.transactional_id = p::str(r, true)?;
        m.transaction_state = p::str(r, true)?;
        m.transaction_timeout_ms = r.i32()?;
        m.transaction_start_time_ms = r.i64()?;
        m.producer_id = r.i64()?;
        m.producer_epoch = r.i16()?;
        m.topics = p::array(r, true, 2, v, DescribeTransactionsResponseTopics::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i16(self.error_code);
        w.str(&self.transactional_id, true);
        w.str(&self.transaction_state, true);
        w.i32(self.transaction_timeout_ms);
        w.i64(self.transaction_start_time_ms);
        w.i64(self.producer_id);
        w.i16(self.producer_epoch);
        w.array(&self.topics, true, v, DescribeTransactionsResponseTopics::write);
        w.no_tags();
    }
}

/// `transaction_states.topics` of [`DescribeTransactionsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeTransactionsResponseTopics {
    pub topic: Str,
    pub partitions: Vec<i32>,
}

impl DescribeTransactionsResponseTopics {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.topic = p::str(r, true)?;
        m.partitions = p::array(r, true, 4, v, |r, _| r.i32())?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.topic, true);
        w.array(&self.partitions, true, v, |x, w, _| w.i32(*x));
        w.no_tags();
    }
}

impl Message for DescribeTransactionsResponse {
    const KEY: ApiKey = ApiKey::DescribeTransactions;
    const NAME: &'static str = "DescribeTransactionsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `ListTransactions` request (key 66), versions 0 to 1, flexible from 0.
#[derive(Clone, PartialEq, Debug)]
pub struct ListTransactionsRequest {
    pub state_filters: Vec<Str>,
    pub producer_id_filters: Vec<i64>,
    /// Version 1 only.
    pub duration_filter: i64,
}

impl Default for ListTransactionsRequest {
    fn default() -> Self {
        Self { state_filters: Default::default(), producer_id_filters: Default::default(), duration_filter: -1 }
    }
}

impl ListTransactionsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.state_filters = p::strs(r, true)?;
        m.producer_id_filters = p::array(r, true, 8, v, |r, _| r.i64())?;
        if v == 1 {
            m.duration_filter = r.i64()?;
        }
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.strs(&self.state_filters, true);
        w.array(&self.producer_id_filters, true, v, |x, w, _| w.i64(*x));
        if v == 1 {
            w.i64(self.duration_filter);
        }
        w.no_tags();
    }
}

impl Message for ListTransactionsRequest {
    const KEY: ApiKey = ApiKey::ListTransactions;
    const NAME: &'static str = "ListTransactionsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for ListTransactionsRequest {
    type Response = ListTransactionsResponse;
}

/// The `ListTransactions` response (key 66), versions 0 to 1, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ListTransactionsResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub unknown_state_filters: Vec<Str>,
    pub transaction_states: Vec<ListTransactionsResponseTransactionStates>,
}

impl ListTransactionsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.error_code = r.i16()?;
        m.unknown_state_filters = p::strs(r, true)?;
        m.transaction_states = p::array(r, true, 10, v, ListTransactionsResponseTransactionStates::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.throttle_time_ms);
        w.i16(self.error_code);
        w.strs(&self.unknown_state_filters, true);
        w.array(&self.transaction_states, true, v, ListTransactionsResponseTransactionStates::write);
        w.no_tags();
    }
}

/// `transaction_states` of [`ListTransactionsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ListTransactionsResponseTransactionStates {
    pub transactional_id: Str,
    pub producer_id: i64,
    pub transaction_state: Str,
}

impl ListTransactionsResponseTransactionStates {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.transactional_id = p::str(r, true)?;
        m.producer_id = r.i64()?;
        m.transaction_state = p::str(r, true)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.transactional_id, true);
        w.i64(self.producer_id);
        w.str(&self.transaction_state, true);
        w.no_tags();
    }
}

impl Message for ListTransactionsResponse {
    const KEY: ApiKey = ApiKey::ListTransactions;
    const NAME: &'static str = "ListTransactionsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}
