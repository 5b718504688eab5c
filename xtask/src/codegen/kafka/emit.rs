//! From schemas to Rust: one module per schema file, and one for the keys and the dispatch.

use std::fmt::Write as _;

use super::parse::{Field, Kind, Message, Schema, Type, Versions};

/// The Rust module of one schema file.
pub fn module(file: &str, schema: &Schema) -> String {
    let mut out = format!(
        "//! {}\n//!\n//! Generated from `schema/{file}.schema` by `cargo xtask codegen`.\n",
        schema.doc.join("\n//! ")
    );
    out.push_str("\nuse super::prelude::*;\n");
    for message in &schema.messages {
        emit_message(&mut out, message);
    }
    out
}

/// A struct to be written, with the versions in which it occurs.
struct Struct<'a> {
    name: String,
    fields: &'a [Field],
    versions: Versions,
    /// The field path, for the documentation.
    path: String,
}

fn emit_message(out: &mut String, message: &Message) {
    let name = type_name(message);
    let mut structs =
        vec![Struct { name: name.clone(), fields: &message.fields, versions: message.versions, path: String::new() }];
    collect(&name, "", &message.fields, message.versions, &mut structs);
    for (index, item) in structs.iter().enumerate() {
        let emitter = Emitter { structs: &structs, item, flexible: message.flexible };
        emitter.definition(out, if index == 0 { Some(message) } else { None }, &name);
        emitter.default_impl(out);
        emitter.debug_impl(out);
        let _ = writeln!(out, "\nimpl {} {{", item.name);
        emitter.read(out);
        emitter.write(out);
        out.push_str("}\n");
    }
    emit_trait(out, message, &name);
}

/// Names the nested structs: message + last field; on a clash with a different struct the parent field goes between.
fn collect<'a>(message: &str, parent: &str, fields: &'a [Field], versions: Versions, structs: &mut Vec<Struct<'a>>) {
    for field in fields {
        let Some(inner) = struct_fields(&field.ty) else { continue };
        let versions = versions.intersect(field.versions);
        let short = format!("{message}{}", camel(&field.name));
        let path = if parent.is_empty() { field.name.clone() } else { format!("{parent}.{}", field.name) };
        match structs.iter_mut().find(|s| s.name == short) {
            Some(same) if same.fields == inner => {
                same.versions.low = same.versions.low.min(versions.low);
                same.versions.high = same.versions.high.max(versions.high);
            }
            Some(_) => {
                let last = parent.rsplit('.').next().unwrap_or_default();
                let name = format!("{message}{}{}", camel(last), camel(&field.name));
                assert!(structs.iter().all(|s| s.name != name), "{name} names two structs");
                structs.push(Struct { name, fields: inner, versions, path: path.clone() });
            }
            None => structs.push(Struct { name: short, fields: inner, versions, path: path.clone() }),
        }
        collect(message, &path, inner, versions, structs);
    }
}

fn struct_fields(ty: &Type) -> Option<&[Field]> {
    match ty {
        Type::Primitive(_) => None,
        Type::Array(element) => struct_fields(element),
        Type::Struct(fields) => Some(fields),
    }
}

struct Emitter<'a> {
    structs: &'a [Struct<'a>],
    item: &'a Struct<'a>,
    flexible: Option<i16>,
}

