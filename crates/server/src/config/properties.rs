//! Java's `.properties` syntax: `key=value` lines, `#` and `!` comments, `\` escapes and continued lines.
//!
//! Source: the documentation of `java.util.Properties.load`. Text is taken as UTF-8; `\uXXXX` works too.

use std::collections::HashMap;
use std::fmt;

/// One key with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// Unescaped.
    pub key: String,
    /// Unescaped; blanks at its end are kept, as Java keeps them.
    pub value: String,
    /// The line on which it begins, from 1.
    pub line: usize,
}

/// A line that Java would refuse too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertiesError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: &'static str,
}

impl fmt::Display for PropertiesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for PropertiesError {}

/// Every property in the file's order. A key may come twice; the later one counts (see [`last_wins`]).
///
/// # Errors
/// A malformed `\uXXXX`.
pub fn parse(text: &str) -> Result<Vec<Property>, PropertiesError> {
    let mut properties = Vec::new();
    let mut lines = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).zip(1..);
    while let Some((first, line)) = lines.next() {
        let mut logical = first.trim_start_matches(BLANKS).to_string();
        if logical.is_empty() || logical.starts_with(['#', '!']) {
            continue;
        }
        while continues(&logical) {
            logical.pop();
            match lines.next() {
                Some((next, _)) => logical.push_str(next.trim_start_matches(BLANKS)),
                None => break,
            }
        }
        let (key, value) = split(&logical);
        let unescape = |text: &str| unescape(text).map_err(|what| PropertiesError { line, what });
        properties.push(Property { key: unescape(key)?, value: unescape(value)?, line });
    }
    Ok(properties)
}

/// The properties that count when a key comes twice, in the order of their last appearance.
pub fn last_wins(properties: Vec<Property>) -> Vec<Property> {
    let last: HashMap<String, usize> =
        properties.iter().enumerate().map(|(index, property)| (property.key.clone(), index)).collect();
    let properties = properties.into_iter().enumerate();
    properties.filter(|(index, property)| last[&property.key] == *index).map(|(_, property)| property).collect()
}

const BLANKS: [char; 3] = [' ', '\t', '\x0c'];

/// An odd number of backslashes at the end: the last one is not escaped.
pub(super) fn continues(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// Key and value, both still escaped. The key ends at the first unescaped `=`, `:` or blank.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let end = line.find(|c: char| {
        let ends = !escaped && (c == '=' || c == ':' || BLANKS.contains(&c));
        escaped = c == '\\' && !escaped;
        ends
    });
    let Some(end) = end else { return (line, "") };
    let (key, rest) = line.split_at(end);
    let rest = rest.trim_start_matches(BLANKS);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (key, rest.trim_start_matches(BLANKS))
}

fn unescape(text: &str) -> Result<String, &'static str> {
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let c = match c {
            '\\' => match chars.next() {
                Some('u') => {
                    let digits: String = chars.by_ref().take(4).collect();
                    if digits.len() != 4 {
                        return Err("malformed \\uxxxx");
                    }
                    units.push(u16::from_str_radix(&digits, 16).map_err(|_| "malformed \\uxxxx")?);
                    continue;
                }
                Some('t') => '\t',
                Some('n') => '\n',
                Some('r') => '\r',
                Some('f') => '\x0c',
                Some(other) => other,
                None => continue,
            },
            other => other,
        };
        units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
    }
    String::from_utf16(&units).map_err(|_| "half of a surrogate pair")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_parse_as_java_parses_them() {
        let cases = [
            ("a=b", "a", "b"),
            ("  a  =  b  ", "a", "b  "),
            ("a:b", "a", "b"),
            ("a b", "a", "b"),
            ("a \t = b", "a", "b"),
            ("a", "a", ""),
            ("a==b", "a", "=b"),
            ("a\\=b=c", "a=b", "c"),
            ("a\\ b c", "a b", "c"),
            ("a=b\\\n   c", "a", "bc"),
            ("a=b\\\\", "a", "b\\"),
            ("a=\\u00fcber\\t!", "a", "über\t!"),
            ("a=C:\\\\dir", "a", "C:\\dir"),
            ("a=b\r", "a", "b"),
            ("a=# no comment", "a", "# no comment"),
        ];
        for (text, key, value) in cases {
            let expected = Property { key: key.into(), value: value.into(), line: 1 };
            assert_eq!(parse(text), Ok(vec![expected]), "{text:?}");
        }
    }

    #[test]
    fn comments_and_lines_are_counted() {
        let text = "# one\n! two\n\n  # four\na=1\\\n  2\\\n  3\nb=4\na=5\n";
        let properties = parse(text).unwrap();
        let seen: Vec<_> = properties.iter().map(|p| (p.key.as_str(), p.value.as_str(), p.line)).collect();
        assert_eq!(seen, [("a", "123", 5), ("b", "4", 8), ("a", "5", 9)]);
        let kept: Vec<_> = last_wins(properties).into_iter().map(|p| p.value).collect();
        assert_eq!(kept, ["4", "5"]);
        assert_eq!(parse("x=1\ny=\\u12"), Err(PropertiesError { line: 2, what: "malformed \\uxxxx" }));
    }
}
