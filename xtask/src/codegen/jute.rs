//! The ZooKeeper records: `crates/zk-wire/schema/*.jute.txt` to `crates/zk-wire/src/generated/*.rs`.
//!
//! The notation is explained at the top of `client.jute.txt`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// The schema files, in the order of the generated modules.
const FAMILIES: [&str; 3] = ["client", "quorum", "disk"];

/// Generates (or with `check` compares) every family.
///
/// # Errors
/// See [`super::run`].
pub fn run(root: &Path, check: bool) -> anyhow::Result<()> {
    let home = root.join("crates/zk-wire");
    for family in FAMILIES {
        let schema = home.join("schema").join(format!("{family}.jute.txt"));
        let text = std::fs::read_to_string(&schema).with_context(|| format!("reading {}", schema.display()))?;
        let records = parse(&text).with_context(|| format!("reading {}", schema.display()))?;
        let code = rustfmt(&render(family, &records))?;
        let target = home.join("src/generated").join(format!("{family}.rs"));
        if !check {
            std::fs::write(&target, code).with_context(|| format!("writing {}", target.display()))?;
        } else if std::fs::read_to_string(&target).ok().as_deref() != Some(code.as_str()) {
            bail!("{} is not what {} gives: run `cargo xtask codegen`", target.display(), schema.display());
        }
    }
    Ok(())
}

struct Record {
    docs: Vec<String>,
    name: String,
    fields: Vec<Field>,
}

struct Field {
    name: String,
    kind: Kind,
    doc: String,
}

enum Kind {
    Int,
    Long,
    Bool,
    UString,
    NullableUString,
    Buffer,
    Secret,
    Zxid,
    Session,
    Vector(Box<Kind>),
    Record(String),
}

fn parse(text: &str) -> anyhow::Result<Vec<Record>> {
    let mut records: Vec<Record> = Vec::new();
    let mut docs = Vec::new();
    let mut open: Option<Record> = None;
    for (index, raw) in text.lines().enumerate() {
        let line = raw.trim();
        let place = || format!("line {}: `{line}`", index + 1);
        if let Some(doc) = line.strip_prefix("///") {
            docs.push(doc.trim().to_string());
        } else if line.is_empty() || line.starts_with("//") {
        } else if let Some(name) = line.strip_prefix("record ").and_then(|rest| rest.strip_suffix('{')) {
            let docs = std::mem::take(&mut docs);
            let unfinished = open.replace(Record { docs, name: name.trim().to_string(), fields: Vec::new() });
            if unfinished.is_some() {
                bail!("{}: the record before has no `}}`", place());
            }
        } else if line == "}" {
            records.push(open.take().with_context(|| format!("{}: no record is open", place()))?);
        } else {
            let record = open.as_mut().with_context(|| format!("{}: a field outside a record", place()))?;
            record.fields.push(parse_field(line).with_context(place)?);
        }
    }
    if let Some(record) = open {
        bail!("record {} has no `}}`", record.name);
    }
    Ok(records)
}

fn parse_field(line: &str) -> anyhow::Result<Field> {
    let (declaration, doc) = line.split_once("//").context("a field needs its meaning behind `//`")?;
    let (name, kind) = declaration.split_once(':').context("a field is `name: type  // meaning`")?;
    Ok(Field { name: name.trim().to_string(), kind: parse_kind(kind.trim())?, doc: doc.trim().to_string() })
}

fn parse_kind(text: &str) -> anyhow::Result<Kind> {
    if let Some(element) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return Ok(Kind::Vector(Box::new(parse_kind(element)?)));
    }
    Ok(match text {
        "int" => Kind::Int,
        "long" => Kind::Long,
        "bool" => Kind::Bool,
        "ustring" => Kind::UString,
        "ustring?" => Kind::NullableUString,
        "buffer" => Kind::Buffer,
        "secret" => Kind::Secret,
        "zxid" => Kind::Zxid,
        "session" => Kind::Session,
        name if name.starts_with(|c: char| c.is_ascii_uppercase()) => Kind::Record(name.to_string()),
        other => bail!("unknown type `{other}`"),
    })
}

impl Kind {
    fn rust(&self) -> String {
        match self {
            Self::Int => "i32".into(),
            Self::Long => "i64".into(),
            Self::Bool => "bool".into(),
            Self::UString => "Str".into(),
            Self::NullableUString => "Option<Str>".into(),
            Self::Buffer => "Option<Bytes>".into(),
            Self::Secret => "SecretBuffer".into(),
            Self::Zxid => "Zxid".into(),
            Self::Session => "SessionId".into(),
            Self::Vector(element) => format!("Option<Vec<{}>>", element.rust()),
            Self::Record(name) => name.clone(),
        }
    }