impl Emitter<'_> {
    fn definition(&self, out: &mut String, message: Option<&Message>, root: &str) {
        out.push('\n');
        match message {
            Some(message) => {
                let _ = writeln!(out, "/// {}", message_doc(message));
                if message.kind != Kind::Response && !message.doc.is_empty() {
                    let _ = writeln!(out, "///\n/// {}", message.doc.join("\n/// "));
                }
            }
            None => {
                let _ = writeln!(out, "/// `{}` of [`{root}`].", self.item.path);
            }
        }
        let derived_default = if self.has_plain_default() { ", Default" } else { "" };
        let derived_debug = if self.has_secret() { "" } else { ", Debug" };
        let _ = writeln!(
            out,
            "#[derive(Clone, PartialEq{derived_debug}{derived_default})]\npub struct {} {{",
            self.item.name
        );
        for field in self.item.fields {
            if let Some(doc) = self.field_doc(field) {
                let _ = writeln!(out, "/// {doc}");
            }
            let _ = writeln!(out, "pub {}: {},", ident(&field.name), self.rust_type(field));
        }
        out.push_str("}\n");
    }

    fn field_doc(&self, field: &Field) -> Option<String> {
        let (parent, own) = (self.item.versions, self.item.versions.intersect(field.versions));
        let mut parts = Vec::new();
        if own.low == own.high && own != parent {
            parts.push(format!("version {} only", own.low));
        } else if own.low > parent.low && own.high < parent.high {
            parts.push(format!("versions {} to {}", own.low, own.high));
        } else if own.low > parent.low {
            parts.push(format!("since version {}", own.low));
        } else if own.high < parent.high {
            parts.push(format!("until version {}", own.high));
        }
        if let Some(tag) = field.tag {
            parts.push(format!("tag {tag}"));
        }
        let text = parts.join(", ");
        let first = text.chars().next()?.to_ascii_uppercase();
        Some(format!("{first}{}.", &text[1..]))
    }

    fn has_plain_default(&self) -> bool {
        self.item.fields.iter().all(|field| field.default.is_none())
    }

    fn has_secret(&self) -> bool {
        self.item.fields.iter().any(|field| field.secret)
    }

    fn default_impl(&self, out: &mut String) {
        if self.has_plain_default() {
            return;
        }
        let _ = writeln!(out, "\nimpl Default for {} {{\nfn default() -> Self {{\nSelf {{", self.item.name);
        for field in self.item.fields {
            let value = field.default.as_deref().unwrap_or("Default::default()");
            let _ = writeln!(out, "{}: {value},", ident(&field.name));
        }
        out.push_str("}\n}\n}\n");
    }

    fn debug_impl(&self, out: &mut String) {
        if !self.has_secret() {
            return;
        }
        let name = &self.item.name;
        let _ = writeln!(
            out,
            "\nimpl core::fmt::Debug for {name} {{\nfn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {{\nf.debug_struct(\"{name}\")"
        );
        for field in self.item.fields {
            let value = if field.secret { "&Hidden".to_owned() } else { format!("&self.{}", ident(&field.name)) };
            let _ = writeln!(out, ".field(\"{}\", {value})", field.name);
        }
        out.push_str(".finish()\n}\n}\n");
    }

    fn read(&self, out: &mut String) {
        out.push_str("fn read(r: &mut Reader, v: i16) -> Result<Self> {\n");
        let flex = self.flex();
        self.let_flex(out);
        if self.item.fields.is_empty() && flex == "false" {
            out.push_str("Ok(Self::default())\n}\n");
            return;
        }
        let any = !self.item.fields.is_empty();
        let _ = writeln!(out, "let {}m = Self::default();", if any { "mut " } else { "" });
        for field in self.item.fields.iter().filter(|field| field.tag.is_none()) {
            let assign = format!("m.{} = {};", ident(&field.name), self.read_expr(field));
            self.conditional(out, field, &assign);
        }
        let tagged: Vec<_> = self.item.fields.iter().filter(|field| field.tag.is_some()).collect();
        if flex != "false" {
            let body = if tagged.is_empty() {
                "p::skip_tags(r)?;".to_owned()
            } else {
                let mut arms = String::new();
                for field in &tagged {
                    let guard = self.condition(field).map(|c| format!(" if {c}")).unwrap_or_default();
                    let _ = writeln!(
                        arms,
                        "{}{guard} => m.{} = {},",
                        field.tag.unwrap_or_default(),
                        ident(&field.name),
                        self.read_expr(field)
                    );
                }
                format!("p::tags(r, &mut |tag, r| {{\nmatch tag {{\n{arms}_ => return Ok(false),\n}}\nOk(true)\n}})?;")
            };
            if flex == "true" {
                let _ = writeln!(out, "{body}");
            } else {
                let _ = writeln!(out, "if flex {{\n{body}\n}}");
            }
        }
        out.push_str("Ok(m)\n}\n");
    }

    fn write(&self, out: &mut String) {
        out.push_str("fn write(&self, w: &mut Writer, v: i16) {\n");
        let flex = self.flex();
        self.let_flex(out);
        for field in self.item.fields.iter().filter(|field| field.tag.is_none()) {
            let statement = self.write_statement(field, "w");
            self.conditional(out, field, &statement);
        }
        if flex != "false" {
            let mut body = String::new();
            let tagged: Vec<_> = self.item.fields.iter().filter(|field| field.tag.is_some()).collect();
            if tagged.is_empty() {
                body.push_str("w.no_tags();");
            } else {
                body.push_str("let mut tags = Tags::new();\n");
                for field in tagged {
                    let version = self.condition(field).map(|c| format!("{c} && ")).unwrap_or_default();
                    let _ = writeln!(
                        body,
                        "if {version}{} {{\ntags.put({}, &mut |w| {{ {} }});\n}}",
                        self.differs_from_default(field),
                        field.tag.unwrap_or_default(),
                        self.write_statement(field, "w")
                    );
                }
                body.push_str("w.tags(tags);");
            }
            if flex == "true" {
                let _ = writeln!(out, "{body}");
            } else {
                let _ = writeln!(out, "if flex {{\n{body}\n}}");
            }
        }
        out.push_str("}\n");
    }

    /// `true`, `false` or the variable `flex`, for the versions in which this struct occurs.
    fn flex(&self) -> &'static str {
        match self.flexible {
            None => "false",
            Some(first) if first <= self.item.versions.low => "true",
            Some(first) if first > self.item.versions.high => "false",
            Some(_) => "flex",
        }
    }

    fn let_flex(&self, out: &mut String) {
        if let (Some(first), "flex") = (self.flexible, self.flex()) {
            let _ = writeln!(out, "let flex = v >= {first};");
        }
    }

    /// The test on `v` under which the field is present; `None` when it always is.
    fn condition(&self, field: &Field) -> Option<String> {
        range_test(field.versions, self.item.versions)
    }

    fn conditional(&self, out: &mut String, field: &Field, statement: &str) {
        let _ = match self.condition(field) {
            Some(condition) => writeln!(out, "if {condition} {{\n{statement}\n}}"),
            None => writeln!(out, "{statement}"),
        };
    }

    /// `true`, `false` or a test on `v`: whether null is allowed.
    fn nullable(&self, field: &Field) -> String {
        let here = self.item.versions.intersect(field.versions);
        match field.nullable {
            None => "false".to_owned(),
            Some(versions) => range_test(versions, here).unwrap_or_else(|| "true".to_owned()),
        }
    }

    fn read_expr(&self, field: &Field) -> String {
        let flex = self.flex();
        let nullable = self.nullable(field);
        let optional = field.nullable.is_some();
        match &field.ty {
            Type::Primitive(name) => match name.as_str() {
                "uuid" => "p::uuid(r)?".to_owned(),
                "records" => format!("p::opt_bytes(r, {flex}, true)?"),
                "payload" => format!("Records::read(r, {flex})?"),
                "str" | "bytes" if optional => format!("p::opt_{name}(r, {flex}, {nullable})?"),
                "str" | "bytes" => format!("p::{name}(r, {flex})?"),
                number => format!("r.{number}()?"),
            },
            Type::Array(element) => {
                let reader = match &**element {
                    Type::Primitive(name) => match name.as_str() {
                        "str" => return self.array_of("strs", "", optional, &nullable),
                        "uuid" => "|r, _| p::uuid(r)".to_owned(),
                        number => format!("|r, _| r.{number}()"),
                    },
                    Type::Struct(_) => format!("{}::read", self.name_of(element)),
                    Type::Array(_) => panic!("{}: arrays of arrays are not in the notation", field.name),
                };
                let least = least_bytes(element, self.flexible);
                self.array_of("array", &format!(", {least}, v, {reader}"), optional, &nullable)
            }
            Type::Struct(_) if optional => format!("p::opt_struct(r, v, {}::read)?", self.name_of(&field.ty)),
            Type::Struct(_) => format!("{}::read(r, v)?", self.name_of(&field.ty)),
        }
    }

    fn array_of(&self, helper: &str, rest: &str, optional: bool, nullable: &str) -> String {
        let flex = self.flex();
        if optional {
            format!("p::opt_{helper}(r, {flex}, {nullable}{rest})?")
        } else {
            format!("p::{helper}(r, {flex}{rest})?")
        }
    }

    fn write_statement(&self, field: &Field, w: &str) -> String {
        let flex = self.flex();
        let nullable = self.nullable(field);
        let optional = field.nullable.is_some();
        let value = format!("self.{}", ident(&field.name));
        match &field.ty {
            Type::Primitive(name) => match name.as_str() {
                "uuid" => format!("{w}.uuid({value});"),
                "records" => format!("{w}.opt_bytes(&{value}, {flex}, true);"),
                "payload" => format!("{value}.write({w}, {flex});"),
                "str" | "bytes" if optional => format!("{w}.opt_{name}(&{value}, {flex}, {nullable});"),
                "str" | "bytes" => format!("{w}.{name}(&{value}, {flex});"),
                number => format!("{w}.{number}({value});"),
            },
            Type::Array(element) => {
                let (helper, writer) = match &**element {
                    Type::Primitive(name) if name == "str" => ("strs", String::new()),
                    Type::Primitive(name) => ("array", format!(", v, |x, w, _| w.{name}(*x)")),
                    _ => ("array", format!(", v, {}::write", self.name_of(element))),
                };
                if optional {
                    format!("{w}.opt_{helper}(&{value}, {flex}, {nullable}{writer});")
                } else {
                    format!("{w}.{helper}(&{value}, {flex}{writer});")
                }
            }
            Type::Struct(_) if optional => format!("{w}.opt_struct(&{value}, v, {}::write);", self.name_of(&field.ty)),
            Type::Struct(_) => format!("{value}.write({w}, v);"),
        }
    }

    fn differs_from_default(&self, field: &Field) -> String {
        let value = format!("self.{}", ident(&field.name));
        match (&field.ty, field.nullable, &field.default) {
            (_, Some(_), _) => format!("{value}.is_some()"),
            (_, None, Some(default)) => format!("{value} != {default}"),
            (Type::Array(_), None, None) => format!("!{value}.is_empty()"),
            (Type::Struct(_), None, None) => format!("{value} != {}::default()", self.name_of(&field.ty)),
            (Type::Primitive(name), None, None) => match name.as_str() {
                "bool" => value,
                "uuid" => format!("{value} != Uuid::ZERO"),
                "str" | "bytes" => format!("!{value}.is_empty()"),
                _ => format!("{value} != 0"),
            },
        }
    }

    fn name_of(&self, ty: &Type) -> &str {
        let fields = struct_fields(ty).expect("asked for structs only");
        let found = self.structs.iter().find(|s| core::ptr::eq(s.fields, fields));
        let found = found.or_else(|| self.structs.iter().find(|s| s.fields == fields));
        &found.expect("collected before").name
    }

    fn rust_type(&self, field: &Field) -> String {
        let plain = |ty: &Type| match ty {
            Type::Primitive(name) => match name.as_str() {
                "uuid" => "Uuid",
                "str" => "Str",
                "bytes" => "Bytes",
                "records" => "Option<Bytes>",
                "payload" => "Records",
                number => number,
            }
            .to_owned(),
            other => self.name_of(other).to_owned(),
        };
        let ty = match &field.ty {
            Type::Array(element) => format!("Vec<{}>", plain(element)),
            other => plain(other),
        };
        let already = matches!(&field.ty, Type::Primitive(name) if name == "records");
        if field.nullable.is_some() && !already { format!("Option<{ty}>") } else { ty }
    }
}

