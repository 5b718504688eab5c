//! wchs, wchc, wchp: who watches what. As upstream's, they tell of watches for data and not of those for children.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use keeper::Keeper;

use super::super::{Shared, admin};

/// wchs
pub fn summary(shared: &Shared) -> String {
    let tree = admin::tree(shared);
    format!(
        "{} connections watching {} paths\nTotal watches:{}\n",
        tree.watching_connections, tree.watched_paths, tree.data_watches
    )
}

/// wchc
pub fn by_session(shared: &Shared) -> String {
    let mut sessions: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for watched in shared.keeper.with(Keeper::watched_paths) {
        for session in watched.sessions {
            sessions.entry(session).or_default().push(watched.path.to_string());
        }
    }
    let mut out = String::new();
    for (session, paths) in sessions {
        let _ = writeln!(out, "{session}");
        paths.iter().for_each(|path| out.push_str(&format!("\t{path}\n")));
    }
    out + "\n"
}

/// wchp
pub fn by_path(shared: &Shared) -> String {
    let mut out = String::new();
    for watched in shared.keeper.with(Keeper::watched_paths) {
        let _ = writeln!(out, "{}", watched.path);
        watched.sessions.iter().for_each(|session| out.push_str(&format!("\t{session}\n")));
    }
    out + "\n"
}
