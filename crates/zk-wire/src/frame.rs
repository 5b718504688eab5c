//! Limits of frames, and the reply frame.

use bytes::{BufMut, Bytes, BytesMut};

use crate::generated::{ReplyHeader, WatcherEvent};
use crate::jute::Jute;

/// Upstream's default of `jute.maxbuffer`: the most bytes of a frame from a client.
pub const JUTE_MAX_BUFFER: usize = 0xfffff;

/// The most bytes of a stored record: `jute.maxbuffer`, and what it may be exceeded by
/// (`zookeeper.jute.maxbuffer.extrasize`; by default as large as `jute.maxbuffer`; at least 1,024), since a transaction
/// has more fields than the request it came from.
pub const fn max_stored_bytes(jute_max_buffer: usize, extra: usize) -> usize {
    let extra = if extra < 1024 { 1024 } else { extra };
    let sum = jute_max_buffer.saturating_add(extra);
    if sum > i32::MAX as usize { i32::MAX as usize } else { sum }
}

/// The xid of watch events.
pub const NOTIFICATION_XID: i32 = -1;
/// The xid of pings.
pub const PING_XID: i32 = -2;
/// The xid of auth packets.
pub const AUTH_XID: i32 = -4;
/// The xid of setWatches.
pub const SET_WATCHES_XID: i32 = -8;

/// A reply's frame, without its length: the header, and the body that `write` appends.
pub fn reply(header: &ReplyHeader, body_bytes: usize, write: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut out = BytesMut::with_capacity(ReplyHeader::SMALLEST_BYTES + body_bytes);
    header.encode(&mut out);
    write(&mut out);
    out.freeze()
}

/// A frame, without its length, made of a header and a body.
pub fn join(header: &impl Jute, body: &impl Jute) -> Bytes {
    let mut out = BytesMut::new();
    header.encode(&mut out);
    body.encode(&mut out);
    out.freeze()
}

/// A watch event's frame, without its length.
pub fn notification(zxid: crate::types::Zxid, event: &WatcherEvent) -> Bytes {
    join(&ReplyHeader { xid: NOTIFICATION_XID, zxid, err: 0 }, event)
}

/// Puts the length in front.
pub fn with_length(frame: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(4 + frame.len());
    crate::jute::put_len(&mut out, frame.len());
    out.put_slice(frame);
    out.freeze()
}
