//! OffsetForLeaderEpoch (key 23), versions 0 to 4: where an epoch ends in the leader's log, so that followers and
//! consumers see where theirs parts from it (KIP-101, KIP-320).

use crate::error;
use crate::replica::hosted::Partitions;
use crate::shard::{EpochEnd, EpochEndAnswer};

/// Answers the questions.
pub fn answer(partitions: &mut Partitions, questions: &[EpochEnd]) -> Vec<EpochEndAnswer> {
    let one = |question: &EpochEnd| {
        let found = partitions.online(&question.partition).and_then(|partition| {
            partition.check_leader_epoch(question.current_leader_epoch)?;
            Ok(partition.epochs().end_offset_for(question.leader_epoch, partition.log_end_offset()))
        });
        let (error_code, (leader_epoch, end_offset)) = match found {
            Ok(end) => (error::NONE, end),
            Err(code) => (code, (-1, -1)),
        };
        EpochEndAnswer { position: question.position, error_code, leader_epoch, end_offset }
    };
    questions.iter().map(one).collect()
}
