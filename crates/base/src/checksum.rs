//! The three checksums of the two systems' formats.

/// CRC-32C (Castagnoli) of record batches v2 and producer snapshots.
pub fn crc32c(bytes: &[u8]) -> u32 {
    ::crc32c::crc32c(bytes)
}

/// Continues a CRC-32C over more bytes.
pub fn crc32c_append(crc: u32, bytes: &[u8]) -> u32 {
    ::crc32c::crc32c_append(crc, bytes)
}

/// CRC-32 (IEEE) of legacy messages and of ZooKeeper's tree digest.
pub fn crc32(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

/// CRC-32 (IEEE) in pieces.
#[derive(Clone, Default)]
pub struct Crc32(crc32fast::Hasher);

impl Crc32 {
    /// Continues from a checksum as if everything behind it had been added here.
    pub fn resume(crc: u32) -> Self {
        Self(crc32fast::Hasher::new_with_initial(crc))
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of everything added so far.
    pub fn finish(&self) -> u32 {
        self.0.clone().finalize()
    }
}

/// Adler-32 of ZooKeeper's transaction log entries.
pub fn adler32(bytes: &[u8]) -> u32 {
    simd_adler32::adler32(&bytes)
}

/// Adler-32 in pieces, as ZooKeeper's snapshot seals use it.
#[derive(Clone, Default)]
pub struct Adler32(simd_adler32::Adler32);

impl Adler32 {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    /// The checksum of everything added so far.
    pub fn finish(&self) -> u32 {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_values_of_the_catalogues() {
        assert_eq!(crc32c(b"123456789"), 0xE306_9283);
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
        let mut pieces = Adler32::default();
        pieces.update(b"Wiki");
        pieces.update(b"pedia");
        assert_eq!(pieces.finish(), 0x11E6_0398);
    }
}
