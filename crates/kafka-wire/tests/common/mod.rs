//! Random messages as bytes, made from the schemas alone: every field that a version has, nested to a small depth.

#[path = "../../../../xtask/src/codegen/kafka/parse.rs"]
#[allow(dead_code)]
pub mod schema;

use base::Prng;
use schema::{Field, Message, Type, Versions};

/// Every message and record of every schema file, in the order of [`kafka_wire::codecs::CODECS`].
pub fn messages() -> Vec<Message> {
    const FILES: [&str; 12] = [
        include_str!("../../schema/cluster.schema"),
        include_str!("../../schema/configs.schema"),
        include_str!("../../schema/consumer.schema"),
        include_str!("../../schema/control.schema"),
        include_str!("../../schema/data.schema"),
        include_str!("../../schema/groups.schema"),
        include_str!("../../schema/log_dirs.schema"),
        include_str!("../../schema/records.schema"),
        include_str!("../../schema/security.schema"),
        include_str!("../../schema/telemetry.schema"),
        include_str!("../../schema/topics.schema"),
        include_str!("../../schema/transactions.schema"),
    ];
    FILES.iter().flat_map(|text| schema::parse(text).expect("a schema that parses").messages).collect()
}

fn has(version: i16, versions: Versions) -> bool {
    (versions.low..=versions.high).contains(&version)
}

/// Bytes of a message in this version.
pub fn sample(message: &Message, version: i16, prng: &mut Prng) -> Vec<u8> {
    let flexible = message.flexible.is_some_and(|first| version >= first);
    let mut sampler = Sampler { version, flexible, prng, out: Vec::new() };
    sampler.fields(&message.fields, 0);
    sampler.out
}

struct Sampler<'a> {
    version: i16,
    flexible: bool,
    prng: &'a mut Prng,
    out: Vec<u8>,
}

impl Sampler<'_> {
    fn fields(&mut self, fields: &[Field], depth: u32) {
        let version = self.version;
        for field in fields.iter().filter(|field| field.tag.is_none() && has(version, field.versions)) {
            let nullable = field.nullable.is_some_and(|versions| has(version, versions));
            self.value(&field.ty, nullable, false, depth);
        }
        if self.flexible {
            self.tags(fields, depth);
        }
    }

    /// Each tagged field half of the time, and then never with its default: that would not be written.
    fn tags(&mut self, fields: &[Field], depth: u32) {
        let mut tagged: Vec<_> =
            fields.iter().filter(|field| field.tag.is_some() && has(self.version, field.versions)).collect();
        tagged.retain(|_| self.prng.chance(1, 2));
        tagged.sort_by_key(|field| field.tag);
        self.uvarint(tagged.len() as u32);
        for field in tagged {
            let outer = core::mem::take(&mut self.out);
            if field.nullable.is_some() && matches!(field.ty, Type::Struct(_)) {
                self.out.push(1);
            }
            self.value(&field.ty, false, true, depth);
            let value = core::mem::replace(&mut self.out, outer);
            self.uvarint(field.tag.unwrap_or_default());
            self.uvarint(value.len() as u32);
            self.out.extend(value);
        }
    }

    fn value(&mut self, ty: &Type, nullable: bool, tagged: bool, depth: u32) {
        match ty {
            Type::Primitive(name) => self.primitive(name, nullable, tagged),
            Type::Array(element) => {
                if nullable && self.prng.chance(1, 4) {
                    return self.length(None, 4);
                }
                let n = self.prng.between(u64::from(tagged), if depth > 2 { 1 } else { 3 });
                self.length(Some(n as usize), 4);
                for _ in 0..n {
                    self.value(element, false, false, depth + 1);
                }
            }
            Type::Struct(fields) => {
                if nullable {
                    let null = self.prng.chance(1, 4);
                    self.out.push(if null { 0xff } else { 1 });
                    if null {
                        return;
                    }
                }
                self.fields(fields, depth);
            }
        }
    }

    fn primitive(&mut self, name: &str, nullable: bool, tagged: bool) {
        let size = match name {
            "bool" => return self.out.push(if tagged { 1 } else { self.prng.below(2) as u8 }),
            "str" => return self.text(nullable, tagged),
            "bytes" | "records" | "payload" => return self.blob(nullable || name != "bytes"),
            "f64" => {
                let x = self.prng.below(1 << 40) as f64 / 16.0;
                return self.out.extend(x.to_be_bytes());
            }
            "i8" => 1,
            "i16" | "u16" => 2,
            "i32" => 4,
            "i64" => 8,
            "uuid" => 16,
            other => panic!("{other} is a type of the notation"),
        };
        let mut bytes = vec![0; size];
        self.prng.fill(&mut bytes);
        if tagged {
            // Neither 0 nor -1, the defaults there are.
            bytes[0] = bytes[0] & 0x7f | 0x40;
        }
        self.out.extend(bytes);
    }

    fn text(&mut self, nullable: bool, tagged: bool) {
        if nullable && self.prng.chance(1, 4) {
            return self.length(None, 2);
        }
        let n = self.prng.between(u64::from(tagged), 12) as usize;
        self.length(Some(n), 2);
        let letters = (0..n).map(|_| b'a' + self.prng.below(26) as u8);
        let letters: Vec<u8> = letters.collect();
        self.out.extend(letters);
    }

    fn blob(&mut self, nullable: bool) {
        if nullable && self.prng.chance(1, 4) {
            return self.length(None, 4);
        }
        // Long enough now and then for a compact length of two bytes.
        let n = self.prng.below(if self.prng.clone().chance(1, 8) { 300 } else { 12 }) as usize;
        self.length(Some(n), 4);
        let mut bytes = vec![0; n];
        self.prng.fill(&mut bytes);
        self.out.extend(bytes);
    }

    fn length(&mut self, n: Option<usize>, classic_bytes: usize) {
        if self.flexible {
            return self.uvarint(n.map_or(0, |n| n as u32 + 1));
        }
        let n = n.map_or(-1, |n| n as i32);
        self.out.extend(&n.to_be_bytes()[4 - classic_bytes..]);
    }

    fn uvarint(&mut self, mut x: u32) {
        while x >= 0x80 {
            self.out.push(x as u8 | 0x80);
            x >>= 7;
        }
        self.out.push(x as u8);
    }
}
