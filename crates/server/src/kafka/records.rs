//! The records of fetch responses: from memory, from warm pages by the kernel or by a copy, from the disk on a thread
//! that may wait.

use std::cell::RefCell;
use std::fs::File;
use std::io;

use broker::assembly::fetch::RecordRange;
use bytes::Bytes;
use storage::disk::DiskFile;
use storage::kafka::FileRange;

/// A range of a real file.
pub(super) struct Range(pub(super) FileRange<File>);

impl RecordRange for Range {
    fn bytes(&self) -> u32 {
        self.0.len
    }
}

/// So much of a file is sent, or read and held, at a time.
const PIECE_BYTES: u32 = 1 << 20;
/// What is shorter is copied: `sendfile` costs more than a copy of it.
const SENDFILE_BYTES_MIN: u32 = 32 << 10;
/// The page cache is asked about a byte in so many: pages come in runs of this length (the usual read-ahead), and go in
/// runs.
const PROBE_BYTES: u32 = 128 << 10;

/// Bytes on their way into a socket.
pub(super) enum Piece {
    /// In memory.
    Memory(Vec<Bytes>),
    /// In the page cache: the kernel can send them without anybody waiting for the disk.
    Warm(FileRange<File>),
}

/// What is in memory while all these are sent, in bytes: what the log still had there, and what is read of files at a time.
pub(super) fn held_bytes(ranges: &[Range]) -> usize {
    let len = |range: &Range| range.0.len as usize;
    let in_memory: usize = ranges.iter().filter(|range| !range.0.memory.is_empty()).map(len).sum();
    let in_files: usize = ranges.iter().filter(|range| range.0.memory.is_empty()).map(len).sum();
    // A piece that waits for the next, and that one.
    in_memory + in_files.min(2 * PIECE_BYTES as usize)
}

impl Range {
    /// The next bytes; `None` when all have been given.
    ///
    /// # Errors
    /// As the disk reports them.
    pub(super) async fn next(&mut self) -> io::Result<Option<Piece>> {
        let left = &mut self.0;
        if !left.memory.is_empty() {
            left.len = 0;
            return Ok(Some(Piece::Memory(std::mem::take(&mut left.memory))));
        }
        let piece = FileRange { len: left.len.min(PIECE_BYTES), ..left.clone() };
        if piece.is_empty() {
            return Ok(None);
        }
        left.position += u64::from(piece.len);
        left.len -= piece.len;
        if piece.len >= SENDFILE_BYTES_MIN && is_warm(&piece) {
            return Ok(Some(Piece::Warm(piece)));
        }
        if let Some(bytes) = read_warm(&piece) {
            return Ok(Some(Piece::Memory(vec![bytes])));
        }
        let read = tokio::task::spawn_blocking(move || piece.read_bytes()).await;
        Ok(Some(Piece::Memory(vec![read.map_err(io::Error::other)??])))
    }
}

/// Whether the page cache seems to have everything; never waits for the disk. Who believes it and is wrong waits for a
/// page that has gone from between two that are there.
fn is_warm(range: &FileRange<File>) -> bool {
    let Some(file) = &range.file else { return false };
    let last = range.position + u64::from(range.len) - 1;
    let mut probes = (range.position..last).step_by(PROBE_BYTES as usize).chain([last]);
    probes.all(|at| matches!(file.read_at_hand(&mut [0], at), Ok(1)))
}

/// Everything, if the page cache has it; never waits for the disk.
fn read_warm(range: &FileRange<File>) -> Option<Bytes> {
    let file = range.file.as_ref()?;
    let mut memory = Reused::take(range.len as usize);
    let read = file.read_at_hand(memory.bytes_mut(), range.position).ok()?;
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
const SPARES_MAX: usize = 2;
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
    use std::os::unix::fs::FileExt;
    use std::sync::Arc;

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
        assert_eq!(spares(), [101, 40]);
    }

    /// A file of `len` bytes, all in the page cache.
    fn written(len: u32) -> (Vec<u8>, Arc<File>) {
        let content: Vec<u8> = (0..len).map(|at| (at / 7) as u8).collect();
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&content, 0).unwrap();
        (content, Arc::new(file))
    }

    async fn all(mut range: Range) -> Vec<Piece> {
        let mut pieces = Vec::new();
        while let Some(piece) = range.next().await.unwrap() {
            pieces.push(piece);
        }
        pieces
    }

    #[tokio::test]
    async fn a_warm_file_is_sent_by_the_kernel_in_pieces_and_its_short_end_is_copied() {
        let (content, file) = written(3 * PIECE_BYTES);
        let len = 2 * PIECE_BYTES + 5;
        let range = Range(FileRange { file: Some(file), position: 3, len, memory: Vec::new() });
        assert_eq!(held_bytes(std::slice::from_ref(&range)), 2 * PIECE_BYTES as usize);
        let pieces = all(range).await;
        let [Piece::Warm(first), Piece::Warm(second), Piece::Memory(end)] = &pieces[..] else { panic!("other pieces") };
        assert_eq!((first.position, first.len), (3, PIECE_BYTES));
        assert_eq!((second.position, second.len), (3 + u64::from(PIECE_BYTES), PIECE_BYTES));
        assert_eq!(end.concat(), content[2 * PIECE_BYTES as usize + 3..][..5]);
    }

    #[tokio::test]
    async fn what_is_short_is_copied() {
        let (content, file) = written(SENDFILE_BYTES_MIN);
        let (position, len) = (1, SENDFILE_BYTES_MIN - 1);
        let pieces = all(Range(FileRange { file: Some(file), position, len, memory: Vec::new() })).await;
        let [Piece::Memory(bytes)] = &pieces[..] else { panic!("other pieces") };
        assert_eq!(bytes.concat(), content[1..]);
    }

    #[tokio::test]
    async fn what_the_log_has_in_memory_is_given_as_it_is() {
        let memory = vec![Bytes::from(vec![1; 2 * PIECE_BYTES as usize]), Bytes::from_static(b"end")];
        let len = 2 * PIECE_BYTES + 3;
        let range = Range(FileRange { file: None, position: 0, len, memory: memory.clone() });
        assert_eq!(held_bytes(std::slice::from_ref(&range)), len as usize);
        let pieces = all(range).await;
        assert!(matches!(&pieces[..], [Piece::Memory(bytes)] if *bytes == memory));
    }

    #[tokio::test]
    async fn a_file_that_was_cut_meanwhile_is_an_error() {
        for len in [9, PIECE_BYTES] {
            let (_, file) = written(8);
            let mut range = Range(FileRange { file: Some(file), position: 0, len, memory: Vec::new() });
            let Err(e) = range.next().await else { panic!("{len} bytes of 8") };
            assert_eq!(e.kind(), io::ErrorKind::UnexpectedEof);
        }
    }

    #[test]
    fn a_thread_keeps_little() {
        let many: Vec<Reused> = (1..=2 * SPARES_MAX).map(Reused::take).collect();
        drop(many);
        drop(Reused::take(SPARE_BYTES_MAX + 1));
        assert!(spares().len() <= SPARES_MAX && spares().iter().sum::<usize>() <= SPARES_MAX * SPARE_BYTES_MAX);
    }
}
