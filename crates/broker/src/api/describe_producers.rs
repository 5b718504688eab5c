//! DescribeProducers (61), version 0: who writes to a partition, from its leader.

use kafka_wire::messages::DescribeProducersResponseActiveProducers as Active;

use crate::replica::hosted::Partitions;
use crate::shard::{DescribeProducers, DescribeProducersAnswer};

/// Answers the questions.
pub fn answer(partitions: &mut Partitions, questions: &[DescribeProducers]) -> Vec<DescribeProducersAnswer> {
    let one = |question: &DescribeProducers| {
        let producers = partitions.online(&question.partition).map(|partition| {
            let active = |(producer_id, entry): (i64, &crate::log::producer_state::ProducerEntry)| Active {
                producer_id,
                producer_epoch: entry.producer_epoch.into(),
                last_sequence: entry.last_sequence(),
                last_timestamp: entry.last_timestamp,
                coordinator_epoch: entry.coordinator_epoch,
                current_txn_start_offset: entry.current_txn_first_offset.unwrap_or(-1),
            };
            partition.producers().producers().map(active).collect()
        });
        DescribeProducersAnswer { position: question.position, producers }
    };
    questions.iter().map(one).collect()
}
