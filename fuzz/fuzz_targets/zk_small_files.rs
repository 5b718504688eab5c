//! The small files of a data folder with any content: `myid`, the epochs, `castlekeep.synced`.
#![no_main]

use std::path::Path;

use castlekeep_fuzz::{folder, open, put};
use libfuzzer_sys::fuzz_target;

const FILES: [&str; 5] = [
    "/data/myid",
    "/data/version-2/acceptedEpoch",
    "/data/version-2/currentEpoch",
    "/data/version-2/currentEpoch.tmp",
    "/data/version-2/castlekeep.synced",
];

fuzz_target!(|data: &[u8]| {
    let Some((which, content)) = data.split_first() else { return };
    let disk = folder();
    put(&disk, FILES[usize::from(*which) % FILES.len()], content);
    let _ = open(&disk);
    let _ = storage::zk::epochs::read(&disk, Path::new("/data/version-2"), i64::from(*which) << 32);
});
