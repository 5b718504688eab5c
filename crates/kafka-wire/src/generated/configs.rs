//! Configuration, quotas and features.
//!
//! Generated from `schema/configs.schema` by `cargo xtask codegen`.

use super::prelude::*;

/// The `DescribeConfigs` request (key 32), versions 0 to 4, flexible from 4.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeConfigsRequest {
    pub resources: Vec<DescribeConfigsRequestResources>,
    /// Since version 1.
    pub include_synonyms: bool,
    /// Since version 3.
    pub include_documentation: bool,
}

impl DescribeConfigsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.resources = p::array(r, flex, 3, v, DescribeConfigsRequestResources::read)?;
        if v >= 1 {
            m.include_synonyms = r.bool()?;
        }
        if v >= 3 {
            m.include_documentation = r.bool()?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.array(&self.resources, flex, v, DescribeConfigsRequestResources::write);
        if v >= 1 {
            w.bool(self.include_synonyms);
        }
        if v >= 3 {
            w.bool(self.include_documentation);
        }
        if flex {
            w.no_tags();
        }
    }
}

/// `resources` of [`DescribeConfigsRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeConfigsRequestResources {
    pub resource_type: i8,
    pub resource_name: Str,
    pub configuration_keys: Option<Vec<Str>>,
}

impl DescribeConfigsRequestResources {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.resource_type = r.i8()?;
        m.resource_name = p::str(r, flex)?;
        m.configuration_keys = p::opt_strs(r, flex, true)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.i8(self.resource_type);
        w.str(&self.resource_name, flex);
        w.opt_strs(&self.configuration_keys, flex, true);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for DescribeConfigsRequest {
    const KEY: ApiKey = ApiKey::DescribeConfigs;
    const NAME: &'static str = "DescribeConfigsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    const FLEXIBLE: Option<i16> = Some(4);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for DescribeConfigsRequest {
    type Response = DescribeConfigsResponse;
}

/// The `DescribeConfigs` response (key 32), versions 0 to 4, flexible from 4.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeConfigsResponse {
    pub throttle_time_ms: i32,
    pub results: Vec<DescribeConfigsResponseResults>,
}

