//! SASL, ACLs, delegation tokens and SCRAM credentials.
//!
//! Generated from `schema/security.schema` by `cargo xtask codegen`.

use super::prelude::*;

/// The `SaslHandshake` request (key 17), versions 0 to 1.
///
/// Never flexible; v1 announces SaslAuthenticate frames.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SaslHandshakeRequest {
    pub mechanism: Str,
}

impl SaslHandshakeRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.mechanism = p::str(r, false)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.mechanism, false);
    }
}

impl Message for SaslHandshakeRequest {
    const KEY: ApiKey = ApiKey::SaslHandshake;
    const NAME: &'static str = "SaslHandshakeRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    const FLEXIBLE: Option<i16> = None;
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for SaslHandshakeRequest {
    type Response = SaslHandshakeResponse;
}

/// The `SaslHandshake` response (key 17), versions 0 to 1.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SaslHandshakeResponse {
    pub error_code: i16,
    pub mechanisms: Vec<Str>,
}

impl SaslHandshakeResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.mechanisms = p::strs(r, false)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i16(self.error_code);
        w.strs(&self.mechanisms, false);
    }
}

impl Message for SaslHandshakeResponse {
    const KEY: ApiKey = ApiKey::SaslHandshake;
    const NAME: &'static str = "SaslHandshakeResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    const FLEXIBLE: Option<i16> = None;
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `SaslAuthenticate` request (key 36), versions 0 to 2, flexible from 2.
#[derive(Clone, PartialEq, Default)]
pub struct SaslAuthenticateRequest {
    pub auth_bytes: Bytes,
}

impl core::fmt::Debug for SaslAuthenticateRequest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SaslAuthenticateRequest").field("auth_bytes", &Hidden).finish()
    }
}

impl SaslAuthenticateRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.auth_bytes = p::bytes(r, flex)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.bytes(&self.auth_bytes, flex);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for SaslAuthenticateRequest {
    const KEY: ApiKey = ApiKey::SaslAuthenticate;
    const NAME: &'static str = "SaslAuthenticateRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for SaslAuthenticateRequest {
    type Response = SaslAuthenticateResponse;
}

/// The `SaslAuthenticate` response (key 36), versions 0 to 2, flexible from 2.
#[derive(Clone, PartialEq, Default)]
pub struct SaslAuthenticateResponse {
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub auth_bytes: Bytes,
    /// Since version 1.
    pub session_lifetime_ms: i64,
}

impl core::fmt::Debug for SaslAuthenticateResponse {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("SaslAuthenticateResponse")
            .field("error_code", &self.error_code)
            .field("error_message", &self.error_message)
            .field("auth_bytes", &Hidden)
            .field("session_lifetime_ms", &self.session_lifetime_ms)
            .finish()
    }
}

impl SaslAuthenticateResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, flex, true)?;
        m.auth_bytes = p::bytes(r, flex)?;
        if v >= 1 {
            m.session_lifetime_ms = r.i64()?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i16(self.error_code);
        w.opt_str(&self.error_message, flex, true);
        w.bytes(&self.auth_bytes, flex);
        if v >= 1 {
            w.i64(self.session_lifetime_ms);
        }
        if flex {
            w.no_tags();
        }
    }
}

impl Message for SaslAuthenticateResponse {
    const KEY: ApiKey = ApiKey::SaslAuthenticate;
    const NAME: &'static str = "SaslAuthenticateResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `DescribeAcls` request (key 29), versions 0 to 3, flexible from 2.
#[derive(Clone, PartialEq, Debug)]
pub struct DescribeAclsRequest {
    pub resource_type_filter: i8,
    pub resource_name_filter: Option<Str>,
    /// Since version 1.
    pub pattern_type_filter: i8,
    pub principal_filter: Option<Str>,
    pub host_filter: Option<Str>,
    pub operation: i8,
    pub permission_type: i8,
}

impl Default for DescribeAclsRequest {
    fn default() -> Self {
        Self {
            resource_type_filter: Default::default(),
            resource_name_filter: Default::default(),
            pattern_type_filter: 3,
            principal_filter: Default::default(),
            host_filter: Default::default(),
            operation: Default::default(),
            permission_type: Default::default(),
        }
    }
}

impl DescribeAclsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.resource_type_filter = r.i8()?;
        m.resource_name_filter = p::opt_str(r, flex, true)?;
        if v >= 1 {
            m.pattern_type_filter = r.i8()?;
        }
        m.principal_filter = p::opt_str(r, flex, true)?;
        m.host_filter = p::opt_str(r, flex, true)?;
        m.operation = r.i8()?;
        m.permission_type = r.i8()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i8(self.resource_type_filter);
        w.opt_str(&self.resource_name_filter, flex, true);
        if v >= 1 {
            w.i8(self.pattern_type_filter);
        }
        w.opt_str(&self.principal_filter, flex, true);
        w.opt_str(&self.host_filter, flex, true);
        w.i8(self.operation);
        w.i8(self.permission_type);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for DescribeAclsRequest {
    const KEY: ApiKey = ApiKey::DescribeAcls;
    const NAME: &'static str = "DescribeAclsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=3;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for DescribeAclsRequest {
    type Response = DescribeAclsResponse;
}

/// The `DescribeAcls` response (key 29), versions 0 to 3, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeAclsResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub resources: Vec<DescribeAclsResponseResources>,
}

