//! One entry per message and record: for tests over all of them, fuzzing and tools that print traffic.

use base::Reader;
use bytes::BytesMut;

use crate::generated::keys::ApiKey;
use crate::message::{Message, Record};
use crate::primitive::Result;

pub use crate::generated::dispatch::CODECS;

/// A message's shape, and functions over its bytes.
#[derive(Clone, Copy, Debug)]
pub struct Codec {
    /// The struct's name.
    pub name: &'static str,
    /// The API; `None` for records.
    pub key: Option<ApiKey>,
    /// A request, as against a response or a record.
    pub is_request: bool,
    /// Lowest version.
    pub min: i16,
    /// Highest version.
    pub max: i16,
    /// First flexible version.
    pub flexible: Option<i16>,
    /// Decodes this version and encodes it again.
    pub recode: fn(&mut Reader, i16, &mut BytesMut) -> Result<()>,
    /// Decodes this version and gives its debug text.
    pub show: fn(&mut Reader, i16) -> Result<String>,
}

pub(crate) const fn message_codec<M: Message>(is_request: bool) -> Codec {
    Codec {
        name: M::NAME,
        key: Some(M::KEY),
        is_request,
        min: *M::VERSIONS.start(),
        max: *M::VERSIONS.end(),
        flexible: M::FLEXIBLE,
        recode: |r, version, out| {
            M::decode(r, version)?.encode(out, version);
            Ok(())
        },
        show: |r, version| Ok(format!("{:?}", M::decode(r, version)?)),
    }
}

pub(crate) const fn record_codec<M: Record>() -> Codec {
    Codec {
        name: M::NAME,
        key: None,
        is_request: false,
        min: *M::VERSIONS.start(),
        max: *M::VERSIONS.end(),
        flexible: M::FLEXIBLE,
        recode: |r, version, out| {
            M::decode(r, version)?.encode(out, version);
            Ok(())
        },
        show: |r, version| Ok(format!("{:?}", M::decode(r, version)?)),
    }
}

/// The codec of a request or response.
pub fn codec(key: ApiKey, is_request: bool) -> Option<&'static Codec> {
    CODECS.iter().find(|codec| codec.key == Some(key) && codec.is_request == is_request)
}