impl DescribeConfigsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.results = p::array(r, flex, 6, v, DescribeConfigsResponseResults::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.i32(self.throttle_time_ms);
        w.array(&self.results, flex, v, DescribeConfigsResponseResults::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `results` of [`DescribeConfigsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeConfigsResponseResults {
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub resource_type: i8,
    pub resource_name: Str,
    pub configs: Vec<DescribeConfigsResponseConfigs>,
}

impl DescribeConfigsResponseResults {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, flex, true)?;
        m.resource_type = r.i8()?;
        m.resource_name = p::str(r, flex)?;
        m.configs = p::array(r, flex, 4, v, DescribeConfigsResponseConfigs::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.i16(self.error_code);
        w.opt_str(&self.error_message, flex, true);
        w.i8(self.resource_type);
        w.str(&self.resource_name, flex);
        w.array(&self.configs, flex, v, DescribeConfigsResponseConfigs::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `results.configs` of [`DescribeConfigsResponse`].
#[derive(Clone, PartialEq, Debug)]
pub struct DescribeConfigsResponseConfigs {
    pub name: Str,
    pub value: Option<Str>,
    pub read_only: bool,
    /// Version 0 only.
    pub is_default: bool,
    /// Since version 1.
    pub config_source: i8,
    pub is_sensitive: bool,
    /// Since version 1.
    pub synonyms: Vec<DescribeConfigsResponseSynonyms>,
    /// Since version 3.
    pub config_type: i8,
    /// Since version 3.
    pub documentation: Option<Str>,
}

impl Default for DescribeConfigsResponseConfigs {
    fn default() -> Self {
        Self {
            name: Default::default(),
            value: Default::default(),
            read_only: Default::default(),
            is_default: Default::default(),
            config_source: -1,
            is_sensitive: Default::default(),
            synonyms: Default::default(),
            config_type: Default::default(),
            documentation: Default::default(),
        }
    }
}

impl DescribeConfigsResponseConfigs {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.value = p::opt_str(r, flex, true)?;
        m.read_only = r.bool()?;
        if v == 0 {
            m.is_default = r.bool()?;
        }
        if v >= 1 {
            m.config_source = r.i8()?;
        }
        m.is_sensitive = r.bool()?;
        if v >= 1 {
            m.synonyms = p::array(r, flex, 3, v, DescribeConfigsResponseSynonyms::read)?;
        }
        if v >= 3 {
            m.config_type = r.i8()?;
        }
        if v >= 3 {
            m.documentation = p::opt_str(r, flex, true)?;
        }
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.str(&self.name, flex);
        w.opt_str(&self.value, flex, true);
        w.bool(self.read_only);
        if v == 0 {
            w.bool(self.is_default);
        }
        if v >= 1 {
            w.i8(self.config_source);
        }
        w.bool(self.is_sensitive);
        if v >= 1 {
            w.array(&self.synonyms, flex, v, DescribeConfigsResponseSynonyms::write);
        }
        if v >= 3 {
            w.i8(self.config_type);
        }
        if v >= 3 {
            w.opt_str(&self.documentation, flex, true);
        }
        if flex {
            w.no_tags();
        }
    }
}

/// `results.configs.synonyms` of [`DescribeConfigsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeConfigsResponseSynonyms {
    pub name: Str,
    pub value: Option<Str>,
    pub source: i8,
}

impl DescribeConfigsResponseSynonyms {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 4;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.value = p::opt_str(r, flex, true)?;
        m.source = r.i8()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 4;
        w.str(&self.name, flex);
        w.opt_str(&self.value, flex, true);
        w.i8(self.source);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for DescribeConfigsResponse {
    const KEY: ApiKey = ApiKey::DescribeConfigs;
    const NAME: &'static str = "DescribeConfigsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=4;
    const FLEXIBLE: Option<i16> = Some(4);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `AlterConfigs` request (key 33), versions 0 to 2, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterConfigsRequest {
    pub resources: Vec<AlterConfigsRequestResources>,
    pub validate_only: bool,
}

impl AlterConfigsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.resources = p::array(r, flex, 3, v, AlterConfigsRequestResources::read)?;
        m.validate_only = r.bool()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.array(&self.resources, flex, v, AlterConfigsRequestResources::write);
        w.bool(self.validate_only);
        if flex {
            w.no_tags();
        }
    }
}

/// `resources` of [`AlterConfigsRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterConfigsRequestResources {
    pub resource_type: i8,
    pub resource_name: Str,
    pub configs: Vec<AlterConfigsRequestConfigs>,
}

impl AlterConfigsRequestResources {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.resource_type = r.i8()?;
        m.resource_name = p::str(r, flex)?;
        m.configs = p::array(r, flex, 2, v, AlterConfigsRequestConfigs::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i8(self.resource_type);
        w.str(&self.resource_name, flex);
        w.array(&self.configs, flex, v, AlterConfigsRequestConfigs::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `resources.configs` of [`AlterConfigsRequest`].
#[derive(Clone, PartialEq, Default)]
pub struct AlterConfigsRequestConfigs {
    pub name: Str,
    pub value: Option<Str>,
}

impl core::fmt::Debug for AlterConfigsRequestConfigs {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("AlterConfigsRequestConfigs").field("name", &self.name).field("value", &Hidden).finish()
    }
}

impl AlterConfigsRequestConfigs {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.value = p::opt_str(r, flex, true)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.str(&self.name, flex);
        w.opt_str(&self.value, flex, true);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for AlterConfigsRequest {
    const KEY: ApiKey = ApiKey::AlterConfigs;
    const NAME: &'static str = "AlterConfigsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for AlterConfigsRequest {
    type Response = AlterConfigsResponse;
}

/// The `AlterConfigs` response (key 33), versions 0 to 2, flexible from 2.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterConfigsResponse {
    pub throttle_time_ms: i32,
    pub responses: Vec<AlterConfigsResponseResponses>,
}

impl AlterConfigsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.responses = p::array(r, flex, 5, v, AlterConfigsResponseResponses::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 2;
        w.i32(self.throttle_time_ms);
        w.array(&self.responses, flex, v, AlterConfigsResponseResponses::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `responses` of [`AlterConfigsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterConfigsResponseResponses {
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub resource_type: i8,
    pub resource_name: Str,
}

impl AlterConfigsResponseResponses {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 2;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, flex, true)?;
        m.resource_type = r.i8()?;
        m.resource_name = p::str(r, flex)?;
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
        if flex {
            w.no_tags();
        }
    }
}

impl Message for AlterConfigsResponse {
    const KEY: ApiKey = ApiKey::AlterConfigs;
    const NAME: &'static str = "AlterConfigsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=2;
    const FLEXIBLE: Option<i16> = Some(2);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `IncrementalAlterConfigs` request (key 44), versions 0 to 1, flexible from 1.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct IncrementalAlterConfigsRequest {
    pub resources: Vec<IncrementalAlterConfigsRequestResources>,
    pub validate_only: bool,
}

impl IncrementalAlterConfigsRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.resources = p::array(r, flex, 3, v, IncrementalAlterConfigsRequestResources::read)?;
        m.validate_only = r.bool()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.array(&self.resources, flex, v, IncrementalAlterConfigsRequestResources::write);
        w.bool(self.validate_only);
        if flex {
            w.no_tags();
        }
    }
}

/// `resources` of [`IncrementalAlterConfigsRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct IncrementalAlterConfigsRequestResources {
    pub resource_type: i8,
    pub resource_name: Str,
    pub configs: Vec<IncrementalAlterConfigsRequestConfigs>,
}

impl IncrementalAlterConfigsRequestResources {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.resource_type = r.i8()?;
        m.resource_name = p::str(r, flex)?;
        m.configs = p::array(r, flex, 3, v, IncrementalAlterConfigsRequestConfigs::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.i8(self.resource_type);
        w.str(&self.resource_name, flex);
        w.array(&self.configs, flex, v, IncrementalAlterConfigsRequestConfigs::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `resources.configs` of [`IncrementalAlterConfigsRequest`].
#[derive(Clone, PartialEq, Default)]
pub struct IncrementalAlterConfigsRequestConfigs {
    pub name: Str,
    pub config_operation: i8,
    pub value: Option<Str>,
}

impl core::fmt::Debug for IncrementalAlterConfigsRequestConfigs {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("IncrementalAlterConfigsRequestConfigs")
            .field("name", &self.name)
            .field("config_operation", &self.config_operation)
            .field("value", &Hidden)
            .finish()
    }
}

impl IncrementalAlterConfigsRequestConfigs {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.name = p::str(r, flex)?;
        m.config_operation = r.i8()?;
        m.value = p::opt_str(r, flex, true)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.str(&self.name, flex);
        w.i8(self.config_operation);
        w.opt_str(&self.value, flex, true);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for IncrementalAlterConfigsRequest {
    const KEY: ApiKey = ApiKey::IncrementalAlterConfigs;
    const NAME: &'static str = "IncrementalAlterConfigsRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    const FLEXIBLE: Option<i16> = Some(1);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for IncrementalAlterConfigsRequest {
    type Response = IncrementalAlterConfigsResponse;
}

/// The `IncrementalAlterConfigs` response (key 44), versions 0 to 1, flexible from 1.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct IncrementalAlterConfigsResponse {
    pub throttle_time_ms: i32,
    pub responses: Vec<IncrementalAlterConfigsResponseResponses>,
}

impl IncrementalAlterConfigsResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.responses = p::array(r, flex, 5, v, IncrementalAlterConfigsResponseResponses::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.i32(self.throttle_time_ms);
        w.array(&self.responses, flex, v, IncrementalAlterConfigsResponseResponses::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `responses` of [`IncrementalAlterConfigsResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct IncrementalAlterConfigsResponseResponses {
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub resource_type: i8,
    pub resource_name: Str,
}

impl IncrementalAlterConfigsResponseResponses {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, flex, true)?;
        m.resource_type = r.i8()?;
        m.resource_name = p::str(r, flex)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.i16(self.error_code);
        w.opt_str(&self.error_message, flex, true);
        w.i8(self.resource_type);
        w.str(&self.resource_name, flex);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for IncrementalAlterConfigsResponse {
    const KEY: ApiKey = ApiKey::IncrementalAlterConfigs;
    const NAME: &'static str = "IncrementalAlterConfigsResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    const FLEXIBLE: Option<i16> = Some(1);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `DescribeClientQuotas` request (key 48), versions 0 to 1, flexible from 1.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeClientQuotasRequest {
    pub components: Vec<DescribeClientQuotasRequestComponents>,
    pub strict: bool,
}

impl DescribeClientQuotasRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.components = p::array(r, flex, 3, v, DescribeClientQuotasRequestComponents::read)?;
        m.strict = r.bool()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.array(&self.components, flex, v, DescribeClientQuotasRequestComponents::write);
        w.bool(self.strict);
        if flex {
            w.no_tags();
        }
    }
}

/// `components` of [`DescribeClientQuotasRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeClientQuotasRequestComponents {
    pub entity_type: Str,
    pub match_type: i8,
    pub match_: Option<Str>,
}

impl DescribeClientQuotasRequestComponents {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.entity_type = p::str(r, flex)?;
        m.match_type = r.i8()?;
        m.match_ = p::opt_str(r, flex, true)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.str(&self.entity_type, flex);
        w.i8(self.match_type);
        w.opt_str(&self.match_, flex, true);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for DescribeClientQuotasRequest {
    const KEY: ApiKey = ApiKey::DescribeClientQuotas;
    const NAME: &'static str = "DescribeClientQuotasRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    const FLEXIBLE: Option<i16> = Some(1);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for DescribeClientQuotasRequest {
    type Response = DescribeClientQuotasResponse;
}

/// The `DescribeClientQuotas` response (key 48), versions 0 to 1, flexible from 1.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeClientQuotasResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub entries: Option<Vec<DescribeClientQuotasResponseEntries>>,
}

impl DescribeClientQuotasResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, flex, true)?;
        m.entries = p::opt_array(r, flex, true, 2, v, DescribeClientQuotasResponseEntries::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.i32(self.throttle_time_ms);
        w.i16(self.error_code);
        w.opt_str(&self.error_message, flex, true);
        w.opt_array(&self.entries, flex, true, v, DescribeClientQuotasResponseEntries::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `entries` of [`DescribeClientQuotasResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeClientQuotasResponseEntries {
    pub entity: Vec<DescribeClientQuotasResponseEntity>,
    pub values: Vec<DescribeClientQuotasResponseValues>,
}

impl DescribeClientQuotasResponseEntries {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.entity = p::array(r, flex, 2, v, DescribeClientQuotasResponseEntity::read)?;
        m.values = p::array(r, flex, 9, v, DescribeClientQuotasResponseValues::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.array(&self.entity, flex, v, DescribeClientQuotasResponseEntity::write);
        w.array(&self.values, flex, v, DescribeClientQuotasResponseValues::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `entries.entity` of [`DescribeClientQuotasResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeClientQuotasResponseEntity {
    pub entity_type: Str,
    pub entity_name: Option<Str>,
}

impl DescribeClientQuotasResponseEntity {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.entity_type = p::str(r, flex)?;
        m.entity_name = p::opt_str(r, flex, true)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.str(&self.entity_type, flex);
        w.opt_str(&self.entity_name, flex, true);
        if flex {
            w.no_tags();
        }
    }
}

/// `entries.values` of [`DescribeClientQuotasResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct DescribeClientQuotasResponseValues {
    pub key: Str,
    pub value: f64,
}

impl DescribeClientQuotasResponseValues {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.key = p::str(r, flex)?;
        m.value = r.f64()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.str(&self.key, flex);
        w.f64(self.value);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for DescribeClientQuotasResponse {
    const KEY: ApiKey = ApiKey::DescribeClientQuotas;
    const NAME: &'static str = "DescribeClientQuotasResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    const FLEXIBLE: Option<i16> = Some(1);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `AlterClientQuotas` request (key 49), versions 0 to 1, flexible from 1.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterClientQuotasRequest {
    pub entries: Vec<AlterClientQuotasRequestEntries>,
    pub validate_only: bool,
}

impl AlterClientQuotasRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.entries = p::array(r, flex, 2, v, AlterClientQuotasRequestEntries::read)?;
        m.validate_only = r.bool()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.array(&self.entries, flex, v, AlterClientQuotasRequestEntries::write);
        w.bool(self.validate_only);
        if flex {
            w.no_tags();
        }
    }
}

/// `entries` of [`AlterClientQuotasRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterClientQuotasRequestEntries {
    pub entity: Vec<AlterClientQuotasRequestEntity>,
    pub ops: Vec<AlterClientQuotasRequestOps>,
}

impl AlterClientQuotasRequestEntries {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.entity = p::array(r, flex, 2, v, AlterClientQuotasRequestEntity::read)?;
        m.ops = p::array(r, flex, 10, v, AlterClientQuotasRequestOps::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.array(&self.entity, flex, v, AlterClientQuotasRequestEntity::write);
        w.array(&self.ops, flex, v, AlterClientQuotasRequestOps::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `entries.entity` of [`AlterClientQuotasRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterClientQuotasRequestEntity {
    pub entity_type: Str,
    pub entity_name: Option<Str>,
}

impl AlterClientQuotasRequestEntity {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.entity_type = p::str(r, flex)?;
        m.entity_name = p::opt_str(r, flex, true)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.str(&self.entity_type, flex);
        w.opt_str(&self.entity_name, flex, true);
        if flex {
            w.no_tags();
        }
    }
}

/// `entries.ops` of [`AlterClientQuotasRequest`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterClientQuotasRequestOps {
    pub key: Str,
    pub value: f64,
    pub remove: bool,
}

impl AlterClientQuotasRequestOps {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.key = p::str(r, flex)?;
        m.value = r.f64()?;
        m.remove = r.bool()?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.str(&self.key, flex);
        w.f64(self.value);
        w.bool(self.remove);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for AlterClientQuotasRequest {
    const KEY: ApiKey = ApiKey::AlterClientQuotas;
    const NAME: &'static str = "AlterClientQuotasRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    const FLEXIBLE: Option<i16> = Some(1);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for AlterClientQuotasRequest {
    type Response = AlterClientQuotasResponse;
}

/// The `AlterClientQuotas` response (key 49), versions 0 to 1, flexible from 1.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterClientQuotasResponse {
    pub throttle_time_ms: i32,
    pub entries: Vec<AlterClientQuotasResponseEntries>,
}

impl AlterClientQuotasResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.entries = p::array(r, flex, 4, v, AlterClientQuotasResponseEntries::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.i32(self.throttle_time_ms);
        w.array(&self.entries, flex, v, AlterClientQuotasResponseEntries::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `entries` of [`AlterClientQuotasResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterClientQuotasResponseEntries {
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub entity: Vec<AlterClientQuotasResponseEntity>,
}

impl AlterClientQuotasResponseEntries {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, flex, true)?;
        m.entity = p::array(r, flex, 2, v, AlterClientQuotasResponseEntity::read)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.i16(self.error_code);
        w.opt_str(&self.error_message, flex, true);
        w.array(&self.entity, flex, v, AlterClientQuotasResponseEntity::write);
        if flex {
            w.no_tags();
        }
    }
}

/// `entries.entity` of [`AlterClientQuotasResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AlterClientQuotasResponseEntity {
    pub entity_type: Str,
    pub entity_name: Option<Str>,
}

impl AlterClientQuotasResponseEntity {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let flex = v >= 1;
        let mut m = Self::default();
        m.entity_type = p::str(r, flex)?;
        m.entity_name = p::opt_str(r, flex, true)?;
        if flex {
            p::skip_tags(r)?;
        }
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        let flex = v >= 1;
        w.str(&self.entity_type, flex);
        w.opt_str(&self.entity_name, flex, true);
        if flex {
            w.no_tags();
        }
    }
}

impl Message for AlterClientQuotasResponse {
    const KEY: ApiKey = ApiKey::AlterClientQuotas;
    const NAME: &'static str = "AlterClientQuotasResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    const FLEXIBLE: Option<i16> = Some(1);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

/// The `UpdateFeatures` request (key 57), versions 0 to 1, flexible from 0.
#[derive(Clone, PartialEq, Debug)]
pub struct UpdateFeaturesRequest {
    pub timeout_ms: i32,
    pub feature_updates: Vec<UpdateFeaturesRequestFeatureUpdates>,
    /// Version 1 only.
    pub validate_only: bool,
}

impl Default for UpdateFeaturesRequest {
    fn default() -> Self {
        Self { timeout_ms: 60000, feature_updates: Default::default(), validate_only: Default::default() }
    }
}

impl UpdateFeaturesRequest {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.timeout_ms = r.i32()?;
        m.feature_updates = p::array(r, true, 3, v, UpdateFeaturesRequestFeatureUpdates::read)?;
        if v == 1 {
            m.validate_only = r.bool()?;
        }
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.timeout_ms);
        w.array(&self.feature_updates, true, v, UpdateFeaturesRequestFeatureUpdates::write);
        if v == 1 {
            w.bool(self.validate_only);
        }
        w.no_tags();
    }
}

/// `feature_updates` of [`UpdateFeaturesRequest`].
#[derive(Clone, PartialEq, Debug)]
pub struct UpdateFeaturesRequestFeatureUpdates {
    pub feature: Str,
    pub max_version_level: i16,
    /// Version 0 only.
    pub allow_downgrade: bool,
    /// Version 1 only.
    pub upgrade_type: i8,
}

impl Default for UpdateFeaturesRequestFeatureUpdates {
    fn default() -> Self {
        Self {
            feature: Default::default(),
            max_version_level: Default::default(),
            allow_downgrade: Default::default(),
            upgrade_type: 1,
        }
    }
}

impl UpdateFeaturesRequestFeatureUpdates {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.feature = p::str(r, true)?;
        m.max_version_level = r.i16()?;
        if v == 0 {
            m.allow_downgrade = r.bool()?;
        }
        if v == 1 {
            m.upgrade_type = r.i8()?;
        }
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.feature, true);
        w.i16(self.max_version_level);
        if v == 0 {
            w.bool(self.allow_downgrade);
        }
        if v == 1 {
            w.i8(self.upgrade_type);
        }
        w.no_tags();
    }
}

impl Message for UpdateFeaturesRequest {
    const KEY: ApiKey = ApiKey::UpdateFeatures;
    const NAME: &'static str = "UpdateFeaturesRequest";
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}

impl ApiRequest for UpdateFeaturesRequest {
    type Response = UpdateFeaturesResponse;
}

/// The `UpdateFeatures` response (key 57), versions 0 to 1, flexible from 0.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct UpdateFeaturesResponse {
    pub throttle_time_ms: i32,
    pub error_code: i16,
    pub error_message: Option<Str>,
    pub results: Vec<UpdateFeaturesResponseResults>,
}

impl UpdateFeaturesResponse {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.throttle_time_ms = r.i32()?;
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, true, true)?;
        m.results = p::array(r, true, 4, v, UpdateFeaturesResponseResults::read)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.i32(self.throttle_time_ms);
        w.i16(self.error_code);
        w.opt_str(&self.error_message, true, true);
        w.array(&self.results, true, v, UpdateFeaturesResponseResults::write);
        w.no_tags();
    }
}

/// `results` of [`UpdateFeaturesResponse`].
#[derive(Clone, PartialEq, Debug, Default)]
pub struct UpdateFeaturesResponseResults {
    pub feature: Str,
    pub error_code: i16,
    pub error_message: Option<Str>,
}

impl UpdateFeaturesResponseResults {
    fn read(r: &mut Reader, v: i16) -> Result<Self> {
        let mut m = Self::default();
        m.feature = p::str(r, true)?;
        m.error_code = r.i16()?;
        m.error_message = p::opt_str(r, true, true)?;
        p::skip_tags(r)?;
        Ok(m)
    }
    fn write(&self, w: &mut Writer, v: i16) {
        w.str(&self.feature, true);
        w.i16(self.error_code);
        w.opt_str(&self.error_message, true, true);
        w.no_tags();
    }
}

impl Message for UpdateFeaturesResponse {
    const KEY: ApiKey = ApiKey::UpdateFeatures;
    const NAME: &'static str = "UpdateFeaturesResponse";
    const VERSIONS: RangeInclusive<i16> = 0..=1;
    const FLEXIBLE: Option<i16> = Some(0);
    fn read(r: &mut Reader, version: i16) -> Result<Self> {
        Self::read(r, version)
    }
    fn write(&self, w: &mut Writer, version: i16) {
        self.write(w, version);
    }
}