impl DescribeAclsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, flex, true)?;
        m.resources = p::array(r, flex, 3, v, DescribeAclsResponseResources::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i32(self.throttle_time_ms);
        w.i16(self.error_code);
        w.opt_str(&self.error_message, flex, true);
        w.array(&self.resources, flex, v, DescribeAclsResponseResources::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `resources` of [`DescribeAclsResponse`].
#[derive(Clone, PartialEq, Debug)]
pub struct DescribeAclsResponseResources {
    pub resource_type: i8,
    pub resource_name: Str,
    /// Since version 1.
    pub pattern_type: i8,
    pub acls: Vec<DescribeAclsResponseAcls>,
}

impl Default for DescribeAclsResponseResources {
    fn default() -> Self {
        Self {
            resource_type: Default::default(),
            resource_name: Default::default(),
            pattern_type: 3,
            acls: Default::default(),
        }
    }
}

impl DescribeAclsResponseResources {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.resource_type = r.i8()?;
        m.resource_name = p::str(r, flex)?;
        if v >= 1 {
            m.pattern_type = r.i8()?;
        }
        m.acls = p::array(r, flex, 4, v, DescribeAclsResponseAcls::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i8(self.resource_type);
        w.str(&self.resource_name, flex);
        if v >= 1 {
            w.i8(self.pattern_type);
        }
        w.array(&self.acls, flex, v, DescribeAclsResponseAcls::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `resources.acls` of [`DescribeAclsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeAclsResponseAcls {
    pub principal: Str,
    pub host: Str,
    pub operation: i8,
    pub permission_type: i8,
}

impl DescribeAclsResponseAcls {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.principal = p::str(r, flex)?;
        m.host = p::str(r, flex)?;
        m.operation = r.i8()?;
        m.permission_type = r.i8()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.str(&self.principal, flex);
        w.str(&self.host, flex);
        w.i8(self.operation);
        w.i8(self.permission_type);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for DescribeAclsResponse {
    const KEY: ApiKey = ApiKey::DescribeAcls;
    const NAME: &'static str = "DescribeAclsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=3;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `CreateAcls` request (key 30), versions 0 to 3, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CreateAclsRequest {
    pub creations: Vec<CreateAclsRequestCreations>,
}

impl CreateAclsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.creations = p::array(r, flex, 6, v, CreateAclsRequestCreations::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.array(&self.creations, flex, v, CreateAclsRequestCreations::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `creations` of [`CreateAclsRequest`].
#[derive(Clone, PartialEq, Debug)]
pub struct CreateAclsRequestCreations {
    pub resource_type: i8,
    pub resource_name: Str,
    /// Since version 1.
    pub resource_pattern_type: i8,
    pub principal: Str,
    pub host: Str,
    pub operation: i8,
    pub permission_type: i8,
}

impl Default for CreateAclsRequestCreations {
    fn default() -> Self {
        Self {
            resource_type: Default::default(),
            resource_name: Default::default(),
            resource_pattern_type: 3,
            principal: Default::default(),
            host: Default::default(),
            operation: Default::default(),
            permission_type: Default::default(),
        }
    }
}

impl CreateAclsRequestCreations {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.resource_type = r.i8()?;
        m.resource_name = p::str(r, flex)?;
        if v >= 1 {
            m.resource_pattern_type = r.i8()?;
        }
        m.principal = p::str(r, flex)?;
        m.host = p::str(r, flex)?;
        m.operation = r.i8()?;
        m.permission_type = r.i8()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i8(self.resource_type);
        w.str(&self.resource_name, flex);
        if v >= 1 {
            w.i8(self.resource_pattern_type);
        }
        w.str(&self.principal, flex);
        w.str(&self.host, flex);
        w.i8(self.operation);
        w.i8(self.permission_type);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for CreateAclsRequest {
    const KEY: ApiKey = ApiKey::CreateAcls;
    const NAME: &'static str = "CreateAclsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=3;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for CreateAclsRequest {
    type Response = CreateAclsResponse;
}

/// The `CreateAcls` response (key 30), versions 0 to 3, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CreateAclsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<CreateAclsResponseResults>,
}

impl CreateAclsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.results = p::array(r, flex, 3, v, CreateAclsResponseResults::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i32(self.throttle_time_ms);
        w.array(&self.results, flex, v, CreateAclsResponseResults::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `results` of [`CreateAclsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CreateAclsResponseResults {
    pub error_code: i16,
    pub error_message: Option<Str>,
}

impl CreateAclsResponseResults {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, flex, true)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i16(self.error_code);
        w.opt_str(&self.error_message, flex, true);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for CreateAclsResponse {
    const KEY: ApiKey = ApiKey::CreateAcls;
    const NAME: &'static str = "CreateAclsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=3;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `DeleteAcls` request (key 31), versions 0 to 3, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DeleteAclsRequest {
    pub filters: Vec<DeleteAclsRequestFilters>,
}

impl DeleteAclsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.filters = p::array(r, flex, 6, v, DeleteAclsRequestFilters::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.array(&self.filters, flex, v, DeleteAclsRequestFilters::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `filters` of [`DeleteAclsRequest`].
#[derive(Clone, PartialEq, Debug)]
pub struct DeleteAclsRequestFilters {
    pub resource_type_filter: i8,
    pub resource_name_filter: Option<Str>,
    /// Since version 1.
    pub pattern_type_filter: i8,
    pub principal_filter: Option<Str>,
    pub host_filter: Option<Str>,
    pub operation: i8,
    pub permission_type: i8,
}

impl Default for DeleteAclsRequestFilters {
    fn default() -> Self {
        Self {
            resource_type_filter: Default::default(),
            resource_name_filter: Default::default(),
            pattern_type_filter: 3,
            principal_filter: Default::default(),
            host_filter: Default::default(),
            operation: Default::default(),
            permission_type: Default::default(),
        }
    }
}

impl DeleteAclsRequestFilters {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.resource_type_filter = r.i8()?;
        m.resource_name_filter = p::opt_str(r, flex, true)?;
        if v >= 1 {
            m.pattern_type_filter = r.i8()?;
        }
        m.principal_filter = p::opt_str(r, flex, true)?;
        m.host_filter = p::opt_str(r, flex, true)?;
        m.operation = r.i8()?;
        m.permission_type = r.i8()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i8(self.resource_type_filter);
        w.opt_str(&self.resource_name_filter, flex, true);
        if v >= 1 {
            w.i8(self.pattern_type_filter);
        }
        w.opt_str(&self.principal_filter, flex, true);
        w.opt_str(&self.host_filter, flex, true);
        w.i8(self.operation);
        w.i8(self.permission_type);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for DeleteAclsRequest {
    const KEY: ApiKey = ApiKey::DeleteAcls;
    const NAME: &'static str = "DeleteAclsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=3;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for DeleteAclsRequest {
    type Response = DeleteAclsResponse;
}

/// The `DeleteAcls` response (key 31), versions 0 to 3, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DeleteAclsResponse {
    pub throttle_time_ms: i32,
    pub filter_results: Vec<DeleteAclsResponseFilterResults>,
}

impl DeleteAclsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.filter_results = p::array(r, flex, 4, v, DeleteAclsResponseFilterResults::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i32(self.throttle_time_ms);
        w.array(&self.filter_results, flex, v, DeleteAclsResponseFilterResults::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `filter_results` of [`DeleteAclsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DeleteAclsResponseFilterResults {
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub matching_acls: Vec<DeleteAclsResponseMatchingAcls>,
}

impl DeleteAclsResponseFilterResults {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, flex, true)?;
        m.matching_acls = p::array(r, flex, 9, v, DeleteAclsResponseMatchingAcls::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i16(self.error_code);
        w.opt_str(&self.error_message, flex, true);
        w.array(&self.matching_acls, flex, v, DeleteAclsResponseMatchingAcls::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `filter_results.matching_acls` of [`DeleteAclsResponse`].
#[derive(Clone, PartialEq, Debug)]
pub struct DeleteAclsResponseMatchingAcls {
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub resource_type: i8,
    pub resource_name: Str,
    /// Since version 1.
    pub pattern_type: i8,
    pub principal: Str,
    pub host: Str,
    pub operation: i8,
    pub permission_type: i8,
}

impl Default for DeleteAclsResponseMatchingAcls {
    fn default() -> Self {
        Self {
            error_code: Default::default(),
            error_message: Default::default(),
            resource_type: Default::default(),
            resource_name: Default::default(),
            pattern_type: 3,
            principal: Default::default(),
            host: Default::default(),
            operation: Default::default(),
            permission_type: Default::default(),
        }
    }
}

impl DeleteAclsResponseMatchingAcls {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, flex, true)?;
        m.resource_type = r.i8()?;
        m.resource_name = p::str(r, flex)?;
        if v >= 1 {
            m.pattern_type = r.i8()?;
        }
        m.principal = p::str(r, flex)?;
        m.host = p::str(r, flex)?;
        m.operation = r.i8()?;
        m.permission_type = r.i8()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i16(self.error_code);
        w.opt_str(&self.error_message, flex, true);
        w.i8(self.resource_type);
        w.str(&self.resource_name, flex);
        if v >= 1 {
            w.i8(self.pattern_type);
        }
        w.str(&self.principal, flex);
        w.str(&self.host, flex);
        w.i8(self.operation);
        w.i8(self.permission_type);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for DeleteAclsResponse {
    const KEY: ApiKey = ApiKey::DeleteAcls;
    const NAME: &'static str = "DeleteAclsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=3;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `CreateDelegationToken` request (key 38), versions 0 to 3, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CreateDelegationTokenRequest {
    /// Version 3 only.
    pub owner_principal_type: Option<Str>,
    /// Version 3 only.
    pub owner_principal_name: Option<Str>,
    pub renewers: Vec<CreateDelegationTokenRequestRenewers>,
    pub max_lifetime_ms: i64,
}

impl CreateDelegationTokenRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        if v == 3 {
            m.owner_principal_type = p::opt_str(r, flex, true)?;
        }
        if v == 3 {
            m.owner_principal_name = p::opt_str(r, flex, true)?;
        }
        m.renewers = p::array(r, flex, 2, v, CreateDelegationTokenRequestRenewers::read)?;
        m.max_lifetime_ms = r.i64()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        if v == 3 {
            w.opt_str(&self.owner_principal_type, flex, true);
        }
        if v == 3 {
            w.opt_str(&self.owner_principal_name, flex, true);
        }
        w.array(&self.renewers, flex, v, CreateDelegationTokenRequestRenewers::write);
        w.i64(self.max_lifetime_ms);
        if flex {
            w.no_tags();
        }
    }
}

/// `renewers` of [`CreateDelegationTokenRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct CreateDelegationTokenRequestRenewers {
    pub principal_type: Str,
    pub principal_name: Str,
}

impl CreateDelegationTokenRequestRenewers {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.principal_type = p::str(r, flex)?;
        m.principal_name = p::str(r, flex)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.str(&self.principal_type, flex);
        w.str(&self.principal_name, flex);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for CreateDelegationTokenRequest {
    const KEY: ApiKey = ApiKey::CreateDelegationToken;
    const NAME: &'static str = "CreateDelegationTokenRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=3;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for CreateDelegationTokenRequest {
    type Response = CreateDelegationTokenResponse;
}

/// The `CreateDelegationToken` response (key 38), versions 0 to 3, flexible from 2.
#[derive(Clone, PartialEq, Default)]
pub struct CreateDelegationTokenResponse {
    pub error_code: i16,
    pub principal_type: Str,
    pub principal_name: Str,
    /// Version 3 only.
    pub token_requester_principal_type: Str,
    /// Version 3 only.
    pub token_requester_principal_name: Str,
    pub issue_timestamp_ms: i64,
    pub expiry_timestamp_ms: i64,
    pub max_timestamp_ms: i64,
    pub token_id: Str,
    pub hmac: Bytes,
    pub throttle_time_ms: i32,
}

impl core::fmt::Debug for CreateDelegationTokenResponse {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("CreateDelegationTokenResponse")
            .field("error_code", &self.error_code)
            .field("principal_type", &self.principal_type)
            .field("principal_name", &self.principal_name)
            .field("token_requester_principal_type", &self.token_requester_principal_type)
            .field("token_requester_principal_name", &self.token_requester_principal_name)
            .field("issue_timestamp_ms", &self.issue_timestamp_ms)
            .field("expiry_timestamp_ms", &self.expiry_timestamp_ms)
            .field("max_timestamp_ms", &self.max_timestamp_ms)
            .field("token_id", &self.token_id)
            .field("hmac", &Hidden)
            .field("throttle_time_ms", &self.throttle_time_ms)
            .finish()
    }
}

impl CreateDelegationTokenResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.principal_type = p::str(r, flex)?;
        m.principal_name = p::str(r, flex)?;
        if v == 3 {
            m.token_requester_principal_type = p::str(r, flex)?;
        }
        if v == 3 {
            m.token_requester_principal_name = p::str(r, flex)?;
        }
        m.issue_timestamp_ms = r.i64()?;
        m.expiry_timestamp_ms = r.i64()?;
        m.max_timestamp_ms = r.i64()?;
        m.token_id = p::str(r, flex)?;
        m.hmac = p::bytes(r, flex)?;
        m.throttle_time_ms = r.i32()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i16(self.error_code);
        w.str(&self.principal_type, flex);
        w.str(&self.principal_name, flex);
        if v == 3 {
            w.str(&self.token_requester_principal_type, flex);
        }
        if v == 3 {
            w.str(&self.token_requester_principal_name, flex);
        }
        w.i64(self.issue_timestamp_ms);
        w.i64(self.expiry_timestamp_ms);
        w.i64(self.max_timestamp_ms);
        w.str(&self.token_id, flex);
        w.bytes(&self.hmac, flex);
        w.i32(self.throttle_time_ms);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for CreateDelegationTokenResponse {
    const KEY: ApiKey = ApiKey::CreateDelegationToken;
    const NAME: &'static str = "CreateDelegationTokenResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=3;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `RenewDelegationToken` request (key 39), versions 0 to 2, flexible from 2.
#[derive(Clone, PartialEq, Default)]
pub struct RenewDelegationTokenRequest {
    pub hmac: Bytes,
    pub renew_period_ms: i64,
}

impl core::fmt::Debug for RenewDelegationTokenRequest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("RenewDelegationTokenRequest")
            .field("hmac", &Hidden)
            .field("renew_period_ms", &self.renew_period_ms)
            .finish()
    }
}

impl RenewDelegationTokenRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.hmac = p::bytes(r, flex)?;
        m.renew_period_ms = r.i64()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.bytes(&self.hmac, flex);
        w.i64(self.renew_period_ms);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for RenewDelegationTokenRequest {
    const KEY: ApiKey = ApiKey::RenewDelegationToken;
    const NAME: &'static str = "RenewDelegationTokenRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for RenewDelegationTokenRequest {
    type Response = RenewDelegationTokenResponse;
}

/// The `RenewDelegationToken` response (key 39), versions 0 to 2, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct RenewDelegationTokenResponse {
    pub error_code: i16,
    pub expiry_timestamp_ms: i64,
    pub throttle_time_ms: i32,
}

impl RenewDelegationTokenResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.expiry_timestamp_ms = r.i64()?;
        m.throttle_time_ms = r.i32()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i16(self.error_code);
        w.i64(self.expiry_timestamp_ms);
        w.i32(self.throttle_time_ms);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for RenewDelegationTokenResponse {
    const KEY: ApiKey = ApiKey::RenewDelegationToken;
    const NAME: &'static str = "RenewDelegationTokenResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `ExpireDelegationToken` request (key 40), versions 0 to 2, flexible from 2.
#[derive(Clone, PartialEq, Default)]
pub struct ExpireDelegationTokenRequest {
    pub hmac: Bytes,
    pub expiry_time_period_ms: i64,
}

impl core::fmt::Debug for ExpireDelegationTokenRequest {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ExpireDelegationTokenRequest")
            .field("hmac", &Hidden)
            .field("expiry_time_period_ms", &self.expiry_time_period_ms)
            .finish()
    }
}

impl ExpireDelegationTokenRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.hmac = p::bytes(r, flex)?;
        m.expiry_time_period_ms = r.i64()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.bytes(&self.hmac, flex);
        w.i64(self.expiry_time_period_ms);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for ExpireDelegationTokenRequest {
    const KEY: ApiKey = ApiKey::ExpireDelegationToken;
    const NAME: &'static str = "ExpireDelegationTokenRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for ExpireDelegationTokenRequest {
    type Response = ExpireDelegationTokenResponse;
}

/// The `ExpireDelegationToken` response (key 40), versions 0 to 2, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ExpireDelegationTokenResponse {
    pub error_code: i16,
    pub expiry_timestamp_ms: i64,
    pub throttle_time_ms: i32,
}

impl ExpireDelegationTokenResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.expiry_timestamp_ms = r.i64()?;
        m.throttle_time_ms = r.i32()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i16(self.error_code);
        w.i64(self.expiry_timestamp_ms);
        w.i32(self.throttle_time_ms);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for ExpireDelegationTokenResponse {
    const KEY: ApiKey = ApiKey::ExpireDelegationToken;
    const NAME: &'static str = "ExpireDelegationTokenResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `DescribeDelegationToken` request (key 41), versions 0 to 3, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeDelegationTokenRequest {
    pub owners: Option<Vec<DescribeDelegationTokenRequestOwners>>,
}

impl DescribeDelegationTokenRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.owners = p::opt_array(r, flex, true, 2, v, DescribeDelegationTokenRequestOwners::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.opt_array(&self.owners, flex, true, v, DescribeDelegationTokenRequestOwners::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `owners` of [`DescribeDelegationTokenRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeDelegationTokenRequestOwners {
    pub principal_type: Str,
    pub principal_name: Str,
}

impl DescribeDelegationTokenRequestOwners {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.principal_type = p::str(r, flex)?;
        m.principal_name = p::str(r, flex)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.str(&self.principal_type, flex);
        w.str(&self.principal_name, flex);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for DescribeDelegationTokenRequest {
    const KEY: ApiKey = ApiKey::DescribeDelegationToken;
    const NAME: &'static str = "DescribeDelegationTokenRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=3;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for DescribeDelegationTokenRequest {
    type Response = DescribeDelegationTokenResponse;
}

/// The `DescribeDelegationToken` response (key 41), versions 0 to 3, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeDelegationTokenResponse {
    pub error_code: i16,
    pub tokens: Vec<DescribeDelegationTokenResponseTokens>,
    pub throttle_time_ms: i32,
}

impl DescribeDelegationTokenResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.tokens = p::array(r, flex, 29, v, DescribeDelegationTokenResponseTokens::read)?;
        m.throttle_time_ms = r.i32()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i16(self.error_code);
        w.array(&self.tokens, flex, v, DescribeDelegationTokenResponseTokens::write);
        w.i32(self.throttle_time_ms);
        if flex {
            w.no_tags();
        }
    }
}

/// `tokens` of [`DescribeDelegationTokenResponse`].
#[derive(Clone, PartialEq, Default)]
pub struct DescribeDelegationTokenResponseTokens {
    pub principal_type: Str,
    pub principal_name: Str,
    /// Version 3 only.
    pub token_requester_principal_type: Str,
    /// Version 3 only.
    pub token_requester_principal_name: Str,
    pub issue_timestamp: i64,
    pub expiry_timestamp: i64,
    pub max_timestamp: i64,
    pub token_id: Str,
    pub hmac: Bytes,
    pub renewers: Vec<DescribeDelegationTokenResponseRenewers>,
}

impl core::fmt::Debug for DescribeDelegationTokenResponseTokens {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("DescribeDelegationTokenResponseTokens")
            .field("principal_type", &self.principal_type)
            .field("principal_name", &self.principal_name)
            .field("token_requester_principal_type", &self.token_requester_principal_type)
            .field("token_requester_principal_name", &self.token_requester_principal_name)
            .field("issue_timestamp", &self.issue_timestamp)
            .field("expiry_timestamp", &self.expiry_timestamp)
            .field("max_timestamp", &self.max_timestamp)
            .field("token_id", &self.token_id)
            .field("hmac", &Hidden)
            .field("renewers", &self.renewers)
            .finish()
    }
}

impl DescribeDelegationTokenResponseTokens {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.principal_type = p::str(r, flex)?;
        m.principal_name = p::str(r, flex)?;
        if v == 3 {
            m.token_requester_principal_type = p::str(r, flex)?;
        }
        if v == 3 {
            m.token_requester_principal_name = p::str(r, flex)?;
        }
        m.issue_timestamp = r.i64()?;
        m.expiry_timestamp = r.i64()?;
        m.max_timestamp = r.i64()?;
        m.token_id = p::str(r, flex)?;
        m.hmac = p::bytes(r, flex)?;
        m.renewers = p::array(r, flex, 2, v, DescribeDelegationTokenResponseRenewers::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.str(&self.principal_type, flex);
        w.str(&self.principal_name, flex);
        if v == 3 {
            w.str(&self.token_requester_principal_type, flex);
        }
        if v == 3 {
            w.str(&self.token_requester_principal_name, flex);
        }
        w.i64(self.issue_timestamp);
        w.i64(self.expiry_timestamp);
        w.i64(self.max_timestamp);
        w.str(&self.token_id, flex);
        w.bytes(&self.hmac, flex);
        w.array(&self.renewers, flex, v, DescribeDelegationTokenResponseRenewers::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `tokens.renewers` of [`DescribeDelegationTokenResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeDelegationTokenResponseRenewers {
    pub principal_type: Str,
    pub principal_name: Str,
}

impl DescribeDelegationTokenResponseRenewers {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.principal_type = p::str(r, flex)?;
        m.principal_name = p::str(r, flex)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.str(&self.principal_type, flex);
        w.str(&self.principal_name, flex);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for DescribeDelegationTokenResponse {
    const KEY: ApiKey = ApiKey::DescribeDelegationToken;
    const NAME: &'static str = "DescribeDelegationTokenResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=3;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `DescribeUserScramCredentials` request (key 50), version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeUserScramCredentialsRequest {
    pub users: Option<Vec<DescribeUserScramCredentialsRequestUsers>>,
}

impl DescribeUserScramCredentialsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.users = p::opt_array(r, true, true, 1, v, DescribeUserScramCredentialsRequestUsers::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.opt_array(&self.users, true, true, v, DescribeUserScramCredentialsRequestUsers::write);
        w.no_tags();
    }
}

/// `users` of [`DescribeUserScramCredentialsRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeUserScramCredentialsRequestUsers {
    pub name: Str,
}

impl DescribeUserScramCredentialsRequestUsers {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.name = p::str(r, true)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.name, true);
        w.no_tags();
    }
}

impl Message for DescribeUserScramCredentialsRequest {
    const KEY: ApiKey = ApiKey::DescribeUserScramCredentials;
    const NAME: &'static str = "DescribeUserScramCredentialsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for DescribeUserScramCredentialsRequest {
    type Response = DescribeUserScramCredentialsResponse;
}

/// The `DescribeUserScramCredentials` response (key 50), version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeUserScramCredentialsResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub results: Vec<DescribeUserScramCredentialsResponseResults>,
}

impl DescribeUserScramCredentialsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, true, true)?;
        m.results = p::array(r, true, 5, v, DescribeUserScramCredentialsResponseResults::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.throttle_time_ms);
        w.i16(self.error_code);
        w.opt_str(&self.error_message, true, true);
        w.array(&self.results, true, v, DescribeUserScramCredentialsResponseResults::write);
        w.no_tags();
    }
}

/// `results` of [`DescribeUserScramCredentialsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeUserScramCredentialsResponseResults {
    pub user: Str,
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub credential_infos: Vec<DescribeUserScramCredentialsResponseCredentialInfos>,
}

impl DescribeUserScramCredentialsResponseResults {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.user = p::str(r, true)?;
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, true, true)?;
        m.credential_infos = p::array(r, true, 5, v, DescribeUserScramCredentialsResponseCredentialInfos::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.user, true);
        w.i16(self.error_code);
        w.opt_str(&self.error_message, true, true);
        w.array(&self.credential_infos, true, v, DescribeUserScramCredentialsResponseCredentialInfos::write);
        w.no_tags();
    }
}

/// `results.credential_infos` of [`DescribeUserScramCredentialsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeUserScramCredentialsResponseCredentialInfos {
    pub mechanism: i8,
    pub iterations: i32,
}

