//! What every generated struct can do.

use core::fmt;
use core::ops::RangeInclusive;

use base::Reader;
use base::bytes::DecodeError;
use bytes::{BufMut as _, Bytes, BytesMut};

use crate::generated::keys::ApiKey;
use crate::payload::Segment;
use crate::primitive::Result;
use crate::writer::Writer;

/// The body of a request or a response.
///
/// Fields that a version does not have are left out when encoding and have their default after decoding. Null where a
/// version does not allow it encodes as empty. Tagged fields that are not known are skipped.
pub trait Message: Default + Clone + PartialEq + fmt::Debug {
    /// The API it belongs to.
    const KEY: ApiKey;
    /// The struct's name.
    const NAME: &'static str;
    /// The versions there are.
    const VERSIONS: RangeInclusive<i16>;
    /// The first flexible version (compact lengths, tagged fields).
    const FLEXIBLE: Option<i16>;

    /// Decodes a version that has been checked to be one of [`Message::VERSIONS`]. Bytes after the message stay unread.
    ///
    /// # Errors
    /// Bytes that are not such a message.
    fn read(r: &mut Reader, version: i16) -> Result<Self>;

    /// Writes the body in a version that has been checked to be one of [`Message::VERSIONS`].
    fn write(&self, w: &mut Writer, version: i16);

    /// Decodes this version from the front of `r`. Bytes after the message stay unread.
    ///
    /// # Errors
    /// Bytes that are not such a message, or a version that there is not.
    fn decode(r: &mut Reader, version: i16) -> Result<Self> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Invalid("message version"));
        }
        Self::read(r, version)
    }

    /// Appends this version to `out`.
    ///
    /// # Panics
    /// When there is no such version, or records are [`crate::Records::Elsewhere`].
    fn encode(&self, out: &mut BytesMut, version: i16) {
        assert!(Self::VERSIONS.contains(&version), "{} has no version {version}", Self::NAME);
        let mut w = Writer::over(core::mem::take(out));
        self.write(&mut w, version);
        *out = w.into_bytes();
    }

    /// This version as pieces in wire order, large payloads not copied and payloads from elsewhere as slots.
    ///
    /// # Panics
    /// When there is no such version.
    fn encode_segments(&self, version: i16) -> Vec<Segment> {
        assert!(Self::VERSIONS.contains(&version), "{} has no version {version}", Self::NAME);
        let mut w = Writer::default();
        self.write(&mut w, version);
        w.into_segments()
    }
}

/// A request, with the response that answers it.
pub trait ApiRequest: Message {
    /// Answers it, in the same version.
    type Response: Message;
}

/// A versioned struct that belongs to no API: a coordinator's record or an embedded protocol of consumers.
pub trait Record: Default + Clone + PartialEq + fmt::Debug {
    /// The struct's name.
    const NAME: &'static str;
    /// The versions there are. For keys of coordinator records the version is the key's type.
    const VERSIONS: RangeInclusive<i16>;
    /// The first flexible version.
    const FLEXIBLE: Option<i16>;

    /// See [`Message::read`].
    ///
    /// # Errors
    /// Bytes that are not such a struct.
    fn read(r: &mut Reader, version: i16) -> Result<Self>;

    /// See [`Message::write`].
    fn write(&self, w: &mut Writer, version: i16);

    /// Decodes the fields of this version; the version itself has been read.
    ///
    /// # Errors
    /// Bytes that are not such a struct, or a version that there is not.
    fn decode(r: &mut Reader, version: i16) -> Result<Self> {
        if !Self::VERSIONS.contains(&version) {
            return Err(DecodeError::Invalid("record version"));
        }
        Self::read(r, version)
    }

    /// The fields of this version, without the version.
    ///
    /// # Panics
    /// When there is no such version.
    fn encode(&self, out: &mut BytesMut, version: i16) {
        assert!(Self::VERSIONS.contains(&version), "{} has no version {version}", Self::NAME);
        let mut w = Writer::over(core::mem::take(out));
        self.write(&mut w, version);
        *out = w.into_bytes();
    }

    /// Reads the i16 version and then the fields: how the struct lies in a record's key or value.
    ///
    /// # Errors
    /// See [`Record::decode`].
    fn from_bytes(bytes: Bytes) -> Result<(i16, Self)> {
        let mut r = Reader::new(bytes);
        let version = r.i16()?;
        Ok((version, Self::decode(&mut r, version)?))
    }

    /// The i16 version and then the fields.
    ///
    /// # Panics
    /// When there is no such version.
    fn to_bytes(&self, version: i16) -> Bytes {
        let mut out = BytesMut::new();
        out.put_i16(version);
        self.encode(&mut out, version);
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{IncrementalAlterConfigsRequestConfigs, JoinGroupResponse, SaslAuthenticateRequest};

    #[test]
    fn secrets_stay_out_of_debug_output() {
        let request = SaslAuthenticateRequest { auth_bytes: Bytes::from_static(b"alice-secret") };
        assert_eq!(format!("{request:?}"), "SaslAuthenticateRequest { auth_bytes: [hidden] }");
        let config = IncrementalAlterConfigsRequestConfigs { value: Some("secret".into()), ..Default::default() };
        assert!(!format!("{config:?}").contains("secret"));
    }

    #[test]
    fn what_a_version_lacks_has_its_default() {
        let mut bytes = BytesMut::new();
        let sent =
            JoinGroupResponse { protocol_type: Some("consumer".into()), skip_assignment: true, ..Default::default() };
        sent.encode(&mut bytes, 6);
        let got = JoinGroupResponse::decode(&mut Reader::new(bytes.freeze()), 6).unwrap();
        assert_eq!(got, JoinGroupResponse { protocol_name: Some("".into()), ..Default::default() });
        assert_eq!(got.generation_id, -1);
    }

    #[test]
    fn a_version_that_there_is_not_is_refused() {
        let read = JoinGroupResponse::decode(&mut Reader::new(Bytes::from_static(&[0; 64])), 10);
        assert_eq!(read, Err(DecodeError::Invalid("message version")));
    }
}
