//! The encoding itself: big-endian numbers, length-prefixed strings, buffers and vectors (length -1 is null), and
//! records as their fields one after the other, without framing or tags.
//!
//! Upstream: `org.apache.jute.BinaryInputArchive`, `BinaryOutputArchive`.

use core::fmt;

use base::{DecodeError, Reader, Str};
use bytes::{BufMut, Bytes, BytesMut};

/// A value with a jute encoding.
pub trait Jute: Sized {
    /// The least number of bytes that any value of the type takes: bounds how many elements a vector can have.
    const SMALLEST_BYTES: usize;

    /// Reads a value. Bytes behind it stay unread: that is how fields get added compatibly.
    ///
    /// # Errors
    /// Bytes that end early, lengths that the rest cannot hold, a null where a string belongs.
    fn decode(r: &mut Reader) -> Result<Self, DecodeError>;

    /// Appends the value.
    fn encode(&self, out: &mut BytesMut);

    /// Reads a value from the front of `bytes`, which it then shares.
    ///
    /// # Errors
    /// As [`Jute::decode`].
    fn from_bytes(bytes: Bytes) -> Result<Self, DecodeError> {
        Self::decode(&mut Reader::new(bytes))
    }

    /// The value's bytes.
    fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::new();
        self.encode(&mut out);
        out.freeze()
    }
}

impl Jute for i32 {
    const SMALLEST_BYTES: usize = 4;

    fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
        r.i32()
    }

    fn encode(&self, out: &mut BytesMut) {
        out.put_i32(*self);
    }
}

impl Jute for i64 {
    const SMALLEST_BYTES: usize = 8;

    fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
        r.i64()
    }

    fn encode(&self, out: &mut BytesMut) {
        out.put_i64(*self);
    }
}

impl Jute for bool {
    const SMALLEST_BYTES: usize = 1;

    fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
        r.bool()
    }

    fn encode(&self, out: &mut BytesMut) {
        out.put_u8(u8::from(*self));
    }
}

impl Jute for Option<Bytes> {
    const SMALLEST_BYTES: usize = 4;

    fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
        match r.i32()? {
            -1 => Ok(None),
            len if len < 0 => Err(DecodeError::Unreasonable { what: "length", value: len.into() }),
            len => Ok(Some(r.slice(len as usize)?)),
        }
    }

    fn encode(&self, out: &mut BytesMut) {
        put_buffer(out, self.as_deref());
    }
}

impl Jute for Option<Str> {
    const SMALLEST_BYTES: usize = 4;

    fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
        let text = |bytes: Bytes| match Str::from_utf8(bytes.clone()) {
            Ok(text) => text,
            // As Java's strings have it: what is no UTF-8 becomes U+FFFD, which no path and no scheme may have.
            Err(_) => Str::from(String::from_utf8_lossy(&bytes).into_owned()),
        };
        Ok(Option::<Bytes>::decode(r)?.map(text))
    }

    fn encode(&self, out: &mut BytesMut) {
        put_buffer(out, self.as_ref().map(|s| s.as_bytes()));
    }
}

impl Jute for Str {
    const SMALLEST_BYTES: usize = 4;

    fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
        Option::<Str>::decode(r)?.ok_or(DecodeError::Invalid("null string"))
    }

    fn encode(&self, out: &mut BytesMut) {
        put_buffer(out, Some(self.as_bytes()));
    }
}

impl<T: Jute> Jute for Option<Vec<T>> {
    const SMALLEST_BYTES: usize = 4;

    fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
        let count = match r.i32()? {
            -1 => return Ok(None),
            // Upstream's loop over the elements ends at once.
            count if count < 0 => 0,
            count => count as usize,
        };
        r.check_count(count, T::SMALLEST_BYTES, size_of::<T>())?;
        let mut elements = Vec::with_capacity(count);
        for _ in 0..count {
            elements.push(T::decode(r)?);
        }
        Ok(Some(elements))
    }

    fn encode(&self, out: &mut BytesMut) {
        let Some(elements) = self else {
            return out.put_i32(-1);
        };
        put_len(out, elements.len());
        for element in elements {
            element.encode(out);
        }
    }
}

/// A buffer whose content must not reach a log: passwords and tokens.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretBuffer(pub Option<Bytes>);

impl fmt::Debug for SecretBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBuffer(..)")
    }
}

impl From<Bytes> for SecretBuffer {
    fn from(bytes: Bytes) -> Self {
        Self(Some(bytes))
    }
}

impl Jute for SecretBuffer {
    const SMALLEST_BYTES: usize = 4;

    fn decode(r: &mut Reader) -> Result<Self, DecodeError> {
        Jute::decode(r).map(Self)
    }

    fn encode(&self, out: &mut BytesMut) {
        self.0.encode(out);
    }
}

/// Appends a buffer or string: its length and bytes, or -1.
pub fn put_buffer(out: &mut BytesMut, bytes: Option<&[u8]>) {
    match bytes {
        None => out.put_i32(-1),
        Some(bytes) => {
            put_len(out, bytes.len());
            out.put_slice(bytes);
        }
    }
}

/// Appends a length or count.
pub fn put_len(out: &mut BytesMut, len: usize) {
    out.put_i32(i32::try_from(len).expect("frames and records are below 2 GiB"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round<T: Jute + PartialEq + fmt::Debug>(value: T, bytes: &[u8]) {
        assert_eq!(&value.to_bytes()[..], bytes);
        assert_eq!(T::from_bytes(Bytes::copy_from_slice(bytes)).as_ref(), Ok(&value));
    }

    #[test]
    fn null_and_empty_differ() {
        round::<Option<Bytes>>(None, &[255, 255, 255, 255]);
        round(Some(Bytes::new()), &[0, 0, 0, 0]);
        round::<Option<Vec<i32>>>(None, &[255, 255, 255, 255]);
        round(Some(vec![7_i32]), &[0, 0, 0, 1, 0, 0, 0, 7]);
        round(Str::from("é"), &[0, 0, 0, 2, 0xc3, 0xa9]);
        round::<Option<Str>>(None, &[255, 255, 255, 255]);
    }

    #[test]
    fn hostile_lengths_are_refused_before_allocation() {
        let decode = |bytes: &'static [u8]| Option::<Vec<i64>>::from_bytes(Bytes::from_static(bytes));
        assert!(matches!(decode(&[0x7f, 255, 255, 255, 0, 0]), Err(DecodeError::Unreasonable { .. })));
        assert!(Str::from_bytes(Bytes::from_static(&[255, 255, 255, 255])).is_err());
        assert!(Option::<Bytes>::from_bytes(Bytes::from_static(&[0x7f, 0, 0, 0])).is_err());
    }

    #[test]
    fn a_negative_count_is_an_empty_vector() {
        let bytes = Bytes::from_static(&[255, 255, 255, 254]);
        assert_eq!(Option::<Vec<i64>>::from_bytes(bytes), Ok(Some(Vec::new())));
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_replaced() {
        assert_eq!(Str::from_bytes(Bytes::from_static(&[0, 0, 0, 3, b'a', 0xff, b'b'])), Ok(Str::from("a\u{fffd}b")));
    }
}