/// The fewest bytes a value of this type takes in any version: what a count is checked against.
fn least_bytes(ty: &Type, flexible: Option<i16>) -> usize {
    match ty {
        Type::Primitive(name) => match name.as_str() {
            "i8" | "bool" => 1,
            "i16" | "u16" => 2,
            "i32" => 4,
            "i64" | "f64" => 8,
            "uuid" => 16,
            "str" if flexible.is_none() => 2,
            _ if flexible.is_none() => 4,
            _ => 1,
        },
        Type::Array(_) => {
            if flexible.is_none() {
                4
            } else {
                1
            }
        }
        Type::Struct(fields) => {
            let always = fields.iter().filter(|f| f.tag.is_none() && f.versions == Versions::ALL);
            always.map(|f| if f.nullable.is_some() { 1 } else { least_bytes(&f.ty, flexible) }).sum::<usize>().max(1)
        }
    }
}

fn range_test(versions: Versions, parent: Versions) -> Option<String> {
    let own = parent.intersect(versions);
    match (own.low > parent.low, own.high < parent.high) {
        (false, false) => None,
        _ if own.low == own.high => Some(format!("v == {}", own.low)),
        (true, false) => Some(format!("v >= {}", own.low)),
        (false, true) => Some(format!("v <= {}", own.high)),
        (true, true) => Some(format!("({}..={}).contains(&v)", own.low, own.high)),
    }
}

