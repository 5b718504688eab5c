//! AlterReplicaLogDirs (key 34), versions 0 to 2: partitions move to other log folders of this broker (KIP-113).

use crate::error;
use crate::replica::hosted::Partitions;
use crate::shard::{LogMove, MoveLog};

/// Which of the moves can be begun, as far as the state of the partitions says; the folders are the driver's to check,
/// and come first.
pub fn moves(partitions: &mut Partitions, wanted: Vec<MoveLog>) -> Vec<LogMove> {
    let one = |MoveLog { position, partition, log_dir }| {
        let hosted = match partitions.online(&partition) {
            Ok(_) => Ok(()),
            Err(error::KAFKA_STORAGE_ERROR) => Err(error::KAFKA_STORAGE_ERROR),
            // Upstream's answer of old for a replica that is not here, or not yet.
            Err(_) => Err(error::REPLICA_NOT_AVAILABLE),
        };
        LogMove { position, partition, log_dir, hosted }
    };
    wanted.into_iter().map(one).collect()
}