impl DescribeUserScramCredentialsResponseCredentialInfos {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.mechanism = r.i8()?;
        m.iterations = r.i32()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i8(self.mechanism);
        w.i32(self.iterations);
        w.no_tags();
    }
}

impl Message for DescribeUserScramCredentialsResponse {
    const KEY: ApiKey = ApiKey::DescribeUserScramCredentials;
    const NAME: &'static str = "DescribeUserScramCredentialsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `AlterUserScramCredentials` request (key 51), version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterUserScramCredentialsRequest {
    pub deletions: Vec<AlterUserScramCredentialsRequestDeletions>,
    pub upsertions: Vec<AlterUserScramCredentialsRequestUpsertions>,
}

impl AlterUserScramCredentialsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.deletions = p::array(r, true, 2, v, AlterUserScramCredentialsRequestDeletions::read)?;
        m.upsertions = p::array(r, true, 8, v, AlterUserScramCredentialsRequestUpsertions::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.array(&self.deletions, true, v, AlterUserScramCredentialsRequestDeletions::write);
        w.array(&self.upsertions, true, v, AlterUserScramCredentialsRequestUpsertions::write);
        w.no_tags();
    }
}

/// `deletions` of [`AlterUserScramCredentialsRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterUserScramCredentialsRequestDeletions {
    pub name: Str,
    pub mechanism: i8,
}

