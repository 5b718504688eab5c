//! A damaged or made-up snapshot. The first byte says how it is packed (plain, gz, snappy), and whether the input is the
//! file, or the nodes that a file with good seals holds.
#![no_main]

use base::checksum::adler32;
use castlekeep_fuzz::{folder, open, put};
use libfuzzer_sys::fuzz_target;
use storage::zk::snapshot_reader::{DBID, MAGIC, SLASH, VERSION};

fuzz_target!(|data: &[u8]| {
    let Some((how, rest)) = data.split_first() else { return };
    let name = ["snapshot.1", "snapshot.1.gz", "snapshot.1.snappy", "snapshot.1"][usize::from(how % 4)];
    let content = if how % 4 == 3 { sealed(rest) } else { rest.to_vec() };
    let disk = folder();
    put(&disk, &format!("/data/version-2/{name}"), &content);
    if let Ok(keeper) = open(&disk) {
        assert!(keeper.tree().get("/").is_some());
    }
});

fn sealed(records: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    content.extend_from_slice(&MAGIC.to_be_bytes());
    content.extend_from_slice(&VERSION.to_be_bytes());
    content.extend_from_slice(&DBID.to_be_bytes());
    content.extend_from_slice(records);
    content.extend_from_slice(SLASH);
    let sum = u64::from(adler32(&content));
    content.extend_from_slice(&sum.to_be_bytes());
    content.extend_from_slice(SLASH);
    content
}
