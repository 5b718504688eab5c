//! A log under a test's hand, with what its producers are known for.

use std::path::Path;
use std::sync::Arc;

use broker::log::producer_state::EndTxnMarker;
use broker::log::{BatchHeader, LogConfig, ProducerState};
use broker::shard::LogAppend;
use bytes::{Bytes, BytesMut};
use kafka_wire::records::control;
use storage::file_disk::FileDisk;
use storage::kafka::{AbortedTxn, Log};

/// A moment.
pub const NOW_MS: i64 = 1_800_000_000_000;

/// Appends as a shard does.
pub struct Writer {
    pub log: Log<FileDisk>,
    pub producers: ProducerState,
}

impl Writer {
    pub fn new(dir: &Path, config: Arc<LogConfig>) -> Self {
        let log = Log::create(&FileDisk, dir, config, 0, NOW_MS).expect("made");
        Self { log, producers: ProducerState::new(0) }
    }

    pub fn append(&mut self, bytes: Bytes, marker: Option<EndTxnMarker>) {
        let header = BatchHeader::parse(&bytes).expect("a batch");
        self.log.append(&LogAppend { pieces: vec![bytes], header }, NOW_MS, &self.producers).expect("appended");
        if let Some(done) = self.producers.apply(&header, marker).filter(|done| done.aborted) {
            let last_stable_offset = self.producers.last_stable_offset_after(&done);
            let (producer_id, first_offset, last_offset) = (done.producer_id, done.first_offset, done.last_offset);
            let txn = AbortedTxn { producer_id, first_offset, last_offset, last_stable_offset };
            self.log.append_aborted(txn).expect("entered");
        }
    }

    /// The marker that ends a producer's transaction.
    pub fn end(&mut self, producer_id: i64, committed: bool) {
        let marker = control::EndTxnMarker { committed, coordinator_epoch: 3 };
        let mut bytes = BytesMut::from(&marker.batch(producer_id, 0, NOW_MS)[..]);
        kafka_wire::records::batch::set_base_offset(&mut bytes, self.log.log_end_offset());
        kafka_wire::records::batch::set_partition_leader_epoch(&mut bytes, 0);
        self.append(bytes.freeze(), Some(EndTxnMarker { aborted: !committed, coordinator_epoch: 3 }));
    }
}
