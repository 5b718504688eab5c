//! Coordinators: state machines whose durable state is a partition of an internal topic.

pub mod group;
pub mod runtime;

/// Java's `String.hashCode` over UTF-16 units, without its sign bit: how Kafka spreads groups and transactional ids
/// over the partitions of their internal topic (`Utils.abs`).
pub fn java_string_hash(s: &str) -> i32 {
    s.encode_utf16().fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit))) & i32::MAX
}

/// The partition of `__consumer_offsets` (or `__transaction_state`) that coordinates `id`.
pub fn partition_for(id: &str, partition_count: i32) -> i32 {
    assert!(partition_count > 0, "an internal topic has partitions");
    java_string_hash(id) % partition_count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_java_does() {
        // From a JDK: "abc".hashCode() = 96354; "polygenelubricants".hashCode() = Integer.MIN_VALUE, whose sign bit
        // is dropped; U+1F600 is two UTF-16 units.
        assert_eq!(java_string_hash("abc"), 96354);
        assert_eq!(java_string_hash("polygenelubricants"), 0);
        assert_eq!(java_string_hash("\u{1F600}"), 1_772_899);
        assert_eq!(java_string_hash(""), 0);
        assert_eq!(partition_for("abc", 50), 4);
    }
}
