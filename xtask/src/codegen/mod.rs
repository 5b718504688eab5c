//! Schemas to Rust. The output is committed; `check` fails when output and schema differ.

use std::path::Path;

pub mod jute;
pub mod kafka;

/// Generates the records of both protocols below `root`, the workspace's folder. With `check` nothing is written.
///
/// # Errors
/// A schema that cannot be read or understood; with `check`, output that is not what the schema gives.
pub fn run(root: &Path, check: bool) -> anyhow::Result<()> {
    jute::run(root, check)?;
    kafka::run(root, check)
}