impl AlterUserScramCredentialsRequestDeletions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.name = p::str(r, true)?;
        m.mechanism = r.i8()?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.name, true);
        w.i8(self.mechanism);
        w.no_tags();
    }
}

/// `upsertions` of [`AlterUserScramCredentialsRequest`].
#[derive(Clone, PartialEq, Default)]
pub struct AlterUserScramCredentialsRequestUpsertions {
    pub name: Str,
    pub mechanism: i8,
    pub iterations: i32,
    pub salt: Bytes,
    pub salted_password: Bytes,
}

impl core::fmt::Debug for AlterUserScramCredentialsRequestUpsertions {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("AlterUserScramCredentialsRequestUpsertions")
            .field("name", &self.name)
            .field("mechanism", &self.mechanism)
            .field("iterations", &self.iterations)
            .field("salt", &Hidden)
            .field("salted_password", &Hidden)
            .finish()
    }
}

impl AlterUserScramCredentialsRequestUpsertions {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.name = p::str(r, true)?;
        m.mechanism = r.i8()?;
        m.iterations = r.i32()?;
        m.salt = p::bytes(r, true)?;
        m.salted_password = p::bytes(r, true)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.name, true);
        w.i8(self.mechanism);
        w.i32(self.iterations);
        w.bytes(&self.salt, true);
        w.bytes(&self.salted_password, true);
        w.no_tags();
    }
}

