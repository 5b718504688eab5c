//! Checks on the text of the tracked files.

use anyhow::Result;

use super::{Problems, Tree};

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;

/// A path of somebody's machine makes a file true on that machine only.
pub fn machine_paths(tree: &Tree) -> Result<Problems> {
    // Written apart, so that this file does not name them.
    let paths = ["work", "root", "home"].map(|folder| format!("/{folder}/"));
    let mut problems = Vec::new();
    for file in &tree.files {
        let text = tree.read(file)?;
        for (number, line) in text.lines().enumerate() {
            if let Some(path) = paths.iter().find(|path| names_path(line, path)) {
                problems.push(format!("{file}:{} names {path}", number + 1));
            }
        }
    }
    Ok(problems)
}

/// Whether the line has the path where a word begins: below a tilde or another folder it is of no machine.
fn names_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        before.is_none_or(|char| !(char.is_alphanumeric() || "~.-_/}*)".contains(char)))
    })
}

/// A test that does not run protects nothing.
pub fn ignored_tests(tree: &Tree) -> Result<Problems> {
    let attribute = concat!("#[", "ignore");
    let mut problems = Vec::new();
    for file in tree.rust_files() {
        for (number, line) in tree.read(file)?.lines().enumerate() {
            if line.trim_start().starts_with(attribute) {
                problems.push(format!("{file}:{} is an ignored test", number + 1));
            }
        }
    }
    Ok(problems)
}

/// Files and functions that have grown past what one idea needs, longest first.
pub fn lengths(tree: &Tree) -> Result<Problems> {
    let mut found: Vec<(usize, String)> = Vec::new();
    for file in tree.rust_files() {
        let text = tree.read(file)?;
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() > FILE_LINES_MAX {
            found.push((lines.len(), format!("{file}: {} lines", lines.len())));
        }
        let mut at = 0;
        while at < lines.len() {
            let Some(name) = function_name(lines[at]) else {
                at += 1;
                continue;
            };
            let length = function_length(&lines[at..]);
            if length > FUNCTION_LINES_MAX {
                found.push((length, format!("{file}:{}: {name} has {length} lines", at + 1)));
            }
            at += length.max(1);
        }
    }
    found.sort_by(|a, b| b.cmp(a));
    Ok(found.into_iter().map(|(_, line)| line).collect())
}

fn function_name(line: &str) -> Option<&str> {
    let rest = line.trim_start();
    let head = rest.split("fn ").next()?;
    let is_head = head.split(' ').all(|word| {
        matches!(word, "" | "pub" | "const" | "async" | "extern" | "pub(crate)" | "pub(super)" | "in" | "\"C\"")
    });
    if head.len() == rest.len() || !is_head {
        return None;
    }
    rest[head.len() + 3..].split(['(', '<']).next()
}

/// Lines from the head to the closing brace, which rustfmt puts at the head's indentation.
fn function_length(lines: &[&str]) -> usize {
    let indent = lines[0].len() - lines[0].trim_start().len();
    let closing = format!("{}}}", " ".repeat(indent));
    if lines[0].ends_with('}') || lines[0].ends_with(';') {
        return 1;
    }
    let end = lines.iter().position(|line| *line == closing || line.trim_end() == format!("{});", " ".repeat(indent)));
    end.map_or(1, |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::{function_length, function_name, names_path};

    #[test]
    fn functions_are_found_and_measured() {
        assert_eq!(function_name("    pub fn run(&self) {"), Some("run"));
        assert_eq!(function_name("pub(crate) async fn go<T>() {"), Some("go"));
        assert_eq!(function_name("// a fn in words"), None);
        assert_eq!(function_name("let f = fn_pointer;"), None);
        assert_eq!(function_length(&["fn a() {", "    b();", "}", "}"]), 3);
        assert_eq!(function_length(&["fn a() {}"]), 1);
    }

    #[test]
    fn only_absolute_paths_are_of_a_machine() {
        let path = format!("/{}/", "home");
        assert!(names_path(&format!("see {path}me"), &path));
        assert!(names_path(&format!("\"{path}me\""), &path));
        assert!(!names_path(&format!("~{path}"), &path));
        assert!(!names_path(&format!("a{path}"), &path));
    }
}
