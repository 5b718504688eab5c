//! An immutable UTF-8 string that may share a frame's memory.

use core::borrow::Borrow;
use core::fmt;
use core::ops::Deref;

use bytes::Bytes;

use crate::bytes::DecodeError;

/// A string backed by [`Bytes`]: cloning counts a reference, decoding checks UTF-8 and copies nothing. It compares,
/// hashes and sorts as `str`.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Str(Bytes);

impl Str {
    /// The empty string.
    pub const fn new() -> Self {
        Self(Bytes::new())
    }

    /// A string that lives as long as the program.
    pub const fn from_static(s: &'static str) -> Self {
        Self(Bytes::from_static(s.as_bytes()))
    }

    /// Takes the bytes if they are UTF-8.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] when they are not.
    pub fn from_utf8(bytes: Bytes) -> Result<Self, DecodeError> {
        match core::str::from_utf8(&bytes) {
            Ok(_) => Ok(Self(bytes)),
            Err(_) => Err(DecodeError::Invalid("UTF-8")),
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).expect("checked when the value was made")
    }

    /// The UTF-8 bytes, sharing memory.
    pub fn as_bytes_shared(&self) -> Bytes {
        self.0.clone()
    }

    /// A copy that holds on to no larger frame: for values kept longer than their request.
    pub fn detached(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
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

impl core::hash::Hash for Str {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl From<&str> for Str {
    fn from(s: &str) -> Self {
        Self(Bytes::copy_from_slice(s.as_bytes()))
    }
}

impl From<String> for Str {
    fn from(s: String) -> Self {
        Self(Bytes::from(s))
    }
}

impl PartialEq<str> for Str {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Str {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == other.as_bytes()
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
    }
}