impl Message for AlterUserScramCredentialsRequest {
    const KEY: ApiKey = ApiKey::AlterUserScramCredentials;
    const NAME: &'static str = "AlterUserScramCredentialsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for AlterUserScramCredentialsRequest {
    type Response = AlterUserScramCredentialsResponse;
}

/// The `AlterUserScramCredentials` response (key 51), version 0, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterUserScramCredentialsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<AlterUserScramCredentialsResponseResults>,
}

impl AlterUserScramCredentialsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.results = p::array(r, true, 4, v, AlterUserScramCredentialsResponseResults::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.throttle_time_ms);
        w.array(&self.results, true, v, AlterUserScramCredentialsResponseResults::write);
        w.no_tags();
    }
}

/// `results` of [`AlterUserScramCredentialsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterUserScramCredentialsResponseResults {
    pub user: Str,
    pub error_code: i16,
    pub error_message: Option<Str>,
}

impl AlterUserScramCredentialsResponseResults {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.user = p::str(r, true)?;
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, true, true)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.user, true);
        w.i16(self.error_code);
        w.opt_str(&self.error_message, true, true);
        w.no_tags();
    }
}

impl Message for AlterUserScramCredentialsResponse {
    const KEY: ApiKey = ApiKey::AlterUserScramCredentials;
    const NAME: &'static str = "AlterUserScramCredentialsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=0;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}
