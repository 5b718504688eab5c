//! What a partition's log means, apart from its files: which epoch began where, what each producer wrote last, what
//! a produced batch must look like, which segments may go and which are compacted. Pure; the files are `storage::kafka`.

pub mod batch;
pub mod clean_plan;
pub mod inspection;
pub mod leader_epoch;
pub mod offset_map;
pub mod producer_state;
pub mod records;
pub mod retention;
pub mod validate;

pub use crate::shard::LogConfig;
pub use batch::BatchHeader;
pub use leader_epoch::LeaderEpochCache;
pub use producer_state::ProducerState;
