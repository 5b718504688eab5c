//! Values and bytes that every layer needs and that know no protocol.
//!
//! Nothing here reads a clock, asks the operating system for chance or touches a file: [`time::Now`] and
//! [`prng::Prng`] are handed in by whoever owns the real or the simulated world.

pub mod bytes;
pub mod checksum;
pub mod limits;
pub mod map;
pub mod planted;
pub mod prng;
pub mod secret;
pub mod str;
pub mod time;

pub use crate::bytes::{DecodeError, Reader};
pub use crate::prng::Prng;
pub use crate::str::Str;
pub use crate::time::{Instant, Now};
