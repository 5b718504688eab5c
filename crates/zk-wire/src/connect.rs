//! The connect exchange. Both records may lack their last byte (clients before 3.4), and an answer follows the request
//! in that (upstream: `compat.ProtocolManager`, ZOOKEEPER-4814).

use base::{DecodeError, Reader};
use bytes::{BufMut, Bytes, BytesMut};

use crate::generated::{ConnectRequestBody, ConnectResponseBody};
use crate::jute::{Jute, SecretBuffer};
use crate::types::{SessionId, Zxid};

/// The first frame of a connection, which has no header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectRequest {
    /// 0.
    pub protocol_version: i32,
    /// The highest zxid of any reply that the client saw.
    pub last_zxid_seen: Zxid,
    /// The wished session timeout.
    pub timeout_ms: i32,
    /// The session to resume; [`SessionId::NONE`] for a new one.
    pub session: SessionId,
    /// The password of the session to resume.
    pub passwd: SecretBuffer,
    /// Whether a read-only server will do. `None` when the client does not know of it.
    pub read_only: Option<bool>,
}

impl Jute for ConnectRequest {
    const SMALLEST_BYTES: usize = ConnectRequestBody::SMALLEST_BYTES;

    fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
        let body = ConnectRequestBody::decode(r)?;
        let read_only = if r.is_empty() { None } else { Some(r.bool()?) };
        let ConnectRequestBody { protocol_version, last_zxid_seen, timeout_ms, session, passwd } = body;
        Ok(Self { protocol_version, last_zxid_seen, timeout_ms, session, passwd, read_only })
    }

    fn encode(&self, out: &mut BytesMut) {
        let Self { protocol_version, last_zxid_seen, timeout_ms, session, ref passwd, read_only } = *self;
        ConnectRequestBody { protocol_version, last_zxid_seen, timeout_ms, session, passwd: passwd.clone() }
            .encode(out);
        if let Some(read_only) = read_only {
            out.put_u8(u8::from(read_only));
        }
    }
}

/// The answer to a [`ConnectRequest`], which has no header either.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectResponse {
    /// 0.
    pub protocol_version: i32,
    /// The negotiated session timeout; 0 when the session could not be resumed.
    pub timeout_ms: i32,
    /// The session; [`SessionId::NONE`] when it could not be resumed.
    pub session: SessionId,
    /// 16 bytes; zeros when the session could not be resumed.
    pub passwd: SecretBuffer,
    /// Whether the server is in read-only mode. Present when the request had the byte too.
    pub read_only: Option<bool>,
}

impl ConnectResponse {
    /// The answer for a session that is valid from here on.
    pub fn accepted(session: SessionId, timeout_ms: i32, read_only: Option<bool>) -> Self {
        let passwd = Bytes::copy_from_slice(&session.password()).into();
        Self { protocol_version: 0, timeout_ms, session, passwd, read_only }
    }

    /// The answer for a session that is over; the connection is closed behind it.
    pub fn expired(read_only: Option<bool>) -> Self {
        let passwd = Bytes::from_static(&[0; 16]).into();
        Self { protocol_version: 0, timeout_ms: 0, session: SessionId::NONE, passwd, read_only }
    }
}

impl Jute for ConnectResponse {
    const SMALLEST_BYTES: usize = ConnectResponseBody::SMALLEST_BYTES;

    fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
        let ConnectResponseBody { protocol_version, timeout_ms, session, passwd } = ConnectResponseBody::decode(r)?;
        let read_only = if r.is_empty() { None } else { Some(r.bool()?) };
        Ok(Self { protocol_version, timeout_ms, session, passwd, read_only })
    }

    fn encode(&self, out: &mut BytesMut) {
        let Self { protocol_version, timeout_ms, session, ref passwd, read_only } = *self;
        ConnectResponseBody { protocol_version, timeout_ms, session, passwd: passwd.clone() }.encode(out);
        if let Some(read_only) = read_only {
            out.put_u8(u8::from(read_only));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_byte_is_optional_and_kept() {
        for (read_only, request_bytes, response_bytes) in [(None, 44, 36), (Some(false), 45, 37), (Some(true), 45, 37)]
        {
            let passwd = Bytes::from_static(&[0; 16]).into();
            let request = ConnectRequest { timeout_ms: 4000, passwd, read_only, ..ConnectRequest::default() };
            let bytes = request.to_bytes();
            assert_eq!(bytes.len(), request_bytes);
            assert_eq!(ConnectRequest::from_bytes(bytes), Ok(request));
            let response = ConnectResponse::accepted(SessionId(7), 4000, read_only);
            let bytes = response.to_bytes();
            assert_eq!(bytes.len(), response_bytes);
            assert_eq!(ConnectResponse::from_bytes(bytes), Ok(response));
        }
    }

    #[test]
    fn passwords_are_not_printed() {
        let text = format!("{:?}", ConnectResponse::accepted(SessionId(7), 4000, None));
        assert!(text.contains("SecretBuffer(..)"), "{text}");
    }
}
