//! What produce rules ask of single records: see [`crate::log::validate::Deep`].

use crate::log::LogConfig;
use crate::log::batch::HEADER_BYTES;
use crate::log::validate::{Deep, Produced, walk_records};
use crate::shard::CodedError;

/// Looks inside the batch where a rule needs it.
///
/// # Errors
/// What the producer is told, with the records to blame.
pub fn run(produced: Produced, _config: &LogConfig) -> Result<Produced, CodedError> {
    let (Deep::Walk(rules) | Deep::Recompress(rules, _)) = produced.deep else { return Ok(produced) };
    if produced.header.codec() == 0 {
        walk_records(&produced.header, &produced.bytes[HEADER_BYTES..], &rules)?;
    }
    Ok(produced)
}
