//! The middle of a snapshot, which is also what a leader sends behind SNAP:
//!
//! ```text
//! int sessions | { long id, int timeout } *
//! int lists    | { long id, vector<ACL> } *
//! { ustring path ("" is the root) | buffer data, long acl, StatPersisted } * | ustring "/"
//! ```
//! Parents come before their children. The file around it (header, seals, digest) belongs to the storage layer.
//! Upstream: `SerializeUtils.serializeSnapshot`, `DataTree.serialize`.

use base::{DecodeError, Reader, Str};
use bytes::{BufMut, Bytes, BytesMut};

use crate::generated::{SnapshotAcl, SnapshotNode, SnapshotSession, StatPersisted};
use crate::jute::{Jute, put_buffer, put_len};

/// Something in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotRecord {
    /// A session; first.
    Session(SnapshotSession),
    /// An ACL that nodes refer to; second.
    Acl(SnapshotAcl),
    /// A node; third. The root's path is `/` here.
    Node(Str, SnapshotNode),
    /// Nothing more follows.
    End,
}

/// Appends the sessions.
pub fn encode_sessions(out: &mut BytesMut, sessions: &[SnapshotSession]) {
    put_len(out, sessions.len());
    for session in sessions {
        session.encode(out);
    }
}

/// Appends the ACLs.
pub fn encode_acls(out: &mut BytesMut, acls: &[SnapshotAcl]) {
    put_len(out, acls.len());
    for acl in acls {
        acl.encode(out);
    }
}

/// Appends a node's path, behind which its record goes.
pub fn encode_path(out: &mut BytesMut, path: &str) {
    put_buffer(out, Some(if path == "/" { b"" } else { path.as_bytes() }));
}

/// Appends a node: its path and its record, in few steps, since a snapshot has very many.
pub fn encode_node(out: &mut BytesMut, path: &str, data: Option<&[u8]>, acl: i64, stat: &StatPersisted) {
    out.reserve(4 + path.len() + 4 + data.map_or(0, <[u8]>::len) + 8 + STAT_BYTES);
    encode_path(out, path);
    put_buffer(out, data);
    let mut numbers = [0; 8 + STAT_BYTES];
    let longs = [acl, stat.czxid.0, stat.mzxid.0, stat.ctime, stat.mtime];
    for (at, long) in numbers.chunks_exact_mut(8).zip(longs) {
        at.copy_from_slice(&long.to_be_bytes());
    }
    let ints = [stat.version, stat.cversion, stat.aversion];
    for (at, int) in numbers[40..].chunks_exact_mut(4).zip(ints) {
        at.copy_from_slice(&int.to_be_bytes());
    }
    numbers[52..60].copy_from_slice(&stat.ephemeral_owner.to_be_bytes());
    numbers[60..].copy_from_slice(&stat.pzxid.0.to_be_bytes());
    out.put_slice(&numbers);
}

const STAT_BYTES: usize = StatPersisted::SMALLEST_BYTES;

/// Appends the end.
pub fn encode_end(out: &mut BytesMut) {
    put_buffer(out, Some(b"/"));
}

/// Reads a snapshot that arrives in pieces of any size, keeping no more than one piece and one record.
#[derive(Debug)]
pub struct SnapshotDecoder {
    buffer: Bytes,
    part: Part,
    record_bytes_max: usize,
    consumed: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    SessionCount,
    Sessions(i32),
    AclCount,
    Acls(i32),
    Nodes,
    Done,
}

impl SnapshotDecoder {
    /// A decoder at the number of sessions. A record longer than `record_bytes_max` is refused (see
    /// [`crate::frame::max_stored_bytes`]).
    pub fn new(record_bytes_max: usize) -> Self {
        Self { buffer: Bytes::new(), part: Part::SessionCount, record_bytes_max, consumed: 0 }
    }

    /// Adds what comes next.
    pub fn feed(&mut self, piece: Bytes) {
        if self.buffer.is_empty() {
            self.buffer = piece;
        } else {
            let mut joined = BytesMut::with_capacity(self.buffer.len() + piece.len());
            joined.extend_from_slice(&self.buffer);
            joined.extend_from_slice(&piece);
            self.buffer = joined.freeze();
        }
    }

