//! A damaged or made-up transaction log. The first byte says how: the file's bytes as they are, or payloads that are
//! framed with the checksum that they need to be looked at.
#![no_main]

use base::checksum::adler32;
use bytes::Bytes;
use castlekeep_fuzz::{folder, open, piece, put};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((how, rest)) = data.split_first() else { return };
    let content = if how % 2 == 0 { rest.to_vec() } else { framed(Bytes::copy_from_slice(rest)) };
    let disk = folder();
    put(&disk, "/data/version-2/log.1", &content);
    if let Ok(keeper) = open(&disk) {
        // What opened once opens again. The digests may differ: a made-up entry can call a node `//a`, as no client can,
        // and the snapshot that the first opening wrote calls it `/a`.
        let again = open(&disk.crash(sim::disk::Crash::Process)).expect("it opened before");
        assert_eq!(again.last_processed(), keeper.last_processed());
        assert_eq!(again.tree().nodes_count(), keeper.tree().nodes_count());
    }
});

fn framed(mut rest: Bytes) -> Vec<u8> {
    let mut content = storage::zk::log_reader::header().to_vec();
    let mut zxid = 0_i64;
    while let Some(payload) = piece(&mut rest) {
        let mut payload = payload.to_vec();
        zxid += 1;
        if let Some(at) = payload.get_mut(12..20) {
            at.copy_from_slice(&zxid.to_be_bytes());
        }
        content.extend_from_slice(&u64::from(adler32(&payload)).to_be_bytes());
        content.extend_from_slice(&(payload.len() as u32).to_be_bytes());
        content.extend_from_slice(&payload);
        content.push(b'B');
    }
    content
}
