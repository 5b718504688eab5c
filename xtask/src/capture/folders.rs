//! Data folders that the Apache servers wrote, copied into the fixtures.

use std::path::Path;

use anyhow::{Context, Result, bail};

/// Files past this size do not belong among the fixtures.
const FILE_BYTES_MAX: u64 = 256 << 10;

/// Copies the folder `from` over `to`, which is emptied first. Lock files are left out: they say nothing.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    if to.exists() {
        std::fs::remove_dir_all(to).with_context(|| format!("empty {}", to.display()))?;
    }
    std::fs::create_dir_all(to).with_context(|| format!("create {}", to.display()))?;
    for entry in std::fs::read_dir(from).with_context(|| format!("read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        let kind = entry.file_type()?;
        if entry.file_name().to_string_lossy().ends_with("-delete") {
            continue; // a deleted topic whose files wait to be removed
        }
        if kind.is_dir() {
            copy(&entry.path(), &target)?;
        } else if entry.file_name() != ".lock" {
            let length = entry.metadata()?.len();
            if length > FILE_BYTES_MAX {
                bail!("{} has {length} bytes, too many for a fixture", entry.path().display());
            }
            std::fs::copy(entry.path(), &target).with_context(|| format!("copy {}", entry.path().display()))?;
        }
    }
    Ok(())
}
