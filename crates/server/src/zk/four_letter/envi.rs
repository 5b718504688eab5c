//! envi: where the server runs.

use super::super::{Shared, admin};

/// envi
pub fn text(_: &Shared) -> String {
    let out = String::from("Environment:\n");
    admin::environment().into_iter().fold(out, |out, (key, value)| out + &format!("{key}={value}\n"))
}
