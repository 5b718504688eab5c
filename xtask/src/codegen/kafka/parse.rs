//! The schema notation of `crates/kafka-wire/schema`, read into a tree.
//!
//! ```text
//! // comments above a message become its documentation
//! request Metadata 3 v0-12 flex 9+ {
//!   topics: [{                       array of structs
//!     topic_id: uuid @10+            only in versions 10 and later
//!     name: str ?10+                 nullable from version 10 (`?` alone: in every version)
//!   }] ?1+
//!   allow_auto_topic_creation: bool @4+ = true
//!   cluster_id: str ? @12+ tag 0     a tagged field
//!   auth_bytes: bytes secret         left out of debug output
//! }
//! response Metadata 3 v0-12 flex 9+ { .. }
//! record OffsetCommitKey v0-1 { .. } no API: a coordinator record or an embedded protocol
//! serve Metadata 0-12                the broker serves this API in these versions
//! key 52 Vote                        an API key without messages here
//! ```
//! A field of a struct inherits the versions of the struct. Types: i8 i16 i32 i64 u16 bool f64 uuid str bytes,
//! `records` (record batches inside the frame) and `payload` (record batches that may come from elsewhere).

/// An inclusive range of versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Versions {
    pub low: i16,
    pub high: i16,
}

impl Versions {
    pub const ALL: Self = Self { low: 0, high: i16::MAX };

    pub fn intersect(self, other: Self) -> Self {
        Self { low: self.low.max(other.low), high: self.high.min(other.high) }
    }
}

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Request,
    Response,
    Record,
}

#[derive(Clone, Debug)]
pub struct Message {
    pub kind: Kind,
    pub name: String,
    /// The API key; `None` for records.
    pub key: Option<i16>,
    pub versions: Versions,
    /// The first flexible version.
    pub flexible: Option<i16>,
    pub fields: Vec<Field>,
    /// The comment lines above it.
    pub doc: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub name: String,
    pub ty: Type,
    pub nullable: Option<Versions>,
    pub versions: Versions,
    pub tag: Option<u32>,
    pub default: Option<String>,
    pub secret: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// One of the names in [`PRIMITIVES`].
    Primitive(String),
    Array(Box<Type>),
    Struct(Vec<Field>),
}

/// Everything one schema file says.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    pub messages: Vec<Message>,
    pub served: Vec<(String, Versions)>,
    pub bare_keys: Vec<(i16, String)>,
    /// The comment that opens the file.
    pub doc: Vec<String>,
}

pub const PRIMITIVES: [&str; 12] =
    ["i8", "i16", "i32", "i64", "u16", "bool", "f64", "uuid", "str", "bytes", "records", "payload"];

/// Reads a schema file.
///
/// # Errors
/// The line and what was expected there.
pub fn parse(text: &str) -> Result<Schema, String> {
    let mut parser = Parser { tokens: tokens(text), at: 0 };
    let mut schema = Schema { doc: opening_comment(text), ..Schema::default() };
    while parser.at < parser.tokens.len() {
        let doc = parser.tokens[parser.at].comment.clone();
        match parser.word()?.as_str() {
            "request" => schema.messages.push(parser.message(Kind::Request, doc)?),
            "response" => schema.messages.push(parser.message(Kind::Response, doc)?),
            "record" => schema.messages.push(parser.message(Kind::Record, doc)?),
            "serve" => {
                let name = parser.word()?;
                let range = parser.word()?;
                schema.served.push((name, parser.range(&range)?));
            }
            "key" => {
                let key = parser.word()?;
                let key = key.parse().map_err(|_| parser.wrong("a key"))?;
                schema.bare_keys.push((key, parser.word()?));
            }
            _ => return Err(parser.wrong("request, response, record, serve or key")),
        }
    }
    Ok(schema)
}

struct Token {
    text: String,
    line: usize,
    /// The comment lines directly above it.
    comment: Vec<String>,
}

