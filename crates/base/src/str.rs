//! An immutable UTF-8 string that may share a frame's memory.

use core::borrow::Borrow;
use core::fmt;
use core::ops::Deref;

use bytes::Bytes;
use bytestring::ByteString;

use crate::bytes::DecodeError;

/// A string backed by [`Bytes`]: cloning counts a reference, decoding checks UTF-8 once and copies nothing. It compares,
/// hashes and sorts as `str`.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Str(ByteString);

impl Str {
    /// The empty string.
    pub const fn new() -> Self {
        Self(ByteString::new())
    }

    /// A string that lives as long as the program.
    pub const fn from_static(s: &'static str) -> Self {
        Self(ByteString::from_static(s))
    }

    /// Takes the bytes if they are UTF-8.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] when they are not.
    pub fn from_utf8(bytes: Bytes) -> Result<Self, DecodeError> {
        ByteString::try_from(bytes).map(Self).map_err(|_| DecodeError::Invalid("UTF-8"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The UTF-8 bytes, sharing memory.
    pub fn as_bytes_shared(&self) -> Bytes {
        self.0.as_bytes().clone()
    }

    /// A part of it, sharing memory.
    ///
    /// # Panics
    /// When `part` is not of this string.
    pub fn slice_ref(&self, part: &str) -> Self {
        Self(self.0.slice_ref(part))
    }

    /// A copy that holds on to no larger frame: for values kept longer than their request.
    pub fn detached(&self) -> Self {
        Self::from(self.as_str())
    }
}

impl Deref for Str {
    type Target = str;
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<str> for Str {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Str {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for Str {
    fn from(s: &str) -> Self {
        Self(ByteString::from(s))
    }
}

impl From<String> for Str {
    fn from(s: String) -> Self {
        Self(ByteString::from(s))
    }
}

impl PartialEq<str> for Str {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Str {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Debug for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Str {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn behaves_as_str_and_refuses_other_bytes() {
        let s = Str::from("über");
        assert_eq!(s, "über");
        assert_eq!(s.len(), 5);
        assert!(Str::from_utf8(Bytes::from_static(&[0xff])).is_err());
        let set: std::collections::BTreeSet<Str> = ["b", "a"].into_iter().map(Str::from).collect();
        assert!(set.contains("a"));
        assert_eq!(s.slice_ref(&s[2..]), "ber");
    }
}
