//! Kafka bytes <-> typed messages, and pure functions over record batches.
