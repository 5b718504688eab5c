//! The tree digest, version 2 (upstream: `DigestCalculator`, `AdHash`): the wrapping sum over all nodes of
//!
//! ```text
//! CRC-32( path | data | czxid mzxid pzxid ctime mtime version cversion aversion ephemeralOwner )
//! ```
//! The root's path counts as empty. Nodes below `/zookeeper/` count 0: quota numbers change there without a transaction.

use base::checksum::Crc32;

use crate::generated::StatPersisted;

/// The CRC-32 of a node's path and data: what stays the same while only its numbers change.
pub fn content(path: &str, data: Option<&[u8]>) -> u32 {
    let mut crc = Crc32::default();
    crc.update(if path == "/" { b"" } else { path.as_bytes() });
    crc.update(data.unwrap_or_default());
    crc.finish()
}

/// The digest of a node whose [`content`] is `content`. Not for nodes that do not [count](counts).
pub fn node(content: u32, stat: &StatPersisted) -> i64 {
    let mut numbers = [0; 60];
    let longs = [stat.czxid.0, stat.mzxid.0, stat.pzxid.0, stat.ctime, stat.mtime];
    for (at, long) in numbers.chunks_exact_mut(8).zip(longs) {
        at.copy_from_slice(&long.to_be_bytes());
    }
    numbers[40..44].copy_from_slice(&stat.version.to_be_bytes());
    numbers[44..48].copy_from_slice(&stat.cversion.to_be_bytes());
    numbers[48..52].copy_from_slice(&stat.aversion.to_be_bytes());
    numbers[52..60].copy_from_slice(&stat.ephemeral_owner.to_be_bytes());
    let mut crc = Crc32::resume(content);
    crc.update(&numbers);
    i64::from(crc.finish())
}

/// Whether the node at `path` is part of the digest.
pub fn counts(path: &str) -> bool {
    !path.starts_with("/zookeeper/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Zxid;

    #[test]
    fn the_hash_of_a_node_is_one_crc_over_everything() {
        let stat = StatPersisted {
            czxid: Zxid(1),
            mzxid: Zxid(2),
            pzxid: Zxid(3),
            ctime: 4,
            mtime: 5,
            version: 6,
            cversion: 7,
            aversion: 8,
            ephemeral_owner: 9,
        };
        let mut all = b"/adata".to_vec();
        for long in [1_i64, 2, 3, 4, 5] {
            all.extend(long.to_be_bytes());
        }
        for int in [6_i32, 7, 8] {
            all.extend(int.to_be_bytes());
        }
        all.extend(9_i64.to_be_bytes());
        assert_eq!(node(content("/a", Some(b"data")), &stat), i64::from(base::checksum::crc32(&all)));
        assert_eq!(content("/", None), 0);
        assert!(counts("/zookeeper") && !counts("/zookeeper/config"));
    }
}
