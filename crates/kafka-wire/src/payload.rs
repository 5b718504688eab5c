//! Record bytes of a fetch response: in memory, or wherever the server keeps them.

use bytes::Bytes;

use base::Reader;

use crate::primitive::{self as p, Result};
use crate::writer::Writer;

/// The records of one partition in a fetch response.
#[derive(Clone, Debug, PartialEq)]
pub enum Records {
    /// Null on the wire. Written by some old servers for "no records"; ours writes no bytes instead.
    Null,
    /// In memory.
    Bytes(Bytes),
    /// `len` bytes that the sender puts in, such as a file range. `slot` is the sender's own number for them.
    Elsewhere {
        /// How many bytes.
        len: u32,
        /// Comes back in [`Segment::Slot`].
        slot: usize,
    },
}

impl Default for Records {
    fn default() -> Self {
        Self::Bytes(Bytes::new())
    }
}

impl Records {
    /// How many bytes of records.
    pub fn len(&self) -> usize {
        match self {
            Self::Null => 0,
            Self::Bytes(bytes) => bytes.len(),
            Self::Elsewhere { len, .. } => *len as usize,
        }
    }

    /// Whether there are no records.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The records, when they are in memory; empty for null.
    pub fn in_memory(&self) -> Option<Bytes> {
        match self {
            Self::Null => Some(Bytes::new()),
            Self::Bytes(bytes) => Some(bytes.clone()),
            Self::Elsewhere { .. } => None,
        }
    }

    pub(crate) fn read(r: &mut Reader, flex: bool) -> Result<Self> {
        Ok(p::opt_bytes(r, flex, true)?.map_or(Self::Null, Self::Bytes))
    }

    pub(crate) fn write(&self, w: &mut Writer, flex: bool) {
        match self {
            Self::Null => w.length(None, flex, false),
            Self::Bytes(bytes) => w.bytes(bytes, flex),
            Self::Elsewhere { len, slot } => {
                w.length(Some(*len as usize), flex, false);
                w.payload(Segment::Slot { slot: *slot, len: *len });
            }
        }
    }
}

impl From<Bytes> for Records {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

/// A piece of an encoded frame, in wire order.
#[derive(Clone, Debug, PartialEq)]
pub enum Segment {
    /// Send these bytes.
    Bytes(Bytes),
    /// Send the payload that the sender numbered `slot`: exactly `len` bytes.
    Slot {
        /// See [`Records::Elsewhere`].
        slot: usize,
        /// How many bytes.
        len: u32,
    },
}

impl Segment {
    /// How many bytes go out for it.
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Slot { len, .. } => *len as usize,
        }
    }

    /// Whether nothing goes out for it.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::header::response_segments;
    use crate::message::Message as _;
    use crate::messages::{FetchResponse, FetchResponsePartitions, FetchResponseResponses};
    use bytes::BytesMut;

    fn response(records: Vec<Records>) -> FetchResponse {
        let partitions =
            records.into_iter().map(|records| FetchResponsePartitions { records, ..Default::default() }).collect();
        FetchResponse {
            responses: vec![FetchResponseResponses { partitions, ..Default::default() }],
            ..Default::default()
        }
    }

    #[test]
    fn segments_are_the_frame_with_the_payloads_left_out() {
        let (small, large) = (Bytes::from_static(b"few"), Bytes::from(vec![7; 5000]));
        for version in FetchResponse::VERSIONS {
            let records = vec![
                Records::Elsewhere { len: 5000, slot: 4 },
                Records::Bytes(small.clone()),
                Records::Bytes(large.clone()),
                Records::Elsewhere { len: 3, slot: 9 },
                Records::Null,
            ];
            let segments = response_segments(77, &response(records), version);
            assert!(segments.contains(&Segment::Slot { slot: 4, len: 5000 }));
            assert!(segments.contains(&Segment::Bytes(large.clone())), "a large payload is not copied");
            let mut frame = BytesMut::new();
            for segment in &segments {
                match segment {
                    Segment::Bytes(bytes) => frame.extend_from_slice(bytes),
                    Segment::Slot { slot: 4, .. } => frame.extend_from_slice(&large),
                    Segment::Slot { .. } => frame.extend_from_slice(&small),
                }
            }
            let in_memory = [&large, &small, &large, &small].map(|b| Records::Bytes(b.clone()));
            let plain = response(in_memory.into_iter().chain([Records::Null]).collect());
            let mut expected = BytesMut::new();
            crate::header::write_response_frame(&mut expected, 77, &plain, version);
            assert_eq!(frame, expected, "version {version}");
            assert_eq!(frame.len(), 4 + i32::from_be_bytes(frame[..4].try_into().unwrap()) as usize);
        }
    }
}
