//! Documents that name things: what they name must exist.

use anyhow::{Context, Result};

use super::{Problems, Tree};

/// Folders whose paths, written in code style in a document, must exist.
const ROOTS: [&str; 8] = ["crates/", "docs/", "examples/", "xtask/", "fixtures/", "conformance/", "fuzz/", ".ci/"];

/// Every dependency from outside is used, and is named with its reason in CONTRIBUTING.md.
pub fn dependencies_explained(tree: &Tree) -> Result<Problems> {
    let mut members = String::new();
    for file in tree.files.iter().filter(|file| file.ends_with("/Cargo.toml")) {
        members += &tree.read(file)?;
    }
    let manifest: toml::Table = tree.read("Cargo.toml")?.parse().context("parse Cargo.toml")?;
    let text = tree.read("CONTRIBUTING.md")?;
    let words: Vec<&str> = text.split(|char: char| !(char.is_alphanumeric() || "-_".contains(char))).collect();
    let dependencies = manifest["workspace"]["dependencies"].as_table().context("[workspace.dependencies]")?;
    let outside = dependencies.iter().filter(|(_, value)| value.get("path").is_none());
    let mut problems = Vec::new();
    for (name, _) in outside {
        if !words.contains(&name.as_str()) {
            problems.push(format!("CONTRIBUTING.md does not say why {name} is used"));
        }
        if !members.lines().any(|line| line.starts_with(&format!("{name}.")) || line.starts_with(&format!("{name} "))) {
            problems.push(format!("no crate uses {name}, which Cargo.toml lists"));
        }
    }
    Ok(problems)
}

/// Links to files, paths in code style, and `path.rs:function` places.
pub fn links_resolve(tree: &Tree) -> Result<Problems> {
    let mut problems = Vec::new();
    for file in tree.files.iter().filter(|file| file.ends_with(".md")) {
        let text = tree.read(file)?;
        for link in links(&text) {
            let folder = tree.root.join(file).parent().map(std::path::Path::to_path_buf).unwrap_or_default();
            if !folder.join(link).exists() {
                problems.push(format!("{file}: the link {link} leads nowhere"));
            }
        }
        for word in code_words(&text) {
            if let Some(problem) = missing(tree, word) {
                problems.push(format!("{file}: {problem}"));
            }
        }
    }
    Ok(problems)
}

/// Targets of `[text](target)` that are files: no scheme, anchor cut off.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let files = targets.filter(|target| !target.contains("://") && !target.contains(' '));
    files.filter_map(|target| target.split('#').next()).filter(|target| !target.is_empty())
}

/// Words between backticks on one line.
fn code_words(text: &str) -> impl Iterator<Item = &str> {
    text.lines().flat_map(|line| line.split('`').skip(1).step_by(2)).filter(|word| !word.contains(' '))
}

/// What is wrong with a word in code style, if it is a path or a `path.rs:function` and does not exist.
fn missing(tree: &Tree, word: &str) -> Option<String> {
    if word.contains(['*', '<', '{', '…']) || word.contains("...") {
        return None;
    }
    if let Some((path, function)) = word.split_once(".rs:") {
        let candidates = [format!("{path}.rs"), format!("crates/{path}.rs")];
        let Some(file) = candidates.iter().find(|file| tree.root.join(file).is_file()) else {
            return Some(format!("there is no file for {word}"));
        };
        let text = tree.read(file).unwrap_or_default();
        let name = function.rsplit("::").next().unwrap_or(function).trim_end_matches("()");
        let places = [format!("fn {name}("), format!("fn {name}<"), format!("struct {name}"), format!("enum {name}")];
        let found = places.iter().any(|place| text.contains(place)) || text.contains(&format!("trait {name}"));
        return (!found).then(|| format!("{file} has no {name}"));
    }
    let path = word.trim_end_matches('/');
    let is_path = ROOTS.iter().any(|root| word.starts_with(root));
    (is_path && !tree.root.join(path).exists()).then(|| format!("there is no {word}"))
}
