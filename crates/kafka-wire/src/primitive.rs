//! The types of Kafka's protocol in their two encodings: classic (i16 and i32 lengths, -1 is null) and, in flexible
//! versions, compact (unsigned varint of length + 1, 0 is null).
//!
//! The generated code calls these, so that a message is a list of calls rather than a copy of each loop.

use core::fmt;

use base::bytes::DecodeError;
use base::{Reader, Str};
use bytes::Bytes;

/// What decoding gives.
pub type Result<T> = core::result::Result<T, DecodeError>;

/// A topic's or directory's id: 16 raw bytes; as text URL-safe base64 without padding (22 characters).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Uuid {
    /// No id.
    pub const ZERO: Self = Self([0; 16]);
    /// The id of KRaft's metadata topic, which no other topic may have.
    pub const ONE: Self = Self([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

    /// Whether this is [`Uuid::ZERO`].
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// The id with this text form.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 22 {
            return None;
        }
        let mut bits: u128 = 0;
        for (index, c) in text.bytes().enumerate() {
            let six = BASE64.iter().position(|&b| b == c)? as u128;
            // 22 characters carry 132 bits; the last 4 are padding and dropped, as Java's decoder drops them.
            bits = if index < 21 { bits << 6 | six } else { bits << 2 | six >> 4 };
        }
        Some(Self(bits.to_be_bytes()))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = u128::from_be_bytes(self.0);
        let mut text = [0u8; 22];
        for (index, c) in text.iter_mut().enumerate() {
            let six = if index < 21 { bits >> (122 - 6 * index) } else { bits << 4 };
            *c = BASE64[(six & 63) as usize];
        }
        f.write_str(core::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Stands in debug output where a secret would.
pub struct Hidden;

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// 7 bits per byte, low bits first, at most 5 bytes.
///
/// # Errors
/// [`DecodeError::Invalid`] when a sixth byte would follow.
pub fn uvarint(r: &mut Reader) -> Result<u32> {
    let mut value = 0u32;
    for shift in (0..35).step_by(7) {
        let byte = r.u8()?;
        value |= u32::from(byte & 0x7f).wrapping_shl(shift);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(DecodeError::Invalid("varint"))
}

/// The length of a string (`narrow`: i16 in the classic encoding), byte string or array. Any negative length is null.
fn length(r: &mut Reader, flex: bool, narrow: bool) -> Result<Option<usize>> {
    let n = if flex {
        i64::from(uvarint(r)?) - 1
    } else if narrow {
        i64::from(r.i16()?)
    } else {
        i64::from(r.i32()?)
    };
    if n > i64::from(i32::MAX) {
        return Err(DecodeError::Unreasonable { what: "length", value: n });
    }
    Ok(usize::try_from(n).ok())
}

const NULL: DecodeError = DecodeError::Invalid("null where a value must be");

/// A string that may be null when `nullable`.
///
/// # Errors
/// Truncated, not UTF-8, or null where it must not be.
pub fn opt_str(r: &mut Reader, flex: bool, nullable: bool) -> Result<Option<Str>> {
    match length(r, flex, true)? {
        // Compact lengths could say more; upstream refuses that too.
        Some(n) if n > i16::MAX as usize => Err(DecodeError::Unreasonable { what: "string length", value: n as i64 }),
        Some(n) => Ok(Some(Str::from_utf8(r.slice(n)?)?)),
        None if nullable => Ok(None),
        None => Err(NULL),
    }
}

/// A string.
///
/// # Errors
/// See [`opt_str`].
pub fn str(r: &mut Reader, flex: bool) -> Result<Str> {
    opt_str(r, flex, false)?.ok_or(NULL)
}

/// Bytes that may be null when `nullable`; they share the frame's memory.
///
/// # Errors
/// Truncated, or null where it must not be.
pub fn opt_bytes(r: &mut Reader, flex: bool, nullable: bool) -> Result<Option<Bytes>> {
    match length(r, flex, false)? {
        Some(n) => Ok(Some(r.slice(n)?)),
        None if nullable => Ok(None),
        None => Err(NULL),
    }
}

/// Bytes.
///
/// # Errors
/// See [`opt_bytes`].
pub fn bytes(r: &mut Reader, flex: bool) -> Result<Bytes> {
    opt_bytes(r, flex, false)?.ok_or(NULL)
}

/// 16 bytes.
///
/// # Errors
/// Truncated.
pub fn uuid(r: &mut Reader) -> Result<Uuid> {
    Ok(Uuid(r.array()?))
}

/// An array that may be null when `nullable`. `least` is the fewest bytes an element takes: the count is held against
/// what is left, and the elements' memory drawn from the budget, before anything is allocated.
///
/// # Errors
/// What [`Reader::check_count`] and the elements give, or null where it must not be.
pub fn opt_array<T>(
    r: &mut Reader,
    flex: bool,
    nullable: bool,
    least: usize,
    v: i16,
    read: fn(&mut Reader, i16) -> Result<T>,
) -> Result<Option<Vec<T>>> {
    let Some(n) = length(r, flex, false)? else { return if nullable { Ok(None) } else { Err(NULL) } };
    r.check_count(n, least, size_of::<T>())?;
    let mut items = Vec::with_capacity(n);
    for _ in 0..n {
        items.push(read(r, v)?);
    }
    Ok(Some(items))
}

/// An array.
///
/// # Errors
/// See [`opt_array`].
pub fn array<T>(
    r: &mut Reader,
    flex: bool,
    least: usize,
    v: i16,
    read: fn(&mut Reader, i16) -> Result<T>,
) -> Result<Vec<T>> {
    opt_array(r, flex, false, least, v, read)?.ok_or(NULL)
}

/// An array of strings that may be null when `nullable`.
///
/// # Errors
/// See [`opt_array`].
pub fn opt_strs(r: &mut Reader, flex: bool, nullable: bool) -> Result<Option<Vec<Str>>> {
    if flex {
        opt_array(r, true, nullable, 1, 0, |r, _| str(r, true))
    } else {
        opt_array(r, false, nullable, 2, 0, |r, _| str(r, false))
    }
}

/// An array of strings.
///
/// # Errors
/// See [`opt_array`].
pub fn strs(r: &mut Reader, flex: bool) -> Result<Vec<Str>> {
    opt_strs(r, flex, false)?.ok_or(NULL)
}

/// A struct behind a byte that is negative for null.
///
/// # Errors
/// What its fields give.
pub fn opt_struct<T>(r: &mut Reader, v: i16, read: fn(&mut Reader, i16) -> Result<T>) -> Result<Option<T>> {
    if r.i8()? < 0 { Ok(None) } else { read(r, v).map(Some) }
}

/// The tag section that ends a struct in flexible versions. `field` reads a tag that it knows and says so; others are
/// skipped.
///
/// # Errors
/// What the fields give, or a known field whose size is not the one stated.
pub fn tags(r: &mut Reader, field: &mut dyn FnMut(u32, &mut Reader) -> Result<bool>) -> Result<()> {
    for _ in 0..uvarint(r)? {
        let tag = uvarint(r)?;
        let size = uvarint(r)? as usize;
        if size > r.remaining() {
            return Err(DecodeError::Truncated { wanted: size, left: r.remaining() });
        }
        let before = r.position();
        if field(tag, r)? {
            if r.position() - before != size {
                return Err(DecodeError::Invalid("size of a tagged field"));
            }
        } else {
            r.skip(size)?;
        }
    }
    Ok(())
}

/// A tag section in which no tag is known.
///
/// # Errors
/// Truncated.
pub fn skip_tags(r: &mut Reader) -> Result<()> {
    tags(r, &mut |_, _| Ok(false))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_have_javas_text_form() {
        assert_eq!(Uuid::ZERO.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(Uuid::ONE.to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
        let all = Uuid([0xff; 16]);
        assert_eq!(all.to_string(), "_____________________w");
        for id in [Uuid::ZERO, Uuid::ONE, all, Uuid(*b"0123456789abcdef")] {
            assert_eq!(Uuid::parse(&id.to_string()), Some(id));
        }
        assert_eq!(Uuid::parse("AAAAAAAAAAAAAAAAAAAAA"), None);
        assert_eq!(Uuid::parse("AAAAAAAAAAAAAAAAAAAA+A"), None);
    }

    #[test]
    fn lengths_never_allocate_what_is_not_there() {
        let read = |bytes: &'static [u8], flex| opt_strs(&mut Reader::new(Bytes::from_static(bytes)), flex, true);
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff], false), Ok(None));
        assert_eq!(read(&[0], true), Ok(None));
        assert_eq!(read(&[1], true), Ok(Some(vec![])));
        assert_eq!(read(&[2, 2, b'a'], true), Ok(Some(vec![Str::from("a")])));
        assert!(matches!(read(&[0x7f, 0xff, 0xff, 0xff], false), Err(DecodeError::Unreasonable { .. })));
        assert!(matches!(read(&[0xff, 0xff, 0xff, 0xff, 0x0f], true), Err(DecodeError::Unreasonable { .. })));
        assert!(matches!(read(&[0xff, 0xff, 0xff, 0xff, 0xff, 1], true), Err(DecodeError::Invalid(_))));
    }

    #[test]
    fn unknown_tags_are_skipped_and_known_ones_must_have_their_size() {
        let run = |bytes: &'static [u8]| {
            let mut seen = 0;
            let mut r = Reader::new(Bytes::from_static(bytes));
            tags(&mut r, &mut |tag, r| {
                if tag == 1 {
                    seen = r.i16()?;
                }
                Ok(tag == 1)
            })
            .map(|()| (seen, r.remaining()))
        };
        assert_eq!(run(&[2, 0, 1, 9, 1, 2, 0, 5, 77]), Ok((5, 1)));
        assert!(run(&[1, 1, 3, 0, 5, 0]).is_err());
        assert!(run(&[1, 9, 5, 0]).is_err());
    }
}
