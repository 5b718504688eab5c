//! A response's debug text as a tree, so that two can be compared field by field whatever the API is.

use std::fmt;

/// A value of the text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tree {
    /// A number, a name, text in quotes.
    Atom(String),
    /// `[...]`.
    Sequence(Vec<Tree>),
    /// `Name { field: value, ... }`, or `Some(value)` with a field without a name.
    Struct(String, Vec<(String, Tree)>),
}

impl Tree {
    /// Reads a text that `{:?}` made. What is no such text becomes one atom.
    pub fn parse(text: &str) -> Self {
        let mut parser = Parser { rest: text };
        let tree = parser.value();
        if parser.rest.trim().is_empty() { tree } else { Self::Atom(text.to_owned()) }
    }

    /// Puts every sequence in order: upstream's come from hash tables.
    pub fn sort(&mut self) {
        match self {
            Self::Atom(_) => {}
            Self::Sequence(values) => {
                values.iter_mut().for_each(Self::sort);
                values.sort();
            }
            Self::Struct(_, fields) => fields.iter_mut().for_each(|(_, value)| value.sort()),
        }
    }

    /// Takes those out of a field's list that have this text in this field of theirs.
    pub fn drop_named(&mut self, list: &str, field: &str, text: &str) {
        let Self::Struct(_, fields) = self else { return };
        for (_, values) in fields.iter_mut().filter(|(name, _)| name == list) {
            if let Self::Sequence(values) = values {
                values.retain(|value| value.field(field).and_then(Self::text) != Some(text));
            }
        }
    }

    /// Calls `f` with the path and the value of every field, outermost first; it may change the value.
    pub fn visit(&mut self, path: &mut Vec<String>, f: &mut impl FnMut(&[String], &mut Tree)) {
        f(path, self);
        match self {
            Self::Atom(_) => {}
            Self::Sequence(values) => values.iter_mut().for_each(|value| value.visit(path, f)),
            Self::Struct(_, fields) => {
                for (name, value) in fields {
                    path.push(name.clone());
                    value.visit(path, f);
                    path.pop();
                }
            }
        }
    }

    /// A field by its name.
    pub fn field(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Struct(_, fields) => fields.iter().find(|(field, _)| field == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// As [`Tree::field`], to be changed.
    pub fn field_mut(&mut self, name: &str) -> Option<&mut Self> {
        match self {
            Self::Struct(_, fields) => fields.iter_mut().find(|(field, _)| field == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text of an atom, without quotes; of `Some(...)` its content.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Atom(text) => Some(text.trim_matches('"')),
            Self::Struct(name, fields) if name == "Some" => fields.first().and_then(|(_, value)| value.text()),
            _ => None,
        }
    }

    /// Where two differ, as paths with both values; an element of a list is told by its `name`.
    pub fn differences(&self, other: &Self) -> Vec<(String, String, String)> {
        let mut found = Vec::new();
        self.differ(other, &mut Vec::new(), &mut found);
        found
    }

    fn differ(&self, other: &Self, path: &mut Vec<String>, found: &mut Vec<(String, String, String)>) {
        if self == other {
            return;
        }
        match (self, other) {
            (Self::Struct(a, ours), Self::Struct(b, theirs)) if a == b && ours.len() == theirs.len() => {
                for ((name, one), (_, two)) in ours.iter().zip(theirs) {
                    path.push(name.clone());
                    one.differ(two, path, found);
                    path.pop();
                }
            }
            (Self::Sequence(ours), Self::Sequence(theirs)) if ours.len() == theirs.len() => {
                for (one, two) in ours.iter().zip(theirs) {
                    let name = one.field("name").and_then(Self::text).filter(|name| !name.is_empty());
                    path.extend(name.map(|name| format!("[{name}]")));
                    one.differ(two, path, found);
                    path.truncate(path.len() - usize::from(name.is_some()));
                }
            }
            _ => {
                let path: Vec<&str> = path.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
                found.push((path.join("."), self.to_string(), other.to_string()));
            }
        }
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Atom(text) => f.write_str(text),
            Self::Sequence(values) => {
                f.write_str("[")?;
                for (at, value) in values.iter().enumerate() {
                    write!(f, "{}{value}", if at > 0 { ", " } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Struct(name, fields) if name == "Some" => match fields.first() {
                Some((_, value)) => value.fmt(f),
                None => f.write_str("Some"),
            },
            Self::Struct(_, fields) => {
                f.write_str("{")?;
                for (at, (name, value)) in fields.iter().enumerate() {
                    write!(f, "{}{name}: {value}", if at > 0 { ", " } else { "" })?;
                }
                f.write_str("}")
            }
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn eat(&mut self, token: &str) -> bool {
        let rest = self.rest.trim_start();
        match rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self) -> Tree {
        self.rest = self.rest.trim_start();
        if self.eat("[") {
            return Tree::Sequence(self.list("]"));
        }
        let bytes = self.rest.as_bytes();
        if bytes.first() == Some(&b'"') || self.rest.starts_with("b\"") {
            return Tree::Atom(self.quoted());
        }
        let end = self.rest.find([',', '}', ']', ')', '{', '(']).unwrap_or(self.rest.len());
        let word = self.rest[..end].trim().to_owned();
        self.rest = &self.rest[end..];
        if self.eat("{") {
            let mut fields = Vec::new();
            while !self.eat("}") && !self.rest.is_empty() {
                let at = self.rest.find(':').unwrap_or(self.rest.len());
                let name = self.rest[..at].trim().to_owned();
                self.rest = self.rest.get(at + 1..).unwrap_or_default();
                fields.push((name, self.value()));
                self.eat(",");
            }
            return Tree::Struct(word, fields);
        }
        if self.eat("(") {
            let values = self.list(")").into_iter().map(|value| (String::new(), value));
            return Tree::Struct(word, values.collect());
        }
        Tree::Atom(word)
    }

    fn list(&mut self, end: &str) -> Vec<Tree> {
        let mut values = Vec::new();
        while !self.eat(end) && !self.rest.is_empty() {
            values.push(self.value());
            self.eat(",");
        }
        values
    }

    /// From the quote to its end.
    fn quoted(&mut self) -> String {
        let from = self.rest.find('"').unwrap_or(0) + 1;
        let mut escaped = false;
        let end = self.rest[from..].char_indices().find(|(_, c)| {
            let ends = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        });
        let to = end.map_or(self.rest.len(), |(at, _)| from + at + 1);
        let text = self.rest[..to].to_owned();
        self.rest = &self.rest[to..];
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debug_text_comes_back() {
        let text =
            r#"A { n: -1, s: "a, \"b}", o: Some("x"), e: None, l: [B { i: 2 }, B { i: 1 }], b: b"\0]", u: AAA }"#;
        let mut tree = Tree::parse(text);
        assert_eq!(tree.field("n").and_then(Tree::text), Some("-1"));
        assert_eq!(tree.field("o").and_then(Tree::text), Some("x"));
        assert_eq!(tree.field("u"), Some(&Tree::Atom("AAA".into())));
        tree.sort();
        assert_eq!(tree.field("l").map(ToString::to_string).as_deref(), Some("[{i: 1}, {i: 2}]"));
        let mut other = Tree::parse(&text.replace("i: 2", "i: 3"));
        other.sort();
        assert_eq!(tree.differences(&other), [("l.i".into(), "2".into(), "3".into())]);
        let mut paths = Vec::new();
        tree.visit(&mut Vec::new(), &mut |path, _| paths.push(path.join(".")));
        assert!(paths.contains(&"l.i".to_string()), "{paths:?}");
    }
}
