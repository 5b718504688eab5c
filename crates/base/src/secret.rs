//! Values that must not reach a log, an error message or a timing side channel.

use core::fmt;

/// Bytes that cannot be printed, and that compare in time independent of their content.
#[derive(Clone, Default)]
pub struct Secret(Vec<u8>);

impl Secret {
    /// Wraps the bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes, for the one place that must send or hash them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether `candidate` is the secret. Takes as long for a wrong first byte as for a wrong last one.
    pub fn matches(&self, candidate: &[u8]) -> bool {
        let mut difference = self.0.len() ^ candidate.len();
        for (i, byte) in candidate.iter().enumerate() {
            difference |= usize::from(byte ^ self.0.get(i).copied().unwrap_or(0));
        }
        difference == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_only_itself_and_prints_nothing() {
        let secret = Secret::new(*b"hunter2");
        assert!(secret.matches(b"hunter2"));
        assert!(!secret.matches(b"hunter"));
        assert!(!secret.matches(b"hunter22"));
        assert!(!secret.matches(b""));
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }
}
