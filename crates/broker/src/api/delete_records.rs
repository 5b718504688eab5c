//! DeleteRecords (key 21), versions 0 to 2: the log start offset moves up, to the high watermark at most (KIP-107).

use crate::replica::hosted::Partitions;
use crate::shard::{DeleteRecords, DeleteRecordsAnswer, Effect};
use crate::{ErrorCode, error};

/// Moves the log starts and answers where they are.
pub fn answer(
    partitions: &mut Partitions,
    wanted: &[DeleteRecords],
    effects: &mut Vec<Effect>,
) -> Vec<DeleteRecordsAnswer> {
    let one = |wanted: &DeleteRecords| match delete(partitions, wanted, effects) {
        Ok(low_watermark) => DeleteRecordsAnswer { position: wanted.position, error_code: error::NONE, low_watermark },
        Err(error_code) => DeleteRecordsAnswer { position: wanted.position, error_code, low_watermark: -1 },
    };
    wanted.iter().map(one).collect()
}

fn delete(partitions: &mut Partitions, wanted: &DeleteRecords, effects: &mut Vec<Effect>) -> Result<i64, ErrorCode> {
    let partition = partitions.online(&wanted.partition)?;
    if !partition.config().cleanup_delete {
        return Err(error::POLICY_VIOLATION);
    }
    let offset = if wanted.offset == -1 { partition.high_watermark() } else { wanted.offset };
    if offset < 0 || offset > partition.high_watermark() {
        return Err(error::OFFSET_OUT_OF_RANGE);
    }
    // Segments that lie below go with the next retention check.
    if partition.on_log_start_moved(offset) {
        effects.push(Effect::SaveEpochs(wanted.partition.clone()));
    }
    Ok(partition.log_start_offset())
}
