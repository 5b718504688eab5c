//! Frames off a socket: four bytes of length, then that many bytes, each frame in memory of its own.
//!
//! Memory follows the bytes that have arrived, never the length that was claimed: a frame begins with a small buffer
//! which doubles as it fills. Only a connection that has sent a valid request gets a whole small frame's memory at
//! once, which is the common case and saves the copies.

use std::io;

use base::limits::Taken;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::memory;

/// Read ahead of a frame: enough for small requests in one read, little enough to copy into the frame's own memory.
const HEAD_BYTES: usize = 1024;
/// The first memory of a frame from a stranger.
const STRANGER_BYTES: usize = 4096;
/// The first memory of a frame from a client that has sent a valid request.
const KNOWN_BYTES: usize = 1 << 20;
/// A frame holds at least the key, version and correlation id.
const FRAME_BYTES_MIN: usize = 8;

/// Why there is no frame.
#[derive(Debug)]
pub(super) enum FrameError {
    /// The peer closed between frames.
    Closed,
    /// The socket failed, or closed within a frame.
    Io(io::Error),
    /// The length cannot be one of a request.
    Length(i32),
    /// The first eight bytes are no request that is served.
    Refused(String),
}

/// Reads frames from one connection.
pub(super) struct Frames {
    head: BytesMut,
    bytes_max: usize,
    known: bool,
    /// The memory of the last frame, of the budget for all connections; given back when the next one is read.
    taken: Taken,
}

impl Frames {
    pub(super) fn new(bytes_max: usize, taken: Taken) -> Self {
        Self { head: BytesMut::new(), bytes_max, known: false, taken }
    }

    /// The client has sent a valid request.
    pub(super) fn trust(&mut self) {
        self.known = true;
    }

    /// The next frame, without its length. `check` looks at API key and version before the rest is read.
    pub(super) async fn next(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
        check: impl Fn(i16, i16) -> Result<(), String>,
    ) -> Result<Bytes, FrameError> {
        self.taken.release();
        while self.head.len() < 4 + FRAME_BYTES_MIN {
            if self.head.capacity() - self.head.len() < HEAD_BYTES / 2 {
                self.head.reserve(HEAD_BYTES);
            }
            if self.fill_head(stream).await? == 0 {
                let clean = self.head.is_empty();
                return Err(if clean {
                    FrameError::Closed
                } else {
                    FrameError::Io(io::ErrorKind::UnexpectedEof.into())
                });
            }
            // A wrong length is known before the header is there.
            if self.head.len() >= 4 {
                self.length()?;
            }
        }
        let len = self.length()?;
        let (key, version) = (i16_at(&self.head, 4), i16_at(&self.head, 6));
        check(key, version).map_err(FrameError::Refused)?;
        self.head.advance(4);
        if self.head.len() >= len {
            return Ok(Bytes::copy_from_slice(&self.head.split_to(len)));
        }
        self.rest(stream, len).await
    }

    fn length(&self) -> Result<usize, FrameError> {
        let len = i32::from_be_bytes([self.head[0], self.head[1], self.head[2], self.head[3]]);
        match usize::try_from(len) {
            Ok(wanted) if (FRAME_BYTES_MIN..=self.bytes_max).contains(&wanted) => Ok(wanted),
            _ => Err(FrameError::Length(len)),
        }
    }

