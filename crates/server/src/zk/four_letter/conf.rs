//! conf: what the server was configured with. dirs: how large its folders are.

use super::super::{Shared, admin, place};

/// conf
pub fn text(shared: &Shared) -> String {
    let lines = |lines: Vec<(&str, String)>| {
        lines.into_iter().fold(String::new(), |out, (key, value)| out + &format!("{key}={value}\n"))
    };
    let own = lines(admin::configuration(shared));
    match place::of(shared) {
        None => own,
        // What follows has no line end at its end.
        Some(place) => format!("{own}{}membership: \n{}", lines(place.configuration()), place.membership()),
    }
}

/// dirs
pub fn sizes(shared: &Shared) -> String {
    let (data, log) = admin::folder_sizes(shared);
    format!("datadir_size: {data}\nlogdir_size: {log}\n")
}
