//! Four-letter words: four ASCII bytes instead of a connect request, answered with text and the connection's end.
//!
//! Upstream: `server/command/*`, `FourLetterCommands`. The texts are read by monitoring tools, so they are upstream's
//! to the letter.

mod conf;
mod cons;
mod dump;
mod envi;
mod hash;
mod mntr;
mod srvr;
pub(super) mod trace_mask;
mod watches;

use std::collections::BTreeSet;

use super::Shared;
use super::outbox::Outbox;
use super::place;

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

/// A word: its text, and whether it is answered while the keeper does not serve.
struct Word {
    name: &'static str,
    always: bool,
    text: fn(&Shared) -> String,
}

const fn word(name: &'static str, text: fn(&Shared) -> String) -> Word {
    Word { name, always: false, text }
}

const fn always(name: &'static str, text: fn(&Shared) -> String) -> Word {
    Word { name, always: true, text }
}

const WORDS: &[Word] = &[
    word("conf", conf::text),
    word("cons", cons::text),
    word("crst", cons::reset),
    word("dirs", conf::sizes),
    word("dump", dump::text),
    always("envi", envi::text),
    always("gtmk", trace_mask::get),
    word("hash", hash::text),
    always("isro", |shared| place::access(shared).into()),
    word("mntr", mntr::text),
    always("ruok", |_| "imok".into()),
    word("srst", srvr::reset),
    word("srvr", srvr::text),
    word("stat", srvr::with_clients),
    // With the mask behind it, see `Word::answer`.
    always("stmk", trace_mask::get),
    word("wchc", watches::by_session),
    word("wchp", watches::by_path),
    word("wchs", watches::summary),
];

/// The words, in alphabetical order.
pub fn words() -> impl Iterator<Item = &'static str> {
    WORDS.iter().map(|word| word.name)
}

/// The first bytes of a connection, seen as a word.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// They are no word.
    None,
    /// They are one that takes bytes behind it, which have not all come.
    Incomplete,
    /// They are one: its text.
    Text(Vec<u8>),
}

/// The answer to the first bytes of a connection, of which there are four at least. The word is counted before it is
/// answered, and its text behind it.
pub fn answer(input: &[u8], shared: &Shared, outbox: &Outbox) -> Answer {
    let head = input.first_chunk::<4>().and_then(|head| std::str::from_utf8(head).ok());
    let Some(word) = head.and_then(|head| WORDS.iter().find(|word| word.name == head)) else { return Answer::None };
    if word.name == trace_mask::SET && input.len() < 12 {
        return Answer::Incomplete;
    }
    outbox.received_word();
    tracing::debug!("answering {}", word.name);
    let text = word.answer(&input[4..], shared);
    outbox.sent_word();
    Answer::Text(text.into_bytes())
}

impl Word {
    fn answer(&self, behind: &[u8], shared: &Shared) -> String {
        let name = self.name;
        if !shared.config.words.allows(name) {
            return format!("{name} is not executed because it is not in the whitelist.\n");
        }
        if !self.always && !shared.serving() {
            return format!("{}\n", super::admin::NOT_SERVING);
        }
        match behind.first_chunk::<8>() {
            Some(mask) if name == trace_mask::SET => trace_mask::set(i64::from_be_bytes(*mask), shared),
            _ => (self.text)(shared),
        }
    }
}

/// The text of a word, whitelisted or not; `None` for what is no word.
pub fn text(name: &str, shared: &Shared) -> Option<String> {
    let word = WORDS.iter().find(|word| word.name == name)?;
    Some((word.text)(shared))
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