    async fn fill_head(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> Result<usize, FrameError> {
        let mut limited = (&mut self.head).limit(HEAD_BYTES);
        stream.read_buf(&mut limited).await.map_err(FrameError::Io)
    }

    /// Reads what the head does not have into the frame's own memory, not a byte further.
    async fn rest(&mut self, stream: &mut (impl AsyncRead + Unpin), len: usize) -> Result<Bytes, FrameError> {
        let first = if self.known { KNOWN_BYTES } else { STRANGER_BYTES };
        let mut capacity = len.min(first.max(self.head.len()));
        self.take(capacity).await?;
        let mut frame = BytesMut::with_capacity(capacity);
        frame.put_slice(&self.head);
        self.head = BytesMut::new();
        while frame.len() < len {
            if frame.capacity() == frame.len() {
                let more = (len - frame.len()).min(frame.len());
                capacity += more;
                self.take(capacity).await?;
                frame.reserve(more);
            }
            let left = len - frame.len();
            let mut limited = (&mut frame).limit(left);
            if stream.read_buf(&mut limited).await.map_err(FrameError::Io)? == 0 {
                return Err(FrameError::Io(io::ErrorKind::UnexpectedEof.into()));
            }
        }
        Ok(frame.freeze())
    }

    async fn take(&mut self, bytes: usize) -> Result<(), FrameError> {
        match memory::resize(&mut self.taken, bytes).await {
            true => Ok(()),
            false => Err(FrameError::Refused(memory::USED_UP.into())),
        }
    }
}

fn i16_at(bytes: &[u8], at: usize) -> i16 {
    i16::from_be_bytes([bytes[at], bytes[at + 1]])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use base::limits::Budget;

    use super::*;

    fn frame(body: &[u8]) -> Vec<u8> {
        [&(body.len() as i32).to_be_bytes()[..], body].concat()
    }

    fn any(_: i16, _: i16) -> Result<(), String> {
        Ok(())
    }

    fn frames(bytes_max: usize) -> Frames {
        Frames::new(bytes_max, Taken::nothing_of(Arc::new(Budget::new(200_000))))
    }

    async fn all(bytes: &[u8], bytes_max: usize) -> (Vec<Bytes>, FrameError) {
        let (mut frames, mut stream) = (frames(bytes_max), bytes);
        let mut got = Vec::new();
        loop {
            match frames.next(&mut stream, any).await {
                Ok(frame) => got.push(frame),
                Err(e) => return (got, e),
            }
        }
    }

    #[tokio::test]
    async fn frames_of_all_sizes_come_whole_and_in_order() {
        let bodies: Vec<Vec<u8>> =
            [8, 9, 1000, 1020, 1021, 5000, 100_000, 8].iter().map(|n| vec![*n as u8; *n]).collect();
        let stream: Vec<u8> = bodies.iter().flat_map(|body| frame(body)).collect();
        let (got, end) = all(&stream, 1 << 20).await;
        assert!(matches!(end, FrameError::Closed), "{end:?}");
        assert_eq!(got.len(), bodies.len());
        for (got, sent) in got.iter().zip(&bodies) {
            assert_eq!(&got[..], &sent[..]);
        }
    }

    #[tokio::test]
    async fn wrong_lengths_end_it_before_anything_is_kept() {
        for (length, bytes_max) in [(-1, 100), (7, 100), (101, 100), (i32::MAX, 100 << 20)] {
            let (got, end) = all(&length.to_be_bytes(), bytes_max).await;
            assert!(got.is_empty() && matches!(end, FrameError::Length(_)), "{length}: {end:?}");
        }
        let (_, end) = all(b"GET / HTTP/1.1\r\n", 100 << 20).await;
        assert!(matches!(end, FrameError::Length(_)), "{end:?}");
    }

    #[tokio::test]
    async fn a_frame_that_stops_half_way_is_an_error() {
        let whole = frame(&[5; 3000]);
        let (got, end) = all(&whole[..2000], 1 << 20).await;
        assert!(got.is_empty() && matches!(end, FrameError::Io(_)), "{end:?}");
    }

    #[tokio::test]
    async fn the_header_is_checked_before_the_rest_is_read() {
        let mut stream: &[u8] = &frame(&[1; 5000])[..12];
        let refuse = |key, version| Err(format!("{key} {version}"));
        let end = frames(1 << 20).next(&mut stream, refuse).await;
        assert!(matches!(&end, Err(FrameError::Refused(why)) if why == "257 257"), "{end:?}");
    }

    #[tokio::test]
    async fn a_frame_within_the_budget_is_read_and_one_past_it_is_not() {
        // The budget is 200,000; memory doubles as the bytes come.
        let (got, end) = all(&[frame(&[8; 130_000]), frame(&[9; 130_000])].concat(), 1 << 20).await;
        assert!(got.len() == 2 && matches!(end, FrameError::Closed), "{end:?}");
        let (got, end) = all(&frame(&[8; 262_144]), 1 << 20).await;
        assert!(got.is_empty() && matches!(&end, FrameError::Refused(why) if why == memory::USED_UP), "{end:?}");
    }
}
