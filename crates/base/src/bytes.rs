//! A big-endian cursor over [`Bytes`]: both wire protocols and both disk formats read through it.

use core::fmt;

use bytes::Bytes;

use crate::limits::DecodeBudget;

/// Why bytes make no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes end before the value does.
    Truncated {
        /// Bytes the value needs.
        wanted: usize,
        /// Bytes that are left.
        left: usize,
    },
    /// A length or count that the remaining bytes, or a configured limit, cannot hold.
    Unreasonable {
        /// What was being read.
        what: &'static str,
        /// The number found.
        value: i64,
    },
    /// The frame decodes to more than its budget (see [`DecodeBudget`]).
    BudgetExhausted {
        /// Bytes the next value would take.
        wanted: usize,
        /// Bytes left in the budget.
        left: usize,
    },
    /// A value that its type does not allow.
    Invalid(&'static str),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Truncated { wanted, left } => write!(f, "truncated: a value needs {wanted} bytes, {left} are left"),
            Self::Unreasonable { what, value } => write!(f, "unreasonable {what}: {value}"),
            Self::BudgetExhausted { wanted, left } => {
                write!(f, "decoding needs {wanted} more bytes, the frame's budget has {left}")
            }
            Self::Invalid(what) => write!(f, "invalid {what}"),
        }
    }
}

impl core::error::Error for DecodeError {}

/// Reads big-endian values from the front of a frame. Slices taken from it share the frame's memory.
#[derive(Clone, Debug)]
pub struct Reader {
    bytes: Bytes,
    position: usize,
    budget: DecodeBudget,
}

impl Reader {
    /// A reader with the ordinary budget for a frame of this size.
    pub fn new(bytes: Bytes) -> Self {
        let budget = DecodeBudget::for_frame(bytes.len());
        Self { bytes, position: 0, budget }
    }

    /// A reader with another budget.
    pub fn with_budget(bytes: Bytes, budget: DecodeBudget) -> Self {
        Self { bytes, position: 0, budget }
    }

    /// Bytes not read yet.
    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.position
    }

    /// Whether everything has been read.
    pub fn is_empty(&self) -> bool {
        self.remaining() == 0
    }

    /// Bytes read so far.
    pub fn position(&self) -> usize {
        self.position
    }

    /// The budget, for decoders that allocate.
    pub fn budget(&mut self) -> &mut DecodeBudget {
        &mut self.budget
    }

    /// The unread bytes, not consumed.
    pub fn peek(&self) -> &[u8] {
        &self.bytes[self.position..]
    }

    /// The unread bytes, consumed, without a copy.
    pub fn rest(&mut self) -> Bytes {
        let rest = self.bytes.slice(self.position..);
        self.position = self.bytes.len();
        rest
    }

    /// The next `n` bytes without a copy.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] when fewer are left; nothing is consumed then.
    pub fn slice(&mut self, n: usize) -> Result<Bytes, DecodeError> {
        self.need(n)?;
        let slice = self.bytes.slice(self.position..self.position + n);
        self.position += n;
        Ok(slice)
    }

    /// Skips `n` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] when fewer are left.
    pub fn skip(&mut self, n: usize) -> Result<(), DecodeError> {
        self.need(n)?;
        self.position += n;
        Ok(())
    }

    /// The next `N` bytes as an array.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] when fewer are left.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        self.need(N)?;
        let mut out = [0; N];
        out.copy_from_slice(&self.bytes[self.position..self.position + N]);
        self.position += N;
        Ok(out)
    }

    /// Checks an element count against what is left (`count * smallest_element_bytes` must fit) and draws
    /// `count * element_memory_bytes` from the budget, before anything is allocated.
    ///
    /// # Errors
    /// [`DecodeError::Unreasonable`] or [`DecodeError::BudgetExhausted`].
    pub fn check_count(
        &mut self,
        count: usize,
        smallest_element_bytes: usize,
        element_memory_bytes: usize,
    ) -> Result<(), DecodeError> {
        let smallest = count.checked_mul(smallest_element_bytes.max(1));
        if smallest.is_none_or(|bytes| bytes > self.remaining()) {
            return Err(DecodeError::Unreasonable { what: "element count", value: count as i64 });
        }
        self.budget.draw(count.saturating_mul(element_memory_bytes))
    }

    /// A byte.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`] at the end of the bytes, as for every fixed-size read below.
    pub fn u8(&mut self) -> Result<u8, DecodeError> {
        Ok(self.array::<1>()?[0])
    }

    /// A signed byte.
    ///
    /// # Errors
    /// See [`Reader::u8`].
    pub fn i8(&mut self) -> Result<i8, DecodeError> {
        Ok(self.array::<1>()?[0] as i8)
    }

    /// 0 or 1 (any other byte counts as true, as Java's `readBoolean` has it).
    ///
    /// # Errors
    /// See [`Reader::u8`].
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        Ok(self.u8()? != 0)
    }

    /// 16 bits, signed.
    ///
    /// # Errors
    /// See [`Reader::u8`].
    pub fn i16(&mut self) -> Result<i16, DecodeError> {
        Ok(i16::from_be_bytes(self.array()?))
    }

    /// 16 bits, unsigned.
    ///
    /// # Errors
    /// See [`Reader::u8`].
    pub fn u16(&mut self) -> Result<u16, DecodeError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    /// 32 bits, signed.
    ///
    /// # Errors
    /// See [`Reader::u8`].
    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    /// 32 bits, unsigned.
    ///
    /// # Errors
    /// See [`Reader::u8`].
    pub fn u32(&mut self) -> Result<u32, DecodeError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    /// 64 bits, signed.
    ///
    /// # Errors
    /// See [`Reader::u8`].
    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        Ok(i64::from_be_bytes(self.array()?))
    }

    /// An IEEE 754 double.
    ///
    /// # Errors
    /// See [`Reader::u8`].
    pub fn f64(&mut self) -> Result<f64, DecodeError> {
        Ok(f64::from_be_bytes(self.array()?))
    }

    fn need(&self, n: usize) -> Result<(), DecodeError> {
        if self.remaining() < n {
            return Err(DecodeError::Truncated { wanted: n, left: self.remaining() });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_big_endian_and_stops_at_the_end() {
        let mut r = Reader::new(Bytes::from_static(&[0, 1, 0xff, 0xff, 0xff, 0xfe, 7]));
        assert_eq!(r.i16(), Ok(1));
        assert_eq!(r.i32(), Ok(-2));
        assert_eq!(r.i64(), Err(DecodeError::Truncated { wanted: 8, left: 1 }));
        assert_eq!(r.u8(), Ok(7));
        assert!(r.is_empty());
    }

    #[test]
    fn counts_are_checked_before_anything_is_allocated() {
        let mut r = Reader::new(Bytes::from_static(&[0; 16]));
        assert!(r.check_count(4, 4, 24).is_ok());
        assert!(matches!(r.check_count(5, 4, 24), Err(DecodeError::Unreasonable { .. })));
        assert!(matches!(r.check_count(usize::MAX, 4, 24), Err(DecodeError::Unreasonable { .. })));
        assert!(matches!(r.check_count(16, 1, 1 << 20), Err(DecodeError::BudgetExhausted { .. })));
    }
}
