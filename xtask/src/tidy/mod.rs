//! `cargo xtask tidy`: what the compiler does not see. Problems fail; the list of long files and functions is a warning.

mod arrows;
mod docs;
mod sources;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::process::run;
use crate::{codegen, repo};

const DEADLINE: Duration = Duration::from_secs(120);

/// What one check gives: a line for each problem, empty when all is well.
type Problems = Vec<String>;

/// One check over the tracked files.
type Check = fn(&Tree) -> Result<Problems>;

/// The working tree as the checks see it.
struct Tree {
    root: std::path::PathBuf,
    /// Paths of tracked files, relative to the root.
    files: Vec<String>,
}

impl Tree {
    fn read(&self, file: &str) -> Result<String> {
        let bytes = std::fs::read(self.root.join(file)).with_context(|| format!("read {file}"))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Rust files that people write.
    fn rust_files(&self) -> impl Iterator<Item = &String> {
        self.files.iter().filter(|file| file.ends_with(".rs") && !file.contains("/generated/"))
    }
}

/// Runs every check and prints what they found.
pub fn run_all() -> Result<()> {
    let root = repo::root()?;
    let tree = Tree { files: repo::tracked_files(&root)?, root };
    let checks: [(&str, Check); 9] = [
        ("arrows between crates", arrows::direct),
        ("what pure crates build on", arrows::transitive),
        ("clippy.toml of pure crates", arrows::clippy_files),
        ("dependencies explained in CONTRIBUTING.md", docs::dependencies_explained),
        ("links and paths in documents", docs::links_resolve),
        ("machine paths", sources::machine_paths),
        ("ignored tests", sources::ignored_tests),
        ("generated code", generated_code),
        ("format (cargo fmt --all)", format),
    ];
    let mut failed = 0;
    for (name, check) in checks {
        let problems = check(&tree).with_context(|| format!("check {name}"))?;
        if problems.is_empty() {
            println!("  ok     {name}");
        } else {
            failed += problems.len();
            println!("  FAILED {name}");
            problems.iter().for_each(|problem| println!("         {problem}"));
        }
    }
    let long = sources::lengths(&tree)?;
    if !long.is_empty() {
        println!("  warning: long files and functions");
        long.iter().for_each(|line| println!("         {line}"));
    }
    if failed > 0 {
        bail!("{failed} problems; see above");
    }
    Ok(())
}

fn generated_code(tree: &Tree) -> Result<Problems> {
    Ok(match codegen::run(&tree.root, true) {
        Ok(()) => Vec::new(),
        Err(error) => vec![format!("{error:#}; run `cargo xtask codegen`")],
    })
}

fn format(tree: &Tree) -> Result<Problems> {
    let mut cargo = cargo(&tree.root);
    cargo.args(["fmt", "--all", "--check", "--", "-l"]);
    let finished = run(cargo, "", DEADLINE)?;
    if finished.success {
        return Ok(Vec::new());
    }
    let root = format!("{}/", tree.root.display());
    Ok(finished.text.lines().map(|line| line.replace(&root, "")).collect())
}

/// A cargo command at the root. What the cargo that started us said about xtask is not for the next one.
pub fn cargo(root: &Path) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root);
    let about_us = ["CARGO_MANIFEST", "CARGO_PKG_", "CARGO_BIN_NAME", "CARGO_CRATE_NAME", "CARGO_PRIMARY_PACKAGE"];
    for (name, _) in std::env::vars_os() {
        if about_us.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            cargo.env_remove(name);
        }
    }
    cargo
}
