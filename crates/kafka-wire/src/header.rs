//! What precedes a message: a length, and a header in one of a few versions.
//!
//! Request header: key i16, version i16, correlation id i32, from header version 1 the client id (always with a classic
//! i16 length, also in flexible versions), from 2 a tag section. Response header: correlation id, from 1 a tag section.

use base::limits::DecodeBudget;
use base::{Reader, Str};
use bytes::{Bytes, BytesMut};

use crate::generated::dispatch::Response;
use crate::generated::keys::ApiKey;
use crate::message::Message;
use crate::payload::Segment;
use crate::primitive::{self as p, Result};
use crate::writer::Writer;

/// The header of a request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RequestHeader {
    /// The API's number; [`RequestHeader::key`] gives the name it has here, if it has one.
    pub api_key: i16,
    /// The version of the body.
    pub api_version: i16,
    /// Comes back in the response.
    pub correlation_id: i32,
    /// What the client calls itself.
    pub client_id: Option<Str>,
}

impl RequestHeader {
    /// The API, if the number is one.
    pub fn key(&self) -> Option<ApiKey> {
        ApiKey::from_i16(self.api_key)
    }

    /// Reads a header from the front of a frame. For a number that is no API only key, version and correlation id are
    /// read, since nothing tells what follows.
    ///
    /// # Errors
    /// Bytes that are no header.
    pub fn decode(r: &mut Reader) -> Result<Self> {
        let mut header = Self { api_key: r.i16()?, api_version: r.i16()?, correlation_id: r.i32()?, client_id: None };
        let Some(key) = header.key() else { return Ok(header) };
        let version = key.request_header_version(header.api_version);
        if version >= 1 {
            header.client_id = p::opt_str(r, false, true)?;
        }
        if version >= 2 {
            p::skip_tags(r)?;
        }
        Ok(header)
    }

    /// Writes the header in the version that its key and version ask for.
    pub fn write(&self, w: &mut Writer) {
        w.i16(self.api_key);
        w.i16(self.api_version);
        w.i32(self.correlation_id);
        let version = self.key().map_or(1, |key| key.request_header_version(self.api_version));
        if version >= 1 {
            w.opt_str(&self.client_id, false, true);
        }
        if version >= 2 {
            w.no_tags();
        }
    }
}

/// The header of a response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponseHeader {
    /// Of the request that is answered.
    pub correlation_id: i32,
}

impl ResponseHeader {
    /// Reads the header of a response to a request of this API and version.
    ///
    /// # Errors
    /// Bytes that are no header.
    pub fn decode(r: &mut Reader, key: ApiKey, version: i16) -> Result<Self> {
        let header = Self { correlation_id: r.i32()? };
        if key.response_header_version(version) >= 1 {
            p::skip_tags(r)?;
        }
        Ok(header)
    }

    /// Writes the header of a response to a request of this API and version.
    pub fn write(&self, w: &mut Writer, key: ApiKey, version: i16) {
        w.i32(self.correlation_id);
        if key.response_header_version(version) >= 1 {
            w.no_tags();
        }
    }
}

/// Holds a response to a single produce or fetch, the frequent ones, without growing.
const FIRST_BYTES: usize = 256;

/// A reader for a response. A client chose its server, and answers hold many small things (a broker's configuration, the
/// partitions of thousands of topics): they may decode to more than a stranger's request of that size.
pub fn response_reader(frame: Bytes) -> Reader {
    let budget = DecodeBudget::of(frame.len().saturating_mul(16).saturating_add(64 * 1024));
    Reader::with_budget(frame, budget)
}

/// Appends a request with its length and header.
///
/// # Panics
/// When the message has no such version.
pub fn write_request_frame<M: Message>(
    out: &mut BytesMut,
    correlation_id: i32,
    client_id: Option<&Str>,
    body: &M,
    version: i16,
) {
    assert!(M::VERSIONS.contains(&version), "{} has no version {version}", M::NAME);
    let header =
        RequestHeader { api_key: M::KEY as i16, api_version: version, correlation_id, client_id: client_id.cloned() };
    let start = out.len();
    let mut w = Writer::over(core::mem::take(out));
    w.i32(0);
    header.write(&mut w);
    body.write(&mut w, version);
    *out = finish(w, start).into_bytes();
}

/// Appends a response with its length and header.
///
/// # Panics
/// When the message has no such version, or has records from elsewhere (see [`response_segments`]).
pub fn write_response_frame<M: Message>(out: &mut BytesMut, correlation_id: i32, body: &M, version: i16) {
    let start = out.len();
    let w = response_writer(core::mem::take(out), correlation_id, body, version);
    *out = finish(w, start).into_bytes();
}

