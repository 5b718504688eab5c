//! mntr: every metric, for tools.

use std::fmt::Write as _;

use super::super::metrics::{self, words};
use super::super::{Shared, admin, place};

/// mntr
pub fn text(shared: &Shared) -> String {
    let mut out = format!("zk_version\t{}\nzk_server_state\t{}\n", admin::VERSION, place::mode(shared));
    if let Some(place) = place::of(shared) {
        let _ = writeln!(out, "zk_peer_state\t{}", place.peer_state());
        if let Some(master) = place.observer_master(shared) {
            let _ = writeln!(out, "zk_observer_master_id\t{master}");
        }
    }
    for (key, value) in words::all(&metrics::collect(shared), shared.config.prometheus) {
        let _ = writeln!(out, "zk_{key}\t{value}");
    }
    out
}
