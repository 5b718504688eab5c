//! API keys: what they are called, which versions exist, which of them are served.

use core::fmt;
use core::ops::RangeInclusive;

use base::bytes::DecodeError;

use crate::generated::dispatch::SERVED;
use crate::generated::keys::ApiKey;

/// An API that the broker serves, as ApiVersions lists it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// The API.
    pub key: ApiKey,
    /// Lowest version served.
    pub min: i16,
    /// Highest version served.
    pub max: i16,
}

/// Why a request was not decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// There is no such API, or it is not served: the connection ends.
    NotServed(ApiKey),
    /// Served, but not in this version: the connection ends, except that ApiVersions is answered in version 0.
    UnsupportedVersion(ApiKey, i16),
    /// The body makes no sense.
    Decode(DecodeError),
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotServed(key) => write!(f, "api {} is not served", key.name()),
            Self::UnsupportedVersion(key, version) => {
                write!(f, "api {} is not served in version {version}", key.name())
            }
            Self::Decode(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for RequestError {}

impl From<DecodeError> for RequestError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

/// The versions served of an API.
pub fn served_versions(key: ApiKey) -> Option<RangeInclusive<i16>> {
    SERVED.iter().find(|served| served.key == key).map(|served| served.min..=served.max)
}

/// Whether a request of this API and version is served.
///
/// # Errors
/// [`RequestError::NotServed`] or [`RequestError::UnsupportedVersion`].
pub fn check_served(key: ApiKey, version: i16) -> Result<(), RequestError> {
    match served_versions(key) {
        None => Err(RequestError::NotServed(key)),
        Some(versions) if !versions.contains(&version) => Err(RequestError::UnsupportedVersion(key, version)),
        Some(_) => Ok(()),
    }
}

impl ApiKey {
    /// The versions of its messages known here.
    pub fn versions(self) -> Option<RangeInclusive<i16>> {
        self.shape().map(|(low, high, _)| low..=high)
    }

    /// Whether this version has compact lengths and tagged fields. True for versions above those known.
    pub fn is_flexible(self, version: i16) -> bool {
        self.shape().and_then(|(_, _, first)| first).is_some_and(|first| version >= first)
    }

    /// 0 (no client id, only for version 0 of ControlledShutdown), 1, or 2 (with a tag section) in flexible versions.
    pub fn request_header_version(self, version: i16) -> i16 {
        match (self, version) {
            (Self::ControlledShutdown, 0) => 0,
            _ if self.is_flexible(version) => 2,
            _ => 1,
        }
    }

    /// 0, or 1 (with a tag section) in flexible versions. Always 0 for ApiVersions, whose version the client cannot yet
    /// know the server to understand.
    pub fn response_header_version(self, version: i16) -> i16 {
        if self != Self::ApiVersions && self.is_flexible(version) { 1 } else { 0 }
    }
}

impl fmt::Display for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