/// A response with its length and header as pieces in wire order: large payloads are not copied, payloads from elsewhere
/// are slots, and the length counts both.
///
/// # Panics
/// When the message has no such version.
pub fn response_segments<M: Message>(correlation_id: i32, body: &M, version: i16) -> Vec<Segment> {
    let bytes = BytesMut::with_capacity(FIRST_BYTES);
    finish(response_writer(bytes, correlation_id, body, version), 0).into_segments()
}

impl Response {
    /// The frame of this response as pieces; see [`response_segments`].
    ///
    /// # Panics
    /// When the message has no such version.
    pub fn frame(&self, correlation_id: i32, version: i16) -> Vec<Segment> {
        let mut w = Writer::over(BytesMut::with_capacity(FIRST_BYTES));
        w.i32(0);
        ResponseHeader { correlation_id }.write(&mut w, self.key(), version);
        assert!(self.key().versions().is_some_and(|v| v.contains(&version)), "{} has no version {version}", self.key());
        self.write(&mut w, version);
        finish(w, 0).into_segments()
    }
}

fn response_writer<M: Message>(bytes: BytesMut, correlation_id: i32, body: &M, version: i16) -> Writer {
    assert!(M::VERSIONS.contains(&version), "{} has no version {version}", M::NAME);
    let mut w = Writer::over(bytes);
    w.i32(0);
    ResponseHeader { correlation_id }.write(&mut w, M::KEY, version);
    body.write(&mut w, version);
    w
}

/// Writes the frame's length where it begins.
fn finish(mut w: Writer, start: usize) -> Writer {
    let len = i32::try_from(w.len() - start - 4).expect("a frame is shorter than 2 GiB");
    w.patch_i32(start, len);
    w
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::{ApiVersionsRequest, ApiVersionsResponse, ControlledShutdownRequest, HeartbeatRequest};

    fn request<M: Message>(body: &M, version: i16) -> Vec<u8> {
        let mut out = BytesMut::from(&b"before"[..]);
        write_request_frame(&mut out, 7, Some(&Str::from("me")), body, version);
        out[6..].to_vec()
    }

    #[test]
    fn request_headers_in_their_three_versions() {
        assert_eq!(
            request(&ControlledShutdownRequest { broker_id: 1, ..Default::default() }, 0),
            [0, 0, 0, 12, 0, 7, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1]
        );
        let heartbeat = HeartbeatRequest { generation_id: 1, ..Default::default() };
        assert_eq!(request(&heartbeat, 0)[4..16], [0, 12, 0, 0, 0, 0, 0, 7, 0, 2, b'm', b'e']);
        let flexible = request(&heartbeat, 4);
        assert_eq!(flexible[4..17], [0, 12, 0, 4, 0, 0, 0, 7, 0, 2, b'm', b'e', 0]);
        let mut r = Reader::new(Bytes::from(flexible[4..].to_vec()));
        let header = RequestHeader::decode(&mut r).unwrap();
        assert_eq!((header.key(), header.correlation_id), (Some(ApiKey::Heartbeat), 7));
        assert_eq!(HeartbeatRequest::decode(&mut r, 4).unwrap(), heartbeat);
        assert!(r.is_empty());
    }

    #[test]
    fn api_versions_answers_with_the_oldest_header() {
        let mut out = BytesMut::new();
        write_response_frame(&mut out, 7, &ApiVersionsResponse::default(), 3);
        assert_eq!(out[..], [0, 0, 0, 12, 0, 0, 0, 7, 0, 0, 1, 0, 0, 0, 0, 0]);
        assert_eq!(ApiKey::ApiVersions.request_header_version(4), 2);
        assert_eq!(ApiKey::ApiVersions.request_header_version(99), 2);
        assert_eq!(request(&ApiVersionsRequest::default(), 3)[12..], [0, 2, b'm', b'e', 0, 1, 1, 0]);
    }

    #[test]
    fn an_unknown_key_still_has_a_correlation_id() {
        let mut r = Reader::new(Bytes::from_static(&[0x7f, 0xff, 0, 1, 0, 0, 0, 9, 0xff]));
        let header = RequestHeader::decode(&mut r).unwrap();
        assert_eq!((header.key(), header.api_key, header.correlation_id), (None, 0x7fff, 9));
    }
}
