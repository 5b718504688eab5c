//! The records of fetch responses: from memory, from warm pages at once, from the disk on a thread that may wait.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, IoSliceMut};

use broker::assembly::fetch::RecordRange;
use bytes::Bytes;
use rustix::io::ReadWriteFlags;
use storage::kafka::FileRange;

/// A range of a real file.
pub(super) struct Range(pub(super) FileRange<File>);

impl RecordRange for Range {
    fn bytes(&self) -> u32 {
        self.0.len
    }
}

/// So much of a file is read before it is written to the socket. A processor's own cache has room for it, so that the
/// socket's copy finds it there: larger pieces are read from farther away. A client that does not read holds no more.
pub(super) const PIECE_BYTES: u32 = 128 << 10;

/// What is in memory while all these are sent, in bytes: what the log still had there, and what is read of files at a time.
pub(super) fn held_bytes(ranges: &[Range]) -> usize {
    let len = |range: &Range| range.0.len as usize;
    let in_memory: usize = ranges.iter().filter(|range| !range.0.memory.is_empty()).map(len).sum();
    let in_files: usize = ranges.iter().filter(|range| range.0.memory.is_empty()).map(len).sum();
    // A piece that waits for the next, and that one.
    in_memory + in_files.min(2 * PIECE_BYTES as usize)
}

impl Range {

    /// The next bytes, in pieces; none when all have been given.
    ///
    /// # Errors
    /// As the disk reports them.
    pub(super) async fn next(&mut self) -> io::Result<Vec<Bytes>> {
        let left = &mut self.0;
        if !left.memory.is_empty() {
            left.len = 0;
            return Ok(std::mem::take(&mut left.memory));
        }
        let piece = FileRange { len: left.len.min(PIECE_BYTES), ..left.clone() };
        if piece.is_empty() {
            return Ok(Vec::new());
        }
        left.position += u64::from(piece.len);
        left.len -= piece.len;
        if let Some(bytes) = read_warm(&piece) {
            return Ok(vec![bytes]);
        }
        let read = tokio::task::spawn_blocking(move || piece.read_bytes()).await;
        Ok(vec![read.map_err(io::Error::other)??])
    }
}

/// Everything, if the page cache has it; never waits for the disk.
fn read_warm(range: &FileRange<File>) -> Option<Bytes> {
    let file = range.file.as_ref()?;
    let mut memory = Reused::take(range.len as usize);
    let buffers = &mut [IoSliceMut::new(memory.bytes_mut())];
    let read = rustix::io::preadv2(file, buffers, range.position, ReadWriteFlags::NOWAIT).ok()?;
    (read == memory.len).then(|| Bytes::from_owner(memory))
}

/// Memory that the next read of this thread finds again: what has been written once need not be zeroed again, which for a
/// MiB costs nearly as much as reading it.
struct Reused {
    /// Initialised; the first `len` bytes are in use.
    memory: Vec<u8>,
    len: usize,
}

/// What a thread keeps: enough for its connections in turn.
const SPARES_MAX: usize = 8;
const SPARE_BYTES_MAX: usize = PIECE_BYTES as usize;

thread_local! {
    static SPARES: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

impl Reused {
    fn take(len: usize) -> Self {
        // Not much more than is asked for: a client that does not read holds it, and is charged for `len`.
        let fits = |spare: &Vec<u8>| (len..=len.saturating_mul(2)).contains(&spare.len());
        let found = SPARES.with_borrow_mut(|spares| {
            let at = spares.iter().position(fits)?;
            Some(spares.swap_remove(at))
        });
        Self { memory: found.unwrap_or_else(|| vec![0; len]), len }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.memory[..self.len]
    }
}

impl AsRef<[u8]> for Reused {
    fn as_ref(&self) -> &[u8] {
        &self.memory[..self.len]
    }
}

impl Drop for Reused {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        if memory.capacity() > SPARE_BYTES_MAX {
            return;
        }
        // A thread that ends has none any more.
        let _ = SPARES.try_with(|spares| {
            let mut spares = spares.borrow_mut();
            // The latest sizes are those that are asked for next.
            spares.truncate(SPARES_MAX - 1);
            spares.insert(0, memory);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spares() -> Vec<usize> {
        SPARES.with_borrow(|spares| spares.iter().map(Vec::len).collect())
    }

    #[test]
    fn memory_is_used_again_and_a_reader_sees_its_own_bytes() {
        let mut first = Reused::take(100);
        first.bytes_mut().fill(7);
        let bytes = Bytes::from_owner(first);
        let part = bytes.slice(10..20);
        drop(bytes);
        assert!(spares().is_empty(), "a slice still holds it");
        assert_eq!(&part[..], [7; 10]);
        drop(part);
        assert_eq!(spares(), [100]);
        assert_eq!(Reused::take(60).as_ref(), [7; 60]);
        assert_eq!(spares(), [100]);
        assert_eq!(Reused::take(40).as_ref(), [0; 40], "a client that holds 40 bytes does not hold 100");
        assert_eq!(Reused::take(101).as_ref(), [0; 101]);
        assert_eq!(spares(), [101, 40, 100]);
    }

    #[tokio::test]
    async fn a_file_is_read_in_pieces_from_where_the_range_begins() {
        let content: Vec<u8> = (0..3 * PIECE_BYTES).map(|at| (at / 7) as u8).collect();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("00000000000000000000.log");
        std::fs::write(&path, &content).unwrap();
        let file = Some(std::sync::Arc::new(File::open(&path).unwrap()));
        let len = 2 * PIECE_BYTES + 5;
        let mut range = Range(FileRange { file, position: 3, len, memory: Vec::new() });
        assert_eq!(held_bytes(std::slice::from_ref(&range)), 2 * PIECE_BYTES as usize);
        let mut pieces = Vec::new();
        loop {
            let next = range.next().await.unwrap();
            if next.is_empty() {
                break;
            }
            pieces.extend(next);
        }
        let lens: Vec<usize> = pieces.iter().map(Bytes::len).collect();
        assert_eq!(lens, [PIECE_BYTES as usize, PIECE_BYTES as usize, 5]);
        assert!(pieces.concat() == content[3..3 + len as usize]);
    }

    #[tokio::test]
    async fn what_the_log_has_in_memory_is_given_as_it_is() {
        let memory = vec![Bytes::from(vec![1; 2 * PIECE_BYTES as usize]), Bytes::from_static(b"end")];
        let len = 2 * PIECE_BYTES + 3;
        let mut range = Range(FileRange { file: None, position: 0, len, memory: memory.clone() });
        assert_eq!(held_bytes(std::slice::from_ref(&range)), len as usize);
        assert_eq!(range.next().await.unwrap(), memory);
        assert!(range.next().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_file_that_was_cut_meanwhile_is_an_error() {
        let file = Some(std::sync::Arc::new(tempfile::tempfile().unwrap()));
        let mut range = Range(FileRange { file, position: 0, len: 9, memory: Vec::new() });
        assert_eq!(range.next().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn a_thread_keeps_little() {
        let many: Vec<Reused> = (1..=2 * SPARES_MAX).map(Reused::take).collect();
        drop(many);
        drop(Reused::take(SPARE_BYTES_MAX + 1));
        assert!(spares().len() <= SPARES_MAX && spares().iter().sum::<usize>() <= SPARES_MAX * SPARE_BYTES_MAX);
    }
}
