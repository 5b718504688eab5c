//! Four-letter words: four ASCII bytes instead of a connect request, answered with text and the connection's end.
//!
//! Upstream: `server/command/*`, `FourLetterCommands`. The texts are read by monitoring tools, so they are upstream's
//! to the letter.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::atomic::Ordering;

use super::Shared;
use super::admin;

/// Which words are answered (`4lw.commands.whitelist`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whitelist {
    /// Every one (`*`).
    All,
    /// These.
    Only(BTreeSet<String>),
}

impl Whitelist {
    /// The value of the key: words separated by commas, or `*`.
    pub fn parse(text: &str) -> Self {
        let words: BTreeSet<String> = text.split(',').map(|word| word.trim().to_string()).collect();
        if words.contains("*") { Self::All } else { Self::Only(words) }
    }

    /// Upstream's default.
    pub fn upstream() -> Self {
        Self::parse("srvr")
    }

    /// What is answered when nothing is configured: what tells of the server and costs nothing.
    pub fn embedded() -> Self {
        Self::parse("ruok,srvr,stat,mntr,conf,isro,cons,dirs,envi,wchs,crst,srst")
    }

    fn allows(&self, word: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(words) => words.contains(word),
        }
    }
}

/// Makes a word's text.
type Command = fn(&Shared) -> String;

const WORDS: &[(&str, Command)] = &[
    ("ruok", |_| "imok".into()),
    ("isro", |_| "rw".into()),
    ("srvr", srvr),
    ("stat", stat),
    ("mntr", mntr),
    ("conf", conf),
    ("cons", cons),
    ("dirs", dirs),
    ("envi", envi),
    ("wchs", wchs),
    ("crst", crst),
    ("srst", srst),
    ("dump", dump),
];

/// The answer to a first frame's first four bytes if they are a word; `None` if they are a length.
pub fn answer(head: [u8; 4], shared: &Shared) -> Option<Vec<u8>> {
    let word = std::str::from_utf8(&head).ok()?;
    let (_, command) = WORDS.iter().find(|(known, _)| *known == word)?;
    if !shared.config.words.allows(word) {
        return Some(format!("{word} is not executed because it is not in the whitelist.\n").into_bytes());
    }
    Some(command(shared).into_bytes())
}

/// The text of a word, whitelisted or not; `None` for what is no word.
pub fn text(word: &str, shared: &Shared) -> Option<String> {
    let (_, command) = WORDS.iter().find(|(known, _)| *known == word)?;
    Some(command(shared))
}

fn summary(shared: &Shared) -> String {
    let (stats, tree) = (shared.stats.snapshot_of(), admin::tree(shared));
    let mut out = String::new();
    let (min, avg, max) = (stats.latency_ms_min, admin::decimal(stats.latency_ms_avg), stats.latency_ms_max);
    let _ = writeln!(out, "Latency min/avg/max: {min}/{avg}/{max}");
    let _ = writeln!(out, "Received: {}\nSent: {}", stats.packets_received, stats.packets_sent);
    let _ = writeln!(out, "Connections: {}\nOutstanding: {}", shared.conns.lock().len(), tree.outstanding);
    let _ = writeln!(out, "Zxid: {}\nMode: standalone\nNode count: {}", tree.zxid, tree.nodes);
    out
}

fn srvr(shared: &Shared) -> String {
    format!("Zookeeper version: {}\n{}", admin::VERSION, summary(shared))
}

fn stat(shared: &Shared) -> String {
    let mut out = format!("Zookeeper version: {}\nClients:\n", admin::VERSION);
    for outbox in shared.conns.lock().iter() {
        let (queued, received, sent) = outbox.counts();
        let _ = writeln!(out, " /{}[1](queued={queued},recved={received},sent={sent})", outbox.peer);
    }
    out.push('\n');
    out + &summary(shared)
}

fn mntr(shared: &Shared) -> String {
    let mut out = format!("zk_version\t{}\nzk_server_state\tstandalone\n", admin::VERSION);
    for (key, value) in admin::metrics(shared) {
        let _ = writeln!(out, "zk_{key}\t{value}");
    }
    out
}

fn conf(shared: &Shared) -> String {
    admin::configuration(shared).into_iter().fold(String::new(), |out, (key, value)| out + &format!("{key}={value}\n"))
}

fn cons(shared: &Shared) -> String {
    let mut out = String::new();
    for outbox in shared.conns.lock().iter() {
        let (queued, received, sent) = outbox.counts();
        let _ = write!(out, " /{}[1](queued={queued},recved={received},sent={sent}", outbox.peer);
        match outbox.session.load(Ordering::Relaxed) {
            0 => {}
            session => {
                let _ = write!(out, ",sid={session:#x}");
            }
        }
        out.push_str(")\n");
    }
    out.push('\n');
    out
}

fn dirs(shared: &Shared) -> String {
    let (data, log) = admin::folder_sizes(shared);
    format!("datadir_size: {data}\nlogdir_size: {log}\n")
}

fn envi(_: &Shared) -> String {
    let out = String::from("Environment:\n");
    admin::environment().into_iter().fold(out, |out, (key, value)| out + &format!("{key}={value}\n"))
}

fn wchs(shared: &Shared) -> String {
    let tree = admin::tree(shared);
    format!(
        "{} connections watching {} paths\nTotal watches:{}\n",
        tree.watching_connections, tree.watched_paths, tree.watches
    )
}

fn dump(shared: &Shared) -> String {
    let sessions = shared.keeper.with(keeper::Keeper::session_summaries);
    let mut out = format!("SessionTracker dump:\nSession Sets ({0})/({0}):\n", sessions.len());
    for session in &sessions {
        let _ = writeln!(out, "1 with a timeout of {} ms:\n\t{}", session.timeout_ms, session.id);
    }
    let owners: Vec<_> = sessions.iter().filter(|session| !session.ephemerals.is_empty()).collect();
    let _ = writeln!(out, "ephemeral nodes dump:\nSessions with Ephemerals ({}):", owners.len());
    for owner in owners {
        let _ = writeln!(out, "{}:", owner.id);
        for path in &owner.ephemerals {
            let _ = writeln!(out, "\t{path}");
        }
    }
    let conns = shared.conns.lock();
    let _ = writeln!(out, "Connections dump:\nConnections Sets ({0})/({0}):", conns.len());
    for outbox in conns.iter() {
        let _ = writeln!(out, "\tip: /{} sessionId: {:#x}", outbox.peer, outbox.session.load(Ordering::Relaxed));
    }
    out
}

fn crst(shared: &Shared) -> String {
    for outbox in shared.conns.lock().iter() {
        outbox.received.store(0, Ordering::Relaxed);
        outbox.sent.store(0, Ordering::Relaxed);
    }
    "Connection stats reset.\n".into()
}

fn srst(shared: &Shared) -> String {
    shared.stats.reset();
    "Server stats reset.\n".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whitelist_is_upstreams() {
        assert!(Whitelist::upstream().allows("srvr"));
        assert!(!Whitelist::upstream().allows("ruok"));
        assert_eq!(Whitelist::parse("stat, *"), Whitelist::All);
        let some = Whitelist::parse("stat, ruok");
        assert!(some.allows("ruok") && some.allows("stat") && !some.allows("mntr"));
    }
}