    /// The next record; `None` when more must be fed first.
    ///
    /// # Errors
    /// Bytes that make no sense, or a record that is too long. The decoder is of no use then.
    #[allow(clippy::should_implement_trait, reason = "fallible, and `None` is not the end")]
    pub fn next(&mut self) -> Result<Option<SnapshotRecord>, DecodeError> {
        loop {
            if self.part == Part::Done {
                return Ok(Some(SnapshotRecord::End));
            }
            let mut r = Reader::new(self.buffer.clone());
            match self.part.decode(&mut r) {
                Ok((part, record)) => {
                    self.part = part;
                    self.consumed += r.position() as u64;
                    self.buffer = r.rest();
                    if record.is_some() {
                        return Ok(record);
                    }
                }
                Err(DecodeError::Truncated { wanted, .. }) => {
                    if self.buffer.len() > self.record_bytes_max || wanted > self.record_bytes_max {
                        return Err(DecodeError::Unreasonable { what: "record length", value: wanted as i64 });
                    }
                    return Ok(None);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Bytes of the records so far, for messages about damage.
    pub fn consumed(&self) -> u64 {
        self.consumed
    }

    /// What was fed and is not part of the snapshot, once [`SnapshotRecord::End`] was seen.
    pub fn rest(self) -> Bytes {
        self.buffer
    }
}

impl Part {
    fn decode(self, r: &mut Reader) -> Result<(Self, Option<SnapshotRecord>), DecodeError> {
        let count = |r: &mut Reader| match r.i32()? {
            count if count < 0 => Err(DecodeError::Unreasonable { what: "count", value: count.into() }),
            count => Ok(count),
        };
        Ok(match self {
            Self::SessionCount => (Self::Sessions(count(r)?), None),
            Self::Sessions(0) => (Self::AclCount, None),
            Self::Sessions(left) => (Self::Sessions(left - 1), Some(SnapshotRecord::Session(Jute::decode(r)?))),
            Self::AclCount => (Self::Acls(count(r)?), None),
            Self::Acls(0) => (Self::Nodes, None),
            Self::Acls(left) => (Self::Acls(left - 1), Some(SnapshotRecord::Acl(decode_acl(r)?))),
            Self::Nodes => {
                let path = Str::decode(r)?;
                if path == "/" {
                    return Ok((Self::Done, Some(SnapshotRecord::End)));
                }
                let path = if path.is_empty() { Str::from_static("/") } else { path };
                (Self::Nodes, Some(SnapshotRecord::Node(path, Jute::decode(r)?)))
            }
            Self::Done => (Self::Done, None),
        })
    }
}

/// A list whose elements have not all arrived looks like a count that the bytes cannot hold: that is no error here.
fn decode_acl(r: &mut Reader) -> Result<SnapshotAcl, DecodeError> {
    let left = r.remaining();
    match SnapshotAcl::decode(r) {
        Err(DecodeError::Unreasonable { value, .. }) if value > 0 => {
            let wanted = usize::try_from(value).unwrap_or(usize::MAX).saturating_mul(12);
            Err(DecodeError::Truncated { wanted, left })
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generated::{Acl, Id};
    use crate::types::{SessionId, Zxid};

    fn stream() -> (Bytes, Vec<SnapshotRecord>) {
        let sessions = [SnapshotSession { id: SessionId(5), timeout_ms: 4000 }];
        let id = Id { scheme: "world".into(), id: "anyone".into() };
        let acls = [SnapshotAcl { id: 1, acl: Some(vec![Acl { perms: 31, id: id.clone() }, Acl { perms: 1, id }]) }];
        let root = SnapshotNode { acl: -1, ..SnapshotNode::default() };
        let node = SnapshotNode { data: Some(Bytes::from_static(b"data")), acl: 1, ..SnapshotNode::default() };
        let mut out = BytesMut::new();
        encode_sessions(&mut out, &sessions);
        encode_acls(&mut out, &acls);
        for (path, node) in [("/", &root), ("/a", &node)] {
            encode_path(&mut out, path);
            node.encode(&mut out);
        }
        encode_end(&mut out);
        out.extend_from_slice(b"tail");
        let records = vec![
            SnapshotRecord::Session(sessions[0].clone()),
            SnapshotRecord::Acl(acls[0].clone()),
            SnapshotRecord::Node("/".into(), root),
            SnapshotRecord::Node("/a".into(), node),
            SnapshotRecord::End,
        ];
        (out.freeze(), records)
    }

    #[test]
    fn pieces_of_any_size_give_the_same_records() {
        let (bytes, expected) = stream();
        for size in [1, 2, 3, 7, 50, bytes.len()] {
            let mut decoder = SnapshotDecoder::new(1 << 20);
            let mut seen = Vec::new();
            let mut pieces = bytes.chunks(size).map(Bytes::copy_from_slice);
            while seen.last() != Some(&SnapshotRecord::End) {
                match decoder.next().expect("well formed") {
                    Some(record) => seen.push(record),
                    None => decoder.feed(pieces.next().expect("the stream has an end")),
                }
            }
            assert_eq!(seen, expected, "pieces of {size}");
            assert_eq!(decoder.consumed(), bytes.len() as u64 - 4);
            pieces.for_each(|piece| decoder.feed(piece));
            assert_eq!(&decoder.rest()[..], b"tail");
        }
    }

    #[test]
    fn a_node_in_few_steps_is_the_record_of_its_schema() {
        let stat = StatPersisted {
            czxid: Zxid(1),
            mzxid: Zxid(2),
            ctime: 3,
            mtime: -4,
            version: 5,
            cversion: 6,
            aversion: -7,
            ephemeral_owner: i64::MIN,
            pzxid: Zxid(9),
        };
        for (path, data) in [("/", None), ("/a", Some(&b""[..])), ("/a/b", Some(b"data"))] {
            let (mut whole, mut fields) = (BytesMut::new(), BytesMut::new());
            encode_node(&mut whole, path, data, -1, &stat);
            encode_path(&mut fields, path);
            SnapshotNode { data: data.map(Bytes::copy_from_slice), acl: -1, stat: stat.clone() }.encode(&mut fields);
            assert_eq!(whole, fields, "{path}");
        }
    }

    #[test]
    fn a_record_that_never_ends_is_refused() {
        let mut decoder = SnapshotDecoder::new(1000);
        decoder.feed(Bytes::from_static(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, b'/', b'a', 0x7f, 0, 0, 0]));
        assert!(matches!(decoder.next(), Err(DecodeError::Unreasonable { .. })));
    }
}
