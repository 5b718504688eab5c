//! Request bytes, field by field. Not the product's encoder: what it cannot say (nulls, counts that lie) is wanted here.

/// Bytes of a request under construction.
#[derive(Clone, Default)]
pub struct Body(pub Vec<u8>);

/// An entry of an access control list, as sent.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Any number.
    pub perms: i32,
    /// Any string.
    pub scheme: String,
    /// Any string.
    pub id: String,
}

impl Entry {
    /// An entry with both strings.
    pub fn new(perms: i32, scheme: &str, id: &str) -> Self {
        Self { perms, scheme: scheme.to_owned(), id: id.to_owned() }
    }
}

/// An access control list, as sent; `None` is a null vector.
pub type List = Option<Vec<Entry>>;

impl Body {
    /// Nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A number of four bytes.
    pub fn int(mut self, value: i32) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// A number of eight bytes.
    pub fn long(mut self, value: i64) -> Self {
        self.0.extend_from_slice(&value.to_be_bytes());
        self
    }

    /// One byte.
    pub fn byte(mut self, value: u8) -> Self {
        self.0.push(value);
        self
    }

    /// A buffer, or null.
    pub fn buffer(self, value: Option<&[u8]>) -> Self {
        let Some(value) = value else { return self.int(-1) };
        let mut body = self.int(i32::try_from(value.len()).expect("requests are small"));
        body.0.extend_from_slice(value);
        body
    }

    /// A string.
    pub fn text(self, value: &str) -> Self {
        self.buffer(Some(value.as_bytes()))
    }

    /// Strings behind their count.
    pub fn texts(self, values: Option<&[String]>) -> Self {
        let Some(values) = values else { return self.int(-1) };
        let body = self.int(i32::try_from(values.len()).expect("requests are small"));
        values.iter().fold(body, |body, value| body.text(value))
    }

    /// An access control list.
    pub fn list(self, list: &List) -> Self {
        let Some(entries) = list else { return self.int(-1) };
        let body = self.int(i32::try_from(entries.len()).expect("requests are small"));
        entries.iter().fold(body, |body, entry| body.int(entry.perms).text(&entry.scheme).text(&entry.id))
    }

    /// More bytes as they are.
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }
}

/// A frame: the length, the header, the body.
pub fn frame(xid: i32, opcode: i32, body: &[u8]) -> Vec<u8> {
    let inner = Body::new().int(xid).int(opcode).raw(body);
    Body::new().buffer(Some(&inner.0)).0
}
