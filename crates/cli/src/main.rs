//! The castlekeep binary.
fn main() {}