fn message_doc(message: &Message) -> String {
    let versions = if message.versions.low == message.versions.high {
        format!("version {}", message.versions.low)
    } else {
        format!("versions {} to {}", message.versions.low, message.versions.high)
    };
    let flexible = message.flexible.map(|first| format!(", flexible from {first}")).unwrap_or_default();
    match (message.kind, message.key) {
        (Kind::Request, Some(key)) => format!("The `{}` request (key {key}), {versions}{flexible}.", message.name),
        (Kind::Response, Some(key)) => format!("The `{}` response (key {key}), {versions}{flexible}.", message.name),
        _ => format!("`{}`, {versions}{flexible}.", message.name),
    }
}

pub fn type_name(message: &Message) -> String {
    match message.kind {
        Kind::Request => format!("{}Request", message.name),
        Kind::Response => format!("{}Response", message.name),
        Kind::Record => message.name.clone(),
    }
}

fn emit_trait(out: &mut String, message: &Message, name: &str) {
    let trait_name = if message.kind == Kind::Record { "Record" } else { "Message" };
    let _ = writeln!(out, "\nimpl {trait_name} for {name} {{");
    if message.kind != Kind::Record {
        let _ = writeln!(out, "const KEY: ApiKey = ApiKey::{};", message.name);
    }
    let flexible = message.flexible.map_or("None".to_owned(), |first| format!("Some({first})"));
    let _ = writeln!(
        out,
        "const NAME: &'static str = \"{name}\";
const VERSIONS: RangeInclusive<i16> = {}..={};
const FLEXIBLE: Option<i16> = {flexible};
fn read(r: &mut Reader, version: i16) -> Result<Self> {{ Self::read(r, version) }}
fn write(&self, w: &mut Writer, version: i16) {{ self.write(w, version); }}\n}}",
        message.versions.low, message.versions.high
    );
    if message.kind == Kind::Request {
        let _ = writeln!(out, "\nimpl ApiRequest for {name} {{\ntype Response = {}Response;\n}}", message.name);
    }
}

/// `topic_data` as `TopicData`.
fn camel(name: &str) -> String {
    let mut out = String::new();
    for part in name.split('_') {
        let mut chars = part.chars();
        out.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        out.push_str(chars.as_str());
    }
    out
}

/// A field name that Rust accepts.
fn ident(name: &str) -> String {
    match name {
        "type" | "match" => format!("{name}_"),
        _ => name.to_owned(),
    }
}
