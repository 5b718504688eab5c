//! Records as a producer could send them: batches, their records, every codec.
#![no_main]

use bytes::Bytes;
use kafka_wire::records::control::EndTxnMarker;
use kafka_wire::records::{Batches, Compression, compress};
use libfuzzer_sys::fuzz_target;

const LIMIT_BYTES: usize = 1 << 20;

fuzz_target!(|data: &[u8]| {
    for batch in Batches::new(Bytes::copy_from_slice(data)) {
        let Ok(batch) = batch else { break };
        let _ = batch.check_crc();
        let _ = EndTxnMarker::from_batch(&batch);
        if let Ok(records) = batch.records(LIMIT_BYTES) {
            for record in records.flatten() {
                let _ = record.headers().count();
            }
        }
    }
    if let Some((codec, packed)) = data.split_first() {
        let codec = Compression::ALL[usize::from(*codec) % Compression::ALL.len()];
        if let Ok(plain) = compress::decompress(codec, packed, LIMIT_BYTES) {
            assert!(plain.len() <= LIMIT_BYTES);
        }
    }
});
