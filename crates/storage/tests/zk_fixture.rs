//! A folder that Apache ZooKeeper 3.9.5 wrote: read here, and read by the keeper with the digests compared.

use std::path::{Path, PathBuf};

use base::{Instant, Now, Prng};
use bytes::BytesMut;
use keeper::Config;
use storage::disk::{Disk, OpenMode};
use storage::file_disk::FileDisk;
use storage::zk::data_dir::DataDir;
use storage::zk::log_reader::{Found, LogReader};
use storage::zk::names;
use storage::zk::restore::RestoreOptions;
use storage::zk::snapshot_reader::{self, looks_valid};
use storage::zk::snapshot_writer::SnapshotWriter;
use storage::zk::store::open_keeper;
use zk_wire::snapshot::{self, SnapshotRecord};
use zk_wire::{Jute, SnapshotAcl, SnapshotNode, SnapshotSession};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/zookeeper/data-3.9.5/version-2")
}

/// A copy, since opening a folder writes into it.
fn copy() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("version-2");
    std::fs::create_dir(&to).unwrap();
    for entry in std::fs::read_dir(fixture()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
    dir
}

#[test]
fn every_log_reads_to_its_end() {
    let mut last = 0;
    for log in names::logs(&FileDisk, &fixture()).unwrap() {
        let mut reader = LogReader::open(FileDisk.open(&log.path, OpenMode::Read).unwrap()).unwrap().unwrap();
        let mut first = None;
        loop {
            match reader.next_entry().unwrap() {
                Found::Entry { zxid, .. } => {
                    first.get_or_insert(zxid);
                    assert_eq!(zxid, last + 1, "{}", log.path.display());
                    last = zxid;
                }
                Found::End => break,
                other => panic!("{other:?} at {} of {}", reader.position(), log.path.display()),
            }
        }
        assert_eq!(first, Some(log.zxid), "a log is named after its first transaction");
    }
    assert!(last > 0x2b);
}

/// What was read and is written again is the same file, byte for byte.
#[test]
fn a_snapshot_written_again_is_the_same_file() {
    let dir = tempfile::tempdir().unwrap();
    for name in names::snapshots(&FileDisk, &fixture()).unwrap() {
        assert!(looks_valid(&FileDisk, &name).unwrap());
        let (mut sessions, mut acls) = (Vec::<SnapshotSession>::new(), Vec::<SnapshotAcl>::new());
        let mut nodes = Vec::<(base::Str, SnapshotNode)>::new();
        let trailers = snapshot_reader::read(&FileDisk, &name, 1 << 20, &mut |record| {
            match record {
                SnapshotRecord::Session(session) => sessions.push(session),
                SnapshotRecord::Acl(acl) => acls.push(acl),
                SnapshotRecord::Node(path, node) => nodes.push((path, node)),
                SnapshotRecord::End => {}
            }
            Ok(())
        })
        .unwrap();
        let mut body = BytesMut::new();
        snapshot::encode_sessions(&mut body, &sessions);
        snapshot::encode_acls(&mut body, &acls);
        for (path, node) in &nodes {
            snapshot::encode_path(&mut body, path);
            node.encode(&mut body);
        }
        snapshot::encode_end(&mut body);
        let mut writer = SnapshotWriter::new(FileDisk, dir.path(), name.zxid);
        writer.write(&body).unwrap();
        let (zxid, version, digest) = trailers.digest.unwrap();
        assert_eq!(version, 2);
        let written = writer.finish(Some((zxid, digest)), trailers.last_zxid).unwrap();
        assert_eq!(std::fs::read(written).unwrap(), std::fs::read(&name.path).unwrap(), "{}", name.path.display());
    }
}

#[test]
fn the_keeper_has_the_tree_that_apache_had() {
    let newest = names::snapshots(&FileDisk, &fixture()).unwrap()[0].zxid;
    for from_snapshot in [newest, 0] {
        let copied = copy();
        if from_snapshot == 0 {
            std::fs::remove_file(
                copied.path().join("version-2").join(names::snapshot_name(newest, names::Compression::None)),
            )
            .unwrap();
        }
        let mut dir = DataDir::open(FileDisk, copied.path(), None).unwrap();
        let options = RestoreOptions::default();
        let now = Now { mono: Instant::ZERO, wall_ms: 0 };
        let (keeper, restored) = open_keeper(&mut dir, options, Config::default(), Prng::new(1), now).unwrap();
        assert_eq!(restored.snapshot_zxid, Some(from_snapshot));
        assert_eq!(restored.notes, [""; 0]);
        // Apache wrote its tree's digest behind every transaction.
        assert_eq!(keeper.digest_mismatches(), 0);
        assert!(keeper.tree().nodes_count() > 5);
    }
}
