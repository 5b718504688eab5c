//! A snapshot that comes as a stream, from whoever has it, instead of from the folder.

use std::io::Read;

use keeper::Recovery;
use zk_wire::snapshot::SnapshotRecord;
use zk_wire::{Zxid, ZxidDigest};

use super::snapshot_reader::{SnapshotError, read_stream};

/// Fills `recovery` with a whole snapshot, and numbers it with the last transaction that the stream says is in it. What
/// is wrong with the bytes is found before anything else knows of them; they may be many more than they seem when they
/// are compressed, so `bytes_max` limits what they unpack to.
///
/// # Errors
/// [`SnapshotError`]: no whole snapshot, one that does not say what it holds, or one whose tree has another digest.
pub fn recover(
    input: impl Read,
    record_bytes_max: usize,
    bytes_max: u64,
    mut recovery: Recovery,
) -> Result<Recovery, SnapshotError> {
    recovery.begin_snapshot(Zxid::ZERO);
    let mut left = bytes_max;
    let trailers = read_stream(input, record_bytes_max, &mut |record| {
        left = left.checked_sub(bytes_of(&record)).ok_or_else(|| {
            format!("it unpacks to more than {bytes_max} bytes, for which there is not enough memory")
        })?;
        recovery.record(record).map_err(|error| error.to_string())
    })?;
    let Some(last) = trailers.last_zxid else {
        return Err(SnapshotError::Refused(
            "the snapshot does not say which transaction is its last; take it with \
             serializeLastProcessedZxid.enabled=true"
                .into(),
        ));
    };
    recovery.renumber(Zxid(last));
    let digest =
        trailers.digest.map(|(zxid, digest_version, digest)| ZxidDigest { zxid: Zxid(zxid), digest_version, digest });
    recovery.end_snapshot(digest).map_err(|error| SnapshotError::Refused(error.to_string()))?;
    if recovery.digest_mismatches() > 0 {
        return Err(SnapshotError::Refused("the digest in the snapshot is not that of its tree".into()));
    }
    Ok(recovery)
}

/// About as many as the record has in a snapshot.
fn bytes_of(record: &SnapshotRecord) -> u64 {
    const FIXED: usize = 80;
    let more = match record {
        SnapshotRecord::Node(path, node) => path.len() + node.data.as_deref().map_or(0, <[u8]>::len),
        SnapshotRecord::Acl(acl) => acl.acl.as_ref().map_or(0, |list| list.len() * FIXED),
        SnapshotRecord::Session(_) | SnapshotRecord::End => 0,
    };
    (FIXED + more) as u64
}

#[cfg(test)]
mod tests {
    use base::Prng;
    use bytes::BytesMut;
    use zk_wire::snapshot;
    use zk_wire::{Jute, SnapshotNode};

    use super::super::names::snapshots;
    use super::super::snapshot_writer::SnapshotWriter;
    use super::*;
    use crate::file_disk::FileDisk;

    /// A whole snapshot with a root of `data` bytes.
    fn whole(data: usize, last_zxid: Option<i64>) -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let mut bytes = BytesMut::new();
        snapshot::encode_sessions(&mut bytes, &[]);
        snapshot::encode_acls(&mut bytes, &[]);
        snapshot::encode_path(&mut bytes, "/");
        SnapshotNode { data: Some(vec![b'x'; data].into()), acl: -1, ..SnapshotNode::default() }.encode(&mut bytes);
        snapshot::encode_end(&mut bytes);
        let mut writer = SnapshotWriter::new(FileDisk, dir.path(), 7);
        writer.write(&bytes).unwrap();
        // Of another moment than the last zxid, so that it cannot be compared; the last zxid stands only behind a digest.
        writer.finish(Some((5, 0)), last_zxid).unwrap();
        std::fs::read(&snapshots(&FileDisk, dir.path()).unwrap()[0].path).unwrap()
    }

    fn recovered(bytes: &[u8]) -> Result<Zxid, String> {
        let recovery = Recovery::new(keeper::Config::default(), Prng::new(1));
        recover(bytes, 1 << 20, 1 << 16, recovery).map(|r| r.last_zxid()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_whole_is_taken_and_nothing_else() {
        let good = whole(1000, Some(7));
        assert_eq!(recovered(&good), Ok(Zxid(7)));
        assert!(recovered(&whole(1000, None)).unwrap_err().contains("serializeLastProcessedZxid"));
        for len in [0, 1, 15, 40, good.len() - 1] {
            assert!(recovered(&good[..len]).is_err(), "cut to {len}");
        }
        for at in (0..good.len()).step_by(7) {
            let mut bytes = good.clone();
            bytes[at] ^= 0x10;
            assert!(recovered(&bytes).is_err(), "bit flipped at {at}");
        }
        let longer = [&good[..], b"more"].concat();
        assert!(recovered(&longer).is_err());
    }

    #[test]
    fn a_small_stream_that_unpacks_to_much_is_refused() {
        use std::io::Write as _;
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&whole(1000, Some(7))).unwrap();
        assert_eq!(recovered(&gzip.finish().unwrap()), Ok(Zxid(7)));
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&whole(100_000, Some(7))).unwrap();
        let bomb = gzip.finish().unwrap();
        assert!(bomb.len() < 1000 && recovered(&bomb).unwrap_err().contains("unpacks to more than 65536 bytes"));
    }
}
