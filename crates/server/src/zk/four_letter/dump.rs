//! dump: sessions by when they end, what they own, and connections by when they are given up.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;

use base::Instant;
use keeper::Keeper;
use keeper::admin::SessionSummary;

use super::super::{Shared, java_date};

/// dump
pub fn text(shared: &Shared) -> String {
    let sessions = shared.keeper.with(Keeper::session_summaries);
    let mut out = String::from("SessionTracker dump:\nSession ");
    let tracked = sessions.iter().map(|session| (session.expires, format!("{}", session.id)));
    sets(&mut out, shared, tracked);
    owners(&mut out, &sessions);
    out.push_str("Connections dump:\nConnections ");
    let ends: BTreeMap<i64, Instant> = sessions.iter().map(|session| (session.id.0, session.expires)).collect();
    let deadline = shared.clock.mono() + shared.config.connect_deadline;
    let conns = shared.conns.lock();
    let tracked = conns.iter().map(|outbox| {
        let session = outbox.session.load(Relaxed);
        let line = format!("ip: /{} sessionId: {session:#x}", outbox.peer);
        (ends.get(&session).copied().unwrap_or(deadline), line)
    });
    sets(&mut out, shared, tracked);
    out
}

/// Lines under the second at which they end.
fn sets(out: &mut String, shared: &Shared, lines: impl Iterator<Item = (Instant, String)>) {
    let mut buckets: BTreeMap<Instant, Vec<String>> = BTreeMap::new();
    for (ends, line) in lines {
        buckets.entry(ends).or_default().push(line);
    }
    let all: usize = buckets.values().map(Vec::len).sum();
    let _ = writeln!(out, "Sets ({})/({all}):", buckets.len());
    let now = shared.clock.now();
    for (ends, lines) in buckets {
        let left_ms = i64::try_from(ends.as_millis()).unwrap_or(i64::MAX) - now.mono.as_millis().cast_signed();
        let date = java_date::text(now.wall_ms.saturating_add(left_ms));
        let _ = writeln!(out, "{} expire at {date}:", lines.len());
        lines.iter().for_each(|line| out.push_str(&format!("\t{line}\n")));
    }
}

fn owners(out: &mut String, sessions: &[SessionSummary]) {
    let owners: Vec<_> = sessions.iter().filter(|session| !session.ephemerals.is_empty()).collect();
    let _ = writeln!(out, "ephemeral nodes dump:\nSessions with Ephemerals ({}):", owners.len());
    for owner in owners {
        let _ = writeln!(out, "{}:", owner.id);
        owner.ephemerals.iter().for_each(|path| out.push_str(&format!("\t{path}\n")));
    }
}
