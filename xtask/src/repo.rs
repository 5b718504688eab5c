//! Where things are: the repository's root, the cache outside the tracked files, and what git tracks.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// The workspace's root folder. Cargo names this crate's folder in the environment of what it runs; without that
/// (the binary called directly) the nearest parent folder that holds `xtask/Cargo.toml`.
pub fn root() -> Result<PathBuf> {
    if let Some(manifest_dir) = std::env::var_os("CARGO_MANIFEST_DIR") {
        let root = PathBuf::from(manifest_dir).join("..");
        return root.canonicalize().context("find the workspace above CARGO_MANIFEST_DIR");
    }
    let start = std::env::current_dir().context("find the current folder")?;
    match start.ancestors().find(|dir| dir.join("xtask/Cargo.toml").is_file()) {
        Some(dir) => Ok(dir.to_path_buf()),
        None => bail!("no workspace above {}; run `cargo xtask` inside a clone", start.display()),
    }
}

/// The folder for everything fetched or built for tests; ignored by git.
pub fn cache() -> Result<PathBuf> {
    let cache = root()?.join(".cache");
    std::fs::create_dir_all(&cache).with_context(|| format!("create {}", cache.display()))?;
    Ok(cache)
}

/// Where cargo puts release builds.
pub fn release_folder() -> Result<PathBuf> {
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => PathBuf::from(target),
        None => root()?.join("target"),
    };
    Ok(target.join("release"))
}

/// The files of the working tree that are tracked or would be (untracked and not ignored), relative to the root.
pub fn tracked_files(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("run git ls-files")?;
    if !output.status.success() {
        bail!("git ls-files failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let mut files: Vec<String> = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter(|file| root.join(file).is_file())
        .map(str::to_owned)
        .collect();
    files.sort();
    files.dedup();
    Ok(files)
}

/// The product, built in the one optimised profile; built first when it is not there or not up to date.
pub fn binary() -> Result<PathBuf> {
    let root = root()?;
    let mut cargo = std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(&root).args(["build", "--release", "--quiet", "--package", "cli"]);
    let status = cargo.status().context("run cargo")?;
    anyhow::ensure!(status.success(), "castlekeep does not build; see above");
    Ok(root.join("target/release/castlekeep"))
}
