//! `crates/kafka-wire/schema/*.schema` to `crates/kafka-wire/src/generated/*.rs`.

mod dispatch;
mod emit;
mod parse;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

/// Writes the generated files under `root`; with `check` compares them instead and writes nothing.
///
/// # Errors
/// A mistake in a schema, a file that cannot be read or written, no `rustfmt`, or (with `check`) a file that differs.
pub fn run(root: &Path, check: bool) -> anyhow::Result<()> {
    let folder = root.join("crates/kafka-wire/schema");
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ext| ext == "schema") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            files.push((name, fs::read_to_string(&path)?));
        }
    }
    files.sort();
    let target = root.join("crates/kafka-wire/src/generated");
    let mut wanted = Vec::new();
    for (name, text) in generate(&files).map_err(anyhow::Error::msg)? {
        wanted.push((target.join(name), rustfmt(&text)?));
    }
    if check {
        for (path, text) in &wanted {
            if fs::read_to_string(path).ok().as_ref() != Some(text) {
                bail!("{} is not what its schema says: run `cargo xtask codegen`", path.display());
            }
        }
    } else {
        fs::create_dir_all(&target)?;
        for (path, text) in &wanted {
            if fs::read_to_string(path).ok().as_ref() != Some(text) {
                fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
            }
        }
    }
    for entry in fs::read_dir(&target)? {
        let path = entry?.path();
        if !wanted.iter().any(|(wanted, _)| *wanted == path) {
            bail!("{} has no schema any more: delete it", path.display());
        }
    }
    Ok(())
}

/// File names and contents (before rustfmt) from the names and texts of the schemas.
fn generate(files: &[(String, String)]) -> Result<Vec<(String, String)>, String> {
    let mut schemas = Vec::new();
    for (name, text) in files {
        schemas.push((name.clone(), parse::parse(text).map_err(|e| format!("{name}.schema {e}"))?));
    }
    let mut out = vec![
        ("mod.rs".to_owned(), dispatch::root(&schemas)),
        ("keys.rs".to_owned(), dispatch::keys(&schemas)),
        ("dispatch.rs".to_owned(), dispatch::dispatch(&schemas)?),
    ];
    for (name, schema) in schemas.iter().filter(|(_, schema)| !schema.messages.is_empty()) {
        out.push((format!("{name}.rs"), emit::module(name, schema)));
    }
    Ok(out)
}

fn rustfmt(text: &str) -> anyhow::Result<String> {
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--config", "max_width=120,use_small_heuristics=Max"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting rustfmt (rustup component add rustfmt)")?;
    let mut stdin = child.stdin.take().context("rustfmt has no stdin")?;
    let text = text.to_owned();
    let feeder = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output()?;
    feeder.join().map_err(|_| anyhow::Error::msg("feeding rustfmt panicked"))??;
    if !output.status.success() {
        bail!("rustfmt refused generated code");
    }
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_code_is_what_the_schemas_say() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        run(&root, true).unwrap();
    }
}
