//! conf: what the server was configured with. dirs: how large its folders are.

use super::super::{Shared, admin};

/// conf
pub fn text(shared: &Shared) -> String {
    admin::configuration(shared).into_iter().fold(String::new(), |out, (key, value)| out + &format!("{key}={value}\n"))
}

/// dirs
pub fn sizes(shared: &Shared) -> String {
    let (data, log) = admin::folder_sizes(shared);
    format!("datadir_size: {data}\nlogdir_size: {log}\n")
}