    fn leaf_types(&self, into: &mut Vec<&'static str>) {
        match self {
            Self::UString | Self::NullableUString => into.push("base::Str"),
            Self::Buffer => into.push("bytes::Bytes"),
            Self::Secret => into.push("crate::jute::SecretBuffer"),
            Self::Zxid => into.push("crate::types::Zxid"),
            Self::Session => into.push("crate::types::SessionId"),
            Self::Vector(element) => element.leaf_types(into),
            Self::Int | Self::Long | Self::Bool | Self::Record(_) => {}
        }
    }

    fn records<'a>(&'a self, into: &mut Vec<&'a str>) {
        match self {
            Self::Vector(element) => element.records(into),
            Self::Record(name) => into.push(name),
            _ => {}
        }
    }
}

fn render(family: &str, records: &[Record]) -> String {
    let mut out = format!(
        "//! Generated by `cargo xtask codegen` from `schema/{family}.jute.txt`; do not edit.\n\n\
         use base::{{DecodeError, Reader}};\nuse bytes::BytesMut;\n\nuse crate::jute::Jute;\n"
    );
    let (mut types, mut foreign) = (Vec::new(), Vec::new());
    for field in records.iter().flat_map(|record| &record.fields) {
        field.kind.leaf_types(&mut types);
        field.kind.records(&mut foreign);
    }
    types.sort_unstable();
    types.dedup();
    foreign.retain(|name| records.iter().all(|record| record.name != *name));
    foreign.sort_unstable();
    foreign.dedup();
    for path in types {
        let _ = writeln!(out, "use {path};");
    }
    for name in foreign {
        let _ = writeln!(out, "use super::{name};");
    }
    for record in records {
        render_record(&mut out, record);
    }
    out
}

fn render_record(out: &mut String, record: &Record) {
    out.push('\n');
    for doc in &record.docs {
        let _ = writeln!(out, "/// {doc}");
    }
    let _ = writeln!(out, "#[derive(Clone, Debug, Default, PartialEq, Eq)]\npub struct {} {{", record.name);
    for field in &record.fields {
        let doc = capitalised(&field.doc);
        let _ = writeln!(out, "    /// {doc}.\n    pub {}: {},", field.name, field.kind.rust());
    }
    let _ = writeln!(out, "}}\n\nimpl Jute for {} {{", record.name);
    let smallest: Vec<String> =
        record.fields.iter().map(|f| format!("<{} as Jute>::SMALLEST_BYTES", f.kind.rust())).collect();
    let _ = writeln!(out, "const SMALLEST_BYTES: usize = {};\n", smallest.join(" + "));
    let _ = writeln!(out, "fn decode(r: &mut Reader) -> Result<Self, DecodeError> {{ Ok(Self {{");
    for field in &record.fields {
        let _ = writeln!(out, "{}: Jute::decode(r)?,", field.name);
    }
    let _ = writeln!(out, "}}) }}\n\nfn encode(&self, out: &mut BytesMut) {{");
    for field in &record.fields {
        let _ = writeln!(out, "self.{}.encode(out);", field.name);
    }
    let _ = writeln!(out, "}} }}");
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().collect::<String>() + chars.as_str())
}

/// The text as the workspace's formatting has it.
fn rustfmt(code: &str) -> anyhow::Result<String> {
    let mut child = Command::new("rustfmt")
        .args(["--edition", "2024", "--config", "max_width=120,use_small_heuristics=Max"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("starting rustfmt (is the toolchain's rustfmt component installed?)")?;
    // Its input is small against a pipe's capacity only sometimes: write from a thread so that neither side waits.
    let mut stdin = child.stdin.take().context("rustfmt has no standard input")?;
    let code = code.to_string();
    let writer = std::thread::spawn(move || stdin.write_all(code.as_bytes()));
    let output = child.wait_with_output().context("running rustfmt")?;
    writer.join().map_err(|_| anyhow::anyhow!("writing to rustfmt"))?.context("writing to rustfmt")?;
    if !output.status.success() {
        bail!("rustfmt refused the generated code");
    }
    String::from_utf8(output.stdout).context("rustfmt's output")
}
