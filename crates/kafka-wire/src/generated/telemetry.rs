//! Client metrics (KIP-714); a ZooKeeper-mode broker does not list these.
//!
//! Generated from `schema/telemetry.schema` by `cargo xtask codegen`.

use super::prelude::*;

/// The `GetTelemetrySubscriptions` request (key 71), version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct GetTelemetrySubscriptionsRequest {
    pub client_instance_id: Uuid,
}

impl GetTelemetrySubscriptionsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.client_instance_id = p::uuid(r)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.uuid(self.client_instance_id);
        w.no_tags();
    }
}

impl Message for GetTelemetrySubscriptionsRequest {
    const KEY: ApiKey = ApiKey::GetTelemetrySubscriptions;
    const NAME: &'static str = "GetTelemetrySubscriptionsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for GetTelemetrySubscriptionsRequest {
    type Response = GetTelemetrySubscriptionsResponse;
}

/// The `GetTelemetrySubscriptions` response (key 71), version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct GetTelemetrySubscriptionsResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub client_instance_id: Uuid,
    pub subscription_id: i32,
    pub accepted_compression_types: Vec<i8>,
    pub push_interval_ms: i32,
    pub telemetry_max_bytes: i32,
    pub delta_temporality: bool,
    pub requested_metrics: Vec<Str>,
}

impl GetTelemetrySubscriptionsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.error_code = r.i16()?;
        m.client_instance_id = p::uuid(r)?;
        m.subscription_id = r.i32()?;
        m.accepted_compression_types = p::array(r, true, 1, v, |r, _| r.i8())?;
        m.push_interval_ms = r.i32()?;
        m.telemetry_max_bytes = r.i32()?;
        m.delta_temporality = r.bool()?;
        m.requested_metrics = p::strs(r, true)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.throttle_time_ms);
        w.i16(self.error_code);
        w.uuid(self.client_instance_id);
        w.i32(self.subscription_id);
        w.array(&self.accepted_compression_types, true, v, |x, w, _| w.i8(*x));
        w.i32(self.push_interval_ms);
        w.i32(self.telemetry_max_bytes);
        w.bool(self.delta_temporality);
        w.strs(&self.requested_metrics, true);
        w.no_tags();
    }
}

impl Message for GetTelemetrySubscriptionsResponse {
    const KEY: ApiKey = ApiKey::GetTelemetrySubscriptions;
    const NAME: &'static str = "GetTelemetrySubscriptionsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `PushTelemetry` request (key 72), version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PushTelemetryRequest {
    pub client_instance_id: Uuid,
    pub subscription_id: i32,
    pub terminating: bool,
    pub compression_type: i8,
    pub metrics: Bytes,
}

impl PushTelemetryRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.client_instance_id = p::uuid(r)?;
        m.subscription_id = r.i32()?;
        m.terminating = r.bool()?;
        m.compression_type = r.i8()?;
        m.metrics = p::bytes(r, true)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.uuid(self.client_instance_id);
        w.i32(self.subscription_id);
        w.bool(self.terminating);
        w.i8(self.compression_type);
        w.bytes(&self.metrics, true);
        w.no_tags();
    }
}

impl Message for PushTelemetryRequest {
    const KEY: ApiKey = ApiKey::PushTelemetry;
    const NAME: &'static str = "PushTelemetryRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for PushTelemetryRequest {
    type Response = PushTelemetryResponse;
}

/// The `PushTelemetry` response (key 72), version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PushTelemetryResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
}

impl PushTelemetryResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.error_code = r.i16()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.throttle_time_ms);
        w.i16(self.error_code);
        w.no_tags();
    }
}

impl Message for PushTelemetryResponse {
    const KEY: ApiKey = ApiKey::PushTelemetry;
    const NAME: &'static str = "PushTelemetryResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}
