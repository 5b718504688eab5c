//! A leader's snapshot as it arrives behind SNAP: the records of a snapshot without the file around them, then the string
//! "BenWasHere" (upstream: `LearnerHandler`, `Learner.syncWithLeader`).
//!
//! It shows the leader's tree while the leader goes on writing: parts of transactions behind its zxid may be in it, and
//! the stream does not say which. The leader sends them all, and applying them once more makes the tree whole.

use std::fmt;

use base::{DecodeError, Str};
use bytes::{BufMut, Bytes, BytesMut};
use keeper::{Recovery, RecoveryError};
use zk_wire::quorum::SNAP_SIGNATURE;
use zk_wire::snapshot::{SnapshotDecoder, SnapshotRecord};
use zk_wire::{Jute, Zxid};

/// A snapshot that arrives, in pieces of any size.
#[derive(Debug)]
pub struct SnapshotIntake {
    part: Part,
    recovery: Recovery,
}

#[derive(Debug)]
enum Part {
    Records(Box<SnapshotDecoder>),
    /// Behind the last record: what is there of the signature.
    Signature(Bytes),
    Done,
}

/// Why a stream is no snapshot.
#[derive(Debug)]
pub enum IntakeError {
    /// A record that makes no sense.
    Decode(DecodeError),
    /// Records that do not fit together.
    Records(RecoveryError),
    /// Something else than the signature is behind them.
    Signature,
}

impl fmt::Display for IntakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decode(error) => write!(f, "a record of the snapshot cannot be read: {error}"),
            Self::Records(error) => write!(f, "the records of the snapshot do not fit together: {error}"),
            Self::Signature => write!(f, "the snapshot does not end with {SNAP_SIGNATURE:?}"),
        }
    }
}

impl std::error::Error for IntakeError {}

/// What ends the stream.
pub fn signature() -> Bytes {
    let mut out = BytesMut::with_capacity(4 + SNAP_SIGNATURE.len());
    Str::from(SNAP_SIGNATURE).encode(&mut out);
    out.freeze()
}

impl SnapshotIntake {
    /// A snapshot that holds at least everything up to `zxid`, to be built in `recovery`. A record has at most
    /// `record_bytes_max` bytes (see [`zk_wire::frame::max_stored_bytes`]).
    pub fn new(zxid: Zxid, mut recovery: Recovery, record_bytes_max: usize) -> Self {
        recovery.begin_snapshot(zxid);
        Self { part: Part::Records(Box::new(SnapshotDecoder::new(record_bytes_max))), recovery }
    }

    /// Takes the next bytes. When the snapshot is whole, gives those that are behind it.
    ///
    /// # Errors
    /// [`IntakeError`]; the intake is of no use then.
    pub fn feed(&mut self, piece: Bytes) -> Result<Option<Bytes>, IntakeError> {
        let mut piece = Some(piece);
        loop {
            match &mut self.part {
                Part::Records(decoder) => {
                    if let Some(piece) = piece.take() {
                        decoder.feed(piece);
                    }
                    match decoder.next().map_err(IntakeError::Decode)? {
                        None => return Ok(None),
                        Some(SnapshotRecord::End) => {
                            let Part::Records(decoder) = std::mem::replace(&mut self.part, Part::Done) else {
                                unreachable!("matched above")
                            };
                            self.part = Part::Signature(Bytes::new());
                            piece = Some(decoder.rest());
                        }
                        Some(record) => self.recovery.record(record).map_err(IntakeError::Records)?,
                    }
                }
                Part::Signature(got) => {
                    let mut joined = BytesMut::from(&got[..]);
                    joined.put(piece.take().unwrap_or_default());
                    let (signature, joined) = (signature(), joined.freeze());
                    let compared = joined.len().min(signature.len());
                    if joined[..compared] != signature[..compared] {
                        return Err(IntakeError::Signature);
                    }
                    if compared < signature.len() {
                        *got = joined;
                        return Ok(None);
                    }
                    self.part = Part::Done;
                    self.recovery.end_snapshot(None).map_err(IntakeError::Records)?;
                    return Ok(Some(joined.slice(compared..)));
                }
                Part::Done => return Ok(Some(piece.take().unwrap_or_default())),
            }
        }
    }

    /// The state, once the snapshot is whole.
    pub fn into_recovery(self) -> Option<Recovery> {
        matches!(self.part, Part::Done).then_some(self.recovery)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Prng;
    use keeper::Config;

    /// A new keeper's snapshot with its signature, and "next" behind it.
    fn stream() -> Bytes {
        let now = base::Now { mono: base::Instant::ZERO, wall_ms: 0 };
        let keeper = Recovery::new(Config::default(), Prng::new(1)).finish(now);
        let mut bytes = BytesMut::new();
        let mut cursor = keeper.snapshot_begin(&mut bytes);
        while keeper.snapshot_chunk(&mut cursor, 1 << 20, &mut bytes) {}
        bytes.extend_from_slice(&signature());
        bytes.extend_from_slice(b"next");
        bytes.freeze()
    }

    fn intake() -> SnapshotIntake {
        SnapshotIntake::new(Zxid(7), Recovery::new(Config::default(), Prng::new(1)), 1 << 20)
    }

    #[test]
    fn a_snapshot_arrives_in_pieces_of_any_size() {
        for size in [1, 2, 7, 1000] {
            let (stream, mut intake, mut behind) = (stream(), intake(), BytesMut::new());
            let mut whole = false;
            for piece in stream.chunks(size) {
                if let Some(rest) = intake.feed(Bytes::copy_from_slice(piece)).unwrap() {
                    whole = true;
                    behind.extend_from_slice(&rest);
                }
            }
            assert!(whole);
            assert_eq!(&behind[..], b"next", "pieces of {size}");
            let recovery = intake.into_recovery().unwrap();
            assert_eq!((recovery.last_zxid(), recovery.tree().nodes_count()), (Zxid(7), 4));
        }
    }

    #[test]
    fn what_is_no_snapshot_is_refused() {
        let good = stream();
        let mut wrong = good.to_vec();
        let at = good.len() - 8;
        wrong[at] ^= 1;
        assert!(matches!(intake().feed(wrong.into()), Err(IntakeError::Signature)));
        assert!(intake().feed(Bytes::from_static(&[0xff; 16])).is_err());
        let mut half = intake();
        assert!(half.feed(good.slice(..20)).unwrap().is_none());
        assert!(half.into_recovery().is_none());
    }
}
