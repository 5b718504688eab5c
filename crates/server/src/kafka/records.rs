//! The records of fetch responses: from memory, from warm pages at once, from the disk on a thread that may wait.

use std::fs::File;
use std::io::{self, IoSliceMut};

use broker::assembly::fetch::RecordRange;
use bytes::{Bytes, BytesMut};
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
    let mut bytes = BytesMut::zeroed(range.len as usize);
    let buffers = &mut [IoSliceMut::new(&mut bytes)];
    let read = rustix::io::preadv2(file, buffers, range.position, ReadWriteFlags::NOWAIT).ok()?;
    (read == bytes.len()).then(|| bytes.freeze())
}