fn opening_comment(text: &str) -> Vec<String> {
    text.lines().map_while(|line| line.strip_prefix("//")).map(|line| line.trim().to_owned()).collect()
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut comment = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.is_empty() {
            comment.clear();
            continue;
        }
        if let Some(text) = trimmed.strip_prefix("//") {
            comment.push(text.trim().to_owned());
            continue;
        }
        let mut word = String::new();
        for c in trimmed.chars().chain([' ']) {
            let single = "{}[]:=@?".contains(c);
            if (single || c.is_whitespace()) && !word.is_empty() {
                let text = core::mem::take(&mut word);
                tokens.push(Token { text, line: index + 1, comment: core::mem::take(&mut comment) });
            }
            if single {
                tokens.push(Token { text: c.to_string(), line: index + 1, comment: Vec::new() });
            } else if !c.is_whitespace() {
                word.push(c);
            }
        }
    }
    tokens
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn message(&mut self, kind: Kind, doc: Vec<String>) -> Result<Message, String> {
        let name = self.word()?;
        let key =
            if kind == Kind::Record { None } else { Some(self.word()?.parse().map_err(|_| self.wrong("an API key"))?) };
        let versions = self.word()?;
        let versions = versions.strip_prefix('v').ok_or_else(|| self.wrong("v<versions>"))?;
        let versions = self.range(versions)?;
        let mut flexible = None;
        if self.peek() == "flex" {
            self.at += 1;
            let range = self.word()?;
            flexible = Some(self.range(&range)?.low);
        }
        self.expect("{")?;
        Ok(Message { kind, name, key, versions, flexible, fields: self.fields()?, doc })
    }

    /// Fields up to and with the closing brace.
    fn fields(&mut self) -> Result<Vec<Field>, String> {
        let mut fields = Vec::new();
        loop {
            let name = self.word()?;
            if name == "}" {
                return Ok(fields);
            }
            self.expect(":")?;
            let ty = self.ty()?;
            let mut field =
                Field { name, ty, nullable: None, versions: Versions::ALL, tag: None, default: None, secret: false };
            self.modifiers(&mut field)?;
            fields.push(field);
        }
    }

    fn ty(&mut self) -> Result<Type, String> {
        match self.word()?.as_str() {
            "[" => {
                let element = self.ty()?;
                self.expect("]")?;
                Ok(Type::Array(Box::new(element)))
            }
            "{" => Ok(Type::Struct(self.fields()?)),
            word if PRIMITIVES.contains(&word) => Ok(Type::Primitive(word.to_owned())),
            _ => Err(self.wrong("a type")),
        }
    }

    fn modifiers(&mut self, field: &mut Field) -> Result<(), String> {
        loop {
            match self.peek() {
                "?" => {
                    self.at += 1;
                    let digits = self.peek().starts_with(|c: char| c.is_ascii_digit());
                    field.nullable = Some(if digits {
                        let range = self.word()?;
                        self.range(&range)?
                    } else {
                        Versions::ALL
                    });
                }
                "@" => {
                    self.at += 1;
                    let range = self.word()?;
                    field.versions = self.range(&range)?;
                }
                "tag" if self.tokens.get(self.at + 1).is_some_and(|t| t.text != ":") => {
                    self.at += 1;
                    field.tag = Some(self.word()?.parse().map_err(|_| self.wrong("a tag number"))?);
                }
                "=" => {
                    self.at += 1;
                    field.default = Some(self.word()?);
                }
                "secret" if self.tokens.get(self.at + 1).is_some_and(|t| t.text != ":") => {
                    self.at += 1;
                    field.secret = true;
                }
                _ => return Ok(()),
            }
        }
    }

    fn range(&self, text: &str) -> Result<Versions, String> {
        let number = |text: &str| text.parse::<i16>().map_err(|_| self.wrong("a version range"));
        if let Some(low) = text.strip_suffix('+') {
            return Ok(Versions { low: number(low)?, high: i16::MAX });
        }
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        Ok(Versions { low: number(low)?, high: number(high)? })
    }

    fn peek(&self) -> &str {
        self.tokens.get(self.at).map_or("", |token| &token.text)
    }

    fn word(&mut self) -> Result<String, String> {
        let token = self.tokens.get(self.at).ok_or("the file ends inside a definition")?;
        self.at += 1;
        Ok(token.text.clone())
    }

    fn expect(&mut self, text: &str) -> Result<(), String> {
        if self.word()? == text { Ok(()) } else { Err(self.wrong(text)) }
    }

    fn wrong(&self, wanted: &str) -> String {
        let token = &self.tokens[self.at.saturating_sub(1).min(self.tokens.len() - 1)];
        format!("line {}: expected {wanted}, found `{}`", token.line, token.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_of_the_notation() {
        let text = "// About.\n\n// One.\nrequest A 3 v0-5 flex 4+ {\n tag: [{ x: i32 @2-3 = -1 }] ?1+\n \
                    s: str ? @4+ tag 0\n b: bytes secret\n}\nserve A 0-5\nkey 52 Vote\n";
        let schema = parse(text).unwrap();
        let message = &schema.messages[0];
        assert_eq!(schema.doc, ["About."]);
        assert_eq!(message.doc, ["One."]);
        assert_eq!((message.key, message.flexible), (Some(3), Some(4)));
        assert_eq!(message.fields[0].nullable, Some(Versions { low: 1, high: i16::MAX }));
        let Type::Array(element) = &message.fields[0].ty else { panic!("an array") };
        let Type::Struct(fields) = &**element else { panic!("of structs") };
        assert_eq!(fields[0].versions, Versions { low: 2, high: 3 });
        assert_eq!(fields[0].default.as_deref(), Some("-1"));
        assert_eq!(message.fields[1].tag, Some(0));
        assert!(message.fields[2].secret);
        assert_eq!(schema.served, [("A".to_owned(), Versions { low: 0, high: 5 })]);
        assert_eq!(schema.bare_keys, [(52, "Vote".to_owned())]);
    }

    #[test]
    fn mistakes_name_their_line() {
        assert_eq!(parse("request A 3 v0 {\n x: i33\n}").unwrap_err(), "line 2: expected a type, found `i33`");
        assert!(parse("request A 3 v0 {\n x: i32\n").unwrap_err().contains("ends"));
    }
}
