//! The tree digest, version 2 (upstream: `DigestCalculator.java`).

use super::ModelNode;

/// A node's part of it.
pub fn of_node(path: &str, node: &ModelNode) -> i64 {
    if path.starts_with("/zookeeper/") {
        return 0;
    }
    let mut crc = Crc32::new();
    crc.update(if path == "/" { "" } else { path }.as_bytes());
    crc.update(node.data.as_deref().unwrap_or_default());
    for long in [node.czxid, node.mzxid, node.pzxid, node.ctime, node.mtime] {
        crc.update(&long.to_be_bytes());
    }
    for int in [node.version, node.creates, node.aversion] {
        crc.update(&int.to_be_bytes());
    }
    crc.update(&node.owner.to_be_bytes());
    i64::from(crc.finish())
}

/// CRC-32 (IEEE), by a table: the model shares no code with the server.
struct Crc32(u32);

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut value = index as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { 0xEDB8_8320 ^ (value >> 1) } else { value >> 1 };
            bit += 1;
        }
        table[index] = value;
        index += 1;
    }
    table
};

impl Crc32 {
    fn new() -> Self {
        Self(u32::MAX)
    }

    fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = CRC_TABLE[((self.0 ^ u32::from(*byte)) & 0xff) as usize] ^ (self.0 >> 8);
        }
    }

    fn finish(self) -> u32 {
        !self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_of_the_standard_check_string() {
        let mut crc = Crc32::new();
        crc.update(b"123456789");
        assert_eq!(crc.finish(), 0xCBF4_3926);
    }
}
