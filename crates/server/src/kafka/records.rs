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

impl Range {
    /// The bytes, in pieces.
    ///
    /// # Errors
    /// As the disk reports them.
    pub(super) async fn read(self) -> io::Result<Vec<Bytes>> {
        let range = self.0;
        if !range.memory.is_empty() {
            return Ok(range.memory);
        }
        if let Some(bytes) = read_warm(&range) {
            return Ok(vec![bytes]);
        }
        let read = tokio::task::spawn_blocking(move || range.read_bytes()).await;
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
const SPARES_MAX: usize = 2;
const SPARE_BYTES_MAX: usize = 1 << 20;

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
        assert_eq!(spares(), [101, 40]);
    }

    #[test]
    fn a_thread_keeps_little() {
        let many: Vec<Reused> = (1..=5).map(Reused::take).collect();
        drop(many);
        drop(Reused::take(SPARE_BYTES_MAX + 1));
        assert!(spares().len() <= SPARES_MAX && spares().iter().sum::<usize>() <= SPARES_MAX * SPARE_BYTES_MAX);
    }
}
